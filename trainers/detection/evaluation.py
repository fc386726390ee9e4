"""`evaluate`: scores and decisions against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn import metrics

from data.markup import without_math
from trainers.detection._validation import as_count, as_labels, as_names, as_scores, as_share, as_threshold, as_truth
from trainers.detection.counting import figure_intervals
from trainers.detection.table import figures_html, interleaved


@dataclass(frozen=True)
class Evaluation:
    """How well scores, and the decisions at one threshold, tell abnormal from normal.

    Attributes
    ----------
    auroc : float
        Area under the ROC curve: how often an abnormal sequence scores above a normal one.
    average_precision : float
        Mean precision over all thresholds, weighted by recall.
    threshold : float
        Scores above it are called abnormal.
    confusion : pandas.DataFrame
        2 × 2, truth in the rows, decision in the columns.
    recall_by_class : pandas.DataFrame
        For each class: how many sequences, how many called abnormal, and their share.
    precision, recall, f1, false_alarm_rate, accuracy : float
        Of the decisions; the false alarm rate is the share of normal sequences called abnormal.
        Precision and f1 are 0 where nothing is called abnormal.
    intervals : dict of (float, float), or None
        Lower and upper end for each single figure, where they were asked for.
    level : float or None
        Of the intervals.
    """

    auroc: float
    average_precision: float
    threshold: float
    confusion: pd.DataFrame
    recall_by_class: pd.DataFrame
    precision: float
    recall: float
    f1: float
    false_alarm_rate: float
    accuracy: float
    intervals: dict[str, tuple[float, float]] | None = None
    level: float | None = None

    def to_frame(self) -> pd.DataFrame:
        """The single figures as a table of one row; an interval adds the columns "… low" and "… high"."""
        return pd.DataFrame([interleaved(self._figures, self.intervals)])

    @property
    def _figures(self) -> dict[str, float]:
        names = ("auroc", "average_precision", "precision", "recall", "f1", "false_alarm_rate", "accuracy", "threshold")
        return {name: getattr(self, name) for name in names}

    def _repr_html_(self) -> str:
        return without_math(
            figures_html(self._figures, self.intervals, self.level)
            + self.confusion.to_html()
            + self.recall_by_class.to_html(float_format="{:.3f}".format)
        )


def evaluate(
    scores: Any,
    labels: Any,
    threshold: float,
    *,
    class_names: Sequence[str] | None = None,
    intervals: float | None = None,
    seed: int = 0,
) -> Evaluation:
    """Judge scores against labels; the figures are scikit-learn's.

    Parameters
    ----------
    scores : array, shape (n,)
        The higher, the more anomalous.
    labels : array of whole numbers, shape (n,)
        0 is normal, anything else abnormal; both must occur.
    threshold : float
        Set on normal data alone; scores above it are called abnormal.
    class_names : sequence of str, optional
        Name of each label, from 0 on.
    intervals : float, optional
        Level of bootstrap intervals for the single figures, such as 0.95; see
        `bootstrap_interval` for what is in them. 1,000 draws of 2,400 scores take a second.
    seed : int, default 0
        Which random draws.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        If scores and labels do not fit, only one side occurs, or there are too few of one side
        for an interval.
    """
    scores = as_scores(scores, "scores")
    labels = as_labels(labels, scores)
    truth = as_truth(labels, scores)
    threshold = as_threshold(threshold)
    if class_names is not None:
        class_names = as_names(class_names, labels)
    ends = None
    if intervals is not None:
        intervals = as_share(intervals, "intervals", "their level, or None", "0.95 is usual.")
        seed = as_count(seed, "seed", "which random draws", 0)
        ends = figure_intervals(scores, truth, threshold, level=intervals, block=1, seed=seed)
    called = scores > threshold
    matrix = metrics.confusion_matrix(truth, called)
    by_class = pd.DataFrame({"class": labels, "called abnormal": called}).groupby("class")["called abnormal"]
    table = by_class.agg(["size", "sum", "mean"])
    table.columns = ["sequences", "called abnormal", "share"]
    if class_names is not None:
        table.index = [class_names[int(i)] for i in table.index]
        table.index.name = "class"
    return Evaluation(
        auroc=float(metrics.roc_auc_score(truth, scores)),
        average_precision=float(metrics.average_precision_score(truth, scores)),
        threshold=threshold,
        confusion=pd.DataFrame(
            matrix, index=["is normal", "is abnormal"], columns=["called normal", "called abnormal"]
        ),
        recall_by_class=table,
        precision=float(metrics.precision_score(truth, called, zero_division=0)),
        recall=float(metrics.recall_score(truth, called)),
        f1=float(metrics.f1_score(truth, called, zero_division=0)),
        false_alarm_rate=float(called[~truth].mean()),
        accuracy=float(metrics.accuracy_score(truth, called)),
        intervals=ends,
        level=intervals,
    )
