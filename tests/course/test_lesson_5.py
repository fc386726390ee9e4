"""The checks of lesson 5: a right answer passes, and each usual mistake is told apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from data import load_mitbih
from notebooks.course import lesson_5
from trainers.detection import series_baseline_scores


@pytest.fixture(scope="module")
def recording():
    return load_mitbih()


def says(verdict, part):
    assert not verdict
    assert part in str(verdict)


def test_untouched_stubs_are_not_yet_right():
    def stub(*_): ...

    assert not lesson_5.check_1(...)
    for check in (lesson_5.check_2, lesson_5.check_3, lesson_5.check_4):
        says(check(stub), "returned nothing")


def test_the_scores_of_half_a_beat_are_right_and_leave_the_event(recording):
    ((start, end),) = recording.test.events
    whole, half = (
        series_baseline_scores("1-NN", recording.training, recording.test, window=window) for window in (303, 151)
    )
    assert lesson_5.check_1(half)
    assert start <= whole.argmax() < end, "the exercise rests on this"
    assert not start <= half.argmax() < end, "and on this"


def test_mistakes_with_the_window_are_told_apart(recording):
    def scored(window, name="1-NN", learnt=recording.training, judged=recording.test):
        return series_baseline_scores(name, learnt, judged, window=window)

    says(lesson_5.check_1(scored(303)), "still the scores with a window of a whole beat")
    says(lesson_5.check_1(scored(606)), "two beats")
    says(lesson_5.check_1(scored(151, name="PCA, 4 components")), "not 1-NN's scores")
    says(lesson_5.check_1(scored(151, learnt=recording.test)), "found itself again")
    says(lesson_5.check_1(scored(151)[:100]), "one score for each of 3750")
    says(lesson_5.check_1(151), "It should hold the scores")


def first_steps(steps, length, stride):
    starts = list(range(0, steps - length + 1, stride))
    if starts[-1] + length < steps:
        starts.append(steps - length)
    return starts


def test_the_first_steps_are_right():
    assert lesson_5.check_2(first_steps)
    assert lesson_5.check_2(lambda *given: np.array(first_steps(*given)))
    assert lesson_5.check_2(lambda *given: map(float, first_steps(*given)))


MISTAKES_2 = {
    "The last window is lost": lambda steps, length, stride: list(range(0, steps - length, stride)),
    "the last step is": lambda steps, length, stride: list(range(0, steps, stride)),
    "the end is lost": lambda steps, length, stride: list(range(0, steps - length + 1, stride)),
    "two windows begin at": lambda steps, length, stride: [*range(0, steps - length + 1, stride), steps - length],
    "not how many there are": lambda steps, length, stride: (steps - length) // stride + 1,
    "no window at all": lambda steps, length, stride: [],
    "step 0 lies in none": lambda steps, length, stride: [
        start + 1 for start in first_steps(steps - 1, length, stride)
    ],
    "go on by 3": lambda steps, length, stride: list(range(steps - length + 1)),
    "returned nothing": lambda steps, length, stride: None,
    "yours returned a set": lambda *given: set(first_steps(*given)),
    "the first step of a window should be one number": lambda *given: [(one, one + 4) for one in first_steps(*given)],
    "two windows begin at 0": lambda *given: itertools.repeat(0),
}


@pytest.mark.parametrize("part", MISTAKES_2)
def test_mistakes_with_the_first_steps_are_told_apart(part):
    verdict = lesson_5.check_2(MISTAKES_2[part])
    assert not verdict
    assert part.lower() in str(verdict).lower()


def test_a_recording_as_long_as_a_window_must_give_one():
    says(lesson_5.check_2(lambda *given: first_steps(*given) if given[0] > given[1] else []), "holds one")


def to_steps(errors, starts, steps):
    total, count = np.zeros(steps), np.zeros(steps)
    for score, start in zip(errors.mean(1), starts, strict=True):
        total[start : start + errors.shape[1]] += score
        count[start : start + errors.shape[1]] += 1
    return total / count


def spread(score, merge, divide=lambda total, starts, length: total, start_value=0.0):
    """A function that spreads the windows' scores over their steps in a way of its own."""

    def function(errors, starts, steps):
        total = np.full(steps, start_value)
        for window, first in zip(score(errors), starts, strict=False):
            total[first : first + errors.shape[1]] = merge(total[first : first + errors.shape[1]], window)
        return divide(total, starts, errors.shape[1])

    return function


def whole_numbers(errors, starts, steps):
    return to_steps(errors, starts, steps).astype(int)


def evenly(errors, starts, steps):
    return to_steps(errors, np.arange(len(starts)) * starts[1], steps)


def own_errors(errors, starts, steps):
    total, count = np.zeros(steps), np.zeros(steps)
    for window, start in zip(errors, starts, strict=True):
        total[start : start + len(window)] += window
        count[start : start + len(window)] += 1
    return total / count


MISTAKES_3 = {
    "the sum over its windows": spread(lambda errors: errors.mean(1), np.add),
    "fewer windows lie over them": spread(lambda errors: errors.mean(1), np.add, lambda total, *_: total / 2),
    "the number of all windows": spread(
        lambda errors: errors.mean(1), np.add, lambda total, starts, _: total / len(starts)
    ),
    "the largest score": spread(lambda errors: errors.mean(1), np.maximum),
    "each overwrites the others": spread(lambda errors: errors.mean(1), lambda _, score: score),
    "its own errors": own_errors,
    "the wrong axis": lambda errors, starts, steps: to_steps(
        np.repeat(errors.mean(0)[:3, None], 4, axis=1), starts, steps
    ),
    "not their sum": lambda errors, starts, steps: 4 * to_steps(errors, starts, steps),
    "whole numbers": whole_numbers,
    "Use `starts` as it is": evenly,
    "one score for each step": lambda errors, starts, steps: errors.mean(1),
    "which of them hold step 3": lambda errors, starts, steps: np.arange(steps),
    "four windows over 7 steps: yours returned shape (8,)": lambda errors, starts, steps: (
        to_steps(errors, starts, 8) if steps == 8 else np.zeros(8)
    ),
    "returned nothing": lambda errors, starts, steps: None,
}


def test_the_scores_of_the_steps_are_right():
    assert lesson_5.check_3(to_steps)


@pytest.mark.parametrize("part", MISTAKES_3)
def test_mistakes_with_the_scores_of_steps_are_told_apart(part):
    says(lesson_5.check_3(MISTAKES_3[part]), part)


def point_adjusted(called, events):
    adjusted = called.copy()
    for start, end in events:
        if called[start:end].any():
            adjusted[start:end] = True
    return adjusted


def altered(change):
    def function(called, events):
        adjusted = called.copy()
        for start, end in events:
            change(adjusted, called, start, end)
        return adjusted

    return function


def in_place(called, events):
    for start, end in events:
        called[start:end] |= called[start:end].any()
    return called


def fill(adjusted, called, start, end):
    adjusted[start:end] = True


def fill_one_more(adjusted, called, start, end):
    adjusted[start : end + 1] |= called[start:end].any()


def fill_from_the_hit(adjusted, called, start, end):
    if called[start:end].any():
        adjusted[start + called[start:end].argmax() : end] = True


def only_events(called, events):
    adjusted = np.zeros_like(called)
    for start, end in events:
        adjusted[start:end] = called[start:end].any()
    return adjusted


def returns_in_the_loop(called, events):
    adjusted = called.copy()
    for start, end in events:
        if called[start:end].any():
            adjusted[start:end] = True
            return adjusted
    return adjusted


def breaks_after_a_hit(called, events):
    adjusted = called.copy()
    for start, end in events:
        if called[start:end].any():
            adjusted[start:end] = True
            break
    return adjusted


def last_hit_only(called, events):
    adjusted = called.copy()
    hits = [event for event in events if called[slice(*event)].any()]
    adjusted[slice(*hits[-1])] = True
    return adjusted


MISTAKES_4 = {
    "was not hit, yet yours fills it": altered(fill),
    "The end of an event is not included": altered(fill_one_more),
    "from the hit on": altered(fill_from_the_hit),
    "dropped the false alarm": only_events,
    "Work on a copy": in_place,
    "changes nothing": lambda called, events: called.copy(),
    "one decision for each step": lambda called, events: called.any(),
    "written in by hand": lambda called, events: np.r_[called[:3], True, True, True, called[6:]],
    "Look at each event by itself": lambda called, events: called | (np.arange(len(called)) == 3),
    "returned nothing": lambda called, events: None,
}


@pytest.mark.parametrize(
    "function", [returns_in_the_loop, breaks_after_a_hit, lambda called, events: point_adjusted(called, events[:1])]
)
def test_the_first_event_alone_is_not_enough(function):
    says(lesson_5.check_4(function), "A `return` in the loop ends it at the first")


def test_the_last_event_alone_is_not_enough():
    says(lesson_5.check_4(last_hit_only), "of [1, 3) and [6, 9) both are hit")


def test_the_input_of_an_error_is_named():
    says(lesson_5.check_2(lambda steps, length, stride: [][0]), "called with 10, 4, 3")


def test_point_adjustment_by_hand_is_right_and_flatters_noise():
    verdict = lesson_5.check_4(point_adjusted)
    assert verdict
    assert lesson_5.check_4(lambda called, events: point_adjusted(called, events).astype(object))
    assert "F1 of 0.95 in place of 0.02" in str(verdict)


@pytest.mark.parametrize("part", MISTAKES_4)
def test_mistakes_with_point_adjustment_are_told_apart(part):
    says(lesson_5.check_4(MISTAKES_4[part]), part)


def test_numbers_of_the_first_examples_do_not_pass():
    def stride_of_three(steps, length, stride):
        return sorted({*range(0, steps - length, 3), steps - length})

    def length_of_four(errors, starts, steps):
        total, count = np.zeros(steps), np.zeros(steps)
        for error, start in zip(errors.mean(1), starts, strict=True):
            total[start : start + 4] += error
            count[start : start + 4] += 1
        return total / count

    def median(errors, starts, steps):
        holding = [(starts <= step) & (step < starts + errors.shape[1]) for step in range(steps)]
        return np.array([np.median(errors.mean(1)[held]) for held in holding])

    assert "or their median" in lesson_5.check_3(median).text
    assert "2 apart" in lesson_5.check_2(stride_of_three).text
    assert "of three steps" in lesson_5.check_3(length_of_four).text
