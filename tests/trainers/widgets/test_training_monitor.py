"""The monitor without a page: its messages, its snapshots, and that it does not change the training."""

from __future__ import annotations

import gc
import json
import math
import re
import threading
import time
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from trainers import BatchedTrainer, LSTMAutoencoder, Run, benchmark, reconstruct
from trainers.torch_utils import copy_state, load_state
from trainers.widgets import TrainingMonitor
from trainers.widgets.chart import Chart

from ..contract import same
from ..test_batched_trainer import WILD
from ..test_contract import SingleInstanceTrainer


@pytest.fixture
def sent(monkeypatch):
    """Return the list of all messages that charts send."""
    messages = []
    monkeypatch.setattr(Chart, "send", lambda self, content: messages.append(json.loads(json.dumps(content))))
    return messages


def shown(monitor):
    """Build a monitor's widgets, as if it was displayed, and return the monitor."""
    monitor._build()
    return monitor


def rows_of(messages):
    """Return the rows of the last run that a page has after all messages."""
    rows = []
    for message in messages:
        if message["kind"] == "all":
            rows = list(message["data"]["runs"][-1]["rows"])
        elif message["kind"] == "rows":
            rows += message["rows"]
    return rows


@pytest.mark.parametrize("built", [True, False])
def test_training_is_bit_for_bit_identical(beats, sent, built):
    plain, watched = (BatchedTrainer(LSTMAutoencoder(hidden_size=6, dropout=0.2), **WILD) for _ in range(2))
    monitor = TrainingMonitor(beats[1][:3])
    if built:
        shown(monitor)
    benchmark(plain, *beats, epochs=12)
    benchmark(watched, *beats, epochs=12, callbacks=[monitor])
    assert plain.history == watched.history
    assert same(copy_state(plain.model), copy_state(watched.model))
    assert watched.between_batches is None


def test_every_row_is_sent_with_its_restore(beats, model, sent):
    monitor = shown(TrainingMonitor())
    history = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=15, callbacks=[monitor]).history
    rows = rows_of(sent)
    assert [row[0] for row in rows] == list(range(1, 16))
    assert [row[0] for row in rows if row[4]] == history.restored_epochs != []
    assert [row[2] for row in rows] == [row.validation_loss for row in history]
    assert all("best weights restored" in row[5] for row in rows if row[4])
    state = [message for message in sent if "more" in message][-1]["more"]["state"]
    assert "15 epochs, best" in state["text"]


def test_page_opened_late_gets_all_data(beats, model, sent):
    monitor = shown(TrainingMonitor(beats[1][:2]))
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=5, callbacks=[monitor])
    sent.clear()
    monitor._chart._receive(None, {"kind": "hello"}, None)
    (message,) = sent
    assert len(message["data"]["runs"][0]["rows"]) == 5
    assert len(message["data"]["examples"]) == 2
    assert message["rewind"]["epoch"] == 5


def test_messages_are_throttled_and_complete(beats, model, sent):
    monitor = shown(TrainingMonitor())
    benchmark(BatchedTrainer(model, steps_per_epoch=1, batch_size=4), *beats, epochs=60, callbacks=[monitor])
    assert len(rows_of(sent)) == 60
    assert len([message for message in sent if message["kind"] == "rows"]) < 40


def test_rewind_shows_model_before_restore(beats, model):
    states, examples = {}, beats[1][:3]
    monitor = TrainingMonitor(examples)
    keep = lambda row, state: states.__setitem__(row.epoch, state)  # noqa: E731
    history = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=15, callbacks=[keep, monitor]).history
    assert history.restored_epochs
    other = LSTMAutoencoder(hidden_size=6)
    for row in history:
        load_state(other, states[row.epoch])
        np.testing.assert_array_equal(monitor.rewind(row.epoch), reconstruct(other, examples))


def test_stop_within_epoch_discards_it_and_restores_best_weights(beats, model):
    trainer, monitor, states = BatchedTrainer(model, **WILD), TrainingMonitor(), {}
    calls = []

    def stop_in_the_middle():
        calls.append(1)
        if len(calls) == 5 * 6 + 3:  # the third of five batches, in the seventh epoch
            monitor.control.stop()

    trainer.between_batches = stop_in_the_middle
    keep = lambda row, state: states.__setitem__(row.epoch, state)  # noqa: E731
    result = benchmark(trainer, *beats, epochs=50, callbacks=[monitor, keep])
    assert len(result.history) == 6
    assert result.stopped == "stopped by hand"
    assert same(copy_state(model), states[result.history.best.epoch])
    assert trainer.between_batches is stop_in_the_middle, "the hook of the user is restored"


def test_trainer_without_hook_between_batches_stops_at_end_of_epoch(beats, model):
    monitor = TrainingMonitor()
    stop = lambda row, state: row.epoch == 2 and monitor.control.stop()  # noqa: E731
    result = benchmark(SingleInstanceTrainer(model), *beats, epochs=9, callbacks=[stop, monitor])
    assert len(result.history) == 2
    assert result.stopped == "stopped by hand"


def test_step_from_another_thread_trains_one_epoch(beats, model):
    monitor = TrainingMonitor(start_paused=True)
    trainer = BatchedTrainer(model, **WILD)
    reached = []

    def user():
        for _ in range(3):
            while monitor.control.state != "paused" or monitor._run is None:
                time.sleep(0.001)
            reached.append(len(trainer.history))
            monitor.control.step()
        while monitor.control.state != "paused":
            time.sleep(0.001)
        monitor.control.stop()

    thread = threading.Thread(target=user)
    thread.start()
    result = benchmark(trainer, *beats, epochs=50, callbacks=[monitor])
    thread.join()
    assert reached == [0, 1, 2]
    assert len(result.history) == 3


def test_pauses_do_not_count_as_training_time(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    waits = iter([0.4])
    trainer.between_batches = lambda: threading.Event().wait(next(waits, 0))
    begun = time.perf_counter()
    row = benchmark(trainer, *beats, epochs=1).history[0]
    assert row.seconds < time.perf_counter() - begun - 0.39


def test_planned_epochs_cannot_fall_below_trained_epochs(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    run = Run(trainer, *beats, epochs=3)
    for row in run:
        if row.epoch == 2:
            run.plan(6)
        if row.epoch == 5:
            run.plan(1)
    assert len(trainer.history) == 5
    assert run.stopped is None


def test_more_gives_same_result_as_one_run(beats):
    single, continued = (BatchedTrainer(LSTMAutoencoder(hidden_size=6), **WILD) for _ in range(2))
    monitor = TrainingMonitor()
    benchmark(single, *beats, epochs=9)
    benchmark(continued, *beats, epochs=4, callbacks=[monitor])
    result = monitor.more(5)
    assert result.history == single.history
    assert list(monitor.histories) == ["BatchedTrainer"]
    assert same(copy_state(single.model), copy_state(continued.model))


def test_more_without_run_raises():
    with pytest.raises(RuntimeError, match=r"a monitor must watch a run first, got no run"):
        TrainingMonitor().more(3)


def test_second_run_with_same_name_is_kept(beats, model, capsys):
    monitor, trainer = TrainingMonitor(), BatchedTrainer(model, **WILD)
    for _ in range(2):
        benchmark(trainer, *beats, epochs=2, callbacks=[monitor])
    assert list(monitor.histories) == ["BatchedTrainer", "BatchedTrainer (2)"]
    assert "2 runs" in repr(monitor.figure)


def test_non_finite_losses_are_gaps_with_reason(beats, model, sent, tmp_path):
    trainer, monitor = (
        BatchedTrainer(model, batch_size=8, learning_rate=0.01, loss="mse"),
        shown(TrainingMonitor(beats[1][:1])),
    )
    blow_up = lambda row, state: setattr(trainer, "learning_rate", 1e30 if row.epoch == 2 else 0.01)  # noqa: E731
    history = benchmark(trainer, *beats, epochs=5, callbacks=[monitor, blow_up]).history
    assert not math.isfinite(history[2].validation_loss)
    row = rows_of(sent)[2]
    assert row[2] is None
    assert row[4] == 1
    assert re.search("validation loss is (nan|inf)", row[5])
    monitor.to_html(tmp_path / "page.html")
    data = tmp_path.joinpath("page.html").read_text().split('id="data">')[1].split("</script>")[0]
    json.loads(data, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert monitor.figure.axes


def test_error_keeps_history_and_is_shown(beats, model, sent):
    monitor = shown(TrainingMonitor())

    def fail(row, state):
        if row.epoch == 3:
            raise OSError("disk full")

    trainer = BatchedTrainer(model, **WILD)
    with pytest.raises(OSError, match="disk full"):
        benchmark(trainer, *beats, epochs=9, callbacks=[monitor, fail])
    text = [message for message in sent if "more" in message][-1]["more"]["state"]["text"]
    assert "OSError: disk full" in text
    assert "3 epochs" in text
    assert len(monitor.history) == 3
    assert trainer.between_batches is None
    assert not trainer.running


def test_run_without_epochs_is_shown(beats, model):
    monitor = shown(TrainingMonitor())
    trainer = BatchedTrainer(model, batch_size=8, learning_rate=1e30, loss="mse")
    with pytest.raises(FloatingPointError):
        benchmark(trainer, *beats, epochs=3, callbacks=[monitor])
    assert "0 epochs" in monitor._state()["text"]
    with pytest.raises(RuntimeError, match="rewind must be called after an epoch was trained"):
        monitor.rewind(1)
    assert monitor.figure.axes


class Uncopyable(nn.Module):
    """Cannot be copied."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, x):
        return self.layer(x)

    def __deepcopy__(self, memo):
        raise TypeError("holds an open file")


def test_model_that_cannot_be_copied_is_trained_without_rewind(beats):
    monitor = shown(TrainingMonitor(beats[1][:2]))
    with pytest.warns(UserWarning, match=r"result.model is the trainer's own model"):
        result = benchmark(BatchedTrainer(Uncopyable(), **WILD), *beats, epochs=3, callbacks=[monitor])
    assert len(result.history) == 3
    assert monitor.rewind(2) is None
    assert "holds an open file" in monitor._state()["text"], "the reason is shown, also after the end"


def test_no_thread_remains(beats, model):
    before = threading.active_count()
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3, callbacks=[shown(TrainingMonitor())])
    assert threading.active_count() == before


def test_unreferenced_monitor_is_deleted_with_its_snapshots(beats, model):
    monitor = TrainingMonitor(beats[1][:2])
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3, callbacks=[monitor])
    gone, models = weakref.ref(monitor), weakref.ref(monitor._snapshots)
    assert result.callbacks == (monitor,)
    del monitor, result
    gc.collect()
    assert gone() is models() is None


def test_closed_and_unreferenced_monitor_is_deleted(beats, model):
    monitor = shown(TrainingMonitor(beats[1][:2]))
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3, callbacks=[monitor])
    gone, models = weakref.ref(monitor), weakref.ref(monitor._snapshots)
    slider, branch = monitor._slider, monitor._branch_here
    monitor.close()
    # An old control has no effect.
    slider.value = 1
    branch.click()
    del monitor, slider, branch
    gc.collect()
    assert gone() is models() is None


def test_buttons_and_slider(beats, model, sent):
    monitor = shown(TrainingMonitor(beats[1][:1]))
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=6, callbacks=[monitor])
    assert monitor._slider.max == monitor._slider.value == 6
    monitor._slider.value = 2
    assert [message["epoch"] for message in sent if message["kind"] == "rewind"][-1] == 2
    assert not monitor._follows
    monitor.control.reset()
    monitor._pause.click()
    assert (monitor.control.state, monitor._pause.description) == ("paused", "Resume")
    monitor._pause.click()
    assert (monitor.control.state, monitor._pause.description) == ("running", "Pause")
    monitor._step.click()
    assert monitor.control.state == "stepping"
    monitor._stop.click()
    assert monitor.control.state == "stopping"
    monitor._branch_here.click()
    assert "a new run will branch from epoch 2" in monitor._state()["text"]


def test_exported_page_is_self_contained(beats, model, tmp_path):
    monitor = TrainingMonitor(beats[1][:2], titles=["one </script><!--<script>", "two"])
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=8, callbacks=[monitor])
    monitor.to_html(tmp_path / "page.html")
    page = tmp_path.joinpath("page.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=|https?://(?!www.w3.org)", page)
    data = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert sorted(map(int, data["rewinds"])) == list(range(1, 9))
    assert data["examples"][0]["title"] == "one </script><!--<script>"


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"examples": np.zeros((13, 20))}, ValueError, "at most 12 sequences, got 13"),
        ({"examples": np.full((2, 20), np.nan)}, ValueError, "the sequences of 'examples' must be finite"),
        ({"examples": "beats"}, TypeError, "the sequences of 'examples' must be"),
        (
            {"examples": np.zeros((2, 20)), "titles": ["one"]},
            ValueError,
            "titles must be 2 strings, one for each example",
        ),
        ({"budget": -5}, ValueError, "budget .*got -5"),
    ],
)
def test_invalid_arguments_raise(arguments, error, match):
    with pytest.raises(error, match=match):
        TrainingMonitor(**arguments)


def test_memory_is_bounded_over_thousands_of_epochs(beats, sent):
    monitor = shown(TrainingMonitor(beats[1][:1], budget=50_000))
    benchmark(
        BatchedTrainer(LSTMAutoencoder(hidden_size=2), steps_per_epoch=1, batch_size=4),
        *beats,
        epochs=1500,
        callbacks=[monitor],
    )
    assert monitor._snapshots.bytes <= 50_000
    assert len(rows_of(sent)) == 1500


def test_history_can_be_saved(beats, model, tmp_path):
    history = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=4).history
    history.to_csv(tmp_path / "run.csv")
    history.to_json(tmp_path / "run.json")
    history.plot().savefig(tmp_path / "run.svg")
    rows = json.loads(tmp_path.joinpath("run.json").read_text())
    assert [row["validation_loss"] for row in rows] == pytest.approx([row.validation_loss for row in history])
    assert tmp_path.joinpath("run.csv").read_text().startswith("epoch,train_loss,validation_loss")
    assert tmp_path.joinpath("run.svg").read_text().lstrip().startswith("<?xml")


def test_global_random_state_is_unchanged(beats, model):
    state = torch.get_rng_state()
    monitor = shown(TrainingMonitor(beats[1][:1]))
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2, callbacks=[monitor])
    monitor.rewind(1)
    assert torch.equal(torch.get_rng_state(), state)
