"""Hyperparameters queued during a run: checked immediately, applied at the next epoch, noted in its row."""

from __future__ import annotations

import pytest

from trainers import BatchedTrainer, benchmark
from trainers.trainer import RUNNING

from .test_batched_trainer import WILD


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("loss", "mse", "must stay 'mae'"),
        ("warmup_epochs", 50, "must end after"),
        ("schedule_epochs", 1, "must end after"),
        ("batch_size", 9999, "must be at most"),
        ("patience", -1, "patience must be an integer of at least 0"),
    ],
)
def test_change_that_would_fail_later_raises_immediately(beats, model, name, value, match):
    trainer = BatchedTrainer(model, **{**WILD, "schedule": "cosine", "warmup_epochs": 1})
    rejected = []

    def change():
        trainer.between_batches = None
        with pytest.raises(ValueError, match=match):
            trainer.queue(name, value)
        rejected.append(name)

    trainer.between_batches = change  # in the first epoch, when there is no row yet
    assert len(benchmark(trainer, *beats, epochs=4).history) == 4
    assert rejected == [name]


def test_queueing_read_only_hyperparameter_raises(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    read_only = next(name for name, declared in model.declared().items() if declared.read_only)
    with pytest.raises(AttributeError, match=r"must stay .* because it is read-only"):
        trainer.queue(read_only, getattr(model, read_only), model)


def test_custom_note_is_added_to_note_of_trainer(beats, model, monkeypatch):
    trainer = BatchedTrainer(model, **WILD)
    trainer.setDataSets(*beats)
    monkeypatch.setitem(RUNNING, id(trainer), trainer)
    trainer.queue("patience", 1)
    trainer.apply_queued()
    row = trainer.record(train_loss=1.0, validation_loss=1.0, note="my own")
    assert row.note == "patience 0 → 1; my own"


def test_change_after_last_epoch_is_not_noted_in_next_run(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    late = lambda row, state: row.epoch == 2 and trainer.queue("patience", 1)  # noqa: E731
    benchmark(trainer, *beats, epochs=2, callbacks=[late])
    assert not any("patience" in row.note for row in benchmark(trainer, *beats, epochs=2).history)


def test_later_assignment_overrides_queued_value(beats, model):
    trainer = BatchedTrainer(model, **WILD)

    def change():
        trainer.queue("learning_rate", 0.5)
        trainer.learning_rate = 0.002

    history = benchmark(trainer, *beats, epochs=2, callbacks=[lambda row, state: row.epoch == 1 and change()]).history
    assert [row.learning_rate for row in history] == [0.2, 0.002]
