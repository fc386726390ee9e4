"""Rules that set a threshold from normal calibration scores, and `RULES`, the table of these rules."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import boxcox
from scipy.stats import genpareto
from sklearn import metrics

from trainers.checks import as_count, as_positive, as_scores, as_truth

# Smallest number of excesses to fit the two parameters of the tail to.
_FEWEST_EXCESSES = 10
# Step of the quantile tracker, as a share of the spread of the logarithms of the calibration scores; smallest spread.
_TRACKER_SHARE, _SMALLEST_SPREAD = 0.1, 0.5
# Smallest threshold of the quantile tracker; smaller calibration scores count as this one.
_SMALLEST = 1e-12


def quantile_threshold(calibration_scores: Any, *, rate: float = 0.05) -> float:
    """Return the threshold that a new normal sequence exceeds with probability at most `rate`.

    It is the k-th smallest of the n calibration scores, with k = ⌈(n + 1)(1 − rate)⌉. This is the
    finite-sample (conformal) quantile of Vovk et al. 2005; see Angelopoulos & Bates 2021
    (arXiv:2107.07511), section 1. The ordinary sample quantile gives a higher false alarm rate than
    requested. The rate of the conformal quantile is guaranteed on average over calibration sets; for
    a single calibration set, the actual rate varies by about √(rate(1 − rate)/n).

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences used neither in training nor by history restore.
    rate : float, default 0.05
        Requested share of false alarms among normal sequences, between 0 and 1.

    Returns
    -------
    float
        Scores *above* it are flagged.

    Raises
    ------
    TypeError, ValueError
        If the scores are not finite numbers, or too few for the rate.

    Examples
    --------
    >>> quantile_threshold([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0], rate=0.2)
    8.0
    """
    scores = as_scores(calibration_scores, "calibration_scores")
    rate = as_positive(rate, "rate", "the share of false alarms", 1, "The default is 0.05.")
    # round, so that floating-point errors do not raise an exact integer to the next one
    n, needed = len(scores), math.ceil(round(1 / rate, 9)) - 1
    k = math.ceil(round((n + 1) * (1 - rate), 9))
    if k > n:
        raise ValueError(f"calibration_scores must have at least {needed} scores for a rate of {rate:g}, got {n}.")
    return float(np.sort(scores)[max(k, 1) - 1])


def tracked_thresholds(calibration_scores: Any, scores: Any, *, rate: float = 0.01) -> np.ndarray:
    """Return a threshold for each time step that follows the scores, so that about `rate` of the steps are flagged.

    If the scores of normal data increase after the calibration part, for example because a sensor drifts, a
    constant threshold flags nearly everything. The quantile tracker [1]_ adds η(e − rate) to the threshold after
    each step, with e = 1 if the step was flagged and 0 otherwise. Here it is applied to the logarithms of scores
    and threshold, and begins at the conformal quantile q₀ of the calibration scores. For *any* scores, the share of
    flagged steps exceeds `rate` by at most ln(q / q₀) / (η n) after n steps, where q is the threshold after the
    last step. η is a tenth of the difference between the 95 % quantile and the median of the logarithms of the
    calibration scores, but at least 0.05. The threshold does not fall below 10⁻¹².

    **What it costs**: without labels, no rule can distinguish drift from an anomaly. During a long event the threshold
    rises too, so that often only a part of the event is flagged; and if no normal score is conspicuous, the
    threshold falls until `rate` of the steps are flagged. If the scores stay high, single steps are flagged, which
    `Detection.merged_events` joins.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal time steps used neither in training nor by history restore.
    scores : array, shape (time,)
        Scores in the order of time, not negative; NaN is an unscored step, which does not change the threshold.
    rate : float, default 0.01
        Requested share of flagged steps, between 0 and 1.

    Returns
    -------
    numpy.ndarray, shape (time,)
        A step is flagged if its score is *above* its threshold.

    Raises
    ------
    TypeError, ValueError
        As in `quantile_threshold`, or if a score is negative.

    References
    ----------
    .. [1] Angelopoulos, Candès & Tibshirani 2023, Conformal PID control for time series prediction
       (arXiv:2307.16895), section 2.1.

    Examples
    --------
    >>> calibration = np.linspace(1, 2, 99)
    >>> drifting = np.linspace(1, 100, 10_000)
    >>> tracked = drifting > tracked_thresholds(calibration, drifting, rate=0.01)
    >>> constant = drifting > quantile_threshold(calibration, rate=0.01)
    >>> round(float(tracked.mean()), 2), round(float(constant.mean()), 2)
    (0.02, 0.99)
    """
    calibration = as_scores(calibration_scores, "calibration_scores")
    values = np.asarray(scores)
    if values.ndim != 1 or values.dtype.kind not in "fiub" or np.isinf(values).any():
        got = (
            "an infinite value" if values.dtype.kind == "f" and values.ndim == 1 else f"{values.dtype}, {values.shape}"
        )
        raise ValueError(f"scores must be finite numbers or NaN, of shape (time,), got {got}.")
    if (lowest := np.nanmin(np.append(calibration, values))) < 0:
        raise ValueError(f"scores must not be negative, got {lowest:g}.")
    first = max(quantile_threshold(calibration, rate=rate), _SMALLEST)
    known = np.log(np.maximum(calibration, _SMALLEST))
    size = _TRACKER_SHARE * max(float(np.quantile(known, 0.95) - np.median(known)), _SMALLEST_SPREAD)
    # the logarithm of the threshold, divided by the first one
    offset, lowest, thresholds = 0.0, math.log(_SMALLEST / first), np.empty(len(values))
    for step, score in enumerate(values.tolist()):
        thresholds[step] = threshold = first * math.exp(offset)
        if not math.isnan(score):
            offset = max(offset + size * ((score > threshold) - rate), lowest)
    return thresholds


def false_alarm_threshold(
    calibration_scores: Any,
    *,
    per_thousand: float | None = None,
    per_hour: float | None = None,
    per_day: float | None = None,
    sampling_rate: float | None = None,
    stride: int = 1,
    gap: int | None = None,
) -> float:
    """Return the threshold for a maximum number of false alarms per thousand windows, per hour or per day.

    This function is like `quantile_threshold`, but the rate is given as a number of false alarms. A
    false alarm is one normal window with a score above the threshold. The scores of overlapping
    windows often exceed the threshold together, so false alarms occur in groups. This does not
    change their expected number.

    With `gap`, a false alarm is an *event*: a run of windows or time steps above the threshold, where runs with fewer
    than `gap` scores between them are one event, as in `Detection.merged_events`. The result is the lowest threshold
    for which this and each higher threshold flag no more events in the n calibration scores than the number allows.
    This number of events has no guarantee for other data.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal windows used neither in training nor by history restore.
    per_thousand : float, optional
        Expected number of false alarms per thousand normal windows. Give either
        `per_thousand`, `per_hour` or `per_day`.
    per_hour, per_day : float, optional
        Expected number of false alarms per hour or day of normal recording; an hour has
        3600 · `sampling_rate` / `stride` windows.
    sampling_rate : float, optional
        Time steps per second (Hz); required with `per_hour` and `per_day`.
    stride : int, default 1
        Time steps from the start of one window to the start of the next; used with `per_hour` and `per_day`. It is 1
        for the scores of time steps.
    gap : int, optional
        Count events, and join runs with fewer scores than this between them. The scores must be in the order of time.

    Returns
    -------
    float
        Scores *above* it are flagged.

    Raises
    ------
    TypeError, ValueError
        If none or several of `per_thousand`, `per_hour` and `per_day` are given; if the number is not above 0
        and below the number of windows; or if the scores are not finite numbers or too few.

    Examples
    --------
    >>> scores = range(1, 2000)
    >>> false_alarm_threshold(scores, per_thousand=5)
    1990.0
    >>> false_alarm_threshold(scores, per_hour=36, sampling_rate=10, stride=10)  # 36 of 3,600 windows
    1980.0
    >>> false_alarm_threshold(scores, per_thousand=1, gap=10)  # increasing scores: always one event
    1.0
    """
    given = {"per_thousand": per_thousand, "per_hour": per_hour, "per_day": per_day}
    if len(chosen := {name: number for name, number in given.items() if number is not None}) != 1:
        raise ValueError(f"one of per_thousand, per_hour and per_day must be given, got {chosen or 'none'}.")
    ((name, number),) = chosen.items()
    windows = 1000.0
    if name != "per_thousand":
        hertz = as_positive(sampling_rate, "sampling_rate", f"in time steps per second, required with {name}")
        stride = as_count(stride, "stride", "in time steps from one window to the next")
        windows = {"per_hour": 3600, "per_day": 86400}[name] * hertz / stride
    rate = as_positive(number, name, f"the number of false alarms in {windows:g} windows", below=windows) / windows
    if gap is None:
        return quantile_threshold(calibration_scores, rate=rate)
    return _event_threshold(
        as_scores(calibration_scores, "calibration_scores"), rate, as_count(gap, "gap", "in scores")
    )


def _event_threshold(scores: np.ndarray, rate: float, gap: int) -> float:
    """Return the lowest threshold that flags at most rate · n events, as each higher threshold does."""
    allowed = math.floor(round(rate * len(scores), 9))
    if not allowed:
        needed = math.ceil(round(1 / rate, 9))
        raise ValueError(f"calibration_scores must have at least {needed} scores for one event, got {len(scores)}.")
    order, flagged, events = np.argsort(-scores, kind="stable"), list[int](), 0
    for rank, step in enumerate(order.tolist()):
        # the event, or the two events, that this step belongs to
        place = bisect.bisect(flagged, step)
        before, after = flagged[max(0, place - 1) : place], flagged[place : place + 1]
        near = [step - at <= gap for at in before] + [at - step <= gap for at in after]
        joined = bool(before and after) and after[0] - before[0] <= gap
        events += 1 - sum(near) + joined
        flagged.insert(place, step)
        # equal scores are flagged together
        last = rank + 1 == len(order) or scores[order[rank + 1]] < scores[step]
        if last and events > allowed:
            return float(scores[step])
    return float(scores.min())


@np.errstate(all="ignore")
def pot_threshold(calibration_scores: Any, *, rate: float = 0.001, level: float | None = None) -> float:
    """Return the peaks-over-threshold (POT) threshold; **its false alarm rate is only approximate**.

    A generalized Pareto distribution (shape γ, scale σ) is fitted by maximum likelihood to the
    excesses over a high quantile t of the n scores. The threshold is a quantile of the fitted
    tail: z = t + (σ/γ)((rate · n / Nₜ)^−γ − 1) with Nₜ excesses, or t − σ ln(rate · n / Nₜ) for
    γ → 0; see Siffer et al. 2017 (KDD), section 3. It can be computed for rates below 1/(n + 1),
    for which `quantile_threshold` raises an error.

    The rate is asymptotically correct as n and t increase, if a generalized Pareto distribution
    describes the tail; with few scores it is inaccurate. This was measured with 200 draws of 500
    calibration scores, ``level=0.98`` and a requested rate of 0.1 %. The actual rate was 0.22 % on
    the heartbeats of ECG5000 and 0.23 % on normally distributed numbers; with 1,000 scores, it was
    0.12 % and 0.17 %. For a requested rate of 1 % and ``level=0.9``, the actual rate was 1.8 % on
    the heartbeats, because the fitted tail did not match their distribution.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences used neither in training nor by history restore.
    rate : float, default 0.001
        Requested share of false alarms among normal sequences; at most the share of the scores
        in the tail.
    level : float, optional
        Share of the scores below the tail. Default: the smallest of 0.98, 1 − 20 / n (a tail of
        twenty scores) and 1 − 2 · `rate`, but at least 0.5.

    Returns
    -------
    float
        Scores *above* it are flagged.

    Raises
    ------
    TypeError, ValueError
        If the scores are not finite numbers; if the tail has fewer than ten scores, or all scores
        in it are equal; if the rate is larger than the share of the scores in the tail; or if the
        fit fails.

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
    level = as_positive(level, "level", "the share of the scores below the tail", 1, "Omit it for the default.")
    start = float(np.quantile(scores, level))
    excesses = scores[scores > start] - start
    share = len(excesses) / len(scores)
    if len(excesses) < _FEWEST_EXCESSES or excesses.min() == excesses.max():
        wanted = f"at least {_FEWEST_EXCESSES} scores that are not all equal in the tail above level {level:g}"
        raise ValueError(f"calibration_scores must have {wanted}, got {len(excesses)} of {len(scores)}. Lower level.")
    if rate > share:
        raise ValueError(f"rate must be at most {share:g}, the share of scores in the tail, got {rate:g}.")
    # scale by the mean: the optimizer of the likelihood assumes values near 1
    size = float(excesses.mean())
    try:
        shape, _, scale = genpareto.fit(excesses / size, floc=0)
    except (ValueError, RuntimeError, ArithmeticError) as error:
        raise ValueError(f"calibration_scores must have a generalized Pareto tail, got: {error}.") from error
    return _finite(start + size * scale * float(boxcox(share / rate, shape)), "Raise rate.")


@np.errstate(over="ignore", invalid="ignore")
def mean_sd_threshold(calibration_scores: Any, *, k: float = 3.0) -> float:
    """Return mean + k standard deviations of the scores; **the false alarm rate is not guaranteed**.

    For normally distributed scores, k = 3 would give a false alarm rate of 0.13 %, but
    reconstruction errors have a long upper tail. On the heartbeats of ECG5000, the rate was 2.7 %
    (mean over 200 draws of 1,000 calibration scores of one LSTM autoencoder). A few abnormal
    scores among the calibration scores change the threshold considerably.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences used neither in training nor by history restore.
    k : float, default 3.0
        Number of standard deviations above the mean.

    Returns
    -------
    float
        Scores *above* it are flagged.

    Examples
    --------
    >>> mean_sd_threshold([1.0, 2.0, 3.0], k=2)
    4.0
    """
    scores, k = as_scores(calibration_scores, "calibration_scores"), as_positive(k, "k", "in standard deviations")
    if scores.min() == scores.max():
        raise ValueError(f"calibration_scores must not all be equal, got {len(scores)} times {scores[0]:g}.")
    return _finite(float(scores.mean() + k * scores.std(ddof=1)))


@np.errstate(over="ignore", invalid="ignore")
def mad_threshold(calibration_scores: Any, *, k: float = 3.0) -> float:
    """Return median + k · 1.4826 · MAD of the scores; **the false alarm rate is not guaranteed**.

    MAD is the median absolute deviation. The threshold is similar to mean + k standard deviations,
    but robust: up to half of the scores may be outliers without changing it much. For a normal
    distribution, the factor 1.4826 makes the scaled MAD equal to the standard deviation (Rousseeuw
    & Croux 1993, section 1). Leys et al. 2013 recommend the MAD for outlier detection. The threshold
    is computed from the centre of the distribution, but the false alarm rate depends on its tail. On
    the heartbeats of ECG5000, k = 3 gave a false alarm rate of 6.0 % (mean over 200 draws of 1,000
    calibration scores of one LSTM autoencoder).

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences used neither in training nor by history restore.
    k : float, default 3.0
        Number of scaled MADs (1.4826 · MAD) above the median.

    Returns
    -------
    float
        Scores *above* it are flagged.

    Examples
    --------
    >>> mad_threshold([1.0, 2.0, 3.0, 4.0, 100.0], k=1)
    4.4826
    """
    scores, k = as_scores(calibration_scores, "calibration_scores"), as_positive(k, "k", "in scaled MADs")
    median = np.median(scores)
    deviation = np.median(np.abs(scores - median))
    if deviation == 0:
        got = f"{(scores == median).sum()} of {len(scores)} equal to {median:g}. Use quantile_threshold(…)"
        raise ValueError(f"calibration_scores must have a median absolute deviation above 0, got {got}.")
    return _finite(float(median + k * 1.4826 * deviation))


def _finite(threshold: float, remedy: str = "Scale them down.") -> float:
    if not math.isfinite(threshold):
        raise ValueError(f"calibration_scores must give a finite threshold, got {threshold}. {remedy}")
    return threshold


class Rule(NamedTuple):
    """Rule that sets a threshold.

    Attributes
    ----------
    function : callable
        Function of the calibration scores and one keyword argument; returns the threshold.
    keyword : str
        Name of this argument, such as "rate".
    promises_rate : bool
        Whether the false alarm rate is at most the requested one on average, for any distribution of scores.
    """

    function: Callable[..., float]
    keyword: str
    promises_rate: bool


# All rules use only normal scores. The oracle uses the labels, so it is not included.
RULES = {
    "conformal quantile": Rule(quantile_threshold, "rate", True),
    "false alarms per thousand": Rule(false_alarm_threshold, "per_thousand", True),
    "peaks over threshold": Rule(pot_threshold, "rate", False),
    "mean + k s.d.": Rule(mean_sd_threshold, "k", False),
    "median + k MAD": Rule(mad_threshold, "k", False),
}
"""The rules that set a threshold from normal scores, by name: function, keyword, and whether a rate is guaranteed."""


def oracle_threshold(scores: Any, labels: Any) -> float:
    """Return the threshold with the best F1 on the given labels: **for teaching, never report it**.

    It is chosen using the labels of the test set, so its F1 ("best F1" in many papers) is an upper
    bound that cannot be expected in practice. Compare this F1 with the F1 of a threshold that was
    set on normal data. If several thresholds have the best F1, the highest is returned.

    Parameters
    ----------
    scores : array, shape (n,)
        Higher scores are more anomalous.
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
    # 0 where precision and recall are 0; the last point of scikit-learn's curve has no threshold
    f1 = (2 * precision * recall / np.maximum(precision + recall, 1e-300))[:-1]
    # scikit-learn flags scores equal to its threshold, so take the next lower score
    best = candidates[np.flatnonzero(f1 == f1.max())[-1]]
    below = scores[scores < best]
    return float(below.max() if len(below) else np.nextafter(best, -np.inf))
