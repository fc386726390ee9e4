"""Names of devices, and errors for missing ones."""

from __future__ import annotations

import pytest
import torch

from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.torch_utils import as_device


def simulate(monkeypatch, kind, count):
    """Simulate a computer with accelerators: replace the functions that describe them."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind) if count else None)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_cpu(device):
    assert as_device(device) == torch.device("cpu")


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_gpu_is_available_accelerator(monkeypatch, kind):
    simulate(monkeypatch, kind, 2)
    assert as_device("gpu") == torch.device(kind)
    assert as_device(f"{kind}:1") == torch.device(kind, 1)
    assert as_device(torch.device(kind, 1)) == torch.device(kind, 1)
    with pytest.raises(RuntimeError, match=f'device must be .* got "{kind}:2": it has 2'):
        as_device(f"{kind}:2")


def test_accelerator_of_other_type_raises(monkeypatch):
    simulate(monkeypatch, "mps", 1)
    with pytest.raises(RuntimeError, match="it has 1 of type 'mps'"):
        as_device("cuda")


def test_missing_accelerator_raises(monkeypatch):
    simulate(monkeypatch, "cuda", 0)
    with pytest.raises(RuntimeError, match=r'device must be "cpu" here, got "gpu"'):
        as_device("gpu")
    with pytest.raises(RuntimeError, match="it has no accelerator"):
        as_device("cuda:1")


@pytest.mark.parametrize("device", ["tpu-ish", "", "GPU"])
def test_unknown_name_raises(device):
    with pytest.raises(ValueError, match='device must be "cpu", "gpu"'):
        as_device(device)


@pytest.mark.parametrize("device", [0, None, 1.5])
def test_device_that_is_no_name_raises(device):
    with pytest.raises(TypeError, match='device must be "cpu", "gpu"'):
        as_device(device)


def test_model_is_not_moved_after_error(monkeypatch, model):
    simulate(monkeypatch, "cuda", 0)
    with pytest.raises(RuntimeError):
        BatchedTrainer(model, "gpu")
    assert {p.device.type for p in model.parameters()} == {"cpu"}


@pytest.mark.skipif(not torch.accelerator.is_available(), reason="this machine has no accelerator")
def test_training_on_accelerator(beats):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=6, dropout=0.1), "gpu", batch_size=8)
    state = torch.get_rng_state()
    history = benchmark(trainer, *beats, epochs=3).history
    assert next(trainer.model.parameters()).device.type == trainer.device.type != "cpu"
    assert history[-1].validation_loss < history[0].validation_loss
    assert torch.equal(torch.get_rng_state(), state)
