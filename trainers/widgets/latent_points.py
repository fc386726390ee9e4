"""`project`: points of any dimension as a map, in two."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.data_set import as_array

# Squares of what is larger could leave the range of a float.
_LARGEST = 1e100


def project(points: Any) -> tuple[np.ndarray, tuple[str, str]]:
    """Points in two dimensions, and what the axes are.

    Two coordinates stay as they are. More are projected on their first two principal components,
    computed in full, so without randomness; a component points to where its largest weight does,
    so that it is not mirrored from one run to the next.

    Parameters
    ----------
    points : array or tensor, shape (n, k)
        k from 2 up.

    Returns
    -------
    places : array, shape (n, 2)
        float64.
    axes : tuple of two str
        Name of each axis; with principal components, with its share of the variance.

    Raises
    ------
    TypeError, ValueError
        If they are no finite numbers, or have another shape.
    """
    array = as_array(points, "points").astype(np.float64)
    if array.ndim != 2 or 0 in array.shape:
        msg = f"points must have shape (n, k), one row for each sequence; got {array.shape}. model.encode gives them."
        raise ValueError(msg)
    if array.shape[1] == 1:
        msg = (
            f"points must have at least two coordinates each; got shape {array.shape}. One number for each sequence "
            "is a line, not a map: draw its histogram."
        )
        raise ValueError(msg)
    # NaN is not at most anything.
    if not (np.abs(array) <= _LARGEST).all():
        bad = int(np.argmin((np.abs(array) <= _LARGEST).all(1)))
        msg = (
            f"points must be finite numbers from -{_LARGEST:g} to {_LARGEST:g}; got {array[bad].tolist()[:4]} "
            f"as point {bad}. Leave such sequences out."
        )
        raise ValueError(msg)
    if array.shape[1] == 2:
        return array, ("latent 1", "latent 2")
    return _principal_components(array)


def _principal_components(points: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    # Here, because it takes half a second: who never projects does not wait.
    from sklearn.decomposition import PCA

    places, shares = np.zeros((len(points), 2)), np.zeros(2)
    # Points that are all the same have no variance to share out; of tiny differences the squares must not become 0.
    if (size := np.ptp(points, axis=0).max()) > 0:
        scaled = (points - points.mean(0)) / size
        pca = PCA(n_components=2, svd_solver="full").fit(scaled)
        # Rounded, so that of two weights that are as large it is always the first.
        largest = np.argmax(np.abs(pca.components_).round(6), axis=1)
        signs = np.sign(pca.components_[[0, 1], largest])
        places, shares = pca.transform(scaled) * signs * size, pca.explained_variance_ratio_
    first, second = (f"PC {i} ({100 * share:.0f} % of the variance)" for i, share in enumerate(shares, 1))
    return places, (first, second)
