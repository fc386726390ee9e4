"""`ThresholdExplorer`: drag a threshold and see what follows, in a notebook or in a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from data._deprecated import with_old_names
from data.data_set import is_real_number
from trainers.checks import as_labels, as_scores, as_threshold
from trainers.plotting import RESTORE, TEXT, TRAIN, VALIDATION, Figure
from trainers.widgets.base import PicturedWidget
from trainers.widgets.export import SHARED, read_assets
from trainers.widgets.sequences import classes, lighten, pictures

# The share of false alarms that the threshold begins with, where none is given.
RATE = 0.05
_BINS = 60


@with_old_names
class ThresholdExplorer(PicturedWidget):
    """A threshold to drag over the histogram of scores, with all that follows from it.

    With labels: the histograms of both sides, the confusion matrix, precision, recall, F1, false
    alarms, recall by class, the ROC and precision-recall curves with the point where the threshold
    stands, the cost of errors for given prices. Always: how many are flagged, and the
    sequences that changed sides by the last move. With hidden labels one sees what one has in
    practice: one histogram, and nothing that gives the truth away.

    Everything is computed in the page, so that a page written by `to_html` can do the same. All
    scores count, however many. A sequence is flagged if its score is *above* the threshold.
    Hidden labels are in a page all the same, for its checkbox; without labels there is nothing to find.
    A part of a page (`html`) holds fewer of the sequences to draw, evenly spread over the scores.

    Parameters
    ----------
    scores : array, shape (n,)
        The higher, the more anomalous.
    labels : array of int, shape (n,), optional
        0 is normal, anything else abnormal. Where all are of one side, there are no curves, and
        metrics that need the other side stay empty. None: as with hidden labels, always.
    threshold : float, optional
        Where to begin. Default: with calibration scores, their quantile for 5 % false alarms
        (`quantile_threshold`); else the score that 95 % of all scores do not exceed.
    class_names : sequence of str, optional
        Name of each label, from 0 on.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        Drawn where they change sides, up to four features. The page holds 2 million values at
        most; of more sequences than that, some are drawn, evenly spread over the scores.
    reconstructions : DataSet, array or tensor, of the shape of `sequences`, optional
        Drawn with them.
    hide_labels : bool, default False
        Begin with hidden labels; a checkbox shows them, and a trait.
    calibration : array, optional
        Scores of sequences known to be normal, shape (m,): their histogram, and how many of them
        would be flagged, help to set a threshold without labels.
    false_alarm_cost, miss_cost : float, optional
        Price of each error, from 0 up; both can be typed in the page.

    Attributes
    ----------
    threshold : float
        Where the line stands; may be set.
    hide_labels : bool
        May be set.
    false_alarm_cost, miss_cost : float or None
        May be set.

    Raises
    ------
    TypeError, ValueError
        If the scores are not finite numbers, or the rest does not fit them.

    Examples
    --------
    >>> explorer = ThresholdExplorer([0.1, 0.2, 0.3, 0.9], labels=[0, 0, 1, 1], threshold=0.5)
    >>> explorer.threshold = 0.25
    >>> explorer
    <ThresholdExplorer of 4 scores>
    """

    _files = (*SHARED, "threshold_explorer.css", "sequences.js", "threshold_explorer.js")
    _key = "threshold"
    _esm = read_assets(_files, ".js")
    _css = read_assets(_files, ".css")
    data = traitlets.Dict().tag(sync=True)
    # No Float, which takes NaN and refuses NumPy's float32; no Any, which takes None unchecked.
    threshold: Any = traitlets.TraitType(0.0).tag(sync=True)
    hide_labels = traitlets.Bool().tag(sync=True)
    false_alarm_cost = traitlets.Any().tag(sync=True)
    miss_cost = traitlets.Any().tag(sync=True)

    def __init__(
        self,
        scores: Any,
        labels: Any = None,
        *,
        threshold: float | None = None,
        class_names: Sequence[str] | None = None,
        sequences: Any = None,
        reconstructions: Any = None,
        hide_labels: bool = False,
        calibration: Any = None,
        false_alarm_cost: float | None = None,
        miss_cost: float | None = None,
    ) -> None:
        self.scores = _scores(scores, "scores")
        self.labels = None if labels is None else as_labels(labels, self.scores)
        self.calibration = None if calibration is None else _scores(calibration, "calibration")
        # Evenly over the ranks, so that wherever the threshold stands there is something to see.
        self._ranked = np.argsort(self.scores, kind="stable")
        data = {
            "scores": self.scores.astype("<f8").tobytes(),
            "calibration": None if self.calibration is None else self.calibration.astype("<f8").tobytes(),
            "pictures": pictures(sequences, reconstructions, self._ranked, "scores"),
            **classes(self.labels, class_names),
        }
        threshold = self._first_threshold() if threshold is None else threshold
        prices = {"false_alarm_cost": false_alarm_cost, "miss_cost": miss_cost}
        super().__init__(data=data, threshold=threshold, hide_labels=hide_labels, **prices)

    @property
    def figure(self) -> Figure:
        """A static picture of the histogram and the threshold, without the truth where labels are hidden."""
        return plot_threshold(self.scores, None if self.hide_labels else self.labels, self.threshold)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        state = {name: getattr(self, name) for name in ("threshold", "hide_labels", "false_alarm_cost", "miss_cost")}
        data = {**self.data, **state, "alt": self.figure.alt}
        if light:
            data["pictures"] = lighten(data["pictures"], self._ranked)
        return "Where to set the threshold?", data

    def _first_threshold(self) -> float:
        if self.calibration is None:
            return float(np.quantile(self.scores, 1 - RATE, method="inverted_cdf"))
        # Here, so that a widget without calibration scores does not wait for scikit-learn.
        from trainers.detection import quantile_threshold

        # Few calibration scores cannot promise that rate: their highest stands for the lowest rate they can.
        return quantile_threshold(self.calibration, rate=max(RATE, 1 / (len(self.calibration) + 1)))

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float:
        return as_threshold(proposal["value"])

    @traitlets.validate("false_alarm_cost", "miss_cost")
    def _check_price(self, proposal: Any) -> float | None:
        price = proposal["value"]
        if price is not None and (not is_real_number(price) or not 0 <= price < np.inf):
            raise ValueError(f"{proposal['trait'].name} must be a finite number from 0 up, or None, got {price!r}.")
        return None if price is None else float(price)

    def __repr__(self) -> str:
        # Without the threshold, whose last digits differ between machines: a notebook that shows it stays the same.
        return f"<ThresholdExplorer of {len(self.scores)} scores>"


def _scores(values: Any, what: str) -> np.ndarray:
    """Finite scores that a picture can span, or an error."""
    scores = as_scores(values, what)
    if (largest := np.abs(scores).max()) > 1e300:
        raise ValueError(f"{what} must lie between -1e300 and 1e300, got {largest:.3g}. Scale them.")
    return scores


def plot_threshold(scores: np.ndarray, labels: np.ndarray | None, threshold: float) -> Figure:
    """Draw the scores' histogram, of both sides or, without labels, of all.

    Counts, not densities as in `trainers.detection.plot_errors`: how many are on which side of the
    threshold is what it is about.

    Parameters
    ----------
    scores : array, shape (n,)
        Finite.
    labels : array of int, shape (n,), or None
        0 is normal.
    threshold : float
        Drawn as a line.

    Returns
    -------
    Figure
    """
    figure = Figure("threshold in the histogram of scores")
    axes = figure.plain_axes()
    low, high = scores.min(), scores.max()
    if high == low:
        room = 0.1 * abs(low) or 0.5
        low, high = low - room, high + room
    edges = np.linspace(low, high, _BINS + 1)
    sides: list[tuple[str, np.ndarray, str, str | None]] = [("unlabelled", scores, TEXT, None)]
    if labels is not None:
        normal = labels == 0
        sides = [("normal", scores[normal], TRAIN, None), ("abnormal", scores[~normal], VALIDATION, "///")]
    words = []
    for name, chosen, color, hatch in sides:
        if len(chosen):
            look = {"facecolor": color, "edgecolor": color, "hatch": hatch, "label": f"{name} ({len(chosen)})"}
            axes.stairs(np.histogram(chosen, edges)[0], edges, fill=True, alpha=0.45, **look)
            words.append(f"{np.sum(chosen > threshold)} of {len(chosen)} {name} ones")
    axes.axvline(threshold, color=RESTORE, linestyle="-.", label=f"threshold {threshold:.4g}")
    axes.set(xlabel="score (error)", ylabel="sequences")
    figure.legend_beside(axes)
    figure.alt = f"Histogram of {len(scores)} scores; {' and '.join(words)} lie above the threshold, {threshold:.4g}."
    return figure
