"""Plots of sequences, reconstructions, error histograms, and metrics by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats
from torch import nn

from data import DataSet
from data.data_set import as_array, as_class_names
from trainers.checks import as_labels, as_positive, as_scores, as_threshold
from trainers.losses import reconstruct
from trainers.plotting import ABNORMAL, RECONSTRUCTION, TEXT, TRAIN, Figure, as_label

# More small plots than this cannot be read, and take minutes to draw.
_MOST = 40
# One marker per seed, so that a seed can be followed from method to method.
_MARKERS = "os^Dv<>pP*Xh"


def plot_sequences(sequences: Any, *, titles: Sequence[str] | None = None) -> Figure:
    """Draw each sequence in a separate plot, with the same axis limits in all plots.

    Parameters
    ----------
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        At most 40.
    titles : sequence of str, optional
        One title per sequence. Default: the class names of a labelled data set.

    Returns
    -------
    Figure
    """
    data = DataSet.of(sequences, "sequences")
    figure = Figure(f"{len(data)} sequences")
    figure.alt = f"{len(data)} sequences, each in a separate plot{_counted(data)}."
    for axes, sequence in zip(_grid(figure, data, titles), data.sequences.numpy(), strict=True):
        axes.plot(sequence, color=TRAIN, linewidth=1.3)
    return figure


def plot_reconstructions(model: nn.Module, sequences: Any, *, titles: Sequence[str] | None = None) -> Figure:
    """Draw each sequence with its reconstruction, and shade the error between the two.

    Parameters
    ----------
    model : torch.nn.Module
        A trained model.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        At most 40. If there are several features, only the first is drawn and measured.
    titles : sequence of str, optional
        One title per sequence. Default: the class names of a labelled data set.

    Returns
    -------
    Figure
    """
    data = DataSet.of(sequences, "sequences")
    figure = Figure(f"{len(data)} sequences and their reconstructions")
    values, reconstructions = data.sequences[..., 0].numpy(), reconstruct(model, data)[..., 0].numpy()
    errors = np.abs(values - reconstructions).mean(1)
    for axes, x, y, error in zip(_grid(figure, data, titles), values, reconstructions, errors, strict=True):
        axes.fill_between(np.arange(len(x)), x, y, color=RECONSTRUCTION, alpha=0.3, linewidth=0, label="error")
        axes.plot(x, color=TRAIN, linewidth=1.3, label="sequence")
        axes.plot(y, color=RECONSTRUCTION, linewidth=1.3, linestyle="--", label="reconstruction")
        axes.text(0.5, 0.03, f"error {error:.3f}", transform=axes.transAxes, ha="center", color=TEXT)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False, labelcolor=TEXT)
    figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.3)
    means = ", ".join(f"{error:.2f}" for error in errors)
    figure.alt = f"{len(data)} sequences{_counted(data)}, each with its reconstruction; the area between the two is "
    figure.alt += f"the error, on average {means}."
    return figure


def plot_errors(scores: Any, labels: Any, threshold: float | None = None) -> Figure:
    """Draw the histograms of normal and abnormal scores, with the threshold.

    Parameters
    ----------
    scores : array, shape (n,)
        Reconstruction errors.
    labels : array of integers, shape (n,)
        0 is normal, anything else abnormal.
    threshold : float, optional
        Threshold to draw. Default: none.

    Returns
    -------
    Figure
    """
    scores = as_scores(scores, "scores")
    abnormal = as_labels(labels, scores) != 0
    figure = Figure("histogram of reconstruction errors")
    axes = figure.plain_axes()
    low, high = scores.min(), scores.max()
    bins = np.linspace(low, high if high > low else low + max(1e-6 * abs(low), 1e-9), 60).tolist()
    classes = {"normal": (scores[~abnormal], TRAIN, None), "abnormal": (scores[abnormal], ABNORMAL, "///")}
    classes = {name: style for name, style in classes.items() if len(style[0])}
    for name, (chosen, color, hatch) in classes.items():
        axes.hist(
            chosen, bins, density=True, histtype="stepfilled", alpha=0.45,
            color=color, edgecolor=color, hatch=hatch, label=f"{name} ({len(chosen)})",
        )  # fmt: skip
    above = ""
    if threshold is not None:
        threshold = as_threshold(threshold)
        axes.axvline(threshold, color=TEXT, linestyle="-.", label=f"threshold {threshold:.3f}")
        shares = (f"{np.mean(chosen > threshold):.1%} of the {name} ones" for name, (chosen, *_) in classes.items())
        above = f"; {' and '.join(shares)} are above the threshold"
    figure.alt = f"Histograms of the reconstruction errors of normal and abnormal sequences{above}."
    axes.set(xlabel="reconstruction error (mean absolute)", ylabel="density")
    figure.legend_beside(axes)
    return figure


def plot_seeds(values: Mapping[str, Any], *, label: str = "AUROC", level: float = 0.95) -> Figure:
    """Draw a dot for each method and seed, and the mean with its t interval.

    The interval is a confidence interval for the mean over all possible seeds; it is valid if the values are normally
    distributed. Overlapping intervals do not show that two methods are equally good: if both were run with
    the same seeds, compare the differences, seed by seed (`scipy.stats.ttest_rel`).

    Parameters
    ----------
    values : dict of array, shape (seeds,)
        Metric values by method, drawn from top to bottom; up to 12 seeds, in the same order for each method. A single
        value is drawn without an interval.
    label : str, default "AUROC"
        Name of the metric.
    level : float, default 0.95
        Confidence level of the interval.

    Returns
    -------
    Figure

    Examples
    --------
    >>> plot_seeds({"1-NN": [0.99, 0.98, 1.0], "network": [0.98, 0.98, 0.99]}).alt
    'AUROC of 2 methods, a dot for each seed: 1-NN 0.980 to 1.000, mean 0.990; network 0.980 to 0.990, mean 0.983.'
    """
    if not isinstance(values, Mapping) or not values:
        raise TypeError(f"values must be a dict of methods and their values, at least one, got {values!r}.")
    level = as_positive(level, "level", "the confidence level", 1, "The default is 0.95.")
    figure = Figure(f"{label} by method and seed", figsize=(8, 1.1 + 0.38 * len(values)))
    axes = figure.plain_axes()
    descriptions, seeds = [], ""
    for row, (name, given) in enumerate(values.items()):
        what = f"values[{name!r}]"
        results = as_scores(np.atleast_1d(as_array(given, what)), what, "seed")
        if len(results) > len(_MARKERS):
            raise ValueError(f"{what} must have at most {len(_MARKERS)} values, one per seed, got {len(results)}.")
        mean, scatter = float(results.mean()), ""
        if len(results) > 1:
            half = float(stats.t.ppf((1 + level) / 2, len(results) - 1) * stats.sem(results))
            axes.plot([mean - half, mean + half], [row, row], color=TEXT, alpha=0.35, linewidth=9)
            axes.plot([mean, mean], [row - 0.3, row + 0.3], color=TEXT, linewidth=2)
            scatter, seeds = f" to {results.max():.3f}, mean {mean:.3f}", ", a dot for each seed"
        for marker, value in zip(_MARKERS, results, strict=False):
            axes.plot(value, row, marker, color=TRAIN, fillstyle="none", markersize=6)
        descriptions.append(f"{name} {results.min():.3f}{scatter}")
    axes.set_yticks(range(len(values)), list(map(as_label, values)))
    axes.set(xlabel=as_label(label), ylim=(len(values) - 0.4, -0.6))
    axes.grid(axis="x", color=TEXT, alpha=0.2)
    figure.alt = f"{label} of {len(values)} method{'s' * (len(values) > 1)}{seeds}: {'; '.join(descriptions)}."
    return figure


def _grid(figure: Figure, data: DataSet, titles: Sequence[str] | None) -> list[Any]:
    """Return the axes of one small plot per sequence, at most four in a row, with the same axis limits."""
    if len(data) > _MOST:
        raise ValueError(f"number of sequences must be at most {_MOST}, got {len(data)}. Select some: sequences[:8].")
    names = data.sequence_classes if titles is None else as_class_names(titles, "titles")
    if len(names) != len(data) and (names or titles is not None):
        raise ValueError(f"titles must have one title for each of the {len(data)} sequences, got {len(names)}.")
    rows, columns = -(-len(data) // 4), min(4, len(data))
    figure.set_size_inches(2.4 * columns + 0.4, 2.1 * rows + 0.3)
    plots: list[Any] = []
    for i in range(len(data)):
        axes = figure.plain_axes(rows, columns, i + 1, sharey=plots[0] if plots else None)
        axes.margins(y=0.1)
        axes.set(xlabel="time step", ylabel="value", title=as_label(names[i]) if names else "")
        axes.title.set_fontsize("medium")
        axes.label_outer()
        plots.append(axes)
    return plots


def _counted(data: DataSet) -> str:
    """Return the number of sequences per class as text."""
    counts = sorted(Counter(data.sequence_classes).items())
    return f" ({', '.join(f'{count} {name}' for name, count in counts)})" if counts else ""
