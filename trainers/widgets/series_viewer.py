"""`SeriesViewer`: a viewer of a long series, its events, its score and the threshold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import traitlets
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num, num2date
from matplotlib.ticker import FixedLocator, MaxNLocator

from data import Series
from data.data_set import as_array
from data.series import runs
from data.words import many, percent
from trainers.checks import as_count, as_threshold
from trainers.plotting import ABNORMAL, FLAGGED, RECONSTRUCTION, TEXT, TRAIN, Figure, as_label
from trainers.widgets.base import PicturedWidget
from trainers.widgets.export import SHARED, read_assets

# Maximum number of steps, and of values of all features together, that are sent to a page.
MAX_STEPS, MAX_VALUES = 2_000_000, 8_000_000
# Share of flagged steps above which found events do not show that events were detected.
MUCH_FLAGGED = 0.2
# Maximum number of lanes that are readable in one picture.
MAX_LANES = 6
# About as many columns are drawn as a picture has pixels.
COLUMNS = 600

Events = list[tuple[int, int]]


class SeriesViewer(PicturedWidget):
    """Interactive viewer of a long series: zoom, pan, jump from event to event, and drag the threshold.

    From top to bottom, the viewer shows:

    - the signal, with one lane for each feature and its reconstruction as a dashed line,
    - a row of true events (filled) and a row of found events (hatched), which are labelled "found", "missed" or
      "false alarm" if there is room,
    - the score with its threshold,
    - an overview of the whole series, in which you can drag the visible part.

    Zoom with the buttons, the keys, or the mouse wheel while you hold Ctrl or ⌘, and drag with the mouse to pan. The
    attribute `threshold` and the page are synchronised in both directions.

    A true event is labelled "found" if a found event overlaps it, "not scored" if none of its steps has a score, and
    otherwise "missed". A found event that overlaps no true event is a false alarm. If many normal steps are flagged,
    these numbers do not show that events were detected, and the text above the picture says so.

    A series of up to 2 million steps and 8 million values is sent to the page unchanged. A longer series is
    downsampled: the page gets the lowest and highest values and scores of each group of steps, and shows a note. The
    positions of events in this page are accurate only to the size of a group; `found` and `figure` are exact.

    Parameters
    ----------
    series : Series or array, shape (time, feature) or (time,)
        NaN is a missing value and is drawn as a gap. The labels of a `Series` give the true events; its `time` or
        `sampling_rate` gives the time axis.
    scores : array, shape (time,), optional
        Anomaly scores; higher is more anomalous. NaN is an unscored step: it is drawn as a gap and never flagged.
    threshold : float or array, shape (time,), optional
        Steps with a score above it are flagged. Needs `scores`. If there is one threshold for each step, as in
        `Detection.threshold`, the scores are divided by it, and the threshold is 1.
    found : list of (start, end), optional
        The found events in time steps, end excluded. Default: the runs of flagged steps. If the threshold is changed,
        the runs of flagged steps replace the given events.
    reconstruction : array, shape (time, feature) or (time,), optional
        Reconstruction of the series by a model; NaN where there is none.
    training : int, default 0
        Number of steps at the beginning that a detector was trained on. The border between the training part and the
        scored part is drawn and named.

    Attributes
    ----------
    threshold : float or None
        The current threshold. Synchronised with the page; it can be set.
    series : Series
        The displayed series.
    scores : numpy.ndarray, shape (time,), or None
        float64.

    Raises
    ------
    TypeError, ValueError
        If another argument does not match the series, a score or the threshold is infinite, or an event is outside
        the series.

    Examples
    --------
    >>> from data import Series
    >>> pulse = Series([0.1, 0.2, 9.0, 8.0, 0.1, 0.3], labels=[0, 0, 1, 1, 0, 0], name="pulse")
    >>> viewer = SeriesViewer(pulse, scores=abs(pulse.values[:, 0]), threshold=5.0)
    >>> viewer
    <SeriesViewer of 'pulse', 6 steps; 1 true event: 1 found, 0 missed; 0 false alarms; 33 % of the steps flagged>
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
    _low_scores = traitlets.Bytes().tag(sync=True)
    _reconstruction = traitlets.Bytes().tag(sync=True)
    _times = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        series: Any,
        scores: Any = None,
        *,
        threshold: Any = None,
        found: Any = None,
        reconstruction: Any = None,
        training: int = 0,
    ) -> None:
        self.series = series = Series.of(series)
        self.scores = _fitting(scores, "scores", (len(series),), "<f8")
        if np.ndim(threshold) and self.scores is not None:
            thresholds = as_threshold(threshold, len(series))
            if thresholds.min() <= 0:
                raise ValueError(f"threshold must be above 0 at each step, got {thresholds.min():g}.")
            self.scores, threshold = self.scores / thresholds, 1.0
        self.reconstruction = _fitting(reconstruction, "reconstruction", series.values.shape, "<f4")
        self.training = as_count(training, "training", "the number of steps trained on", 0, len(series))
        stride = stride_of(series)
        about, times = clock(series, stride)
        facts = {"name": series.name, "length": len(series), "stride": stride, "features": shown_names(series)}
        super().__init__(
            threshold=threshold,
            _given=None if found is None else as_events(found, len(series)),
            _facts={**facts, "clock": about, "true": _true_events(series), "training": self.training},
            _values=_packed(series.values, stride),
            _reconstruction=b"" if self.reconstruction is None else _packed(self.reconstruction, stride),
            # Not 32 bits: rounding could raise a score at the threshold above it.
            _scores=b"" if self.scores is None else reduced(self.scores, stride, np.fmax).tobytes(),
            _low_scores=b"" if self.scores is None or stride == 1 else reduced(self.scores, stride, np.fmin).tobytes(),
            _times=times,
        )

    @property
    def found(self) -> Events | None:
        """The found events as (start, end), end excluded; None if neither `found` nor a threshold is given."""
        if self._given is not None:
            return [(start, end) for start, end in self._given]
        if self.scores is None or self.threshold is None:
            return None
        return runs(self.scores > self.threshold)

    @property
    def figure(self) -> Figure:
        """Static picture of the series and of the event with the highest score; `savefig` writes PNG or SVG."""
        return plot_series(self)

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: dict[str, Any]) -> float | None:
        value = proposal["value"]
        if value is None:
            return None
        if self.scores is None:
            raise ValueError(f"threshold must be given with scores, got {value!r} without scores. Give scores=… too.")
        return as_threshold(value)

    @traitlets.observe("threshold")
    def _forget_given(self, change: dict[str, Any]) -> None:
        # Not during construction, where both may be given.
        if self._given is not None and self.comm is not None:
            self._given = None

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        names = ("facts", "threshold", "given", "values", "scores", "low_scores", "reconstruction", "times")
        data = {name: getattr(self, name if name == "threshold" else f"_{name}") for name in names}
        return self.series.name, {**data, "alt": self._summary()}

    def _summary(self) -> str:
        return f"{many(len(self.series), 'step')}; {self._headline()}"

    def _headline(self) -> str:
        scored = np.ones(len(self.series), bool) if self.scores is None else ~np.isnan(self.scores)
        flagged = None if self.scores is None or self.threshold is None else self.scores > self.threshold
        return describe_events(_true_events(self.series), self.found, scored, flagged)

    def __repr__(self) -> str:
        return f"<SeriesViewer of {self.series.name!r}, {self._summary()}>"


# ---------------------------------------------------------------------- checks of arguments


def _fitting(values: Any, name: str, shape: tuple[int, ...], dtype: str) -> np.ndarray | None:
    """Return `values` as finite numbers or NaN, of this shape, or raise an error; None if None."""
    if values is None:
        return None
    array = as_array(values, name)
    array = array[:, None] if array.ndim == 1 and len(shape) == 2 else array
    if array.shape != shape or array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be numeric with shape {shape}, got {array.dtype} with shape {array.shape}.")
    with np.errstate(over="ignore"):
        converted = array.astype(dtype)
    bad = np.isinf(converted)
    if bad.any():
        got = f"got {array[bad][0]} at step {np.argwhere(bad)[0, 0]}. Use np.nan_to_num."
        raise ValueError(f"{name} must be finite {converted.dtype} numbers or NaN, {got}")
    return converted


def as_events(found: Any, length: int) -> Events:
    """Return `found` as sorted events without overlap, within the series, or raise an error."""
    events = sorted(map(_as_event, found if isinstance(found, Iterable) else [found]))
    for (_, before), (start, end) in pairwise([(0, 0), *events]):
        if not before <= start < end <= length:
            raise ValueError(f"found must be separate events with 0 <= start < end <= {length}, got {start, end}.")
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
    """Return for each event whether it shares a step with one of the others.

    Parameters
    ----------
    events, others : list of (start, end)
        Sorted and without overlap; the end is not included.

    Returns
    -------
    list of bool
        One for each of the events.

    Examples
    --------
    >>> touched([(2, 5), (9, 12)], [(4, 6), (7, 8)])
    [True, False]
    """
    return [number > 0 for number in touches(events, others)]


def touches(events: Events, others: Events) -> list[int]:
    """Return for each event how many of the others share a step with it.

    >>> touches([(2, 5), (9, 12)], [(3, 4), (4, 6), (7, 8)])
    [2, 0]
    """
    (starts, ends), (other_starts, other_ends) = (np.array(each, int).reshape(-1, 2).T for each in (events, others))
    begun, over = np.searchsorted(other_starts, ends), np.searchsorted(other_ends, starts, side="right")
    return (begun - over).tolist()


def describe_events(
    true: Events | None, found: Events | None, scored: np.ndarray, flagged: np.ndarray | None = None
) -> str:
    """Return the number of events, how many were found, and the share of the scored steps that is flagged, as text.

    If over a fifth of the steps (with true events: also over a tenth of the normal ones) is flagged, the text says that
    too much is flagged, and leaves out missed events and false alarms.

    Parameters
    ----------
    true, found : list of (start, end), or None
        Sorted and without overlap; the end is not included.
    scored : array, shape (time,), bool
        Whether each step has a score.
    flagged : array, shape (time,), bool, optional
        Whether each step is flagged. Default: the steps of the found events.

    Examples
    --------
    >>> scored = np.ones(50, dtype=bool)
    >>> describe_events([(2, 5), (9, 12)], [(4, 6)], scored)
    '2 true events: 1 found, 1 missed; 0 false alarms; 4 % of the steps flagged'
    >>> describe_events(None, [(4, 6)], scored)
    '1 event found; 4 % of the steps flagged'
    >>> describe_events([(2, 5), (9, 12)], [(0, 50)], scored)
    'everything is flagged: 100 % of the steps; true events among them: 2 of 2'
    """
    n_true = "no events given" if true is None else many(len(true), "true event")
    if found is None:
        return n_true
    if not scored.any():
        return f"{n_true}; nothing is scored" if true else "nothing is scored"
    flagged = steps_in(found, len(scored)) if flagged is None else flagged
    normal = scored & ~steps_in(true or [], len(scored))
    share, false_share = flagged[scored].mean(), flagged[normal].sum() / max(1, normal.sum())
    steps = "scored steps" if not scored.all() else "steps"
    hits = sum(touched(true or [], found))
    if share > MUCH_FLAGGED and (true is None or false_share > MUCH_FLAGGED / 2):
        much = "everything is flagged" if share == 1 else "too much is flagged"
        text = f"{much}: {percent(share)} of the {steps}"
        return text if true is None else f"{text}; true events among them: {hits} of {len(true):,}"
    if true is None:
        return f"{many(len(found), 'event')} found; {percent(share)} of the {steps} flagged"
    # Found events that join true events through more normal than abnormal steps do not separate them.
    counts = touches(found, true)
    joined = sum(n > 1 and normal[a:b].sum() * 2 > b - a for (a, b), n in zip(found, counts, strict=True))
    join = "joins" if joined == 1 else "join"
    but = f" (but {many(joined, 'found event')} {join} several true events)" if joined else ""
    unscored = sum(not hit and not scored[a:b].any() for hit, (a, b) in zip(touched(true, found), true, strict=True))
    missed = f"{len(true) - hits - unscored} missed" + f", {unscored} not scored" * bool(unscored)
    false = many(touched(found, true).count(False), "false alarm")
    return f"{n_true}: {hits} found{but}, {missed}; {false}; {percent(share)} of the {steps} flagged"


def steps_in(events: Events, length: int) -> np.ndarray:
    """Return whether each step is in an event."""
    inside = np.zeros(length, dtype=bool)
    for start, end in events:
        inside[start:end] = True
    return inside


# ---------------------------------------------------------------------- data for the page


def shown_names(series: Series) -> tuple[str, ...]:
    """Return the feature names; "value" for a single feature without a name."""
    return ("value",) if series.feature_names == ("feature 0",) else series.feature_names


def stride_of(series: Series) -> int:
    """Return the number of steps in a group; 1 unless the series is too long for the page."""
    return max(1, -(-len(series) // MAX_STEPS), -(-series.values.size // MAX_VALUES))


def _packed(values: np.ndarray, stride: int) -> bytes:
    """Return the values as 32-bit bytes, one feature after the other."""
    return np.ascontiguousarray(extremes(values, stride).T, dtype="<f4").tobytes()


def extremes(values: np.ndarray, stride: int) -> np.ndarray:
    """Downsample by `stride`: return the lowest and the highest value of each group of 2 * `stride` steps.

    Parameters
    ----------
    values : array, shape (time, feature)
        NaN is a missing value; a group without values gives NaN.
    stride : int
        1 for no downsampling.

    Returns
    -------
    numpy.ndarray, shape (2 * ceil(time / stride / 2), feature), or that of `values` with stride 1
        float32. The range of values in a pixel column does not change.

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


def reduced(scores: np.ndarray, stride: int, extreme: np.ufunc) -> np.ndarray:
    """Return the highest (`np.fmax`) or lowest (`np.fmin`) of each `stride` scores; NaN if all are NaN.

    With the highest, scores above a threshold remain above it.

    >>> reduced(np.array([1.0, 5.0, 2.0, np.nan, np.nan]), 2, np.fmax).tolist()
    [5.0, 2.0, nan]
    """
    return extreme.reduceat(scores, np.arange(0, len(scores), stride))


def clock(series: Series, stride: int) -> tuple[dict[str, Any], bytes]:
    """Return the times of the steps: kind, start and step, and the single times if they are not evenly spaced.

    Parameters
    ----------
    series : Series
        Its `time` is used, otherwise its `sampling_rate`, otherwise the number of each step.
    stride : int
        As in `extremes`.

    Returns
    -------
    dict
        ``kind`` ("step", "seconds" or "date"), ``start`` and ``delta`` of the steps of the series (in seconds, or in
        milliseconds since 1970).
    bytes
        float64, one time for each step that is sent; empty if ``start`` and ``delta`` determine them.
    """
    if (given := _times(series)) is None:
        rate = series.sampling_rate
        return {"kind": "seconds" if rate else "step", "start": 0, "delta": 1 / rate if rate else 1}, b""
    dated = given.dtype.kind == "M"
    # A float64 could not distinguish neighbouring times in nanoseconds since 1970.
    time = given.astype("M8[us]").astype(np.int64) / 1e3 if dated else given.astype(np.float64)
    delta = float(time[-1] - time[0]) / max(1, len(time) - 1) or 1.0
    about = {"kind": "date" if dated else "seconds", "start": float(time[0]), "delta": delta}
    even = np.abs(time - (time[0] + delta * np.arange(len(time)))).max() < 0.01 * delta
    return about, b"" if even else np.ascontiguousarray(time[::stride]).tobytes()


def _times(series: Series) -> np.ndarray | None:
    """Return the times of the series; of dates less than 1 µs apart, the seconds since the first."""
    time = series.time
    if time is not None and time.dtype.kind == "M" and time[-1] - time[0] < np.timedelta64(len(time) - 1, "us"):
        return (time - time[0]) / np.timedelta64(1, "s")
    return time


def when(series: Series, step: int) -> str:
    """Return the time of a step; neighbouring steps have different texts. Empty if the series has no times.

    >>> when(Series([1.0, 2.0], sampling_rate=4.0), 1)
    '0.25 s'
    >>> when(Series(np.zeros(4344), sampling_rate=1 / 3600), 4000)
    '166 d 16 h'
    """
    rate, time = series.sampling_rate, series.time
    if time is None:
        return clock_text(step / rate, 1 / rate) if rate else ""
    if time.dtype.kind != "M":
        return clock_text(float(time[step]), 1 / rate if rate else 1e-3)
    # the rate of steps of a minute may be a little above 1 / 60
    units = {"m": 58, "s": 0.9, "ms": 9e-4, "us": 9e-7, "ns": 0}
    unit: Any = next(unit for unit, size in units.items() if 1 / rate >= size) if rate else "s"
    return str(np.datetime_as_string(time[step], unit)).replace("T", " ")


def clock_text(seconds: float, delta: float = 1e-3) -> str:
    """Return seconds in everyday units, such as hours; times `delta` seconds apart have different texts.

    >>> clock_text(40.59), clock_text(7230.5), clock_text(86400), clock_text(0.0003, 1e-4)
    ('40.59 s', '2 h 30.5 s', '1 d', '0.0003 s')
    """
    digits = min(max(math.ceil(-math.log10(delta)), 3), 9)
    rest = round(abs(seconds), digits)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)) if rest >= 120 else ():
        number, rest = divmod(rest, size)
        parts += [f"{number:,.0f} {unit}"] * bool(number)
    rest = round(rest, digits)
    parts += [f"{rest:.12g} s"] * (rest > 0 or not parts)
    return "−" * (seconds < 0) + " ".join(parts)


# ---------------------------------------------------------------------- the static picture


def plot_series(viewer: SeriesViewer) -> Figure:
    """Draw the series and its score, true events with an amber background, and found events as hatched bars above.

    Parameters
    ----------
    viewer : SeriesViewer
        The first 6 features are drawn.

    Returns
    -------
    Figure
        On the left the whole series, on the right the event with the highest score; `alt` describes it.
    """
    series, scores, threshold = viewer.series, viewer.scores, viewer.threshold
    found, reconstruction, training = viewer.found, viewer.reconstruction, viewer.training
    true, headline = _true_events(series), viewer._headline()
    lanes = min(series.n_features, MAX_LANES)
    rows = lanes + (scores is not None)
    names = [*(as_label(name) for name in shown_names(series)[:lanes]), "score"]
    event = _top_event(true, found, scores)
    figure = Figure(f"{series.name}: {headline}", figsize=(9, 1.1 + 1.35 * rows))
    parts = [(0, len(series), "whole series")]
    if event is not None:
        # The event is in the middle third.
        margin = max(50, event[1] - event[0])
        start, end = max(0, event[0] - margin), min(len(series), event[1] + margin)
        parts.append((start, end, steps_text(event)))
    grid = figure.add_gridspec(rows, len(parts), width_ratios=[2, 1][: len(parts)])
    for column, (start, end, title) in enumerate(parts):
        for row in range(rows):
            axes = figure.plain_axes(grid[row, column])
            if row < lanes:
                _draw(axes, start, series.values[start:end, row], color=TRAIN, zorder=2, label="signal")
                if reconstruction is not None:
                    # In the whole series, dashes would be too dense.
                    look = {"color": RECONSTRUCTION, "linestyle": "-" if column == 0 else "--", "zorder": 2.1}
                    _draw(axes, start, reconstruction[start:end, row], **look, label="reconstruction")
            elif scores is not None:
                _draw(axes, start, scores[start:end], color=TEXT)
            _mark_events(axes, true or [], (found or []) if row == 0 else [], start, end)
            if row == lanes and threshold is not None:
                look = {"color": FLAGGED, "linestyle": "-.", "linewidth": 1.2}
                axes.axhline(threshold, **look, label=f"threshold {threshold:.3g}")
            axes.set(xlim=(start - 0.5, end - 0.5), ylabel=names[row] if column == 0 else "")
            axes.set_title(title if row == 0 else "", fontsize="medium", pad=32 if training else 20)
            if start < training < end or (column == 0 and training):
                _draw_border(axes, training, named=row == 0)
            axes.locator_params(axis="y", nbins=4)
            _label_times(axes, series, start, end, 6 if column == 0 else 3)
            axes.tick_params(labelbottom=row == rows - 1)
            axes.xaxis.label.set_visible(row == rows - 1)
    # List each label once.
    labelled = [zip(*axes.get_legend_handles_labels(), strict=True) for axes in figure.axes]
    entries = {label: handle for each in labelled for handle, label in each}
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=6, frameon=False, labelcolor=TEXT)
    with_score = f", with a score and the threshold {threshold:.3g}" if threshold is not None else ""
    n_features = many(series.n_features, "feature")
    drawn = n_features if lanes == series.n_features else f"the first {lanes} of {n_features}"
    what = f"{many(len(series), 'step')} of {drawn}{with_score}"
    border = f" The first {many(training, 'step')} are the training part." if training else ""
    figure.alt = f"{series.name}, {what}; {headline}.{border}"
    if event is not None:
        what = "the found event with the highest score" if found else "a true event" if true else "the highest score"
        at = f" ({time})" if (time := when(series, event[0])) else ""
        figure.alt += f" Right: {what}, {steps_text(event)}{at}."
    return figure


def steps_text(event: tuple[int, int]) -> str:
    """Return the steps of an event as text.

    >>> steps_text((3, 9)), steps_text((3, 4))
    ('steps 3 to 8', 'step 3')
    """
    start, end = event
    return f"step {start:,}" if end - start == 1 else f"steps {start:,} to {end - 1:,}"


def _draw_border(axes: Any, training: int, *, named: bool) -> None:
    """Draw the border between the training part, which is shaded, and the scored part; `named` adds their names."""
    axes.axvspan(axes.get_xlim()[0], training - 0.5, color=TEXT, alpha=0.12, linewidth=0, zorder=0.5)
    axes.axvline(training - 0.5, color=TEXT, linewidth=1.5, label="training | scored")
    names = [("training ", "right"), (" scored", "left")]
    for text, side in names[: 1 + (training < axes.get_xlim()[1])] if named else ():
        # above the bars of the found events
        where = axes.get_xaxis_transform()
        axes.text(training - 0.5, 1.16, text, transform=where, ha=side, va="bottom", color=TEXT, fontsize="small")


def _label_times(axes: Any, series: Series, start: int, end: int, wanted: int) -> None:
    """Label the time axis with steps, with durations in a fitting unit, or with dates."""
    steps = np.arange(start, end)
    given = _times(series)
    if (given is None and series.sampling_rate is None) or len(steps) < 2:
        axes.xaxis.set_major_locator(MaxNLocator(wanted, integer=True) if len(steps) > 1 else FixedLocator([start]))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel("time step")
        return
    times = steps / (series.sampling_rate or 1) if given is None else given[start:end]
    if times.dtype.kind == "M":
        times = date2num(times)
        locator = AutoDateLocator(minticks=2, maxticks=wanted + 1)
        ticks: Any = np.array(locator.tick_values(*num2date(times[[0, -1]])))
        formatter = ConciseDateFormatter(locator)
        labels = formatter.format_ticks(ticks)
        name = ", ".join(filter(None, ["date and time", formatter.get_offset()]))
    else:
        units = {"days": 86_400, "h": 3600, "min": 60, "s": 1}
        unit = next((unit for unit, size in units.items() if times[-1] - times[0] >= 2 * size), "s")
        times = times / units[unit]
        ticks = MaxNLocator(wanted, steps=[1, 2, 5, 10]).tick_values(times[0], times[-1])
        labels, name = [f"{tick:,.12g}" for tick in ticks], f"time ({unit})"
    inside = (ticks >= times[0]) & (ticks <= times[-1])
    axes.set_xticks(
        np.interp(ticks[inside], times, steps), [label for label, ok in zip(labels, inside, strict=True) if ok]
    )
    axes.set_xlabel(name)


def _top_event(true: Events | None, found: Events | None, scores: np.ndarray | None) -> tuple[int, int] | None:
    """Return the found event with the highest score; if there is none, a true event, or the highest-scoring step."""
    if scores is None or np.isnan(scores).all():
        return next(iter(found or true or []), None)
    step = int(np.nanargmax(scores))
    return max(
        found or true or [(step, step + 1)], key=lambda event: np.nan_to_num(scores[slice(*event)], nan=-np.inf).max()
    )


def _draw(axes: Any, start: int, values: np.ndarray, **look: Any) -> None:
    """Draw a curve; if it has more steps than pixels, as a band from the lowest to the highest value of a column."""
    stride = len(values) // COLUMNS
    if stride < 2:
        axes.plot(np.arange(start, start + len(values)), values, linewidth=1, **look)
        return
    low, high = (reduced(values, stride, extreme) for extreme in (np.fmin, np.fmax))
    steps = start + stride * np.arange(len(low))
    axes.plot(steps, high, linewidth=0.7, **look)
    axes.plot(steps, low, linewidth=0.7, **{**look, "label": None})
    if "linestyle" not in look:
        axes.fill_between(steps, low, high, color=look["color"], alpha=0.3, linewidth=0, zorder=1.8)


def _mark_events(axes: Any, true: Events, found: Events, start: int, end: int) -> None:
    least = (end - start) / 400  # otherwise one step of a million would be invisible
    for a, b in true:
        if a < end and b > start:
            axes.axvspan(a - 0.5, max(b - 0.5, a + least), color=ABNORMAL, alpha=0.25, linewidth=0, label="true event")
    bars = [(a - 0.5, max(b - a, least)) for a, b in found if a < end and b > start]
    if bars:
        # Above the frame of the axes, where no curve is drawn.
        axes.broken_barh(
            bars, (1.02, 0.12), transform=axes.get_xaxis_transform(), clip_on=False,
            facecolor="none", edgecolor=FLAGGED, hatch="/////", linewidth=0.8, label="found event",
        )  # fmt: skip
