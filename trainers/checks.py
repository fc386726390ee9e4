"""Checks of a user's arguments before anything is computed: numbers, scores, labels and models.

A copy of the model is run on a few sequences, to find errors that would occur later in its training.
"""

from __future__ import annotations

import copy
import math
import random
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from data import DataSet
from data.data_set import as_array, as_class_names, check_labels, is_real_number
from trainers.losses import bad_model, check_lengths, check_shape, evaluating, loss_of, run_model, target_mask
from trainers.torch_utils import copy_state, device_of, load_state, modes_kept, own_randomness

# ---------------------------------------------------------------------- numbers, scores, labels


def as_scores(scores: Any, what: str, each: str = "sequence") -> np.ndarray:
    """Return `scores` as a finite array (n,), one score per `each`, or raise an error about `what`."""
    array = as_array(scores, what)
    finite = np.isfinite(array)
    if array.ndim != 1 or not array.size or not finite.all() or array.dtype.kind == "b":
        got = f"dtype {array.dtype}, shape {array.shape} and {finite.sum()} of {array.size} values finite"
        raise ValueError(f"{what} must be a non-empty array of finite numbers, one per {each}, got {got}.")
    return array.astype(np.float64)


def as_labels(labels: Any, scores: np.ndarray, what: str = "scores") -> np.ndarray:
    """Return `labels` as integers >= 0, one for each of the scores (`what`), or raise an error."""
    try:
        array = as_array(labels, "labels")
    except TypeError as error:
        got = str(labels)[:60]
        raise ValueError(f"labels must be integers, got {got}. For strings, pass `labels != 'normal'`.") from error
    if array.shape != scores.shape:
        raise ValueError(f"labels must have one value for each of the {len(scores)} {what}, got shape {array.shape}.")
    return check_labels(array, "labels")


def as_truth(labels: Any, scores: np.ndarray, each: str = "sequence") -> np.ndarray:
    """Return a bool array that is True for abnormal labels; raise an error unless both classes occur."""
    labels = as_labels(labels, scores)
    truth = labels != 0
    if truth.all() or not truth.any():
        raise ValueError(f"labels must include normal (0) and abnormal {each}s, got {np.unique(labels)[:5].tolist()}.")
    return truth


def as_names(class_names: Any, labels: np.ndarray) -> tuple[str, ...]:
    """Return `class_names` as strings, or raise an error if a label has no name."""
    names = as_class_names(class_names, "class_names")
    if labels.max() >= len(names):
        raise ValueError(f"class_names must name every label from 0 to {labels.max()}, got {len(names)} names.")
    return names


def as_threshold(threshold: Any, steps: int | None = None) -> Any:
    """Return `threshold` as a finite float, or with `steps` also as an array of this length; or raise an error."""
    if steps is not None and np.ndim(threshold):
        thresholds = as_scores(threshold, "threshold")
        if len(thresholds) != steps:
            raise ValueError(
                f"threshold must be a finite number, or one for each of {steps} steps, got {len(thresholds)}."
            )
        return thresholds
    if isinstance(threshold, np.ndarray | torch.Tensor) and threshold.ndim == 0:
        threshold = threshold.item()
    if not is_real_number(threshold) or not math.isfinite(threshold):
        raise ValueError(f"threshold must be a finite number, got {threshold!r}. Use quantile_threshold(…).")
    return float(threshold)


def as_positive(value: Any, name: str, description: str, below: float = math.inf, remedy: str = "") -> float:
    """Return `value` as a finite float above 0, or raise an error with its description."""
    if not is_real_number(value) or not 0 < value < below:
        limit = "above 0" if below == math.inf else f"above 0 and below {below:g}"
        raise ValueError(f"{name} must be a number {limit} ({description}), got {value!r}.{remedy and ' '}{remedy}")
    return float(value)


def as_count(value: Any, name: str, description: str, least: int = 1, most: float = math.inf) -> int:
    """Return `value` as an integer within its limits, or raise an error with its description."""
    if not is_real_number(value) or not isinstance(value, int | np.integer) or not least <= value <= most:
        limit = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer {limit} ({description}), got {value!r}.")
    return int(value)


def as_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Return `value`, or raise an error if it is not among the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}.")
    return value


# ---------------------------------------------------------------------- models


def check_forward(model: nn.Module, train: DataSet, validation: DataSet) -> None:
    """Raise an error if the model cannot reconstruct the sets, or mixes sequences or calls.

    Lazy layers are built if there is no error.
    """
    lazy = any(map(is_lazy, model.parameters()))
    weights = {key: tensor for key, tensor in model.named_parameters() if not is_lazy(tensor)}
    if any(tensor.is_inference() for tensor in weights.values()):
        raise bad_model(model, "must be trainable, got a model created in torch.inference_mode().")
    if bad := [key for key, tensor in weights.items() if not tensor.isfinite().all()]:
        raise bad_model(model, f"must have finite weights, got NaN or infinite values in {', '.join(bad[:3])}.")
    with _trial_copy(model) as trial, evaluating(trial):
        shortest = _by_length(train, torch.arange(min(2, len(train))))
        # the first call builds lazy layers
        _output(trial, train, shortest)
        if unbuilt := [key for key, tensor in trial.named_parameters() if is_lazy(tensor)]:
            raise bad_model(model, f"must use all its layers in evaluation mode, got unused lazy layers: {unbuilt}.")
        built = _parameters_and_buffers(trial)
        ranks = torch.linspace(0, len(train) - 1, 4, dtype=torch.float64).long()
        _check_independence(trial, train, _by_length(train, ranks))
        # the batch sizes that the validation loss is computed with
        for size in {min(len(validation), 256), len(validation) % 256} - {0}:
            _output(trial, validation, torch.arange(size))
        _check_unchanged(trial, built)
        for data in (train, validation):
            check_lengths(trial, data.sequences, data.targets, data.lengths)
    if lazy or {name for name, _ in built} != copy_state(model).keys() or hasattr(model, "_orig_mod"):
        # lazy layers draw their weights from PyTorch's global generator, as other layers do
        inputs, _, _, lengths = _select(model, train, shortest)
        with evaluating(model), nullcontext() if lazy else own_randomness(0, inputs.device):
            run_model(model, inputs, lengths)


def check_step(model: nn.Module, train: DataSet, size: int, last: int, precision: str, *, alone: bool = True) -> None:
    """Raise an error if a training step fails with `size` sequences, or with the `last` batch of an epoch.

    With ``alone=False``, the model is being trained in another thread, so only a copy of it is used.
    """
    with _trial_copy(model, alone=alone) as trial:
        if trial is None:
            return
        built = _parameters_and_buffers(trial.train())
        for n in dict.fromkeys((size, last)):
            if error := _step(trial, train, n, precision):
                raise _step_error(error, trial, train, n, size, precision) from error
        _check_unchanged(trial, built)


def _step_error(error: Exception, model: nn.Module, train: DataSet, n: int, size: int, precision: str) -> Exception:
    """Return an error that names the setting with which a training step on n sequences fails."""
    name, reason = type(model).__name__, str(error).rstrip(".")
    if precision != "float32" and _step(model, train, n, "float32") is None:
        what = f"supported by {device_of(model).type!r} for the model {name}"
        return RuntimeError(f'precision must be {what}, got {precision!r} ({reason}). Set precision="float32".')
    if n == size and (n > 1 or _step(model, train, 2, precision)):
        return bad_model(model, f"must be trainable on {n} sequences of {train.name!r}, got an error: {reason}.")
    remedy = "steps_per_epoch, so that every batch is full"
    if n == 1:
        # the closest size that does not leave a last batch of one sequence
        sizes = [b for b in range(2, len(train) + 1) if len(train) % b != 1]
        remedy = f"batch_size={min(sizes, key=lambda b: abs(b - size))}" if sizes else "more sequences"
    got = f"{size} and a last batch of {n} out of {len(train)}: {reason}"
    return ValueError(f"batch_size must give a last batch on which {name} can be trained, got {got}. Use {remedy}.")


@contextmanager
def _trial_copy(model: nn.Module, *, alone: bool = True) -> Iterator[Any]:
    """Yield a copy of the model. If it cannot be copied, yield and then reset it if `alone`, otherwise yield None."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        # not the compiled code, which would be compiled for a few sequences; `to` repacks weights of recurrent layers
        trial = copy.deepcopy(getattr(model, "_orig_mod", model)).to(device_of(model))
    except Exception:  # some attributes cannot be copied, such as an open file
        trial, state = model if alone else None, copy_state(model)
    gradients = {parameter: parameter.grad for parameter in model.parameters()}
    try:
        with modes_kept(model):
            yield trial
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        if trial is model:
            for parameter, gradient in gradients.items():
                parameter.grad = gradient
            if state.keys() == copy_state(model).keys():
                load_state(model, state)


def _by_length(data: DataSet, ranks: Tensor) -> Tensor:
    """Return the positions of the sequences with these ranks in length, the shortest first.

    Short ones show the effect of padding.
    """
    return ranks if data.lengths is None else data.lengths.argsort(stable=True)[ranks]


def _select(model: nn.Module, data: DataSet, rows: Tensor) -> list[Any]:
    """Return sequences, targets and their mask of these rows on the model's device, and their lengths."""
    device, tensors = device_of(model), (data.sequences, data.targets, target_mask(data))
    moved = [None if tensor is None else tensor[rows].to(device) for tensor in tensors]
    return [*moved, None if data.lengths is None else data.lengths[rows]]


def _output(model: nn.Module, data: DataSet, rows: Tensor, *, seed: int = 0, others: Tensor | None = None) -> Tensor:
    """Return the model's output for these rows; if given, `others` replace the odd ones, reversed in time."""
    inputs, targets, mask, lengths = _select(model, data, rows)
    if others is not None:
        other, _, _, other_lengths = _select(model, data, others)
        inputs[1::2] = other.flip(1)[1::2]
        if lengths is not None:
            lengths[1::2] = other_lengths[1::2]
    x = inputs.clone()
    np.random.seed(seed)
    random.seed(seed)
    try:
        with own_randomness(seed, x.device):
            output = run_model(model, x, lengths)
    except Exception as error:  # a user's model may raise any exception
        remedy = " Use model.float()." * any(tensor.dtype != torch.float32 for tensor in model.parameters())
        got = f"an error for a batch of shape {tuple(x.shape)} from {data.name!r}: {str(error).rstrip('.')}.{remedy}"
        raise bad_model(model, f"must accept any number of float32 sequences, got {got}") from error
    check_shape(model, output, x, targets)
    if not torch.equal(x, inputs):
        raise bad_model(model, "must not change its input in place. Begin its forward with x = x.clone().")
    unmasked = output if mask is None else output[mask]
    if others is None and not unmasked.isfinite().all():
        raise bad_model(model, f"must return finite numbers, got NaN or infinite values for {data.name!r}.")
    return output.detach().cpu()


def _check_independence(model: nn.Module, data: DataSet, rows: Tensor) -> None:
    """Raise an error if an output depends on earlier calls, on other sequences or on the position in the batch."""

    def output(rows: Tensor, *, before: dict[str, Any] | None = None, **options: Any) -> Tensor:
        # a new copy each time, so that random generators in the model are in the same state
        with _trial_copy(model) as trial:
            if before is not None:
                _output(trial, data, rows, **before)
            return _output(trial, data, rows, **options)

    def differ(one: Tensor, other: Tensor, mask: Tensor) -> bool:
        return bool(((one - other)[mask].double().abs() > tolerance).any())

    first, all_masks = output(rows), target_mask(data)
    mask = torch.ones_like(first, dtype=torch.bool) if all_masks is None else all_masks[rows]
    values = first[mask].double()
    noise = 16 * torch.finfo(first.dtype).eps * values.abs().max()
    tolerance = torch.maximum(1e-4 * (values.max() - values.min()), noise)
    # the same input after different calls
    if differ(output(rows, before={}), output(rows, before={"others": rows.flip(0)}), mask):
        raise bad_model(model, "must return the same output for the same input. Do not store state in the model.")
    # the same sequences among different ones
    mixed = differ(output(rows, others=rows.flip(0))[::2], first[::2], mask[::2])
    # the same sequences in a different order
    order = torch.tensor([2, 0, 3, 1])
    if not mixed and differ(output(rows[order]), first[order], mask[order]):
        # not mixed if the model draws a random number for each position, so that another seed changes the output
        mixed = not differ(output(rows, before={}, seed=1), first, mask)
    if mixed and any(isinstance(part, _BatchNorm) and not part.track_running_stats for part in model.modules()):
        problem = "normalizes each sequence by the statistics of its batch. Use track_running_stats=True."
        warnings.warn(str(bad_model(model, problem)), stacklevel=2)
    elif mixed:
        remedy = "Set batch_first=True in its layers, and compute along time (dim 1), not along the batch (dim 0)."
        raise bad_model(model, f"must reconstruct each sequence independently, got outputs that mix them. {remedy}")


def _step(model: nn.Module, data: DataSet, n: int, precision: str) -> Exception | None:
    """Return the error of a training step with n sequences, or None."""
    x, targets, mask, lengths = _select(model, data, _by_length(data, torch.arange(n) % len(data)))
    try:
        with own_randomness(0, x.device), torch.enable_grad():
            with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                output = check_shape(model, run_model(model, x, lengths), x, targets)
            if not output.requires_grad:
                raise ValueError("the output has no gradient with respect to the parameters")
            loss_of(output.float(), targets, "mae", mask).backward()
    except Exception as error:  # a user's model may raise any exception
        return error
    return None


def _parameters_and_buffers(model: nn.Module) -> set[tuple[str, nn.Parameter | None]]:
    """Return the parameters by name and identity, and the buffers, which may be replaced, by name."""
    return {*model.named_parameters(), *((name, None) for name, _ in model.named_buffers())}


def _check_unchanged(model: nn.Module, built: set[tuple[str, nn.Parameter | None]]) -> None:
    """Raise an error if a forward has added or replaced parameters, or added buffers."""
    if changed := sorted({name for name, _ in _parameters_and_buffers(model) ^ built}):
        new = ", ".join(map(repr, changed[:3]))
        raise bad_model(model, f"must create parameters and buffers in its constructor, got {new} created in forward.")
