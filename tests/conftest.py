"""Settings and fixtures for all tests: small real data, and a small model."""

from __future__ import annotations

import os

import pytest
import torch
from hypothesis import HealthCheck, settings

from data import DataSet, load_ecg5000, split
from trainers import LSTMAutoencoder

# The tests' models are tiny and several processes share the cores, so one thread is enough.
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
# At its first use, numba sets PyTorch's number of threads to its own number.
os.environ.setdefault("NUMBA_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))

# Without a deadline, because Hypothesis would otherwise fail on a busy machine.
settings.register_profile("kit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kit")


@pytest.fixture(scope="session")
def beats():
    """Return real heartbeats with every seventh step (20 steps): 40 for training, 20 for validation."""
    parts = split(load_ecg5000(), seed=0)
    train, validation = (part.sequences[:n, ::7] for part, n in ((parts.training, 40), (parts.validation, 20)))
    return DataSet(train, name="training beats"), DataSet(validation, name="validation beats")


@pytest.fixture
def model():
    return LSTMAutoencoder(hidden_size=6)
