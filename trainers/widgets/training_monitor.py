"""`TrainingMonitor`: watch a training run, pause, step and stop it, rewind it, branch off from it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import Any

import IPython.display
import numpy as np

from trainers.checks import as_count
from trainers.console import in_terminal, say
from trainers.history import Epoch, History
from trainers.plotting import Figure, plot_histories, plot_history
from trainers.torch_utils import ModelState
from trainers.trainer import StopTraining, Trainer
from trainers.training import Result, Run, benchmark, whole_epochs
from trainers.widgets.base import bundle, in_notebook, with_picture
from trainers.widgets.export import on_page, page_bundle
from trainers.widgets.live_view import LiveView, outcome
from trainers.widgets.snapshots import Snapshots

# An exported page holds the reconstructions of so many epochs at most.
MOST_REWINDS = 200


class TrainingMonitor(LiveView):
    """A callback that shows a run while it goes on, and takes requests for it.

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

    A page written by `to_html` has the curves, a slider over the epochs and the reconstructions; of long runs those of
    200 epochs at most, the best and restored ones first.

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
    history : History
        That of the latest run or branch.

    Raises
    ------
    TypeError, ValueError
        If the examples are not sequences or too many, the titles do not fit, or the budget is invalid.

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

    def __init__(
        self,
        examples: Any = None,
        *,
        titles: Sequence[str] | None = None,
        budget: int = 256 * 2**20,
        start_paused: bool = False,
    ) -> None:
        super().__init__(Snapshots(budget, examples, titles))
        self._start_paused = start_paused
        self._hook_before: Callable[[], None] | None = None

    # ------------------------------------------------------------------ for the driver

    def begin(self, run: Run) -> None:
        """Called by the run before its first epoch."""
        trainer = run.trainer
        if self._run is not None:
            raise RuntimeError("a monitor watches one run at a time, and this one watches one. Make another.")
        self._run = self._last = run
        # The user's own hook is called as well, and put back at the end.
        self._hook_before, trainer.between_batches = trainer.between_batches, self._between_batches
        if not self.histories or trainer.history is not self.history:
            self._take_up(trainer.history)
        self._snapshots.watch(trainer.model)
        # Requests for an earlier run are discarded.
        self._refused, self._end_text, self._waits = "", "", False
        self._requests.clear()
        self._durations.clear()
        self.control.reset("paused" if self._start_paused and not len(trainer.history) else "running")
        # On a page nothing can grow: there it is shown when the run has ended.
        if in_notebook() and not on_page():
            IPython.display.display(self)
        self._enable_buttons()
        self._show_all()
        self._follow_requests()
        self._epoch_began = time.perf_counter()

    def __call__(self, row: Epoch, state: ModelState) -> None:
        """Called by the run after each epoch."""
        assert self.trainer is not None
        history = self.trainer.history
        if history is not self.history:
            # Another callback has branched off.
            self._take_up(history)
            self._show_all()
        if len(history) >= row.epoch and history[row.epoch - 1] is row:
            self._snapshots.add(row, state)
        self._durations.append(time.perf_counter() - self._epoch_began)
        self._batches = 0
        # A step ends here; then do what is requested between two epochs.
        self.control.epoch_ended()
        self._send_if_due(force=self.control.state != "running")
        self._branch_off()
        self._follow_requests()
        self._epoch_began = time.perf_counter()

    def _between_batches(self) -> None:
        if self._hook_before is not None:
            self._hook_before()
        self._batches += 1
        self._send_if_due()
        self._follow_requests()

    def end(self, run: Run) -> None:
        """Called by the run when its model is finalized."""
        if run is not self._run:
            return
        run.trainer.between_batches, self._run, self._batches = self._hook_before, None, 0
        self._enable_buttons()
        reason = "" if run.stopped is None else f"ended before its {run.planned_epochs} epochs ({run.stopped}): "
        self._end_text = reason + outcome(self.history)
        self.control.reset()
        self._show_all()
        self._show_requested_epoch()
        figure = self.figure
        if in_notebook():
            IPython.display.display(self if on_page() else figure)
        # In a terminal, the progress line is not ended yet.
        say("\n" * in_terminal() + figure.alt)

    def _take_up(self, history: History) -> None:
        """Watch another history than the latest: the models kept are not its own."""
        self._snapshots.cut(0)
        if self._box is not None:
            # Show no past epoch, and follow the latest one.
            self._chart.rewound, self._follows = None, True
        self._add(history)

    def _add(self, history: History) -> None:
        """Make a history the latest, under a name that no other has."""
        names = (f"{history.name} ({number})" if number > 1 else history.name for number in itertools.count(1))
        name = next(name for name in names if self.histories.get(name, history) is history)
        self.histories[name] = self.histories.pop(name, history)

    # ------------------------------------------------------------------ for the user

    @property
    def trainer(self) -> Trainer | None:
        """That of the latest run; None if none was watched."""
        return None if self._last is None else self._last.trainer

    @property
    def figure(self) -> Figure:
        """A static picture of all runs; `savefig` writes it as PNG or SVG."""
        return plot_histories(self.histories) if len(self.histories) > 1 else plot_history(self.history)

    def more(self, epochs: int) -> Result:
        """Go on with the latest run for some more epochs, or with the branch that was asked for.

        Raises
        ------
        RuntimeError
            If no run was watched yet, one is going on, or the trainer has begun another since.
        TypeError, ValueError
            If `epochs` is invalid, or the trainer cannot go on (see `BatchedTrainer.check_resume`).
        """
        last = self._last
        if last is None or self._run is not None:
            state = "none was watched yet" if last is None else "one goes on: raise its planned epochs"
            raise RuntimeError(f"more({epochs}) needs a run that has ended; {state}.")
        if last.trainer.history is not self.history:
            raise RuntimeError(f"{self.history.name!r} cannot go on: its trainer has begun another run since.")
        epochs = whole_epochs(epochs)
        if "branch" in self._requests and self._requests["branch"][0] == len(self.history):
            # The branch is as long as the run: what forbids to go on with this forbids it for that.
            last.trainer.check_resume()
        self._branch_off()
        return benchmark(last.trainer, epochs=epochs, resume=True, callbacks=last.callbacks)

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
            If no epoch was trained yet, there is no such epoch, or the best model up to there was
            reached before the monitor watched.
        """
        with self._turn:
            self._check_epoch(epoch, "branch")
            # The states themselves: the snapshots may be dropped before the request is served.
            self._requests["branch"], self._refused = self._snapshots.states(epoch), ""
        self._show_state()

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
            If no epoch was trained yet, or there is no such epoch.
        """
        self._check_epoch(epoch, "rewind")
        return self._show_epoch(epoch, move=True)

    def _check_epoch(self, epoch: Any, what: str) -> None:
        if not len(self.history):
            raise RuntimeError(f"{what} needs an epoch; none was trained yet.")
        as_count(epoch, "epoch", "one of the latest run's", most=len(self.history))

    # ------------------------------------------------------------------ requests of the page

    def _answer(self, request: str, number: int) -> None:
        """Take a request on the page's own thread, to be done by the loop where one goes on, or refuse it."""
        run = self._run
        try:
            if request == "branch":
                self.branch(number)
            elif request == "plan" and run is not None:
                run.plan(number)
                self._refused = ""
                self._show_state()
                self._show_progress()
            elif request == "rewind":
                # A trainer may draw from PyTorch's one random state: while a run goes on, only the loop runs a model.
                self._requests["rewind"] = number
                # Checked after the request is made: a run that ends just now serves it at its end.
                self.control.nudge() if self._run is not None else self._show_requested_epoch()
        except (RuntimeError, ValueError) as error:
            self._refused = f"⚠ {error}"
            self._show_state()

    def _show_requested_epoch(self) -> None:
        """Show the epoch that the slider was moved to."""
        epoch = self._requests.pop("rewind", None)
        if epoch is not None:
            self._show_epoch(epoch)

    def _follow_requests(self) -> None:
        """Do what the page asked for, wait while paused, end the run if it is to stop."""
        control = self.control
        self._show_requested_epoch()
        if control.state == "paused":
            self._waits = True
            self._send_if_due(force=True)
            # A pause is no part of the epoch's duration.
            self._epoch_began += control.wait(self._show_requested_epoch)
            self._waits = False
            self._branch_off()
        if control.state == "stopping" and self._run is not None:
            if self._batches:
                # In mid-epoch: the trainer undoes the epoch.
                raise StopTraining("stopped by hand")
            self._run.stop("stopped by hand")

    def _branch_off(self) -> None:
        """Let the trainer go on, with a history of its own, from the epoch that was asked for, if one was.

        Not in mid-epoch; and a run that is to stop leaves the branch to `more`.
        """
        stopping = self._run is not None and self.control.state == "stopping"
        if "branch" not in self._requests or self._last is None or self._batches or stopping:
            return
        self._send_if_due(force=True)
        # No other branch may be asked for between the two histories.
        with self._turn:
            epoch, *states = self._requests.pop("branch")
            history = self._last.trainer.branch(epoch, *states)
            self._snapshots.cut(epoch, history[-1])
            self._add(history)
        self._show_all()

    # ------------------------------------------------------------------ as a page, a picture, a copy

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        data = self._data()
        if self.histories:
            data["state"] = {"text": outcome(self.history)}
        rewinds = {epoch: self._snapshots.reconstruction(epoch)[1] for epoch in self._snapshots.choose(MOST_REWINDS)}
        found = {
            epoch: self._snapshots.for_page(reconstruction)
            for epoch, reconstruction in rewinds.items()
            if reconstruction is not None
        }
        if found:
            data["rewinds"] = found
        return "" if light else f"Training of {self.history.name}", data

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if page := page_bundle(self):
            return page, {}
        shown = bundle(self._build(), repr(self))
        # For where no kernel runs.
        return with_picture(shown, {}, self.figure) if self._run is None and self.histories else (shown, {})

    def __reduce__(self) -> tuple[Any, ...]:
        # Locks, widgets and models of past epochs stay here: a copied or stored monitor has the histories.
        return TrainingMonitor, (), dict(self.histories)

    def __setstate__(self, histories: dict[str, History]) -> None:
        self.histories.update(histories)

    def __repr__(self) -> str:
        return f"<TrainingMonitor of {', '.join(self.histories) or 'no run yet'}>"
