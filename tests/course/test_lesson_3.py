"""The checks of lesson 3 accept right answers, and name each usual mistake; its drawing agrees with the rule."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch

from notebooks.course import lesson_3, restore_pictures
from trainers import StopTraining


def right_epochs(losses):
    return [e for e in range(2, len(losses) + 1) if losses[e - 1] > min(losses[: e - 1])]


def test_restored_epochs_are_right():
    assert lesson_3.check_1(right_epochs)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x: [e - 1 for e in right_epochs(x)], "Epochs count from 1"),
        (lambda x: [e for e in range(2, len(x) + 1) if x[e - 1] > x[e - 2]], "the epoch before"),
        (lambda x: [e for e in range(2, len(x) + 1) if x[e - 1] >= min(x[: e - 1])], "is not worse"),
        (lambda x: [e for e in range(1, len(x) + 1) if x[e - 1] > min(x)], "epoch 5 is not known yet"),
        (lambda x: right_epochs(x)[:1], "inside the loop"),
        (lambda x: [], "inside the loop"),
        (lambda x: [e for e in range(1, len(x) + 1) if x[e - 1] > min([1, *x[: e - 1]])], "by hand"),
        (lambda x: [1, 2, 3], "by hand"),
        (lambda x: np.array([2, 3]), "you return [2, 3], but the weights are restored after"),
        (lambda x: x[99], "IndexError"),
        (lambda x: ..., "returned nothing"),
    ],
)
def test_wrong_epochs_get_a_hint(wrong, words):
    verdict = lesson_3.check_1(wrong)
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


def restore_buffers_only(model, saved):
    for name, buffer in model.named_buffers():
        buffer.copy_(saved[name])


def restore_new_objects(model, saved):
    model.load_state_dict(copy.deepcopy(saved), assign=True)


def rename_model(model, saved):
    model = saved  # noqa: F841


def save_and_reset(model):
    saved = copy.deepcopy(model.state_dict())
    model[0].reset_parameters()
    return saved


def save_as_bytes(model):
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    return file.getvalue()


def restore_from_bytes(model, saved):
    model.load_state_dict(torch.load(io.BytesIO(saved), weights_only=True))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (save_state, restore_state),
        (copy.deepcopy, lambda model, saved: model.load_state_dict(saved.state_dict())),
        (save_as_bytes, restore_from_bytes),
    ],
)
def test_saved_copy_is_right(first, second):
    assert lesson_3.check_2(first, second)


REFERENCES = "the saved state changes when the model is trained further"


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (lambda model: model.state_dict(), restore_state, REFERENCES),
        (lambda model: model, lambda model, saved: None, REFERENCES),
        (lambda model: dict(model.state_dict()), restore_state, "copies the references only"),
        (lambda model: [x.detach().numpy() for x in model.parameters()], restore_state, REFERENCES),
        (save_state, lambda model, saved: None, "`restore_state` does not change the model"),
        (copy.deepcopy, rename_model, "only gives the name another object"),
        (save_as_bytes, lambda model, saved: None, "`restore_state` does not change the model"),
        (save_state, restore_parameters_only, "1.num_batches_tracked. The parameters are not the complete state"),
        (save_state, restore_buffers_only, "not 0.weight, 0.bias, 1.weight, 1.bias, 2.weight, 2.bias."),
        (save_state, restore_references, "the model uses its tensors"),
        (save_state, restore_new_objects, "the parameters are new objects"),
        (save_and_reset, restore_state, "`save_state` changes the model"),
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
    verdict = lesson_3.check_2(first, second)
    assert not verdict
    assert words in verdict.text


def stop_after(patience):
    def callback(row, state):
        if row.epoch - row.best_epoch > patience:
            raise StopTraining("no improvement")

    return callback


def test_stop_without_improvement_is_right():
    assert lesson_3.check_3(stop_after(3))


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
    verdict = lesson_3.check_3(wrong)
    assert not verdict
    assert words in verdict.text


RIGHT = {"patience": 3, "min_delta_ratio": 0.05, "optimizer_state": "restore", "lr_factor": 0.5}


def test_settings_of_the_rule_are_right():
    assert lesson_3.check_4(RIGHT)
    assert lesson_3.check_4({**RIGHT, "restore": "every epoch"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"restore": "at the end"}, "restores *during* training"),
        ({"restore": "off"}, "never restores"),
        ({"patience": 4}, "comes at the next one"),
        ({"patience": 0}, "several worse epochs"),
        ({"patience": 2}, "`patience` is 2. Read the rule again"),
        ({"min_delta_ratio": 5}, "not a percentage"),
        ({"min_delta_ratio": 1.05}, "not the new loss"),
        ({"min_delta_ratio": 0}, "every loss above the lowest is worse"),
        ({"optimizer_state": "keep"}, "must also come from the best epoch"),
        ({"optimizer_state": "reset"}, "is empty"),
        ({"lr_factor": 1}, "must change at each restore"),
        ({"stop_after": 4}, "says nothing about `stop_after`"),
        # an error of the trainer is shown, so no earlier answer is checked instead
        ({"optimizer_state": "restored"}, "does not accept these settings: BatchedTrainer.optimizer_state"),
        ({"tolerance_": 0.05}, "does not accept these settings"),
        ({"lr_factor": 2}, "does not accept these settings: BatchedTrainer.lr_factor"),
    ],
)
def test_wrong_setting_gets_a_hint(change, words):
    verdict = lesson_3.check_4({**RIGHT, **change})
    assert not verdict
    assert words in verdict.text


def test_settings_that_are_no_dictionary_get_a_hint():
    assert "must be a dictionary, got 3 (int)" in lesson_3.check_4(3).text


def test_drawing_restores_the_weights_of_the_lowest_loss_and_nothing_else():
    figure = restore_pictures.draw_restore()
    loss, state = figure.axes
    curve = next(line for line in loss.lines if line.get_label() == "with restore").get_ydata()
    (triangle,) = (line for line in loss.lines if line.get_marker() == "^")
    worse, best = int(triangle.get_xdata()[0]), int(np.argmin(curve[:4])) + 1
    rows = [[text.get_text() for text in state.texts if text.get_position()[1] == row] for row in range(3)]
    assert rows[0][worse - 1] == f"of epoch {best}"
    assert rows[1] == [f"of epoch {epoch}" for epoch in range(1, len(curve) + 1)]
    assert rows[2][worse - 1] == f"1 to {worse}"
