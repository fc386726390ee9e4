"""`Detection`: scores, the threshold, and what was decided by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data import Series
from data.markup import escaped, without_math
from data.series import runs


@dataclass(frozen=True, eq=False)
class Detection:
    """What `AnomalyDetector.detect` decided.

    Attributes
    ----------
    scores : numpy.ndarray, shape (n,) or (time,)
        Of each sequence, or of each time step of a series; the higher, the more anomalous.
    threshold : float
        Scores above it are called abnormal.
    unjudged : numpy.ndarray, shape (n,) or (time,), bool
        Time steps that no window could judge, as too many values were missing there. Their score
        is 0, and they are never called abnormal.
    series : Series or None
        What was judged, if it was a series.
    """

    scores: np.ndarray
    threshold: float
    unjudged: np.ndarray
    series: Series | None = None

    @property
    def abnormal(self) -> np.ndarray:
        """Which sequences or time steps are called abnormal, bool."""
        return (self.scores > self.threshold) & ~self.unjudged

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
            table = pd.DataFrame({"sequence": numbers, "score": self.scores[numbers]})
            return table.sort_values("score", ascending=False, ignore_index=True)
        rows = []
        for start, end in self.events:
            peak = start + int(np.argmax(self.scores[start:end]))
            row = {"start": start, "end": end, "steps": end - start, "peak": peak, "score": self.scores[peak]}
            if self.series.time is not None:
                row |= {"from": self.series.time[start], "to": self.series.time[end - 1]}
            elif self.series.sampling_rate is not None:
                rate = self.series.sampling_rate
                row |= {"from, s": start / rate, "to, s": (end - 1) / rate}
            rows.append(row)
        columns = ["start", "end", "steps", "peak", "score"]
        table = pd.DataFrame(rows, columns=list(rows[0]) if rows else columns)
        return table.sort_values("score", ascending=False, ignore_index=True)

    def __repr__(self) -> str:
        what = "sequences" if self.series is None else "time steps"
        called = int(self.abnormal.sum())
        text = f"Detection: {called} of {len(self.scores)} {what} above the threshold {self.threshold:.4g}"
        if self.series is not None:
            many = len(self.events)
            text += f", {many} event{'s' * (many != 1)}"
        unjudged = int(self.unjudged.sum())
        return text + f"; {unjudged} not judged, as too many values are missing" * (unjudged > 0)

    def _repr_html_(self) -> str:
        table = self.to_frame()
        more = f"<p>… and {len(table) - 20} more.</p>" if len(table) > 20 else ""
        rows = table.head(20).to_html(index=False, float_format="{:.4g}".format)
        return without_math(f"<p>{escaped(repr(self))}</p>{rows}{more}")
