"""A run that begins on trained weights counts them as a candidate for the best; a result is a record."""

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


def again(trainer):
    return trainer


def another_trainer(trainer):
    return BatchedTrainer(trainer.model, **SETTINGS)


def copied_model(trainer):
    return BatchedTrainer(copy.deepcopy(trainer.model), **SETTINGS)


def loaded_weights(trainer):
    model = LSTMAutoencoder(hidden_size=8)
    model.load_state_dict(trainer.model.state_dict())
    return BatchedTrainer(model, **SETTINGS)


@pytest.mark.parametrize("second", [again, another_trainer, copied_model, loaded_weights])
@pytest.mark.parametrize("restore", ["every epoch", "at the end"])
def test_good_start_is_not_lost(beats, trained, second, restore):
    before = validation_loss(trained.model, beats)
    trainer = second(trained)
    trainer.learning_rate, trainer.restore = 1.0, restore
    result = benchmark(trainer, *beats, epochs=3)
    assert result.history.start.validation_loss == pytest.approx(before)
    assert validation_loss(result.model, beats) <= before * (1 + 1e-6)
    assert result.history.best is result.history.start
    assert "the start" in result.history[0].note
    assert "best the start" in result.summary()


def test_start_that_is_surpassed_is_not_the_best(beats, trained):
    trained.learning_rate = 0.001
    history = benchmark(trained, *beats, epochs=5).history
    assert history.start is not None
    assert history.best.epoch == min(history, key=lambda row: row.validation_loss).epoch


def test_fresh_weights_do_not_count(beats, model):
    history = benchmark(BatchedTrainer(model, learning_rate=1.0), *beats, epochs=2).history
    assert history.start is None
    assert history.best.epoch >= 1


def test_without_restore_the_last_weights_stay(beats, trained):
    trained.learning_rate, trained.restore = 1.0, "off"
    before = validation_loss(trained.model, beats)
    result = benchmark(trained, *beats, epochs=2)
    assert result.history.start is None
    assert validation_loss(result.model, beats) > before


def test_loss_that_is_not_finite_in_the_first_epoch_goes_back_to_the_start(beats, trained):
    before = copy_state(trained.model)
    trained.learning_rate, trained.loss = 1e30, "mse"
    history = benchmark(trained, *beats, epochs=1).history
    assert not math.isfinite(history[0].validation_loss)
    assert history.restored_epochs == [1]
    assert same(copy_state(trained.model), before)


def test_resuming_measures_the_start_once(beats, trained):
    whole, halves = copied_model(trained), copied_model(trained)
    one = benchmark(whole, *beats, epochs=6)
    benchmark(halves, *beats, epochs=3)
    assert benchmark(halves, epochs=3, resume=True).history == one.history
    assert same(copy_state(whole.model), copy_state(halves.model))


def test_start_of_an_epoch_that_was_undone_is_measured_again(beats, trained):
    def stop():
        raise StopTraining

    trained.between_batches = stop
    assert len(benchmark(trained, *beats, epochs=2).history) == 0
    trained.between_batches, trained.restore, trained.learning_rate = None, "off", 1.0
    for row in Run(trained, *beats, epochs=1):
        assert row.best_epoch == 1
    assert trained.history.start is None


def test_branch_goes_back_to_the_start_too(beats, trained):
    before, monitor = copy_state(trained.model), TrainingMonitor()
    trained.learning_rate = 1.0
    benchmark(trained, *beats, epochs=3, callbacks=[monitor])
    monitor.branch(2)
    monitor.more(1)
    assert trained.history.best.epoch == 0
    assert same(copy_state(trained.model), before)


def test_start_is_on_the_pictures():
    history = History()
    history.begin(0.1)
    history.append(train_loss=0.3, validation_loss=0.4, restored=True)
    assert (history[0].best_epoch, history[0].best_loss) == (0, 0.1)
    assert "0.1 at the start" in plot_history(history).alt
    assert "0.1 at the start" in plot_histories({"run": history}).alt
    assert "best the start" in repr(history)
    assert run_data(history)["rows"][0][3::3] == [0, 0.1], "best epoch and its loss, for the page"


def test_result_does_not_change_when_its_trainer_goes_on(beats, model):
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


def test_result_is_stored_and_read_again(beats, model):
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2)
    read = pickle.loads(pickle.dumps(result))
    assert read.history == result.history
    assert same(copy_state(read.model), copy_state(result.model))
