"""`WatchedRuns`: the runs that a monitor has watched, and where the present one stands."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from trainers.history import History
from trainers.torch_utils import ModelState
from trainers.trainer import Trainer
from trainers.training import Run


@dataclass
class WatchedRuns:
    """Facts only: the monitor and its `Orders` write them, and `LiveView` shows them.

    Attributes
    ----------
    histories : dict of History
        By name: each run that was watched, and each branch; the latest last.
    trainer : Trainer or None
        That of the latest run.
    run : Run or None
        The one that goes on.
    batches : int
        Those of the present epoch that have begun.
    epoch_began : float
        When the present epoch began, by `time.perf_counter`; a pause moves it on.
    durations : deque of float
        Seconds that the last ten epochs took, without pauses.
    waits : bool
        Whether the loop stands still, since it is paused.
    branch : tuple of (int, ModelState, ModelState), or None
        An epoch to branch off from, its state and that of the best one up to there.
    refused : str
        Why the page's last wish was not granted.
    end_text : str
        How the last run ended.
    turn : threading.RLock
        The page's messages come on another thread: guards what it and the loop both change.
    """

    histories: dict[str, History] = field(default_factory=dict)
    trainer: Trainer | None = None
    run: Run | None = None
    batches: int = 0
    epoch_began: float = 0.0
    durations: deque[float] = field(default_factory=lambda: deque(maxlen=10))
    waits: bool = False
    branch: tuple[int, ModelState, ModelState] | None = None
    refused: str = ""
    end_text: str = ""
    turn: threading.RLock = field(default_factory=threading.RLock)

    @property
    def latest(self) -> History:
        """That of the latest run or branch.

        Raises
        ------
        RuntimeError
            If there is none.
        """
        if not self.histories:
            msg = "this monitor has watched no run yet. Pass it on: benchmark(…, callbacks=[monitor])."
            raise RuntimeError(msg)
        return next(reversed(self.histories.values()))

    @property
    def planned(self) -> int:
        """How many epochs the run is meant to have; when none goes on, those of the longest."""
        if self.run is not None:
            return self.run.planned_epochs
        return max((len(history) for history in self.histories.values()), default=0)

    def add(self, history: History) -> None:
        """Keep a history as the latest, under a name that no other has."""
        name, number = history.name, 2
        while name in self.histories:
            name, number = f"{history.name} ({number})", number + 1
        self.histories[name] = history

    def check_epoch(self, epoch: Any, what: str) -> None:
        """That the latest history has this epoch, or an error that names what needs it."""
        if not len(self.latest):
            msg = f"{what} needs an epoch; none was trained yet."
            raise RuntimeError(msg)
        if isinstance(epoch, bool) or not isinstance(epoch, int) or not 1 <= epoch <= len(self.latest):
            msg = f"epoch takes a whole number from 1 to {len(self.latest)}; got {epoch!r}."
            raise ValueError(msg)
