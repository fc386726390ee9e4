"""`as_device`: from "cpu" or "gpu" to the device that PyTorch has."""

from __future__ import annotations

import torch


def as_device(device: str | torch.device) -> torch.device:
    """The compute device that is meant.

    Parameters
    ----------
    device : str or torch.device
        "cpu"; "gpu" for whatever accelerator `torch.accelerator` offers (CUDA, MPS, XPU); or
        one by PyTorch's own name, such as "cuda:1".

    Raises
    ------
    TypeError, ValueError
        If that is no device.
    RuntimeError
        If this machine does not have it.
    """
    if not isinstance(device, str | torch.device):
        msg = f'device takes "cpu", "gpu" or a torch.device; got {device!r} ({type(device).__name__}).'
        raise TypeError(msg)
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device == "gpu":
        if accelerator is None:
            msg = (
                'device "gpu" was asked for, but PyTorch finds no accelerator (CUDA, MPS or XPU) here. '
                'Use device="cpu", or install a PyTorch build for your graphics card.'
            )
            raise RuntimeError(msg)
        return accelerator
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        msg = f'device takes "cpu", "gpu" or a name that PyTorch knows, such as "cuda:1"; got {device!r}.'
        raise ValueError(msg) from error
    if wanted.type == "cpu":
        return wanted
    count = torch.accelerator.device_count() if accelerator is not None else 0
    if accelerator is None or wanted.type != accelerator.type or (wanted.index or 0) >= count:
        has = f"it has {count} of type {accelerator.type!r}" if accelerator is not None else "it has no accelerator"
        msg = f'device "{wanted}" is not on this machine: {has}. Use device="cpu" or, where there is one, "gpu".'
        raise RuntimeError(msg)
    return wanted
