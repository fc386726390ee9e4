"""Classroom mode: one setting that makes a lesson readable from the last row and keeps its training runs short.

Set the environment variable ``TRAINERS_CLASSROOM=1`` before the kernel starts (``make class`` does this), or
call `on` in a running notebook. Then

- every `trainers.Figure` has larger text, thicker lines and larger markers,
- every widget of `trainers.widgets` is drawn larger, also if it is already on the page,
- every training run stops at the end of the epoch in which its training time exceeds 25 s; `trainers.benchmark` prints
  this, and a `trainers.Run` gives it in `stopped`.

>>> from notebooks.course import classroom
>>> classroom.on(seconds=10)
Classroom mode is on: text, lines and plots are larger, and a training run stops after the epoch that exceeds 10 s.
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

# Font sizes in pixels of text, code, and menus and tables; JupyterLab's defaults are 14, 13 and 13.
TEXT, CODE, MENUS = 19, 18, 16
_ID = "trainers-classroom"
# For the page's text; larger.css is for widgets. Printed lines may be wider than the page, so they break between words.
_STYLE = f"""<style>
.jp-OutputArea-output pre {{ word-break: normal; overflow-wrap: anywhere; }}
.jp-Notebook {{ --jp-content-font-size1: {TEXT}px; --jp-code-font-size: {CODE}px; }}
.jp-Notebook .jp-RenderedHTMLCommon table {{ font-size: {MENUS}px; }}
</style>"""


class _Message:
    """A sentence that a notebook shows, with a style sheet for the page."""

    def __init__(self, sentence: str, style: str = "") -> None:
        self.sentence, self.style = sentence, style

    def _ipython_display_(self) -> None:
        shown = {"text/html": f"{self.style}<p>{escaped(self.sentence)}</p>", "text/plain": self.sentence}
        display(shown, raw=True, display_id=_ID)

    def __repr__(self) -> str:
        return self.sentence


def is_on() -> bool:
    """Return whether classroom mode is on, as set by `on` or `off`, or by default by ``TRAINERS_CLASSROOM``.

    Raises
    ------
    ValueError
        If neither `on` nor `off` was called and the environment variable is neither 1 nor 0.
    """
    return plotting.current_scale() > 1


def seconds() -> float | None:
    """Return the limit of a run's training time in classroom mode, in seconds, or None if the mode is off."""
    return training.current_time_limit() if is_on() else None


def on(seconds: float = CLASSROOM_SECONDS) -> Any:
    """Switch classroom mode on in this notebook or program.

    Parameters
    ----------
    seconds : float, default 25
        A training run stops after the epoch in which its training time exceeds this.

    Returns
    -------
    object
        A message of one sentence. As the last value of a notebook's cell, it also enlarges the text, code and outputs
        of that notebook, in JupyterLab and in Notebook 7, as long as the output is not cleared.

    Raises
    ------
    TypeError, ValueError
        If `seconds` is not a number of at least 0.
    """
    limit = training.checked_seconds(seconds)
    _switch(CLASSROOM_SCALE, limit)
    ends = f"a training run stops after the epoch that exceeds {limit:g} s"
    return _Message(f"Classroom mode is on: text, lines and plots are larger, and {ends}.", _STYLE)


def off() -> Any:
    """Switch classroom mode off, and restore the sizes of the page."""
    _switch(1.0, math.inf)
    message = _Message("Classroom mode is off.")
    if getattr(get_ipython(), "kernel", None) is not None:
        # Replaces the outputs that contain the style.
        display({"text/plain": message.sentence}, raw=True, display_id=_ID, update=True)
    return message


def _switch(scale: float, time_limit: float) -> None:
    # Imported here because the set-up check also runs if the packages of the widgets are missing.
    from trainers.widgets.base import follow_scale

    plotting.scale, training.time_limit = scale, time_limit
    follow_scale()
