"""How a long series is cut into windows, and how what windows say is brought back to its time steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.signal import detrend
from torch import nn

from data import DataSet, Series
from trainers.checks import as_count
from trainers.detection.preprocessing import Scaling
from trainers.detection.scoring import known_differences, reduce_known
from trainers.losses import reconstruct

# Autocorrelation below which a series does not repeat itself.
WEAKEST_PERIOD = 0.2
# Steps to look for a period in.
SHORTEST_PART = 20
# Windows that are reconstructed at a time: they bound the memory, and do not change the result.
CHUNK = 1024
COMBINATIONS = ("mean", "max", "median")
# From differences and reconstructions of windows, each (n, length, feature), to (n, length, columns).
OfSteps = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Windowing:
    """How a series is cut.

    Parameters
    ----------
    length, stride : int
        Steps in a window, and from one to the next.
    centre : bool
        Whether each window loses its own mean.
    max_missing : float
        Share of a window that may be missing, below 1.
    scaling : Scaling
        Of each feature.
    """

    length: int
    stride: int
    centre: bool
    max_missing: float
    scaling: Scaling

    def __post_init__(self) -> None:
        as_count(self.stride, "stride", "in time steps, at most a window", most=self.length)

    def middle(self, windows: np.ndarray) -> np.ndarray | float:
        """What is subtracted from each window, (n, 1, feature)."""
        return windows.mean(1, keepdims=True) if self.centre else 0.0

    def usable(self, missing: np.ndarray) -> np.ndarray:
        """Of which windows enough is known, by what is missing (n, length, feature)."""
        return missing.mean((1, 2)) <= self.max_missing

    def usable_starts(self, series: Series) -> np.ndarray:
        """First step of each window of which enough is known."""
        starts = window_starts(len(series), self.length, self.stride)
        starts = starts[self.usable(cut_windows(series.missing, starts, self.length))]
        if not len(starts):
            wanted = f"a window of {self.length} steps that misses at most {self.max_missing:.0%}"
            raise ValueError(f"{series.name!r} must have {wanted}, got none. Raise max_missing or shorten the window.")
        return starts

    def data_set(self, series: Series) -> DataSet:
        """The windows to learn from: those of which enough is known, scaled."""
        starts = self.usable_starts(series)
        windows = cut_windows(self.scaling.scale(interpolated(series.values)), starts, self.length)
        known = ~cut_windows(series.missing, starts, self.length)
        return DataSet(windows - self.middle(windows), mask=known, name=series.name)

    def over(
        self, series: Series, model: nn.Module, of_steps: OfSteps, *, combine: str = "mean", columns: int = 1
    ) -> np.ndarray:
        """What each window says of its steps, brought back to the steps, a chunk at a time.

        The result is (time, columns); NaN where no window has a score.
        """
        values = interpolated(series.values)
        # About 100 MB in all.
        size = max(1, min(CHUNK, 2**21 // (self.length * series.n_features)))
        collect = StepScores(len(series), self.length, self.stride, combine)
        steps = np.empty((len(series), columns))
        for starts in start_chunks(len(series), self.length, self.stride, size):
            part, local = slice(starts[0], starts[-1] + self.length), starts - starts[0]
            # cut, scale, centre
            windows = cut_windows(self.scaling.scale(values[part]), local, self.length)
            middle = self.middle(windows)
            windows = windows - middle
            # reconstruct
            reconstruction = reconstruct(model, windows).numpy()
            missing = cut_windows(np.isnan(series.values[part]), local, self.length)
            differences = known_differences(model, reconstruction, windows, ~missing)
            # score
            scores = of_steps(differences, reconstruction + middle)
            scores = np.where(self.usable(missing)[:, None, None], scores, np.nan)
            # back to the steps
            complete = collect.add(starts, scores)
            steps[collect.done - len(complete) : collect.done] = complete
        return steps


def choose_window(parts: tuple[Series, ...], wanted: int | None) -> int:
    """Steps in a window that fits into training, validation and calibration: as wanted, or the period of the first."""
    shortest = min(map(len, parts))
    if wanted is None:
        return estimate_window(parts[0], shortest)
    return as_count(wanted, "window", "to fit into training, validation and calibration, in time steps", most=shortest)


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
    """
    from dtaianomaly.windowing import compute_window_size

    periods = []
    for values in interpolated(series.values).T.astype(np.float64):
        if longest >= SHORTEST_PART and np.ptp(values) > 0:
            # A trend is like itself at every lag.
            flat = detrend(values)
            found = compute_window_size(flat, "acf", upper_bound=longest + 1, default_window_size=0)
            # Noise has a highest value too.
            if found > 0 and np.corrcoef(flat[:-found], flat[found:])[0, 1] > WEAKEST_PERIOD:
                periods.append(found)
    if not periods:
        wanted = f"parts of at least {SHORTEST_PART} steps, and a period of 10 or more that fits into them"
        raise ValueError(f"{series.name!r} must have {wanted}, got none in {longest}. Give window=….")
    return int(np.median(periods))


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


def interpolated(values: np.ndarray) -> np.ndarray:
    """Values (time, feature) with each missing one interpolated along time; the same array if none is missing."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    values = values.copy()
    for f in np.flatnonzero(missing.any(0)):
        gap = missing[:, f]
        # The known values beside a gap suffice, and take no memory for the whole series.
        edges = np.flatnonzero(gap[1:] != gap[:-1])
        known, unknown = np.unique(edges + gap[edges]), np.flatnonzero(gap)
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
        self.buffer = np.empty((0, self.columns, 1))  # values of the steps that are not complete

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
        grown[: len(self.buffer)] = self.buffer
        steps = (starts - self.done)[:, None] + np.arange(self.length)
        grown[steps, (numbers % self.columns)[:, None]] = values
        last = self.steps - self.length
        complete = ends if starts[-1] == last else min(starts[-1] + self.stride, last) - self.done
        # A copy, so that the rest is let go.
        self.buffer, self.done = grown[complete:].copy(), self.done + complete
        return reduce_known(self.combine, grown[:complete], axis=1)
