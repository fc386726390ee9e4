"""`LSTMForecaster`: predict each time step of a sequence from the steps before it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from trainers.block import Block, Hyperparameter
from trainers.torch_utils import LARGEST_SEED, own_randomness


class LSTMForecaster(Block, nn.Module):
    """Stacked LSTM that predicts each time step from all steps before it, for the detector LSTM-AD.

    The output has the shape of the input, so trainers, scores and `AnomalyDetector` use the prediction as they use the
    reconstruction of an autoencoder; with ``error="gaussian"``, the detector is that of [1]_. Unlike there, each value
    is predicted only once, one step ahead, and the Gaussian is fitted to the absolute errors. The first step of a
    sequence is predicted from zeros. Padding does not affect the steps before it.

    Parameters
    ----------
    name : str, optional
        Used in tables and legends.
    **hyperparameters
        Listed below; all are read-only after construction.

    References
    ----------
    .. [1] Malhotra, Vig, Shroff & Agarwal 2015, Long short term memory networks for anomaly detection in time series,
       ESANN, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from data import Series
    >>> from trainers import BatchedTrainer
    >>> from trainers.detection import AnomalyDetector
    >>> wave = np.sin(np.arange(2000) * 2 * np.pi / 25)
    >>> trainer = BatchedTrainer(LSTMForecaster(hidden_size=8), learning_rate=0.01)
    >>> detector = AnomalyDetector(trainer, epochs=2, error="gaussian").fit(Series(wave))
    >>> wave[1000:1010] = 3
    >>> detector.score(Series(wave)).argmax() in range(990, 1020)
    True
    """

    n_features = Hyperparameter(1, "values at each time step", minimum=1, read_only=True)
    hidden_size = Hyperparameter(32, "units of each LSTM layer", minimum=1, maximum=8192, read_only=True)
    n_layers = Hyperparameter(2, "LSTM layers", minimum=1, read_only=True)
    seed = Hyperparameter(0, "seed of the initial weights", minimum=0, maximum=LARGEST_SEED, read_only=True)

    def __init__(self, *, name: str | None = None, **hyperparameters: Any) -> None:
        super().__init__(name=name, **hyperparameters)
        with own_randomness(self.seed):
            self.lstm = nn.LSTM(self.n_features, self.hidden_size, self.n_layers, batch_first=True)
            self.to_output = nn.Linear(self.hidden_size, self.n_features)

    def forward(self, sequences: Tensor) -> Tensor:
        """Predict the steps of sequences (n, time, n_features); the output has the same shape."""
        # the input of a step is the value before it
        before = functional.pad(sequences[:, :-1], (0, 0, 1, 0))
        return self.to_output(self.lstm(before)[0])
