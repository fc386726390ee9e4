"""The checks of lesson 6 accept a right answer and name each common mistake."""

from __future__ import annotations

import numpy as np
import pytest

from notebooks.course import lesson_6
from trainers.detection.metrics import ucr_score


def assert_not_yet(verdict, part):
    assert not verdict
    assert part in str(verdict)


def test_untouched_stubs_fail():
    def stub(*_): ...

    assert_not_yet(lesson_6.check_1(0.6, 0.75, ...), "`f1` is still")
    assert_not_yet(lesson_6.check_2(...), "is still `...`")
    assert_not_yet(lesson_6.check_3(stub), "returned nothing")
    assert_not_yet(lesson_6.check_4(...), "is still `...`")


def test_precision_recall_and_f1_pass():
    assert lesson_6.check_1(30 / 50, 30 / 40, 60 / 90)
    assert lesson_6.check_1(0.6, 0.75, 0.667)


@pytest.mark.parametrize(
    ("precision", "recall", "f1", "part"),
    [
        (0.75, 0.6, 2 / 3, "swapped"),
        (0.03, 0.75, 2 / 3, "divided by all steps"),
        (1.5, 0.75, 2 / 3, "divided by the false positives"),
        (0.4, 0.75, 2 / 3, "share of false positives"),
        (0.05, 0.75, 2 / 3, "share of steps that are flagged"),
        (0.6, 0.03, 2 / 3, "`recall` is divided by all steps"),
        (0.6, 1.25, 2 / 3, "counts the false positives too"),
        (0.6, 0.25, 2 / 3, "*not* flagged"),
        (0.6, 1, 2 / 3, "Count steps"),
        (0.6, 0.75, 0.675, "arithmetic mean"),
        (0.6, 0.75, 1 / 3, "factor 2"),
        (0.6, 0.75, 0.45**0.5, "geometric mean"),
        (0.6, 0.75, 0.97, "accuracy"),
        (0.6, 0.75, 0.7, "rounded too much"),
        (0.6, 0.75, 0.1, "`f1`: 0.100 is not right"),
        (60, 0.75, 0.667, "`precision` is in percent"),
        (0.6, 0.75, 0.66, "`f1`: 0.66 is rounded too much"),
        ("0.6", 0.75, 2 / 3, "`precision` must be one number"),
    ],
)
def test_wrong_counts_are_explained(precision, recall, f1, part):
    assert_not_yet(lesson_6.check_1(precision, recall, f1), part)


def test_shortest_event_is_found_with_the_chance():
    assert lesson_6.check_2(230)
    assert 1 - 0.99**229 < 0.9 <= 1 - 0.99**230


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (229, "Round up"),
        (229.105, "an integer number of steps"),
        (11, "the chance to *miss*"),
        (90, "cannot be added"),
        (100, "one hit is expected"),
        (300, "a chance of 95.1%"),
        ("230", "must be one number"),
    ],
)
def test_wrong_lengths_are_explained(answer, part):
    assert_not_yet(lesson_6.check_2(answer), part)


def point_adjusted(flagged, events):
    adjusted = flagged.copy()
    for start, end in events:
        if flagged[start:end].any():
            adjusted[start:end] = True
    return adjusted


def altered(change):
    def function(flagged, events):
        adjusted = flagged.copy()
        for start, end in events:
            change(adjusted, flagged, start, end)
        return adjusted

    return function


def in_place(flagged, events):
    for start, end in events:
        flagged[start:end] |= flagged[start:end].any()
    return flagged


def fill(adjusted, flagged, start, end):
    adjusted[start:end] = True


def fill_if_hit_behind(adjusted, flagged, start, end):
    adjusted[start:end] |= flagged[start : end + 1].any()


def fill_one_more(adjusted, flagged, start, end):
    adjusted[start : end + 1] |= flagged[start:end].any()


def fill_from_the_hit(adjusted, flagged, start, end):
    if flagged[start:end].any():
        adjusted[start + flagged[start:end].argmax() : end] = True


def only_events(flagged, events):
    adjusted = np.zeros_like(flagged)
    for start, end in events:
        adjusted[start:end] = flagged[start:end].any()
    return adjusted


def returns_in_the_loop(flagged, events):
    adjusted = flagged.copy()
    for start, end in events:
        if flagged[start:end].any():
            adjusted[start:end] = True
            return adjusted
    return adjusted


def breaks_after_a_hit(flagged, events):
    adjusted = flagged.copy()
    for start, end in events:
        if flagged[start:end].any():
            adjusted[start:end] = True
            break
    return adjusted


def last_hit_only(flagged, events):
    adjusted = flagged.copy()
    hits = [event for event in events if flagged[slice(*event)].any()]
    adjusted[slice(*hits[-1])] = True
    return adjusted


MISTAKES_3 = {
    "which has no hit": altered(fill),
    "step 9 is after its end": altered(fill_if_hit_behind),
    "The end of an event is excluded": altered(fill_one_more),
    "from the hit on": altered(fill_from_the_hit),
    "removes the false alarm": only_events,
    "Work on a copy": in_place,
    "changes nothing": lambda flagged, events: flagged.copy(),
    "one bool for each of 10 steps": lambda flagged, events: flagged.any(),
    "hard-coded": lambda flagged, events: np.r_[flagged[:3], True, True, True, flagged[6:]],
    "Ask for each event": lambda flagged, events: flagged | (np.arange(len(flagged)) == 3),
    "returned nothing": lambda flagged, events: None,
}


@pytest.mark.parametrize(
    "function", [returns_in_the_loop, breaks_after_a_hit, lambda flagged, events: point_adjusted(flagged, events[:1])]
)
def test_filling_only_the_first_event_fails(function):
    assert_not_yet(lesson_6.check_3(function), "A `return` in the loop ends it at the first")


def test_filling_only_the_last_event_fails():
    assert_not_yet(lesson_6.check_3(last_hit_only), "of [1, 3) and [6, 9) both have one")


def test_point_adjustment_passes_and_increases_f1_of_noise():
    verdict = lesson_6.check_3(point_adjusted)
    assert verdict
    assert lesson_6.check_3(lambda flagged, events: point_adjusted(flagged, events).astype(object))
    assert "increases F1 from 0.02 to 0.95" in str(verdict)


@pytest.mark.parametrize("part", MISTAKES_3)
def test_wrong_point_adjustments_are_explained(part):
    assert_not_yet(lesson_6.check_3(MISTAKES_3[part]), part)


def test_chance_level_of_the_ucr_score_passes():
    truth = np.zeros(10_000, dtype=bool)
    truth[4700:5300] = True
    near = sum(ucr_score(truth, np.eye(1, 10_000, top)[0]) for top in range(0, 10_000, 100))
    assert near / 100 == 0.18
    assert lesson_6.check_4(0.18)
    assert lesson_6.check_4(1800 / 10_000)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (0.06, "*near* the event"),
        (0.08, "only for events of at most 100 steps"),
        (0.12, "on one side only"),
        (18, "number of percent"),
        (1800, "Divide it"),
        (0.5, "on both sides"),
        ("0.18", "must be one number"),
    ],
)
def test_wrong_chance_levels_are_explained(answer, part):
    assert_not_yet(lesson_6.check_4(answer), part)
