"""`own_randomness`: random numbers that repeat, without touching the user's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

_CPU = torch.device("cpu")
# What PyTorch's generators take.
LARGEST_SEED = 2**63 - 1


def derived_seed(*numbers: int) -> int:
    """One seed from several numbers, such as a run's seed and an epoch's number."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


# PyTorch's random state is one for all threads: two that set it would mix their numbers.
_LOCK = threading.RLock()


@contextmanager
def own_randomness(seed: int, device: torch.device = _CPU) -> Iterator[None]:
    """Within this context PyTorch draws from `seed`; afterwards its global state is as before.

    Dropout and weight initialisation take no generator, hence this.
    """
    with _LOCK:
        yield from _seeded(seed, device)


def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    accelerator = None if device.type == "cpu" else getattr(torch, device.type)
    # torch.mps has one device, and takes no argument.
    where = () if device.type == "mps" else (device,)
    # manual_seed seeds the current device, which need not be the one meant.
    on_device = accelerator.device(device) if accelerator and where else nullcontext()
    cpu_state = torch.default_generator.get_state()
    accelerator_state = accelerator.get_rng_state(*where) if accelerator else None
    try:
        # torch.manual_seed would also seed every accelerator of the user's.
        torch.default_generator.manual_seed(seed)
        if accelerator:
            with on_device:
                accelerator.manual_seed(seed)
        yield
    finally:
        torch.default_generator.set_state(cpu_state)
        if accelerator:
            accelerator.set_rng_state(accelerator_state, *where)
