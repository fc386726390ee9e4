"""Cutting of a long series into windows, and combining of window scores into one score per time step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.signal import detrend
from torch import nn

from data import DataSet, Series
from data.lazy import chunks
from data.windows import are_lazy, cut_windows, interpolated, start_chunks, usable_starts, window_set
from data.windows import window_starts as window_starts
from trainers.checks import as_count
from trainers.detection.preprocessing import Scaling
from trainers.detection.scoring import known_differences, reduce_known
from trainers.losses import reconstruct

# Smallest autocorrelation at the period of a periodic series.
WEAKEST_PERIOD = 0.2
# The period is estimated on this number of steps, from the start of the series.
LONGEST_PART = 1_000_000
# Smallest number of steps in which a period is estimated.
SHORTEST_PART = 20
# Windows that are reconstructed at once: limits the memory, does not change the result.
CHUNK = 1024
# Largest number of windows that begin at each step; their first steps are kept in memory.
MANY_WINDOWS = 2**20
# Window of a series without a period: the first number of steps, but at most a fifth of the training part.
DEFAULT_WINDOW, SHORTEST_WINDOW = 64, 4
COMBINATIONS = ("mean", "max", "median")


class Reconstructed(NamedTuple):
    """Windows of a series, or sequences of a set, and their reconstructions.

    Attributes
    ----------
    starts : numpy.ndarray, shape (n,)
        First step of each window, or number of each sequence.
    windows : numpy.ndarray, shape (n, length, feature)
        Scaled windows minus `middle`, without missing values.
    middle : numpy.ndarray, shape (n, 1, feature), or 0
        Mean that was subtracted.
    reconstruction : numpy.ndarray, shape (n, length, feature)
        Of `windows`.
    differences : numpy.ndarray, shape (n, length, feature)
        Reconstruction minus windows; NaN for a missing value.
    lengths : torch.Tensor, shape (n,), or None
        Time steps of sequences before their padding.
    """

    starts: np.ndarray
    windows: np.ndarray
    middle: Any
    reconstruction: np.ndarray
    differences: np.ndarray
    lengths: Any = None

    @classmethod
    def of(cls, model: nn.Module, sequences: DataSet, numbers: np.ndarray) -> Reconstructed:
        """Return the reconstructions of scaled sequences, which fit into memory."""
        windows = sequences.sequences[:].numpy()
        sequences = DataSet(windows, mask=sequences.mask, lengths=sequences.lengths)
        reconstruction = reconstruct(model, sequences).numpy()
        differences = known_differences(model, reconstruction, windows, sequences.mask)
        return cls(numbers, windows, 0, reconstruction, differences, sequences.lengths)


# Maps windows to values of their steps, (n, length, columns).
OfSteps = Callable[[Reconstructed], np.ndarray]


@dataclass(frozen=True)
class Windowing:
    """Settings for cutting a series into windows.

    Parameters
    ----------
    length, stride : int
        Time steps in a window, and from one window to the next.
    centre : bool
        Whether to subtract the mean of each window.
    max_missing : float
        Largest share of missing values in a window, below 1.
    scaling : Scaling
        Scaling of each feature.
    """

    length: int
    stride: int
    centre: bool
    max_missing: float
    scaling: Scaling

    def __post_init__(self) -> None:
        as_count(self.stride, "stride", "in time steps, at most the window length", most=self.length)

    def middle(self, windows: np.ndarray) -> np.ndarray | float:
        """Return the values to subtract from each window, (n, 1, feature)."""
        return windows.mean(1, keepdims=True) if self.centre else 0.0

    def usable_starts(self, series: Series) -> tuple[np.ndarray, bool]:
        """Return the first step of each window with enough values, and whether one of these has a missing value.

        Windows with a step that is labelled abnormal are left out.
        """
        starts, gaps = usable_starts(series.values, self.length, self.stride, self.max_missing)
        if series.labels is not None:
            # abnormal steps before each step
            before = np.concatenate([[0], np.cumsum(series.abnormal)])
            starts = starts[before[starts + self.length] == before[starts]]
        if not len(starts):
            wanted = f"{self.length} steps with at most {self.max_missing:.0%} missing values"
            got = "got 0. Raise max_missing or reduce window."
            raise ValueError(f"{series.name!r} must have at least one normal window of {wanted}, {got}")
        return starts, gaps

    def dense(self, series: Series) -> Windowing:
        """Return the settings with windows that begin at each step; in longer series, at about a million steps."""
        return replace(self, stride=min(self.length, -(-len(series) // MANY_WINDOWS)))

    def data_set(self, series: Series) -> DataSet:
        """Return the windows to train on: those with enough values, scaled. If too large, they are cut when used."""
        starts, gaps = self.usable_starts(series)
        if are_lazy(starts, self.length, series.n_features):
            values = interpolated(series.values)
            # an error now instead of during training
            for at in chunks(len(values), values.shape[1:]):
                self.scaling.scale(values[at[0] : at[-1] + 1])
            return window_set(series.values, starts, self.length, gaps=gaps, prepare=self._prepared, name=series.name)
        windows = cut_windows(self.scaling.scale(interpolated(series.values)), starts, self.length)
        known = ~cut_windows(series.missing, starts, self.length)
        return DataSet(windows - self.middle(windows), mask=known, name=series.name)

    def _prepared(self, windows: np.ndarray) -> np.ndarray:
        windows = self.scaling.scale(windows)
        return windows - self.middle(windows)

    def reconstructed(
        self, model: nn.Module, starts: np.ndarray, windows: np.ndarray, missing: np.ndarray
    ) -> Reconstructed:
        """Return the reconstructions of scaled windows (n, length, feature)."""
        middle = self.middle(windows)
        windows = windows - middle
        reconstruction = reconstruct(model, windows).numpy()
        differences = known_differences(model, reconstruction, windows, ~missing)
        return Reconstructed(starts, windows, middle, reconstruction, differences)

    def normal_windows(self, series: Series, model: nn.Module, most: int) -> Reconstructed:
        """Return windows of a normal series that begin at each step, evenly spaced ones if there are more than `most`.

        Windows with missing values are left out, except if more than half have some.
        """
        starts, gaps = self.dense(series).usable_starts(series)
        if gaps:
            # steps with missing values before each step
            before = np.concatenate([[0], np.cumsum(np.isnan(series.values).any(1))])
            known = before[starts + self.length] == before[starts]
            starts = starts[known] if known.mean() >= 0.5 else starts
        starts = starts[np.linspace(0, len(starts) - 1, min(len(starts), max(1, most))).astype(int)]
        windows = self.scaling.scale(cut_windows(interpolated(series.values), starts, self.length))
        return self.reconstructed(model, starts, windows, np.isnan(cut_windows(series.values, starts, self.length)))

    def over(
        self,
        series: Series,
        model: nn.Module,
        of_steps: OfSteps,
        *,
        combine: str = "mean",
        columns: int = 1,
        normal: bool = False,
    ) -> np.ndarray:
        """Return `of_steps` of all windows, combined for each time step, (time, columns); computed in chunks.

        NaN where no window has a score. With `normal`, windows with a step that is labelled abnormal are left out.
        """
        values = interpolated(series.values)
        # about 100 MB in total
        size = max(1, min(CHUNK, 2**21 // (self.length * series.n_features)))
        collect = StepScores(len(series), self.length, self.stride, combine)
        steps = np.empty((len(series), columns))
        abnormal = series.abnormal if normal and series.labels is not None else None
        for starts in start_chunks(len(series), self.length, self.stride, size):
            part, local = slice(starts[0], starts[-1] + self.length), starts - starts[0]
            missing = cut_windows(np.isnan(series.values[part]), local, self.length)
            windows = cut_windows(self.scaling.scale(values[part]), local, self.length)
            scores = of_steps(self.reconstructed(model, starts, windows, missing))
            usable = missing.mean((1, 2)) <= self.max_missing
            if abnormal is not None:
                usable &= ~cut_windows(abnormal[part, None], local, self.length).any((1, 2))
            scores = np.where(usable[:, None, None], scores, np.nan)
            # combine the windows of each step
            complete = collect.add(starts, scores)
            steps[collect.done - len(complete) : collect.done] = complete
        return steps


def choose_window(parts: tuple[Series, ...], wanted: int | None) -> int:
    """Return a window length that fits into all parts: `wanted`, or the period of the training part.

    Without a period, it is 64 steps, or a fifth of the training part if that is less. A warning gives the length if
    there is no period, or if `wanted` is too long.
    """
    shortest = min(map(len, parts))
    if wanted is not None and wanted <= shortest:
        return wanted
    length = estimate_window(parts[0], shortest, default=min(DEFAULT_WINDOW, len(parts[0]) // 5, shortest))
    if wanted is not None:
        limit = f"at most {shortest} time steps, to fit into training, validation and calibration"
        warnings.warn(f"window must be {limit}, got {wanted}; {length} steps are used.", stacklevel=3)
    return length


def estimate_window(series: Series, longest: int, default: int = 0) -> int:
    """Return the period of a series: the lag of its highest autocorrelation after removing a linear trend.

    The estimator is "acf" of dtaianomaly, one of those that Ermshaus et al. 2023 compare
    (*Window size selection in unsupervised time series analytics: a review and benchmark*).

    Parameters
    ----------
    series : Series
        If there are several features, the median of their periods is used; constant features are
        ignored. Missing values are interpolated. Only the first million steps are used.
    longest : int
        Largest window length, in time steps.
    default : int, default 0
        Length that is returned, with a warning, if the series has no period but is not constant. If it is below 4,
        such a series raises an error.

    Returns
    -------
    int
        At least 10 time steps, or `default`.
    """
    from dtaianomaly.windowing import compute_window_size

    periods, constant = [], True
    part = series.values[:LONGEST_PART]
    for values in interpolated(part[:, ~np.isnan(part).all(0)]).T.astype(np.float64):
        constant &= bool(np.ptp(values) == 0)
        if longest >= SHORTEST_PART and np.ptp(values) > 0:
            # a trend is autocorrelated at every lag
            detrended = detrend(values)
            lag = compute_window_size(detrended, "acf", upper_bound=longest + 1, default_window_size=0)
            # the autocorrelation of noise also has a maximum, but a small one
            if lag > 0 and np.corrcoef(detrended[:-lag], detrended[lag:])[0, 1] > WEAKEST_PERIOD:
                periods.append(lag)
    if not periods:
        wanted = f"a period of at least 10 steps, and at least {SHORTEST_PART} steps in each split"
        got = "only constant features" if constant else f"no period up to {longest} steps"
        problem = f"{series.name!r} must have {wanted}, got {got}"
        if constant or default < SHORTEST_WINDOW:
            raise ValueError(f"{problem}. Set window=….")
        warnings.warn(f"{problem}; windows of {default} steps are used. Set window=… for another length.", stacklevel=4)
        return default
    return int(np.median(periods))


def level_ends(scores: np.ndarray, length: int) -> np.ndarray:
    """Give the first and last `length` // 2 steps of each scored part the score of the step next to them, in place.

    A part ends at the end of the series or at steps without a score (NaN). Near an end, a step lies in few windows, so
    that its score varies more than that of other steps.
    """
    half = length // 2
    for begin, end in np.flatnonzero(np.diff(~np.isnan(scores), prepend=False, append=False)).reshape(-1, 2):
        part = scores[begin:end]
        part[:half], part[-half:] = part[half], part[-half - 1]
    return scores


class StepScores:
    """Combination of window values into one value per time step, in chunks.

    A step lies in several windows; `combine` reduces their values to one. The memory depends on
    the windows that overlap a chunk, not on the length of the series.

    Parameters
    ----------
    steps, length, stride : int
        Steps in the series, in a window, and from one window to the next. `stride` is at most `length`, so that
        every step lies in a window.
    combine : {"mean", "max", "median"}
        Reduction over the windows that contain a step.
    """

    def __init__(self, steps: int, length: int, stride: int, combine: str) -> None:
        self.steps, self.length, self.stride, self.combine = steps, length, stride, combine
        self.done = 0  # number of complete steps
        # Windows number i, i + columns, i + 2 * columns, … do not overlap, so they share a column of the buffer.
        # One more column: the last window may begin less than a stride after the window before it.
        self.columns = -(-length // stride) + 1
        self.buffer = np.empty((0, self.columns, 1))  # values of incomplete steps

    def add(self, starts: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Add the values of the next windows; return the combined values of the steps that are now complete.

        Parameters
        ----------
        starts : numpy.ndarray, shape (n,)
            First steps of these windows, in the order of `start_chunks`.
        values : numpy.ndarray, shape (n, length, m)
            Values of each window for each of its steps; NaN if a window has no value for a step.

        Returns
        -------
        numpy.ndarray, shape (steps, m)
            Values of the steps that follow those returned before; NaN where no window has a value.
        """
        numbers = -(-starts // self.stride)
        ends = starts[-1] + self.length - self.done
        # extend the buffer by the new steps
        extended = np.full((ends, self.columns, values.shape[2]), np.nan)
        extended[: len(self.buffer)] = self.buffer
        steps = (starts - self.done)[:, None] + np.arange(self.length)
        extended[steps, (numbers % self.columns)[:, None]] = values
        last = self.steps - self.length
        complete = ends if starts[-1] == last else min(starts[-1] + self.stride, last) - self.done
        # the copy frees the memory of the complete steps
        self.buffer, self.done = extended[complete:].copy(), self.done + complete
        return reduce_known(self.combine, extended[:complete], axis=1)
