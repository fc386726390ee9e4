"""`Scaling`: each feature brought to a common scale, learnt from training data alone."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import RobustScaler, StandardScaler

from data import DataSet, Series

LARGEST = 1e15


class Scaling:
    """Subtracts a centre from each feature, and divides by a spread; scikit-learn finds them.

    A feature that never changes in training is only centred.

    Parameters
    ----------
    kind : {"standard", "robust", "none"}
        Mean and standard deviation, median and interquartile range, or no scaling.
    values : numpy.ndarray, shape (n, feature)
        Training values; NaN is passed over.

    Raises
    ------
    ValueError
        If a feature has no value at all.
    """

    def __init__(self, kind: str, values: np.ndarray) -> None:
        empty = np.flatnonzero(np.isnan(values).all(0))
        if len(empty):
            msg = f"feature {empty[0]} has no value in the training data: all are missing. Leave it out."
            raise ValueError(msg)
        self.center, self.spread = np.zeros(values.shape[1]), np.ones(values.shape[1])
        if kind == "standard":
            standard = StandardScaler().fit(values.astype(np.float64))
            self.center, self.spread = standard.mean_, standard.scale_
        elif kind == "robust":
            robust = RobustScaler().fit(values.astype(np.float64))
            self.center, self.spread = robust.center_, robust.scale_

    @classmethod
    def of(cls, kind: str, training: DataSet | Series) -> Scaling:
        """The scaling of a training set: padding and missing values do not count."""
        if isinstance(training, Series):
            return cls(kind, training.values)
        values = training.sequences.numpy()
        if training.mask is not None:
            values = np.where(training.mask.numpy(), values, np.nan)
        return cls(kind, values.reshape(-1, training.n_features))

    def scaled(self, data: DataSet) -> DataSet:
        """A data set on the common scale, without its labels."""
        return DataSet(
            self.scale(data.sequences.numpy()),
            targets=None if data.targets is data.sequences else self.scale(data.targets.numpy()),
            mask=data.mask,
            lengths=data.lengths,
            name=data.name,
        )

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Values (…, feature) on the common scale, float32.

        Raises
        ------
        ValueError
            If a value is so far from the training data that its square could not be a score.
        """
        scaled = (values - self.center) / self.spread
        if np.nanmax(np.abs(scaled), initial=0.0) > LARGEST:
            where = np.unravel_index(np.nanargmax(np.abs(scaled)), scaled.shape)
            msg = (
                f"values must be within {LARGEST:g} spreads of the training data; got {values[where]:g} in feature "
                f"{where[-1]}. Remove such values, or mark them as missing (NaN in a Series)."
            )
            raise ValueError(msg)
        return scaled.astype(np.float32)

    def unscale(self, values: np.ndarray) -> np.ndarray:
        """Back to the data's own units."""
        return values * self.spread + self.center
