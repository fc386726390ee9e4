"""Faults around a monitor, which must not end a run."""

from __future__ import annotations

import copy
import io
import pickle

import joblib
import pytest
import torch

from trainers import BatchedTrainer, LSTMAutoencoder, Run, benchmark
from trainers.detection import AnomalyDetector
from trainers.torch_utils import copy_state
from trainers.widgets import HyperparameterPanel, TrainingMonitor

from ..contract import same
from ..detection.detectors import small, wave
from ..test_batched_trainer import WILD
from .helpers import at


def test_two_monitors_restore_hook_of_user(beats, model):
    trainer, own = BatchedTrainer(model, **WILD), lambda: None
    trainer.between_batches = own
    first, second = TrainingMonitor(), TrainingMonitor()
    stop = at(2, first.control.stop)
    result = benchmark(trainer, *beats, epochs=5, callbacks=[stop, first, second])
    assert result.stopped == "stopped by hand"
    assert trainer.between_batches is own
    assert len(benchmark(trainer, *beats, epochs=2).history) == 2


def test_monitor_given_twice_raises_and_stays_usable(beats, model):
    trainer, monitor = BatchedTrainer(model, **WILD), TrainingMonitor()
    with pytest.raises(RuntimeError, match="must watch one run at a time"):
        benchmark(trainer, *beats, epochs=3, callbacks=[monitor, monitor])
    assert trainer.between_batches is None
    assert len(benchmark(trainer, *beats, epochs=3, callbacks=[monitor]).history) == 3


def test_error_in_end_of_callback_does_not_skip_other_callbacks(beats, model):
    class Failing:
        def __call__(self, row, state):
            pass

        def end(self, run):
            raise OSError("disk full")

    trainer, monitor = BatchedTrainer(model, **WILD), TrainingMonitor()
    with pytest.raises(OSError, match="disk full"):
        benchmark(trainer, *beats, epochs=2, callbacks=[Failing(), monitor, Failing()])
    assert trainer.between_batches is None
    assert len(monitor.history) == 2
    with pytest.raises(OSError, match="disk full"):
        monitor.more(1)
    assert len(monitor.history) == 3, "the run continues"


def test_more_after_another_run_raises_and_changes_nothing(beats, model):
    trainer, monitor = BatchedTrainer(model, **WILD), TrainingMonitor()
    benchmark(trainer, *beats, epochs=3, callbacks=[monitor])
    monitor.branch(2)
    benchmark(trainer, *beats, epochs=2)
    before = copy_state(model)
    with pytest.raises(RuntimeError, match="must be its trainer's latest run"):
        monitor.more(1)
    assert same(before, copy_state(model))


def test_more_checks_epochs_before_any_change(beats, model):
    trainer, monitor = BatchedTrainer(model, **WILD), TrainingMonitor()
    benchmark(trainer, *beats, epochs=3, callbacks=[monitor])
    monitor.branch(1)
    before = copy_state(model)
    with pytest.raises(ValueError, match="epochs must be an integer"):
        monitor.more(0)
    assert same(before, copy_state(model))
    assert len(trainer.history) == 3


def test_stop_in_last_epoch_does_not_shorten_run(beats, model):
    monitor = TrainingMonitor()
    result = benchmark(
        BatchedTrainer(model, **WILD), *beats, epochs=3, callbacks=[at(3, monitor.control.stop), monitor]
    )
    assert result.stopped is None
    assert len(result.history) == 3


def test_more_after_stop_within_epoch_starts_new_epoch(beats, model):
    trainer, monitor = BatchedTrainer(model, **WILD), TrainingMonitor()
    calls = iter(range(99))
    trainer.between_batches = lambda: next(calls) == 7 and monitor.control.stop()
    benchmark(trainer, *beats, epochs=9, callbacks=[monitor])
    texts = []
    trainer.between_batches = None
    monitor._last.callbacks = (monitor, lambda row, state: None)
    begun = monitor.begin
    monitor.begin = lambda run: (begun(run), texts.append(monitor._state()["text"]))
    monitor.more(1)
    assert "batch" not in texts[0]


def test_planned_epochs_include_current_epoch(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    run, calls = Run(trainer, *beats, epochs=9), iter(range(999))
    trainer.between_batches = lambda: next(calls) == 3 * 5 + 2 and run.plan(1)
    list(run)
    assert len(trainer.history) == run.planned_epochs == 4


def test_result_is_pickled_without_monitor(beats, model):
    monitor = TrainingMonitor(beats[1][:2])
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2, callbacks=[monitor, lambda row, state: None])
    stored = pickle.loads(pickle.dumps(result))
    assert stored.history == result.history
    assert stored.callbacks == ()
    assert result.callbacks[0] is monitor


def test_panel_of_trainer_copied_during_run_applies_change_in_next_epoch(beats, model):
    copies = []
    trainer = BatchedTrainer(model, **WILD)
    keep = at(2, lambda: copies.append(copy.deepcopy(trainer)))
    benchmark(trainer, *beats, epochs=3, callbacks=[TrainingMonitor(), keep])
    other = copies[0]
    assert not other.running
    assert other.between_batches is None
    panel = HyperparameterPanel(other)
    change = at(1, lambda: setattr(panel.controls["learning_rate"], "value", "0.05"))
    other.setDataSets(*beats)
    history = benchmark(other, *beats, epochs=3, callbacks=[change]).history
    assert history.start is not None
    notes = [row.note for row in history[1:]]
    assert notes == ["learning_rate 0.2 → 0.05", ""]


class OwnTrainer(BatchedTrainer):
    """Has additional attributes, one of them a monitor."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.monitor, self._seen = TrainingMonitor(), []

    def doEpoch(self, model):
        self._seen.append(len(self.history))
        return super().doEpoch(model)


def by_torch(stored):
    file = io.BytesIO()
    torch.save(stored, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=False)


def by_joblib(stored):
    file = io.BytesIO()
    joblib.dump(stored, file)
    return joblib.load(io.BytesIO(file.getvalue()))


COPIES = {"pickle": lambda stored: pickle.loads(pickle.dumps(stored)), "deepcopy": copy.deepcopy}
COPIES |= {"torch": by_torch, "joblib": by_joblib}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_trainer_stored_in_watched_run_continues_like_the_run(beats, copied):
    def build():
        torch.manual_seed(0)
        return OwnTrainer(LSTMAutoencoder(hidden_size=6), **WILD)

    plain = benchmark(build(), *beats, epochs=4)
    trainer, copies = build(), []
    keep = at(2, lambda: copies.extend([copied(trainer), copied(trainer.history), copied(trainer.monitor)]))
    watched = benchmark(trainer, *beats, epochs=4, callbacks=[trainer.monitor, keep])
    assert watched.history == plain.history
    assert same(copy_state(watched.model), copy_state(plain.model))
    other, history, monitor = copies
    assert other.between_batches is None
    assert other._seen == [0, 1]
    assert list(history) == list(watched.history)[:2]
    assert list(monitor.histories) == ["OwnTrainer"]
    for _ in range(2):
        other.doEpoch(other.model)
    other.finalizeTraining(other.model)
    assert other.history == plain.history
    assert same(copy_state(other.model), copy_state(plain.model))
    # A finished run is stored and resumed, and watched by the monitor of the stored trainer.
    stored = copied(watched)
    assert (stored.history, stored.callbacks) == (watched.history, ())
    resumed = copied(trainer)
    more = benchmark(resumed, epochs=2, resume=True, callbacks=[resumed.monitor])
    assert more.history == benchmark(trainer, epochs=2, resume=True).history
    assert list(resumed.monitor.histories) == ["OwnTrainer"]


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_trainer_stored_between_batches_keeps_finished_epochs(beats, model, copied):
    trainer, copies = BatchedTrainer(model, **WILD), []

    def keep():
        if len(trainer.history) == 1 and not copies:
            copies.append(copied(trainer))

    trainer.between_batches = keep
    benchmark(trainer, *beats, epochs=2, callbacks=[TrainingMonitor()])
    assert list(copies[0].history) == list(trainer.history)[:1]
    assert len(benchmark(copies[0], *beats, epochs=2).history) == 2


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_detector_stored_while_it_is_fitted(copied):
    detector, copies = AnomalyDetector(small(), window=25, stride=4, epochs=2), []
    keep = at(1, lambda: copies.append(copied(detector)))
    detector.fit(wave(), callbacks=[TrainingMonitor(), keep], progress=False)
    other = copied(detector)
    assert other.threshold == detector.threshold
    assert other.detect(wave()).events == detector.detect(wave()).events
    assert copies[0].result is None
    # the copy trains a trainer as it was given
    assert copies[0].fit(wave(), progress=False).threshold == detector.threshold
