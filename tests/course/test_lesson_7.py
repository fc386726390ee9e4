"""The checks of lesson 7 accept a right answer and name each common mistake."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from notebooks.course import lesson_7

NETWORK = np.array([0.9961, 0.9946, 0.9927, 0.9979, 0.9955])
NEAREST = np.array([0.9986, 0.9958, 0.9949, 0.9988, 0.9979])
DIFFERENCES = NETWORK - NEAREST
MEAN_DIFFERENCE = DIFFERENCES.mean()


def not_yet_text(verdict):
    assert not verdict
    return verdict.text


def around(half):
    return MEAN_DIFFERENCE - half, MEAN_DIFFERENCE + half


# sets of 10 beats: 6 in all sets, 2 more in the first two
SETS = [set(map(bytes, [[i] for i in (*range(6), *more)])) for more in ((6, 7, 8, 9), (6, 7, 10, 11), (8, 10, 12, 13))]


def test_shared_beats_pass():
    assert lesson_7.check_1(len(SETS[0] & SETS[1]) / len(SETS[0]), SETS)
    assert lesson_7.check_1(np.float64(0.8), SETS)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (8, "Divide by the number of beats"),
        (80, "percentage"),
        (0.2, "in only one of the two sets"),
        (0.6, "in all five sets"),
        (8 / 12, "in either set"),
        (1.0, "the same set"),
        (0.75, "is not the number of beats in both sets"),
        ("most", "must be one number"),
    ],
)
def test_wrong_shares_are_explained(share, words):
    assert words in not_yet_text(lesson_7.check_1(share, SETS))


def test_rounded_share_is_explained():
    sets = [set(range(7)), set(range(2, 9)), set(range(3, 10))]
    assert "rounded" in not_yet_text(lesson_7.check_1(0.714, sets))


def test_paired_interval_passes():
    right = stats.ttest_rel(NETWORK, NEAREST).confidence_interval()
    assert lesson_7.check_2(MEAN_DIFFERENCE, right, NETWORK, NEAREST)
    assert lesson_7.check_2(MEAN_DIFFERENCE, around(2.776 * DIFFERENCES.std(ddof=1) / np.sqrt(5)), NETWORK, NEAREST)


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
    assert words in not_yet_text(lesson_7.check_2(mean_difference, (0, 0), NETWORK, NEAREST))


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (stats.ttest_ind(NETWORK, NEAREST).confidence_interval(), "independent samples"),
        (stats.ttest_ind(NETWORK, NEAREST, equal_var=False).confidence_interval(), "independent samples"),
        (around(1.96 * DIFFERENCES.std(ddof=1) / np.sqrt(5)), "1.96 is for large samples"),
        (around(2.776 * DIFFERENCES.std(ddof=1)), "divide by √5"),
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
    assert words in not_yet_text(lesson_7.check_2(MEAN_DIFFERENCE, interval, NETWORK, NEAREST))


N_TRAIN, N_TEST = 2043, 2373
RATIO, STD = N_TEST / N_TRAIN, DIFFERENCES.std(ddof=1)
LIMIT = 1.96 * np.sqrt(RATIO) * STD


def half_width(k, ratio=RATIO):
    return stats.t.ppf(0.975, k - 1) * np.sqrt((1 / k + ratio) * DIFFERENCES.var(ddof=1))


def fewest(ratio):
    return min(k for k in range(2, 100) if half_width(k, ratio) < -MEAN_DIFFERENCE)


def check_3(n_splits, never_below):
    return lesson_7.check_3(n_splits, never_below, DIFFERENCES, N_TRAIN, N_TEST)


def test_number_of_splits_passes():
    assert half_width(10) > -MEAN_DIFFERENCE > half_width(11)
    assert check_3(11, LIMIT)
    assert check_3(11, stats.norm.ppf(0.975) * np.sqrt(RATIO) * STD)
    assert half_width(10**6) == pytest.approx(LIMIT, rel=1e-3)


@pytest.mark.parametrize(
    ("n_splits", "never_below", "words"),
    [
        (fewest(0), LIMIT, "for the plain interval"),
        (10, LIMIT, "but only just"),
        (12, LIMIT, "one too many"),
        (5, LIMIT, "compute the half-width for k"),
        (11, 0, "only 1/k becomes 0"),
        (11, 2.776 * np.sqrt(RATIO) * STD, "not 2.776"),
        (11, np.sqrt(RATIO) * STD, "multiply by the factor"),
        (11, 1.96 * RATIO * STD, "square root of n_test"),
        (11, 1.96 * RATIO * STD**2, "square root of the variance"),
        (11, 2 * LIMIT, "the whole width"),
        (11, 0.5, "set 1/k to 0"),
        ("many", LIMIT, "must be one number"),
    ],
)
def test_wrong_numbers_of_splits_are_explained(n_splits, never_below, words):
    assert words in not_yet_text(check_3(n_splits, never_below))


def test_chance_passes():
    assert lesson_7.check_4(lambda rate, n_steps: 1 - (1 - rate) ** n_steps)
    assert "39 % of the events of 50 steps" in lesson_7.check_4(lambda p, n: 1 - (1 - p) ** n).text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda rate, n: (1 - rate) ** n, "*no* step"),
        (lambda rate, n: rate * n, "the expected number"),
        (lambda rate, n: min(1, rate * n), "cut at 1"),
        (lambda rate, n: rate**n, "*all* steps"),
        (lambda rate, n: 1 - rate**n, "*not all* steps"),
        (lambda rate, n: 0.5, "First compute the probability"),
        (lambda rate, n: ..., "returned nothing"),
        (0.39, "must be a function"),
    ],
)
def test_wrong_chances_are_explained(wrong, words):
    assert words in not_yet_text(lesson_7.check_4(wrong))


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
    assert lesson_7.check_5(right_draw)
    assert lesson_7.check_5(lambda rng, a, b, y: right_draw(rng, a, b, y)), "a function of another name"


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
    assert words in not_yet_text(lesson_7.check_5(wrong))


def test_untouched_stub_is_reported():
    assert "is still `...`" in not_yet_text(lesson_7.check_2(..., ..., NETWORK, NEAREST))
