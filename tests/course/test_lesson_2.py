"""The checks of lesson 2: right answers pass, each usual slip is told as such."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from notebooks.course import lesson_2


def test_untouched_stubs_are_told_as_such():
    assert "is still `...`" in lesson_2.check_1(...).text
    assert "returned nothing" in lesson_2.check_2(lambda n_features, n_units: ...).text
    assert "returned nothing" in lesson_2.check_4(lambda sequences: ...).text


@pytest.mark.parametrize("gate", [0.5 ** (1 / 70), 0.99015])
def test_half_is_left(gate):
    assert lesson_2.check_1(gate)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (1.01, "between 0 and 1"),
        (0.5, "less than half"),
        (0.999, "more than half"),
        (1 - 0.5 / 70, "Multiply, do not subtract"),
        ("0.99x", "should be one number"),
    ],
)
def test_another_gate(gate, said):
    verdict = lesson_2.check_1(gate)
    assert not verdict
    assert said in verdict.text


def test_parameters_are_counted():
    assert lesson_2.check_2(lambda n, u: 4 * u * (n + u + 2))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (lambda n, u: u * (n + u + 2), "four sums"),
        (lambda n, u: 3 * u * (n + u + 2), "four sums"),
        (lambda n, u: 4 * u * (n + u), "has biases as well"),
        (lambda n, u: 4 * u * (n + u + 1), "two biases"),
        (lambda n, u: 4 * u * (n + 2), "h is multiplied"),
        (lambda n, u: 4 * u * (u + 2), "x is multiplied"),
        (lambda n, u: 4 * u * (n + 3), "reads all of h"),
        (lambda n, u: 4 * n * (n + u + 2), "yours has them swapped"),
        (lambda n, u: np.int64(4 * u * (n + u + 1)), "two biases"),
        (lambda n, u: 4.0 * u * (n + u + 1), "two biases"),
        (lambda n, u: 17, "for one sum; then for all"),
        (lambda n, u: [17], "is 17, nn.LSTM has"),
        (lambda n: 17, "called with 2 arguments"),
    ],
)
def test_other_counts(count, said):
    verdict = lesson_2.check_2(count)
    assert not verdict
    assert said in verdict.text


def step(x, h, c, lstm, *, memory="c", order="ifno", squash=torch.tanh):
    sums = lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
    gates = dict(zip(order, sums.chunk(4), strict=True))
    i, f, o = (gates[name].sigmoid() for name in "ifo")
    c = f * {"c": c, "h": h}[memory] + i * squash(gates["n"])
    return o * c.tanh(), c


def test_the_step_is_mended():
    assert lesson_2.check_3(step)
    assert lesson_2.check_3(lambda *of: tuple(part.double() for part in step(*of)))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda *of: step(*of, memory="h"), "step 2 is off in c"),
        (lambda *of: step(*of, order="fino"), "very first step is off"),
        (lambda *of: step(*of, squash=torch.sigmoid), "very first step is off already, in c"),
        (lambda *of: (step(*of)[1].tanh(), step(*of)[1]), "in h, while c is right"),
        (lambda *of: step(*of)[::-1], "h first, then c"),
        (lambda *of: step(*of)[0], "two tensors"),
    ],
)
def test_slips_in_the_step(wrong, said):
    verdict = lesson_2.check_3(wrong)
    assert not verdict
    assert said in verdict.text


def test_the_last_step_comes_first():
    assert lesson_2.check_4(lambda x: x.flip(1))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda x: x.flip(0), "the famous slip"),
        (lambda x: x.flip(2), "features have changed places"),
        (lambda x: x.flip(0, 1), "sequences have changed places too"),
        (lambda x: x.flip(1, 2), "features have changed places too"),
        (lambda x: x.flip(0, 1, 2), "all axes"),
        (lambda x: x, "nothing has changed"),
        (lambda x: x.roll(1, 1), "step 1 should hold what step 2 held: [6.0, 7.0, 8.0]; it holds [0.0, 1.0, 2.0]"),
        (lambda x: x[:, ::-1], "no negative step"),
        (lambda x: x.numpy()[:, ::-1], "as a tensor of that shape; got a ndarray of shape (2, 4, 3)"),
        (lambda x: x[:, -1], "as a tensor of that shape; got (2, 3)"),
        (lambda x: x.copy_(x.flip(1)), "changes the batch"),
    ],
)
def test_other_reversals(wrong, said):
    verdict = lesson_2.check_4(wrong)
    assert not verdict
    assert said in verdict.text
