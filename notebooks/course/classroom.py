"""Classroom mode: one setting that makes a lesson readable from the last row and keeps its runs short.

Set the environment variable ``TRAINERS_CLASSROOM=1`` before the kernel starts (``make class`` does), or
call `on` in a notebook that runs. Then

- every `trainers.Figure` has larger text, thicker lines and larger marks,
- every widget of `trainers.widgets` is drawn larger, also one that is on the page already,
- every training run stops at the end of the epoch in which 25 s of training are over; `trainers.benchmark` says so,
  a plain `trainers.Run` has it in `stopped`.

>>> from notebooks.course import classroom
>>> classroom.on(seconds=10)
Classroom mode is on: text, lines and figures are larger, and a run ends with the epoch in which it passes 10 s.
>>> classroom.seconds()
10.0
>>> classroom.off()
Classroom mode is off.
"""

from __future__ import annotations

import math
from typing import Any

from IPython import get_ipython
from IPython.display import display

from data.markup import escaped
from trainers import plotting, training
from trainers.console import CLASSROOM_SCALE, CLASSROOM_SECONDS

# JupyterLab's own sizes in pixels, in place of 14, 13 and 13: its text, its code, its menus and tables.
TEXT, CODE, MENUS = 19, 18, 16
_ID = "trainers-classroom"
# The page's text; its widgets have larger.css. Printed lines are longer than the page now: they break between words.
_STYLE = f"""<style>
.jp-OutputArea-output pre {{ word-break: normal; overflow-wrap: anywhere; }}
.jp-Notebook {{ --jp-content-font-size1: {TEXT}px; --jp-code-font-size: {CODE}px; }}
.jp-Notebook .jp-RenderedHTMLCommon table {{ font-size: {MENUS}px; }}
</style>"""


class _Said:
    """A sentence that a notebook shows, with the style that goes with it."""

    def __init__(self, sentence: str, style: str = "") -> None:
        self.sentence, self.style = sentence, style

    def _ipython_display_(self) -> None:
        shown = {"text/html": f"{self.style}<p>{escaped(self.sentence)}</p>", "text/plain": self.sentence}
        display(shown, raw=True, display_id=_ID)

    def __repr__(self) -> str:
        return self.sentence


def is_on() -> bool:
    """Whether classroom mode is on: as set by `on` or `off`, by default by ``TRAINERS_CLASSROOM``.

    Raises
    ------
    ValueError
        If that environment variable counts, and says neither yes nor no.
    """
    return plotting.current_scale() > 1


def seconds() -> float | None:
    """The limit of a run's training time in classroom mode, in seconds; None where the mode is off."""
    return training.current_time_limit() if is_on() else None


def on(seconds: float = CLASSROOM_SECONDS) -> Any:
    """Switch classroom mode on, here and now.

    Parameters
    ----------
    seconds : float, default 25
        A run ends with the epoch in which its training time passes this.

    Returns
    -------
    object
        Says in one sentence what it did. As the last value of a notebook's cell it also makes the text, code and
        outputs of that notebook larger, in JupyterLab and in Notebook 7, as long as that output stands.

    Raises
    ------
    TypeError, ValueError
        If that is no number of seconds.
    """
    limit = training.checked_seconds(seconds)
    _switch(CLASSROOM_SCALE, limit)
    ends = f"a run ends with the epoch in which it passes {limit:g} s"
    return _Said(f"Classroom mode is on: text, lines and figures are larger, and {ends}.", _STYLE)


def off() -> Any:
    """Switch classroom mode off; what `on` has enlarged in the page goes back."""
    _switch(1.0, math.inf)
    said = _Said("Classroom mode is off.")
    if getattr(get_ipython(), "kernel", None) is not None:
        # Outputs that carry the style lose it.
        display({"text/plain": said.sentence}, raw=True, display_id=_ID, update=True)
    return said


def _switch(scale: float, time_limit: float) -> None:
    # Imported here, since the set-up check also runs where the packages of the widgets are missing.
    from trainers.widgets.base import follow_scale

    plotting.scale, training.time_limit = scale, time_limit
    follow_scale()
