"""Windows of a long series: their first steps, their values, and a data set that cuts them when they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from data import lazy
from data.data_set import DataSet
from data.lazy import LazyTensor, too_large


def window_starts(steps: int, length: int, stride: int) -> np.ndarray:
    """Return the first step of each window; the last window ends at the end of the series.

    >>> window_starts(steps=11, length=4, stride=3)
    array([0, 3, 6, 7])
    """
    return next(start_chunks(steps, length, stride, steps))


def start_chunks(steps: int, length: int, stride: int, size: int) -> Iterator[np.ndarray]:
    """Yield `window_starts` in chunks of at most `size`, to save memory."""
    last = steps - length
    n = -(-last // stride) + 1
    for first in range(0, n, size):
        yield np.minimum(np.arange(first, min(first + size, n)) * stride, last)


def cut_windows(values: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Return the windows (n, length, feature) of values (time, feature) that begin at `starts`."""
    views = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
    return np.ascontiguousarray(views[starts].transpose(0, 2, 1))


def interpolated(values: np.ndarray) -> np.ndarray:
    """Return values (time, feature) with missing values interpolated; the same array if none is missing."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    values = values.copy()
    for f in np.flatnonzero(missing.any(0)):
        gap = missing[:, f]
        # interpolation needs only the values next to a gap; this saves memory
        edges = np.flatnonzero(gap[1:] != gap[:-1])
        known, unknown = np.unique(edges + gap[edges]), np.flatnonzero(gap)
        values[unknown, f] = np.interp(unknown, known, values[known, f])
    return values


def usable_starts(values: np.ndarray, length: int, stride: int, max_missing: float) -> tuple[np.ndarray, bool]:
    """Return the first step of each window with enough values, and whether any of these windows has a missing value.

    At most `max_missing` of the values of a window may be missing.
    """
    starts, gaps = [], False
    for chunk in start_chunks(len(values), length, stride, max(1, lazy.CHUNK // stride)):
        # missing values before each step of this part
        part = np.isnan(values[chunk[0] : chunk[-1] + length]).sum(1)
        before = np.concatenate([[0], np.cumsum(part)])
        local = chunk - chunk[0]
        missing = before[local + length] - before[local]
        usable = missing / (length * values.shape[1]) <= max_missing
        starts.append(chunk[usable])
        gaps |= bool(missing[usable].any())
    return np.concatenate(starts), gaps


def window_set(
    values: np.ndarray,
    starts: np.ndarray,
    length: int,
    *,
    gaps: bool,
    prepare: Callable[[np.ndarray], np.ndarray] | None = None,
    **more: Any,
) -> DataSet:
    """Return windows of values that have been checked as a data set; if too large, it cuts them when they are used.

    Parameters
    ----------
    values : numpy.ndarray, shape (time, feature)
        The whole series; NaN is a missing value.
    starts : numpy.ndarray, shape (n,)
        The first step of each window.
    length : int
        Time steps in a window.
    gaps : bool
        Whether a window has a missing value.
    prepare : callable, optional
        Maps windows (n, length, feature) without missing values to the values of the data set.
    **more
        Attributes of the data set.
    """
    shape = (len(starts), length, values.shape[1])
    mask = LazyTensor(partial(_known, values, starts, length), shape, torch.bool) if gaps else None
    sequences = LazyTensor(partial(_windows, interpolated(values), starts, length, prepare), shape)
    data = DataSet.of_checked(sequences, mask=mask, **more)
    return data if are_lazy(starts, length, values.shape[1]) else data[:]


def are_lazy(starts: np.ndarray, length: int, features: int) -> bool:
    """Return whether the windows are too large for memory."""
    return too_large(len(starts) * length * features)


def _windows(
    values: np.ndarray, starts: np.ndarray, length: int, prepare: Callable[[np.ndarray], np.ndarray] | None, at: Any
) -> np.ndarray:
    windows = cut_windows(values, starts[at], length)
    return windows if prepare is None else prepare(windows)


def _known(values: np.ndarray, starts: np.ndarray, length: int, at: Any) -> np.ndarray:
    return ~np.isnan(cut_windows(values, starts[at], length))
