"""The checks of lesson 7 accept a right answer and name each common mistake."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from notebooks.course import lesson_7

NETWORK = np.array([0.9745, 0.9781, 0.9878, 0.9903, 0.9942])
NEAREST = np.array([0.9907, 0.9845, 0.9951, 0.9977, 0.9978])
DIFFERENCES = NETWORK - NEAREST
MEAN_DIFFERENCE = DIFFERENCES.mean()


def not_yet_text(verdict):
    assert not verdict
    return verdict.text


def around(half):
    return MEAN_DIFFERENCE - half, MEAN_DIFFERENCE + half


def test_paired_interval_passes():
    right = stats.ttest_rel(NETWORK, NEAREST).confidence_interval()
    assert lesson_7.check_1(MEAN_DIFFERENCE, right, NETWORK, NEAREST)
    assert lesson_7.check_1(MEAN_DIFFERENCE, around(2.776 * DIFFERENCES.std(ddof=1) / np.sqrt(5)), NETWORK, NEAREST)


@pytest.mark.parametrize(
    ("mean_difference", "words"),
    [
        (-MEAN_DIFFERENCE, "the sign is wrong"),
        (DIFFERENCES, "Assign their mean"),
        (np.median(DIFFERENCES), "this is a median"),
        (round(MEAN_DIFFERENCE, 3), "rounded. Assign the unrounded value"),
        (MEAN_DIFFERENCE + 4e-4, "is not the mean of the five"),
        (0.5, "is not the mean of the five"),
        ("far", "must be one number"),
    ],
)
def test_wrong_mean_differences_are_explained(mean_difference, words):
    assert words in not_yet_text(lesson_7.check_1(mean_difference, (0, 0), NETWORK, NEAREST))


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (stats.ttest_ind(NETWORK, NEAREST).confidence_interval(), "independent samples"),
        (stats.ttest_ind(NETWORK, NEAREST, equal_var=False).confidence_interval(), "independent samples"),
        (around(1.96 * DIFFERENCES.std(ddof=1) / np.sqrt(5)), "1.96 is for large samples"),
        (around(2.776 * DIFFERENCES.std(ddof=1)), "Divide by √5"),
        (around(2.776 * DIFFERENCES.std() / np.sqrt(5)), "std(ddof=1)"),
        (around(DIFFERENCES.std(ddof=1)), "one standard deviation"),
        (around(DIFFERENCES.std(ddof=1) / np.sqrt(5)), "one standard deviation"),
        (around(0.5), "the width is wrong"),
        (around(0.5)[::-1], "the lower end must come first"),
        ((0.97, 0.99), "its centre"),
        (0.01, "must be a pair (low, high), got 0.01 (float)"),
        ((1, 2, 3), "must be a pair (low, high), got a tuple of 3"),
        (("low", "high"), "each end of `interval` must be one number"),
    ],
)
def test_wrong_intervals_are_explained(interval, words):
    assert words in not_yet_text(lesson_7.check_1(MEAN_DIFFERENCE, interval, NETWORK, NEAREST))


def right_draw(rng, a, b, abnormal):
    indices = rng.integers(0, len(a), len(a))
    return roc_auc_score(abnormal[indices], a[indices]) - roc_auc_score(abnormal[indices], b[indices])


def separate_draws(rng, a, b, abnormal):
    first, second = rng.integers(0, len(a), (2, len(a)))
    return roc_auc_score(abnormal[first], a[first]) - roc_auc_score(abnormal[second], b[second])


def labels_not_drawn(rng, a, b, abnormal):
    indices = rng.integers(0, len(a), len(a))
    return roc_auc_score(abnormal, a[indices]) - roc_auc_score(abnormal, b[indices])


def no_replacement(rng, a, b, abnormal):
    indices = rng.permutation(len(a))
    return roc_auc_score(abnormal[indices], a[indices]) - roc_auc_score(abnormal[indices], b[indices])


def global_generator(rng, a, b, abnormal):
    return right_draw(np.random.default_rng(), a, b, abnormal)


def new_generator(rng, a, b, abnormal):
    return right_draw(np.random.default_rng(0), a, b, abnormal)


def too_few(rng, a, b, abnormal):
    indices = rng.integers(0, len(a), len(a) // 3)
    return roc_auc_score(abnormal[indices], a[indices]) - roc_auc_score(abnormal[indices], b[indices])


def too_many(rng, a, b, abnormal):
    indices = rng.integers(0, len(a), 5 * len(a))
    return roc_auc_score(abnormal[indices], a[indices]) - roc_auc_score(abnormal[indices], b[indices])


def test_draw_passes():
    assert lesson_7.check_2(right_draw)
    assert lesson_7.check_2(lambda rng, a, b, y: right_draw(rng, a, b, y)), "a function of another name"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (separate_draws, "on a separate draw"),
        (lambda rng, a, b, y: right_draw(rng, b, a, y), "the sign is wrong"),
        (lambda rng, a, b, y: abs(right_draw(rng, a, b, y)), "must have a sign"),
        (labels_not_drawn, "Do you also index the labels"),
        (no_replacement, "without replacement"),
        (new_generator, "create a new generator"),
        (global_generator, "draw with `rng`"),
        (too_few, "too large"),
        (too_many, "too small"),
        (lambda rng, a, b, y: ..., "returned nothing"),
        (lambda rng, a, b: 0, "called with 4 positional arguments"),
        (0.01, "must be a function"),
    ],
)
def test_wrong_draws_are_explained(wrong, words):
    assert words in not_yet_text(lesson_7.check_2(wrong))


@pytest.mark.parametrize(
    "right",
    [
        lambda a, b: (stats.rankdata(a) + stats.rankdata(b)) / 2,
        lambda a, b: stats.rankdata(a) + stats.rankdata(b),
        lambda a, b: (a.argsort().argsort() + b.argsort().argsort()) / 2,
    ],
)
def test_mean_rank_passes(right):
    assert lesson_7.check_3(right)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda a, b: (a + b) / 2, "larger units"),
        (lambda a, b: (np.argsort(a) + np.argsort(b)) / 2, "the order of the beats"),
        (lambda a, b: stats.rankdata(a + b), "rank of the *sum*"),
        (lambda a, b: (stats.rankdata(-a) + stats.rankdata(-b)) / 2, "reversed"),
        (lambda a, b: stats.rankdata(a), "must return the mean of both ranks"),
        (lambda a, b: 3.0, "must return one number for each beat"),
        (lambda a, b: ..., "returned nothing"),
    ],
)
def test_wrong_mean_ranks_are_explained(wrong, words):
    assert words in not_yet_text(lesson_7.check_3(wrong))


def test_untouched_stub_is_reported():
    assert "is still `...`" in not_yet_text(lesson_7.check_1(..., ..., NETWORK, NEAREST))
