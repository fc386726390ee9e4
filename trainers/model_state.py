"""Copies of a model's whole state, and back again."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.parameter import is_lazy

ModelState = dict[str, torch.Tensor]


def _tensors(model: nn.Module) -> ModelState:
    """Parameters and all buffers by name. `state_dict` would leave out buffers that are not persistent."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor for name, tensor in tensors.items() if not is_lazy(tensor)}


def copy_state(model: nn.Module) -> ModelState:
    """Copies (never references: training would change them) of every parameter and buffer."""
    return {name: tensor.detach().clone() for name, tensor in _tensors(model).items()}


@torch.no_grad()
def load_state(model: nn.Module, state: ModelState) -> None:
    """Write a copied state into the model, in place, so that its optimizer keeps its parameters."""
    tensors = _tensors(model)
    if tensors.keys() != state.keys():
        msg = (
            f"the model's parameters and buffers have changed since the copy was made: "
            f"{sorted(tensors.keys() ^ state.keys())} are in only one of the two. "
            "Build all parts of a model in its constructor."
        )
        raise RuntimeError(msg)
    buffers = dict(model.named_buffers())
    for name, tensor in tensors.items():
        expanded = tensor.layout is torch.strided and 0 in tensor.stride()
        if name in buffers and (expanded or tensor.shape != state[name].shape):
            # A buffer that grew, such as a memory bank, or that `expand` made cannot be written in place.
            part, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(part), leaf, state[name].to(tensor.device, copy=True))
        else:
            tensor.copy_(state[name])
