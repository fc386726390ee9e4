"""`LiveView`: what a monitor shows in the page, the chart with its buttons and its slider, and when."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np

from trainers.history import History
from trainers.widgets.base import OwnChanges, answer_while_busy, buttons_answer, larger_in_class, weakly
from trainers.widgets.chart import Chart, row_data, run_data
from trainers.widgets.run_control import RunControl, WatchedRuns
from trainers.widgets.snapshots import Rewind

# Seconds between two messages to the page while a run goes on.
INTERVAL = 0.5
# The share of the time that showing the live model's reconstructions may take.
LIVE_SHARE = 0.0015
_ROW = {"display": "flex", "flex_flow": "row wrap", "align_items": "center", "overflow": "hidden", "max_width": "980px"}


class LiveView:
    """The chart, the buttons and the slider, kept up to date without slowing the training.

    Nothing is sent before `build` is called; what has happened by then is shown from the start.

    Parameters
    ----------
    runs : WatchedRuns
        What there is to show.
    rewind : Rewind
        Makes the reconstructions.
    answer : callable
        Called with "rewind", "branch" or "plan" and a number of epochs when the page asks for it, on its thread.

    Attributes
    ----------
    control : RunControl
        Told what is pressed, and shown.
    box : ipywidgets.VBox or None
        The whole, once it is built.
    follows : bool
        Whether the slider is at the latest epoch, and so goes along.
    """

    chart: Chart
    slider: ipywidgets.IntSlider

    def __init__(self, runs: WatchedRuns, rewind: Rewind, answer: Callable[[str, int], Any]) -> None:
        self._runs, self._rewind, self._answer = runs, rewind, answer
        self.control = RunControl(weakly(self.show_state))
        self.box: ipywidgets.VBox | None = None
        self.follows = True
        self._own = OwnChanges()
        self._sent_at = self._live_at = 0.0

    def build(self) -> ipywidgets.VBox:
        """The whole, to be displayed; made when it is first asked for."""
        if self.box is not None:
            return self.box
        wide = {"description_width": "initial"}
        self.chart = Chart(self.data())
        self.pause = _button("Pause", "pause", "Wait before the next batch; press again to go on")
        self.step = _button("Step", "step-forward", "Train to the end of one epoch, then pause")
        self.stop = _button("Stop", "stop", "End the run cleanly; the notebook goes on")
        self.planned = ipywidgets.BoundedIntText(
            1, min=1, max=10**6, description="planned epochs", layout={"width": "190px"}, style=wide
        )
        self.play = ipywidgets.Play(1, min=1, max=1, interval=350, show_repeat=False, layout={"width": "auto"})
        layout = {"width": "auto", "flex": "1 1 240px"}
        self.slider = ipywidgets.IntSlider(1, min=1, max=1, description="epoch", layout=layout, style=wide)
        self.slider.tooltip = "Rewind to an epoch"
        self.branch = _button("Branch here", "code-fork", "Start a new run from this epoch's weights")
        # A page's widgets live on: they must not keep this view with its models.
        self.chart.on_msg(weakly(self._heard))
        for button in (self.pause, self.step, self.stop, self.branch):
            button.on_click(weakly(self._pressed))
        for number in (self.planned, self.slider):
            number.observe(weakly(self._changed), "value")
        ipywidgets.jslink((self.play, "value"), (self.slider, "value"))
        above = ipywidgets.HBox([self.pause, self.step, self.stop, self.planned], layout=_ROW)
        below = ipywidgets.HBox([self.play, self.slider, self.branch], layout=_ROW)
        self.box = ipywidgets.VBox([above, self.chart, below])
        answer_while_busy(self.box)
        larger_in_class(self.box)
        if self.control.state == "paused":
            self.show_state()
        self.enable_buttons()
        if self._runs.histories:
            self.show_progress()
        return self.box

    # ------------------------------------------------------------------ what the page asks for

    def _pressed(self, button: ipywidgets.Button) -> None:
        control = self.control
        control.seen()
        if button is self.branch:
            self._answer("branch", self.slider.value)
        elif button is self.pause:
            (control.resume if control.state == "paused" else control.pause)()
        else:
            (control.step if button is self.step else control.stop)()

    def _changed(self, change: dict[str, Any]) -> None:
        # What the loop has moved itself is not a request.
        if self._own:
            return
        self.control.seen()
        rewind = change["owner"] is self.slider
        if rewind:
            self.follows = change["new"] == self.slider.max
        self._answer("rewind" if rewind else "plan", change["new"])

    def _heard(self, _: Any, message: dict[str, Any], __: Any) -> None:
        self.control.seen()
        if message.get("kind") == "select":
            self.slider.value = max(1, min(int(message["epoch"]), self.slider.max))

    # ------------------------------------------------------------------ what is sent

    def data(self) -> dict[str, Any]:
        """Everything, as chart.js takes it."""
        runs = [run_data(history, name) for name, history in self._runs.histories.items()]
        runs = runs or [{"name": "", "note": "", "rows": []}]
        return {"runs": runs, "examples": self._rewind.examples_data(), **self._more()}

    def _more(self) -> dict[str, Any]:
        words = "; ".join(f"{name}: {outcome(history)}" for name, history in self._runs.histories.items())
        return {"planned": self._runs.planned, "state": self.state(), "alt": words or "No run yet."}

    def state(self) -> dict[str, Any]:
        """Where the run stands in words; while one goes on, also the share done and the time left."""
        runs, run = self._runs, self._runs.run
        if run is None:
            return {"text": _joined(runs.end_text or "no run yet", self._branch_text(), runs.refused)}
        done, planned = len(run.trainer.history), run.planned_epochs
        state = "pausing" if self.control.state == "paused" and not runs.waits else self.control.state
        where = f", batch {runs.batches}" if runs.batches else ""
        if state == "paused":
            where = f" (after batch {runs.batches - 1})" if runs.batches else " (between two epochs)"
        text = f"{state}, epoch {min(done + 1, planned)} of {planned}{where}"
        if self.control.abandoned:
            text += "; no page showed the pause, so the run went on"
        if not buttons_answer():
            text += "; here buttons answer only when the cell has ended: use ■ or Ctrl-C to stop"
        left = ""
        if runs.durations and planned > done:
            left = f"about {duration((planned - done) * sum(runs.durations) / len(runs.durations))} left"
        text = _joined(text, self._branch_text(), runs.refused, self._rewind.note)
        return {"text": text, "done": done / planned, "left": left}

    def _branch_text(self) -> str:
        runs = self._runs
        if runs.branch is None:
            return ""
        when = "when it goes on" if runs.waits and not runs.batches else "at the end of this epoch"
        when = "with monitor.more(n)" if runs.run is None else when
        return f"a new run, its moments fresh, branches off from epoch {runs.branch[0]} {when}"

    # ------------------------------------------------------------------ when it is sent

    def flush(self, *, force: bool = False) -> None:
        """Send what has happened since the last time, if that is long enough ago."""
        now = time.perf_counter()
        if self.box is not None and (force or now - self._sent_at >= INTERVAL):
            self._sent_at = now
            unsent = self._runs.latest[len(self.chart.rows) :]
            self.chart.add([row_data(row) for row in unsent], **self._more())
            self.show_progress()
            self._follow(at_once=force)

    def show_all(self) -> None:
        """Everything again, whatever the page may have missed."""
        if self.box is not None:
            marked = self.chart.rewound
            if marked is not None and marked["epoch"] > len(self._runs.latest):
                self.chart.rewound = None
            self.chart.show(self.data())
            self.show_progress()
            self._follow(at_once=True)

    def _follow(self, *, at_once: bool) -> None:
        """Where the slider stood at the latest epoch, let it and the reconstructions go along."""
        latest, shown = len(self._runs.latest), self.chart.rewound and self.chart.rewound["epoch"]
        begun = time.perf_counter()
        if self.follows and latest and latest != shown and (at_once or begun >= self._live_at):
            self.show_epoch(latest, move=True)
            now = time.perf_counter()
            self._live_at = now + (now - begun) / LIVE_SHARE

    def show_epoch(self, epoch: int, *, move: bool = False) -> np.ndarray | None:
        """Mark an epoch, with `move` by the slider too; show and return what its model made of the examples."""
        if self.box is not None and move:
            # First: meanwhile the user may move it.
            with self._own:
                self.follows = epoch == self.slider.max
                self.slider.value = self.play.value = epoch
        kept, rebuilt = self._rewind.rebuilt(epoch)
        if self.box is not None:
            self.chart.rewind(epoch, kept, None if rebuilt is None else self._rewind.for_page(rebuilt))
        return rebuilt

    def unmark(self) -> None:
        """Show no past epoch, and follow the latest one."""
        if self.box is not None:
            self.chart.rewound, self.follows = None, True

    def show_state(self) -> None:
        """Let the buttons and the state line say at once what is wanted of the run now."""
        if self.box is not None:
            paused = self.control.state == "paused"
            self.pause.description, self.pause.icon = ("Resume", "play") if paused else ("Pause", "pause")
            self.chart.change(**self._more())

    def show_progress(self) -> None:
        """How far the slider reaches, and what is planned."""
        epochs = len(self._runs.latest)
        if self.box is not None:
            with self._own, self.slider.hold_sync(), self.play.hold_sync():
                if epochs:
                    self.slider.max = self.play.max = epochs
                self.planned.value = self._runs.planned or self.planned.value

    def enable_buttons(self) -> None:
        """Those that no run would hear are off."""
        if self.box is not None:
            for button in (self.pause, self.step, self.stop, self.planned):
                button.disabled = self._runs.run is None


def _button(text: str, icon: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=text, icon=icon, tooltip=tooltip, layout={"width": "auto"})


def _joined(*texts: str) -> str:
    return "; ".join(filter(None, texts))


def outcome(history: History) -> str:
    """How far a history came, its best epoch and its restores."""
    text = f"{len(history)} epoch{'s' * (len(history) != 1)}"
    if history.best is not None:
        text += f", best {history.best.epoch or 'the start'} (validation loss {history.best.validation_loss:.4g})"
    fired = len(history.restored_epochs)
    return text + (f", restored {fired} time{'s' * (fired != 1)}" if fired else ", never restored")


def duration(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(7.2), duration(600), duration(7200)
    ('7 s', '10 min', '2.0 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
