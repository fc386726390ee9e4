"""`ThresholdExplorer`: drag a threshold and see the resulting metrics, in a notebook or a separate page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from data._deprecated import with_old_names
from data.data_set import is_real_number
from trainers.checks import as_labels, as_scores, as_threshold
from trainers.plotting import ABNORMAL, TEXT, TRAIN, Figure
from trainers.widgets.base import PicturedWidget
from trainers.widgets.export import SHARED, read_assets
from trainers.widgets.sequences import classes, lighten, pictures

# False-alarm rate of the initial threshold, if no threshold is given.
RATE = 0.05
_BINS = 60


@with_old_names
class ThresholdExplorer(PicturedWidget):
    """Histogram of anomaly scores with a draggable threshold and the resulting metrics.

    A sequence is flagged if its score is *above* the threshold. The widget always shows the number of flagged
    sequences, and the sequences whose prediction was changed by the last move of the threshold. With labels, it also
    shows one histogram for the normal and one for the abnormal sequences, the confusion matrix, precision, recall, F1,
    false alarms, recall by class, the ROC and precision-recall curves with the point of the current threshold, and the
    total cost for given costs of the errors. With hidden labels, it shows only what is available in practice: one
    histogram, and no information about the labels. The axis shows all scores. If some are far from the others, the
    button "focus" leaves them out; numbers at the ends of the axis count them.

    All metrics are computed in the page from all scores, so that a page written by `to_html` has the same functions.
    Hidden labels are stored in the page, because its checkbox can show them; to keep them secret, do not pass labels.
    Embedded HTML (`html`) contains only a subset of the sequences, evenly spaced in the order of their scores. Only
    these sequences can be drawn.

    Parameters
    ----------
    scores : array, shape (n,)
        Anomaly scores; higher is more anomalous.
    labels : array of int, shape (n,), optional
        0 is normal, any other label is abnormal. If all sequences are normal or all are abnormal, there are no curves,
        and metrics that need both classes are empty. If `labels` is None, the widget shows the same as with hidden
        labels.
    threshold : float, optional
        Initial threshold. Default: if `calibration` is given,
        ``quantile_threshold(calibration, rate=0.05)``; otherwise the 95 % quantile of `scores`.
    class_names : sequence of str, optional
        Name of each label, starting with label 0.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        A sequence is drawn when its prediction changes. Up to four features are drawn at once; a menu selects them
        from the first 32. The page contains at most 2 million values. If there are more, only a subset of the
        sequences can be drawn, evenly spaced in the order of their scores.
    reconstructions : DataSet, array or tensor, of the shape of `sequences`, optional
        Drawn with the sequences.
    hide_labels : bool, default False
        Whether labels are hidden at first. They can be shown with a checkbox or by setting this attribute.
    calibration : array, shape (m,), optional
        Scores of sequences known to be normal. Their histogram, and the number of them that would be flagged, help to
        set a threshold without labels.
    false_alarm_cost, miss_cost : float, optional
        Cost of each error, at least 0; both can also be entered in the page.

    Attributes
    ----------
    threshold : float
        The current threshold. Synchronised with the page; it can be set.
    hide_labels : bool
        Whether labels are hidden. Synchronised with the page; it can be set.
    false_alarm_cost, miss_cost : float or None
        Cost of each error. Synchronised with the page; they can be set.

    Raises
    ------
    TypeError, ValueError
        If the scores are not finite numbers, or another argument does not match them.

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
    # Not Float, which accepts NaN and rejects NumPy's float32; not Any, which accepts None unchecked.
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
        # Sequences evenly spaced in rank, so that some can be drawn at any threshold.
        self._ranked = np.argsort(self.scores, kind="stable")
        data = {
            "scores": self.scores.astype("<f8").tobytes(),
            "calibration": None if self.calibration is None else self.calibration.astype("<f8").tobytes(),
            "pictures": pictures(sequences, reconstructions, self._ranked, "scores"),
            **classes(self.labels, class_names),
        }
        threshold = self._first_threshold() if threshold is None else threshold
        costs = {"false_alarm_cost": false_alarm_cost, "miss_cost": miss_cost}
        super().__init__(data=data, threshold=threshold, hide_labels=hide_labels, **costs)

    @property
    def figure(self) -> Figure:
        """Static picture of the histogram and the threshold; hidden labels are not shown."""
        return plot_threshold(self.scores, None if self.hide_labels else self.labels, self.threshold)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        state = {name: getattr(self, name) for name in ("threshold", "hide_labels", "false_alarm_cost", "miss_cost")}
        data = {**self.data, **state, "alt": self.figure.alt}
        if light:
            data["pictures"] = lighten(data["pictures"], self._ranked)
        return "Threshold explorer", data

    def _first_threshold(self) -> float:
        if self.calibration is None:
            return float(np.quantile(self.scores, 1 - RATE, method="inverted_cdf"))
        # Imported here, so that a widget without calibration scores does not import scikit-learn.
        from trainers.detection import quantile_threshold

        # With too few calibration scores for this rate, use the lowest possible rate: the highest score.
        return quantile_threshold(self.calibration, rate=max(RATE, 1 / (len(self.calibration) + 1)))

    @traitlets.validate("threshold")
    def _check_threshold(self, proposal: Any) -> float:
        return as_threshold(proposal["value"])

    @traitlets.validate("false_alarm_cost", "miss_cost")
    def _check_cost(self, proposal: Any) -> float | None:
        cost = proposal["value"]
        if cost is not None and (not is_real_number(cost) or not 0 <= cost < np.inf):
            raise ValueError(f"{proposal['trait'].name} must be a finite number of at least 0, or None, got {cost!r}.")
        return None if cost is None else float(cost)

    def __repr__(self) -> str:
        # Without the threshold: its last digits differ between machines and would change a saved notebook.
        return f"<ThresholdExplorer of {len(self.scores)} scores>"


def _scores(values: Any, what: str) -> np.ndarray:
    """Return finite scores whose range can be drawn, or raise an error."""
    scores = as_scores(values, what)
    if (largest := np.abs(scores).max()) > 1e300:
        raise ValueError(f"{what} must have absolute values up to 1e300, got {largest:.3g}. Scale them.")
    return scores


def plot_threshold(scores: np.ndarray, labels: np.ndarray | None, threshold: float) -> Figure:
    """Draw the histogram of the scores, with labels one for each of the normal and abnormal sequences.

    It shows counts, not densities as in `trainers.detection.plot_errors`, because the number of sequences on each side
    of the threshold matters.

    Parameters
    ----------
    scores : array, shape (n,)
        Finite anomaly scores.
    labels : array of int, shape (n,), or None
        0 is normal.
    threshold : float
        Drawn as a vertical line.

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
    groups: list[tuple[str, np.ndarray, str, str | None]] = [("unlabelled", scores, TEXT, None)]
    if labels is not None:
        normal = labels == 0
        groups = [("normal", scores[normal], TRAIN, None), ("abnormal", scores[~normal], ABNORMAL, "///")]
    texts = []
    for name, chosen, color, hatch in groups:
        if len(chosen):
            look = {"facecolor": color, "edgecolor": color, "hatch": hatch, "label": f"{name} ({len(chosen)})"}
            # A score on an edge belongs to the left bin: a score at the threshold is not flagged.
            counts = np.histogram(-chosen, -edges[::-1])[0][::-1]
            axes.stairs(counts, edges, fill=True, alpha=0.45, **look)
            texts.append(f"{np.sum(chosen > threshold)} of {len(chosen)} {name} ones")
    axes.axvline(threshold, color=TEXT, linestyle="-.", label=f"threshold {threshold:.4g}")
    axes.set(xlabel="score (error)", ylabel="sequences")
    figure.legend_beside(axes)
    figure.alt = f"Histogram of {len(scores)} scores; {' and '.join(texts)} are above the threshold, {threshold:.4g}."
    return figure
