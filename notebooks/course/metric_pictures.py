"""Plots of lesson 6, *Metrics and their traps*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle
from sklearn.metrics import f1_score

from data.series import runs
from data.words import many
from trainers.detection.metrics import misleading_point_adjusted_f1, point_adjusted
from trainers.plotting import ABNORMAL, FLAGGED, RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label

# Outcomes of a step: colour, and full name.
_OUTCOMES = {
    "TP": (RESTORE, "true positive"),
    "FP": (FLAGGED, "false positive"),
    "FN": (ABNORMAL, "false negative"),
    "TN": (TEXT, "true negative"),
}


def plot_event_outcomes(truth: Any, flagged: Any) -> Figure:
    """Draw a few steps with one event and some flagged runs, and name what each of them counts as.

    Parameters
    ----------
    truth, flagged : array of bool, shape (time,)
        True in the event, and where the detector flags.

    Returns
    -------
    Figure
    """
    truth, flagged = np.asarray(truth, dtype=bool), np.asarray(flagged, dtype=bool)
    ((start, end),) = runs(truth)
    first = start + int(flagged[start:end].argmax())
    figure = Figure("outcomes of steps, events and runs", figsize=(9, 3.6))
    axes = figure.plain_axes(xlim=(-0.6, len(truth) - 0.4), ylim=(-1.1, 4.1), xlabel="time step")
    axes.add_patch(Rectangle((start - 0.5, 2.65), end - start, 0.7, facecolor=ABNORMAL, alpha=0.35))
    axes.text((start + end - 1) / 2, 3, "event", color=TEXT, ha="center", va="center")
    for begin, stop in runs(flagged):
        axes.add_patch(Rectangle((begin - 0.5, 1.45), stop - begin, 0.7, facecolor=FLAGGED, alpha=0.8))
        name = "detects the event" if truth[begin:stop].any() else "false alarm"
        axes.text((begin + stop - 1) / 2, 1.2, name, color=FLAGGED, ha="center", va="top", weight="bold")
    counts = dict.fromkeys(_OUTCOMES, 0)
    for step in range(len(truth)):
        name = ("T" if truth[step] == flagged[step] else "F") + ("P" if flagged[step] else "N")
        counts[name] += 1
        axes.text(step, 0, name, color=_OUTCOMES[name][0], ha="center", va="center", fontsize=9, weight="bold")
    arrow = {"arrowstyle": "<->", "color": TEXT}
    axes.annotate("", (start - 0.5, 3.65), (first - 0.5, 3.65), arrowprops=arrow)
    axes.text((start + first - 1) / 2, 3.75, f"delay {first - start}", color=TEXT, ha="center", va="bottom")
    axes.text(-0.5, -0.75, "; ".join(f"{name} = {full}" for name, (_, full) in _OUTCOMES.items()), color=TEXT)
    axes.set_yticks([3, 1.8, 0], ["truth", "flagged", "each step"])
    axes.set_xticks(range(len(truth)))
    total = ", ".join(f"{count} {full}s" for count, (_, full) in zip(counts.values(), _OUTCOMES.values(), strict=True))
    alarms = sum(not truth[begin:stop].any() for begin, stop in runs(flagged))
    figure.alt = (
        f"An event of {end - start} steps and {many(len(runs(flagged)), 'flagged run')}. Of the steps, {total}. "
        f"{many(alarms, 'run')} without an event: a false alarm. The event is detected with a delay of {first - start}."
    )
    return figure


def plot_buffers(truth: Any, late: Any, buffers: Sequence[int]) -> Figure:
    """Draw a score around one event, and the labels with which VUS-PR compares it, for several buffers.

    Parameters
    ----------
    truth : array of bool, shape (time,)
        True in the event.
    late : array, shape (time,)
        Score to be evaluated.
    buffers : sequence of int
        Buffers, in steps. Half of a buffer lies on each side of the event.

    Returns
    -------
    Figure
    """
    truth = np.asarray(truth, dtype=bool)
    ((start, end),) = runs(truth)
    steps, margin = np.arange(len(truth)), max(buffers) // 2 + 50
    distance = np.maximum(0, np.maximum(start - steps, steps - end + 1))
    figure = Figure("a late score, and labels with buffers", figsize=(8, 0.8 + 0.9 * (1 + len(buffers))))
    first = axes = figure.plain_axes(1 + len(buffers), 1, 1)
    first.plot(np.asarray(late, dtype=float), color=TRAIN, linewidth=1.5)
    first.set_ylabel("score", rotation=0, ha="right", va="center")
    for row, buffer in enumerate(buffers, 2):
        axes = figure.plain_axes(1 + len(buffers), 1, row, sharex=first)
        # as in dtaianomaly: from 1 at the event to 1/√2 at half a buffer from it, and 0 beyond
        weights = 1 - (1 - 1 / np.sqrt(2)) * distance / max(1, buffer // 2)
        axes.plot(np.where(distance <= buffer // 2, weights, 0), color=ABNORMAL, linewidth=1.5)
        axes.set_ylabel(f"label,\nbuffer {buffer}", rotation=0, ha="right", va="center")
    for axes in figure.axes:
        axes.axvspan(start, end, color=ABNORMAL, alpha=0.2, linewidth=0)
        axes.set(ylim=(-0.05, 1.1), yticks=[0, 1], xlim=(start - margin, end + margin))
        axes.tick_params(labelbottom=axes is figure.axes[-1])
    figure.axes[-1].set_xlabel("time step")
    figure.alt = (
        f"A score that is high from step {int(np.argmax(late))}, the event from step {start} on an amber background, "
        f"and the label with buffers of {', '.join(map(str, buffers))} steps: 1 in the event, falling to 0.71 at half "
        "a buffer from it, and 0 beyond."
    )
    return figure


def plot_decisions(truth: Any, decisions: Mapping[str, Any]) -> Figure:
    """Plot the flagged steps of several detectors, one row each, over the true events.

    Parameters
    ----------
    truth : array of bool, shape (time,)
        True in an event.
    decisions : mapping of str to array of bool, shape (time,)
        Flagged steps by the name of the detector.

    Returns
    -------
    Figure
    """
    truth = np.asarray(truth, dtype=bool)
    figure = Figure(f"decisions of {len(decisions)} detectors", figsize=(9, 0.9 + 0.42 * len(decisions)))
    axes, min_width = figure.plain_axes(), len(truth) / 700  # a single step must be visible
    for start, end in runs(truth):
        axes.axvspan(start, end, color=ABNORMAL, alpha=0.25, linewidth=0)
    notes = []
    for row, (name, values) in enumerate(decisions.items()):
        flagged = np.asarray(values, dtype=bool)
        bars = [(start, max(end - start, min_width)) for start, end in runs(flagged)]
        axes.broken_barh(bars, (row - 0.32, 0.64), color=FLAGGED, linewidth=0)
        inside, outside = (flagged & truth).sum(), (flagged & ~truth).sum()
        notes.append(f"{', '.join(name.splitlines())}: {inside} steps in an event, {outside} outside")
    axes.set_yticks(range(len(decisions)), [as_label(name) for name in decisions])
    axes.set(xlim=(0, len(truth)), ylim=(len(decisions) - 0.5, -0.5), xlabel="time step")
    figure.alt = f"Flagged steps as bars, one row per detector, true events on an amber background. {'; '.join(notes)}."
    return figure


def plot_point_adjustment(scores: Any, labels: Any, threshold: float) -> Figure:
    """Plot decisions before and after point adjustment, with the F1 of both.

    Parameters
    ----------
    scores : array, shape (time,)
        Anomaly scores; higher is more anomalous.
    labels : array of int, shape (time,)
        0 is normal.
    threshold : float
        Steps with a score above it are flagged.

    Returns
    -------
    Figure
    """
    truth, flagged = np.asarray(labels) != 0, np.asarray(scores) > threshold
    plain, adjusted = f1_score(truth, flagged), misleading_point_adjusted_f1(scores, labels, threshold)
    names = f"flagged\nF1 {plain:.2f}", f"point-adjusted\nF1 {adjusted:.2f}"
    figure = plot_decisions(truth, dict(zip(names, (flagged, point_adjusted(flagged, truth)), strict=True)))
    figure.set_size_inches(9, 2.2)
    figure.alt = f"Before and after point adjustment. {figure.alt}"
    return figure


def plot_adjusted(lengths: Sequence[int], plain: Sequence[float], adjusted: Sequence[float]) -> Figure:
    """Plot F1 of a random score against the event length as pairs of bars: plain and point-adjusted.

    Parameters
    ----------
    lengths : sequence of int
        Steps of the event.
    plain, adjusted : sequence of float
        F1, one for each length.

    Returns
    -------
    Figure
    """
    figure = Figure("F1 of a random score, plain and point-adjusted")
    axes, place = figure.plain_axes(), np.arange(len(lengths))
    for values, shift, color, hatch, name in (
        (plain, -0.2, TRAIN, None, "plain"),
        (adjusted, 0.2, VALIDATION, "///", "point-adjusted"),
    ):
        bars = axes.bar(
            place + shift, values, 0.38, facecolor=color, edgecolor=color, hatch=hatch, alpha=0.6, label=name
        )
        axes.bar_label(bars, fmt="%.2f", color=TEXT, padding=2)
    axes.set_xticks(place, [f"{length:,}" for length in lengths])
    axes.set(xlabel="steps in the event", ylabel="F1 of a random score", ylim=(0, 1.1))
    figure.legend_beside(axes)
    pairs = ", ".join(f"{a:.2f} and {b:.2f} at {n}" for n, a, b in zip(lengths, plain, adjusted, strict=True))
    figure.alt = f"F1 of a random score, plain and point-adjusted, by the length of the event in steps: {pairs}."
    return figure
