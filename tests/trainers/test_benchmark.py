"""`benchmark` and its `Result`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from trainers import BatchedTrainer, LSTMAutoencoder, Run, StopTraining, Trainer, benchmark
from trainers.torch_utils import copy_state

from .contract import same
from .test_batched_trainer import WILD


class Recorder(BatchedTrainer):
    """Records the calls of the three methods in order."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.calls = []

    def setDataSets(self, train, validation):
        self.calls.append("setDataSets")
        super().setDataSets(train, validation)

    def doEpoch(self, model):
        self.calls.append("doEpoch")
        return super().doEpoch(model)

    def finalizeTraining(self, model):
        self.calls.append("finalizeTraining")
        return super().finalizeTraining(model)


def test_methods_are_called_in_order(beats, model):
    trainer = Recorder(model, **WILD)
    benchmark(trainer, *beats, epochs=3)
    assert trainer.calls == ["setDataSets", "doEpoch", "doEpoch", "doEpoch", "finalizeTraining"]


def test_run_can_be_reproduced_from_result(beats, model):
    trainer = BatchedTrainer(model, seed=3, name="wild", **WILD)
    result = benchmark(trainer, *beats, epochs=4)
    assert same(copy_state(result.model), copy_state(model))
    assert result.history == trainer.history
    assert result.seed == 3
    assert result.device == "cpu"
    assert result.stopped is None
    assert result.seconds == pytest.approx(sum(row.seconds for row in result.history))
    assert result.versions["torch"] == torch.__version__
    loaded = json.loads(json.dumps(result.hyperparameters))
    again = BatchedTrainer(LSTMAutoencoder(**loaded["LSTMAutoencoder"]), **loaded["wild"])
    repeated = benchmark(again, *beats, epochs=4)
    assert repeated.history == result.history
    assert same(copy_state(repeated.model), copy_state(model))


def test_html_of_result_has_no_wall_time(beats, model):
    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2)
    shown = result._repr_html_()
    assert "2 of 2 epochs" in shown
    assert "learning_rate" in shown
    assert "hidden_size" in shown
    assert "second" not in shown
    assert str(result.seconds) not in shown


def test_blocks_with_same_name_are_both_in_result(beats):
    model = LSTMAutoencoder(hidden_size=4, name="same")
    result = benchmark(BatchedTrainer(model, name="same", **WILD), *beats, epochs=1)
    assert list(result.hyperparameters) == ["same (BatchedTrainer)", "same (LSTMAutoencoder)"]


def test_callbacks_get_row_and_state_before_restore(beats, model):
    trainer, seen = BatchedTrainer(model, **WILD), []
    benchmark(trainer, *beats, epochs=25, callbacks=[lambda row, state: seen.append((row, state))])
    assert [row for row, _ in seen] == list(trainer.history)
    assert trainer.history.restored_epochs
    for row, state in seen:
        if row.restored:
            assert not same(state, seen[row.best_epoch - 1][1])
    assert same(seen[trainer.history.best.epoch - 1][1], copy_state(model))


def test_each_callback_gets_separate_copy(beats, model):
    kept = []
    zero = lambda row, state: [t.zero_() for t in state.values()]  # noqa: E731
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2, callbacks=[zero, lambda row, state: kept.append(state)])
    assert all(state["to_output.weight"].any() for state in kept)


def test_run_without_iteration_does_not_change_trainer(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    benchmark(trainer, *beats, epochs=2)
    Run(trainer, epochs=2, resume=True)
    assert len(benchmark(trainer, epochs=2, resume=True).history) == 4


def test_result_keeps_settings_of_its_run(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    result = benchmark(trainer, *beats, epochs=1)
    shown = result._repr_html_()
    trainer.learning_rate = 0.123
    assert result._repr_html_() == shown
    assert "0.123" not in shown


def test_callbacks_do_not_affect_training(beats):
    plain, watched = (BatchedTrainer(LSTMAutoencoder(hidden_size=6), **WILD) for _ in range(2))
    benchmark(plain, *beats, epochs=8)
    benchmark(watched, *beats, epochs=8, callbacks=[lambda row, state: [t.zero_() for t in state.values()]])
    assert plain.history == watched.history
    assert same(copy_state(plain.model), copy_state(watched.model))


@pytest.mark.parametrize("exception", [StopTraining("seen enough"), KeyboardInterrupt()])
def test_stopping_restores_best_weights(beats, model, exception):
    states = []

    def stop(row, state):
        states.append(state)
        if row.epoch >= 5 and row.restored:
            raise exception

    result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=80, callbacks=[stop])
    assert result.stopped == (str(exception) or "interrupted by hand")
    assert result.history[-1].restored
    assert not model.training
    assert same(copy_state(model), states[result.history.best.epoch - 1])
    assert result.stopped in repr(result)


def test_stopping_in_first_epoch_gives_empty_history(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    before = copy_state(model)

    def stop():
        raise StopTraining

    trainer.between_batches = stop
    result = benchmark(trainer, *beats, epochs=5)
    assert len(result.history) == 0
    assert result.stopped == "stopped"
    assert not model.training
    assert same(copy_state(model), before)


def test_exception_in_callback_finalizes_and_keeps_epochs(beats, model):
    trainer = BatchedTrainer(model, **WILD)

    def fail(row, state):
        if row.epoch == 3:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        benchmark(trainer, *beats, epochs=9, callbacks=[fail])
    assert len(trainer.history) == 3
    assert not model.training
    benchmark(trainer, epochs=2, resume=True)
    assert len(trainer.history) == 5


def test_second_benchmark_starts_new_history_and_prints_message(beats, model, capsys):
    trainer = BatchedTrainer(model, **WILD)
    first = benchmark(trainer, *beats, epochs=3).history
    assert "new history" not in capsys.readouterr().out
    weights = copy_state(model)
    second = benchmark(trainer, *beats, epochs=2, callbacks=[])
    assert "a new history on weights already trained for 3 epochs" in capsys.readouterr().out
    assert len(first) == 3
    assert len(second.history) == 2
    fresh = LSTMAutoencoder(hidden_size=6)
    fresh.load_state_dict(weights)
    assert benchmark(BatchedTrainer(fresh, **WILD), *beats, epochs=2).history == second.history


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"epochs": 0}, ValueError, "epochs must be .*got 0"),
        ({"epochs": -3}, ValueError, "epochs must be .*got -3"),
        ({"epochs": 2.5}, TypeError, "epochs must be .*got 2.5"),
        ({"epochs": "ten"}, TypeError, "got 'ten'"),
        ({"epochs": True}, TypeError, "epochs must be .*got True"),
        ({"callbacks": ["print"]}, TypeError, "callbacks must be a list of functions"),
        ({"callbacks": print}, TypeError, "callbacks must be a list of functions"),
        ({"resume": True}, ValueError, "must be omitted with resume=True"),
        ({"validation": None}, ValueError, "train and validation must be sets"),
        ({"trainer": "BatchedTrainer"}, TypeError, "trainer must be a Trainer"),
    ],
)
def test_invalid_arguments_raise_and_change_nothing(beats, model, arguments, error, match):
    trainer = BatchedTrainer(model, **WILD)
    benchmark(trainer, *beats, epochs=1)
    history = trainer.history
    before = copy_state(model)
    options = {"trainer": trainer, "train": beats[0], "validation": beats[1], "epochs": 2, **arguments}
    with pytest.raises(error, match=match):
        benchmark(options.pop("trainer"), options.pop("train"), options.pop("validation"), **options)
    assert trainer.history is history
    assert same(copy_state(model), before)


def test_resuming_untrained_trainer_raises(model):
    with pytest.raises(RuntimeError, match="must be called after finalizeTraining"):
        benchmark(BatchedTrainer(model), resume=True)


class Forgetful(Trainer):
    """Violates the interface in one of two ways."""

    def __init__(self, model, fault):
        super().__init__(model)
        self.fault = fault

    def doEpoch(self, model):
        super().doEpoch(model)
        if self.fault == "no row":
            return model
        self.record(train_loss=1.0, validation_loss=1.0)
        return None


@pytest.mark.parametrize(("fault", "error"), [("no row", RuntimeError), ("no model", TypeError)])
def test_wrong_do_epoch_raises(beats, model, fault, error):
    with pytest.raises(error, match="doEpoch of Forgetful must"):
        benchmark(Forgetful(model, fault), *beats)


def test_ended_run_yields_nothing(beats, model):
    run = Run(BatchedTrainer(model, **WILD), *beats, epochs=2)
    assert [row.epoch for row in run] == [1, 2]
    assert list(run) == []


def test_progress_is_printed_on_request_and_not_on_stderr(beats, model, capsys):
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3)
    assert capsys.readouterr() == ("", "")
    benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=6), **WILD), *beats, epochs=30, progress=True)
    out, err = capsys.readouterr()
    assert err == ""
    assert 10 <= len(out.splitlines()) <= 11
    assert out.splitlines()[-1].startswith("epoch 30/30  training 0.")
    benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=6), **WILD), *beats, epochs=25, progress=True)
    assert capsys.readouterr().out.splitlines()[-1].startswith("epoch 25/25"), "the last epoch is always printed"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals need Unix")
def test_terminal_shows_one_rewritten_line():
    import os
    import pty

    code = (
        "import torch; from trainers import *; x = torch.rand(20, 8);"
        "benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=2)), x, x, epochs=3)"
    )
    master, slave = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    shown = b""
    try:
        while part := os.read(master, 1024):
            shown += part
    except OSError:  # on Linux, the child has closed its end
        pass
    assert child.wait() == 0
    assert child.stderr.read() == b""
    child.stderr.close()
    os.close(master)
    assert shown.count(b"\r") >= 3
    assert shown.count(b"\n") == 1
    assert b"epoch 3/3" in shown
