"""Files of version 1 of the format stay readable; ``python -m tests.trainers.test_saved_files`` writes new ones.

Never write a file of an old version again: a test that loads a new file does not show that old ones can be read.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch

import trainers
from data import Series
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark, reconstruct
from trainers.checkpoint_file import VERSION, read_file
from trainers.detection import AnomalyDetector

FOLDER = Path(__file__).parent / "saved"
# Exact in float32, so that the data is the same on every processor.
WAVE = (np.arange(240) % 8 / 4 - 0.875) * (1 + np.arange(240) // 8 % 3 / 4)
UNEQUAL = WAVE + np.arange(240) ** 2 % 29 / 32
SEQUENCES = WAVE.reshape(-1, 8)
SETS = torch.tensor(SEQUENCES[:20, :, None]).float(), torch.tensor(SEQUENCES[20:, :, None]).float()


def write(folder: Path) -> None:
    """Write one file of each kind, and what must be found in them."""
    torch.set_num_threads(1)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    model = LSTMAutoencoder(hidden_size=2, time_encoding=1, bidirectional=False, name="small")
    trainer = BatchedTrainer(model, name="old", learning_rate=0.2, patience=1, lr_factor=0.5)
    result = benchmark(trainer, *SETS, epochs=4, progress=False)
    fitted = BatchedTrainer(
        LSTMAutoencoder(hidden_size=2, time_encoding=1, bidirectional=False), batch_size=4, learning_rate=0.05
    )
    detector = AnomalyDetector(fitted, window=8, epochs=2, rate=0.1, error="gaussian", name="detector")
    detector.fit(Series(WAVE, feature_names=["left"], sampling_rate=4), progress=False)
    neighbours = AnomalyDetector(
        BatchedTrainer(LSTMAutoencoder(hidden_size=2, time_encoding=1, bidirectional=False), batch_size=4),
        window=8, epochs=1, rate=0.1, name="neighbours",
    )  # fmt: skip
    # no two periods are equal
    neighbours.fit(Series(UNEQUAL), progress=False)
    things = {
        "model": model, "trainer": trainer, "result": result, "detector": detector, "neighbours": neighbours
    }  # fmt: skip
    for kind, thing in things.items():
        trainers.save(thing, folder / f"{kind}-{VERSION}.safetensors")
    expected = {
        "reconstruction": reconstruct(model, SETS[1])[0].flatten().tolist(),
        "validation_loss": [row.validation_loss for row in result.history],
        "restored": result.history.restored_epochs,
        "next_losses": [row.validation_loss for row in benchmark(trainer, epochs=2, resume=True).history][4:],
        "scores": detector.score(WAVE[:24]).tolist(),
        "threshold": detector.threshold,
        "neighbours": neighbours.score(UNEQUAL[3:27] + 0.5).tolist(),
        "random": [random.random(), np.random.rand(), torch.rand(1).item()],
    }
    (folder / f"expected-{VERSION}.json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


@pytest.fixture
def same_randomness():
    """Keep the states of the global random generators, which are set to those in a trainer's file."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def load(kind, **given):
    return trainers.load(FOLDER / f"{kind}-1.safetensors", **given)


@pytest.fixture(scope="module")
def expected():
    return json.loads((FOLDER / "expected-1.json").read_text("utf-8"))


# What is computed may differ in the last digits on another processor or with another version of PyTorch.
def close(one, other):
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_model_of_version_1_is_read(expected):
    model = load("model")
    assert (type(model), model.name, model.hidden_size, model.time_encoding) == (LSTMAutoencoder, "small", 2, 1)
    assert model.patch_size == 1
    close(reconstruct(model, SETS[1])[0].flatten(), expected["reconstruction"])


def test_trainer_of_version_1_is_read_and_continued(expected, same_randomness):
    trainer = load("trainer", data=SETS)
    numbers = [random.random(), np.random.rand(), torch.rand(1).item()]
    assert numbers == expected["random"]
    assert (trainer.name, trainer.learning_rate, trainer.patience, trainer.lr_factor) == ("old", 0.2, 1, 0.5)
    assert [row.validation_loss for row in trainer.history] == expected["validation_loss"]
    assert trainer.history.restored_epochs == expected["restored"]
    assert trainer.finalized
    close(reconstruct(trainer.model, SETS[1])[0].flatten(), expected["reconstruction"])
    history = benchmark(trainer, epochs=2, resume=True).history
    close([row.validation_loss for row in history[4:]], expected["next_losses"])


def trainer_as_saved(**more):
    model = LSTMAutoencoder(hidden_size=2, time_encoding=1, bidirectional=False, name="small", **more)
    return BatchedTrainer(model, name="old", learning_rate=0.2, patience=1, lr_factor=0.5)


def test_checkpoint_of_version_1_is_continued(expected, same_randomness, tmp_path):
    """The file lacks `patch_size`, which did not exist then: its value was the default."""
    path = shutil.copy(FOLDER / "trainer-1.safetensors", tmp_path)
    assert "model.patch_size" not in read_file(Path(path))[1]["run"]
    history = benchmark(trainer_as_saved(), *SETS, epochs=6, checkpoint=path, progress=False).history
    close([row.validation_loss for row in history[4:]], expected["next_losses"])
    # from now on, the file has it
    assert read_file(Path(path))[1]["run"]["model.patch_size"] == 1


def test_checkpoint_of_version_1_with_another_value_than_the_default_is_refused(tmp_path):
    path = shutil.copy(FOLDER / "trainer-1.safetensors", tmp_path)
    with pytest.raises(ValueError, match=r"must be the same .*got model\.patch_size 1 in the file and 2 now\."):
        benchmark(trainer_as_saved(patch_size=2), *SETS, epochs=6, checkpoint=path, progress=False)
    given = trainer_as_saved(patch_size=2).model
    with pytest.raises(ValueError, match=r"hyperparameters of the file, \{'patch_size': 1\}, got \{'patch_size': 2\}"):
        load("model", model=given)


def test_result_of_version_1_is_read(expected):
    result = load("result")
    assert [row.validation_loss for row in result.history] == expected["validation_loss"]
    assert (result.planned_epochs, result.stopped, result.seed, result.device) == (4, None, 0, "cpu")
    assert sorted(result.versions) == ["numpy", "python", "torch"]
    assert result.hyperparameters["old"]["learning_rate"] == 0.2
    assert result.summary().startswith("old: 4 of 4 epochs, best: epoch ")
    close(reconstruct(result.model, SETS[1])[0].flatten(), expected["reconstruction"])


def test_detector_of_version_1_is_read(expected):
    detector = load("detector")
    assert (detector.name, detector.window_length, detector.error) == ("detector", 8, "gaussian")
    assert detector.threshold == expected["threshold"]
    assert not detector.adapt, "the threshold of version 0.2 is constant"
    assert len(detector.result.history) == 2
    recording = Series(WAVE[:24], feature_names=["left"], sampling_rate=4)
    close(detector.score(recording), expected["scores"])
    # with the data of fit, other settings are possible
    detector = load("detector", data=Series(WAVE, feature_names=["left"], sampling_rate=4))
    detector.stride = 2
    assert detector.threshold > 0


def test_detector_with_normal_windows_is_read(expected):
    detector = load("neighbours")
    assert (detector.error, detector.adapt) == ("neighbours", True)
    close(detector.score(UNEQUAL[3:27] + 0.5), expected["neighbours"])
    assert np.ndim(detector.detect(UNEQUAL[3:27]).threshold) == 1


def test_committed_files_are_small_and_of_version_1():
    paths = sorted(FOLDER.glob("*.safetensors"))
    assert [path.stem for path in paths] == ["detector-1", "model-1", "neighbours-1", "result-1", "trainer-1"]
    for path in paths:
        assert path.stat().st_size < 100_000
        with safetensors.safe_open(path, "pt") as file:
            assert file.metadata()["version"] == "1"


def test_new_files_are_written_as_the_committed_ones(tmp_path, expected):
    write(tmp_path)
    again = json.loads((tmp_path / f"expected-{VERSION}.json").read_text("utf-8"))
    assert again.keys() == expected.keys()

    def schema(value):
        if isinstance(value, dict):
            # further hyperparameters do not change the format
            free = ("hyperparameters", "given", "run")
            return {key: key in free or schema(one) for key, one in value.items()}
        return "list" if isinstance(value, list) else "value"

    declared = {*BatchedTrainer.declared(), *(f"model.{name}" for name in LSTMAutoencoder.declared())}
    for path in FOLDER.glob("*-1.safetensors"):
        schemas, runs = [], []
        for folder in (FOLDER, tmp_path):
            with safetensors.safe_open(folder / path.name, "pt") as file:
                content = json.loads(file.metadata()["content"])
            schemas.append(schema(content))
            runs.append(set(content.get("run", {})))
        assert schemas[0] == schemas[1], "another schema needs another VERSION, and files of its own"
        assert runs[0] <= runs[1] <= runs[0] | declared


if __name__ == "__main__":
    write(FOLDER)
