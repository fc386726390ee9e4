"""Simple detectors of sequences and of a series, to compare a network with; the methods are libraries'."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from data import DataSet, Series
from trainers.checks import as_choice, as_count
from trainers.detection.preprocessing import Scaling, matched
from trainers.detection.scoring import reconstruction_error
from trainers.detection.windowing import StepScores, cut_windows, interpolated, window_starts
from trainers.lstm_autoencoder import LSTMAutoencoder

# Windows that are compared at a time, and training windows that they are compared with at most.
COMPARED, MOST_NEIGHBOURS = 2048, 20_000


def _flat(sequences: np.ndarray) -> np.ndarray:
    return sequences.reshape(len(sequences), -1)


def _nearest(train: np.ndarray, test: np.ndarray, seed: int, k: int) -> np.ndarray:
    distances, _ = NearestNeighbors(n_neighbors=min(k, len(train))).fit(_flat(train)).kneighbors(_flat(test))
    return distances.mean(1)


def _pca(train: np.ndarray, test: np.ndarray, seed: int, n: int) -> np.ndarray:
    train, test = _flat(train), _flat(test)
    pca = PCA(n_components=min(n, *train.shape), random_state=seed).fit(train)
    return np.abs(test - pca.inverse_transform(pca.transform(test))).mean(1)


def _isolation_forest(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return -IsolationForest(random_state=seed).fit(_flat(train)).score_samples(_flat(test))


def _mean_sequence(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return np.abs(test - train.mean(0)).mean((1, 2))


def _untrained(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return reconstruction_error(LSTMAutoencoder(n_features=test.shape[2], latent_size=32, seed=seed), test)


def _random(train: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(len(test))


BASELINES: dict[str, Callable[[np.ndarray, np.ndarray, int], np.ndarray]] = {
    "1-NN": partial(_nearest, k=1),
    "5-NN": partial(_nearest, k=5),
    "PCA, 4 components": partial(_pca, n=4),
    "PCA, 8 components": partial(_pca, n=8),
    "isolation forest": _isolation_forest,
    "mean sequence": _mean_sequence,
    "untrained autoencoder": _untrained,
    "random score": _random,
}
"""By name, the detectors of `baseline_scores`."""


def baseline_scores(name: str, train: Any, test: Any, *, seed: int = 0) -> np.ndarray:
    """Scores of a simple detector.

    Parameters
    ----------
    name : str
        A key of `BASELINES`: mean Euclidean distance to the 1 or 5 nearest training sequences;
        mean absolute error of the reconstruction from 4 or 8 principal components; isolation
        forest (Liu et al. 2008); mean absolute difference from the mean training sequence; the error
        of an LSTM autoencoder as it was initialised; a random number.
    train, test : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Normal sequences to learn from, sequences to score.
    seed : int, default 0
        For what is random.

    Returns
    -------
    numpy.ndarray, shape (n,)
        The higher, the more anomalous.
    """
    as_choice(name, "name", BASELINES)
    train, test = DataSet.of(train, "training set"), DataSet.of(test, "test set")
    x, y = train.sequences.double().numpy(), test.sequences.double().numpy()
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(f"training and test set must have the same length and width, got {x.shape} and {y.shape}.")
    return BASELINES[name](x, y, seed)


def _on_windows(name: str, training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    """A baseline for sequences, on the windows; a step gets the mean over the windows that hold it."""
    starts = [window_starts(len(part), window, stride) for part in (training, test)]
    normal, windows = cut_windows(training, starts[0], window), cut_windows(test, starts[1], window)
    # As AnomalyDetector does by default, so that drift is no one's advantage.
    normal, windows = (part - part.mean(1, keepdims=True) for part in (normal, windows))
    of_steps = np.broadcast_to(BASELINES[name](normal, windows, seed)[:, None, None], (len(windows), window, 1))
    return StepScores(len(test), window, stride, "mean").add(starts[1], of_steps)[:, 0]


def _every_window_to_steps(scores: np.ndarray, window: int) -> np.ndarray:
    """The same at stride 1, where the mean over the windows that hold a step is a moving average."""
    total = np.concatenate([[0.0], np.cumsum(scores)])
    steps = np.arange(len(scores) + window - 1)
    first, end = np.maximum(steps - window + 1, 0), np.minimum(steps + 1, len(scores))
    return (total[end] - total[first]) / (end - first)


def _matrix_profile(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    # An AB-join is a search for nearest neighbours among z-normalised windows. stumpy makes it faster on
    # long series, but compiles for a minute first.
    profiles = []
    for known, new in zip(training.T, test.T, strict=True):
        of = np.lib.stride_tricks.sliding_window_view(known, window)
        of = of[np.linspace(0, len(of) - 1, min(len(of), MOST_NEIGHBOURS)).astype(int)]
        neighbours = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(_z_normalised(of))
        windows = np.lib.stride_tricks.sliding_window_view(new, window)
        chunks = np.array_split(windows, range(COMPARED, len(windows), COMPARED))
        profiles.append(np.concatenate([neighbours.kneighbors(_z_normalised(chunk))[0] for chunk in chunks]))
    return _every_window_to_steps(np.mean(profiles, axis=0)[:, 0], window)


def _z_normalised(windows: np.ndarray) -> np.ndarray:
    """Each window (n, window) with mean 0 and standard deviation 1; a constant one is all 0."""
    spread = windows.std(1, keepdims=True)
    return (windows - windows.mean(1, keepdims=True)) / np.where(spread > 1e-9, spread, np.inf)


def _variance(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    variances = pd.DataFrame(test).rolling(window).var(ddof=0).to_numpy()[window - 1 :].sum(1)
    return _every_window_to_steps(variances, window)


def _random_steps(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    # Not the same numbers for calibration and test.
    return np.random.default_rng([seed, len(test)]).random(len(test))


def _untrained_steps(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    # As the network reads them.
    training, test = training.astype(np.float32), test.astype(np.float32)
    return _on_windows("untrained autoencoder", training, test, window, stride, seed)


SERIES_BASELINES: dict[str, Callable[[np.ndarray, np.ndarray, int, int, int], np.ndarray]] = {
    "1-NN": partial(_on_windows, "1-NN"),
    "PCA, 4 components": partial(_on_windows, "PCA, 4 components"),
    "isolation forest": partial(_on_windows, "isolation forest"),
    "matrix profile": _matrix_profile,
    "moving-window variance": _variance,
    "untrained autoencoder": _untrained_steps,
    "random score": _random_steps,
}
"""By name, the detectors of `series_baseline_scores`."""


def series_baseline_scores(
    name: str, training: Any, test: Any, *, window: int, stride: int = 4, seed: int = 0
) -> np.ndarray:
    """Scores of a simple detector for each time step of a series.

    Parameters
    ----------
    name : str
        A key of `SERIES_BASELINES`. On windows, as `baseline_scores`: nearest training window,
        four principal components, isolation forest; each window minus its own mean. The matrix
        profile: z-normalised distance to the nearest training window (of 20,000 evenly spaced ones
        at most), mean over the features. The variance within a window, summed over the features.
        An LSTM autoencoder as it was initialised. A random number. A step gets the mean over the
        windows that hold it.
    training, test : Series or array, shape (time,)
        Of as many features; each is scaled by the training part's mean and standard deviation,
        missing values are interpolated.
    window : int
        Time steps in a window, at least 3; see `AnomalyDetector.window_length`.
    stride : int, default 4
        Time steps from one window to the next; matrix profile and variance take every window.
    seed : int, default 0
        For what is random.

    Returns
    -------
    numpy.ndarray, shape (time,)
        The higher, the more anomalous.

    Raises
    ------
    TypeError, ValueError
        If the name is unknown, the parts do not fit each other, or one is shorter than a window.

    References
    ----------
    .. [1] Yeh et al. 2016, Matrix profile I, ICDM, section II (the AB-join).
    .. [2] Liu, Ting & Zhou 2008, Isolation forest, ICDM.
    .. [3] Paparrizos et al. 2022, TSB-UAD, VLDB 15(8): the others on windows.

    Examples
    --------
    >>> wave = np.sin(np.arange(400) / 4)
    >>> flat = np.where(np.arange(400) // 20 == 10, 0, wave)
    >>> int(series_baseline_scores("1-NN", wave, flat, window=25).argmax()) // 20
    10
    """
    as_choice(name, "name", SERIES_BASELINES)
    training, test = Series.of(training, "training"), Series.of(test, "test")
    test = matched(test, training, "test")
    window = as_count(window, "window", "in time steps that fit into both parts", 3, min(len(training), len(test)))
    stride = as_count(stride, "stride", "in time steps, at most a window", most=window)
    scaling = Scaling("standard", training)
    x, y = (scaling.scale(interpolated(part.values)).astype(np.float64) for part in (training, test))
    return SERIES_BASELINES[name](x, y, window, stride, seed)
