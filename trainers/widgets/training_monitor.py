"""`TrainingMonitor`: watch a training run, pause, step and stop it, rewind it, branch off from it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from trainers.benchmark import benchmark
from trainers.figure import Figure
from trainers.history import Epoch, History
from trainers.loss_curve import plot_histories, plot_history
from trainers.model_state import ModelState
from trainers.result import Result
from trainers.run import Run, whole_epochs
from trainers.trainer import Trainer
from trainers.widgets.chart import Chart, row_data, run_data
from trainers.widgets.kernel import answer_while_busy, bundle, buttons_answer, in_notebook
from trainers.widgets.page import write_page
from trainers.widgets.rewind import Rewind
from trainers.widgets.run_control import RunControl
from trainers.widgets.toolbar import Toolbar
from trainers.widgets.weakly import weakly
from trainers.widgets.words import duration, in_words, outcome

# Seconds between two messages to the page while a run goes on.
INTERVAL = 0.5
# The share of the time that showing the live model's reconstructions may take.
LIVE_SHARE = 0.0015
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
        self._hooked = False
        self._hook_before: Callable[[], None] | None = None
        # An epoch to branch off from, its state and that of the best one up to there.
        self._branch: tuple[int, ModelState, ModelState] | None = None
        self._pending: list[Epoch] = []
        self._sent_at = self._live_at = self._epoch_began = 0.0
        self._durations: deque[float] = deque(maxlen=10)
        self._batches = 0
        self._end_text = self._refused = ""
        # The page's messages come on another thread; while a run goes on, they only leave word of what
        # is wanted, and the loop does it: a trainer may draw from PyTorch's one random state.
        self._turn = threading.RLock()
        self._waits = False
        self._wanted: int | None = None
        self.control = RunControl(weakly(self._control_changed))
        self._chart: Chart | None = None
        self._toolbar: Toolbar | None = None

    # ------------------------------------------------------------------ for the driver

    def begin(self, run: Run) -> None:
        """Called by the run before its first epoch."""
        if self._run is not None:
            msg = "a monitor watches one run at a time, and this one watches one. Make another, or pass it once."
            raise RuntimeError(msg)
        self._run, self.trainer, self._callbacks = run, run.trainer, run.callbacks
        trainer = run.trainer
        known = [name for name, history in self.histories.items() if history is trainer.history]
        if not known:
            self._forget()
            self._keep_history(trainer.history)
        elif trainer.history is not self.history:
            # An older run goes on: it is the latest now, and the models kept are another's.
            self._forget()
            self.histories[known[0]] = self.histories.pop(known[0])
        self._rewind.watch(trainer.model)
        self._end_text, self._refused, self._branch, self._wanted = "", "", None, None
        self._batches = 0
        self._durations.clear()
        self.control.reset("paused" if self._start_paused and not len(trainer.history) else "running")
        self._hook_before, trainer.between_batches = trainer.between_batches, self._between_batches
        self._hooked = True
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
        history = self.trainer.history
        if history is not self.history:
            # Somebody else has branched off: what is kept is another run's.
            self._forget()
            self._keep_history(history)
            self._show_all()
        if len(history) >= row.epoch and history[row.epoch - 1] is row:
            self._rewind.add(row, state)
            self._pending.append(row)
        self._durations.append(time.perf_counter() - self._epoch_began)
        self._batches = 0
        self.control.epoch_ended()
        self._flush(force=self.control.state != "running")
        if self._branch is not None and self.control.state != "stopping":
            self._branch_off()
        self._obey()
        self._epoch_began = time.perf_counter()

    def end(self, run: Run) -> None:
        """Called by the run when its model is finalized."""
        if run is not self._run:
            return
        if self._hooked:
            run.trainer.between_batches, self._hooked = self._hook_before, False
        with self._turn:
            self._run = None
        if self._toolbar is not None:
            self._toolbar.enable(False)
        reason = "" if run.stopped is None else f"ended before its {run.planned_epochs} epochs ({run.stopped}): "
        self._end_text = "; ".join(filter(None, [reason + outcome(self.history), self._rewind.note]))
        self.control.reset()
        self._show_all()
        self._serve()
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
            If no run was watched yet, one is going on, or the trainer has begun another since.
        TypeError, ValueError
            If that is no number of epochs, or the trainer cannot go on (see `BatchedTrainer.check_resume`).
        """
        if self.trainer is None or self._run is not None:
            state = "goes on: raise its planned epochs" if self._run is not None else "was watched yet"
            msg = f"more({epochs}) needs a run that has ended; {'one' if self._run is not None else 'none'} {state}."
            raise RuntimeError(msg)
        if self.trainer.history is not self.history:
            msg = (
                f"more({epochs}) cannot go on with {self.history.name!r}: its trainer has begun another run since. "
                "Go on with that one: benchmark(trainer, epochs=…, resume=True, callbacks=[monitor])."
            )
            raise RuntimeError(msg)
        epochs = whole_epochs(epochs)
        if self._branch is not None:
            if self._branch[0] == len(self.history):
                # The branch is as long as the run: what forbids to go on with this forbids it for that.
                self.trainer.check_resume()
            self._branch_off()
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
        with self._turn:
            self._check_epoch(epoch, "branch")
            self._branch, self._refused = self._rewind.states(epoch), ""
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
            If no epoch was trained yet, or the number is none.
        """
        self._check_epoch(epoch, "rewind")
        if self._toolbar is not None:
            self._toolbar.point(epoch)
        return self._show_epoch(epoch)

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
        rewinds = {epoch: self._rewind.rebuilt(epoch)[1] for epoch in self._rewind.choose(MOST_REWINDS)}
        found = {epoch: self._rewind.for_page(rebuilt) for epoch, rebuilt in rewinds.items() if rebuilt is not None}
        if found:
            data["rewinds"] = found
        write_page(path, f"Training of {self.history.name}", data)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        self._build()
        assert self._toolbar is not None
        shown: dict[str, Any] = bundle(self._toolbar.box, repr(self))
        about: dict[str, Any] = {}
        if self._run is None and self.histories:
            # For where no kernel runs.
            picture, about = self.figure._repr_mimebundle_()
            shown["image/png"] = picture["image/png"]
        return shown, about

    def __deepcopy__(self, memo: dict[int, Any]) -> TrainingMonitor:
        # A trainer copied in mid-run, for a checkpoint, holds its hook; locks and widgets have no copies.
        return self

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
        self._toolbar.on_plan = weakly(self._answer_plan)
        answer_while_busy(self._toolbar.box)
        self._toolbar.show_control()
        self._toolbar.enable(self._run is not None)
        if self.histories:
            self._toolbar.show_progress(len(self.history), self._planned())

    def _forget(self) -> None:
        self._rewind.forget()
        if self._chart is not None and self._toolbar is not None:
            self._chart.rewound, self._toolbar.follows = None, True

    def _keep_history(self, history: History) -> None:
        name, number = history.name, 2
        while name in self.histories:
            name, number = f"{history.name} ({number})", number + 1
        self.histories[name] = history

    def _check_epoch(self, epoch: Any, what: str) -> None:
        if not len(self.history):
            msg = f"{what} needs an epoch; none was trained yet."
            raise RuntimeError(msg)
        if isinstance(epoch, bool) or not isinstance(epoch, int) or not 1 <= epoch <= len(self.history):
            msg = f"epoch takes a whole number from 1 to {len(self.history)}; got {epoch!r}."
            raise ValueError(msg)

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
        """Do what the page asked for, wait while paused; a stop between two epochs ends the run there."""
        self._serve()
        if self.control.state == "paused":
            self._waits = True
            self._flush(force=True)
            before = self.control.waited
            try:
                self.control.wait(self._serve)
            finally:
                self._waits = False
            # A pause is no part of the epoch's duration.
            self._epoch_began += self.control.waited - before
            if self._branch is not None and not self._batches and self.control.state != "stopping":
                self._branch_off()
        if self.control.state == "stopping" and self._run is not None and not self._batches:
            self._run.stop("stopped by hand")

    def _serve(self) -> None:
        """Show the epoch that the slider was moved to."""
        with self._turn:
            wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._show_epoch(wanted)

    def _branch_off(self) -> None:
        assert self.trainer is not None
        assert self._branch is not None
        self._flush(force=True)
        # No other branch may be asked for between the two histories.
        with self._turn:
            (epoch, *states), self._branch = self._branch, None
            history = self.trainer.branch(epoch, *states)
            self._rewind.branch(epoch, history[-1])
            self._keep_history(history)
        self._show_all()

    # ------------------------------------------------------------------ what the page asks for

    def _answer_rewind(self, epoch: int) -> None:
        with self._turn:
            self._wanted = epoch
            ended = self._run is None
        if ended:
            self._serve()
        else:
            self.control.nudge()

    def _answer_branch(self, epoch: int) -> None:
        try:
            self.branch(epoch)
        except (RuntimeError, ValueError) as error:
            self._refuse(error)

    def _answer_plan(self, epochs: int) -> None:
        if self._run is None:
            return
        try:
            self._run.plan(epochs)
        except ValueError as error:
            self._refuse(error)
        else:
            self._refused = ""
        self._show_state()
        if self._toolbar is not None:
            self._toolbar.show_progress(len(self.history), self._planned())

    def _refuse(self, error: Exception) -> None:
        self._refused = f"⚠ {error}"
        self._show_state()

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
        return {"planned": self._planned(), "state": self._state(), "alt": in_words(self.histories)}

    def _planned(self) -> int:
        if self._run is not None:
            return self._run.planned_epochs
        return max((len(history) for history in self.histories.values()), default=0)

    def _state(self) -> dict[str, Any]:
        run = self._run
        if run is None:
            texts = [self._end_text or "no run yet", self._branch_text(), self._refused]
            return {"text": "; ".join(filter(None, texts))}
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
        text = "; ".join(filter(None, [text, self._branch_text(), self._refused, self._rewind.note]))
        left = ""
        if self._durations and planned > done:
            seconds = (planned - done) * sum(self._durations) / len(self._durations)
            left = f"about {duration(seconds)} left"
        return {"text": text, "done": done / planned, "left": left}

    def _branch_text(self) -> str:
        branch = self._branch
        if branch is None:
            return ""
        when = "with monitor.more(n)"
        if self._run is not None:
            when = "when it goes on" if self._waits and not self._batches else "at the end of this epoch"
        return f"a new run, its moments fresh, branches off from epoch {branch[0]} {when}"

    def _show_epoch(self, epoch: int) -> np.ndarray | None:
        """Mark an epoch, and show what its model made of the examples."""
        kept, rebuilt = self._rewind.rebuilt(epoch)
        if self._chart is not None:
            self._chart.rewind(epoch, kept, None if rebuilt is None else self._rewind.for_page(rebuilt))
        return rebuilt

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
        self._follow(at_once=force)

    def _follow(self, *, at_once: bool) -> None:
        """Where the slider stood at the latest epoch, let it and the reconstructions go along."""
        assert self._chart is not None
        assert self._toolbar is not None
        latest, shown = len(self.history), self._chart.rewound and self._chart.rewound["epoch"]
        if not latest or latest == shown or not self._toolbar.follows:
            return
        if at_once or time.perf_counter() >= self._live_at:
            self._toolbar.point(latest)
            begun = time.perf_counter()
            self._show_epoch(latest)
            self._live_at = time.perf_counter() + (time.perf_counter() - begun) / LIVE_SHARE

    def _show_state(self) -> None:
        if self._chart is not None:
            self._chart.change(**self._more())

    def _show_all(self) -> None:
        """All anew, whatever the page may have missed."""
        self._pending.clear()
        if self._chart is None or self._toolbar is None:
            return
        marked = self._chart.rewound
        if marked is not None and marked["epoch"] > len(self.history):
            self._chart.rewound = None
        self._chart.show(self._data())
        self._toolbar.show_progress(len(self.history), self._planned())
        self._follow(at_once=True)
