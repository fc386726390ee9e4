"""`LiveView`: the chart, buttons and slider of a monitor, and when they are updated."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

import ipywidgets
import numpy as np

from data.words import duration, many
from trainers.history import History, best_as_text
from trainers.training import Run
from trainers.widgets.base import (
    OwnChanges,
    Pictured,
    answer_while_busy,
    buttons_answer,
    close_all,
    kept_for_cell,
    larger_in_class,
    weakly,
)
from trainers.widgets.chart import FILES, Chart, run_data
from trainers.widgets.run_control import RunControl
from trainers.widgets.snapshots import Snapshots

# Seconds between two messages to the page during a run.
INTERVAL = 0.5
# Maximum share of the time that is spent on reconstructions by the current model.
LIVE_SHARE = 0.0015
_ROW = {"display": "flex", "flex_flow": "row wrap", "align_items": "center", "overflow": "hidden", "max_width": "980px"}


class LiveView(Pictured, ipywidgets.VBox):
    """The chart, buttons and slider of a `TrainingMonitor`, and when they are updated.

    This base class of the monitor holds its state and handles the page; the subclass handles the run. Nothing is sent
    before `_build` is called, at the first display; the page then shows everything that has happened before.

    Parameters
    ----------
    snapshots : Snapshots
        Models of past epochs, for the reconstructions.

    Attributes
    ----------
    histories : dict of History
        By name: each run that was watched, and each branch; the latest one is last.
    control : RunControl
        Receives the requests of the buttons; its state is displayed.
    """

    _files = FILES
    _key = "monitor"
    children: Any

    def __init__(self, snapshots: Snapshots) -> None:
        super().__init__()
        self.add_class("kit-monitor")
        self.histories: dict[str, History] = {}
        self.control = RunControl(weakly(self._show_state))
        self._snapshots = snapshots
        # The latest run; and the run in progress, or None.
        self._last: Run | None = None
        self._run: Run | None = None
        # Number of batches begun in the current epoch; whether the loop waits in a pause.
        self._batches, self._waits = 0, False
        # Start of the current epoch, shifted by pauses; seconds of each of the last ten epochs, without pauses.
        self._epoch_began, self._durations = 0.0, deque[float](maxlen=10)
        # The page's last request of each kind that the loop has not served yet. "rewind": an epoch to show;
        # "branch": an epoch to branch from, its state, and the state of the best epoch up to it.
        self._requests: dict[str, Any] = {}
        # The page's messages arrive on another thread. Held while a branch is requested, and while one begins.
        self._turn = threading.RLock()
        # Why the page's last request was rejected; how the last run ended.
        self._rejected = self._end_text = ""
        # Whether another widget contains this one; whether the slider follows the latest epoch.
        self._in_box, self._follows, self._own = False, True, OwnChanges()
        # When the last rows were sent; the earliest time of the next reconstruction of the examples.
        self._sent_at = self._live_at = 0.0
        kept_for_cell(self)

    # ------------------------------------------------------------------ life of the widget

    def open(self) -> None:
        """Connect the widget with the page, once its parts are built."""
        if self.children:
            # It is closed if the monitor was closed.
            self.layout.open()
            super().open()

    @property
    def model_id(self) -> str:
        """Id of the widget in the page; a box that contains the widget reads it."""
        if not self.children:
            self._in_box = True
            self._build()
            self.add_class("kit-boxed")
        return super().model_id

    def close(self) -> None:
        """Remove the view from the page, and free the models of past epochs, the examples and the trainer.

        The histories and the picture can still be used. If the monitor is displayed again, it shows the histories.
        While a run is in progress, only the view is removed.
        """
        parts = self.children
        super().close()
        if parts:
            close_all(*parts, self.layout)
        self.children, self._in_box = [], False
        self.remove_class("kit-boxed")
        if self._run is None:
            self._last, self._requests, self._snapshots = None, {}, Snapshots(self._snapshots.budget)

    def __del__(self) -> None:
        """Do nothing, unlike other widgets: ipywidgets keeps an open widget, and a closed one has nothing to free."""

    @property
    def history(self) -> History:
        """History of the latest run or branch."""
        if not self.histories:
            raise RuntimeError("a monitor must watch a run first, got no run. Use benchmark(…, callbacks=[monitor]).")
        return next(reversed(self.histories.values()))

    @property
    def _planned(self) -> int:
        """Planned number of epochs of the run in progress; without one, the length of the longest history."""
        if (run := self._run) is not None:
            return run.planned_epochs
        return max(map(len, self.histories.values()), default=0)

    def _answer(self, request: str, number: int) -> None:
        """Handle a request on the page's thread: "rewind", "branch" or "plan", with an epoch or a number of epochs."""
        raise NotImplementedError

    def _view(self) -> tuple[dict[str, Any], dict[str, Any]]:
        self._build()
        return super()._view()

    def _build(self) -> None:
        """Create the parts of the widget, if there are none, and connect it with the page."""
        if self.children:
            return
        wide = {"description_width": "initial"}
        self._chart = Chart(self._data())
        # Few widgets are opened faster: the buttons share a layout and a style, and the rows a layout.
        same = {"layout": ipywidgets.Layout(width="auto"), "style": ipywidgets.ButtonStyle()}
        self._pause = _button("Pause", "pause", "Wait before the next batch; press again to resume", **same)
        self._step = _button("Step", "step-forward", "Train to the end of one epoch, then pause", **same)
        self._stop = _button("Stop", "stop", "End the run cleanly; the notebook continues", **same)
        self._planned_epochs = ipywidgets.BoundedIntText(
            1, min=1, max=10**6, description="planned epochs", layout={"width": "190px"}, style=wide
        )
        self._play = ipywidgets.Play(1, min=1, max=1, interval=350, show_repeat=False, layout=same["layout"])
        layout = {"width": "auto", "flex": "1 1 240px"}
        self._slider = ipywidgets.IntSlider(1, min=1, max=1, description="epoch", layout=layout, style=wide)
        self._slider.tooltip = "Rewind to an epoch"
        self._branch_here = _button("Branch here", "code-fork", "Start a new run from this epoch's weights", **same)
        self._chart.on_msg(self._received)
        for button in (self._pause, self._step, self._stop, self._branch_here):
            button.on_click(self._pressed)
        for number in (self._planned_epochs, self._slider, self._play):
            number.observe(self._changed, "value")
        above = ipywidgets.HBox([self._pause, self._step, self._stop, self._planned_epochs], layout=_ROW)
        below = ipywidgets.HBox([self._play, self._slider, self._branch_here], layout=above.layout)
        self.children = [above, self._chart, below]
        self.open()
        answer_while_busy(self)
        larger_in_class(self)
        if self.control.state == "paused":
            self._show_state()
        self._enable_buttons()
        self._show_progress()

    # ------------------------------------------------------------------ requests of the page

    def _pressed(self, button: ipywidgets.Button) -> None:
        control = self.control
        control.seen()
        requests = {"Pause": control.pause, "Resume": control.resume, "Step": control.step, "Stop": control.stop}
        if button is self._branch_here:
            self._answer("branch", self._slider.value)
        else:
            requests[button.description]()

    def _changed(self, change: dict[str, Any]) -> None:
        # A change by the loop itself is not a request.
        if self._own:
            return
        self.control.seen()
        rewind = change["owner"] is not self._planned_epochs
        if rewind:
            # Here and not by a link in the page: a link that arrived late would move the slider back to epoch 1.
            with self._own:
                # a drag ends playing, which would move the slider back
                self._play.playing = self._play.playing and change["owner"] is self._play
                self._slider.value = self._play.value = change["new"]
            self._follows = change["new"] == self._slider.max
        self._answer("rewind" if rewind else "plan", change["new"])

    def _received(self, _: Any, message: dict[str, Any], __: Any) -> None:
        self.control.seen()
        if message.get("kind") == "select":
            # The chart may show more epochs than the slider.
            self._show_progress()
            self._slider.value = max(1, min(int(message["epoch"]), self._slider.max))

    # ------------------------------------------------------------------ data for the page

    def _data(self) -> dict[str, Any]:
        """Return all data for chart.js."""
        runs = [run_data(history, name) for name, history in self.histories.items()] or [run_data(History(""))]
        return {"runs": runs, "examples": self._snapshots.examples_data(), **self._more()}

    def _more(self) -> dict[str, Any]:
        text = "; ".join(f"{name}: {outcome(history)}" for name, history in self.histories.items())
        return {"planned": self._planned, "state": self._state(), "alt": text or "No run was watched yet."}

    def _state(self) -> dict[str, Any]:
        """Return the state of the run as text; during a run, also the finished share and the remaining time."""
        run = self._run
        texts, more = [self._end_text or "no run yet"], {}
        if run is not None:
            done, planned = len(run.trainer.history), run.planned_epochs
            state = "pausing" if self.control.state == "paused" and not self._waits else self.control.state
            where = f", batch {self._batches}" if self._batches else ""
            if state == "paused":
                where = f" (after batch {self._batches - 1})" if self._batches else " (between epochs)"
            texts = [f"{state}, epoch {min(done + 1, planned)} of {planned}{where}"]
            if self.control.abandoned:
                texts.append("resumed, because no page displayed the paused run")
            if not buttons_answer():
                texts.append("buttons work only after the cell has finished: use ■ or Ctrl-C to stop")
            left = ""
            if self._durations and planned > done:
                seconds = (planned - done) * sum(self._durations) / len(self._durations)
                left = f"about {duration(float(f'{seconds:.2g}'))} left"
            more = {"done": done / planned, "left": left}
        texts += [self._branch_text(), self._rejected, self._snapshots.note]
        return {"text": "; ".join(filter(None, texts)), **more}

    def _branch_text(self) -> str:
        branch = self._requests.get("branch")
        if branch is None:
            return ""
        when = "when the run resumes" if self._waits and not self._batches else "at the end of this epoch"
        when = "with monitor.more(n)" if self._run is None else when
        return f"a new run will branch from epoch {branch[0]} {when}; its optimizer state is reset"

    # ------------------------------------------------------------------ updates of the page

    def _send_if_due(self, *, force: bool = False) -> None:
        """Send new rows and the state, if the last update is at least `INTERVAL` seconds old."""
        now = time.perf_counter()
        if (force or now - self._sent_at >= INTERVAL) and self.children:
            self._sent_at = now
            self._chart.add(self.history, **self._more())
            self._follow_latest(at_once=force)

    def _show_all(self) -> None:
        """Send all data again."""
        if self.children:
            if self._chart.rewound and self._chart.rewound["epoch"] > len(self.history):
                self._chart.rewound = None
            self._chart.show(self._data())
            self._follow_latest(at_once=True)

    def _follow_latest(self, *, at_once: bool) -> None:
        """Extend the slider; if it follows the latest epoch, move it there and update the reconstructions."""
        latest, shown = len(self.history), self._chart.rewound and self._chart.rewound["epoch"]
        begun = time.perf_counter()
        if self._follows and latest and latest != shown and (at_once or begun >= self._live_at):
            self._show_epoch(latest, move=True)
            now = time.perf_counter()
            self._live_at = now + (now - begun) / LIVE_SHARE
        elif at_once or not self._follows or latest >= 1.1 * self._slider.max:
            # A slider that follows is extended less often: it is moved to the next epoch that is reconstructed.
            self._show_progress()

    def _show_epoch(self, epoch: int, *, move: bool = False) -> np.ndarray | None:
        """Mark an epoch, show and return the reconstructions by its model, and with `move` also move the slider."""
        if self.children and move:
            # Move the slider first: the user may move it during the reconstruction.
            self._show_progress(epoch)
        kept, reconstruction = self._snapshots.reconstruction(epoch)
        if self.children:
            examples = None if reconstruction is None else self._snapshots.for_page(reconstruction)
            self._chart.rewind(epoch, kept, examples)
        return reconstruction

    def _show_state(self) -> None:
        """Update the pause button and the text of the state."""
        if self.children:
            paused = self.control.state == "paused"
            self._pause.description, self._pause.icon = ("Resume", "play") if paused else ("Pause", "pause")
            self._chart.change(**self._more())

    def _show_progress(self, epoch: int | None = None) -> None:
        """Update the range of the slider and the planned number of epochs, and move the slider to an epoch."""
        if self.children and self.histories:
            # Few messages, because each one interrupts the training. But the slider needs two: if its new value and
            # maximum came together, the page would limit the value by the old maximum, and send that back.
            with self._own, self._play.hold_sync():
                self._slider.max = self._play.max = len(self.history) or self._slider.max
                self._planned_epochs.value = self._planned or self._planned_epochs.value
                if epoch is not None:
                    self._follows = epoch == self._slider.max
                    self._slider.value = self._play.value = epoch

    def _enable_buttons(self) -> None:
        """Enable the buttons during a run, and disable them otherwise."""
        if self.children:
            for button in (self._pause, self._step, self._stop, self._planned_epochs):
                button.disabled = self._run is None


def _button(text: str, icon: str, tooltip: str, **same: ipywidgets.Widget) -> ipywidgets.Button:
    return ipywidgets.Button(description=text, icon=icon, tooltip=tooltip, **same)


def outcome(history: History) -> str:
    """Return the number of epochs, the best epoch and the number of restores as text."""
    count = len(history.restored_epochs)
    restored = f"restored {many(count, 'time')}" if count else "never restored"
    return f"{many(len(history), 'epoch')}{best_as_text(history)}, {restored}"
