"""`Detection` and `Explanation`: the results of an `AnomalyDetector`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data import Series
from data._deprecated import with_old_names
from data.markup import escaped, without_math
from data.series import runs
from data.words import many
from trainers.checks import as_count


@with_old_names
@dataclass(frozen=True, eq=False)
class Detection:
    """Result of `AnomalyDetector.detect`.

    Attributes
    ----------
    scores : numpy.ndarray, shape (n,) or (time,)
        Score of each sequence, or of each time step of a series; higher scores are more anomalous.
    threshold : float or numpy.ndarray, shape (time,)
        Scores above it are flagged. On a series, it follows the scores if the detector's `adapt` is set; see
        `tracked_thresholds`.
    unscored : numpy.ndarray, shape (n,) or (time,), bool
        Time steps that have no score because too many values were missing in their windows. In
        `scores`, they are 0, and they are never flagged.
    series : Series or None
        The scored series; None for a data set.
    """

    scores: np.ndarray
    threshold: float | np.ndarray
    unscored: np.ndarray
    series: Series | None = None

    @property
    def abnormal(self) -> np.ndarray:
        """Whether each sequence or time step is flagged, bool."""
        return (self.scores > self.threshold) & ~self.unscored

    @property
    def events(self) -> list[tuple[int, int]]:
        """Each run of consecutive flagged time steps (or sequences) as (start, end), end excluded."""
        return runs(self.abnormal)

    def merged_events(self, gap: int) -> list[tuple[int, int]]:
        """Return the events; two with fewer than `gap` time steps between them become one.

        One anomaly is often flagged in several pieces. With a gap of one window, two pieces become one event unless
        a whole window lies between them. Unscored steps between two events count as well. Metrics, and `events`, do
        not merge anything.

        Parameters
        ----------
        gap : int
            Time steps, such as `AnomalyDetector.window_length`; 0 or 1 merges nothing.

        Returns
        -------
        list of (start, end)
            End excluded. The steps between the pieces belong to the event, although they are not flagged.

        Examples
        --------
        >>> scores = np.array([0, 9, 9, 0, 0, 9, 0, 0, 0, 9])
        >>> Detection(scores, 5.0, np.zeros(10, dtype=bool)).merged_events(3)
        [(1, 6), (9, 10)]
        """
        gap, merged = as_count(gap, "gap", "in time steps", 0), list[tuple[int, int]]()
        for start, end in self.events:
            if merged and start - merged[-1][1] < gap:
                start, _ = merged.pop()
            merged.append((start, end))
        return merged

    def to_frame(self, *, gap: int = 0) -> pd.DataFrame:
        """Return one row per event of a series, or per flagged sequence, sorted by decreasing score.

        The columns for a series are: start, end (excluded), number of steps (with the unflagged steps of a merged
        event), step of the highest score, this score, and the times of the event if the series has times or a sampling
        rate.
        The columns for a data set are: number of the sequence and its score.

        Parameters
        ----------
        gap : int, default 0
            Events of a series with fewer time steps between them are one row; see `merged_events`. It is ignored for a
            data set.
        """
        if self.series is None:
            numbers = np.flatnonzero(self.abnormal)
            table = {"sequence": numbers, "score": self.scores[numbers]}
        else:
            events = self.merged_events(gap)
            start, end = np.array(events, dtype=int).reshape(-1, 2).T
            peak = np.array([a + np.argmax(self.scores[a:b]) for a, b in events], dtype=int)
            table = {"start": start, "end": end, "steps": end - start, "peak": peak, "score": self.scores[peak]}
            if self.series.time is not None:
                table |= {"from": self.series.time[start], "to": self.series.time[end - 1]}
            elif rate := self.series.sampling_rate:
                table |= {"from, s": start / rate, "to, s": (end - 1) / rate}
        return pd.DataFrame(table).sort_values("score", ascending=False, ignore_index=True)

    def __repr__(self) -> str:
        n_events, unscored = len(self.events), self.unscored.sum()
        what = "sequences" if self.series is None else "time steps"
        events = "" if self.series is None else f", {many(n_events, 'event')}"
        low, high = (f"{end(self.threshold):.4g}" for end in (np.min, np.max))
        threshold = f"the threshold {low}" if np.ndim(self.threshold) == 0 else f"thresholds from {low} to {high}"
        text = f"Detection: {self.abnormal.sum()} of {len(self.scores)} {what} above {threshold}"
        return text + events + f"; {unscored} unscored because too many values are missing" * bool(unscored)

    def _repr_html_(self) -> str:
        table = self.to_frame()
        more = f"<p>… and {len(table) - 20} more.</p>" if len(table) > 20 else ""
        rows = table.head(20).to_html(index=False, float_format="{:.4g}".format)
        return without_math(f"<p>{escaped(repr(self))}</p>{rows}{more}")


@dataclass(frozen=True, eq=False)
class Explanation:
    """Result of `AnomalyDetector.explain`: reconstruction and error of each value.

    Attributes
    ----------
    errors : numpy.ndarray, shape (n, time, feature) or (time, feature)
        Absolute reconstruction error, divided by the scale of the detector's `scaling` (standard
        deviation, interquartile range, or 1), so that features are comparable. The error is not
        smoothed. For a series, it is the mean over the windows that contain a step. NaN where a
        value is missing or unscored.
    reconstruction : numpy.ndarray, of the same shape
        Reconstruction in the units of the data; NaN for steps that were not reconstructed.
    feature_names : tuple of str
        Name of each feature.
    """

    errors: np.ndarray
    reconstruction: np.ndarray
    feature_names: tuple[str, ...]

    def by_feature(self, part: slice | int = slice(None)) -> pd.Series:
        """Return the share of each feature in the sum of the errors, in decreasing order.

        Parameters
        ----------
        part : slice or int, default all
            Time steps of a series, such as ``slice(*event)``, or sequences of a set.

        Returns
        -------
        pandas.Series
            Shares by feature name; they add up to 1, or are all 0 if there is no error.
        """
        total = np.nansum(self.errors[part].reshape(-1, len(self.feature_names)), axis=0)
        shares = total / total.sum() if total.sum() > 0 else total
        return pd.Series(shares, list(self.feature_names), name="share of the error").sort_values(ascending=False)

    def top(self, n: int = 5, part: slice | int = slice(None)) -> pd.DataFrame:
        """Return the values with the largest errors.

        Parameters
        ----------
        n : int, default 5
            Number of values.
        part : slice or int, default all
            Time steps of a series, or sequences of a set.

        Returns
        -------
        pandas.DataFrame
            Columns: sequence (for a data set only), step, feature, error, reconstruction; the
            largest error first. Empty if every value is missing.
        """
        chosen = np.atleast_1d(np.arange(len(self.errors))[part])
        errors = np.nan_to_num(self.errors[chosen], nan=-1.0)
        # largest error first, without missing values
        order = np.argsort(errors, axis=None)[::-1][:n]
        first, *rest = np.unravel_index(order[errors.flat[order] >= 0], errors.shape)
        at = (chosen[first], *rest)
        table = {"sequence": at[0]} if len(at) == 3 else {}
        table |= {"step": at[-2], "feature": np.array(self.feature_names, dtype=object)[at[-1]]}
        return pd.DataFrame(table | {"error": self.errors[at], "reconstruction": self.reconstruction[at]})

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.by_feature().head(3).items())
        return f"Explanation of {' × '.join(map(str, self.errors.shape))} errors; {shares}"

    def _repr_html_(self) -> str:
        shares = self.by_feature().to_frame().head(10).to_html(float_format="{:.1%}".format)
        top = self.top().to_html(index=False, float_format="{:.4g}".format)
        return without_math(f"<p>{escaped(repr(self))}</p>{shares}{top}")
