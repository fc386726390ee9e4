"""`SeriesViewer`: look through a long series, its events, its score and the threshold on it."""

from __future__ import annotations

import base64
import os
from typing import Any

import numpy as np
import traitlets

from data import Series
from data.series import runs
from trainers.detection._validation import as_threshold
from trainers.plotting import Figure
from trainers.widgets.page import fragment, source, write_page
from trainers.widgets.pictured_widget import PicturedWidget
from trainers.widgets.series_data import as_reconstruction, as_scores, clock, extremes, highest, stride_of
from trainers.widgets.series_events import Events, as_events, in_words, many
from trainers.widgets.series_figure import plot_series

# In the order in which they build on each other.
_FILES = (
    "larger.css", "series_viewer.css", "scales.js", "surroundings.js", "series_data.js", "series_axis.js",
    "series_draw.js", "series_words.js", "series_input.js", "series_viewer.js",
)  # fmt: skip
_BINARY = ("values", "scores", "rebuilt", "times")


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

    _esm = source(_FILES, ".js")
    _css = source(_FILES, ".css")
    threshold = traitlets.Any(None, allow_none=True).tag(sync=True)
    _facts = traitlets.Dict().tag(sync=True)
    _given: Any = traitlets.List(None, allow_none=True).tag(sync=True)
    _values = traitlets.Bytes().tag(sync=True)
    _scores = traitlets.Bytes().tag(sync=True)
    _rebuilt = traitlets.Bytes().tag(sync=True)
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
        self.scores = None if scores is None else as_scores(scores, series)
        self.reconstruction = None if reconstruction is None else as_reconstruction(reconstruction, series)
        stride = stride_of(series)
        about, times = clock(series, stride)
        super().__init__(
            threshold=threshold,
            _given=None if found is None else as_events(found, len(series)),
            _facts={
                "name": series.name,
                "length": len(series),
                "stride": stride,
                "features": series.feature_names,
                "clock": about,
                "true": None if series.labels is None else series.events,
            },
            _values=_packed(extremes(series.values, stride)),
            _rebuilt=b"" if self.reconstruction is None else _packed(extremes(self.reconstruction, stride)),
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
        return plot_series(self.series, self.scores, self.threshold, self.found, self.reconstruction)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page of one file that does all this without a kernel or a network.

        Parameters
        ----------
        path : path
            Where to; an existing file is replaced.
        """
        write_page(path, self.series.name, self._page_data(), _FILES)

    def html(self, key: str = "series") -> str:
        """The same as a piece of HTML for a page of your own.

        Parameters
        ----------
        key : str, default "series"
            Another one for each viewer in the page.

        Returns
        -------
        str
            HTML without head and body.
        """
        return fragment(self._page_data(), _FILES, key)

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: dict[str, Any]) -> float | None:
        value = proposal["value"]
        if value is None:
            return None
        if self.scores is None:
            msg = f"a threshold needs scores to lie in; got threshold {value!r} without any. Give scores=… too."
            raise ValueError(msg)
        return as_threshold(value)

    @traitlets.observe("threshold")
    def _forget_given(self, change: dict[str, Any]) -> None:
        # Not at construction, where both are given together.
        if self._given is not None and self.comm is not None:
            self._given = None

    def _page_data(self) -> dict[str, Any]:
        binary = {name: base64.b64encode(getattr(self, f"_{name}")).decode("ascii") for name in _BINARY}
        return {
            "facts": self._facts,
            "threshold": self.threshold,
            "given": self._given,
            **binary,
            "alt": self._summary(),
        }

    def _summary(self) -> str:
        true = None if self.series.labels is None else self.series.events
        return f"{many(len(self.series), 'step')}; {in_words(true, self.found)}"

    def __repr__(self) -> str:
        return f"<SeriesViewer of {self.series.name!r}, {self._summary()}>"


def _packed(values: np.ndarray) -> bytes:
    """Feature by feature, 32-bit, as the page reads it."""
    return np.ascontiguousarray(values.T, dtype="<f4").tobytes()
