"""Trained weights at the start of a run are a candidate for the best; a result does not change."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch

from trainers import BatchedTrainer, History, LSTMAutoencoder, Run, StopTraining, benchmark, reconstruct
from trainers.plotting import plot_histories, plot_history
from trainers.torch_utils import copy_state
from trainers.widgets import TrainingMonitor
from trainers.widgets.chart import run_data

from .contract import same
from .test_batched_trainer import WILD

SETTINGS = {"batch_size": 10, "learning_rate": 0.02}


def validation_loss(model, beats):
    return float((reconstruct(model, beats[1]) - beats[1].sequences).abs().mean())


@pytest.fixture
def trained(beats):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=8), **SETTINGS)
    benchmark(trainer, *beats, epochs=30)
    return trainer


def same_trainer(trainer):
    return trainer


def new_trainer(trainer):
    return BatchedTrainer(trainer.model, **SETTINGS)


def copied_model(trainer):
    return BatchedTrainer(copy.deepcopy(trainer.model), **SETTINGS)


def loaded_weights(trainer):
    model = LSTMAutoencoder(hidden_size=8)
    model.load_state_dict(trainer.model.state_dict())
    return BatchedTrainer(model, **SETTINGS)


@pytest.mark.parametrize("second", [same_trainer, new_trainer, copied_model, loaded_weights])
@pytest.mark.parametrize("restore", ["every epoch", "at the end"])
def test_trained_start_is_restored(beats, trained, second, restore):
    before = validation_loss(trained.model, beats)
    trainer = second(trained)
    trainer.learning_rate, trainer.restore = 1.0, restore
    result = benchmark(trainer, *beats, epochs=3)
    assert result.history.start.validation_loss == pytest.approx(before)
    assert validation_loss(result.model, beats) <= before * (1 + 1e-6)
    assert result.history.best is result.history.start
    assert "the start" in result.history[0].note
    assert "best: the start" in result.summary()


def test_worse_start_is_not_best(beats, trained):
    trained.learning_rate = 0.001
    history = benchmark(trained, *beats, epochs=5).history
    assert history.start is not None
    assert history.best.epoch == min(history, key=lambda row: row.validation_loss).epoch


def test_untrained_weights_are_no_candidate(beats, model):
    history = benchmark(BatchedTrainer(model, learning_rate=1.0), *beats, epochs=2).history
    assert history.start is None
    assert history.best.epoch >= 1


def test_last_weights_are_kept_without_restore(beats, trained):
    trained.learning_rate, trained.restore = 1.0, "off"
    before = validation_loss(trained.model, beats)
    result = benchmark(trained, *beats, epochs=2)
    assert result.history.start is None
    assert validation_loss(result.model, beats) > before


def test_non_finite_first_loss_restores_start(beats, trained):
    before = copy_state(trained.model)
    trained.learning_rate, trained.loss = 1e30, "mse"
    history = benchmark(trained, *beats, epochs=1).history
    assert not math.isfinite(history[0].validation_loss)
    assert history.restored_epochs == [1]
    assert same(copy_state(trained.model), before)


def test_resuming_does_not_evaluate_start_again(beats, trained):
    uninterrupted, resumed = copied_model(trained), copied_model(trained)
    one = benchmark(uninterrupted, *beats, epochs=6)
    benchmark(resumed, *beats, epochs=3)
    assert benchmark(resumed, epochs=3, resume=True).history == one.history
    assert same(copy_state(uninterrupted.model), copy_state(resumed.model))


def test_start_is_evaluated_again_after_undone_epoch(beats, trained):
    def stop():
        raise StopTraining

    trained.between_batches = stop
    assert len(benchmark(trained, *beats, epochs=2).history) == 0
    trained.between_batches, trained.restore, trained.learning_rate = None, "off", 1.0
    for row in Run(trained, *beats, epochs=1):
        assert row.best_epoch == 1
    assert trained.history.start is None


def test_branch_can_restore_start(beats, trained):
    before, monitor = copy_state(trained.model), TrainingMonitor()
    trained.learning_rate = 1.0
    benchmark(trained, *beats, epochs=3, callbacks=[monitor])
    monitor.branch(2)
    monitor.more(1)
    assert trained.history.best.epoch == 0
    assert same(copy_state(trained.model), before)


def test_plots_show_start():
    history = History()
    history.begin(0.1)
    history.append(train_loss=0.3, validation_loss=0.4, restored=True)
    assert (history[0].best_epoch, history[0].best_loss) == (0, 0.1)
    assert "0.1000 at the start" in plot_history(history).alt
    assert "0.1000 at the start" in plot_histories({"run": history}).alt
    assert "best: the start" in repr(history)
    assert run_data(history)["rows"][0][3::3] == [0, 0.1], "best epoch and its loss, for the page"


def test_result_does_not_change_if_trainer_continues(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    result = benchmark(trainer, *beats, epochs=2)
    shown, state, rows = repr(result) + result._repr_html_(), copy_state(result.model), list(result.history)
    benchmark(trainer, epochs=2, resume=True)
    trainer.queue("learning_rate", 0.5)
    benchmark(trainer, *beats, epochs=3)
    with torch.no_grad():
        model.to_output.weight.zero_()
    assert repr(result) + result._repr_html_() == shown
    assert same(copy_state(result.model), state)
    assert list(result.history) == rows
    with pytest.raises(AttributeError):
        result.history = trainer.history


def test_result_can_be_pickled(beats, model):
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2)
    loaded = pickle.loads(pickle.dumps(result))
    assert loaded.history == result.history
    assert same(copy_state(loaded.model), copy_state(result.model))
