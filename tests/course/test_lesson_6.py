"""Each check of lesson 6 takes the solution, and tells each usual mistake what is wrong with it."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from notebooks.course import lesson_6

NETWORK = np.array([0.9745, 0.9781, 0.9878, 0.9903, 0.9942])
NEAREST = np.array([0.9907, 0.9845, 0.9951, 0.9977, 0.9978])
DIFFERENCES = NETWORK - NEAREST
AHEAD = DIFFERENCES.mean()


def told(verdict):
    assert not verdict
    return verdict.text


def around(half):
    return AHEAD - half, AHEAD + half


def test_the_paired_interval():
    right = stats.ttest_rel(NETWORK, NEAREST).confidence_interval()
    assert lesson_6.check_1(AHEAD, right, NETWORK, NEAREST)
    assert lesson_6.check_1(AHEAD, around(2.776 * DIFFERENCES.std(ddof=1) / np.sqrt(5)), NETWORK, NEAREST)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (-AHEAD, "other way round"),
        (DIFFERENCES, "take their mean"),
        (np.median(DIFFERENCES), "a median"),
        (round(AHEAD, 3), "nearly. Give it as it comes"),
        (AHEAD + 4e-4, "not the mean of the five"),
        (0.5, "not the mean of the five"),
        ("far", "should be one number"),
    ],
)
def test_another_difference_is_told(ahead, words):
    assert words in told(lesson_6.check_1(ahead, (0, 0), NETWORK, NEAREST))


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (stats.ttest_ind(NETWORK, NEAREST).confidence_interval(), "separate samples"),
        (stats.ttest_ind(NETWORK, NEAREST, equal_var=False).confidence_interval(), "separate samples"),
        (around(1.96 * DIFFERENCES.std(ddof=1) / np.sqrt(5)), "1.96 is for many"),
        (around(2.776 * DIFFERENCES.std(ddof=1)), "Divide by √5"),
        (around(2.776 * DIFFERENCES.std() / np.sqrt(5)), "std(ddof=1)"),
        (around(DIFFERENCES.std(ddof=1)), "one standard deviation"),
        (around(DIFFERENCES.std(ddof=1) / np.sqrt(5)), "one standard deviation"),
        (around(0.5), "the width is not"),
        (around(0.5)[::-1], "low end comes first"),
        ((0.97, 0.99), "its middle"),
        (0.01, "should be a pair (low, high); it is 0.01 (float)"),
        ((1, 2, 3), "should be a pair (low, high); it is a tuple of 3"),
        (("low", "high"), "each end of `interval` should be one number"),
    ],
)
def test_another_interval_is_told(interval, words):
    assert words in told(lesson_6.check_1(AHEAD, interval, NETWORK, NEAREST))


def right_draw(rng, a, b, abnormal):
    at = rng.integers(0, len(a), len(a))
    return roc_auc_score(abnormal[at], a[at]) - roc_auc_score(abnormal[at], b[at])


def own_draws(rng, a, b, abnormal):
    first, second = rng.integers(0, len(a), (2, len(a)))
    return roc_auc_score(abnormal[first], a[first]) - roc_auc_score(abnormal[second], b[second])


def labels_stay(rng, a, b, abnormal):
    at = rng.integers(0, len(a), len(a))
    return roc_auc_score(abnormal, a[at]) - roc_auc_score(abnormal, b[at])


def no_replacement(rng, a, b, abnormal):
    at = rng.permutation(len(a))
    return roc_auc_score(abnormal[at], a[at]) - roc_auc_score(abnormal[at], b[at])


def global_generator(rng, a, b, abnormal):
    return right_draw(np.random.default_rng(), a, b, abnormal)


def new_generator(rng, a, b, abnormal):
    return right_draw(np.random.default_rng(0), a, b, abnormal)


def too_few(rng, a, b, abnormal):
    at = rng.integers(0, len(a), len(a) // 3)
    return roc_auc_score(abnormal[at], a[at]) - roc_auc_score(abnormal[at], b[at])


def too_many(rng, a, b, abnormal):
    at = rng.integers(0, len(a), 5 * len(a))
    return roc_auc_score(abnormal[at], a[at]) - roc_auc_score(abnormal[at], b[at])


def test_one_draw():
    assert lesson_6.check_2(right_draw)
    assert lesson_6.check_2(lambda rng, a, b, y: right_draw(rng, a, b, y)), "a function of another name"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (own_draws, "draw of its own"),
        (lambda rng, a, b, y: right_draw(rng, b, a, y), "the sign"),
        (lambda rng, a, b, y: abs(right_draw(rng, a, b, y)), "must show in the sign"),
        (labels_stay, "Do the labels come along"),
        (no_replacement, "without replacement"),
        (new_generator, "begin with a new generator"),
        (global_generator, "draw with `rng`"),
        (too_few, "too much"),
        (too_many, "too little"),
        (lambda rng, a, b, y: ..., "returned nothing"),
        (lambda rng, a, b: 0, "called with 4 arguments"),
        (0.01, "should be a function"),
    ],
)
def test_another_draw_is_told(wrong, words):
    assert words in told(lesson_6.check_2(wrong))


@pytest.mark.parametrize(
    "right",
    [
        lambda a, b: (stats.rankdata(a) + stats.rankdata(b)) / 2,
        lambda a, b: stats.rankdata(a) + stats.rankdata(b),
        lambda a, b: (a.argsort().argsort() + b.argsort().argsort()) / 2,
    ],
)
def test_mean_rank(right):
    assert lesson_6.check_3(right)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda a, b: (a + b) / 2, "larger units"),
        (lambda a, b: (np.argsort(a) + np.argsort(b)) / 2, "*which* beat"),
        (lambda a, b: stats.rankdata(a + b), "rank of the *sum*"),
        (lambda a, b: (stats.rankdata(-a) + stats.rankdata(-b)) / 2, "wrong way"),
        (lambda a, b: stats.rankdata(a), "not the mean of both"),
        (lambda a, b: 3.0, "one number for each beat"),
        (lambda a, b: ..., "returned nothing"),
    ],
)
def test_another_mixture_is_told(wrong, words):
    assert words in told(lesson_6.check_3(wrong))


def test_an_untouched_stub_is_told_to_be_one():
    assert "is still `...`" in told(lesson_6.check_1(..., ..., NETWORK, NEAREST))
