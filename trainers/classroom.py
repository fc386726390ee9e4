"""Classroom mode: one setting that makes a lesson readable from the last row and keeps its runs short.

Set the environment variable ``TRAINERS_CLASSROOM=1`` before the kernel starts (``make class`` does), or
call `on` in a notebook that runs. Then

- every `trainers.Figure` has larger text, thicker lines and larger marks,
- every widget of `trainers.widgets` is drawn larger, also one that is on the page already,
- every training run stops at the end of the epoch in which 25 s of training are over; `trainers.benchmark` says so,
  a plain `trainers.Run` has it in `stopped`.

>>> from trainers import classroom
>>> classroom.on(seconds=10)
Classroom mode is on: text, lines and figures are larger, and a run ends with the epoch in which it passes 10 s.
>>> classroom.seconds()
10.0
>>> classroom.off()
Classroom mode is off.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from numbers import Real
from typing import Any

from data.markup import escaped

# Text, lines and marks are so many times as large.
LARGER = 1.5
# JupyterLab's own sizes in pixels, in place of 14, 13 and 13: its text, its code, its menus and tables.
TEXT, CODE, MENUS = 19, 18, 16
# The limit of a run where none is chosen. With the last epoch of it: under half a minute.
SECONDS = 25.0
_ID = "trainers-classroom"
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
# The page's text; its widgets have larger.css. Printed lines are longer than the page now: they break between words.
_STYLE = f"""<style>
.jp-OutputArea-output pre {{ word-break: normal; overflow-wrap: anywhere; }}
.jp-Notebook {{ --jp-content-font-size1: {TEXT}px; --jp-code-font-size: {CODE}px; }}
.jp-Notebook .jp-RenderedHTMLCommon table {{ font-size: {MENUS}px; }}
</style>"""

_chosen: bool | None = None
_seconds = SECONDS
_followers: list[Callable[[], Any]] = []


class _Said:
    """A sentence that a notebook shows, with the style that goes with it."""

    def __init__(self, sentence: str, style: str = "") -> None:
        self.sentence, self.style = sentence, style

    def _ipython_display_(self) -> None:
        from IPython.display import display

        shown = {"text/html": f"{self.style}<p>{escaped(self.sentence)}</p>", "text/plain": self.sentence}
        display(shown, raw=True, display_id=_ID)

    def __repr__(self) -> str:
        return self.sentence


def is_on() -> bool:
    """Whether classroom mode is on: as said by `on` or `off`, else by ``TRAINERS_CLASSROOM``.

    Raises
    ------
    ValueError
        If that environment variable counts, and says neither yes nor no.
    """
    return _wished() if _chosen is None else _chosen


def seconds() -> float | None:
    """The limit of a run's training time in classroom mode, in seconds; None where the mode is off."""
    return _seconds if is_on() else None


def on(seconds: float = SECONDS) -> Any:
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
    global _seconds
    _seconds = checked_seconds(seconds)
    _choose(True)
    limit = f"a run ends with the epoch in which it passes {_seconds:g} s"
    return _Said(f"Classroom mode is on: text, lines and figures are larger, and {limit}.", _STYLE)


def off() -> Any:
    """Switch classroom mode off; what `on` has enlarged in the page goes back."""
    _choose(False)
    said = _Said("Classroom mode is off.")
    _take_back(said.sentence)
    return said


def follow(changed: Callable[[], Any]) -> None:
    """Have `changed` called after each switch; for what is on the page already."""
    _followers.append(changed)


def checked_seconds(seconds: Any) -> float:
    """A time limit as a number: 0 or more, infinity for none."""
    msg = f"seconds must be a number from 0 up, math.inf for no limit, got {seconds!r}."
    if isinstance(seconds, bool) or not isinstance(seconds, Real):
        raise TypeError(msg)
    if math.isnan(seconds) or seconds < 0:
        raise ValueError(msg)
    return float(seconds)


def _wished() -> bool:
    """What the environment variable says; nothing is no."""
    wish = os.environ.get("TRAINERS_CLASSROOM", "")
    if wish.strip().lower() not in (*_YES, *_NO):
        raise ValueError(f"TRAINERS_CLASSROOM must be 1 (classroom mode is on), 0 (off) or not set; got {wish!r}.")
    return wish.strip().lower() in _YES


def _choose(chosen: bool) -> None:
    global _chosen
    _chosen = chosen
    for changed in _followers:
        changed()


def _take_back(sentence: str) -> None:
    """Empty the outputs that carry the style, where a notebook shows some."""
    try:
        from IPython import get_ipython
    except ImportError:
        return
    if getattr(get_ipython(), "kernel", None) is None:
        return
    from IPython.display import display

    display({"text/plain": sentence}, raw=True, display_id=_ID, update=True)
