"""`report`: train on a recording, and write an HTML page about the detected events and the baselines.

The text of the page is in `report.html`.
"""

from __future__ import annotations

import base64
import math
import os
import re
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined

from data import CSVWarning, Series, SeriesCheck, check_series, load_csv
from data.words import digits, duration, length_and_sampling, many, percent
from trainers.checks import as_positive
from trainers.console import say
from trainers.detection import AnomalyDetector, Detection, Explanation, SeriesEvaluation, compare, evaluate_series
from trainers.detection.baselines import SERIES_BASELINES, SLOW, series_baseline_scores
from trainers.detection.detection_plots import plot_errors
from trainers.detection.preprocessing import as_normal, hold_out
from trainers.detection.thresholds import RULES, quantile_threshold, tracked_thresholds
from trainers.detection.windowing import SHORTEST_PART
from trainers.history import Epoch
from trainers.plotting import Figure
from trainers.widgets import SeriesViewer
from trainers.widgets.export import write_body
from trainers.widgets.series_viewer import MUCH_FLAGGED, steps_in, touched, when

# Rows of the table of events.
MOST_EVENTS = 20
# Steps × window up to which the volumes under the surfaces (VUS) of all detectors take about a minute.
MOST_FOR_VOLUMES = 10_000_000
# Steps before the first labelled event that suffice for training: 60, 20 and 20 % of them.
FEWEST_STEPS = 5 * SHORTEST_PART
# More is flagged than the rate allows if the share is this many times the rate; less can happen by chance.
EXCESS = 1.5
# The metrics of the page, with their names there.
METRICS = {
    "vus_pr": "VUS-PR", "average_precision": "average precision", "auroc": "AUROC", "ucr_score": "UCR score",
    "events_found": "events found", "false_alarms": "false alarms", "f1": "F1",
}  # fmt: skip
# What the results of these checks mean for an event; the feature is before it, and the number of steps after it.
FAULTS = {
    "flatline": "stood still for",
    "missing": "has no values for",
    "outlier": "is far outside its usual range for",
}
# Units of the scaled data, by the detector's `scaling`.
UNITS = {"standard": "s.d. of the training part", "robust": "interquartile ranges of the training part"}


class Report(NamedTuple):
    """The result of `report`, for further analysis.

    Attributes
    ----------
    path : Path
        The page.
    detector : AnomalyDetector
        The detector, fitted to the first part of the recording.
    detection : Detection
        The detection on the second part; its steps are counted from the start of this part.
    evaluations : dict of SeriesEvaluation
        The evaluation of each detector by name; empty if the second part has no labels, or only one class.
    events : pandas.DataFrame
        The events of the page, the highest score first: start and end (excluded) in steps of the whole recording,
        peak, score and note. Events with less than one window between them are one event.
    """

    path: Path
    detector: AnomalyDetector
    detection: Detection
    evaluations: dict[str, SeriesEvaluation]
    events: pd.DataFrame


def report(
    source: Any,
    output: str | os.PathLike[str] = "report.html",
    *,
    training: float = 0.5,
    device: str | torch.device = "cpu",
    progress: bool = True,
    csv: dict[str, Any] | None = None,
    **hyperparameters: Any,
) -> Report:
    """Train on the first part of a recording, score the rest, and write one HTML page about it.

    The page shows the series with its scores, threshold and events in an interactive plot, a table
    of the events with the features that contribute most to their error, the result of
    `data.check_series`, the loss curve with every restore, the threshold and its rule, baselines
    with a threshold of the same kind, and all settings. It works without network and kernel. If more is flagged than
    the threshold's rate allows, the page gives possible reasons, and what to try.

    For labelled recordings, the volumes under the surfaces are computed in all threads of numba; the command
    uses one. Set the environment variable ``NUMBA_NUM_THREADS`` to change this.

    Two events with less than one window between them are one event on the page (`Detection.merged_events`). The
    metrics do not merge events.

    Parameters
    ----------
    source : path, Series or array of shape (time,)
        A CSV file, or a recording.
    output : path, default "report.html"
        The page to write; an existing file is replaced.
    training : float, default 0.5
        Share of the recording, from its start, that is assumed to be normal and used for training,
        validation and calibration. If it contains a labelled event, it ends at the first event; if fewer than 100
        steps precede that event, the part is used without its labelled events.
    device : str or torch.device, default "cpu"
        "cpu" or "gpu".
    progress : bool, default True
        Whether to print the progress in percent, and the time left.
    csv : dict, optional
        Arguments of `data.load_csv`, such as ``{"labels": "fault"}``.
    **hyperparameters
        Hyperparameters of `AnomalyDetector`, such as ``window=200, epochs=10, seed=1``. The default of `adapt` is
        False here, so that events are flagged from beginning to end.

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError, OSError
        In the cases of `load_csv` and `AnomalyDetector.fit`, or if the page's folder does not exist. All errors
        except those of the training itself are raised before the training.

    Examples
    --------
    >>> wave = np.sin(np.arange(3000) * 2 * np.pi / 30)
    >>> wave[2400:2420] = 0
    >>> folder = getfixture("tmp_path")
    >>> result = report(wave, folder / "wave.html", epochs=2, progress=False)
    >>> any(start < 920 and end > 900 for start, end in result.detection.events)
    True
    """
    path, folder = Path(output), Path(output).absolute().parent
    if not folder.is_dir() or path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise ValueError(f"output must be a file in a folder that exists and is writable, got {str(path)!r}.")

    log = _Progress(printing=progress)
    notes: list[str] = []
    decisions: list[str] = []
    if isinstance(source, str | os.PathLike):
        log(0, f"reading {source}")
        series = _noted(lambda: load_csv(source, **csv or {}), notes, CSVWarning)
    else:
        series = Series.of(source, "recording")
    first, rest = _split(series, training)
    detector = AnomalyDetector(device=device, **{"adapt": False, **hyperparameters})
    window = _noted(lambda: detector.choose_window(first), decisions, UserWarning)
    if len(rest) < window:
        raise ValueError(f"training must leave a window of {window} steps to score, got {len(rest)} steps.")
    # data check
    check = check_series(series, training=len(first) / len(series), window=window)
    for finding in filter(lambda finding: finding.verdict == "fix", check):
        log(1, f"fix first: {finding.check}{f' of {finding.feature}' * bool(finding.feature)}: {finding.found}")
    # training and detection
    log(2, f"training on the first {_length(first)}, in windows of {window} steps")
    with warnings.catch_warnings():
        for decision in decisions:
            # issued already
            warnings.filterwarnings("ignore", re.escape(decision))
        detector.fit(first, progress=False, callbacks=[log.of_training(detector.epochs)])
        log(80, f"scoring the other {_length(rest)}")
        detection, explanation = _noted(lambda: detector.detect(rest), decisions, UserWarning), detector.explain(rest)
        # baselines
        log(84, "scoring with the baselines")
        detections = {"LSTM autoencoder": detection, **_baselines(detector, window, first, rest, detection)}
    log(88, "comparing with the labels" if rest.labels is not None else "writing the page")
    evaluations = _evaluate(detections, window, rest)
    # page
    events = _events(detection, window, check, len(first))
    viewer = _viewer(series, detection, explanation, events)
    flagged = _Flagged.of(detection, rest, detector, window)
    pages = Environment(loader=PackageLoader("trainers", ""), autoescape=True, undefined=StrictUndefined)
    pages.filters |= {"png": _png, "digits": digits, "percent": percent, "described": _length}
    pages.filters["count"] = "{:,}".format
    text = pages.get_template("report.html").render(
        series=series,
        first=first,
        rest=rest,
        notes=notes,
        decisions=decisions,
        check=check,
        detector=detector,
        rule=RULES[detector.rule],
        detection=detection,
        changes=np.ndim(detection.threshold) > 0,
        flagged=flagged,
        much=flagged.share > MUCH_FLAGGED and flagged.of_normal > MUCH_FLAGGED / 2,
        reasons=_reasons(flagged, check, detector, series, len(first)) if flagged.too_many else {},
        viewer=viewer,
        most_events=MOST_EVENTS,
        events=events,
        rows=_rows(events, series, explanation, len(first)),
        numbers=events.start.rank().astype(int),
        labelled=touched(rest.events, detection.merged_events(window)) if evaluations else [],
        figures=_figures(detector),
        comparison=_comparison(detections, window),
        evaluations=_html(_metrics(evaluations), index=True) if evaluations else "",
    )
    write_body(path, f"Anomalies in {series.name}", text)
    viewer.close()
    log(100, f"{many(len(events), 'event')}; {percent(flagged.share)} of the scored steps flagged; written to {path}")
    return Report(path, detector, detection, evaluations, events)


class _Progress:
    """Prints the stage, the percentage of all work that is done, and the time left."""

    def __init__(self, *, printing: bool) -> None:
        self.printing, self.began = printing, time.monotonic()

    def __call__(self, percent: float, stage: str) -> None:
        if not self.printing:
            return
        # proportional to the time so far; unknown before the first epoch
        left = (time.monotonic() - self.began) * (100 - percent) / percent if percent > 2 else 0.0
        say(f"{percent:3.0f} %  {stage}" + f"; about {duration(float(f'{left:.2g}'))} left" * (left >= 1))

    def of_training(self, epochs: int) -> Callable[[Epoch, Any], None]:
        """Return a callback that prints about ten lines; the training is 78 % of all work."""

        def after_epoch(row: Epoch, _: Any) -> None:
            if row.epoch in (1, epochs) or row.epoch % math.ceil(epochs / 10) == 0:
                losses = f"validation loss {digits(row.validation_loss)}, best {digits(row.best_loss)}"
                self(2 + 78 * row.epoch / epochs, f"training, epoch {row.epoch}/{epochs}: {losses}")

        return after_epoch


# ---------------------------------------------------------------------- before the training


def _noted(function: Callable[[], Any], notes: list[str], category: type[Warning]) -> Any:
    """Return the result of a function; its warnings about automatic decisions are notes, and are issued again."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", category)
        result = function()
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=3)
    notes += [str(warning.message) for warning in caught if issubclass(warning.category, category)]
    return result


def _split(series: Series, training: float) -> tuple[Series, Series]:
    """Return the part for training, validation and calibration, and the part to score."""
    training = as_positive(training, "training", "the share of the recording to train on", 1, "The default is 0.5.")
    end = round(training * len(series))
    if series.labels is not None and series.abnormal[:end].any() and series.events[0][0] >= FEWEST_STEPS:
        end = series.events[0][0]
    if not 0 < end < len(series):
        raise ValueError(f"{series.name!r} must begin with a normal part, got {end} of {len(series)} normal steps.")
    name = series.name
    return series.part(slice(end), f"{name}, training"), series.part(slice(end, None), f"{name}, scored")


# ---------------------------------------------------------------------- after the training


def _baselines(
    detector: AnomalyDetector, window: int, first: Series, rest: Series, detection: Detection
) -> dict[str, Detection]:
    """Return the detections of the baselines, with a conformal threshold from the same calibration part.

    Steps that the network cannot score, because too many values are missing, are unscored here as well.
    """
    training, _, calibration = hold_out(as_normal(first, "normal"), detector.seed)
    options = {"window": max(3, window), "stride": detector.stride, "seed": detector.seed}
    scored = ~detector.detect(calibration).unscored
    detections = {}
    # each baseline is computed twice
    for name in (name for name in SERIES_BASELINES if name not in SLOW):
        normal, scores = (series_baseline_scores(name, training, part, **options) for part in (calibration, rest))
        normal = normal[scored]
        rate = max(detector.rate, min(0.5, 2 / len(normal)))
        threshold: Any = quantile_threshold(normal, rate=rate)
        if np.ndim(detection.threshold):
            threshold = tracked_thresholds(normal, np.where(detection.unscored, np.nan, scores), rate=rate)
        detections[name] = Detection(np.where(detection.unscored, 0.0, scores), threshold, detection.unscored, rest)
    return detections


def _evaluate(detections: dict[str, Detection], window: int, rest: Series) -> dict[str, SeriesEvaluation]:
    if rest.labels is None or not rest.abnormal.any() or rest.abnormal.all():
        return {}
    # without the volumes on long recordings, on which they take longer than the training
    volumes = window if window * len(rest) < MOST_FOR_VOLUMES else None
    return {
        name: evaluate_series(d.scores, rest.labels, d.threshold, sampling_rate=rest.sampling_rate, window=volumes)
        for name, d in detections.items()
    }


# ---------------------------------------------------------------------- the page


class _Flagged(NamedTuple):
    """How much is flagged, and how much the threshold's rate allows.

    Attributes
    ----------
    share : float
        Share of the scored steps above the threshold.
    covered : float
        Share of the scored steps that are in events, with the steps between merged runs.
    of_normal : float
        Share of the scored steps above the threshold, without steps that are labelled abnormal.
    quarters : list of float
        `of_normal` in each quarter of the scored part.
    allowed : float or None
        Rate of the threshold rule for normal data; None for rules without a rate.
    """

    share: float
    covered: float
    of_normal: float
    quarters: list[float]
    allowed: float | None

    @classmethod
    def of(cls, detection: Detection, rest: Series, detector: AnomalyDetector, window: int) -> _Flagged:
        """Count the flagged steps of a detection; unscored steps are left out."""
        scored, inside = ~detection.unscored, steps_in(detection.merged_events(window), len(rest))
        normal = detection.abnormal[scored & ~rest.abnormal if rest.labels is not None else scored]
        quarters = list(map(_share, np.array_split(normal, 4)))
        return cls(
            _share(detection.abnormal[scored]), _share(inside[scored]), _share(normal), quarters, detector.rate_in_use
        )

    @property
    def too_many(self) -> bool:
        """Whether a clearly larger share of the normal steps is flagged than the rate allows."""
        return self.allowed is not None and self.of_normal > EXCESS * self.allowed


def _share(mask: np.ndarray) -> float:
    return float(mask.mean()) if mask.size else 0.0


def _reasons(
    flagged: _Flagged, check: SeriesCheck, detector: AnomalyDetector, series: Series, n_training: int
) -> dict[tuple[str, str], list[str]]:
    """Return the possible reasons why too much is flagged, by what to try: advice, and options of the command."""
    # a longer training part must leave steps to score, and ends at the first labelled event
    end = series.events[0][0] if series.labels is not None and series.events else 0.9 * len(series)
    longer = math.floor(10 * min(n_training / len(series) + 0.2, end / len(series))) / 10
    train = ("Train on another normal recording.", "")
    if longer > n_training / len(series):
        train = ("Train on more of the recording, so that it includes all normal states:", f"--training {longer:g}")
    length = detector.window_length or 0
    half = max(10, length // 2)
    window = ("Use a longer normal recording.", "")
    if half < length:
        window = ("Use a longer normal recording, or shorter windows:", f"--window {half}")
    rate = detector.rate / 10
    stricter = '--rule "peaks over threshold" ' * (len(detector.calibration_scores) < 1 / rate) + f"--rate {rate:g}"
    inspect = ("Inspect the events with the highest scores. If they are normal, raise the threshold:", stricter)
    follow = ("If normal data changes with time, let the threshold follow the scores:", "--adapt")
    if detector.adapt or detector.rule != "conformal quantile":
        follow = train
    reasons: dict[tuple[str, str], list[str]] = {train: [], follow: [], window: [], inspect: []}
    for one in (one for one in check if one.verdict != "ok"):
        if one.check == "distribution shift":
            reasons[train].append(f"The training part is not like the rest in {one.feature}. {one.found}")
        elif one.check == "drift":
            reasons[train].append(f"{one.feature} drifts. {one.found}")
        elif one.check == "training":
            reasons[window].append(f"Few windows set the threshold. {one.found}")
    if flagged.quarters[-1] > 2 * max(flagged.quarters[0], flagged.allowed or 0):
        quarters = ", ".join(map(percent, flagged.quarters))
        reasons[follow].append(f"The share increases with time: {quarters} in the four quarters of the scored part.")
    spread = f"the scores of up to {length} steps (one window) before and after an anomaly increase too"
    reasons[inspect].append(f"The events are true anomalies: the rate holds for normal data only, and {spread}.")
    return {advice: texts for advice, texts in reasons.items() if texts}


def _viewer(series: Series, detection: Detection, explanation: Explanation, events: pd.DataFrame) -> SeriesViewer:
    """Return a viewer of the whole recording, with steps as in the file; scores are NaN where nothing is scored."""
    n_training = len(series) - len(detection.scores)
    # in units of the threshold if that follows the scores
    threshold, changes = detection.threshold, np.ndim(detection.threshold) > 0
    shown = detection.scores / threshold if changes else detection.scores
    scores = np.concatenate([np.full(n_training, np.nan), np.where(detection.unscored, np.nan, shown)])
    reconstruction = np.concatenate([np.full((n_training, series.n_features), np.nan), explanation.reconstruction])
    found = events[["start", "end"]].to_numpy().tolist()
    return SeriesViewer(
        series, scores, threshold=1.0 if changes else threshold, found=found, reconstruction=reconstruction,
        training=n_training,
    )  # fmt: skip


def _events(detection: Detection, window: int, check: SeriesCheck, offset: int) -> pd.DataFrame:
    """Return the events with notes from the data check; steps are counted from the start of the recording."""
    table = detection.to_frame(gap=window)[["start", "end", "peak", "score"]]
    table[["start", "end", "peak"]] += offset
    spans = table[["start", "end"]].to_numpy().tolist()
    return table.assign(note=[_note(check, start, end) for start, end in spans])


def _note(check: SeriesCheck, start: int, end: int) -> str:
    """Return the faults that the data check found within an event, such as "pressure stood still for 80 steps"."""
    notes = []
    for finding in check:
        overlapping = [one for one in finding.steps if one[0] < end and start < one[1]]
        if finding.check in FAULTS and overlapping:
            steps = many(sum(b - a for a, b in overlapping), "step")
            # also before or after the event
            beyond = any(a < start or end < b for a, b in overlapping)
            notes.append(f"{finding.feature} {FAULTS[finding.check]} {steps}{' in all' * beyond}")
    return "; ".join(notes)


def _rows(events: pd.DataFrame, series: Series, explanation: Explanation, offset: int) -> list[dict[str, str]]:
    """Return the rows of the table of events as text, without columns that say nothing."""
    rows = []
    for start, end, score, note in zip(
        *(events.head(MOST_EVENTS)[name] for name in ("start", "end", "score", "note")), strict=True
    ):
        shares = explanation.by_feature(slice(start - offset, end - offset))[:3]
        texts = [f"{name} {share:.0%}" for name, share in shares.items()] if shares.any() else ["no values"]
        cells = {
            "steps": f"{start:,} to {end - 1:,}" if end - start > 1 else f"{start:,}",
            "time": " to ".join(dict.fromkeys(when(series, step) for step in (start, end - 1))),
            "lasts": duration((end - start) / series.sampling_rate) if series.sampling_rate else "",
            "highest score": digits(score),
            "share of the error": ", ".join(texts) if series.n_features > 1 else "",
            "note": note,
        }
        rows.append(cells)
    empty = {name for name in rows[0] if not any(row[name] for row in rows)} if rows else set()
    return [{name: text for name, text in row.items() if name not in empty} for row in rows]


def _length(series: Series) -> str:
    """Return the duration and sampling of a series if it has them, and its number of steps."""
    steps = f"{len(series):,} steps"
    if series.sampling_rate:
        return f"{length_and_sampling(len(series), series.sampling_rate)} ({steps})"
    if series.time is None or len(series) < 2:
        return steps
    span = series.time[-1] - series.time[0]
    seconds = span / np.timedelta64(1, "s") if series.time.dtype.kind == "M" else span
    return f"{duration(float(seconds))} in unequal steps ({steps})"


def _figures(detector: AnomalyDetector) -> tuple[Figure, Figure]:
    """Return the loss curve and the histogram of the calibration scores, with units."""
    scores, unit = detector.calibration_scores, f", {UNITS[detector.scaling]}" if detector.scaling in UNITS else ""
    assert detector.result is not None
    history = detector.result.history.plot()
    # several lines, because one is longer than the axis
    history.axes[0].set_ylabel(f"reconstruction loss\n(mean absolute error{unit})".replace(", ", ",\n"))
    histogram = plot_errors(scores, np.zeros(len(scores), int), detector.threshold)
    unit = unit if detector.error in ("mae", "max") else ""
    histogram.axes[0].set(xlabel=f"score of a step ({detector.error}{unit})", ylabel="density of the calibration steps")
    histogram.alt = f"Histogram of the scores of {len(scores):,} calibration steps, with the threshold."
    return history, histogram


def _comparison(detections: dict[str, Detection], window: int) -> str:
    abnormal, results = detections["LSTM autoencoder"].abnormal, detections.values()
    events = [d.merged_events(window) for d in results]
    columns = {
        "detector": list(detections),
        "events": list(map(len, events)),
        "events that overlap the autoencoder's": [sum(abnormal[a:b].any() for a, b in each) for each in events],
        "steps flagged": [percent(_share(d.abnormal[~d.unscored])) for d in results],
    }
    return _html(pd.DataFrame(columns))


def _metrics(evaluations: dict[str, SeriesEvaluation]) -> pd.DataFrame:
    return compare(evaluations)[list(METRICS)].rename(columns=METRICS)


def _html(table: pd.DataFrame, *, index: bool = False) -> str:
    return table.to_html(index=index, float_format=digits, border=0)


def _png(figure: Figure) -> str:
    return base64.b64encode(figure._repr_mimebundle_()[0]["image/png"]).decode()
