"""`Explanation`: which time steps and which features carry the error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.markup import escaped, without_math


@dataclass(frozen=True, eq=False)
class Explanation:
    """What `AnomalyDetector.explain` found: reconstruction and error, value by value.

    Attributes
    ----------
    errors : numpy.ndarray, shape (n, time, feature) or (time, feature)
        Absolute difference from the reconstruction, in the spreads that the detector's `scaling`
        divides by (standard deviations, interquartile ranges, or the data's units), so that
        features compare. Not smoothed. Of a series, the mean over the windows that hold a step.
        NaN where a value is missing or not judged.
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
        named = pd.Series(shares, index=list(self.feature_names), name="share of the error")
        return named.sort_values(ascending=False)

    def top(self, n: int = 5, part: slice | int = slice(None)) -> pd.DataFrame:
        """The values with the largest errors.

        Parameters
        ----------
        n : int, default 5
            How many.
        part : slice or int, default all
            Time steps of a series, or sequences of a set; in a row.

        Returns
        -------
        pandas.DataFrame
            Columns: sequence (of a set only), step, feature, error, reconstruction; largest error
            first. Without a row where every value is missing.

        Raises
        ------
        ValueError
            If the part leaves steps out.
        """
        if isinstance(part, int):
            part = slice(part, part + 1 or None)
        offset, _, step = part.indices(len(self.errors))
        if step != 1:
            msg = f"part takes steps in a row, such as slice(100, 200); got {part!r}."
            raise ValueError(msg)
        errors = np.nan_to_num(self.errors[part], nan=-1.0)
        order = np.argsort(errors, axis=None)[::-1][:n]
        rows = []
        for where in zip(*np.unravel_index(order, errors.shape), strict=True):
            if errors[where] < 0:
                break
            at = (offset + where[0], *where[1:])
            row = {"sequence": at[0]} if len(at) == 3 else {}
            feature = self.feature_names[at[-1]]
            row |= {
                "step": at[-2],
                "feature": feature,
                "error": self.errors[at],
                "reconstruction": self.reconstruction[at],
            }
            rows.append(row)
        columns = ["sequence"] * (self.errors.ndim == 3) + ["step", "feature", "error", "reconstruction"]
        return pd.DataFrame(rows, columns=columns)

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.by_feature().head(3).items())
        return f"Explanation of {' × '.join(map(str, self.errors.shape))} errors; {shares}"

    def _repr_html_(self) -> str:
        shares = self.by_feature().to_frame().head(10).to_html(float_format="{:.1%}".format)
        top = self.top().to_html(index=False, float_format="{:.4g}".format)
        return without_math(f"<p>{escaped(repr(self))}</p>{shares}{top}")
