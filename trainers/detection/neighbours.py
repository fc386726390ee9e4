"""Distance of a window to the nearest normal windows, by latent vector and reconstruction error."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import nn

from trainers.detection.scoring import smoothed
from trainers.detection.windowing import Reconstructed
from trainers.losses import bad_model, evaluating
from trainers.torch_utils import device_of

# Weight of the reconstruction error in the distance, and number of nearest normal windows.
ERROR_WEIGHT, NEAREST = 3.0, 3
# Largest number of normal windows that others are compared with, and of their values.
MOST_WINDOWS, MOST_VALUES = 10_000, 2**23
# Windows that are encoded and compared at once.
BATCH = 256
# Windows are equal except for rounding if their distance is a smaller share of the standard deviation of the windows.
ZERO = 1e-4
_SAVED = ("coordinates", "error_weight", "scale", "length", "positions", "apart", "zero")


class NormalWindows:
    """Normal windows, and the mean distance of other windows to the three nearest of them.

    A window x has the latent vector z, the error e = x̂ − x of its reconstruction x̂, and the level m, the mean that
    was subtracted from it (`centre`). Its distance to a normal window n is

        √( (s² ‖z − zₙ‖² + β² ‖e − eₙ‖² + w ‖m − mₙ‖²) / d ),

    with β = 3, w time steps and d values in a window. s scales the latent vectors of the normal windows to
    the total variance of these windows, so that for β = 1 the distance is similar to that of the windows themselves,
    as in detection by nearest neighbours [1]_, [3]_. Unlike the size of the error alone, it is small for errors
    that also occur in normal windows. The distance of autoencoder coordinates together with the error follows the
    composite vector of [2]_, section 3.2. β was chosen with ``make detection-study``.

    Missing values of the error are left out, as in `sklearn.metrics.pairwise.nan_euclidean_distances`, and so are time
    steps that only one of two sequences has.

    Parameters
    ----------
    latent : numpy.ndarray, shape (n, latent) or (n, length, feature)
        Of normal windows, see `vectors_of`.
    errors : numpy.ndarray, shape (n, length, feature)
        Reconstruction minus window; NaN for a missing value.
    levels : numpy.ndarray, shape (n, feature) or (n, 0)
        Mean that was subtracted from each window; no columns if none was subtracted.
    variance : float
        Total variance of the windows: the sum of the variances of their values.
    positions : numpy.ndarray, shape (n,)
        First step of each window in the normal series, or its number; increasing.
    apart : int
        Windows share a time step if their positions differ by less.
    error_weight : float, default 3.0
        β.

    References
    ----------
    .. [1] Ramaswamy, Rastogi & Shim 2000, Efficient algorithms for mining outliers from large data sets, SIGMOD.
    .. [2] Zong et al. 2018, Deep autoencoding Gaussian mixture model for unsupervised anomaly detection, ICLR.
    .. [3] Angiulli & Pizzuti 2002, Fast outlier detection in high dimensional spaces, PKDD: the mean of the distances.

    Examples
    --------
    >>> latent, errors, levels = np.array([[1.0], [2.0], [3.0]]), np.zeros((3, 4, 1)), np.zeros((3, 0))
    >>> normal = NormalWindows(latent, errors, levels, variance=2 / 3, positions=np.arange(3), apart=1)
    >>> normal.distances(latent[:1] - 2, errors[:1], levels[:1])  # the mean of 2, 3 and 4, divided by √4
    array([1.5])
    """

    def __init__(
        self,
        latent: np.ndarray,
        errors: np.ndarray,
        levels: np.ndarray,
        variance: float,
        positions: np.ndarray,
        apart: int,
        error_weight: float = ERROR_WEIGHT,
    ) -> None:
        self.error_weight = error_weight
        self.length, self.positions, self.apart = errors.shape[1], positions, apart
        spread = float(np.nanvar(latent.reshape(len(latent), -1), 0).sum())
        self.scale = float(np.sqrt(variance / spread)) if spread > 0 else 1.0
        self.zero = ZERO * float(np.sqrt(variance / errors[0].size))
        self.coordinates = self._coordinates(latent, errors, levels)

    @classmethod
    def of_content(cls, **content: Any) -> NormalWindows:
        """Return the normal windows that `to_content` describes."""
        coordinates, positions = content["coordinates"], content["positions"]
        if coordinates.ndim != 2 or not len(coordinates) or positions.shape != coordinates.shape[:1]:
            got = f"{coordinates.shape} and {positions.shape}"
            raise ValueError(f"coordinates and positions must be of the same windows, got the shapes {got}.")
        windows = cls.__new__(cls)
        vars(windows).update({name: content[name] for name in _SAVED})
        return windows

    def to_content(self) -> dict[str, Any]:
        """Return the content of a file."""
        return {name: getattr(self, name) for name in _SAVED}

    def distances(
        self, latent: np.ndarray, errors: np.ndarray, levels: np.ndarray, positions: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the mean distance of each window to the three nearest normal windows, (n,).

        A window that is a normal window itself is compared with those that share no time step with it. `positions`
        are those of such windows; without them, a window at the distance 0 from a normal window is taken for it.
        """
        points = self._coordinates(latent, errors, levels)
        if positions is not None:
            return self._from_others(points, positions)
        distances, found = self._nearest(points, min(NEAREST, len(self.positions)))
        means, known = distances.mean(1), np.flatnonzero(distances[:, 0] < self.zero)
        if len(known):
            means[known] = self._from_others(points[known], self.positions[found[known, 0]])
        return means

    def _nearest(self, points: np.ndarray, n_near: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the distances to the nearest normal windows and their numbers, each (n, n_near)."""
        distances, found = np.empty((len(points), n_near)), np.empty((len(points), n_near), dtype=int)
        missing = np.isnan(points).any(1) | np.isnan(self.coordinates).any()
        for metric, rows in {"euclidean": ~missing, "nan_euclidean": missing}.items():
            search = NearestNeighbors(algorithm="brute", metric=metric)
            # a few windows at once, because nan_euclidean takes memory for all distances
            for at in np.array_split(np.flatnonzero(rows), range(BATCH, int(rows.sum()), BATCH)):
                if len(at):
                    distances[at], found[at] = search.fit(self.coordinates).kneighbors(points[at], n_near)
        return distances, found

    def _from_others(self, points: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return the distances from normal windows at these positions to others that share no time step with them."""
        first, end = (np.searchsorted(self.positions, positions + offset) for offset in (1 - self.apart, self.apart))
        # as many more as those to be left out
        n_near = min(len(self.positions), int((end - first).max()) + NEAREST)
        distances, found = self._nearest(points, n_near)
        others = np.abs(self.positions[found] - positions[:, None]) >= self.apart
        # the farthest one if all share a time step
        others[:, -1] |= ~others.any(1)
        used = others & (others.cumsum(1) <= NEAREST)
        return np.where(used, distances, 0.0).sum(1) / used.sum(1)

    def _coordinates(self, latent: np.ndarray, errors: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return the vectors whose Euclidean distance is the distance of two windows, (n, columns), float64."""
        n, _, n_features = errors.shape
        latent, errors = (with_length(part, self.length).reshape(n, -1) for part in (latent, errors))
        parts = self.scale * latent, self.error_weight * errors, np.sqrt(self.length) * levels
        return np.concatenate(parts, axis=1, dtype=np.float64) / np.sqrt(self.length * n_features)


def vectors_of(model: nn.Module, part: Reconstructed, smooth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return latent vectors, errors and levels of windows, as for `NormalWindows`.

    If a model has no `encode`, its reconstruction takes the place of the latent vectors. The errors are averaged
    over `smooth` time steps.
    """
    n, _, n_features = part.windows.shape
    levels = np.zeros((n, 0)) if np.ndim(part.middle) == 0 else part.middle.reshape(n, n_features)
    errors = smoothed(part.differences, smooth)
    if not hasattr(model, "encode"):
        return np.where(np.isnan(part.differences), np.nan, part.reconstruction), errors, levels
    options = {} if part.lengths is None else {"lengths": part.lengths}
    encode, device, latent = cast(Any, model).encode, device_of(model), []
    with evaluating(model):
        for at in (slice(first, first + BATCH) for first in range(0, n, BATCH)):
            batch = torch.from_numpy(part.windows[at]).to(device)
            try:
                vectors = encode(batch, **{key: value[at] for key, value in options.items()})
            except TypeError as error:
                raise bad_model(model, f"must have encode(sequences, lengths), got {error}") from error
            if not isinstance(vectors, torch.Tensor) or vectors.ndim != 2 or len(vectors) != len(batch):
                got = f"{type(vectors).__name__} {tuple(getattr(vectors, 'shape', ()))}"
                raise bad_model(model, f"must have an encode that returns vectors (n, latent), got {got}")
            latent.append(vectors.float().cpu().numpy())
    return np.concatenate(latent), errors, levels


def with_length(values: np.ndarray, length: int) -> np.ndarray:
    """Return values (n, time, feature) cut to `length` steps, or with NaN at the end; (n, latent) is unchanged."""
    if values.ndim == 2 or values.shape[1] == length:
        return values
    missing = max(0, length - values.shape[1])
    return np.pad(values[:, :length], ((0, 0), (0, missing), (0, 0)), constant_values=np.nan)
