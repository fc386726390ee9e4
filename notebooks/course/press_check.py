"""`PressCheck`: press a button while the cell counts; it says whether the press arrived, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from trainers.console import say
from trainers.widgets.base import answer_while_busy, bundle, buttons_answer, larger_in_class
from trainers.widgets.export import read_assets


class PressCheck(anywidget.AnyWidget):
    """A button for a cell that is busy: the same way that a training's buttons take.

    Parameters
    ----------
    seconds : float, default 15
        How long `count` waits for a press.

    Attributes
    ----------
    counted : float
        Seconds that it has counted.
    milliseconds : float or None
        From the press to its answer, by the page's clock; None until there was one.
    """

    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    _css = read_assets(("larger.css",), ".css")
    said = traitlets.Unicode("").tag(sync=True)
    counting = traitlets.Bool(False).tag(sync=True)

    def __init__(self, seconds: float = 15.0) -> None:
        super().__init__()
        self.seconds, self.counted = seconds, 0.0
        self.milliseconds: float | None = None
        self._pressed = False
        self.on_msg(self._hear)
        answer_while_busy(self)
        larger_in_class(self)

    def count(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Show the button, keep the cell busy until it is pressed or the time is over, and say what came of it.

        Parameters
        ----------
        clock : callable, optional
            The time in seconds.
        """
        from IPython.display import display

        display(bundle(self, repr(self)), raw=True)
        begun, told = clock(), -1
        # An earlier count's press is no answer to this one.
        self.milliseconds, self._pressed = None, False
        self.counting = True
        while (passed := clock() - begun) < self.seconds and self.milliseconds is None:
            # It never waits for messages, as a training does not.
            sum(range(10_000))
            if int(passed) > told:
                told = int(passed)
                self.said = f"{max(0, round(self.seconds) - told)} s left: press now"
        self.counted, self.counting = passed, False
        self.said = self.summary
        say(self.summary)

    @property
    def summary(self) -> str:
        """What came of it, in words."""
        if self.milliseconds is not None:
            return f"Your press arrived while the cell was counting; the answer took {self.milliseconds:.0f} ms."
        if self._pressed:
            return "Your press arrived while the cell was counting."
        what = f"No press arrived in {self.seconds:g} s. If nobody pressed, run this cell again, and press."
        if not buttons_answer():
            return f"{what} This kernel cannot hear a button in a busy cell: use ■ to stop a training."
        return f"{what} If you did: use JupyterLab from 4.4 or Notebook from 7.4; until then ■ stops a training."

    def _hear(self, _: Any, message: dict[str, Any], __: Any) -> None:
        if not self.counting:
            return
        if message.get("kind") == "press":
            self._pressed = True
            self.send({"kind": "heard"})
        elif message.get("kind") == "took":
            self.milliseconds = float(message["milliseconds"])

    def __repr__(self) -> str:
        return f"<PressCheck of {self.seconds:g} s>"
