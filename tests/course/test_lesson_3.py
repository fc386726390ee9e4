"""The checks of lesson 3: right answers pass, each usual slip is told as such."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from notebooks.course import lesson_3
from trainers import BatchedTrainer, LSTMAutoencoder, StopTraining


def trainer(**settings):
    return BatchedTrainer(LSTMAutoencoder(hidden_size=2), **settings)


def test_restore_at_the_end():
    assert lesson_3.check_1(trainer(restore="at the end"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "still goes back in mid-training"),
        ({"restore": "off"}, "with its last weights"),
        ({"min_delta_ratio": 0.5}, "do not rule it out"),
        ({"patience": 3}, "do not rule it out"),
    ],
)
def test_other_settings(settings, said):
    verdict = lesson_3.check_1(trainer(**settings))
    assert not verdict
    assert said in verdict.text


def test_no_trainer():
    assert "a BatchedTrainer was asked for" in lesson_3.check_1("at the end").text


def by_hand(losses):
    return [e for e in range(2, len(losses) + 1) if losses[e - 1] > min(losses[: e - 1])]


def test_history_by_hand():
    assert lesson_3.check_2(by_hand)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda of: [e - 1 for e in by_hand(of)], "epochs count from 1"),
        (lambda of: [e for e in range(2, len(of) + 1) if of[e - 1] > of[e - 2]], "the epoch before"),
        (lambda of: [e for e in range(2, len(of) + 1) if of[e - 1] >= min(of[: e - 1])], "is not worse"),
        (lambda of: [e for e in range(1, len(of) + 1) if of[e - 1] > min(of)], "nobody knows epoch 4"),
        (lambda of: [1, 2, 3], "by hand"),
        (lambda of: np.array([2, 3]), "you return [2, 3], it fires"),
        (lambda of: of[99], "IndexError"),
        (lambda of: ..., "returned nothing"),
    ],
)
def test_other_histories(wrong, said):
    verdict = lesson_3.check_2(wrong)
    assert not verdict
    assert said in verdict.text


def remember(model):
    return copy.deepcopy(model.state_dict())


def put_back(model, memory):
    model.load_state_dict(memory)


def put_in_place(model, memory):
    """The weights become the memory's own tensors, which training then changes."""
    for name, parameter in model.named_parameters():
        parameter.data = memory[name]
    for name, buffer in model.named_buffers():
        buffer.copy_(memory[name])


def parameters_only(model, memory):
    for name, parameter in model.named_parameters():
        parameter.data.copy_(memory[name])


def test_a_copy_is_remembered():
    assert lesson_3.check_3(remember, put_back)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (lambda model: model.state_dict(), put_back, "weights of the *worse* epoch"),
        (lambda model: model, lambda model, memory: None, "weights of the *worse* epoch"),
        (lambda model: dict(model.state_dict()), put_back, "list of places only"),
        (remember, lambda model, memory: None, "`put_back` has left the model as it was"),
        (remember, parameters_only, "not the whole state"),
        (remember, put_in_place, "After a second swap"),
        (lambda model: None, put_back, "returned nothing"),
        (remember, lambda model, memory: model.load_state_dict({}), "`put_back` raised RuntimeError"),
        (remember, lambda model: None, "`put_back` is called with 2 arguments; yours takes `model`"),
        (remember, 3, "`put_back` should be a function; it is 3 (int)"),
    ],
)
def test_other_memories(first, second, said):
    verdict = lesson_3.check_3(first, second)
    assert not verdict
    assert said in verdict.text


def stopping(since):
    def callback(row, state):
        if row.epoch - row.best_epoch > since:
            raise StopTraining("stuck")

    return callback


def test_stops_when_stuck():
    assert lesson_3.check_4(stopping(3))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda row, state: ..., "never stops it"),
        (lambda row, state: row.epoch - row.best_epoch > 3, "rather than return"),
        (stopping(2), "is four at least"),
        (stopping(4), "yours stops after epoch 7. Compare row.epoch"),
        (lambda row, state: row.nothing, "raised AttributeError"),
        (lambda row: None, "`stop_when_stuck` is called with 2 arguments; yours takes `row`"),
    ],
)
def test_other_callbacks(wrong, said):
    verdict = lesson_3.check_4(wrong)
    assert not verdict
    assert said in verdict.text
