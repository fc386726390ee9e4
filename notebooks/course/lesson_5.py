"""Checks of the exercises of lesson 5, *Windows and scores*."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np

from data import Series, load_mitbih
from notebooks.course.answer_numbers import one_number
from notebooks.course.verdict import NotYet, call, exercise, kind_of
from trainers.detection import series_baseline_scores

# Steps of one beat of the recording.
BEAT = 303


@exercise("5.1", "a function that returns the first step of each window")
def check_1(first_steps: Any) -> str:
    """Check the first steps of windows that cover every step."""
    for steps, length, stride in ((10, 4, 3), (11, 4, 3), (12, 4, 3), (4, 4, 3), (9, 3, 3), (11, 5, 2), (7, 3, 1)):
        returned = call(first_steps, steps, length, stride)
        case = f"for {steps} steps, windows of length {length} and a stride of {stride}"
        if isinstance(returned, str | dict | set) or not isinstance(returned, Iterable):
            what = "a list with the first step of each window, in order, not the number of windows"
            msg = f"your function returned {kind_of(returned)}. Return {what}."
            raise NotYet(msg)
        starts = [one_number(start, "the first step of a window") for start in islice(returned, 2 * steps)]
        _explain_starts([int(start) if start == int(start) else start for start in starts], case, steps, length, stride)
    return (
        "Every step lies in a window, including the steps at the end of the recording. These steps matter: a "
        "recording is often stopped because something has just happened."
    )


def _explain_starts(starts: list[float], case: str, steps: int, length: int, stride: int) -> None:
    """Raise `NotYet` with the likeliest mistake if these are not the first steps of the windows."""
    last = steps - length
    right = sorted({*range(0, last, stride), last})
    if starts == right:
        return
    if not starts:
        text = "your function returned no window. A recording as long as a window contains one."
    elif any(start + length > steps for start in starts):
        bad = next(start for start in starts if start + length > steps)
        text = f"the window that begins at {bad} would end at step {bad + length - 1}; the last step is {steps - 1}."
    elif starts[0] != 0:
        text = f"the first window begins at {starts[0]}, so step 0 lies in no window."
    elif len(set(starts)) < len(starts):
        twice = next(start for start in starts if starts.count(start) > 1)
        text = f"two windows begin at {twice}. If the stride reaches the end exactly, no further window is needed."
        if last % stride:
            text = f"two windows begin at {twice}. The last window begins at {last}, and no step begins two windows."
    elif starts == right[:-1] and last % stride == 0:
        text = (
            f"the last window is missing: the last {length} steps, {last} to {steps - 1}, are one more window. "
            "Where does your `range` stop?"
        )
    elif starts == right[:-1]:
        covered = starts[-1] + length
        text = (
            f"the end is missing: the steps from {covered} to {steps - 1} lie in no window. Add one more window, less "
            "than one stride after the previous one."
        )
    else:
        text = f"your function returned {starts}. Begin at 0, add {stride} while a window fits, and cover the end."
    msg = f"{case}: {text}"
    raise NotYet(msg)


@exercise("5.2", "a function that returns one score for each step")
def check_2(to_steps: Any) -> str:
    """Check the mean over the windows that contain a step."""
    errors, starts, steps = np.array([[1.0, 3, 5, 7], [0, 0, 8, 0], [8, 10, 6, 8]]), np.array([0, 2, 4]), 8
    _explain_step_scores(_scores(to_steps, errors, starts, steps), errors)
    # uneven windows, three of them over step 4, and scores that are not integers
    errors, starts, steps = np.random.default_rng(0).random((4, 3)), np.array([0, 2, 3, 4]), 7
    returned, right = _scores(to_steps, errors, starts, steps), _step_means(errors.mean(1), starts, 3, steps)
    if not np.allclose(returned, right):
        text = "The stride is not constant there. Use `starts`."
        if np.allclose(returned, np.trunc(returned)):
            text = "Your scores are integers: an integer array truncates what is added to it. Use an array of floats."
        elif np.allclose(returned, _step_means(errors.mean(1), starts, 4, steps)):
            text = "Is the length of a window written as 4 in your function? It is `errors.shape[1]`."
        elif np.allclose(np.delete(returned, 4), np.delete(right, 4)):
            text = "Only step 4 is wrong. It lies in three windows: do you use their mean, or their median?"
        msg = (
            "the function is right for a constant stride, but not for windows of three steps that begin at 0, 2, 3 "
            f"and 4. {text}"
        )
        raise NotYet(msg)
    return (
        "Many windows contribute to the score of a step in the middle of a recording, but only one window to "
        "the score of the first or the last step. The scores at both ends are the least reliable."
    )


def _scores(to_steps: Any, errors: np.ndarray, starts: np.ndarray, steps: int) -> np.ndarray:
    """Return the student's scores, one number per step."""
    returned = np.asarray(call(to_steps, errors.copy(), starts.copy(), steps))
    if returned.shape != (steps,):
        number = {3: "three", 4: "four"}[len(starts)]
        msg = (
            f"`to_steps` must return one score for each step: for {number} windows over {steps} steps, "
            f"shape ({steps},), got {returned.shape}."
        )
        raise NotYet(msg)
    return returned.astype(float)


def _step_means(scores: Any, starts: Any, length: int, steps: int) -> np.ndarray:
    total, count = np.zeros(steps), np.zeros(steps)
    for score, start in zip(scores, starts, strict=False):
        total[start : start + length] += score
        count[start : start + length] += 1
    return total / count


def _explain_step_scores(returned: np.ndarray, errors: np.ndarray) -> None:
    """Raise `NotYet` with the likeliest mistake if these are not the step scores of the small example."""
    starts = (0, 2, 4)
    right = _step_means(errors.mean(1), starts, 4, 8)  # window scores 4, 2 and 8
    count = np.array([1, 1, 2, 2, 2, 2, 1, 1])
    own = np.zeros(8)
    for window, start in zip(errors, starts, strict=True):
        own[start : start + 4] += window
    edges = "The middle is right, but the scores at the ends are too low: fewer windows contain these steps."
    mistakes = [
        (right * count, "A step's score is the sum over its windows. Divide it by their number to get the mean."),
        (right * count / 2, edges),
        (right * count / 3, "You divide by the number of all windows, but only some of them contain a given step."),
        ([4, 4, 4, 4, 8, 8, 8, 8], "A step's score is the largest score of its windows. Use their mean."),
        (
            [4, 4, 2, 2, 8, 8, 8, 8],
            "A step's score is that of the last window that contains it: each window overwrites the others.",
        ),
        (own / count, "A step's score is the mean of its own errors. Use the mean error of each whole window instead."),
        (own, "A step's score is the sum of its own errors. Use the mean error of each whole window instead."),
        (
            _step_means(errors.mean(0), starts, 4, 8),
            "The mean was computed along the wrong axis: over the windows, not over the steps of a window.",
        ),
        (_step_means(errors.sum(1), starts, 4, 8), "A window's score is the mean of its errors, not their sum."),
    ]
    if np.allclose(returned, right):
        return
    likely = [text for wrong, text in mistakes if np.allclose(returned, np.asarray(wrong, dtype=float))]
    if likely:
        text = likely[0]
    elif np.isnan(returned).any():
        text = "Some scores are NaN, because a sum was divided by 0. Which steps lie in no window in your count?"
    else:
        text = "Three windows of four steps begin at 0, 2 and 4. Which of them contain step 3?"
    msg = f"three windows over 8 steps: your function returned {returned.round(2).tolist()}. {text}"
    raise NotYet(msg)


@exercise("5.3", "the scores of the test part, one for each step, with windows of half a beat")
def check_3(half_beat: Any) -> str:
    """Check the 1-NN scores with a window of half a beat."""
    training, test = load_mitbih()
    scores = np.asarray(half_beat)
    if scores.ndim == 0:
        msg = f"`half_beat` must be the array that the call above returns, got one {type(half_beat).__name__}."
        raise NotYet(msg)
    if scores.shape != (len(test),):
        msg = f"`half_beat` must have one score for each of {len(test)} test steps, got shape {scores.shape}."
        raise NotYet(msg)

    def has_window(window: int, reference: Series = training) -> bool:
        return np.allclose(scores, series_baseline_scores("1-NN", reference, test, window=window))

    if has_window(BEAT):
        msg = f"these are still the scores with a window of a whole beat, {BEAT} steps."
        raise NotYet(msg)
    if has_window(2 * BEAT):
        msg = "these are the scores with a window of two beats. Use a window of half a beat."
        raise NotYet(msg)
    if any(has_window(window, test) for window in (BEAT // 2, BEAT // 2 + 1, BEAT)):
        msg = "the test part was compared with itself: each window matches itself. Compare it with the training part."
        raise NotYet(msg)
    if not any(has_window(BEAT // 2 + more) for more in (0, 1, -1)):
        msg = f"these are not the 1-NN scores with a window of half of {BEAT} steps. Change only the window."
        raise NotYet(msg)
    return (
        "The highest score is no longer in the event. A window of half a beat does not contain the previous beat, so "
        "it does not show that a beat is early. No detector can recognise a pattern that is longer than its window."
    )


@exercise("5.4", "the number of unscored steps, an integer")
def check_4(unscored: Any) -> str:
    """Check the number of unscored steps in a gap of 400 steps, with windows of 100 steps."""
    gap, length = 400, 100
    steps = one_number(unscored, "`unscored`")
    mistakes = {
        gap: "the windows at the ends of the gap also contain known values. How many known values need they have?",
        0: "a window in the middle of the gap has no known value, so it is not scored.",
        gap - length // 2: "this is right for one end of the gap. The same happens at the other end.",
        gap - 2 * length: "a window may have missing values in half of its steps, not in all of them.",
        gap - length - 2: "a window with exactly half of its values missing is scored: it is not *more* than half.",
        gap - length + 2: "a window with exactly half of its values missing is scored: it is not *more* than half.",
        gap + length: "a scored window gives a score to *all* of its steps, so steps outside the gap have a score.",
        length: "this is the number of missing steps that have a score. How many have none?",
    }
    if steps != gap - length:
        text = mistakes.get(
            int(steps), "Take the last scored window before the gap. At which step of the gap does it end?"
        )
        msg = f"{steps:g} is not right: {text}"
        raise NotYet(msg)
    return (
        "At each end, a scored window reaches 50 steps into the gap. So a gap of 100 steps or less has no unscored "
        "step at all: its steps have a score, although nothing was measured there."
    )
