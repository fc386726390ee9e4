"""Plots of lesson 5, *Long recordings*: windows, step scores, decisions and point adjustment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from data import Series
from data.series import runs
from data.words import many
from trainers.detection.metrics import misleading_point_adjusted_f1, point_adjusted
from trainers.plotting import ABNORMAL, FLAGGED, TEXT, TRAIN, VALIDATION, Figure, as_label


def plot_windows(series: Series, starts: Any, length: int, every: int = 1) -> Figure:
    """Plot a recording, its windows, and the number of windows that contain each step.

    Parameters
    ----------
    series : Series
        The recording; only its first feature is drawn.
    starts : array of int, shape (n,)
        First step of each window.
    length : int
        Steps per window.
    every : int, default 1
        Draw only every n-th window, and the last one. All windows are counted.

    Returns
    -------
    Figure
    """
    starts = np.asarray(starts)
    shown = np.unique(np.append(starts[::every], starts[-1]))
    figure = Figure(f"{len(starts)} windows over {len(series)} steps", figsize=(9, 4.6))
    grid = figure.add_gridspec(3, 1, height_ratios=[2, 2, 1.2])
    signal = figure.plain_axes(grid[0])
    bars, count = figure.plain_axes(grid[1], sharex=signal), figure.plain_axes(grid[2], sharex=signal)
    signal.plot(series.values[:, 0], color=TRAIN, linewidth=1)
    for row, start in enumerate(shown):
        last = start == starts[-1]
        bars.broken_barh(
            [(start, length)], (-row - 0.4, 0.8), facecolor="none", linewidth=1.2,
            edgecolor=VALIDATION if last else TEXT, hatch="////" if last else None,
        )  # fmt: skip
    covered = coverage(len(series), starts, length)
    count.plot(covered, color=TEXT)
    bars.set_yticks([])
    signal.set_ylabel("signal")
    bars.set_ylabel("windows" if every == 1 else f"every {every}th\nwindow")
    count.set(ylabel="windows\nper step", xlabel="time step", ylim=(0, None), xlim=(0, len(series)))
    for axes in (signal, bars):
        axes.tick_params(labelbottom=False)
    figure.align_ylabels()
    figure.alt = (
        f"A recording of {len(series)} steps. Below it, {len(shown)} of its {len(starts)} windows of {length} steps as "
        "overlapping bars, the last one hatched. At the bottom, the number of windows that contain each step: up to "
        f"{covered.max()}, at the ends {covered[0]} and {covered[-1]}."
    )
    return figure


def coverage(steps: int, starts: Any, length: int) -> np.ndarray:
    """Return the number of windows that contain each step, shape (steps,).

    >>> coverage(5, [0, 1, 2], 3)
    array([1, 2, 3, 2, 1])
    """
    changes = np.zeros(steps + 1, dtype=int)
    np.add.at(changes, np.asarray(starts), 1)
    np.add.at(changes, np.asarray(starts) + length, -1)
    return np.cumsum(changes)[:steps]


def plot_step_scores(series: Series, scores: Mapping[str, Any]) -> Figure:
    """Plot a labelled recording and several scores of it, each with a marker at its first maximum.

    Parameters
    ----------
    series : Series
        Labelled recording; only its first feature is drawn.
    scores : mapping of str to array, shape (time,)
        Step scores by name.

    Returns
    -------
    Figure
    """
    rows = 1 + len(scores)
    figure = Figure(f"{many(len(scores), 'score')} of {series.name}", figsize=(9, 0.6 + 0.95 * rows))
    first = axes = figure.plain_axes(rows, 1, 1)
    first.plot(series.values[:, 0], color=TRAIN, linewidth=1)
    first.set_ylabel("signal", rotation=0, ha="right", va="center")
    notes = []
    for row, (name, values) in enumerate(scores.items(), 2):
        axes = figure.plain_axes(rows, 1, row, sharex=first)
        score = np.asarray(values)
        top = int(score.argmax())
        axes.plot(score, color=TEXT, linewidth=1)
        axes.plot(top, score[top], "v", color=VALIDATION, markersize=7)
        axes.set_ylabel(as_label(name), rotation=0, ha="right", va="center")
        notes.append(f"{' '.join(name.split())}: highest at step {top:,}")
    for axes in figure.axes:
        axes.set_yticks([])
        axes.set_xlim(0, len(series))
        axes.tick_params(labelbottom=axes is figure.axes[-1])
        for start, end in series.events:
            axes.axvspan(start, end, color=ABNORMAL, alpha=0.25, linewidth=0)
    figure.axes[-1].set_xlabel("time step")
    figure.alt = (
        f"{series.name}, its event on an amber background, and {many(len(scores), 'score')}. {'; '.join(notes)}."
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
