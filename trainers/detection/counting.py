"""The figures of `evaluate` and `evaluate_series` by counting alone, quick enough for a thousand draws.

scikit-learn's functions give the figures that are shown; their checks cost more than the counting,
and a thousand draws would take 5 seconds for each 2,400 scores. A test holds the two equal.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from trainers.detection.intervals import bootstrap_interval

# In the order of `figures_at`.
NAMES = ("auroc", "average_precision", "precision", "recall", "f1", "false_alarm_rate", "accuracy")


def figures_at(threshold: float, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Every figure in `NAMES`; both sides occur in `truth`."""
    order = np.argsort(-scores)
    ranked = scores[order]
    # Equal scores are one step of the curve.
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    hits = np.cumsum(truth[order])[last].astype(np.float64)
    alarms = last + 1 - hits
    abnormal, normal = hits[-1], alarms[-1]
    # A tie of an abnormal and a normal score counts half.
    auroc = np.sum(np.diff(alarms, prepend=0) * (hits - np.diff(hits, prepend=0) / 2)) / (abnormal * normal)
    average_precision = np.sum(np.diff(hits, prepend=0) * hits / (last + 1)) / abnormal
    called = scores > threshold
    found, false = float((called & truth).sum()), float((called & ~truth).sum())
    return np.array(
        [
            auroc,
            average_precision,
            found / (found + false) if found else 0.0,
            found / abnormal,
            2 * found / (found + false + abnormal),
            false / normal,
            (found + normal - false) / len(scores),
        ]
    )


def figure_intervals(
    scores: np.ndarray, truth: np.ndarray, threshold: float, *, level: float, block: int, seed: Any
) -> dict[str, tuple[float, float]]:
    """A bootstrap interval for every figure in `NAMES`."""
    # bool is no whole number of a class: labels are 0 and 1.
    ends = bootstrap_interval(
        partial(figures_at, threshold), scores, truth.astype(int), level=level, block=block, seed=seed
    )
    return {name: (float(low), float(high)) for name, low, high in zip(NAMES, *ends, strict=True)}
