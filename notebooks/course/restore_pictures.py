"""A drawing for lesson 3, *Trainers and history restore*: what one restore changes, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from trainers.plotting import RESTORE, TEXT, TRAIN, VALIDATION, Figure

# Losses of the drawing, not measured. Both runs are equal up to epoch 4, which is worse than epoch 3.
_RESTORED = (0.50, 0.41, 0.34, 0.42, 0.32)
_KEPT = (0.42, 0.35)
_BEST, _WORSE = 3, 4


def draw_restore() -> Figure:
    """Draw a run with and without a restore, and the state from which each epoch continues.

    Returns
    -------
    Figure
        Above, the validation losses; below, a table of the state after each epoch.
    """
    figure = Figure("what one restore changes", figsize=(8, 4.6))
    grid = figure.add_gridspec(2, 1, height_ratios=[2.4, 1])
    loss = figure.plain_axes(grid[0])
    state = figure.plain_axes(grid[1], sharex=loss)
    epochs = range(1, len(_RESTORED) + 1)
    loss.plot(epochs[_WORSE - 1 :], _KEPT, "--s", color=VALIDATION, markersize=5, label="without restore")
    loss.plot(epochs, _RESTORED, "-o", color=TRAIN, markersize=5, label="with restore")
    low, high = _RESTORED[_BEST - 1], _RESTORED[_WORSE - 1]
    loss.plot(_BEST, low, "o", color=TEXT, fillstyle="none", markersize=14, label="best epoch so far")
    loss.plot(_WORSE, high, "^", color=RESTORE, fillstyle="none", markersize=14, label="worse epoch: restore")
    loss.annotate(
        "", (_BEST + 0.1, low - 0.005), (_WORSE + 0.02, high - 0.02),
        arrowprops={"arrowstyle": "->", "color": RESTORE, "linewidth": 2, "connectionstyle": "arc3,rad=-0.35"},
    )  # fmt: skip
    loss.text(3.85, 0.315, "the weights\nof epoch 3", color=RESTORE, ha="center", va="center")
    loss.set(
        ylabel="validation loss",
        ylim=(0.27, 0.53),
        yticks=[],
        title="A drawing: which run ends lower is an open question",
    )
    loss.tick_params(labelbottom=False)
    figure.legend_beside(loss)
    _draw_states(state)
    figure.alt = (
        "A drawing. The validation loss falls in epochs 1 to 3 and is higher in epoch 4, which is marked with a hollow "
        "triangle. An arrow leads from there back to epoch 3. With the restore, epoch 5 begins with the weights of "
        "epoch 3, but with the optimizer state of epoch 4. Without it, epoch 5 begins with the weights of epoch 4."
    )
    return figure


def _draw_states(axes: Any) -> None:
    """Write, for each epoch, of which epoch the weights and the optimizer state are with which the run continues."""
    for epoch in range(1, len(_RESTORED) + 1):
        restored = epoch == _WORSE
        rows = f"of epoch {_BEST if restored else epoch}", f"of epoch {epoch}", f"1 to {epoch}" if epoch > 1 else "1"
        for row, text in enumerate(rows):
            marked = restored and row == 0
            color, width, weight = (RESTORE, 2, "bold") if marked else (TEXT, 0.6, "normal")
            frame = {"boxstyle": "round", "facecolor": "none", "edgecolor": color, "linewidth": width}
            axes.text(epoch, row, text, ha="center", va="center", color=color, weight=weight, bbox=frame)
    axes.set_yticks(range(3), ["weights", "optimizer state", "history"])
    axes.set(xlabel="state after the epoch, from which the next epoch begins", ylim=(2.6, -0.6))
    axes.set(xlim=(0.5, len(_RESTORED) + 0.5), xticks=range(1, len(_RESTORED) + 1))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
