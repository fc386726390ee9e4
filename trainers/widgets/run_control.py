"""`RunControl`: what the user wants of a run, between two threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from trainers.console import interrupt_point

# A paused run that no page shows goes on after this many seconds: a closed tab must not hang a
# cell indefinitely. Pages report every ten seconds, in the background once a minute.
UNWATCHED = 300.0
# Where no page has ever appeared (a notebook run without one), it goes on sooner.
NEVER_WATCHED = 15.0


class RunControl:
    """Pause, step and stop: requested by a button in one thread, followed by the training loop in another.

    `pause`, `resume`, `step`, `stop`, `seen` and `nudge` may be called from any thread and return at once: a button's
    click arrives in `LiveView._pressed`, on the page's thread, which calls one of them. They set `state` and call
    `changed`, which is `LiveView._show_state`: it updates the buttons. The training loop reads `state` between two
    batches, in `TrainingMonitor._follow_requests`, and calls `wait` while it is "paused".

    Parameters
    ----------
    changed : callable, optional
        Called with no argument after each change of `state`.

    Attributes
    ----------
    state : {"running", "stepping", "paused", "stopping"}
        "stepping" becomes "paused" at the end of the epoch.
    abandoned : bool
        True after a pause that ended because nobody was watching.
    """

    def __init__(self, changed: Callable[[], object] = lambda: None) -> None:
        self.state, self.abandoned = "running", False
        self.seen_at: float | None = None
        self._changed, self._lock = changed, threading.Lock()
        # Wakes a loop that waits.
        self._stir = threading.Event()

    def pause(self) -> None:
        """Wait before the next batch, or where the trainer offers no such point, the next epoch."""
        self._become("paused")

    def resume(self) -> None:
        """Go on."""
        self._become("running")

    def step(self) -> None:
        """Train to the end of one epoch, the one begun or else the next, then pause."""
        self._become("stepping")

    def stop(self) -> None:
        """End the run cleanly; an epoch begun is undone by a trainer that can."""
        self._become("stopping")

    def seen(self) -> None:
        """A page shows the run."""
        self.seen_at = time.monotonic()

    def reset(self, state: str = "running") -> None:
        """Ready for another run."""
        self.abandoned = False
        self._become(state, force=True)

    def epoch_ended(self) -> None:
        """What was a step becomes a pause."""
        if self.state == "stepping":
            self._become("paused")

    def nudge(self) -> None:
        """Let a waiting loop look for something to do."""
        self._stir.set()

    def wait(self, serve: Callable[[], object] = lambda: None) -> float:
        """Return the seconds waited when not, or no longer, paused; call `serve` after each nudge."""
        begun = time.monotonic()
        while self.state == "paused":
            # In slices, so that Ctrl-C gets through.
            self._stir.wait(0.2)
            interrupt_point()
            self._stir.clear()
            serve()
            watched = max(begun, self.seen_at or begun)
            if time.monotonic() - watched > (UNWATCHED if self.seen_at else NEVER_WATCHED):
                self.abandoned = True
                self._become("running")
        return time.monotonic() - begun

    def _become(self, state: str, *, force: bool = False) -> None:
        with self._lock:
            # Once stopping, a run stops.
            if self.state == "stopping" and not force:
                return
            self.state = state
            if state == "paused":
                self.abandoned = False
        self._stir.set()
        self._changed()
