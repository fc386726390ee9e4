"""Checks of the exercises of lesson 6, *Metrics and their traps*."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from data import load_mitbih
from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise
from trainers.detection.metrics import misleading_point_adjusted_f1

# Given in exercise 6.1: steps of the event, flagged steps inside and outside of it, and all steps of the recording.
EVENT, INSIDE, OUTSIDE, STEPS = 40, 30, 20, 1000
# Given in exercise 6.2.
RATE, CHANCE = 0.01, 0.9


@exercise("6.1", "three numbers between 0 and 1")
def check_1(precision: Any, recall: Any, f1: Any) -> str:
    """Check precision, recall and F1 from counts."""
    given = [one_number(x, f"`{name}`") for x, name in ((precision, "precision"), (recall, "recall"), (f1, "f1"))]
    right_precision, right_recall = INSIDE / (INSIDE + OUTSIDE), INSIDE / EVENT
    right_f1 = 2 * right_precision * right_recall / (right_precision + right_recall)
    if math.isclose(given[0], right_recall) and math.isclose(given[1], right_precision):
        msg = "you have swapped precision and recall. Precision is the share of the *flagged* steps."
        raise NotYet(msg)
    for name, value, right, mistakes in (
        ("precision", given[0], right_precision, _PRECISION_MISTAKES),
        ("recall", given[1], right_recall, _RECALL_MISTAKES),
        ("f1", given[2], right_f1, _f1_mistakes(right_precision, right_recall)),
    ):
        _explain(name, value, right, mistakes)
    return (
        "The 940 normal steps without a flag appear in none of the three metrics. F1 lies nearer to the smaller of the "
        "two than their mean does, so a detector cannot make up for a bad precision by a good recall."
    )


_PRECISION_MISTAKES = {
    INSIDE / STEPS: "`precision` is divided by all steps. Divide by the flagged steps.",
    INSIDE / OUTSIDE: "`precision` is divided by the false positives. Divide by all flagged steps, true and false.",
    OUTSIDE / (INSIDE + OUTSIDE): "`precision` is the share of false positives. Precision is the share of true ones.",
    (INSIDE + OUTSIDE) / STEPS: "`precision` is the share of steps that are flagged. How many of these are true?",
}
_RECALL_MISTAKES = {
    INSIDE / STEPS: "`recall` is divided by all steps. Divide by the steps of the event.",
    (INSIDE + OUTSIDE) / EVENT: "`recall` counts the false positives too. Count only the flagged steps in the event.",
    (EVENT - INSIDE) / EVENT: "`recall` is the share of the event that is *not* flagged.",
    1.0: "`recall` is 1 if you count events. Count steps.",
}


def _f1_mistakes(precision: float, recall: float) -> dict[float, str]:
    return {
        (precision + recall) / 2: "`f1` is the arithmetic mean. Use the harmonic mean, 2·P·R / (P + R).",
        precision * recall / (precision + recall): "`f1` is half of the harmonic mean. The factor 2 is missing.",
        math.sqrt(precision * recall): "`f1` is the geometric mean. Use the harmonic mean, 2·P·R / (P + R).",
        1 - (EVENT - INSIDE + OUTSIDE) / STEPS: "this is the accuracy: the share of steps with the right decision.",
    }


def _explain(name: str, value: float, right: float, mistakes: dict[float, str]) -> None:
    """Raise `NotYet` with the likeliest mistake if the value is not right; a value with three digits is accepted."""
    if abs(value - right) < 0.001:
        return
    for wrong, text in mistakes.items():
        if math.isclose(value, wrong, rel_tol=1e-3):
            raise NotYet(text)
    if abs(value - 100 * right) < 0.1:
        msg = f"`{name}` is in percent. Give a number from 0 to 1."
        raise NotYet(msg)
    if is_rounded(value, right) or 0 < right - value < 0.01:
        msg = f"`{name}`: {value} is rounded too much. Write the formula, or three digits."
        raise NotYet(msg)
    hint = "Its formula is 2·P·R / (P + R)." if name == "f1" else "Count true and false positives, and false negatives."
    msg = f"`{name}`: {value:.3f} is not right. {hint}"
    raise NotYet(msg)


@exercise("6.2", "the number of steps, an integer")
def check_2(shortest: Any) -> str:
    """Check the length of an event that a random score finds with a given chance."""
    steps = one_number(shortest, "`shortest`")
    exact = math.log(1 - CHANCE) / math.log(1 - RATE)
    right = math.ceil(exact)
    mistakes = {
        math.floor(exact): f"with {math.floor(exact)} steps, the chance is still slightly below 90 %. Round up.",
        math.ceil(math.log(CHANCE) / math.log(1 - RATE)): "with so few steps, the chance is 10 %. "
        "(1 − p)ⁿ is the chance to *miss* the event: it must be at most 0.1, not 0.9.",
        CHANCE / RATE: "the chances of single steps cannot be added: with 90 steps, the event is found with a chance "
        f"of {1 - (1 - RATE) ** 90:.0%}. Use 1 − (1 − p)ⁿ.",
        1 / RATE: f"with 100 steps, one hit is expected, but the chance of a hit is {1 - (1 - RATE) ** 100:.0%}.",
    }
    if steps != right:
        for wrong, text in mistakes.items():
            if math.isclose(steps, wrong):
                raise NotYet(text)
        if math.isclose(steps, exact, rel_tol=1e-3):
            msg = "an event has an integer number of steps. Round up."
            raise NotYet(msg)
        chance = 1 - (1 - RATE) ** min(max(steps, 0), 10_000)
        msg = f"an event of {steps:g} steps is found with a chance of {chance:.1%}. Find the shortest with 90 %."
        raise NotYet(msg)
    return (
        "At 360 steps per second, 230 steps last 0.6 seconds. A random score finds nine of ten such events. So a "
        "number of found events says nothing without the number of false alarms, and without this chance level."
    )


@exercise("6.3", "a function that returns one bool for each step")
def check_3(point_adjusted: Any) -> str:
    """Check point adjustment: each event with a hit is flagged as a whole."""
    flagged = np.array([False, True, False, False, True, False, False, False, False, True])
    given, events = flagged.copy(), [(3, 6), (7, 9)]
    returned = np.asarray(call(point_adjusted, given, events))
    if returned.shape != flagged.shape:
        msg = f"the result must have one bool for each of {len(flagged)} steps, got shape {returned.shape}."
        raise NotYet(msg)
    if not np.array_equal(given, flagged):
        msg = "your function changes the array `flagged` in place. Work on a copy."
        raise NotYet(msg)
    decisions = returned.astype(bool)
    right = np.array([False, True, False, True, True, True, False, False, False, True])
    if not np.array_equal(decisions, right):
        msg = f"steps 1, 4 and 9 are flagged, events are [3, 6) and [7, 9). {_adjustment_mistake(decisions, flagged)}"
        raise NotYet(msg)
    test = load_mitbih().test
    noise = np.random.default_rng(0).random(len(test)) < 0.01
    plain = f1_score(test.abnormal, noise)
    f1 = f1_score(test.abnormal, np.asarray(call(point_adjusted, noise.copy(), test.events)).astype(bool))
    adjusted = misleading_point_adjusted_f1(noise.astype(float), test.labels, 0.5)
    if not math.isclose(f1, adjusted):
        msg = f"right for ten steps, but random decisions on the recording get F1 {f1:.2f}. Is a 10 or a 3 hard-coded?"
        raise NotYet(msg)
    _check_two_hits(point_adjusted)
    return (
        f"For random decisions that flag 1 % of the steps, point adjustment increases F1 from {plain:.2f} to "
        f"{adjusted:.2f} on the recording. After point adjustment, any detector appears to be good."
    )


def _check_two_hits(point_adjusted: Any) -> None:
    """Raise `NotYet` if only the first of two events with a hit is filled, or only the last."""
    flagged = np.array([False, True, False, False, False, False, False, True, False, False])
    returned = np.asarray(call(point_adjusted, flagged.copy(), [(1, 3), (6, 9)]))
    right = np.array([False, True, True, False, False, False, True, True, True, False])
    if np.array_equal(returned.astype(bool), right):
        return
    text = "Treat each event separately."
    if returned.shape == right.shape and np.array_equal(returned[:3], right[:3]) and not returned[6]:
        text = "Your function does not fill the second. A `return` in the loop ends it at the first event."
    msg = f"right if one event has a hit, but of [1, 3) and [6, 9) both have one, at steps 1 and 7. {text}"
    raise NotYet(msg)


def _adjustment_mistake(decisions: np.ndarray, flagged: np.ndarray) -> str:
    if decisions[7] or decisions[8]:
        return (
            "Your function fills the second event, which has no hit: step 9 is after its end. Fill an event only if "
            "one of its steps is flagged."
        )
    if not (decisions[1] and decisions[9]):
        return "Your function removes the false alarm at step 1 or 9. Do not change steps outside of events."
    if decisions[6]:
        return "Your function also fills step 6. The end of an event is excluded."
    if np.array_equal(decisions, flagged):
        return "Your function changes nothing, but the first event has a hit."
    if decisions[5] and not decisions[3]:
        return "Your function fills the event only from the hit on. Fill the steps before the hit too."
    return f"Your function flags {np.flatnonzero(decisions).tolist()}. Ask for each event: is any of its steps flagged?"


@exercise("6.4", "a probability between 0 and 1")
def check_4(chance: Any) -> str:
    """Check the chance level of the UCR score, for an event of 600 of 10,000 steps."""
    given = one_number(chance, "`chance`")
    mistakes = {
        0.06: "this is the share of the event. The highest score may also lie *near* the event.",
        0.08: "the tolerance is 100 steps only for events of at most 100 steps. This event is longer.",
        0.12: "this is the tolerance on one side only, or on both sides without the event itself.",
        18.0: "this is the number of percent. A probability lies between 0 and 1.",
        1800.0: "this is the number of steps that count. Divide it by the number of all steps.",
    }
    if not math.isclose(given, 0.18):
        hint = "Count the steps of the event, and the steps near it on both sides."
        text = next((text for wrong, text in mistakes.items() if math.isclose(given, wrong)), hint)
        msg = f"{given:g} is not right: {text}"
        raise NotYet(msg)
    return (
        "600 steps of the event and 600 on each side are 18 % of the recording. So among 100 such recordings, a random "
        "score gets the UCR score 1 in about 18. An accuracy on the UCR archive must be compared with this level."
    )
