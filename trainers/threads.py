"""`useful_threads`: one CPU thread for a small recurrent model, whose threads would mostly wait for each other.

A recurrent layer takes one small matrix product after the other, a step at a time, and after each its threads wait
for the slowest. With few units and small batches they win little; and as soon as anything else computes on the
same processors (a browser, a video call), each wait lasts until the operating system comes round, and the same epoch
takes several times as long. `make benchmark` measures both here.

With one thread the figures do not hang on how many processors a computer has, either. The environment variable
``TRAINERS_ONE_THREAD=0`` leaves PyTorch's number of threads alone. Larger models gain from several threads where
nothing else computes; where something does, ``torch.set_num_threads(1)`` serves them too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

# Units of a recurrent layer times sequences in a batch, up to which a second thread gains little.
SMALL = 1024


def useful_threads(model: nn.Module, batch_size: int, device: torch.device) -> int:
    """How many of PyTorch's CPU threads a training is worth.

    Parameters
    ----------
    model : torch.nn.Module
        One without a recurrent layer is worth all of them.
    batch_size : int
        Sequences in a batch.
    device : torch.device
        Where it is trained; only a training on the CPU is worth fewer.

    Returns
    -------
    int
        1 if the largest recurrent layer is small, else as many as PyTorch is set to.
    """
    sizes = [layer.hidden_size * batch_size for layer in model.modules() if isinstance(layer, nn.RNNBase)]
    small = bool(sizes) and max(sizes) <= SMALL
    if device.type == "cpu" and small and os.environ.get("TRAINERS_ONE_THREAD", "1") != "0":
        return 1
    return torch.get_num_threads()


@contextmanager
def with_threads(number: int) -> Iterator[None]:
    """Let PyTorch compute with so many CPU threads, and with as many as before afterwards."""
    before = torch.get_num_threads()
    if number == before:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
