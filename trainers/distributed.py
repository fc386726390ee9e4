"""Training in several processes (ranks), which `torchrun` starts: shares of a batch, sums, decisions of rank 0.

Every rank has a copy of the model and draws the same batches. It trains on its share of each batch, and the gradients
are summed, so all copies stay equal. Without torchrun, there is one rank, and these functions do nothing. The
communication is that of `torch.distributed`: gloo between CPUs, NCCL between GPUs.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

Value = TypeVar("Value")
_alone = False


def launched() -> bool:
    """Return whether torchrun has started this process."""
    return dist.is_available() and dist.is_torchelastic_launched()


@contextmanager
def alone() -> Iterator[None]:
    """Run the context on this rank alone: within it, `size` is 1."""
    global _alone
    before, _alone = _alone, True
    try:
        yield
    finally:
        _alone = before


def connect(device: torch.device) -> None:
    """Connect to the other ranks, at the first call in a process that torchrun has started."""
    if not launched() or dist.is_initialized():
        return
    if device.index is not None:
        torch.accelerator.set_device_index(device)
    dist.init_process_group()
    atexit.register(lambda: dist.is_initialized() and dist.destroy_process_group())


def rank() -> int:
    """Return the number of this rank, from 0; only rank 0 prints, calls callbacks and saves."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank()
    return int(os.environ["RANK"]) if launched() else 0


def size() -> int:
    """Return the number of ranks."""
    return dist.get_world_size() if not _alone and dist.is_available() and dist.is_initialized() else 1


def own_accelerator(kind: str) -> str:
    """Return the name of the accelerator of this rank: the first rank of a computer uses the first one, and so on."""
    return f"{kind}:{os.environ['LOCAL_RANK']}" if int(os.environ.get("LOCAL_WORLD_SIZE", "1")) > 1 else kind


def share(positions: Tensor) -> Tensor:
    """Return the positions in a batch that this rank uses."""
    return positions[rank() :: size()]


def agreed(value: Value) -> Value:
    """Return the value of rank 0; all ranks must call this."""
    if size() == 1:
        return value
    values: list[Any] = [value]
    dist.broadcast_object_list(values)
    return values[0]


def total(*values: float) -> list[float]:
    """Return the sum of each value over all ranks."""
    if size() == 1:
        return list(values)
    sums = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(sums)
    return sums.tolist()


def sum_gradients(model: nn.Module, loss: Tensor) -> Tensor:
    """Replace the gradients of each rank by their sum, and return the sum of the losses.

    A parameter without a gradient on all ranks stays without one.
    """
    if size() == 1:
        return loss
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    used = loss.new_tensor([parameter.grad is not None for parameter in parameters])
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    dtype = reduce(torch.promote_types, [gradient.dtype for gradient in gradients], loss.dtype)
    parts = torch.cat([part.flatten().to(dtype) for part in (loss, used, *gradients)])
    dist.all_reduce(parts)
    loss, used, *summed = parts.split([1, len(used), *(gradient.numel() for gradient in gradients)])
    for parameter, is_used, gradient in zip(parameters, used, summed, strict=True):
        parameter.grad = gradient.view_as(parameter).to(parameter.dtype) if is_used else None
    return loss.reshape(()).float()


@torch.no_grad()
def average_statistics(model: nn.Module) -> None:
    """Replace the running statistics of batch normalization, which come from shares, by their mean over all ranks."""
    buffers = [getattr(part, name, None) for part in model.modules() for name in ("running_mean", "running_var")]
    for buffer in buffers if size() > 1 else ():
        if isinstance(buffer, Tensor):
            dist.all_reduce(buffer)
            buffer /= size()


def check_same(description: dict[str, Any]) -> None:
    """Raise an error on a rank whose description of the run differs from that of rank 0."""
    first = agreed(description)
    if differing := [name for name in first if first[name] != description.get(name)]:
        shown = "; ".join(f"{name} {first[name]!r} on rank 0 and {description.get(name)!r} here" for name in differing)
        raise ValueError(f"the run of rank {rank()} must be the same as that of rank 0, got {shown}.")
