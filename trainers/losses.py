"""Losses, masks and reconstructions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from data import DataSet
from data.lazy import LazyTensor, rows_of
from trainers import distributed
from trainers.torch_utils import device_of, modes_kept, own_randomness, useful_threads, with_threads

# The name of a loss, or a function (outputs, targets) that returns the mean loss of all elements.
Loss = str | Callable[[Tensor, Tensor], Tensor]
LOSSES: dict[str, Callable[..., Tensor]] = {"mae": functional.l1_loss, "mse": functional.mse_loss}


_DROPS_LENGTHS = (
    "must pass `lengths` to each submodule whose forward accepts it. Add lengths=None to its own forward; pass it on."
)

# Seed of models that draw random numbers in evaluation mode, so that a reconstruction is reproducible.
_SEED = 0


def bad_model(model: nn.Module, problem: str) -> ValueError:
    """Return an error that names the model's class."""
    return ValueError(f"the model {type(model).__name__} {problem}")


def check_model(model: Any) -> None:
    """Raise an error if `model` is not a module, or has tensors on the meta device, which have no values."""
    if not isinstance(model, nn.Module):
        got = f"the class {model.__name__}, not an instance" if isinstance(model, type) else type(model).__name__
        raise TypeError(f"model must be a torch.nn.Module, got {got}.")
    if any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()]):
        raise bad_model(model, "must have initialised parameters and buffers, got tensors on the meta device.")


def target_mask(data: DataSet) -> Tensor | None:
    """Return the mask of the targets: that of the sequences, or None if the targets have another shape."""
    return data.mask if data.targets.shape == data.sequences.shape else None


def check_shape(model: nn.Module, output: Any, inputs: Tensor, targets: Tensor) -> Tensor:
    """Return `output`, or raise an error if it is not a tensor of the targets' shape.

    Without this check, the loss would broadcast the two tensors, and its value would be meaningless.
    """
    if not isinstance(output, Tensor) or output.shape != targets.shape:
        what = "a reconstruction" if targets.shape == inputs.shape else "a prediction of the targets"
        wanted = f"must return {what}, of shape {tuple(targets.shape)}, or a tuple that begins with it"
        raise bad_model(model, f"{wanted}, got {_shape_of(output)}.")
    if not output.is_floating_point():
        raise bad_model(model, f"must return floating-point numbers, got {output.dtype}.")
    return output


def check_scalar(value: Any, what: str) -> Tensor:
    """Return `value`, or raise an error if it is not a scalar tensor."""
    if not isinstance(value, Tensor) or value.ndim:
        raise TypeError(f"{what} must return a scalar tensor, got {_shape_of(value)}.")
    return value


def check_trainable(loss: Any, what: str) -> Tensor:
    """Return `loss`, or raise an error if it is not a scalar tensor with a gradient."""
    if not check_scalar(loss, what).requires_grad:
        raise ValueError(f"{what} must return a tensor with a gradient, got {loss}.")
    return loss


def _shape_of(value: Any) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _parameters(function: Any, *, follow_wrapped: bool = True) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function by name; an empty dict if it has no signature."""
    try:
        return dict(inspect.signature(function, follow_wrapped=follow_wrapped).parameters)
    except (TypeError, ValueError):
        return {}


def _lengths_position(module: nn.Module) -> int | None:
    """Return the position of the parameter `lengths` of `forward`, without `self`; None if it does not exist."""
    if isinstance(module, torch.jit.ScriptModule):
        return None  # it does not support hooks
    # a forward that was assigned to the module object has no `self`
    names = list(_parameters(vars(module).get("forward") or type(module).forward))
    return names.index("lengths") - ("forward" not in vars(module)) if "lengths" in names else None


def run_model(model: nn.Module, inputs: Tensor, lengths: Tensor | None) -> Any:
    """Return the model's reconstruction or prediction: its output, or the first element if the output is a tuple."""
    output = call_model(model, inputs, lengths)
    return output[0] if isinstance(output, tuple) and output else output


def call_model(model: nn.Module, inputs: Tensor, lengths: Tensor | None) -> Any:
    """Return the model's output; if sequences are padded and its `forward` accepts `lengths`, pass them."""
    # the signature without following wrappers: a compiled or decorated forward is often (*args, **kwargs)
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
        # a wrapper around a forward without `lengths`
        return model(inputs)


def check_lengths(model: nn.Module, inputs: Tensor, targets: Tensor, lengths: Tensor | None) -> None:
    """Raise an error if a submodule has a parameter `lengths` but does not receive the lengths of padded sequences."""
    padded = [] if lengths is None else (lengths < inputs.shape[1]).nonzero()[:2, 0].tolist()
    # the submodules with the parameter, and its position
    modules = {part: at for part in model.modules() if (at := _lengths_position(part)) is not None} if padded else {}
    if not modules or (list(modules) == [model] and "lengths" in _parameters(model.forward, follow_wrapped=False)):
        return
    assert lengths is not None
    device = device_of(model)
    x, x_lengths = inputs[padded].to(device), lengths[padded]
    mask = (torch.arange(x.shape[1]) < x_lengths[:, None]).to(device)
    compared = mask if targets.shape == inputs.shape else slice(None)
    got: dict[nn.Module, bool] = {}

    def record(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        values = (kwargs.get("lengths"), *args[modules[module] :][:1])
        got[module] = any(value is not None for value in values)

    # eager, because compiled code does not run hooks
    with torch.compiler.set_stance("force_eager"), evaluating(model), ExitStack() as hooks:
        for module in modules:
            hooks.enter_context(module.register_forward_pre_hook(record, with_kwargs=True))
        outputs = []
        # the same sequences with two kinds of padding
        for values in (x, torch.where(mask[..., None], x, x.flip(1))):
            with own_randomness(_SEED, device):
                output = check_shape(model, run_model(model, values.clone(), x_lengths), x, targets[padded])
                outputs.append(output[compared].double())
    changed = bool((outputs[0] - outputs[1]).abs().max() > 1e-4 * outputs[0].abs().max())
    if (got and not any(got.values())) or (changed and not (len(got) == len(modules) and all(got.values()))):
        raise bad_model(model, _DROPS_LENGTHS)


def loss_of(outputs: Tensor, targets: Tensor, loss: Loss, mask: Tensor | None) -> Tensor:
    """Return the mean loss over all elements that are not masked."""
    unmasked = slice(None) if mask is None else mask
    function = LOSSES[loss] if isinstance(loss, str) else loss
    return check_scalar(function(outputs[unmasked], targets[unmasked]), "loss")


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put the model into evaluation mode, without gradients, within the context; then restore each module's mode."""
    with modes_kept(model), torch.no_grad():
        model.eval()
        yield


def reconstruct(model: nn.Module, sequences: Any, *, batch_size: int = 256) -> Tensor:
    """Reconstruct sequences with a trained model.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (n, time, feature) to the same shape.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Finite numbers.
    batch_size : int, default 256
        Number of sequences per batch. It limits the memory use and does not change the result.

    Returns
    -------
    torch.Tensor, shape (n, time, feature)
        float32, on the CPU.

    Raises
    ------
    TypeError, ValueError
        If `model` is not an `nn.Module`, returns a different shape or does not pass on the `lengths` of padded
        sequences, the sequences are not finite numbers, or `batch_size` is not a positive integer.
    """
    check_model(model)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}.")
    data = DataSet.of(sequences, "sequences to reconstruct")
    if isinstance(data.sequences, LazyTensor):
        raise ValueError(f"sequences must fit into memory, got {data!r}. Use a part, such as x[:100].")
    # a copy, because a model may change its input in place
    sequences = data.sequences.clone()
    check_lengths(model, data.sequences, data.sequences, data.lengths)
    # without gradients, a second thread helps as little as in training with batches of 32
    device = device_of(model)
    with evaluating(model), own_randomness(_SEED, device), with_threads(useful_threads(model, 32, device)):
        outputs = _outputs(model, sequences, sequences, data.lengths, batch_size)
        return torch.cat([output.cpu() for _, _, output in outputs])


def mean_loss(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Loss = "mae",
    *,
    mask: Tensor | None = None,
    lengths: Tensor | None = None,
    batch_size: int = 256,
    shared: bool = False,
) -> float:
    """Return the mean loss over all elements of the targets that are not masked; tensors are on the model's device.

    As a mean, and not a sum, it depends neither on the batch size nor on the length of the sequences. If `shared`, each
    rank of a distributed run computes a part of it.
    """
    check_lengths(model, inputs, targets, lengths)
    total, elements = torch.zeros((), dtype=torch.float64), 0
    ranks = distributed.size() if shared else 1
    with evaluating(model), own_randomness(_SEED, inputs.device):
        for at, wanted, output in _outputs(model, inputs, targets, lengths, batch_size, ranks):
            here = None if mask is None else mask[at]
            n = output.numel() if here is None else int(here.sum())
            elements += n
            if isinstance(loss, str):
                errors = LOSSES[loss](output, wanted, reduction="none")
                total += (errors if here is None else errors[here]).sum().cpu()
            else:
                total += n * loss_of(output, wanted, loss, here).double().cpu()
    loss_sum, count = distributed.total(float(total), elements) if shared else (float(total), elements)
    return loss_sum / count


def _outputs(
    model: nn.Module, inputs: Tensor, targets: Tensor, lengths: Tensor | None, size: int, ranks: int = 1
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Yield the position of each batch in the inputs, its targets, and the model's output, which has their shape.

    If there are several ranks, this one has a part of each batch.
    """
    for start in range(0, len(inputs), size * ranks):
        at = slice(start + (distributed.rank() if ranks > 1 else 0), start + size * ranks, ranks)
        x, wanted = rows_of(inputs, targets, at)
        if not len(x):
            continue  # fewer sequences than ranks
        x = x.to(device_of(model))
        output = run_model(model, x, None if lengths is None else lengths[at])
        yield at, wanted, check_shape(model, output, x, wanted).float()
