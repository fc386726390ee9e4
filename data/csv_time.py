"""Times of a table's rows, and the equal steps that they are a part of."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from data.csv_columns import UNITS, as_numbers, is_text, unit_of
from data.csv_table import Table

# A time may lie this far from a grid of equal steps, in steps: clocks are rounded, and jitter a little.
_TOLERANCE = 0.25
# Later than the year 5000 if seconds since 1970: then they are no seconds.
_NO_SECONDS = 1e11


class Times(NamedTuple):
    """`stamps` as a Series takes them, `seconds` since the first; `counted` if they are but step numbers."""

    stamps: np.ndarray
    seconds: np.ndarray
    counted: bool


def read_times(table: Table, name: str, unit: str | None, date_format: str | None) -> Times:
    """A column as times that rise from row to row, or an error that names the line."""
    column = table.frame[name]
    missing = np.flatnonzero(column.isna())
    if len(missing):
        msg = (
            f"{table.path}, line {table.lines[missing[0]]}, column {name!r}: the time is missing ({len(missing)} "
            "rows). Fill it in, or remove the rows."
        )
        raise ValueError(msg)
    numeric = date_format is None and not is_text(column)
    times = _from_numbers(table, name, unit) if numeric else _from_dates(table, name, date_format)
    steps = np.diff(times.seconds)
    if not (steps > 0).all():
        i = int(np.argmin(steps > 0))
        what = "repeats the time of" if steps[i] == 0 else "is earlier than"
        msg = (
            f"{table.path}, line {table.lines[i + 1]}, column {name!r}: {column.iloc[i + 1]!s} {what} the row before, "
            f"{column.iloc[i]!s} in line {table.lines[i]} ({int((steps == 0).sum())} repeats, "
            f"{int((steps < 0).sum())} steps back). Sort the rows by time and leave one row for each."
        )
        raise ValueError(msg)
    return times


def _from_numbers(table: Table, name: str, unit: str | None) -> Times:
    numbers = as_numbers(table, name)
    unit = unit or unit_of(name)
    if unit is None and numbers[-1] > _NO_SECONDS:
        msg = (
            f"{table.path}, column {name!r}: times such as {table.frame[name].iloc[-1]} are no seconds. "
            "Say what they are: time_unit='ms', 'us' or 'ns'."
        )
        raise ValueError(msg)
    counted = unit is None and numbers[0] in (0, 1) and bool(np.all(numbers == np.trunc(numbers)))
    counted = counted and float(np.median(np.diff(numbers))) == 1
    seconds = (numbers - numbers[0]) * UNITS[unit or "s"]
    return Times(numbers * UNITS[unit or "s"], seconds, counted)


def _from_dates(table: Table, name: str, date_format: str | None) -> Times:
    texts = table.frame[name].astype(str).str.strip()
    dates = pd.to_datetime(texts, format=date_format or "ISO8601", errors="coerce", utc=True)
    bad = np.flatnonzero(dates.isna())
    if len(bad):
        wanted = f"a date of the form {date_format!r}" if date_format else "a number or a date like 2024-01-31 13:45:00"
        msg = (
            f"{table.path}, line {table.lines[bad[0]]}, column {name!r}: {texts.iloc[bad[0]]!r} is not {wanted} "
            f"({len(bad)} such cells). Say how dates are written, such as date_format='%d.%m.%Y %H:%M'."
        )
        raise ValueError(msg)
    stamps = dates.dt.tz_localize(None).to_numpy("datetime64[ns]")
    return Times(stamps, (stamps - stamps[0]).astype(np.int64) / 1e9, counted=False)


class Steps(NamedTuple):
    """`position` (rows,) of each row among equal steps of `step` seconds; `off` (rows,) how far from it, in steps."""

    position: np.ndarray
    step: float
    off: np.ndarray

    @property
    def equal(self) -> bool:
        """Whether every row lies where equal steps put it."""
        return bool((np.abs(self.off) <= _TOLERANCE).all())


def find_steps(seconds: np.ndarray) -> Steps:
    """The equal steps that fit rising times best; where rows are missing, a row is several steps on."""
    gaps = np.diff(seconds)
    usual = float(np.percentile(gaps, 50, method="lower"))
    # Rounded clocks make the median a poor step; the mean of the gaps like it is a good one.
    step = float(gaps[gaps < 1.5 * usual].mean())
    position = np.concatenate([[0], np.cumsum(np.maximum(np.rint(gaps / step), 1))])
    step = float(seconds[-1] / position[-1])
    off = seconds / step - position
    return Steps(position.astype(np.int64), step, off - (off.max() + off.min()) / 2)
