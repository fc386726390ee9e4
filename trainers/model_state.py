"""Copies of a model's whole state, and back again."""

from __future__ import annotations

import torch
from torch import nn

ModelState = dict[str, torch.Tensor]


def _tensors(model: nn.Module) -> ModelState:
    """Parameters and all buffers by name. `state_dict` would leave out buffers that are not persistent."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


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
    for name, tensor in tensors.items():
        tensor.copy_(state[name])
