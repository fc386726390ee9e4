"""The checks of lesson 5 accept a right answer and name each common mistake."""

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


def assert_not_yet(verdict, part):
    assert not verdict
    assert part in str(verdict)


def test_untouched_stubs_fail():
    def stub(*_): ...

    assert not lesson_5.check_3(...)
    assert_not_yet(lesson_5.check_4(...), "is still `...`")
    for check in (lesson_5.check_1, lesson_5.check_2):
        assert_not_yet(check(stub), "returned nothing")


def test_half_beat_scores_pass_and_peak_outside_the_event(recording):
    ((start, end),) = recording.test.events
    whole, half = (
        series_baseline_scores("1-NN", recording.training, recording.test, window=window) for window in (303, 151)
    )
    assert lesson_5.check_3(half)
    assert start <= whole.argmax() < end, "with a whole beat"
    assert not start <= half.argmax() < end, "with half a beat"


def test_wrong_windows_are_explained(recording):
    def scored(window, name="1-NN", reference=recording.training):
        return series_baseline_scores(name, reference, recording.test, window=window)

    assert_not_yet(lesson_5.check_3(scored(303)), "still the scores with a window of a whole beat")
    assert_not_yet(lesson_5.check_3(scored(606)), "two beats")
    assert_not_yet(lesson_5.check_3(scored(151, name="PCA, 4 components")), "not the 1-NN scores")
    assert_not_yet(lesson_5.check_3(scored(151, reference=recording.test)), "matches itself")
    assert_not_yet(lesson_5.check_3(scored(151)[:100]), "one score for each of 3750")
    assert_not_yet(lesson_5.check_3(151), "must be the array")


def first_steps(steps, length, stride):
    starts = list(range(0, steps - length + 1, stride))
    if starts[-1] + length < steps:
        starts.append(steps - length)
    return starts


def test_first_steps_pass():
    assert lesson_5.check_1(first_steps)
    assert lesson_5.check_1(lambda *given: np.array(first_steps(*given)))
    assert lesson_5.check_1(lambda *given: map(float, first_steps(*given)))


MISTAKES_1 = {
    "The last window is missing": lambda steps, length, stride: list(range(0, steps - length, stride)),
    "the last step is": lambda steps, length, stride: list(range(0, steps, stride)),
    "the end is missing": lambda steps, length, stride: list(range(0, steps - length + 1, stride)),
    "two windows begin at": lambda steps, length, stride: [*range(0, steps - length + 1, stride), steps - length],
    "not the number of windows": lambda steps, length, stride: (steps - length) // stride + 1,
    "returned no window": lambda steps, length, stride: [],
    "step 0 lies in no window": lambda steps, length, stride: [
        start + 1 for start in first_steps(steps - 1, length, stride)
    ],
    "add 3 while a window fits": lambda steps, length, stride: list(range(steps - length + 1)),
    "returned nothing": lambda steps, length, stride: None,
    "your function returned a set": lambda *given: set(first_steps(*given)),
    "the first step of a window must be one number": lambda *given: [(one, one + 4) for one in first_steps(*given)],
    "two windows begin at 0": lambda *given: itertools.repeat(0),
}


@pytest.mark.parametrize("part", MISTAKES_1)
def test_wrong_first_steps_are_explained(part):
    verdict = lesson_5.check_1(MISTAKES_1[part])
    assert not verdict
    assert part.lower() in str(verdict).lower()


def test_recording_as_long_as_a_window_needs_one():
    assert_not_yet(lesson_5.check_1(lambda *given: first_steps(*given) if given[0] > given[1] else []), "contains one")


def to_steps(errors, starts, steps):
    total, count = np.zeros(steps), np.zeros(steps)
    for score, start in zip(errors.mean(1), starts, strict=True):
        total[start : start + errors.shape[1]] += score
        count[start : start + errors.shape[1]] += 1
    return total / count


def merged(score, merge, divide=lambda total, starts, length: total, start_value=0.0):
    """Return a function that combines the window scores of each step by `merge`, then divides by `divide`."""

    def function(errors, starts, steps):
        total = np.full(steps, start_value)
        for window, first in zip(score(errors), starts, strict=False):
            total[first : first + errors.shape[1]] = merge(total[first : first + errors.shape[1]], window)
        return divide(total, starts, errors.shape[1])

    return function


def integers(errors, starts, steps):
    return to_steps(errors, starts, steps).astype(int)


def constant_stride(errors, starts, steps):
    return to_steps(errors, np.arange(len(starts)) * starts[1], steps)


def own_errors(errors, starts, steps):
    total, count = np.zeros(steps), np.zeros(steps)
    for window, start in zip(errors, starts, strict=True):
        total[start : start + len(window)] += window
        count[start : start + len(window)] += 1
    return total / count


MISTAKES_2 = {
    "the sum over its windows": merged(lambda errors: errors.mean(1), np.add),
    "fewer windows contain these steps": merged(lambda errors: errors.mean(1), np.add, lambda total, *_: total / 2),
    "the number of all windows": merged(
        lambda errors: errors.mean(1), np.add, lambda total, starts, _: total / len(starts)
    ),
    "the largest score": merged(lambda errors: errors.mean(1), np.maximum),
    "each window overwrites the others": merged(lambda errors: errors.mean(1), lambda _, score: score),
    "its own errors": own_errors,
    "the wrong axis": lambda errors, starts, steps: to_steps(
        np.repeat(errors.mean(0)[:3, None], 4, axis=1), starts, steps
    ),
    "not their sum": lambda errors, starts, steps: 4 * to_steps(errors, starts, steps),
    "Your scores are integers": integers,
    "Use `starts`": constant_stride,
    "written as 4": lambda errors, starts, steps: lesson_5._step_means(errors.mean(1), starts, 4, steps),
    "one score for each step": lambda errors, starts, steps: errors.mean(1),
    "Which of them contain step 3": lambda errors, starts, steps: np.arange(steps),
    "four windows over 7 steps, shape (7,), got (8,)": lambda errors, starts, steps: (
        to_steps(errors, starts, 8) if steps == 8 else np.zeros(8)
    ),
    "returned nothing": lambda errors, starts, steps: None,
}


def test_step_scores_pass():
    assert lesson_5.check_2(to_steps)


@pytest.mark.parametrize("part", MISTAKES_2)
def test_wrong_step_scores_are_explained(part):
    assert_not_yet(lesson_5.check_2(MISTAKES_2[part]), part)


def test_error_names_its_input():
    assert_not_yet(lesson_5.check_1(lambda steps, length, stride: [][0]), "called with 10, 4, 3")


def test_hard_coded_numbers_of_the_first_examples_fail():
    def stride_of_three(steps, length, stride):
        return sorted({*range(0, steps - length, 3), steps - length})

    def length_of_four(errors, starts, steps):
        total, count = np.zeros(steps), np.zeros(steps)
        for error, start in zip(errors.mean(1), starts, strict=True):
            total[start : start + 4] += error
            count[start : start + 4] += 1
        return total / count

    def median(errors, starts, steps):
        masks = [(starts <= step) & (step < starts + errors.shape[1]) for step in range(steps)]
        return np.array([np.median(errors.mean(1)[mask]) for mask in masks])

    assert "or their median" in lesson_5.check_2(median).text
    assert "a stride of 2" in lesson_5.check_1(stride_of_three).text
    assert "of three steps" in lesson_5.check_2(length_of_four).text


def scored_steps(gap, length, around=300):
    """Return which steps lie in a window of which at most half is missing."""
    missing = np.zeros(gap + 2 * around, dtype=bool)
    missing[around : around + gap] = True
    scored = np.zeros_like(missing)
    for start in range(len(missing) - length + 1):
        scored[start : start + length] |= missing[start : start + length].mean() <= 0.5
    return scored


def test_unscored_steps_of_a_gap_pass():
    unscored = int((~scored_steps(400, 100)).sum())
    assert lesson_5.check_4(unscored)
    assert scored_steps(100, 100).all(), "a gap as long as a window has no unscored step, as the verdict says"


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (400, "also contain known values"),
        (0, "has no known value"),
        (350, "at the other end"),
        (200, "not in all of them"),
        (298, "exactly half"),
        (302, "exactly half"),
        (500, "steps outside the gap"),
        (100, "How many have none"),
        (123, "last scored window before the gap"),
        ([300, 301], "must be one number"),
    ],
)
def test_wrong_unscored_steps_are_explained(answer, part):
    assert_not_yet(lesson_5.check_4(answer), part)
