"""`plot_series`: a long series with its events and its score, whole and, beside it, at the highest-scoring event."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Series
from trainers.plotting import RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label
from trainers.widgets.series_data import extremes, when
from trainers.widgets.series_events import Events, in_words, many

# The colour of what was found, and of the threshold that found it; the page has the same.
FOUND = "#AA4499"
# More lanes cannot be read in one picture.
MOST_LANES = 6
# As many steps are drawn as a picture has columns, and a few.
COLUMNS = 3000


def plot_series(
    series: Series,
    scores: np.ndarray | None = None,
    threshold: float | None = None,
    found: Events | None = None,
    reconstruction: np.ndarray | None = None,
) -> Figure:
    """Draw the series, its score below it, true events on a green ground, found ones as hatched bars above.

    Parameters
    ----------
    series : Series
        Of its features the first 6 are drawn.
    scores : array, shape (time,), optional
        Higher is more anomalous.
    threshold : float, optional
        A line in the score.
    found : list of (start, end), optional
        In order, the end not included.
    reconstruction : array, shape (time, feature), optional
        Dashed; NaN where there is none.

    Returns
    -------
    Figure
        Left the whole, right the event with the highest score; `alt` says it in words.
    """
    true = None if series.labels is None else series.events
    lanes = min(series.n_features, MOST_LANES)
    rows = lanes + (scores is not None)
    event = top_event(true, found, scores)
    figure = Figure(f"{series.name}: {in_words(true, found)}", figsize=(9, 1.1 + 1.35 * rows))
    parts = [(0, len(series), "whole series")]
    if event is not None:
        parts.append((*around(event, len(series)), f"steps {event[0]:,} to {event[1] - 1:,}"))
    grid = figure.add_gridspec(rows, len(parts), width_ratios=[2, 1][: len(parts)])
    for column, (start, end, title) in enumerate(parts):
        first = None
        for row in range(rows):
            first = axes = figure.plain_axes(grid[row, column], sharex=first)
            steps = np.arange(start, end)
            _mark_events(axes, true, found if row == 0 else None, start, end)
            if row < lanes:
                rebuilt = None if reconstruction is None else reconstruction[start:end, row]
                # Over the whole, dashes would lie so close that they hide the signal.
                _draw_lane(axes, steps, series.values[start:end, row], rebuilt, behind=column == 0)
                axes.set_ylabel(as_label(series.feature_names[row]) if column == 0 and lanes > 1 else "", color=TEXT)
            else:
                assert scores is not None
                _draw(axes, steps, scores[start:end], color=TEXT, linewidth=1)
                axes.set_ylabel("score" if column == 0 else "")
                if threshold is not None:
                    axes.axhline(threshold, color=FOUND, linestyle="-.", linewidth=1.2)
            axes.tick_params(labelbottom=row == rows - 1)
            axes.locator_params(axis="y", nbins=4)
            axes.locator_params(axis="x", nbins=6 if column == 0 else 3)
            axes.set_title(title if row == 0 else "", color=TEXT, fontsize="medium", pad=20)
            axes.set_xlim(start - 0.5, end - 0.5)
        axes.set_xlabel("time step")
    _legend(figure, true, found, threshold, reconstruction)
    figure.alt = _alt(series, true, found, threshold, event)
    return figure


def top_event(true: Events | None, found: Events | None, scores: np.ndarray | None) -> tuple[int, int] | None:
    """The found event with the highest score; without one, the true event; without one, the highest step."""
    for events in (found, true):
        if events:
            return events[0] if scores is None else max(events, key=lambda event: scores[event[0] : event[1]].max())
    if scores is None:
        return None
    step = int(scores.argmax())
    return step, step + 1


def around(event: tuple[int, int], length: int) -> tuple[int, int]:
    """A part of the series with an event in its middle third.

    >>> around((100, 200), 1000), around((0, 10), 1000)
    ((0, 300), (0, 60))
    """
    margin = max(50, event[1] - event[0])
    return max(0, event[0] - margin), min(length, event[1] + margin)


def _draw_lane(axes: Any, steps: np.ndarray, values: np.ndarray, rebuilt: np.ndarray | None, *, behind: bool) -> None:
    _draw(axes, steps, values, color=TRAIN, linewidth=1, zorder=2)
    if rebuilt is not None:
        _draw(axes, steps, rebuilt, color=VALIDATION, linewidth=1, linestyle="--", zorder=1.9 if behind else 2.1)


def _draw(axes: Any, steps: np.ndarray, values: np.ndarray, **look: Any) -> None:
    stride = max(1, len(values) // COLUMNS)
    thinned = extremes(values[:, None], stride)[:, 0] if stride > 1 else values
    axes.plot(steps[::stride][: len(thinned)], thinned[: len(steps[::stride])], **look)


def _mark_events(axes: Any, true: Events | None, found: Events | None, start: int, end: int) -> None:
    least = (end - start) / 400  # else one step of a million cannot be seen
    shown = [event for event in true or [] if event[0] < end and event[1] > start]
    for a, b in shown:
        axes.axvspan(a - 0.5, max(b - 0.5, a + least), color=RESTORE, alpha=0.25, linewidth=0)
    bars = [(a - 0.5, max(b - a, least)) for a, b in found or [] if a < end and b > start]
    if bars:
        # Above the axes' frame, where no curve is.
        axes.broken_barh(
            bars, (1.02, 0.12), transform=axes.get_xaxis_transform(), clip_on=False,
            facecolor="none", edgecolor=FOUND, hatch="/////", linewidth=0.8,
        )  # fmt: skip


def _legend(figure: Figure, true: Any, found: Any, threshold: float | None, rebuilt: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[Any] = [Line2D([], [], color=TRAIN, label="signal")]
    if rebuilt is not None:
        entries.append(Line2D([], [], color=VALIDATION, linestyle="--", label="reconstruction"))
    if true:
        entries.append(Patch(color=RESTORE, alpha=0.25, label="true event"))
    if found:
        entries.append(Patch(facecolor="none", edgecolor=FOUND, hatch="/////", label="found event"))
    if threshold is not None:
        entries.append(Line2D([], [], color=FOUND, linestyle="-.", label=f"threshold {threshold:.4g}"))
    figure.legend(handles=entries, loc="outside upper center", ncols=5, frameon=False, labelcolor=TEXT)


def _alt(series: Series, true: Any, found: Any, threshold: float | None, event: tuple[int, int] | None) -> str:
    text = f"{series.name}, {many(len(series), 'step')} of {many(series.n_features, 'feature')}"
    text += f", with a score and its threshold {threshold:.4g}" if threshold is not None else ""
    text += f"; {in_words(true, found)}."
    if event is None:
        return text
    at = when(series, event[0])
    what = "the found event with the highest score" if found else "a true event" if true else "the highest score"
    return f"{text} Right: {what}, from step {event[0]:,} to {event[1] - 1:,}" + (f" ({at})." if at else ".")
