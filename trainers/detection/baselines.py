"""Baselines: simple detectors for sequences and for a series, to compare a network with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from data import DataSet, Series
from data.windows import cut_windows, interpolated, window_starts
from trainers.batched_trainer import BatchedTrainer
from trainers.checks import as_choice, as_count
from trainers.detection.preprocessing import DataForm, Scaling, matched
from trainers.detection.scoring import ErrorGaussian, reconstruction_differences, reconstruction_error
from trainers.detection.windowing import StepScores
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.lstm_forecaster import LSTMForecaster

# Test windows per batch, and maximum number of training windows that they are compared with.
COMPARED, MOST_NEIGHBOURS = 2048, 20_000
# Slow baselines: the first inverts a matrix of (time steps × features)² values, the others train a network.
SLOW = ("Sub-PCA", "LSTM-AD", "EncDec-AD")
# Training: 300 optimizer steps.
EPOCHS, TRAINING = 6, dict[str, Any](steps_per_epoch=50, learning_rate=0.01, loss="mse")
# Baselines of sequences that also score the windows of a series.
ON_WINDOWS = ("1-NN", "PCA, 4 components", "isolation forest", *SLOW, "untrained autoencoder")


def _flat(sequences: np.ndarray) -> np.ndarray:
    return sequences.reshape(len(sequences), -1)


def _nearest(train: np.ndarray, test: np.ndarray, seed: int, k: int) -> np.ndarray:
    return NearestNeighbors(n_neighbors=min(k, len(train))).fit(_flat(train)).kneighbors(_flat(test))[0].mean(1)


def _pca(train: np.ndarray, test: np.ndarray, seed: int, n: int) -> np.ndarray:
    pca = PCA(n_components=min(n, *_flat(train).shape), random_state=seed).fit(_flat(train))
    return np.abs(_flat(test) - pca.inverse_transform(pca.transform(_flat(test)))).mean(1)


def _untrained(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return reconstruction_error(LSTMAutoencoder(n_features=test.shape[2], latent_size=32, seed=seed), test)


def _differences(network: Any, train: np.ndarray, test: np.ndarray, seed: int) -> list[np.ndarray]:
    """Train a network; return output minus sequence, (n, time, feature), for held-out training and test sequences."""
    # scale each feature; a constant feature becomes 0
    mean, std = train.mean((0, 1)), train.std((0, 1))
    train, test = ((part - mean) / np.where(std > 0, std, 1) for part in (train, test))
    # the last fifth is held out
    cut = max(1, len(train) * 4 // 5)
    held_out = train[cut:] if len(train) > 1 else train
    # train
    model = network(n_features=train.shape[2], seed=seed)
    trainer = BatchedTrainer(model, batch_size=min(32, cut), seed=seed, **TRAINING)
    trainer.setDataSets(train[:cut], held_out)
    for _ in range(EPOCHS):
        trainer.doEpoch(model)
    trainer.finalizeTraining(model)
    return [reconstruction_differences(model, part) for part in (held_out, test)]


def _lstm_ad(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    # the first step of a sequence is predicted from zeros
    normal, errors = (part[:, 1:] for part in _differences(LSTMForecaster, train, test, seed))
    gaussian = EmpiricalCovariance().fit(normal.reshape(-1, normal.shape[2]))
    return gaussian.mahalanobis(errors.reshape(-1, errors.shape[2])).reshape(len(test), -1).mean(1)


def _encdec_ad(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    network = partial(LSTMAutoencoder, decoding="encdec-ad", bidirectional=False, time_encoding=0)
    normal, errors = _differences(network, train, test, seed)
    return ErrorGaussian(normal)(errors).mean(1)


BASELINES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "1-NN": partial(_nearest, k=1),
    "5-NN": partial(_nearest, k=5),
    "PCA, 4 components": partial(_pca, n=4),
    "PCA, 8 components": partial(_pca, n=8),
    "Sub-PCA": lambda x, y, seed: EmpiricalCovariance().fit(_flat(x)).mahalanobis(_flat(y)),
    "isolation forest": lambda x, y, seed: -IsolationForest(random_state=seed).fit(_flat(x)).score_samples(_flat(y)),
    "mean sequence": lambda x, y, seed: np.abs(y - x.mean(0)).mean((1, 2)),
    "LSTM-AD": _lstm_ad,
    "EncDec-AD": _encdec_ad,
    "untrained autoencoder": _untrained,
    "random score": lambda x, y, seed: np.random.default_rng(seed).random(len(y)),
}
"""The baselines of `baseline_scores`, by name."""


def baseline_scores(name: str, train: Any, test: Any, *, seed: int = 0) -> np.ndarray:
    """Return the anomaly scores of a baseline.

    Parameters
    ----------
    name : str
        A key of `BASELINES`:

        - "1-NN", "5-NN": mean Euclidean distance to the 1 or 5 nearest training sequences
        - "PCA, 4 components", "PCA, 8 components": mean absolute error of the reconstruction from
          4 or 8 principal components
        - "Sub-PCA": the squared Mahalanobis distance from the mean training sequence, which is the sum of the squared
          principal component scores, each divided by its variance [3]_. All components are used, except those
          without variance in the training set. The Sub-PCA of TSB-AD, which is that of PyOD, differs: it sums the
          distances between the sequence and the unit vectors of the components
        - "isolation forest": the method of Liu et al. 2008
        - "mean sequence": mean absolute difference from the mean training sequence
        - "LSTM-AD": the method of Malhotra et al. 2015, section 2, one step ahead. An `LSTMForecaster` is trained for
          300 optimizer steps on the first four fifths of the training sequences. The score of a time step is the
          squared Mahalanobis distance of its forecast error from the errors on the last fifth, that is, of the Gaussian
          that is fitted to them; the score of a sequence is the mean over all steps except the first
        - "EncDec-AD": the method of Malhotra et al. 2016, section 2. As published are the `LSTMAutoencoder` (one layer;
          the decoder begins with the encoder's final states, decodes in reverse, and is trained with teacher forcing),
          the squared error as loss, and the Gaussian of the absolute errors on held-out normal sequences
          (`ErrorGaussian`), whose squared Mahalanobis distance is the score of a time step. Not as published are the
          training, which is that of LSTM-AD, the 64 units, which were chosen there for each data set, and the score of
          a sequence, which is the mean over its steps
        - "untrained autoencoder": reconstruction error of an LSTM autoencoder that was not trained
        - "random score": a random number
    train, test : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Normal sequences for training, and the sequences to score.
    seed : int, default 0
        Seed of the baselines that use random numbers.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Higher scores are more anomalous.

    References
    ----------
    .. [1] Liu, Ting & Zhou 2008, Isolation forest, ICDM.
    .. [2] Malhotra, Vig, Shroff & Agarwal 2015, Long short term memory networks for anomaly detection in time series,
       ESANN, section 2.
    .. [3] Aggarwal 2017, Outlier analysis, 2nd edition, Springer, section 3.3: PCA with all components.
    .. [4] Malhotra et al. 2016, LSTM-based encoder-decoder for multi-sensor anomaly detection (arXiv:1607.00148),
       section 2.
    """
    as_choice(name, "name", BASELINES)
    train, test = DataSet.of(train, "training set"), DataSet.of(test, "test set")
    x, y = train.sequences.double().numpy(), test.sequences.double().numpy()
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(f"train must have as many time steps and features as test, got {x.shape} and {y.shape}.")
    return BASELINES[name](x, y, seed)


def _on_windows(name: str, training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    """Return the scores of a sequence baseline on windows; a step's score is the mean over the windows around it."""
    starts = [window_starts(len(part), window, stride) for part in (training, test)]
    normal, windows = cut_windows(training, starts[0], window), cut_windows(test, starts[1], window)
    # AnomalyDetector also subtracts the mean of each window by default
    normal, windows = (part - part.mean(1, keepdims=True) for part in (normal, windows))
    step_scores = np.broadcast_to(BASELINES[name](normal, windows, seed)[:, None, None], (len(windows), window, 1))
    return StepScores(len(test), window, stride, "mean").add(starts[1], step_scores)[:, 0]


def _every_window_to_steps(scores: np.ndarray, window: int) -> np.ndarray:
    """Return step scores from window scores at stride 1: a moving average of the window scores."""
    total = np.concatenate([[0.0], np.cumsum(scores)])
    steps = np.arange(len(scores) + window - 1)
    first, end = np.maximum(steps - window + 1, 0), np.minimum(steps + 1, len(scores))
    return (total[end] - total[first]) / (end - first)


def _matrix_profile(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    # An AB-join is a nearest-neighbour search among z-normalised windows. stumpy is faster on long series,
    # but compiles for a minute first.
    profiles = []
    for train_values, test_values in zip(training.T, test.T, strict=True):
        normal = np.lib.stride_tricks.sliding_window_view(train_values, window)
        normal = normal[np.linspace(0, len(normal) - 1, min(len(normal), MOST_NEIGHBOURS)).astype(int)]
        neighbours = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(_z_normalised(normal))
        windows = np.lib.stride_tricks.sliding_window_view(test_values, window)
        chunks = np.array_split(windows, range(COMPARED, len(windows), COMPARED))
        profiles.append(np.concatenate([neighbours.kneighbors(_z_normalised(chunk))[0] for chunk in chunks]))
    return _every_window_to_steps(np.mean(profiles, axis=0)[:, 0], window)


def _z_normalised(windows: np.ndarray) -> np.ndarray:
    """Return windows (n, window) with mean 0 and standard deviation 1; a constant window becomes 0."""
    std = windows.std(1, keepdims=True)
    return (windows - windows.mean(1, keepdims=True)) / np.where(std > 1e-9, std, np.inf)


def _variance(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    variances = pd.DataFrame(test).rolling(window).var(ddof=0).to_numpy()
    return _every_window_to_steps(variances[window - 1 :].sum(1), window)


SERIES_BASELINES: dict[str, Callable[[np.ndarray, np.ndarray, int, int, int], np.ndarray]] = {
    **{name: partial(_on_windows, name) for name in ON_WINDOWS},
    "matrix profile": _matrix_profile,
    "moving-window variance": _variance,
    # `len(y)` gives calibration and test set different random numbers
    "random score": lambda x, y, window, stride, seed: np.random.default_rng([seed, len(y)]).random(len(y)),
}
"""The baselines of `series_baseline_scores`, by name."""


def series_baseline_scores(
    name: str, training: Any, test: Any, *, window: int, stride: int = 4, seed: int = 0
) -> np.ndarray:
    """Return the anomaly score that a baseline gives to each time step of a series.

    Except for random scores, a step's score is the mean over the windows that contain it.

    Parameters
    ----------
    name : str
        A key of `SERIES_BASELINES`:

        - "1-NN", "PCA, 4 components", "Sub-PCA", "isolation forest", "LSTM-AD", "EncDec-AD", "untrained autoencoder":
          as in `baseline_scores`, on windows after subtracting the mean of each window
        - "matrix profile": z-normalised distance to the nearest training window (among at most
          20,000 evenly spaced windows), mean over the features
        - "moving-window variance": variance within a window, summed over the features
        - "random score": a random number
    training, test : Series or array, shape (time,)
        Normal series for training, and the series to score, with the same number of features. Each
        feature is scaled by the mean and standard deviation of `training`; missing values are
        interpolated.
    window : int
        Time steps in a window, at least 3; see `AnomalyDetector.window_length`.
    stride : int, default 4
        Time steps from one window to the next. Matrix profile and variance use every window.
    seed : int, default 0
        Seed of the baselines that use random numbers.

    Returns
    -------
    numpy.ndarray, shape (time,)
        Higher scores are more anomalous.

    Raises
    ------
    TypeError, ValueError
        If `name` is unknown, `training` and `test` have different features, or one is shorter than a window.

    References
    ----------
    .. [1] Yeh et al. 2016, Matrix profile I, ICDM, section II (the AB-join).
    .. [2] Liu, Ting & Zhou 2008, Isolation forest, ICDM.
    .. [3] Malhotra et al. 2015, LSTM-AD, ESANN, section 2, which scores each step alone, without windows.
    .. [4] Malhotra et al. 2016, EncDec-AD (arXiv:1607.00148), section 2, which also scores each step alone.
    .. [5] Paparrizos et al. 2022, TSB-UAD, VLDB 15(8), for the other baselines on windows.

    Examples
    --------
    >>> wave = np.sin(np.arange(400) / 4)
    >>> flat = np.where(np.arange(400) // 20 == 10, 0, wave)
    >>> int(series_baseline_scores("1-NN", wave, flat, window=25).argmax()) // 20
    10
    """
    as_choice(name, "name", SERIES_BASELINES)
    training, test = Series.of(training, "training"), Series.of(test, "test")
    test = matched(test, DataForm.of(training), "test")
    window = as_count(window, "window", "in time steps, to fit into both series", 3, min(len(training), len(test)))
    stride = as_count(stride, "stride", "in time steps, at most the window length", most=window)
    scaling = Scaling("standard", training)
    x, y = (scaling.scale(interpolated(part.values)).astype(np.float64) for part in (training, test))
    return SERIES_BASELINES[name](x, y, window, stride, seed)
