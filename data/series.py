"""`Series`: one long recording at equal time steps, with what belongs to it, checked on construction."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from data.data_set import are_labels, as_array, as_class_names, check_sampling_rate


class Series:
    """One recording of any length, of one or several features, that may miss values.

    Parameters
    ----------
    values : array or tensor, shape (time, feature) or (time,)
        At equal time steps; NaN is a missing value. They are copied, to float32.
    labels : array of whole numbers, shape (time,), optional
        0 is a normal time step, anything else an abnormal one.
    time : array, shape (time,), optional
        When each step was: numbers (seconds) or dates, rising. Default: counted from 0.
    name : str, default "series"
        What it is called in tables, figures and errors.
    sampling_rate : float, optional
        Time steps per second (Hz), where known.
    feature_names : sequence of str, optional
        One for each feature. Default: "feature 0" and so on.

    Attributes
    ----------
    values : numpy.ndarray, shape (time, feature)
        float32.
    labels : numpy.ndarray, shape (time,), or None
        int64.

    Raises
    ------
    TypeError
        If something is not an array of numbers.
    ValueError
        If there is no time step, a value is infinite or no float32 can carry it, a feature has no
        value at all, the times do not rise, or the parts do not fit together.

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
        self.values = self._check_values(values)
        self.labels = None if labels is None else self._check_labels(labels)
        self.time = None if time is None else self._check_time(time)
        self.sampling_rate = check_sampling_rate(sampling_rate, self.name)
        names: Sequence[str] = [f"feature {i}" for i in range(self.n_features)]
        self.feature_names = as_class_names(
            names if feature_names is None else feature_names, f"feature_names of {self.name!r}"
        )
        if len(self.feature_names) != self.n_features:
            msg = (
                f"feature_names of {self.name!r} must be one for each of {self.n_features} features; "
                f"got {feature_names!r}."
            )
            raise ValueError(msg)

    @classmethod
    def of(cls, values: Any, name: str = "series") -> Series:
        """`values` as a series: unchanged if it is one, else built from the array."""
        return values if isinstance(values, Series) else cls(values, name=name)

    @property
    def n_features(self) -> int:
        """Values at each time step."""
        return self.values.shape[1]

    @property
    def missing(self) -> np.ndarray:
        """Which values are missing, shape (time, feature), bool."""
        return np.isnan(self.values)

    @property
    def abnormal(self) -> np.ndarray:
        """Which time steps are abnormal, shape (time,), bool: those with any label but 0."""
        if self.labels is None:
            msg = f"{self.name!r} has no labels, so nothing says what is abnormal. Give labels=… to Series."
            raise ValueError(msg)
        return self.labels != 0

    @property
    def events(self) -> list[tuple[int, int]]:
        """Each run of abnormal steps as (start, end), the end not included."""
        return runs(self.abnormal)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, part: slice) -> Series:
        """The part between two time steps, such as ``series[1000:2000]``, as a series of its own."""
        return self.part(part)

    def part(self, part: slice, name: str | None = None) -> Series:
        """The part between two time steps, under a name of its own."""
        if not isinstance(part, slice) or part.step not in (None, 1):
            msg = f"a part of {self.name!r} is a slice of steps in a row, such as series[1000:2000]; got {part!r}."
            raise TypeError(msg)
        return Series(
            self.values[part],
            labels=None if self.labels is None else self.labels[part],
            time=None if self.time is None else self.time[part],
            name=name or self.name,
            sampling_rate=self.sampling_rate,
            feature_names=self.feature_names,
        )

    def __repr__(self) -> str:
        text = f"Series {self.name!r}: {len(self)} steps, {_many(self.n_features, 'feature')}"
        missing = int(self.missing.sum())
        text += f", {_many(missing, 'value')} missing" * (missing > 0)
        return text if self.labels is None else f"{text}; {_many(len(self.events), 'abnormal event')}"

    def _check_values(self, values: Any) -> np.ndarray:
        what = f"the values of {self.name!r}"
        array = as_array(values, what)
        if array.dtype.kind == "b" or array.ndim not in (1, 2) or 0 in array.shape:
            msg = (
                f"{what} must be numbers of shape (time, feature) or (time,), none of them 0; got {array.dtype}, "
                f"shape {array.shape}. For sequences of equal length, (n, time, feature), there is DataSet."
            )
            raise ValueError(msg)
        array = array[:, None] if array.ndim == 1 else array
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        bad = np.isinf(single)
        if bad.any():
            t, f = np.argwhere(bad)[0].tolist()
            msg = (
                f"{what} must be finite and fit float32, or NaN where missing; got {array[t, f]} at time step {t}, "
                f"feature {f}, and {int(bad.sum())} such values. Put NaN there, and scale large values."
            )
            raise ValueError(msg)
        self._check_precision(array, single, what)
        empty = np.flatnonzero(np.isnan(single).all(0))
        if len(empty):
            msg = (
                f"feature {empty[0]} of {self.name!r} has no value at all: all {len(array)} are missing. Leave it out."
            )
            raise ValueError(msg)
        return single

    @staticmethod
    def _check_precision(array: np.ndarray, single: np.ndarray, what: str) -> None:
        """Raise where float32 would swallow what distinguishes the values of a feature."""
        for f in range(array.shape[1]):
            exact = array[:, f].astype(np.float64)
            exact = exact[np.isfinite(exact)]
            if not len(exact):
                continue
            spread, size = float(np.ptp(exact)), float(np.abs(exact).max())
            # Less than that is no signal even in float64.
            if spread > 1e-12 * size and size * 2**-24 > 1e-3 * spread:
                msg = (
                    f"{what} lie too close together for their size to be told apart in float32: feature {f} goes from "
                    f"{exact.min():.10g} to {exact.max():.10g}. Subtract an offset, such as the first value."
                )
                raise ValueError(msg)

    def _check_labels(self, labels: Any) -> np.ndarray:
        array = as_array(labels, f"the labels of {self.name!r}")
        if array.shape != (len(self),) or not are_labels(array):
            msg = (
                f"the labels of {self.name!r} must be whole numbers from 0 (normal) up, one for each of {len(self)} "
                f"time steps; got shape {array.shape}, dtype {array.dtype}, "
                f"values such as {array.reshape(-1)[:3].tolist()}."
            )
            raise ValueError(msg)
        return array.astype(np.int64)

    def _check_time(self, time: Any) -> np.ndarray:
        array = np.asarray(time)
        if array.dtype.kind == "O":
            with contextlib.suppress(TypeError, ValueError):  # what is no date is told below
                array = pd.to_datetime(array, utc=True).tz_localize(None).to_numpy()
        if array.shape != (len(self),) or array.dtype.kind not in "iufM":
            msg = (
                f"the times of {self.name!r} must be numbers or dates, one for each of {len(self)} time steps; "
                f"got shape {array.shape}, dtype {array.dtype}."
            )
            raise ValueError(msg)
        unknown = np.flatnonzero(np.isnat(array) if array.dtype.kind == "M" else np.isnan(array))
        if len(unknown):
            msg = f"the times of {self.name!r} must all be known; that of step {unknown[0]} is missing."
            raise ValueError(msg)
        rises = array[1:] > array[:-1]
        if not rises.all():
            at = int(np.argmin(rises))
            msg = (
                f"the times of {self.name!r} must rise from step to step; got {array[at]} and then {array[at + 1]} "
                f"at steps {at} and {at + 1}. Sort the rows, and leave out those that come twice."
            )
            raise ValueError(msg)
        return array


def runs(mask: Any) -> list[tuple[int, int]]:
    """Each run of True as (start, end), the end not included.

    >>> runs([False, True, True, False, True])
    [(1, 3), (4, 5)]
    """
    steps = np.diff(np.concatenate([[0], np.asarray(mask, dtype=np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
