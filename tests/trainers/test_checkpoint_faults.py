"""Killed runs, damaged files, failing writes and locks; ``make test-faults`` runs many more of these tests."""

import sys

import pytest
import torch

if sys.platform != "linux":
    pytest.skip("needs fork and /proc", allow_module_level=True)

from trainers import LSTMAutoencoder, benchmark, load, save
from trainers.checkpoint_file import write_file
from trainers.torch_utils import copy_state

from tests.checkpoint_faults.damage import rewritten
from tests.checkpoint_faults.damaged_files import damage_files
from tests.checkpoint_faults.failing_writes import fail_calls, fill_disks
from tests.checkpoint_faults.kills import kill_runs
from tests.checkpoint_faults.locks import lock_files
from tests.faults import EPOCHS, SETS, make


def test_killed_runs_continue_without_loss():
    counts, faults = kill_runs(6, numbers=[5])
    assert faults == []
    assert counts["of them inside a save"] > 0


def test_damaged_files_raise_plain_errors():
    counts, faults = damage_files(42)
    assert faults == []
    assert counts["changed_bytes: error"] > 0


def test_failed_calls_keep_previous_file():
    counts, faults = fail_calls([5], saves=[2])
    assert faults == []
    assert set(counts.values()) == {1}


def test_full_disk_keeps_previous_file():
    counts, faults = fill_disks(2)
    assert faults == []
    assert counts["at the start"] == 1


def test_second_process_on_a_file_is_refused():
    counts, faults = lock_files(1)
    assert faults == []
    assert counts["save refused"] == 1


@pytest.fixture
def stopped(tmp_path):
    """Return the checkpoint of a run that was stopped after two epochs."""
    path = tmp_path / "run"
    trainer = make(0)
    benchmark(trainer, *SETS, epochs=2, checkpoint=path)
    return path


def rewrite(path, change):
    """Change the content of a file; its checksum is right."""
    path.write_bytes(rewritten(path.read_bytes(), lambda whole, tensors: change(whole["content"], tensors)))


def test_huge_number_of_layers_is_refused(tmp_path):
    path = tmp_path / "model"
    save(LSTMAutoencoder(hidden_size=2), path)
    rewrite(path, lambda content, _: content["hyperparameters"].update(n_layers=10**9))
    with pytest.raises(ValueError, match=r"n_layers must be an integer of at least 1 and at most 100"):
        load(path)


def test_wrong_random_state_is_an_error_of_the_file(stopped):
    rewrite(stopped, lambda content, _: content["random"]["python"]["$tuple"].reverse())
    with pytest.raises(ValueError, match="path must be a complete file of kind 'trainer'"):
        load(stopped)


@pytest.mark.parametrize(
    "change",
    [
        lambda content, _: content["hyperparameters"].update(patience="x"),
        lambda content, _: content["model"]["hyperparameters"].update(hidden_size=4),
        lambda content, _: content["random"].clear(),
        lambda content, _: content.pop("threads"),
    ],
    ids=["hyperparameter of the trainer", "hyperparameter of the model", "random states", "threads"],
)
def test_refused_checkpoint_changes_nothing(stopped, change):
    rewrite(stopped, lambda content, tensors: content["hyperparameters"].update(batch_size=2))
    rewrite(stopped, change)
    written, trainer = stopped.read_bytes(), make(0)
    weights = copy_state(trainer.model)
    with pytest.raises((ValueError, TypeError), match=" must "):
        benchmark(trainer, *SETS, epochs=EPOCHS, checkpoint=stopped)
    assert stopped.read_bytes() == written
    assert trainer.hyperparameters == make(0).hyperparameters
    assert not trainer.history
    assert all(torch.equal(weights[name], tensor) for name, tensor in copy_state(trainer.model).items())


def test_checkpoint_sets_no_other_attributes(stopped):
    rewrite(stopped, lambda content, _: content["hyperparameters"].update(doEpoch=1, name="x"))
    trainer = make(0)
    assert len(benchmark(trainer, *SETS, epochs=3, checkpoint=stopped).history) == 3
    assert trainer.name == "BatchedTrainer"


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("kind", ["model", "trainer", "result", "detector"])
def test_tensor_in_place_of_dictionary_is_plain_error(tmp_path, kind, recwarn):
    parts = ("tensors", "state", "model", "result", "history", "form", "run", "hyperparameters", "random")
    content = {"class": "LSTMAutoencoder", "name": "x", **{part: torch.zeros(3) for part in parts}}
    write_file(tmp_path / "file", kind, content)
    with pytest.raises((ValueError, TypeError), match=" must "):
        load(tmp_path / "file")
    assert recwarn.list == []
