"""Checks of the exercises of lesson 1, *Find the abnormal heartbeat*."""

from __future__ import annotations

from typing import Any

from trainers.course.verdict import NotYet, exercise


@exercise("1.1", "a false alarm rate between 0 and 1")
def check_1(rate: Any) -> str:
    """One alarm in a hundred normal beats."""
    if not 0 < rate < 1:
        msg = f"a rate is a share, between 0 and 1; got {rate}. One in a hundred is …?"
        raise NotYet(msg)
    if rate != 0.01:
        msg = f"{rate:g} is {1000 * rate:g} alarms in a thousand normal beats; ten in a thousand were asked for."
        raise NotYet(msg)
    return "The line moves right: fewer normal beats are called abnormal, and more abnormal ones are missed."
