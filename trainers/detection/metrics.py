"""`evaluate_series`: scores of time steps against labels of time steps, as points and as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn import metrics

from data.data_set import check_sampling_rate
from trainers.detection._validation import as_count, as_scores, as_share, as_threshold, as_truth
from trainers.detection.counting import figure_intervals
from trainers.detection.event_figures import (
    MOST_FOR_VOLUMES,
    affiliation,
    count_false_alarms,
    event_table,
    range_precision,
    range_recall,
    ucr_score,
    volumes,
)
from trainers.detection.table import figures_html, interleaved


@dataclass(frozen=True)
class SeriesEvaluation:
    """How well scores of time steps, and the decisions at one threshold, find abnormal events.

    Attributes
    ----------
    auroc, average_precision : float
        Of the steps, over all thresholds.
    vus_roc, vus_pr : float or None
        Volume under the ROC and the precision-recall surface: the areas, forgiving near misses,
        in the mean over all buffers around the events from 0 to `window` steps. Perfect scores
        may stay below 1, for they do not find the buffers. None without a window.
    ucr_score : float
        1 if the highest score lies within 100 steps of any event, or within that event's own
        length where that is more; else 0.
    precision, recall, f1, false_alarm_rate : float
        Of the decisions, step by step; the false alarm rate is the share of normal steps called
        abnormal.
    range_precision, range_recall : float
        Of runs of steps: the share of a run that is right, divided by the number of pieces it
        is found in; in recall half the mark is for being found at all.
    affiliation_precision, affiliation_recall : float or None
        By distance in time: the precision is 1 where all decisions lie in events and about 0.5
        for decisions at random, the recall 1 where all of each event is covered. None where
        events times runs called abnormal are above 20 million, which would take minutes.
    events_found, n_events : int
        An event is found if any of its steps is called abnormal.
    median_delay : float or None
        Of the events found, in steps; None where none was.
    false_alarms : int
        Runs of steps called abnormal that touch no event. Where all steps are called abnormal
        there is none: look at `false_alarm_rate` too.
    false_alarms_per_thousand : float
        To a thousand normal steps.
    false_alarms_per_hour : float or None
        To an hour of normal recording; None where the sampling rate is unknown.
    threshold : float
        Scores above it are called abnormal.
    window : int or None
        That of the volumes under the surfaces, in steps.
    events : pandas.DataFrame
        Start, end (not included), whether found, and the delay: the first step called abnormal
        less the start, in steps and, where the sampling rate is known, in seconds.
    intervals : dict of (float, float), or None
        Lower and upper end for the figures of the steps, where they were asked for.
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
    window: int | None
    events: pd.DataFrame
    intervals: dict[str, tuple[float, float]] | None = None
    level: float | None = None

    @property
    def missed(self) -> list[tuple[int, int]]:
        """The events that were not found, as (start, end)."""
        rows = self.events[~self.events["found"]]
        return list(zip(rows["start"].tolist(), rows["end"].tolist(), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """The single figures as a table of one row; what there is not is missing (`pandas.NA`).

        An interval adds the columns "… low" and "… high".
        """
        frame = pd.DataFrame([interleaved(self._figures, self.intervals)])
        optional = [name for name in _OPTIONAL if name in frame]
        return frame.astype(dict.fromkeys(optional, "Float64"))

    @property
    def _figures(self) -> dict[str, Any]:
        names = list(self.__dataclass_fields__)
        return {name: getattr(self, name) for name in names[: names.index("window")]}

    def _repr_html_(self) -> str:
        figures = list(self._figures.items())
        middle = [name for name, _ in figures].index("range_precision")
        halves = (dict(part) for part in (figures[:middle], figures[middle:]))
        tables = (figures_html(half, self.intervals, self.level) for half in halves)
        events = self.events.astype(object).where(self.events.notna(), "missed")
        return "".join(tables) + events.to_html(index=False, float_format="{:.3f}".format)


_OPTIONAL = (
    "vus_roc",
    "vus_pr",
    "affiliation_precision",
    "affiliation_recall",
    "median_delay",
    "false_alarms_per_hour",
)


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
    """Judge the scores of a series' steps against its labels.

    Point-wise figures are scikit-learn's. Range-based precision and recall are those of Tatbul
    et al. 2018 (flat bias, cardinality 1/x, existence weight ½), affiliation precision and recall
    of Huet et al. 2022, the volumes under the surfaces of Paparrizos et al. 2022 (250 thresholds;
    the latter two from dtaianomaly, with its corrections of the original, symmetric and linear
    slopes), the UCR score of Wu & Keogh 2021. There is no point-adjusted F1 among them, see
    `misleading_point_adjusted_f1`.

    Where nothing is called abnormal, precision, f1, and the range-based and affiliation
    precision and recall are 0. Where all scores are equal, AUROC is 0.5 and the UCR score 0.

    Parameters
    ----------
    scores : array, shape (time,)
        The higher, the more anomalous; finite.
    labels : array of whole numbers, shape (time,)
        0 is normal, anything else abnormal; both must occur. Each run of abnormal steps is an
        event.
    threshold : float
        Set on normal data alone; scores above it are called abnormal.
    sampling_rate : float, optional
        Time steps per second (Hz), for delays in seconds and false alarms per hour.
    window : int or None, default 100
        Largest buffer around events in the volumes under the surfaces, in steps; best about one
        period of the series. The volumes take time · window: 9 s for 100,000 steps on two slow
        cores, and 4 s more at their first use. None leaves them out.
    intervals : float, optional
        Level of bootstrap intervals for the point-wise figures, such as 0.95; see
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
    >>> verdict = evaluate_series(scores, labels, threshold=1.5, sampling_rate=2, window=None)
    >>> verdict.events
       start  end  found  delay, steps  delay, s
    0      4    7   True             1       0.5
    >>> verdict.false_alarms, round(verdict.recall, 3)
    (0, 0.667)
    """
    scores = as_scores(scores, "scores", "time step")
    truth = as_truth(labels, scores, "time step")
    threshold = as_threshold(threshold)
    sampling_rate = check_sampling_rate(sampling_rate, "the series")
    window = None if window is None else as_count(window, "window", "of steps, or None")
    if window is not None and len(scores) * window > MOST_FOR_VOLUMES:
        msg = (
            f"window must be at most {max(1, MOST_FOR_VOLUMES // len(scores))} for {len(scores)} time steps, or the "
            f"volumes under the surfaces take minutes; got {window}. Make it smaller, or None to leave them out."
        )
        raise ValueError(msg)
    called = scores > threshold
    events = event_table(truth, called, sampling_rate)
    ends = None
    if intervals is not None:
        intervals = as_share(intervals, "intervals", "their level, or None", "0.95 is usual.")
        if block is None:
            block = max(window or 1, int((events["end"] - events["start"]).max()))
        block = as_count(block, "block", "of time steps drawn together")
        seed = as_count(seed, "seed", "which random draws", 0)
        ends = figure_intervals(scores, truth, threshold, level=intervals, block=block, seed=seed)
        del ends["accuracy"]
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(truth, called, average="binary", zero_division=0)
    affiliation_precision, affiliation_recall = affiliation(truth, called)
    vus_roc, vus_pr = (None, None) if window is None else volumes(truth, scores, window)
    false_alarms, normal = count_false_alarms(truth, called), int((~truth).sum())
    delays = events["delay, steps"].dropna()
    return SeriesEvaluation(
        auroc=float(metrics.roc_auc_score(truth, scores)),
        average_precision=float(metrics.average_precision_score(truth, scores)),
        vus_roc=vus_roc,
        vus_pr=vus_pr,
        ucr_score=ucr_score(truth, scores),
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        false_alarm_rate=float(called[~truth].mean()),
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
        threshold=threshold,
        window=window,
        events=events,
        intervals=ends,
        level=intervals,
    )
