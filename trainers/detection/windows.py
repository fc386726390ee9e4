"""A long series cut into windows, and what was found in the windows brought back to the time steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.signal import detrend

from data import Series

# Autocorrelation below which a series does not repeat itself.
WEAKEST_PERIOD = 0.2
COMBINATIONS = ("mean", "max", "median")


def window_starts(steps: int, length: int, stride: int) -> np.ndarray:
    """First step of each window; the last window ends where the series ends, so that no step is left out.

    >>> window_starts(steps=11, length=4, stride=3)
    array([0, 3, 6, 7])
    """
    return next(start_chunks(steps, length, stride, steps))


def start_chunks(steps: int, length: int, stride: int, size: int) -> Iterator[np.ndarray]:
    """`window_starts` in chunks of at most `size`, so that they take no memory for the whole series."""
    last = steps - length
    n = -(-last // stride) + 1
    for first in range(0, n, size):
        yield np.minimum(np.arange(first, min(first + size, n)) * stride, last)


def cut_windows(values: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """The windows (n, length, feature) of values (time, feature) that begin at these steps."""
    views = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
    return np.ascontiguousarray(views[starts].transpose(0, 2, 1))


def estimate_window(series: Series, longest: int) -> int:
    """The period of a series: the lag of its highest autocorrelation, once a linear trend is taken off.

    The estimator is dtaianomaly's ("acf"), one of those that Ermshaus et al. 2023 compare
    (*Window size selection in unsupervised time series analytics: a review and benchmark*).

    Parameters
    ----------
    series : Series
        Of several features, the median of their periods is taken; a constant one has none.
        Missing values are interpolated.
    longest : int
        Steps that a window may have.

    Returns
    -------
    int
        From 10 steps up.

    Raises
    ------
    ValueError
        If no feature repeats within that many steps: none has an autocorrelation above 0.2.
    """
    from dtaianomaly.windowing import compute_window_size

    periods = []
    for values in interpolated(series.values).T.astype(np.float64):
        if np.ptp(values) > 0:
            # A trend is like itself at every lag.
            flat = detrend(values)
            found = compute_window_size(flat, "acf", upper_bound=longest + 1, default_window_size=0)
            # Noise has a highest value too.
            if found > 0 and np.corrcoef(flat[:-found], flat[found:])[0, 1] > WEAKEST_PERIOD:
                periods.append(found)
    if not periods:
        msg = (
            f"no period of 10 to {longest} steps was found in {series.name!r}, so the window's length must be chosen "
            "by hand: AnomalyDetector(window=…), about as long as what a pattern takes to repeat or to be recognised."
        )
        raise ValueError(msg)
    return int(np.median(periods))


def interpolated(values: np.ndarray) -> np.ndarray:
    """Values (time, feature) with each missing one interpolated along time; the same array if none is missing."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    values = values.copy()
    for f in np.flatnonzero(missing.any(0)):
        gap = missing[:, f]
        # The known values beside a gap suffice, and take no memory for the whole series.
        beside = np.zeros_like(gap)
        beside[:-1] |= gap[1:]
        beside[1:] |= gap[:-1]
        known, unknown = np.flatnonzero(beside & ~gap), np.flatnonzero(gap)
        values[unknown, f] = np.interp(unknown, known, values[known, f])
    return values


class StepScores:
    """Brings what windows say of their time steps back to one value for each step, a chunk at a time.

    A step lies in several windows; `combine` says what becomes of their values. Memory is that of
    the windows which overlap a chunk, whatever the length of the series.

    Parameters
    ----------
    steps, length, stride : int
        Steps in the series, in a window, and from one window to the next, which leaves no step out: at most `length`.
    combine : {"mean", "max", "median"}
        Over the windows that hold a step.
    """

    def __init__(self, steps: int, length: int, stride: int, combine: str) -> None:
        self.steps, self.length, self.stride, self.combine = steps, length, stride, combine
        self.done = 0  # steps whose value is known
        # Windows a multiple of so many apart share no step, so each such group has a column of its own;
        # one more because the last window may begin less than a stride after the one before.
        self.columns = -(-length // stride) + 1
        self.buffer = np.full((0, self.columns, 0), np.nan)

    def add(self, starts: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Take the values of the next windows; return those of the steps that are now complete.

        Parameters
        ----------
        starts : numpy.ndarray, shape (n,)
            Of these windows, as `start_chunks` gives them: in order, without a gap.
        values : numpy.ndarray, shape (n, length, m)
            What each window says of each of its steps; NaN where it says nothing.

        Returns
        -------
        numpy.ndarray, shape (steps, m)
            Of the steps after those returned before; NaN where no window says anything.
        """
        numbers = -(-starts // self.stride)
        ends = starts[-1] + self.length - self.done
        grown = np.full((ends, self.columns, values.shape[2]), np.nan)
        grown[: len(self.buffer)] = self.buffer if self.buffer.size else np.nan
        for column in range(self.columns):
            chosen = numbers % self.columns == column
            steps = (starts[chosen] - self.done)[:, None] + np.arange(self.length)
            grown[steps, column] = values[chosen]
        last = self.steps - self.length
        complete = ends if starts[-1] == last else min(starts[-1] + self.stride, last) - self.done
        # A copy, so that the rest is let go.
        self.buffer, self.done = grown[complete:].copy(), self.done + complete
        return _combined(grown[:complete], self.combine)


def _combined(values: np.ndarray, how: str) -> np.ndarray:
    """Over axis 1, without the NaN; NaN where there is nothing else. (steps, windows, m) to (steps, m)."""
    if how == "max":
        return np.fmax.reduce(values, axis=1)
    counts = np.count_nonzero(~np.isnan(values), axis=1)
    if how == "mean":
        total = np.nansum(values, axis=1)
        return np.divide(total, counts, out=np.full(total.shape, np.nan), where=counts > 0)
    ordered = np.sort(values, axis=1)  # NaN last

    def pick(which: np.ndarray) -> np.ndarray:
        return np.take_along_axis(ordered, np.maximum(which, 0)[:, None], axis=1)[:, 0]

    return (pick((counts - 1) // 2) + pick(counts // 2)) / 2
