"""`TrainingMonitor`: watch a training run, pause, step, stop and rewind it, and branch from it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import IPython.display
import numpy as np

from trainers.checks import as_count
from trainers.console import in_terminal, say
from trainers.history import Epoch, History
from trainers.plotting import Figure, mean_history, plot_histories, plot_history
from trainers.torch_utils import ModelState
from trainers.trainer import StopTraining, Trainer
from trainers.training import Result, Run, benchmark, whole_epochs
from trainers.widgets.base import display_picture, in_notebook
from trainers.widgets.chart import run_data
from trainers.widgets.export import on_page
from trainers.widgets.live_view import INTERVAL, LiveView, outcome
from trainers.widgets.run_comparison import RunComparison, histories_of, named_histories
from trainers.widgets.run_control import answer_waiting, on_interrupt, on_subshell
from trainers.widgets.snapshots import Snapshots

# Maximum number of epochs whose reconstructions an exported page holds.
MAX_REWINDS = 200


class TrainingMonitor(LiveView):
    """A callback that displays a training run while it is in progress, and lets you control it.

    Pass it to `benchmark` or `Run` as one of the callbacks. In a notebook, it is displayed below the cell. It shows the
    training and validation loss, the best epoch, and a mark at each epoch after which the best weights were restored,
    with a line to the epoch to which these weights belong. With buttons you can pause the run, train a single epoch, or
    stop the run. A slider rewinds to any epoch and shows how the model of that epoch, *before* a restore, reconstructs
    the examples. When the run has ended, a static picture is added, which is visible only in pages without a kernel.
    In a script, the monitor prints one sentence. Training is bit-for-bit identical with and without a monitor.

    - If you stop the run within an epoch, also with the notebook's stop button or Ctrl-C, `BatchedTrainer` discards
      that epoch, and so does any trainer that can be interrupted between batches.
    - If no page has displayed a paused run for five minutes, it resumes.
    - If you reload the page while the cell is running, the run is displayed after the cell has finished. If it is still
      missing (the notebook was not saved after the run began), run a cell with only the monitor's name.
    - If you restart the kernel, reload the page to see the picture.

    A monitor is an ipywidget, and can be put into a box or a tab; if you do this before the run, it is not displayed
    again below the cell. A displayed monitor, with the models of its epochs, is kept in memory until its
    cell is run again, or until `close` is called.

    A page written by `to_html` has the curves, a slider over the epochs and the reconstructions. For a long run, it
    contains reconstructions of at most 200 epochs; the best epoch and epochs followed by a restore are kept first.

    Parameters
    ----------
    examples : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        At most 12 sequences to reconstruct, such as a few normal and a few abnormal ones.
    titles : sequence of str, optional
        Title of each example. Default: the class names, if the examples are a labelled data set.
    budget : int, default 256 * 2**20
        Maximum memory, in bytes, for the models of past epochs. If they exceed it, only some epochs are kept, such as
        every second one (see `trainers.widgets.snapshots.Snapshots`).
    start_paused : bool, default False
        Wait before the first epoch until the resume or step button is pressed. If no page displays the monitor, the
        run begins after 15 seconds.
    compare : Result, History, TrainingMonitor, Run, Trainer, RunComparison, or mapping as for RunComparison, optional
        Earlier runs, copied now and drawn behind the run; several with one name are drawn as their mean.

    Attributes
    ----------
    histories : dict of History
        By name: each run that was watched, and each branch.
    history : History
        History of the latest run or branch.

    Raises
    ------
    TypeError, ValueError
        If the examples are not sequences or more than 12, the titles do not match them, `budget` is invalid, or
        `compare` is not a run.

    Examples
    --------
    >>> import torch
    >>> from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
    >>> from trainers.widgets import TrainingMonitor
    >>> beats = torch.sin(torch.linspace(0, 6.28, 20)).repeat(40, 1)
    >>> monitor = TrainingMonitor(beats[:2])
    >>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), "cpu", name="short")
    >>> result = benchmark(trainer, beats[:30], beats[30:], epochs=3, callbacks=[monitor])  # doctest: +ELLIPSIS
    Training and validation loss of the run 'short' over 3 epochs...
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
        compare: Any = None,
    ) -> None:
        super().__init__(Snapshots(budget, examples, titles))
        self._earlier = _earlier(compare)
        self._start_paused = start_paused
        self._hook_before: Callable[[], None] | None = None
        # Whether the run was started on the thread that receives the page's messages.
        self._on_subshell = False

    # ------------------------------------------------------------------ called by the run

    def begin(self, run: Run) -> None:
        """Start to display a run; the run calls this before its first epoch."""
        trainer = run.trainer
        if self._run is not None:
            raise RuntimeError("a monitor must watch one run at a time, got a second. Use another TrainingMonitor.")
        self._run = self._last = run
        # The user's hook is called as well, and restored at the end.
        self._hook_before, trainer.between_batches = trainer.between_batches, self._between_batches
        if not self.histories or trainer.history is not self.history:
            self._watch_history(trainer.history)
        self._snapshots.watch(trainer.model)
        if self.history and not self._snapshots.rows:
            # a run that was begun elsewhere, such as one in a checkpoint
            best, best_state = self.history.best, trainer.best_state
            if best and best.epoch and best_state:
                self._snapshots.add(best, best_state)
            self._snapshots.add(self.history[-1], trainer.reached_state())
        # Requests for an earlier run are discarded.
        self._rejected, self._end_text, self._waits = "", "", False
        self._requests.clear()
        self._durations.clear()
        self.control.reset("paused" if self._start_paused and not len(trainer.history) else "running")
        # HTML for a page cannot be updated: it is displayed when the run has ended.
        if in_notebook() and not on_page() and not self._in_box:
            IPython.display.display(self)
        self._on_subshell = on_subshell()
        self._undo_interrupt = on_interrupt(lambda *_: self.control.stop())
        self._enable_buttons()
        self._show_all()
        self._follow_requests()
        self._epoch_began = time.perf_counter()

    def __call__(self, row: Epoch, state: ModelState) -> None:
        """Add an epoch; the run calls this after each epoch."""
        history = self._open_run().trainer.history
        if history is not self.history:
            # Another callback has started a branch.
            self._watch_history(history)
            self._show_all()
        if len(history) >= row.epoch and history[row.epoch - 1] is row:
            self._snapshots.add(row, state)
        self._durations.append(time.perf_counter() - self._epoch_began)
        self._batches = 0
        # A step ends here. Then serve the requests that wait for the end of an epoch.
        self.control.epoch_ended()
        self._send_if_due(force=self.control.state != "running")
        self._start_branch()
        self._follow_requests()
        self._epoch_began = time.perf_counter()

    def _between_batches(self) -> None:
        if self._hook_before is not None:
            self._hook_before()
        self._batches += 1
        # Without calls that are not needed, because this is called before every batch.
        if time.perf_counter() - self._sent_at >= INTERVAL:
            self._send_if_due()
        if self._requests or self._on_subshell or self.control.state != "running":
            self._follow_requests()

    def end(self, run: Run) -> None:
        """Show the result; the run calls this when its model is finalized."""
        if run is not self._run:
            return
        run.trainer.between_batches, self._run, self._batches = self._hook_before, None, 0
        self._undo_interrupt()
        self._enable_buttons()
        reason = "" if run.stopped is None else f"ended before its {run.planned_epochs} epochs ({run.stopped}): "
        self._end_text = reason + outcome(self.history)
        self.control.reset()
        self._send_if_due(force=True)
        self._show_requested_epoch()
        if self.children:
            self._chart.store()
        figure = self.figure
        if on_page() and in_notebook():
            IPython.display.display(self)
        elif in_notebook():
            display_picture(figure, self, in_box=self._in_box)
        # In a terminal, the progress line has no line break yet.
        say("\n" * in_terminal() + figure.alt)

    def _watch_history(self, history: History) -> None:
        """Watch another history than the latest one, and drop the models of the latter."""
        self._snapshots.cut(0)
        if self.children:
            # Mark no past epoch, and follow the latest one.
            self._chart.rewound, self._follows = None, True
        _add(self.histories, history.name, history)

    # ------------------------------------------------------------------ for the user

    @property
    def trainer(self) -> Trainer | None:
        """Trainer of the latest run; None if no run was watched."""
        return None if self._last is None else self._last.trainer

    @property
    def figure(self) -> Figure:
        """Static picture of all runs; `savefig` writes it as PNG or SVG."""
        earlier = self._behind()
        if len(self.histories) > 1:
            return plot_histories(self.histories, behind=earlier)
        return plot_history(self.history, behind=earlier)

    def _behind(self) -> dict[str, History]:
        """Return the earlier runs under names that no watched run has."""
        runs = dict(self.histories)
        for name, run in self._earlier.items():
            _add(runs, name + " (earlier)" * (name in self.histories), run)
        return {name: run for name, run in runs.items() if name not in self.histories}

    def more(self, epochs: int) -> Result:
        """Continue the latest run, or the requested branch, for a number of epochs.

        Parameters
        ----------
        epochs : int
            Number of epochs to add.

        Returns
        -------
        Result
            As from `benchmark`.

        Raises
        ------
        RuntimeError
            If no run was watched yet, a run is in progress, the trainer has started another run since, or the monitor
            is closed.
        TypeError, ValueError
            If `epochs` is invalid, or the trainer cannot resume (see `BatchedTrainer.check_resume`).
        """
        last = self._open_run()
        if self._run is not None:
            state = "a run in progress. Raise its planned epochs"
            raise RuntimeError(f"more({epochs}) must be called after a run has ended, got {state}.")
        if last.trainer.history is not self.history:
            raise RuntimeError(f"{self.history.name!r} must be its trainer's latest run, got an earlier run.")
        epochs = whole_epochs(epochs)
        if "branch" in self._requests and self._requests["branch"][0] == len(self.history):
            # The branch has the length of the run, so it can only be resumed if the run can be.
            last.trainer.check_resume()
        self._start_branch()
        return benchmark(last.trainer, epochs=epochs, resume=True, callbacks=last.callbacks, checkpoint=last.checkpoint)

    def branch(self, epoch: int) -> None:
        """Start a new run from the weights of an epoch before any restore.

        The best model of the new run is the best of the epochs up to `epoch`; the optimizer state is reset. During a
        run, the branch starts at the end of the current epoch. If the run is paused between epochs, it starts when the
        run resumes. After the run has ended, it starts at the next call of `more`.

        Parameters
        ----------
        epoch : int
            An epoch of the latest run, starting at 1. If its model was dropped to save memory, the nearest kept epoch
            is used.

        Raises
        ------
        RuntimeError, ValueError
            If no epoch was trained yet, there is no such epoch, the best epoch up to `epoch` was trained before the
            monitor watched the run, or the monitor is closed.
        """
        with self._turn:
            self._check_epoch(epoch, "branch")
            # Store the states: the snapshots may be dropped before the request is served.
            self._requests["branch"], self._rejected = self._snapshots.states(epoch), ""
        self._show_state()

    def rewind(self, epoch: int) -> np.ndarray | None:
        """Show an epoch, and return the reconstructions of the examples by its model before any restore.

        Parameters
        ----------
        epoch : int
            An epoch of the latest run, starting at 1. If its model was dropped to save memory, the nearest kept epoch
            is used.

        Returns
        -------
        numpy.ndarray, shape (n, time, feature), or None
            The value is None if there are no examples, or if the model cannot reconstruct them.

        Raises
        ------
        RuntimeError, ValueError
            If no epoch was trained yet, there is no such epoch, or the monitor is closed.
        """
        self._check_epoch(epoch, "rewind")
        return self._show_epoch(epoch, move=True)

    def _open_run(self) -> Run:
        """Return the latest run, or raise an error if no run was watched or the monitor is closed or a copy."""
        if self._last is None:
            raise RuntimeError(f"the monitor of {self.history.name!r} must be open, got a closed one or a copy.")
        return self._last

    def _check_epoch(self, epoch: Any, what: str) -> None:
        self._open_run()
        if not len(self.history):
            raise RuntimeError(f"{what} must be called after an epoch was trained, got no epoch.")
        as_count(epoch, "epoch", "an epoch of the latest run", most=len(self.history))

    # ------------------------------------------------------------------ requests of the page

    def _answer(self, request: str, number: int) -> None:
        """Handle a request on the page's thread: during a run, the loop serves it; an invalid one is rejected."""
        run = self._run
        try:
            if request == "branch":
                self.branch(number)
            elif request == "plan" and run is not None:
                run.plan(number)
                self._rejected = ""
                self._show_state()
                self._show_progress()
            elif request == "rewind":
                # The trainer may use PyTorch's global random state: during a run, only the loop runs a model.
                self._requests["rewind"] = number
                # Check `_run` after storing the request: a run that is ending serves it at its end.
                self.control.nudge() if self._run is not None else self._show_requested_epoch()
        except (RuntimeError, ValueError) as error:
            self._rejected = f"⚠ {error}"
            self._show_state()

    def _show_requested_epoch(self) -> None:
        """Show the epoch that the slider was moved to, if it was."""
        epoch = self._requests.pop("rewind", None)
        if epoch is not None:
            self._show_epoch(epoch)

    def _serve_page(self) -> None:
        answer_waiting()
        self._show_requested_epoch()

    def _follow_requests(self) -> None:
        """Serve requests of the page, wait while paused, and end the run if a stop was requested."""
        control = self.control
        self._serve_page()
        if control.state == "paused":
            self._waits = True
            self._send_if_due(force=True)
            # Exclude the pause from the duration of the epoch.
            self._epoch_began += control.wait(self._serve_page)
            self._waits = False
            self._start_branch()
        if control.state == "stopping" and self._run is not None:
            if self._batches:
                # Within an epoch: the trainer discards the epoch.
                raise StopTraining("stopped by hand")
            self._run.stop("stopped by hand")

    def _start_branch(self) -> None:
        """Start the requested branch, if there is one, with a separate history.

        A branch does not start within an epoch. If a stop was requested, the next call of `more` starts it.
        """
        stopping = self._run is not None and self.control.state == "stopping"
        if "branch" not in self._requests or self._last is None or self._batches or stopping:
            return
        self._send_if_due(force=True)
        # No other branch may be requested until the new history is added.
        with self._turn:
            epoch, *states = self._requests.pop("branch")
            history = self._last.trainer.branch(epoch, *states)
            self._snapshots.cut(epoch, history[-1])
            _add(self.histories, history.name, history)
        self._follows = True
        self._show_all()

    # ------------------------------------------------------------------ page, picture and copies

    def _data(self) -> dict[str, Any]:
        data = super()._data()
        behind = [{**run_data(history, name), "behind": True} for name, history in self._behind().items()]
        return {**data, "runs": behind + data["runs"]}

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        data = self._data()
        if self.histories:
            data["state"] = {"text": outcome(self.history)}
        for epoch in self._snapshots.choose(MAX_REWINDS):
            if (reconstruction := self._snapshots.reconstruction(epoch)[1]) is not None:
                data.setdefault("rewinds", {})[epoch] = self._snapshots.for_page(reconstruction)
        return "" if light else f"Training of {self.history.name}", data

    def _picture(self) -> Figure | None:
        return self.figure if self._run is None and self.histories else None

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy has the histories only: no locks, widgets or models of past epochs.
        return TrainingMonitor, (), dict(self.histories)

    # ipywidgets forbids copies of a widget; without its method, a copy is made with __reduce__.
    __deepcopy__: Any = None

    def __setstate__(self, histories: dict[str, History]) -> None:
        self.histories.update(histories)

    def __repr__(self) -> str:
        return f"<TrainingMonitor of {', '.join(self.histories) or 'no run yet'}>"


def _add(runs: dict[str, History], name: str, history: History) -> None:
    """Add a history as the last one, or move it there, with a number in its name if another one has this name."""
    names = (f"{name} ({number})" if number > 1 else name for number in itertools.count(1))
    name = next(name for name in names if runs.get(name, history) is history)
    runs[name] = runs.pop(name, history)


def _earlier(compare: Any) -> dict[str, History]:
    """Return copies of the histories of earlier runs by name, with one mean for several of one name."""
    if isinstance(compare, RunComparison | TrainingMonitor):
        compare = compare.runs if isinstance(compare, RunComparison) else compare.histories
    elif not isinstance(compare, Mapping | None):
        run = histories_of(compare, "compare")
        compare = {(run if isinstance(run, History) else run[0]).name: run}
    earlier: dict[str, History] = {}
    for name, run in named_histories(compare or {}, "compare").items():
        if isinstance(run, History):
            _add(earlier, name, run.copy())
        else:
            _add(earlier, f"{name} (mean of {len(run)})", mean_history(run))
    return earlier
