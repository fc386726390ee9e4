"""Checks of the exercises of lesson 8, *Your own data*."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Series, load_oil_well
from data.recordings import EMPTY_SENSOR
from data.series import runs
from notebooks.course.answer_numbers import one_number
from notebooks.course.own_files import PUMP_EVENT, pump
from notebooks.course.verdict import NotYet, exercise

# Steps of one cycle of the pump, and the smallest number of cycles for training.
_CYCLE, _MIN_CYCLES = 40, 20
# First day in the file of exercise 8.1.
_FIRST_DAY = "2026-03-02"


@exercise("8.1", "the recording that `load_csv(druck, …)` returns")
def check_1(series: Any) -> str:
    """Check the file as a series with values and times."""
    if not isinstance(series, Series):
        msg = f"`series` must be the Series that `load_csv(druck, …)` returns, got {type(series).__name__}."
        raise NotYet(msg)
    if series.n_features != 1:
        msg = f"`series` must have one feature, the pressure, got {series.n_features}: {series.feature_names}."
        raise NotYet(msg)
    expected = pump().values[:600]
    if len(series) != len(expected) or not np.allclose(series.values, expected, atol=0.002, equal_nan=True):
        msg = (
            "the values are not those of the file. Compare a few with its lines. Is the decimal sign right? "
            "Are all rows there?"
        )
        raise NotYet(msg)
    if series.labels is not None:
        msg = (
            "the values are right, but a column was used as `labels`, the true labels of abnormal steps. An open valve "
            "is not an anomaly. Leave the column 'Ventil' out."
        )
        raise NotYet(msg)
    if series.time is None:
        rate = "The sampling rate is right, but the" if series.sampling_rate else "There is no sampling rate, and the"
        msg = (
            f"the values are right, but the times were not read. {rate} column 'Zeit' was left out, so a missing row "
            "would not be noticed. Set `time` and `date_format`, and leave `irregular` as it is."
        )
        raise NotYet(msg)
    if series.sampling_rate is None and str(series.time[0])[:10] == _FIRST_DAY:
        msg = (
            "values and times are right, but there is no sampling rate: with `irregular='keep'`, a missing row is not "
            "noticed. The file has one row per second; omit this option."
        )
        raise NotYet(msg)
    if series.sampling_rate != 1 or str(series.time[0])[:10] != _FIRST_DAY:
        day = str(series.time[0])[:10]
        msg = f"`series` begins on {day}, with {series.sampling_rate} rows per second. 02.03.2026 is a day in March."
        raise NotYet(msg)
    return "Values and times are right. You specified what `load_csv` cannot detect: the time column and date format."


@exercise("8.2", "a pair (start, end) of steps, with the end excluded")
def check_2(gap: Any) -> str:
    """Check the longest run of missing values."""
    gaps = runs(pump().missing[:, 0])
    longest = max(gaps, key=lambda one: one[1] - one[0])
    if np.ndim(gap) == 0 and np.asarray(gap).dtype.kind in "iuf":
        kind = "the length" if one_number(gap, "`gap`") == longest[1] - longest[0] else "one number"
        msg = f"`gap` must be a pair (start, end), got {kind}."
        raise NotYet(msg)
    if len(gap) != 2:
        msg = f"`gap` must be a pair of two numbers, got {len(gap)} entries. Choose only the longest gap."
        raise NotYet(msg)
    if isinstance(gap[0], tuple | list):
        msg = "`gap` must be a single pair, got several gaps. Choose the longest."
        raise NotYet(msg)
    start, end = gap
    if (start, end) == longest:
        return (
            "The length is end − start, and `pressure[start:end]` is exactly the gap. This is why the end is excluded."
        )
    if (start, end + 1) == longest:
        msg = "this end is the last missing step. The end must be the first step that is *not* missing."
    elif abs(start - longest[0]) <= 1 and abs(end - longest[1]) <= 1:
        msg = "this is off by one. Steps are counted from 0, and the start is the first missing step."
    elif (start, end) in gaps:
        msg = "this is a gap, but not the longest."
    elif start >= end:
        msg = f"the start of `gap` must be less than its end, got ({start}, {end})."
    else:
        msg = f"steps {start} to {end} are not a gap from its first to its last step. Look at `pressure.missing`."
    raise NotYet(msg)


@exercise("8.3", "a number between 0 and 1, the share of the recording")
def check_3(share: Any) -> str:
    """Check that the training part is normal and long enough."""
    steps, share = len(pump()), one_number(share, "`share`")
    if not 0 < share < 1:
        msg = f"`share` must be a number between 0 and 1, got {share}. Divide a number of steps by {steps}, the length."
        raise NotYet(msg)
    end = round(share * steps)
    if end > PUMP_EVENT[0]:
        position = "well inside" if end > PUMP_EVENT[1] else "at the end of"
        msg = (
            f"the first {end} steps are not all normal: there is an event without a label {position} this part. "
            "Inspect the recording from the left, a few hundred steps at a time, and compare the cycles."
        )
        raise NotYet(msg)
    if end < _MIN_CYCLES * _CYCLE:
        msg = (
            f"{end} steps are {end / _CYCLE:.0f} cycles of {_CYCLE} steps; a fifth of them is used for the threshold. "
            "This is too few. A longer part is normal; use all of it."
        )
        raise NotYet(msg)
    return (
        f"The part is normal and long enough: {end} steps, {end // _CYCLE} cycles. From step {PUMP_EVENT[0]} to "
        f"{PUMP_EVENT[1]}, the cycle is abnormal. With the default of 0.5, the network would have been trained on this "
        "fault, and would not have detected similar faults."
    )


@exercise("8.4", 'a list of names of sensors, such as ["P-PDG", "QGL"]')
def check_4(keep: Any) -> str:
    """Check which sensors of well 2 vary, and stay in the range of the first half of the training part."""
    training = load_oil_well(2).training
    names = list(training.feature_names)
    if isinstance(keep, str):
        msg = f"`keep` must be a list of names, got the string {keep!r}. Write [{keep!r}]."
        raise NotYet(msg)
    chosen = [str(name) for name in keep]
    if EMPTY_SENSOR in chosen:
        msg = f"{EMPTY_SENSOR} has no value in this well, so it cannot be kept."
        raise NotYet(msg)
    if unknown := [name for name in chosen if name not in names]:
        msg = f"{unknown[0]} is not a sensor of well 2. The names are {', '.join(names)}."
        raise NotYet(msg)
    outside = _outside(training.values)
    for name, values, share in zip(names, training.values.T, outside, strict=True):
        if name in chosen and np.ptp(values) == 0:
            msg = f"{name} is constant in the training part, so it contains no information."
            raise NotYet(msg)
        if name in chosen and share > 0.5:
            msg = (
                f"{share:.0%} of the second half of {name} lie outside the range of its first half. A value below the "
                "minimum is outside, and so is a value above the maximum: combine both conditions with `|`."
            )
            raise NotYet(msg)
        if name not in chosen and np.ptp(values) > 0 and share <= 0.5:
            msg = (
                f"{name} is missing, although it varies, and only {share:.0%} of its second half lie outside the range "
                "of its first half. The rule keeps it: it does not ask for flat lines."
            )
            raise NotYet(msg)
    return (
        f"{' and '.join(dict.fromkeys(chosen))} stay. The rule needs no test data. Now train with and without "
        "P-MON-CKP: compare the false alarms, the delay and VUS-PR. The solution shows the numbers."
    )


def _outside(values: np.ndarray) -> np.ndarray:
    """Return for each sensor the share of the second half that is outside the range of the first half."""
    first, second = np.array_split(values, 2)
    return ((second < first.min(axis=0)) | (second > first.max(axis=0))).mean(axis=0)
