"""How high a normal score may be: thresholds from normal calibration scores alone, and `RULES`, a list of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import boxcox
from scipy.stats import genpareto
from sklearn import metrics

from trainers.checks import as_count, as_positive, as_scores, as_truth

# Two parameters from fewer points than this are noise.
_FEWEST_EXCESSES = 10


def quantile_threshold(calibration_scores: Any, *, rate: float = 0.05) -> float:
    """The threshold that a new normal sequence exceeds with probability `rate` at most.

    It is the k-th smallest of the n calibration scores, k = ⌈(n + 1)(1 − rate)⌉, the
    finite-sample (conformal) quantile of Vovk et al. 2005; see Angelopoulos & Bates 2021
    (arXiv:2107.07511), section 1. The plain quantile promises too much. The promise holds on
    average over calibration sets; with one set, the rate met varies by about √(rate(1 − rate)/n).

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
        If the scores are not finite numbers, or too few for such a rate.

    Examples
    --------
    >>> quantile_threshold([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0], rate=0.2)
    8.0
    """
    scores = as_scores(calibration_scores, "calibration_scores")
    rate = as_positive(rate, "rate", "the share of false alarms", 1, "The default is 0.05.")
    # The rounding keeps (n + 1)(1 - rate), when whole, from being taken for a little more.
    n, needed = len(scores), math.ceil(round(1 / rate, 9)) - 1
    k = math.ceil(round((n + 1) * (1 - rate), 9))
    if k > n:
        raise ValueError(f"{n} calibration scores are too few for a rate of {rate:g}: at least {needed} are needed.")
    return float(np.sort(scores)[max(k, 1) - 1])


def false_alarm_threshold(
    calibration_scores: Any,
    *,
    per_thousand: float | None = None,
    per_hour: float | None = None,
    sampling_rate: float | None = None,
    stride: int = 1,
) -> float:
    """The threshold with at most so many false alarms expected, per thousand windows or per hour.

    `quantile_threshold` with the rate in words one can plan with. A false alarm is one normal
    window above the threshold; neighbouring windows that overlap often sound together, which
    makes the alarms come in groups but leaves their expected number as it is.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal windows that neither training nor history restore has seen.
    per_thousand : float, optional
        False alarms expected in a thousand normal windows. Either this or `per_hour`.
    per_hour : float, optional
        False alarms expected in an hour of normal recording, which holds
        3600 · `sampling_rate` / `stride` windows.
    sampling_rate : float, optional
        Time steps per second (Hz); needed with `per_hour`.
    stride : int, default 1
        Time steps from the start of one window to the start of the next; used with `per_hour`.

    Returns
    -------
    float
        Scores *above* it are anomalous.

    Raises
    ------
    TypeError, ValueError
        If not exactly one number of false alarms is given, it is none or more than there are
        windows, or the scores are not finite numbers or too few for it.

    Examples
    --------
    >>> scores = range(1, 2000)
    >>> false_alarm_threshold(scores, per_thousand=5)
    1990.0
    >>> false_alarm_threshold(scores, per_hour=36, sampling_rate=10, stride=10)  # 36 of 3,600 windows
    1980.0
    """
    if (per_thousand is None) == (per_hour is None):
        raise ValueError(f"one of per_thousand and per_hour must be given, got {per_thousand!r} and {per_hour!r}.")
    name, alarms, windows = "per_thousand", per_thousand, 1000.0
    if per_hour is not None:
        rate = as_positive(sampling_rate, "sampling_rate", "in time steps per second, which per_hour needs")
        stride = as_count(stride, "stride", "in time steps from window to window")
        name, alarms, windows = "per_hour", per_hour, 3600 * rate / stride
    alarms = as_positive(alarms, name, "the false alarms among as many windows", below=windows)
    return quantile_threshold(calibration_scores, rate=alarms / windows)


@np.errstate(all="ignore")
def pot_threshold(calibration_scores: Any, *, rate: float = 0.001, level: float | None = None) -> float:
    """Peaks over threshold: the tail is fitted and extended; **holds its rate only roughly**.

    What exceeds a high quantile t of the n scores is fitted with a generalized Pareto
    distribution (shape γ, scale σ; maximum likelihood), and the threshold read off the fitted
    tail: z = t + (σ/γ)((rate · n / Nₜ)^−γ − 1) with Nₜ excesses, or t − σ ln(rate · n / Nₜ) for
    γ → 0; Siffer et al. 2017 (KDD), section 3. So it gives thresholds for rates below
    1/(n + 1), where `quantile_threshold` raises an error.

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
        If the scores are not finite numbers, fewer than ten or all equal above the level, the
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
    rate = as_positive(rate, "rate", "the share of false alarms", 1, "The default is 0.001.")
    if level is None:
        level = max(0.5, min(0.98, 1 - 20 / len(scores), 1 - 2 * rate))
    level = as_positive(level, "level", "the share of the scores below the tail", 1, "Leave it out for the default.")
    start = float(np.quantile(scores, level))
    excesses = scores[scores > start] - start
    share = len(excesses) / len(scores)
    if len(excesses) < _FEWEST_EXCESSES or excesses.min() == excesses.max():
        wanted = f"{_FEWEST_EXCESSES} scores, not all equal, above the level {level:g}"
        raise ValueError(f"calibration_scores must have {wanted}, got {len(excesses)} of {len(scores)}. Lower it.")
    if rate > share:
        raise ValueError(f"rate must be at most {share:g}, the share of scores above the level, got {rate:g}.")
    # In units of their mean: the search for the maximum knows nothing of other scales.
    size = float(excesses.mean())
    try:
        shape, _, scale = genpareto.fit(excesses / size, floc=0)
    except (ValueError, RuntimeError, ArithmeticError) as error:
        raise ValueError(f"calibration_scores must have a generalized Pareto tail, got: {error}.") from error
    return _finite(start + size * scale * float(boxcox(share / rate, shape)))


@np.errstate(over="ignore", invalid="ignore")
def mean_sd_threshold(calibration_scores: Any, *, k: float = 3.0) -> float:
    """Mean + k standard deviations: **promises no rate of false alarms**.

    If the scores were normally distributed, k = 3 would give 0.13 %; errors
    of reconstruction have a long upper tail. On the heartbeats of ECG5000 it gave 2.7 %
    (mean over 200 draws of 1,000 calibration scores of one LSTM autoencoder). A few abnormal
    scores among the calibration scores move it far.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences that neither training nor history restore has seen.
    k : float, default 3.0
        Standard deviations above the mean.

    Returns
    -------
    float
        Scores *above* it are anomalous.

    Examples
    --------
    >>> mean_sd_threshold([1.0, 2.0, 3.0], k=2)
    4.0
    """
    scores, k = as_scores(calibration_scores, "calibration_scores"), as_positive(k, "k", "in standard deviations")
    if scores.min() == scores.max():
        raise ValueError(f"calibration_scores must differ from each other, got {len(scores)} times {scores[0]:g}.")
    return _finite(float(scores.mean() + k * scores.std(ddof=1)))


@np.errstate(over="ignore", invalid="ignore")
def mad_threshold(calibration_scores: Any, *, k: float = 3.0) -> float:
    """Median + k · 1.4826 · median absolute deviation: **promises no rate of false alarms**.

    Like mean + k standard deviations (1.4826 makes the two equal for a normal distribution;
    Rousseeuw & Croux 1993, section 1), but up to half of the scores may be wild without moving
    it far; Leys et al. 2013 recommend it for outliers. It looks at the middle of the scores, and
    false alarms come from the tail: on the heartbeats of ECG5000, k = 3 gave 6.0 % (mean over
    200 draws of 1,000 calibration scores of one LSTM autoencoder).

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences that neither training nor history restore has seen.
    k : float, default 3.0
        Scaled median absolute deviations above the median.

    Returns
    -------
    float
        Scores *above* it are anomalous.

    Examples
    --------
    >>> mad_threshold([1.0, 2.0, 3.0, 4.0, 100.0], k=1)
    4.4826
    """
    scores, k = as_scores(calibration_scores, "calibration_scores"), as_positive(k, "k", "in scaled MADs")
    median = np.median(scores)
    deviation = np.median(np.abs(scores - median))
    if deviation == 0:
        got = f"{(scores == median).sum()} of {len(scores)} equal to {median:g}"
        raise ValueError(f"calibration_scores must mostly differ, got {got}. quantile_threshold(…) takes them.")
    return _finite(float(median + k * 1.4826 * deviation))


def _finite(threshold: float) -> float:
    if not math.isfinite(threshold):
        raise ValueError(f"calibration_scores must give a finite threshold, got {threshold}. Scale them down.")
    return threshold


class Rule(NamedTuple):
    """A way to set a threshold.

    Attributes
    ----------
    function : callable
        Takes the calibration scores and one keyword.
    keyword : str
        That keyword: what the threshold is set by.
    promises_rate : bool
        Whether the share of false alarms is held on average, whatever the scores' distribution.
    """

    function: Callable[..., float]
    keyword: str
    promises_rate: bool


# All of them see normal scores only; the oracle, which sees the labels, is therefore not among them.
RULES = {
    "conformal quantile": Rule(quantile_threshold, "rate", True),
    "false alarms per thousand": Rule(false_alarm_threshold, "per_thousand", True),
    "peaks over threshold": Rule(pot_threshold, "rate", False),
    "mean + k s.d.": Rule(mean_sd_threshold, "k", False),
    "median + k MAD": Rule(mad_threshold, "k", False),
}
"""By name, each rule that sets a threshold from normal scores: its function, what it takes, if it promises a rate."""


def oracle_threshold(scores: Any, labels: Any) -> float:
    """The threshold with the best F1 on these very labels: **for teaching, never report it**.

    It is chosen with the answers at hand, so the F1 it gives is an upper bound that no detector
    in use can plan on ("best F1" in many papers). It shows what a threshold set on normal data
    loses. Of several with the best F1 it is the highest.

    Parameters
    ----------
    scores : array, shape (n,)
        The higher, the more anomalous.
    labels : array of integers, shape (n,)
        0 is normal, anything else abnormal; both must occur.

    Returns
    -------
    float
        Scores *above* it are flagged.

    Examples
    --------
    >>> oracle_threshold([0.1, 0.2, 0.8, 0.3, 0.9], [0, 0, 1, 0, 1])
    0.3
    """
    scores = as_scores(scores, "scores")
    truth = as_truth(labels, scores)
    precision, recall, candidates = metrics.precision_recall_curve(truth, scores)
    # 0 where precision and recall are 0; scikit-learn's last point has no candidate.
    f1 = (2 * precision * recall / np.maximum(precision + recall, 1e-300))[:-1]
    # scikit-learn's candidates are flagged themselves, so the threshold is the score below.
    best = candidates[np.flatnonzero(f1 == f1.max())[-1]]
    below = scores[scores < best]
    return float(below.max() if len(below) else np.nextafter(best, -np.inf))
