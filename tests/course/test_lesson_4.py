"""The checks of lesson 4 accept a right answer and name each common mistake."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from data import load_ecg5000, split
from notebooks.course import lesson_4
from trainers.detection import baseline_scores, oracle_threshold, quantile_threshold


@pytest.fixture(scope="module")
def scores():
    training, _, calibration, test = split(load_ecg5000(), seed=0)
    new = baseline_scores("PCA, 4 components", training, test)
    return baseline_scores("PCA, 4 components", training, calibration), new, new[~test.abnormal], new[test.abnormal]


def assert_not_yet(verdict, part):
    assert not verdict
    assert part in str(verdict)


def test_untouched_stubs_fail(scores):
    *_, normal, abnormal = scores

    def stub(*_): ...

    for verdict in (
        lesson_4.check_1(stub),
        lesson_4.check_2(stub, ..., np.array([1.0]), normal, abnormal),
        lesson_4.check_2(stub, 1.0, np.array([1.0]), normal, abnormal),
        lesson_4.check_3(stub),
        lesson_4.check_4(...),
        lesson_4.check_5(0.7, ...),
    ):
        assert not verdict


def f1(flagged, abnormal):
    return 2 * (flagged & abnormal).sum() / (flagged.sum() + abnormal.sum())


def test_f1_passes():
    assert lesson_4.check_1(f1)
    assert lesson_4.check_1(lambda flagged, abnormal: f1_score(abnormal, flagged))


# f: flagged; a: abnormal
MISTAKES_1 = {
    "that is the precision": lambda f, a: a[f].mean(),
    "that is the recall": lambda f, a: f[a].mean(),
    "*harmonic* mean": lambda f, a: (a[f].mean() + f[a].mean()) / 2,
    "precision times recall": lambda f, a: a[f].mean() * f[a].mean(),
    "a factor of 2": lambda f, a: f1(f, a) / 2,
    "counts the true alarms twice": lambda f, a: (f & a).sum() / (f | a).sum(),
    "the accuracy": lambda f, a: (f == a).mean(),
    "the *normal* class": lambda f, a: f1(~f, ~a),
    "in percent": lambda f, a: 100 * f1(f, a),
    "your recall is a share of all beats": lambda f, a: (
        2 * a[f].mean() * (f & a).mean() / (a[f].mean() + (f & a).mean())
    ),
    "a pair of brackets": lambda f, a: 2 * a[f].mean() * f[a].mean() / a[f].mean() + f[a].mean(),
    "Do not round it": lambda f, a: round(f1(f, a), 2),
    "by hand": lambda f, a: 0.3,
    "right for one example": lambda f, a: 2 / 3,
    "must be one number": lambda f, a: f & a,
    "returned nothing": lambda f, a: None,
    "must be a function": 0.67,
}


@pytest.mark.parametrize("part", MISTAKES_1)
def test_wrong_f1_is_explained(part):
    assert_not_yet(lesson_4.check_1(MISTAKES_1[part]), part)


def conformal(scores, rate):
    k = math.ceil((len(scores) + 1) * (1 - rate))
    return np.sort(scores)[k - 1]


def test_conformal_quantile_passes():
    assert lesson_4.check_3(lambda scores, rate: quantile_threshold(scores, rate=rate))


def test_infinite_threshold_for_too_few_scores_passes():
    def infinite(scores, rate):
        k = math.ceil((len(scores) + 1) * (1 - rate))
        return np.sort(scores)[k - 1] if k <= len(scores) else math.inf

    assert lesson_4.check_3(infinite)


def returning(value):
    def function(scores, rate):
        k = math.ceil((len(scores) + 1) * (1 - rate))
        return np.sort(scores)[k - 1] if k <= len(scores) else value

    return function


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (None, "returned nothing: no score exceeds it"),
        (math.nan, "returned NaN: no score exceeds it"),
        (np.float64("nan"), "returned NaN"),
        (np.float32("nan"), "returned NaN: no score exceeds it"),
        (-math.inf, "does not guarantee the rate"),
        ("none", "for 3 scores and a rate of 5 % must be one number"),
    ],
)
def test_invalid_threshold_for_too_few_scores_fails(value, part):
    assert_not_yet(lesson_4.check_3(returning(value)), part)


def test_other_error_for_too_few_scores_fails():
    assert_not_yet(lesson_4.check_3(conformal), "raises IndexError. Raise a ValueError")


def by_rank(rank):
    """Return a function that returns the score of this rank (from 1), or the highest score if there is none."""
    return lambda scores, rate: np.sort(scores)[min(rank(len(scores), rate), len(scores)) - 1]


def changes_its_input(scores, rate):
    scores.sort()
    return scores[math.ceil((len(scores) + 1) * (1 - rate)) - 1]


MISTAKES_3 = {
    "this is k, a rank": lambda scores, rate: math.ceil((len(scores) + 1) * (1 - rate)),
    "`np.quantile`": lambda scores, rate: np.quantile(scores, 1 - rate),
    "Python counts from 0": by_rank(lambda n, rate: math.ceil((n + 1) * (1 - rate)) + 1),
    "Do you use n + 1, not n?": by_rank(lambda n, rate: math.ceil(n * (1 - rate))),
    "round up, not down": by_rank(lambda n, rate: int((n + 1) * (1 - rate))),
    "Sort the scores first": lambda scores, rate: scores[math.ceil((len(scores) + 1) * (1 - rate)) - 1],
    "one of the lowest scores": by_rank(lambda n, rate: math.ceil((n + 1) * rate)),
    "this is not one of the scores": lambda scores, rate: scores.mean(),
    "Sort a copy": changes_its_input,
    "does not guarantee the rate": by_rank(lambda n, rate: math.ceil((n + 1) * (1 - rate))),
    "must be one number": lambda scores, rate: np.sort(scores),
    "returned nothing": lambda scores, rate: None,
    "must be a function": 0.2,
}


@pytest.mark.parametrize("part", MISTAKES_3)
def test_wrong_conformal_quantiles_are_explained(part):
    assert_not_yet(lesson_4.check_3(MISTAKES_3[part]), part)


def test_descending_order_is_explained_as_lowest_scores():
    def descending(scores, rate):
        return np.sort(scores)[::-1][math.ceil((len(scores) + 1) * (1 - rate)) - 1]

    assert_not_yet(lesson_4.check_3(descending), "one of the lowest scores")


def cost(threshold, normal, abnormal):
    return 0.95 * (normal > threshold).mean() + 0.05 * 30 * (abnormal <= threshold).mean()


def check_cost(function, best_threshold, scores):
    _, new, normal, abnormal = scores
    return lesson_4.check_2(function, best_threshold, np.linspace(new.min(), new.max(), 300), normal, abnormal)


def test_cost_and_best_threshold_pass(scores):
    _, new, normal, abnormal = scores
    best = min(np.linspace(new.min(), new.max(), 300), key=lambda threshold: cost(threshold, normal, abnormal))
    assert check_cost(cost, best, scores)


# t: threshold; n and a: scores of normal and of abnormal beats
MISTAKES_2 = {
    "A score equal to the threshold": lambda t, n, a: 0.95 * (n >= t).mean() + 1.5 * (a < t).mean(),
    "are detected, not missed": lambda t, n, a: 0.95 * (n > t).mean() + 1.5 * (a > t).mean(),
    "It counts beats": lambda t, n, a: 0.95 * (n > t).sum() + 1.5 * (a <= t).sum(),
    "over all beats of both arrays": lambda t, n, a: ((n > t).sum() + 30 * (a <= t).sum()) / (len(n) + len(a)),
    "only one beat in twenty": lambda t, n, a: (n > t).mean() + 30 * (a <= t).mean(),
    "19 beats in twenty": lambda t, n, a: (n > t).mean() + 1.5 * (a <= t).mean(),
    "two costs are exchanged": lambda t, n, a: 28.5 * (n > t).mean() + 0.05 * (a <= t).mean(),
    "shares of normal and abnormal beats": lambda t, n, a: 0.05 * (n > t).mean() + 28.5 * (a <= t).mean(),
    "Add two terms": lambda t, n, a: 0.123,
    "must be one number": lambda t, n, a: n > t,
    "only its arguments": lambda t, n, a: cost(3.0, n, a),
}


@pytest.mark.parametrize("part", MISTAKES_2)
def test_wrong_costs_are_explained(part, scores):
    assert_not_yet(check_cost(MISTAKES_2[part], 0.3, scores), part)


def test_wrong_best_thresholds_are_explained(scores):
    _, new, normal, abnormal = scores
    candidates = np.linspace(new.min(), new.max(), 300)
    costs = [cost(threshold, normal, abnormal) for threshold in candidates]
    assert_not_yet(check_cost(cost, min(costs), scores), "is the lowest cost")
    assert_not_yet(check_cost(cost, int(np.argmin(costs)), scores), "an index of `candidates`")
    assert_not_yet(check_cost(cost, candidates[np.argmax(costs)], scores), "costs more than the best of the candidates")
    assert_not_yet(check_cost(cost, candidates[3] + 1e-4, scores), "must be one of the candidates")


def test_number_of_calibration_beats_passes():
    assert lesson_4.check_4(4499)
    with pytest.raises(ValueError, match="at least 4499"):
        quantile_threshold(np.arange(4498.0), rate=1 / 4500)
    quantile_threshold(np.arange(4499.0), rate=1 / 4500)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (4500, "one too many"),
        (4501, "add 1 or subtract it"),
        (75, "one false alarm per minute"),
        (74, "one false alarm per minute"),
        (999, "in a thousand beats"),
        (1 / 4500, "may be a rate"),
        (20, "too few"),
        (10_000, "more beats than are needed"),
        ("many", "one number"),
    ],
)
def test_wrong_numbers_of_calibration_beats_are_explained(answer, part):
    assert_not_yet(lesson_4.check_4(answer), part)


def test_f1_of_random_scores_passes():
    rng, truth, pairs = np.random.default_rng(5), np.repeat([0, 1], 10), []
    for _ in range(200):
        scores = rng.random(20)
        threshold = oracle_threshold(scores, truth)
        pairs.append([f1_score(truth, scores > threshold), f1_score(truth, rng.random(20) > threshold)])
    assert lesson_4.check_5(*np.mean(pairs, axis=0))


@pytest.mark.parametrize(
    ("same", "new", "part"),
    [
        (0.626, 0.697, "`same`: that is the mean F1 on new beats"),
        (0.697, 0.697, "keep the threshold of the old ones"),
        (69.7, 62.6, "not in percent"),
        (0.5, 0.5, "an AUROC of random scores"),
        (2 / 3, 0.626, "if every beat is flagged"),
        (0.9, 0.626, "got 0.900"),
        ("high", 0.626, "one number"),
    ],
)
def test_wrong_f1_of_random_scores_is_explained(same, new, part):
    assert_not_yet(lesson_4.check_5(same, new), part)
