"""`benchmark(…, checkpoint=path)`: the same call goes on where the run was, and ends as one run does."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import trainers
from data import DataSet
from trainers import BatchedTrainer, LSTMAutoencoder, Run, StopTraining, benchmark
from trainers.checkpoint_file import lock_file, read_file
from trainers.detection import AnomalyDetector
from trainers.torch_utils import copy_state
from trainers.widgets import TrainingMonitor

from .contract import same
from .detection.detectors import small, wave
from .test_batched_trainer import WILD
from .test_save_and_load import Averaging, BlockNet, Net, huber, in_new_process, masked_and_padded, plain


class Died(Exception):  # noqa: N818 - not an error
    """Ends a run as an error in a callback does."""


def make(model_seed=0, **more):
    return BatchedTrainer(LSTMAutoencoder(hidden_size=4, dropout=0.2, seed=model_seed), **{**WILD, **more})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run"


def epochs_in(path):
    return len(read_file(path)[1]["state"]["history"]["rows"])


def killed(path, trainer, sets, *, epochs, after, every=1, callbacks=(), allow=()):
    """Train until the process would have died, `after` some epochs: the file stays as it was then."""
    kept = {}

    def die(row, state):
        if row.epoch == after + 1:
            kept["file"] = path.read_bytes()
            raise Died

    with pytest.raises(Died):
        benchmark(trainer, *sets, epochs=epochs, checkpoint=path, every=every, callbacks=[*callbacks, die], allow=allow)
    path.write_bytes(kept["file"])


def is_free(path):
    lock_file(path).release()
    return True


def assert_same_end(one, other):
    """Two trainers are in the same state, to the last bit."""
    states = [plain(trainer.state_dict()) for trainer in (one, other)]
    np.testing.assert_equal(*states)
    assert one.history == other.history
    assert same(copy_state(one.model), copy_state(other.model))


# ---------------------------------------------------------------------- continue


def test_same_call_continues_and_says_so(beats, path, capsys):
    whole = make()
    benchmark(whole, *beats, epochs=7)
    killed(path, make(), beats, epochs=7, after=4)
    assert epochs_in(path) == 4
    capsys.readouterr()
    trainer = make()
    result = benchmark(trainer, *beats, epochs=7, checkpoint=path, every=1)
    printed = capsys.readouterr().out
    assert f"BatchedTrainer: continued after epoch 4 from {path}." in printed
    assert "threads" not in printed
    assert_same_end(trainer, whole)
    assert (result.planned_epochs, result.stopped, epochs_in(path)) == (7, None, 7)
    assert is_free(path)


def test_complete_run_returns_at_once_and_more_epochs_continue_it(beats, path, capsys):
    one = benchmark(make(), *beats, epochs=3, checkpoint=path)
    seen = []
    again = benchmark(make(), *beats, epochs=3, checkpoint=path, callbacks=[lambda row, state: seen.append(row)])
    assert seen == []
    assert again.history == one.history
    assert same(copy_state(again.model), copy_state(one.model))
    assert not again.model.training
    fewer = benchmark(make(), *beats, epochs=2, checkpoint=path)
    assert (len(fewer.history), fewer.planned_epochs) == (3, 3)
    trainer, whole = make(), make()
    benchmark(trainer, *beats, epochs=6, checkpoint=path)
    benchmark(whole, *beats, epochs=6)
    assert_same_end(trainer, whole)
    said = capsys.readouterr().out
    assert said.count(f"complete after 3 epochs, in {path}.") == 2
    assert said.count(f"continued after epoch 3 from {path}.") == 1


def test_run_that_died_before_it_was_finalized_is_finalized(beats, path, monkeypatch):
    whole, trainer = make(restore="at the end"), make(restore="at the end")
    benchmark(whole, *beats, epochs=4)
    with monkeypatch.context() as patch:
        patch.setattr(Run, "_finalize", lambda run: None)
        benchmark(make(restore="at the end"), *beats, epochs=4, checkpoint=path, every=1)
    assert read_file(path)[1]["state"]["stage"] == "in training"
    result = benchmark(trainer, *beats, epochs=4, checkpoint=path)
    assert_same_end(trainer, whole)
    assert same(copy_state(result.model), copy_state(whole.model))


def test_saves_at_the_start_every_few_epochs_and_at_the_end(beats, path):
    seen = []
    look = lambda row, state: seen.append(epochs_in(path))  # noqa: E731
    benchmark(make(), *beats, epochs=8, checkpoint=path, every=3, callbacks=[look])
    # a callback of an epoch is called before the epoch is saved
    assert seen == [0, 0, 0, 3, 3, 3, 6, 6]
    assert epochs_in(path) == 8


def test_lock_is_held_during_a_run_only(beats, path):
    def other(row, state):
        for call in (lambda: benchmark(make(), *beats, checkpoint=path), lambda: trainers.save(Net(), path)):
            with pytest.raises(RuntimeError, match="must be a file that no other run uses, got"):
                call()

    benchmark(make(), *beats, epochs=1, checkpoint=path, callbacks=[other])
    assert is_free(path)
    with pytest.raises(TypeError, match="training set"):
        benchmark(make(), "no data", beats[1], checkpoint=path)
    assert is_free(path)
    with pytest.raises(ValueError, match="learning_rate"):
        benchmark(make(learning_rate=0.1), *beats, checkpoint=path)
    assert is_free(path)
    trainer = Unwilling(LSTMAutoencoder(hidden_size=4), **WILD)
    benchmark(trainer, *beats, epochs=1, checkpoint=path.with_name("other"))
    with pytest.raises(Died):
        list(Run(trainer, *beats, epochs=2, checkpoint=path.with_name("other")))
    assert is_free(path.with_name("other"))
    assert epochs_in(path.with_name("other")) == 1


class Unwilling(BatchedTrainer):
    def resume(self):
        raise Died


# ---------------------------------------------------------------------- ends of a run


class At:
    """A callback that does something after an epoch."""

    def __init__(self, epoch, action):
        self.epoch, self.action = epoch, action

    def __call__(self, row, state):
        if row.epoch == self.epoch:
            self.action()


def throw(error):
    raise error


def press():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("end", "restore"),
    [
        ("StopTraining", "every epoch"),
        ("stop", "at the end"),
        ("Ctrl-C", "off"),
        ("error", "every epoch"),
        ("break", "at the end"),
        ("time", "off"),
        ("between batches", "every epoch"),
        ("error", "at the end"),
    ],
)
def test_every_end_of_a_run_is_saved_and_continued(beats, path, end, restore):
    whole, stopped, trainer = (make(restore=restore) for _ in range(3))
    benchmark(whole, *beats, epochs=5)
    run = Run(stopped, *beats, epochs=5, checkpoint=path, every=9, seconds=0 if end == "time" else None)
    done = 1 if end == "time" else 3
    actions = {
        "StopTraining": lambda: throw(StopTraining("enough")),
        "stop": lambda: run.stop("enough"),
        "Ctrl-C": press,
        "error": lambda: throw(Died()),
        "between batches": lambda: setattr(stopped, "between_batches", lambda: throw(StopTraining())),
    }
    run.callbacks = (At(3, actions.get(end, bool)),)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for row in run:
            if end == "break" and row.epoch == 3:
                break
    except Died:
        assert end == "error"
    finally:
        signal.signal(signal.SIGINT, handler)
    stopped.between_batches = None
    assert len(stopped.history) == epochs_in(path) == done
    assert is_free(path)
    benchmark(trainer, *beats, epochs=5, checkpoint=path)
    assert_same_end(trainer, whole)
    # and with the same trainer
    benchmark(stopped, epochs=5 - done, resume=True)
    assert_same_end(stopped, whole)


class Failing(Averaging):
    """Changes the weights and fails, in the middle of an epoch or after its row."""

    moment = "in the epoch"

    def doEpoch(self, model):
        if len(self.history) == 2 and self.moment == "in the epoch":
            super(Averaging, self).doEpoch(model)
            self.spoil()
        super().doEpoch(model)
        if len(self.history) == 3 and self.moment == "after the row":
            self.spoil()
        return model

    def spoil(self):
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.fill_(9.0)
        raise Died


@pytest.mark.parametrize("moment", ["in the epoch", "after the row"])
def test_half_trained_state_is_never_written(beats, path, moment):
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    failing = Failing(BlockNet())
    Failing.moment = moment
    before = copy_state(failing.model)
    with pytest.raises(Died):
        benchmark(failing, *beats, epochs=5, checkpoint=path, every=1)
    assert epochs_in(path) == 2
    with pytest.raises(RuntimeError, match="got an unfinished epoch"):
        trainers.save(failing, path)
    # a new run of the same trainer can be saved
    Failing.moment = "never"
    benchmark(failing, *beats, epochs=1, checkpoint=path.with_name("new"))
    # the same call with the same trainer, in the same process
    benchmark(failing, *beats, epochs=5, checkpoint=path)
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    whole = Failing(BlockNet())
    whole.model.load_state_dict(before)
    benchmark(whole, *beats, epochs=5)
    assert_same_end(failing, whole)


def test_global_random_states_are_kept(beats, path):
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    whole = Averaging(Net())
    start, states = copy_state(whole.model), (torch.get_rng_state(), random.getstate(), np.random.get_state())

    def again():
        trainer = Averaging(Net())
        trainer.model.load_state_dict(start, strict=False)
        trainer.model.scale.copy_(start["scale"])
        trainer.mean = copy_state(trainer.model)
        return trainer

    benchmark(whole, *beats, epochs=6)
    other = again()
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    np.random.set_state(states[2])
    killed(path, other, beats, epochs=6, after=3)
    torch.manual_seed(2)
    random.seed(2)
    np.random.seed(2)
    trainer = again()
    benchmark(trainer, *beats, epochs=6, checkpoint=path)
    assert_same_end(trainer, whole)


def test_another_number_of_threads_is_said_once(beats, path, capsys, monkeypatch):
    benchmark(make(), *beats, epochs=1, checkpoint=path)
    monkeypatch.setattr(BatchedTrainer, "threads", 3)
    benchmark(make(), *beats, epochs=2, checkpoint=path)
    message = "1 threads before and 3 now; last digits may differ"
    assert capsys.readouterr().out.count(message) == 1


# ---------------------------------------------------------------------- changes and monitors


def changes(trainer, pending):
    """Queue changes in mid-run, as a panel does; the last ones are still pending after epoch 3."""
    return [
        At(1, lambda: trainer.queue("patience", 1)),
        At(2, lambda: trainer.queue("learning_rate", 0.1)),
        At(3, lambda: pending and (trainer.queue("patience", 2), trainer.queue("slope", 0.3, trainer.model))),
    ]


@pytest.mark.parametrize("pending", [False, True])
def test_hyperparameters_changed_in_mid_run_are_kept(beats, path, pending):
    torch.manual_seed(0)
    models = [BlockNet() for _ in range(3)]
    for model in models[1:]:
        model.load_state_dict(models[0].state_dict())
    whole, stopped, trainer = (BatchedTrainer(model, **WILD) for model in models)
    benchmark(whole, *beats, epochs=6, callbacks=changes(whole, pending))
    killed(path, stopped, beats, epochs=6, after=3, callbacks=changes(stopped, pending))
    benchmark(trainer, *beats, epochs=6, checkpoint=path)
    assert_same_end(trainer, whole)
    assert trainer.hyperparameters == whole.hyperparameters
    assert (trainer.patience, trainer.learning_rate, trainer.model.slope) == (1 + pending, 0.1, 0.3 if pending else 0.1)
    if pending:
        assert trainer.history[3].note == "patience 1 → 2; BlockNet: slope 0.1 → 0.3"


def test_same_trainer_continues_after_changes_without_allow(beats, path):
    trainer = BatchedTrainer(BlockNet(), **WILD)
    queue = lambda: (trainer.queue("patience", 1), trainer.queue("slope", 0.3, trainer.model))  # noqa: E731
    benchmark(trainer, *beats, epochs=3, checkpoint=path, callbacks=[At(1, queue)])
    assert len(benchmark(trainer, *beats, epochs=5, checkpoint=path).history) == 5
    assert (trainer.patience, trainer.model.slope) == (1, 0.3)


def test_monitor_of_continued_run_has_the_whole_curve(beats, path):
    whole = make()
    benchmark(whole, *beats, epochs=6, callbacks=[TrainingMonitor(beats[1].subset(range(3)))])
    killed(path, make(), beats, epochs=6, after=3, callbacks=[TrainingMonitor(beats[1].subset(range(3)))])
    trainer, monitor = make(), TrainingMonitor(beats[1].subset(range(3)))
    result = benchmark(trainer, *beats, epochs=6, checkpoint=path, callbacks=[monitor])
    assert_same_end(trainer, whole)
    assert [row.epoch for row in monitor.history] == [1, 2, 3, 4, 5, 6]
    assert monitor.history == result.history
    assert len(monitor.histories) == 1


def test_branch_in_mid_run_is_kept(beats, path):
    def with_branch(trainer):
        states = {}

        def callback(row, state):
            states.setdefault(row.epoch, state)
            if row.epoch == 4 and trainer.history.name == trainer.name:
                best = trainer.history[1].best_epoch
                trainer.branch(2, states[2], states[best])

        return callback

    whole, trainer = make(), make()
    benchmark(whole, *beats, epochs=7, callbacks=[with_branch(whole)])
    stopped = make()
    # dies in the second epoch after the branch, when the file has the branch's first
    killed_after_branch = iter([False, False, False, False, False, True])
    kept = []

    def die(row, state):
        if next(killed_after_branch):
            kept.append(path.read_bytes())
            raise Died

    with pytest.raises(Died):
        benchmark(stopped, *beats, epochs=7, checkpoint=path, every=1, callbacks=[with_branch(stopped), die])
    path.write_bytes(kept[0])
    assert epochs_in(path) == 3
    benchmark(trainer, *beats, epochs=7, checkpoint=path)
    assert_same_end(trainer, whole)
    assert trainer.history.name == "BatchedTrainer, from epoch 2"


def test_trained_start_and_earlier_runs_are_kept(beats, path):
    whole, stopped = make(learning_rate=0.05), make(learning_rate=0.05)
    for trainer in (whole, stopped):
        benchmark(trainer, *beats, epochs=3)
    benchmark(whole, *beats, epochs=4)
    killed(path, stopped, beats, epochs=4, after=2)
    trainer = make(learning_rate=0.05)
    benchmark(trainer, *beats, epochs=4, checkpoint=path)
    assert trainer.history.start is not None
    assert_same_end(trainer, whole)


# ---------------------------------------------------------------------- differences


@pytest.mark.parametrize(
    ("other", "match", "allow"),
    [
        ({"learning_rate": 0.1}, r"learning_rate 0\.2 in the file and 0\.1 now", "learning_rate"),
        ({"max_grad_norm": 2.0}, "max_grad_norm None in the file and 2.0 now", "max_grad_norm"),
        ({"seed": 3}, "seed 0 in the file and 3 now", "seed"),
        (
            {"batch_size": 9, "patience": 2},
            "batch_size 8 in the file and 9 now; patience 0 in the",
            "batch_size,patience",
        ),
        ({"loss": "mse"}, "loss 'mae' in the file and 'mse' now", None),
        ({"data": 1}, "training set '40 sequences of 20 steps, 1 feature, .*' in the file and '40 seq", "data"),
        ({"model": 1}, r"got model\.seed 0 in the file and 7 now\.", "model"),
    ],
)
def test_differences_are_shown_and_allowed_by_name(beats, path, other, match, allow):
    benchmark(make(), *beats, epochs=2, checkpoint=path)
    before = path.read_bytes()
    sets = [DataSet(beats[0].sequences * 1.01), beats[1]] if "data" in other else beats
    hyperparameters = {name: value for name, value in other.items() if name not in ("data", "model")}
    trainer = make(model_seed=7, **hyperparameters) if "model" in other else make(**hyperparameters)
    benchmark(trainer, *beats, epochs=1)
    unchanged, history = plain(trainer.state_dict()), trainer.history
    with pytest.raises(ValueError, match=match) as caught:
        benchmark(trainer, *sets, epochs=4, checkpoint=path)
    assert trainer.history is history
    np.testing.assert_equal(plain(trainer.state_dict()), unchanged)
    assert path.read_bytes() == before
    if allow is None:
        return
    assert f"or allow={allow.split(',')!r}" in str(caught.value)
    result = benchmark(trainer, *sets, epochs=4, checkpoint=path, allow=allow.split(","))
    assert [row.epoch for row in result.history] == [1, 2, 3, 4]
    for name, value in hyperparameters.items():
        assert getattr(trainer, name) == value
    # from now on, the file is one of this run
    benchmark(trainer, *sets, epochs=5, checkpoint=path)


def test_other_sizes_are_refused_even_if_the_model_is_allowed(beats, path):
    benchmark(make(), *beats, epochs=2, checkpoint=path)
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=5), **WILD)
    benchmark(trainer, *beats, epochs=2)
    unchanged, history = plain(trainer.state_dict()), trainer.history
    with pytest.raises(ValueError, match="must have shape"):
        benchmark(trainer, *beats, epochs=4, checkpoint=path, allow=["model"])
    assert trainer.history is history
    np.testing.assert_equal(plain(trainer.state_dict()), unchanged)
    assert len(benchmark(trainer, epochs=1, resume=True).history) == 3
    assert is_free(path)


def test_another_class_of_trainers_is_refused_without_remedy(beats, path):
    benchmark(make(), *beats, epochs=1, checkpoint=path)
    with pytest.raises(ValueError, match=r"trainer 'BatchedTrainer' in the file and .*Averaging' now") as caught:
        benchmark(Averaging(LSTMAutoencoder(hidden_size=4)), *beats, epochs=2, checkpoint=path)
    assert "allow" not in str(caught.value)


def test_file_of_another_kind_is_refused(beats, path):
    trainers.save(Net(), path)
    with pytest.raises(ValueError, match="checkpoint must be a file of kind 'trainer', got 'model'"):
        benchmark(make(), *beats, checkpoint=path)
    assert is_free(path)


@pytest.mark.parametrize("done", [2, 4])
def test_cosine_with_other_epochs_is_refused_or_allowed(beats, path, done):
    kept = make(schedule="cosine")
    for row in Run(kept, *beats, epochs=4, checkpoint=path, every=1):
        if row.epoch == done:
            break
    with pytest.raises(ValueError, match=r"epochs 4 in the file and 6 now.*allow=\['epochs'\]"):
        benchmark(make(schedule="cosine"), *beats, epochs=6, checkpoint=path)
    result = benchmark(make(schedule="cosine"), *beats, epochs=6, checkpoint=path, allow=["epochs"])
    assert (len(result.history), result.planned_epochs) == (6, 6)
    assert result.history[4].learning_rate > result.history[5].learning_rate >= 0
    whole = make(schedule="cosine", schedule_epochs=9)
    benchmark(whole, *beats, epochs=6)
    # with schedule_epochs, a schedule does not depend on the plan
    second = path.with_name("second")
    benchmark(make(schedule="cosine", schedule_epochs=9), *beats, epochs=3, checkpoint=second)
    trainer = make(schedule="cosine", schedule_epochs=9)
    benchmark(trainer, *beats, epochs=6, checkpoint=second)
    assert_same_end(trainer, whole)


def test_custom_loss_of_another_name_is_refused(beats, path):
    benchmark(make(loss=huber), *beats, epochs=2, checkpoint=path)
    with pytest.raises(ValueError, match="must be huber, as in the file, got HuberLoss"):
        benchmark(make(loss=nn.HuberLoss()), *beats, epochs=3, checkpoint=path)
    trainer, whole = make(loss=huber), make(loss=huber)
    benchmark(whole, *beats, epochs=4)
    benchmark(trainer, *beats, epochs=4, checkpoint=path)
    assert_same_end(trainer, whole)


def test_resume_with_checkpoint_is_refused(beats, path):
    trainer = make()
    benchmark(trainer, *beats, epochs=2, checkpoint=path)
    before = path.read_bytes()
    # run again from the top, a notebook with such a cell would train more epochs each time
    with pytest.raises(ValueError, match=r"checkpoint must be None with resume=True.*raise epochs and omit resume\."):
        benchmark(trainer, epochs=2, resume=True, checkpoint=path)
    assert path.read_bytes() == before
    assert len(trainer.history) == 2


def test_monitor_of_a_continued_run_has_the_best_and_the_last_model(beats, path):
    first = benchmark(make(), *beats, epochs=6, checkpoint=path)
    monitor, trainer = TrainingMonitor(beats[1][:2]), make()
    benchmark(trainer, *beats, epochs=6, checkpoint=path, callbacks=[monitor])
    best = first.history.best.epoch
    assert monitor._snapshots.epochs == sorted({best, 6})
    monitor.branch(best)
    assert monitor.more(1).history[:1] == first.history[:1]


def test_epochs_added_in_the_monitor_are_saved(beats, path):
    monitor, whole = TrainingMonitor(), make()
    benchmark(make(), *beats, epochs=2, checkpoint=path, callbacks=[monitor])
    monitor.more(2)
    assert epochs_in(path) == 4
    monitor.branch(2)
    monitor.more(1)
    assert epochs_in(path) == 3
    assert is_free(path)
    benchmark(whole, *beats, epochs=4)
    assert monitor.trainer.history[:1] == whole.history[:1]


def test_checkpoint_is_loaded_and_resumed(beats, path):
    killed(path, make(), beats, epochs=6, after=3)
    loaded = trainers.load(path, data=beats)
    while len(loaded.history) < 6:
        loaded.doEpoch(loaded.model)
    loaded.finalizeTraining(loaded.model)
    whole = make()
    benchmark(whole, *beats, epochs=6)
    assert loaded.history == whole.history
    assert same(copy_state(loaded.model), copy_state(whole.model))


@pytest.mark.parametrize(
    ("more", "error", "match"),
    [
        ({"every": 0}, ValueError, "every must be a positive integer"),
        ({"every": True}, ValueError, "every must be a positive integer"),
        ({"every": 2.0}, ValueError, "every must be a positive integer"),
        ({"allow": "model"}, ValueError, "allow must be a list of names among batch_size, .*, got 'model'"),
        ({"allow": ["speed"]}, ValueError, "allow must be a list of names among"),
        ({"checkpoint": 3}, TypeError, "checkpoint must be a string or a path, got 3"),
        ({"checkpoint": "missing/run"}, FileNotFoundError, "checkpoint must be a file in an existing folder"),
        ({"checkpoint": "."}, FileNotFoundError, "checkpoint must be a file in an existing folder"),
    ],
)
def test_invalid_arguments_raise_and_change_nothing(beats, path, more, error, match):
    trainer = make()
    with pytest.raises(error, match=match):
        benchmark(trainer, *beats, **{"checkpoint": path, **more})
    assert trainer.train_set is None
    assert not path.exists()


# ---------------------------------------------------------------------- detectors and new processes

FIT = """
import os, signal, sys
sys.path.insert(0, {root!r})
from tests.trainers.test_checkpoint import detector
from tests.trainers.detection.detectors import wave
import trainers

def die(row, state):
    if row.epoch == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

found = detector().fit(wave(features=2), checkpoint=sys.argv[1], every=2, callbacks=[die], progress=False)
trainers.save(found, sys.argv[2])
"""


def detector():
    return AnomalyDetector(small(2, restore="every epoch"), window=25, epochs=7, rate=0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_fit_goes_on_in_a_new_process(path, tmp_path):
    code = "import torch; torch.set_num_threads(1)\n" + FIT.format(root=str(trainers.__path__[0] + "/.."))
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "detector")]
    died = subprocess.run([*command, "6"], capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert epochs_in(path) == 4
    printed = in_new_process(code, path, tmp_path / "detector", "0")
    assert f"continued after epoch 4 from {path}" in printed
    expected = detector().fit(wave(features=2), progress=False)
    loaded = trainers.load(tmp_path / "detector")
    assert loaded.result.history == expected.result.history
    np.testing.assert_array_equal(loaded.score(wave(90, features=2)), expected.score(wave(90, features=2)))
    assert loaded.threshold == expected.threshold
    # the same file, for a complete fit
    again = detector().fit(wave(features=2), checkpoint=path, progress=False)
    np.testing.assert_array_equal(again.calibration_scores, expected.calibration_scores)
    with pytest.raises(ValueError, match="training set"):
        detector().fit(wave(features=2, seed=1), checkpoint=path, progress=False)


# ---------------------------------------------------------------------- random settings

ONE_SET = torch.sin(torch.linspace(0, 6.28, 20)).repeat(24, 1)[..., None] * torch.linspace(0.5, 1.5, 24)[:, None, None]
SETS = {
    "plain": (DataSet(ONE_SET[:16]), DataSet(ONE_SET[16:])),
    "masked": tuple(masked_and_padded((DataSet(ONE_SET[:16]), DataSet(ONE_SET[16:])))),
}
SETTINGS = st.fixed_dictionaries(
    {
        "restore": st.sampled_from(["every epoch", "at the end", "off"]),
        "optimizer_state": st.sampled_from(["keep", "restore", "reset"]),
        "patience": st.integers(0, 2),
        "min_delta_ratio": st.sampled_from([0.0, 0.05]),
        "lr_factor": st.sampled_from([1.0, 0.5]),
        "schedule": st.sampled_from(["constant", "cosine"]),
        "warmup_epochs": st.sampled_from([0.0, 0.7, 2.0]),
        "batch_size": st.sampled_from([4, 7, 16]),
        "steps_per_epoch": st.sampled_from([None, 1, 5]),
        "reshuffle": st.booleans(),
        "loss": st.sampled_from(["mae", "mse", huber]),
        "learning_rate": st.sampled_from([0.01, 0.3]),
        "max_grad_norm": st.sampled_from([None, 1.0]),
        "seed": st.integers(0, 3),
    }
)


def random_trainer(chosen, dropout):
    return BatchedTrainer(LSTMAutoencoder(hidden_size=3, dropout=dropout), **chosen)


@settings(max_examples=25)
@pytest.mark.filterwarnings("ignore:epoch .* repeated epoch")
@given(
    chosen=SETTINGS, dropout=st.sampled_from([0.0, 0.3]), kind=st.sampled_from(sorted(SETS)),
    ends=st.lists(st.integers(0, 5), min_size=1, max_size=3), every=st.integers(1, 3), watched=st.booleans(),
    dies=st.booleans(),
)  # fmt: skip
def test_interrupted_run_equals_one_run(tmp_path_factory, chosen, dropout, kind, ends, every, watched, dies):
    path = tmp_path_factory.mktemp("random") / "run"
    watch = lambda: [TrainingMonitor(SETS[kind][1].subset(range(3)))] if watched else []  # noqa: E731
    whole = random_trainer(chosen, dropout)
    benchmark(whole, *SETS[kind], epochs=6, callbacks=watch())
    for end in ends:
        trainer = random_trainer(chosen, dropout)
        done = epochs_in(path) if path.exists() else 0
        if dies and end >= done:
            killed(path, trainer, SETS[kind], epochs=6, after=end, every=every, callbacks=watch())
            # the last saved epoch, which may be the start
            assert done <= epochs_in(path) <= end
        else:
            for row in Run(trainer, *SETS[kind], epochs=6, checkpoint=path, every=every, callbacks=watch()):
                if row.epoch > end:
                    break
    trainer = random_trainer(chosen, dropout)
    result = benchmark(trainer, *SETS[kind], epochs=6, checkpoint=path, every=every, callbacks=watch())
    assert_same_end(trainer, whole)
    for batches in zip(
        trainer._order(16, 7).split(trainer.batch_size), whole._order(16, 7).split(whole.batch_size), strict=True
    ):
        assert torch.equal(*batches)
    assert [asdict(row)["learning_rate"] for row in result.history] == [row.learning_rate for row in whole.history]
