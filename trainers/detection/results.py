"""What `AnomalyDetector` returns: `Detection` and `Explanation`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data import Series
from data._deprecated import with_old_names
from data.markup import escaped, without_math
from data.series import runs


@with_old_names
@dataclass(frozen=True, eq=False)
class Detection:
    """What `AnomalyDetector.detect` decided.

    Attributes
    ----------
    scores : numpy.ndarray, shape (n,) or (time,)
        Of each sequence, or of each time step of a series; the higher, the more anomalous.
    threshold : float
        Scores above it are flagged.
    unscored : numpy.ndarray, shape (n,) or (time,), bool
        Time steps that no window could score, as too many values were missing there. Their score
        is 0, and they are never flagged.
    series : Series or None
        What was scored, if it was a series.
    """

    scores: np.ndarray
    threshold: float
    unscored: np.ndarray
    series: Series | None = None

    @property
    def abnormal(self) -> np.ndarray:
        """Which sequences or time steps are flagged, bool."""
        return (self.scores > self.threshold) & ~self.unscored

    @property
    def events(self) -> list[tuple[int, int]]:
        """Each run of abnormal steps as (start, end), the end not included; of a set, of sequences in a row."""
        return runs(self.abnormal)

    def to_frame(self) -> pd.DataFrame:
        """One row for each event of a series, or for each abnormal sequence, the highest score first.

        Columns: of a series, start, end (not included), steps, the times where the series has
        them, the step of the highest score and that score; else the sequence's number and score.
        """
        if self.series is None:
            numbers = np.flatnonzero(self.abnormal)
            table = {"sequence": numbers, "score": self.scores[numbers]}
        else:
            start, end = np.array(self.events, dtype=int).reshape(-1, 2).T
            peak = np.array([a + np.argmax(self.scores[a:b]) for a, b in self.events], dtype=int)
            table = {"start": start, "end": end, "steps": end - start, "peak": peak, "score": self.scores[peak]}
            if self.series.time is not None:
                table |= {"from": self.series.time[start], "to": self.series.time[end - 1]}
            elif rate := self.series.sampling_rate:
                table |= {"from, s": start / rate, "to, s": (end - 1) / rate}
        return pd.DataFrame(table).sort_values("score", ascending=False, ignore_index=True)

    def __repr__(self) -> str:
        many, unscored = len(self.events), self.unscored.sum()
        what = "sequences" if self.series is None else "time steps"
        events = "" if self.series is None else f", {many} event{'s' * (many != 1)}"
        text = f"Detection: {self.abnormal.sum()} of {len(self.scores)} {what} above the threshold {self.threshold:.4g}"
        return text + events + f"; {unscored} not judged, as too many values are missing" * bool(unscored)

    def _repr_html_(self) -> str:
        table = self.to_frame()
        more = f"<p>… and {len(table) - 20} more.</p>" if len(table) > 20 else ""
        rows = table.head(20).to_html(index=False, float_format="{:.4g}".format)
        return without_math(f"<p>{escaped(repr(self))}</p>{rows}{more}")


@dataclass(frozen=True, eq=False)
class Explanation:
    """What `AnomalyDetector.explain` found: reconstruction and error, value by value.

    Attributes
    ----------
    errors : numpy.ndarray, shape (n, time, feature) or (time, feature)
        Absolute difference from the reconstruction, in the spreads that the detector's `scaling`
        divides by (standard deviations, interquartile ranges, or the data's units), so that
        features compare. Not smoothed. Of a series, the mean over the windows that hold a step.
        NaN where a value is missing or not scored.
    reconstruction : numpy.ndarray, of the same shape
        In the data's own units; NaN where no window reconstructs.
    feature_names : tuple of str
    """

    errors: np.ndarray
    reconstruction: np.ndarray
    feature_names: tuple[str, ...]

    def by_feature(self, part: slice | int = slice(None)) -> pd.Series:
        """The share of the summed error that each feature carries, largest first.

        Parameters
        ----------
        part : slice or int, default all
            Time steps of a series, such as ``slice(*event)``, or sequences of a set.

        Returns
        -------
        pandas.Series
            By feature name; the shares add up to 1, or are all 0 where there is no error.
        """
        total = np.nansum(self.errors[part].reshape(-1, len(self.feature_names)), axis=0)
        shares = total / total.sum() if total.sum() > 0 else total
        return pd.Series(shares, list(self.feature_names), name="share of the error").sort_values(ascending=False)

    def top(self, n: int = 5, part: slice | int = slice(None)) -> pd.DataFrame:
        """The values with the largest errors.

        Parameters
        ----------
        n : int, default 5
            How many.
        part : slice or int, default all
            Time steps of a series, or sequences of a set.

        Returns
        -------
        pandas.DataFrame
            Columns: sequence (of a set only), step, feature, error, reconstruction; largest error
            first. Without a row where every value is missing.
        """
        chosen = np.atleast_1d(np.arange(len(self.errors))[part])
        errors = np.nan_to_num(self.errors[chosen], nan=-1.0)
        # largest error first, without the missing ones
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
