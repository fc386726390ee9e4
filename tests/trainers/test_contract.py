"""The tests of the trainer interface, for the kit's trainer and two trainers of about ten lines."""

from __future__ import annotations

import torch
from torch.nn.functional import l1_loss

from data import DataSet
from trainers import BatchedTrainer, Hyperparameter, Trainer, benchmark
from trainers.losses import mean_loss

from .contract import TrainerContract


class DenoisingTrainer(BatchedTrainer):
    """Trains a model to reconstruct clean sequences from noisy ones; the validation set is clean."""

    noise = Hyperparameter(0.3, "standard deviation of the noise, in the data's units", minimum=0)

    def setDataSets(self, train, validation):
        clean = DataSet.of(train, "training set").sequences
        generator = torch.Generator().manual_seed(self.seed)
        noisy = clean + self.noise * torch.randn(clean.shape, generator=generator)
        super().setDataSets(DataSet(noisy, targets=clean, name="training set"), validation)


class SingleInstanceTrainer(Trainer):
    """Trains on one sequence at a time with plain gradient descent."""

    learning_rate = Hyperparameter(0.05, "step size", above=0)

    def doEpoch(self, model):
        super().doEpoch(model)
        total, optimizer = 0.0, torch.optim.SGD(model.parameters(), self.learning_rate)
        for x, y in zip(self.train_inputs.split(1), self.train_targets.split(1), strict=True):
            optimizer.zero_grad()
            loss = l1_loss(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(self.train_inputs)
        validation = mean_loss(model, self.validation_inputs, self.validation_targets)
        self.record(train_loss=total, validation_loss=validation)
        return model


class TestBatchedTrainer(TrainerContract):
    kind = BatchedTrainer
    settings = {"batch_size": 8, "learning_rate": 0.01}  # noqa: RUF012


class TestDenoisingTrainer(TrainerContract):
    kind = DenoisingTrainer
    settings = {"batch_size": 8, "learning_rate": 0.01, "noise": 0.2}  # noqa: RUF012


class TestSingleInstanceTrainer(TrainerContract):
    kind = SingleInstanceTrainer


def test_denoising_trains_on_noisy_and_validates_on_clean_inputs(beats, model):
    trainer = DenoisingTrainer(model, batch_size=8)
    benchmark(trainer, *beats, epochs=1)
    assert not torch.equal(trainer.train_inputs, beats[0].sequences)
    assert torch.equal(trainer.train_targets, beats[0].sequences)
    assert torch.equal(trainer.validation_inputs, beats[1].sequences)
    assert "altered inputs" in trainer.history.note
