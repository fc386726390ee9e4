"""Simple detectors to hold a network against; the methods are scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import NearestNeighbors

from data import DataSet
from trainers.detection._validation import as_choice
from trainers.detection.scoring import reconstruction_error
from trainers.lstm_autoencoder import LSTMAutoencoder


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

    Raises
    ------
    TypeError, ValueError
        If the name is unknown, or the sequences do not fit (see `DataSet`) each other.
    """
    as_choice(name, "name", BASELINES)
    train, test = DataSet.of(train, "training set"), DataSet.of(test, "test set")
    if train.sequences.shape[1:] != test.sequences.shape[1:]:
        msg = (
            "training and test set must have the same length and width; got "
            f"{tuple(train.sequences.shape)} and {tuple(test.sequences.shape)} (n, time, feature)."
        )
        raise ValueError(msg)
    return BASELINES[name](train.sequences.double().numpy(), test.sequences.double().numpy(), seed)
