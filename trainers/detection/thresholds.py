"""`quantile_threshold`: how high a normal score may be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def as_scores(scores: Any, what: str) -> np.ndarray:
    """`scores` as a finite array (n,), or an error that names `what`."""
    try:
        array = np.asarray(scores)
    except (TypeError, ValueError) as error:
        msg = f"{what} must be one number for each sequence; got {type(scores).__name__}: {error}"
        raise TypeError(msg) from error
    if array.dtype.kind not in "iuf":
        msg = f"{what} must be real numbers, one for each sequence; got dtype {array.dtype}."
        raise TypeError(msg)
    array = array.astype(np.float64)
    if array.ndim != 1 or array.size == 0 or not np.isfinite(array).all():
        msg = (
            f"{what} must be finite numbers of shape (n,), at least one; got shape {array.shape}"
            f"{'' if np.isfinite(array).all() else ' with NaN or infinite values'}. "
            "reconstruction_error(model, sequences) gives them."
        )
        raise ValueError(msg)
    return array


def as_threshold(threshold: Any) -> float:
    """`threshold` as a finite float, or an error."""
    number = isinstance(threshold, int | float | np.integer | np.floating) and not isinstance(threshold, bool)
    if not number or not math.isfinite(threshold):
        msg = f"threshold takes a finite number; got {threshold!r}. quantile_threshold(…) gives one."
        raise ValueError(msg)
    return float(threshold)


def as_labels(labels: Any, scores: np.ndarray) -> np.ndarray:
    """`labels` as whole numbers from 0 up, one for each score, or an error."""
    try:
        array = np.asarray(labels)
    except (TypeError, ValueError) as error:
        msg = f"labels must be whole numbers, one for each of the {len(scores)} scores; got {error}. 0 is normal."
        raise ValueError(msg) from error
    if array.shape != scores.shape or array.dtype.kind not in "biu" or (array < 0).any():
        msg = (
            f"labels must be whole numbers from 0 (normal) up, one for each of the {len(scores)} scores; "
            f"got shape {array.shape}, dtype {array.dtype}, values such as {array.reshape(-1)[:3].tolist()}."
        )
        raise ValueError(msg)
    return array


def quantile_threshold(calibration_scores: Any, *, rate: float = 0.05) -> float:
    """The threshold that a new normal sequence exceeds with probability `rate` at most.

    It is the k-th smallest of the n calibration scores, k = ⌈(n + 1)(1 − rate)⌉, the
    finite-sample (conformal) quantile of Vovk et al. 2005; see Angelopoulos & Bates 2021
    (arXiv:2107.07511), section 1. The plain quantile promises too much. The promise is in the
    mean over calibration sets; with one set, the rate met varies by about √(rate(1 − rate)/n).

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences that neither training nor history restore has seen.
    rate : float, default 0.05
        Share of false alarms among normal sequences, between 0 and 1.

    Returns
    -------
    float
        Scores *above* it are anomalous.

    Raises
    ------
    TypeError, ValueError
        If the scores are no finite numbers, or too few for such a rate.

    Examples
    --------
    >>> quantile_threshold([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0], rate=0.2)
    8.0
    """
    scores = as_scores(calibration_scores, "calibration_scores")
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.floating) or not 0 < rate < 1:
        msg = f"rate takes a number between 0 and 1, the share of false alarms; got {rate!r}. The default is 0.05."
        raise ValueError(msg)
    # The rounding keeps (n + 1)(1 - rate), when whole, from being taken for a little more.
    k = math.ceil(round((len(scores) + 1) * (1 - rate), 9))
    if k > len(scores):
        msg = (
            f"{len(scores)} calibration scores are too few for a rate of {rate:g}: at least "
            f"{math.ceil(round(1 / rate, 9)) - 1} are needed. Bring more, or raise the rate."
        )
        raise ValueError(msg)
    return float(np.sort(scores)[max(k, 1) - 1])
