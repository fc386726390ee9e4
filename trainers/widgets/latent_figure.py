"""`plot_latent`: the latent space as a static picture, with the chosen sequence beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trainers.plotting import TEXT, Figure, as_label

# Okabe and Ito's colours, the light ones darkened until they have contrast 3 to white and to black alike.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#C06A9B", "#B5790A", "#7f7f7f", "#3D92C9", "#948A00")
# latent_drawing.js has the same shapes in the same order. Seven and eight: no two of 56 classes look alike.
SHAPES = ("o", "s", "^", "D", "v", "P", "*")
_WORDS = ("circles", "squares", "triangles", "diamonds", "triangles upside down", "crosses", "stars")


@dataclass(frozen=True)
class Kind:
    """A class of points on the map: its name, its look, and which points are of it."""

    name: str
    color: str
    shape: int
    members: np.ndarray


def plot_latent(
    places: np.ndarray,
    axes_names: tuple[str, str],
    kinds: list[Kind],
    selected: int | None = None,
    sequence: np.ndarray | None = None,
    reconstruction: np.ndarray | None = None,
) -> Figure:
    """Draw the map and, if one is selected, that sequence beside it.

    Parameters
    ----------
    places : array, shape (n, 2)
    axes_names : tuple of two str
    kinds : list of Kind
        The classes; small ones are drawn over large ones.
    selected : int, optional
        Is marked.
    sequence, reconstruction : array, shape (time, feature), optional
        The selected one's.

    Returns
    -------
    Figure
    """
    figure = Figure("map of the latent space", figsize=(9, 4.2))
    features = 0 if sequence is None else sequence.shape[1]
    grid = figure.add_gridspec(max(1, features), 2 if features else 1, width_ratios=[3, 2] if features else None)
    _draw_map(figure.plain_axes(grid[:, 0]), places, kinds, selected)
    figure.axes[0].set(xlabel=as_label(axes_names[0]), ylabel=as_label(axes_names[1]))
    named = [kind for kind in kinds if kind.name]
    if named:
        figure.legend(loc="outside upper center", frameon=False, labelcolor=TEXT, ncols=3, markerscale=2)
    words = ", ".join(f"{len(kind.members):,} {kind.name} ({_WORDS[kind.shape]})" for kind in named)
    figure.alt = f"Map of {len(places):,} sequences by {axes_names[0]} and {axes_names[1]}{': ' * bool(words)}{words}."
    if selected is not None:
        kind = next(kind for kind in kinds if selected in kind.members)
        name = f"sequence {selected}{', ' * bool(kind.name)}{kind.name}"
        figure.alt += f" Ringed is {name}"
        if sequence is not None:
            axes = [figure.plain_axes(grid[feature, 1]) for feature in range(features)]
            _draw_sequence(axes, sequence, reconstruction, kind.color)
            axes[0].set_title(as_label(name), color=TEXT, fontsize="medium")
            figure.alt += f", drawn beside it{' with its reconstruction' * (reconstruction is not None)}"
        figure.alt += "."
    return figure


def _legend(name: str, count: int) -> str | None:
    return f"{as_label(name)} ({count:,})" if name else None


def _draw_map(axes: Any, places: np.ndarray, kinds: list[Kind], selected: int | None) -> None:
    # The largest class first, so that the rare ones lie on top; the fewer, the larger.
    for kind in sorted(kinds, key=lambda kind: -len(kind.members)):
        count = len(kind.members)
        axes.scatter(
            *places[kind.members].T, s=float(np.clip(12_000 / count, 9, 25)), marker=SHAPES[kind.shape],
            color=kind.color, alpha=0.6, linewidths=0.5, label=_legend(kind.name, count),
        )  # fmt: skip
    if selected is not None:
        # Black in white, to be found on any ground.
        for color, width in (("white", 5), ("black", 2)):
            axes.plot(*places[selected], "o", markersize=13, color=color, fillstyle="none", markeredgewidth=width)


def _draw_sequence(strips: list[Any], sequence: np.ndarray, reconstruction: np.ndarray | None, color: str) -> None:
    for feature, axes in enumerate(strips):
        axes.plot(sequence[:, feature], color=color, label="sequence")
        if reconstruction is not None:
            axes.plot(reconstruction[:, feature], color=TEXT, linestyle="--", label="reconstruction")
        axes.tick_params(labelbottom=axes is strips[-1])
    strips[-1].set_xlabel("time step")
