"""`synthetic_series`: a periodic signal, normal for training, with labelled anomalies for the test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from data.anomalies import ANOMALY_KINDS, Anomaly, Signal, inject, steps_of
from data.recordings import Recording
from data.series import Series

SHAPES = ("heartbeat", "sine")
# P, Q, R, S and T: where in the beat (0 to 1), how wide, how high.
_WAVES = np.array(
    [(0.20, 0.028, 0.12), (0.365, 0.012, -0.12), (0.40, 0.016, 1), (0.44, 0.014, -0.22), (0.66, 0.055, 0.3)]
)


def synthetic_series(
    anomalies: Iterable[str | Anomaly] = ANOMALY_KINDS,
    *,
    n_training: int = 5000,
    n_test: int = 10_000,
    shape: str = "heartbeat",
    period: float = 100.0,
    jitter: float = 0.03,
    noise: float = 0.03,
    n_features: int = 1,
    seed: int = 0,
) -> Recording:
    """A recording whose anomalies are known to the step, to learn and to compare with.

    Beats of about one height follow each other; their length and height vary a little, and noise and a slow
    wander of the baseline lie over them. The test part is made in the same way; then anomalies are put in,
    at least a period apart and away from both ends. A step is labelled if and only if its values were changed,
    with the number of the anomaly's kind in `ANOMALY_KINDS`, counted from 1. The same seed without anomalies gives the
    same signal undisturbed.

    Parameters
    ----------
    anomalies : iterable of str or Anomaly, default one of each kind
        What is put into the test part: names of kinds, or `Anomaly` for how many, how strong and how long.
        Empty: nothing.
    n_training, n_test : int
        Steps of the two parts.
    shape : {"heartbeat", "sine"}, default "heartbeat"
        The beat: five Gaussian waves like those of an electrocardiogram, as McSharry et al. [1]_ make it,
        or one sine wave.
    period : float, default 100
        Steps of a beat on average, at least 8.
    jitter : float, default 0.03
        Standard deviation of the beats' lengths, as a fraction of the period, and of their heights. At most 0.2.
    noise : float, default 0.03
        Standard deviation of the white noise; the wander is as large. A beat is about 1 high. From 0.001 to 1, so
        that every change is one.
    n_features : int, default 1
        Features. All show the same beats, each in its own mixture of waves, with its own noise.
    seed : int, default 0
        Fixes everything.

    Returns
    -------
    Recording
        `(training, test)`, with labels, without a sampling rate.

    Raises
    ------
    TypeError, ValueError
        If a parameter is outside of its range, or the anomalies do not fit into `n_test` steps.

    References
    ----------
    .. [1] McSharry, Clifford, Tarassenko & Smith, A dynamical model for generating synthetic
       electrocardiogram signals, IEEE Transactions on Biomedical Engineering 50(3), 2003.

    Examples
    --------
    >>> training, test = synthetic_series(["spike", Anomaly("flat line", count=2, length=30)], seed=1)
    >>> test
    Series 'synthetic, test': 10000 steps, 1 feature; 3 abnormal events
    >>> sorted(end - start for start, end in test.events)
    [1, 30, 30]
    """
    _check(n_training, n_test, shape, period, jitter, noise, n_features, seed)
    wanted = _as_anomalies(anomalies)
    needed = sum(a.count * (steps_of(a, period) + 2 * int(np.ceil(period))) for a in wanted) + 2 * int(np.ceil(period))
    if wanted and needed > n_test:
        msg = (
            f"the anomalies with a period of normal steps around each need {needed} steps; n_test is {n_test}. "
            "Take a longer test part, or fewer or shorter anomalies."
        )
        raise ValueError(msg)
    # Streams of their own: the anomalies change nothing about the signal, the training part nothing about the test.
    looks, *parts, placing = np.random.default_rng(seed).spawn(4)
    waves = _waves(shape, n_features, looks)
    clean = [
        _signal(n, waves, shape, period, jitter, noise, rng) for n, rng in zip((n_training, n_test), parts, strict=True)
    ]
    values, kinds = inject(clean[1], wanted, period, noise, placing)
    values = values.astype(np.float32)
    changed = (values != clean[1].values.astype(np.float32)).any(1)
    return Recording(
        Series(clean[0].values, labels=np.zeros(n_training, dtype=int), name="synthetic, training"),
        Series(values, labels=np.where(changed, kinds, 0), name="synthetic, test"),
    )


def _waves(shape: str, n_features: int, rng: np.random.Generator) -> np.ndarray:
    """Place, width and height of each feature's waves, shape (feature, wave, 3); the first has the plain ones."""
    if shape == "sine":
        # Place is then the phase, and height the amplitude.
        waves = np.tile([[0.0, 1.0, 1.0]], (n_features, 1, 1))
        waves[1:, :, 0] = rng.uniform(0, 1, (n_features - 1, 1))
        waves[1:, :, 2] = rng.uniform(0.5, 1, (n_features - 1, 1))
        return waves
    waves = np.tile(_WAVES, (n_features, 1, 1))
    waves[1:, :, 0] += rng.normal(0, 0.004, (n_features - 1, 5))
    waves[1:, :, 2] *= rng.uniform(0.5, 1.2, (n_features - 1, 5)) * rng.choice(
        [-1, 1], (n_features - 1, 1), p=[0.3, 0.7]
    )
    return waves


def _signal(
    n: int, waves: np.ndarray, shape: str, period: float, jitter: float, noise: float, rng: np.random.Generator
) -> Signal:
    beats = int(n / period / (1 - 3 * jitter)) + 3
    lengths = period * (1 + jitter * np.clip(rng.normal(size=beats), -3, 3))
    starts = np.concatenate([[0], np.cumsum(lengths)]) - rng.uniform(0, lengths[0])
    phase = np.interp(np.arange(n), starts, np.arange(beats + 1))
    # Heights change in the course of a beat, so that no step jumps.
    heights = 1 + jitter * np.clip(rng.normal(size=beats + 1), -3, 3)

    def beat(phase: np.ndarray) -> np.ndarray:
        height = np.interp(phase, np.arange(beats + 1), heights)[:, None]
        if shape == "sine":
            return height * waves[:, 0, 2] * np.sin(2 * np.pi * (phase[:, None] + waves[:, 0, 0]))
        from_centre = (phase % 1)[:, None, None] - waves[..., 0]
        return height * (waves[..., 2] * np.exp(-0.5 * (from_centre / waves[..., 1]) ** 2)).sum(2)

    n_features = len(waves)
    turns = rng.uniform(0, 1, (3, n_features))
    slow = np.arange(n)[:, None] / period / np.array([5.3, 8.9, 14.1])[:, None, None]
    wander = np.sqrt(2 / 3) * noise * np.sin(2 * np.pi * (slow + turns[:, None])).sum(0)
    peak = 0.25 if shape == "sine" else float(_WAVES[2, 0])
    return Signal(phase, beat, wander, noise * rng.normal(size=(n, n_features)), peak)


def _as_anomalies(anomalies: Any) -> list[Anomaly]:
    if isinstance(anomalies, str | Anomaly) or not isinstance(anomalies, Iterable):
        msg = f"anomalies takes several kinds or Anomaly, such as ['spike', Anomaly('flat line')]; got {anomalies!r}."
        raise TypeError(msg)
    return [a if isinstance(a, Anomaly) else Anomaly(a) for a in anomalies]


def _check(
    n_training: Any, n_test: Any, shape: Any, period: Any, jitter: Any, noise: Any, n_features: Any, seed: Any
) -> None:
    for name, value, least in (
        ("n_training", n_training, 2),
        ("n_test", n_test, 2),
        ("n_features", n_features, 1),
        ("seed", seed, 0),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            msg = f"{name} takes a whole number, at least {least}; got {value!r}."
            raise ValueError(msg)
    if shape not in SHAPES:
        msg = f"shape takes one of {SHAPES}; got {shape!r}."
        raise ValueError(msg)
    for name, number, low, high in (("period", period, 8, 1e6), ("jitter", jitter, 0, 0.2), ("noise", noise, 0.001, 1)):
        fits = isinstance(number, int | float | np.integer | np.floating) and not isinstance(number, bool)
        if not fits or not low <= number <= high:
            msg = f"{name} takes a number from {low} to {high:g}; got {number!r}."
            raise ValueError(msg)
