"""Each check of lesson 1 accepts the solution, and says for each usual mistake what is wrong with it."""

import numpy as np
import pytest
import torch

from notebooks.course import lesson_1
from trainers.detection import quantile_threshold


def hint(verdict):
    assert not verdict
    return verdict.text


@pytest.mark.parametrize("rate", [0.01, np.float64(0.01), 1 / 100, 1 - 0.99, np.float32(0.01), torch.tensor(0.01)])
def test_rate_of_one_in_a_hundred_is_right(rate):
    assert lesson_1.check_1(rate)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1, "between 0 and 1"),
        (0.001, "0.001 is 1 alarm in a thousand"),
        (0.05, "50 alarms"),
        ("1 %", "must be one number, got '1 %' (str)"),
    ],
)
def test_wrong_rate_gets_a_hint(rate, words):
    assert words in hint(lesson_1.check_1(rate))


@pytest.mark.parametrize(
    "right",
    [
        lambda flagged, abnormal: (flagged & abnormal).sum() / flagged.sum(),
        lambda flagged, abnormal: abnormal[flagged].mean(),
    ],
)
def test_precision_is_right(right):
    assert lesson_1.check_2(right)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda c, a: c[a].mean(), "recall"),
        (lambda c, a: (c == a).mean(), "accuracy"),
        (lambda c, a: c[~a].mean(), "false alarm rate"),
        (lambda c, a: (~a[c]).mean(), "share of *false* alarms"),
        (lambda c, a: (c & a).sum(), "number of beats"),
        (lambda c, a: 100 * a[c].mean(), "in percent"),
        (lambda c, a: (c & a).mean(), "share of all beats"),
        (lambda c, a: 0.3, "returns 0.3"),
        (lambda c, a: 0.75, "right for one example"),
        (lambda c, a: ..., "returned nothing"),
        (lambda c, a: 1 / 0, "raised ZeroDivisionError"),
        (lambda c: 0.6, "called with 2 positional arguments"),
        (0.6, "must be a function"),
    ],
)
def test_wrong_precision_gets_a_hint(wrong, words):
    assert words in hint(lesson_1.check_2(wrong))


@pytest.fixture
def error():
    rng = np.random.default_rng(0)
    return {
        "training": rng.gamma(4, 0.9, 150),
        "calibration": rng.gamma(4, 1.0, 292),
        "normal test": rng.gamma(4, 1.0, 292),
        "abnormal test": rng.gamma(4, 3.0, 300),
    }


def share_above(error, calibrated_on, part):
    return float((error[part] > quantile_threshold(error[calibrated_on], rate=0.05)).mean())


def test_leak_and_its_mistakes(error):
    leaky, unbiased = (share_above(error, part, "normal test") for part in ("training", "calibration"))
    assert leaky > unbiased
    assert lesson_1.check_3(leaky, unbiased, "b", error)
    assert lesson_1.check_3(round(leaky, 3), np.float32(unbiased), "b", error)
    assert "swapped" in hint(lesson_1.check_3(unbiased, leaky, "b", error))
    assert "less certain" in hint(lesson_1.check_3(leaky, unbiased, "a", error))
    assert "split at random" in hint(lesson_1.check_3(leaky, unbiased, "c", error))
    assert 'must be "a", "b" or "c", got' in hint(lesson_1.check_3(leaky, unbiased, "because", error))
    assert "`unbiased`: set the threshold on" in hint(lesson_1.check_3(leaky, 0.5, "b", error))
    threshold = quantile_threshold(error["training"], rate=0.05)
    both = np.concatenate([error["normal test"], error["abnormal test"]])
    for wrong, words in (
        (threshold, "threshold itself"),
        (100 * leaky, "in percent"),
        (292 * leaky, "a number of beats"),
        (1 - leaky, "share below"),
        (share_above(error, "training", "abnormal test"), "share of abnormal beats"),
        (float((both > threshold).mean()), "counts abnormal beats too"),
        (share_above(error, "training", "training"), "the training beats, on which the threshold was set"),
        (round(leaky, 2), "nearly right. Do not round it"),
        (leaky + 1 / 292, "compute the share of"),
        (0.5, "compute the share of"),
    ):
        text = hint(lesson_1.check_3(wrong, unbiased, "b", error))
        assert text.startswith("`leaky`: ")
        assert words in text


def test_sizes_and_their_mistakes():
    assert lesson_1.check_4(None, 2, False)
    assert lesson_1.check_4(None, 2, np.False_)
    assert "one of the sizes" in hint(lesson_1.check_4(32, 2, False))
    assert "one of the sizes" in hint(lesson_1.check_4(None, "2", False))
    assert "a beat is easier to reconstruct" in hint(lesson_1.check_4(16, 2, False))
    assert "train all three" in hint(lesson_1.check_4(None, 16, False))
    assert "must be a bool" in hint(lesson_1.check_4(None, 2, "no"))
    assert "train again" in hint(lesson_1.check_4(None, 2, True))


def test_unchanged_stub_is_named(error):
    for verdict in (
        lesson_1.check_1(...),
        lesson_1.check_3(0.1, 0.05, ..., error),
        lesson_1.check_4(None, ..., ...),
    ):
        assert "is still `...`" in hint(verdict)
