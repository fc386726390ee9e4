"""What a reconstruction is worth: from differences to errors of time steps, to the score of a sequence."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d
from sklearn.covariance import EmpiricalCovariance
from torch import nn

from data import DataSet
from trainers.checks import as_choice, as_count
from trainers.losses import reconstruct

# How the errors of each kind are combined; "gaussian" needs a distribution as well.
REDUCTIONS = {"mae": "mean", "mse": "mean", "sum": "sum", "max": "max"}


def reconstruction_error(
    model: nn.Module, sequences: Any, *, kind: str = "mae", smooth: int = 1, gaussian: ErrorGaussian | None = None
) -> np.ndarray:
    """The anomaly score of each sequence: the difference from its reconstruction.

    Parameters
    ----------
    model : torch.nn.Module
        Trained on normal sequences.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        What to score. Padding and missing values do not count.
    kind : {"mae", "mse", "sum", "max", "gaussian"}, default "mae"
        Mean absolute or mean squared error over all time steps and features; the sum of the
        absolute errors, which grows with the length; the largest absolute error; all in the
        data's units. Or EncDec-AD's distance from the usual error, mean over the time steps.
    smooth : int, default 1
        The differences are first averaged over this many neighbouring time steps (fewer at the
        edges), so that noise cancels and what is wrong for longer stays. 1: not at all.
    gaussian : ErrorGaussian, optional
        For "gaussian": that of the model's errors on normal data, smoothed likewise; see
        `reconstruction_differences`.

    Returns
    -------
    numpy.ndarray, shape (n,)
        float64; the higher, the more anomalous.

    Raises
    ------
    TypeError, ValueError
        If the sequences are not finite numbers, the model returns another shape or numbers that
        are not finite, `kind` is unknown, or `smooth` is not between 1 and the length.

    References
    ----------
    .. [1] Malhotra et al. 2016 (arXiv:1607.00148), section 2.2: "gaussian".
    """
    as_choice(kind, "kind", (*REDUCTIONS, "gaussian"))
    if (kind == "gaussian") != (gaussian is not None):
        raise ValueError('kind="gaussian" and gaussian=ErrorGaussian(…) must be given together, got one of them.')
    return sequence_scores(reconstruction_differences(model, sequences, smooth=smooth), kind, gaussian)


def reconstruction_differences(model: nn.Module, sequences: Any, *, smooth: int = 1) -> np.ndarray:
    """Reconstruction minus sequence.

    Parameters
    ----------
    model : torch.nn.Module
        Trained.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        What to reconstruct.
    smooth : int, default 1
        As in `reconstruction_error`.

    Returns
    -------
    numpy.ndarray, shape (n, time, feature)
        float64, in the data's units; NaN at padding and missing values.
    """
    data = DataSet.of(sequences, "sequences to score")
    smooth = as_count(smooth, "smooth", "in time steps", most=data.length)
    return smoothed(known_differences(model, reconstruct(model, data), data.sequences, data.mask), smooth)


class ErrorGaussian:
    """The normal distribution of a model's error vectors on normal data, as EncDec-AD scores by it.

    The error vector of a time step holds its absolute errors, one for each feature; mean μ and
    covariance Σ are the maximum likelihood estimates. The score of a step is
    (e − μ)ᵀ Σ⁻¹ (e − μ): the squared distance from the usual error, in units of its spread. A
    feature without spread is left out by the pseudo-inverse. The covariance is scikit-learn's.

    Parameters
    ----------
    differences : numpy.ndarray, shape (n, time, feature)
        Reconstruction minus sequence, on normal data that the weights were not fitted to; at least
        two time steps. NaN where a value does not count.

    Raises
    ------
    ValueError
        If there are not two time steps at which every feature counts.

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
            raise ValueError(f"differences must hold two time steps without a missing feature, got {len(errors)}.")
        fitted = EmpiricalCovariance().fit(errors)
        self.mean, self.precision = fitted.location_, fitted.precision_

    def __call__(self, differences: np.ndarray) -> np.ndarray:
        """Scores (n, time) of differences (n, time, feature); a value that does not count counts as usual."""
        errors = np.nan_to_num(np.abs(differences) - self.mean, nan=0.0)
        scores = np.einsum("ntf,fg,ntg->nt", errors, self.precision, errors, optimize=True)
        return np.where(np.isnan(differences).all(2), np.nan, scores)


def step_errors(differences: np.ndarray, kind: str, gaussian: ErrorGaussian | None = None) -> np.ndarray:
    """The error of each time step, (n, time), from differences (n, time, feature).

    Over the features that count: the mean absolute ("mae"), mean squared ("mse"), summed absolute
    ("sum") or largest absolute error ("max"), or the distance in `gaussian`. NaN where none counts.
    """
    if kind == "gaussian":
        assert gaussian is not None
        return gaussian(differences)
    errors = np.square(differences) if kind == "mse" else np.abs(differences)
    return reduce_known(REDUCTIONS[kind], errors, axis=2)


def sequence_scores(differences: np.ndarray, kind: str, gaussian: ErrorGaussian | None = None) -> np.ndarray:
    """The score of each sequence, (n,): over all values that count, for "gaussian" over all such steps.

    The mean, but for "sum" the sum and for "max" the largest. NaN where none counts.
    """
    if kind == "gaussian":
        differences, kind = step_errors(differences, kind, gaussian), "mae"
    # As if all the values stood side by side in one time step.
    return step_errors(differences.reshape(len(differences), 1, -1), kind)[:, 0]


def window_scores(differences: np.ndarray, kind: str, gaussian: ErrorGaussian | None, step_score: str) -> np.ndarray:
    """What a window gives each of its steps, (n, time, 1): its own score ("window") or the step's error ("point")."""
    if step_score == "point":
        return step_errors(differences, kind, gaussian)[..., None]
    scores = sequence_scores(differences, kind, gaussian)
    return np.broadcast_to(scores[:, None, None], (*differences.shape[:2], 1))


def smoothed(differences: np.ndarray, width: int) -> np.ndarray:
    """Mean over `width` neighbouring time steps that count (fewer at the edges), (n, time, feature)."""
    if width == 1:
        return differences
    counts = ~np.isnan(differences)
    # For an even width, one step more comes after than before.
    window_mean = partial(uniform_filter1d, size=width, axis=1, mode="constant", origin=-((width + 1) % 2))
    total, weights = window_mean(np.where(counts, differences, 0.0)), window_mean(counts.astype(np.float64))
    return np.divide(total, weights, out=np.full(total.shape, np.nan), where=counts)


def reduce_known(how: str, values: np.ndarray, axis: int) -> np.ndarray:
    """The "mean", "median", "sum" or "max" along an axis of the values that are not NaN; NaN where all are."""
    reduced = getattr(np.ma, how)(np.ma.masked_array(values, np.isnan(values)), axis=axis)
    return np.ma.filled(reduced, np.nan)


def known_differences(model: nn.Module, reconstruction: Any, sequences: Any, mask: Any) -> np.ndarray:
    """Reconstruction minus sequence, (n, time, feature), float64; NaN where the mask, if there is one, is False.

    Raises an error if the model returned NaN or infinite values.
    """
    differences = np.asarray(reconstruction - sequences, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(differences).all((1, 2)))
    if len(bad):
        got = f"{len(bad)} of {len(differences)} sequences with NaN or infinite values"
        raise ValueError(f"{type(model).__name__} must give finite numbers, got {got}. Lower its learning_rate.")
    if mask is not None:
        differences[~np.asarray(mask)] = np.nan
    return differences
