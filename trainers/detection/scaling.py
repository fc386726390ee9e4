"""`Scaling`: each feature brought to a common scale, learnt from training data alone."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import RobustScaler, StandardScaler

SCALINGS = ("standard", "robust", "none")


class Scaling:
    """Subtracts a centre from each feature, and divides by a spread; scikit-learn finds them.

    A feature that never changes in training is only centred.

    Parameters
    ----------
    kind : {"standard", "robust", "none"}
        Mean and standard deviation, median and interquartile range, or no scaling.
    values : numpy.ndarray, shape (n, feature)
        Training values; NaN is passed over.
    """

    def __init__(self, kind: str, values: np.ndarray) -> None:
        self.center, self.spread = np.zeros(values.shape[1]), np.ones(values.shape[1])
        if kind == "standard":
            standard = StandardScaler().fit(values.astype(np.float64))
            self.center, self.spread = standard.mean_, standard.scale_
        elif kind == "robust":
            robust = RobustScaler().fit(values.astype(np.float64))
            self.center, self.spread = robust.center_, robust.scale_

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Values (…, feature) on the common scale, float32."""
        return ((values - self.center) / self.spread).astype(np.float32)

    def unscale(self, values: np.ndarray) -> np.ndarray:
        """Back to the data's own units."""
        return values * self.spread + self.center
