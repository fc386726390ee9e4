"""`pot_threshold`: a threshold from extreme value theory, for rates too small to be counted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import boxcox
from scipy.stats import genpareto

from trainers.detection._validation import as_scores, as_share

# Two parameters from fewer points than this are noise.
_FEWEST_EXCESSES = 10


def pot_threshold(calibration_scores: Any, *, rate: float = 0.001, level: float | None = None) -> float:
    """Peaks over threshold: the tail is fitted and extended; **holds its rate only roughly**.

    What exceeds a high quantile t of the n scores is fitted with a generalized Pareto
    distribution (shape γ, scale σ; maximum likelihood), and the threshold read off the fitted
    tail: z = t + (σ/γ)((rate · n / Nₜ)^−γ − 1) with Nₜ excesses, or t − σ ln(rate · n / Nₜ) for
    γ → 0; Siffer et al. 2017 (KDD), section 3. So it gives thresholds for rates below
    1/(n + 1), where `quantile_threshold` must refuse.

    Its rate is right as n grows and t rises, if the tail is one that such a distribution
    describes; with few scores it is not. Measured (200 draws of 500 calibration scores, level
    0.98): asked for 0.1 %, it gave 0.22 % on the heartbeats of ECG5000 and 0.23 % on normally
    distributed numbers; with 1,000 scores 0.12 % and 0.17 %. Asked for 1 %, at level 0.9, it
    gave 1.8 % on the heartbeats: there the fitted tail was the wrong one.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences that neither training nor history restore has seen.
    rate : float, default 0.001
        Share of false alarms among normal sequences to aim at; at most the share of the scores
        above the level.
    level : float, optional
        Share of the scores below the tail. Default: 0.98, or lower, down to 0.5, so that twenty
        scores and twice the rate lie in the tail.

    Returns
    -------
    float
        Scores *above* it are anomalous.

    Raises
    ------
    TypeError, ValueError
        If the scores are no finite numbers, fewer than ten or all equal above the level, the
        rate is larger than their share, or no tail fits.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.random.default_rng(0).exponential(size=2000)
    >>> threshold = pot_threshold(scores, rate=1e-4)
    >>> bool(7 < threshold < 12)  # the true one: -ln(1e-4) = 9.2
    True
    """
    scores = as_scores(calibration_scores, "calibration_scores")
    rate = as_share(rate, "rate", "the share of false alarms", "The default is 0.001.")
    if level is None:
        level = max(0.5, min(0.98, 1 - 20 / len(scores), 1 - 2 * rate))
    level = as_share(level, "level", "the share of the scores below the tail", "Leave it out for the default.")
    with np.errstate(over="ignore", invalid="ignore"):
        start = float(np.quantile(scores, level))
        excesses = scores[scores > start] - start
        size = float(excesses.mean()) if len(excesses) else 0.0
    if len(excesses) < _FEWEST_EXCESSES or excesses.min() == excesses.max():
        msg = (
            f"calibration_scores are too few above level {level:g} to fit a tail: {_FEWEST_EXCESSES} are needed that "
            f"are not all equal; got {len(excesses)} of {len(scores)}. Bring more, or lower the level."
        )
        raise ValueError(msg)
    share = len(excesses) / len(scores)
    if rate > share:
        msg = (
            f"rate must be at most the share of scores above the level, {share:g}; got {rate:g}. "
            "Lower the level, or use quantile_threshold(…), which holds such a rate."
        )
        raise ValueError(msg)
    try:
        with np.errstate(all="ignore"):
            # In units of their mean: the search for the maximum knows nothing of other scales.
            shape, _, scale = genpareto.fit(excesses / size, floc=0)
            threshold = start + size * scale * float(boxcox(share / rate, shape))
    except (ValueError, RuntimeError, ArithmeticError) as error:
        msg = f"calibration_scores must have a tail that a generalized Pareto distribution fits; got: {error}."
        raise ValueError(msg) from error
    if not math.isfinite(threshold):
        msg = (
            f"calibration_scores must have a tail that can be extended to a rate of {rate:g}; "
            f"the fit gave {threshold}. Raise the rate, or scale the scores down."
        )
        raise ValueError(msg)
    return threshold
