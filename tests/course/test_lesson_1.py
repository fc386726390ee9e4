"""Each check of lesson 1 accepts the solution, and says for each usual mistake what is wrong with it."""

import numpy as np
import pytest

from notebooks.course import lesson_1
from trainers.detection import quantile_threshold


def hint(verdict):
    assert not verdict
    return verdict.text


@pytest.mark.parametrize(
    "right",
    [
        lambda x, y: np.abs(x - y).mean(),
        lambda x, y: sum(abs(a - b) for a, b in zip(x, y, strict=True)) / len(x),
    ],
)
def test_mean_absolute_error_is_right(right):
    assert lesson_1.check_1(right)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, y: (x - y).mean(), "positive and negative ones cancel"),
        (lambda x, y: (y - x).mean(), "positive and negative ones cancel"),
        (lambda x, y: abs((x - y).mean()), "positive and negative ones cancel"),
        (lambda x, y: ((x - y) ** 2).mean(), "mean *squared* difference"),
        (lambda x, y: ((x - y) ** 2).mean() ** 0.5, "the root of the mean *squared*"),
        (lambda x, y: np.abs(x - y).sum(), "Divide it by the number of time steps"),
        (lambda x, y: np.abs(x - y).sum() / 140, "you divide by 140"),
        (lambda x, y: np.abs(x - y).max(), "the largest absolute difference"),
        (lambda x, y: np.median(np.abs(x - y)), "the median"),
        (lambda x, y: np.abs(x).mean() - np.abs(y).mean(), "Subtract first"),
        (lambda x, y: 0.3, "returns 0.3"),
        (lambda x, y: np.abs(np.abs(x) - np.abs(y)).mean(), "you take absolute values first"),
        (lambda x, y: sum(abs(x[t] - y[t]) for t in range(1, len(x))) / len(x), "one time step is missing"),
        (lambda x, y: np.abs(x - y)[:-1].mean(), "one time step is missing"),
        (lambda x, y: np.abs(x + y).mean(), "you add beat and reconstruction"),
        (lambda x, y: np.abs(x - y).sum() / (len(x) - 1), "one time step too few"),
        (lambda x, y: np.abs(x).mean(), "by hand"),
        (lambda x, y: np.abs(y).mean(), "by hand"),
        (lambda x, y: np.abs(x - y).sum() / 5, "right for five time steps"),
        (lambda x, y: 6.0, "right for five time steps"),
        (lambda x, y: np.abs(x - y), "must be one number"),
        (lambda x, y: ..., "returned nothing"),
        (lambda x: 0.6, "called with 2 positional arguments"),
        (0.6, "must be a function"),
    ],
)
def test_wrong_error_gets_a_hint(wrong, words):
    assert words in hint(lesson_1.check_1(wrong))


@pytest.fixture
def error():
    rng = np.random.default_rng(0)
    return {
        "training": rng.gamma(4, 0.7, 30),
        "calibration": rng.gamma(4, 1.0, 292),
        "normal test": rng.gamma(4, 1.0, 292),
    }


def share_above(error, calibrated_on, part):
    return float((error[part] > quantile_threshold(error[calibrated_on], rate=0.05)).mean())


def test_leak_and_its_mistakes(error):
    leaky, unbiased = (share_above(error, part, "normal test") for part in ("training", "calibration"))
    assert leaky > unbiased
    assert lesson_1.check_2(leaky, unbiased, error)
    assert lesson_1.check_2(round(leaky, 3), np.float32(unbiased), error)
    assert "swapped" in hint(lesson_1.check_2(unbiased, leaky, error))
    assert "`unbiased`: the threshold is `quantile_threshold(" in hint(lesson_1.check_2(leaky, 0.5, error))
    for wrong, words in (
        (quantile_threshold(error["training"], rate=0.05), "threshold itself"),
        (100 * leaky, "in percent"),
        (292 * leaky, "a number of beats"),
        (1 - leaky, "share below"),
        (share_above(error, "training", "training"), "the training beats, on which the threshold was set"),
        (round(leaky, 1), "nearly right. Do not round it"),
        (leaky + 1 / 292, 'the threshold is `quantile_threshold(pca_error["training"], rate=0.05)`'),
        (0.5, 'the threshold is `quantile_threshold(pca_error["training"], rate=0.05)`'),
    ):
        text = hint(lesson_1.check_2(wrong, unbiased, error))
        assert text.startswith("`leaky`: ")
        assert words in text


def precision(abnormal):
    return abnormal * 0.99 / (abnormal * 0.99 + (1 - abnormal) * 0.05)


def test_precision_in_the_ward_is_right():
    assert lesson_1.check_3(precision, precision(0.01))
    assert "0.17 in the ward" in lesson_1.check_3(precision, 1 / 6).text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda a: 0.99 / (0.99 + 0.05), "only if half of the beats are abnormal"),
        (lambda a: 0.99 * a / (0.99 * a + 0.05), "by the share of normal beats"),
        (lambda a: 0.99 * a, "a share of *all* beats"),
        (lambda a: 0.99 * a + 0.05 * (1 - a), "the share of beats that are flagged"),
        (lambda a: 1 - precision(a), "*false* alarms"),
        (lambda a: 0.99 * a + 0.95 * (1 - a), "the accuracy"),
        (lambda a: 0.99, "the recall"),
        (lambda a: 100 * precision(a), "in percent"),
        (lambda a: round(precision(a), 3), "Do not round it"),
        (lambda a: precision(0.01), "for a share of 0.4"),
        (lambda a: ..., "returned nothing"),
        (0.99, "must be a function"),
    ],
)
def test_wrong_precision_gets_a_hint(wrong, words):
    assert words in hint(lesson_1.check_3(wrong, precision(0.01)))


@pytest.mark.parametrize(
    ("ward", "words"),
    [
        (precision(0.1), "a share of 0.01"),
        (100 * precision(0.01), "a share of 0.01"),
        (0.17, "Do not round it"),
        (0.5, "Call `precision`"),
        ("low", "must be one number"),
    ],
)
def test_wrong_number_for_the_ward_gets_a_hint(ward, words):
    assert words in hint(lesson_1.check_3(precision, ward))


AUROCS = {2: [0.99, 0.98, 0.97], 8: [0.994, 0.996, 0.995], 32: [0.995, 0.994, 0.9945]}


def test_aurocs_of_nine_runs_and_their_mistakes():
    assert "depends on the seed" in lesson_1.check_4(AUROCS, [32, 8, 8]).text
    one_best = {**AUROCS, 32: [0.991, 0.992, 0.993]}
    assert "Size 8 has the highest AUROC for every seed" in lesson_1.check_4(one_best, (8, 8, 8)).text
    for aurocs, winners, words in (
        (AUROCS, [8, 8, 8], "`winners[0]` is 8, but another size"),
        (AUROCS, [32, 8], "a list of three sizes"),
        (AUROCS, [1, 8, 8], "a list of three sizes"),
        (AUROCS, 8, "a list of three sizes"),
        ([0.9], [8, 8, 8], "a dict with the keys"),
        ({2: [0.9]}, [8, 8, 8], "a dict with the keys"),
        ({**AUROCS, 8: [0.99]}, [32, 8, 8], "one for each seed, got 1"),
        ({**AUROCS, 8: 0.99}, [32, 8, 8], "one for each seed, got 1"),
        ({**AUROCS, 8: [0.18, 0.17, 0.19]}, [32, 8, 8], "Did you list the losses"),
        ({**AUROCS, 8: [0.99, 0.99, 0.98]}, [32, 8, 8], "Pass another `seed`"),
        (dict.fromkeys((2, 8, 32), AUROCS[2]), [2, 2, 2], "sizes 2 and 8 have the same three AUROCs"),
    ):
        assert words in hint(lesson_1.check_4(aurocs, winners))


def test_unchanged_stub_is_named(error):
    for verdict in (
        lesson_1.check_2(..., 0.05, error),
        lesson_1.check_3(precision, ...),
        lesson_1.check_4(..., [8, 8, 8]),
        lesson_1.check_4({**AUROCS, 8: ...}, [8, 8, 8]),
    ):
        assert "still" in hint(verdict)
        assert "`...`" in verdict.text
