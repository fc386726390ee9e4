"""History restore in four trainers of other kinds, and own losses, optimizers and schedulers."""

from __future__ import annotations

import copy
import os
import signal
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss
from torch.optim import lr_scheduler

from data import DataSet
from trainers import (
    BatchedTrainer,
    Hyperparameter,
    LSTMAutoencoder,
    RestoringTrainer,
    Run,
    StopTraining,
    benchmark,
    load,
    save,
)
from trainers.history_restore import HistoryRestore
from trainers.losses import loss_of
from trainers.torch_utils import copy_state, own_randomness
from trainers.widgets import TrainingMonitor

from .contract import TrainerContract, same
from .test_batched_trainer import follow, two_restores

# ---------------------------------------------------------------------- four trainers


class Adversarial(nn.Module):
    """Autoencoder with a discriminator, which learns to distinguish latent vectors from a Gaussian."""

    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder
        with own_randomness(1):
            self.discriminator = nn.Sequential(nn.Linear(2 * autoencoder.hidden_size, 8), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x):
        return self.autoencoder(x)


class AdversarialTrainer(RestoringTrainer):
    """Trains an adversarial autoencoder (Makhzani et al. 2015) with two optimizers and a scheduler."""

    learning_rate = Hyperparameter(0.02, "step size of the autoencoder", above=0)

    def configure_optimizer(self, model):
        generator = torch.optim.Adam(model.autoencoder.parameters(), lr=self.learning_rate)
        discriminator = torch.optim.SGD(model.discriminator.parameters(), lr=0.1, momentum=0.9)
        return [generator, discriminator, lr_scheduler.ExponentialLR(discriminator, 0.95)]

    def doEpoch(self, model):
        super().doEpoch(model)
        total = 0.0
        generator = torch.Generator().manual_seed(len(self.history))
        batches = self.train_inputs.split(10)
        for x in batches:
            self.pause_point()
            # reconstruct, and deceive the discriminator
            latent = model.autoencoder.encode(x)
            loss = l1_loss(model.autoencoder.decode(latent, x.shape[1]), x)
            verdict = model.discriminator(latent)
            self.optimizers[0].zero_grad()
            (loss + 0.01 * binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))).backward()
            self.optimizers[0].step()
            # distinguish
            prior = torch.randn(latent.shape, generator=generator)
            verdicts = model.discriminator(torch.cat([prior, latent.detach()]))
            truth = torch.cat([torch.ones(len(x), 1), torch.zeros(len(x), 1)])
            self.optimizers[1].zero_grad()
            binary_cross_entropy_with_logits(verdicts, truth).backward()
            self.optimizers[1].step()
            total += loss.item() / len(batches)
        return self.end_epoch(model, train_loss=total)


class LBFGSTrainer(BatchedTrainer):
    max_grad_norm = None

    def configure_optimizer(self, model):
        return torch.optim.LBFGS(model.parameters(), lr=self.learning_rate, max_iter=3, history_size=4)


class VAE(nn.Module):
    """Variational autoencoder; returns the reconstruction, and mean and log variance of the latent vector."""

    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder
        size = 2 * autoencoder.hidden_size
        with own_randomness(1):
            self.to_statistics = nn.Linear(size, 2 * size)

    def forward(self, x):
        mean, log_variance = self.to_statistics(self.autoencoder.encode(x)).chunk(2, 1)
        noise = torch.randn_like(mean) if self.training else 0.0
        latent = mean + noise * (log_variance / 2).exp()
        return self.autoencoder.decode(latent, x.shape[1]), mean, log_variance


class VAETrainer(BatchedTrainer):
    beta = Hyperparameter(0.01, "weight of the KL divergence", minimum=0)

    def compute_loss(self, model, inputs, targets, mask, lengths=None):
        outputs, mean, log_variance = model(inputs)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        return loss_of(outputs, targets, self.loss, mask) + self.beta * kl


class WholeSetTrainer(RestoringTrainer):
    """Takes two steps per epoch on the whole set, with momentum."""

    learning_rate = Hyperparameter(0.5, "step size", above=0)
    scheduler = None

    def configure_optimizer(self, model):
        optimizer = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9)
        return [optimizer, self.scheduler(optimizer)] if self.scheduler else optimizer

    def doEpoch(self, model):
        super().doEpoch(model)
        for _ in range(2):
            self.pause_point()
            loss = l1_loss(model(self.train_inputs), self.train_targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return self.end_epoch(model, train_loss=loss.item())


class TestAdversarialTrainer(TrainerContract):
    kind = AdversarialTrainer

    def make(self, model=None):
        return self.kind(Adversarial(model or LSTMAutoencoder(hidden_size=6)), "cpu", **self.settings)


class TestLBFGSTrainer(TrainerContract):
    kind = LBFGSTrainer
    settings = {"batch_size": 20, "learning_rate": 0.1}  # noqa: RUF012


class TestVAETrainer(TrainerContract):
    kind = VAETrainer
    settings = {"batch_size": 8, "learning_rate": 0.02}  # noqa: RUF012

    def make(self, model=None):
        return self.kind(VAE(model or LSTMAutoencoder(hidden_size=6)), "cpu", **self.settings)


class TestWholeSetTrainer(TrainerContract):
    kind = WholeSetTrainer


# Learning rates so high that some epochs are worse than the best.
KINDS = {
    "adversarial": (AdversarialTrainer, Adversarial, {"learning_rate": 0.05}),
    "LBFGS": (LBFGSTrainer, lambda model: model, {"batch_size": 20, "learning_rate": 1.5}),
    "VAE": (VAETrainer, VAE, {"batch_size": 10, "learning_rate": 0.2, "max_grad_norm": None}),
    "whole set": (WholeSetTrainer, lambda model: model, {"learning_rate": 5.0}),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def make(kind, **settings):
    cls, wrap, wild = KINDS[kind]
    return cls(wrap(LSTMAutoencoder(hidden_size=6)), **{**wild, **settings})


def equal(one, other):
    """Return whether two nested states are bit-identical."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other or (one != one and other != other)


def state_of(trainer):
    """Return all state of a trainer, without the wall times."""
    state = copy.deepcopy(trainer.state_dict())
    for row in state["history"]["rows"]:
        del row["seconds"]
    return state


def optimizer_states(trainer):
    return copy.deepcopy([optimizer.state_dict()["state"] for optimizer in trainer.optimizers])


# ---------------------------------------------------------------------- restore


@each_kind
def test_every_worse_epoch_restores_best_weights(beats, kind):
    trainer = make(kind)
    best = None
    steps = follow(trainer, beats, two_restores)
    for row, reached, after in steps:
        if best is None or row.validation_loss < best[0].validation_loss:
            best = (row, reached)
            assert not row.restored
            assert same(after, reached)
        else:
            assert row.restored
            assert not same(reached, best[1])
            assert same(after, best[1])
    assert same(copy_state(trainer.model), best[1]), "the best weights at the end"


@each_kind
@pytest.mark.parametrize("restore", ["at the end", "off"])
def test_weights_at_end_without_restores(beats, kind, restore):
    trainer = make(kind, restore=restore)
    steps = follow(trainer, beats, lambda history: history.best.epoch < len(history))
    assert not any(row.restored for row, _, _ in steps)
    expected = steps[-1] if restore == "off" else steps[trainer.history.best.epoch - 1]
    assert same(copy_state(trainer.model), expected[1])


@each_kind
@pytest.mark.parametrize("optimizer_state", ["keep", "restore", "reset"])
def test_state_of_all_optimizers_at_restore(beats, kind, optimizer_state):
    trainer = make(kind, optimizer_state=optimizer_state)
    trainer.setDataSets(*beats)
    best = restores = None
    while not restores and len(trainer.history) < 80:
        trainer.doEpoch(trainer.model)
        row, states = trainer.history[-1], optimizer_states(trainer)
        if row.restored:
            restores = True
            for now, then in zip(states, best, strict=True):
                assert equal(now, {} if optimizer_state == "reset" else then) == (optimizer_state != "keep")
                assert now or optimizer_state == "reset"
        else:
            best = states
    assert restores


@each_kind
def test_learning_rate_factor_is_applied_at_each_restore(beats, kind):
    trainer = make(kind, lr_factor=0.5)
    rate = trainer.learning_rate
    for row, _, _ in follow(trainer, beats, two_restores):
        assert row.learning_rate == pytest.approx(rate)
        rate *= 0.5 if row.restored else 1


@each_kind
def test_run_ends_without_new_lowest_loss(beats, kind):
    trainer = make(kind, stop_after=3)
    result = benchmark(trainer, *beats, epochs=200)
    assert result.stopped == "no lower validation loss for 3 epochs"
    assert len(result.history) == result.history.best.epoch + 3
    assert all(len(trainer.history[:n]) - trainer.history[n - 1].best_epoch < 3 for n in range(1, len(result.history)))


# ---------------------------------------------------------------------- undo


def at_pause(action, epoch, number):
    """Return a function for `between_batches` that acts once, at a pause point of an epoch."""
    calls = []

    def between_batches(trainer):
        calls.append(len(trainer.history) + 1)
        if calls.count(epoch) == number and calls[-1] == epoch:
            action()

    return between_batches


def fail():
    raise RuntimeError("failed in mid-epoch")


@each_kind
@pytest.mark.parametrize("undo", [True, False], ids=["undo_epoch", "next epoch"])
def test_failed_epoch_of_custom_loop_is_undone(beats, kind, undo):
    trainer, other = make(kind), make(kind)
    for one in (trainer, other):
        one.setDataSets(*beats)
        for _ in range(2):
            one.doEpoch(one.model)
    before = state_of(trainer)
    hook = at_pause(fail, 3, 2)
    trainer.between_batches = lambda: hook(trainer)
    with pytest.raises(RuntimeError, match="failed in mid-epoch"):
        trainer.doEpoch(trainer.model)
    if undo:
        trainer.undo_epoch()
        assert equal(state_of(trainer), before)
    for one in (trainer, other):
        for _ in range(3):
            one.doEpoch(one.model)
        one.finalizeTraining(one.model)
    assert equal(state_of(trainer), state_of(other))


@each_kind
@pytest.mark.parametrize("how", ["error", "stop", "SIGINT"])
@pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process of Windows at once")
def test_interrupted_run_resumes_to_same_end(beats, kind, how):
    trainer, other = make(kind, lr_factor=0.9), make(kind, lr_factor=0.9)

    def act():
        if how == "error":
            fail()
        if how == "stop":
            raise StopTraining
        os.kill(os.getpid(), signal.SIGINT)

    # SIGINT acts at the next pause point
    hook = at_pause(act, 3, 1 if how == "SIGINT" else 2)
    trainer.between_batches = lambda: hook(trainer)
    seen = []
    run = Run(trainer, *beats, epochs=6, callbacks=[lambda row, state: seen.append(state)])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        list(run)
    except RuntimeError as error:
        assert how == "error" and "mid-epoch" in str(error)  # noqa: PT017, PT018
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(trainer.history) == 2
    assert same(trainer.reached_state(), seen[-1])
    trainer.between_batches = None
    benchmark(trainer, epochs=4, resume=True)
    benchmark(other, *beats, epochs=6)
    assert trainer.history == other.history
    one, two = state_of(trainer), state_of(other)
    assert equal({**one, "planned_epochs": 0}, {**two, "planned_epochs": 0})


def test_undone_epoch_restores_global_random_state(beats):
    """The loop of this trainer uses the global generator, for dropout."""
    ends = []
    for interrupted in (False, True):
        trainer = WholeSetTrainer(LSTMAutoencoder(hidden_size=6, dropout=0.5))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            if interrupted:
                hook = at_pause(fail, 2, 2)
                trainer.between_batches = lambda hook=hook, trainer=trainer: hook(trainer)
                with pytest.raises(RuntimeError, match="mid-epoch"):
                    benchmark(trainer, *beats, epochs=3)
                benchmark(trainer, epochs=2, resume=True)
            else:
                benchmark(trainer, *beats, epochs=3)
        ends.append(trainer)
    assert ends[0].history == ends[1].history
    assert same(copy_state(ends[0].model), copy_state(ends[1].model))


def test_failed_epoch_at_end_of_custom_loop_is_undone(beats):
    trainer, other = make("whole set"), make("whole set")
    for one in (trainer, other):
        one.setDataSets(*beats)
        one.doEpoch(one.model)
    hook = at_pause(fail, 2, 2)
    trainer.between_batches = lambda: hook(trainer)
    with pytest.raises(RuntimeError, match="mid-epoch"):
        trainer.doEpoch(trainer.model)
    for one in (trainer, other):
        one.finalizeTraining(one.model)
        one.resume()
        one.doEpoch(one.model)
    assert equal(state_of(trainer), state_of(other))


# ---------------------------------------------------------------------- branch, monitor, files


@each_kind
def test_branch_continues_from_earlier_epoch(beats, kind):
    trainer = make(kind, lr_factor=0.5)
    reached = {}
    benchmark(trainer, *beats, epochs=6, callbacks=[lambda row, state: reached.__setitem__(row.epoch, state)])
    best = trainer.history[3].best_epoch
    history = trainer.branch(4, reached[4], reached[best])
    assert len(history) == 4
    assert same(copy_state(trainer.model), reached[4])
    assert not any(optimizer_states(trainer))
    benchmark(trainer, epochs=2, resume=True)
    assert len(trainer.history) == 6
    assert trainer.history[4].learning_rate == pytest.approx(
        trainer.learning_rate * 0.5 ** len(trainer.history.branch(4, "to 4").restored_epochs)
    )
    if trainer.history.best.epoch <= 4:
        assert same(copy_state(trainer.model), reached[best])


@each_kind
def test_monitor_does_not_change_run(beats, kind):
    trainer, other = make(kind), make(kind)
    monitor = TrainingMonitor(examples=beats[1][:2])
    benchmark(trainer, *beats, epochs=3, callbacks=[monitor])
    benchmark(other, *beats, epochs=3)
    assert trainer.history == other.history
    assert same(copy_state(trainer.model), copy_state(other.model))
    assert monitor.rewind(2).shape == (2, 20, 1)
    monitor.close()


def stop_at(epoch):
    def callback(row, state):
        if row.epoch == epoch:
            raise StopTraining

    return callback


def saved_and_continued(build, beats, path, epochs=6, stop=3):
    """Compare a run that is continued from its checkpoint, in two ways, with an uninterrupted one."""
    whole = build()
    benchmark(whole, *beats, epochs=epochs)
    benchmark(build(), *beats, epochs=epochs, checkpoint=path, callbacks=[stop_at(stop)])
    loaded = load(path, trainer=build(), data=beats)
    assert len(loaded.history) == stop
    benchmark(loaded, epochs=epochs - stop, resume=True)
    again = build()
    benchmark(again, *beats, epochs=epochs, checkpoint=path)
    for one in (loaded, again):
        assert one.history == whole.history
        assert equal({**state_of(one), "planned_epochs": 0}, {**state_of(whole), "planned_epochs": 0})
    return whole


@each_kind
def test_run_continues_from_checkpoint(beats, kind, tmp_path):
    saved_and_continued(lambda: make(kind, lr_factor=0.9), beats, tmp_path / "run")


def test_trainer_is_loaded_with_its_classes(beats, tmp_path):
    trainer = make("VAE")
    benchmark(trainer, *beats, epochs=2)
    save(trainer, tmp_path / "trainer")
    loaded = load(tmp_path / "trainer", trainer=VAETrainer, model=VAE(LSTMAutoencoder(hidden_size=6)), data=beats)
    assert loaded.hyperparameters == trainer.hyperparameters
    assert equal(state_of(loaded), state_of(trainer))


# ---------------------------------------------------------------------- schedulers


def half(epoch):
    return 0.5**epoch


SCHEDULERS = {
    "StepLR": lambda optimizer: lr_scheduler.StepLR(optimizer, 2, 0.5),
    "MultiStepLR": lambda optimizer: lr_scheduler.MultiStepLR(optimizer, [2, 4], 0.5),
    "CosineAnnealingLR": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 8),
    "OneCycleLR": lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10),
    "LambdaLR": lambda optimizer: lr_scheduler.LambdaLR(optimizer, half),
    "ReduceLROnPlateau": lambda optimizer: lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5),
    "SequentialLR": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer,
        [lr_scheduler.ConstantLR(optimizer, 0.1), lr_scheduler.MultiStepLR(optimizer, [2], 0.5)],
        milestones=[4],
    ),
}


class ScheduledWholeSet(WholeSetTrainer):
    def __init__(self, *args, scheduler, **more):
        self.scheduler = SCHEDULERS[scheduler]
        super().__init__(*args, **more)


class ScheduledBatched(BatchedTrainer):
    def __init__(self, *args, scheduler, **more):
        self.scheduler = SCHEDULERS[scheduler]
        super().__init__(*args, **more)

    def configure_optimizer(self, model):
        optimizer = torch.optim.SGD(model.parameters(), lr=self.learning_rate, momentum=0.9)
        return optimizer, self.scheduler(optimizer)


def scheduled(cls, scheduler, **settings):
    own = {"learning_rate": 5.0} if cls is ScheduledWholeSet else {"batch_size": 20, "learning_rate": 5.0}
    return cls(LSTMAutoencoder(hidden_size=6), scheduler=scheduler, lr_factor=0.7, **{**own, **settings})


def expected_rates(scheduler, history):
    """Return the learning rates of PyTorch's own scheduler, times the factors of the restores."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=5.0, momentum=0.9)
    one, factor, rates = SCHEDULERS[scheduler](optimizer), 1.0, []
    for row in history:
        rates.append(optimizer.param_groups[0]["lr"] * factor)
        optimizer.step()
        factor *= 0.7 if row.restored else 1.0
        one.step(row.validation_loss) if scheduler == "ReduceLROnPlateau" else one.step()
    return rates


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("cls", [ScheduledWholeSet, ScheduledBatched])
def test_scheduler_steps_once_per_epoch_and_is_saved(beats, cls, scheduler, tmp_path):
    whole = saved_and_continued(lambda: scheduled(cls, scheduler), beats, tmp_path / "run")
    rates = [row.learning_rate for row in whole.history]
    assert whole.history.restored_epochs
    assert rates == pytest.approx(expected_rates(scheduler, whole.history))
    assert len(set(rates)) > 2


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("cls", [ScheduledWholeSet, ScheduledBatched])
def test_failed_epoch_and_branch_keep_schedule(beats, cls, scheduler):
    trainer = scheduled(cls, scheduler)
    reached = {}
    hook = at_pause(fail, 3, 2)
    trainer.between_batches = lambda: hook(trainer)
    keep = [lambda row, state: reached.__setitem__(row.epoch, state)]
    with pytest.raises(RuntimeError, match="mid-epoch"):
        benchmark(trainer, *beats, epochs=5, callbacks=keep)
    benchmark(trainer, epochs=3, resume=True, callbacks=keep)
    assert [row.learning_rate for row in trainer.history] == pytest.approx(expected_rates(scheduler, trainer.history))
    trainer.branch(3, reached[3], reached[trainer.history[2].best_epoch])
    benchmark(trainer, epochs=3, resume=True)
    assert [row.learning_rate for row in trainer.history] == pytest.approx(expected_rates(scheduler, trainer.history))
    # a new run begins with the first learning rate
    benchmark(trainer, *beats, epochs=1)
    assert trainer.history[0].learning_rate == pytest.approx(expected_rates(scheduler, trainer.history)[0])


# ---------------------------------------------------------------------- losses and optimizers


def test_accumulated_gradients_equal_larger_batch(beats):
    values = beats[0].sequences.numpy()[:38].copy()
    # very different numbers of known values, so that a mean of means is another loss
    mask = np.random.default_rng(0).random(values.shape[:2]) < np.linspace(0.2, 1, len(values))[:, None]
    mask[:, 0] = True
    training = DataSet(np.where(mask[..., None], values, np.nan), mask=mask)
    one, other = (
        BatchedTrainer(LSTMAutoencoder(hidden_size=6), learning_rate=0.01, batch_size=size, accumulate_grad_batches=k)
        for size, k in ((12, 1), (4, 3))
    )
    for trainer in (one, other):
        benchmark(trainer, training, beats[1], epochs=3)
    for ours, theirs in zip(one.history, other.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)
        assert ours.validation_loss == pytest.approx(theirs.validation_loss, rel=1e-4)
    for ours, theirs in zip(one.model.parameters(), other.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def train_plainly(model, optimizers, trainer, sequences, loss, epochs=3):
    """Train in a plain loop with the batches of a trainer."""
    for epoch in range(1, epochs + 1):
        model.train()
        for batch in trainer._order(len(sequences), epoch).split(trainer.batch_size):
            model.zero_grad()
            loss(model(sequences[batch]), sequences[batch]).backward()
            for optimizer in optimizers:
                optimizer.step()


def groups_of(model, rate):
    return [
        {"params": model.encoder.parameters(), "lr": 0.1 * rate, "weight_decay": 0.5},
        {"params": [*model.decoder.parameters(), *model.to_output.parameters()], "lr": rate, "weight_decay": 0.0},
    ]


class GroupsTrainer(BatchedTrainer):
    max_grad_norm = None

    def configure_optimizer(self, model):
        return torch.optim.AdamW(groups_of(model, self.learning_rate))


class TwoOptimizersTrainer(BatchedTrainer):
    max_grad_norm = None

    def configure_optimizer(self, model):
        encoder, decoder = groups_of(model, self.learning_rate)
        return torch.optim.AdamW([encoder]), torch.optim.SGD([decoder])


@pytest.mark.parametrize("cls", [GroupsTrainer, TwoOptimizersTrainer])
def test_parameter_groups_equal_plain_loop(beats, cls):
    ours, theirs = (LSTMAutoencoder(hidden_size=6) for _ in range(2))
    trainer = cls(ours, batch_size=8, learning_rate=0.02, restore="off")
    benchmark(trainer, *beats, epochs=3)
    optimizers = trainer.configure_optimizer(theirs)
    optimizers = optimizers if isinstance(optimizers, tuple) else (optimizers,)
    train_plainly(theirs, optimizers, trainer, beats[0].sequences, l1_loss)
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, msg=name)


def test_changed_learning_rate_keeps_ratio_of_groups(beats):
    trainer = GroupsTrainer(LSTMAutoencoder(hidden_size=6), batch_size=8, learning_rate=0.02)
    used, step = [], trainer.optimizer.step

    def recorded(closure):
        used.append([group["lr"] for group in trainer.optimizer.param_groups])
        return step(closure)

    trainer.optimizer.step = recorded
    trainer.setDataSets(*beats)
    trainer.learning_rate = 0.004
    trainer.doEpoch(trainer.model)
    assert used[0] == pytest.approx([0.0004, 0.004])


def weighted(outputs, targets):
    return (torch.linspace(0, 2, outputs.shape[1])[:, None] * (outputs - targets).abs()).mean()


@pytest.mark.parametrize("loss", [nn.HuberLoss(delta=0.3), weighted], ids=["Huber", "weighted"])
def test_own_loss_equals_plain_loop(beats, loss):
    ours, theirs = (LSTMAutoencoder(hidden_size=6) for _ in range(2))
    trainer = BatchedTrainer(ours, batch_size=8, learning_rate=0.02, max_grad_norm=None, restore="off", loss=loss)
    history = benchmark(trainer, *beats, epochs=3).history
    assert trainer.hyperparameters["loss"] == "custom"
    train_plainly(theirs, [torch.optim.Adam(theirs.parameters(), 0.02)], trainer, beats[0].sequences, loss)
    assert same(copy_state(ours), copy_state(theirs))
    with torch.no_grad():
        expected = float(loss(theirs.eval()(beats[1].sequences), beats[1].sequences))
    assert history[-1].validation_loss == pytest.approx(expected)


def test_loss_term_changes_training_but_not_validation_loss(beats):
    with_term, without = (make("VAE", beta=beta, restore="off", learning_rate=0.01) for beta in (1.0, 0.0))
    for trainer in (with_term, without):
        benchmark(trainer, *beats, epochs=1)
    assert with_term.history[0].train_loss > without.history[0].train_loss
    assert not same(copy_state(with_term.model), copy_state(without.model))
    with torch.no_grad():
        outputs = with_term.model(beats[1].sequences)[0]
    assert with_term.history[0].validation_loss == pytest.approx(float(l1_loss(outputs, beats[1].sequences)))


def test_gradients_outside_the_optimizer_do_not_add_up(beats):
    class DecoderOnly(BatchedTrainer):
        def configure_optimizer(self, model):
            return torch.optim.SGD(model.decoder.parameters(), lr=0.01)

    one, other = (DecoderOnly(LSTMAutoencoder(hidden_size=6), batch_size=size) for size in (8, 40))
    benchmark(one, *beats, epochs=1)
    # a single step, with the gradient of the last one alone
    benchmark(other, *beats, epochs=1)
    before = copy_state(one.model)
    one.training_step(one.model, [torch.arange(8)], 0)
    gradients = [p.grad.clone() for p in one.model.encoder.parameters()]
    other.model.load_state_dict(before)
    other.training_step(other.model, [torch.arange(8)], 0)
    for ours, theirs in zip(gradients, other.model.encoder.parameters(), strict=True):
        assert torch.equal(ours, theirs.grad)


# ---------------------------------------------------------------------- errors


def with_method(base, name, function):
    return type("Own", (base,), {name: function})(LSTMAutoencoder(hidden_size=4))


@pytest.mark.parametrize(
    ("returned", "got"),
    [
        (lambda model: None, r"\[None\]"),
        (lambda model: [], r"\[\]"),
        (lambda model: {"optimizer": torch.optim.Adam(model.parameters())}, r"\[\{'optimizer': Adam"),
        (lambda model: "adam", r"\['adam'\]"),
        (lambda model: torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=1.0), "parameters outside the model"),
        (lambda model: lr_scheduler.StepLR(torch.optim.Adam(model.parameters()), 1), r"\[<.*StepLR"),
    ],
    ids=["None", "empty", "dict", "string", "foreign parameters", "scheduler only"],
)
@pytest.mark.parametrize("base", [BatchedTrainer, WholeSetTrainer])
def test_wrong_return_of_configure_optimizer_raises(base, returned, got):
    what = f"^configure_optimizer of 'Own' must return optimizers of the model's parameters, and schedulers, got {got}"
    with pytest.raises(TypeError, match=what):
        with_method(base, "configure_optimizer", lambda self, model: returned(model))


def test_missing_configure_optimizer_raises(model):
    with pytest.raises(NotImplementedError, match=r"Incomplete must implement configure_optimizer\(model\)"):
        type("Incomplete", (RestoringTrainer,), {"doEpoch": lambda self, model: model})(model)


def l1(model, inputs, targets):
    return l1_loss(model(inputs), targets)


@pytest.mark.parametrize(
    ("compute_loss", "error", "match"),
    [
        (lambda *args: 0.5, TypeError, "return a scalar tensor, got float"),
        (lambda *args: None, TypeError, "return a scalar tensor, got NoneType"),
        (lambda *args: (l1(*args), 0), TypeError, "return a scalar tensor, got tuple"),
        (lambda *args: l1(*args)[None], TypeError, r"return a scalar tensor, got shape \(1,\)"),
        (lambda *args: l1(*args).detach(), ValueError, r"return a tensor with a gradient, got 0\."),
        (lambda *args: l1(*args) * torch.nan, FloatingPointError, "finite, got nan"),
        (lambda *args: l1(*args) / 0, FloatingPointError, "finite, got inf"),
    ],
    ids=["float", "None", "tuple", "vector", "detached", "NaN", "infinite"],
)
def test_wrong_return_of_compute_loss_raises_and_undoes_epoch(beats, compute_loss, error, match):
    def method(self, model, inputs, targets, mask, lengths=None):
        return compute_loss(model, inputs, targets)

    trainer = with_method(BatchedTrainer, "compute_loss", method)
    before = copy_state(trainer.model)
    with pytest.raises(error, match=rf"^(compute_loss|the first training loss) of 'Own' must (be )?{match}"):
        benchmark(trainer, *beats, epochs=1)
    assert len(trainer.history) == 0
    assert same(copy_state(trainer.model), before)


def test_loss_that_is_not_scalar_raises(beats, model):
    trainer = BatchedTrainer(model, loss=nn.HuberLoss(reduction="none"))
    with pytest.raises(TypeError, match=r"^loss must return a scalar tensor, got shape \(20, 20, 1\)"):
        benchmark(trainer, *beats, epochs=1)


def test_epoch_without_beginning_raises(beats, model):
    class NoBeginning(WholeSetTrainer):
        def doEpoch(self, model):
            return self.end_epoch(model, train_loss=0.0)

    with pytest.raises(RuntimeError, match=r"^end_epoch of 'NoBeginning' must be called after super\(\)\.doEpoch"):
        benchmark(NoBeginning(model), *beats, epochs=1)


def test_epoch_without_end_raises_and_is_undone(beats, model):
    class NoEnd(WholeSetTrainer):
        def end_epoch(self, model, **more):
            return model

    trainer, before = NoEnd(model), copy_state(model)
    with pytest.raises(RuntimeError, match=r"^doEpoch of NoEnd must add one row with record\(…\), got 0 rows"):
        benchmark(trainer, *beats, epochs=1)
    assert same(copy_state(model), before)
    assert not trainer.in_epoch


def test_first_loss_that_is_not_finite_raises_and_undoes_epoch(beats, model):
    class Diverging(WholeSetTrainer):
        def validation_loss(self, model):
            return float("nan")

    trainer, before = Diverging(model), copy_state(model)
    with pytest.raises(FloatingPointError, match=r"must be finite, got nan\. Lower learning_rate \(0\.5\)"):
        benchmark(trainer, *beats, epochs=1)
    assert same(copy_state(model), before)


class RateTrainer(RestoringTrainer):
    """Uses hyperparameters in `configure_optimizer`, with an integer as learning rate of LBFGS."""

    weight_decay = Hyperparameter(0.0, "weight decay", minimum=0)

    def configure_optimizer(self, model):
        lbfgs = torch.optim.LBFGS(list(model.parameters())[:1], lr=1)
        return [lbfgs, torch.optim.SGD(list(model.parameters())[1:], lr=1, weight_decay=self.weight_decay)]

    def doEpoch(self, model):
        super().doEpoch(model)
        return self.end_epoch(model, train_loss=1.0)


def test_integer_learning_rate_is_saved_and_loaded(beats, tmp_path):
    trainer = RateTrainer(LSTMAutoencoder(hidden_size=4))
    benchmark(trainer, *beats, epochs=2)
    save(trainer, tmp_path / "saved")
    assert load(tmp_path / "saved", trainer=RateTrainer).history == trainer.history


def test_hyperparameters_of_the_optimizer_take_effect_in_the_next_run(beats):
    trainer = RateTrainer(LSTMAutoencoder(hidden_size=4))
    trainer.weight_decay = 0.5
    benchmark(trainer, *beats, epochs=1)
    assert trainer.optimizers[1].param_groups[0]["weight_decay"] == 0.5
    batched = BatchedTrainer(LSTMAutoencoder(hidden_size=4), batch_size=10)
    attached = lr_scheduler.LambdaLR(batched.optimizer, lambda epoch: 0.25)
    batched.max_grad_norm = None
    benchmark(batched, *beats, epochs=1)
    # a scheduler that is attached to the optimizer keeps its factor
    assert batched.history[0].learning_rate == pytest.approx(0.25 * batched.learning_rate)
    assert attached.optimizer is batched.optimizer


class ScaledLoss(BatchedTrainer):
    def validation_loss(self, model):
        return 0.1 * super().validation_loss(model)


def test_validation_loss_in_another_unit_is_not_compared_with_the_constant(beats):
    trainer = ScaledLoss(LSTMAutoencoder(hidden_size=4), batch_size=10)
    assert benchmark(trainer, *beats, epochs=1).history.start is None


def test_min_delta_ratio_with_negative_losses():
    memory = HistoryRestore(best_epoch=1, best_loss=-9.0)
    assert memory.decide(-8.6, restores=True, patience=0, min_delta_ratio=0.1)[0] == "keep"
    assert memory.decide(-8.0, restores=True, patience=0, min_delta_ratio=0.1)[0] == "restore"


@pytest.mark.filterwarnings("error")
def test_copied_and_loaded_schedulers_do_not_warn(beats, tmp_path):
    trainer = scheduled(ScheduledBatched, "StepLR")
    benchmark(copy.deepcopy(trainer), *beats, epochs=2)
    benchmark(trainer, *beats, epochs=3)
    states = [copy_state(trainer.model)] * 2
    trainer.branch(2, *states)
    benchmark(trainer, epochs=1, resume=True)
