"""Pictures of lesson 6: which method finds which kind of anomaly, and two methods on the same sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import NullLocator

from trainers.plotting import TEXT, TRAIN, VALIDATION, Figure, as_label


def plot_found(found: pd.DataFrame, of: int) -> Figure:
    """Draw how many of each kind each method finds.

    Parameters
    ----------
    found : pandas.DataFrame
        Whole numbers; a row for each method, a column for each kind.
    of : int
        How many of each kind there are.

    Returns
    -------
    Figure
        A ring for each pair, filled by the share that is found; none found, an empty ring.
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
    told = []
    for method in methods:
        misses = [f"{kind} {found.loc[method, kind]}" for kind in kinds if found.loc[method, kind] < of]
        told.append(f"{method} finds all but {', '.join(misses)}" if misses else f"{method} finds all")
    figure.alt = f"Which of {of} anomalies of each kind are found: {'; '.join(told)}."
    return figure


def plot_two_methods(scores: dict[str, Any], abnormal: Any) -> Figure:
    """Draw two methods' scores of the same sequences, one against the other, each divided by its threshold.

    Parameters
    ----------
    scores : dict of array, shape (n,)
        Two methods; a score above 1 is called abnormal.
    abnormal : array of bool, shape (n,)
        The truth.

    Returns
    -------
    Figure
    """
    (right, x), (up, y) = ((name, np.asarray(of)) for name, of in scores.items())
    truth = np.asarray(abnormal, dtype=bool)
    figure = Figure(f"each sequence, as {right} and {up} see it", figsize=(8, 4.5))
    axes = figure.plain_axes(
        xscale="log", yscale="log", xlabel=f"{as_label(right)} / threshold", ylabel=f"{as_label(up)} / threshold"
    )
    for mask, sign, color, name in ((truth, "^", VALIDATION, "abnormal"), (~truth, "o", TRAIN, "normal")):
        axes.plot(x[mask], y[mask], sign, color=color, fillstyle="none", markersize=4, linestyle="", label=name)
    axes.axvline(1, color=TEXT, linestyle="-.")
    axes.axhline(1, color=TEXT, linestyle="-.")
    ticks = [2.0**power for power in range(-4, 4)]
    for axis, of in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_ticks([tick for tick in ticks if of.min() <= tick <= of.max()])
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    figure.legend_beside(axes)
    both, x_alone, y_alone, none = (
        int((a & b)[truth].sum()) for a, b in ((x > 1, y > 1), (x > 1, y <= 1), (x <= 1, y > 1), (x <= 1, y <= 1))
    )
    figure.alt = (
        f"Scatter of the scores of {right} and {up}. Of {int(truth.sum())} abnormal sequences {both} are above both "
        f"thresholds, {x_alone} above that of {right} alone, {y_alone} above that of {up} alone, {none} above neither."
    )
    return figure
