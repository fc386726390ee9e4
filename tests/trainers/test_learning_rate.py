"""Warm-up and schedule, compared with the values of the formula."""

from __future__ import annotations

import math

import pytest

from trainers import BatchedTrainer, benchmark
from trainers.batched_trainer import learning_rate_at


def rate(position, *, warmup=0.0, schedule="constant", end=None, step=0.1):
    settings = {"learning_rate": 0.01, "warmup_epochs": warmup, "schedule": schedule, "schedule_epochs": None}
    return learning_rate_at(settings, position, step, end)


def test_constant_schedule():
    assert rate(0) == rate(7.3) == rate(1e6) == 0.01


def test_warm_up_is_linear_and_does_not_begin_at_zero():
    assert rate(0, warmup=2) == pytest.approx(0.01 * 0.05)
    assert rate(0.9, warmup=2) == pytest.approx(0.005)
    assert rate(1.9, warmup=2) == pytest.approx(0.01)
    assert rate(2, warmup=2) == 0.01


def test_cosine_falls_to_zero_and_stays_zero():
    rates = [rate(position, schedule="cosine", end=10) for position in (0, 2.5, 5, 7.5, 10, 11)]
    factors = [0.5 * (1 + math.cos(math.pi * part)) for part in (0, 0.25, 0.5, 0.75, 1, 1)]
    assert rates == pytest.approx([0.01 * factor for factor in factors])
    assert rates[2] == pytest.approx(0.005)
    assert rates[-1] == 0


def test_cosine_begins_after_warm_up():
    assert rate(2, warmup=2, schedule="cosine", end=10) == 0.01
    assert rate(6, warmup=2, schedule="cosine", end=10) == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("settings", "match"), [({"end": None}, "schedule_epochs"), ({"end": 3, "warmup": 3}, "after")]
)
def test_cosine_without_valid_end_raises(settings, match):
    with pytest.raises(ValueError, match=match):
        rate(0, schedule="cosine", **settings)


def test_history_has_learning_rate_of_last_step(beats, model):
    trainer = BatchedTrainer(model, batch_size=10, learning_rate=0.01, schedule="cosine", warmup_epochs=2)
    history = benchmark(trainer, *beats, epochs=6).history
    # with four batches per epoch, the last one begins at three quarters of the epoch
    expected = [rate(e - 0.25, warmup=2, schedule="cosine", end=6, step=0.25) for e in range(1, 7)]
    assert [row.learning_rate for row in history] == pytest.approx(expected)
