"""`report`: from a recording to one HTML page: what was found, how, and what simple detectors find.

The page's text is in `report.html`.
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
# Steps times window, for which the volumes under the surfaces of all detectors take about a minute.
MOST_FOR_VOLUMES = 10_000_000
METRICS = ["vus_pr", "average_precision", "auroc", "ucr_score", "events_found", "false_alarms", "f1"]


class Report(NamedTuple):
    """What `report` found, for going on with it.

    Attributes
    ----------
    path : Path
        The page.
    detector : AnomalyDetector
        Fitted to the first part of the recording.
    detection : Detection
        Of the rest, its steps counted from the rest's first.
    evaluations : dict of SeriesEvaluation
        By detector; empty without labels on both sides.
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
    """Train on the first part of a recording, judge the rest, and write a page of one file about it.

    The page holds the series with its score, threshold and events (to zoom and to drag), a table
    of the events with what carries their error, what `data.check_series` finds, the loss curve with
    every restore, the threshold and why it is there, simple detectors at a threshold of the same
    kind, and all that is needed to repeat it. It needs no network and no kernel.

    Parameters
    ----------
    source : path, Series or array of shape (time,)
        A CSV file, or a recording.
    output : path, default "report.html"
        Where to; an existing file is replaced.
    training : float, default 0.5
        Share of the recording, from its start, that is taken to be normal and learnt from. Where
        labels say that an event lies in it, it ends at the first event.
    device : str or torch.device, default "cpu"
        "cpu" or "gpu".
    progress : bool, default True
        Print what is being done.
    csv : dict, optional
        How to read the file, as `data.load_csv` takes it, such as ``{"labels": "fault"}``.
    **hyperparameters
        Those of `AnomalyDetector`, such as ``window=200, epochs=10, seed=1``.

    Returns
    -------
    Report

    Raises
    ------
    TypeError, ValueError, OSError
        As `load_csv` and `AnomalyDetector.fit`; or if the page's folder does not exist. Only what
        goes wrong in the training itself comes after the training has begun.

    Examples
    --------
    >>> wave = np.sin(np.arange(3000) * 2 * np.pi / 30)
    >>> wave[2400:2420] = 0
    >>> folder = getfixture("tmp_path")
    >>> found = report(wave, folder / "wave.html", epochs=2, progress=False)
    >>> any(start < 920 and end > 900 for start, end in found.detection.events)
    True
    """
    path, folder = Path(output), Path(output).absolute().parent
    if not folder.is_dir() or path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise ValueError(f"output must be a file in a folder that exists and is writable, got {str(path)!r}.")

    tell: Callable[[str], None] = say if progress else lambda text: None
    notes: list[str] = []
    if isinstance(source, str | os.PathLike):
        tell(f"reading {source}")
        series, notes = _read(source, csv or {})
    else:
        series = Series.of(source, "recording")
    known, rest = _parts(series, training)
    tell(f"{series!r}; learning from the first {len(known)} steps")
    detector = AnomalyDetector(device=device, **hyperparameters)
    window = detector.choose_window(known)
    if len(rest) < window:
        raise ValueError(f"training must leave a window of {window} steps to score, got {len(rest)} steps.")
    check = check_series(series, training=len(known) / len(series), window=window)
    for one in (finding for finding in check if finding.verdict == "fix"):
        tell(f"fix first: {one.check}{f' of {one.feature}' * bool(one.feature)}: {one.found}")
    detector.fit(known, progress=progress)
    tell(f"scoring {len(rest)} steps")
    detection, explanation = detector.detect(rest), detector.explain(rest)
    tell("asking the simple detectors")
    detections = {"LSTM autoencoder": detection, **_baselines(detector, window, known, rest, detection)}
    evaluations = _evaluate(detections, window, rest)
    calibration = detector.calibration_scores
    pages = Environment(loader=PackageLoader("trainers", ""), autoescape=True, undefined=StrictUndefined)
    pages.filters["png"] = _png
    text = pages.get_template("report.html").render(
        series=series,
        known=known,
        notes=notes,
        check=check,
        detector=detector,
        rule=RULES[detector.rule],
        detection=detection,
        viewer=_viewer(series, detection, explanation),
        most_events=MOST_EVENTS,
        events=_events(detection, explanation, len(known)),
        errors=plot_errors(calibration, np.zeros(len(calibration), int), detector.threshold),
        comparison=_comparison(detections),
        evaluations=_html(compare(evaluations)[METRICS], index=True) if evaluations else "",
    )
    write_body(path, f"Anomalies in {series.name}", text)
    tell(f"{len(detection.events)} events found; written to {path}")
    return Report(path, detector, detection, evaluations)


# ---------------------------------------------------------------------- before the training


def _read(source: str | os.PathLike[str], options: dict[str, Any]) -> tuple[Series, list[str]]:
    """The series, and what the loader decided by itself, which is warned of too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CSVWarning)
        series = load_csv(source, **options)
    for warning in caught:
        warnings.warn(warning.message, warning.category, stacklevel=3)
    return series, [str(warning.message) for warning in caught if issubclass(warning.category, CSVWarning)]


def _parts(series: Series, training: float) -> tuple[Series, Series]:
    """What is learnt from, and what is judged."""
    training = as_positive(training, "training", "the share of the recording to learn from", 1, "The default is 0.5.")
    end = round(training * len(series))
    if series.labels is not None and series.abnormal[:end].any():
        end = series.events[0][0]
    if not 0 < end < len(series):
        raise ValueError(f"{series.name!r} must begin with a normal part, got {end} of {len(series)} steps for it.")
    name = series.name
    return series.part(slice(end), f"{name}, learnt from"), series.part(slice(end, None), f"{name}, judged")


# ---------------------------------------------------------------------- after it


def _baselines(
    detector: AnomalyDetector, window: int, known: Series, rest: Series, judged: Detection
) -> dict[str, Detection]:
    """What simple detectors decide, at a conformal threshold set on the same calibration part.

    Where too much is missing for the network to judge, they judge nothing either.
    """
    training, _, calibration = hold_out(known, detector.seed)
    options = {"window": max(3, window), "stride": detector.stride, "seed": detector.seed}
    known_steps = ~detector.detect(calibration).unscored
    found = {}
    for name in SERIES_BASELINES:
        normal, scores = (series_baseline_scores(name, training, part, **options) for part in (calibration, rest))
        normal = normal[known_steps]
        threshold = quantile_threshold(normal, rate=max(detector.rate, min(0.5, 2 / len(normal))))
        found[name] = Detection(np.where(judged.unscored, 0.0, scores), threshold, judged.unscored, rest)
    return found


def _evaluate(detections: dict[str, Detection], window: int, rest: Series) -> dict[str, SeriesEvaluation]:
    if rest.labels is None or not rest.abnormal.any() or rest.abnormal.all():
        return {}
    # On a long recording the volumes under the surfaces would take longer than the training.
    volumes = window if window * len(rest) < MOST_FOR_VOLUMES else None
    return {
        name: evaluate_series(one.scores, rest.labels, one.threshold, sampling_rate=rest.sampling_rate, window=volumes)
        for name, one in detections.items()
    }


# ---------------------------------------------------------------------- the page


def _viewer(series: Series, detection: Detection, explanation: Explanation) -> SeriesViewer:
    """The whole recording, so that steps count as in the file; what was learnt from scores 0."""
    learnt = len(series) - len(detection.scores)
    scores = np.concatenate([np.zeros(learnt), detection.scores])
    reconstruction = np.concatenate([np.full((learnt, series.n_features), np.nan), explanation.reconstruction])
    return SeriesViewer(series, scores, threshold=detection.threshold, reconstruction=reconstruction)


def _events(detection: Detection, explanation: Explanation, offset: int) -> str:
    """The events as a table, with what carries their error; steps count from the recording's first."""
    table = detection.to_frame().head(MOST_EVENTS).copy()
    carried, largest = [], []
    for start, end in table[["start", "end"]].to_numpy().tolist():
        part = slice(start, end)
        carried.append(", ".join(f"{name} {share:.0%}" for name, share in explanation.by_feature(part)[:3].items()))
        top = explanation.top(1, part).to_dict("records")
        worst = [f"step {one['step'] + offset}, {one['feature']}: {one['error']:.2g}" for one in top]
        largest += worst or ["all values are missing"]
    table[["start", "end", "peak"]] += offset
    return _html(table.assign(**{"what carries the error": carried, "largest difference": largest}))


def _comparison(detections: dict[str, Detection]) -> str:
    abnormal, found = detections["LSTM autoencoder"].abnormal, detections.values()
    columns = {
        "detector": list(detections),
        "events": [len(one.events) for one in found],
        "of which touch one of the autoencoder's": [sum(abnormal[a:b].any() for a, b in one.events) for one in found],
        "steps called abnormal": [f"{one.abnormal.mean():.2%}" for one in found],
    }
    return _html(pd.DataFrame(columns))


def _html(table: pd.DataFrame, *, index: bool = False) -> str:
    return table.to_html(index=index, float_format="{:.4g}".format, border=0)


def _png(figure: Figure) -> str:
    return base64.b64encode(figure._repr_mimebundle_()[0]["image/png"]).decode()
