"""Checks of the exercises of lesson 2, *Inside an LSTM autoencoder*."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from notebooks.course.answer_numbers import one_number
from notebooks.course.verdict import NotYet, call, exercise, kind_of
from trainers.torch_utils import own_randomness


@exercise("2.1", "one number, the value of a forget gate")
def check_1(gate: Any) -> str:
    """0.5 ** (1 / 70)."""
    gate = one_number(gate, "`gate`")
    if not 0 < gate < 1:
        msg = f"a gate lies between 0 and 1, and 1 itself loses nothing; got {gate:g}."
        raise NotYet(msg)
    kept = gate**70
    if abs(kept - 0.5) < 1e-3:
        return "A gate must stay above 0.99 to carry half of its memory over half a heartbeat. A bias of 1 gives 0.73."
    if abs(gate - (1 - 0.5 / 70)) < 1e-6:
        msg = "close: but what is lost is a share of what is left, not of the beginning. Multiply, do not subtract."
        raise NotYet(msg)
    more = "more" if kept > 0.5 else "less"
    msg = f"with {gate:.4f} at each step, {kept:.3g} is left after 70 steps: {more} than half. "
    msg += "Write down what is left after 70 steps, then turn it round."
    raise NotYet(msg)


@exercise("2.2", "a function of n_features and n_units that returns a whole number")
def check_2(n_parameters: Any) -> str:
    """4 · units · (features + units + 2)."""
    # The slips below give eight different counts for the first pair.
    for n_features, n_units in ((3, 8), (7, 2), (1, 32), (1, 1)):
        count = one_number(call(n_parameters, n_features, n_units, name="n_parameters"), "what `n_parameters` returned")
        right = sum(weights.numel() for weights in nn.LSTM(n_features, n_units).parameters())
        if count == right:
            continue
        where = f"n_parameters({n_features}, {n_units}) is {count:g}, nn.LSTM has {right}"
        slips = {
            4 * n_features * (n_features + n_units + 2): "features come first, then units: yours has them swapped.",
            n_units * (n_features + n_units + 2): "there are four sums: three gates, and what is new.",
            3 * n_units * (n_features + n_units + 2): "there are four sums: three gates, and what is new.",
            4 * n_units * (n_features + n_units): "every sum has biases as well.",
            4 * n_units * (n_features + n_units + 1): "PyTorch adds two biases in each sum, one for x and one for h.",
            4 * n_units * (n_features + 2): "h is multiplied with weights too.",
            4 * n_units * (n_units + 2): "x is multiplied with weights too.",
            4 * n_units * (n_features + 1 + 2): "each unit reads all of h, not only its own number.",
        }
        otherwise = "Count the weights on x, the weights on h and the biases, for one sum; then for all."
        hint = slips.get(int(count), otherwise)
        msg = f"{where}: {hint}"
        raise NotYet(msg)
    return "Most of them are the weights on h: twice as many units, four times as many numbers to learn."


def _own_step(x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, lstm: Any) -> tuple[torch.Tensor, torch.Tensor]:
    sums = lstm.weight_ih_l0 @ x + lstm.bias_ih_l0 + lstm.weight_hh_l0 @ h + lstm.bias_hh_l0
    i, f, new, o = sums.chunk(4)
    c = f.sigmoid() * c + i.sigmoid() * new.tanh()
    return o.sigmoid() * c.tanh(), c


@exercise("2.3", "a function of x, h, c and the LSTM that returns the next h and c")
def check_3(step: Any) -> str:
    """One step, as `nn.LSTM` computes it."""
    with own_randomness(0), torch.no_grad():
        lstm = nn.LSTM(1, 5)
        x, h, c = torch.randn(4, 1), torch.zeros(5), torch.zeros(5)
        for number in range(4):
            returned = call(step, x[number], h.clone(), c.clone(), lstm, name="step")
            if not isinstance(returned, tuple) or len(returned) != 2:
                msg = "`step` should return two tensors, the next h and the next c: `return h, c`."
                raise NotYet(msg)
            returned = tuple(torch.as_tensor(part, dtype=torch.float32) for part in returned)
            wanted = _own_step(x[number], h, c, lstm)
            wrong = [not torch.allclose(a, b, atol=1e-5) for a, b in zip(returned, wanted, strict=True)]
            if any(wrong):
                raise NotYet(_where(number, wrong, returned, wanted))
            h, c = wanted
    return "The memory c is carried on by the forget gate; h is only what is shown of it."


def _where(number: int, wrong: list[bool], returned: Any, wanted: Any) -> str:
    if all(torch.allclose(a, b, atol=1e-5) for a, b in zip(returned, reversed(wanted), strict=True)):
        return "the two come in the wrong order: h first, then c."
    if number == 0:
        if not wrong[1]:
            return "the very first step is off already, in h, while c is right: look at the line that makes h of c."
        return "the very first step is off already, in c. There h and c are zero: look at what is made of x."
    what = "c" if wrong[1] else "h, while c is right"
    return (
        f"step 1 agrees with nn.LSTM, step {number + 1} is off in {what}. Before step 1 h and c are both zero, "
        "afterwards they are not: where is one of them taken for the other?"
    )


@exercise("2.4", "a function of a tensor (n, time, feature) that returns one of the same shape")
def check_4(last_first: Any) -> str:
    """Along time, not along the batch."""
    batch = torch.arange(24.0).reshape(2, 4, 3)
    before = batch.clone()
    try:
        turned = call(last_first, batch, name="last_first")
    except NotYet as wrong:
        if "step must be greater than zero" not in str(wrong):
            raise
        msg = "PyTorch's slices take no negative step, unlike NumPy's. It has `flip`."
        raise NotYet(msg) from wrong
    if not isinstance(turned, torch.Tensor) or turned.shape != batch.shape:
        got = tuple(turned.shape) if isinstance(turned, torch.Tensor) else kind_of(turned)
        msg = f"a batch of shape (2, 4, 3) should come back as a tensor of that shape; got {got}."
        raise NotYet(msg)
    if not torch.equal(batch, before):
        msg = "`last_first` changes the batch that it was given. Return a new tensor."
        raise NotYet(msg)
    slips = {
        (
            0,
        ): "the sequences have changed places, each still runs forward: that is the famous slip. Which axis is time?",
        (2,): "the features have changed places. Which axis is time?",
        (0, 1): "time is turned, but the sequences have changed places too: each would be drawn for another patient.",
        (1, 2): "time is turned, but the features have changed places too.",
        (0, 1, 2): "all axes are turned. Turn time alone.",
    }
    for axes, hint in slips.items():
        if torch.equal(turned, batch.flip(axes)):
            raise NotYet(hint)
    if torch.equal(turned, batch):
        msg = "nothing has changed: the first step still comes first."
        raise NotYet(msg)
    if not torch.equal(turned, batch.flip(1)):
        step = next(step for step in range(4) if not torch.equal(turned[:, step], batch[:, 3 - step]))
        msg = f"that is no reversal along time. In sequence 0, step {step} should hold what step {3 - step} held: " + (
            f"{batch[0, 3 - step].tolist()}; it holds {turned[0, step].tolist()}."
        )
        raise NotYet(msg)
    return (
        "With a batch of one, the wrong axis changes nothing and shows in no test. Test with two different sequences."
    )
