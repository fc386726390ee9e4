"""Train LSTM autoencoders on time series, with history restore.

The short way through: a model, a trainer for it, the driver.

>>> from data import load_ecg5000, split
>>> from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
>>> training, validation, calibration, test = split(load_ecg5000())
>>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=8), "cpu", n_batches=2)
>>> result = benchmark(trainer, training, validation, epochs=1)
"""

from trainers.batched_trainer import BatchedTrainer
from trainers.block import Block, Hyperparameter
from trainers.history import Epoch, History
from trainers.losses import reconstruct
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.plotting import Figure, plot_histories, plot_history
from trainers.trainer import StopRun, Trainer
from trainers.training import Result, Run, benchmark

__all__ = [
    "BatchedTrainer",
    "Block",
    "Epoch",
    "Figure",
    "History",
    "Hyperparameter",
    "LSTMAutoencoder",
    "Result",
    "Run",
    "StopRun",
    "Trainer",
    "benchmark",
    "plot_histories",
    "plot_history",
    "reconstruct",
]


def __getattr__(name: str) -> object:
    """Find `classroom` where it was before it became part of the course."""
    if name == "classroom":
        from notebooks.course import classroom

        return classroom
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
