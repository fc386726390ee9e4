"""Checks of the exercises of lesson 3, *Trainers and history restore*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from notebooks.course.verdict import NotYet, call, call_function, exercise
from trainers.batched_trainer import BatchedTrainer
from trainers.history import History
from trainers.torch_utils import ModelState, copy_state, own_randomness
from trainers.trainer import StopTraining


@exercise("3.1", "a BatchedTrainer with one setting changed")
def check_1(my_trainer: Any) -> str:
    """Check for restore at the end."""
    if not isinstance(my_trainer, BatchedTrainer):
        msg = f"`my_trainer` must be a BatchedTrainer, got {type(my_trainer).__name__}."
        raise NotYet(msg)
    if my_trainer.restore == "off":
        msg = 'with restore="off", the training run ends with its last weights, not with its best.'
        raise NotYet(msg)
    if my_trainer.restore == "every epoch":
        hint = "this trainer still restores weights during training, after a worse epoch"
        if my_trainer.min_delta_ratio or my_trainer.patience:
            hint += ". With `patience` or `min_delta_ratio`, it restores them later or less often, but not never"
        msg = f"{hint}. Which hyperparameter says *when* the best weights are restored?"
        raise NotYet(msg)
    return "The training run is the same as with restore off, but at the end the model gets the best weights."


# Validation losses, and the epochs after which the weights are restored.
_RUNS = {
    (0.5, 0.4, 0.45, 0.42, 0.39): [3, 4],
    (0.5, 0.4, 0.3): [],
    (0.5, 0.6, 0.6, 0.5, 0.4): [2, 3],
    (0.3, 0.4, 0.35, 0.32, 0.31, 0.29): [2, 3, 4, 5],
    (0.7,): [],
}


@exercise("3.2", "a function of a list of losses that returns a list of epochs")
def check_2(restored_epochs: Any) -> str:
    """Check for the epochs whose loss is above the lowest so far."""
    for losses, right in _RUNS.items():
        result = np.asarray(list(call(restored_epochs, list(losses), name="restored_epochs"))).tolist()
        if result == right:
            continue
        mistakes = [
            ([e - 1 for e in right], "Epochs count from 1, positions in a list from 0."),
            (
                [e for e in range(2, len(losses) + 1) if losses[e - 1] > losses[e - 2]],
                "You compare with the epoch before. History restore compares with the lowest loss so far.",
            ),
            (
                [e for e in range(2, len(losses) + 1) if losses[e - 1] >= min(losses[: e - 1])],
                "An epoch whose loss is equal to the lowest loss is not worse, so it triggers no restore.",
            ),
            (
                [e for e in range(1, len(losses) + 1) if losses[e - 1] > min(losses)],
                "You compare with the lowest loss of the whole run. In epoch 3, the loss of epoch 4 is not known yet.",
            ),
        ]
        default = "Go through the losses by hand: which is the lowest so far?"
        hint = next((text for wrong, text in mistakes if result == wrong), default)
        msg = f"for {list(losses)} you return {result}, but the weights are restored after {right}. {hint}"
        raise NotYet(msg)
    return "History restore uses only the lowest validation loss so far, not the training loss."


@exercise("3.3", "two functions: one of the model, and one of the model and the saved state")
def check_3(save_state: Any, restore_state: Any) -> str:
    """Check for a copy, not a reference."""
    with own_randomness(0):
        model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
        best = copy_state(model)
        saved = call(save_state, model, name="save_state")
        _continue_training(model)
        worse = copy_state(model)
        call_function(restore_state, model, saved, name="restore_state")
        now = copy_state(model)
        if not _same(now, best):
            raise NotYet(_hint_for_state(saved, now, worse, best))
        _continue_training(model)
        call_function(restore_state, model, saved, name="restore_state")
        if not _same(copy_state(model), best):
            msg = "it works once. After a second restore, the saved state has changed: copy it *into* the model, too."
            raise NotYet(msg)
    return "A dictionary of tensors holds references, not copies. To verify a restore, compare the weights."


def _hint_for_state(saved: Any, now: ModelState, worse: ModelState, best: ModelState) -> str:
    """Say why the model does not have its best state."""
    if _same(now, worse):
        if isinstance(saved, Mapping) and saved.keys() == best.keys() and _same(saved, best):
            return "the saved state is right, but `restore_state` does not change the model."
        return (
            "after `restore_state`, the model has the weights of the *worse* epoch. Look at the saved state after more "
            "training: does it hold copies of the values, or references to the model's tensors? (A copy of a "
            "dictionary copies the references only.)"
        )
    different = [name for name in best if not torch.equal(now[name], best[name])]
    if len(different) < len(best):
        return f"some values are restored, but not {', '.join(different)}. The parameters are not the complete state."
    return "the model has neither its best weights nor its last weights."


def _continue_training(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(8, 2)).square().mean().backward()
        optimizer.step()


def _same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in other)


@exercise("3.4", "a function of (row, state) that raises StopTraining")
def check_4(stop_without_improvement: Any) -> str:
    """Check for a stop more than three epochs after the best."""
    for losses, right in (
        ((0.5, 0.4, 0.45, 0.44, 0.43, 0.42, 0.41), 6),
        ((0.5, 0.6, 0.4, 0.6, 0.3, 0.6, 0.6, 0.6, 0.6), 9),
        ((0.5, 0.4, 0.3, 0.2, 0.1), None),
        ((0.5, 0.6, 0.6, 0.6), None),
    ):
        stopped = _stopped_after(stop_without_improvement, losses)
        if stopped == right:
            continue
        wanted = f"stop after epoch {right}" if right else "continue to its end"
        start = f"with the losses {list(losses)}, the training run must {wanted}, but your callback"
        if stopped is None:
            msg = f"{start} never stops it. Does it `raise StopTraining(…)`, rather than return or print?"
        elif right is None or stopped == right - 1:
            msg = f"{start} stops it after epoch {stopped}. “More than three” is at least four."
        else:
            msg = f"{start} stops it after epoch {stopped}. Compare row.epoch with row.best_epoch."
        raise NotYet(msg)
    return "This is early stopping with a patience of three: it ends the run. History restore selects the weights."


def _stopped_after(callback: Any, losses: tuple[float, ...]) -> int | None:
    history = History()
    for loss in losses:
        row = history.append(train_loss=loss, validation_loss=loss)
        try:
            call_function(callback, row, {}, name="stop_without_improvement", allowed=(StopTraining,))
        except StopTraining:
            return row.epoch
    return None
