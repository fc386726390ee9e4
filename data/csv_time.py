"""Times of the rows of a table, and the grid of equal steps that fits them."""

from __future__ import annotations

import re
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.csv_columns import UNITS, unit_of
from data.csv_table import Table
from data.words import many

# Largest deviation of a time from the grid of equal steps, in steps; recorded times are rounded and have jitter.
_TOLERANCE = 0.25
# Largest share of rows that may repeat a time with other values, or be late, and by how many rows they may be late.
_RARE, _LATE = 0.01, 10
# Formats of integers that are dates, by their number of digits.
_COMPACT = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S%f"}
# Day numbers of 1970-01-01, 2000 and 2050; numbers between the last two are rarely seconds.
DAY_NUMBERS = {"excel": (25569, 36526, 54789), "matlab": (719529, 730486, 748749)}
# Common formats of dates, tried for the advice in errors.
_DAYS = (
    "%d.%m.%Y %d.%m.%y %d/%m/%Y %m/%d/%Y %d/%m/%y %m/%d/%y %d-%m-%Y %m-%d-%Y %d-%b-%Y %d/%b/%Y %Y.%m.%d %Y-%m-%d"
    " %Y/%m/%d %Y%m%d"
)
_CLOCKS = (
    "| %H:%M| %H:%M:%S| %H:%M:%S.%f| %I:%M %p| %I:%M:%S %p| %H.%M.%S| %H.%M|T%H:%M:%S|:%H:%M:%S| %H:%M:%S:%f| %H%M%S"
)
_STYLES = [*map("".join, product(_DAYS.split(), _CLOCKS.split("|"))), "%H:%M:%S", "%H:%M", "%a %b %d %H:%M:%S %Y"]
# Numbers above this are not in seconds: as seconds since 1970, they would be after the year 5000.
_NO_SECONDS = 1e11


class Times(NamedTuple):
    """Times: `stamps` for a Series, `seconds` since the first; `counted` if they only number the steps."""

    stamps: np.ndarray
    seconds: np.ndarray
    counted: bool


def read_times(
    table: Table, name: str, unit: str | None, date_format: str | None, notes: list[str]
) -> tuple[Times, np.ndarray | slice]:
    """Return a column as times that increase from row to row, and the rows that have them; an error names the line."""
    column = table.frame[name]
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise ValueError(
            f"{table.at(missing[0], name)}: the time must not be missing, got {len(missing)} rows without a time. "
            "Add the times, or remove the rows."
        )
    if date_format is None and unit is None and column.dtype.kind in "iu":
        date_format = _compact_format(table, name)
        if date_format:
            notes.append(f"{name!r} was read as dates: date_format={date_format!r} (for seconds, set time_unit='s')")
    numeric = date_format is None and not table.is_text(name)
    times = _from_numbers(table, name, unit, notes) if numeric else _from_dates(table, name, date_format)
    steps = np.diff(times.seconds)
    least = 1e-18 * np.ptp(times.seconds)  # so that int64 can count the steps
    rises = steps > least
    if rises.all():
        return times, slice(None)
    rows = _in_order(table, name, times.seconds, least, notes)
    if rows is None:
        i = int(np.argmin(rises))
        raise ValueError(
            f"{table.at(i + 1, name)}: the times must increase, got {column.iloc[i + 1]!s} after {column.iloc[i]!s} in "
            f"line {table.lines[i]} ({(~rises & (steps >= 0)).sum()} repeated, {(steps < 0).sum()} decreasing). "
            "Sort the rows by time, write one file per recording, or set irregular='ignore' to discard the times."
        )
    return read_times(table.take(rows), name, unit, date_format, [])[0], rows


def _in_order(table: Table, name: str, seconds: np.ndarray, least: float, notes: list[str]) -> np.ndarray | None:
    """Return the rows in order of time, the first row of each time; None if more than a few rows are out of order."""
    equal = table.frame.duplicated().to_numpy()
    rows = np.flatnonzero(~equal)
    steps, order = np.diff(seconds[rows]), np.argsort(seconds[rows], kind="stable")
    newest_first = bool((steps < 0).any() and (steps <= 0).all())
    late = np.zeros(1) if newest_first else np.abs(order - np.arange(len(rows)))
    rows = rows[order]
    repeated = np.append(False, np.diff(seconds[rows]) <= least)
    # refuse the rows of several machines, times that start again, and the end of daylight saving time
    if repeated.mean() > _RARE or (late > 0).mean() > _RARE or late.max() > _LATE or (late.any() and repeated.any()):
        return None
    if len(rows) < 2:
        return None
    if newest_first:
        notes.append(f"the newest row is the first by {name!r}, so the rows were reversed")
    for what, which in (
        (f"sorted by {name!r}", rows[order != np.arange(len(rows))] if late.any() else rows[:0]),
        ("left out, because they are equal to earlier rows", np.flatnonzero(equal)),
        (f"left out, because they repeat the {name!r} of earlier rows with other values", rows[repeated]),
    ):
        if len(which):
            notes.append(f"{many(len(which), 'row')}, first line {table.lines[which].min()}: {what}")
    return rows[~repeated]


def _compact_format(table: Table, name: str) -> str | None:
    """Return the date format of integers such as 20240131 if all fit it (more than half, if they are long)."""
    texts = table.frame[name].astype(str)
    digits = texts.str.len()
    named = re.search("dat|tag|day|year|month|jahr|monat", name.lower())
    style = _COMPACT.get(int(digits.iloc[0]))
    if style is None or digits.nunique() > 1 or (style == "%Y" and not named):
        return None
    for one in (style, "%y%m%d") if style == "%Y%m" and named else (style,):
        dates = pd.to_datetime(texts, format=one, errors="coerce")
        usual = dates.notna() & dates.dt.year.between(1950, 2100)
        if usual.mean() > 0.5 if len(style) > 8 else usual.all():
            return one
    return None


def _from_numbers(table: Table, name: str, unit: str | None, notes: list[str]) -> Times:
    numbers = table.numbers(name)
    found = unit or unit_of(name)
    for program, (_, low, high) in DAY_NUMBERS.items():
        if found is None and low <= numbers.min() and numbers.max() < high:
            is_date = bool(re.search("dat|tag", name.lower()))
            unit = program if is_date else None
            what = "was read as day numbers" if is_date else "was read as seconds; for day numbers, set"
            notes.append(f"{name!r} {what} time_unit={program!r}" + " (for seconds, set time_unit='s')" * is_date)
    if unit in DAY_NUMBERS:
        days = pd.to_datetime((numbers - DAY_NUMBERS[unit][0]).clip(-1e6, 1e6), unit="D", errors="coerce")
        bad = ~((days.year >= 1800) & (days.year <= 2200))
        if bad.any():
            raise ValueError(
                f"{table.path}, column {name!r}: cells must be day numbers, got {numbers[bad][0]:g}. Omit time_unit."
            )
        days = days.round("ms")
        return _stamped(days.to_numpy("datetime64[ns]"))
    if found is None and numbers[-1] > _NO_SECONDS:
        likely = next((u for u in ("ms", "us", "ns") if 6e8 < numbers[-1] * UNITS[u] < 4.2e9), None)
        raise ValueError(
            f"{table.path}, column {name!r}: times must be in seconds by default, got {table.frame[name].iloc[-1]}. "
            f"Set {f'time_unit={likely!r}' if likely else 'time_unit=… or date_format=…'}."
        )
    scale = UNITS[found or "s"]
    counted = found is None and numbers[0] in (0, 1) and bool(np.all(numbers == np.trunc(numbers)))
    counted = counted and float(np.median(np.diff(numbers))) == 1
    return Times(numbers * scale, (numbers - numbers[0]) * scale, counted)


def _from_dates(table: Table, name: str, date_format: str | None) -> Times:
    texts = table.frame[name].astype(str).str.strip()
    # normalize milliseconds after a comma, and UTC or GMT
    plain = texts.str.replace(r"(?<=:\d\d),(?=\d)", ".", regex=True)
    plain = plain.str.replace(r" ?(?:UTC|GMT)$", "" if date_format else "Z", regex=True)
    try:
        dates = _parsed(plain, date_format or "ISO8601")
    except (TypeError, ValueError, re.error) as error:
        raise ValueError(
            f"{table.path}, column {name!r}: date_format must be a format of strptime such as '%Y-%m-%d %H:%M', got "
            f"{date_format!r} ({error})."
        ) from None
    bad = np.flatnonzero(dates.isna())
    if len(bad):
        first = plain.iloc[[bad[0]]]
        fit = [s for s in _STYLES if _parsed(first, s).notna().all() and _parsed(plain, s).notna().all()]
        remedy = "Correct it." if len(bad) < len(texts) / 2 else "Set the format of dates: date_format=…."
        if fit:
            remedy = f"Set the format of dates: {' or '.join(f'date_format={style!r}' for style in fit[:2])}."
        wanted = f"a date of the form {date_format!r}" if date_format else "a number or a date like 2024-01-31 13:45:00"
        got = f"{texts.iloc[bad[0]]!r:.99} ({len(bad)} such cell{'s' * (len(bad) > 1)})"
        raise ValueError(f"{table.at(bad[0], name)}: the cell must be {wanted}, got {got}. {remedy}")
    return _stamped(dates.dt.tz_localize(None).to_numpy("datetime64[ns]"))


def _parsed(texts: pd.Series, style: str) -> pd.Series:
    return pd.to_datetime(texts, format=style, errors="coerce", utc=True)


def _stamped(stamps: np.ndarray) -> Times:
    return Times(stamps, (stamps - stamps[0]).astype(np.int64) / 1e9, counted=False)


class Steps(NamedTuple):
    """Grid of equal steps of `step` seconds: `position` (rows,) of each row, and deviation `off` (rows,), in steps."""

    position: np.ndarray
    step: float
    off: np.ndarray

    @property
    def equal(self) -> bool:
        """Whether every row is on the grid of equal steps."""
        return bool((np.abs(self.off) <= _TOLERANCE).all())


def find_steps(seconds: np.ndarray) -> Steps:
    """Return the grid of equal steps that fits increasing times best; missing rows leave steps without a row."""
    gaps = np.diff(seconds)
    median = float(np.percentile(gaps, 50, method="lower"))
    # with rounded times, the mean of the gaps near the median is more accurate than the median
    step = float(gaps[gaps < 1.5 * median].mean())
    position = np.concatenate([[0], np.cumsum(np.maximum(np.rint(gaps / step), 1))])
    step = float(seconds[-1] / position[-1])
    off = seconds / step - position
    return Steps(position.astype(np.int64), step, off - (off.max() + off.min()) / 2)
