"""Losses, masks, and what a model reconstructs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from data import DataSet
from trainers.torch_utils import device_of, own_randomness, useful_threads, with_threads

LOSSES = {"mae": functional.l1_loss, "mse": functional.mse_loss}


_DROPS_LENGTHS = (
    "must pass `lengths` to the part of it that has this parameter. Let its forward accept lengths=None and pass it on."
)

# Models that draw random numbers even in evaluation give the same reconstruction each time.
_SEED = 0


def bad_model(model: nn.Module, problem: str) -> ValueError:
    """Return an error that names the model's class."""
    return ValueError(f"the model {type(model).__name__} {problem}")


def check_model(model: Any) -> None:
    """Raise if `model` is not a module that holds values."""
    if not isinstance(model, nn.Module):
        got = f"the class {model.__name__}, not an object of it" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"model must be a torch.nn.Module, got {got}.")
    if any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()]):
        raise bad_model(model, "must hold values, got tensors on the meta device.")


def check_shape(model: nn.Module, output: Any, wanted: Tensor) -> Tensor:
    """`output` itself, or an error if it is not a tensor of the shape wanted.

    Without this check, the loss would broadcast one against the other and mean nothing.
    """
    if not isinstance(output, Tensor) or output.shape != wanted.shape:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise bad_model(model, f"must return a reconstruction alone, of the shape {tuple(wanted.shape)}, got {got}.")
    if not output.is_floating_point():
        raise bad_model(model, f"must return floating-point numbers, got {output.dtype}.")
    return output


def _parameters(function: Any, *, follow_wrapped: bool = True) -> dict[str, inspect.Parameter]:
    """The parameters of a function by name; none if it has no signature."""
    try:
        return dict(inspect.signature(function, follow_wrapped=follow_wrapped).parameters)
    except (TypeError, ValueError):
        return {}


def _lengths_position(module: nn.Module) -> int | None:
    """At which position `forward` has a parameter `lengths`, counted without `self`; None if it has none."""
    if isinstance(module, torch.jit.ScriptModule):
        return None  # it takes no hooks
    names = list(_parameters(type(module).forward))
    return names.index("lengths") - 1 if "lengths" in names else None


def run_model(model: nn.Module, inputs: Tensor, lengths: Tensor | None) -> Any:
    """Return the model's output; pass `lengths`, where sequences are padded, if its `forward` accepts them."""
    # What is really called: a compiled, decorated or wrapping forward is often (*args, **kwargs).
    accepted = {} if lengths is None else _parameters(model.forward, follow_wrapped=False)
    named = "lengths" in accepted
    if not named and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values()):
        return model(inputs)
    try:
        return model(inputs, lengths=lengths)
    except TypeError as error:
        if named or "'lengths'" not in str(error):
            raise
        if any(_lengths_position(part) is not None for part in model.modules()):
            raise bad_model(model, _DROPS_LENGTHS) from error
        # A wrapper around a forward without `lengths`.
        return model(inputs)


def check_lengths(model: nn.Module, inputs: Tensor, lengths: Tensor | None) -> None:
    """Raise if a part of the model has a parameter `lengths`, but does not get the lengths of padded sequences."""
    padded = [] if lengths is None else (lengths < inputs.shape[1]).nonzero()[:2, 0].tolist()
    parts = {part: at for part in model.modules() if (at := _lengths_position(part)) is not None} if padded else {}
    if not parts or (list(parts) == [model] and "lengths" in _parameters(model.forward, follow_wrapped=False)):
        return
    assert lengths is not None
    device = device_of(model)
    x, known = inputs[padded].to(device), lengths[padded]
    counts = (torch.arange(x.shape[1]) < known[:, None]).to(device)
    got: dict[nn.Module, bool] = {}

    def note(part: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = (kwargs.get("lengths"), *args[parts[part] :][:1])
        got[part] = any(value is not None for value in given)

    # Compiled code does not run hooks.
    with torch.compiler.set_stance("force_eager"), evaluating(model), ExitStack() as hooks:
        for part in parts:
            hooks.enter_context(part.register_forward_pre_hook(note, with_kwargs=True))
        outputs = []
        # The same sequences with two kinds of padding.
        for values in (x, torch.where(counts[..., None], x, x.flip(1))):
            with own_randomness(_SEED, device):
                outputs.append(check_shape(model, run_model(model, values.clone(), known), x)[counts].double())
    changed = bool((outputs[0] - outputs[1]).abs().max() > 1e-4 * outputs[0].abs().max())
    if (got and not any(got.values())) or (changed and not (len(got) == len(parts) and all(got.values()))):
        raise bad_model(model, _DROPS_LENGTHS)


def loss_of(outputs: Tensor, targets: Tensor, loss: str, mask: Tensor | None) -> Tensor:
    """The mean loss over all elements that count."""
    counts = slice(None) if mask is None else mask
    return LOSSES[loss](outputs[counts], targets[counts])


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


def reconstruct(model: nn.Module, sequences: Any, *, batch_size: int = 256) -> Tensor:
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
        If `model` is not an `nn.Module`, returns another shape or drops the `lengths` of padded
        sequences, the sequences are not finite numbers, or `batch_size` is not an integer from 1 up.
    """
    check_model(model)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be an integer from 1 up, got {batch_size!r}.")
    data = DataSet.of(sequences, "sequences to reconstruct")
    # A copy: a model that changes its input in place must not change the data set.
    sequences = data.sequences.clone()
    check_lengths(model, data.sequences, data.lengths)
    # Without gradients a second thread gains as little with large batches as in a training with small ones.
    device = device_of(model)
    with evaluating(model), own_randomness(_SEED, device), with_threads(useful_threads(model, 32, device)):
        return torch.cat([output.cpu() for _, output in _outputs(model, sequences, data.lengths, batch_size)])


def mean_loss(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: str = "mae",
    *,
    mask: Tensor | None = None,
    lengths: Tensor | None = None,
    batch_size: int = 256,
) -> float:
    """The reconstruction loss, mean over all elements that count, of tensors on the model's own device.

    The mean, not the sum, so that it depends neither on batch size nor on length.
    """
    check_lengths(model, inputs, lengths)
    total = torch.zeros((), dtype=torch.float64)
    with evaluating(model), own_randomness(_SEED, inputs.device):
        for at, output in _outputs(model, inputs, lengths, batch_size):
            errors = LOSSES[loss](output, targets[at], reduction="none")
            total += (errors if mask is None else errors[mask[at]]).sum().cpu()
    return float(total) / (targets.numel() if mask is None else int(mask.sum()))


def _outputs(model: nn.Module, inputs: Tensor, lengths: Tensor | None, size: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield what the model makes of each batch, after its position in the inputs."""
    for start in range(0, len(inputs), size):
        at = slice(start, start + size)
        x = inputs[at].to(device_of(model))
        yield at, check_shape(model, run_model(model, x, None if lengths is None else lengths[at]), x).float()
