"""`RunControl`: what the user wants of a run; `WatchedRuns`: where the runs of a monitor stand."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from trainers.console import interrupt_point
from trainers.history import History
from trainers.torch_utils import ModelState
from trainers.training import Run

# A paused run that no page shows goes on after this many seconds: a closed tab must not hang a
# cell indefinitely. Pages report every ten seconds, in the background once a minute.
UNWATCHED = 300.0
# Where no page has ever appeared (a notebook run without one), it goes on sooner.
NEVER_WATCHED = 15.0


class RunControl:
    """Pause, step and stop: requested by a button in one thread, followed by the training loop in another.

    `pause`, `resume`, `step`, `stop`, `seen` and `nudge` may be called from any thread and return at once.
    `wait` is called by the training loop.

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


@dataclass
class WatchedRuns:
    """The state of a monitor, facts only: the monitor writes them, and `LiveView` shows them.

    Attributes
    ----------
    histories : dict of History
        By name: each run that was watched, and each branch; the latest last.
    last : Run or None
        The latest.
    run : Run or None
        The same while it goes on.
    batches : int
        Those of the present epoch that have begun.
    epoch_began : float
        When the present epoch began, by `time.perf_counter`; a pause moves it on.
    durations : deque of float
        Seconds that the last ten epochs took, without pauses.
    waits : bool
        Whether the loop stands still, since it is paused.
    wanted : int or None
        Request of the page: an epoch to show. The last one counts.
    branch : tuple of (int, ModelState, ModelState), or None
        Request: an epoch to branch off from, its state and that of the best one up to there.
    refused : str
        Why the page's last request was refused.
    end_text : str
        How the last run ended.
    turn : threading.RLock
        The page's messages come on another thread: guards what it and the loop both change.
    """

    histories: dict[str, History] = field(default_factory=dict)
    last: Run | None = None
    run: Run | None = None
    batches: int = 0
    epoch_began: float = 0.0
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=10))
    waits: bool = False
    wanted: int | None = None
    branch: tuple[int, ModelState, ModelState] | None = None
    refused: str = ""
    end_text: str = ""
    turn: threading.RLock = field(default_factory=threading.RLock)

    @property
    def latest(self) -> History:
        """That of the latest run or branch."""
        if not self.histories:
            raise RuntimeError("this monitor has watched no run yet. Pass it on: benchmark(…, callbacks=[monitor]).")
        return next(reversed(self.histories.values()))

    @property
    def planned(self) -> int:
        """How many epochs the run is meant to have; when none goes on, those of the longest."""
        if self.run is not None:
            return self.run.planned_epochs
        return max(map(len, self.histories.values()), default=0)

    def add(self, history: History) -> None:
        """Make a history the latest, under a name that no other has."""
        names = (f"{history.name} ({number})" if number > 1 else history.name for number in itertools.count(1))
        name = next(name for name in names if self.histories.get(name, history) is history)
        self.histories[name] = self.histories.pop(name, history)
