"""Scores and decisions against the truth: of sequences, of time steps and of events, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

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

# What is drawn from fewer than this is hardly ever anything else than what there is.
_FEWEST = 5
# Numbers drawn at a time, to bound the memory.
_BATCH = 2**22
# Wu & Keogh 2021 count a top score this near to the event as a find.
_TOLERANCE = 100
# Steps × window, and events × runs called abnormal, that take dtaianomaly about a minute on one slow core.
_MOST_FOR_VOLUMES = 100_000_000
_MOST_FOR_AFFILIATION = 20_000_000
# From labels and scores to one number or several.
Metric = Callable[[np.ndarray, np.ndarray], Any]
# In the order of `point_metrics` and `point_metrics_by_counting`.
POINT_NAMES = ("auroc", "average_precision", "precision", "recall", "f1", "false_alarm_rate")
NAMES = (*POINT_NAMES, "accuracy")


@dataclass(frozen=True)
class Evaluation:
    """How well scores, and the decisions at one threshold, separate abnormal from normal.

    Attributes
    ----------
    auroc : float
        Area under the ROC curve: how often an abnormal sequence scores above a normal one.
    average_precision : float
        Mean precision over all thresholds, weighted by recall.
    threshold : float
        Scores above it are flagged.
    confusion : pandas.DataFrame
        2 × 2, truth in the rows, decision in the columns.
    recall_by_class : pandas.DataFrame
        For each class: how many sequences, how many flagged, and their share.
    precision, recall, f1, false_alarm_rate, accuracy : float
        Of the decisions; the false alarm rate is the share of normal sequences flagged.
        Precision and f1 are 0 where nothing is flagged.
    intervals : dict of (float, float), or None
        Lower and upper end for each single metric, if requested.
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
    _names = (*NAMES, "threshold")

    def to_frame(self) -> pd.DataFrame:
        """The single metrics as a table of one row; an interval adds the columns "… low" and "… high"."""
        return pd.DataFrame([_single_metrics(self)])

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
    """Evaluate scores against labels; the metrics are scikit-learn's.

    Parameters
    ----------
    scores : array, shape (n,)
        The higher, the more anomalous.
    labels : array of integers, shape (n,)
        0 is normal, anything else abnormal; both must occur.
    threshold : float
        Set on normal data alone; scores above it are flagged.
    class_names : sequence of str, optional
        Name of each label, from 0 on.
    intervals : float, optional
        Level of bootstrap intervals for the single metrics, such as 0.95; see
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
    called = scores > threshold
    matrix = metrics.confusion_matrix(truth, called)
    confusion = pd.DataFrame(matrix, ["is normal", "is abnormal"], ["called normal", "called abnormal"])
    groups = pd.Series(called).groupby(pd.Index(labels, name="class"))
    by_class = groups.agg(["size", "sum", "mean"]).set_axis(["sequences", "called abnormal", "share"], axis=1)
    if class_names is not None:
        by_class = by_class.rename(index=dict(enumerate(as_names(class_names, labels))))
    return Evaluation(
        **point_metrics(truth, scores, threshold),
        confusion=confusion,
        recall_by_class=by_class,
        accuracy=float(metrics.accuracy_score(truth, called)),
        intervals=metric_intervals(NAMES, scores, truth, threshold, intervals, block=1, seed=seed),
        level=intervals,
    )


@dataclass(frozen=True)
class SeriesEvaluation:
    """How well scores of time steps, and the decisions at one threshold, find abnormal events.

    Attributes
    ----------
    auroc, average_precision : float
        Of the steps, over all thresholds.
    vus_roc, vus_pr : float or None
        Volume under the ROC and the precision-recall surface: the areas, forgiving near misses,
        on average over all buffers around the events from 0 to `window` steps. Perfect scores
        may stay below 1, for they do not find the buffers. None without a window.
    ucr_score : float
        1 if the highest score lies within 100 steps of any event, or within that event's own
        length where that is more; else 0.
    precision, recall, f1, false_alarm_rate : float
        Of the decisions, step by step; the false alarm rate is the share of normal steps called
        abnormal.
    range_precision, range_recall : float
        Of runs of steps: the share of a run that is right, divided by the number of pieces it
        is found in; in recall half the score is for being found at all.
    affiliation_precision, affiliation_recall : float or None
        By distance in time: the precision is 1 where all decisions lie in events and about 0.5
        for decisions at random, the recall 1 where all of each event is covered. None where
        events times runs flagged are above 20 million, which would take minutes.
    events_found, n_events : int
        An event is found if any of its steps is flagged.
    median_delay : float or None
        Of the events found, in steps; None where none was.
    false_alarms : int
        Runs of steps flagged that touch no event. Where all steps are flagged
        there is none: look at `false_alarm_rate` too.
    false_alarms_per_thousand : float
        To a thousand normal steps.
    false_alarms_per_hour : float or None
        To an hour of normal recording; None where the sampling rate is unknown.
    threshold : float
        Scores above it are flagged.
    window : int or None
        That of the volumes under the surfaces, in steps.
    events : pandas.DataFrame
        Start, end (not included), whether found, and the delay: the first step flagged
        minus the start, in steps and, where the sampling rate is known, in seconds.
    intervals : dict of (float, float), or None
        Lower and upper end for the metrics of the steps, if requested.
    level : float or None
        Of the intervals.
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
    # All fields so far.
    _names = tuple(__annotations__)
    window: int | None
    events: pd.DataFrame
    intervals: dict[str, tuple[float, float]] | None = None
    level: float | None = None

    @property
    def missed(self) -> list[tuple[int, int]]:
        """The events that were not found, as (start, end)."""
        rows = self.events.loc[~self.events["found"], ["start", "end"]]
        return list(rows.itertuples(index=False, name=None))

    def to_frame(self) -> pd.DataFrame:
        """The single metrics as a table of one row; what there is not is missing (`pandas.NA`).

        An interval adds the columns "… low" and "… high".
        """
        optional = [name for name in self._names if self.__annotations__[name] == "float | None"]
        return pd.DataFrame([_single_metrics(self)]).astype(dict.fromkeys(optional, "Float64"))

    def _repr_html_(self) -> str:
        middle = self._names.index("range_precision")
        tables = _metrics_html(self, self._names[:middle]) + _metrics_html(self, self._names[middle:])
        events = self.events.astype(object).where(self.events.notna(), "missed")
        return tables + events.to_html(index=False, float_format="{:.3f}".format)


def evaluate_series(
    scores: Any,
    labels: Any,
    threshold: float,
    *,
    sampling_rate: float | None = None,
    window: int | None = 100,
    intervals: float | None = None,
    block: int | None = None,
    seed: int = 0,
) -> SeriesEvaluation:
    """Evaluate the scores of a series' steps against its labels.

    Point-wise metrics are scikit-learn's. Range-based precision and recall are those of Tatbul
    et al. 2018 (flat bias, cardinality 1/x, existence weight ½), affiliation precision and recall
    of Huet et al. 2022, the volumes under the surfaces of Paparrizos et al. 2022 (250 thresholds;
    the latter two from dtaianomaly, with its corrections of the original, symmetric and linear
    slopes), the UCR score of Wu & Keogh 2021. There is no point-adjusted F1 among them, see
    `misleading_point_adjusted_f1`.

    Where nothing is flagged, precision, f1, and the range-based and affiliation
    precision and recall are 0. Where all scores are equal, AUROC is 0.5 and the UCR score 0.

    Parameters
    ----------
    scores : array, shape (time,)
        The higher, the more anomalous; finite.
    labels : array of integers, shape (time,)
        0 is normal, anything else abnormal; both must occur. Each run of abnormal steps is an
        event.
    threshold : float
        Set on normal data alone; scores above it are flagged.
    sampling_rate : float, optional
        Time steps per second (Hz), for delays in seconds and false alarms per hour.
    window : int or None, default 100
        Largest buffer around events in the volumes under the surfaces, in steps; best about one
        period of the series. The volumes take time · window: 9 s for 100,000 steps on two slow
        cores, and 4 s more at their first use. None leaves them out.
    intervals : float, optional
        Level of bootstrap intervals for the point-wise metrics, such as 0.95; see
        `bootstrap_interval`. 1,000 draws of 100,000 steps take 8 s.
    block : int, optional
        Steps that are drawn together. Default: the longest event, or the window where that is
        more.
    seed : int, default 0
        Which random draws.

    Returns
    -------
    SeriesEvaluation

    Raises
    ------
    TypeError, ValueError
        If scores and labels do not fit, only one side occurs, time · window is above 100
        million, or there are too few blocks for an interval.

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
    threshold = as_threshold(threshold)
    sampling_rate = check_sampling_rate(sampling_rate, "the series")
    if window is not None:
        # More would take minutes.
        window = as_count(window, "window", f"or None, for {len(scores)} steps", most=_MOST_FOR_VOLUMES // len(scores))
    called = scores > threshold
    events = event_table(truth, called, sampling_rate)
    if block is None:
        block = max(window or 1, int((events["end"] - events["start"]).max()))
    affiliation_precision, affiliation_recall = affiliation(truth, called)
    vus_roc, vus_pr = (None, None) if window is None else volumes(truth, scores, window)
    # alarms that touch no event
    false_alarms = sum(not truth[start:end].any() for start, end in runs(called))
    normal = int((~truth).sum())
    delays = events["delay, steps"].dropna()
    return SeriesEvaluation(
        **point_metrics(truth, scores, threshold),
        vus_roc=vus_roc,
        vus_pr=vus_pr,
        ucr_score=ucr_score(truth, scores),
        range_precision=range_precision(truth, called),
        range_recall=range_recall(truth, called),
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
        intervals=metric_intervals(POINT_NAMES, scores, truth, threshold, intervals, block=block, seed=seed),
        level=intervals,
    )


def compare(evaluations: Mapping[str, Any]) -> pd.DataFrame:
    """Several detectors in one table.

    Parameters
    ----------
    evaluations : dict of Evaluation, or dict of SeriesEvaluation
        What `evaluate` or `evaluate_series` gave for each detector, under its name.

    Returns
    -------
    pandas.DataFrame
        One row for each detector, in the order given, the columns of `to_frame`.

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


def _single_metrics(evaluation: Evaluation | SeriesEvaluation) -> dict[str, Any]:
    """Each metric that is one number, followed by the two ends of its interval where it has one."""
    row, intervals = {}, evaluation.intervals or {}
    for name in evaluation._names:
        row[name] = getattr(evaluation, name)
        if name in intervals:
            row[f"{name} low"], row[f"{name} high"] = intervals[name]
    return row


def _metrics_html(evaluation: Evaluation | SeriesEvaluation, names: tuple[str, ...]) -> str:
    """A row of metrics, and under it a row of their intervals."""
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


def point_metrics(truth: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, float]:
    """The metrics of sequences or of steps, and the threshold; scikit-learn's."""
    called = scores > threshold
    areas = metrics.roc_auc_score(truth, scores), metrics.average_precision_score(truth, scores)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, called, average="binary", zero_division=0)
    values = (*areas, precision, recall, f1, called[~truth].mean())
    return {"threshold": threshold, **dict(zip(POINT_NAMES, map(float, values), strict=True))}


def event_table(truth: np.ndarray, called: np.ndarray, sampling_rate: float | None) -> pd.DataFrame:
    """Each event, whether it was found, and how late; the delay of one that was missed is missing."""
    table = pd.DataFrame(runs(truth), columns=["start", "end"])
    decisions = [called[start:end] for start, end in runs(truth)]
    table["found"] = np.array([part.any() for part in decisions])
    table["delay, steps"] = pd.array([np.argmax(part) if part.any() else None for part in decisions], dtype="Int64")
    if sampling_rate is not None:
        table["delay, s"] = table["delay, steps"].astype("Float64") / sampling_rate
    return table


def range_precision(truth: np.ndarray, called: np.ndarray) -> float:
    """Range-based precision (Tatbul et al. 2018, equations 8 and 9): flat bias, cardinality 1/x; 0 with no run.

    dtaianomaly's gives the same and needs minutes where a long event is called in many pieces.
    """
    return float(np.mean([_overlap(truth[start:end]) for start, end in runs(called)] or [0.0]))


def range_recall(truth: np.ndarray, called: np.ndarray) -> float:
    """Range-based recall (equations 3 to 7): half for being found at all, flat bias, cardinality 1/x."""
    found = [called[start:end] for start, end in runs(truth)]
    return float(np.mean([0.5 * part.any() + 0.5 * _overlap(part) for part in found]))


def _overlap(part: np.ndarray) -> float:
    """The share of a range that is covered, divided by the number of pieces that cover it."""
    return float(part.mean()) / max(1, len(runs(part)))


def ucr_score(truth: np.ndarray, scores: np.ndarray) -> float:
    """1 where the highest score (the first of them) is near an event, else 0; 0 where all scores are equal."""
    if scores.min() == scores.max():
        return 0.0
    top = int(np.argmax(scores))
    margins = [(start, end, max(_TOLERANCE, end - start)) for start, end in runs(truth)]
    return float(any(start - margin <= top < end + margin for start, end, margin in margins))


def affiliation(truth: np.ndarray, called: np.ndarray) -> tuple[float | None, float | None]:
    """Affiliation precision and recall (Huet et al. 2022), dtaianomaly's; 0 with no run, None where slow."""
    if not called.any():
        return 0.0, 0.0
    if len(runs(truth)) * len(runs(called)) > _MOST_FOR_AFFILIATION:
        return None, None
    # Two seconds of compiling, for those who need it.
    from dtaianomaly.evaluation import AffiliationPrecision, AffiliationRecall

    given = truth.astype(int), called.astype(int)
    return AffiliationPrecision().compute(*given), AffiliationRecall().compute(*given)


def volumes(truth: np.ndarray, scores: np.ndarray, window: int) -> tuple[float, float]:
    """VUS-ROC and VUS-PR (Paparrizos et al. 2022), dtaianomaly's."""
    from dtaianomaly.evaluation import VolumeUnderPR, VolumeUnderROC

    answer = truth.astype(int)
    # numba, on which these run, sets the number of OpenMP threads at its first use, and PyTorch shares it:
    # later trainings would give other results than earlier ones.
    with with_threads(torch.get_num_threads()):
        under_roc = VolumeUnderROC(max_buffer_size=window).compute(answer, scores)
        return under_roc, VolumeUnderPR(max_buffer_size=window).compute(answer, scores)


def misleading_point_adjusted_f1(scores: Any, labels: Any, threshold: float) -> float:
    """F1 after every step of an event counts as found if one of them was: **do not report it**.

    Xu et al. 2018 (WWW) introduced the adjustment and many papers followed. Kim et al. 2022
    (AAAI, arXiv:2109.05257) show that random scores then reach the best results published: in
    a long event a single lucky step is enough. It is here for the lesson that takes it apart,
    and for comparison with values from papers.

    Parameters
    ----------
    scores : array, shape (time,)
        The higher, the more anomalous.
    labels : array of integers, shape (time,)
        0 is normal, anything else abnormal; both must occur.
    threshold : float
        Scores above it are flagged.

    Returns
    -------
    float
        0 where nothing is flagged.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1, 0], [800, 100, 100])
    >>> scores = np.random.default_rng(0).uniform(size=1000)  # knows nothing
    >>> f1 = misleading_point_adjusted_f1(scores, labels, threshold=0.98)
    >>> bool(f1 > 0.85)
    True
    """
    scores = as_scores(scores, "scores", "time step")
    truth = as_truth(labels, scores, "time step")
    called = point_adjusted(scores > as_threshold(threshold), truth)
    return float(metrics.f1_score(truth, called, zero_division=0))


def point_adjusted(called: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Decisions with every step of an event flagged as soon as one of them is; both of shape (time,), bool.

    >>> point_adjusted(np.array([False, True, False, False]), np.array([True, True, False, True]))
    array([ True,  True, False, False])
    """
    adjusted = called.copy()
    for start, end in runs(truth):
        adjusted[start:end] |= called[start:end].any()
    return adjusted


def bootstrap_interval(
    metric: Metric, scores: Any, labels: Any, *, level: float = 0.95, n: int = 1000, block: int = 1, seed: int = 0
) -> np.ndarray:
    """A percentile bootstrap interval of any metric (Efron 1979; drawn by `scipy.stats.bootstrap`).

    Sequences (`block=1`) are drawn with replacement, the normal and the abnormal ones apart, so
    that both are always there, in the numbers they have.

    Neighbouring time steps depend on each other: drawn one by one they would look like more
    data than they are, and the interval would be too narrow. They are drawn in whole blocks
    of consecutive steps (Künsch 1989; here the blocks do not overlap, as in Carlstein 1986):
    those with an abnormal step and those without one apart. A block should be at least as long
    as scores depend on each other, such as a window, and as an event.

    The trained model and the threshold are taken as given: what another training run would
    change is not in the interval. Where no draw differs from the data, as with an AUROC of 1,
    its width is 0, which means that the bootstrap cannot tell, not that the metric is certain.
    With few sequences or blocks it is too narrow (in a test, 40 normal and 40 abnormal ones
    are enough).

    Parameters
    ----------
    metric : callable
        `metric(labels, scores)`, the order of scikit-learn's functions, labels True where
        abnormal; returns one finite number, or an array of several.
    scores : array, shape (n,) or (time,)
        The higher, the more anomalous.
    labels : array of integers, shape (n,) or (time,)
        0 is normal, anything else abnormal.
    level : float, default 0.95
        How often such intervals should hold the true value.
    n : int, default 1000
        Draws.
    block : int, default 1
        Time steps that are drawn together.
    seed : int, default 0
        Which random draws.

    Returns
    -------
    numpy.ndarray, shape (2,) or (2, metrics)
        Lower and upper end.

    Raises
    ------
    TypeError, ValueError
        If scores and labels do not fit, fewer than five (blocks) of either kind are there to
        draw from, or the metric returns no finite numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import roc_auc_score
    >>> generator = np.random.default_rng(0)
    >>> scores, labels = generator.normal(size=200), np.repeat([0, 1], 100)
    >>> low, high = bootstrap_interval(roc_auc_score, scores + labels, labels, n=200)
    >>> bool(low < 0.76 < high)  # the true AUROC of normal distributions one s.d. apart
    True
    """
    if not callable(metric):
        raise TypeError(f"metric must be a function of labels and scores, such as roc_auc_score, got {metric!r}.")
    each = "sequence" if block == 1 else "time step"
    scores = as_scores(scores, "scores", each)
    truth = as_truth(labels, scores, each)
    level = as_positive(level, "level", "how often the interval should hold the true value", 1, "The default is 0.95.")
    n, seed = as_count(n, "n", "the number of draws", 100), as_count(seed, "seed", "which random draws", 0)
    block = as_count(block, "block", "in time steps drawn together")
    starts = np.arange(0, len(scores), block)
    abnormal = np.logical_or.reduceat(truth, starts)
    strata = starts[~abnormal], starts[abnormal]
    if min(map(len, strata)) < _FEWEST:
        what = f"blocks of {block} steps" if block > 1 else "sequences"
        wanted = f"at least {_FEWEST} normal and {_FEWEST} abnormal {what} to draw from"
        raise ValueError(f"labels must give {wanted}, got {len(strata[0])} and {len(strata[1])}.")

    def on_draw(*drawn: np.ndarray) -> Any:
        steps = (np.concatenate(drawn).astype(np.intp)[:, None] + np.arange(block)).ravel()
        # The last block may be shorter than the others.
        steps = steps[steps < len(scores)]
        value = np.asarray(metric(truth[steps], scores[steps]), dtype=np.float64)
        if not np.isfinite(value).all():
            raise ValueError(f"metric must return finite numbers, got {value} on a draw of {len(steps)} scores.")
        return value

    drawn = stats.bootstrap(
        strata, on_draw, n_resamples=n, batch=max(1, _BATCH // len(starts)), vectorized=False,
        confidence_level=level, method="percentile", rng=np.random.default_rng(seed),
    )  # fmt: skip
    return np.stack(drawn.confidence_interval)


def metric_intervals(
    names: tuple[str, ...], scores: np.ndarray, truth: np.ndarray, threshold: float, level: Any, **draws: Any
) -> dict[str, Any] | None:
    """A bootstrap interval for each of the first metrics in `NAMES`; None without a level."""
    if level is None:
        return None
    level = as_positive(level, "intervals", "their level, or None", 1, "0.95 is usual.")
    metric = partial(point_metrics_by_counting, threshold)
    ends = bootstrap_interval(metric, scores, truth, level=level, **draws)
    return dict(zip(names, map(tuple, ends.T.tolist()), strict=False))


def point_metrics_by_counting(threshold: float, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """`NAMES` again, quick enough for a thousand draws, where scikit-learn's checks take seconds; a test compares."""
    order = np.argsort(-scores)
    ranked = scores[order]
    # Equal scores are one step of the curve.
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    hits = np.cumsum(truth[order])[last].astype(np.float64)
    alarms = last + 1 - hits
    abnormal, normal = hits[-1], alarms[-1]
    # A tie of an abnormal and a normal score counts half.
    auroc = np.sum(np.diff(alarms, prepend=0) * (hits - np.diff(hits, prepend=0) / 2)) / (abnormal * normal)
    average_precision = np.sum(np.diff(hits, prepend=0) * hits / (last + 1)) / abnormal
    called = scores > threshold
    found, false = float((called & truth).sum()), float((called & ~truth).sum())
    precision = found / (found + false) if found else 0.0
    f1 = 2 * found / (found + false + abnormal)
    accuracy = (found + normal - false) / len(scores)
    return np.array([auroc, average_precision, precision, found / abnormal, f1, false / normal, accuracy])
