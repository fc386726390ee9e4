"""`PressCheck`: a button that shows whether, and how fast, a press reaches a running cell."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from trainers.console import say
from trainers.widgets.base import answer_while_busy, buttons_answer, larger_in_class
from trainers.widgets.export import read_assets


class PressCheck(anywidget.AnyWidget):
    """A button for a running cell; its messages reach the kernel in the same way as those of the training monitor.

    Parameters
    ----------
    seconds : float, default 15
        Seconds that `count` waits for a press.

    Attributes
    ----------
    counted : float
        Seconds that the last `count` lasted.
    milliseconds : float or None
        Time from the press to its answer, by the page's clock; None before a press was answered.
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
        self.on_msg(self._receive)
        answer_while_busy(self)
        larger_in_class(self)

    def count(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Show the button, run until it is pressed or the time is over, and print the summary.

        Parameters
        ----------
        clock : callable, optional
            Returns the time in seconds. Default: `time.monotonic`.
        """
        from IPython.display import display

        # A dictionary instead of a tuple in some versions of anywidget.
        view: Any = self._repr_mimebundle_()
        display({**(view[0] if isinstance(view, tuple) else view), "text/plain": repr(self)}, raw=True)
        start, shown = clock(), -1
        # A press during an earlier count does not count here.
        self.milliseconds, self._pressed = None, False
        self.counting = True
        while (passed := clock() - start) < self.seconds and self.milliseconds is None:
            # No waiting for messages, as in a training run.
            sum(range(10_000))
            if int(passed) > shown:
                shown = int(passed)
                self.said = f"{max(0, round(self.seconds) - shown)} s left: press now"
        self.counted, self.counting = passed, False
        self.said = self.summary
        say(self.summary)

    @property
    def summary(self) -> str:
        """Whether the kernel received a press, how fast it answered, and what to do if it received none."""
        if self.milliseconds is not None:
            return f"The kernel received your press while the cell ran, and answered in {self.milliseconds:.0f} ms."
        if self._pressed:
            return "The kernel received your press while the cell ran."
        text = f"The kernel received no press in {self.seconds:g} s. If nobody pressed the button, run this cell again."
        interrupt = "use ■ (Interrupt the kernel) to stop a training run."
        if not buttons_answer():
            return f"{text} This kernel does not receive button presses while a cell is running: {interrupt}"
        return f"{text} If it was pressed, update to JupyterLab 4.4+ or Notebook 7.4+. Until then, {interrupt}"

    def _receive(self, _: Any, message: dict[str, Any], __: Any) -> None:
        if not self.counting:
            return
        if message.get("kind") == "press":
            self._pressed = True
            self.send({"kind": "received"})
        elif message.get("kind") == "took":
            self.milliseconds = float(message["milliseconds"])

    def __repr__(self) -> str:
        return f"<PressCheck of {self.seconds:g} s>"
