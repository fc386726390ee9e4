"""`plot_threshold`: a threshold in the histogram of scores, as the explorer shows it."""

from __future__ import annotations

import numpy as np

from trainers.plotting import RESTORE, TEXT, TRAIN, VALIDATION, Figure

_BINS = 60


def plot_threshold(scores: np.ndarray, labels: np.ndarray | None, threshold: float) -> Figure:
    """Draw the scores' histogram, of both sides or, without labels, of all.

    Counts, not densities as in `trainers.detection.plot_errors`: how many are on which side of the
    threshold is what it is about.

    Parameters
    ----------
    scores : array, shape (n,)
        Finite.
    labels : array of whole numbers, shape (n,), or None
        0 is normal.
    threshold : float
        Drawn as a line.

    Returns
    -------
    Figure
    """
    figure = Figure("threshold in the histogram of scores")
    axes = figure.plain_axes()
    low, high = scores.min(), scores.max()
    if high == low:
        room = 0.1 * abs(low) or 0.5
        low, high = low - room, high + room
    edges = np.linspace(low, high, _BINS + 1)
    words = []
    for name, chosen, color, hatch in _parts(scores, labels):
        counts, _ = np.histogram(chosen, edges)
        axes.stairs(
            counts, edges, fill=True, alpha=0.45, facecolor=color, edgecolor=color, hatch=hatch,
            label=f"{name} ({len(chosen)})",
        )  # fmt: skip
        words.append(f"{np.sum(chosen > threshold)} of {len(chosen)} {name} ones")
    axes.axvline(threshold, color=RESTORE, linestyle="-.", label=f"threshold {threshold:.4g}")
    axes.set(xlabel="score (error)", ylabel="sequences")
    figure.legend_beside(axes)
    figure.alt = f"Histogram of {len(scores)} scores; {' and '.join(words)} lie above the threshold, {threshold:.4g}."
    return figure


def _parts(scores: np.ndarray, labels: np.ndarray | None) -> list[tuple[str, np.ndarray, str, str | None]]:
    """Name, scores, colour and hatch of each side that occurs."""
    if labels is None:
        return [("unlabelled", scores, TEXT, None)]
    sides = [("normal", scores[labels == 0], TRAIN, None), ("abnormal", scores[labels != 0], VALIDATION, "///")]
    return [side for side in sides if len(side[1])]
