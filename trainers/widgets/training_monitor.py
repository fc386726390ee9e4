"""`TrainingMonitor`: watch a training run, pause, step and stop it, rewind it, branch off from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trainers.benchmark import benchmark
from trainers.console import in_terminal, say
from trainers.figure import Figure
from trainers.history import Epoch, History
from trainers.loss_curve import plot_histories, plot_history
from trainers.model_state import ModelState
from trainers.result import Result
from trainers.run import Run, whole_epochs
from trainers.trainer import Trainer
from trainers.widgets.base import bundle, in_notebook, weakly
from trainers.widgets.chart import FILES
from trainers.widgets.export import Exported, on_page, or_page
from trainers.widgets.live_view import LiveView
from trainers.widgets.orders import Orders
from trainers.widgets.rewind import Rewind
from trainers.widgets.run_control import RunControl
from trainers.widgets.watched_runs import WatchedRuns
from trainers.widgets.words import outcome

# An exported page holds the reconstructions of so many epochs at most.
MOST_REWINDS = 200


class TrainingMonitor(Exported):
    """A callback that shows a run while it goes on, and takes orders for it.

    Give it to `benchmark` or `Run` among the callbacks. In a notebook it appears below the cell:
    both losses, the best epoch, a mark at each epoch after which history restore fired, with a
    line back to the epoch it went back to; buttons to pause, step and stop; a slider that rewinds
    to any epoch and shows what the model of that epoch, *before* a swap, made of the examples.
    When the run has ended, a static picture stays beside it. In a script it prints one sentence.
    The training is the same to the last bit with and without it.

    Stopping in mid-epoch undoes that epoch, where the trainer can (`BatchedTrainer` does); the
    notebook's own stop button and Ctrl-C do the same. A paused run that no page has shown for five
    minutes goes on. A page that is loaded again while the cell trains shows the run when the cell
    has ended, since Jupyter asks the busy kernel for it; the notebook's stop button works meanwhile.

    Parameters
    ----------
    examples : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        At most 12 sequences to reconstruct, such as a few normal and abnormal ones.
    titles : sequence of str, optional
        One for each example. Default: the class names of a labelled data set.
    budget : int, default 256 * 2**20
        Bytes of memory for the models of past epochs; see `Snapshots` for what is dropped.
    start_paused : bool, default False
        Wait before the first epoch until resume or step is pressed. Without a page to press it
        in, the run begins after 15 seconds.

    Attributes
    ----------
    histories : dict of History
        By name: each run that was watched, and each branch.

    Raises
    ------
    TypeError, ValueError
        If the examples are no sequences or too many, the titles do not fit, or the budget is none.

    Examples
    --------
    >>> import torch
    >>> from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
    >>> from trainers.widgets import TrainingMonitor
    >>> beats = torch.sin(torch.linspace(0, 6.28, 20)).repeat(40, 1)
    >>> monitor = TrainingMonitor(beats[:2])
    >>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), "cpu", name="short")
    >>> result = benchmark(trainer, beats[:30], beats[30:], epochs=3, callbacks=[monitor])  # doctest: +ELLIPSIS
    Training and validation loss of short over 3 epochs...
    >>> len(monitor.history)
    3
    """

    _files = FILES
    _key = "monitor"

    def __init__(
        self,
        examples: Any = None,
        *,
        titles: Sequence[str] | None = None,
        budget: int = 256 * 2**20,
        start_paused: bool = False,
    ) -> None:
        self._rewind = Rewind(examples, titles, budget)
        self._start_paused = start_paused
        self._runs = WatchedRuns()
        self.histories = self._runs.histories
        self._callbacks: Sequence[Any] = ()
        self._hooked = False
        self._hook_before: Callable[[], None] | None = None
        self.control = RunControl(weakly(self._control_changed))
        self._view = LiveView(self._runs, self._rewind, self.control)
        self._orders = Orders(self._runs, self._rewind, self.control, self._view)
        self._view.on_rewind = weakly(self._orders.answer_rewind)
        self._view.on_branch = weakly(self._orders.answer_branch)
        self._view.on_plan = weakly(self._orders.answer_plan)

    # ------------------------------------------------------------------ for the driver

    def begin(self, run: Run) -> None:
        """Called by the run before its first epoch."""
        if self._runs.run is not None:
            msg = "a monitor watches one run at a time, and this one watches one. Make another, or pass it once."
            raise RuntimeError(msg)
        runs, trainer = self._runs, run.trainer
        runs.run, runs.trainer, self._callbacks = run, trainer, run.callbacks
        known = [name for name, history in self.histories.items() if history is trainer.history]
        if not known:
            self._forget()
            runs.add(trainer.history)
        elif trainer.history is not self.history:
            # An older run goes on: it is the latest now, and the models kept are another's.
            self._forget()
            self.histories[known[0]] = self.histories.pop(known[0])
        self._rewind.watch(trainer.model)
        self._orders.drop()
        runs.end_text, runs.batches = "", 0
        runs.durations.clear()
        self.control.reset("paused" if self._start_paused and not len(trainer.history) else "running")
        self._hook_before, trainer.between_batches = trainer.between_batches, self._between_batches
        self._hooked = True
        # On a page nothing can grow: there it is shown when the run has ended.
        if in_notebook() and not on_page():
            from IPython.display import display

            self._view.build()
            display(self)
        self._view.enable_buttons()
        self._view.show_all()
        self._orders.obey()
        runs.epoch_began = time.perf_counter()

    def __call__(self, row: Epoch, state: ModelState) -> None:
        """Called by the run after each epoch."""
        assert self.trainer is not None
        history = self.trainer.history
        if history is not self.history:
            # Somebody else has branched off: what is kept is another run's.
            self._forget()
            self._runs.add(history)
            self._view.show_all()
        if len(history) >= row.epoch and history[row.epoch - 1] is row:
            self._rewind.add(row, state)
            self._view.add(row)
        self._runs.durations.append(time.perf_counter() - self._runs.epoch_began)
        self._runs.batches = 0
        self.control.epoch_ended()
        self._view.flush(force=self.control.state != "running")
        if self._runs.branch is not None and self.control.state != "stopping":
            self._orders.branch_off()
        self._orders.obey()
        self._runs.epoch_began = time.perf_counter()

    def _between_batches(self) -> None:
        if self._hook_before is not None:
            self._hook_before()
        self._runs.batches += 1
        self._orders.obey()
        self._view.flush()
        if self.control.state == "stopping":
            self.control.obey()

    def end(self, run: Run) -> None:
        """Called by the run when its model is finalized."""
        if run is not self._runs.run:
            return
        if self._hooked:
            run.trainer.between_batches, self._hooked = self._hook_before, False
        with self._runs.turn:
            self._runs.run = None
        self._view.enable_buttons()
        reason = "" if run.stopped is None else f"ended before its {run.planned_epochs} epochs ({run.stopped}): "
        self._runs.end_text = "; ".join(filter(None, [reason + outcome(self.history), self._rewind.note]))
        self.control.reset()
        self._view.show_all()
        self._orders.serve()
        figure = self.figure
        if in_notebook():
            from IPython.display import display

            display(self if on_page() else figure)
        # In a terminal, the progress line is not ended yet.
        say("\n" * in_terminal() + figure.alt)

    # ------------------------------------------------------------------ for the user

    @property
    def history(self) -> History:
        """That of the latest run or branch."""
        return self._runs.latest

    @property
    def trainer(self) -> Trainer | None:
        """That of the latest run; None if none was watched."""
        return self._runs.trainer

    @property
    def figure(self) -> Figure:
        """A static picture of all runs; `savefig` writes it as PNG or SVG."""
        history = self.history
        return plot_history(history) if len(self.histories) == 1 else plot_histories(self.histories)

    def more(self, epochs: int) -> Result:
        """Go on with the latest run for some more epochs, or with the branch that was asked for.

        Raises
        ------
        RuntimeError
            If no run was watched yet, one is going on, or the trainer has begun another since.
        TypeError, ValueError
            If that is no number of epochs, or the trainer cannot go on (see `BatchedTrainer.check_resume`).
        """
        if self.trainer is None or self._runs.run is not None:
            state = "goes on: raise its planned epochs" if self._runs.run is not None else "was watched yet"
            msg = (
                f"more({epochs}) needs a run that has ended; {'one' if self._runs.run is not None else 'none'} {state}."
            )
            raise RuntimeError(msg)
        if self.trainer.history is not self.history:
            msg = (
                f"more({epochs}) cannot go on with {self.history.name!r}: its trainer has begun another run since. "
                "Go on with that one: benchmark(trainer, epochs=…, resume=True, callbacks=[monitor])."
            )
            raise RuntimeError(msg)
        epochs = whole_epochs(epochs)
        if self._runs.branch is not None:
            if self._runs.branch[0] == len(self.history):
                # The branch is as long as the run: what forbids to go on with this forbids it for that.
                self.trainer.check_resume()
            self._orders.branch_off()
        return benchmark(self.trainer, epochs=epochs, resume=True, callbacks=self._callbacks)

    def branch(self, epoch: int) -> None:
        """Start a new run from the weights that an epoch had reached before any swap.

        Its best is that of the epochs up to there, Adam's moments are fresh. While a run goes on,
        it branches at the end of the present epoch; paused between two, when it goes on; after its
        end, with the next call of `more`.

        Parameters
        ----------
        epoch : int
            Of the latest run. If its model was dropped to save memory, the nearest kept one.

        Raises
        ------
        RuntimeError, ValueError
            If no epoch was trained yet, the number is none, or the best model up to there was
            reached before the monitor watched.
        """
        self._orders.branch(epoch)

    def rewind(self, epoch: int) -> np.ndarray | None:
        """Show an epoch, and return what its model, before any swap, made of the examples.

        Parameters
        ----------
        epoch : int
            Of the latest run. If its model was dropped to save memory, the nearest kept one.

        Returns
        -------
        numpy.ndarray, shape (n, time, feature), or None
            None without examples, or where the model cannot reconstruct them.

        Raises
        ------
        RuntimeError, ValueError
            If no epoch was trained yet, or the number is none.
        """
        self._runs.check_epoch(epoch, "rewind")
        self._view.point(epoch)
        return self._view.show_epoch(epoch)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        data = self._view.data()
        if self.histories:
            data["state"] = {"text": outcome(self.history)}
        rewinds = {epoch: self._rewind.rebuilt(epoch)[1] for epoch in self._rewind.choose(MOST_REWINDS)}
        found = {epoch: self._rewind.for_page(rebuilt) for epoch, rebuilt in rewinds.items() if rebuilt is not None}
        if found:
            data["rewinds"] = found
        return "" if light else f"Training of {self.history.name}", data

    @or_page
    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        shown: dict[str, Any] = bundle(self._view.build(), repr(self))
        about: dict[str, Any] = {}
        if self._runs.run is None and self.histories:
            # For where no kernel runs.
            picture, about = self.figure._repr_mimebundle_()
            shown["image/png"] = picture["image/png"]
        return shown, about

    def __reduce__(self) -> tuple[Any, ...]:
        # Locks, widgets and models of past epochs stay here: a copied or stored monitor has the histories.
        return TrainingMonitor, (), dict(self.histories)

    def __setstate__(self, histories: dict[str, History]) -> None:
        self.histories.update(histories)

    def __repr__(self) -> str:
        return f"<TrainingMonitor of {', '.join(self.histories) or 'no run yet'}>"

    # ------------------------------------------------------------------ inside

    def _forget(self) -> None:
        """The models kept are another run's."""
        self._rewind.forget()
        self._view.unmark()

    def _control_changed(self) -> None:
        self._view.show_control()
