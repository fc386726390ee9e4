"""Static plots: `Figure`, `plot_history`, `plot_histories`."""

from __future__ import annotations

import functools
import io
import itertools
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import font_manager, rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as _Figure

from data.words import four_digits, many
from trainers.console import classroom_defaults
from trainers.history import Epoch, History

# Readable on light and dark pages; dashes and markers distinguish them as well.
TRAIN, VALIDATION, RESTORE, TEXT = "#0072B2", "#D55E00", "#009E73", "#7f7f7f"
# Reconstructions, abnormal data, and what a threshold flags; normal data has the colour of training.
RECONSTRUCTION, ABNORMAL, FLAGGED = "#C06A9B", "#B5790A", "#8A5FC7"
# Scale of text, lines and markers in plots; None: set by the environment, 1.5 in classroom mode.
scale: float | None = None
# A scaled plot has a higher resolution and fewer inches, so that its contents are larger.
_SCALED_INCHES = 0.78


def current_scale() -> float:
    """Return the scale with which plots and widgets are drawn now."""
    return classroom_defaults()[0] if scale is None else scale


def as_label(text: object) -> str:
    """Return a name that matplotlib shows unchanged; characters that its fonts lack become words.

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
        if n := len(axes.get_legend_handles_labels()[1]):
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=TEXT)
            # room for all names
            self.set_figheight(max(self.get_figheight(), 0.8 + 0.27 * n))

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


# As in trainers/widgets/loss_plot.js. These colours have no other meaning, and contrast 3 to white and to #111.
COLORS = ("#A52D96", "#6F8A1E", "#00889B", "#D0404F", "#5A6FD6", "#96603C", "#C369F0", "#4B694B")
_DASHES: tuple[Any, ...] = (
    "-", (0, (3, 1.5)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)),
    (0, (7, 2)), (0, (2, 1, 0.5, 1)), (0, (4, 1, 1, 1, 1, 1)), (0, (0.5, 1.5)),
)  # fmt: skip
_MARKS = ("s", "D", "v", "<", ">", "P", "X", "d")
# Longest name of a run in a legend.
_LONGEST = 40


def plot_history(history: History, *, log: bool = False, behind: Mapping[str, History] | None = None) -> Figure:
    """Plot the training and validation loss of a training run.

    A hollow triangle marks each epoch after which the best weights were restored, at the validation
    loss of this epoch. A line leads down from it to the best loss, and back to the epoch whose weights were
    restored. The curve has a gap where the loss is not finite; a restore of such a loss is at the upper edge.

    Parameters
    ----------
    history : History
        A history of any length.
    log : bool, default False
        Whether the loss axis is logarithmic; it is linear if a loss is not above zero.
    behind : mapping of str to History, optional
        Earlier runs by name: their validation losses are drawn thin, behind those of `history`.

    Returns
    -------
    Figure
        Matplotlib figure; its `alt` attribute describes it in words.
    """
    figure = Figure("training and validation loss")
    others = [_Run(name, run, behind=True) for name, run in (behind or {}).items()]
    _draw(figure, [*others, _Run(history.name if others else "", history)], log=log)
    figure.alt = " ".join([_describe(history), *(_describe(run, name) for name, run in (behind or {}).items())])
    return figure


def plot_histories(
    runs: Mapping[str, History | Sequence[History]], *, log: bool = False, behind: Mapping[str, History] | None = None
) -> Figure:
    """Plot the validation losses of several training runs, with restores and best epochs as in `plot_history`.

    A single run is drawn with its training loss.

    Parameters
    ----------
    runs : mapping of str to History or sequence of History
        The runs by name. Several histories with one name, such as runs with different seeds, are
        drawn as a band from the lowest to the highest validation loss, with a curve for the mean.
        Only epochs that exist in all of these runs are drawn.
    log : bool, default False
        Whether the loss axis is logarithmic; it is linear if a loss is not above zero.
    behind : mapping of str to History, optional
        Earlier runs by name: their validation losses are drawn thin, behind the others.

    Returns
    -------
    Figure
        Matplotlib figure; its `alt` attribute describes it in words.
    """
    figure = Figure(f"validation loss of {many(len(runs), 'run')}", figsize=(9, 3.8))
    earlier = behind or {}
    drawn = [_Run(name, run, behind=True) for name, run in earlier.items()]
    texts = [_describe(run, name) for name, run in earlier.items()]
    for name, run in runs.items():
        if isinstance(run, History):
            drawn.append(_Run(name, run))
            texts.append(_describe(run, name))
        else:
            if not run or not all(run):
                raise ValueError(f"the histories of {name!r} must have at least one epoch, got an empty one.")
            mean, (low, _, high) = mean_history(run, name), band(run)
            drawn.append(_Run(mean.name, mean, (low, high)))
            loss = four_digits(mean[-1].validation_loss)
            texts.append(f"{name}: {len(run)} runs, mean validation loss {loss} after {many(len(mean), 'epoch')}")
    _draw(figure, drawn, log=log)
    figure.alt = "Validation losses. " + " ".join(f"{text.removesuffix('.')}." for text in texts)
    return figure


def band(histories: Sequence[History]) -> tuple[list[float], list[float], list[float]]:
    """Return lowest, mean and highest validation loss at each epoch that all histories have."""
    n_epochs = min(len(history) for history in histories)
    losses = np.array([[row.validation_loss for row in history[:n_epochs]] for history in histories])
    with np.errstate(over="ignore"):
        return losses.min(0).tolist(), losses.mean(0).tolist(), losses.max(0).tolist()


def mean_history(histories: Sequence[History], name: str = "run") -> History:
    """Return a history of the mean losses at each epoch that all histories have; `name` is that of the histories."""
    mean = History(f"{name} (mean of {len(histories)}, band: all)")
    for epoch, loss in enumerate(band(histories)[1]):
        train = sum(history[epoch].train_loss for history in histories) / len(histories)
        mean.append(train_loss=train, validation_loss=loss, reason=f"mean of {len(histories)} runs")
    return mean


# ---------------------------------------------------------------- drawing


@dataclass
class _Run:
    name: str
    history: History
    # lowest and highest validation loss of several runs, whose mean is `history`
    band: Sequence[list[float]] | None = None
    behind: bool = False

    def __post_init__(self) -> None:
        self.name = as_label(self.name)
        if len(self.name) > _LONGEST:
            self.name = self.name[: _LONGEST - 1].rstrip("\\") + "…"
        self.history = _limited(self.history)
        self.band = self.band and [[*map(drawn_loss, edge)] for edge in self.band]


def drawn_loss(loss: float) -> float:
    """Return a loss as it is drawn: NaN if it is so large that scales overflow, 0 if it is nearly 0."""
    return 0.0 if abs(loss) < 1e-100 else loss if abs(loss) < 1e100 else math.nan


def _limited(history: History) -> History:
    """Return the history with the losses that are drawn."""
    limited = History(history.name, history.note)
    if history.start and math.isfinite(start := drawn_loss(history.start.validation_loss)):
        limited.begin(start)
    for row in history:
        train, validation = drawn_loss(row.train_loss), drawn_loss(row.validation_loss)
        limited.append(train_loss=train, validation_loss=validation, restored=row.restored)
    return limited


def _draw(figure: Figure, runs: Sequence[_Run], *, log: bool) -> None:
    """Draw runs with the scales, ticks, marks and legend of the live picture in trainers/widgets/loss_plot.js."""
    axes = figure.plain_axes()
    alone = sum(not run.behind for run in runs) == 1
    # axes: all finite losses, and whole epochs from 1 on
    losses = [loss for run in runs for loss in _losses(run, train=alone and not run.behind)]
    longest = max((len(run.history) for run in runs), default=0)
    log = log and min(losses, default=0) > 0
    limits, final = loss_limits(losses, log=log), max(2, longest)
    if log:
        axes.set_yscale("log")
    loss_marks = log_ticks(*limits, 12) if log else ticks(*limits, 5)
    epochs = sorted({1, *map(round, ticks(1, final, 10, 1))})
    axes.set(xlim=(1, final), ylim=limits, xlabel="epoch", ylabel=f"{'reconstruction' if alone else 'validation'} loss")
    axes.set_yticks(loss_marks, loss_labels(loss_marks, limits, log=log))
    axes.set_xticks(epochs, [str(epoch) for epoch in epochs])
    axes.minorticks_off()
    for number, run in enumerate(runs):
        if alone and not run.behind:
            _draw_alone(axes, run)
        else:
            _draw_run(axes, run, number)
    # what is not clipped must not take room from the layout
    for line in axes.lines:
        line.set_in_layout(False)
    if not alone and any(run.history.restored_epochs for run in runs):
        axes.plot([], [], "^", color=RESTORE, markerfacecolor="none", label="restored")
    if not losses:
        text = f"no finite loss in {many(longest, 'epoch')}: NaN or infinite" if longest else "no epoch trained yet"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color=TEXT)
    figure.legend_beside(axes)


def _losses(run: _Run, *, train: bool) -> list[float]:
    """Return all finite losses that are drawn of a run."""
    losses = [row.validation_loss for row in run.history] + [row.train_loss for row in run.history if train]
    losses += [loss for edge in run.band or () for loss in edge]
    if (best := run.history.best) and best.epoch == 0:
        losses.append(best.validation_loss)
    return [loss for loss in losses if math.isfinite(loss)]


def _draw_alone(axes: Any, run: _Run) -> None:
    """Draw training and validation loss of the only run in the foreground."""
    history, best = run.history, run.history.best
    name = f"{run.name}, training" if run.name else "training"
    label = f"{name} {as_label(f'({history.note})')}" if history.note else name
    _draw_curve(axes, [row.train_loss for row in history], color=TRAIN, label=label)
    _draw_curve(
        axes, [row.validation_loss for row in history], color=VALIDATION, linestyle=_DASHES[1], label="validation"
    )
    _draw_band(axes, run, VALIDATION)
    if best and best.epoch == 0:
        start = [best.validation_loss] * 2
        axes.plot([1, len(history)], start, color=VALIDATION, linestyle=":", label="best: initial weights")
    elif best:
        _draw_mark(axes, best, "o", VALIDATION, label=f"best, epoch {best.epoch}")
    _draw_restores(axes, history, f"restored ({len(history.restored_epochs)}×)")


def _draw_run(axes: Any, run: _Run, number: int) -> None:
    """Draw the validation loss of one of several runs; only a thin curve if it is behind the others."""
    history, best = run.history, run.history.best
    # the ninth run has the colour of the first, but a different dash and mark
    color, other = COLORS[number % len(COLORS)], (number + number // len(COLORS)) % len(COLORS)
    text = run.name
    if best:
        where = f"in epoch {best.epoch}" if best.epoch else "at the start"
        text += f": {four_digits(best.validation_loss)} {where}"
    elif history:
        text += ": no finite loss"
    if n := len(history.restored_epochs):
        text += f", restored {n}×"
    losses = [row.validation_loss for row in history]
    style = {"color": color, "linestyle": _DASHES[other], "linewidth": 0.8 if run.behind else 1.5}
    _draw_curve(axes, losses, **style)
    # the legend shows the dash and the mark at the end of the curve
    axes.plot([], [], marker=_MARKS[other], markersize=5, label=text, **style)
    if finite := [row for row in history if math.isfinite(row.validation_loss)]:
        _draw_mark(axes, finite[-1], _MARKS[other], color, markersize=5)
    if run.behind:
        return
    _draw_band(axes, run, color)
    if best and best.epoch == 0:
        axes.plot([1, len(history)], [best.validation_loss] * 2, color=color, linestyle=":")
    elif best:
        _draw_mark(axes, best, "o", color, markerfacecolor="none", markersize=9)
    _draw_restores(axes, history)


def _draw_curve(axes: Any, losses: list[float], **style: Any) -> None:
    """Draw a curve, with a dot for each finite loss between two that are not finite."""
    axes.plot(range(1, len(losses) + 1), losses, clip_on=False, **style)
    finite = [False, *map(math.isfinite, losses), False]
    single = [i for i in range(1, len(finite) - 1) if finite[i] and not finite[i - 1] and not finite[i + 1]]
    if single:
        axes.plot(single, [losses[i - 1] for i in single], ".", color=style["color"], clip_on=False)


def _draw_mark(axes: Any, row: Epoch, mark: str, color: str, **style: Any) -> None:
    axes.plot(row.epoch, row.validation_loss, mark, color=color, clip_on=False, **style)


def _draw_band(axes: Any, run: _Run, color: str) -> None:
    if run.band:
        axes.fill_between(range(1, len(run.history) + 1), *run.band, color=color, alpha=0.2, linewidth=0)


def _draw_restores(axes: Any, history: History, label: str | None = None) -> None:
    """Draw a triangle for each restore, and a line down to the best loss and back to the epoch that has it."""
    restored = [row for row in history if row.restored]
    # the lines to the best epochs, as one curve with gaps, because many single lines are slow to draw
    points: list[tuple[float, float]] = []
    for row in restored:
        if row.best_epoch and math.isfinite(row.validation_loss):
            # beside the curve, so that the line is visible if the best epoch is the previous one
            best = row.best_epoch, row.best_loss
            points += [(row.epoch, row.validation_loss), (row.epoch, row.best_loss), best, (math.nan, math.nan)]
    if points:
        axes.plot(*zip(*points, strict=True), color=RESTORE, linewidth=1.3, clip_on=False)
    if restored:
        top = axes.get_ylim()[1]
        heights = [row.validation_loss if math.isfinite(row.validation_loss) else top for row in restored]
        style = {"color": RESTORE, "markerfacecolor": "none", "clip_on": False, "label": label}
        axes.plot(history.restored_epochs, heights, "^", **style)


# ---------------------------------------------------------------- scales, as in trainers/widgets/plot.js


def loss_limits(losses: Sequence[float], *, log: bool) -> tuple[float, float]:
    """Return the ends of an axis that shows these losses."""
    if not losses:
        return 0.0, 1.0
    low, high = min(losses), max(losses)
    # nearly equal losses: widen the range until tick labels differ
    least = 1e-3 * (max(abs(low), abs(high)) or 1)
    if high - low < least:
        low, high = (high + low - least) / 2, (high + low + least) / 2
    if log and low > 0:
        return low / (high / low) ** 0.06, high * (high / low) ** 0.06
    margin = 0.06 * (high - low)
    return max(low - margin, 0) if low >= 0 else low - margin, high + margin


def ticks(low: float, high: float, wanted: int, least: float = 0.0) -> list[float]:
    """Return about `wanted` ticks, spaced by 1, 2 or 5 times a power of ten and by at least `least`."""
    rough = max((high - low) / wanted, least)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, wanted: int) -> list[float]:
    """Return at most `wanted` multiples of powers of ten: six for each power, else 1, 2 and 5, else only powers."""
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    found: list[float] = []
    for multiples in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
        every = math.ceil(len(powers) / wanted) if multiples == (1,) else 1
        found = [m * 10.0**power for power in powers[::every] for m in multiples]
        found = [value for value in found if low <= value <= high]
        if len(found) <= wanted:
            break
    return found if len(found) > 1 else ticks(low, high, wanted)


def loss_labels(values: Sequence[float], limits: tuple[float, float], *, log: bool) -> list[str]:
    """Return labels with as many digits as distinguish the ticks; with exponents if these are shorter."""
    # over many decades, all long labels have exponents
    room = 4 if log and limits[1] / limits[0] > 1e4 else 5
    return [_labels([value], room)[0] for value in values] if log else _labels(values, 7)


def _labels(values: Sequence[float], room: int) -> list[str]:
    step = values[1] - values[0] if len(values) > 1 else abs(values[0]) / 1e4
    plain, powers = [], []
    for value in values:
        digits = min(max(math.ceil(math.log10(abs(value) / step) - 1e-9), 0), 100) if value else 0
        mantissa, power = f"{value:.{digits}e}".split("e")
        plain.append(np.format_float_positional(float(f"{mantissa}e{power}"), trim="-"))
        short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        powers.append(f"{short}e{int(power)}" if value else "0")
    # a decimal point is narrow
    longest, shortest = (max(len(text.replace(".", "")) for text in texts) for texts in (plain, powers))
    return plain if longest <= max(room, shortest) else powers


# ---------------------------------------------------------------- words


def _describe(history: History, name: str | None = None) -> str:
    if not history:
        return f"The run {name!r} has no epoch yet." if name else "An empty loss plot: no epoch trained yet."
    text = f"Training and validation loss of the run {name or history.name!r} over {many(len(history), 'epoch')}"
    if history.best:
        where = f"in epoch {history.best.epoch}" if history.best.epoch else "at the start"
        text += f"; the lowest validation loss is {four_digits(history.best.validation_loss)} {where}"
    else:
        text += "; no validation loss is finite"
    n = len(history.restored_epochs)
    return text + f"; the best weights were {'restored ' + many(n, 'time') if n else 'never restored'}."
