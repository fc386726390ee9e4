"""`Anomaly`: what can be put into a synthetic signal, and how it is done."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# Usual length in periods; 0 is one step.
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
"""The kinds of anomaly that `synthetic_series` puts in."""
# Of these, 1 is all there is: a line cannot be flatter than flat.
_AT_MOST_1 = ("flat line", "missing beat", "contextual")


@dataclass(frozen=True)
class Anomaly:
    """Anomalies of one kind for `synthetic_series`.

    Parameters
    ----------
    kind : str
        One of `ANOMALY_KINDS`:

        "spike"
            `strength` times a beat's height is added or taken away.
        "level shift"
            A third of that, over a longer time.
        "frequency change"
            The beats come faster: `1 + strength / 2` of them in the time of one, rounded so that the signal
            goes on without a jump, and at least one more than usual. All features.
        "flat line"
            The value stays what it was; at a lower strength, it moves less than it should.
        "noise burst"
            Noise of `strength` times 0.1 of a beat's height is added.
        "missing beat"
            The waves of a beat fail to appear (1) or are smaller; only noise is left. All features.
        "contextual"
            Values that are normal around a beat's peak, at a time when there is no peak: `strength` times half a
            period from where they belong.
    count : int, default 1
        How many.
    strength : float, default 1
        How far from normal; more than 0, and for "flat line", "missing beat" and "contextual" at most 1.
    length : int, optional
        Steps of each. Default: 1 for "spike", 1 period for "level shift" and "missing beat", 2 for
        "frequency change", 0.5 for "flat line" and "noise burst", 0.15 for "contextual".

    Raises
    ------
    ValueError
        If a parameter is outside of its range.

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
            msg = f"kind takes one of {ANOMALY_KINDS}; got {self.kind!r}."
            raise ValueError(msg)
        for name, value in (("count", self.count), ("length", 1 if self.length is None else self.length)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                msg = f"{name} of {self.kind!r} takes a whole number, at least 1; got {value!r}."
                raise ValueError(msg)
        number = isinstance(self.strength, int | float | np.integer | np.floating)
        most = 1.0 if self.kind in _AT_MOST_1 else 100.0
        if isinstance(self.strength, bool) or not number or not 0.01 <= self.strength <= most:
            msg = f"strength of {self.kind!r} takes a number from 0.01 to {most:g}; got {self.strength!r}."
            raise ValueError(msg)


class Signal(NamedTuple):
    """`beat(phase)` + `wander` + `noise`, each (time, feature); `phase` (time,) counts beats, which peak at `peak`."""

    phase: np.ndarray
    beat: Callable[[np.ndarray], np.ndarray]
    wander: np.ndarray
    noise: np.ndarray
    peak: float

    @property
    def values(self) -> np.ndarray:
        """What is measured, shape (time, feature)."""
        return self.beat(self.phase) + self.wander + self.noise


def steps_of(anomaly: Anomaly, period: float) -> int:
    """How many steps one of these takes."""
    return anomaly.length or max(1, round(_LENGTHS[anomaly.kind] * period))


def inject(
    signal: Signal, anomalies: list[Anomaly], period: float, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The signal's values with the anomalies in it, and (time,) the number of the kind at each step."""
    values = signal.values
    kinds = np.zeros(len(values), dtype=np.int64)
    each = [anomaly for anomaly in anomalies for _ in range(anomaly.count)]
    each = [each[i] for i in rng.permutation(len(each))]
    lengths = [steps_of(anomaly, period) for anomaly in each]
    margin = math.ceil(period)
    # Each has its steps, a period to be moved in, and a period before it; what is left is shared out at random.
    free = len(values) - margin - sum(length + 2 * margin for length in lengths)
    before = np.sort(rng.integers(0, free + 1, len(each)))
    taken = 0
    for anomaly, length, extra in zip(each, lengths, before, strict=True):
        at = taken + int(extra) + margin
        start = at + _offset(anomaly, signal, at, length, margin, rng)
        part = slice(start, start + length)
        values[part] = _changed(anomaly, signal, values, part, noise, rng)
        kinds[part] = ANOMALY_KINDS.index(anomaly.kind) + 1
        taken += length + 2 * margin
    return values, kinds


def _offset(anomaly: Anomaly, signal: Signal, at: int, length: int, margin: int, rng: np.random.Generator) -> int:
    """By how many steps of its period the anomaly is moved: to the phase that makes it one, else at random."""
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
    anomaly: Anomaly, signal: Signal, values: np.ndarray, part: slice, noise: float, rng: np.random.Generator
) -> np.ndarray:
    """What stands at the steps of `part` in place of `values[part]`."""
    changed, phase = values[part].copy(), signal.phase[part]
    n, n_features = changed.shape
    one, sign, strength = int(rng.integers(n_features)), rng.choice([-1, 1]), anomaly.strength
    # Noise of its own, so that a quiet time in place of another is a change too.
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
        # Whole beats more, so that the phase at the end is what it would have been.
        changed = signal.beat(phase + more * np.arange(1, n + 1) / (n + 1)) + over
    else:
        changed[:, one] = (signal.beat(phase - 0.5 * strength) + over)[:, one]
    return changed
