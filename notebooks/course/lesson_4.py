"""Checks of the exercises of lesson 4, *Choosing a threshold*."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise
from trainers.detection import quantile_threshold

# Given in exercise 4.3.
ABNORMAL_SHARE, FALSE_ALARM_COST, MISS_COST = 0.05, 1.0, 30.0
# Given in exercise 4.4.
BEATS_PER_MINUTE = 75


@exercise("4.1", "a threshold (one number) that is set on `calibration_scores`")
def check_1(low_rate_threshold: Any, calibration_scores: Any, test_scores: Any) -> str:
    """Check the threshold for one false alarm in a hundred normal beats."""
    threshold = one_number(low_rate_threshold, "`low_rate_threshold`")
    mistakes = {
        quantile_threshold(calibration_scores, rate=0.05): "this is the threshold for 5 %, one false alarm in twenty "
        "normal beats. Change the rate.",
        quantile_threshold(calibration_scores, rate=0.1): "this is the threshold for 10 %, one false alarm in ten "
        "normal beats. Which rate is one in a hundred?",
        quantile_threshold(calibration_scores, rate=0.99): "this is the threshold for 99 %: nearly every normal beat "
        "lies above it. The rate is the share of false alarms, not of normal beats.",
        float(np.quantile(calibration_scores, 0.99)): "this is the plain quantile, which is slightly too low: 1 % of "
        "the calibration scores lie above it, but more than 1 % of new scores. `quantile_threshold` uses n + 1.",
    }
    for wrong, text in mistakes.items():
        if _equal(threshold, wrong):
            raise NotYet(text)
    right = quantile_threshold(calibration_scores, rate=0.01)
    if math.isclose(threshold, 0.01):
        msg = "this is the rate. Assign the score that `quantile_threshold(calibration_scores, rate=…)` returns for it."
        raise NotYet(msg)
    if not _equal(threshold, right):
        in_test, in_calibration = (np.isclose(x, threshold, rtol=1e-6).any() for x in (test_scores, calibration_scores))
        if in_test and not in_calibration:
            msg = "this threshold was set on `test_scores`. Set it on `calibration_scores`, the scores of normal beats."
            raise NotYet(msg)
        if is_rounded(threshold, right):
            msg = "this is the right threshold, rounded. Assign the unrounded value."
            raise NotYet(msg)
        side = "low: more" if threshold < right else "high: fewer"
        msg = f"the threshold is too {side} than one normal beat in a hundred would be flagged on average."
        raise NotYet(msg)
    return (
        "You did not need to train a model again: the scores stay the same, and only the threshold changes. It "
        "is the second highest of 292 scores, so the guarantee of 1 % depends on very few beats."
    )


@exercise("4.2", "a function of scores and a rate that returns one of the scores")
def check_2(conformal_threshold: Any) -> str:
    """Check a function for the ⌈(n + 1)(1 − rate)⌉-th smallest of n scores."""
    # Unsorted scores, none equal to a rank. 11 · 0.8 = 8.8: the ninth of ten; 12 · 0.7 = 8.4: the ninth of eleven.
    ten = [90, 30, 10, 100, 50, 40, 80, 20, 60, 70]
    for scores, rate in ((ten, 0.2), (_unsorted(11), 0.3), (_unsorted(19), 0.05)):
        given = np.array(scores, dtype=float)
        threshold = one_number(call(conformal_threshold, given, rate), "the result of `conformal_threshold`")
        if not np.array_equal(given, scores):
            msg = "your function changes the array `scores` in place. Sort a copy, for example with `np.sort`."
            raise NotYet(msg)
        _explain_threshold(threshold, np.array(scores, dtype=float), rate)
    return _check_too_few_scores(conformal_threshold)


def _check_too_few_scores(conformal_threshold: Any) -> str:
    """Return the takeaway, or raise `NotYet` if 3 scores at a rate of 5 %, where k is 4, give a finite threshold."""
    text = (
        "The n scores divide the axis into n + 1 intervals, and a new normal score is equally likely to fall into "
        "each. This proves the guarantee and explains the n + 1. The proof does not depend on the distribution."
    )
    try:
        threshold = conformal_threshold(np.array([10.0, 20.0, 30.0]), 0.05)
    except IndexError:
        return f"{text} With too few scores your function raises an IndexError; a ValueError with a reason is better."
    except Exception:
        return text
    problem = (
        "the function is right if there are enough scores. But for 3 scores and a rate of 5 %, k is 4. "
        "There is no fourth smallest score, and your function returned"
    )
    advice = "Raise an error that states the reason, or return infinity."
    name = "the result of `conformal_threshold` for 3 scores and a rate of 5 %"
    number = math.nan if threshold is None else one_number(threshold, name)
    if math.isnan(number):
        returned = "nothing" if threshold is None else "NaN"
        msg = f"{problem} {returned}: no score exceeds it, so there is no alarm and no error. {advice}"
        raise NotYet(msg)
    if number != math.inf:
        msg = f"{problem} {number:g}, which does not guarantee the rate. {advice}"
        raise NotYet(msg)
    return text


def _explain_threshold(threshold: float, scores: np.ndarray, rate: float) -> None:
    """Raise `NotYet` with the likeliest mistake if the threshold is not the conformal quantile."""
    n, ordered = len(scores), np.sort(scores)
    exact = (n + 1) * (1 - rate)
    k = math.ceil(round(exact, 9))
    if _equal(threshold, ordered[k - 1]):
        return
    mirrored = max(1, math.ceil(round((n + 1) * rate, 9)))
    rank = int(np.flatnonzero(ordered == threshold)[0]) + 1 if threshold in ordered else None
    if threshold == k:
        text = "this is k, a rank. The threshold is the score with this rank."
    elif rank is None and any(_equal(threshold, np.quantile(scores, q)) for q in (1 - rate, rate)):
        text = "this is `np.quantile`, which interpolates between two scores and does not use n + 1."
    elif rank is None:
        text = "this is not one of the scores. The threshold is the k-th smallest score."
    elif _equal(threshold, scores[k - 1]) or (k < n and _equal(threshold, scores[k])):
        text = "this is the k-th score of the unsorted list. Sort the scores first."
    elif rank in (n - k + 1, n - k) or rank in (mirrored, mirrored + 1):
        text = "this is one of the lowest scores: it would flag most beats. Count from the smallest, and use 1 − rate."
    elif rank == k + 1:
        text = "this is one score too high. The k-th smallest score does not have index k: Python counts from 0."
    elif rank == k - 1:
        text = "this is one score too low. Do you use n + 1, not n? Do you round up, not down?"
    else:
        text = f"this is the {_ordinal(rank)} smallest score. Check the formula again."
    msg = f"for {n} scores and a rate of {rate:g}, your function returned {threshold:g}: {text}"
    raise NotYet(msg)


@exercise("4.3", "the best threshold among `candidates`. Also complete the function `cost`")
def check_3(cost: Any, best_threshold: Any, candidates: Any, normal: Any, abnormal: Any) -> str:
    """Check the mean cost per beat, and the threshold with the lowest cost."""
    few_normal, few_abnormal = np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 5.0, 6.0, 7.0, 8.0])
    result = one_number(call(cost, 3.0, few_normal, few_abnormal), "the result of `cost`")
    _explain_cost(result)
    costs = np.array([one_number(call(cost, one, normal, abnormal), "the result of `cost`") for one in candidates])
    expected = np.array([_cost((normal > one).mean(), (abnormal <= one).mean()) for one in candidates])
    if not np.allclose(costs, expected):
        msg = "`cost` is right for the small example, but not for these beats. Does it use only its arguments?"
        raise NotYet(msg)
    threshold = one_number(best_threshold, "`best_threshold`")
    if _equal(threshold, costs.min()):
        msg = "`best_threshold` is the lowest cost. Assign the threshold that has this cost."
        raise NotYet(msg)
    if _equal(threshold, np.argmin(costs)):
        msg = "`best_threshold` is an index of `candidates`. Assign the candidate with this index."
        raise NotYet(msg)
    if not np.isclose(candidates, threshold).any():
        msg = f"`best_threshold` must be one of the candidates, got {threshold:g}."
        raise NotYet(msg)
    if not np.isclose(costs[np.argmin(np.abs(candidates - threshold))], costs.min()):
        msg = f"the threshold {threshold:g} costs more than the best of the candidates. Compare all of them."
        raise NotYet(msg)
    return (
        "The best threshold depends on two costs and on the share of abnormal beats. The scores do not contain them. "
        "The threshold was chosen with labels, so report its cost on beats that were not used to choose it."
    )


def _cost(false_alarm_rate: float, miss_rate: float) -> float:
    return (1 - ABNORMAL_SHARE) * FALSE_ALARM_COST * false_alarm_rate + ABNORMAL_SHARE * MISS_COST * miss_rate


def _explain_cost(result: float) -> None:
    """Raise `NotYet` with the likeliest mistake if `result` is not the cost of the small example."""
    alarms, misses = 1 / 4, 1 / 5
    equal = "A score equal to the threshold is not above it: no false alarm if normal, but a miss if abnormal."
    shares = "The test set has another share of abnormal beats than the ward; use the rate within each class."
    mistakes = {
        _cost(2 / 4, 0): equal,
        _cost(2 / 4, misses): equal,
        _cost(alarms, 0): equal,
        _cost(alarms, 1 - misses): "Abnormal beats above the threshold are detected, not missed.",
        _cost(1, 1): f"It counts beats, so it grows with their number. {shares}",
        1 + MISS_COST: f"It counts beats, so it grows with their number. {shares}",
        (1 + MISS_COST) / 9: f"It is the mean over all beats of both arrays. {shares}",
        alarms + MISS_COST * misses: "It does not use that only one beat in twenty is abnormal.",
        alarms + ABNORMAL_SHARE * MISS_COST * misses: "It does not use that only 19 beats in twenty are normal.",
        (1 - ABNORMAL_SHARE) * MISS_COST * alarms + ABNORMAL_SHARE * misses: "The two costs are exchanged.",
        ABNORMAL_SHARE * alarms + (1 - ABNORMAL_SHARE) * MISS_COST * misses: "The shares of normal and abnormal beats "
        "are exchanged.",
    }
    if _equal(result, _cost(alarms, misses)):
        return
    likely = [text for wrong, text in mistakes.items() if _equal(result, wrong)]
    text = likely[0] if likely else "Add two terms: the frequency of false alarms times 1, and that of misses times 30."
    msg = (
        "for the normal scores 1, 2, 3, 4, the abnormal scores 3, 5, 6, 7, 8 and the threshold 3, "
        f"`cost` returned {result:.4g}. {text}"
    )
    raise NotYet(msg)


@exercise("4.4", "the number of calibration beats (an integer)")
def check_4(min_beats: Any) -> str:
    """Check the number of beats for one false alarm per hour at 75 beats per minute."""
    beats = 60 * BEATS_PER_MINUTE
    number = one_number(min_beats, "`min_beats`")
    mistakes: dict[float, str] = {
        beats: "this is one too many. The highest of n scores guarantees a rate of 1/(n + 1), not 1/n.",
        beats + 1: "the highest of n scores guarantees a rate of 1/(n + 1). Do you add 1 or subtract it?",
        BEATS_PER_MINUTE - 1: "this is for one false alarm per minute.",
        BEATS_PER_MINUTE: "this is about one false alarm per minute.",
        999: "this is for one false alarm in a thousand beats. How many beats are there in an hour?",
        59: "this is for one false alarm in sixty beats. How many beats are there in an hour?",
    }
    if number in mistakes:
        raise NotYet(mistakes[number])
    if number < 1:
        msg = f"`min_beats` must be a number of beats, got {number:g}, which may be a rate."
        raise NotYet(msg)
    if number != beats - 1:
        size = "more beats than are needed" if number > beats else "too few beats"
        hint = "First: which rate is one false alarm per hour? Then: what is the lowest rate that n scores can give?"
        msg = f"{number:g} is {size}. {hint}"
        raise NotYet(msg)
    return (
        "To guarantee one false alarm per hour, you need an hour of beats that are known to be normal. For a lower "
        "rate, you need a longer recording, or an assumption about the highest scores, which you should report."
    )


def _unsorted(n: int) -> list[float]:
    """Return n different scores out of order, all of them at least 10."""
    return [float(10 * (1 + (7 * i + 3) % n)) for i in range(n)]


def _equal(a: Any, b: Any) -> bool:
    return math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9)


def _ordinal(rank: int) -> str:
    return f"{rank}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank if rank < 20 else rank % 10, 'th') }"
