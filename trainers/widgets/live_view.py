"""`LiveView`: what the page is sent of the watched runs, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np

from trainers.history import Epoch
from trainers.widgets.base import answer_while_busy, buttons_answer, larger_in_class
from trainers.widgets.chart import Chart, row_data, run_data
from trainers.widgets.rewind import Rewind
from trainers.widgets.run_control import RunControl
from trainers.widgets.toolbar import Toolbar
from trainers.widgets.watched_runs import WatchedRuns
from trainers.widgets.words import duration, in_words

# Seconds between two messages to the page while a run goes on.
INTERVAL = 0.5
# The share of the time that showing the live model's reconstructions may take.
LIVE_SHARE = 0.0015


class LiveView:
    """The chart and the toolbar of a monitor, kept up to date without slowing the training.

    Nothing is sent before `build` is called; what has happened by then is shown from the start.

    Parameters
    ----------
    runs : WatchedRuns
        What there is to show.
    rewind : Rewind
        Makes the reconstructions.
    control : RunControl
        Told what is pressed, and shown.

    Attributes
    ----------
    chart : Chart or None
    toolbar : Toolbar or None
        Both are made together, once.
    on_rewind, on_branch, on_plan : callable
        What the toolbar calls; see there. To be set before `build`.
    """

    def __init__(self, runs: WatchedRuns, rewind: Rewind, control: RunControl) -> None:
        self._runs, self._rewind, self._control = runs, rewind, control
        self.on_rewind: Callable[[int], Any] = lambda epoch: None
        self.on_branch: Callable[[int], Any] = lambda epoch: None
        self.on_plan: Callable[[int], Any] = lambda epochs: None
        self.chart: Chart | None = None
        self.toolbar: Toolbar | None = None
        self._pending: list[Epoch] = []
        self._sent_at = self._live_at = 0.0

    def build(self) -> ipywidgets.VBox:
        """The whole, to be displayed; made when it is first asked for."""
        if self.toolbar is not None:
            return self.toolbar.box
        self.chart = Chart(self.data())
        self.chart.on_seen = self._control.seen
        self.toolbar = Toolbar(self.chart, self._control)
        self.chart.on_select = self.toolbar.select
        self.toolbar.on_rewind = self.on_rewind
        self.toolbar.on_branch = self.on_branch
        self.toolbar.on_plan = self.on_plan
        answer_while_busy(self.toolbar.box)
        larger_in_class(self.toolbar.box)
        self.toolbar.show_control()
        self.enable_buttons()
        if self._runs.histories:
            self.show_progress()
        return self.toolbar.box

    # ------------------------------------------------------------------ what is sent

    def data(self) -> dict[str, Any]:
        """Everything, as chart.js takes it."""
        data: dict[str, Any] = {"runs": [run_data(history, name) for name, history in self._runs.histories.items()]}
        if not data["runs"]:
            data["runs"] = [{"name": "", "note": "", "rows": []}]
        return {**data, "examples": self._rewind.examples_data(), **self._more()}

    def _more(self) -> dict[str, Any]:
        return {"planned": self._runs.planned, "state": self.state(), "alt": in_words(self._runs.histories)}

    def state(self) -> dict[str, Any]:
        """Where the run stands in words; while one goes on, also the share done and the time left."""
        runs, control = self._runs, self._control
        run = runs.run
        if run is None:
            texts = [runs.end_text or "no run yet", self._branch_text(), runs.refused]
            return {"text": "; ".join(filter(None, texts))}
        done, planned = len(run.trainer.history), run.planned_epochs
        state = "pausing" if control.state == "paused" and not runs.waits else control.state
        text = f"{state}, epoch {min(done + 1, planned)} of {planned}"
        if state == "paused":
            text += " (between two epochs)" if not runs.batches else f" (after batch {runs.batches - 1})"
        elif runs.batches:
            text += f", batch {runs.batches}"
        if control.abandoned:
            text += "; no page showed the pause, so the run went on"
        if not buttons_answer():
            text += "; here buttons answer only when the cell has ended: use ■ or Ctrl-C to stop"
        text = "; ".join(filter(None, [text, self._branch_text(), runs.refused, self._rewind.note]))
        left = ""
        if runs.durations and planned > done:
            seconds = (planned - done) * sum(runs.durations) / len(runs.durations)
            left = f"about {duration(seconds)} left"
        return {"text": text, "done": done / planned, "left": left}

    def _branch_text(self) -> str:
        runs = self._runs
        branch = runs.branch
        if branch is None:
            return ""
        when = "with monitor.more(n)"
        if runs.run is not None:
            when = "when it goes on" if runs.waits and not runs.batches else "at the end of this epoch"
        return f"a new run, its moments fresh, branches off from epoch {branch[0]} {when}"

    # ------------------------------------------------------------------ when it is sent

    def add(self, row: Epoch) -> None:
        """A row for the next `flush` to send."""
        self._pending.append(row)

    def flush(self, *, force: bool = False) -> None:
        """Send what has happened since the last time, if that is long enough ago."""
        now = time.perf_counter()
        if self.chart is None or self.toolbar is None:
            self._pending.clear()
            return
        if not force and now - self._sent_at < INTERVAL:
            return
        self._sent_at = now
        rows, self._pending = self._pending, []
        more = self._more()
        self.chart.add([row_data(row) for row in rows], **more)
        self.toolbar.show_progress(len(self._runs.latest), more["planned"])
        self._follow(at_once=force)

    def _follow(self, *, at_once: bool) -> None:
        """Where the slider stood at the latest epoch, let it and the reconstructions go along."""
        assert self.chart is not None
        assert self.toolbar is not None
        latest, shown = len(self._runs.latest), self.chart.rewound and self.chart.rewound["epoch"]
        if not latest or latest == shown or not self.toolbar.follows:
            return
        if at_once or time.perf_counter() >= self._live_at:
            self.toolbar.point(latest)
            begun = time.perf_counter()
            self.show_epoch(latest)
            self._live_at = time.perf_counter() + (time.perf_counter() - begun) / LIVE_SHARE

    def show_all(self) -> None:
        """All anew, whatever the page may have missed."""
        self._pending.clear()
        if self.chart is None or self.toolbar is None:
            return
        marked = self.chart.rewound
        if marked is not None and marked["epoch"] > len(self._runs.latest):
            self.chart.rewound = None
        self.chart.show(self.data())
        self.show_progress()
        self._follow(at_once=True)

    def show_state(self) -> None:
        """The state line, at once."""
        if self.chart is not None:
            self.chart.change(**self._more())

    def show_epoch(self, epoch: int) -> np.ndarray | None:
        """Mark an epoch; show and return what its model made of the examples, (n, time, feature)."""
        kept, rebuilt = self._rewind.rebuilt(epoch)
        if self.chart is not None:
            self.chart.rewind(epoch, kept, None if rebuilt is None else self._rewind.for_page(rebuilt))
        return rebuilt

    def point(self, epoch: int) -> None:
        """Move the slider to an epoch."""
        if self.toolbar is not None:
            self.toolbar.point(epoch)

    def unmark(self) -> None:
        """Show no past epoch, and follow the latest one."""
        if self.chart is not None and self.toolbar is not None:
            self.chart.rewound, self.toolbar.follows = None, True

    def show_control(self) -> None:
        """Let the buttons and the state line say what is wanted of the run now."""
        if self.toolbar is not None:
            self.toolbar.show_control()
        self.show_state()

    def show_progress(self) -> None:
        """How far the slider reaches, and what is planned."""
        if self.toolbar is not None:
            self.toolbar.show_progress(len(self._runs.latest), self._runs.planned)

    def enable_buttons(self) -> None:
        """Those that no run would hear are off."""
        if self.toolbar is not None:
            self.toolbar.enable(self._runs.run is not None)
