"""Reconstruction does not change the model, and states are copies."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trainers import LSTMAutoencoder, reconstruct
from trainers.losses import mean_loss
from trainers.torch_utils import copy_state, load_state

from .contract import BAD_SETS, same


def test_batch_size_does_not_change_the_result(beats, model):
    in_one_batch = reconstruct(model, beats[0], batch_size=40)
    torch.testing.assert_close(reconstruct(model, beats[0], batch_size=7), in_one_batch)
    assert in_one_batch.shape == (40, 20, 1)
    assert not in_one_batch.requires_grad


def test_modes_of_modules_are_restored(beats):
    model = LSTMAutoencoder(hidden_size=4, dropout=0.5).train()
    model.encoder.eval()
    assert torch.equal(reconstruct(model, beats[0]), reconstruct(model, beats[0]))
    assert model.training
    assert not model.encoder.training


def test_mean_loss_is_mean_over_all_elements(beats, model):
    x = beats[0].sequences
    for loss, power in (("mae", 1), ("mse", 2)):
        expected = (reconstruct(model, x) - x).abs().pow(power).double().mean()
        assert mean_loss(model, x, x, loss, batch_size=9) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("bad", sorted(set(BAD_SETS) - {"other length"}))
def test_invalid_sequences_raise(model, bad):
    with pytest.raises((TypeError, ValueError), match=r"sequences|n_features"):
        reconstruct(model, BAD_SETS[bad])


def test_state_is_copy_and_is_loaded_in_place(model):
    state = copy_state(model)
    first = next(model.parameters())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert not same(copy_state(model), state)
    load_state(model, state)
    assert same(copy_state(model), state)
    assert next(model.parameters()) is first


def test_loading_state_into_changed_model_raises(model):
    state = copy_state(model)
    model.add_module("more", nn.Linear(1, 1))
    with pytest.raises(RuntimeError, match=r"must have the parameters and buffers of the state.*more"):
        load_state(model, state)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be a positive integer"),
        ({"batch_size": 2.5}, ValueError, "batch_size must be a positive integer"),
        ({"batch_size": True}, ValueError, "batch_size must be a positive integer"),
        ({"model": "LSTM"}, TypeError, "model must be a torch.nn.Module"),
    ],
)
def test_invalid_arguments_raise(beats, model, arguments, error, match):
    with pytest.raises(error, match=match):
        reconstruct(**{"model": model, "sequences": beats[0], **arguments})


def test_model_without_parameters_reconstructs(beats):
    assert torch.equal(reconstruct(torch.nn.Identity(), beats[0]), beats[0].sequences)
