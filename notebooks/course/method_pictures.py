"""Plots of lesson 7: which method finds which kind of anomaly, and two methods on the same sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from trainers.plotting import ABNORMAL, TEXT, TRAIN, Figure, as_label


def plot_found(found: pd.DataFrame, of: int) -> Figure:
    """Plot how many anomalies of each kind each method finds.

    Parameters
    ----------
    found : pandas.DataFrame
        Number of anomalies found, as integers; a row for each method, a column for each kind.
    of : int
        Number of anomalies of each kind.

    Returns
    -------
    Figure
        A ring for each method and kind, filled by the share of anomalies found.
    """
    methods, kinds = list(found.index), list(found.columns)
    figure = Figure("found by method and kind", figsize=(9, 1.0 + 0.42 * len(methods)))
    axes = figure.plain_axes()
    for row, method in enumerate(methods):
        for column, kind in enumerate(kinds):
            share = found.loc[method, kind] / of
            axes.scatter(column, row, s=230, facecolor="none", edgecolor=TEXT, linewidth=1)
            axes.scatter(column, row, s=230 * share, color=TRAIN, linewidth=0)
    axes.set_yticks(range(len(methods)), [as_label(method) for method in methods])
    axes.set_xticks(range(len(kinds)), [as_label(kind).replace(" ", "\n") for kind in kinds])
    axes.set(xlim=(-0.6, len(kinds) - 0.4), ylim=(len(methods) - 0.4, -0.6))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    sentences = []
    for method in methods:
        misses = [f"{kind} {found.loc[method, kind]}" for kind in kinds if found.loc[method, kind] < of]
        sentences.append(f"{method} finds all but {', '.join(misses)}" if misses else f"{method} finds all")
    figure.alt = f"Which of {of} anomalies of each kind are found: {'; '.join(sentences)}."
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
