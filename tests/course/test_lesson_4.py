"""The checks of lesson 4: a right answer passes, and each usual mistake is told apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data import load_ecg5000, split
from notebooks.course import lesson_4
from trainers.detection import baseline_scores, quantile_threshold


@pytest.fixture(scope="module")
def scores():
    training, _, calibration, test = split(load_ecg5000(), seed=0)
    new = baseline_scores("PCA, 4 components", training, test)
    return baseline_scores("PCA, 4 components", training, calibration), new, new[~test.abnormal], new[test.abnormal]


def says(verdict, part):
    assert not verdict
    assert part in str(verdict)


def test_untouched_stubs_are_not_yet_right(scores):
    known, new, normal, ill = scores

    def stub(*_): ...

    for verdict in (
        lesson_4.check_1(..., known, new),
        lesson_4.check_2(stub),
        lesson_4.check_3(stub, ..., np.array([1.0]), normal, ill),
        lesson_4.check_3(stub, 1.0, np.array([1.0]), normal, ill),
        lesson_4.check_4(...),
    ):
        assert not verdict


def test_the_line_for_one_in_a_hundred_is_right(scores):
    known, new, *_ = scores
    assert lesson_4.check_1(quantile_threshold(known, rate=0.01), known, new)


def test_mistakes_with_the_rate_are_told_apart(scores):
    known, new, *_ = scores
    says(lesson_4.check_1(quantile_threshold(known, rate=0.05), known, new), "the line for 5 %")
    says(lesson_4.check_1(quantile_threshold(known, rate=0.1), known, new), "the line for 10 %")
    says(lesson_4.check_1(quantile_threshold(known, rate=0.99), known, new), "not of normal beats")
    for rate in (0.01, 0.05):
        says(lesson_4.check_1(quantile_threshold(new, rate=rate), known, new), "set on `new`, the beats to be judged")
    says(lesson_4.check_1(float(np.quantile(known, 0.99)), known, new), "plain quantile")
    says(lesson_4.check_1(quantile_threshold(known, rate=0.02), known, new), "too low")
    says(lesson_4.check_1(float(known.max()), known, new), "too high")
    right = quantile_threshold(known, rate=0.01)
    says(lesson_4.check_1(round(right, 3), known, new), "nearly. Give the line as it comes")
    says(lesson_4.check_1(1.001 * right, known, new), "too high")
    says(lesson_4.check_1(0.01, known, new), "that is the rate")
    says(lesson_4.check_1(known, known, new), "one number")
    says(lesson_4.check_1("0.01", known, new), "one number")


def conformal(scores, rate):
    k = math.ceil((len(scores) + 1) * (1 - rate))
    return np.sort(scores)[k - 1]


def test_the_conformal_quantile_is_right():
    assert lesson_4.check_2(conformal)
    assert lesson_4.check_2(lambda scores, rate: quantile_threshold(scores, rate=rate))


def test_an_infinite_threshold_is_right_where_there_are_too_few_scores():
    def infinite(scores, rate):
        k = math.ceil((len(scores) + 1) * (1 - rate))
        return np.sort(scores)[k - 1] if k <= len(scores) else math.inf

    assert lesson_4.check_2(infinite)


def returning(value):
    def function(scores, rate):
        k = math.ceil((len(scores) + 1) * (1 - rate))
        return np.sort(scores)[k - 1] if k <= len(scores) else value

    return function


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (None, "returned nothing: a line nobody can compare with is no alarm"),
        (math.nan, "returned NaN: a line nobody can compare with is no alarm"),
        (np.float64("nan"), "returned NaN"),
        (np.float32("nan"), "returned NaN: a line nobody"),
        (-math.inf, "a promise that cannot be kept"),
        ("none", "for 3 scores at a rate of 5 % should be one number"),
    ],
)
def test_a_line_where_there_is_no_such_score_is_refused(value, part):
    says(lesson_4.check_2(returning(value)), part)


def test_an_accidental_error_is_right_and_one_that_explains_is_better():
    assert "a ValueError that explains is better" in str(lesson_4.check_2(conformal))
    assert "explains" not in str(lesson_4.check_2(lambda scores, rate: quantile_threshold(scores, rate=rate)))
    assert "explains" not in str(lesson_4.check_2(returning(math.inf)))


def by_place(place):
    """A function that returns the score at this place (from 1) of the scores in order, the last where there is none."""
    return lambda scores, rate: np.sort(scores)[min(place(len(scores), rate), len(scores)) - 1]


def changes_its_input(scores, rate):
    scores.sort()
    return scores[math.ceil((len(scores) + 1) * (1 - rate)) - 1]


MISTAKES_2 = {
    "that is k, a place": lambda scores, rate: math.ceil((len(scores) + 1) * (1 - rate)),
    "`np.quantile`": lambda scores, rate: np.quantile(scores, 1 - rate),
    "Python counts from 0": by_place(lambda n, rate: math.ceil((n + 1) * (1 - rate)) + 1),
    "Is it n + 1, not n?": by_place(lambda n, rate: math.ceil(n * (1 - rate))),
    "rounded up, not down": by_place(lambda n, rate: int((n + 1) * (1 - rate))),
    "Put the scores in order first": lambda scores, rate: scores[math.ceil((len(scores) + 1) * (1 - rate)) - 1],
    "at the low end": by_place(lambda n, rate: math.ceil((n + 1) * rate)),
    "that is none of the scores": lambda scores, rate: scores.mean(),
    "Sort a copy": changes_its_input,
    "a promise that cannot be kept": by_place(lambda n, rate: math.ceil((n + 1) * (1 - rate))),
    "should be one number": lambda scores, rate: np.sort(scores),
    "returned nothing": lambda scores, rate: None,
    "should be a function": 0.2,
}


@pytest.mark.parametrize("part", MISTAKES_2)
def test_mistakes_with_the_conformal_quantile_are_told_apart(part):
    says(lesson_4.check_2(MISTAKES_2[part]), part)


def test_descending_order_is_told_as_the_low_end():
    def descending(scores, rate):
        return np.sort(scores)[::-1][math.ceil((len(scores) + 1) * (1 - rate)) - 1]

    says(lesson_4.check_2(descending), "at the low end")


def cost(line, normal, ill):
    return 0.95 * (normal > line).mean() + 0.05 * 30 * (ill <= line).mean()


def check_3(function, cheapest, scores):
    _, new, normal, ill = scores
    return lesson_4.check_3(function, cheapest, np.linspace(new.min(), new.max(), 300), normal, ill)


def test_the_cost_and_the_cheapest_line_are_right(scores):
    _, new, normal, ill = scores
    cheapest = min(np.linspace(new.min(), new.max(), 300), key=lambda line: cost(line, normal, ill))
    assert check_3(cost, cheapest, scores)


MISTAKES_3 = {
    "A score equal to the line": lambda line, normal, ill: 0.95 * (normal >= line).mean() + 1.5 * (ill < line).mean(),
    "are found, not missed": lambda line, normal, ill: 0.95 * (normal > line).mean() + 1.5 * (ill > line).mean(),
    "It counts beats": lambda line, normal, ill: 0.95 * (normal > line).sum() + 1.5 * (ill <= line).sum(),
    "over all the beats at hand": lambda line, normal, ill: (
        ((normal > line).sum() + 30 * (ill <= line).sum()) / (len(normal) + len(ill))
    ),
    "only one beat in twenty": lambda line, normal, ill: (normal > line).mean() + 30 * (ill <= line).mean(),
    "19 beats in twenty": lambda line, normal, ill: (normal > line).mean() + 1.5 * (ill <= line).mean(),
    "prices have changed places": lambda line, normal, ill: 28.5 * (normal > line).mean() + 0.05 * (ill <= line).mean(),
    "shares of normal and ill": lambda line, normal, ill: 0.05 * (normal > line).mean() + 28.5 * (ill <= line).mean(),
    "Add two parts": lambda line, normal, ill: 0.123,
    "should be one number": lambda line, normal, ill: normal > line,
    "its arguments only": lambda line, normal, ill: cost(3.0, normal, ill),
}


@pytest.mark.parametrize("part", MISTAKES_3)
def test_mistakes_with_the_cost_are_told_apart(part, scores):
    says(check_3(MISTAKES_3[part], 0.3, scores), part)


def test_mistakes_with_the_cheapest_line_are_told_apart(scores):
    _, new, normal, ill = scores
    candidates = np.linspace(new.min(), new.max(), 300)
    costs = [cost(line, normal, ill) for line in candidates]
    says(check_3(cost, min(costs), scores), "is the least cost")
    says(check_3(cost, int(np.argmin(costs)), scores), "a place in `candidates`")
    says(check_3(cost, candidates[np.argmax(costs)], scores), "costs more than at the cheapest")
    says(check_3(cost, candidates[3] + 1e-4, scores), "none of the candidates")


def test_the_number_of_calibration_beats_is_right():
    assert lesson_4.check_4(4499)
    with pytest.raises(ValueError, match="at least 4499"):
        quantile_threshold(np.arange(4498.0), rate=1 / 4500)
    quantile_threshold(np.arange(4499.0), rate=1 / 4500)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (4500, "very near"),
        (4501, "Which way does the 1 go"),
        (75, "one false alarm a minute"),
        (74, "one false alarm a minute"),
        (999, "in a thousand beats"),
        (1 / 4500, "is a rate"),
        (20, "too few"),
        (10_000, "more beats than are needed"),
        ("many", "one number"),
    ],
)
def test_mistakes_with_the_number_are_told_apart(answer, part):
    says(lesson_4.check_4(answer), part)
