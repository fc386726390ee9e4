"""`load_csv`: load your own recording from a delimited text file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from data.csv_columns import UNITS, choose_columns
from data.csv_table import Table, read_table
from data.csv_time import DAY_NUMBERS, Steps, Times, find_steps, read_times
from data.data_set import check_sampling_rate
from data.series import Series


class CSVWarning(UserWarning):
    """Warning about an ambiguous CSV file; the message gives the assumption, and the option to change it."""


class _Rows(NamedTuple):
    """Rows of a table: values (time, feature), labels (time,) or None, timestamps (time,) or None."""

    values: np.ndarray
    labels: np.ndarray | None
    stamps: np.ndarray | None


# not with pyarrow's strings, the default if pyarrow is installed: they do not support all regular expressions of Python
@pd.option_context("mode.string_storage", "python")
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
    r"""Load your own recording from a CSV file with one row per time step.

    If a default depends on an assumption, a `CSVWarning` states the assumption. Every error names the line, counted
    from 1 as in an editor, and the column.

    Parameters
    ----------
    path : path
        Path of the file. Empty lines are skipped, except in a file with one column, where each is a missing value.
        Lines at the top that begin with "#" are also skipped.
    time : str or sequence of str, optional
        Column of the times, or columns such as ``["Date", "Time"]``, whose cells are joined by a space.
        Default: the following kinds of column are tried in this order, and the first kind found in the file is used.
        If none is found, the series has no times.

        1. a column called time, timestamp, datetime, date, t or ds, in upper or lower case; a unit may follow, as in
           ``time_ms`` or ``Time [s]``
        2. a column of dates and a column of times of day, if no column contains both a date and a time of day
        3. a column of dates
        4. a column of increasing numbers whose name is another word for time, such as ``elapsed``
        5. columns of year, month and day
        6. a column of row numbers that increase in equal steps
    values : str or sequence of str, optional
        Columns of the measurements. Default: all other columns of numbers. Text columns (less than half of the cells
        are numbers) are left out. Columns of row numbers (``index``, ``id``, ``no``, …) are left out if there is a
        time column. A column whose name suggests times, labels or the number of a machine is kept, and a
        `CSVWarning` is issued. Empty cells, NaN, NA, null and ? are missing values; True is 1, False is 0.
    labels : str, optional
        Column of the labels. Default: a column called label, class, anomaly, is_anomaly, abnormal, outlier or
        ground_truth, in upper or lower case; otherwise none. Integers of at least 0 are not changed; 0 is normal. The
        strings "normal", "nominal", "ok", "n", "no", "false" and "0" become 0, all other strings become 1, 2, … in
        alphabetical order.
    normal : str or number, optional
        The normal label, such as ``normal="good"`` or ``normal=1``; needed only if it is neither 0 nor one of the
        strings listed under `labels`. All other labels become 1, 2, …
    sampling_rate : float, optional
        Rows per second (Hz). Default: computed from the times. If there are no times, or if they only count the steps
        (0, 1, 2, … or 1, 2, 3, …), the sampling rate is unknown.
    irregular : {"error", "keep", "interpolate", "ignore"}, default "error"
        How to handle times that are not in equal steps.

        "error"
            Each time may be at most a quarter of a step away from where equal steps would place it. Where times jump
            by an integer number of steps, rows of NaN are inserted (at most as many as the file has rows). An inserted
            row gets the label of its neighbours if both have the same label, otherwise 0. Any other irregularity
            raises an error.
        "keep"
            Use the rows as they are. No rows are inserted, and the sampling rate is unknown unless it is given.
        "interpolate"
            Interpolate linearly at equal steps. The length of a step is the median of the steps in the file. Each new
            row gets the label of the nearest row. Gaps of more than two steps become NaN.
        "ignore"
            Treat the rows as equally spaced time steps, and discard their times. Times may also repeat or decrease,
            as they do at the end of daylight saving time.

        With the other three, times must increase, with these exceptions, which cause a `CSVWarning`. If the newest row
        is the first, the rows are reversed. At most one row in a hundred may be late by at most ten rows; the rows
        are sorted. A row that is equal to an earlier row is left out. A row that only repeats the time of an earlier
        row is left out if this concerns at most one row in a hundred; more of them may be the rows of several machines.
    time_unit : {"s", "ms", "us", "ns", "min", "h", "d", "excel", "matlab"}, optional
        Unit of numeric times; "excel" and "matlab" are the day numbers of these programs. Default: the unit in the
        column's name, otherwise seconds. Integers that can be dates, such as 20240131, are read as dates.
    date_format : str, optional
        Format of dates, such as ``"%d.%m.%Y %H:%M:%S"``. Default: ISO 8601, such as 2024-01-31 13:45:00.5.
        Dates with a time zone are converted to UTC.
    separator : {",", ";", tab, "|", " "}, optional
        Separator of fields. Default: if line 1 is a line such as ``sep=;``, that separator. Otherwise tab,
        semicolon, vertical bar, comma and space are tried in this order, until one splits each of the first rows
        into the same number of fields. Lines such as ``Device: X9`` above the table are skipped. A space is not
        considered if most rows contain a semicolon, vertical bar or comma.
    decimal : {".", ","}, default "."
        Decimal separator.
    thousands : {",", ".", " ", "'"}, optional
        Thousands separator, as in 1,000. Default: none.
    header : bool, optional
        Whether the first row has the column names. Default: True unless the row has only numbers and dates; without
        a header, the columns are called "column 1" and so on.
    encoding : str, default "utf-8"
        Encoding of the file. A byte order mark of UTF-8 or UTF-16 is detected.

    Returns
    -------
    Series
        Series that has the name of the file, and the column names as `feature_names`. Its `time` contains seconds or
        dates.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, LookupError
        If the file or the encoding does not exist.
    TypeError, ValueError
        If the file is not a valid table, or a cell, column or option is invalid.

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
        times, order = read_times(table, columns.time, time_unit, date_format, notes)
        table = table.take(order)
        rows = _Rows(row_values[order], None if row_labels is None else row_labels[order], None)
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
        warnings.warn(f"{table.path}: {'; '.join(notes)}.", CSVWarning, stacklevel=3)
    series = Series(
        rows.values,
        labels=rows.labels,
        time=rows.stamps,
        name=table.path.stem,
        sampling_rate=sampling_rate,
        feature_names=columns.values,
    )
    series.sampling_rate = sampling_rate  # replaces a rate that Series computed from irregular times
    return series


def _check_equal(table: Table, times: Times, steps: Steps) -> None:
    if steps.equal:
        return
    gaps = np.diff(times.seconds)
    median = float(np.median(gaps))
    bad = np.flatnonzero(np.abs(gaps / median - np.maximum(np.rint(gaps / median), 1)) > 0.25)
    first = bad[0] if len(bad) else max(int(np.argmax(np.abs(steps.off))) - 1, 0)
    raise ValueError(
        f"{table.path}: the times must be in equal steps, got a median of {median:.6g} seconds and {len(bad)} of "
        f"{len(gaps)} steps that are not a multiple of the median, such as {gaps[first]:.6g} seconds before line "
        f"{table.lines[first + 1]}. Set irregular='interpolate' for equal steps, or irregular='keep'."
    )


def _with_missing_rows(table: Table, rows: _Rows, times: Times, steps: Steps, notes: list[str]) -> _Rows:
    n = int(steps.position[-1]) + 1
    inserted = n - len(rows.values)
    if inserted == 0:
        return rows._replace(stamps=times.stamps)
    gaps = np.flatnonzero(np.diff(steps.position) > 1)
    if inserted > len(rows.values):
        largest = gaps[np.argmax(np.diff(steps.position)[gaps])]
        raise ValueError(
            f"{table.path} must not have more missing rows than rows ({len(rows.values)}), got {inserted}, most "
            f"of them after line {table.lines[largest]}. Split the file at the gaps, or set irregular='keep'."
        )
    where = f"at {len(gaps)} places, first " * (len(gaps) > 1) + f"after line {table.lines[gaps[0]]}"
    rows_were = "1 row of NaN was" if inserted == 1 else f"{inserted} rows of NaN were"
    notes.append(f"{rows_were} inserted for missing rows {where}")
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
            f"{table.path} must have at most {2 * len(rows.values)} rows in equal steps of {step:.6g} seconds, got "
            f"{n}, most of them after line {table.lines[longest]}. Split the file there, or set irregular='keep'."
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
    return stamps + (np.rint(seconds * 1e9).astype("timedelta64[ns]") if stamps.dtype.kind == "M" else seconds)


def _agreed_rate(table: Table, given: float | None, found: float) -> float:
    """Return the given rate; raise if it differs from that of the times by more than one per cent."""
    if given is None:
        rounded = float(f"{found:.9g}")
        return rounded if abs(rounded - found) < 1e-11 * found else found  # 50, not 50.00000000000001
    if not 0.99 < given / found < 1.01:
        unit = next((unit for unit, scale in UNITS.items() if 0.99 < given * scale / found < 1.01), None)
        raise ValueError(
            f"{table.path}: sampling_rate must agree with the times ({found:.6g} rows per second), got {given} Hz. "
            f"Omit it{f', or set the unit of the times: time_unit={unit!r}' if unit else ''}."
        )
    return given
