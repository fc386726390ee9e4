"""`synthetic_series`: a periodic signal with a normal training part and a test part with labelled anomalies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from data.data_set import check_integer, is_real_number
from data.recordings import Recording
from data.series import Series

# Default length in periods; 0 means one step.
_LENGTHS = {
    "spike": 0.0,
    "level shift": 1.0,
    "frequency change": 2.0,
    "flat line": 0.5,
    "noise burst": 0.5,
    "missing beat": 1.0,
    "contextual": 0.15,
}
ANOMALY_KINDS = tuple(_LENGTHS)
"""The kinds of anomaly that `synthetic_series` inserts."""
# Kinds with a maximum strength of 1.
_AT_MOST_1 = ("flat line", "missing beat", "contextual")


@dataclass(frozen=True)
class Anomaly:
    """Anomalies of one kind for `synthetic_series`.

    Parameters
    ----------
    kind : str
        One of `ANOMALY_KINDS`:

        "spike"
            `strength` times a beat's height is added or subtracted.
        "level shift"
            A third of `strength` times a beat's height is added or subtracted, over a longer time.
        "frequency change"
            The frequency of the beats is multiplied by `1 + strength / 2`, rounded so that the signal continues
            without a jump and has at least one extra beat. Affects all features.
        "flat line"
            The value is constant; with a lower `strength`, it varies less than normal.
        "noise burst"
            Noise is added with a standard deviation of `strength` times 0.1 of a beat's height.
        "missing beat"
            The waves of a beat are missing, so that only noise is left; with a lower `strength`, they are smaller.
            Affects all features.
        "contextual"
            The values around the peak of a beat occur a second time, 0.5 · `strength` periods later, where they are
            not normal.
    count : int, default 1
        Number of anomalies.
    strength : float, default 1
        Size of the deviation from normal; 0.01 to 100, or 0.01 to 1 for "flat line", "missing beat" and
        "contextual".
    length : int, optional
        Time steps of each anomaly. Default: 1 step for "spike", 1 period for "level shift" and "missing beat", 2
        periods for "frequency change", 0.5 for "flat line" and "noise burst", 0.15 for "contextual".

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> Anomaly("spike", count=3, strength=0.5)
    Anomaly(kind='spike', count=3, strength=0.5, length=None)
    """

    kind: str
    count: int = 1
    strength: float = 1.0
    length: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ANOMALY_KINDS:
            raise ValueError(f"kind must be one of {ANOMALY_KINDS}, got {self.kind!r}.")
        check_integer(self.count, f"count of {self.kind!r}", 1)
        check_integer(1 if self.length is None else self.length, f"length of {self.kind!r}", 1)
        _check_number(self.strength, f"strength of {self.kind!r}", 0.01, 1 if self.kind in _AT_MOST_1 else 100)


class _Signal(NamedTuple):
    """Signal `beat(phase)` + `wander` + `noise`, each (time, feature); `phase` (time,) and `peak` are in beats."""

    phase: np.ndarray
    beat: Callable[[np.ndarray], np.ndarray]
    wander: np.ndarray
    noise: np.ndarray
    peak: float

    @property
    def values(self) -> np.ndarray:
        """The measured values, shape (time, feature)."""
        return self.beat(self.phase) + self.wander + self.noise


def _steps(anomaly: Anomaly, period: float) -> int:
    """Return the length of one anomaly in steps."""
    return anomaly.length or max(1, round(_LENGTHS[anomaly.kind] * period))


def _inject(
    signal: _Signal, anomalies: list[Anomaly], period: float, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return the values with anomalies (time, feature), and the number of the kind at each step (time,)."""
    values = signal.values
    kinds = np.zeros(len(values), dtype=np.int64)
    each = [anomaly for anomaly in anomalies for _ in range(anomaly.count)]
    each = [each[i] for i in rng.permutation(len(each))]
    lengths = [_steps(anomaly, period) for anomaly in each]
    margin = math.ceil(period)
    # each anomaly needs its steps, a period to shift it in, and a period before it; spread the free steps at random
    free = len(values) - margin - sum(length + 2 * margin for length in lengths)
    before = np.sort(rng.integers(0, free + 1, len(each)))
    used = 0
    for anomaly, length, extra in zip(each, lengths, before, strict=True):
        at = used + int(extra) + margin
        start = at + _offset(anomaly, signal, at, length, margin, rng)
        part = slice(start, start + length)
        values[part] = _changed(anomaly, signal, values, part, noise, rng)
        kinds[part] = ANOMALY_KINDS.index(anomaly.kind) + 1
        used += length + 2 * margin
    return values, kinds


def _offset(anomaly: Anomaly, signal: _Signal, at: int, length: int, margin: int, rng: np.random.Generator) -> int:
    """Return the number of steps by which the anomaly is shifted: to the phase it needs, otherwise at random."""
    if anomaly.kind == "missing beat":
        wanted = 0.0
    elif anomaly.kind == "contextual":
        wanted = signal.peak + 0.5 * anomaly.strength
    else:
        return int(rng.integers(0, margin))
    centre = length // 2 if anomaly.kind == "contextual" else 0
    away = (signal.phase[at + centre : at + centre + margin] - wanted + 0.5) % 1 - 0.5
    return int(np.argmin(np.abs(away)))


def _changed(
    anomaly: Anomaly, signal: _Signal, values: np.ndarray, part: slice, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the values that replace `values[part]`."""
    changed, phase = values[part].copy(), signal.phase[part]
    n, n_features = changed.shape
    one, sign, strength = int(rng.integers(n_features)), rng.choice([-1, 1]), anomaly.strength
    # new noise, so that the values also change where one quiet interval replaces another
    over = signal.wander[part] + noise * rng.normal(size=changed.shape)
    if anomaly.kind == "spike":
        changed[:, one] += sign * strength
    elif anomaly.kind == "level shift":
        changed[:, one] += sign * strength / 3
    elif anomaly.kind == "noise burst":
        changed[:, one] += 0.1 * strength * rng.normal(size=n)
    elif anomaly.kind == "flat line":
        changed[:, one] += strength * (values[part.start - 1, one] - changed[:, one])
    elif anomaly.kind == "missing beat":
        changed += strength * (over - changed)
    elif anomaly.kind == "frequency change":
        usual = signal.phase[part.stop] - signal.phase[part.start - 1]
        more = max(1, round(usual * strength / 2))
        # an integer number of extra beats keeps the phase at the end
        changed = signal.beat(phase + more * np.arange(1, n + 1) / (n + 1)) + over
    else:
        changed[:, one] = (signal.beat(phase - 0.5 * strength) + over)[:, one]
    return changed


# P, Q, R, S and T wave: position in the beat (0 to 1), width, height.
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
    """Generate a recording with anomalies at known time steps.

    The signal consists of consecutive beats with a height of about 1; their length and height vary slightly, and
    noise and slow baseline wander are added. Anomalies are inserted in the test part, at least one period from each
    other and from both ends. A step is labelled if and only if its values were changed; the label is the position of
    the anomaly's kind in `ANOMALY_KINDS`, counted from 1. With the same seed and ``anomalies=[]``, the result is
    the same signal without the anomalies.

    Parameters
    ----------
    anomalies : iterable of str or Anomaly, default one of each kind
        Anomalies in the test part: names of kinds, or `Anomaly` to set count, strength and length. Can be empty.
    n_training, n_test : int
        Time steps of the two parts.
    shape : {"heartbeat", "sine"}, default "heartbeat"
        Shape of a beat: five Gaussian waves as in an electrocardiogram, as in McSharry et al. [1]_, or one sine wave.
    period : float, default 100
        Average number of time steps of a beat, at least 8.
    jitter : float, default 0.03
        Standard deviation of the lengths of the beats (as a fraction of the period), and of the heights of the beats.
        At most 0.2.
    noise : float, default 0.03
        Standard deviation of the white noise, and of the baseline wander. From 0.001 to 1. Without noise, some
        anomalies would not change any value, for example if one quiet interval replaces another.
    n_features : int, default 1
        Number of features. All features have the same beats, but different waves and different noise.
    seed : int, default 0
        Seed of all random numbers.

    Returns
    -------
    Recording
        The tuple `(training, test)`, with labels and without a sampling rate.

    Raises
    ------
    TypeError, ValueError
        If a parameter is out of range, or the anomalies do not fit into `n_test` steps.

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
    check_integer(n_training, "n_training", 2)
    check_integer(n_test, "n_test", 2)
    check_integer(n_features, "n_features", 1)
    check_integer(seed, "seed", 0)
    if shape not in ("heartbeat", "sine"):
        raise ValueError(f"shape must be 'heartbeat' or 'sine', got {shape!r}.")
    _check_number(period, "period", 8, 1e6)
    _check_number(jitter, "jitter", 0, 0.2)
    _check_number(noise, "noise", 0.001, 1)
    if isinstance(anomalies, str | Anomaly) or not isinstance(anomalies, Iterable):
        raise TypeError(f"anomalies must be a list of kinds or Anomaly, such as ['spike'], got {anomalies!r}.")
    wanted = [a if isinstance(a, Anomaly) else Anomaly(a) for a in anomalies]
    around = 2 * math.ceil(period)
    needed = around + sum(a.count * (_steps(a, period) + around) for a in wanted)
    if wanted and needed > n_test:
        raise ValueError(f"n_test must be at least {needed}, the steps that the anomalies need, got {n_test}.")
    # separate random streams: anomalies do not change the signal, and the training part does not change the test part
    wave_rng, *parts, anomaly_rng = np.random.default_rng(seed).spawn(4)
    waves = _waves(shape, n_features, wave_rng)
    training, test = (
        _signal(n, waves, shape, period, jitter, noise, rng) for n, rng in zip((n_training, n_test), parts, strict=True)
    )
    values, kinds = _inject(test, wanted, period, noise, anomaly_rng)
    values = values.astype(np.float32)
    changed = (values != test.values.astype(np.float32)).any(1)
    return Recording(
        Series(training.values, labels=np.zeros(n_training, dtype=int), name="synthetic, training"),
        Series(values, labels=np.where(changed, kinds, 0), name="synthetic, test"),
    )


def _waves(shape: str, n_features: int, rng: np.random.Generator) -> np.ndarray:
    """Return position, width and height of each feature's waves, (feature, wave, 3); `_WAVES` for the first feature."""
    if shape == "sine":
        # for a sine wave, the position is the phase and the height the amplitude
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
) -> _Signal:
    beats = int(n / period / (1 - 3 * jitter)) + 3
    lengths = period * (1 + jitter * np.clip(rng.normal(size=beats), -3, 3))
    starts = np.concatenate([[0], np.cumsum(lengths)]) - rng.uniform(0, lengths[0])
    phase = np.interp(np.arange(n), starts, np.arange(beats + 1))
    # heights change gradually within a beat, so that the signal has no jumps
    heights = 1 + jitter * np.clip(rng.normal(size=beats + 1), -3, 3)

    def beat(phase: np.ndarray) -> np.ndarray:
        height = np.interp(phase, np.arange(beats + 1), heights)[:, None]
        if shape == "sine":
            return height * waves[:, 0, 2] * np.sin(2 * np.pi * (phase[:, None] + waves[:, 0, 0]))
        from_centre = (phase % 1)[:, None, None] - waves[..., 0]
        return height * (waves[..., 2] * np.exp(-0.5 * (from_centre / waves[..., 1]) ** 2)).sum(2)

    n_features = len(waves)
    phases = rng.uniform(0, 1, (3, n_features))
    slow = np.arange(n)[:, None] / period / np.array([5.3, 8.9, 14.1])[:, None, None]
    wander = np.sqrt(2 / 3) * noise * np.sin(2 * np.pi * (slow + phases[:, None])).sum(0)
    peak = 0.25 if shape == "sine" else float(_WAVES[2, 0])
    return _Signal(phase, beat, wander, noise * rng.normal(size=(n, n_features)), peak)


def _check_number(value: Any, name: str, low: float, high: float) -> None:
    if not is_real_number(value) or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}.")
