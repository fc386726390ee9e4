"""Static pictures: `Figure`, `plot_history`, `plot_histories`."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as _Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from trainers.console import classroom_defaults
from trainers.history import History, epoch_name

# Told apart by dash and marker too, and readable on a light and on a dark page.
TRAIN, VALIDATION, RESTORE, TEXT = "#0072B2", "#D55E00", "#009E73", "#7f7f7f"
# How many times as large text, lines and marks are drawn; None: as the environment says, 1.5 in classroom mode.
scale: float | None = None
# An enlarged picture has fewer inches of more dots, so that all that is in it is larger.
_FEWER_INCHES = 0.8


def current_scale() -> float:
    """Return how many times as large pictures and widgets are drawn now."""
    return classroom_defaults()[0] if scale is None else scale


def as_label(text: object) -> str:
    """Return a name for matplotlib to show as it is.

    It would read "$" as math, leave a name that begins with "_" out of a legend, and fail on half a surrogate pair.
    """
    shown = str(text).encode("utf-8", "replace").decode().replace("$", r"\$")
    # A space of no width: only the very first character counts.
    return f"\u200b{shown}" if shown.startswith("_") else shown


class Figure(_Figure):
    """Shown once as the last value of a notebook cell, saved with `savefig`, never left open.

    It is not registered with pyplot, so a loop may draw thousands. In a notebook its picture
    carries `alt`, a sentence that says what there is to see. Where `scale` is set, or
    in classroom mode, its text, lines and marks are larger, whatever drew them.

    Parameters
    ----------
    title : str
        What it shows, in a few words.
    **kwargs
        As `matplotlib.figure.Figure` takes them.
    """

    def __init__(self, title: str = "", **kwargs: Any) -> None:
        super().__init__(**{"figsize": (8, 3.6), "dpi": 100, "layout": "constrained", "facecolor": "none", **kwargs})
        self.title = self.alt = title

    def plain_axes(self, *args: Any, **kwargs: Any) -> Any:
        """A subplot with a transparent ground and grey frame and text, for either theme."""
        axes = self.add_subplot(*args, **kwargs)
        axes.set_facecolor("none")
        axes.tick_params(colors=TEXT, which="both")
        for part in (axes.xaxis.label, axes.yaxis.label, axes.title, *axes.spines.values()):
            part.set_color(TEXT)
        axes.spines[["top", "right"]].set_visible(False)
        return axes

    def legend_beside(self, axes: Any) -> None:
        """A legend outside the axes, so that it never covers a curve."""
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=TEXT)

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """As `matplotlib.figure.Figure.savefig`."""
        with self._sized():
            # matplotlib remembers the dots per inch that the figure was made with.
            if kwargs.get("dpi", rcParams["savefig.dpi"]) == "figure":
                kwargs["dpi"] = self.dpi
            super().savefig(*args, **kwargs)

    @contextmanager
    def _sized(self) -> Iterator[None]:
        """As large as it is to be shown now: the scale may have changed since it was drawn."""
        if (times := current_scale()) == 1:
            yield
            return
        (width, height), dpi = map(float, self.get_size_inches()), self.dpi
        try:
            self.set_size_inches(width * _FEWER_INCHES, height * _FEWER_INCHES)
            self.dpi = dpi * times
            yield
        finally:
            self.set_size_inches(width, height)
            self.dpi = dpi

    def __repr__(self) -> str:
        return f"<Figure: {self.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        picture = io.BytesIO()
        # The same picture as savefig's, which would draw twice to find its layout.
        with self._sized():
            FigureCanvasAgg(self).print_png(picture)
        return {"image/png": picture.getvalue(), "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}


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
    train = "training" + (f" ({history.note})" if history.note else "")
    losses = [row.train_loss for row in history]
    axes.plot(range(1, len(history) + 1), losses, color=TRAIN, label=as_label(train))
    losses += _draw_validation(axes, history, "validation", VALIDATION, "--", RESTORE)
    _finish(figure, axes, losses, log=log)
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
        color = _COLOURS[number % len(_COLOURS)]
        if isinstance(run, History):
            every += _draw_validation(axes, run, as_label(name), color, dash)
            words.append(_in_words(run, name))
        else:
            if not run or not all(run):
                raise ValueError(f"the histories of {name!r} must have at least one epoch, got one without.")
            low, mean, high = band(run)
            every += [*low, *high]
            epochs = range(1, len(mean) + 1)
            label = f"{as_label(name)} (mean of {len(run)}, band: all)"
            axes.plot(epochs, mean, color=color, linestyle=dash, label=label)
            axes.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
            words.append(f"{name}: {len(run)} runs, mean validation loss {mean[-1]:.4g} after {len(mean)} epochs")
    _finish(figure, axes, every, log=log)
    axes.set_ylabel("validation loss")
    figure.alt = "Validation losses. " + " ".join(f"{text.removesuffix('.')}." for text in words)
    return figure


def band(histories: Sequence[History]) -> tuple[list[float], list[float], list[float]]:
    """Lowest, mean and highest validation loss at each epoch that all the histories have."""
    shared = min(len(history) for history in histories)
    losses = np.array([[row.validation_loss for row in history[:shared]] for history in histories])
    return losses.min(0).tolist(), losses.mean(0).tolist(), losses.max(0).tolist()


def _draw_validation(axes: Any, history: History, label: str, color: str, dash: Any, restores: str = "") -> list[float]:
    """Draw the validation losses, the best and the restores, which the legend names if they have their own colour."""
    losses, best = [row.validation_loss for row in history], history.best
    axes.plot(range(1, len(history) + 1), losses, color=color, linestyle=dash, label=label)
    named = f"best, {epoch_name(best.epoch)}" if best and restores else None
    if best and best.epoch == 0:
        axes.axhline(best.validation_loss, color=color, linestyle=":", label=named)
    elif best:
        axes.plot(best.epoch, best.validation_loss, "o", color=color, label=named)
    restored = [row for row in history if row.restored]
    # All lines back as one, with gaps: a hundred of their own would take longer to draw than the rest.
    back: list[tuple[float, float]] = []
    for row in restored:
        if row.best_epoch and math.isfinite(row.validation_loss):
            back += [(row.epoch, row.validation_loss), (row.best_epoch, row.best_loss), (math.nan, math.nan)]
    if back:
        axes.plot(*zip(*back, strict=True), color=restores or color, linewidth=0.7, alpha=0.7)
    if restored:
        # A loss that is not finite has no height of its own: its mark stands at the best loss.
        heights = [r.validation_loss if math.isfinite(r.validation_loss) else r.best_loss for r in restored]
        named = f"restored ({len(restored)}×)" if restores else None
        axes.plot(history.restored_epochs, heights, "^", color=restores or color, markerfacecolor="none", label=named)
    return losses


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
