"""Checks of the exercises of lesson 5, *Long recordings*."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from data import Series, load_mitbih
from notebooks.course.answer_numbers import one_number
from notebooks.course.verdict import NotYet, call, exercise, kind_of
from trainers.detection import series_baseline_scores
from trainers.detection.metrics import misleading_point_adjusted_f1

# A beat of the recording, in steps.
BEAT = 303


@exercise("5.1", "the scores of the test part, one for each step, with windows of half a beat")
def check_1(half_beat: Any) -> str:
    """1-NN with a window of half a beat."""
    training, test = load_mitbih()
    scores = np.asarray(half_beat)
    if scores.ndim == 0:
        msg = f"`half_beat` is one {type(half_beat).__name__}. It should hold the scores that the line above returns."
        raise NotYet(msg)
    if scores.shape != (len(test),):
        msg = f"`half_beat` has shape {scores.shape}; one score for each of {len(test)} test steps was asked for."
        raise NotYet(msg)

    def is_for(window: int, learnt: Series = training) -> bool:
        return np.allclose(scores, series_baseline_scores("1-NN", learnt, test, window=window))

    if is_for(BEAT):
        msg = f"these are still the scores with a window of a whole beat, {BEAT} steps."
        raise NotYet(msg)
    if is_for(2 * BEAT):
        msg = "these are the scores with a window of two beats. Half a beat was asked for."
        raise NotYet(msg)
    if any(is_for(window, test) for window in (BEAT // 2, BEAT // 2 + 1, BEAT)):
        msg = "the test part was compared with itself: each window found itself again. Compare with the training part."
        raise NotYet(msg)
    if not any(is_for(BEAT // 2 + more) for more in (0, 1, -1)):
        msg = f"these are not 1-NN's scores with a window of half of {BEAT} steps. Change the window, nothing else."
        raise NotYet(msg)
    return (
        "The highest score has left the event. Only the time of the early beat is unusual, and a window of half a beat "
        "never sees the beat before it. What is longer than the window, no detector can know."
    )


@exercise("5.2", "a function that returns the first step of each window")
def check_2(first_steps: Any) -> str:
    """Where windows begin, so that every step lies in one."""
    for steps, length, stride in ((10, 4, 3), (11, 4, 3), (12, 4, 3), (4, 4, 3), (9, 3, 3), (11, 5, 2), (7, 3, 1)):
        returned = call(first_steps, steps, length, stride)
        of = f"for {steps} steps, windows of {length}, {stride} apart"
        if isinstance(returned, str | dict | set) or not isinstance(returned, Iterable):
            what = "the first step of each window, a list in order, not how many there are"
            msg = f"yours returned {kind_of(returned)}. Return {what}."
            raise NotYet(msg)
        starts = [one_number(start, "the first step of a window") for start in islice(returned, 2 * steps)]
        _explain_starts([int(start) if start == int(start) else start for start in starts], of, steps, length, stride)
    return (
        "Every step lies in a window, and none is left out at the end, where a recording is often cut because "
        "something has just happened."
    )


def _explain_starts(starts: list[float], of: str, steps: int, length: int, stride: int) -> None:
    """Raise `NotYet` with what is wrong, if these are not the starts."""
    last = steps - length
    right = sorted({*range(0, last, stride), last})
    if starts == right:
        return
    if not starts:
        text = "yours returned no window at all. A recording just as long as a window holds one."
    elif any(start + length > steps for start in starts):
        bad = next(start for start in starts if start + length > steps)
        text = f"the window that begins at {bad} would end at step {bad + length - 1}; the last step is {steps - 1}."
    elif starts[0] != 0:
        text = f"the first window begins at {starts[0]}, so step 0 lies in none."
    elif len(set(starts)) < len(starts):
        twice = next(start for start in starts if starts.count(start) > 1)
        text = f"two windows begin at {twice}. Where the stride already ends well, no further window is needed."
    elif starts == right[:-1] and last % stride == 0:
        text = (
            f"the last window is lost: steps {last} to {steps - 1} are just enough for one. "
            "Off by one: where does your `range` stop?"
        )
    elif starts == right[:-1]:
        seen = starts[-1] + length
        text = (
            f"the end is lost: steps from {seen} to {steps - 1} lie in no window. One more is needed, closer to the "
            "one before it."
        )
    else:
        text = f"yours returned {starts}. Begin at 0, go on by {stride} while a window fits, and see to the end."
    msg = f"{of}: {text}"
    raise NotYet(msg)


@exercise("5.3", "a function that returns one score for each step")
def check_3(to_steps: Any) -> str:
    """The mean over the windows that hold a step."""
    errors, starts, steps = np.array([[1.0, 3, 5, 7], [0, 0, 8, 0], [8, 10, 6, 8]]), np.array([0, 2, 4]), 8
    _explain_step_scores(_scores(to_steps, errors, starts, steps), errors)
    # Uneven, three of them over step 4; scores that are no whole numbers.
    errors, starts, steps = np.random.default_rng(0).random((4, 3)), np.array([0, 2, 3, 4]), 7
    got, right = _scores(to_steps, errors, starts, steps), _step_means(errors.mean(1), starts, 3, steps)
    if not np.allclose(got, right):
        text = "The stride changes there. Use `starts` as it is."
        if np.allclose(got, np.trunc(got)):
            text = "Yours are whole numbers: an array made of whole numbers cuts off what is added to it."
        elif np.allclose(np.delete(got, 4), np.delete(right, 4)):
            text = "Only step 4 is off, which lies in three of them: does it get their mean, or their median?"
        msg = (
            f"right where windows are evenly spaced; not for windows of three steps that begin at 0, 2, 3 and 4. {text}"
        )
        raise NotYet(msg)
    return (
        "A step in the middle of a recording is judged by many windows, the first and the last step by one. "
        "The ends of a score are its least certain part."
    )


def _scores(to_steps: Any, errors: np.ndarray, starts: np.ndarray, steps: int) -> np.ndarray:
    """What the student's function returns, one number a step."""
    got = np.asarray(call(to_steps, errors.copy(), starts.copy(), steps))
    if got.shape != (steps,):
        number = {3: "three", 4: "four"}[len(starts)]
        msg = (
            f"{number} windows over {steps} steps: yours returned shape {got.shape}; "
            f"one score for each step, ({steps},)."
        )
        raise NotYet(msg)
    return got.astype(float)


def _step_means(scores: Any, starts: Any, length: int, steps: int) -> np.ndarray:
    total, count = np.zeros(steps), np.zeros(steps)
    for score, start in zip(scores, starts, strict=False):
        total[start : start + length] += score
        count[start : start + length] += 1
    return total / count


def _explain_step_scores(got: np.ndarray, errors: np.ndarray) -> None:
    """Raise `NotYet` with what is wrong, if these are not the steps' scores of the small case."""
    starts = (0, 2, 4)
    right = _step_means(errors.mean(1), starts, 4, 8)  # window scores 4, 2 and 8
    count = np.array([1, 1, 2, 2, 2, 2, 1, 1])
    own = np.zeros(8)
    for window, start in zip(errors, starts, strict=True):
        own[start : start + 4] += window
    edges = "the middle is right, but the ends come out too low: fewer windows lie over them than over the middle."
    mistakes = [
        (right * count, "a step gets the sum over its windows. It should be their mean: divide."),
        (right * count / 2, edges),
        (right * count / 3, "you divide by the number of all windows; only some of them hold a given step."),
        ([4, 4, 4, 4, 8, 8, 8, 8], "a step gets the largest score of its windows. Their mean was asked for."),
        (
            [4, 4, 2, 2, 8, 8, 8, 8],
            "a step gets the score of the last window that holds it: each overwrites the others.",
        ),
        (own / count, "a step gets its own errors. Here a window gives the mean of *its* errors to all of its steps."),
        (own, "a step gets the sum of its own errors. A window gives the mean of *its* errors to all of its steps."),
        (
            _step_means(errors.mean(0), starts, 4, 8),
            "the mean was taken along the wrong axis: over the windows at a place, not over the steps of a window.",
        ),
        (_step_means(errors.sum(1), starts, 4, 8), "a window's score is the mean of its errors, not their sum."),
    ]
    if np.allclose(got, right):
        return
    likely = [text for wrong, text in mistakes if np.allclose(got, np.asarray(wrong, dtype=float))]
    if likely:
        text = likely[0]
    elif np.isnan(got).any():
        text = "Some are NaN: a sum was divided by a count of 0. Which steps lie in no window by your count?"
    else:
        text = "Three windows of four steps begin at 0, 2 and 4: which of them hold step 3?"
    msg = f"three windows over 8 steps: yours returned {got.round(2).tolist()}. {text[0].upper()}{text[1:]}"
    raise NotYet(msg)


@exercise("5.4", "a function that returns decisions, True or False for each step")
def check_4(point_adjusted: Any) -> str:
    """Fill each event that was hit."""
    called = np.array([False, True, False, False, True, False, False, False, False, False])
    given, events = called.copy(), [(3, 6), (7, 9)]
    returned = np.asarray(call(point_adjusted, given, events))
    if returned.shape != called.shape:
        msg = f"yours returned shape {returned.shape} for {len(called)} steps. Return one decision for each step."
        raise NotYet(msg)
    if not np.array_equal(given, called):
        msg = "the decisions handed in have changed: whoever called the function has lost them. Work on a copy."
        raise NotYet(msg)
    got, right = returned.astype(bool), np.array([False, True, False, True, True, True, False, False, False, False])
    if not np.array_equal(got, right):
        msg = f"steps 1 and 4 are called, events are [3, 6) and [7, 9). {_adjustment_mistake(got, called)}"
        raise NotYet(msg)
    test = load_mitbih().test
    noise = np.random.default_rng(0).random(len(test)) < 0.01
    plain = f1_score(test.abnormal, noise)
    yours = f1_score(test.abnormal, np.asarray(call(point_adjusted, noise.copy(), test.events)).astype(bool))
    flattered = misleading_point_adjusted_f1(noise.astype(float), test.labels, 0.5)
    if not math.isclose(yours, flattered):
        msg = f"right for ten steps; on the recording, noise gets F1 {yours:.2f}. Is a 10 or a 3 written in by hand?"
        raise NotYet(msg)
    _both_hit(point_adjusted)
    return (
        f"Of noise that calls one step in a hundred it makes an F1 of {flattered:.2f} in place of {plain:.2f} on the "
        "recording. Five lines, and anything looks good."
    )


def _both_hit(point_adjusted: Any) -> None:
    """Raise `NotYet` if only the first of two events that are hit is filled, or only the last."""
    called = np.array([False, True, False, False, False, False, False, True, False, False])
    got = np.asarray(call(point_adjusted, called.copy(), [(1, 3), (6, 9)]))
    right = np.array([False, True, True, False, False, False, True, True, True, False])
    if np.array_equal(got.astype(bool), right):
        return
    text = "Look at each event by itself."
    if got.shape == right.shape and np.array_equal(got[:3], right[:3]) and not got[6]:
        text = (
            "Yours leaves the second as it was. Is every event looked at? A `return` in the loop ends it at the first."
        )
    msg = f"right where one event is hit; but of [1, 3) and [6, 9) both are hit, at steps 1 and 7. {text}"
    raise NotYet(msg)


def _adjustment_mistake(got: np.ndarray, called: np.ndarray) -> str:
    if got[7] or got[8]:
        return "The second event was not hit, yet yours fills it. Only an event that was hit is filled."
    if not got[1]:
        return "Yours has dropped the false alarm at step 1. The adjustment leaves steps outside of events alone."
    if got[6]:
        return "Yours fills step 6 too. The end of an event is not included."
    if np.array_equal(got, called):
        return "Yours changes nothing; the first event was hit."
    if got[5] and not got[3]:
        return "Yours fills the event from the hit on. The steps before the hit are filled too: that is the trick."
    return f"Yours calls {np.flatnonzero(got).tolist()}. Look at each event by itself: was any of its steps called?"
