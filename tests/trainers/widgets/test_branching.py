"""Branches from an epoch: their weights, their best epoch, and when they start."""

from __future__ import annotations

import threading
import time

import pytest

from trainers import BatchedTrainer, LSTMAutoencoder, Run, benchmark
from trainers.torch_utils import copy_state, load_state
from trainers.widgets import TrainingMonitor

from ..contract import same
from ..test_batched_trainer import WILD
from .helpers import at


def test_requested_branch_survives_dropping_of_its_epochs(beats, model):
    size = sum(tensor.nbytes for tensor in copy_state(model).values())
    monitor = TrainingMonitor(budget=6 * size)
    branch = at(15, lambda: len(monitor.histories) == 1 and monitor.branch(15))
    trainer = BatchedTrainer(model, **{**WILD, "restore": "off"})
    result = benchmark(trainer, *beats, epochs=30, callbacks=[monitor, branch])
    assert len(result.history) == 30
    assert len(monitor.histories) == 2


def test_monitor_of_resumed_run_knows_best_model(beats, model):
    trainer = BatchedTrainer(model, learning_rate=0.001, batch_size=4)
    benchmark(trainer, *beats, epochs=4)
    trainer.learning_rate, trainer.restore = 1.0, "off"
    monitor = TrainingMonitor()
    benchmark(trainer, epochs=3, resume=True, callbacks=[monitor])
    assert trainer.history.best.epoch <= 4
    monitor.branch(6)
    assert len(monitor.more(1).history) == 7


def test_branch_with_unwatched_best_epoch_raises_and_changes_nothing(beats, model, monkeypatch):
    # as with a trainer that keeps no best model
    monkeypatch.setattr(BatchedTrainer, "best_state", None)
    trainer = BatchedTrainer(model, learning_rate=0.001, batch_size=4)
    benchmark(trainer, *beats, epochs=4)
    trainer.learning_rate, trainer.restore = 1.0, "off"
    benchmark(trainer, epochs=1, resume=True)
    monitor = TrainingMonitor()
    benchmark(trainer, epochs=3, resume=True, callbacks=[monitor])
    assert trainer.history.best.epoch <= 4
    with pytest.raises(ValueError, match=r"epoch must have a best epoch the monitor recorded, got 7 \(best epoch \d"):
        monitor.branch(7)
    monitor._answer("branch", 7)
    assert "⚠ epoch must have a best epoch the monitor recorded, got 7" in monitor._state()["text"]
    assert len(monitor.more(1).history) == 9


def test_callbacks_after_monitor_get_state_of_epoch(beats, model):
    """A checkpoint written in the epoch in which a branch starts holds the state of that epoch."""
    before, after = {}, {}
    monitor = TrainingMonitor()
    branch = at(5, lambda: len(monitor.histories) == 1 and monitor.branch(2))
    keep = lambda states: lambda row, state: states.setdefault(row.epoch, state)  # noqa: E731
    callbacks = [keep(before), branch, monitor, keep(after)]
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=8, callbacks=callbacks)
    assert all(same(before[epoch], after[epoch]) for epoch in (4, 5))


def test_branch_requested_in_pause_between_epochs_starts_before_next_epoch(beats, model):
    monitor, trainer = TrainingMonitor(), BatchedTrainer(model, **WILD)

    def user():
        while not (monitor._waits and len(trainer.history) == 4):
            time.sleep(0.001)
        monitor.branch(2)
        monitor.control.resume()

    thread = threading.Thread(target=user)
    thread.start()
    pause = at(4, lambda: len(monitor.histories) == 1 and monitor.control.pause())
    benchmark(trainer, *beats, epochs=6, callbacks=[pause, monitor])
    thread.join()
    assert [len(history) for history in monitor.histories.values()] == [4, 6]


def test_branch_of_finished_cosine_run_continues_to_planned_end(beats, model):
    monitor = TrainingMonitor()
    trainer = BatchedTrainer(model, **{**WILD, "schedule": "cosine"})
    benchmark(trainer, *beats, epochs=8, callbacks=[monitor])
    monitor.branch(3)
    assert len(monitor.more(5).history) == 8


def test_reset_of_optimizer_state_is_reported(beats, model):
    monitor = TrainingMonitor()
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=4, callbacks=[monitor])
    monitor.branch(2)
    assert "its optimizer state is reset" in monitor._state()["text"]
    history = monitor.more(2).history
    assert history[2].note == "optimizer state reset after branching"
    assert history[3].note == ""


def test_branch_continues_from_weights_before_restore(beats, model):
    states, trainer, monitor = {}, BatchedTrainer(model, **WILD), TrainingMonitor()
    keep = lambda row, state: states.setdefault(row.epoch, state)  # noqa: E731
    old = benchmark(trainer, *beats, epochs=15, callbacks=[monitor, keep]).history
    epoch = old.restored_epochs[0]
    monitor.branch(epoch)
    new = monitor.more(3).history
    assert list(monitor.histories) == ["BatchedTrainer", f"BatchedTrainer, from epoch {epoch}"]
    assert len(old) == 15
    assert len(new) == epoch + 3
    assert list(new[: epoch - 1]) == list(old[: epoch - 1])
    assert not new[epoch - 1].restored
    assert "branched from BatchedTrainer" in new[epoch - 1].note
    # Expected: the same weights, a new optimizer, the best of the epochs up to the branch.
    other = BatchedTrainer(LSTMAutoencoder(hidden_size=6), **WILD)
    other.setDataSets(*beats)
    load_state(other.model, states[epoch])
    other.history = old.branch(epoch, "other")
    best = old[epoch - 1].best_epoch
    other._memory.remember(best, old[best - 1].validation_loss, states[best], other.optimizers)
    for _ in range(3):
        other.doEpoch(other.model)
    assert [row.validation_loss for row in other.history] == [row.validation_loss for row in new]


@pytest.mark.parametrize("epoch", [0, 16, -1, 2.5, "last", True])
def test_branch_from_invalid_epoch_raises(beats, model, epoch):
    monitor = TrainingMonitor()
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3, callbacks=[monitor])
    with pytest.raises(ValueError, match=r"epoch must be an integer from 1 to 3 .*, got "):
        monitor.branch(epoch)


def test_branch_during_run_continues_epoch_numbers(beats, model):
    monitor = TrainingMonitor()
    branch = lambda row, state: row.epoch == 5 and len(monitor.histories) == 1 and monitor.branch(2)  # noqa: E731
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=8, callbacks=[branch, monitor])
    assert [len(history) for history in monitor.histories.values()] == [5, 8]
    assert result.history == monitor.history


def test_stop_with_requested_branch_ends_current_run(beats, model):
    """The next call of `more` starts the branch."""
    monitor, trainer = TrainingMonitor(), BatchedTrainer(model, **WILD)

    def user():
        while not monitor._waits:
            time.sleep(0.001)
        monitor.branch(2)
        monitor.control.stop()

    thread = threading.Thread(target=user)
    thread.start()
    result = benchmark(trainer, *beats, epochs=9, callbacks=[at(6, monitor.control.pause), monitor])
    thread.join()
    assert len(result.history) == 6
    assert len(monitor.histories) == 1
    assert len(monitor.more(1).history) == 3


def test_concurrent_branch_requests_do_not_break_run(beats, model):
    monitor, trainer = TrainingMonitor(), BatchedTrainer(model, **WILD)
    done = threading.Event()

    def user():
        while not done.wait(0.0005):
            monitor._answer("branch", max(1, len(trainer.history)))

    thread = threading.Thread(target=user)
    thread.start()
    run = Run(trainer, *beats, epochs=10_000, callbacks=[monitor])
    try:
        for number, _ in enumerate(run):
            if number == 40:
                break
    finally:
        done.set()
        thread.join()
    assert len(monitor.histories) > 5


def test_other_monitor_follows_branch(beats, model):
    first, second = TrainingMonitor(beats[1][:2]), TrainingMonitor(beats[1][:2])
    branch = at(5, lambda: len(first.histories) == 1 and first.branch(2))
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=7, callbacks=[branch, first, second])
    assert [len(history) for history in second.histories.values()] == [5, 7]
    assert second.history == result.history
    assert (second.rewind(7) == first.rewind(7)).all()


def test_branch_that_cannot_resume_raises_and_changes_nothing(beats, model):
    monitor = TrainingMonitor()
    trainer = BatchedTrainer(model, **{**WILD, "schedule": "cosine"})
    benchmark(trainer, *beats, epochs=3, callbacks=[monitor])
    before = copy_state(model)
    monitor.branch(3)
    with pytest.raises(ValueError, match=r"schedule_epochs .* after epoch 3"):
        monitor.more(2)
    assert same(before, copy_state(model))
    assert len(monitor.histories) == 1
