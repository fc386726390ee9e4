"""What the kit needs of PyTorch: the device, random numbers, threads, memory, copies of a model's state."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

ModelState = dict[str, torch.Tensor]
_CPU = torch.device("cpu")

# ---------------------------------------------------------------------- device


def as_device(device: str | torch.device) -> torch.device:
    """Return the compute device that is meant.

    Parameters
    ----------
    device : str or torch.device
        "cpu"; "gpu" for whatever accelerator `torch.accelerator` offers (CUDA, MPS, XPU); or
        one by PyTorch's own name, such as "cuda:1".

    Raises
    ------
    TypeError, ValueError
        If it is not a device.
    RuntimeError
        If this computer does not have it.
    """
    must_be = 'device must be "cpu", "gpu" or a name that PyTorch knows, such as "cuda:1"'
    if not isinstance(device, str | torch.device):
        raise TypeError(f"{must_be}, got {device!r} ({type(device).__name__}).")
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device == "gpu":
        if accelerator is None:
            raise RuntimeError('device must be "cpu" here, got "gpu": PyTorch finds no accelerator (CUDA, MPS or XPU).')
        return accelerator
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"{must_be}, got {device!r}.") from error
    if wanted.type == "cpu":
        return wanted
    count = torch.accelerator.device_count()
    if accelerator is None or wanted.type != accelerator.type or (wanted.index or 0) >= count:
        has = "no accelerator" if accelerator is None else f"{count} of type {accelerator.type!r}"
        raise RuntimeError(f'device must be on this computer, got "{wanted}": it has {has}.')
    return wanted


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's first parameter."""
    return next((parameter.device for parameter in model.parameters()), _CPU)


# ---------------------------------------------------------------------- random numbers

# The largest that PyTorch's generators accept.
LARGEST_SEED = 2**63 - 1
# PyTorch's random state is one for all threads: two that set it would mix their numbers.
_RANDOM_LOCK = threading.RLock()


def derived_seed(*numbers: int) -> int:
    """Return one seed for several numbers, such as a run's seed and an epoch's number."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


@contextmanager
def own_randomness(seed: int, device: torch.device = _CPU) -> Iterator[None]:
    """Let PyTorch draw from `seed` within this context; afterwards its global state is as before.

    Dropout and weight initialisation do not accept a generator, hence this.
    """
    accelerator = None if device.type == "cpu" else getattr(torch, device.type)
    # torch.mps has one device, and its functions have no argument for it.
    where = () if device.type == "mps" else (device,)
    with _RANDOM_LOCK:
        cpu_state = torch.default_generator.get_state()
        accelerator_state = accelerator.get_rng_state(*where) if accelerator else None
        try:
            # torch.manual_seed would also seed every accelerator of the user's.
            torch.default_generator.manual_seed(seed)
            if accelerator:
                # manual_seed seeds the current device, which may be another one.
                with accelerator.device(device) if where else nullcontext():
                    accelerator.manual_seed(seed)
            yield
        finally:
            torch.default_generator.set_state(cpu_state)
            if accelerator:
                accelerator.set_rng_state(accelerator_state, *where)


# ---------------------------------------------------------------------- number of CPU threads
#
# A recurrent layer computes one small matrix product for each time step, and after each its threads wait for the
# slowest. PyTorch's threads wait actively (libgomp spins). If other programs need the processors, a thread waits until
# the operating system gives the other thread its turn, and the training takes several times as long. One thread needs
# no waiting. It is slower only if the products are large and the computer is otherwise idle.
#
# The rule depends on the sizes of model and batch alone, because the number of threads changes the last bits of a
# training, and a seed repeats a run. `python -m tests.benchmarks.threads` prints the table that it is chosen from.
# A call of `torch.set_num_threads` takes precedence over the rule, also by another library (such as
# `torch.utils.benchmark.Timer`).

# Multiplications per time step and gate, units × units × sequences in a batch, up to which one thread is used. Up to
# it two threads are 0.6 to 1.5 times as fast on an idle computer, and one 1.5 to 11 times beside busy processes; above
# it two are 1.3 to 1.7 times as fast, and one 1.1 to 1.8 times.
ONE_THREAD_UP_TO = 2**18

_set_num_threads = torch.set_num_threads


# Whether it was called before this module was loaded can be known where PyTorch has MKL, as in its wheels for Linux on
# x86-64: the call switches off MKL's dynamic number of threads.
_dynamic = None if os.name == "nt" else getattr(ctypes.CDLL(torch._C.__file__), "mkl_serv_get_dynamic", None)
_set_by_user = _dynamic is not None and _dynamic() == 0


# PyTorch does not distinguish a number that the user has set from its default, so calls are noted.
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
    layers = (layer for layer in model.modules() if isinstance(layer, (nn.RNNBase, nn.RNNCellBase)))
    units = max((layer.hidden_size for layer in layers), default=0)
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


# ---------------------------------------------------------------------- memory

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_TRIM = 2**31 - 1
# Older glibc accepts at most 32 MiB; the first value that is accepted is used.
_MMAP_THRESHOLDS = (2**30, 2**25)


@cache
def keep_large_buffers() -> bool:
    """Let glibc keep large buffers; called by the trainer, acts once in a process.

    An LSTM's training step needs buffers of some megabytes. By default glibc returns them to the operating system
    after each step and asks for them again, page by page, at the next. With buffers that stay, the same training runs
    up to twice as fast (`make benchmark` measures it here). The price: the memory stays reserved until the process
    ends. The setting holds for the whole process and cannot be undone: to leave the allocator alone, set the
    environment variable ``TRAINERS_KEEP_BUFFERS=0`` before the first training.

    Returns
    -------
    bool
        True if the allocator accepted the setting; False where it is switched off or does not apply
        (macOS, Windows, musl).
    """
    if os.environ.get("TRAINERS_KEEP_BUFFERS", "1") == "0" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept = any(mallopt(_M_MMAP_THRESHOLD, size) == 1 for size in _MMAP_THRESHOLDS)
    return kept and mallopt(_M_TRIM_THRESHOLD, _LARGEST_TRIM) == 1


# ---------------------------------------------------------------------- a model's state


def _tensors(model: nn.Module) -> ModelState:
    """Return parameters and all buffers by name. `state_dict` would leave out buffers that are not persistent."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor for name, tensor in tensors.items() if not is_lazy(tensor)}


def copy_state(model: nn.Module) -> ModelState:
    """Return copies (never references: training would change them) of every parameter and buffer."""
    return {name: tensor.detach().clone() for name, tensor in _tensors(model).items()}


@torch.no_grad()
def load_state(model: nn.Module, state: ModelState) -> None:
    """Write a copied state into the model, in place, so that its optimizer keeps its parameters."""
    tensors = _tensors(model)
    if tensors.keys() != state.keys():
        changed = sorted(tensors.keys() ^ state.keys())
        raise RuntimeError(
            f"the model must keep its parameters and buffers, got {changed} only before or after a copy."
        )
    buffers = dict(model.named_buffers())
    for name, tensor in tensors.items():
        expanded = tensor.layout is torch.strided and 0 in tensor.stride()
        if name in buffers and (expanded or tensor.shape != state[name].shape):
            # A buffer that grew, such as a memory bank, or that `expand` made cannot be written in place.
            part, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(part), leaf, state[name].to(tensor.device, copy=True))
        else:
            tensor.copy_(state[name])
