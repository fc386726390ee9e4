"""Classroom mode: sizes of plots and widgets, and the time limit of training runs."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from matplotlib.image import imread

import trainers
from data import Series
from notebooks.course import classroom
from trainers import BatchedTrainer, Figure, LSTMAutoencoder, Run, Trainer, benchmark, plotting, training
from trainers.console import CLASSROOM_SCALE
from trainers.detection import AnomalyDetector, plot_errors
from trainers.losses import mean_loss
from trainers.torch_utils import copy_state
from trainers.widgets import HyperparameterPanel, ThresholdExplorer, TrainingMonitor
from trainers.widgets.export import read_assets

from ..trainers.contract import same
from ..trainers.test_batched_trainer import WILD


@pytest.fixture(autouse=True)
def default_settings(monkeypatch):
    """Start each test with the mode off and no setting made, and restore the settings afterwards."""
    monkeypatch.delenv("TRAINERS_CLASSROOM", raising=False)
    monkeypatch.setattr(plotting, "scale", None)
    monkeypatch.setattr(training, "time_limit", None)


class TenSeconds(BatchedTrainer):
    """Trainer that records ten seconds for each epoch, so that no test depends on a real clock."""

    def record(self, **row):
        return super().record(**{**row, "seconds": 10.0})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(text, True) for text in ("1", "yes", "true", "On")]
    + [(text, False) for text in ("", "0", "no", "False", "off ")],
)
def test_environment_sets_mode_and_calls_take_precedence(monkeypatch, value, expected):
    assert not classroom.is_on()
    monkeypatch.setenv("TRAINERS_CLASSROOM", value)
    assert classroom.is_on() is expected
    assert classroom.seconds() == (25 if expected else None)
    classroom.off()
    assert not classroom.is_on()
    classroom.on()
    assert classroom.is_on()


@pytest.mark.parametrize(
    ("wrong", "kind"), [(-1, ValueError), (math.nan, ValueError), ("25", TypeError), (True, TypeError)]
)
def test_invalid_time_limit_raises(beats, model, wrong, kind):
    with pytest.raises(kind, match=f"seconds must be a number of at least 0, got {wrong!r}"):
        classroom.on(wrong)
    assert not classroom.is_on()
    with pytest.raises(kind, match=f"seconds must be a number of at least 0, got {wrong!r}"):
        Run(BatchedTrainer(model), *beats, seconds=wrong)


def test_invalid_environment_variable_raises(monkeypatch):
    monkeypatch.setenv("TRAINERS_CLASSROOM", "maybe")
    with pytest.raises(ValueError, match=r"TRAINERS_CLASSROOM must be 1 .* got 'maybe'"):
        classroom.is_on()
    classroom.off()
    assert not classroom.is_on()


def test_none_raises_and_numpy_numbers_work():
    with pytest.raises(TypeError, match=r"seconds .*got None"):
        classroom.on(None)
    for number in (np.int64(7), np.float32(7)):
        classroom.on(number)
        assert classroom.seconds() == 7
        assert type(classroom.seconds()) is float


def test_old_name_in_trainers_works():
    assert trainers.classroom is classroom
    with pytest.raises(AttributeError, match="classrooms"):
        trainers.classrooms  # noqa: B018


# ---------------------------------------------------------------------- runs


def test_run_stops_after_epoch_that_exceeds_limit(beats, model, capsys):
    classroom.on()
    trainer = TenSeconds(model, name="slow", **WILD)
    result = benchmark(trainer, *beats, epochs=20)
    assert len(result.history) == 3
    assert result.stopped == "time limit of 25 s"
    message = (
        "slow: stopped after epoch 3 of 20, time limit of 25 s. "
        "To continue: benchmark(trainer, epochs=17, resume=True)."
    )
    assert capsys.readouterr().out.strip() == message
    best = mean_loss(model, trainer.validation_inputs, trainer.validation_targets)
    assert best == result.history.best.validation_loss
    assert not model.training


def test_first_epoch_is_always_trained_and_finished_run_is_not_stopped(beats):
    for epochs, stopped in ((5, "time limit of 0 s"), (1, None)):
        run = Run(BatchedTrainer(LSTMAutoencoder(hidden_size=6), **WILD), *beats, epochs=epochs, seconds=0)
        assert len(list(run)) == 1
        assert run.stopped == stopped
        assert run.out_of_time is (stopped is not None)


def test_no_limit_without_mode_or_with_infinity(beats, model):
    assert len(benchmark(TenSeconds(model, **WILD), *beats, epochs=4).history) == 4
    classroom.on()
    assert len(benchmark(TenSeconds(model, **WILD), *beats, epochs=4, seconds=math.inf).history) == 4


def test_run_measures_time_if_trainer_does_not(beats, model):
    class Plain(Trainer):
        def doEpoch(self, model):
            model = super().doEpoch(model)
            self.record(train_loss=1.0, validation_loss=1.0)
            return model

    run = Run(Plain(model), *beats, epochs=3, seconds=0)
    assert len(list(run)) == 1
    assert run.out_of_time


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_resumed_run_equals_run_without_limit(beats, schedule):
    settings = {**WILD, "schedule": schedule}
    complete, cut = (TenSeconds(LSTMAutoencoder(hidden_size=6), **settings) for _ in range(2))
    benchmark(complete, *beats, epochs=8)
    benchmark(cut, *beats, epochs=8, seconds=25)
    assert len(cut.history) == 3
    result = benchmark(cut, epochs=5, resume=True)
    assert result.stopped is None
    assert cut.history == complete.history
    assert same(copy_state(cut.model), copy_state(complete.model))


def test_reason_of_callback_takes_precedence_over_limit(beats, model):
    run = Run(BatchedTrainer(model, **WILD), *beats, epochs=9, seconds=0)
    run.callbacks = (lambda row, state: run.stop("seen enough"),)
    assert len(list(run)) == 1
    assert run.stopped == "seen enough"
    assert not run.out_of_time


def test_monitor_names_time_limit(beats, model):
    monitor = TrainingMonitor(beats[0][:2])
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=9, callbacks=[monitor], seconds=0)
    assert "ended before its 9 epochs (time limit of 0 s)" in monitor._state()["text"]


def test_detector_stopped_by_limit_is_fitted(beats):
    torch.manual_seed(0)
    series = Series(torch.sin(torch.arange(900) / 5).numpy(), name="wave")
    classroom.on(seconds=0)
    detector = AnomalyDetector(window=20, epochs=5, rate=0.05).fit(series)
    assert detector.result.stopped == "time limit of 0 s"
    assert len(detector.result.history) == 1
    assert len(detector.detect(series).scores) == 900


# ---------------------------------------------------------------------- figures and widgets


def height_of(picture):
    return imread(io.BytesIO(picture)).shape[0]


def png(figure):
    return figure._repr_mimebundle_()[0]["image/png"]


def test_figure_is_drawn_larger_and_not_changed():
    # A new figure each time: matplotlib slightly changes the layout of a figure that it draws again.
    new = lambda: plot_errors([0.1, 0.2, 0.3, 0.9], [0, 0, 0, 1], 0.5)  # noqa: E731
    figure = new()
    before, size, dpi = png(figure), tuple(figure.get_size_inches()), figure.dpi
    classroom.on()
    larger, written = png(figure), io.BytesIO()
    figure.savefig(written)
    assert larger != before
    # The picture is 1.17 times as high, and an inch has 1.5 times as many dots.
    assert height_of(larger) == height_of(written.getvalue()) == pytest.approx(1.17 * height_of(before), abs=1)
    assert (tuple(figure.get_size_inches()), figure.dpi) == (size, dpi)
    classroom.off()
    assert png(new()) == before


def test_custom_figure_size_keeps_proportions():
    figure = Figure("wide", figsize=(6, 2))
    figure.plain_axes()
    classroom.on()
    assert imread(io.BytesIO(png(figure))).shape[:2] == pytest.approx((234, 702), abs=1)


def widgets(model):
    monitor = TrainingMonitor()
    monitor._build()
    return [monitor, HyperparameterPanel(model), ThresholdExplorer([0.1, 0.2, 0.9], [0, 0, 1])]


def test_existing_and_new_widgets_follow_mode(model):
    shown = widgets(model)
    assert not any("kit-larger" in widget._dom_classes for widget in shown)
    classroom.on()
    shown += widgets(model)
    assert all(widget._dom_classes.count("kit-larger") == 1 for widget in shown)
    inside = [child for widget in shown[:2] for child in widget.children]
    assert not any("kit-larger" in part._dom_classes for part in inside), "the zoom would be applied twice"
    classroom.off()
    assert not any("kit-larger" in widget._dom_classes for widget in shown)


def test_figures_and_widgets_have_same_scale():
    assert f"zoom: {CLASSROOM_SCALE};" in read_assets(("larger.css",), ".css")
