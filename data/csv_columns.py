"""Detection of the columns for times, labels and values in a table, by their names and cells."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data.csv_table import DATE, Table
from data.data_set import are_labels

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0}
_UNIT_WORDS = {
    "s": "s sec secs second seconds",
    "ms": "ms msec millis milliseconds",
    "us": "us µs μs usec micros microseconds",
    "ns": "ns nanos nanoseconds",
    "min": "min mins minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days",
}
_UNIT_OF_WORD = {word: unit for unit, words in _UNIT_WORDS.items() for word in words.split()}
_TIME = re.compile(rf"(?:times?|time ?stamps?|date ?time|date|t|ds)(?: (?:utc|gmt|{'|'.join(_UNIT_OF_WORD)}))*")
# Names of a time column, if its values are increasing.
_CLOCK = re.compile(
    r"\b(?:\w*(?:times?|stamps?|zeit|date)|datum|tag|fecha|hora|heure|horodatage|ts|epoch|clock|elapsed|when|utc|gmt"
    r"|created|updated|(?:recorded|logged|measured|received) (?:at|on)|(?<!per )(?:seconds?|secs?|millis\w*|micros\w*"
    r"|nanos\w*|minutes?|hours?|days?|months?|years?))\b|^t$"
)
_CALENDAR = ("year", "month", "day", "hour", "minute", "second", "week", "weekday", "day of week", "quarter")
_NUMBER_WORD = r"(?:id|no|nr|num(?:ber)?|idx|index|#)"
# Names of a row number, if the column counts the rows.
_COUNTER = re.compile(
    r"(?:unnamed|column|level) \d+|(?:index|idx|id|rows?|no|nr|num(?:ber)?|#|n|i|lfd|sl?|seq(?:uence)?|record|entry"
    rf"|line|sample|obs(?:ervation)?|step|cycle|frame|tick)(?: ?{_NUMBER_WORD})?"
)
_IDENTIFIER = re.compile(
    r"(?:.* )?(?:u?u?id|serial)|.* (?:no|nr|number|#)|(?:units?|machine|engine|device|asset|equipment|vehicle|patient"
    r"|subject|turbine|trial|session|experiment|run|batch|station|file|segment|recording)"
    rf"(?: ?(?:{_NUMBER_WORD}|name))?"
    rf"|(?:sensor|motor|pump|channel|site|node|group) ?(?:{_NUMBER_WORD}|name)"
)
_LABELS = re.compile(
    r"labels?|class|(?:is )?anomal(?:y|ies|ous)|(?:is )?abnormal|(?:is )?outlier|isanomaly|isoutlier|ground truth"
)
# Other names of labels, if the column has only two small integers.
_LIKE_LABELS = re.compile(
    r"\b(?:\w*(?:anomal\w*|abnormal\w*|outliers?|labels?|faults?|failures?)|faulty|fail(?:ed|s)?|targets?|class|attacks?"
    r"|defects?|defective|broken|damaged?|alarms?|events?|truth|gt|annotations?|flags?|change ?points?|normal)\b"
    r"|^y$"
)
_DAY = re.compile(r"\d{1,4}([./-])(?:\d{1,2}|[A-Za-z]{3})\1\d{1,4}")
_TIME_OF_DAY = re.compile(r"\d{1,2}([:.])\d\d(?:\1\d\d(?:[.,]\d+)?)?(?: ?[APap][Mm])?")
# Names of a column with the time of day.
_DAYTIME = re.compile(
    r"(?:(?:local|utc|gmt) )?(?:time|clock|hour|(?:uhr)?zeit|hora|heure|hh ?mm(?: ?ss)?)"
    r"(?: (?:of day|local|utc|gmt|hh|mm|ss|h|m|s))*"
)
_STARTS_OVER = "a count that starts again, for example in each of several recordings"
# Largest number of names in a message.
_MOST_NAMES = 8


class Columns(NamedTuple):
    """Names of the columns by role, and notes on assumptions."""

    time: str | None
    labels: str | None
    values: list[str]
    notes: list[str]


def choose_columns(table: Table, time: Any, values: Any, labels: str | None) -> Columns:
    """Return the requested columns, or those found by the rules of `load_csv`."""
    names = list(table.frame.columns)
    notes = list(table.notes)
    if not table.has_header:
        notes.append(f"line {table.lines[0]} has no column names, so the columns are called {_listed(names)}")
    if values is not None and not isinstance(values, Iterable):
        raise TypeError(f"values must be one or more column names, got {values!r}. The columns are {_listed(names)}.")
    wanted = [values] if isinstance(values, str) else None if values is None else list(values)
    times = [] if time is None else list(time) if isinstance(time, list | tuple) else [time]
    requested = [*times, *([] if labels is None else [labels]), *(wanted or ())]
    for name in requested:
        if not isinstance(name, str):
            wrong = f"must be column names, got {name!r}"
            raise TypeError(f"time, labels and values {wrong}. The columns are {_listed(names)}.")
        if name not in names:
            raise ValueError(f"{table.path} must have a column {name!r}, got the columns {_listed(names)}.")
    if len(set(requested)) < len(requested) or wanted == [] or (time is not None and not times):
        raise ValueError(f"time, labels and values must name different columns, got {time=}, {labels=}, {values=}.")
    free = [name for name in names if name not in requested]
    if labels is None:
        labels = _only(table, [name for name in free if _LABELS.fullmatch(_plain(name))], "labels")
        free = [name for name in free if name != labels]
    if time is None:
        times = _find_times(table, free, len(free) + len(wanted or ()) > 1, notes)
    if wanted is None:
        free = [name for name in free if name not in times]
        free = [n for n in free if not (n.startswith("column ") and table.frame[n].isna().all())]
        text = [n for n in free if table.is_text(n)]
        counted = [n for n in free if times and _COUNTER.fullmatch(_plain(n)) and _counts_rows(table.floats(n))]
        wanted = [n for n in free if n not in (*text, *counted)]
        if text:
            dates = [n for n in text if _DAY.match(str(table.frame[n].iloc[0]).strip())]
            hint = f"; if it contains the times, set time={dates[0]!r}" if dates and not times else ""
            notes.append(f"the text in {_listed(text)} was left out{hint}")
        if counted:
            notes.append(f"the row numbers in {_listed(counted)} were left out")
        notes += _doubts(table, wanted, text, labels, times)
    if not wanted:
        raise ValueError(
            f"{table.path} must have a column of numbers for the values, got {_listed(names)} (time: "
            f"{_listed(times) or None}, labels: {labels!r}). Set time=…, labels=… or values=[…]."
        )
    return Columns(_joined(table, times), labels, wanted, notes)


def _find_times(table: Table, free: list[str], others: bool, notes: list[str]) -> list[str]:
    """Return the column of the times, the columns of date and time of day, or an empty list."""
    frame, first = table.frame, table.frame.columns[0]
    texts = {name: str(frame[name].iloc[0]).strip() for name in free if frame[name].dtype.kind not in "biuf"}
    days = [name for name, cell in texts.items() if _DAY.fullmatch(cell)]
    clocks = [n for n, cell in texts.items() if _TIME_OF_DAY.fullmatch(cell) and (":" in cell or n not in days[:1])]
    days = [name for name in days if name not in clocks]
    clocks = [name for name in clocks if _DAYTIME.fullmatch(_plain(name))] or clocks
    named = [name for name in free if _TIME.fullmatch(_plain(name))]
    # prefer a column of dates with a time of day, unless its values mostly repeat
    full = [n for n, cell in texts.items() if n not in (*days, *clocks) and (DATE.match(cell) or n in named)]
    full = [n for n in full if _DAY.match(texts[n]) and frame[n].nunique() > len(frame) / 2]
    parts = [days[0], clocks[0]] if len(days) == len(clocks) == 1 and not full else []
    parts = parts if parts and _belong(frame, *parts) else []
    calendar = {_plain(name): name for name in free if _plain(name) in _CALENDAR[:6]}
    if {"year", "month", "day"} <= calendar.keys() and not parts and not full:
        clocklike = [
            n for n in free if n not in calendar.values() and (n in (*named, *days) or _CLOCK.search(_plain(n)))
        ]
        rises = [frame[n].is_unique if n in texts else _share_rising(table.floats(n)) == 1 for n in clocklike]
        parts = [] if any(rises) else list(calendar.values())
    if parts:
        notes.append(f"{_listed(parts)} are used as the time: time={parts}")
        return parts
    if full:
        texts = {name: cell for name, cell in texts.items() if name not in (*days, *clocks)}
        named = [name for name in named if name not in (*days, *clocks)]
    if len(named) > 1 or [_plain(name) for name in named] == ["t"]:
        named = [name for name in named if name in texts or _share_rising(table.floats(name)) == 1] or named[1:]
    if len(named) > 1:  # with another time column, "T" is a temperature
        named = [name for name in named if _plain(name) != "t"]
    if named:
        return [name for name in [_only(table, named, "time")] if name]
    dates = [name for name, cell in texts.items() if DATE.match(cell) and frame[name].notna().all()]
    if len(dates) == 1 or first in dates:
        found = dates[0]
    else:
        numbers = {name: table.floats(name) for name in free if name not in texts}
        rising = [name for name in numbers if _CLOCK.search(_plain(name)) and _share_rising(numbers[name]) == 1]
        counted = [
            n for n in numbers if _COUNTER.fullmatch(_plain(n)) and _counts_rows(numbers[n]) and table.has_header
        ]
        index = first in numbers and (len(first) == 1 or _COUNTER.fullmatch(_plain(first)))
        rising = rising or [first] * bool(index and _rises_evenly(numbers[first])) or counted
        if dates or not rising or not others:
            return []
        found = rising[0]
    what = f"the first column, {found!r}," if found == first else repr(found)
    notes.append(f"{what} has dates or increasing numbers, so it is used as the time: time={found!r}")
    return [found]


def _belong(frame: pd.DataFrame, day: str, clock: str) -> bool:
    """Return whether a time of day belongs to the row, unlike, for example, the time of sunrise."""
    if _DAYTIME.fullmatch(_plain(clock)):
        return True
    names = list(frame.columns)
    adjacent = abs(names.index(day) - names.index(clock)) == 1
    cells = frame[clock].astype(str).str.strip()
    cells = cells.str.rjust(int(cells.str.len().max()), "0")
    same_day = frame[day] == frame[day].shift()
    return adjacent and bool(same_day.any() and (cells > cells.shift())[same_day].all())


def _doubts(table: Table, wanted: list[str], text: list[str], labels: str | None, times: list[str]) -> list[str]:
    """Return notes on columns that may not be measurements, with the options to set."""
    found: dict[str, list[str]] = {}
    for name in wanted:
        plain = _plain(name)
        counter, clock = bool(_COUNTER.fullmatch(plain)), bool(_CLOCK.search(plain))
        is_first = not times and len(wanted) > 1 and name == table.frame.columns[0]
        if not (counter or clock or is_first or _IDENTIFIER.fullmatch(plain) or _LIKE_LABELS.search(plain)):
            continue
        x = table.floats(name)
        integers = bool(np.all((x == np.trunc(x)) | np.isnan(x)))
        if plain in _CALENDAR and integers:
            kind = "parts of a date"
        elif (counter or clock) and len(plain) > 1 and _starts_over(x, strict=not table.has_header):
            kind = _STARTS_OVER
        elif (clock and _share_rising(x) > 0.9) or (is_first and _rises_evenly(x)):
            kind = "a time"
        elif counter and len(plain) > 1 and integers and _share_rising(x) == 1 and table.has_header:
            kind = "a row number"
        elif _IDENTIFIER.fullmatch(plain) and integers and _identifies(x, plain):
            kind = "an identifier"
        elif _LIKE_LABELS.search(plain) and set(x[~np.isnan(x)]) <= {-1, 0, 1, 2} and len(set(x[~np.isnan(x)])) <= 2:
            kind = "labels"
        else:
            continue
        found.setdefault(kind, []).append(name)
    # a column that changes where a count starts again is the number of the recording
    for count in found.get(_STARTS_OVER, [])[:1]:
        back = np.diff(table.floats(count)) < 0
        names = [n for n in wanted if n != count and ((np.diff(table.floats(n)) != 0) == back).all()]
        found.setdefault("an identifier", []).extend(n for n in names if n not in found.get("an identifier", []))
    found = {kind: names for kind, names in found.items() if names}
    notes = [f"{_listed(names)} may be {kind}, not a measurement" for kind, names in found.items()]
    if found:
        rest = [name for name in wanted if not any(name in names for names in found.values())]
        options = [f"values={rest}" if 0 < len(rest) <= _MOST_NAMES else "values=[…]"]
        if "labels" in found and labels is None:
            options.append(f"labels={found['labels'][0]!r}")
        if not times and "a time" in found:
            options.append(f"time={found['a time'][0]!r}")
        notes[-1] += f": {', or '.join(options)}"
    changing = [n for n in text if _IDENTIFIER.fullmatch(_plain(n)) and table.frame[n].nunique() > 1]
    changing += [name for name in found.get("an identifier", []) if table.frame[name].nunique() > 1]
    if changing:
        notes.append(f"the values of {_listed(changing)} change: if they name several units, write one file per unit")
    return notes


def _identifies(x: np.ndarray, plain: str) -> bool:
    """Return whether integers are constant, in blocks, or in a repeated order, like machine numbers."""
    codes = pd.factorize(x)[0]
    kinds, changes = int(codes.max()) + 1, int((np.diff(codes) != 0).sum())
    few = kinds <= len(x) / 2
    in_turn = few and kinds > 2 and bool((codes[kinds:] == codes[:-kinds]).all())
    return plain.endswith("id") or kinds == 1 or (few and changes == kinds - 1) or in_turn


def _starts_over(x: np.ndarray, *, strict: bool) -> bool:
    """Return whether numbers increase and start again at the first; `strict`: increase by 1 from 0 or 1."""
    steps = np.diff(x)
    back = steps < 0
    rises = bool((steps[~back] == 1).all()) and x[0] in (0, 1) if strict else bool((steps[~back] > 0).all())
    return rises and 0 < back.sum() <= len(x) / 3 and bool((x[1:][back] == x[0]).all())


def _counts_rows(x: np.ndarray) -> bool:
    return x[0] in (0, 1) and bool((np.diff(x) == 1).all())


def _share_rising(x: np.ndarray) -> float:
    return float(np.mean(np.diff(x) > 0))


def _rises_evenly(x: np.ndarray) -> bool:
    steps = np.diff(x)
    return bool(len(steps) > 1 and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))


def _joined(table: Table, times: list[str]) -> str | None:
    """Return the column of the times; several columns are joined into one, which is added to the table."""
    if len(times) < 2:
        return times[0] if times else None
    frame, name = table.frame, " ".join(times)
    parts = frame[times]
    if {"year", "month", "day"} <= {_plain(one) for one in times} <= set(_CALENDAR[:6]):
        numbers = parts.set_axis([_plain(one) for one in times], axis=1).apply(pd.to_numeric, errors="coerce")
        frame[name] = pd.to_datetime(numbers.where(numbers.abs() < 1e5), errors="coerce").astype(str)
    else:
        frame[name] = parts.astype(str).fillna("").apply(lambda column: column.str.strip()).agg(" ".join, axis=1)
    frame[name] = frame[name].where(parts.notna().all(axis=1))
    return name


def unit_of(name: str) -> str | None:
    """Return the unit of time in a column's name, such as "ms" in "time_ms" or "Time [ms]"."""
    return _UNIT_OF_WORD.get((_plain(name).split() or [""])[-1])


def _only(table: Table, found: list[str], role: str) -> str | None:
    if len(found) > 1:
        raise ValueError(
            f"{table.path} must have one column for the {role}, got several candidates: {_listed(found)}. "
            f"Set {role}={found[0]!r}, and values=[…] if the others are measurements."
        )
    return found[0] if found else None


def _listed(names: list[str]) -> str:
    some = [f"{name!r:.99}" for name in names]
    return ", ".join(some if len(some) <= 2 * _MOST_NAMES else [*some[:_MOST_NAMES], "…", some[-1]])


def _plain(name: str) -> str:
    """Return a name in lower case with one space between words: "timeStamp [ms]" becomes "time stamp ms"."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r"[^\w#]+|_", " ", parted.lower()).strip()


def is_time(name: str) -> bool:
    """Return whether a column of increasing numbers has the name of a time, but not of a part of a date."""
    plain = _plain(name)
    return plain not in _CALENDAR and bool(_TIME.fullmatch(plain) or _CLOCK.search(plain))


def warn_of_columns(frame: pd.DataFrame, name: str, *, timed: bool) -> None:
    """Warn about features that are not measurements according to their name and values."""
    for column, cells in frame.items():
        plain, unit, x = _plain(str(column)), unit_of(str(column)), cells.to_numpy(np.float64, na_value=np.nan)
        known, steps = x[~np.isnan(x)], np.diff(x)
        integers, rises = bool((known == np.trunc(known)).all()), bool(len(steps) and (steps > 0).all())
        clock, counter = is_time(str(column)), bool(_COUNTER.fullmatch(plain))
        if clock and rises and not timed:
            times = f"pd.to_timedelta(frame.pop({column!r}), unit={'D' if unit == 'd' else unit!r})"
            remedy = f"frame.set_index({repr(column) if unit in (None, 's') else times})"
            timed = True
        elif (
            (clock and rises)
            or (counter and integers and rises)
            or (plain in _CALENDAR and integers)
            or ((clock or counter) and len(plain) > 1 and _starts_over(x, strict=False))
        ):
            remedy = f"frame.drop(columns={column!r})"
        elif _IDENTIFIER.fullmatch(plain) and integers and _identifies(x, plain):
            remedy = f"frame.drop(columns={column!r}), or one Series per group of frame.groupby({column!r})"
        elif (_LABELS.fullmatch(plain) and are_labels(known)) or (
            _LIKE_LABELS.search(plain) and len(set(known)) <= 2 and np.isin(known, (-1, 0, 1)).all()
        ):
            abnormal = " == -1" if (known < 0).any() else " == 0" * ("normal" in plain.split())
            remedy = f"labels=frame.pop({column!r}){abnormal}"
        else:
            continue
        msg = f"the column {column!r} of {name!r} must be a measurement to be a feature. If it is not, use {remedy}."
        warnings.warn(msg, stacklevel=3)
