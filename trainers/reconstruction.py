"""`reconstruct` and `mean_loss`: what a model makes of sequences, in evaluation mode, without gradients."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from data import DataSet
from trainers.randomness import own_randomness

LOSSES = {"mae": functional.l1_loss, "mse": functional.mse_loss}


# Models that draw random numbers even in evaluation give the same reconstruction each time.
_SEED = 0


def check_model(model: Any) -> nn.Module:
    """`model` itself, or an error if it is no model."""
    if not isinstance(model, nn.Module):
        got = f"the class {model.__name__}, not an object of it" if isinstance(model, type) else type(model).__name__
        msg = f"model takes a torch.nn.Module, such as LSTMAutoencoder(); got {got}."
        raise TypeError(msg)
    return model


def check_shape(model: nn.Module, output: Any, wanted: torch.Tensor) -> torch.Tensor:
    """`output` itself, or an error if it is not a tensor of the shape wanted.

    Without this check, the loss would broadcast one against the other and mean nothing.
    """
    if not isinstance(output, torch.Tensor) or output.shape != wanted.shape:
        got = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        msg = (
            f"the model {type(model).__name__} must return a tensor of shape {tuple(wanted.shape)} "
            f"(sequences, time, feature), like its input; got {got}. "
            "Check its n_features, and that it returns the reconstruction alone."
        )
        raise ValueError(msg)
    return output


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within this context the model is in evaluation mode; afterwards each part is as before."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def reconstruct(model: nn.Module, sequences: Any, *, batch_size: int = 256) -> torch.Tensor:
    """Reconstruct sequences with a trained model.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (n, time, feature) to the same shape.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Finite numbers.
    batch_size : int, default 256
        Sequences at a time: it bounds the memory and does not change the result.

    Returns
    -------
    torch.Tensor, shape (n, time, feature)
        float32, on the CPU.

    Raises
    ------
    TypeError, ValueError
        If the model is none or returns another shape, the sequences are no finite numbers, or
        the batch size is no whole number from 1 up.
    """
    check_model(model)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        msg = f"batch_size takes a whole number, at least 1; got {batch_size!r}. The default is 256."
        raise ValueError(msg)
    # A copy: a model that changes its input in place must not change the data set.
    inputs = DataSet.of(sequences, "sequences to reconstruct").sequences.clone()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    with evaluating(model), own_randomness(_SEED, device):
        parts = [check_shape(model, model(part.to(device)), part).float().cpu() for part in inputs.split(batch_size)]
    return torch.cat(parts)


def mean_loss(
    model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor, loss: str = "mae", *, batch_size: int = 256
) -> float:
    """The reconstruction loss, mean over all elements, of tensors on the model's own device.

    The mean, not the sum, so that it depends neither on batch size nor on length.
    """
    total = torch.zeros((), dtype=torch.float64)
    with evaluating(model), own_randomness(_SEED, inputs.device):
        for x, y in zip(inputs.split(batch_size), targets.split(batch_size), strict=True):
            total += LOSSES[loss](check_shape(model, model(x), y).float(), y, reduction="sum").cpu()
    return float(total) / targets.numel()
