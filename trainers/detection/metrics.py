"""Metrics of anomaly scores and decisions, for sequences, time steps and events, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn import metrics

from data.data_set import check_sampling_rate
from data.markup import without_math
from data.series import runs
from trainers.checks import as_count, as_labels, as_names, as_positive, as_scores, as_threshold, as_truth
from trainers.torch_utils import with_threads

# Fewest sequences or blocks per class for a bootstrap: with fewer, the draws hardly vary.
_FEWEST = 5
# Numbers drawn at once, to limit the memory.
_BATCH = 2**22
# Wu & Keogh 2021 count a highest score within this distance of the event as a hit.
_TOLERANCE = 100
# Steps × window, and events × flagged runs, for which dtaianomaly takes about a minute on one slow core.
_MOST_FOR_VOLUMES = 100_000_000
_MOST_FOR_AFFILIATION = 20_000_000
# Function of labels and scores; returns one or more numbers.
Metric = Callable[[np.ndarray, np.ndarray], Any]
# Names in the order of `point_metrics` and `point_metrics_by_counting`.
POINT_NAMES = ("auroc", "average_precision", "precision", "recall", "f1", "false_alarm_rate")
NAMES = (*POINT_NAMES, "accuracy")


@dataclass(frozen=True)
class Evaluation:
    """Metrics of the scores, and of the decisions at one threshold, for sequences.

    Attributes
    ----------
    auroc : float
        Area under the ROC curve: probability that an abnormal sequence scores above a normal one.
    average_precision : float
        Mean precision over all thresholds, weighted by the increase in recall.
    threshold : float
        Scores above it are flagged.
    confusion : pandas.DataFrame
        2 × 2 confusion matrix: true class in the rows, decision in the columns.
    recall_by_class : pandas.DataFrame
        For each class: number of sequences, number of flagged sequences, and their share.
    precision, recall, f1, false_alarm_rate, accuracy : float
        Metrics of the decisions. The false alarm rate is the share of normal sequences that are
        flagged. Precision and f1 are 0 if nothing is flagged.
    intervals : dict of (float, float), or None
        Lower and upper end of the interval of each scalar metric, if requested.
    level : float or None
        Confidence level of the intervals.
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
    _names = (*NAMES, "threshold")

    def to_frame(self) -> pd.DataFrame:
        """Return the scalar metrics as a table with one row; an interval adds the columns "… low" and "… high"."""
        return pd.DataFrame([_scalar_metrics(self)])

    def _repr_html_(self) -> str:
        by_class = self.recall_by_class.to_html(float_format="{:.3f}".format)
        return without_math(_metrics_html(self, self._names) + self.confusion.to_html() + by_class)


def evaluate(
    scores: Any,
    labels: Any,
    threshold: float,
    *,
    class_names: Sequence[str] | None = None,
    intervals: float | None = None,
    seed: int = 0,
) -> Evaluation:
    """Evaluate the scores of sequences against their labels, with the metrics of scikit-learn.

    Parameters
    ----------
    scores : array, shape (n,)
        Higher scores are more anomalous.
    labels : array of integers, shape (n,)
        0 is normal, a positive integer abnormal; both must occur.
    threshold : float
        Threshold set on normal data only; scores above it are flagged.
    class_names : sequence of str, optional
        Name of each label, starting with label 0.
    intervals : float, optional
        Confidence level of bootstrap intervals for the scalar metrics, such as 0.95; see
        `bootstrap_interval` for the sources of variation that they include. 1,000 draws of 2,400
        scores take a second. Default: no intervals.
    seed : int, default 0
        Seed of the random draws.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        If scores and labels have different shapes, only one class (normal or abnormal) occurs, or
        one class has too few sequences for an interval.
    """
    scores = as_scores(scores, "scores")
    labels = as_labels(labels, scores)
    truth = as_truth(labels, scores)
    threshold = as_threshold(threshold)
    flagged = scores > threshold
    matrix = metrics.confusion_matrix(truth, flagged)
    confusion = pd.DataFrame(matrix, ["is normal", "is abnormal"], ["predicted normal", "predicted abnormal"])
    groups = pd.Series(flagged).groupby(pd.Index(labels, name="class"))
    by_class = groups.agg(["size", "sum", "mean"]).set_axis(["sequences", "flagged", "share"], axis=1)
    if class_names is not None:
        by_class = by_class.rename(index=dict(enumerate(as_names(class_names, labels))))
    return Evaluation(
        **point_metrics(truth, scores, threshold),
        confusion=confusion,
        recall_by_class=by_class,
        accuracy=float(metrics.accuracy_score(truth, flagged)),
        intervals=metric_intervals(NAMES, scores, truth, threshold, intervals, block=1, seed=seed),
        level=intervals,
    )


@dataclass(frozen=True)
class SeriesEvaluation:
    """Metrics of the scores of time steps, and of the decisions at one threshold, for a series.

    Attributes
    ----------
    auroc, average_precision : float
        Metrics of the steps, over all thresholds.
    vus_roc, vus_pr : float or None
        Volume under the ROC and the precision-recall surface: the area under the curve, averaged
        over buffers of 0 to `window` steps around the events, so that detections slightly before or
        after an event partly count as correct. Even if the scores agree exactly with the labels,
        the value may be below 1, because the scores in the buffers are low. None if `window` is
        None.
    ucr_score : float
        1 if the highest score is within 100 steps of an event, or within the length of the event
        if the event is longer; otherwise 0.
    precision, recall, f1, false_alarm_rate : float
        Metrics of the decisions for each step. The false alarm rate is the share of normal steps
        that are flagged.
    range_precision, range_recall : float
        Range-based metrics. For each flagged run, the share of its steps that lie in events is
        divided by the number of these events. The precision is the mean of the results. Each event
        has the value 0 if none of its steps is flagged, otherwise ½ + ½ · s / r, where s is the
        share of its steps that are flagged, and r is the number of flagged runs in the event. The
        recall is the mean of these values.
    affiliation_precision, affiliation_recall : float or None
        Metrics that are based on the distance in time between flagged steps and events. The
        precision is 1 if all flagged steps lie in events, and about 0.5 if steps are flagged at
        random. The recall is 1 if every event is covered completely. Both values are None if the
        number of events times the number of flagged runs exceeds 20 million, because the
        computation would take minutes.
    events_found, n_events : int
        Number of detected events, and of all events. An event is detected if any of its steps is
        flagged.
    median_delay : float or None
        Median delay of the detected events, in steps; None if no event is detected.
    false_alarms : int
        Number of flagged runs that overlap no event. It is 0 if all steps are flagged, so check
        `false_alarm_rate` too.
    false_alarms_per_thousand : float
        False alarms per thousand normal steps.
    false_alarms_per_hour : float or None
        False alarms per hour of normal recording; None if the sampling rate is unknown.
    threshold : float
        Scores above it are flagged; the median if there is one threshold for each step.
    window : int or None
        Largest buffer of the volumes under the surfaces, in steps.
    events : pandas.DataFrame
        For each event: start, end (excluded), whether it is found, and the delay, which is the
        first flagged step minus the start, in steps and, if the sampling rate is known, in seconds.
    intervals : dict of (float, float), or None
        Lower and upper end of the intervals of the point-wise metrics, if requested.
    level : float or None
        Confidence level of the intervals.
    """

    auroc: float
    average_precision: float
    vus_roc: float | None
    vus_pr: float | None
    ucr_score: float
    precision: float
    recall: float
    f1: float
    false_alarm_rate: float
    range_precision: float
    range_recall: float
    affiliation_precision: float | None
    affiliation_recall: float | None
    events_found: int
    n_events: int
    median_delay: float | None
    false_alarms: int
    false_alarms_per_thousand: float
    false_alarms_per_hour: float | None
    threshold: float
    # all fields above
    _names = tuple(__annotations__)
    window: int | None
    events: pd.DataFrame
    intervals: dict[str, tuple[float, float]] | None = None
    level: float | None = None

    @property
    def missed(self) -> list[tuple[int, int]]:
        """The events that were not detected, as (start, end)."""
        rows = self.events.loc[~self.events["found"], ["start", "end"]]
        return list(rows.itertuples(index=False, name=None))

    def to_frame(self) -> pd.DataFrame:
        """Return the scalar metrics as a table with one row; metrics that are None become `pandas.NA`.

        An interval adds the columns "… low" and "… high".
        """
        optional = [name for name in self._names if self.__annotations__[name] == "float | None"]
        return pd.DataFrame([_scalar_metrics(self)]).astype(dict.fromkeys(optional, "Float64"))

    def _repr_html_(self) -> str:
        middle = self._names.index("range_precision")
        tables = _metrics_html(self, self._names[:middle]) + _metrics_html(self, self._names[middle:])
        events = self.events.astype(object).where(self.events.notna(), "missed")
        return tables + events.to_html(index=False, float_format="{:.3f}".format)


def evaluate_series(
    scores: Any,
    labels: Any,
    threshold: float | np.ndarray,
    *,
    sampling_rate: float | None = None,
    window: int | None = 100,
    intervals: float | None = None,
    block: int | None = None,
    seed: int = 0,
) -> SeriesEvaluation:
    """Evaluate the scores of a series' time steps against its labels.

    The metrics have these sources:

    - point-wise metrics: scikit-learn
    - range-based precision and recall: Tatbul et al. 2018 (in the terms of this paper: flat
      positional bias, cardinality factor 1/x, weight ½ of the existence reward)
    - affiliation precision and recall: Huet et al. 2022, computed by dtaianomaly
    - volumes under the surfaces: Paparrizos et al. 2022, computed by dtaianomaly with 250 thresholds.
      dtaianomaly corrects the original code: the weights in the buffers before and after an event
      are symmetric and decrease linearly.
    - UCR score: Wu & Keogh 2021

    Point-adjusted F1 is not included; see `misleading_point_adjusted_f1`.

    If nothing is flagged, precision, f1, and the range-based and affiliation precision and recall
    are 0. If all scores are equal, the AUROC is 0.5 and the UCR score is 0.

    Parameters
    ----------
    scores : array, shape (time,)
        Finite numbers; higher scores are more anomalous.
    labels : array of integers, shape (time,)
        0 is normal, a positive integer abnormal; both must occur. Each run of abnormal steps is an
        event.
    threshold : float or array, shape (time,)
        Threshold set on normal data only, or one for each step, as in `Detection.threshold`; scores above it are
        flagged.
    sampling_rate : float, optional
        Time steps per second (Hz), for delays in seconds and false alarms per hour.
    window : int or None, default 100
        Largest buffer around events in the volumes under the surfaces, in steps; about one period
        of the series is recommended. The computation time is proportional to the number of
        steps times `window`: it is 9 s for 100,000 steps on two slow cores, and 4 s more at the
        first call. If `window` is None, the volumes are not computed.
    intervals : float, optional
        Confidence level of bootstrap intervals for the point-wise metrics, such as 0.95; see
        `bootstrap_interval`. 1,000 draws of 100,000 steps take 8 s. Default: no intervals.
    block : int, optional
        Number of consecutive steps that are drawn together. Default: the length of the longest
        event, or `window` if that is larger.
    seed : int, default 0
        Seed of the random draws.

    Returns
    -------
    SeriesEvaluation

    Raises
    ------
    TypeError, ValueError
        If scores and labels have different shapes, only one class (normal or abnormal) occurs,
        the number of steps times `window` exceeds 100 million, or there are too few blocks for an
        interval.

    Examples
    --------
    >>> scores = [0, 0, 1, 0, 0, 2, 3, 3, 0, 0]
    >>> labels = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]
    >>> evaluation = evaluate_series(scores, labels, threshold=1.5, sampling_rate=2, window=None)
    >>> evaluation.events
       start  end  found  delay, steps  delay, s
    0      4    7   True             1       0.5
    >>> evaluation.false_alarms, round(evaluation.recall, 3)
    (0, 0.667)
    """
    scores = as_scores(scores, "scores", "time step")
    truth = as_truth(labels, scores, "time step")
    threshold = as_threshold(threshold, len(scores))
    if np.ndim(threshold) and intervals is not None:
        raise ValueError("threshold must be one number for intervals, got one for each step. Set intervals=None.")
    sampling_rate = check_sampling_rate(sampling_rate, "the series")
    if window is not None:
        # a larger window would take minutes
        window = as_count(window, "window", f"or None, for {len(scores)} steps", most=_MOST_FOR_VOLUMES // len(scores))
    flagged = scores > threshold
    events = event_table(truth, flagged, sampling_rate)
    if block is None:
        block = max(window or 1, int((events["end"] - events["start"]).max()))
    affiliation_precision, affiliation_recall = affiliation(truth, flagged)
    vus_roc, vus_pr = (None, None) if window is None else volumes(truth, scores, window)
    # flagged runs that overlap no event
    false_alarms = sum(not truth[start:end].any() for start, end in runs(flagged))
    normal = int((~truth).sum())
    delays = events["delay, steps"].dropna()
    return SeriesEvaluation(
        **point_metrics(truth, scores, threshold),
        vus_roc=vus_roc,
        vus_pr=vus_pr,
        ucr_score=ucr_score(truth, scores),
        range_precision=range_precision(truth, flagged),
        range_recall=range_recall(truth, flagged),
        affiliation_precision=affiliation_precision,
        affiliation_recall=affiliation_recall,
        events_found=len(delays),
        n_events=len(events),
        median_delay=float(delays.median()) if len(delays) else None,
        false_alarms=false_alarms,
        false_alarms_per_thousand=1000 * false_alarms / normal,
        false_alarms_per_hour=None if sampling_rate is None else 3600 * sampling_rate * false_alarms / normal,
        window=window,
        events=events,
        intervals=metric_intervals(
            POINT_NAMES, scores, truth, cast(float, threshold), intervals, block=block, seed=seed
        ),
        level=intervals,
    )


def compare(evaluations: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table that compares the evaluations of several detectors.

    Parameters
    ----------
    evaluations : dict of Evaluation, or dict of SeriesEvaluation
        Result of `evaluate` or `evaluate_series` for each detector, by name.

    Returns
    -------
    pandas.DataFrame
        One row for each detector, in the given order, with the columns of `to_frame`.

    Examples
    --------
    >>> from trainers.detection import evaluate
    >>> labels = [0, 0, 1, 1]
    >>> table = compare({"good": evaluate([1, 2, 3, 4], labels, 2), "poor": evaluate([4, 1, 2, 3], labels, 3)})
    >>> table[["auroc", "recall"]]
              auroc  recall
    detector
    good        1.0     1.0
    poor        0.5     0.0
    """
    kinds = {type(value) for value in evaluations.values()} if isinstance(evaluations, Mapping) else set()
    if kinds not in ({Evaluation}, {SeriesEvaluation}):
        raise TypeError(f"evaluations must be a dict of Evaluation, or of SeriesEvaluation, got {evaluations!r:.200}.")
    return pd.concat({name: one.to_frame() for name, one in evaluations.items()}, names=["detector"]).droplevel(1)


def _scalar_metrics(evaluation: Evaluation | SeriesEvaluation) -> dict[str, Any]:
    """Return the scalar metrics, each followed by the two ends of its interval if it has one."""
    row, intervals = {}, evaluation.intervals or {}
    for name in evaluation._names:
        row[name] = getattr(evaluation, name)
        if name in intervals:
            row[f"{name} low"], row[f"{name} high"] = intervals[name]
    return row


def _metrics_html(evaluation: Evaluation | SeriesEvaluation, names: tuple[str, ...]) -> str:
    """Return an HTML table with a row of metrics, and a row of their intervals if there are any."""
    intervals = evaluation.intervals or {}
    rows = {"": {name: _text(getattr(evaluation, name)) for name in names}}
    if with_intervals := any(name in intervals for name in names):
        ends = {name: " to ".join(map(_text, intervals.get(name, ()))) for name in names}
        rows[f"{evaluation.level:.4g} interval"] = ends
    return pd.DataFrame.from_dict(rows, orient="index").to_html(index=with_intervals)


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def point_metrics(truth: np.ndarray, scores: np.ndarray, threshold: float | np.ndarray) -> dict[str, float]:
    """Return the point-wise metrics of sequences or steps, computed by scikit-learn, and the (median) threshold."""
    flagged = scores > threshold
    areas = metrics.roc_auc_score(truth, scores), metrics.average_precision_score(truth, scores)
    # precision, recall, f1, and the support, which is not used
    *prf, _ = metrics.precision_recall_fscore_support(truth, flagged, average="binary", zero_division=0)
    values = (*areas, *prf, flagged[~truth].mean())
    return {"threshold": float(np.median(threshold)), **dict(zip(POINT_NAMES, map(float, values), strict=True))}


def event_table(truth: np.ndarray, flagged: np.ndarray, sampling_rate: float | None) -> pd.DataFrame:
    """Return each event, whether it was detected, and its delay; the delay of a missed event is NA."""
    table = pd.DataFrame(runs(truth), columns=["start", "end"])
    decisions = [flagged[start:end] for start, end in runs(truth)]
    table["found"] = np.array([part.any() for part in decisions])
    table["delay, steps"] = pd.array([np.argmax(part) if part.any() else None for part in decisions], dtype="Int64")
    if sampling_rate is not None:
        table["delay, s"] = table["delay, steps"].astype("Float64") / sampling_rate
    return table


def range_precision(truth: np.ndarray, flagged: np.ndarray) -> float:
    """Return the range-based precision (Tatbul et al. 2018, equations 8 and 9); 0 if nothing is flagged.

    dtaianomaly gives the same result, but takes minutes if a long event is flagged in many pieces.
    """
    return float(np.mean([_overlap(truth[start:end]) for start, end in runs(flagged)] or [0.0]))


def range_recall(truth: np.ndarray, flagged: np.ndarray) -> float:
    """Return the range-based recall (Tatbul et al. 2018, equations 3 to 7) with existence weight ½."""
    parts = [flagged[start:end] for start, end in runs(truth)]
    return float(np.mean([0.5 * part.any() + 0.5 * _overlap(part) for part in parts]))


def _overlap(part: np.ndarray) -> float:
    """Return the share of a range that is covered, divided by the number of runs that cover it."""
    return float(part.mean()) / max(1, len(runs(part)))


def ucr_score(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return 1 if the first highest score is near an event, otherwise 0; 0 if all scores are equal."""
    if scores.min() == scores.max():
        return 0.0
    top = int(np.argmax(scores))
    margins = [(start, end, max(_TOLERANCE, end - start)) for start, end in runs(truth)]
    return float(any(start - margin <= top < end + margin for start, end, margin in margins))


def affiliation(truth: np.ndarray, flagged: np.ndarray) -> tuple[float | None, float | None]:
    """Return affiliation precision and recall (Huet et al. 2022); 0 if nothing is flagged, None if it takes minutes."""
    if not flagged.any():
        return 0.0, 0.0
    if len(runs(truth)) * len(runs(flagged)) > _MOST_FOR_AFFILIATION:
        return None, None
    # imported here, because the import compiles for two seconds
    from dtaianomaly.evaluation import AffiliationPrecision, AffiliationRecall

    arguments = truth.astype(int), flagged.astype(int)
    return AffiliationPrecision().compute(*arguments), AffiliationRecall().compute(*arguments)


def volumes(truth: np.ndarray, scores: np.ndarray, window: int) -> tuple[float, float]:
    """Return VUS-ROC and VUS-PR (Paparrizos et al. 2022), computed by dtaianomaly."""
    from dtaianomaly.evaluation import VolumeUnderPR, VolumeUnderROC

    labels = truth.astype(int)
    # dtaianomaly uses numba, which sets the number of OpenMP threads at its first use. PyTorch shares this
    # number, so a later training run would give different results.
    with with_threads(torch.get_num_threads()):
        under_roc = VolumeUnderROC(max_buffer_size=window).compute(labels, scores)
        return under_roc, VolumeUnderPR(max_buffer_size=window).compute(labels, scores)


def misleading_point_adjusted_f1(scores: Any, labels: Any, threshold: float) -> float:
    """Return F1 after flagging all steps of an event if any of them is flagged: **do not report it**.

    Xu et al. 2018 (WWW) introduced this point adjustment, and many papers use it. Kim et al. 2022
    (AAAI, arXiv:2109.05257) show that random scores then reach the best published results: in a
    long event, one step that is flagged by chance is enough. The function is provided for the
    lesson that explains this flaw, and for comparison with published values.

    Parameters
    ----------
    scores : array, shape (time,)
        Higher scores are more anomalous.
    labels : array of integers, shape (time,)
        0 is normal, a positive integer abnormal; both must occur.
    threshold : float
        Scores above it are flagged.

    Returns
    -------
    float
        Point-adjusted F1; 0 if nothing is flagged.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1, 0], [800, 100, 100])
    >>> scores = np.random.default_rng(0).uniform(size=1000)  # random scores
    >>> f1 = misleading_point_adjusted_f1(scores, labels, threshold=0.98)
    >>> bool(f1 > 0.85)
    True
    """
    scores = as_scores(scores, "scores", "time step")
    truth = as_truth(labels, scores, "time step")
    flagged = point_adjusted(scores > as_threshold(threshold), truth)
    return float(metrics.f1_score(truth, flagged, zero_division=0))


def point_adjusted(flagged: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return decisions that flag all steps of an event if any is flagged; all arrays (time,), bool.

    >>> point_adjusted(np.array([False, True, False, False]), np.array([True, True, False, True]))
    array([ True,  True, False, False])
    """
    adjusted = flagged.copy()
    for start, end in runs(truth):
        adjusted[start:end] |= flagged[start:end].any()
    return adjusted


def bootstrap_interval(
    metric: Metric, scores: Any, labels: Any, *, level: float = 0.95, n: int = 1000, block: int = 1, seed: int = 0
) -> np.ndarray:
    """Return a percentile bootstrap interval of a metric (Efron 1979), computed by `scipy.stats.bootstrap`.

    Sequences (`block=1`) are drawn with replacement. Normal and abnormal sequences are drawn
    separately, so that every draw has the original number of both (stratified bootstrap).

    Scores of neighbouring time steps are dependent. If steps were drawn one by one, the interval
    would be too narrow. They are therefore drawn in blocks of consecutive steps (Künsch 1989; here
    the blocks do not overlap, as in Carlstein 1986), separately for blocks with and without an
    abnormal step. A block should be at least as long as the dependence between scores, such as a
    window, and at least as long as an event.

    The trained model and the threshold are fixed: the interval does not include the variation
    between training runs. If the metric is the same in every draw, as with an AUROC of 1, the
    width of the interval is 0. In this case, the bootstrap cannot estimate the uncertainty of the
    metric. With few sequences or blocks, the interval is too narrow (in a test, 40 normal and 40
    abnormal sequences were enough).

    Parameters
    ----------
    metric : callable
        Function `metric(labels, scores)`, with the arguments in the order of scikit-learn, and
        labels that are True if abnormal; returns one or more finite numbers.
    scores : array, shape (n,) or (time,)
        Higher scores are more anomalous.
    labels : array of integers, shape (n,) or (time,)
        0 is normal, a positive integer abnormal.
    level : float, default 0.95
        Confidence level: probability that such an interval contains the true value.
    n : int, default 1000
        Number of draws.
    block : int, default 1
        Number of consecutive time steps that are drawn together; 1 for sequences.
    seed : int, default 0
        Seed of the random draws.

    Returns
    -------
    numpy.ndarray, shape (2,) or (2, metrics)
        Lower and upper end of the interval.

    Raises
    ------
    TypeError, ValueError
        If scores and labels have different shapes, there are fewer than five sequences (or blocks)
        of either class, or the metric returns non-finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import roc_auc_score
    >>> generator = np.random.default_rng(0)
    >>> scores, labels = generator.normal(size=200), np.repeat([0, 1], 100)
    >>> low, high = bootstrap_interval(roc_auc_score, scores + labels, labels, n=200)
    >>> bool(low < 0.76 < high)  # 0.76 is the true AUROC of normal distributions one s.d. apart
    True
    """
    if not callable(metric):
        raise TypeError(f"metric must be a function of labels and scores, such as roc_auc_score, got {metric!r}.")
    each = "sequence" if block == 1 else "time step"
    scores = as_scores(scores, "scores", each)
    truth = as_truth(labels, scores, each)
    level = as_positive(level, "level", "the confidence level", 1, "The default is 0.95.")
    n, seed = as_count(n, "n", "the number of draws", 100), as_count(seed, "seed", "for the random draws", 0)
    block = as_count(block, "block", "in time steps")
    starts = np.arange(0, len(scores), block)
    abnormal = np.logical_or.reduceat(truth, starts)
    strata = starts[~abnormal], starts[abnormal]
    if min(map(len, strata)) < _FEWEST:
        what = f"blocks of {block} steps" if block > 1 else "sequences"
        wanted = f"at least {_FEWEST} normal and {_FEWEST} abnormal {what}"
        raise ValueError(f"labels must have {wanted}, got {len(strata[0])} and {len(strata[1])}.")

    def on_draw(*drawn: np.ndarray) -> Any:
        steps = (np.concatenate(drawn).astype(np.intp)[:, None] + np.arange(block)).ravel()
        # the last block may be shorter than the others
        steps = steps[steps < len(scores)]
        value = np.asarray(metric(truth[steps], scores[steps]), dtype=np.float64)
        if not np.isfinite(value).all():
            raise ValueError(f"metric must return finite numbers, got {value} for a draw of {len(steps)} scores.")
        return value

    drawn = stats.bootstrap(
        strata, on_draw, n_resamples=n, batch=max(1, _BATCH // len(starts)), vectorized=False,
        confidence_level=level, method="percentile", rng=np.random.default_rng(seed),
    )  # fmt: skip
    return np.stack(drawn.confidence_interval)


def metric_intervals(
    names: tuple[str, ...], scores: np.ndarray, truth: np.ndarray, threshold: float, level: Any, **draws: Any
) -> dict[str, Any] | None:
    """Return a bootstrap interval for each of `names`, the first ones of `NAMES`; None without a level."""
    if level is None:
        return None
    level = as_positive(level, "intervals", "the confidence level, or None", 1, "The usual level is 0.95.")
    metric = partial(point_metrics_by_counting, threshold)
    ends = bootstrap_interval(metric, scores, truth, level=level, **draws)
    return dict(zip(names, map(tuple, ends.T.tolist()), strict=False))


def point_metrics_by_counting(threshold: float, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the metrics in `NAMES` without the checks of scikit-learn, which take seconds for 1,000 draws."""
    order = np.argsort(-scores)
    ranked = scores[order]
    # equal scores are one step of the ROC curve
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    hits = np.cumsum(truth[order])[last].astype(np.float64)
    alarms = last + 1 - hits
    abnormal, normal = hits[-1], alarms[-1]
    # an abnormal and a normal score that are equal count half
    auroc = np.sum(np.diff(alarms, prepend=0) * (hits - np.diff(hits, prepend=0) / 2)) / (abnormal * normal)
    average_precision = np.sum(np.diff(hits, prepend=0) * hits / (last + 1)) / abnormal
    flagged = scores > threshold
    tp, fp = float((flagged & truth).sum()), float((flagged & ~truth).sum())
    precision = tp / (tp + fp) if tp else 0.0
    f1 = 2 * tp / (tp + fp + abnormal)
    accuracy = (tp + normal - fp) / len(scores)
    return np.array([auroc, average_precision, precision, tp / abnormal, f1, fp / normal, accuracy])
