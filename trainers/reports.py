"""`report`: train on a recording, and write an HTML page about the detected events and the baselines.

The text of the page is in `report.html`.
"""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from jinja2 import Environment, PackageLoader, StrictUndefined

from data import CSVWarning, Series, check_series, load_csv
from trainers.checks import as_positive
from trainers.console import say
from trainers.detection import AnomalyDetector, Detection, Explanation, SeriesEvaluation, compare, evaluate_series
from trainers.detection.baselines import SERIES_BASELINES, series_baseline_scores
from trainers.detection.detection_plots import plot_errors
from trainers.detection.preprocessing import hold_out
from trainers.detection.thresholds import RULES, quantile_threshold
from trainers.plotting import Figure
from trainers.widgets import SeriesViewer
from trainers.widgets.export import write_body

# Rows of the table of events.
MOST_EVENTS = 20
# Steps × window up to which the volumes under the surfaces (VUS) of all detectors take about a minute.
MOST_FOR_VOLUMES = 10_000_000
METRICS = ["vus_pr", "average_precision", "auroc", "ucr_score", "events_found", "false_alarms", "f1"]


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
    """

    path: Path
    detector: AnomalyDetector
    detection: Detection
    evaluations: dict[str, SeriesEvaluation]


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
    with a threshold of the same kind, and all settings. It works without network and kernel.

    Parameters
    ----------
    source : path, Series or array of shape (time,)
        A CSV file, or a recording.
    output : path, default "report.html"
        The page to write; an existing file is replaced.
    training : float, default 0.5
        Share of the recording, from its start, that is assumed to be normal and used for training,
        validation and calibration. If it contains a labelled event, it ends at the first event.
    device : str or torch.device, default "cpu"
        "cpu" or "gpu".
    progress : bool, default True
        Whether to print the progress.
    csv : dict, optional
        Arguments of `data.load_csv`, such as ``{"labels": "fault"}``.
    **hyperparameters
        Hyperparameters of `AnomalyDetector`, such as ``window=200, epochs=10, seed=1``.

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

    log: Callable[[str], None] = say if progress else lambda text: None
    notes: list[str] = []
    if isinstance(source, str | os.PathLike):
        log(f"reading {source}")
        series, notes = _read(source, csv or {})
    else:
        series = Series.of(source, "recording")
    first, rest = _split(series, training)
    log(f"{series!r}; training on the first {len(first)} steps")
    detector = AnomalyDetector(device=device, **hyperparameters)
    window = detector.choose_window(first)
    if len(rest) < window:
        raise ValueError(f"training must leave a window of {window} steps to score, got {len(rest)} steps.")
    # data check
    check = check_series(series, training=len(first) / len(series), window=window)
    for finding in filter(lambda finding: finding.verdict == "fix", check):
        log(f"fix first: {finding.check}{f' of {finding.feature}' * bool(finding.feature)}: {finding.found}")
    # training and detection
    detector.fit(first, progress=progress)
    log(f"scoring {len(rest)} steps")
    detection, explanation = detector.detect(rest), detector.explain(rest)
    # baselines
    log("scoring with the baselines")
    detections = {"LSTM autoencoder": detection, **_baselines(detector, window, first, rest, detection)}
    evaluations = _evaluate(detections, window, rest)
    # page
    calibration = detector.calibration_scores
    pages = Environment(loader=PackageLoader("trainers", ""), autoescape=True, undefined=StrictUndefined)
    pages.filters["png"] = _png
    text = pages.get_template("report.html").render(
        series=series,
        first=first,
        notes=notes,
        check=check,
        detector=detector,
        rule=RULES[detector.rule],
        detection=detection,
        viewer=_viewer(series, detection, explanation),
        most_events=MOST_EVENTS,
        events=_events(detection, explanation, len(first)),
        errors=plot_errors(calibration, np.zeros(len(calibration), int), detector.threshold),
        comparison=_comparison(detections),
        evaluations=_html(compare(evaluations)[METRICS], index=True) if evaluations else "",
    )
    write_body(path, f"Anomalies in {series.name}", text)
    log(f"{len(detection.events)} events found; written to {path}")
    return Report(path, detector, detection, evaluations)


# ---------------------------------------------------------------------- before the training


def _read(source: str | os.PathLike[str], options: dict[str, Any]) -> tuple[Series, list[str]]:
    """Return the series, and the loader's warnings about its automatic decisions, which are issued again."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CSVWarning)
        series = load_csv(source, **options)
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=3)
    return series, [str(warning.message) for warning in caught if issubclass(warning.category, CSVWarning)]


def _split(series: Series, training: float) -> tuple[Series, Series]:
    """Return the part for training, validation and calibration, and the part to score."""
    training = as_positive(training, "training", "the share of the recording to train on", 1, "The default is 0.5.")
    end = round(training * len(series))
    if series.labels is not None and series.abnormal[:end].any():
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
    training, _, calibration = hold_out(first, detector.seed)
    options = {"window": max(3, window), "stride": detector.stride, "seed": detector.seed}
    scored = ~detector.detect(calibration).unscored
    detections = {}
    for name in SERIES_BASELINES:
        normal, scores = (series_baseline_scores(name, training, part, **options) for part in (calibration, rest))
        normal = normal[scored]
        threshold = quantile_threshold(normal, rate=max(detector.rate, min(0.5, 2 / len(normal))))
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


def _viewer(series: Series, detection: Detection, explanation: Explanation) -> SeriesViewer:
    """Return a viewer of the whole recording, with steps as in the file; the training part has scores of 0."""
    n_training = len(series) - len(detection.scores)
    scores = np.concatenate([np.zeros(n_training), detection.scores])
    reconstruction = np.concatenate([np.full((n_training, series.n_features), np.nan), explanation.reconstruction])
    return SeriesViewer(series, scores, threshold=detection.threshold, reconstruction=reconstruction)


def _events(detection: Detection, explanation: Explanation, offset: int) -> str:
    """Return the table of the events and their errors; steps are counted from the start of the recording."""
    table = detection.to_frame().head(MOST_EVENTS).copy()
    shares, largest = [], []
    for start, end in table[["start", "end"]].to_numpy().tolist():
        event = slice(start, end)
        shares.append(", ".join(f"{name} {share:.0%}" for name, share in explanation.by_feature(event)[:3].items()))
        top = explanation.top(1, event).to_dict("records")
        texts = [f"step {row['step'] + offset}, {row['feature']}: {row['error']:.2g}" for row in top]
        largest += texts or ["all values are missing"]
    table[["start", "end", "peak"]] += offset
    return _html(table.assign(**{"share of the error": shares, "largest error": largest}))


def _comparison(detections: dict[str, Detection]) -> str:
    abnormal, results = detections["LSTM autoencoder"].abnormal, detections.values()
    columns = {
        "detector": list(detections),
        "events": [len(d.events) for d in results],
        "events that overlap the autoencoder's": [sum(abnormal[a:b].any() for a, b in d.events) for d in results],
        "steps flagged": [f"{d.abnormal.mean():.2%}" for d in results],
    }
    return _html(pd.DataFrame(columns))


def _html(table: pd.DataFrame, *, index: bool = False) -> str:
    return table.to_html(index=index, float_format="{:.4g}".format, border=0)


def _png(figure: Figure) -> str:
    return base64.b64encode(figure._repr_mimebundle_()[0]["image/png"]).decode()
