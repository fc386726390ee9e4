"""Batches, loss, clipping and precision of an epoch, and models that cannot be trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss

from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.torch_utils import copy_state

from .contract import same


@pytest.mark.parametrize(("steps_per_epoch", "sizes"), [(None, [16, 16, 8]), (2, [16] * 2), (7, [16] * 7)])
def test_batches_of_an_epoch(beats, model, steps_per_epoch, sizes):
    trainer = BatchedTrainer(model, batch_size=16, steps_per_epoch=steps_per_epoch)
    batches = trainer._order(40, 1).split(trainer.batch_size)
    assert [len(batch) for batch in batches] == sizes
    order = torch.cat(list(batches)).tolist()
    for start in range(0, len(order) - 39, 40):
        assert sorted(order[start : start + 40]) == list(range(40)), "each pass contains every sequence once"
    if steps_per_epoch == 7:
        assert order[:40] != order[40:80], "each pass is shuffled"


def test_order_of_batches(model):
    trainer = BatchedTrainer(model)
    fixed = BatchedTrainer(model, reshuffle=False)
    other = BatchedTrainer(model, seed=1)
    order = lambda trainer, epoch: trainer._order(40, epoch).tolist()  # noqa: E731
    assert order(trainer, 1) != order(trainer, 2)
    assert order(trainer, 1) == order(trainer, 1)
    assert order(trainer, 1) != order(other, 1)
    assert order(fixed, 1) == order(fixed, 2)


def test_train_loss_is_mean_over_all_elements(beats, model):
    """With a very small learning rate, it must equal the loss of the whole set."""
    trainer = BatchedTrainer(model, batch_size=16, learning_rate=1e-30)
    expected = l1_loss(model(beats[0].sequences), beats[0].sequences).item()
    history = benchmark(trainer, *beats, epochs=1).history
    assert history[0].train_loss == pytest.approx(expected, rel=1e-5)


def test_squared_error(beats, model):
    trainer = BatchedTrainer(model, batch_size=16, loss="mse")
    history = benchmark(trainer, *beats, epochs=1).history
    expected = nn.functional.mse_loss(model(beats[1].sequences), beats[1].sequences).item()
    assert history[0].validation_loss == pytest.approx(expected, rel=1e-5)


def test_clipping_limits_norm_of_gradient(beats):
    """Check the gradient, because the size of Adam's step does not depend on its norm."""
    model = LSTMAutoencoder(hidden_size=6)
    trainer = BatchedTrainer(model, batch_size=40, max_grad_norm=0.01)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    norm = torch.cat([p.grad.reshape(-1) for p in model.parameters()]).norm()
    assert norm == pytest.approx(0.01, rel=1e-2)


def test_bfloat16_is_close_to_float32(beats):
    losses = {}
    for precision in ("float32", "bfloat16"):
        trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=6), batch_size=8, learning_rate=0.01, precision=precision)
        try:
            trainer.setDataSets(*beats)
        except RuntimeError as error:
            if not str(error).startswith("precision must be"):
                raise
            pytest.skip(str(error))
        losses[precision] = benchmark(trainer, *beats, epochs=5).history[-1].validation_loss
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
    assert losses["bfloat16"] != losses["float32"]


def test_batch_larger_than_set_raises(beats, model):
    trainer = BatchedTrainer(model, batch_size=41)
    with pytest.raises(ValueError, match=r"batch_size.* must be at most 40.*got 41"):
        trainer.setDataSets(*beats)
    assert trainer.train_set is None


def test_cosine_without_end_raises(beats, model):
    trainer = BatchedTrainer(model, schedule="cosine")
    trainer.setDataSets(*beats)
    before = copy_state(model)
    with pytest.raises(ValueError, match="schedule_epochs"):
        trainer.doEpoch(model)
    assert same(copy_state(model), before)


class WrongShape(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 2)

    def forward(self, x):
        return self.layer(x)


class Parameterless(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: "LSTM", TypeError, "torch.nn.Module"),
        (lambda: LSTMAutoencoder, TypeError, "the class LSTMAutoencoder, not an instance"),
        (Parameterless, ValueError, "requires_grad"),
        (lambda: WrongShape().requires_grad_(False), ValueError, "requires_grad"),
    ],
)
def test_model_that_cannot_be_trained_raises(make, error, match):
    with pytest.raises(error, match=match):
        BatchedTrainer(make())


def test_model_with_wrong_output_shape_raises(beats):
    trainer = BatchedTrainer(WrongShape())
    with pytest.raises(ValueError, match=r"must return a reconstruction, of shape \(2, 20, 1\), .*shape \(2, 20, 2\)"):
        trainer.setDataSets(*beats)


def test_model_with_non_finite_weights_raises(beats, model):
    with torch.no_grad():
        model.to_output.bias.fill_(float("nan"))
    with pytest.raises(ValueError, match=r"model LSTMAutoencoder must have finite weights, got NaN .*to_output\.bias"):
        BatchedTrainer(model).setDataSets(*beats)


def test_model_that_changes_input_raises_and_data_is_unchanged(beats):
    class InPlace(WrongShape):
        def forward(self, x):
            return x.mul_(2) * self.layer.weight.sum()

    before = beats[0].sequences.clone()
    with pytest.raises(ValueError, match="must not change its input in place"):
        BatchedTrainer(InPlace()).setDataSets(*beats)
    assert torch.equal(beats[0].sequences, before)


def test_model_whose_forward_fails_raises(beats):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4).double())
    with pytest.raises(ValueError, match=r"must accept .* float32 sequences, got an error .* 'training beats'"):
        trainer.setDataSets(*beats)
