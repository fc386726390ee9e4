"""Train LSTM autoencoders on time series, with history restore.

The short way through: a model, a trainer for it, the driver.

>>> from data import load_ecg5000, split
>>> from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
>>> training, validation, calibration, test = split(load_ecg5000())
>>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=8), "cpu", n_batches=2)
>>> result = benchmark(trainer, training, validation, epochs=1)
"""

from trainers import classroom
from trainers.batched_trainer import BatchedTrainer
from trainers.benchmark import benchmark
from trainers.block import Block, Hyperparameter
from trainers.figure import Figure
from trainers.history import Epoch, History
from trainers.loss_curve import plot_histories, plot_history
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.reconstruction import reconstruct
from trainers.result import Result
from trainers.run import Run
from trainers.trainer import StopRun, Trainer

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
    "classroom",
    "plot_histories",
    "plot_history",
    "reconstruct",
]
