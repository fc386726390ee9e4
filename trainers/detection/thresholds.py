"""How high a normal score may be: thresholds from normal calibration scores alone, and `RULES`, a list of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trainers.detection._validation import as_count, as_positive, as_scores, as_share
from trainers.detection.extreme_values import pot_threshold


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
    rate = as_share(rate, "rate", "the share of false alarms", "The default is 0.05.")
    # The rounding keeps (n + 1)(1 - rate), when whole, from being taken for a little more.
    k = math.ceil(round((len(scores) + 1) * (1 - rate), 9))
    if k > len(scores):
        msg = (
            f"{len(scores)} calibration scores are too few for a rate of {rate:g}: at least "
            f"{math.ceil(round(1 / rate, 9)) - 1} are needed. Bring more, or raise the rate."
        )
        raise ValueError(msg)
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
        windows, or the scores are no finite numbers or too few for it.

    Examples
    --------
    >>> scores = range(1, 2000)
    >>> false_alarm_threshold(scores, per_thousand=5)
    1990.0
    >>> false_alarm_threshold(scores, per_hour=36, sampling_rate=10, stride=10)  # 36 of 3,600 windows
    1980.0
    """
    if (per_thousand is None) == (per_hour is None):
        msg = f"give one of per_thousand and per_hour; got per_thousand={per_thousand!r}, per_hour={per_hour!r}."
        raise ValueError(msg)
    if per_hour is None:
        name, alarms, windows = "per_thousand", as_positive(per_thousand, "per_thousand", "of windows"), 1000.0
    else:
        name, alarms = "per_hour", as_positive(per_hour, "per_hour", "of false alarms")
        rate = as_positive(sampling_rate, "sampling_rate", "of time steps per second, which per_hour needs")
        windows = 3600 * rate / as_count(stride, "stride", "of time steps from window to window")
    if alarms >= windows:
        msg = f"{name} must be below the number of windows, {windows:g}; got {alarms:g}. Ask for fewer false alarms."
        raise ValueError(msg)
    return quantile_threshold(calibration_scores, rate=alarms / windows)


def mean_sd_threshold(calibration_scores: Any, *, k: float = 3.0) -> float:
    """Mean + k standard deviations: **promises no rate of false alarms**.

    A habit, not a rule. Were the scores normally distributed, k = 3 would give 0.13 %; errors
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

    Raises
    ------
    TypeError, ValueError
        If the scores are no finite numbers, or all equal, or `k` is not above 0.

    Examples
    --------
    >>> mean_sd_threshold([1.0, 2.0, 3.0], k=2)
    4.0
    """
    scores, k = as_scores(calibration_scores, "calibration_scores"), as_positive(k, "k", "of standard deviations")
    if scores.min() == scores.max():
        msg = f"calibration_scores must differ to have a standard deviation; got {len(scores)} times {scores[0]:g}."
        raise ValueError(msg)
    return _in_range(lambda: scores.mean() + k * scores.std(ddof=1))


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

    Raises
    ------
    TypeError, ValueError
        If the scores are no finite numbers, more than half of them are equal, or `k` is not
        above 0.

    Examples
    --------
    >>> mad_threshold([1.0, 2.0, 3.0, 4.0, 100.0], k=1)
    4.4826
    """
    scores, k = as_scores(calibration_scores, "calibration_scores"), as_positive(k, "k", "of scaled deviations")

    def threshold() -> float:
        median = np.median(scores)
        deviation = np.median(np.abs(scores - median))
        if deviation == 0:
            msg = (
                f"calibration_scores must not be mostly equal, or their median absolute deviation is 0; got "
                f"{int((scores == median).sum())} of {len(scores)} equal to {median:g}. "
                "quantile_threshold(…) takes them."
            )
            raise ValueError(msg)
        return float(median + k * 1.4826 * deviation)

    return _in_range(threshold)


def _in_range(threshold: Callable[[], float]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        value = float(threshold())
    if not math.isfinite(value):
        msg = "calibration_scores must be small enough to take their spread in float64. Scale them down."
        raise ValueError(msg)
    return value


class Rule(NamedTuple):
    """A way to set a threshold.

    Attributes
    ----------
    function : callable
        Takes the calibration scores and one keyword.
    keyword : str
        That keyword: what the threshold is set by.
    promises_rate : bool
        Whether the share of false alarms is held in the mean, whatever the scores' distribution.
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
