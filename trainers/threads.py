"""Choose the number of CPU threads of a training.

A recurrent layer computes one small matrix product for each time step, and after each its threads wait for the
slowest. PyTorch's threads wait actively (libgomp spins). If other programs need the processors, a thread waits until
the operating system gives the other thread its turn, and the training takes several times as long. One thread needs
no waiting. It is slower only if the products are large and the computer is otherwise idle.

The rule depends on the sizes of model and batch alone, because the number of threads changes the last bits of a
training, and a seed repeats a run. ``python -m tests.benchmarks.threads`` prints the table that it is chosen from.
A call of ``torch.set_num_threads`` takes precedence over the rule, also by another library (such as
``torch.utils.benchmark.Timer``).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

# Multiplications per time step and gate, units × units × sequences in a batch, up to which one thread is used. Up to
# it two threads are 0.6 to 1.5 times as fast on an idle computer, and one 1.5 to 11 times beside busy processes; above
# it two are 1.3 to 1.7 times as fast, and one 1.1 to 1.8 times.
ONE_THREAD_UP_TO = 2**18

_set_num_threads = torch.set_num_threads


def _set_before_import() -> bool:
    """Return whether `torch.set_num_threads` was called before this module was loaded, where that can be known."""
    # It switches off the dynamic number of threads of MKL, which is in PyTorch's wheels for Linux on x86-64.
    dynamic = None if os.name == "nt" else getattr(ctypes.CDLL(torch._C.__file__), "mkl_serv_get_dynamic", None)
    return dynamic is not None and dynamic() == 0


_set_by_user = _set_before_import()


# PyTorch does not tell a number that the user has set from its default, so calls are noted.
def _noting_set_num_threads(nthreads: int) -> None:
    """Set PyTorch's number of CPU threads, and note that the user has set it."""
    global _set_by_user
    _set_num_threads(nthreads)
    _set_by_user = True


torch.set_num_threads = _noting_set_num_threads


def useful_threads(model: nn.Module, batch_size: int, device: torch.device) -> int:
    """Return the number of CPU threads for a training.

    Parameters
    ----------
    model : torch.nn.Module
        The rule is for models with a recurrent layer (`nn.LSTM`, `nn.GRU`, `nn.RNN`, or a cell); its largest counts.
    batch_size : int
        Sequences in a batch.
    device : torch.device
        The rule is for trainings on the CPU.

    Returns
    -------
    int
        1 if the user has not set a number and units² × sequences are at most `ONE_THREAD_UP_TO`; else PyTorch's.
    """
    units = max(
        (layer.hidden_size for layer in model.modules() if isinstance(layer, (nn.RNNBase, nn.RNNCellBase))),
        default=0,
    )
    if device.type == "cpu" and not _set_by_user and 0 < units**2 * batch_size <= ONE_THREAD_UP_TO:
        return 1
    return torch.get_num_threads()


@contextmanager
def with_threads(number: int) -> Iterator[None]:
    """Set PyTorch's number of CPU threads within the context only; it does not count as set by the user."""
    before = torch.get_num_threads()
    try:
        if number != before:
            _set_num_threads(number)
        yield
    finally:
        # Another library may have changed it, too.
        if torch.get_num_threads() != before:
            _set_num_threads(before)
