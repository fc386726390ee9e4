"""The checks of lesson 2 accept right answers, and name each usual mistake."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from notebooks.course import lesson_2


def test_unchanged_stubs_are_named():
    assert "is still `...`" in lesson_2.check_2(...).text
    assert "returned nothing" in lesson_2.check_4(lambda n_features, n_units: ...).text
    assert "returned nothing" in lesson_2.check_5(lambda sequences: ...).text


@pytest.mark.parametrize("gate", [0.5 ** (1 / 70), 0.99015])
def test_gate_that_keeps_half_is_right(gate):
    assert lesson_2.check_2(gate)


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (1.01, "between 0 and 1"),
        (0.5, "less than half"),
        (0.999, "more than half"),
        (1 - 0.5 / 70, "Multiply, do not subtract"),
        ("0.99x", "must be one number"),
    ],
)
def test_wrong_gate_gets_a_hint(gate, words):
    verdict = lesson_2.check_2(gate)
    assert not verdict
    assert words in verdict.text


def test_number_of_parameters_is_right():
    assert lesson_2.check_4(lambda n, u: 4 * u * (n + u + 2))


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (lambda n, u: u * (n + u + 2), "four sums"),
        (lambda n, u: 3 * u * (n + u + 2), "four sums"),
        (lambda n, u: 4 * u * (n + u), "has biases as well"),
        (lambda n, u: 4 * u * (n + u + 1), "two biases"),
        (lambda n, u: 4 * u * (n + 2), "h is multiplied by"),
        (lambda n, u: 4 * u * (u + 2), "x is multiplied by"),
        (lambda n, u: 4 * u * (n + 3), "reads all of h"),
        (lambda n, u: 4 * n * (n + u + 2), "swapped n_features and n_units"),
        (lambda n, u: np.int64(4 * u * (n + u + 1)), "two biases"),
        (lambda n, u: 4.0 * u * (n + u + 1), "two biases"),
        (lambda n, u: 17, "first for one sum, then for all"),
        (lambda n, u: [17], "is 17, but nn.LSTM has"),
        (lambda n: 17, "called with 2 positional arguments"),
    ],
)
def test_wrong_number_of_parameters_gets_a_hint(count, words):
    verdict = lesson_2.check_4(count)
    assert not verdict
    assert words in verdict.text


def step(x, h, c, lstm, *, memory="c", order="ifno", activation=torch.tanh):
    sums = lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
    gates = dict(zip(order, sums.chunk(4), strict=True))
    i, f, o = (gates[name].sigmoid() for name in "ifo")
    c = f * {"c": c, "h": h}[memory] + i * activation(gates["n"])
    return o * c.tanh(), c


def test_fixed_step_is_right():
    assert lesson_2.check_1(step)
    assert lesson_2.check_1(lambda *of: tuple(part.double() for part in step(*of)))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda *of: step(*of, memory="h"), "step 2 has a wrong c"),
        (lambda *of: step(*of, order="fino"), "first step has a wrong c"),
        (lambda *of: step(*of, activation=torch.sigmoid), "first step has a wrong c"),
        (lambda *of: (step(*of)[1].tanh(), step(*of)[1]), "a wrong h, while c is right"),
        (lambda *of: step(*of)[::-1], "return h first, then c"),
        (lambda *of: step(*of)[0], "two tensors"),
    ],
)
def test_wrong_step_gets_a_hint(wrong, words):
    verdict = lesson_2.check_1(wrong)
    assert not verdict
    assert words in verdict.text


def test_reversed_time_is_right():
    assert lesson_2.check_5(lambda x: x.flip(1))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: x.flip(0), "a common mistake"),
        (lambda x: x.flip(2), "order of the features is reversed"),
        (lambda x: x.flip(0, 1), "so is the order of the sequences"),
        (lambda x: x.flip(1, 2), "so is the order of the features"),
        (lambda x: x.flip(0, 1, 2), "all axes"),
        (lambda x: x, "nothing has changed"),
        (lambda x: x.roll(1, 1), "step 1 must be the old step 2, [6.0, 7.0, 8.0], got [0.0, 1.0, 2.0]"),
        (lambda x: x[:, ::-1], "does not support slices with a negative step"),
        (lambda x: x.numpy()[:, ::-1], "a tensor of the same shape, (2, 4, 3), got a ndarray of shape (2, 4, 3)"),
        (lambda x: x[:, -1], "a tensor of the same shape, (2, 4, 3), got (2, 3)"),
        (lambda x: x.copy_(x.flip(1)), "changes its argument"),
    ],
)
def test_wrong_reversal_gets_a_hint(wrong, words):
    verdict = lesson_2.check_5(wrong)
    assert not verdict
    assert words in verdict.text


def right_step(model, optimizer, batches):
    optimizer.zero_grad()
    for x in batches:
        ((model(x) - x).abs().mean() / len(batches)).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def sum_of_losses(model, optimizer, batches):
    optimizer.zero_grad()
    (sum((model(x) - x).abs().mean() for x in batches) / 2).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def joined(model, optimizer, batches):
    right_step(model, optimizer, [torch.cat(batches)])


def squared(model, optimizer, batches):
    optimizer.zero_grad()
    for x in batches:
        (((model(x) - x) ** 2).mean() / 2).backward()
    optimizer.step()


def test_one_step_for_two_batches_is_right():
    assert lesson_2.check_3(right_step)


@pytest.mark.parametrize("mistake", lesson_2._MISTAKES_OF_STEP)
def test_each_wrong_step_for_two_gets_its_hint(mistake):
    verdict = lesson_2.check_3(lambda *given: lesson_2._step(*given, mistake))
    assert not verdict
    assert verdict.text == lesson_2._MISTAKES_OF_STEP[mistake]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (joined, "joins the batches"),
        (sum_of_losses, "both must fit into the memory"),
        (lambda model, optimizer, batches: None if batches else 1, "calls `optimizer.step` 0 times"),
        (lambda model, optimizer, batches: [right_step(model, optimizer, [x]) for x in batches], "2 times"),
        (squared, "which twice"),
        (lambda model, optimizer: None, "is called with 3 positional arguments"),
        (lambda model, optimizer, batches: batches[2], "raised IndexError"),
    ],
)
def test_other_steps_for_two_are_explained(wrong, words):
    verdict = lesson_2.check_3(wrong)
    assert not verdict
    assert words in verdict.text
