"""Plots of lesson 7: overlapping splits, intervals of differences, two methods, kinds of anomaly, published results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from data import DataSet
from data.splitting import Split
from trainers.plotting import ABNORMAL, RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label


def plot_splits(beats: DataSet, splits: Sequence[Split], every: int = 80) -> Figure:
    """Draw which part of each split a beat belongs to, for every n-th beat.

    Parameters
    ----------
    beats : DataSet
        The beats that were split.
    splits : sequence of Split
        Several splits of these beats.
    every : int, default 80
        Draw every n-th normal and every n-th abnormal beat.

    Returns
    -------
    Figure
        A row for each split, a column for each beat; normal beats on the left.
    """
    keys = [beat.numpy().tobytes() for beat in beats.sequences]
    shown = [np.flatnonzero(beats.abnormal == abnormal)[::every] for abnormal in (False, True)]
    columns = np.concatenate(shown)
    figure = Figure(f"{len(splits)} splits of the same beats", figsize=(9, 1.5 + 0.36 * len(splits)))
    axes, notes = figure.plain_axes(), []
    styles = {
        "training": ("s", TRAIN, "none", ["training"]),
        "validation, calibration": ("|", TEXT, TEXT, ["validation", "calibration"]),
        "test": ("^", VALIDATION, VALIDATION, ["test"]),
    }
    for row, parts in enumerate(splits):
        counts = []
        for name, (marker, color, face, members) in styles.items():
            known = {beat.numpy().tobytes() for part in members for beat in getattr(parts, part).sequences}
            inside = np.flatnonzero([keys[column] in known for column in columns])
            axes.plot(
                inside, np.full(len(inside), row), marker, color=color, markerfacecolor=face, markersize=5.5,
                label=name if row == 0 else None,
            )  # fmt: skip
            counts.append(f"{len(inside)} {name}")
        notes.append(f"split {row}: {', '.join(counts)}")
    border = len(shown[0]) - 0.5
    axes.axvline(border, color=TEXT, linestyle=":")
    for middle, text in ((border / 2, "normal beats"), ((border + len(columns)) / 2, "abnormal beats")):
        axes.text(middle, -0.75, text, color=TEXT, ha="center")
    axes.set_yticks(range(len(splits)), [f"split {row}" for row in range(len(splits))])
    axes.set(xlim=(-1, len(columns)), ylim=(len(splits) - 0.5, -1.1), xlabel=f"beat (every {every}th is drawn)")
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, frameon=False, labelcolor=TEXT)
    figure.alt = (
        f"A row for each split, a column for each of {len(columns)} beats. The {len(shown[1])} abnormal beats are in "
        f"the test set of every split; the {len(shown[0])} normal beats change parts. {'; '.join(notes)}."
    )
    return figure


def plot_difference_intervals(intervals: Mapping[str, Mapping[str, tuple[float, float]]], label: str) -> Figure:
    """Plot two or more intervals of each difference, and a line at zero.

    Parameters
    ----------
    intervals : mapping of str to mapping of str to (float, float)
        For each difference, its intervals (low, high) by kind.
    label : str
        Label of the axis.

    Returns
    -------
    Figure
    """
    rows = [(name, kind, *ends) for name, kinds in intervals.items() for kind, ends in kinds.items()]
    figure = Figure("intervals of differences", figsize=(8, 1.0 + 0.42 * len(rows)))
    axes, notes = figure.plain_axes(), []
    for row, (name, kind, low, high) in enumerate(rows):
        color = TRAIN if kind == rows[0][1] else VALIDATION
        axes.plot([low, high], [row, row], "|-", color=color, linewidth=3, markersize=12, markeredgewidth=2)
        axes.plot((low + high) / 2, row, "o", color=color, markersize=6)
        notes.append(f"{name}, {kind} {low:+.4f} to {high:+.4f}")
    axes.axvline(0, color=TEXT, linestyle="-.")
    axes.set_yticks(range(len(rows)), [as_label(f"{name}\n{kind}") for name, kind, *_ in rows])
    axes.set(xlabel=as_label(label), ylim=(len(rows) - 0.5, -0.5))
    figure.alt = f"Intervals and a line at zero. {'; '.join(notes)}."
    return figure


def plot_detected(shares: pd.DataFrame) -> Figure:
    """Plot the share of anomalies of each kind that each method detects, as a coloured matrix.

    Parameters
    ----------
    shares : pandas.DataFrame
        Shares from 0 to 1; a row for each method, the random score last, and a column for each kind.

    Returns
    -------
    Figure
        A matrix with a number in each cell, and a colour bar.
    """
    methods, kinds = list(shares.index), list(shares.columns)
    figure = Figure("share detected by method and kind", figsize=(9, 1.3 + 0.45 * len(methods)))
    axes, values = figure.plain_axes(), shares.to_numpy(dtype=float)
    image = axes.imshow(values, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (row, column), share in np.ndenumerate(values):
        axes.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", color="white" if share < 0.55 else "black"
        )
    axes.axhline(len(methods) - 1.5, color=TEXT, linewidth=3)
    axes.set_yticks(range(len(methods)), [as_label(method) for method in methods])
    axes.set_xticks(range(len(kinds)), [as_label(kind).replace(" ", "\n") for kind in kinds])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, pad=0.02, ticks=[0, 0.5, 1])
    bar.ax.set_yticklabels(["0 %", "50 %", "100 %"])
    bar.set_label("share of events detected", color=TEXT)
    bar.ax.tick_params(colors=TEXT)
    bar.outline.set_visible(False)
    lines = [
        f"{method}: " + ", ".join(f"{kind} {100 * shares.loc[method, kind]:.0f}" for kind in kinds)
        for method in methods
    ]
    figure.alt = f"Percent of the events detected, by method and kind. {'; '.join(lines)}."
    return figure


def plot_published(results: Mapping[str, tuple[float, bool]], label: str) -> Figure:
    """Plot published results as bars; those of neural networks are hatched.

    Parameters
    ----------
    results : mapping of str to (float, bool)
        Value of each method, and whether it is a neural network, from top to bottom.
    label : str
        Metric and data.

    Returns
    -------
    Figure
    """
    figure = Figure("published results", figsize=(8, 1.0 + 0.36 * len(results)))
    axes = figure.plain_axes()
    for network, color, hatch, name in ((False, TRAIN, None, "no network"), (True, RESTORE, "///", "neural network")):
        rows = [row for row, (_, is_network) in enumerate(results.values()) if is_network == network]
        values = [value for value, is_network in results.values() if is_network == network]
        bars = axes.barh(
            rows, values, 0.7, facecolor=color if hatch is None else "none", edgecolor=color, hatch=hatch, label=name
        )
        axes.bar_label(bars, fmt="%.2f", color=TEXT, padding=3)
    axes.set_yticks(range(len(results)), [as_label(name) for name in results])
    axes.set(xlabel=as_label(label), ylim=(len(results) - 0.5, -0.5), xlim=(0, 0.6))
    figure.legend_beside(axes)
    bars_in_words = [
        f"{name} {value:.2f}{', a neural network' * is_network}" for name, (value, is_network) in results.items()
    ]
    figure.alt = f"{label}: {'; '.join(bars_in_words)}."
    return figure


def plot_two_methods(scores: dict[str, Any], abnormal: Any) -> Figure:
    """Plot two methods' scores of the same sequences against each other, each divided by its threshold.

    Parameters
    ----------
    scores : dict of array, shape (n,)
        Two methods; a sequence with a score above 1 is flagged.
    abnormal : array of bool, shape (n,)
        Whether each sequence is abnormal.

    Returns
    -------
    Figure
    """
    (x_name, x), (y_name, y) = ((name, np.asarray(values)) for name, values in scores.items())
    truth = np.asarray(abnormal, dtype=bool)
    figure = Figure(f"scores of {x_name} and {y_name} for each sequence", figsize=(8, 4.5))
    axes = figure.plain_axes(
        xscale="log", yscale="log", xlabel=f"{as_label(x_name)} / threshold", ylabel=f"{as_label(y_name)} / threshold"
    )
    for mask, marker, color, name in ((truth, "^", ABNORMAL, "abnormal"), (~truth, "o", TRAIN, "normal")):
        axes.plot(x[mask], y[mask], marker, color=color, fillstyle="none", markersize=4, linestyle="", label=name)
    axes.axvline(1, color=TEXT, linestyle="-.")
    axes.axhline(1, color=TEXT, linestyle="-.")
    ticks = [2.0**power for power in range(-4, 4)]
    for axis, values in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_ticks([tick for tick in ticks if values.min() <= tick <= values.max()])
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    figure.legend_beside(axes)
    both, x_only, y_only, neither = (
        int((a & b)[truth].sum()) for a, b in ((x > 1, y > 1), (x > 1, y <= 1), (x <= 1, y > 1), (x <= 1, y <= 1))
    )
    figure.alt = (
        f"Scores of {x_name} and {y_name}. Of {int(truth.sum())} abnormal sequences, {both} are above both thresholds, "
        f"{x_only} only above that of {x_name}, {y_only} only above that of {y_name}, and {neither} above neither."
    )
    return figure
