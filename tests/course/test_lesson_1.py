"""Each check of lesson 1 takes the solution, and tells each usual mistake what is wrong with it."""

import numpy as np
import pytest
import torch

from notebooks.course import lesson_1
from trainers.detection import quantile_threshold


def told(verdict):
    assert not verdict
    return verdict.text


@pytest.mark.parametrize("rate", [0.01, np.float64(0.01), 1 / 100, 1 - 0.99, np.float32(0.01), torch.tensor(0.01)])
def test_one_in_a_hundred(rate):
    assert lesson_1.check_1(rate)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (1, "between 0 and 1"),
        (0.001, "0.001 is 1 alarm in a thousand"),
        (0.05, "50 alarms"),
        ("1 %", "should be one number; it is '1 %' (str)"),
    ],
)
def test_another_rate_is_told(rate, words):
    assert words in told(lesson_1.check_1(rate))


@pytest.mark.parametrize(
    "right",
    [
        lambda called, abnormal: (called & abnormal).sum() / called.sum(),
        lambda called, abnormal: abnormal[called].mean(),
    ],
)
def test_precision(right):
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
        (lambda c, a: 0.3, "makes 0.3 of that"),
        (lambda c, a: 0.75, "right for one example"),
        (lambda c, a: ..., "returned nothing"),
        (lambda c, a: 1 / 0, "raised ZeroDivisionError"),
        (lambda c: 0.6, "called with 2 arguments"),
        (0.6, "should be a function"),
    ],
)
def test_what_is_not_precision_is_named(wrong, words):
    assert words in told(lesson_1.check_2(wrong))


@pytest.fixture
def error():
    rng = np.random.default_rng(0)
    return {
        "training": rng.gamma(4, 0.9, 150),
        "calibration": rng.gamma(4, 1.0, 292),
        "normal test": rng.gamma(4, 1.0, 292),
        "abnormal test": rng.gamma(4, 3.0, 300),
    }


def above(error, part, of):
    return float((error[of] > quantile_threshold(error[part], rate=0.05)).mean())


def test_the_leak(error):
    leaky, honest = (above(error, part, "normal test") for part in ("training", "calibration"))
    assert leaky > honest
    assert lesson_1.check_3(leaky, honest, "b", error)
    assert lesson_1.check_3(round(leaky, 3), np.float32(honest), "b", error)
    assert "swapped" in told(lesson_1.check_3(honest, leaky, "b", error))
    assert "less sure" in told(lesson_1.check_3(leaky, honest, "a", error))
    assert "dealt out at random" in told(lesson_1.check_3(leaky, honest, "c", error))
    assert 'takes "a", "b" or "c"' in told(lesson_1.check_3(leaky, honest, "because", error))
    assert "`honest`: the threshold comes from" in told(lesson_1.check_3(leaky, 0.5, "b", error))
    line = quantile_threshold(error["training"], rate=0.05)
    everything = np.concatenate([error["normal test"], error["abnormal test"]])
    for wrong, words in (
        (line, "threshold itself"),
        (100 * leaky, "in percent"),
        (292 * leaky, "a number of beats"),
        (1 - leaky, "share below"),
        (above(error, "training", "abnormal test"), "share of abnormal beats"),
        (float((everything > line).mean()), "counts abnormal beats too"),
        (above(error, "training", "training"), "the training beats themselves"),
        (round(leaky, 2), "nearly. Give the share as it comes"),
        (leaky + 1 / 292, "the share from"),
        (0.5, "the share from"),
    ):
        text = told(lesson_1.check_3(wrong, honest, "b", error))
        assert text.startswith("`leaky`: ")
        assert words in text


def test_sizes():
    assert lesson_1.check_4(None, 2, False)
    assert lesson_1.check_4(None, 2, np.False_)
    assert "one of the sizes" in told(lesson_1.check_4(32, 2, False))
    assert "one of the sizes" in told(lesson_1.check_4(None, "2", False))
    assert "easier it is to redraw" in told(lesson_1.check_4(16, 2, False))
    assert "train all three" in told(lesson_1.check_4(None, 16, False))
    assert "True or False" in told(lesson_1.check_4(None, 2, "no"))
    assert "train again" in told(lesson_1.check_4(None, 2, True))


def test_an_untouched_stub_is_told_to_be_one(error):
    for verdict in (
        lesson_1.check_1(...),
        lesson_1.check_3(0.1, 0.05, ..., error),
        lesson_1.check_4(None, ..., ...),
    ):
        assert "is still `...`" in told(verdict)
