"""The long recordings included in the kit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import data
from data import load_ecg_diff_count, load_internal_bleeding, load_mitbih

FOLDER = Path(data.__file__).parent
LOADERS = {
    "internal_bleeding.npz": load_internal_bleeding,
    "ecg_diff_count.npz": load_ecg_diff_count,
    "mitbih.npz": load_mitbih,
}

# Checksums of the float64 values of the source files, and of the labels.
DIGESTS = {
    "internal_bleeding.npz": {
        "training": "87914ed495be71109396a0a5101876c75f09a98b5096c501af987a122a04a730",
        "training_labels": "655a3ef0465a9f30fddf25f4dde0c19a05c6f9069b83961800c1944165955273",
        "test": "36b45a51f1ff77ef1f04507b9629a08b2b5d1d497cf4ee4c0e4a4bdeda7a66f8",
        "test_labels": "8d936ed0781e6df80501c3f48f1821c2093d4a5c1dcd9abc9b6feee48e1c41b5",
    },
    "ecg_diff_count.npz": {
        "training": "7cf1c155ffb4e05b8bad7c210ca63c1c8fc7e49ccc5d1bc8bbcba918002762e2",
        "training_labels": "95b532cc4381affdff0d956e12520a04129ed49d37e154228368fe5621f0b9a2",
        "test": "38496c06727d1a40d69d1bee2a997ded25c38a76c0b986d15e92d43624db794f",
        "test_labels": "567f7531c522ca8a6e889248a227a7b4d110be2813de26a86c78273071a116e1",
    },
    "mitbih.npz": {
        "training": "13478bbc1f906820a98ec826a3d272786be0ebcf7bef8f27c53901dd52d3ef5e",
        "training_labels": "a60bb0878a2f243bd3ac9e87effdeb479151e95e767e94bd4a5131e931999707",
        "test": "c042676632088887d65e11fe710a18b339af4643f77337d1888151a5596fbcfd",
        "test_labels": "86330b468c37a4eb3a3be3ddf543ec3fba01262b2f6ca6c37e3f3bc80c33fda3",
    },
}


@pytest.mark.parametrize("name", LOADERS)
def test_files_have_values_of_their_sources(name):
    with np.load(FOLDER / name) as parts:
        assert {part: hashlib.sha256(parts[part].tobytes()).hexdigest() for part in parts.files} == DIGESTS[name]


@pytest.mark.parametrize("name", LOADERS)
def test_loaders_return_values_of_files(name):
    recording = LOADERS[name]()
    with np.load(FOLDER / name) as parts:
        for part in ("training", "test"):
            series = getattr(recording, part)
            np.testing.assert_array_equal(series.values[:, 0], parts[part].astype(np.float32))
            np.testing.assert_array_equal(series.labels, parts[f"{part}_labels"])


@pytest.mark.parametrize(
    ("load", "lengths", "events", "rate"),
    [
        (load_internal_bleeding, (1200, 6301), [(2987, 2999)], None),
        (load_ecg_diff_count, (10_000, 10_000), [(1560, 1660), (6600, 6700), (6940, 7040)], None),
        (load_mitbih, (3750, 3750), [(3186, 3538)], 360),
    ],
)
def test_lengths_events_and_rates_match_readme(load, lengths, events, rate):
    training, test = load()
    assert (len(training), len(test)) == lengths
    assert (training.events, test.events) == ([], events)
    assert training.sampling_rate == test.sampling_rate == rate


def test_blood_pressure_continues_after_training_part():
    """A cut at the wrong step would give a jump or repeat a part."""
    training, test = load_internal_bleeding()
    steps = np.abs(np.diff(np.concatenate([training.values, test.values[:1000]])[:, 0]))
    assert steps[1199] <= steps.max() < 4


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("damage", ["empty", "cut", "text", "another", "NaN labels", "short"])
def test_damaged_file_raises(tmp_path, name, damage):
    path, content = tmp_path / name, FOLDER.joinpath(name).read_bytes()
    with np.load(FOLDER / name) as parts:
        arrays = dict(parts)
    if damage == "another":
        np.savez(path, x_train=np.zeros((3, 3)))
    elif damage == "NaN labels":
        np.savez(path, **arrays | {"test_labels": np.full(len(arrays["test"]), np.nan)})
    elif damage == "short":
        np.savez(path, **arrays | {"training": arrays["training"][:-1], "training_labels": np.zeros(1)})
    else:
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "text": b"no archive"}[damage])
    with pytest.raises(ValueError, match=r"is damaged or has no .* Restore it"):
        LOADERS[name](path)


@pytest.mark.parametrize("name", LOADERS)
def test_missing_file_raises(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"does not exist\. Restore it"):
        LOADERS[name](tmp_path / name)
