"""`SeriesViewer`: look through a long series, its events, its score and the threshold on it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import traitlets

from data import Series
from data.data_set import as_array
from data.series import runs
from trainers.checks import as_threshold
from trainers.plotting import RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label
from trainers.widgets.base import PicturedWidget
from trainers.widgets.export import SHARED, read_assets

# A page is sent so many steps, and so many values of all features together, at most.
MOST_STEPS, MOST_VALUES = 2_000_000, 8_000_000
# The colour of what was found, and of the threshold that found it; the page has the same.
FOUND = "#AA4499"
# More lanes cannot be read in one picture.
MOST_LANES = 6
# As many steps are drawn as a picture has columns, and a few.
COLUMNS = 3000

Events = list[tuple[int, int]]


class SeriesViewer(PicturedWidget):
    """A long series in a notebook: zoom, pan, jump from event to event, drag the threshold.

    On top the signal, one lane for each feature, with its reconstruction dashed over it; between
    signal and score two rows, the true events (filled) and the found ones (hatched), each with a
    word where there is room: found, missed, false alarm; below the score with its threshold; at
    the bottom the whole series, with the visible part as a handle. Wheel, buttons and keys zoom,
    the mouse drags, and `threshold` follows the page and the page follows it.

    A true event counts as found when a found event has a step in common with it; a found event
    that has none in common with any true one is a false alarm.

    Up to 2 million steps (and 8 million values) go to the page as they are. Of a longer series it
    gets the lowest and highest values and the highest scores of so many steps, and says so; then
    its events are exact to that many steps, while `found` and `figure` here stay exact.

    Parameters
    ----------
    series : Series or array, shape (time, feature) or (time,)
        NaN is a missing value, a gap in the curve. Its labels are the true events; its `time` or
        its sampling rate makes the axis.
    scores : array, shape (time,), optional
        One finite number for each step; higher is more anomalous.
    threshold : float, optional
        A step with a score above it is found. Needs `scores`.
    found : list of (start, end), optional
        The found events in time steps, the end not included. Default: the runs of steps with a
        score above the threshold. They give way to these when the threshold is changed.
    reconstruction : array, shape (time, feature) or (time,), optional
        What a model makes of the series; NaN where there is none.

    Attributes
    ----------
    threshold : float or None
        Synchronised: assign it and the page follows, drag the line and it follows.
    series : Series
        What is shown.
    scores : numpy.ndarray, shape (time,), or None
        float64.

    Raises
    ------
    TypeError, ValueError
        If the parts do not fit the series, a score or the threshold is not finite, or an event
        lies outside of the series.

    Examples
    --------
    >>> from data import Series
    >>> pulse = Series([0.1, 0.2, 9.0, 8.0, 0.1, 0.3], labels=[0, 0, 1, 1, 0, 0], name="pulse")
    >>> viewer = SeriesViewer(pulse, scores=abs(pulse.values[:, 0]), threshold=5.0)
    >>> viewer
    <SeriesViewer of 'pulse', 6 steps; 1 true event: 1 found, 0 missed; 0 false alarms>
    >>> viewer.threshold = 0.15
    >>> viewer.found
    [(1, 4), (5, 6)]
    """

    _files = (*SHARED, "series_viewer.css", "series_plot.js", "series_viewer.js")
    _key = "series"
    _esm = read_assets(_files, ".js")
    _css = read_assets(_files, ".css")
    threshold = traitlets.Any(None, allow_none=True).tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _given: Any = traitlets.List(None, allow_none=True).tag(sync=True)
    _values = traitlets.Bytes().tag(sync=True)
    _scores = traitlets.Bytes().tag(sync=True)
    _reconstruction = traitlets.Bytes().tag(sync=True)
    _times = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        series: Any,
        scores: Any = None,
        *,
        threshold: float | None = None,
        found: Any = None,
        reconstruction: Any = None,
    ) -> None:
        self.series = series = Series.of(series)
        self.scores = _fitting(scores, "scores", (len(series),), "<f8")
        self.reconstruction = _fitting(reconstruction, "reconstruction", series.values.shape, "<f4", gaps=True)
        stride = stride_of(series)
        about, times = clock(series, stride)
        facts = {"name": series.name, "length": len(series), "stride": stride, "features": series.feature_names}
        super().__init__(
            threshold=threshold,
            _given=None if found is None else as_events(found, len(series)),
            _facts={**facts, "clock": about, "true": _true_events(series)},
            _values=_packed(series.values, stride),
            _reconstruction=b"" if self.reconstruction is None else _packed(self.reconstruction, stride),
            # Not in 32 bits, where a score at the threshold could end up above it.
            _scores=b"" if self.scores is None else highest(self.scores, stride).tobytes(),
            _times=times,
        )

    @property
    def found(self) -> Events | None:
        """The found events, (start, end) with the end not included; None if nothing says what was found."""
        if self._given is not None:
            return [(start, end) for start, end in self._given]
        if self.scores is None or self.threshold is None:
            return None
        return runs(self.scores > self.threshold)

    @property
    def figure(self) -> Figure:
        """A static picture, the whole and the highest-scoring event; `savefig` writes it as PNG or SVG."""
        return plot_series(self)

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: dict[str, Any]) -> float | None:
        value = proposal["value"]
        if value is None:
            return None
        if self.scores is None:
            raise ValueError(f"threshold needs scores, got {value!r} without any. Give scores=… too.")
        return as_threshold(value)

    @traitlets.observe("threshold")
    def _forget_given(self, change: dict[str, Any]) -> None:
        # Not at construction, where both are given together.
        if self._given is not None and self.comm is not None:
            self._given = None

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        names = ("facts", "threshold", "given", "values", "scores", "reconstruction", "times")
        data = {name: getattr(self, name if name == "threshold" else f"_{name}") for name in names}
        return self.series.name, {**data, "alt": self._summary()}

    def _summary(self) -> str:
        return f"{many(len(self.series), 'step')}; {describe_events(_true_events(self.series), self.found)}"

    def __repr__(self) -> str:
        return f"<SeriesViewer of {self.series.name!r}, {self._summary()}>"


# ---------------------------------------------------------------------- what a viewer takes


def _fitting(values: Any, name: str, shape: tuple[int, ...], dtype: str, *, gaps: bool = False) -> np.ndarray | None:
    """`values`, if there are any, as finite numbers of this shape, NaN only where there may be gaps, or an error."""
    if values is None:
        return None
    array = as_array(values, name)
    array = array[:, None] if array.ndim == 1 and len(shape) == 2 else array
    if array.shape != shape or array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be numbers of shape {shape}, as the series, got {array.dtype}, {array.shape}.")
    with np.errstate(over="ignore"):
        fitting = array.astype(dtype)
    bad = np.isinf(fitting) if gaps else ~np.isfinite(fitting)
    if bad.any():
        at = f"got {array[bad][0]} at step {np.argwhere(bad)[0, 0]}. Fill it by np.nan_to_num."
        raise ValueError(f"{name} must be finite {fitting.dtype}{' or NaN' * gaps}, {at}")
    return fitting


def as_events(found: Any, length: int) -> Events:
    """`found` in order, checked: integer steps within the series, none twice."""
    events = sorted(map(_as_event, found if isinstance(found, Iterable) else [found]))
    for (_, before), (start, end) in pairwise([(0, 0), *events]):
        if not before <= start < end <= length:
            raise ValueError(f"found must be separate events, 0 <= start < end <= {length}, got {start, end}.")
    return events


def _as_event(event: Any) -> tuple[int, int]:
    with suppress(TypeError, ValueError):
        start, end = event
        if all(float(step).is_integer() and not isinstance(step, bool | np.bool_ | str) for step in event):
            return int(start), int(end)
    raise TypeError(f"found must be a list of (start, end) in integer time steps, got {event!r:.60}.")


# ---------------------------------------------------------------------- events


def _true_events(series: Series) -> Events | None:
    return None if series.labels is None else series.events


def touched(events: Events, others: Events) -> list[bool]:
    """For each event whether it has a step in common with one of the others.

    Parameters
    ----------
    events, others : list of (start, end)
        In order and apart from each other; the end not included.

    Returns
    -------
    list of bool
        One for each of the events.

    Examples
    --------
    >>> touched([(2, 5), (9, 12)], [(4, 6), (7, 8)])
    [True, False]
    """
    (starts, ends), (other_starts, other_ends) = (np.array(each, int).reshape(-1, 2).T for each in (events, others))
    begun, over = np.searchsorted(other_starts, ends), np.searchsorted(other_ends, starts, side="right")
    return (begun > over).tolist()


def describe_events(true: Events | None, found: Events | None) -> str:
    """How many events there are and how many were found.

    >>> describe_events([(2, 5), (9, 12)], [(4, 6)])
    '2 true events: 1 found, 1 missed; 0 false alarms'
    >>> describe_events(None, [(4, 6)])
    '1 event found'
    """
    if true is None:
        return "no events known" if found is None else f"{many(len(found), 'event')} found"
    if found is None:
        return many(len(true), "true event")
    hits, false = sum(touched(true, found)), many(touched(found, true).count(False), "false alarm")
    return f"{many(len(true), 'true event')}: {hits} found, {len(true) - hits} missed; {false}"


def many(number: int, what: str) -> str:
    """A number with its noun, in thousands.

    >>> many(1, "step"), many(7500, "step")
    ('1 step', '7,500 steps')
    """
    return f"{number:,} {what}{'s' * (number != 1)}"


# ---------------------------------------------------------------------- what the page gets


def stride_of(series: Series) -> int:
    """How many steps stand behind one that the page gets: 1, unless the series is too long for it."""
    return max(1, -(-len(series) // MOST_STEPS), -(-series.values.size // MOST_VALUES))


def _packed(values: np.ndarray, stride: int) -> bytes:
    """Feature by feature, 32-bit, as the page reads it."""
    return np.ascontiguousarray(extremes(values, stride).T, dtype="<f4").tobytes()


def extremes(values: np.ndarray, stride: int) -> np.ndarray:
    """One of `stride` steps: in turn the lowest and the highest of twice as many.

    Parameters
    ----------
    values : array, shape (time, feature)
        NaN is missing; where all are, the extreme is NaN too.
    stride : int
        1 changes nothing.

    Returns
    -------
    numpy.ndarray, shape (2 * ceil(time / stride / 2), feature), or that of `values` with stride 1
        float32. What one column of pixels spans stays what it was.

    Examples
    --------
    >>> extremes(np.array([[1.0], [5.0], [2.0], [3.0]]), 2).ravel().tolist()
    [1.0, 5.0]
    """
    if stride == 1:
        return values.astype(np.float32)
    starts = np.arange(0, len(values), 2 * stride)
    low, high = (extreme.reduceat(values, starts, axis=0) for extreme in (np.fmin, np.fmax))
    return np.stack([low, high], axis=1).reshape(-1, values.shape[1]).astype(np.float32)


def highest(scores: np.ndarray, stride: int) -> np.ndarray:
    """The highest of each `stride` scores, as float64: whatever exceeds a threshold still does.

    >>> highest(np.array([1.0, 5.0, 2.0, 3.0, 0.0]), 2).tolist()
    [5.0, 3.0, 0.0]
    """
    return np.maximum.reduceat(scores, np.arange(0, len(scores), stride))


def clock(series: Series, stride: int) -> tuple[dict[str, Any], bytes]:
    """Where the steps are in time: a kind, start and step, and each one's time if they are not even.

    Parameters
    ----------
    series : Series
        Its `time` goes before its `sampling_rate`; with neither, steps are counted.
    stride : int
        As in `extremes`.

    Returns
    -------
    dict
        ``kind`` ("step", "seconds" or "date"), ``start`` and ``delta`` of the whole series' steps
        (seconds, or milliseconds since 1970).
    bytes
        float64, one time for each step that is sent; empty where start and delta say it all.
    """
    if series.time is None:
        rate = series.sampling_rate
        return {"kind": "seconds" if rate else "step", "start": 0, "delta": 1 / rate if rate else 1}, b""
    dated = series.time.dtype.kind == "M"
    # In nanoseconds since 1970, a float64 could not tell neighbours apart.
    time = series.time.astype("M8[us]").astype(np.int64) / 1e3 if dated else series.time.astype(np.float64)
    delta = float(time[-1] - time[0]) / max(1, len(time) - 1) or 1.0
    about = {"kind": "date" if dated else "seconds", "start": float(time[0]), "delta": delta}
    even = np.abs(time - (time[0] + delta * np.arange(len(time)))).max() < 0.01 * delta
    return about, b"" if even else np.ascontiguousarray(time[::stride]).tobytes()


def when(series: Series, step: int) -> str:
    """A step's time as text; empty where steps have none.

    >>> when(Series([1.0, 2.0], sampling_rate=4.0), 1)
    '0.25 s'
    """
    if series.time is not None:
        at = series.time[step]
        return str(np.datetime_as_string(at, unit="s")).replace("T", " ") if at.dtype.kind == "M" else f"{at:g} s"
    return "" if series.sampling_rate is None else f"{step / series.sampling_rate:.4g} s"


# ---------------------------------------------------------------------- the static picture


def plot_series(viewer: SeriesViewer) -> Figure:
    """Draw the series, its score below it, true events on a green ground, found ones as hatched bars above.

    Parameters
    ----------
    viewer : SeriesViewer
        Of its features the first 6 are drawn.

    Returns
    -------
    Figure
        Left the whole, right the event with the highest score; `alt` says it in words.
    """
    series, scores, threshold = viewer.series, viewer.scores, viewer.threshold
    found, reconstruction = viewer.found, viewer.reconstruction
    true = _true_events(series)
    lanes = min(series.n_features, MOST_LANES)
    rows = lanes + (scores is not None)
    names = [*(as_label(name) if lanes > 1 else "" for name in series.feature_names[:lanes]), "score"]
    event = _top_event(true, found, scores)
    figure = Figure(f"{series.name}: {describe_events(true, found)}", figsize=(9, 1.1 + 1.35 * rows))
    parts = [(0, len(series), "whole series")]
    if event is not None:
        # The event in the middle third.
        margin = max(50, event[1] - event[0])
        start, end = max(0, event[0] - margin), min(len(series), event[1] + margin)
        parts.append((start, end, f"steps {event[0]:,} to {event[1] - 1:,}"))
    grid = figure.add_gridspec(rows, len(parts), width_ratios=[2, 1][: len(parts)])
    for column, (start, end, title) in enumerate(parts):
        for row in range(rows):
            axes = figure.plain_axes(grid[row, column])
            if row < lanes:
                _draw(axes, start, series.values[start:end, row], color=TRAIN, zorder=2, label="signal")
                if reconstruction is not None:
                    # Over the whole, dashes would lie so close that they hide the signal.
                    look = {"color": VALIDATION, "linestyle": "--", "zorder": 1.9 if column == 0 else 2.1}
                    _draw(axes, start, reconstruction[start:end, row], **look, label="reconstruction")
            elif scores is not None:
                _draw(axes, start, scores[start:end], color=TEXT)
            _mark_events(axes, true or [], (found or []) if row == 0 else [], start, end)
            if row == lanes and threshold is not None:
                look = {"color": FOUND, "linestyle": "-.", "linewidth": 1.2}
                axes.axhline(threshold, **look, label=f"threshold {threshold:.4g}")
            axes.set(xlim=(start - 0.5, end - 0.5), ylabel=names[row] if column == 0 else "")
            axes.set_title(title if row == 0 else "", fontsize="medium", pad=20)
            axes.tick_params(labelbottom=row == rows - 1)
            axes.locator_params(axis="y", nbins=4)
            axes.locator_params(axis="x", nbins=6 if column == 0 else 3)
        axes.set_xlabel("time step")
    # Once each, however many axes have it.
    labelled = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in figure.axes]
    entries = {label: handle for each in labelled for handle, label in each}
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=5, frameon=False, labelcolor=TEXT)
    with_score = f", with a score and its threshold {threshold:.4g}" if threshold is not None else ""
    what = f"{many(len(series), 'step')} of {many(series.n_features, 'feature')}{with_score}"
    figure.alt = f"{series.name}, {what}; {describe_events(true, found)}."
    if event is not None:
        what = "the found event with the highest score" if found else "a true event" if true else "the highest score"
        at = f" ({time})" if (time := when(series, event[0])) else ""
        figure.alt += f" Right: {what}, from step {event[0]:,} to {event[1] - 1:,}{at}."
    return figure


def _top_event(true: Events | None, found: Events | None, scores: np.ndarray | None) -> tuple[int, int] | None:
    """The found event with the highest score; without one, the true event; without one, the highest step."""
    if scores is None:
        return next(iter(found or true or []), None)
    step = int(scores.argmax())
    return max(found or true or [(step, step + 1)], key=lambda event: scores[slice(*event)].max())


def _draw(axes: Any, start: int, values: np.ndarray, **look: Any) -> None:
    stride = max(1, len(values) // COLUMNS)
    steps = np.arange(start, start + len(values), stride)
    drawn = values if stride == 1 else extremes(values[:, None], stride)[: len(steps), 0]
    axes.plot(steps, drawn, linewidth=1, **look)


def _mark_events(axes: Any, true: Events, found: Events, start: int, end: int) -> None:
    least = (end - start) / 400  # else one step of a million cannot be seen
    for a, b in true:
        if a < end and b > start:
            axes.axvspan(a - 0.5, max(b - 0.5, a + least), color=RESTORE, alpha=0.25, linewidth=0, label="true event")
    bars = [(a - 0.5, max(b - a, least)) for a, b in found if a < end and b > start]
    if bars:
        # Above the axes' frame, where no curve is.
        axes.broken_barh(
            bars, (1.02, 0.12), transform=axes.get_xaxis_transform(), clip_on=False,
            facecolor="none", edgecolor=FOUND, hatch="/////", linewidth=0.8, label="found event",
        )  # fmt: skip
