"""Runs that are interrupted, resumed or repeated are bit-identical."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers import BatchedTrainer, LSTMAutoencoder, Run, StopTraining, benchmark
from trainers.torch_utils import copy_state

from .contract import same
from .test_batched_trainer import WILD, follow


class RaisesOnce:
    """Raises an exception at the n-th batch only."""

    def __init__(self, n, exception):
        self.left, self.exception = n, exception

    def __call__(self):
        self.left -= 1
        if self.left == 0:
            raise self.exception


@pytest.mark.parametrize("exception", [KeyboardInterrupt, StopTraining, MemoryError])
def test_interrupted_epoch_has_no_effect(beats, exception):
    plain, interrupted = (BatchedTrainer(LSTMAutoencoder(hidden_size=6, dropout=0.1), **WILD) for _ in range(2))
    plain.setDataSets(*beats)
    interrupted.setDataSets(*beats)
    for _ in range(6):
        plain.doEpoch(plain.model)
    for _ in range(3):
        interrupted.doEpoch(interrupted.model)
    before = copy_state(interrupted.model)
    interrupted.between_batches = RaisesOnce(4, exception)
    with pytest.raises(exception):
        interrupted.doEpoch(interrupted.model)
    assert same(copy_state(interrupted.model), before)
    for _ in range(3):
        interrupted.doEpoch(interrupted.model)
    assert interrupted.history == plain.history
    assert same(copy_state(interrupted.model), copy_state(plain.model))


@pytest.mark.parametrize("restore", ["every epoch", "at the end"])
def test_resuming_equals_one_long_run(beats, restore):
    settings = {**WILD, "restore": restore, "patience": 1, "schedule": "cosine", "schedule_epochs": 12}
    uninterrupted, resumed = (BatchedTrainer(LSTMAutoencoder(hidden_size=6), **settings) for _ in range(2))
    one = benchmark(uninterrupted, *beats, epochs=12)
    benchmark(resumed, *beats, epochs=5)
    other = benchmark(resumed, epochs=7, resume=True)
    assert one.history == other.history
    assert same(copy_state(one.model), copy_state(other.model))


def test_resuming_unfinished_cosine_equals_one_long_run(beats):
    settings = {**WILD, "schedule": "cosine"}
    uninterrupted, resumed = (BatchedTrainer(LSTMAutoencoder(hidden_size=6), **settings) for _ in range(2))
    one = benchmark(uninterrupted, *beats, epochs=8)
    for row in Run(resumed, *beats, epochs=8):
        if row.epoch == 3:
            break
    assert benchmark(resumed, epochs=5, resume=True).history == one.history


def test_resuming_ended_cosine_raises(beats, model):
    trainer = BatchedTrainer(model, schedule="cosine", **WILD)
    benchmark(trainer, *beats, epochs=3)
    before = copy_state(model)
    with pytest.raises(ValueError, match=r"schedule_epochs .* after epoch 3"):
        benchmark(trainer, epochs=3, resume=True)
    assert same(copy_state(model), before)
    trainer.schedule_epochs = 6
    assert len(benchmark(trainer, epochs=3, resume=True).history) == 6


def test_custom_loop_after_run_has_no_planned_end(beats, model):
    trainer = BatchedTrainer(model, schedule="cosine", **WILD)
    benchmark(trainer, *beats, epochs=3)
    trainer.setDataSets(*beats)
    with pytest.raises(ValueError, match="schedule_epochs"):
        trainer.doEpoch(model)
    assert len(trainer.history) == 0


def test_rejected_epoch_keeps_mode_and_state(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    benchmark(trainer, *beats, epochs=2)
    trainer.resume()
    trainer.batch_size = 41
    model.eval()
    reached = trainer.reached_state()
    with pytest.raises(ValueError, match=r"batch_size .*must be at most"):
        trainer.doEpoch(model)
    assert not model.training
    assert same(trainer.reached_state(), reached)


def test_changing_loss_during_run_raises(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    trainer.loss = "mse"
    with pytest.raises(ValueError, match="must stay 'mae'"):
        trainer.doEpoch(model)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    assert len(trainer.history) == 1


def test_interrupt_while_row_is_written_undoes_epoch(beats, model, monkeypatch):
    trainer = BatchedTrainer(model, **WILD)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    before = copy_state(model)

    def interrupted(**_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer.history, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trainer.doEpoch(model)
    assert same(copy_state(model), before)
    trainer.doEpoch(model)
    assert [row.epoch for row in trainer.history] == [1, 2]


class Drawing(nn.Module):
    """Draws random numbers at each call, in evaluation mode as well."""

    def __init__(self):
        super().__init__()
        self.inner = LSTMAutoencoder(hidden_size=4)

    def forward(self, x):
        return self.inner(x) + 0.1 * torch.randn(x.shape)


def test_model_with_random_numbers_in_evaluation_is_reproducible(beats):
    state = torch.get_rng_state()
    one, other = (benchmark(BatchedTrainer(Drawing(), **WILD), *beats, epochs=3) for _ in range(2))
    assert one.history == other.history
    assert torch.equal(torch.get_rng_state(), state)


def test_random_numbers_between_batches_have_no_effect(beats):
    plain, hooked = (BatchedTrainer(LSTMAutoencoder(hidden_size=6, dropout=0.3), **WILD) for _ in range(2))
    hooked.between_batches = lambda: torch.rand(3)
    assert benchmark(plain, *beats, epochs=3).history == benchmark(hooked, *beats, epochs=3).history


def test_reached_state_is_that_of_last_epoch_after_finalizing(beats, model):
    trainer = BatchedTrainer(model, restore="at the end", **WILD)
    steps = follow(trainer, beats, lambda history: history.best.epoch < len(history))
    assert same(trainer.reached_state(), steps[-1][1])
    trainer.reached_state()["to_output.bias"].zero_()
    assert same(trainer.reached_state(), steps[-1][1]), "reached_state must return a copy"


@pytest.mark.parametrize("what", ["model", "device"])
def test_assigning_model_or_device_raises(model, what):
    trainer = BatchedTrainer(model)
    with pytest.raises(AttributeError, match=f"'{what}' of 'BatchedTrainer'"):
        setattr(trainer, what, LSTMAutoencoder())
    assert trainer.model is model
