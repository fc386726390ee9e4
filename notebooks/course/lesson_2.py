"""Checks of the exercises of lesson 2, *Build an LSTM autoencoder*."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from notebooks.course.answer_numbers import one_number
from notebooks.course.verdict import NotYet, call, call_function, exercise, kind_of
from trainers.torch_utils import own_randomness


def _correct_step(x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, lstm: Any) -> tuple[torch.Tensor, torch.Tensor]:
    sums = lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
    i, f, new, o = sums.chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * new.tanh()
    return o.sigmoid() * c.tanh(), c


@exercise("2.1", "a function of x, h, c and the LSTM that returns the next h and c")
def check_1(step: Any) -> str:
    """Check for one step as `nn.LSTM` computes it."""
    with own_randomness(0), torch.no_grad():
        lstm = nn.LSTM(1, 5)
        x, h, c = torch.randn(4, 1), torch.zeros(5), torch.zeros(5)
        for number in range(4):
            result = call(step, x[number], h.clone(), c.clone(), lstm, name="step")
            if not isinstance(result, tuple) or len(result) != 2:
                msg = "`step` must return two tensors, the next h and the next c: `return h, c`."
                raise NotYet(msg)
            result = tuple(torch.as_tensor(part, dtype=torch.float32) for part in result)
            wanted = _correct_step(x[number], h, c, lstm)
            wrong = [not torch.allclose(a, b, atol=1e-5) for a, b in zip(result, wanted, strict=True)]
            if any(wrong):
                raise NotYet(_hint_for_step(number, wrong, result, wanted))
            h, c = wanted
    return "The forget gate keeps the cell state c. The hidden state h is only its output."


def _hint_for_step(number: int, wrong: list[bool], result: Any, wanted: Any) -> str:
    if all(torch.allclose(a, b, atol=1e-5) for a, b in zip(result, reversed(wanted), strict=True)):
        return "the two tensors are in the wrong order: return h first, then c."
    if number == 0:
        if not wrong[1]:
            return "the first step has a wrong h, while c is right. Look at the line that computes h from c."
        return "the first step has a wrong c. Before it, h and c are zero, so look at what is computed from x."
    what = "c" if wrong[1] else "h, while c is right"
    return (
        f"step 1 agrees with nn.LSTM, but step {number + 1} has a wrong {what}. Before step 1, h and c are both zero; "
        "afterwards they differ. Where does your function use one of them instead of the other?"
    )


@exercise("2.2", "one number, the value of a forget gate")
def check_2(gate: Any) -> str:
    """Check for 0.5 ** (1 / 70)."""
    gate = one_number(gate, "`gate`")
    if not 0 < gate < 1:
        msg = f"`gate` must be between 0 and 1, got {gate:g}. A gate of 1 keeps the whole memory."
        raise NotYet(msg)
    kept = gate**70
    if abs(kept - 0.5) < 1e-3:
        return "To keep half of the memory for 70 steps, a gate must be above 0.99. A bias of 1 gives a gate of 0.73."
    if abs(gate - (1 - 0.5 / 70)) < 1e-6:
        msg = "each step loses a share of what is left, not of the whole memory. Multiply, do not subtract."
        raise NotYet(msg)
    more = "more" if kept > 0.5 else "less"
    msg = f"with a gate of {gate:.4f}, {kept:.3g} of the memory is left after 70 steps, which is {more} than half. "
    msg += "Write down what is left after 70 steps, then solve for the gate."
    raise NotYet(msg)


# Likely mistakes of exercise 2.3, and what to look at.
_MISTAKES_OF_STEP = {
    "stale": "an old gradient was still stored in the weights. Remove it with `zero_grad` before the first `backward`.",
    "last only": "only the second batch has an effect. `zero_grad` removes the gradient of the first: call it once.",
    "first only": "only the first batch has an effect. Is there a `return` or a `break` in the loop?",
    "sum": "the gradient is twice as long as that of all 50 beats: `backward` adds two gradients of means.",
    "none clipped": "right for a short gradient, but a long one must be clipped at norm 1, before the step.",
    "each clipped": "the gradient must be clipped once, when it is complete, and not after each batch.",
}


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, batches: list[torch.Tensor], mistake: str = "") -> None:
    """Take one optimizer step for two batches, with one of the mistakes or without."""
    if mistake != "stale":
        optimizer.zero_grad()
    for x in batches[:1] if mistake == "first only" else batches:
        if mistake == "last only":
            optimizer.zero_grad()
        loss = (model(x) - x).abs().mean()
        (loss if mistake == "sum" else loss / 2).backward()
        if mistake == "each clipped":
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if mistake != "none clipped":
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


def _weights_after(step: Any, start: nn.Module, batches: list[torch.Tensor], *mistake: str) -> torch.Tensor:
    """Return the weights after a step of gradient descent; an old gradient is stored in the weights before it."""
    model, sizes, steps, gradients = copy.deepcopy(start), [], [], []
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    for weights in model.parameters():
        weights.grad = torch.ones_like(weights)
    weights.register_post_accumulate_grad_hook(lambda _: gradients.append(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    call_function(step, model, optimizer, [x.clone() for x in batches], *mistake, name="step_for_two")
    if len(steps) != 1:
        calls = f"your function calls `optimizer.step` {len(steps)} times"
        msg = f"the weights must be changed once, after both batches: {calls}."
        raise NotYet(msg)
    if sizes and max(sizes) > len(batches[0]):
        msg = "your function joins the batches, and that does not fit into the memory. Pass them to the model in turn."
        raise NotYet(msg)
    if len(sizes) == 2 and len(gradients) == 1:
        msg = "`backward` comes after both batches, so both must fit into the memory. Call it after each batch."
        raise NotYet(msg)
    return nn.utils.parameters_to_vector(model.parameters()).detach()


@exercise("2.3", "a function of the model, the optimizer and a list of two batches that changes the weights once")
def check_3(step_for_two: Any) -> str:
    """Check one optimizer step for two batches, first with a short gradient, then with one that must be clipped."""
    for scale in (0.1, 10.0):
        with own_randomness(0):
            start, batches = nn.Linear(2, 2), [scale * torch.randn(3, 4, 2), 2 * scale * torch.randn(3, 4, 2)]
        found = _weights_after(step_for_two, start, batches)
        if torch.allclose(found, _weights_after(_step, start, batches), atol=1e-6):
            continue
        for mistake, text in _MISTAKES_OF_STEP.items():
            if torch.allclose(found, _weights_after(_step, start, batches, mistake), atol=1e-6):
                raise NotYet(text)
        msg = (
            "the weights are not those of one step for the mean absolute error of all beats. Which of the five things "
            "come once, and which twice?"
        )
        raise NotYet(msg)
    return "This is called gradient accumulation. The kit has it as `accumulate_grad_batches`."


@exercise("2.4", "a function of n_features and n_units that returns an integer")
def check_4(n_parameters: Any) -> str:
    """Check for 4 · units · (features + units + 2)."""
    # The mistakes below give eight different counts for the first pair.
    for n_features, n_units in ((3, 8), (7, 2), (1, 32), (1, 1)):
        count = one_number(call(n_parameters, n_features, n_units, name="n_parameters"), "`n_parameters(…)`")
        right = sum(weights.numel() for weights in nn.LSTM(n_features, n_units).parameters())
        if count == right:
            continue
        mistakes = {
            4 * n_features * (n_features + n_units + 2): "You have swapped n_features and n_units.",
            n_units * (n_features + n_units + 2): "There are four sums: three for the gates and one for g.",
            3 * n_units * (n_features + n_units + 2): "There are four sums: three for the gates and one for g.",
            4 * n_units * (n_features + n_units): "Every sum has biases as well.",
            4 * n_units * (n_features + n_units + 1): "PyTorch adds two biases in each sum, one for x and one for h.",
            4 * n_units * (n_features + 2): "h is multiplied by weights too.",
            4 * n_units * (n_units + 2): "x is multiplied by weights too.",
            4 * n_units * (n_features + 1 + 2): "Each unit reads all of h, not only its own value.",
        }
        default = "Count the weights for x, the weights for h and the biases, first for one sum, then for all."
        hint = mistakes.get(int(count), default)
        msg = f"`n_parameters({n_features}, {n_units})` is {count:g}, but nn.LSTM has {right} parameters. {hint}"
        raise NotYet(msg)
    return "Most parameters are weights for h. With twice as many units, there are four times as many of these weights."


@exercise("2.5", "a function of a tensor (n, time, feature) that returns one of the same shape")
def check_5(reverse_time: Any) -> str:
    """Check for a reversal along time, not along the batch."""
    batch = torch.arange(24.0).reshape(2, 4, 3)
    before = batch.clone()
    try:
        result = call(reverse_time, batch, name="reverse_time")
    except NotYet as error:
        if "step must be greater than zero" not in str(error):
            raise
        msg = "unlike NumPy, PyTorch does not support slices with a negative step. Use `flip`."
        raise NotYet(msg) from error
    if not isinstance(result, torch.Tensor) or result.shape != batch.shape:
        got = tuple(result.shape) if isinstance(result, torch.Tensor) else kind_of(result)
        msg = f"the return value of `reverse_time` must be a tensor of the same shape, (2, 4, 3), got {got}."
        raise NotYet(msg)
    if not torch.equal(batch, before):
        msg = "`reverse_time` changes its argument. Return a new tensor."
        raise NotYet(msg)
    mistakes = {
        (0,): "the order of the sequences is reversed, but not time. This is a common mistake. Which axis is time?",
        (2,): "the order of the features is reversed. Which axis is time?",
        (0, 1): "time is reversed, but so is the order of the sequences: each would be used for another patient.",
        (1, 2): "time is reversed, but so is the order of the features.",
        (0, 1, 2): "all axes are reversed. Reverse time only.",
    }
    for axes, hint in mistakes.items():
        if torch.equal(result, batch.flip(axes)):
            raise NotYet(hint)
    if torch.equal(result, batch):
        msg = "nothing has changed: the first step is still the first."
        raise NotYet(msg)
    if not torch.equal(result, batch.flip(1)):
        step = next(step for step in range(4) if not torch.equal(result[:, step], batch[:, 3 - step]))
        msg = f"time is not reversed. In sequence 0, step {step} must be the old step {3 - step}, " + (
            f"{batch[0, 3 - step].tolist()}, got {result[0, step].tolist()}."
        )
        raise NotYet(msg)
    return "With only one sequence, flipping axis 0 changes nothing, so a test does not detect this bug. Test with two."
