"""Drawings of lesson 2: an LSTM cell, and an autoencoder over the steps of a sequence."""

from __future__ import annotations

from typing import Any

from matplotlib.patches import FancyBboxPatch

from trainers.plotting import RECONSTRUCTION, RESTORE, TEXT, TRAIN, Figure


def _canvas(figure: Figure, width: float, height: float) -> Any:
    """Return axes without a frame, whose units are equal in both directions."""
    axes = figure.plain_axes(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.set_axis_off()
    return axes


def _box(axes: Any, x: float, y: float, text: str, color: str = TEXT, size: tuple[float, float] = (1.0, 0.7)) -> None:
    """Draw a box with its centre at (x, y)."""
    width, height = size
    corner = x - width / 2, y - height / 2
    axes.add_patch(
        FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.12", fc="none", ec=color, lw=1.5)
    )
    axes.text(x, y, text, ha="center", va="center", color=color, fontsize=8.5)


def _circle(axes: Any, x: float, y: float, sign: str) -> None:
    """Draw an operation on two vectors, number by number."""
    axes.plot(x, y, "o", markersize=17, fillstyle="none", color=TEXT, markeredgewidth=1.5)
    axes.text(x, y, sign, ha="center", va="center", color=TEXT, fontsize=12)


def _arrow(axes: Any, *points: tuple[float, float], color: str = TEXT) -> None:
    """Draw a line through points, with a head at the last one."""
    axes.plot(*zip(*points, strict=True), color=color, linewidth=1.3, solid_capstyle="butt")
    axes.annotate(
        "", points[-1], points[-2], arrowprops={"arrowstyle": "-|>", "color": color, "shrinkA": 0, "shrinkB": 0}
    )


def plot_lstm_cell() -> Figure:
    """Draw one step of an LSTM: the gates, the cell state and the hidden state.

    Returns
    -------
    Figure
    """
    figure = Figure("one step of an LSTM", figsize=(8, 4))
    axes = _canvas(figure, 10.4, 5)
    _box(axes, 5.2, 2.45, "", size=(7.4, 4.0))
    # cell state
    memory, bus = 3.8, 0.95
    _arrow(axes, (0.75, memory), (2.5, memory))
    _arrow(axes, (2.9, memory), (4.9, memory))
    _arrow(axes, (5.3, memory), (9.9, memory))
    _circle(axes, 2.7, memory, "×")
    _circle(axes, 5.1, memory, "+")
    # input of the four sums
    axes.plot((0.75, 7.5), (bus, bus), color=TEXT, linewidth=1.3)
    axes.plot((1.9, 1.9), (0.1, bus), color=TEXT, linewidth=1.3)
    boxes = ((2.7, "f = σ(…)", TRAIN), (4.3, "i = σ(…)", TRAIN), (5.9, "g = tanh(…)", RECONSTRUCTION))
    for x, name, color in (*boxes, (7.5, "o = σ(…)", TRAIN)):
        _arrow(axes, (x, bus), (x, 1.35))
        _box(axes, x, 1.7, name, color, size=(1.5, 0.7))
    # forget
    _arrow(axes, (2.7, 2.05), (2.7, 3.6))
    # add
    _arrow(axes, (4.3, 2.05), (4.3, 2.8), (4.9, 2.8))
    _arrow(axes, (5.9, 2.05), (5.9, 2.8), (5.3, 2.8))
    _circle(axes, 5.1, 2.8, "×")
    _arrow(axes, (5.1, 3.0), (5.1, 3.6))
    # output
    _arrow(axes, (8.4, memory), (8.4, 3.45))
    _box(axes, 8.4, 3.2, "tanh", size=(0.8, 0.5))
    _arrow(axes, (8.4, 2.95), (8.4, 2.6))
    _arrow(axes, (7.5, 2.05), (7.5, 2.4), (8.2, 2.4))
    _circle(axes, 8.4, 2.4, "×")
    _arrow(axes, (8.4, 2.2), (8.4, bus), (9.9, bus))
    for x, y, text in (
        (0.25, memory, "$c_{t-1}$"), (0.25, bus, "$h_{t-1}$"), (2.2, 0.25, "$x_t$"), (10.2, memory, "$c_t$"),
        (10.2, bus, "$h_t$"),
    ):  # fmt: skip
        axes.text(x, y, text, ha="center", va="center", color=TEXT, fontsize=12)
    for x, y, text in ((2.85, 2.75, "keep"), (5.25, 3.3, "add"), (7.25, 2.65, "output")):
        axes.text(x, y, text, ha="left", va="center", color=TEXT, fontsize=9, style="italic")
    figure.alt = (
        "One step of an LSTM. The cell state c runs along the top. The forget gate f multiplies it; the product of the "
        "input gate i and the candidate g is added to it. The output gate o multiplies tanh of the new cell state and "
        "gives the hidden state h. All four boxes read the input x and the previous hidden state."
    )
    return figure


def plot_autoencoder(steps: int = 140, latent: int = 16) -> Figure:
    """Draw an LSTM autoencoder over the steps of a sequence.

    Parameters
    ----------
    steps : int, default 140
        Time steps of a sequence.
    latent : int, default 16
        Numbers in the latent vector.

    Returns
    -------
    Figure
    """
    figure = Figure("an LSTM autoencoder over the steps of a sequence", figsize=(9, 3.6))
    axes = _canvas(figure, 13.6, 5.1)
    middle, places = 2.6, (0.8, 2.2, 4.5)
    names = "1", "2", str(steps)
    for side, color, shift in (("encoder", TRAIN, 0.0), ("decoder", RECONSTRUCTION, 8.3)):
        for x, name in zip(places, names, strict=True):
            _box(axes, x + shift, middle, "LSTM", color)
            if side == "encoder":
                _arrow(axes, (x, 1.55), (x, middle - 0.35))
                axes.text(x, 1.3, f"$x_{{{name}}}$", ha="center", va="center", color=TEXT, fontsize=12)
            else:
                _arrow(axes, (x + shift, 1.3), (x + shift, middle - 0.35), color=RESTORE)
                _arrow(axes, (x + shift, middle + 0.35), (x + shift, 3.65))
                axes.text(
                    x + shift, 3.95, rf"$\hat{{x}}_{{{name}}}$", ha="center", va="center", color=TEXT, fontsize=12
                )
                axes.text(x + shift, 0.9, f"step {name}", ha="center", va="center", color=TEXT, fontsize=9)
        _arrow(axes, (places[0] + shift + 0.5, middle), (places[1] + shift - 0.5, middle))
        _arrow(axes, (places[1] + shift + 0.5, middle), (3.1 + shift, middle))
        axes.text(3.35 + shift, middle, "…", ha="center", va="center", color=TEXT, fontsize=14)
        _arrow(axes, (3.6 + shift, middle), (places[2] + shift - 0.5, middle))
        axes.text(2.65 + shift, 4.7, side, ha="center", va="center", color=color, fontsize=12)
    # bottleneck
    _arrow(axes, (5.0, middle), (5.75, middle))
    axes.text(5.4, middle + 0.4, f"$h_{{{steps}}}$", ha="center", va="center", color=TEXT, fontsize=10)
    _box(axes, 6.2, middle, "$z$", RESTORE, size=(0.5, 1.5))
    axes.text(6.2, 4.0, f"latent vector:\n{latent} numbers", ha="center", va="center", color=RESTORE, fontsize=9)
    # the latent vector goes to each step of the decoder
    axes.plot((6.2, 6.2, places[2] + 8.3), (middle - 0.75, 1.3, 1.3), color=RESTORE, linewidth=1.3)
    axes.text(2.65, 0.9, f"input: {steps} numbers", ha="center", va="center", color=TEXT, fontsize=9)
    figure.alt = (
        f"An LSTM autoencoder. The encoder reads the {steps} numbers of a sequence, one at each step. Its last hidden "
        f"state becomes the latent vector z, {latent} numbers. The decoder receives z at each of its {steps} steps, "
        "with the number of the step, and outputs one reconstructed number at each."
    )
    return figure
