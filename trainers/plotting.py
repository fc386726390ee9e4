"""Static plots: `Figure`, `plot_history`, `plot_histories`."""

from __future__ import annotations

import functools
import io
import itertools
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import font_manager, rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as _Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from trainers.console import classroom_defaults
from trainers.history import History, epoch_name

# Readable on light and dark pages; dashes and markers distinguish them as well.
TRAIN, VALIDATION, RESTORE, TEXT = "#0072B2", "#D55E00", "#009E73", "#7f7f7f"
# Reconstructions, and abnormal sequences; normal sequences have the colour of training.
RECONSTRUCTION, ABNORMAL = "#C06A9B", "#B5790A"
# Scale of text, lines and markers in plots; None: set by the environment, 1.5 in classroom mode.
scale: float | None = None
# A scaled plot has a higher resolution and fewer inches, so that its contents are larger.
_SCALED_INCHES = 0.8


def current_scale() -> float:
    """Return the scale with which plots and widgets are drawn now."""
    return classroom_defaults()[0] if scale is None else scale


def as_label(text: object) -> str:
    """Return a name that matplotlib shows unchanged, with the characters that its fonts lack in words.

    Without this, matplotlib reads "$" as math, omits a name that begins with "_" from a legend, fails on half a
    surrogate pair, and draws an empty box for each missing character. A symbol is replaced by its name, another
    character by its code. To draw them, add a font that has them to ``rcParams["font.family"]``.
    """
    label = _in_words(str(text).encode("utf-8", "replace").decode()).replace("$", r"\$")
    # matplotlib checks the first character, so begin with a space of zero width
    return f"\u200b{label}" if label.startswith("_") else label


def _in_words(text: str) -> str:
    known, parts = _drawable(tuple(font_manager.FontProperties().get_family())), []
    for drawn, group in itertools.groupby(text, lambda character: character.isspace() or ord(character) in known):
        run = "".join(group)
        if not drawn:
            # without marks that only change the look of another character
            run = " ".join(_word(character) for character in run if unicodedata.category(character) not in ("Mn", "Cf"))
            run = run and f"[{run}]"
        parts.append(run)
    return "".join(parts)


def _word(character: str) -> str:
    symbol = unicodedata.category(character) == "So"
    return unicodedata.name(character, "").lower() if symbol else f"U+{ord(character):04X}"


@functools.cache
def _drawable(families: tuple[str, ...]) -> frozenset[int]:
    """Return the codes of the characters that the fonts of these families have."""
    paths = {font_manager.findfont(font_manager.FontProperties(family=[family])) for family in families}
    return frozenset().union(*(font_manager.get_font(path).get_charmap() for path in paths))


class Figure(_Figure):
    """A Matplotlib figure that is displayed if it is the last value of a notebook cell.

    It is not registered with pyplot, so it is displayed only once and does not have to be closed.
    It can be saved with `savefig`. In a notebook its image has the alternative text `alt`. If
    `scale` is set, or in classroom mode, all text, lines and markers are larger.

    Parameters
    ----------
    title : str
        Short description of the contents.
    **kwargs
        Keyword arguments of `matplotlib.figure.Figure`.
    """

    def __init__(self, title: str = "", **kwargs: Any) -> None:
        super().__init__(**{"figsize": (8, 3.6), "dpi": 100, "layout": "constrained", "facecolor": "none", **kwargs})
        self.title = self.alt = title

    def plain_axes(self, *args: Any, **kwargs: Any) -> Any:
        """Add a subplot with a transparent background and grey frame and text, for light and dark themes."""
        axes = self.add_subplot(*args, **kwargs)
        axes.set_facecolor("none")
        axes.tick_params(colors=TEXT, which="both")
        for part in (axes.xaxis.label, axes.yaxis.label, axes.title, *axes.spines.values()):
            part.set_color(TEXT)
        axes.spines[["top", "right"]].set_visible(False)
        return axes

    def legend_beside(self, axes: Any) -> None:
        """Add a legend outside the axes, so that it does not cover a curve."""
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=TEXT)

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """Save the figure; see `matplotlib.figure.Figure.savefig`."""
        with self._scaled():
            # matplotlib would use the original resolution
            if kwargs.get("dpi", rcParams["savefig.dpi"]) == "figure":
                kwargs["dpi"] = self.dpi
            super().savefig(*args, **kwargs)

    @contextmanager
    def _scaled(self) -> Iterator[None]:
        """Apply the current scale within the context; it may have changed since the figure was created."""
        if (factor := current_scale()) == 1:
            yield
            return
        (width, height), dpi = map(float, self.get_size_inches()), self.dpi
        try:
            self.set_size_inches(width * _SCALED_INCHES, height * _SCALED_INCHES)
            self.dpi = dpi * factor
            yield
        finally:
            self.set_size_inches(width, height)
            self.dpi = dpi

    def __repr__(self) -> str:
        return f"<Figure: {self.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        image = io.BytesIO()
        # the same image as from savefig, which draws twice to find the layout
        with self._scaled():
            FigureCanvasAgg(self).print_png(image)
        return {"image/png": image.getvalue(), "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}


# The palette of Okabe and Ito; dashes distinguish the curves as well.
_COLORS = (VALIDATION, TRAIN, "#CC79A7", RESTORE, "#E69F00", "#56B4E9")
_DASHES: tuple[Any, ...] = ("--", "-", ":", "-.", (0, (8, 3)), (0, (3, 1, 1, 1)))


def plot_history(history: History, *, log: bool = False) -> Figure:
    """Plot the training and validation loss of a training run.

    A hollow triangle marks each epoch after which the best weights were restored, at the validation
    loss of this epoch. A thin line connects it with the epoch whose weights were restored. The
    curve has a gap where the loss is not finite.

    Parameters
    ----------
    history : History
        A history of any length.
    log : bool, default False
        Whether the loss axis is logarithmic.

    Returns
    -------
    Figure
        Matplotlib figure; its `alt` attribute describes it in words.
    """
    figure = Figure("training and validation loss")
    axes = figure.plain_axes()
    train = "training" + (f" ({history.note})" if history.note else "")
    losses = [row.train_loss for row in history]
    axes.plot(range(1, len(history) + 1), losses, color=TRAIN, label=as_label(train))
    losses += _draw_run(axes, history, "validation", VALIDATION, "--", RESTORE)
    _finish(figure, axes, losses, log=log)
    figure.alt = _describe(history)
    return figure


def plot_histories(runs: Mapping[str, History | Sequence[History]], *, log: bool = False) -> Figure:
    """Plot the validation losses of several training runs, with restores and best epochs as in `plot_history`.

    Parameters
    ----------
    runs : mapping of str to History or sequence of History
        The runs by name. Several histories with one name, such as runs with different seeds, are
        drawn as a band from the lowest to the highest validation loss, with a curve for the mean.
        Only epochs that exist in all of these runs are drawn.
    log : bool, default False
        Whether the loss axis is logarithmic.

    Returns
    -------
    Figure
        Matplotlib figure; its `alt` attribute describes it in words.
    """
    figure = Figure(f"validation loss of {len(runs)} runs", figsize=(9, 3.8))
    axes = figure.plain_axes()
    losses: list[float] = []
    texts = []
    for number, (name, run) in enumerate(runs.items()):
        # the seventh run has the colour of the first, but a different dash
        dash = _DASHES[(number + number // len(_COLORS)) % len(_DASHES)]
        color = _COLORS[number % len(_COLORS)]
        if isinstance(run, History):
            losses += _draw_run(axes, run, as_label(name), color, dash)
            texts.append(_describe(run, name))
        else:
            if not run or not all(run):
                raise ValueError(f"the histories of {name!r} must have at least one epoch, got an empty one.")
            low, mean, high = band(run)
            losses += [*low, *high]
            epochs = range(1, len(mean) + 1)
            label = f"{as_label(name)} (mean of {len(run)}, band: all)"
            axes.plot(epochs, mean, color=color, linestyle=dash, label=label)
            axes.fill_between(epochs, low, high, color=color, alpha=0.2, linewidth=0)
            texts.append(f"{name}: {len(run)} runs, mean validation loss {mean[-1]:.4g} after {len(mean)} epochs")
    _finish(figure, axes, losses, log=log)
    axes.set_ylabel("validation loss")
    figure.alt = "Validation losses. " + " ".join(f"{text.removesuffix('.')}." for text in texts)
    return figure


def band(histories: Sequence[History]) -> tuple[list[float], list[float], list[float]]:
    """Return lowest, mean and highest validation loss at each epoch that all histories have."""
    n_epochs = min(len(history) for history in histories)
    losses = np.array([[row.validation_loss for row in history[:n_epochs]] for history in histories])
    return losses.min(0).tolist(), losses.mean(0).tolist(), losses.max(0).tolist()


def _draw_run(axes: Any, history: History, label: str, color: str, dash: Any, restores: str = "") -> list[float]:
    """Draw validation losses, best epoch and restores; with a colour for the restores, add them to the legend."""
    losses, best = [row.validation_loss for row in history], history.best
    axes.plot(range(1, len(history) + 1), losses, color=color, linestyle=dash, label=label)
    # best epoch
    text = f"best, {epoch_name(best.epoch)}" if best and restores else None
    if best and best.epoch == 0:
        axes.axhline(best.validation_loss, color=color, linestyle=":", label=text)
    elif best:
        axes.plot(best.epoch, best.validation_loss, "o", color=color, label=text)
    restored = [row for row in history if row.restored]
    # the lines to the best epochs, as one curve with gaps, because many single lines are slow to draw
    points: list[tuple[float, float]] = []
    for row in restored:
        if row.best_epoch and math.isfinite(row.validation_loss):
            points += [(row.epoch, row.validation_loss), (row.best_epoch, row.best_loss), (math.nan, math.nan)]
    if points:
        axes.plot(*zip(*points, strict=True), color=restores or color, linewidth=0.7, alpha=0.7)
    if restored:
        # the marker of a loss that is not finite is at the best loss
        heights = [r.validation_loss if math.isfinite(r.validation_loss) else r.best_loss for r in restored]
        text = f"restored ({len(restored)}×)" if restores else None
        axes.plot(history.restored_epochs, heights, "^", color=restores or color, markerfacecolor="none", label=text)
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


def _describe(history: History, name: str | None = None) -> str:
    if not history:
        return "An empty loss plot: no epoch trained yet."
    text = f"Training and validation loss of the run {name or history.name!r} over {len(history)} epochs"
    if history.best:
        where = f"in epoch {history.best.epoch}" if history.best.epoch else "at the start"
        text += f"; the lowest validation loss is {history.best.validation_loss:.4g} {where}"
    n = len(history.restored_epochs)
    return text + f"; the best weights were {f'restored {n} time' + 's' * (n != 1) if n else 'never restored'}."
