"""The checks of lesson 3 accept right answers, and name each usual mistake."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from notebooks.course import lesson_3
from trainers import BatchedTrainer, LSTMAutoencoder, StopTraining


def trainer(**settings):
    return BatchedTrainer(LSTMAutoencoder(hidden_size=2), **settings)


def test_restore_at_the_end_is_right():
    assert lesson_3.check_1(trainer(restore="at the end"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "still restores weights during training, after"),
        ({"restore": "off"}, "with its last weights"),
        ({"min_delta_ratio": 0.5}, "but not never"),
        ({"patience": 3}, "but not never"),
    ],
)
def test_wrong_setting_gets_a_hint(settings, words):
    verdict = lesson_3.check_1(trainer(**settings))
    assert not verdict
    assert words in verdict.text


def test_answer_that_is_not_a_trainer_gets_a_hint():
    assert "must be a BatchedTrainer, got str" in lesson_3.check_1("at the end").text


def right_epochs(losses):
    return [e for e in range(2, len(losses) + 1) if losses[e - 1] > min(losses[: e - 1])]


def test_restored_epochs_are_right():
    assert lesson_3.check_2(right_epochs)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: [e - 1 for e in right_epochs(x)], "Epochs count from 1"),
        (lambda x: [e for e in range(2, len(x) + 1) if x[e - 1] > x[e - 2]], "the epoch before"),
        (lambda x: [e for e in range(2, len(x) + 1) if x[e - 1] >= min(x[: e - 1])], "is not worse"),
        (lambda x: [e for e in range(1, len(x) + 1) if x[e - 1] > min(x)], "epoch 4 is not known yet"),
        (lambda x: [1, 2, 3], "by hand"),
        (lambda x: np.array([2, 3]), "you return [2, 3], but the weights are restored after"),
        (lambda x: x[99], "IndexError"),
        (lambda x: ..., "returned nothing"),
    ],
)
def test_wrong_epochs_get_a_hint(wrong, words):
    verdict = lesson_3.check_2(wrong)
    assert not verdict
    assert words in verdict.text


def save_state(model):
    return copy.deepcopy(model.state_dict())


def restore_state(model, saved):
    model.load_state_dict(saved)


def restore_references(model, saved):
    """Make the saved tensors the weights, which training then changes."""
    for name, parameter in model.named_parameters():
        parameter.data = saved[name]
    for name, buffer in model.named_buffers():
        buffer.copy_(saved[name])


def restore_parameters_only(model, saved):
    for name, parameter in model.named_parameters():
        parameter.data.copy_(saved[name])


def test_saved_copy_is_right():
    assert lesson_3.check_3(save_state, restore_state)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (lambda model: model.state_dict(), restore_state, "weights of the *worse* epoch"),
        (lambda model: model, lambda model, saved: None, "weights of the *worse* epoch"),
        (lambda model: dict(model.state_dict()), restore_state, "copies the references only"),
        (save_state, lambda model, saved: None, "`restore_state` does not change the model"),
        (save_state, restore_parameters_only, "not the complete state"),
        (save_state, restore_references, "After a second restore"),
        (lambda model: None, restore_state, "returned nothing"),
        (save_state, lambda model, saved: model.load_state_dict({}), "`restore_state` raised RuntimeError"),
        (
            save_state,
            lambda model: None,
            "`restore_state` is called with 2 positional arguments, but your function accepts `model`",
        ),
        (save_state, 3, "`restore_state` must be a function, got 3 (int)"),
    ],
)
def test_wrong_state_gets_a_hint(first, second, words):
    verdict = lesson_3.check_3(first, second)
    assert not verdict
    assert words in verdict.text


def stop_after(patience):
    def callback(row, state):
        if row.epoch - row.best_epoch > patience:
            raise StopTraining("no improvement")

    return callback


def test_stop_without_improvement_is_right():
    assert lesson_3.check_4(stop_after(3))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda row, state: ..., "but your callback never stops it"),
        (lambda row, state: row.epoch - row.best_epoch > 3, "rather than return"),
        (stop_after(2), "is at least four"),
        (stop_after(4), "your callback stops it after epoch 7. Compare row.epoch"),
        (lambda row, state: row.nothing, "raised AttributeError"),
        (
            lambda row: None,
            "`stop_without_improvement` is called with 2 positional arguments, but your function accepts `row`",
        ),
    ],
)
def test_wrong_callback_gets_a_hint(wrong, words):
    verdict = lesson_3.check_4(wrong)
    assert not verdict
    assert words in verdict.text
