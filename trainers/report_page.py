"""`page_body`: what a report says, section by section, as HTML."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pandas as pd

from data import Series, SeriesCheck
from data.markup import escaped
from trainers.detection import AnomalyDetector, Detection, Explanation, SeriesEvaluation, compare, plot_errors
from trainers.detection.thresholds import RULES
from trainers.figure import Figure
from trainers.loss_curve import plot_history
from trainers.widgets import SeriesViewer

# Rows of the table of events.
MOST_EVENTS = 20


def page_body(
    series: Series,
    known: Series,
    check: SeriesCheck,
    detector: AnomalyDetector,
    detection: Detection,
    explanation: Explanation,
    rivals: dict[str, Detection],
    evaluations: dict[str, SeriesEvaluation],
    notes: list[str],
) -> str:
    """All sections of the page; `known` is the part learnt from, `notes` what the loader decided."""
    sections = [
        _summary(series, known, detector, detection, notes),
        _viewer(series, len(known), detection, explanation),
        _events(detection, explanation, len(known)),
        _check(check),
        _training(detector),
        _threshold(detector),
        _beside(detection, rivals, evaluations),
        _repeat(detector, known),
    ]
    return "\n".join(sections)


def _summary(series: Series, known: Series, detector: AnomalyDetector, detection: Detection, notes: list[str]) -> str:
    text = (
        f"<p>{escaped(repr(series))}. An LSTM autoencoder learnt from the first {len(known)} steps, which were "
        f"taken to be normal, in windows of {detector.window_length} steps; the other {len(detection.scores)} were "
        f"judged: <strong>{len(detection.events)} events</strong> lie above the threshold of "
        f"{detection.threshold:.4g}.</p>"
    )
    if series.labels is None:
        text += "<p>The recording has no labels, so nothing here says which of these are truly anomalies: look.</p>"
    unjudged = int(detection.unjudged.sum())
    if unjudged:
        text += f"<p>{unjudged} steps could not be judged, as too many values are missing there.</p>"
    if notes:
        items = "".join(f"<li>{escaped(note)}</li>" for note in notes)
        text += f"<p>Decided while reading the file:</p><ul>{items}</ul>"
    return text


def _viewer(series: Series, offset: int, detection: Detection, explanation: Explanation) -> str:
    """The whole recording, so that steps count as in the file; what was learnt from scores 0."""
    scores = np.concatenate([np.zeros(offset), detection.scores])
    rebuilt = np.concatenate([np.full((offset, series.n_features), np.nan), explanation.reconstruction])
    viewer = SeriesViewer(series, scores, threshold=detection.threshold, reconstruction=rebuilt)
    return f"<h2>The recording</h2><p>The score begins where the judged part begins.</p>{viewer.html()}"


def _events(detection: Detection, explanation: Explanation, offset: int) -> str:
    table = detection.to_frame()
    if table.empty:
        return "<h2>Events</h2><p>None lies above the threshold.</p>"
    told = []
    for start, end in table[["start", "end"]].head(MOST_EVENTS).to_numpy().tolist():
        part = slice(start, end)
        shares = explanation.by_feature(part).head(3)
        carried = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        top = explanation.top(1, part)
        worst = "all values are missing" if top.empty else _difference(top.iloc[0], offset)
        told.append(
            {
                "what carries the error": carried,
                "largest difference": worst,
            }
        )
    steps = ["start", "end", "peak"]
    shown = table.head(MOST_EVENTS).assign(**{name: table[name] + offset for name in steps})
    shown = pd.concat([shown, pd.DataFrame(told)], axis=1)
    more = f"<p>… and {len(table) - MOST_EVENTS} more.</p>" if len(table) > MOST_EVENTS else ""
    return (
        "<h2>Events</h2><p>The highest score first; steps are counted from 0, the end is not included. A difference is "
        "in the spreads of the training part by which the data was scaled.</p>" + _table(shown, index=False) + more
    )


def _difference(row: Any, offset: int) -> str:
    return f"step {row['step'] + offset}, {row['feature']}: {row['error']:.2g}"


def _check(check: SeriesCheck) -> str:
    mend = sum(finding.verdict == "mend" for finding in check)
    advice = (
        f"<strong>{mend} of them want{'s' * (mend == 1)} mending first</strong>; then make this report again."
        if mend
        else "None of them wants mending first."
    )
    return (
        f"<h2>What to check first</h2><p>{len(check.findings)} findings about the recording, by rules of thumb, the "
        f"worst first. {advice} What is fine has only passed these rules.</p>{_wide(check._repr_html_())}"
    )


def _training(detector: AnomalyDetector) -> str:
    assert detector.result is not None
    history = detector.result.history
    return (
        f"<h2>Training</h2><p>{escaped(detector.result.summary())}. A triangle marks an epoch that was worse than "
        "the best so far: the weights of the best were put back.</p>" + _picture(plot_history(history))
    )


def _threshold(detector: AnomalyDetector) -> str:
    scores, rule = detector.calibration_scores, RULES[detector.rule]
    setting = f"{rule.keyword} {getattr(detector, rule.keyword):g}"
    promise = (
        "This rule holds its rate in the mean if new normal data is like the calibration data; neighbouring steps "
        "depend on each other, so one recording can be off by more than its number of steps suggests."
        if rule.promises_rate
        else "This rule promises no rate of false alarms."
    )
    picture = plot_errors(scores, np.zeros(len(scores), dtype=int), detector.threshold)
    return (
        f"<h2>Threshold</h2><p>{detector.threshold:.4g}, by the rule “{escaped(detector.rule)}”, {setting}, from "
        f"{len(scores)} scores of the calibration part: normal steps that neither training nor history restore has "
        f"used. {promise}</p>{_picture(picture)}"
    )


def _beside(detection: Detection, rivals: dict[str, Detection], evaluations: dict[str, SeriesEvaluation]) -> str:
    rows = [
        {
            "detector": name,
            "events": len(one.events),
            "of which touch one of the autoencoder's": sum(detection.abnormal[a:b].any() for a, b in one.events),
            "steps called abnormal": f"{one.abnormal.mean():.2%}",
        }
        for name, one in {"LSTM autoencoder": detection, **rivals}.items()
    ]
    text = (
        "<h2>Was a network needed?</h2><p>Simple detectors on the same windows, each with the conformal quantile of "
        "its own scores on the same calibration part. Where they find the same, the network was not needed.</p>"
        + _table(pd.DataFrame(rows), index=False)
    )
    if evaluations:
        figures = ["vus_pr", "average_precision", "auroc", "ucr_score", "events_found", "false_alarms", "f1"]
        text += "<p>Against the labels:</p>" + _table(compare(evaluations)[figures], index=True)
    return text


def _repeat(detector: AnomalyDetector, known: Series) -> str:
    assert detector.result is not None
    return (
        f"<h2>To repeat it</h2><p>Seed {detector.seed}; the first {len(known)} steps for training, validation and "
        f"calibration.</p>{detector._repr_html_()}{detector.result._repr_html_()}"
    )


def _table(table: pd.DataFrame, *, index: bool) -> str:
    shown = table.to_html(index=index, float_format="{:.4g}".format, escape=True, border=0)
    return _wide(shown)


def _wide(table: str) -> str:
    """A table that is scrolled where the page is too narrow for it."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="table">{table}</div>'


def _picture(figure: Figure) -> str:
    content, about = figure._repr_mimebundle_()
    source = base64.b64encode(content["image/png"]).decode()
    return f'<img src="data:image/png;base64,{source}" alt="{escaped(about["image/png"]["alt"])}">'
