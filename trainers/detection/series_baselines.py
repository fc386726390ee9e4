"""Simple detectors on a long series, to hold a network against; the methods are libraries'."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.neighbors import NearestNeighbors
from torch import nn

from data import Series
from trainers.detection._validation import as_choice, as_count
from trainers.detection.baselines import BASELINES
from trainers.detection.detector import AnomalyDetector
from trainers.detection.preprocessing import matched
from trainers.detection.scaling import Scaling
from trainers.detection.windows import StepScores, cut_windows, interpolated, window_starts
from trainers.lstm_autoencoder import LSTMAutoencoder
from trainers.reconstruction import mean_loss
from trainers.trainer import Trainer

# Windows that are compared at a time, and training windows that they are compared with at most.
CHUNK, MOST_NEIGHBOURS = 2048, 20_000


class Untrained(Trainer):
    """Leaves the model as it was initialised: what a score is worth before anything was learnt."""

    def doEpoch(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Measure the losses, and change nothing."""
        super().doEpoch(model)
        loss = mean_loss(model, self.validation_inputs, self.validation_targets, mask=self.validation_mask)
        self.record(train_loss=loss, validation_loss=loss)
        return model


def _on_windows(
    training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int, *, name: str
) -> np.ndarray:
    """A detector of sequences, on the windows; a step gets the mean over the windows that hold it."""
    normal = cut_windows(training, window_starts(len(training), window, stride), window)
    starts = window_starts(len(test), window, stride)
    windows = cut_windows(test, starts, window)
    # As AnomalyDetector does by default, so that drift is no one's advantage.
    normal, windows = (part - part.mean(1, keepdims=True) for part in (normal, windows))
    scores = BASELINES[name](normal, windows, seed)
    return _to_steps(scores, starts, window, stride)


def _to_steps(scores: np.ndarray, starts: np.ndarray, window: int, stride: int) -> np.ndarray:
    said = np.broadcast_to(scores[:, None, None], (len(scores), window, 1))
    return StepScores(int(starts[-1]) + window, window, stride, "mean").add(starts, said)[:, 0]


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
        parts = [windows[first : first + CHUNK] for first in range(0, len(windows), CHUNK)]
        profiles.append(np.concatenate([neighbours.kneighbors(_z_normalised(part))[0][:, 0] for part in parts]))
    return _every_window_to_steps(np.mean(profiles, axis=0), window)


def _z_normalised(windows: np.ndarray) -> np.ndarray:
    """Each window (n, window) with mean 0 and standard deviation 1; a constant one is all 0."""
    spread = windows.std(1, keepdims=True)
    centred = windows - windows.mean(1, keepdims=True)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-9)


def _variance(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    variances = pd.DataFrame(test).rolling(window).var(ddof=0).to_numpy()[window - 1 :].sum(1)
    return _every_window_to_steps(variances, window)


def _random(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    # Not the same numbers for calibration and test.
    return np.random.default_rng([seed, len(test)]).random(len(test))


def _untrained(training: np.ndarray, test: np.ndarray, window: int, stride: int, seed: int) -> np.ndarray:
    trainer = Untrained(LSTMAutoencoder(n_features=test.shape[1], latent_size=32, seed=seed))
    detector = AnomalyDetector(trainer, window=window, stride=stride, scaling="none", rate=0.5, epochs=1)
    part = Series(training[: 3 * window])
    return detector.fit(part, part, part, progress=False).score(Series(test))


SERIES_BASELINES: dict[str, Callable[[np.ndarray, np.ndarray, int, int, int], np.ndarray]] = {
    "1-NN": partial(_on_windows, name="1-NN"),
    "PCA, 4 components": partial(_on_windows, name="PCA, 4 components"),
    "isolation forest": partial(_on_windows, name="isolation forest"),
    "matrix profile": _matrix_profile,
    "moving-window variance": _variance,
    "untrained autoencoder": _untrained,
    "random score": _random,
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
        four principal components, isolation forest; each window less its own mean. The matrix
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
    if training.n_features != test.n_features:
        msg = f"training and test must have as many features; got {training.n_features} and {test.n_features}."
        raise ValueError(msg)
    test = matched(test, training, "test")
    window = as_count(window, "window", "of time steps", 3)
    stride = as_count(stride, "stride", "of time steps from window to window")
    if not stride <= window <= min(len(training), len(test)):
        msg = (
            f"a window must be at least a stride long and fit into both parts; got window={window}, stride={stride} "
            f"for {len(training)} and {len(test)} steps."
        )
        raise ValueError(msg)
    scaling = Scaling("standard", training.values)
    parts = [scaling.scale(interpolated(part.values)).astype(np.float64) for part in (training, test)]
    return SERIES_BASELINES[name](parts[0], parts[1], window, stride, seed)
