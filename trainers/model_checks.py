"""Checks of a model before its training: it is run on a few sequences, on a copy, to find what would fail later."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from data import DataSet
from trainers.losses import check_lengths, check_shape, evaluating, loss_of, run_model
from trainers.torch_utils import copy_state, load_state, own_randomness


def check_forward(model: nn.Module, train: DataSet, validation: DataSet, device: torch.device) -> None:
    """Raise if the model cannot reconstruct the sets, or does not reconstruct each sequence by itself.

    Lazy layers are built if all is well.
    """
    name, lazy = type(model).__name__, any(map(is_lazy, model.parameters()))
    weights = {key: tensor for key, tensor in model.named_parameters() if not is_lazy(tensor)}
    if any(tensor.is_inference() for tensor in weights.values()):
        raise ValueError(
            f"the model {name} must be able to learn, got one built in torch.inference_mode(). Build it outside."
        )
    bad = [key for key, tensor in weights.items() if not tensor.isfinite().all()]
    if bad:
        raise ValueError(
            f"the weights {', '.join(bad[:3])} of the model {name} hold NaN or infinite values, so it cannot learn. "
            "Build a new model."
        )
    with _trial(model, device) as tried, evaluating(tried):
        order = _by_length(train)
        _output(tried, train, order[:2], device)
        # Lazy layers are built now.
        if unbuilt := [key for key, tensor in tried.named_parameters() if is_lazy(tensor)]:
            raise ValueError(
                f"the model {name} must use all its layers in evaluation mode, got lazy ones that it does not use: "
                f"{', '.join(unbuilt[:3])}. Give them their sizes, as in nn.Linear."
            )
        built = copy_state(tried)
        few = order[torch.linspace(0, len(order) - 1, 4).long()]
        _check_independence(tried, train, few, device)
        # In batches as large as those in which the validation loss is measured.
        for size in {min(len(validation), 256), len(validation) % 256} - {0}:
            _output(tried, validation, torch.arange(size), device)
        if copy_state(tried).keys() != built.keys():
            _refuse_new_tensors(name, copy_state(tried).keys() ^ built.keys())
        for part in (train, validation):
            check_lengths(tried, part.sequences, part.lengths, device)
    if lazy or built.keys() != copy_state(model).keys() or hasattr(model, "_orig_mod"):
        # Lazy layers draw their weights as any other layer: from PyTorch's own generator.
        with evaluating(model), nullcontext() if lazy else own_randomness(0, device):
            _output(model, train, order[:2], device, seed=None)


def check_step(
    model: nn.Module, train: DataSet, size: int, last: int, precision: str, device: torch.device, *, alone: bool = True
) -> None:
    """Raise if a training step fails with a batch of `size` sequences, or with the last one of an epoch.

    Unless the caller is `alone`, the model is being trained in another thread: then only a copy is tried.
    """
    name = type(model).__name__
    with _trial(model, device) as tried:
        if tried is model and not alone:
            return
        before = dict(tried.named_parameters()), dict(tried.named_buffers())
        tried.train()
        for n in dict.fromkeys((size, last)):
            error = _step(tried, train, n, precision, device)
            if error is None:
                continue
            if precision != "float32" and _step(tried, train, n, "float32", device) is None:
                raise RuntimeError(
                    f"precision must be one in which {device.type!r} can train the model {name}, got {precision!r}: "
                    f'{error} Set precision="float32".'
                ) from error
            if n != size or (n == 1 and _step(tried, train, 2, precision, device) is None):
                sizes = [*range(size - 1, 1, -1), *range(size + 1, len(train) + 1)]
                better = next((b for b in sizes if n == 1 and len(train) % b != 1), None)
                remedy = "Use n_batches, so that every batch is full." if n != size else "Use more sequences."
                raise ValueError(
                    f"batch_size must leave a last batch with which the model {name} can be trained, got {size} for "
                    f"{len(train)} sequences, so {n} in the last batch: {error} "
                    f"{f'Use batch_size={better}.' if better else remedy}"
                ) from error
            raise ValueError(
                f"the model {name} fails in a training step with {n} sequences of {train.name!r}: {error}"
            ) from error
        after = dict(tried.named_parameters()), dict(tried.named_buffers())
        changed = {key for key in before[0].keys() | after[0].keys() if before[0].get(key) is not after[0].get(key)}
        if changed := changed | (before[1].keys() ^ after[1].keys()):
            _refuse_new_tensors(name, changed)


@contextmanager
def _trial(model: nn.Module, device: torch.device) -> Iterator[nn.Module]:
    """Yield a copy of the model or, if it cannot be copied, the model itself, restored afterwards."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        # Not the compiled code: it would be compiled for a few sequences. `to` repacks the weights of recurrent layers.
        tried = copy.deepcopy(getattr(model, "_orig_mod", model)).to(device)
    except Exception:  # a model may hold what cannot be copied, such as an open file
        tried = model
    state = copy_state(model) if tried is model else {}
    modes = {part: part.training for part in tried.modules()}
    gradients = {parameter: parameter.grad for parameter in tried.parameters()}
    try:
        yield tried
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        if tried is model:
            for part, mode in modes.items():
                part.training = mode
            for parameter, gradient in gradients.items():
                parameter.grad = gradient
            if state.keys() == copy_state(model).keys():
                load_state(model, state)


def _by_length(data: DataSet) -> torch.Tensor:
    """The positions of all sequences, the shortest first: they show what a model makes of padding."""
    return torch.arange(len(data)) if data.lengths is None else data.lengths.argsort(stable=True)


def _output(
    model: nn.Module,
    data: DataSet,
    rows: torch.Tensor,
    device: torch.device,
    *,
    seed: int | None = 0,
    others: torch.Tensor | None = None,
) -> torch.Tensor:
    """The model's reconstruction of these sequences; those at odd positions are replaced by `others`, reversed."""
    given = data.sequences[rows]
    lengths = None if data.lengths is None else data.lengths[rows]
    if others is not None:
        given[1::2] = data.sequences[others].flip(1)[1::2]
        if lengths is not None and data.lengths is not None:
            lengths[1::2] = data.lengths[others][1::2]
    x = given.to(device, copy=True)
    if seed is not None:
        np.random.seed(seed)
        random.seed(seed)
    try:
        with nullcontext() if seed is None else own_randomness(seed, device):
            output = run_model(model, x, lengths)
    except Exception as error:  # whatever a user's model raises
        converted = any(p.is_floating_point() and p.dtype != torch.float32 for p in model.parameters())
        remedy = "Build it for data of this shape and any number of sequences, without state from earlier calls."
        raise ValueError(
            f"the model {type(model).__name__} does not take sequences of {data.name!r}, shape {tuple(x.shape)} "
            f"(n, time, feature): {error} {'Call model.float().' if converted else remedy}"
        ) from error
    check_shape(model, output, x)
    if not torch.equal(x.cpu(), given):
        raise ValueError(
            f"the model {type(model).__name__} changes its input in place, so each epoch would train on other data. "
            "Let its forward begin with a copy: x = x.clone()."
        )
    counts = output if data.mask is None else output[data.mask[rows].to(device)]
    if others is None and not counts.isfinite().all():
        raise ValueError(
            f"the model {type(model).__name__} must return finite numbers, got NaN or infinite values for "
            f"{data.name!r}. Scale the data, or divide by a standard deviation plus a small number."
        )
    return output.detach().cpu()


def _check_independence(model: nn.Module, data: DataSet, rows: torch.Tensor, device: torch.device) -> None:
    """Raise if a reconstruction depends on earlier calls, on the other sequences of its batch or on its place there."""

    def output(rows: torch.Tensor, *, before: dict[str, Any] | None = None, **more: Any) -> torch.Tensor:
        # Each time by a fresh copy: random generators that the model holds are then in the same state.
        with _trial(model, device) as fresh:
            if before is not None:
                _output(fresh, data, rows, device, **before)
            return _output(fresh, data, rows, device, **more)

    def differ(one: torch.Tensor, other: torch.Tensor, counts: torch.Tensor) -> bool:
        return bool(((one - other)[counts].double().abs() > tolerance).any())

    mask = torch.ones_like(data.sequences[rows], dtype=torch.bool) if data.mask is None else data.mask[rows]
    first = output(rows)
    values = first[mask].double()
    noise = 16 * torch.finfo(first.dtype).eps * values.abs().max()
    tolerance = torch.maximum(1e-4 * (values.max() - values.min()), noise)
    if differ(output(rows, before={}), output(rows, before={"others": rows.flip(0)}), mask):
        raise ValueError(
            f"the model {type(model).__name__} must return the same output for the same input in evaluation mode, got "
            "another one after other calls. Keep no state, such as a hidden state, from one forward to the next."
        )
    mixed = differ(output(rows, others=rows.flip(0))[::2], first[::2], mask[::2])
    order = torch.tensor([2, 0, 3, 1])
    if not mixed and differ(output(rows[order]), first[order], mask[order]):
        # In a model that draws random numbers each position gets its own: then other draws differ, too.
        mixed = not differ(output(rows, before={}, seed=1), first, mask)
    if mixed and any(isinstance(part, _BatchNorm) and not part.track_running_stats for part in model.modules()):
        msg = (
            f"the model {type(model).__name__} normalizes by the statistics of each batch, so a reconstruction depends "
            "on the other sequences of its batch. Use track_running_stats=True."
        )
        warnings.warn(msg, stacklevel=2)
    elif mixed:
        raise ValueError(
            f"the model {type(model).__name__} must reconstruct each sequence by itself, got other values beside other "
            "sequences: it mixes batch and time. Set batch_first=True in its recurrent and attention layers, and "
            "compute along time (dim 1), not along the batch (dim 0)."
        )


def _step(model: nn.Module, data: DataSet, n: int, precision: str, device: torch.device) -> Exception | None:
    """The error of a training step with n sequences, if there is one."""
    rows = _by_length(data)[torch.arange(n) % len(data)]
    x, targets = data.sequences[rows].to(device), data.targets[rows].to(device)
    mask = None if data.mask is None else data.mask[rows].to(device)
    lengths = None if data.lengths is None else data.lengths[rows]
    try:
        with own_randomness(0, device), torch.enable_grad():
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                output = check_shape(model, run_model(model, x, lengths), targets)
            if not output.requires_grad:
                raise ValueError("its output must depend on its parameters, got one without a gradient.")
            loss_of(output.float(), targets, "mae", mask).backward()
    except Exception as error:  # whatever a user's model raises
        return error
    return None


def _refuse_new_tensors(name: str, tensors: set[str]) -> None:
    raise ValueError(
        f"the model {name} must keep its parameters and buffers, got new ones in forward: "
        f"{', '.join(sorted(tensors)[:3])}. Build them in its constructor."
    )
