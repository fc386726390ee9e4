"""`plot_history`: both losses over the epochs, with the best epoch and every restore marked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from trainers.figure import RESTORE, TEXT, TRAIN, VALIDATION, Figure

if TYPE_CHECKING:
    from trainers.history import History


def plot_history(history: History, *, log: bool = False) -> Figure:
    """Draw a run's training and validation loss.

    A hollow triangle marks each epoch after which history restore fired, at the loss that made
    it fire; a thin line leads back to the epoch whose weights returned. A loss that is not
    finite leaves a gap.

    Parameters
    ----------
    history : History
        Of any length.
    log : bool, default False
        Logarithmic loss axis.

    Returns
    -------
    Figure
        Of matplotlib; its `alt` says in words what it shows.
    """
    figure = Figure("training and validation loss")
    axes = figure.plain_axes()
    epochs = [row.epoch for row in history]
    train = "training" + (f" ({history.note})" if history.note else "")
    axes.plot(epochs, [row.train_loss for row in history], color=TRAIN, label=train)
    losses = [row.validation_loss for row in history]
    axes.plot(epochs, losses, color=VALIDATION, linestyle="--", label="validation")
    best = history.best
    if best is not None:
        axes.plot(best.epoch, best.validation_loss, "o", color=VALIDATION, label=f"best, epoch {best.epoch}")
    restored = [row for row in history if row.restored]
    for row in restored:
        if row.best_epoch is not None and math.isfinite(row.validation_loss):
            axes.plot(
                [row.epoch, row.best_epoch],
                [row.validation_loss, row.best_loss],
                color=RESTORE,
                linewidth=0.7,
                alpha=0.7,
            )
    if restored:
        # A loss that is not finite has no height of its own: its mark stands at the best loss.
        heights = [r.validation_loss if math.isfinite(r.validation_loss) else r.best_loss for r in restored]
        axes.plot(
            [r.epoch for r in restored],
            heights,
            "^",
            color=RESTORE,
            markerfacecolor="none",
            label=f"restored ({len(restored)}×)",
        )
    axes.set(xlabel="epoch", ylabel="reconstruction loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    finite = [v for row in history for v in (row.train_loss, row.validation_loss) if math.isfinite(v)]
    if log and min(finite, default=0) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    if history:
        figure.legend_beside(axes)
    else:
        axes.text(0.5, 0.5, "no epoch trained yet", transform=axes.transAxes, ha="center", color=TEXT)
    figure.alt = _in_words(history)
    return figure


def _in_words(history: History) -> str:
    if not history:
        return "An empty loss plot: no epoch trained yet."
    text = f"Training and validation loss of {history.name} over {len(history)} epochs"
    if history.best:
        text += f"; the lowest validation loss is {history.best.validation_loss:.4g} in epoch {history.best.epoch}"
    fired = len(history.restored_epochs)
    return text + (f"; history restore fired {fired} times." if fired else "; history restore never fired.")
