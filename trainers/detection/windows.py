"""A long series cut into windows, and what was found in the windows brought back to the time steps."""

from __future__ import annotations

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
    starts = np.arange(0, steps - length + 1, stride)
    return starts if starts[-1] + length == steps else np.append(starts, steps - length)


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
    values, steps = values.copy(), np.arange(len(values))
    for f in np.flatnonzero(missing.any(0)):
        gap = missing[:, f]
        values[gap, f] = np.interp(steps[gap], steps[~gap], values[~gap, f])
    return values


class StepScores:
    """Brings what windows say of their time steps back to one value for each step, a chunk at a time.

    A step lies in several windows; `combine` says what becomes of their values. Memory is that of
    the windows which overlap a chunk, whatever the length of the series.

    Parameters
    ----------
    starts : numpy.ndarray, shape (n,)
        As `window_starts` gives them.
    length, stride : int
        Steps in a window, and from one window to the next, which leaves no step out: at most `length`.
    combine : {"mean", "max", "median"}
        Over the windows that hold a step.
    """

    def __init__(self, starts: np.ndarray, length: int, stride: int, combine: str) -> None:
        self.starts, self.length, self.combine = starts, length, combine
        self.done = 0  # steps whose value is known
        # Windows a multiple of so many apart share no step, so each such group has a column of its own;
        # one more because the last window may begin less than a stride after the one before.
        self.columns = -(-length // stride) + 1
        self.buffer = np.full((0, self.columns, 0), np.nan)

    def add(self, first: int, values: np.ndarray) -> np.ndarray:
        """Take the values of the windows from number `first` on; return those of the steps that are now complete.

        Parameters
        ----------
        first : int
            Number of the first of these windows; they come in order, without a gap.
        values : numpy.ndarray, shape (n, length, m)
            What each window says of each of its steps; NaN where it says nothing.

        Returns
        -------
        numpy.ndarray, shape (steps, m)
            Of the steps after those returned before; NaN where no window says anything.
        """
        numbers = np.arange(first, first + len(values))
        ends = self.starts[numbers[-1]] + self.length - self.done
        grown = np.full((ends, self.columns, values.shape[2]), np.nan)
        grown[: len(self.buffer)] = self.buffer if self.buffer.size else np.nan
        for column in range(self.columns):
            chosen = numbers % self.columns == column
            steps = (self.starts[numbers[chosen]] - self.done)[:, None] + np.arange(self.length)
            grown[steps, column] = values[chosen]
        last = numbers[-1] + 1 == len(self.starts)
        complete = ends if last else self.starts[numbers[-1] + 1] - self.done
        self.buffer, self.done = grown[complete:], self.done + complete
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
