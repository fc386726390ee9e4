"""Drawing of lesson 1, *Find the abnormal heartbeat*: the four sets, and what each of them may decide."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from data import DataSet
from trainers.plotting import ABNORMAL, TEXT, TRAIN, Figure

# What the training, the validation, the calibration and the test set decide.
_DECISIONS = ("the weights", "which epoch's\nweights are kept", "the threshold", "nothing:\nit only measures")
# Marks in a row, and sequences per mark.
_COLUMNS, _EACH = 11, 50


def plot_sets(sets: Mapping[str, DataSet]) -> Figure:
    """Draw the training, validation, calibration and test set: a mark for every 50 sequences, and what they decide.

    Parameters
    ----------
    sets : mapping of str to DataSet
        The four sets by name, in this order.

    Returns
    -------
    Figure
    """
    figure, sentences = Figure("four sets and what they decide", figsize=(9, 3.3)), []
    for place, ((name, part), decision) in enumerate(zip(sets.items(), _DECISIONS, strict=True), start=1):
        axes = figure.plain_axes(1, 4, place, xlim=(-1, _COLUMNS), ylim=(9.4, -2.6))
        axes.set_axis_off()
        n_abnormal = int(part.abnormal.sum())
        counts = {"normal": len(part) - n_abnormal, "abnormal": n_abnormal}
        # one mark for every 50 sequences, normal ones first
        first = 0
        for (kind, count), color, marker in zip(counts.items(), (TRAIN, ABNORMAL), ("o", "^"), strict=True):
            marks = first + np.arange(round(count / _EACH))
            axes.plot(marks % _COLUMNS, marks // _COLUMNS, marker, color=color, markersize=6)
            first += len(marks)
            if count:
                text = f"{count:,} {kind}"
                axes.text(5, -1.9 if kind == "normal" else -1.1, text, color=color, ha="center", va="center")
        axes.set_title(name, color=TEXT, weight="bold")
        arrow = {"arrowstyle": "-|>", "color": TEXT, "linewidth": 1.5}
        axes.annotate("", (5, 7.0), (5, 5.2), arrowprops=arrow)
        axes.text(5, 7.2, f"decides\n{decision}", color=TEXT, ha="center", va="top")
        described = " and ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
        sentences.append(f"{name} ({described} beats) decides {decision}".replace("\n", " "))
    figure.alt = f"Four sets, drawn with a mark for every {_EACH} beats. {'; '.join(sentences)}."
    return figure
