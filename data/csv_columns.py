"""Which column of a table is what, and its cells as numbers or labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data.csv_table import DATE, DECIMAL_COMMA, Table

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
_TIME = re.compile(
    r"(?:times?|timestamps?|date ?time|date|t|ds)"
    r"(?:[ (\[]+(?P<unit>s|sec|seconds|ms|us|µs|ns|min|h)[)\]]*)?"
)
_LABELS = re.compile(
    r"labels?|class|(?:is )?anomal(?:y|ies|ous)|(?:is )?abnormal|(?:is )?outlier|isanomaly|isoutlier|ground truth"
)
_NORMAL_WORDS = ("normal", "nominal", "ok", "n", "no", "false", "0")


class Columns(NamedTuple):
    """The columns' names by role, and what was decided that the file does not say."""

    time: str | None
    labels: str | None
    values: list[str]
    notes: list[str]


def choose_columns(table: Table, time: str | None, values: Any, labels: str | None) -> Columns:
    """The columns asked for, and where none was the ones that the rules of `load_csv` find."""
    names = list(table.frame.columns)
    notes = []
    if not table.has_header:
        notes.append(f"line {table.lines[0]} is data, so the columns are called {', '.join(map(repr, names))}")
    if values is not None and not isinstance(values, Iterable):
        msg = f"values takes the name of a column, or several; got {values!r}. The columns are {names}."
        raise TypeError(msg)
    wanted = [values] if isinstance(values, str) else None if values is None else list(values)
    for name in (time, labels, *(wanted or ())):
        if name is not None and not isinstance(name, str):
            msg = f"time, labels and values take columns by their names; got {name!r}. They are {names}."
            raise TypeError(msg)
        if name is not None and name not in names:
            msg = f"{table.path} has no column {name!r}. Its columns are {', '.join(map(repr, names))}."
            raise ValueError(msg)
    taken = [name for name in (time, labels, *(wanted or ())) if name is not None]
    if len(set(taken)) < len(taken) or wanted == []:
        msg = f"time, labels and values take columns of their own, at least one for values; got {taken}."
        raise ValueError(msg)
    free = [name for name in names if name not in taken]
    if labels is None:
        labels = _by_name(table, _LABELS, free, "labels")
        free = [name for name in free if name != labels]
    if time is None:
        time = _by_name(table, _TIME, free, "time")
        if time is None and free and free[0] == names[0] and _looks_like_time(table, len(free) + len(wanted or ())):
            time = names[0]
            notes.append(
                f"the first column, {time!r}, rises in equal steps or holds dates, so it was taken as the time"
            )
    if wanted is None:
        rest = [name for name in names if name not in (time, labels)]
        empty = [n for n in rest if n.startswith("column ") and table.frame[n].isna().all()]
        text = [n for n in rest if n not in empty and is_text(table.frame[n])]
        wanted = [n for n in rest if n not in (*empty, *text)]
        if text:
            notes.append(f"columns of text were left out: {', '.join(map(repr, text))}")
    if not wanted:
        msg = (
            f"{table.path} has no column of numbers to be the values: time is {time!r}, labels are {labels!r}, "
            f"all columns are {names}. Name them: time=…, labels=…, values=[…]."
        )
        raise ValueError(msg)
    return Columns(time, labels, wanted, notes)


def unit_of(name: str) -> str | None:
    """The unit of time in a column's name, such as "ms" in "time_ms" or "Time [ms]"."""
    found = _TIME.fullmatch(_plain(name))
    unit = found["unit"] if found else None
    return {"sec": "s", "seconds": "s", "µs": "us"}.get(unit, unit) if unit else None


def as_numbers(table: Table, name: str) -> np.ndarray:
    """A column as float64, NaN where a cell is missing, or an error that names the first cell that is no number."""
    column = table.frame[name]
    if column.dtype.kind in "biuf":
        numbers = column.to_numpy(np.float64)
    else:
        numbers = _numbers(column)
        bad = np.flatnonzero(np.isnan(numbers) & column.notna().to_numpy())
        if len(bad):
            cell = str(column.iloc[bad[0]]).strip()
            remedy = "Correct it, or leave the cell empty where a value is missing."
            if DECIMAL_COMMA.fullmatch(cell):
                remedy = "If that is a decimal comma, give decimal=','."
            msg = (
                f"{table.path}, line {table.lines[bad[0]]}, column {name!r}: {cell!r} is no number "
                f"({len(bad)} such cells). {remedy}"
            )
            raise ValueError(msg)
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(np.isinf(numbers.astype(np.float32)))
    if len(bad):
        msg = (
            f"{table.path}, line {table.lines[bad[0]]}, column {name!r}: {column.iloc[bad[0]]} is infinite or larger "
            "than float32 can hold. Leave the cell empty, or scale the column."
        )
        raise ValueError(msg)
    return numbers


def as_values(table: Table, names: Sequence[str]) -> np.ndarray:
    """Columns as an array (rows, columns), each with at least one value."""
    columns = []
    for name in names:
        numbers = as_numbers(table, name)
        if np.isnan(numbers).all():
            msg = f"{table.path}: the column {name!r} has no value at all. Leave it out: values=[…] names the others."
            raise ValueError(msg)
        columns.append(numbers)
    return np.stack(columns, axis=1)


def as_labels(table: Table, name: str, normal: Any) -> np.ndarray:
    """A column as whole numbers, 0 where it is normal."""
    column = table.frame[name]
    where = f"{table.path}, line {{}}, column {name!r}"
    missing = np.flatnonzero(column.isna())
    if len(missing):
        msg = (
            f"{where.format(table.lines[missing[0]])}: the label is missing ({len(missing)} rows). "
            f"Fill it in; or, if the column is a measurement, name the columns: values=[…, {name!r}]."
        )
        raise ValueError(msg)
    if column.dtype.kind in "biuf" and normal is None:
        numbers = column.to_numpy(np.float64)
        bad = np.flatnonzero((numbers < 0) | (numbers != np.trunc(numbers)) | (numbers >= 2**31))
        if len(bad):
            msg = (
                f"{where.format(table.lines[bad[0]])}: labels are whole numbers from 0 (normal) up; got "
                f"{column.iloc[bad[0]]}. Say which is normal: normal=…; or, if the column is a measurement, "
                f"name the columns: values=[…, {name!r}]."
            )
            raise ValueError(msg)
        return numbers.astype(np.int64)
    texts = column.astype(str).str.strip()
    kinds = texts.value_counts()
    if normal is None:
        chosen = [kind for kind in kinds.index if kind.lower() in _NORMAL_WORDS]
    else:
        chosen = [kind for kind in kinds.index if _same(kind, str(normal).strip())]
    if not chosen:
        some = ", ".join(f"{kind!r} ({count} rows)" for kind, count in kinds.head(8).items())
        msg = (
            f"{table.path}, column {name!r}: "
            f"{'none of the labels says what is normal' if normal is None else f'no label is {normal!r}'}; they are "
            f"{some}{', …' * (len(kinds) > 8)}. Say which is normal: normal=…; or, if the column is none of labels, "
            "name the columns: values=[…]."
        )
        raise ValueError(msg)
    others = sorted((kind for kind in kinds.index if kind not in chosen), key=_numbers_first)
    number = dict.fromkeys(chosen, 0) | {kind: i for i, kind in enumerate(others, 1)}
    return texts.map(number).to_numpy(np.int64)


def _by_name(table: Table, pattern: re.Pattern[str], names: list[str], role: str) -> str | None:
    found = [name for name in names if pattern.fullmatch(_plain(name))]
    if len(found) > 1:
        msg = (
            f"{table.path}: several columns could be the {role}: {', '.join(map(repr, found))}. "
            f"Say which: {role}={found[0]!r}; name the others in values=[…] if they are measurements."
        )
        raise ValueError(msg)
    return found[0] if found else None


def _plain(name: str) -> str:
    return re.sub(r"[ _\-]+", " ", name.strip().lower())


def _looks_like_time(table: Table, columns: int) -> bool:
    """Whether the first column holds dates, or numbers that rise in equal steps beside other columns."""
    first = table.frame.iloc[:, 0]
    if first.isna().any():
        return False
    if first.dtype.kind not in "iuf":
        return bool(DATE.match(str(first.iloc[0])))
    steps = np.diff(first.to_numpy(np.float64))
    return bool(columns > 1 and len(steps) > 1 and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0))


def is_text(column: pd.Series) -> bool:
    """Whether less than half of the cells are numbers: then none were meant to be."""
    if column.dtype.kind in "biuf":
        return False
    cells = column.dropna()
    comma = cells.astype(str).str.strip().str.fullmatch(DECIMAL_COMMA.pattern).to_numpy(bool)
    return bool(np.mean(~np.isnan(_numbers(cells)) | comma) < 0.5)


def _numbers(column: pd.Series) -> np.ndarray:
    """NaN where a cell is no number; True and False are 1 and 0."""
    cells = column.astype(object).where(column.notna(), None)
    cells = cells.map(lambda cell: {"true": "1", "false": "0"}.get(text := str(cell).strip().lower(), text))
    return pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def _numbers_first(kind: str) -> tuple[int, float, str]:
    try:
        return 0, float(kind), kind
    except ValueError:
        return 1, 0.0, kind
