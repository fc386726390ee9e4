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
def check_1(trainer: Any) -> str:
    """Restore at the end."""
    if not isinstance(trainer, BatchedTrainer):
        msg = f"a BatchedTrainer was asked for; got {type(trainer).__name__}."
        raise NotYet(msg)
    if trainer.restore == "off":
        msg = 'with restore="off" the run is never sent back, but it ends with its last weights, not with its best.'
        raise NotYet(msg)
    if trainer.restore == "every epoch":
        told = "that one still goes back in mid-training after a worse epoch"
        if trainer.min_delta_ratio or trainer.patience:
            told += ", only later or less often: patience and tolerance put it off, they do not rule it out"
        msg = f"{told}. Which hyperparameter says *when* the best weights come back?"
        raise NotYet(msg)
    return "The same run as with restore off, to the last bit, and the best weights when it has ended."


_RUNS = {
    (0.5, 0.4, 0.45, 0.42, 0.39): [3, 4],
    (0.5, 0.4, 0.3): [],
    (0.5, 0.6, 0.6, 0.5, 0.4): [2, 3],
    (0.3, 0.4, 0.35, 0.32, 0.31, 0.29): [2, 3, 4, 5],
    (0.7,): [],
}


@exercise("3.2", "a function of a list of losses that returns a list of epochs")
def check_2(restored_epochs: Any) -> str:
    """Higher than the lowest so far."""
    for losses, right in _RUNS.items():
        found = np.asarray(list(call(restored_epochs, list(losses), name="restored_epochs"))).tolist()
        if found == right:
            continue
        slips = [
            ([e - 1 for e in right], "epochs count from 1, positions in a list from 0."),
            (
                [e for e in range(2, len(losses) + 1) if losses[e - 1] > losses[e - 2]],
                "you compare with the epoch before; restore compares with the lowest loss so far.",
            ),
            (
                [e for e in range(2, len(losses) + 1) if losses[e - 1] >= min(losses[: e - 1])],
                "an epoch that is equal to the best is not worse: it is let be.",
            ),
            (
                [e for e in range(1, len(losses) + 1) if losses[e - 1] > min(losses)],
                "you compare with the lowest loss of the whole run; in epoch 3, nobody knows epoch 4 yet.",
            ),
        ]
        hint = next(
            (text for wrong, text in slips if found == wrong), "Go through it by hand: which was the best so far?"
        )
        msg = f"for {list(losses)} you return {found}, it fires after {right}: {hint}"
        raise NotYet(msg)
    return "It never looks at the training loss, nor at anything but the lowest validation loss so far."


@exercise("3.3", "two functions: one of the model, one of the model and what was remembered")
def check_3(remember: Any, put_back: Any) -> str:
    """A copy, not a reference."""
    with own_randomness(0):
        model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
        best = copy_state(model)
        memory = call(remember, model, name="remember")
        _train_on(model)
        worse = copy_state(model)
        call_function(put_back, model, memory, name="put_back")
        now = copy_state(model)
        if not _same(now, best):
            raise NotYet(_what_is_wrong(memory, now, worse, best))
        _train_on(model)
        call_function(put_back, model, memory, name="put_back")
        if not _same(copy_state(model), best):
            msg = "it works once. After a second swap the memory has changed along: put copies *in*, too."
            raise NotYet(msg)
    return "A dictionary of tensors is a list of places, not of numbers. Compare weights, not messages."


def _what_is_wrong(memory: Any, now: ModelState, worse: ModelState, best: ModelState) -> str:
    """Why the model is not back in its best state."""
    if _same(now, worse):
        if isinstance(memory, Mapping) and memory.keys() == best.keys() and _same(memory, best):
            return "what you remember is right, but `put_back` has left the model as it was."
        return (
            "after put_back the model has the weights of the *worse* epoch. Look at what you remember, after training "
            "has gone on: does it hold numbers, or the places where the model's numbers stand? (Copying a dictionary "
            "copies the list of places only.)"
        )
    lost = [name for name in best if not torch.equal(now[name], best[name])]
    if len(lost) < len(best):
        return f"some came back, but not {', '.join(lost)}. Parameters alone are not the whole state."
    return "the model has neither its best weights nor its last ones."


def _train_on(model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(8, 2)).square().mean().backward()
        optimizer.step()


def _same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in other)


@exercise("3.4", "a function of (row, state) that raises StopTraining")
def check_4(stop_when_stuck: Any) -> str:
    """More than three epochs after the best."""
    for losses, right in (
        ((0.5, 0.4, 0.45, 0.44, 0.43, 0.42, 0.41), 6),
        ((0.5, 0.6, 0.4, 0.6, 0.3, 0.6, 0.6, 0.6, 0.6), 9),
        ((0.5, 0.4, 0.3, 0.2, 0.1), None),
        ((0.5, 0.6, 0.6, 0.6), None),
    ):
        stopped = _stopped_after(stop_when_stuck, losses)
        if stopped == right:
            continue
        told = f"with the losses {list(losses)} it should " + (
            f"stop after epoch {right}" if right else "run to its end"
        )
        if stopped is None:
            msg = f"{told}; yours never stops it. Does it `raise StopTraining(…)`, rather than return or print?"
        elif right is None or stopped == right - 1:
            msg = f"{told}; yours stops after epoch {stopped}. “More than three” is four at least."
        else:
            msg = f"{told}; yours stops after epoch {stopped}. Compare row.epoch with row.best_epoch."
        raise NotYet(msg)
    return "Early stopping with a patience of three. History restore says where to go back to; this says when to end."


def _stopped_after(callback: Any, losses: tuple[float, ...]) -> int | None:
    history = History()
    for loss in losses:
        row = history.append(train_loss=loss, validation_loss=loss)
        try:
            call_function(callback, row, {}, name="stop_when_stuck", lets=(StopTraining,))
        except StopTraining:
            return row.epoch
    return None
