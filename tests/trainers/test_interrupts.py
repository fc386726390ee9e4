"""Ctrl-C, sent as a signal, at any time of a training run; ``make test-faults`` runs more of these tests."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time

import pytest
import torch

from trainers import BatchedTrainer, LSTMAutoencoder, Run, Trainer, benchmark
from trainers import console as module
from trainers.console import DeferredInterrupt, interrupt_point
from trainers.torch_utils import copy_state
from trainers.widgets import TrainingMonitor

from .contract import same
from .test_batched_trainer import WILD
from tests.faults import interrupt_at_lines, interrupt_at_times

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends a process of Windows at once")


def press():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def default_handler():
    """Install Python's own handler, as in a user's process, and check that it is installed afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    now = signal.signal(signal.SIGINT, before)
    assert now is signal.default_int_handler
    assert torch.is_grad_enabled()


class Pressing(BatchedTrainer):
    """A trainer that presses Ctrl-C once, in one of its methods."""

    def __init__(self, *args, method, **more):
        super().__init__(*args, **more)
        self.method = method

    def doEpoch(self, model):
        if self.method == "before the epoch" and len(self.history) == 3:
            self.method = press()
        model = super().doEpoch(model)
        if self.method == "after the epoch" and len(self.history) == 3:
            self.method = press()
        return model

    def training_loss_changed(self):
        """Press Ctrl-C in the middle of an epoch."""
        if self.method == "mid-epoch" and len(self.history) == 3:
            self.method = press()

    def finalizeTraining(self, model):
        if self.method == "before finalizing":
            self.method = press()
        model = super().finalizeTraining(model)
        if self.method == "after finalizing":
            self.method = press()
        return model


@pytest.mark.parametrize(
    "moment", ["before the epoch", "mid-epoch", "after the epoch", "before finalizing", "after finalizing"]
)
@pytest.mark.parametrize("restore", ["every epoch", "at the end", "off"])
def test_interrupted_run_gives_result_and_resumes_to_same_end(beats, moment, restore):
    settings = {**WILD, "restore": restore}
    trainer = Pressing(LSTMAutoencoder(hidden_size=6), method=moment, **settings)
    trainer.between_batches = trainer.training_loss_changed
    result = benchmark(trainer, *beats, epochs=6)
    finalizing = "finalizing" in moment
    assert result.stopped == (None if finalizing else "interrupted by hand")
    assert len(result.history) == {"before the epoch": 3, "mid-epoch": 3}.get(moment, 6 if finalizing else 3)
    assert not trainer.model.training
    trainer.method = None
    if len(result.history) < 6:
        benchmark(trainer, epochs=6 - len(result.history), resume=True)
    uninterrupted = BatchedTrainer(LSTMAutoencoder(hidden_size=6), **settings)
    assert benchmark(uninterrupted, *beats, epochs=6).history == trainer.history
    assert same(copy_state(uninterrupted.model), copy_state(trainer.model))


@pytest.mark.parametrize("first", [True, False])
def test_interrupt_in_custom_finalizing_keeps_result(beats, model, first):
    class Own(BatchedTrainer):
        def finalizeTraining(self, model):
            if first and not interrupted:
                interrupted.append(True)
                raise KeyboardInterrupt
            model = super().finalizeTraining(model)
            if not interrupted:
                interrupted.append(True)
                raise KeyboardInterrupt
            return model

    interrupted = []
    trainer = Own(model, **WILD)
    assert len(benchmark(trainer, *beats, epochs=2).history) == 2
    assert len(benchmark(trainer, epochs=1, resume=True).history) == 3


def test_row_of_interrupted_epoch_is_yielded(beats, model):
    rows = []
    late = lambda row, state: row.epoch in (2, 4) and press()  # noqa: E731
    trainer = BatchedTrainer(model, **WILD)
    for row in Run(trainer, *beats, epochs=4, callbacks=[late]):
        rows.append(row.epoch)
    assert rows == [1, 2]
    for row in Run(trainer, epochs=2, resume=True, callbacks=[late]):
        rows.append(row.epoch)
    assert rows == [1, 2, 3, 4], "an interrupt in the last epoch has no effect"


def test_interrupt_during_printing_gives_result(beats, model, monkeypatch):
    class Output(io.StringIO):
        def write(self, text):
            if "epoch 3/" in text:
                press()
            return super().write(text)

    monkeypatch.setattr(sys, "stdout", Output())
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=9, progress=True)
    assert (len(result.history), result.stopped) == (3, "interrupted by hand")


def test_interrupt_in_callback_takes_effect_after_it(beats, model):
    ended = []

    def callback(row, state):
        if row.epoch == 2:
            press()
        ended.append(row.epoch)

    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=9, callbacks=[callback])
    assert ended == [1, 2]
    assert (len(result.history), result.stopped) == (2, "interrupted by hand")


def test_interrupt_in_last_epoch_has_no_effect(beats, model):
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=1, callbacks=[lambda row, state: press()])
    assert (len(result.history), result.stopped) == (1, None)


def test_interrupt_ends_paused_run(beats, model):
    monitor = TrainingMonitor()
    timer = threading.Timer(0.5, press)
    timer.start()
    pause = lambda row, state: monitor.control.pause()  # noqa: E731
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=9, callbacks=[monitor, pause])
    timer.join()
    assert result.stopped == "interrupted by hand"
    assert len(result.history) < 9


def test_custom_trainer_is_interrupted_after_epoch(beats, model):
    class Own(Trainer):
        def doEpoch(self, model):
            super().doEpoch(model)
            press()
            self.record(train_loss=1.0, validation_loss=1.0)
            return model

    result = benchmark(Own(model), *beats, epochs=4)
    assert (len(result.history), result.stopped) == (1, "interrupted by hand")


def test_second_interrupt_is_raised_immediately(beats, model, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    reached = []

    def callback(row, state):
        press()
        time.sleep(0.1)
        press()
        reached.append("the line after")

    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=4, callbacks=[callback])
    assert reached == []
    assert (len(result.history), result.stopped) == (1, "interrupted by hand")


def test_body_of_user_loop_is_interrupted_immediately(beats, model):
    trainer, reached = BatchedTrainer(model, **WILD), []
    rows = iter(Run(trainer, *beats, epochs=5))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        for _ in rows:
            press()
            reached.append("the line after")
    assert reached == []
    rows.close()
    assert not model.training
    assert len(benchmark(trainer, epochs=1, resume=True).history) == 2


def test_epoch_of_custom_loop_is_interrupted_between_batches_and_undone(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    before = copy_state(model)
    trainer.between_batches = press
    with pytest.raises(KeyboardInterrupt):
        trainer.doEpoch(model)
    assert len(trainer.history) == 1
    assert same(copy_state(model), before)


def test_user_handler_is_called_once_and_restored(beats, model):
    calls = []
    handler = lambda number, frame: calls.append(number)  # noqa: E731
    signal.signal(signal.SIGINT, handler)
    press_once = lambda row, state: row.epoch == 1 and press()  # noqa: E731
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3, callbacks=[press_once])
    assert calls == [signal.SIGINT]
    assert len(result.history) == 3
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is handler


def test_ignored_interrupts_stay_ignored(beats, model):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3, callbacks=[lambda row, state: press()])
    assert len(result.history) == 3
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_run_in_other_thread_does_not_change_handler(beats, model):
    handlers = []
    record = lambda row, state: handlers.append(signal.getsignal(signal.SIGINT))  # noqa: E731
    run = lambda: benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2, callbacks=[record])  # noqa: E731
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler] * 2


def test_nested_contexts_defer_to_end_of_outermost():
    passed = []
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt():  # noqa: PT012
        with DeferredInterrupt():
            press()
            passed.append("inner")
        passed.append("outer")
    assert passed == ["inner", "outer"]


def test_interrupt_point_without_interrupt_does_nothing():
    interrupt_point()
    with DeferredInterrupt():
        interrupt_point()


def test_interrupts_at_random_times_lose_nothing():
    _, faults = interrupt_at_times(8, seed=1)
    assert faults == []


def test_interrupts_at_random_lines_lose_nothing():
    cut, faults = interrupt_at_lines(8, seed=1)
    assert faults == []
    assert cut > 0
