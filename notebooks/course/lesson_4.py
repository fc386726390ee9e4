"""Checks of the exercises of lesson 4, *Choosing a threshold*."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise
from trainers.detection import quantile_threshold

# What exercise 4.3 states.
ILL_SHARE, FALSE_ALARM_COST, MISS_COST = 0.05, 1.0, 30.0
# And exercise 4.4.
BEATS_A_MINUTE = 75


@exercise("4.1", "a threshold: one number, set on the scores `known`")
def check_1(quiet_line: Any, known: Any, new: Any) -> str:
    """One alarm in a hundred normal beats."""
    line = one_number(quiet_line, "`quiet_line`")
    mistakes = {
        quantile_threshold(known, rate=0.05): "this is the line for 5 %, one alarm in twenty; the rate has to change.",
        quantile_threshold(known, rate=0.1): "this is the line for 10 %, one alarm in ten. One in a hundred is …?",
        quantile_threshold(known, rate=0.99): "this is the line for 99 %: nearly every normal beat lies above it. The "
        "rate is the share of false alarms, not of normal beats.",
        float(np.quantile(known, 0.99)): "this is the plain quantile, and it lies a little too low: of the n known "
        "scores it leaves 1 % above it, and of new ones more. `quantile_threshold` counts the new beat too.",
    }
    for wrong, text in mistakes.items():
        if _equal(line, wrong):
            raise NotYet(text)
    right = quantile_threshold(known, rate=0.01)
    if math.isclose(line, 0.01):
        msg = "that is the rate. The line is the score that `quantile_threshold(known, rate=…)` returns for it."
        raise NotYet(msg)
    if not _equal(line, right):
        if np.isclose(new, line, rtol=1e-6).any() and not np.isclose(known, line, rtol=1e-6).any():
            msg = "this line was set on `new`, the beats to be judged. Set it on `known`, the beats known to be normal."
            raise NotYet(msg)
        if is_rounded(line, right):
            msg = "nearly. Give the line as it comes, unrounded."
            raise NotYet(msg)
        side = "low: more" if line < right else "high: fewer"
        msg = f"the line lies too {side} than one normal beat in a hundred would be called abnormal in the mean."
        raise NotYet(msg)
    return (
        "Nothing had to be trained again: the scores stay, only the line moves. "
        "It is the second highest of 292 scores; a promise of 1 % hangs on very few beats."
    )


@exercise("4.2", "a function of scores and a rate that returns one of the scores")
def check_2(conformal_threshold: Any) -> str:
    """The ⌈(n + 1)(1 − rate)⌉-th smallest of n scores."""
    # Not in order, and none equal to a rank. Of ten the ninth, 11 · 0.8 = 8.8; of eleven the ninth, 12 · 0.7 = 8.4.
    ten = [90, 30, 10, 100, 50, 40, 80, 20, 60, 70]
    for scores, rate in ((ten, 0.2), (_mixed(11), 0.3), (_mixed(19), 0.05)):
        given = np.array(scores, dtype=float)
        line = one_number(call(conformal_threshold, given, rate), "what `conformal_threshold` returned")
        if not np.array_equal(given, scores):
            msg = (
                "the function has changed the scores that it was given: whoever called it finds them in another order. "
                "Sort a copy."
            )
            raise NotYet(msg)
        _explain_threshold(line, np.array(scores, dtype=float), rate)
    return _where_there_is_none(conformal_threshold)


def _where_there_is_none(conformal_threshold: Any) -> str:
    """What to take away; raise `NotYet` if three scores at a rate of 5 %, where k is 4, give a line all the same."""
    text = (
        "A new normal beat is equally likely to land in each of the n + 1 places between and beside the n scores; "
        "that is the whole proof, and why it is n + 1. No shape of the distribution was assumed."
    )
    try:
        line = conformal_threshold(np.array([10.0, 20.0, 30.0]), 0.05)
    except IndexError:
        return f"{text} Of too few scores yours ends in an IndexError; a ValueError that explains is better."
    except Exception:
        return text
    there_is_none = (
        "right where there are enough scores. But of 3 scores, at a rate of 5 %, the fourth smallest is asked "
    )
    there_is_none += "for. There is none, and yours returned"
    instead = "Let it fail with an error that says why, or return infinity."
    came = "what `conformal_threshold` returned for 3 scores at a rate of 5 %"
    number = math.nan if line is None else one_number(line, came)
    if math.isnan(number):
        came = "nothing" if line is None else "NaN"
        msg = f"{there_is_none} {came}: a line nobody can compare with is no alarm, and no error either. {instead}"
        raise NotYet(msg)
    if number != math.inf:
        msg = f"{there_is_none} {number:g}: a promise that cannot be kept. {instead}"
        raise NotYet(msg)
    return text


def _explain_threshold(line: float, scores: np.ndarray, rate: float) -> None:
    """Raise `NotYet` with the likeliest reason, if the line is not the conformal one."""
    n, ordered = len(scores), np.sort(scores)
    exact = (n + 1) * (1 - rate)
    k = math.ceil(round(exact, 9))
    if _equal(line, ordered[k - 1]):
        return
    of = f"for {n} scores and a rate of {rate:g}"
    mirrored = max(1, math.ceil(round((n + 1) * rate, 9)))
    place = int(np.flatnonzero(ordered == line)[0]) + 1 if line in ordered else None
    if line == k:
        text = "that is k, a place in the order. The threshold is the score at this place."
    elif place is None and any(_equal(line, np.quantile(scores, q)) for q in (1 - rate, rate)):
        text = "that is `np.quantile`, which goes between two scores and forgets the new beat: no n + 1 in it."
    elif place is None:
        text = "that is none of the scores. The threshold is one of them: the k-th smallest."
    elif _equal(line, scores[k - 1]) or (k < n and _equal(line, scores[k])):
        text = "that is the score at this place of the list as it came. Put the scores in order first."
    elif place in (n - k + 1, n - k) or place in (mirrored, mirrored + 1):
        text = "that lies at the low end: it would call most beats abnormal. Count from the smallest, and use 1 − rate."
    elif place == k + 1:
        text = "that is one score too high. The k-th smallest does not stand at position k: Python counts from 0."
    elif place == k - 1:
        text = "that is one score too low. Is it n + 1, not n? Is it rounded up, not down?"
    else:
        text = f"that is the {_th(place)} smallest. Take another look at the formula."
    msg = f"{of}, yours returned {line:g}: {text}"
    raise NotYet(msg)


@exercise("4.3", "a function that returns a cost, and the cheapest line among `candidates`")
def check_3(cost: Any, cheapest: Any, candidates: Any, normal: Any, ill: Any) -> str:
    """Expected cost of a beat, and the threshold where it is lowest."""
    few_normal, few_ill = np.array([1.0, 2.0, 3.0, 4.0]), np.array([3.0, 5.0, 6.0, 7.0, 8.0])
    got = one_number(call(cost, 3.0, few_normal, few_ill), "what `cost` returned")
    _explain_cost(got)
    costs = np.array([one_number(call(cost, line, normal, ill), "what `cost` returned") for line in candidates])
    expected = np.array([_cost((normal > line).mean(), (ill <= line).mean()) for line in candidates])
    if not np.allclose(costs, expected):
        msg = (
            "`cost` is right for the small case of the check, but not for these beats. Does it use its arguments only?"
        )
        raise NotYet(msg)
    line = one_number(cheapest, "`cheapest`")
    if _equal(line, costs.min()):
        msg = "`cheapest` is the least cost. The line where it is reached was asked for."
        raise NotYet(msg)
    if _equal(line, np.argmin(costs)):
        msg = "`cheapest` is a place in `candidates`. The line that stands there was asked for."
        raise NotYet(msg)
    if not np.isclose(candidates, line).any():
        msg = f"`cheapest` is {line:g}, which is none of the candidates."
        raise NotYet(msg)
    if not np.isclose(costs[np.argmin(np.abs(candidates - line))], costs.min()):
        msg = f"at the line {line:g} a beat costs more than at the cheapest of the candidates. Compare all of them."
        raise NotYet(msg)
    return (
        "The line follows from two prices and from how many are ill, and none of the three is in the scores. "
        "It was chosen with labels: what it costs has to be reported on beats that had no say."
    )


def _cost(alarms: float, misses: float) -> float:
    return (1 - ILL_SHARE) * FALSE_ALARM_COST * alarms + ILL_SHARE * MISS_COST * misses


def _explain_cost(got: float) -> None:
    """Raise `NotYet` with the likeliest reason, if this is not the cost of the small case: a quarter, a fifth."""
    alarms, misses = 1 / 4, 1 / 5
    equal = "A score equal to the line is not above it: no alarm if normal, and missed if ill."
    shares = "Normal and ill beats come in other numbers here than in a ward; take the share of each kind."
    mistakes = {
        _cost(2 / 4, 0): equal,
        _cost(2 / 4, misses): equal,
        _cost(alarms, 0): equal,
        _cost(alarms, 1 - misses): "ill beats above the line are found, not missed.",
        _cost(1, 1): f"it counts beats, so it grows with their number. {shares}",
        1 + MISS_COST: f"it counts beats, so it grows with their number. {shares}",
        (1 + MISS_COST) / 9: f"it takes the mean over all the beats at hand. {shares}",
        alarms + MISS_COST * misses: "it forgets that only one beat in twenty is ill.",
        alarms + ILL_SHARE * MISS_COST * misses: "it forgets that 19 beats in twenty, not all, can be false alarms.",
        (1 - ILL_SHARE) * MISS_COST * alarms + ILL_SHARE * misses: "the two prices have changed places.",
        ILL_SHARE * alarms + (1 - ILL_SHARE) * MISS_COST * misses: "the shares of normal and ill have changed places.",
    }
    if _equal(got, _cost(alarms, misses)):
        return
    likely = [text for wrong, text in mistakes.items() if _equal(got, wrong)]
    if likely:
        text = likely[0]
    else:
        text = "Add two parts: how often a beat is a false alarm, times its price, and how often a miss, times its own."
    text = text[0].upper() + text[1:]
    msg = f"with normal scores 1, 2, 3, 4, ill scores 3, 5, 6, 7, 8 and the line at 3, `cost` gives {got:.4g}. {text}"
    raise NotYet(msg)


@exercise("4.4", "a whole number of calibration beats")
def check_4(fewest: Any) -> str:
    """One false alarm an hour, at 75 beats a minute."""
    beats = 60 * BEATS_A_MINUTE
    number = one_number(fewest, "`fewest`")
    mistakes: dict[float, str] = {
        beats: "very near. With so many scores the highest of them promises a little *less* than asked: one in n + 1.",
        beats + 1: "one in n + 1 is what the highest of n scores promises. Which way does the 1 go?",
        BEATS_A_MINUTE - 1: "that is for one false alarm a minute.",
        BEATS_A_MINUTE: "that is about one false alarm a minute.",
        999: "that is for one false alarm in a thousand beats. How many beats are there in an hour?",
        59: "that is for one in sixty. How many beats are there in an hour?",
    }
    if number in mistakes:
        raise NotYet(mistakes[number])
    if number < 1:
        msg = f"{number:g} is a rate, or its like. How many beats are needed?"
        raise NotYet(msg)
    if number != beats - 1:
        many = "more beats than are needed" if number > beats else "too few beats"
        hint = "First: which rate is one false alarm an hour? Then: down to which rate do n scores reach?"
        msg = f"{number:g} is {many}. {hint}"
        raise NotYet(msg)
    return (
        "An hour of beats, all known to be normal, for one false alarm an hour: to promise that something is rare, "
        "one must have watched for as long as it is rare. Or assume a shape of the tail, and say so."
    )


def _mixed(n: int) -> list[float]:
    """That many different scores out of order, none of them a small whole number."""
    return [float(10 * (1 + (7 * i + 3) % n)) for i in range(n)]


def _equal(a: Any, b: Any) -> bool:
    return math.isclose(float(a), float(b), rel_tol=1e-6, abs_tol=1e-9)


def _th(place: int) -> str:
    return f"{place}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(place if place < 20 else place % 10, 'th') }"
