"""The content of a page during and after a run: rows, epoch, model and reasons."""

from __future__ import annotations

import math
import threading
import time

import ipywidgets
import numpy as np
import pytest
import torch
from torch import nn

from trainers import BatchedTrainer, LSTMAutoencoder, StopTraining, benchmark
from trainers.torch_utils import copy_state, own_randomness
from trainers.widgets import TrainingMonitor

from ..contract import same
from ..test_batched_trainer import WILD
from .helpers import at, built


def test_examples_of_another_length_do_not_end_run(beats, page):
    class OneLength(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(20, 20)

        def forward(self, x):
            return self.layer(x[..., 0])[..., None]

    monitor = built(TrainingMonitor(np.zeros((2, 31), dtype=np.float32)))
    result = benchmark(BatchedTrainer(OneLength(), **WILD), *beats, epochs=3, callbacks=[monitor])
    assert len(result.history) == 3
    assert monitor.rewind(2) is None
    assert "no reconstructions: " in page["text"]


def test_page_has_every_row_after_error_in_earlier_callback(beats, model, page):
    def fail():
        raise OSError("disk full")

    monitor = built(TrainingMonitor())
    with pytest.raises(OSError, match="disk full"):
        benchmark(BatchedTrainer(model, **WILD), *beats, epochs=9, callbacks=[at(3, fail), monitor])
    assert page["rows"] == {"BatchedTrainer": [1, 2, 3]}


def test_page_opened_during_run_has_every_row(beats, model, page):
    """The requests of a page arrive on another thread than the training loop."""
    monitor, done = built(TrainingMonitor()), threading.Event()

    def request():
        while not done.wait(0.0005):
            monitor._chart._receive(None, {"kind": "hello"}, None)

    thread = threading.Thread(target=request)
    thread.start()
    try:
        benchmark(BatchedTrainer(model, steps_per_epoch=1, batch_size=4), *beats, epochs=40, callbacks=[monitor])
    finally:
        done.set()
        thread.join()
    assert page["rows"] == {"BatchedTrainer": list(range(1, 41))}


def test_last_epoch_is_shown_at_end(beats, model, page):
    """The last epoch is shown even if its reconstructions were not due when its row was sent."""
    monitor = built(TrainingMonitor(beats[1][:2]))
    hold = lambda row, state: setattr(monitor, "_live_at", float("inf"))  # noqa: E731
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=6, callbacks=[hold, monitor])
    assert page["rewind"]["epoch"] == page["rewind"]["kept"] == monitor._slider.value == 6


def test_monitor_of_several_trainers_separates_their_runs(beats, page):
    first, second = (BatchedTrainer(LSTMAutoencoder(hidden_size=h), **WILD, name=f"h{h}") for h in (3, 5))
    monitor = built(TrainingMonitor(beats[1][:2]))
    best = benchmark(first, *beats, epochs=4, callbacks=[monitor]).history.best.epoch
    benchmark(second, *beats, epochs=3, callbacks=[monitor])
    benchmark(first, epochs=2, resume=True, callbacks=[monitor])
    assert page["rows"] == {"h5": [1, 2, 3], "h3": [1, 2, 3, 4, 5, 6]}
    assert monitor.history is first.history
    assert page["rewind"]["kept"] == 6
    assert monitor.rewind(1) is not None
    # the best and the last model of this trainer are kept, and those of the later epochs
    assert page["rewind"]["kept"] == best


def test_plan_that_conflicts_with_schedule_is_rejected_in_page(beats, model, page):
    monitor = built(TrainingMonitor())
    trainer = BatchedTrainer(model, **{**WILD, "schedule": "cosine", "warmup_epochs": 3})
    texts = []
    shorten = at(1, lambda: (monitor._answer("plan", 2), texts.append(page["text"])))
    assert len(benchmark(trainer, *beats, epochs=5, callbacks=[monitor, shorten]).history) == 5
    assert "⚠ a cosine schedule must end after" in texts[0]


def test_rewind_does_not_change_random_numbers_of_trainer(beats, page):
    """Dropout of a trainer that uses PyTorch's global random state is the same with and without rewinding."""

    class Plain(BatchedTrainer):
        def _train(self, model, epoch):
            torch.manual_seed(epoch)
            for batch in self._order(len(self.train_inputs), epoch).split(self.batch_size):
                self.between_batches and self.between_batches()
                self.optimizer.zero_grad()
                loss = (model(self.train_inputs[batch]) - self.train_targets[batch]).abs().mean()
                loss.backward()
                self.optimizer.step()
            return loss.item(), 0.0

    def run(drag):
        monitor = built(TrainingMonitor(beats[1][:2]))
        trainer = Plain(LSTMAutoencoder(hidden_size=6, dropout=0.5), **WILD)
        done = threading.Event()

        def user():
            while not done.wait(0.001):
                if len(trainer.history) > 1:
                    monitor._answer("rewind", 1)

        thread = threading.Thread(target=user)
        if drag:
            thread.start()
        try:
            benchmark(trainer, *beats, epochs=15, callbacks=[monitor])
        finally:
            done.set()
            if drag:
                thread.join()
        return copy_state(trainer.model)

    assert same(run(drag=False), run(drag=True))


def test_tiny_values_are_shown_with_same_precision(beats, model, page):
    monitor = built(TrainingMonitor(1e-4 * beats[1].sequences[:1]))
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=1, callbacks=[monitor])
    shown = np.array(page["rewind"]["reconstruction"])
    assert len(np.unique(shown)) > 10
    np.testing.assert_allclose(shown, monitor.rewind(1)[..., 0], atol=1e-6)


def test_dropped_epoch_shows_nearest_kept_epoch(beats, model, page):
    size = sum(tensor.nbytes for tensor in copy_state(model).values())
    monitor = built(TrainingMonitor(beats[1][:1], budget=8 * size))
    benchmark(BatchedTrainer(model, restore="off"), *beats, epochs=40, callbacks=[monitor])
    kept = {}
    for epoch in range(1, 41):
        monitor.rewind(epoch)
        kept[epoch] = page["rewind"]["kept"]
    assert len(set(kept.values())) < 20
    assert kept[40] == 40
    assert any(epoch != shown for epoch, shown in kept.items())


def test_reason_of_stop_in_callback_is_shown(beats, model, page):
    def enough():
        raise StopTraining("five epochs without a better one")

    monitor = built(TrainingMonitor())
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=9, callbacks=[at(2, enough), monitor])
    assert "five epochs without a better one" in page["text"]


@pytest.mark.parametrize("ended", [False, True])
def test_last_slider_position_is_shown(beats, model, page, ended):
    monitor, trainer = built(TrainingMonitor(beats[1][:1])), BatchedTrainer(model, **WILD)
    shown = []

    def user():
        while not monitor._waits:
            time.sleep(0.001)
        for epoch in (1, 4, 2, 3):
            monitor._slider.value = epoch
        deadline = time.monotonic() + 20
        while page["rewind"]["epoch"] != 3 and time.monotonic() < deadline:
            time.sleep(0.001)
        shown.append(page["rewind"]["epoch"])
        if ended:
            monitor._slider.value = 2
        monitor.control.stop()

    thread = threading.Thread(target=user)
    thread.start()
    benchmark(trainer, *beats, epochs=9, callbacks=[at(5, monitor.control.pause), monitor])
    thread.join()
    assert shown == [3]
    assert page["rewind"]["epoch"] == (2 if ended else 3)


def test_slider_works_in_pause_within_own_randomness(beats, model, page):
    """The loop holds the lock of the random state, and the slider must not wait for it."""
    monitor, trainer = built(TrainingMonitor(beats[1][:1])), BatchedTrainer(model, **WILD)

    def user():
        while not monitor._waits:
            time.sleep(0.001)
        monitor._slider.value = 1
        monitor.control.resume()

    thread = threading.Thread(target=user, daemon=True)
    thread.start()
    with own_randomness(3):
        result = benchmark(trainer, *beats, epochs=3, callbacks=[at(2, monitor.control.pause), monitor])
    thread.join(20)
    assert not thread.is_alive()
    assert len(result.history) == 3


def test_epoch_newer_than_slider_is_selected_in_chart(beats, model, page):
    monitor, selected = built(TrainingMonitor()), []

    def select():
        monitor._received(None, {"kind": "select", "epoch": 5}, None)
        selected.append(monitor._slider.value)

    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=6, callbacks=[monitor, at(5, select)])
    assert selected == [5]


def test_slider_gets_its_maximum_before_its_value_and_play_one_message(beats, model, page, monkeypatch):
    """If both came in one message, the page would limit the value by the old maximum, and send it back."""
    monitor, sent, got = built(TrainingMonitor(beats[1][:2])), [], []
    # No update is due before the end of the run.
    monitor._sent_at = math.inf
    monkeypatch.setattr(
        ipywidgets.Widget, "_send", lambda widget, message, buffers=None: sent.append((widget, message))
    )

    def show():
        sent.clear()
        monitor._show_epoch(5, move=True)
        got.extend(
            (widget, {*message["state"]}) for widget, message in sent if widget in (monitor._slider, monitor._play)
        )

    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=5, callbacks=[monitor, at(5, show)])
    assert got == [(monitor._slider, {"max"}), (monitor._slider, {"value"}), (monitor._play, {"max", "value"})]
    assert (monitor._slider.max, monitor._slider.value, monitor._play.value) == (5, 5, 5)


def test_play_moves_slider_and_slider_stops_play(beats, model, page):
    monitor = built(TrainingMonitor(beats[1][:1]))
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=6, callbacks=[monitor])
    monitor._play.set_state({"playing": True, "value": 2})
    assert page["rewind"]["epoch"] == monitor._slider.value == 2
    assert not monitor._follows
    assert monitor._play.playing
    monitor._slider.set_state({"value": 5})
    assert page["rewind"]["epoch"] == monitor._play.value == 5
    assert not monitor._play.playing


def test_branch_from_rewound_epoch_is_followed(beats, model, page):
    monitor = built(TrainingMonitor(beats[1][:1]))
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=6, callbacks=[monitor])
    monitor._slider.set_state({"value": 3})
    monitor.branch(3)
    monitor.more(4)
    assert page["rewind"]["epoch"] == monitor._slider.value == 7


def test_new_run_is_followed_after_rewind_of_last_run(beats, model, page):
    monitor, trainer = built(TrainingMonitor(beats[1][:1])), BatchedTrainer(model, **WILD)
    benchmark(trainer, *beats, epochs=6, callbacks=[monitor])
    monitor._slider.value = 2
    benchmark(trainer, *beats, epochs=4, callbacks=[monitor])
    assert page["rewind"]["epoch"] == monitor._slider.value == 4
