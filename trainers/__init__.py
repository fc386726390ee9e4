"""Train LSTM autoencoders on time series, with history restore.

To train a model, create the model and a trainer for it, and then call `benchmark`.

>>> from data import load_ecg5000, split
>>> from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
>>> training, validation, calibration, test = split(load_ecg5000())
>>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=8), "cpu", steps_per_epoch=2)
>>> result = benchmark(trainer, training, validation, epochs=1)
"""

from data._deprecated import RENAMED, current_name
from trainers.batched_trainer import BatchedTrainer
from trainers.block import Block, Hyperparameter
from trainers.checkpoint import load, save
from trainers.history import Epoch, History
from trainers.losses import reconstruct
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.lstm_forecaster import LSTMForecaster
from trainers.plotting import Figure, plot_histories, plot_history
from trainers.restoring_trainer import RestoringTrainer
from trainers.trainer import StopTraining, Trainer
from trainers.training import Result, Run, benchmark

__all__ = [
    "BatchedTrainer",
    "Block",
    "Epoch",
    "Figure",
    "History",
    "Hyperparameter",
    "LSTMAutoencoder",
    "LSTMForecaster",
    "RestoringTrainer",
    "Result",
    "Run",
    "StopTraining",
    "Trainer",
    "benchmark",
    "load",
    "plot_histories",
    "plot_history",
    "reconstruct",
    "save",
]


def __getattr__(name: str) -> object:
    """Return an object by its old name, or `classroom`, which is a part of `notebooks.course`."""
    if name in RENAMED["trainers"]:
        return globals()[current_name("trainers", name)]
    if name == "classroom":
        from notebooks.course import classroom

        return classroom
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
