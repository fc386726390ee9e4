"""Errors of time steps and anomaly scores of sequences, from the differences to their reconstruction."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d
from sklearn.covariance import EmpiricalCovariance
from torch import nn

from data import DataSet
from data.lazy import chunks, is_lazy
from trainers.checks import as_choice, as_count
from trainers.losses import reconstruct

# How the errors of each kind are combined; "gaussian" also needs an `ErrorGaussian`.
REDUCTIONS = {"mae": "mean", "mse": "mean", "sum": "sum", "max": "max"}


def reconstruction_error(
    model: nn.Module, sequences: Any, *, kind: str = "mae", smooth: int = 1, gaussian: ErrorGaussian | None = None
) -> np.ndarray:
    """Return the anomaly score of each sequence: its reconstruction error.

    Parameters
    ----------
    model : torch.nn.Module
        A model trained on normal sequences.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Sequences to score. Padding and missing values are ignored.
    kind : {"mae", "mse", "sum", "max", "gaussian"}, default "mae"
        "mae" and "mse" are the mean absolute and mean squared error over all time steps and
        features; "sum" is the sum of the absolute errors, which grows with the length; "max" is
        the largest absolute error. "mse" is in squared units of the data, the other three are in
        its units. "gaussian" is the score of EncDec-AD (see `ErrorGaussian`), averaged over
        the time steps.
    smooth : int, default 1
        The differences between reconstruction and sequence are first averaged over this number of
        neighbouring time steps (fewer at the edges). This reduces noise, but keeps longer
        deviations. 1 means no smoothing.
    gaussian : ErrorGaussian, optional
        Distribution of the model's errors on normal data, with the same smoothing; required for
        "gaussian". See `reconstruction_differences`.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Scores, float64; higher scores are more anomalous.

    Raises
    ------
    TypeError, ValueError
        If the sequences are not finite numbers, the model returns another shape or non-finite
        numbers, `kind` is unknown, or `smooth` is not between 1 and the number of time steps.

    References
    ----------
    .. [1] Malhotra et al. 2016 (arXiv:1607.00148), section 2.2: "gaussian".
    """
    as_choice(kind, "kind", (*REDUCTIONS, "gaussian"))
    if (kind == "gaussian") != (gaussian is not None):
        raise ValueError('kind="gaussian" and gaussian=ErrorGaussian(…) must be given together, got one of them.')
    data = DataSet.of(sequences, "sequences to score")
    rows = chunks(len(data), data.sequences.shape[1:])
    parts = (data.subset(at) for at in rows) if is_lazy(data) else [data]
    scores = [sequence_scores(reconstruction_differences(model, part, smooth=smooth), kind, gaussian) for part in parts]
    return np.concatenate(scores)


def reconstruction_differences(model: nn.Module, sequences: Any, *, smooth: int = 1) -> np.ndarray:
    """Return the reconstruction minus the sequence, for each value.

    Parameters
    ----------
    model : torch.nn.Module
        A trained model.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Sequences to reconstruct.
    smooth : int, default 1
        As in `reconstruction_error`.

    Returns
    -------
    numpy.ndarray, shape (n, time, feature)
        Differences, float64, in the units of the data; NaN for padding and missing values.
    """
    data = DataSet.of(sequences, "sequences to score")
    smooth = as_count(smooth, "smooth", "in time steps", most=data.length)
    return smoothed(known_differences(model, reconstruct(model, data), data.sequences, data.mask), smooth)


class ErrorGaussian:
    """Gaussian distribution of a model's error vectors on normal data, for scores as in EncDec-AD.

    The error vector e of a time step holds its absolute errors, one per feature; mean μ and
    covariance Σ are the maximum likelihood estimates (by scikit-learn). The score of a step is
    (e − μ)ᵀ Σ⁻¹ (e − μ), the squared Mahalanobis distance from the mean error. Σ⁻¹ is computed as
    the pseudo-inverse, so that a feature with zero variance is ignored.

    Parameters
    ----------
    differences : numpy.ndarray, shape (n, time, feature)
        Reconstruction minus sequence, on normal data that the model was not trained on; at least
        two time steps. NaN values are ignored.

    Raises
    ------
    ValueError
        If fewer than two time steps have a value for every feature.

    References
    ----------
    .. [1] Malhotra et al. 2016 (arXiv:1607.00148), section 2.2.

    Examples
    --------
    >>> differences = np.random.default_rng(0).normal(size=(20, 50, 2))
    >>> scores = ErrorGaussian(differences)(differences)
    >>> scores.shape, round(float(scores.mean()), 3)  # the mean is the number of features
    ((20, 50), 2.0)
    """

    def __init__(self, differences: np.ndarray) -> None:
        errors = np.abs(differences).reshape(-1, differences.shape[-1])
        errors = errors[np.isfinite(errors).all(1)]
        if len(errors) < 2:
            raise ValueError(f"differences must have two time steps without missing values, got {len(errors)}.")
        fitted = EmpiricalCovariance().fit(errors)
        self.mean: np.ndarray = fitted.location_
        self.precision: np.ndarray = fitted.precision_

    @classmethod
    def of(cls, mean: np.ndarray, precision: np.ndarray) -> ErrorGaussian:
        """Return the distribution with this mean (feature,) and inverse covariance (feature, feature)."""
        gaussian = cls.__new__(cls)
        gaussian.mean, gaussian.precision = mean, precision
        return gaussian

    def __call__(self, differences: np.ndarray) -> np.ndarray:
        """Return scores (n, time) of differences (n, time, feature); a NaN is replaced by the mean error."""
        errors = np.nan_to_num(np.abs(differences) - self.mean, nan=0.0)
        scores = np.einsum("ntf,fg,ntg->nt", errors, self.precision, errors, optimize=True)
        return np.where(np.isnan(differences).all(2), np.nan, scores)


def step_errors(differences: np.ndarray, kind: str, gaussian: ErrorGaussian | None = None) -> np.ndarray:
    """Return the error of each time step, (n, time), from differences (n, time, feature).

    The error is the mean absolute ("mae"), mean squared ("mse"), summed absolute ("sum") or largest
    absolute error ("max") over the features that are not NaN, or the distance in `gaussian`. It is
    NaN if all features are NaN.
    """
    if kind == "gaussian":
        assert gaussian is not None
        return gaussian(differences)
    errors = np.square(differences) if kind == "mse" else np.abs(differences)
    return reduce_known(REDUCTIONS[kind], errors, axis=2)


def sequence_scores(differences: np.ndarray, kind: str, gaussian: ErrorGaussian | None = None) -> np.ndarray:
    """Return the score of each sequence, (n,), over all values that are not NaN.

    The score is the sum for "sum", the largest error for "max", and otherwise the mean; for
    "gaussian", over the scores of the time steps. It is NaN if all values are NaN.
    """
    if kind == "gaussian":
        differences, kind = step_errors(differences, kind, gaussian), "mae"
    # treat all values as features of one time step
    return step_errors(differences.reshape(len(differences), 1, -1), kind)[:, 0]


def window_scores(differences: np.ndarray, kind: str, gaussian: ErrorGaussian | None, step_score: str) -> np.ndarray:
    """Return a score per step of each window, (n, time, 1): the window's score or the step's error ("point")."""
    if step_score == "point":
        return step_errors(differences, kind, gaussian)[..., None]
    return in_all_steps(sequence_scores(differences, kind, gaussian), differences.shape[1])


def in_all_steps(scores: np.ndarray, length: int) -> np.ndarray:
    """Return the scores of windows (n,) at each of their time steps, (n, length, 1)."""
    return np.broadcast_to(scores[:, None, None], (len(scores), length, 1))


def smoothed(differences: np.ndarray, width: int) -> np.ndarray:
    """Return the mean over `width` neighbouring time steps that are not NaN, (n, time, feature)."""
    if width == 1:
        return differences
    counts = ~np.isnan(differences)
    # for an even width, one more step after than before
    window_mean = partial(uniform_filter1d, size=width, axis=1, mode="constant", origin=-((width + 1) % 2))
    total, weights = window_mean(np.where(counts, differences, 0.0)), window_mean(counts.astype(np.float64))
    return np.divide(total, weights, out=np.full(total.shape, np.nan), where=counts)


def reduce_known(how: str, values: np.ndarray, axis: int) -> np.ndarray:
    """Return the "mean", "median", "sum" or "max" along an axis, ignoring NaN; NaN if all values are NaN."""
    reduced = getattr(np.ma, how)(np.ma.masked_array(values, np.isnan(values)), axis=axis)
    return np.ma.filled(reduced, np.nan)


def known_differences(model: nn.Module, reconstruction: Any, sequences: Any, mask: Any) -> np.ndarray:
    """Return reconstruction minus sequence, (n, time, feature), float64; NaN where `mask` is False.

    Raise if the model returned NaN or infinite values.
    """
    differences = np.asarray(reconstruction - sequences, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(differences).all((1, 2)))
    if len(bad):
        got = f"{len(bad)} of {len(differences)} sequences with NaN or infinite values"
        raise ValueError(f"the output of {type(model).__name__} must be finite, got {got}. Lower the learning_rate.")
    if mask is not None:
        differences[~np.asarray(mask)] = np.nan
    return differences
