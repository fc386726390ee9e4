"""Checks of what a user hands over, before anything is computed from it: numbers, scores, labels, and models.

A model is run on a few sequences, on a copy, to find what would fail later in its training.
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
from trainers.losses import bad_model, check_lengths, check_shape, evaluating, loss_of, run_model
from trainers.torch_utils import copy_state, device_of, load_state, modes_kept, own_randomness

# ---------------------------------------------------------------------- numbers, scores, labels


def as_scores(scores: Any, what: str, each: str = "sequence") -> np.ndarray:
    """`scores` as a finite array (n,), one for `each`, or an error that names `what`."""
    array = as_array(scores, what)
    finite = np.isfinite(array)
    if array.ndim != 1 or not array.size or not finite.all() or array.dtype.kind == "b":
        got = f"{array.dtype} of shape {array.shape}, {finite.sum()} finite"
        raise ValueError(f"{what} must be finite numbers, at least one and one for each {each}, got {got}.")
    return array.astype(np.float64)


def as_labels(labels: Any, scores: np.ndarray, what: str = "scores") -> np.ndarray:
    """`labels` as integers from 0 up, one for each of the scores (or of `what` else), or an error."""
    try:
        array = as_array(labels, "labels")
    except TypeError as error:
        got = str(labels)[:60]
        raise ValueError(f"labels must be whole numbers, got {got}. Of strings, give labels != 'normal'.") from error
    if array.shape != scores.shape:
        raise ValueError(f"labels must be one for each of the {len(scores)} {what}, got shape {array.shape}.")
    return check_labels(array, "labels")


def as_truth(labels: Any, scores: np.ndarray, each: str = "sequence") -> np.ndarray:
    """Which are abnormal, bool; an error unless both normal and abnormal ones occur."""
    labels = as_labels(labels, scores)
    truth = labels != 0
    if truth.all() or not truth.any():
        raise ValueError(f"labels must hold normal (0) and abnormal {each}s, got {np.unique(labels)[:5].tolist()}.")
    return truth


def as_names(class_names: Any, labels: np.ndarray) -> tuple[str, ...]:
    """`class_names` as strings that name every label, or an error."""
    names = as_class_names(class_names, "class_names")
    if labels.max() >= len(names):
        raise ValueError(f"class_names must name every label up to {labels.max()}, got {len(names)} names.")
    return names


def as_threshold(threshold: Any) -> float:
    """`threshold` as a finite float, or an error."""
    if isinstance(threshold, np.ndarray | torch.Tensor) and threshold.ndim == 0:
        threshold = threshold.item()
    if not is_real_number(threshold) or not math.isfinite(threshold):
        raise ValueError(f"threshold must be a finite number, got {threshold!r}. quantile_threshold(…) gives one.")
    return float(threshold)


def as_positive(value: Any, name: str, description: str, below: float = math.inf, remedy: str = "") -> float:
    """`value` as a finite float above 0, or an error that says what it means."""
    if not is_real_number(value) or not 0 < value < below:
        limit = "above 0" if below == math.inf else f"between 0 and {below:g}"
        raise ValueError(f"{name} must be a number {limit}, {description}, got {value!r}.{remedy and ' '}{remedy}")
    return float(value)


def as_count(value: Any, name: str, description: str, least: int = 1, most: float = math.inf) -> int:
    """`value` as an integer within its limits, or an error that says what it means."""
    if not is_real_number(value) or not isinstance(value, int | np.integer) or not least <= value <= most:
        limit = f"at least {least}" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer, {description}, {limit}, got {value!r}.")
    return int(value)


def as_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """`value` itself if it is among the choices, or an error."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}.")
    return value


# ---------------------------------------------------------------------- models


def check_forward(model: nn.Module, train: DataSet, validation: DataSet) -> None:
    """Raise if the model cannot reconstruct the sets, or does not reconstruct each sequence by itself.

    Lazy layers are built if all is well.
    """
    lazy = any(map(is_lazy, model.parameters()))
    weights = {key: tensor for key, tensor in model.named_parameters() if not is_lazy(tensor)}
    if any(tensor.is_inference() for tensor in weights.values()):
        raise bad_model(model, "must be able to learn, got one built in torch.inference_mode().")
    if bad := [key for key, tensor in weights.items() if not tensor.isfinite().all()]:
        raise bad_model(model, f"must have finite weights, got NaN or infinite values in {', '.join(bad[:3])}.")
    with _trial(model) as tried, evaluating(tried):
        order = _by_length(train)
        _output(tried, train, order[:2])
        # Lazy layers are built now.
        if unbuilt := [key for key, tensor in tried.named_parameters() if is_lazy(tensor)]:
            raise bad_model(model, f"must use all its layers in evaluation mode, got lazy ones unused: {unbuilt}.")
        built = _parts(tried)
        _check_independence(tried, train, order[torch.linspace(0, len(order) - 1, 4).long()])
        # In batches as large as those in which the validation loss is measured.
        for size in {min(len(validation), 256), len(validation) % 256} - {0}:
            _output(tried, validation, torch.arange(size))
        _check_parts(tried, built)
        for part in (train, validation):
            check_lengths(tried, part.sequences, part.lengths)
    if lazy or {name for name, _ in built} != copy_state(model).keys() or hasattr(model, "_orig_mod"):
        # Lazy layers draw their weights as any other layer: from PyTorch's own generator.
        inputs, _, _, lengths = _take(model, train, order[:2])
        with evaluating(model), nullcontext() if lazy else own_randomness(0, inputs.device):
            run_model(model, inputs, lengths)


def check_step(model: nn.Module, train: DataSet, size: int, last: int, precision: str, *, alone: bool = True) -> None:
    """Raise if a training step fails with a batch of `size` sequences, or with the last one of an epoch.

    Unless the caller is `alone`, the model is being trained in another thread: then only a copy is tried.
    """
    with _trial(model, alone=alone) as tried:
        if tried is None:
            return
        built = _parts(tried.train())
        for n in dict.fromkeys((size, last)):
            if error := _step(tried, train, n, precision):
                raise _explained(error, tried, train, n, size, precision) from error
        _check_parts(tried, built)


def _explained(error: Exception, model: nn.Module, train: DataSet, n: int, size: int, precision: str) -> Exception:
    """Return an error that says which setting makes a training step with n sequences fail."""
    name = type(model).__name__
    if precision != "float32" and _step(model, train, n, "float32") is None:
        where = f"one in which {device_of(model).type!r} can train the model {name}"
        return RuntimeError(f'precision must be {where}, got {precision!r}: {error} Set precision="float32".')
    if n == size and (n > 1 or _step(model, train, 2, precision)):
        return bad_model(model, f"fails in a training step with {n} sequences of {train.name!r}: {error}")
    remedy = "steps_per_epoch, so that every batch is full"
    if n == 1:
        # The nearest size that leaves no batch of one.
        sizes = [b for b in range(2, len(train) + 1) if len(train) % b != 1]
        remedy = f"batch_size={min(sizes, key=lambda b: abs(b - size))}" if sizes else "more sequences"
    got = f"{size} for {len(train)} sequences, so {n} in the last batch: {error}"
    return ValueError(f"batch_size must leave a last batch that can train the model {name}, got {got} Use {remedy}.")


@contextmanager
def _trial(model: nn.Module, *, alone: bool = True) -> Iterator[Any]:
    """Yield a copy of the model; one that cannot be copied, restored afterwards, or None while others use it."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        # Not the compiled code: it would be compiled for a few sequences. `to` repacks the weights of recurrent layers.
        tried = copy.deepcopy(getattr(model, "_orig_mod", model)).to(device_of(model))
    except Exception:  # a model may hold what cannot be copied, such as an open file
        tried, state = model if alone else None, copy_state(model)
    gradients = {parameter: parameter.grad for parameter in model.parameters()}
    try:
        with modes_kept(model):
            yield tried
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        if tried is model:
            for parameter, gradient in gradients.items():
                parameter.grad = gradient
            if state.keys() == copy_state(model).keys():
                load_state(model, state)


def _by_length(data: DataSet) -> Tensor:
    """The positions of all sequences, the shortest first: they show what a model makes of padding."""
    return torch.arange(len(data)) if data.lengths is None else data.lengths.argsort(stable=True)


def _take(model: nn.Module, data: DataSet, rows: Tensor) -> list[Any]:
    """Return sequences, targets and mask of these rows on the model's device, and their lengths."""
    device, parts = device_of(model), (data.sequences, data.targets, data.mask)
    moved = [None if part is None else part[rows].to(device) for part in parts]
    return [*moved, None if data.lengths is None else data.lengths[rows]]


def _output(model: nn.Module, data: DataSet, rows: Tensor, *, seed: int = 0, others: Tensor | None = None) -> Tensor:
    """The model's reconstruction of these sequences; those at odd positions are replaced by `others`, reversed."""
    given, _, mask, lengths = _take(model, data, rows)
    if others is not None:
        other, _, _, other_lengths = _take(model, data, others)
        given[1::2] = other.flip(1)[1::2]
        if lengths is not None:
            lengths[1::2] = other_lengths[1::2]
    x = given.clone()
    np.random.seed(seed)
    random.seed(seed)
    try:
        with own_randomness(seed, x.device):
            output = run_model(model, x, lengths)
    except Exception as error:  # whatever a user's model raises
        hint = "It must take any number of sequences in float32; model.float() converts its weights."
        raise bad_model(model, f"does not take sequences of {data.name!r} {tuple(x.shape)}: {error} {hint}") from error
    check_shape(model, output, x)
    if not torch.equal(x, given):
        raise bad_model(model, "changes its input in place. Let its forward begin with x = x.clone().")
    counts = output if mask is None else output[mask]
    if others is None and not counts.isfinite().all():
        raise bad_model(model, f"must return finite numbers, got NaN or infinite values for {data.name!r}.")
    return output.detach().cpu()


def _check_independence(model: nn.Module, data: DataSet, rows: Tensor) -> None:
    """Raise if a reconstruction depends on earlier calls, on the other sequences of its batch or on its place there."""

    def output(rows: Tensor, *, before: dict[str, Any] | None = None, **more: Any) -> Tensor:
        # Each time by a fresh copy: random generators that the model holds are then in the same state.
        with _trial(model) as fresh:
            if before is not None:
                _output(fresh, data, rows, **before)
            return _output(fresh, data, rows, **more)

    def differ(one: Tensor, other: Tensor, counts: Tensor) -> bool:
        return bool(((one - other)[counts].double().abs() > tolerance).any())

    mask = torch.ones_like(data.sequences[rows], dtype=torch.bool) if data.mask is None else data.mask[rows]
    first = output(rows)
    values = first[mask].double()
    noise = 16 * torch.finfo(first.dtype).eps * values.abs().max()
    tolerance = torch.maximum(1e-4 * (values.max() - values.min()), noise)
    if differ(output(rows, before={}), output(rows, before={"others": rows.flip(0)}), mask):
        raise bad_model(model, "must return the same output for the same input. Keep no state between two calls.")
    mixed = differ(output(rows, others=rows.flip(0))[::2], first[::2], mask[::2])
    order = torch.tensor([2, 0, 3, 1])
    if not mixed and differ(output(rows[order]), first[order], mask[order]):
        # In a model that draws random numbers each position gets its own: then other draws differ, too.
        mixed = not differ(output(rows, before={}, seed=1), first, mask)
    if mixed and any(isinstance(part, _BatchNorm) and not part.track_running_stats for part in model.modules()):
        problem = "normalizes each sequence by the statistics of its batch. Use track_running_stats=True."
        warnings.warn(str(bad_model(model, problem)), stacklevel=2)
    elif mixed:
        remedy = "Set batch_first=True in its layers, and compute along time (dim 1), not along the batch (dim 0)."
        raise bad_model(model, f"must reconstruct each sequence by itself, got batch and time mixed. {remedy}")


def _step(model: nn.Module, data: DataSet, n: int, precision: str) -> Exception | None:
    """The error of a training step with n sequences, if there is one."""
    x, targets, mask, lengths = _take(model, data, _by_length(data)[torch.arange(n) % len(data)])
    try:
        with own_randomness(0, x.device), torch.enable_grad():
            with torch.autocast(x.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                output = check_shape(model, run_model(model, x, lengths), targets)
            if not output.requires_grad:
                raise ValueError("its output must depend on its parameters, got one without a gradient.")
            loss_of(output.float(), targets, "mae", mask).backward()
    except Exception as error:  # whatever a user's model raises
        return error
    return None


def _parts(model: nn.Module) -> set[tuple[str, nn.Parameter | None]]:
    """Return the parameters by name and identity, and the buffers, which may be replaced, by name."""
    return {*model.named_parameters(), *((name, None) for name, _ in model.named_buffers())}


def _check_parts(model: nn.Module, built: set[tuple[str, nn.Parameter | None]]) -> None:
    """Raise if a forward has added or replaced parameters, or added buffers."""
    if changed := sorted({name for name, _ in _parts(model) ^ built}):
        new = ", ".join(changed[:3])
        raise bad_model(model, f"must build parameters and buffers in its constructor, got new ones in forward: {new}.")
