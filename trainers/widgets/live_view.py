"""`LiveView`: what a monitor shows in the page, the chart with its buttons and its slider, and when."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

import ipywidgets
import numpy as np

from trainers.history import History, best_as_text
from trainers.training import Run
from trainers.widgets.base import OwnChanges, answer_while_busy, buttons_answer, larger_in_class, weakly
from trainers.widgets.chart import FILES, Chart, run_data
from trainers.widgets.export import Exported
from trainers.widgets.run_control import RunControl
from trainers.widgets.snapshots import Snapshots

# Seconds between two messages to the page while a run goes on.
INTERVAL = 0.5
# The share of the time that showing the live model's reconstructions may take.
LIVE_SHARE = 0.0015
_ROW = {"display": "flex", "flex_flow": "row wrap", "align_items": "center", "overflow": "hidden", "max_width": "980px"}


class LiveView(Exported):
    """What a `TrainingMonitor` shows in the page, the chart with its buttons and its slider, and when.

    The monitor's base class: it holds the state of the monitor and does all that concerns the page; the subclass does
    what concerns the run. Nothing is sent before `_build` is called; what has happened by then is shown from the start.

    Parameters
    ----------
    snapshots : Snapshots
        Of the models; they make the reconstructions.

    Attributes
    ----------
    histories : dict of History
        By name: each run that was watched, and each branch; the latest last.
    control : RunControl
        Told what is pressed, and shown.
    """

    _files = FILES
    _key = "monitor"

    def __init__(self, snapshots: Snapshots) -> None:
        self.histories: dict[str, History] = {}
        self.control = RunControl(weakly(self._show_state))
        self._snapshots = snapshots
        # The latest run; the same while it goes on, else None.
        self._last: Run | None = None
        self._run: Run | None = None
        # How many batches of the present epoch have begun; whether the loop waits in a pause.
        self._batches, self._waits = 0, False
        # When the present epoch began (moved on by a pause); seconds of the last ten epochs, without pauses.
        self._epoch_began, self._durations = 0.0, deque[float](maxlen=10)
        # What the page asked for and the loop has yet to do, the last request of each kind: "rewind": an epoch to show;
        # "branch": an epoch to branch off from, its state, and the state of the best epoch up to there.
        self._requests: dict[str, Any] = {}
        # The page's messages come on another thread: held while a branch is requested, and while one begins.
        self._turn = threading.RLock()
        # Why the page's last request was refused; how the last run ended.
        self._refused = self._end_text = ""
        # The box of all widgets, once it is built; whether its slider is at the latest epoch, and so follows.
        self._box: ipywidgets.VBox | None = None
        self._follows, self._own = True, OwnChanges()
        # When the last rows were sent; before when the examples of the latest epoch are not reconstructed.
        self._sent_at = self._live_at = 0.0

    @property
    def history(self) -> History:
        """That of the latest run or branch."""
        if not self.histories:
            raise RuntimeError("this monitor has watched no run yet. Pass it on: benchmark(…, callbacks=[monitor]).")
        return next(reversed(self.histories.values()))

    @property
    def _planned(self) -> int:
        """How many epochs the run is meant to have; when none goes on, those of the longest."""
        if (run := self._run) is not None:
            return run.planned_epochs
        return max(map(len, self.histories.values()), default=0)

    def _answer(self, request: str, number: int) -> None:
        """Take a request of the page, on its thread: "rewind", "branch" or "plan", and a number of epochs."""
        raise NotImplementedError

    def _build(self) -> ipywidgets.VBox:
        """The whole, to be displayed; made when it is first asked for."""
        if self._box is not None:
            return self._box
        wide = {"description_width": "initial"}
        self._chart = Chart(self._data())
        self._pause = _button("Pause", "pause", "Wait before the next batch; press again to go on")
        self._step = _button("Step", "step-forward", "Train to the end of one epoch, then pause")
        self._stop = _button("Stop", "stop", "End the run cleanly; the notebook goes on")
        self._planned_epochs = ipywidgets.BoundedIntText(
            1, min=1, max=10**6, description="planned epochs", layout={"width": "190px"}, style=wide
        )
        self._play = ipywidgets.Play(1, min=1, max=1, interval=350, show_repeat=False, layout={"width": "auto"})
        layout = {"width": "auto", "flex": "1 1 240px"}
        self._slider = ipywidgets.IntSlider(1, min=1, max=1, description="epoch", layout=layout, style=wide)
        self._slider.tooltip = "Rewind to an epoch"
        self._branch_here = _button("Branch here", "code-fork", "Start a new run from this epoch's weights")
        # A page's widgets live on: they must not keep this monitor with its models.
        self._chart.on_msg(weakly(self._heard))
        for button in (self._pause, self._step, self._stop, self._branch_here):
            button.on_click(weakly(self._pressed))
        for number in (self._planned_epochs, self._slider):
            number.observe(weakly(self._changed), "value")
        ipywidgets.jslink((self._play, "value"), (self._slider, "value"))
        above = ipywidgets.HBox([self._pause, self._step, self._stop, self._planned_epochs], layout=_ROW)
        below = ipywidgets.HBox([self._play, self._slider, self._branch_here], layout=_ROW)
        self._box = ipywidgets.VBox([above, self._chart, below])
        answer_while_busy(self._box)
        larger_in_class(self._box)
        if self.control.state == "paused":
            self._show_state()
        self._enable_buttons()
        self._show_progress()
        return self._box

    # ------------------------------------------------------------------ what the page asks for

    def _pressed(self, button: ipywidgets.Button) -> None:
        control = self.control
        control.seen()
        requests = {"Pause": control.pause, "Resume": control.resume, "Step": control.step, "Stop": control.stop}
        if button is self._branch_here:
            self._answer("branch", self._slider.value)
        else:
            requests[button.description]()

    def _changed(self, change: dict[str, Any]) -> None:
        # What the loop has moved itself is not a request.
        if self._own:
            return
        self.control.seen()
        rewind = change["owner"] is self._slider
        if rewind:
            self._follows = change["new"] == self._slider.max
        self._answer("rewind" if rewind else "plan", change["new"])

    def _heard(self, _: Any, message: dict[str, Any], __: Any) -> None:
        self.control.seen()
        if message.get("kind") == "select":
            self._slider.value = max(1, min(int(message["epoch"]), self._slider.max))

    # ------------------------------------------------------------------ what is sent

    def _data(self) -> dict[str, Any]:
        """Everything, as chart.js takes it."""
        runs = [run_data(history, name) for name, history in self.histories.items()] or [run_data(History(""))]
        return {"runs": runs, "examples": self._snapshots.examples_data(), **self._more()}

    def _more(self) -> dict[str, Any]:
        words = "; ".join(f"{name}: {outcome(history)}" for name, history in self.histories.items())
        return {"planned": self._planned, "state": self._state(), "alt": words or "No run yet."}

    def _state(self) -> dict[str, Any]:
        """Where the run stands in words; while one goes on, also the share done and the time left."""
        run = self._run
        texts, more = [self._end_text or "no run yet"], {}
        if run is not None:
            done, planned = len(run.trainer.history), run.planned_epochs
            state = "pausing" if self.control.state == "paused" and not self._waits else self.control.state
            where = f", batch {self._batches}" if self._batches else ""
            if state == "paused":
                where = f" (after batch {self._batches - 1})" if self._batches else " (between two epochs)"
            texts = [f"{state}, epoch {min(done + 1, planned)} of {planned}{where}"]
            if self.control.abandoned:
                texts.append("no page showed the pause, so the run went on")
            if not buttons_answer():
                texts.append("here buttons answer only when the cell has ended: use ■ or Ctrl-C to stop")
            left = ""
            if self._durations and planned > done:
                left = f"about {duration((planned - done) * sum(self._durations) / len(self._durations))} left"
            more = {"done": done / planned, "left": left}
        texts += [self._branch_text(), self._refused, self._snapshots.note]
        return {"text": "; ".join(filter(None, texts)), **more}

    def _branch_text(self) -> str:
        branch = self._requests.get("branch")
        if branch is None:
            return ""
        when = "when it goes on" if self._waits and not self._batches else "at the end of this epoch"
        when = "with monitor.more(n)" if self._run is None else when
        return f"a new run, its moments fresh, branches off from epoch {branch[0]} {when}"

    # ------------------------------------------------------------------ when it is sent

    def _send_if_due(self, *, force: bool = False) -> None:
        """Send what has happened since the last time, if that is long enough ago."""
        now = time.perf_counter()
        if self._box is not None and (force or now - self._sent_at >= INTERVAL):
            self._sent_at = now
            self._chart.add(self.history, **self._more())
            self._follow(at_once=force)

    def _show_all(self) -> None:
        """Everything again, whatever the page may have missed."""
        if self._box is not None:
            if self._chart.rewound and self._chart.rewound["epoch"] > len(self.history):
                self._chart.rewound = None
            self._chart.show(self._data())
            self._follow(at_once=True)

    def _follow(self, *, at_once: bool) -> None:
        """Let the slider reach on; where it stood at the latest epoch, let it and the reconstructions go along."""
        self._show_progress()
        latest, shown = len(self.history), self._chart.rewound and self._chart.rewound["epoch"]
        begun = time.perf_counter()
        if self._follows and latest and latest != shown and (at_once or begun >= self._live_at):
            self._show_epoch(latest, move=True)
            now = time.perf_counter()
            self._live_at = now + (now - begun) / LIVE_SHARE

    def _show_epoch(self, epoch: int, *, move: bool = False) -> np.ndarray | None:
        """Mark an epoch, with `move` by the slider too; show and return what its model made of the examples."""
        if self._box is not None and move:
            # First: meanwhile the user may move it.
            with self._own:
                self._follows = epoch == self._slider.max
                self._slider.value = self._play.value = epoch
        kept, reconstruction = self._snapshots.reconstruction(epoch)
        if self._box is not None:
            self._chart.rewind(
                epoch, kept, None if reconstruction is None else self._snapshots.for_page(reconstruction)
            )
        return reconstruction

    def _show_state(self) -> None:
        """Let the buttons and the state line say at once what is wanted of the run now."""
        if self._box is not None:
            paused = self.control.state == "paused"
            self._pause.description, self._pause.icon = ("Resume", "play") if paused else ("Pause", "pause")
            self._chart.change(**self._more())

    def _show_progress(self) -> None:
        """How far the slider reaches, and what is planned."""
        if self._box is not None and self.histories:
            with self._own, self._slider.hold_sync(), self._play.hold_sync():
                self._slider.max = self._play.max = len(self.history) or self._slider.max
                self._planned_epochs.value = self._planned or self._planned_epochs.value

    def _enable_buttons(self) -> None:
        """Those that no run would hear are off."""
        if self._box is not None:
            for button in (self._pause, self._step, self._stop, self._planned_epochs):
                button.disabled = self._run is None


def _button(text: str, icon: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=text, icon=icon, tooltip=tooltip, layout={"width": "auto"})


def outcome(history: History) -> str:
    """How far a history came, its best epoch and its restores."""
    text = f"{len(history)} epoch{'s' * (len(history) != 1)}{best_as_text(history)}"
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
