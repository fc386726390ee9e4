"""Plots of lesson 5, *Windows and scores*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from data import Series
from data.words import many
from trainers.plotting import ABNORMAL, TEXT, TRAIN, VALIDATION, Figure, as_label


def plot_windows_to_scores(
    values: Any, starts: Sequence[int], length: int, errors: Sequence[float], step: int
) -> Figure:
    """Draw how overlapping windows become scores: the signal, each window with its error, and the mean per step.

    Parameters
    ----------
    values : array, shape (time,)
        A short signal.
    starts : sequence of int
        First step of each window.
    length : int
        Steps per window.
    errors : sequence of float
        Error of each window.
    step : int
        Step whose score is explained.

    Returns
    -------
    Figure
    """
    values, steps = np.asarray(values), np.arange(len(values))
    covers = np.array([(steps >= start) & (steps < start + length) for start in starts])
    scores = np.array([np.mean(np.asarray(errors)[column]) for column in covers.T])
    terms = [f"{error:g}" for error, covered in zip(errors, covers[:, step], strict=True) if covered]
    mean = f"({' + '.join(terms)}) / {len(terms)} = {scores[step]:g}"
    figure = Figure("from windows to scores of time steps", figsize=(8, 4.8))
    grid = figure.add_gridspec(3, 1, height_ratios=[1.3, 1.7, 1.5])
    signal = figure.plain_axes(grid[0], ylabel="signal")
    bars = figure.plain_axes(grid[1], sharex=signal, ylabel="windows")
    result = figure.plain_axes(grid[2], sharex=signal, ylabel="score", xlabel="time step")
    signal.plot(steps, values, "o-", color=TRAIN, linewidth=1.4)
    for row, (start, error) in enumerate(zip(starts, errors, strict=True)):
        inside = bool(covers[row, step])
        color = VALIDATION if inside else TEXT
        place = (start - 0.4, -row - 0.36), length - 0.2, 0.72
        bars.add_patch(Rectangle(*place, facecolor="none", edgecolor=color, linewidth=2.2 if inside else 1.2))
        bars.text(start + (length - 1) / 2, -row, f"error {error:g}", color=color, ha="center", va="center")
    bars.set(yticks=[], ylim=(-len(starts) + 0.4, 0.6))
    result.bar(steps, scores, 0.8, color=[VALIDATION if one == step else TEXT for one in steps], alpha=0.7)
    note = {"color": VALIDATION, "va": "top", "weight": "bold", "transform": result.transAxes}
    result.text(0.01, 0.95, f"step {step}: {mean}", **note)
    result.set(xticks=steps, xlim=(-0.6, len(values) - 0.4), ylim=(0, 1.15 * scores.max()))
    for axes in (signal, bars, result):
        axes.axvline(step, color=VALIDATION, linestyle=":", linewidth=1, zorder=0)
        axes.tick_params(labelbottom=axes is result)
    figure.align_ylabels()
    figure.alt = (
        f"A signal of {len(values)} steps. Below it, {len(starts)} windows of {length} steps, each with its error. At "
        f"the bottom, a bar for the score of each step. The score of step {step} is {mean}."
    )
    return figure


def plot_autocorrelation(correlations: Any, period: int) -> Figure:
    """Plot the autocorrelation of a signal against the lag, with a marker at the period.

    Parameters
    ----------
    correlations : array, shape (lags,)
        Autocorrelation at the lags 1, 2, …
    period : int
        Lag to be marked, in steps.

    Returns
    -------
    Figure
    """
    correlations = np.asarray(correlations)
    figure = Figure("autocorrelation by lag", figsize=(8, 2.6))
    axes = figure.plain_axes(xlabel="lag (steps)", ylabel="autocorrelation", xlim=(0, len(correlations)))
    axes.axhline(0, color=TEXT, linewidth=0.8)
    axes.plot(np.arange(1, len(correlations) + 1), correlations, color=TRAIN, linewidth=1.4)
    top = correlations[period - 1]
    axes.plot(period, top, "v", color=VALIDATION, markersize=8)
    axes.annotate(f"lag {period}", (period, top), (8, 0), textcoords="offset points", color=VALIDATION, weight="bold")
    figure.alt = (
        f"The autocorrelation at lags of 1 to {len(correlations)} steps: {correlations[0]:.2f} at lag 1; a marker at "
        f"lag {period}, where it is {top:.2f}."
    )
    return figure


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
