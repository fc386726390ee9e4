"""Tests of the interface that every trainer must implement.

Test your own trainer with them:

    class TestMyTrainer(TrainerContract):
        kind = MyTrainer
        settings = {"batch_size": 8}
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from trainers import Block, LSTMAutoencoder, Run, Trainer, benchmark, reconstruct
from trainers.torch_utils import copy_state


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Return whether two model states are bit-identical."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def skip_without_bfloat16() -> None:
    """Skip a test if PyTorch cannot train an LSTM with bfloat16 on this processor."""
    try:
        with torch.autocast("cpu", torch.bfloat16):
            nn.LSTM(1, 1)(torch.zeros(1, 1, 1))[0].sum().backward()
    except RuntimeError as error:
        pytest.skip(str(error))


BAD_SETS = {
    "empty": np.zeros((0, 20)),
    "no time": np.zeros((30, 0)),
    "one dimension": np.zeros(30),
    "four dimensions": np.zeros((30, 20, 1, 1)),
    "NaN": np.full((30, 20), np.nan),
    "infinite": np.full((30, 20), np.inf),
    "too large for float32": np.full((30, 20), 1e300),
    "integers that float32 cannot hold": np.full((30, 20), 2**40),
    "strings": np.full((30, 20), "beat"),
    "ragged": [[1.0, 2.0], [1.0]],
    "complex": np.zeros((30, 20), complex),
    "other length": np.zeros((30, 19)),
    "other number of features": np.zeros((30, 20, 2)),
    "None": None,
}


class TrainerContract:
    """Base class: a subclass sets `kind`, the class of the trainer, and settings that suit 40 short sequences."""

    kind: ClassVar[Any]
    settings: ClassVar[dict[str, Any]] = {}

    def make(self, model: nn.Module | None = None) -> Trainer:
        return self.kind(model or LSTMAutoencoder(hidden_size=6), "cpu", **self.settings)

    def test_trainer_is_block_with_json_serializable_hyperparameters(self):
        trainer = self.make()
        assert isinstance(trainer, Block)
        assert isinstance(trainer, Trainer)
        for key, value in self.settings.items():
            assert trainer.hyperparameters[key] == value
        assert all(type(v) in (bool, int, float, str, type(None)) for v in trainer.hyperparameters.values())

    def test_custom_loop_trains(self, beats):
        trainer = self.make()
        trainer.setDataSets(*beats)
        model = trainer.model
        for _ in range(3):
            assert trainer.doEpoch(model) is model
        assert trainer.finalizeTraining(model) is model
        assert not model.training
        assert [row.epoch for row in trainer.history] == [1, 2, 3]

    def test_training_lowers_validation_error(self, beats):
        trainer = self.make()
        before = (reconstruct(trainer.model, beats[1]) - beats[1].sequences).abs().mean()
        benchmark(trainer, *beats, epochs=8)
        after = (reconstruct(trainer.model, beats[1]) - beats[1].sequences).abs().mean()
        assert after < 0.97 * before

    def test_history_has_best_epoch(self, beats):
        history = benchmark(self.make(), *beats, epochs=5).history
        losses = [row.validation_loss for row in history]
        assert history.best.validation_loss == min(losses)
        assert history[-1].best_epoch == losses.index(min(losses)) + 1

    def test_two_dimensions_are_one_feature(self, beats):
        flat = [part.sequences[..., 0].numpy() for part in beats]
        assert benchmark(self.make(), *flat, epochs=1).history == benchmark(self.make(), *beats, epochs=1).history

    def test_training_is_reproducible(self, beats):
        one, other = (benchmark(self.make(), *beats, epochs=3) for _ in range(2))
        assert one.history == other.history
        assert same(copy_state(one.model), copy_state(other.model))

    def test_global_random_state_is_unchanged(self, beats):
        state = torch.get_rng_state()
        benchmark(self.make(), *beats, epochs=1)
        assert torch.equal(torch.get_rng_state(), state)

    def test_epoch_without_data_sets_raises(self):
        trainer = self.make()
        with pytest.raises(
            RuntimeError, match=r"must be called after setDataSets or resume, got a trainer without data sets"
        ):
            trainer.doEpoch(trainer.model)

    def test_finalizing_without_epoch_raises(self, beats):
        trainer = self.make()
        trainer.setDataSets(*beats)
        with pytest.raises(RuntimeError, match=r"must be called after doEpoch, got a trainer without an epoch"):
            trainer.finalizeTraining(trainer.model)

    def test_epoch_or_finalizing_after_finalizing_raises(self, beats):
        trainer = self.make()
        benchmark(trainer, *beats, epochs=1)
        before = copy_state(trainer.model)
        with pytest.raises(RuntimeError, match="finalized"):
            trainer.doEpoch(trainer.model)
        with pytest.raises(RuntimeError, match="finalized"):
            trainer.finalizeTraining(trainer.model)
        assert len(trainer.history) == 1
        assert same(copy_state(trainer.model), before)
        assert not trainer.model.training

    def test_different_model_raises(self, beats):
        trainer = self.make()
        trainer.setDataSets(*beats)
        with pytest.raises(ValueError, match=r"model must be the model of .*, got a different one"):
            trainer.doEpoch(LSTMAutoencoder(hidden_size=6))
        with pytest.raises(ValueError, match=r"model must be the model of .*, got a different one"):
            trainer.finalizeTraining(LSTMAutoencoder(hidden_size=6))

    @pytest.mark.parametrize("bad", BAD_SETS)
    @pytest.mark.parametrize("place", ["train", "validation"])
    def test_invalid_sets_raise_and_change_nothing(self, beats, bad, place):
        trainer = self.make()
        benchmark(trainer, *beats, epochs=1)
        history = trainer.history
        before, sets = copy_state(trainer.model), (trainer.train_set, trainer.validation_set)
        invalid = (BAD_SETS[bad], beats[1]) if place == "train" else (beats[0], BAD_SETS[bad])
        with pytest.raises((TypeError, ValueError), match=r"(training|validation) set"):
            trainer.setDataSets(*invalid)
        assert trainer.history is history
        assert (trainer.train_set, trainer.validation_set) == sets
        assert same(copy_state(trainer.model), before)
        benchmark(trainer, epochs=1, resume=True)
        assert len(history) == 2, "the run can still be resumed"

    def test_model_with_different_number_of_features_raises(self, beats):
        trainer = self.make(LSTMAutoencoder(n_features=3, hidden_size=6))
        with pytest.raises(ValueError, match="n_features"):
            trainer.setDataSets(*beats)
        assert len(trainer.history) == 0

    def test_break_finalizes(self, beats):
        trainer = self.make()
        for row in Run(trainer, *beats, epochs=9):
            if row.epoch == 2:
                break
        assert len(trainer.history) == 2
        assert not trainer.model.training
        with pytest.raises(RuntimeError, match="finalized"):
            trainer.doEpoch(trainer.model)
