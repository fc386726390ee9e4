"""The pictures of a detection: sequences, reconstructions, error histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from data import DataSet
from data.data_set import as_class_names
from trainers.detection._validation import as_labels, as_scores, as_threshold
from trainers.figure import RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label
from trainers.reconstruction import reconstruct

# More small plots than this cannot be read, and take minutes to draw.
_MOST = 40


def _grid(figure: Figure, data: DataSet, shown: np.ndarray, titles: Sequence[str] | None) -> list[Any]:
    """One small plot for each sequence, at most four beside each other; `shown` is all that will be drawn."""
    if len(data) > _MOST:
        msg = f"sequences takes at most {_MOST} to draw; got {len(data)}. Choose some, such as sequences[:8]."
        raise ValueError(msg)
    if titles is not None:
        titles = as_class_names(titles, "titles")
        if len(titles) != len(data):
            msg = f"titles must be one for each of the {len(data)} sequences; got {len(titles)}."
            raise ValueError(msg)
    columns = min(4, len(data))
    rows = -(-len(data) // columns)
    figure.set_size_inches(2.4 * columns + 0.4, 2.1 * rows + 0.3)
    low, high = float(shown.min()), float(shown.max())
    margin = 0.1 * (high - low) or 1.0
    plots = []
    for i in range(len(data)):
        axes = figure.plain_axes(rows, columns, i + 1)
        axes.set_ylim(low - margin, high + margin)
        if titles is not None:
            axes.set_title(as_label(titles[i]), color=TEXT, fontsize="medium")
        elif data.labels is not None and data.labels.ndim == 1 and data.class_names:
            axes.set_title(as_label(data.class_names[data.labels[i]]), color=TEXT, fontsize="medium")
        if i // columns == rows - 1:
            axes.set_xlabel("time step")
        else:
            axes.tick_params(labelbottom=False)
        if i % columns:
            axes.tick_params(labelleft=False)
        plots.append(axes)
    return plots


def _classes(data: DataSet) -> str:
    """The classes of the sequences drawn, in words."""
    if data.labels is None or data.labels.ndim != 1 or not data.class_names:
        return ""
    names, counts = np.unique([data.class_names[label] for label in data.labels], return_counts=True)
    return " (" + ", ".join(f"{count} {name}" for name, count in zip(names, counts, strict=True)) + ")"


def plot_sequences(sequences: Any, *, titles: Sequence[str] | None = None) -> Figure:
    """Draw each sequence in a plot of its own, all on one scale.

    Parameters
    ----------
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        At most 40.
    titles : sequence of str, optional
        One for each. Default: the class names of a labelled data set.

    Returns
    -------
    Figure
    """
    data = DataSet.of(sequences, "sequences")
    figure = Figure(f"{len(data)} sequences")
    figure.alt = f"{len(data)} sequences, each in a plot of its own{_classes(data)}."
    values = data.sequences.numpy()
    for axes, sequence in zip(_grid(figure, data, values, titles), values, strict=True):
        axes.plot(sequence, color=TRAIN, linewidth=1.3)
    return figure


def plot_reconstructions(model: nn.Module, sequences: Any, *, titles: Sequence[str] | None = None) -> Figure:
    """Draw each sequence with its reconstruction, and the error between the two shaded.

    Parameters
    ----------
    model : torch.nn.Module
        Trained.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        At most 40; of several features, the first is drawn, and the error given is its own.
    titles : sequence of str, optional
        One for each. Default: the class names of a labelled data set.

    Returns
    -------
    Figure
    """
    data = DataSet.of(sequences, "sequences")
    figure = Figure(f"{len(data)} sequences and their reconstructions")
    values, rebuilt = data.sequences[..., 0].numpy(), reconstruct(model, data)[..., 0].numpy()
    plots = _grid(figure, data, np.stack([values, rebuilt]), titles)
    for axes, x, y in zip(plots, values, rebuilt, strict=True):
        time = np.arange(len(x))
        axes.fill_between(time, x, y, color=VALIDATION, alpha=0.3, linewidth=0, label="error")
        axes.plot(time, x, color=TRAIN, linewidth=1.3, label="sequence")
        axes.plot(time, y, color=VALIDATION, linewidth=1.3, linestyle="--", label="reconstruction")
        axes.text(0.5, 0.03, f"error {np.abs(x - y).mean():.3f}", transform=axes.transAxes, ha="center", color=TEXT)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False, labelcolor=TEXT)
    figure.set_size_inches(figure.get_figwidth(), figure.get_figheight() + 0.3)
    errors = np.abs(values - rebuilt).mean(1)
    figure.alt = (
        f"{len(data)} sequences{_classes(data)}, each with its reconstruction; the area between the two is the error, "
        f"on average {', '.join(f'{error:.2f}' for error in errors)}."
    )
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
    abnormal = as_labels(labels, scores) != 0
    figure = Figure("histogram of reconstruction errors")
    axes = figure.plain_axes()
    low, high = scores.min(), scores.max()
    bins = np.linspace(low, high if high > low else low + max(1e-6 * abs(low), 1e-9), 60).tolist()
    for mask, color, hatch, name in ((~abnormal, TRAIN, None, "normal"), (abnormal, VALIDATION, "///", "abnormal")):
        if mask.any():
            axes.hist(
                scores[mask], bins, density=True, histtype="stepfilled", alpha=0.45,
                color=color, edgecolor=color, hatch=hatch, label=f"{name} ({mask.sum()})",
            )  # fmt: skip
    figure.alt = "Histograms of the reconstruction errors of normal and abnormal sequences"
    if threshold is not None:
        threshold = as_threshold(threshold)
        axes.axvline(threshold, color=RESTORE, linestyle="-.", label=f"threshold {threshold:.3f}")
        above = [
            f"{np.mean(scores[mask] > threshold):.1%} of the {name} ones"
            for mask, name in ((~abnormal, "normal"), (abnormal, "abnormal"))
            if mask.any()
        ]
        figure.alt += f"; {' and '.join(above)} lie above the threshold"
    figure.alt += "."
    axes.set(xlabel="reconstruction error (mean absolute)", ylabel="density")
    figure.legend_beside(axes)
    return figure
