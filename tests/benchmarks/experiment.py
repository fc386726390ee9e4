"""One training on ECG5000 and what it gives; `results` and `sweep` are made of it."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import numpy as np

from data import Split, load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection import baseline_scores, evaluate, quantile_threshold, reconstruction_error

# The kit's best configuration: what differs from the defaults of model and trainer.
BEST_MODEL = {"latent_size": 32}
BEST = {"batch_size": 32, "learning_rate": 0.01, "schedule": "cosine", "warmup_epochs": 3.0}
BEST_EPOCHS = 28


@cache
def parts(seed: int) -> Split:
    """The division of ECG5000 that belongs to a seed."""
    return split(load_ecg5000(), seed=seed)


def train(
    seed: int, epochs: int = BEST_EPOCHS, *, model: dict[str, Any] | None = None, **settings: Any
) -> dict[str, float]:
    """Train one autoencoder; the seed chooses split, first weights and order of the batches.

    Errors are sums of absolute errors over the 140 steps, so that they compare with other
    people's figures.
    """
    training, validation, calibration, test = parts(seed)
    trainer = BatchedTrainer(
        LSTMAutoencoder(seed=seed, **(BEST_MODEL if model is None else model)), "cpu", seed=seed, **settings
    )
    result = benchmark(trainer, training, validation, epochs=epochs, progress=False)
    threshold = quantile_threshold(reconstruction_error(result.model, calibration))
    judged = evaluate(reconstruction_error(result.model, test), test.labels, threshold)
    smoothed = reconstruction_error(result.model, test, smooth=9)
    return {
        "auroc": judged.auroc,
        "average_precision": judged.average_precision,
        "auroc_smoothed": evaluate(smoothed, test.labels, 0.0).auroc,
        "validation_error": float(reconstruction_error(result.model, validation, kind="sum").mean()),
        "restores": len(result.history.restored_epochs),
        "seconds": result.seconds,
    }


def baseline(name: str, seed: int) -> dict[str, float]:
    """The figures of a simple detector on the same split; its seconds are for learning and scoring together."""
    training, _, _, test = parts(seed)
    begun = time.perf_counter()
    scores = baseline_scores(name, training, test, seed=seed)
    seconds = time.perf_counter() - begun
    judged = evaluate(scores, test.labels, threshold=0.0)
    nothing = float(np.nan)
    return {
        "auroc": judged.auroc,
        "average_precision": judged.average_precision,
        "auroc_smoothed": nothing,
        "validation_error": nothing,
        "restores": nothing,
        "seconds": seconds,
    }
