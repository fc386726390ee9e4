"""Events that were found beside the true ones: which were found, which were missed, which are false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

Events = list[tuple[int, int]]


class Compared(NamedTuple):
    """For each true event whether it was found, for each found event whether it touches a true one."""

    found: list[bool]
    true: list[bool]


def compare(true: Events, found: Events) -> Compared:
    """Match events: one step in common is enough.

    Parameters
    ----------
    true, found : list of (start, end)
        In order and apart from each other; the end not included.

    Returns
    -------
    Compared
        Of the lengths of the two lists.

    Examples
    --------
    >>> compare([(2, 5), (9, 12)], [(4, 6), (7, 8)])
    Compared(found=[True, False], true=[True, False])
    """
    result = Compared([False] * len(true), [False] * len(found))
    i = j = 0
    while i < len(true) and j < len(found):
        if true[i][0] < found[j][1] and found[j][0] < true[i][1]:
            result.found[i] = result.true[j] = True
        # Whichever ends first meets nothing further on.
        if true[i][1] <= found[j][1]:
            i += 1
        else:
            j += 1
    return result


def as_events(found: Any, length: int) -> Events:
    """`found` in order, checked: whole steps within the series, none twice.

    Raises
    ------
    TypeError, ValueError
        If an event is no (start, end), lies outside of the series, is empty, or overlaps another.
    """
    events: Events = []
    for number, event in enumerate(_listed(found)):
        try:
            start, end = (_whole(at) for at in event)
        except (TypeError, ValueError):
            msg = (
                f"found takes events (start, end) in whole time steps; got {event!r} at place {number}. "
                "series.events has this form, data.series.runs(mask) makes it."
            )
            raise TypeError(msg) from None
        if not 0 <= start < end <= length:
            msg = (
                f"found[{number}] must lie within the series, 0 <= start < end <= {length} (the end not included); "
                f"got ({start}, {end})."
            )
            raise ValueError(msg)
        events.append((start, end))
    events.sort()
    for before, after in pairwise(events):
        if after[0] < before[1]:
            msg = f"events in found must not overlap; got {before} and {after}. Join them into one."
            raise ValueError(msg)
    return events


def in_words(true: Events | None, found: Events | None) -> str:
    """How many events there are and how many were found.

    >>> in_words([(2, 5), (9, 12)], [(4, 6)])
    '2 true events: 1 found, 1 missed; 0 false alarms'
    >>> in_words(None, [(4, 6)])
    '1 event found'
    """
    if true is None:
        return "no events known" if found is None else f"{many(len(found), 'event')} found"
    if found is None:
        return many(len(true), "true event")
    compared = compare(true, found)
    hits = sum(compared.found)
    false = many(len(found) - sum(compared.true), "false alarm")
    return f"{many(len(true), 'true event')}: {hits} found, {len(true) - hits} missed; {false}"


def many(number: int, what: str) -> str:
    """A number with its noun, in thousands.

    >>> many(1, "step"), many(7500, "step")
    ('1 step', '7,500 steps')
    """
    return f"{number:,} {what}{'s' * (number != 1)}"


def _listed(found: Any) -> Sequence[Any]:
    if isinstance(found, str | bytes | dict):
        msg = f"found takes a list of (start, end); got {found!r}."
        raise TypeError(msg)
    try:
        return list(found)
    except TypeError:
        msg = f"found takes a list of (start, end); got {found!r}."
        raise TypeError(msg) from None


def _whole(step: Any) -> int:
    number = float(step)
    if isinstance(step, bool | np.bool_ | str) or number != int(number):
        raise TypeError
    return int(number)
