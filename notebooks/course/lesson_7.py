"""Checks of the exercises of lesson 7, *Your own data*."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Series
from data.series import runs
from notebooks.course.answer_numbers import one_number
from notebooks.course.own_files import PUMP_EVENT, pump
from notebooks.course.verdict import NotYet, exercise

# Steps of a beat of the pump, and how many beats there should be to learn from.
_BEAT, _FEWEST = 40, 20
# The day on which the file of 7.1 begins.
_FIRST_DAY = "2026-03-02"


@exercise("7.1", "the recording that `load_csv(druck, …)` returns")
def check_1(tank: Any) -> str:
    """The file as a series with its clock."""
    if not isinstance(tank, Series):
        msg = f"that is a {type(tank).__name__}; `load_csv(druck, …)` returns a Series. Assign what it returns."
        raise NotYet(msg)
    if tank.n_features != 1:
        msg = f"one column holds measurements, and {tank.n_features} were taken: {', '.join(tank.feature_names)}."
        raise NotYet(msg)
    wanted = pump().values[:600]
    if len(tank) != len(wanted) or not np.allclose(tank.values, wanted, atol=0.002, equal_nan=True):
        msg = (
            "the values are not those of the file. Compare a few with its lines: is the decimal sign understood, "
            "and is every row there?"
        )
        raise NotYet(msg)
    if tank.labels is not None:
        msg = (
            "values are right, but a column was taken as `labels`: the truth about what is abnormal. A valve is no "
            "ground truth: that it is open says nothing of the kind. Leave it out."
        )
        raise NotYet(msg)
    if tank.time is None:
        rate = "The rate given by hand is right, but the" if tank.sampling_rate else "No sampling rate, and the"
        msg = (
            f"the values are right; the times were not read. {rate} column 'Zeit' was left out as text (the warning "
            "says so), so a missing row would go unnoticed. Say which column is the time, and how dates are written."
        )
        raise NotYet(msg)
    if tank.sampling_rate is None and str(tank.time[0])[:10] == _FIRST_DAY:
        msg = (
            "values and times are right, but there is no sampling rate: `irregular='keep'` takes the rows as they "
            "come, and a missing row goes unnoticed. The rows of this file come once a second; leave that option out."
        )
        raise NotYet(msg)
    if tank.sampling_rate != 1 or str(tank.time[0])[:10] != _FIRST_DAY:
        month = str(tank.time[0])[:10]
        msg = f"it begins on {month}, with {tank.sampling_rate} rows a second. In the file, 02.03.2026 is in March."
        raise NotYet(msg)
    return "Values and clock are right. What the header does not say, you had to: which column, day or month first."


@exercise("7.2", "a pair (start, end) of steps, the end not included")
def check_2(gap: Any) -> str:
    """The longest run of missing values."""
    gaps = runs(pump().missing[:, 0])
    longest = max(gaps, key=lambda one: one[1] - one[0])
    if np.ndim(gap) == 0 and np.asarray(gap).dtype.kind in "iuf":
        kind = "the length" if one_number(gap, "`gap`") == longest[1] - longest[0] else "one number"
        msg = f"that is {kind}; asked for is where it begins and ends, as a pair."
        raise NotYet(msg)
    if len(gap) != 2:
        msg = f"a pair of two numbers was asked for; this has {len(gap)} entries. Choose the longest gap alone."
        raise NotYet(msg)
    if isinstance(gap[0], tuple | list):
        msg = "these are several gaps; choose the longest one, a single pair."
        raise NotYet(msg)
    start, end = gap
    if (start, end) == longest:
        return (
            "Its length is end − start, and `pressure[start:end]` is exactly the gap: why the kit leaves the end out."
        )
    if (start, end + 1) == longest:
        msg = "so close: that is its last missing step. The end is the first step that is *not* missing any more."
    elif abs(start - longest[0]) <= 1 and abs(end - longest[1]) <= 1:
        msg = "off by one: steps are counted from 0, and the start is the first missing step."
    elif (start, end) in gaps:
        msg = "that is a gap, but not the longest."
    elif start >= end:
        msg = f"a gap begins before it ends; got ({start}, {end})."
    else:
        msg = f"steps {start} to {end} are not a gap from its first to its last step. Look at `pressure.missing`."
    raise NotYet(msg)


@exercise("7.3", "a share of the recording between 0 and 1")
def check_3(share: Any) -> str:
    """Normal, and enough."""
    steps, share = len(pump()), one_number(share, "`share`")
    if not 0 < share < 1:
        msg = f"a share lies between 0 and 1; got {share}. A number of steps is divided by the {steps} there are."
        raise NotYet(msg)
    end = round(share * steps)
    if end > PUMP_EVENT[0]:
        where = "deep inside" if end > PUMP_EVENT[1] else "at the edge of"
        msg = (
            f"the first {end} steps are not all normal: something lies {where} them that looks different. No label "
            "says so. Go through the picture from the left, a few hundred steps at a time, and compare the beats."
        )
        raise NotYet(msg)
    if end < _FEWEST * _BEAT:
        msg = (
            f"{end} steps are {end / _BEAT:.0f} beats of {_BEAT}, and a fifth of them for the threshold: too few. More "
            "than that is normal; take as much of it as there is."
        )
        raise NotYet(msg)
    return (
        f"Normal, and just enough: {end} steps, {end // _BEAT} beats; from step {PUMP_EVENT[0]} to {PUMP_EVENT[1]} the "
        "beat is another. The default of a half would have taught the network that a fault is normal: "
        "it would never have reported its like."
    )
