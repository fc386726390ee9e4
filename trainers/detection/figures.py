"""The pictures of a detection: sequences, reconstructions, error histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from data import DataSet
from trainers.detection.thresholds import as_scores
from trainers.figure import RESTORE, TEXT, TRAIN, VALIDATION, Figure
from trainers.reconstruction import reconstruct


def _grid(figure: Figure, data: DataSet, titles: Sequence[str] | None) -> list[Any]:
    """One small plot for each sequence, at most four beside each other."""
    if titles is not None and len(titles) != len(data):
        msg = f"titles must be one for each of the {len(data)} sequences; got {len(titles)}."
        raise ValueError(msg)
    columns = min(4, len(data))
    rows = -(-len(data) // columns)
    figure.set_size_inches(2.4 * columns + 0.4, 2.1 * rows + 0.3)
    low, high = float(data.sequences.min()), float(data.sequences.max())
    plots = []
    for i in range(len(data)):
        axes = figure.plain_axes(rows, columns, i + 1)
        axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        if titles is not None:
            axes.set_title(titles[i], color=TEXT, fontsize="medium")
        elif data.labels is not None and data.labels.ndim == 1 and data.class_names:
            axes.set_title(data.class_names[data.labels[i]], color=TEXT, fontsize="medium")
        if i // columns == rows - 1:
            axes.set_xlabel("time step")
        else:
            axes.tick_params(labelbottom=False)
        if i % columns:
            axes.tick_params(labelleft=False)
        plots.append(axes)
    return plots


def plot_sequences(sequences: Any, *, titles: Sequence[str] | None = None) -> Figure:
    """Draw each sequence in a plot of its own, all on one scale.

    Parameters
    ----------
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        A few.
    titles : sequence of str, optional
        One for each. Default: the class names of a labelled data set.

    Returns
    -------
    Figure
    """
    data = DataSet.of(sequences, "sequences")
    figure = Figure(f"{len(data)} sequences")
    for axes, sequence in zip(_grid(figure, data, titles), data.sequences.numpy(), strict=True):
        axes.plot(sequence, color=TRAIN, linewidth=1.3)
    return figure


def plot_reconstructions(model: nn.Module, sequences: Any, *, titles: Sequence[str] | None = None) -> Figure:
    """Draw each sequence with its reconstruction, and the error between the two shaded.

    Parameters
    ----------
    model : torch.nn.Module
        Trained.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        A few; of several features, the first is drawn.
    titles : sequence of str, optional
        One for each. Default: the class names of a labelled data set.

    Returns
    -------
    Figure
    """
    data = DataSet.of(sequences, "sequences")
    figure = Figure(f"{len(data)} sequences and their reconstructions")
    rebuilt = reconstruct(model, data)[..., 0].numpy()
    for axes, x, y in zip(_grid(figure, data, titles), data.sequences[..., 0].numpy(), rebuilt, strict=True):
        time = np.arange(len(x))
        axes.fill_between(time, x, y, color=VALIDATION, alpha=0.3, linewidth=0, label="error")
        axes.plot(time, x, color=TRAIN, linewidth=1.3, label="sequence")
        axes.plot(time, y, color=VALIDATION, linewidth=1.3, linestyle="--", label="reconstruction")
        axes.text(0.97, 0.03, f"error {np.abs(x - y).mean():.3f}", transform=axes.transAxes, ha="right", color=TEXT)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False, labelcolor=TEXT)
    figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.3)
    figure.alt = f"{len(data)} sequences, each with its reconstruction; the area between the two is the error."
    return figure


def plot_errors(scores: Any, labels: Any, threshold: float | None = None) -> Figure:
    """Draw the histograms of normal and abnormal scores, with the threshold.

    Parameters
    ----------
    scores : array, shape (n,)
        Reconstruction errors.
    labels : array of whole numbers, shape (n,)
        0 is normal, anything else abnormal.
    threshold : float, optional
        Drawn as a line.

    Returns
    -------
    Figure
    """
    scores = as_scores(scores, "scores")
    abnormal = np.asarray(labels) != 0
    if abnormal.shape != scores.shape:
        msg = f"labels must be one for each of the {len(scores)} scores; got shape {abnormal.shape}."
        raise ValueError(msg)
    figure = Figure("histogram of reconstruction errors")
    axes = figure.plain_axes()
    bins = np.linspace(scores.min(), max(scores.max(), scores.min() + 1e-9), 60).tolist()
    for mask, color, hatch, name in ((~abnormal, TRAIN, None, "normal"), (abnormal, VALIDATION, "///", "abnormal")):
        if mask.any():
            axes.hist(
                scores[mask], bins, density=True, histtype="stepfilled", alpha=0.45,
                color=color, edgecolor=color, hatch=hatch, label=f"{name} ({mask.sum()})",
            )  # fmt: skip
    figure.alt = "Histograms of the reconstruction errors of normal and abnormal sequences"
    if threshold is not None:
        axes.axvline(threshold, color=RESTORE, linestyle="-.", label=f"threshold {threshold:.3f}")
        figure.alt += f"; {np.mean(scores[~abnormal] > threshold):.1%} of the normal"
        figure.alt += f" and {np.mean(scores[abnormal] > threshold):.1%} of the abnormal ones lie above the threshold"
    figure.alt += "."
    axes.set(xlabel="reconstruction error (mean absolute)", ylabel="density")
    figure.legend_beside(axes)
    return figure
