"""Changes of frozen layers and learning rates during a training run."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.optim import lr_scheduler

from trainers import BatchedTrainer, LSTMAutoencoder, StopTraining, benchmark
from trainers.torch_utils import copy_state

from .contract import same
from .test_batched_trainer import WILD

WAVES = torch.sin(torch.arange(8) + torch.arange(12)[:, None] / 3)
SETS = WAVES[:8], WAVES[8:]


def two_layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 4), nn.Linear(4, 1))


def weights(model):
    return [layer.weight.detach().clone() for layer in model]


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()).filter(any), min_size=3, max_size=6),
    st.sampled_from(["every epoch", "at the end", "off"]),
    st.sampled_from(["keep", "restore", "reset"]),
)
def test_layers_are_trained_unless_frozen(plan, restore, optimizer_state):
    model, seen = two_layers(), []
    trainer = BatchedTrainer(model, batch_size=4, learning_rate=0.05, restore=restore, optimizer_state=optimizer_state)
    trainer.setDataSets(*SETS)
    for trainable in plan:
        for layer, wanted in zip(model, trainable, strict=True):
            layer.requires_grad_(wanted)
        before = weights(model)
        trainer.doEpoch(model)
        reached = trainer.reached_state()
        seen.append([not torch.equal(b, reached[f"{i}.weight"]) for i, b in enumerate(before)])
    assert seen == [list(trainable) for trainable in plan]
    trainer.finalizeTraining(model)


@pytest.mark.parametrize("stop_at", [3, 4, 5])
def test_run_with_layers_unfrozen_before_stop_can_resume(stop_at):
    model = two_layers()
    model[0].requires_grad_(False)
    frozen = weights(model)[0]
    trainer = BatchedTrainer(model, batch_size=4)

    def stop():
        raise StopTraining

    def callback(row, state):
        if row.epoch == 2:
            model[0].requires_grad_(True)
        if row.epoch == stop_at:
            trainer.between_batches = stop

    result = benchmark(trainer, *SETS, epochs=9, callbacks=[callback])
    assert len(result.history) == stop_at
    assert not torch.equal(weights(model)[0], frozen)
    trainer.between_batches = None
    assert len(benchmark(trainer, epochs=2, resume=True).history) == stop_at + 2


@pytest.mark.parametrize("change", [True, False])
def test_layers_can_be_frozen_or_unfrozen_before_resume(beats, change):
    model = LSTMAutoencoder(hidden_size=6)
    model.encoder.requires_grad_(not change)
    trainer = BatchedTrainer(model, **WILD)
    benchmark(trainer, *beats, epochs=3)
    model.encoder.requires_grad_(change)
    assert len(benchmark(trainer, epochs=3, resume=True).history) == 6


def test_run_in_no_grad_context_trains(beats, model):
    with torch.no_grad():
        inside = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2)
    outside = benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=6), **WILD), *beats, epochs=2)
    assert inside.history == outside.history


def test_all_layers_frozen_raises_and_run_can_resume():
    model = two_layers()
    trainer = BatchedTrainer(model, batch_size=4)
    freeze = lambda row, state: row.epoch == 2 and model.requires_grad_(False)  # noqa: E731
    with pytest.raises(RuntimeError, match="must have at least one parameter with requires_grad=True, got 0"):
        benchmark(trainer, *SETS, epochs=9, callbacks=[freeze])
    assert len(trainer.history) == 2
    model.requires_grad_(True)
    assert len(benchmark(trainer, epochs=1, resume=True).history) == 3


def test_replaced_layer_raises_until_next_run():
    model = two_layers()
    trainer = BatchedTrainer(model, batch_size=4)

    def replace(row, state):
        if row.epoch == 2:
            model[1] = nn.Linear(4, 1)

    with pytest.raises(RuntimeError, match=r"must keep its parameters during a run, got new"):
        benchmark(trainer, *SETS, epochs=9, callbacks=[replace])
    before = weights(model)
    trainer.setDataSets(*SETS)
    trainer.doEpoch(model)
    assert not any(map(torch.equal, before, weights(model)))


SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 1, 0.5),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 3),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 4),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.05, total_steps=12),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 4], 0.1),
}


class Scheduled(BatchedTrainer):
    """A trainer that takes one step of a scheduler after each epoch."""

    def __init__(self, *args, scheduler, when="setDataSets", **more):
        super().__init__(*args, **more)
        self.make, self.when = SCHEDULERS[scheduler], when
        self.scheduler = self.make(self.optimizer) if when == "constructor" else None

    def setDataSets(self, train, validation):
        super().setDataSets(train, validation)
        if self.when == "setDataSets":
            self.scheduler = self.make(self.optimizer)

    def doEpoch(self, model):
        model = super().doEpoch(model)
        self.scheduler.step()
        return model


def rates_of_pytorch(scheduler, epochs):
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=0.01)
    schedule, rates = SCHEDULERS[scheduler](optimizer), []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("when", ["constructor", "setDataSets"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("optimizer_state", ["keep", "restore", "reset"])
def test_scheduler_of_pytorch_sets_learning_rate(scheduler, when, optimizer_state):
    trainer = Scheduled(
        two_layers(), scheduler=scheduler, when=when, batch_size=4, learning_rate=0.01, optimizer_state=optimizer_state
    )
    history = benchmark(trainer, *SETS, epochs=6).history
    assert [row.learning_rate for row in history] == pytest.approx(rates_of_pytorch(scheduler, 6), abs=1e-15)


def test_reduce_on_plateau_sets_learning_rate():
    trainer = BatchedTrainer(two_layers(), batch_size=4, learning_rate=0.01)
    plateau = lr_scheduler.ReduceLROnPlateau(trainer.optimizer, factor=0.5, patience=0)
    history = benchmark(trainer, *SETS, epochs=3, callbacks=[lambda row, state: plateau.step(1.0)]).history
    assert [row.learning_rate for row in history] == pytest.approx([0.01, 0.01, 0.005])


def test_factor_of_scheduler_multiplies_own_learning_rate():
    trainer = Scheduled(two_layers(), scheduler="StepLR", batch_size=4, learning_rate=0.01)
    change = lambda row, state: row.epoch == 2 and trainer.queue("learning_rate", 0.04)  # noqa: E731
    history = benchmark(trainer, *SETS, epochs=4, callbacks=[change]).history
    assert [row.learning_rate for row in history] == pytest.approx([0.01, 0.005, 0.01, 0.005])


@pytest.mark.parametrize("more", [{"warmup_epochs": 3}, {"schedule": "cosine"}, {"lr_factor": 0.5, "loss": "mse"}, {}])
@pytest.mark.parametrize("scheduler", [lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1.0), lambda o: None])
def test_constant_scheduler_does_not_change_learning_rates(more, scheduler):
    def rates(attach):
        trainer = BatchedTrainer(two_layers(), batch_size=4, learning_rate=0.2, **more)
        attached = attach(trainer.optimizer)

        def after_epoch(row, state):
            if attached:
                attached.step()
            if row.epoch == 3:
                trainer.learning_rate = 0.1

        return [row.learning_rate for row in benchmark(trainer, *SETS, epochs=6, callbacks=[after_epoch]).history]

    assert rates(scheduler) == pytest.approx(rates(lambda o: None))
    assert len(set(rates(scheduler))) > 1


def test_learning_rate_set_before_first_epoch_is_used():
    trainer = BatchedTrainer(two_layers(), batch_size=4, learning_rate=0.01)
    trainer.learning_rate = 0.02
    assert benchmark(trainer, *SETS, epochs=1).history[0].learning_rate == 0.02


def test_scheduler_continues_after_undone_epoch():
    trainer, stopped = Scheduled(two_layers(), scheduler="StepLR", batch_size=4, learning_rate=0.01), []

    def stop():
        if len(trainer.history) == 2 and not stopped:
            stopped.append(True)
            raise StopTraining

    trainer.between_batches = stop
    benchmark(trainer, *SETS, epochs=4)
    history = benchmark(trainer, epochs=2, resume=True).history
    assert [row.learning_rate for row in history] == pytest.approx([0.01, 0.005, 0.0025, 0.00125])


def test_second_run_begins_with_own_learning_rate():
    trainer = Scheduled(two_layers(), scheduler="StepLR", batch_size=4, learning_rate=0.01)
    first, second = (benchmark(trainer, *SETS, epochs=3).history for _ in range(2))
    assert [row.learning_rate for row in second] == [row.learning_rate for row in first]


def test_optimizer_is_same_object_after_restores(beats):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=6), loss="mse", optimizer_state="reset", **WILD)
    optimizer = trainer.optimizer
    diverge = lambda row, state: trainer.queue("learning_rate", 1e30 if row.epoch == 12 else 0.05)  # noqa: E731
    history = benchmark(trainer, *beats, epochs=14, callbacks=[diverge]).history
    assert any(not math.isfinite(row.validation_loss) for row in history)
    assert history.restored_epochs
    assert trainer.optimizer is optimizer


def test_frozen_parameters_do_not_affect_trained_ones():
    plain, ours = two_layers(), two_layers()
    plain[0].requires_grad_(False)
    ours[0].requires_grad_(False)
    optimizer = torch.optim.Adam(plain[1].parameters(), lr=0.01)
    trainer = BatchedTrainer(ours, batch_size=8, learning_rate=0.01, reshuffle=False, restore="off")
    benchmark(trainer, *SETS, epochs=3)
    # every batch contains the whole set, so its order changes only the last bits of the sums
    for _ in range(3):
        optimizer.zero_grad()
        (plain(SETS[0][..., None]) - SETS[0][..., None]).abs().mean().backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
    torch.testing.assert_close(copy_state(ours), copy_state(plain), rtol=1e-4, atol=1e-5)
    assert same(copy_state(ours[0]), copy_state(plain[0]))
