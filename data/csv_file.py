"""`load_csv`: your own recording from a delimited text file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from data.csv_columns import UNITS, choose_columns
from data.csv_table import Table, read_table
from data.csv_time import DAY_NUMBERS, Steps, Times, find_steps, read_times
from data.data_set import check_sampling_rate
from data.series import Series


class CSVWarning(UserWarning):
    """The file left something open. The message says what was assumed, and which option changes it."""


class _Rows(NamedTuple):
    """Values (time, feature), labels (time,) or None, timestamps (time,) or None."""

    values: np.ndarray
    labels: np.ndarray | None
    stamps: np.ndarray | None


def load_csv(
    path: str | os.PathLike[str],
    *,
    time: str | Sequence[str] | None = None,
    values: str | Sequence[str] | None = None,
    labels: str | None = None,
    normal: Any = None,
    sampling_rate: float | None = None,
    irregular: Literal["error", "keep", "interpolate", "ignore"] = "error",
    time_unit: str | None = None,
    date_format: str | None = None,
    separator: str | None = None,
    decimal: Literal[".", ","] = ".",
    thousands: str | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
) -> Series:
    r"""Load your own recording from a CSV file with one row for each time step.

    The rules below apply where an option is left out. Where they go beyond what the header says, a `CSVWarning`
    says what was assumed. Every error names the line, counted from 1 as in an editor, and the column.

    Parameters
    ----------
    path : path
        The file. Empty lines are skipped (in a file of one column they are missing values), and so are lines at
        the top that begin with "#".
    time : str or sequence of str, optional
        Column of the times, or columns such as ``["Date", "Time"]``, whose cells are joined by a space. Default:
        the one called time, timestamp, datetime, date, t or ds, in any spelling, also with a unit as in ``time_ms``
        or ``Time [s]``; a day and a time of day, if no column holds both; a column of dates; a column of numbers that
        rise under another name of a clock; year, month and day; a row number that rises in equal steps; otherwise
        none.
    values : str or sequence of str, optional
        Columns of the measurements. Default: all other columns of numbers. Columns of text, in which less than
        half of the cells are numbers, are left out, and so is a row number (``index``, ``id``, ``no``, …) beside a
        time. Columns that look like a clock, labels or a machine number are kept, with a warning. Empty cells, NaN,
        NA, null and ? are missing values; True is 1, False 0.
    labels : str, optional
        Column of the labels. Default: the one called label, class, anomaly, is_anomaly, abnormal, outlier
        or ground_truth, in any spelling; otherwise none. Integers from 0 (normal) up are kept as they are. Of the
        strings, "normal", "nominal", "ok", "n", "no", "false" and "0" are 0, the others 1, 2, … in alphabetical
        order.
    normal : str or number, optional
        The label that is normal, if it is another one: ``normal="N"``, ``normal=1``. The others are 1, 2, …
    sampling_rate : float, optional
        Rows per second (Hz). Default: that of the times, unless there are none or they only count the steps
        (0, 1, 2, … or 1, 2, 3, …).
    irregular : {"error", "keep", "interpolate", "ignore"}, default "error"
        What to do with times that are not in equal steps. Each may be off by a quarter of a step; where they jump by
        whole steps, rows are missing, and rows of NaN are inserted, at most as many as the file has (their label is
        that of both neighbours if these agree, otherwise 0). Any other times are an error. "keep" uses the rows as
        they are, inserts none and gives no sampling rate; "interpolate" interpolates linearly at equal steps of the
        median length, with the label of the nearest row; gaps of more than two steps become NaN. "ignore" treats the
        rows as equal steps and drops their times, also where these repeat or step back, as clocks do in autumn.
    time_unit : {"s", "ms", "us", "ns", "min", "h", "d", "excel", "matlab"}, optional
        Unit of times that are numbers; "excel" and "matlab" are their day numbers. Default: the one in the
        column's name, else seconds. Whole numbers that can be dates, such as 20240131, are read as dates.
    date_format : str, optional
        How dates are written, as in ``"%d.%m.%Y %H:%M:%S"``. Default: ISO 8601, as in 2024-01-31 13:45:00.5.
        Dates with a time zone become UTC.
    separator : {",", ";", tab, "|", " "}, optional
        The separator of fields. Default: the one in a first line like ``sep=;``, otherwise the first of tab,
        semicolon, vertical bar, comma and space that divides the first rows, or those below lines like
        ``Device: X9``, which are then skipped, into equally many fields. A space is not tried if most rows hold a
        semicolon, vertical bar or comma.
    decimal : {".", ","}, default "."
        The decimal sign.
    thousands : {",", ".", " ", "'"}, optional
        The sign between thousands, as in 1,000. Default: none.
    header : bool, optional
        Whether the first row names the columns. Default: it does unless it holds only numbers and dates; without
        a header, the columns are called "column 1" and so on.
    encoding : str, default "utf-8"
        The file's encoding. UTF-8 and UTF-16 with a byte order mark are recognised.

    Returns
    -------
    Series
        Named like the file, with the names of the columns as `feature_names`. `time` holds seconds or dates.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, LookupError
        If there is no such file or encoding.
    TypeError, ValueError
        If the file is not such a table, or a cell, a column or an option does not fit.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "pump.csv"
    >>> _ = path.write_text("time_ms,pressure,label\n0,1.1,0\n20,1.2,0\n40,7.5,1\n60,,0\n")
    >>> pump = load_csv(path)
    >>> pump
    Series 'pump': 4 steps, 1 feature, 1 value missing; 1 abnormal event
    >>> pump.sampling_rate
    50.0
    """
    for name, value, choices in (
        ("irregular", irregular, ("error", "keep", "interpolate", "ignore")),
        ("time_unit", time_unit, (None, *UNITS, *DAY_NUMBERS)),
        ("decimal", decimal, (".", ",")),
        ("thousands", thousands, (None, *{",", ".", " ", "'"} - {decimal})),
    ):
        if value not in choices:
            raise ValueError(f"{name} must be one of {choices}, got {value!r}.")
    check_sampling_rate(sampling_rate, os.fspath(path))
    table = read_table(
        path, separator=separator, decimal=decimal, thousands=thousands, header=header, encoding=encoding
    )
    columns = choose_columns(table, time, values, labels)
    notes = list(columns.notes)
    row_values = table.values(columns.values)
    row_labels = None if columns.labels is None else table.labels(columns.labels, normal, notes)
    rows = _Rows(row_values, row_labels, None)
    if columns.time is not None and irregular != "ignore":
        times = read_times(table, columns.time, time_unit, date_format, notes)
        steps = find_steps(times.seconds)
        if irregular == "keep":
            rows = rows._replace(stamps=times.stamps)
        elif irregular == "interpolate" and not steps.equal:
            rows, step = _interpolated(table, rows, times)
            sampling_rate = _agreed_rate(table, sampling_rate, 1 / step)
        else:
            _check_equal(table, times, steps)
            rows = _with_missing_rows(table, rows, times, steps, notes)
            if times.counted:
                rows = rows._replace(stamps=None)
            else:
                sampling_rate = _agreed_rate(table, sampling_rate, 1 / steps.step)
    if notes:
        warnings.warn(f"{table.path}: {'; '.join(notes)}.", CSVWarning, stacklevel=2)
    series = Series(
        rows.values,
        labels=rows.labels,
        time=rows.stamps,
        name=table.path.stem,
        sampling_rate=sampling_rate,
        feature_names=columns.values,
    )
    series.sampling_rate = sampling_rate  # Series derives one from times that were kept or count the rows
    return series


def _check_equal(table: Table, times: Times, steps: Steps) -> None:
    if steps.equal:
        return
    gaps = np.diff(times.seconds)
    usual = float(np.median(gaps))
    odd = np.flatnonzero(np.abs(gaps / usual - np.maximum(np.rint(gaps / usual), 1)) > 0.25)
    first = odd[0] if len(odd) else max(int(np.argmax(np.abs(steps.off))) - 1, 0)
    raise ValueError(
        f"{table.path}: the times are not in equal steps. Usual are {usual:.6g} seconds, and {len(odd)} of {len(gaps)} "
        f"are no whole multiple of it, such as the {gaps[first]:.6g} seconds before line {table.lines[first + 1]}. "
        "irregular='interpolate' makes equal steps, irregular='keep' takes the rows as they are."
    )


def _with_missing_rows(table: Table, rows: _Rows, times: Times, steps: Steps, notes: list[str]) -> _Rows:
    n = int(steps.position[-1]) + 1
    put_in = n - len(rows.values)
    if put_in == 0:
        return rows._replace(stamps=times.stamps)
    gaps = np.flatnonzero(np.diff(steps.position) > 1)
    where = f"{put_in} rows are missing at {len(gaps)} places, the first after line {table.lines[gaps[0]]}"
    if put_in > len(rows.values):
        largest = gaps[np.argmax(np.diff(steps.position)[gaps])]
        raise ValueError(
            f"{table.path}: {where}, the most after line {table.lines[largest]}: more than the {len(rows.values)} rows "
            "there are. Divide the file at the gaps, or take the rows as they are: irregular='keep'."
        )
    notes.append(f"{where}; rows of NaN were put in")
    values = np.full((n, rows.values.shape[1]), np.nan)
    values[steps.position] = rows.values
    labels = rows.labels
    before = np.searchsorted(steps.position, np.arange(n), side="right") - 1
    if labels is not None:
        after = np.searchsorted(steps.position, np.arange(n))
        labels = np.where(labels[before] == labels[after], labels[before], 0)
    return _Rows(values, labels, _shifted(times.stamps[before], (np.arange(n) - steps.position[before]) * steps.step))


def _interpolated(table: Table, rows: _Rows, times: Times) -> tuple[_Rows, float]:
    gaps = np.diff(times.seconds)
    step = float(np.median(gaps))
    n = int(times.seconds[-1] / step + 1e-6) + 1
    if n > 2 * len(rows.values):
        longest = int(np.argmax(gaps))
        raise ValueError(
            f"{table.path}: equal steps of {step:.6g} seconds would make {n} rows of {len(rows.values)}, most of them "
            f"after line {table.lines[longest]}. Divide the file there, or take the rows as they are: irregular='keep'."
        )
    grid = np.arange(n) * step
    values = np.stack([np.interp(grid, times.seconds, column) for column in rows.values.T], axis=1)
    before = np.clip(np.searchsorted(times.seconds, grid, side="right") - 1, 0, len(gaps) - 1)
    part = (grid - times.seconds[before]) / gaps[before]
    inside = (part > 1e-6) & (part < 1 - 1e-6)
    values[inside & (gaps[before] > 2 * step * (1 + 1e-6))] = np.nan
    nearest = before + (part > 0.5)
    labels = None if rows.labels is None else rows.labels[nearest]
    return _Rows(values, labels, _shifted(np.full(n, times.stamps[0]), grid)), step


def _shifted(stamps: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    if stamps.dtype.kind == "M":
        return stamps + np.rint(seconds * 1e9).astype("timedelta64[ns]")
    return stamps + seconds


def _agreed_rate(table: Table, given: float | None, found: float) -> float:
    """Return the given rate if the times agree with it within one per cent, otherwise raise."""
    if given is None:
        plain = float(f"{found:.9g}")
        return plain if abs(plain - found) < 1e-11 * found else found  # 50, not 50.00000000000001
    if not 0.99 < given / found < 1.01:
        unit = next((unit for unit, scale in UNITS.items() if 0.99 < given * scale / found < 1.01), None)
        raise ValueError(
            f"{table.path}: sampling_rate must agree with the times, got {given} Hz; its times are {found:.6g} rows a "
            f"second. Leave it out{f', or say the unit of the times: time_unit={unit!r}' if unit else ''}."
        )
    return given
