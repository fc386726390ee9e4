"""Examples of all objects that are shown as HTML, with one text in every place of a user's text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from data import DataSet, Series, check_series
from notebooks.course import classroom
from notebooks.course.press_check import PressCheck
from notebooks.course.setup_check import SetupCheck, SetupResult
from notebooks.course.verdict import Verdict
from trainers import BatchedTrainer, History, Hyperparameter, LSTMAutoencoder, benchmark
from trainers.block import Block
from trainers.detection import Detection, Explanation, evaluate, evaluate_series
from trainers.detection.detection_plots import plot_seeds
from trainers.plotting import Figure
from trainers.reports import report
from trainers.widgets import HyperparameterPanel, LatentMap, RunComparison, SeriesViewer, ThresholdExplorer
from trainers.widgets import TrainingMonitor as Monitor
from trainers.widgets.export import write_body

MARKUP = [
    "<img src=x onerror=\"window.__xss = 1; alert(1)\">", "\"><script>window.__xss = 2; alert(2)</script>",
    "</script><script>window.__xss = 3</script>", "<!--<script>", "' onmouseover='window.__xss = 4'",
    "</title></style><svg onload=window.__xss=5>", "javascript:window.__xss=6", "a & b < c &amp; &lt;",
]  # fmt: skip
MATH = ["$x^2$", "$x^$", "cost in $", "a$b$c", r"\$x\$", "_x", "{0} {text} %s"]
HOSTILE = " ".join(MARKUP)


def series(text, features=8):
    values = np.sin(np.arange(600)[:, None] / 4 + np.arange(features))
    values[500:520] = 3
    labels = np.zeros(600, dtype=int)
    labels[500:520] = 1
    return Series(values, labels=labels, name=text, feature_names=[f"{text} {i}" for i in range(features)])


def class_names(text):
    return [f"{text} {i}" for i in range(3)]


def examples(text):
    """Return objects that show the text, at least one of each class that is shown as HTML."""
    own = type(text, (Block,), {"size": Hyperparameter(3, text), "way": Hyperparameter(text, text)})
    sequences = torch.sin(torch.arange(12.0)).repeat(9, 1) + torch.arange(9.0)[:, None] / 9
    named = DataSet(sequences, labels=[0, 1, 2] * 3, name=text, class_names=class_names(text))
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=2, name=f"{text} 2"), batch_size=3, name=text)
    monitor = Monitor(named.subset(range(3)))
    result = benchmark(trainer, named, named, epochs=2, callbacks=[monitor], progress=False)
    trainer.record(train_loss=1.0, validation_loss=9.0, restored=True, reason=text, note=text)
    trainer.history.note = text
    result = replace(result, stopped=text, history=trainer.history)
    recording = series(text)
    errors = np.abs(recording.values)
    scores = errors.mean(1)
    panel = HyperparameterPanel(trainer)
    panel.controls["learning_rate"].value = text
    return [
        own(name=text), own(name="another", size=4), trainer, result, result.history, monitor, panel,
        HyperparameterPanel(own(name=text)),
        RunComparison({text: result, f"{text} 2": [result.history] * 2}),
        Verdict("1.1", False, f"{text}, `code`, *emphasis*, `*no emphasis*`"), classroom.off(), PressCheck(),
        SetupCheck((SetupResult(text, text, "fault", text), SetupResult("disk", "full", "note", text))),
        recording, check_series(recording), Detection(scores, 1.5, np.zeros(600, dtype=bool), recording),
        Explanation(errors, recording.values, recording.feature_names),
        evaluate(np.arange(9.0), [0, 1, 2] * 3, 4, class_names=class_names(text)),
        evaluate_series(scores, recording.labels, 1.5, window=None),
        SeriesViewer(recording, scores, threshold=1.5, reconstruction=0.9 * recording.values),
        ThresholdExplorer(np.arange(9.0), [0, 1, 2] * 3, threshold=4.0, class_names=class_names(text), sequences=named),
        LatentMap(sequences[:, :2], named, labels=[0, 1, 2] * 3, class_names=class_names(text), selected=1),
        plot_seeds({text: [0.5, 0.6], f"{text} 2": [0.7]}, label=text),
    ]  # fmt: skip


def write_report(text, folder):
    """Write a report on a series with this name, and return its path."""
    labelled = series(text, features=2)
    # without labels, the report takes a tenth of the time
    unlabelled = Series(labelled.values, name=text, feature_names=labelled.feature_names)
    return report(unlabelled, folder / "report.html", epochs=1, rate=0.1, window=12, progress=False).path


def write_pages(text, folder):
    """Write a page for each widget, and one with all other HTML, and return their paths."""
    paths, pieces = [], []
    for number, shown in enumerate(examples(text)):
        if hasattr(shown, "to_html"):
            paths.append(folder / f"{type(shown).__name__}-{number}.html")
            shown.to_html(paths[-1])
        elif hasattr(shown, "html"):
            pieces.append(shown.html(f"{text}-{number}"))
        elif hasattr(shown, "_repr_html_") and not isinstance(shown, Figure):
            pieces.append(shown._repr_html_())
    # a name that the user has given
    pieces.append(RunComparison({text: shown_history(text)}).html(text))
    write_body(folder / "pieces.html", text, "\n".join(pieces))
    return [*paths, folder / "pieces.html"]


def shown_history(text):
    history = History(text, note=text)
    history.append(train_loss=0.5, validation_loss=0.4)
    return history
