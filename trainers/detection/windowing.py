"""`Windowing`: how a series is cut into windows, and what is done window by window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from data import DataSet, Series
from trainers.detection.scaling import Scaling
from trainers.detection.scoring import check_differences, smoothed
from trainers.detection.windows import (
    StepScores,
    cut_windows,
    estimate_window,
    interpolated,
    start_chunks,
    window_starts,
)
from trainers.reconstruction import reconstruct

# Windows that are reconstructed at a time: they bound the memory, and do not change the result.
CHUNK = 1024


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
        Share of a window that may be missing.

    Raises
    ------
    ValueError
        If the stride is longer than the window.
    """

    length: int
    stride: int
    centre: bool
    max_missing: float

    def __post_init__(self) -> None:
        if self.stride > self.length:
            msg = (
                f"stride must be at most the window, {self.length} steps, or steps between two windows were left out; "
                f"got {self.stride}."
            )
            raise ValueError(msg)

    def middle(self, windows: np.ndarray) -> np.ndarray | float:
        """What is subtracted from each window, (n, 1, feature)."""
        return windows.mean(1, keepdims=True) if self.centre else 0.0

    def usable(self, gaps: np.ndarray) -> np.ndarray:
        """Of which windows enough is known, by what is missing (n, length, feature); one without any value never is."""
        share = gaps.mean((1, 2))
        return (share <= self.max_missing) & (share < 1)

    def judged_steps(self, series: Series) -> int:
        """How many time steps lie in a window of which enough is known."""
        starts = window_starts(len(series), self.length, self.stride)
        if series.missing.any():
            starts = starts[self.usable(cut_windows(series.missing, starts, self.length))]
        if not len(starts):
            raise ValueError(self._too_much_missing(series))
        return len(np.unique(starts[:, None] + np.arange(self.length)))

    def data_set(self, series: Series, scaling: Scaling) -> DataSet:
        """The windows to learn from: those of which enough is known, scaled."""
        starts = window_starts(len(series), self.length, self.stride)
        gaps = cut_windows(series.missing, starts, self.length) if series.missing.any() else None
        usable = np.ones(len(starts), dtype=bool) if gaps is None else self.usable(gaps)
        if not usable.any():
            raise ValueError(self._too_much_missing(series))
        mask = None if gaps is None else ~gaps[usable]
        windows = cut_windows(scaling.scale(interpolated(series.values)), starts[usable], self.length)
        return DataSet(windows - self.middle(windows), mask=mask, name=series.name)

    def over(
        self,
        series: Series,
        scaling: Scaling,
        model: nn.Module,
        of_steps: Callable[[np.ndarray, np.ndarray], np.ndarray],
        *,
        combine: str,
        smooth: int,
    ) -> np.ndarray:
        """What each window says of its steps, brought back to the steps, a chunk at a time.

        `of_steps` gets the smoothed differences and the reconstructions of some windows, each
        (n, length, feature), and returns (n, length, m). The result is (time, m); NaN where no
        window judges.
        """
        values = interpolated(series.values)
        # About 100 MB in all.
        size = max(1, min(CHUNK, 2**21 // (self.length * series.n_features)))
        collect, steps, done = StepScores(len(series), self.length, self.stride, combine), np.empty((0, 0)), 0
        for starts in start_chunks(len(series), self.length, self.stride, size):
            part, local = slice(starts[0], starts[-1] + self.length), starts - starts[0]
            windows = cut_windows(scaling.scale(values[part]), local, self.length)
            middle = self.middle(windows)
            windows = windows - middle
            rebuilt = reconstruct(model, windows).numpy()
            differences = check_differences(model, (rebuilt - windows).astype(np.float64))
            gaps = np.isnan(series.values[part])
            has_gaps = bool(gaps.any())
            if has_gaps:
                missing = cut_windows(gaps, local, self.length)
                differences[missing] = np.nan
            said = of_steps(smoothed(differences, smooth), rebuilt + middle)
            if has_gaps:
                said = np.where(self.usable(missing)[:, None, None], said, np.nan)
            complete = collect.add(starts, said)
            if not done:
                # Here once for all: pieces put together in the end would take the memory twice.
                steps = np.empty((len(series), complete.shape[1]))
            steps[done : done + len(complete)] = complete
            done += len(complete)
        return steps

    def _too_much_missing(self, series: Series) -> str:
        return (
            f"each window of {self.length} steps of {series.name!r} misses more than {self.max_missing:.0%} of its "
            "values. Raise max_missing, choose a shorter window, or fill the gaps."
        )


def choose_window(parts: tuple[Series, ...], wanted: int | None) -> int:
    """Steps in a window that fits into each part: as wanted, or the period of the first.

    Raises
    ------
    ValueError
        If the parts are too short, or there is no period.
    """
    shortest, lengths = min(map(len, parts)), ", ".join(str(len(part)) for part in parts)
    if wanted is not None:
        if wanted <= shortest:
            return wanted
        msg = (
            f"window must fit into training, validation and calibration; got {wanted} steps for parts of {lengths}. "
            "Choose it shorter, or bring a longer series."
        )
        raise ValueError(msg)
    if shortest < 20:
        msg = (
            f"{parts[0].name!r} is too short to find its period in: training, validation and calibration have "
            f"{lengths} steps. Bring a longer series, or choose window=…."
        )
        raise ValueError(msg)
    return estimate_window(parts[0], shortest)
