"""`Toolbar`: the buttons and the slider around a chart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets

from trainers.widgets.chart import Chart
from trainers.widgets.run_control import RunControl


class Toolbar:
    """Pause, step, stop, planned epochs; rewind, play, branch.

    Parameters
    ----------
    chart : Chart
        Stands between the two rows.
    control : RunControl
        Told what is pressed.

    Attributes
    ----------
    box : ipywidgets.VBox
        The whole, to be displayed.
    follows : bool
        Whether the slider is at the latest epoch, and so goes along.
    """

    def __init__(self, chart: Chart, control: RunControl) -> None:
        self.control = control
        self.on_rewind: Callable[[int], Any] = lambda epoch: None
        self.on_branch: Callable[[int], Any] = lambda epoch: None
        self.on_plan: Callable[[int], Any] = lambda epochs: None
        self.follows = True
        # The thread that is changing the slider just now; the page's messages come on another.
        self._own: int | None = None

        self.pause = _button("Pause", "pause", "Wait before the next batch; press again to go on")
        self.step = _button("Step", "step-forward", "Train to the end of one epoch, then pause")
        self.stop = _button("Stop", "stop", "End the run cleanly; the notebook goes on")
        self.planned = ipywidgets.BoundedIntText(
            1,
            min=1,
            max=10**6,
            description="planned epochs",
            layout={"width": "190px"},
            style={"description_width": "initial"},
        )
        self.play = ipywidgets.Play(1, min=1, max=1, interval=350, show_repeat=False, layout={"width": "auto"})
        self.slider = ipywidgets.IntSlider(
            1, min=1, max=1, description="epoch", layout={"width": "auto", "flex": "1 1 240px"},
            style={"description_width": "initial"},
        )  # fmt: skip
        self.slider.tooltip = "Rewind to an epoch"
        self.branch = _button("Branch here", "code-fork", "Start a new run from this epoch's weights")
        ipywidgets.jslink((self.play, "value"), (self.slider, "value"))

        self.pause.on_click(lambda _: self._seen(control.resume if control.state == "paused" else control.pause))
        self.step.on_click(lambda _: self._seen(control.step))
        self.stop.on_click(lambda _: self._seen(control.stop))
        self.branch.on_click(lambda _: self.on_branch(self.slider.value))
        self.planned.observe(lambda change: self._is_own() or self.on_plan(change["new"]), "value")
        self.slider.observe(self._moved, "value")
        row = {
            "display": "flex",
            "flex_flow": "row wrap",
            "align_items": "center",
            "overflow": "hidden",
            "max_width": "980px",
        }
        self.box = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.pause, self.step, self.stop, self.planned], layout=row),
                chart,
                ipywidgets.HBox([self.play, self.slider, self.branch], layout=row),
            ]
        )

    def enable(self, running: bool) -> None:
        """Buttons that no run would hear are off."""
        for control in (self.pause, self.step, self.stop, self.planned):
            control.disabled = not running

    def show_control(self) -> None:
        """Let the buttons say what pressing them would do now."""
        paused = self.control.state == "paused"
        self.pause.description, self.pause.icon = ("Resume", "play") if paused else ("Pause", "pause")

    def show_progress(self, epochs: int, planned: int) -> None:
        """How far the slider reaches, and what is planned."""
        self._own = threading.get_ident()
        try:
            with self.slider.hold_sync(), self.play.hold_sync():
                if epochs and self.slider.max != epochs:
                    self.slider.max = self.play.max = epochs
            if planned and self.planned.value != planned:
                self.planned.value = planned
        finally:
            self._own = None

    def point(self, epoch: int) -> None:
        """Move the slider without asking for a reconstruction."""
        self._own, self.follows = threading.get_ident(), epoch == self.slider.max
        try:
            self.slider.value = self.play.value = epoch
        finally:
            self._own = None

    def select(self, epoch: int) -> None:
        """Move the slider as the user would."""
        self.slider.value = max(1, min(epoch, self.slider.max))

    def _moved(self, change: dict[str, Any]) -> None:
        if self._is_own():
            return
        self.control.seen()
        self.follows = change["new"] == self.slider.max
        self.on_rewind(change["new"])

    def _is_own(self) -> bool:
        return self._own == threading.get_ident()

    def _seen(self, order: Callable[[], None]) -> None:
        self.control.seen()
        order()


def _button(text: str, icon: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=text, icon=icon, tooltip=tooltip, layout={"width": "auto"})
