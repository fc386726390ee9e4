"""Checks of the exercises of lesson 4, *Choosing a threshold*."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise

# Given in exercise 4.2.
ABNORMAL_SHARE, FALSE_ALARM_COST, MISS_COST = 0.05, 1.0, 30.0
# Given in exercise 4.4.
BEATS_PER_MINUTE = 75
# Mean F1 of random scores of 10 normal and 10 abnormal beats with `oracle_threshold`, over 4,000 draws (exercise 4.5).
_F1_SAME, _F1_NEW = 0.697, 0.626


@exercise("4.1", "a function of two arrays of bool that returns F1")
def check_1(f1: Any) -> str:
    """Check for F1, the harmonic mean of precision and recall."""
    # 3 true alarms, 2 misses, 1 false alarm, 9 correct rejections: all wrong formulas give different numbers.
    abnormal = np.array([1, 1, 1, 1, 1, *[0] * 10], dtype=bool)
    flagged = np.array([1, 1, 1, 0, 0, 1, *[0] * 9], dtype=bool)
    result = one_number(call(f1, flagged, abnormal, name="f1"), "the return value of `f1`")
    mistakes = {
        3 / 4: "that is the precision. F1 also uses recall.",
        3 / 5: "that is the recall. F1 also uses precision.",
        27 / 40: "that is the mean of precision and recall. F1 is their *harmonic* mean.",
        9 / 20: "that is precision times recall. Multiply by 2, and divide by their sum.",
        1 / 3: "that is half of F1. The formula has a factor of 2.",
        1 / 2: "that is true alarms / (true alarms + false alarms + misses). F1 counts the true alarms twice.",
        6 / 19: "your recall is a share of all beats. It is the share of the *abnormal* beats that are flagged.",
        9 / 5: "a pair of brackets is missing: divide by the sum, `(precision + recall)`.",
        12 / 15: "that is the accuracy. F1 does not use the correct rejections.",
        18 / 21: "that is F1 of the *normal* class. Exchange flagged and not flagged.",
        200 / 3: "that is in percent. F1 is a number from 0 to 1.",
    }
    if not _equal(result, 2 / 3):
        likely = [text for wrong, text in mistakes.items() if _equal(result, wrong)]
        msg = (
            f"of 15 beats, 5 are abnormal, 4 are flagged, and 3 are both, but your function returns {result:.3g}. "
            f"{'Do not round it' if is_rounded(result, 2 / 3) else 'Compute it by hand for these beats'}."
        )
        raise NotYet(likely[0] if likely else msg)
    result = one_number(call(f1, ~flagged, abnormal, name="f1"), "the return value of `f1`")
    if not _equal(result, 4 / 16):
        msg = "right for one example and wrong for another. Does your function use its arguments only?"
        raise NotYet(msg)
    return (
        "F1 does not use the number of correct rejections. Like precision, it depends on the share of abnormal beats. "
        "If no beat is flagged, precision is 0/0, and F1 is defined as 0."
    )


@exercise("4.2", "the best threshold among `candidates`. Also complete the function `cost`")
def check_2(cost: Any, best_threshold: Any, candidates: Any, normal: Any, abnormal: Any) -> str:
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
    terms = "Add two terms: the frequency of false alarms times 1, and that of misses times 30. Use only the arguments."
    text = likely[0] if likely else terms
    msg = (
        "for the normal scores 1, 2, 3, 4, the abnormal scores 3, 5, 6, 7, 8 and the threshold 3, "
        f"`cost` returned {result:.4g}. {text}"
    )
    raise NotYet(msg)


@exercise("4.3", "a function of scores and a rate that returns one of the scores")
def check_3(conformal_threshold: Any) -> str:
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
    except ValueError:
        return text
    except Exception as error:
        msg = f"for 3 scores and a rate of 5 %, your function raises {type(error).__name__}. Raise a ValueError."
        raise NotYet(msg) from error
    problem = (
        "the function is right if there are enough scores. But for 3 scores and a rate of 5 %, k is 4. "
        "There is no fourth smallest score, and your function returned"
    )
    advice = "Raise a ValueError that states the reason."
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
        "To guarantee one false alarm per hour on average, you need an hour of beats that are known to be normal. "
        "For a lower rate, you need a longer recording, or an assumption about the highest scores. Report it."
    )


@exercise("4.5", "two numbers between 0 and 1, the mean F1 on the same beats and on new beats")
def check_5(same: Any, new: Any) -> str:
    """Check the mean F1 of random scores, with the threshold of the best F1."""
    same, new = one_number(same, "`same`"), one_number(new, "`new`")
    for name, value, right, other, margin in (
        ("same", same, _F1_SAME, _F1_NEW, 0.012),
        ("new", new, _F1_NEW, _F1_SAME, 0.025),
    ):
        if abs(value - right) < margin:
            continue
        if abs(value - other) < margin:
            hint = "that is the mean F1 on new beats. Use the beats on which the threshold was chosen."
            if name == "new":
                hint = "that is the mean F1 on the same beats. Draw new scores, and keep the threshold of the old ones."
        elif 1 < value <= 100:
            hint = "give a number from 0 to 1, not in percent."
        elif math.isclose(value, 0.5):
            hint = "an AUROC of random scores is 0.5, F1 is not. Compute it."
        elif abs(value - 2 / 3) < 0.001:
            hint = (
                "that is F1 if every beat is flagged, or F1 of the first repetition. Create `rng` before the loop, "
                "choose a threshold in each of the 200 repetitions, and take the mean of all F1."
            )
        else:
            hint = (
                f"got {value:.3f}. Repeat it 200 times, with 10 normal and 10 abnormal beats. Each time, choose the "
                "threshold with `oracle_threshold`, and compute F1. Then take the mean."
            )
        msg = f"`{name}`: {hint}"
        raise NotYet(msg)
    return (
        "The scores know nothing about the beats, but the best F1 on the same beats is nearly 0.7. If every beat is "
        "flagged, F1 is 0.67. Report the F1 of a random score next to that of your detector."
    )


def _unsorted(n: int) -> list[float]:
    """Return n different scores out of order, all of them at least 10."""
    return [float(10 * (1 + (7 * i + 3) % n)) for i in range(n)]


def _equal(a: Any, b: Any) -> bool:
    return math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9)


def _ordinal(rank: int) -> str:
    return f"{rank}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank if rank < 20 else rank % 10, 'th') }"
