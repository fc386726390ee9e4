"""`learning_rate_at`: warm-up and schedule."""

from __future__ import annotations

import math


def learning_rate_at(
    position: float, *, step: float, rate: float, warmup: float, schedule: str, end: float | None
) -> float:
    """The learning rate of one optimizer step.

    Parameters
    ----------
    position : float
        Epochs done before this step.
    step : float
        Part of an epoch that one step is; the first step of a warm-up is not at zero.
    rate : float
        The rate after the warm-up.
    warmup : float
        Epochs over which the rate rises linearly.
    schedule : {"constant", "cosine"}
        The cosine is that of Loshchilov & Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts.
    end : float or None
        Epoch at which the cosine reaches zero; it stays there.

    Raises
    ------
    ValueError
        If a cosine is not told where it ends, or would end within the warm-up.
    """
    if schedule == "cosine" and end is None:
        msg = 'schedule "cosine" must know where it ends: set schedule_epochs, or train with benchmark(epochs=…).'
        raise ValueError(msg)
    if schedule == "cosine" and end is not None and end <= warmup:
        msg = (
            f'schedule "cosine" must end after the warm-up; got {warmup:g} warmup_epochs and its end at epoch {end:g}. '
            "Lower warmup_epochs, or train for longer."
        )
        raise ValueError(msg)
    if position < warmup:
        return rate * min(1.0, (position + step) / warmup)
    if schedule == "constant" or end is None:
        return rate
    done = (position - warmup) / max(end - warmup, step)
    return rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
