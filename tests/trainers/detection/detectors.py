"""Small trainers and an artificial series for the tests."""

import numpy as np

from data import Series
from trainers import BatchedTrainer, LSTMAutoencoder


def small(n_features=1, seed=0, **more):
    model = LSTMAutoencoder(n_features=n_features, hidden_size=8, seed=seed)
    return BatchedTrainer(model, batch_size=8, learning_rate=0.01, seed=seed, **more)


def wave(steps=600, features=1, seed=0):
    rng = np.random.default_rng(seed)
    time = np.arange(steps)[:, None] + np.arange(features) * 7
    return Series(np.sin(2 * np.pi * time / 25) * (1 + np.arange(features)) + 0.05 * rng.normal(size=(steps, features)))
