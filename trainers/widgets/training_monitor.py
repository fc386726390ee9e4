"""`TrainingMonitor`: watch a training run, pause, step and stop it, rewind it, branch off from it."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from trainers.benchmark import benchmark
from trainers.figure import Figure
from trainers.history import Epoch, History
from trainers.loss_curve import plot_histories, plot_history
from trainers.model_state import ModelState
from trainers.result import Result
from trainers.run import Run
from trainers.trainer import Trainer
from trainers.widgets.chart import Chart, row_data, run_data
from trainers.widgets.kernel import answer_while_busy, bundle, buttons_answer, in_notebook
from trainers.widgets.page import write_page
from trainers.widgets.rewind import Rebuilt, Rewind
from trainers.widgets.run_control import RunControl
from trainers.widgets.toolbar import Toolbar
from trainers.widgets.weakly import weakly
from trainers.widgets.words import duration, in_words, outcome

# Seconds between two messages to the page while a run goes on.
INTERVAL = 0.25
# The share of the time that showing the live model's reconstructions may take.
LIVE_SHARE = 0.0025
# An exported page holds the reconstructions of so many epochs at most.
MOST_REWINDS = 200


class TrainingMonitor:
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
    trainer : Trainer or None
        That of the latest run.

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
        self.histories: dict[str, History] = {}
        self.trainer: Trainer | None = None
        self._run: Run | None = None
        self._callbacks: Sequence[Any] = ()
        self._branch_at: int | None = None
        self._pending: list[Epoch] = []
        self._sent_at = self._live_at = self._epoch_began = 0.0
        self._durations: deque[float] = deque(maxlen=10)
        self._batches = 0
        # Whether the loop itself waits: a pause asked for begins with the end of a batch.
        self._waits = False
        self._end_text = ""
        self._asked = 0
        self.control = RunControl(weakly(self._control_changed))
        self._chart: Chart | None = None
        self._toolbar: Toolbar | None = None

    # ------------------------------------------------------------------ for the driver

    def begin(self, run: Run) -> None:
        """Called by the run before its first epoch."""
        self._run, self.trainer, self._callbacks = run, run.trainer, run.callbacks
        trainer = run.trainer
        if not any(history is trainer.history for history in self.histories.values()):
            self._rewind.forget()
            self._keep_history(trainer.history)
        self._rewind.watch(trainer.model)
        self._end_text, self._branch_at = "", None
        self._durations.clear()
        self.control.reset("paused" if self._start_paused and not len(trainer.history) else "running")
        self._hook_before, trainer.between_batches = trainer.between_batches, self._between_batches
        if in_notebook():
            from IPython.display import display

            self._build()
            display(self)
        if self._toolbar is not None:
            self._toolbar.enable(True)
        self._show_all()
        self._obey()
        self._epoch_began = time.perf_counter()

    def __call__(self, row: Epoch, state: ModelState) -> None:
        """Called by the run after each epoch."""
        assert self.trainer is not None
        self._rewind.add(row, state)
        self._durations.append(time.perf_counter() - self._epoch_began)
        self._pending.append(row)
        self._batches = 0
        self.control.epoch_ended()
        self._flush(force=self.control.state != "running")
        if self._branch_at is not None:
            self._branch_now()
        self._obey()
        self._epoch_began = time.perf_counter()

    def end(self, run: Run) -> None:
        """Called by the run when its model is finalized."""
        run.trainer.between_batches = self._hook_before
        self._run = None
        if self._toolbar is not None:
            self._toolbar.enable(False)
        reason = "" if run.stopped is None else f"ended before its {run.planned_epochs} epochs ({run.stopped}): "
        self._end_text = reason + outcome(self.history)
        self._flush(force=True)
        figure = self.figure
        if in_notebook():
            from IPython.display import display

            display(figure)
        # In a terminal, the progress line is not ended yet.
        print("\n" * sys.stdout.isatty() + figure.alt)

    # ------------------------------------------------------------------ for the user

    @property
    def history(self) -> History:
        """That of the latest run or branch."""
        if not self.histories:
            msg = "this monitor has watched no run yet. Pass it on: benchmark(…, callbacks=[monitor])."
            raise RuntimeError(msg)
        return next(reversed(self.histories.values()))

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
            If no run was watched yet, or one is going on.
        """
        if self.trainer is None or self._run is not None:
            state = "goes on: raise its planned epochs" if self._run is not None else "was watched yet"
            msg = f"more({epochs}) needs a run that has ended; {'one' if self._run is not None else 'none'} {state}."
            raise RuntimeError(msg)
        if self._branch_at is not None:
            self.trainer.check_resume()
            self._branch_now()
        return benchmark(self.trainer, epochs=epochs, resume=True, callbacks=self._callbacks)

    def branch(self, epoch: int) -> None:
        """Start a new run from the weights that an epoch had reached before any swap.

        Its best is that of the epochs up to there, Adam's moments are fresh. While a run goes on,
        it branches at the end of the present epoch; after its end, with the next call of `more`.

        Parameters
        ----------
        epoch : int
            Of the latest run. If its model was dropped to save memory, the nearest kept one.

        Raises
        ------
        RuntimeError, ValueError
            If no epoch was trained yet, or the number is none.
        """
        if not len(self.history):
            msg = "branch needs an epoch to start from; none was trained yet."
            raise RuntimeError(msg)
        if isinstance(epoch, bool) or not isinstance(epoch, int) or not 1 <= epoch <= len(self.history):
            msg = f"epoch takes a whole number from 1 to {len(self.history)}; got {epoch!r}."
            raise ValueError(msg)
        self._branch_at = self._rewind.nearest(epoch)
        self._show_state()

    def rewind(self, epoch: int) -> Rebuilt | None:
        """Show an epoch, and return what its model made of each example's first feature.

        None without examples; None in place of a value that is not finite. Where the epoch's model
        was dropped to save memory, the nearest kept one is taken.
        """
        rebuilt = self._rewind.rebuilt(epoch)
        if self._chart is not None:
            self._chart.rewind(epoch, rebuilt)
        return rebuilt

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page of one file: the curves, a slider over the epochs, the reconstructions.

        It needs neither a kernel nor a network. Of long runs it holds the reconstructions of 200
        epochs at most, the best and restored ones first.

        Parameters
        ----------
        path : path
            Where to; an existing file is replaced.
        """
        data = self._data()
        data["state"] = {"text": outcome(self.history)}
        rewinds = {epoch: self._rewind.rebuilt(epoch) for epoch in self._rewind.choose(MOST_REWINDS)}
        if any(rebuilt is not None for rebuilt in rewinds.values()):
            data["rewinds"] = rewinds
        write_page(path, f"Training of {self.history.name}", data)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self._build()
        assert self._toolbar is not None
        return bundle(self._toolbar.box, repr(self)), {}

    def __repr__(self) -> str:
        return f"<TrainingMonitor of {', '.join(self.histories) or 'no run yet'}>"

    # ------------------------------------------------------------------ inside

    def _build(self) -> None:
        """Make the widgets, once."""
        if self._chart is not None:
            return
        self._chart = Chart(self._data())
        self._chart.on_seen = self.control.seen
        self._toolbar = Toolbar(self._chart, self.control)
        self._chart.on_select = self._toolbar.select
        self._toolbar.on_rewind = weakly(self._answer_rewind)
        self._toolbar.on_branch = weakly(self._answer_branch)
        self._toolbar.on_plan = weakly(self._plan)
        answer_while_busy(self._toolbar.box)
        self._toolbar.show_control()
        self._toolbar.enable(self._run is not None)

    def _keep_history(self, history: History) -> None:
        name, number = history.name, 2
        while name in self.histories:
            name, number = f"{history.name} ({number})", number + 1
        self.histories[name] = history

    def _between_batches(self) -> None:
        if self._hook_before is not None:
            self._hook_before()
        self._batches += 1
        self._obey()
        if time.perf_counter() - self._sent_at > INTERVAL:
            self._flush()
        if self.control.state == "stopping":
            self.control.obey()

    def _obey(self) -> None:
        """Wait while paused; a stop asked for between two epochs ends the run there."""
        if self.control.state == "paused":
            self._waits = True
            self._flush(force=True)
            before = self.control.waited
            try:
                self.control.wait()
            finally:
                self._waits = False
            # A pause is no part of the epoch's duration.
            self._epoch_began += self.control.waited - before
        # The page's messages come on another thread; it waits for its turn only while somebody asked.
        deadline = time.perf_counter() + 0.5
        while self._asked and time.perf_counter() < deadline:
            time.sleep(0.001)
        if self.control.state == "stopping" and self._run is not None and not self._batches:
            self._run.stop("stopped by hand")

    def _answer_rewind(self, epoch: int) -> None:
        self._asked += 1
        try:
            self.rewind(epoch)
        finally:
            self._asked -= 1

    def _answer_branch(self, epoch: int) -> None:
        if self.histories and len(self.history):
            self.branch(epoch)

    def _plan(self, epochs: int) -> None:
        if self._run is not None:
            self._run.plan(epochs)
        self._show_state()

    def _branch_now(self) -> None:
        assert self.trainer is not None
        assert self._branch_at is not None
        epoch, self._branch_at = self._branch_at, None
        self._flush(force=True)
        history = self.trainer.branch(epoch, *self._rewind.states(epoch, self.history[epoch - 1].best_epoch))
        self._rewind.branch(epoch, history[-1])
        self._keep_history(history)
        self._show_all()

    def _control_changed(self) -> None:
        if self._toolbar is not None:
            self._toolbar.show_control()
        self._show_state()

    # ------------------------------------------------------------------ what the page is sent

    def _data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"runs": [run_data(history, name) for name, history in self.histories.items()]}
        if not data["runs"]:
            data["runs"] = [{"name": "", "note": "", "rows": []}]
        return {**data, "examples": self._rewind.examples_data(), **self._more()}

    def _more(self) -> dict[str, Any]:
        planned = self._run.planned_epochs if self._run is not None else None
        return {"planned": planned or self._longest(), "state": self._state(), "alt": in_words(self.histories)}

    def _longest(self) -> int:
        return max((len(history) for history in self.histories.values()), default=0)

    def _state(self) -> dict[str, Any]:
        run = self._run
        if run is None:
            return {"text": " ".join(filter(None, [self._end_text or "no run yet", self._branch_text()]))}
        done, planned = len(run.trainer.history), run.planned_epochs
        state = "pausing" if self.control.state == "paused" and not self._waits else self.control.state
        text = f"{state}, epoch {min(done + 1, planned)} of {planned}"
        if state == "paused":
            text += " (between two epochs)" if not self._batches else f" (after batch {self._batches - 1})"
        elif self._batches:
            text += f", batch {self._batches}"
        if self.control.abandoned:
            text += "; no page showed the pause, so the run went on"
        if not buttons_answer():
            text += "; here buttons answer only when the cell has ended: use ■ or Ctrl-C to stop"
        text = "; ".join(filter(None, [text, self._branch_text(), self._rewind.note]))
        left = ""
        if self._durations and planned > done:
            seconds = (planned - done) * sum(self._durations) / len(self._durations)
            left = f"about {duration(seconds)} left"
        return {"text": text, "done": done / planned, "left": left}

    def _branch_text(self) -> str:
        if self._branch_at is None:
            return ""
        when = "at the end of this epoch" if self._run is not None else "with monitor.more(n)"
        return f"a new run branches off from epoch {self._branch_at} {when}"

    def _flush(self, *, force: bool = False) -> None:
        """Send what has happened since the last time, if that is long enough ago."""
        now = time.perf_counter()
        if self._chart is None or self._toolbar is None:
            self._pending.clear()
            return
        if not force and now - self._sent_at < INTERVAL:
            return
        self._sent_at = now
        rows, self._pending = self._pending, []
        more = self._more()
        self._chart.add([row_data(row) for row in rows], **more)
        self._toolbar.show_progress(len(self.history), more["planned"])
        if rows and self._toolbar.follows and (force or now >= self._live_at):
            self._toolbar.follow(len(self.history))
            begun = time.perf_counter()
            self.rewind(len(self.history))
            self._live_at = time.perf_counter() + (time.perf_counter() - begun) / LIVE_SHARE

    def _show_state(self) -> None:
        if self._chart is not None:
            self._chart.change(**self._more())

    def _show_all(self) -> None:
        self._pending.clear()
        if self._chart is not None and self._toolbar is not None:
            self._chart.show(self._data())
            self._toolbar.show_progress(len(self.history), self._more()["planned"])
            if len(self.history):
                self._toolbar.follow(len(self.history))
