"""Warm-up and schedule, held against the formula's own values."""

from __future__ import annotations

import math

import pytest

from trainers import BatchedTrainer, benchmark
from trainers.batched_trainer import learning_rate_at


def rate(position, *, warmup=0.0, schedule="constant", end=None, step=0.1):
    settings = {"learning_rate": 0.01, "warmup_epochs": warmup, "schedule": schedule, "schedule_epochs": None}
    return learning_rate_at(settings, position, step, end)


def test_constant():
    assert rate(0) == rate(7.3) == rate(1e6) == 0.01


def test_warm_up_rises_linearly_and_its_first_step_is_not_at_zero():
    assert rate(0, warmup=2) == pytest.approx(0.01 * 0.05)
    assert rate(0.9, warmup=2) == pytest.approx(0.005)
    assert rate(1.9, warmup=2) == pytest.approx(0.01)
    assert rate(2, warmup=2) == 0.01


def test_cosine_falls_from_the_rate_to_zero_and_stays_there():
    course = [rate(position, schedule="cosine", end=10) for position in (0, 2.5, 5, 7.5, 10, 11)]
    falls = [0.5 * (1 + math.cos(math.pi * part)) for part in (0, 0.25, 0.5, 0.75, 1, 1)]
    assert course == pytest.approx([0.01 * fall for fall in falls])
    assert course[2] == pytest.approx(0.005)
    assert course[-1] == 0


def test_cosine_begins_after_the_warm_up():
    assert rate(2, warmup=2, schedule="cosine", end=10) == 0.01
    assert rate(6, warmup=2, schedule="cosine", end=10) == pytest.approx(0.005)


@pytest.mark.parametrize(
    ("settings", "match"), [({"end": None}, "schedule_epochs"), ({"end": 3, "warmup": 3}, "after")]
)
def test_a_cosine_without_a_course_is_refused(settings, match):
    with pytest.raises(ValueError, match=match):
        rate(0, schedule="cosine", **settings)


def test_the_history_tells_the_rate_of_each_epochs_last_step(beats, model):
    trainer = BatchedTrainer(model, batch_size=10, learning_rate=0.01, schedule="cosine", warmup_epochs=2)
    history = benchmark(trainer, *beats, epochs=6).history
    # Four batches an epoch: the last begins at three quarters.
    expected = [rate(e - 0.25, warmup=2, schedule="cosine", end=6, step=0.25) for e in range(1, 7)]
    assert [row.learning_rate for row in history] == pytest.approx(expected)
