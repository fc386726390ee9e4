"""Utilities for PyTorch: device, random numbers, threads, memory, and copies of a model's state."""

from __future__ import annotations

import ctypes
import os
import platform
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from trainers.distributed import own_accelerator

ModelState = dict[str, torch.Tensor]
_CPU = torch.device("cpu")

# ---------------------------------------------------------------------- device


def as_device(device: str | torch.device) -> torch.device:
    """Return a device as a `torch.device`.

    Parameters
    ----------
    device : str or torch.device
        "cpu"; "gpu" for the accelerator that `torch.accelerator` finds (CUDA, MPS, XPU); or
        PyTorch's name of a device, such as "cuda:1".

    Raises
    ------
    TypeError, ValueError
        If `device` is not the name of a device.
    RuntimeError
        If this computer does not have the device.
    """
    must_be = 'device must be "cpu", "gpu" or a PyTorch device such as "cuda:1"'
    if not isinstance(device, str | torch.device):
        raise TypeError(f"{must_be}, got {device!r} ({type(device).__name__}).")
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device == "gpu":
        if accelerator is None:
            raise RuntimeError('device must be "cpu" here, got "gpu": PyTorch finds no accelerator (CUDA, MPS or XPU).')
        device = own_accelerator(accelerator.type)
    try:
        requested = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"{must_be}, got {device!r}.") from error
    if requested.type == "cpu":
        return requested
    count = torch.accelerator.device_count()
    if accelerator is None or requested.type != accelerator.type or (requested.index or 0) >= count:
        available = "no accelerator" if accelerator is None else f"{count} of type {accelerator.type!r}"
        raise RuntimeError(f'device must be available on this computer, got "{requested}": it has {available}.')
    return requested


def device_of(model: nn.Module) -> torch.device:
    """Return the device of a model's first parameter."""
    return next((parameter.device for parameter in model.parameters()), _CPU)


# ---------------------------------------------------------------------- random numbers

# The largest seed that PyTorch's generators accept.
LARGEST_SEED = 2**63 - 1
# PyTorch has one random state for all threads, so only one thread at a time may set it.
_RANDOM_LOCK = threading.RLock()


def derived_seed(*numbers: int) -> int:
    """Return one seed that depends on several numbers, such as the seed of a run and the number of an epoch."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


@contextmanager
def own_randomness(seed: int, device: torch.device = _CPU) -> Iterator[None]:
    """Seed PyTorch's global random state within the context, and restore it afterwards.

    This is necessary because dropout and weight initialisation do not accept a generator.
    """
    accelerator = None if device.type == "cpu" else getattr(torch, device.type)
    # torch.mps has one device, and its functions have no argument for it
    where = () if device.type == "mps" else (device,)
    with _RANDOM_LOCK:
        cpu_state = torch.default_generator.get_state()
        accelerator_state = accelerator.get_rng_state(*where) if accelerator else None
        try:
            # not torch.manual_seed, which would also seed every accelerator
            torch.default_generator.manual_seed(seed)
            if accelerator:
                # manual_seed seeds the current device, which may be a different one
                with accelerator.device(device) if where else nullcontext():
                    accelerator.manual_seed(seed)
            yield
        finally:
            torch.default_generator.set_state(cpu_state)
            if accelerator:
                accelerator.set_rng_state(accelerator_state, *where)


def random_states(device: torch.device = _CPU) -> dict[str, Any]:
    """Return the states of the global random generators of Python, NumPy and PyTorch."""
    states = {"python": random.getstate(), "numpy": np.random.get_state(), "torch": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = getattr(torch, device.type).get_rng_state(*(() if device.type == "mps" else (device,)))
    return states


def set_random_states(states: dict[str, Any]) -> None:
    """Set the global random generators; the state of an accelerator that this computer does not have is left out."""
    if not 0 <= states["numpy"][2] <= 624:  # NumPy does not check it, and would read outside its memory
        raise ValueError(f"the position in NumPy's random state must be from 0 to 624, got {states['numpy'][2]}.")
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.set_rng_state(states["torch"])
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if accelerator is not None and accelerator.type in states:
        getattr(torch, accelerator.type).set_rng_state(states[accelerator.type])


# ---------------------------------------------------------------------- number of CPU threads
#
# A recurrent layer computes one small matrix product for each time step. After each product, all threads wait for the
# slowest. PyTorch's threads wait actively (libgomp spins). If other programs use the processors, a thread waits until
# the operating system runs the other thread, and the training takes several times as long. A single thread does not
# wait. It is slower only if the products are large and the computer is otherwise idle.
#
# The rule depends only on the sizes of model and batch, because the number of threads changes the last bits of the
# results, and a training run must be reproducible from its seed. `python -m tests.benchmarks.threads` prints the
# measurements behind the rule. A call of `torch.set_num_threads` has priority over the rule, also if another library
# calls it (such as `torch.utils.benchmark.Timer`).

# Multiplications per time step and gate (units × units × sequences in a batch) up to which one thread is used. Up to
# this number, two threads are 0.6 to 1.5 times as fast as one on an idle computer, and one thread is 1.5 to 11 times as
# fast as two next to busy processes. Above it, two threads are 1.3 to 1.7 times as fast on an idle computer, and one
# thread is 1.1 to 1.8 times as fast next to busy processes.
ONE_THREAD_UP_TO = 2**18

_set_num_threads = torch.set_num_threads


# An earlier call of torch.set_num_threads can be detected if PyTorch has MKL, as in its wheels for Linux on x86-64,
# because the call switches off MKL's dynamic number of threads.
_dynamic = None if os.name == "nt" else getattr(ctypes.CDLL(torch._C.__file__), "mkl_serv_get_dynamic", None)
_set_by_user = _dynamic is not None and _dynamic() == 0


# PyTorch does not distinguish a number that the user has set from its default, so calls are recorded.
def _recording_set_num_threads(nthreads: int) -> None:
    """Set PyTorch's number of CPU threads, and record that the user has set it."""
    global _set_by_user
    _set_num_threads(nthreads)
    _set_by_user = True


torch.set_num_threads = _recording_set_num_threads


def useful_threads(model: nn.Module, batch_size: int, device: torch.device) -> int:
    """Return the number of CPU threads for a training run.

    Parameters
    ----------
    model : torch.nn.Module
        The rule applies to models with recurrent layers (`nn.LSTM`, `nn.GRU`, `nn.RNN`, or cells). Units are those of
        the largest layer.
    batch_size : int
        Number of sequences in a batch.
    device : torch.device
        The rule applies to the CPU.

    Returns
    -------
    int
        1 if the user has not set a number and units² × sequences is at most `ONE_THREAD_UP_TO`; otherwise PyTorch's
        number.
    """
    layers = (layer for layer in model.modules() if isinstance(layer, (nn.RNNBase, nn.RNNCellBase)))
    units = max((layer.hidden_size for layer in layers), default=0)
    if device.type == "cpu" and not _set_by_user and 0 < units**2 * batch_size <= ONE_THREAD_UP_TO:
        return 1
    return torch.get_num_threads()


@contextmanager
def with_threads(number: int) -> Iterator[None]:
    """Set PyTorch's number of CPU threads within the context; this does not count as set by the user."""
    before = torch.get_num_threads()
    try:
        if number != before:
            _set_num_threads(number)
        yield
    finally:
        # restore it also if another library has changed it
        if torch.get_num_threads() != before:
            _set_num_threads(before)


# ---------------------------------------------------------------------- memory

# Constants of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_TRIM = 2**31 - 1
# The first accepted value is used; older versions of glibc accept at most 32 MiB.
_MMAP_THRESHOLDS = (2**30, 2**25)


@cache
def keep_large_buffers() -> bool:
    """Make glibc keep large buffers; the trainer calls this, and only the first call in a process has an effect.

    A training step of an LSTM needs buffers of a few megabytes. By default glibc returns them to the operating
    system after each step, and requests them again, page by page, in the next. If it keeps them, the training is up
    to twice as fast (`make benchmark` measures this on your computer). The cost is that the memory stays reserved
    until the process ends. The setting applies to the whole process and cannot be undone. To disable it, set the
    environment variable ``TRAINERS_KEEP_BUFFERS=0`` before the first training run.

    Returns
    -------
    bool
        True if the allocator accepted the setting; False if it is disabled or not available (macOS, Windows, musl).
    """
    if os.environ.get("TRAINERS_KEEP_BUFFERS", "1") == "0" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept = any(mallopt(_M_MMAP_THRESHOLD, size) == 1 for size in _MMAP_THRESHOLDS)
    return kept and mallopt(_M_TRIM_THRESHOLD, _LARGEST_TRIM) == 1


# ---------------------------------------------------------------------- a model's state


def uncompiled(model: nn.Module) -> nn.Module:
    """Return the model itself, without the wrapper of `torch.compile`, which changes the names of its tensors."""
    return getattr(model, "_orig_mod", model)


def _tensors(model: nn.Module) -> ModelState:
    """Return parameters and all buffers by name; `state_dict` would omit buffers that are not persistent."""
    model = uncompiled(model)
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor for name, tensor in tensors.items() if not is_lazy(tensor)}


def copy_state(model: nn.Module) -> ModelState:
    """Return copies of every parameter and buffer; training would change references."""
    return {name: tensor.detach().clone() for name, tensor in _tensors(model).items()}


@contextmanager
def modes_kept(model: nn.Module) -> Iterator[None]:
    """Restore the training or evaluation mode of each module after the context."""
    modes = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def check_tensors(model: nn.Module, state: ModelState) -> None:
    """Raise ValueError unless the state has the names, shapes and types of the model's parameters and buffers.

    A buffer may have another shape, because buffers such as a memory bank can grow.
    """
    own, buffers = _tensors(model), dict(uncompiled(model).named_buffers())
    kind = type(uncompiled(model)).__name__
    if differing := sorted(own.keys() ^ state.keys()):
        raise ValueError(f"the model {kind} must have the tensors of the file, got differences: {differing[:3]}.")
    for name, tensor in own.items():
        got = state[name]
        if got.dtype != tensor.dtype or (got.shape != tensor.shape and name not in buffers):
            wanted, here = (f"shape {tuple(one.shape)} and type {one.dtype}" for one in (got, tensor))
            raise ValueError(f"{name} of the model {kind} must have {wanted}, as in the file, got {here}.")


def check_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Raise ValueError unless the state has the parameter groups and the tensor shapes of the optimizer."""
    own = optimizer.state_dict()["param_groups"]

    def kinds(groups: list[dict[str, Any]]) -> list[Any]:
        # further entries, such as those of a scheduler, may be missing in the optimizer
        pairs = zip(groups, own, strict=True)
        return [[group["params"], *(type(group.get(name)) for name in mine)] for group, mine in pairs]

    if kinds(state["param_groups"]) != kinds(own):
        raise ValueError(f"optimizer must have the parameter groups of the file, got {type(optimizer).__name__}.")
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, values in state["state"].items():
        for name, value in values.items():
            if name.startswith("exp_avg") and value.shape != parameters[number].shape:
                raise ValueError(f"{name} must have shape {tuple(parameters[number].shape)}, got {tuple(value.shape)}.")


def frozen_names(model: nn.Module) -> list[str]:
    """Return the names of the parameters that are not trained."""
    return [name for name, parameter in uncompiled(model).named_parameters() if not parameter.requires_grad]


def build_lazy(model: nn.Module, state: ModelState) -> None:
    """Build lazy layers with the tensors of a state."""
    for name, tensor in [*uncompiled(model).named_parameters(), *uncompiled(model).named_buffers()]:
        if is_lazy(tensor) and name in state:
            tensor.materialize(state[name].shape)
            tensor.data.copy_(state[name])


def load_weights(model: nn.Module, state: ModelState, frozen: list[str]) -> None:
    """Load a checked state into the model; the named parameters are frozen, all others are trained."""
    check_tensors(model, state)
    load_state(model, state)
    for name, parameter in uncompiled(model).named_parameters():
        parameter.requires_grad_(name not in frozen)


@torch.no_grad()
def load_state(model: nn.Module, state: ModelState) -> None:
    """Write a copied state into the model in place, so that its optimizer still refers to its parameters."""
    tensors = _tensors(model)
    if tensors.keys() != state.keys():
        changed = sorted(tensors.keys() ^ state.keys())
        raise RuntimeError(f"the model must have the parameters and buffers of the state, got differences: {changed}.")
    model = uncompiled(model)
    buffers = dict(model.named_buffers())
    for name, tensor in tensors.items():
        expanded = tensor.layout is torch.strided and 0 in tensor.stride()
        if name in buffers and (expanded or tensor.shape != state[name].shape):
            # replace a buffer that has grown, such as a memory bank, or that was expanded: it cannot be written
            path, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(path), attribute, state[name].to(tensor.device, copy=True))
        else:
            tensor.copy_(state[name])
