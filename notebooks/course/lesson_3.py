"""Checks of the exercises of lesson 3, *Trainers and history restore*."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from notebooks.course.verdict import NotYet, call, call_function, exercise, kind_of
from trainers.batched_trainer import BatchedTrainer
from trainers.history import History
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.torch_utils import ModelState, copy_state, own_randomness
from trainers.trainer import StopTraining

# Validation losses, and the epochs after which the weights are restored.
_RUNS = {
    (1.5, 1.4, 1.45, 1.42, 1.39, 1.41, 1.43): [3, 4, 6, 7],
    (0.5, 0.4, 0.45, 0.42, 0.39): [3, 4],
    (0.5, 0.4, 0.3): [],
    (0.5, 0.6, 0.6, 0.5, 0.4): [2, 3],
    (0.3, 0.4, 0.35, 0.32, 0.31, 0.29): [2, 3, 4, 5],
    (0.7,): [],
}


@exercise("3.1", "a function of a list of losses that returns a list of epochs")
def check_1(restored_epochs: Any) -> str:
    """Check for the epochs whose loss is above the lowest so far."""
    for losses, right in _RUNS.items():
        result = np.asarray(list(call(restored_epochs, list(losses), name="restored_epochs"))).tolist()
        if result == right:
            continue
        mistakes = [
            ([e - 1 for e in right], "Epochs count from 1, positions in a list from 0."),
            (right[:1], "It returns too early. Is the line with `return` inside the loop?"),
            ([], "It returns no epoch. Is the line with `return` inside the loop?"),
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
                "You compare with the lowest loss of the whole run. In epoch 2, the loss of epoch 5 is not known yet.",
            ),
        ]
        default = "Go through the losses by hand: which is the lowest so far?"
        hint = next((text for wrong, text in mistakes if result == wrong), default)
        msg = f"for {list(losses)} you return {result}, but the weights are restored after {right}. {hint}"
        raise NotYet(msg)
    return "History restore uses only the lowest validation loss so far, not the training loss."


@exercise("3.2", "two functions: one of the model, and one of the model and the saved state")
def check_2(save_state: Any, restore_state: Any) -> str:
    """Check for a copy, not a reference."""
    with own_randomness(0):
        model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
        parameters = list(model.parameters())
        optimizer = torch.optim.SGD(parameters, 0.1)
        _continue_training(model, optimizer)
        best = copy_state(model)
        saved = call(save_state, model, name="save_state")
        if not _same(copy_state(model), best):
            raise NotYet("`save_state` changes the model. It must only copy the state.")
        before = [tensor.clone() for tensor in _tensors(saved)]
        for again in (False, True):
            _continue_training(model, optimizer)
            worse = copy_state(model)
            if not _all_equal(_tensors(saved), before):
                raise NotYet(_REFERENCES_IN_MODEL if again else _REFERENCES_SAVED)
            call_function(restore_state, model, saved, name="restore_state")
            now = copy_state(model)
            if not _same(now, best):
                raise NotYet(_hint_for_state(now, worse, best, {name for name, _ in model.named_buffers()}))
            if any(one is not other for one, other in zip(model.parameters(), parameters, strict=True)):
                msg = "the values are right, but the parameters are new objects, and the optimizer still trains the old"
                raise NotYet(f"{msg} ones. Copy the values *into* the model's parameters.")
    return "A dictionary of tensors holds references, not copies. To verify a restore, compare the weights."


_REFERENCES_SAVED = (
    "the saved state changes when the model is trained further. It holds references to the model's tensors, or the "
    "model itself. Copy the values. (A copy of a dictionary copies the references only.)"
)
_REFERENCES_IN_MODEL = (
    "it works once. Then training changes the saved state, because the model uses its tensors. Copy the values *into* "
    "the model, too."
)


def _hint_for_state(now: ModelState, worse: ModelState, best: ModelState, buffers: set[str]) -> str:
    """Say which part of the state is not that of the best epoch; the saved state has not changed since."""
    if _same(now, worse):
        return (
            "`restore_state` does not change the model. It must change the values of this model. An assignment such as "
            "`model = …` only gives the name another object."
        )
    different = [name for name in best if not torch.equal(now[name], best[name])]
    missing = f"some values are restored, but not {', '.join(different)}"
    if set(different) <= buffers:
        return f"{missing}. The parameters are not the complete state: it also has buffers."
    return "the model has neither its best state nor its last one." if len(different) == len(best) else f"{missing}."


def _tensors(saved: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors and arrays in a saved state; other kinds of data, such as bytes, hold no references."""
    if isinstance(saved, torch.Tensor | np.ndarray):
        yield torch.as_tensor(saved).detach()
    elif isinstance(saved, nn.Module):
        yield from _tensors(saved.state_dict())
    elif isinstance(saved, Mapping | list | tuple):
        for part in saved.values() if isinstance(saved, Mapping) else saved:
            yield from _tensors(part)


def _all_equal(tensors: Iterator[torch.Tensor], others: list[torch.Tensor]) -> bool:
    found = list(tensors)
    return len(found) == len(others) and all(map(torch.equal, found, others))


def _continue_training(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    model.train()
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(8, 2)).square().mean().backward()
        optimizer.step()


def _same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in other)


@exercise("3.3", "a function of (row, state) that raises StopTraining")
def check_3(stop_without_improvement: Any) -> str:
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
            msg = f"{start} never stops it. Does it `raise`, rather than return? Is its condition ever true?"
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


# The setting, its right value, and a hint for each likely wrong value.
_SETTINGS: dict[str, tuple[Any, dict[Any, str]]] = {
    "restore": ("every epoch", {"at the end": "This rule restores *during* training.", "off": "This never restores."}),
    "patience": (
        3,
        {
            0: "The rule tolerates several worse epochs in a row.",
            4: "`patience` is the number of worse epochs that are tolerated: the restore comes at the next one.",
        },
    ),
    "min_delta_ratio": (
        0.05,
        {
            0.0: "By default, every loss above the lowest is worse. What does the rule say?",
            5: "It is a fraction, not a percentage.",
            1.05: "It is the increase as a fraction of the lowest loss, not the new loss.",
        },
    ),
    "optimizer_state": (
        "restore",
        {"keep": "The optimizer state must also come from the best epoch.", "reset": "A reset state is empty."},
    ),
    "lr_factor": (0.5, {1.0: "The learning rate must change at each restore."}),
}


@exercise("3.4", "a dictionary of settings, such as {'patience': 1}")
def check_4(my_settings: Any) -> str:
    """Check for the settings of a rule that is described in words."""
    if not isinstance(my_settings, Mapping):
        msg = f"`my_settings` must be a dictionary, got {kind_of(my_settings)}."
        raise NotYet(msg)
    try:
        trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=2), **my_settings)
    except (AttributeError, TypeError, ValueError) as error:
        msg = f"the trainer does not accept these settings: {error}"
        raise NotYet(msg) from error
    for name, (right, hints) in _SETTINGS.items():
        value = getattr(trainer, name)
        if value != right:
            msg = f"`{name}` is {value!r}. {hints.get(value, 'Read the rule again: which part is about it?')}"
            raise NotYet(msg)
    others = sorted(my_settings.keys() - _SETTINGS.keys())
    if others:
        msg = f"the rule says nothing about {', '.join(f'`{name}`' for name in others)}."
        raise NotYet(msg)
    return "This is the rule of a plateau scheduler that also restores: five settings, one of them the default."
