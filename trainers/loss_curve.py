"""`plot_history` and `plot_histories`: losses over the epochs, best epochs and every restore marked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from trainers.figure import RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label
from trainers.history import History

# Okabe and Ito's palette; told apart by dash too.
_COLOURS = (VALIDATION, TRAIN, "#CC79A7", RESTORE, "#E69F00", "#56B4E9")
_DASHES: tuple[Any, ...] = ("--", "-", ":", "-.", (0, (8, 3)), (0, (3, 1, 1, 1)))


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
    axes.plot(epochs, [row.train_loss for row in history], color=TRAIN, label=as_label(train))
    losses = [row.validation_loss for row in history]
    axes.plot(epochs, losses, color=VALIDATION, linestyle="--", label="validation")
    best = history.best
    if best is not None and best.epoch == 0:
        axes.axhline(best.validation_loss, color=VALIDATION, linestyle=":", label="best, the start")
    elif best is not None:
        axes.plot(best.epoch, best.validation_loss, "o", color=VALIDATION, label=f"best, epoch {best.epoch}")
    _mark_restores(axes, history, RESTORE, label=f"restored ({len(history.restored_epochs)}×)")
    _finish(figure, axes, [value for row in history for value in (row.train_loss, row.validation_loss)], log=log)
    figure.alt = _in_words(history)
    return figure


def plot_histories(runs: Mapping[str, History | Sequence[History]], *, log: bool = False) -> Figure:
    """Draw the validation losses of several runs, restores and best epochs marked as in `plot_history`.

    Parameters
    ----------
    runs : mapping of str to History or sequence of History
        By name. Several histories under one name (seeds) become a band from their lowest to their
        highest validation loss with the mean as a line, over the epochs that all of them have.
    log : bool, default False
        Logarithmic loss axis.

    Returns
    -------
    Figure
        Of matplotlib; its `alt` says in words what it shows.
    """
    figure = Figure(f"validation loss of {len(runs)} runs", figsize=(9, 3.8))
    axes = figure.plain_axes()
    every: list[float] = []
    words = []
    for number, (name, run) in enumerate(runs.items()):
        # The seventh run has the colour of the first, and another dash.
        dash = _DASHES[(number + number // len(_COLOURS)) % len(_DASHES)]
        look = {"color": _COLOURS[number % len(_COLOURS)], "linestyle": dash}
        if isinstance(run, History):
            history = run
            losses = [row.validation_loss for row in history]
            axes.plot(range(1, len(losses) + 1), losses, label=as_label(name), **look)
            best = history.best
            if best is not None and best.epoch == 0:
                axes.axhline(best.validation_loss, color=look["color"], linestyle=":")
            elif best is not None:
                axes.plot(best.epoch, best.validation_loss, "o", color=look["color"])
            _mark_restores(axes, history, look["color"])
            words.append(_in_words(history, name))
        else:
            if not run or not all(run):
                msg = f"runs[{name!r}] holds a history without an epoch, so there is no band to draw. Leave it out."
                raise ValueError(msg)
            low, mean, high = band(run)
            losses = [*low, *high]
            epochs = range(1, len(mean) + 1)
            axes.plot(epochs, mean, label=f"{as_label(name)} (mean of {len(run)}, band: all)", **look)
            axes.fill_between(epochs, low, high, color=look["color"], alpha=0.2, linewidth=0)
            words.append(f"{name}: {len(run)} runs, mean validation loss {mean[-1]:.4g} after {len(mean)} epochs")
        every += losses
    _finish(figure, axes, every, log=log)
    axes.set_ylabel("validation loss")
    figure.alt = "Validation losses. " + " ".join(f"{text.removesuffix('.')}." for text in words)
    return figure


def band(histories: Sequence[History]) -> tuple[list[float], list[float], list[float]]:
    """Lowest, mean and highest validation loss at each epoch that all the histories have."""
    shared = min(len(history) for history in histories)
    losses = np.array([[row.validation_loss for row in history[:shared]] for history in histories])
    return losses.min(0).tolist(), losses.mean(0).tolist(), losses.max(0).tolist()


def _mark_restores(axes: Any, history: History, color: str, label: str | None = None) -> None:
    restored = [row for row in history if row.restored]
    # All lines back as one, with gaps: a hundred of their own would take longer to draw than the rest.
    back: list[tuple[float, float]] = []
    for row in restored:
        if row.best_epoch and math.isfinite(row.validation_loss):
            ends = (row.epoch, row.validation_loss), (row.best_epoch, row.best_loss)
            back += [*ends, (math.nan, math.nan)]
    if back:
        axes.plot(*zip(*back, strict=True), color=color, linewidth=0.7, alpha=0.7)
    if restored:
        # A loss that is not finite has no height of its own: its mark stands at the best loss.
        heights = [r.validation_loss if math.isfinite(r.validation_loss) else r.best_loss for r in restored]
        axes.plot([r.epoch for r in restored], heights, "^", color=color, markerfacecolor="none", label=label)


def _finish(figure: Figure, axes: Any, losses: Sequence[float], *, log: bool) -> None:
    axes.set(xlabel="epoch", ylabel="reconstruction loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    finite = [value for value in losses if math.isfinite(value)]
    if log and min(finite, default=0) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    if losses:
        figure.legend_beside(axes)
    else:
        axes.text(0.5, 0.5, "no epoch trained yet", transform=axes.transAxes, ha="center", color=TEXT)


def _in_words(history: History, name: str | None = None) -> str:
    if not history:
        return "An empty loss plot: no epoch trained yet."
    text = f"Training and validation loss of {name or history.name} over {len(history)} epochs"
    if history.best:
        where = f"in epoch {history.best.epoch}" if history.best.epoch else "at the start"
        text += f"; the lowest validation loss is {history.best.validation_loss:.4g} {where}"
    fired = len(history.restored_epochs)
    return text + (f"; history restore fired {fired} time{'s' * (fired != 1)}." if fired else "; it never restored.")
