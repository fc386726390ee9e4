"""`Orders`: what is asked of a run from outside its loop, and when the loop does it."""

from __future__ import annotations

from trainers.widgets.live_view import LiveView
from trainers.widgets.rewind import Rewind
from trainers.widgets.run_control import RunControl
from trainers.widgets.watched_runs import WatchedRuns


class Orders:
    """Takes the page's wishes, and grants them at the right moment.

    The page's messages come on another thread. While a run goes on, they only leave word of what
    is wanted, and the loop does it: a trainer may draw from PyTorch's one random state.

    Parameters
    ----------
    runs : WatchedRuns
        Holds the branch that was asked for, and why a wish was refused.
    rewind : Rewind
        Has the models to branch off from.
    control : RunControl
        Says whether to pause or to stop.
    view : LiveView
        Shows what has become of a wish.
    """

    def __init__(self, runs: WatchedRuns, rewind: Rewind, control: RunControl, view: LiveView) -> None:
        self._runs, self._rewind, self._control, self._view = runs, rewind, control, view
        self._wanted: int | None = None

    # ------------------------------------------------------------------ asked for, from any thread

    def branch(self, epoch: int) -> None:
        """Note an epoch to branch off from; see `TrainingMonitor.branch`."""
        runs = self._runs
        with runs.turn:
            runs.check_epoch(epoch, "branch")
            runs.branch, runs.refused = self._rewind.states(epoch), ""
        self._view.show_state()

    def answer_branch(self, epoch: int) -> None:
        """The page's button: `branch`, with an error shown in the page."""
        try:
            self.branch(epoch)
        except (RuntimeError, ValueError) as error:
            self._refuse(error)

    def answer_rewind(self, epoch: int) -> None:
        """The page's slider: show that epoch, when a run goes on in its loop."""
        with self._runs.turn:
            self._wanted = epoch
            ended = self._runs.run is None
        if ended:
            self.serve()
        else:
            self._control.nudge()

    def answer_plan(self, epochs: int) -> None:
        """The page's field: so many epochs are planned."""
        run = self._runs.run
        if run is None:
            return
        try:
            run.plan(epochs)
        except ValueError as error:
            self._refuse(error)
        else:
            self._runs.refused = ""
        self._view.show_state()
        self._view.show_progress()

    def drop(self) -> None:
        """What was asked of an earlier run is void."""
        self._runs.refused, self._runs.branch, self._wanted = "", None, None

    def _refuse(self, error: Exception) -> None:
        self._runs.refused = f"⚠ {error}"
        self._view.show_state()

    # ------------------------------------------------------------------ done, by the loop

    def obey(self) -> None:
        """Do what the page asked for, wait while paused; a stop between two epochs ends the run there."""
        runs, control = self._runs, self._control
        self.serve()
        if control.state == "paused":
            runs.waits = True
            self._view.flush(force=True)
            before = control.waited
            try:
                control.wait(self.serve)
            finally:
                runs.waits = False
            # A pause is no part of the epoch's duration.
            runs.epoch_began += control.waited - before
            if runs.branch is not None and not runs.batches and control.state != "stopping":
                self.branch_off()
        if control.state == "stopping" and runs.run is not None and not runs.batches:
            runs.run.stop("stopped by hand")

    def serve(self) -> None:
        """Show the epoch that the slider was moved to."""
        with self._runs.turn:
            wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self._view.show_epoch(wanted)

    def branch_off(self) -> None:
        """Let the trainer go on from the epoch that was asked for, with a history of its own."""
        runs = self._runs
        assert runs.trainer is not None
        assert runs.branch is not None
        self._view.flush(force=True)
        # No other branch may be asked for between the two histories.
        with runs.turn:
            (epoch, *states), runs.branch = runs.branch, None
            history = runs.trainer.branch(epoch, *states)
            self._rewind.branch(epoch, history[-1])
            runs.add(history)
        self._view.show_all()
