"""`Series`: a long recording at equal time steps with labels and times, validated on construction."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from data import windows
from data.csv_columns import UNITS, is_time, unit_of, warn_of_columns
from data.data_set import (
    DataSet,
    as_array,
    as_class_names,
    as_pandas,
    check_float32,
    check_integer,
    check_labels,
    check_sampling_rate,
    is_real_number,
)
from data.words import many

# Largest relative difference between two sampling rates that are considered equal.
RATE_TOLERANCE = 0.05


class Series:
    """One recording of any length, with one or more features, possibly with missing values.

    Parameters
    ----------
    values : array, tensor or table, shape (time, feature) or (time,)
        Values at equal time steps; NaN is a missing value. They are copied and converted to float32. The
        columns of a table of pandas, polars or pyarrow are the feature names; the index of a pandas.DataFrame
        gives the times if it has dates, durations, or numbers with a name such as "seconds" or "time_ms".
    labels : array of integers, shape (time,), optional
        Label of each time step: 0 is normal, a positive integer abnormal.
    time : array, shape (time,), optional
        Time of each step: increasing numbers (seconds), durations or dates. Default: counted from 0.
    name : str, default "series"
        Name in tables, plots and errors.
    sampling_rate : float, optional
        Time steps per second (Hz). Default: computed from the times if their steps are equal.
    feature_names : sequence of str, optional
        One unique name per feature. Default: "feature 0" and so on.

    Attributes
    ----------
    values : numpy.ndarray, shape (time, feature)
        Values as float32.
    labels : numpy.ndarray, shape (time,), or None
        Labels as int64.

    Raises
    ------
    TypeError
        If an argument is not an array of numbers.
    ValueError
        If a shape or a label is invalid, a value is infinite or not representable in float32, a feature has
        only missing values, or the times do not increase or do not agree with the sampling rate.

    Examples
    --------
    >>> Series([0.1, 0.2, float("nan"), 9.0, 0.1], labels=[0, 0, 0, 1, 0], name="pulse")
    Series 'pulse': 5 steps, 1 feature, 1 value missing; 1 abnormal event
    """

    def __init__(
        self,
        values: Any,
        *,
        labels: Any = None,
        time: Any = None,
        name: str = "series",
        sampling_rate: float | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        self.name = str(name)
        if isinstance(values := as_pandas(values), pd.DataFrame | pd.Series):
            feature_names = _column_names(values) if feature_names is None else feature_names
            time = _index_times(values.index) if time is None else time
        self.values = self._check_values(values)
        self.labels = None if labels is None else self._check_labels(labels)
        self.time = None if time is None else self._check_time(time)
        self.sampling_rate = self._check_rate(sampling_rate)
        names = default_names(self.n_features) if feature_names is None else feature_names
        self.feature_names = as_class_names(names, f"feature_names of {self.name!r}")
        if len(self.feature_names) != self.n_features or len(set(self.feature_names)) < self.n_features:
            wanted = f"{many(self.n_features, 'unique name')}, one per feature"
            raise ValueError(f"feature_names of {self.name!r} must be {wanted}, got {list(self.feature_names)}.")
        if isinstance(values, pd.DataFrame):
            warn_of_columns(values, self.name, timed=self.time is not None)

    @classmethod
    def of(cls, values: Any, name: str = "series") -> Series:
        """Return `values` unchanged if they are a series, otherwise one built from the array."""
        return values if isinstance(values, Series) else cls(values, name=name)

    @property
    def n_features(self) -> int:
        """Number of values at each time step."""
        return self.values.shape[1]

    @property
    def missing(self) -> np.ndarray:
        """Whether each value is missing, shape (time, feature), bool."""
        return np.isnan(self.values)

    @property
    def abnormal(self) -> np.ndarray:
        """Whether each time step is abnormal (has a label other than 0), shape (time,), bool."""
        if self.labels is None:
            raise ValueError(f"{self.name!r} must have labels, got None. Set Series(…, labels=…).")
        return self.labels != 0

    @property
    def events(self) -> list[tuple[int, int]]:
        """Each run of abnormal steps as (start, end), end excluded."""
        return runs(self.abnormal)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, part: slice) -> Series:
        """Return the part between two time steps, such as ``series[1000:2000]``, as a new series."""
        return self.part(part)

    def part(self, part: slice, name: str | None = None) -> Series:
        """Return the part between two time steps as a new series with another name."""
        if not isinstance(part, slice) or part.step not in (None, 1):
            raise TypeError(f"a part of {self.name!r} must be a slice with step 1, such as [1000:2000], got {part!r}.")
        series = Series(
            self.values[part],
            labels=None if self.labels is None else self.labels[part],
            time=None if self.time is None else self.time[part],
            name=name or self.name,
            feature_names=self.feature_names,
        )
        series.sampling_rate = self.sampling_rate  # also if the part has a gap
        return series

    def windows(self, length: int, *, stride: int = 1, max_missing: float = 0.5) -> DataSet:
        """Return the windows of the series as a data set, for a trainer.

        Missing values are masked and interpolated. If the series has labels, the label of a window is the largest label
        of its steps. Windows larger than 256 MB are cut when they are used.

        Parameters
        ----------
        length : int
            Time steps in a window.
        stride : int, default 1
            Time steps from one window to the next; the last window ends at the end of the series.
        max_missing : float, default 0.5
            Largest share of missing values in a window, below 1. Other windows are left out.

        Returns
        -------
        DataSet
            Sequences of shape (n, length, feature).

        Raises
        ------
        ValueError
            If an argument is invalid, or no window has enough values.

        Examples
        --------
        >>> Series(range(1000), name="ramp").windows(100, stride=50)
        DataSet 'ramp': 19 sequences of 100 steps, 1 feature
        """
        if check_integer(length, "length", 1) > len(self):
            raise ValueError(f"length must be at most {len(self)}, the steps of {self.name!r}, got {length}.")
        check_integer(stride, "stride", 1)
        if not is_real_number(max_missing) or not 0 <= max_missing < 1:
            raise ValueError(f"max_missing must be a number from 0 to below 1, got {max_missing!r}.")
        starts, gaps = windows.usable_starts(self.values, length, stride, max_missing)
        if not len(starts):
            wanted = f"a window of {length} steps with at most {max_missing:.0%} missing values"
            raise ValueError(f"{self.name!r} must have {wanted}, got 0. Raise max_missing or reduce length.")
        more: dict[str, Any] = {"name": self.name, "sampling_rate": self.sampling_rate}
        if self.labels is not None:
            largest = pd.Series(self.labels).rolling(length).max().to_numpy()
            more["labels"] = largest[starts + length - 1].astype(np.int64)
        return windows.window_set(self.values, starts, length, gaps=gaps, **more)

    def __repr__(self) -> str:
        text = f"Series {self.name!r}: {len(self)} steps, {many(self.n_features, 'feature')}"
        missing = int(self.missing.sum())
        text += f", {many(missing, 'value')} missing" * (missing > 0)
        return text if self.labels is None else f"{text}; {many(len(self.events), 'abnormal event')}"

    def _check_values(self, values: Any) -> np.ndarray:
        what = f"the values of {self.name!r}"
        array = as_array(values, what)
        if array.dtype.kind == "b" or array.ndim not in (1, 2) or 0 in array.shape:
            raise ValueError(
                f"{what} must be a non-empty array of numbers, of shape (time, feature) or (time,), got {array.dtype} "
                f"of shape {array.shape}. For shape (n, time, feature), use DataSet."
            )
        array = array[:, None] if array.ndim == 1 else array
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        check_float32(array, np.isinf(single), what)
        empty = np.flatnonzero(np.isnan(single).all(0))
        if len(empty):
            raise ValueError(f"feature {empty[0]} of {self.name!r} must have a value, got only NaN. Remove it.")
        return single

    def _check_labels(self, labels: Any) -> np.ndarray:
        what = f"the labels of {self.name!r}"
        array = as_array(labels, what)
        if array.shape != (len(self),):
            raise ValueError(f"{what} must have shape ({len(self)},), one label per step, got {array.shape}.")
        return check_labels(array, what)

    def _check_time(self, time: Any) -> np.ndarray:
        array = _as_times(time)
        if array.shape != (len(self),) or array.dtype.kind not in "iufM":
            numeric = pd.to_numeric(pd.Series(array.reshape(-1).astype(str)), errors="coerce").notna().all()
            reader = "pd.to_numeric(times)" if numeric else "pd.to_datetime(times, format=…)"
            raise ValueError(
                f"the times of {self.name!r} must be numbers or dates, one for each of the {len(self)} time steps, got "
                f"{array.dtype} of shape {array.shape}. Convert strings with {reader}."
            )
        unknown = np.flatnonzero(np.isnat(array) if array.dtype.kind == "M" else np.isnan(array))
        if len(unknown):
            raise ValueError(
                f"the times of {self.name!r} must not be missing, got a missing time at step {unknown[0]}."
            )
        rises = array[1:] > array[:-1]
        if not rises.all():
            at = int(np.argmin(rises))
            raise ValueError(
                f"the times of {self.name!r} must increase, got {array[at]} and then {array[at + 1]} at step {at + 1}. "
                "Sort the rows, and remove duplicates."
            )
        return array

    def _check_rate(self, rate: float | None) -> float | None:
        """Return `rate`, or the rate of the times if their steps are equal; raise if the two differ."""
        check_sampling_rate(rate, self.name)
        if self.time is None or len(self) < 2:
            return rate
        steps = np.diff(self.time) / (np.timedelta64(1, "s") if self.time.dtype.kind == "M" else 1.0)
        median, mean = float(np.quantile(steps, 0.5, method="lower")), float(np.mean(steps))
        if rate is None:
            equal = 0.5 * median < steps.min() and steps.max() < 1.5 * median
            return float(f"{1 / mean:.9g}") if equal else None
        # a gap changes the mean, rounded times change the median
        if min(abs(rate * median - 1), abs(rate * mean - 1)) > RATE_TOLERANCE:
            raise ValueError(
                f"sampling_rate of {self.name!r} must agree with its times, got {rate:g} Hz and steps of {median:.6g} "
                f"s ({1 / median:.6g} Hz). Numeric times must be in seconds."
            )
        return rate


def default_names(n_features: int) -> tuple[str, ...]:
    """Return the default feature names."""
    return tuple(f"feature {i}" for i in range(n_features))


def runs(mask: Any) -> list[tuple[int, int]]:
    """Return each run of True as (start, end), end excluded.

    >>> runs([False, True, True, False, True])
    [(1, 3), (4, 5)]
    """
    steps = np.diff(np.concatenate([[0], np.asarray(mask, dtype=np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _column_names(table: pd.DataFrame | pd.Series) -> list[str] | None:
    """Return the names of the columns; None if they are only numbers."""
    names = [table.name] if isinstance(table, pd.Series) else list(table.columns)
    if not any(isinstance(name, str | tuple) for name in names):
        return None
    return ["/".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in names]


def _index_times(index: pd.Index) -> Any:
    """Return the index of a table if it has times: dates, durations, or increasing numbers.

    Numbers are times if the index has the name of a time, or if they are floats in an index without a name.
    """
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    times = _as_times(index)
    if times.dtype.kind == "M" or isinstance(index, pd.TimedeltaIndex):
        return times
    timed = times.dtype.kind == "f" if index.name is None else is_time(str(index.name))
    if not timed or times.dtype.kind not in "iuf" or not (times[1:] > times[:-1]).all():
        return None
    return times * UNITS[unit_of(str(index.name)) or "s"]


def _as_times(time: Any) -> np.ndarray:
    """Return numbers or dates as an array of numbers, in seconds, or datetime64; anything else unchanged."""
    array = np.asarray(time.detach().cpu() if isinstance(time, torch.Tensor) else time)
    if array.dtype.kind in "OUT":
        kind = pd.api.types.infer_dtype(array.reshape(-1))
        with contextlib.suppress(TypeError, ValueError):  # the caller raises an error for other values
            if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
                array = array.astype(np.float64)
            elif kind == "timedelta":
                array = pd.to_timedelta(array).to_numpy()
            else:
                form = "ISO8601" if kind == "string" else None
                array = pd.to_datetime(array, utc=True, format=form).tz_localize(None).to_numpy()
    return array / np.timedelta64(1, "s") if array.dtype.kind == "m" else array
