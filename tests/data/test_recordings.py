"""The long recordings included in the kit."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import data
from data import load_ecg_diff_count, load_internal_bleeding, load_mitbih, load_oil_well
from data.recordings import SENSORS

FOLDER = Path(data.__file__).parent
LOADERS = {
    "internal_bleeding.npz": load_internal_bleeding,
    "ecg_diff_count.npz": load_ecg_diff_count,
    "mitbih.npz": load_mitbih,
}
WELLS = {f"oil_well_{well}.npz": partial(load_oil_well, well) for well in (2, 9, 16)}
# All others are the first argument of a loader.
FILES = LOADERS | {name: lambda path, load=load: load(path=path) for name, load in WELLS.items()}

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
    "oil_well_2.npz": {
        "training": "e20e9504cf702cf0c4aacd0b82ee7fe0cc9747692cfabb72d8b5b807557b235b",
        "training_labels": "cb01e46adefff664ccd7d2b0529ab6a4286cebd97a4460eb00033c99bdf1b730",
        "test": "0df481b01941a11667507545f80eccb985a6568d3ab1293847aad10e87cfd521",
        "test_labels": "2be92f9a46a38d6afae39c52318d121928c23fadae1ffd924d6928c10893c2b2",
    },
    "oil_well_9.npz": {
        "training": "d2ac86015e0baad328e9ce72400d505d19913c6f1362a29cc15521c886b1d48d",
        "training_labels": "27d67085db05297c7c5542c52ee8798eb03022a57b0c8cbde70db901fed1da69",
        "test": "b269fb1374aab77ded5c43d3b04ae4f8a7e1aeb90112f837a06001992b8fba6a",
        "test_labels": "4d7dc84623ab8e4d9d908fb0234e34571291358a61dc114ddfa51946207e05d6",
    },
    "oil_well_16.npz": {
        "training": "9d55d66ef9b3f5daa78d2b1ef3e6ade679b476a6354962e2955537311aca86b4",
        "training_labels": "1cde432aa33f59fdcb79af26f8fe51128ebaa6802d46fd8b95b667bcbc5305cb",
        "test": "ddf4688568fc10c13c81afbfca05ae7c417dba71b01fc3a265171f481253cca8",
        "test_labels": "7c09786f16b1e7316df4624c7aea3da3a1795f76d3f7e8eb208a938894b0b2ee",
    },
}


@pytest.mark.parametrize("name", FILES)
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


@pytest.mark.parametrize("name", FILES)
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
        FILES[name](path)


@pytest.mark.parametrize("name", FILES)
def test_missing_file_raises(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"does not exist\. Restore it"):
        FILES[name](tmp_path / name)


@pytest.mark.parametrize(
    ("well", "normal", "transient", "failure"), [(2, 9863, 832, 783), (9, 3523, 2116, 1099), (16, 1145, 2081, 85)]
)
def test_labels_of_oil_well_have_counts_of_source(well, normal, transient, failure):
    """Steps without a class (2 × 50, 2 × 20, and 28 + 24) count as transient."""
    training, test = load_oil_well(well)
    assert (len(training), training.labels.max()) == (round(0.6 * normal), 0)
    states, counts = [0, 1, 2], [normal - len(training), transient, failure]
    np.testing.assert_array_equal(test.labels, np.repeat(states, counts))
    assert test.events == [(counts[0], len(test))]
    assert training.sampling_rate == test.sampling_rate == 1


@pytest.mark.parametrize("well", [2, 9, 16])
def test_oil_well_has_named_sensors_of_file(well):
    with np.load(FOLDER / f"oil_well_{well}.npz") as parts:
        for part, series in load_oil_well(well)._asdict().items():
            assert series.name == f"oil well {well}, {part}"
            assert series.feature_names == tuple(name for name in SENSORS if name != "T-JUS-CKGL")
            columns = [SENSORS.index(name) for name in series.feature_names]
            np.testing.assert_array_equal(series.values, parts[part][:, columns].astype(np.float32))
            assert np.isnan(parts[part][:, SENSORS.index("T-JUS-CKGL")]).all()


def test_oil_well_has_chosen_sensors_in_order():
    every, chosen = load_oil_well(9), load_oil_well(9, sensors=["T-TPT", "P-TPT"])
    for whole, part in zip(every, chosen, strict=True):
        assert part.feature_names == ("T-TPT", "P-TPT")
        np.testing.assert_array_equal(part.values, whole.values[:, [2, 1]])


def test_oil_well_continues_after_training_part():
    """A cut at the wrong step would give a jump or repeat a part."""
    for well in (2, 9, 16):
        training, test = load_oil_well(well)
        before, after = (np.abs(np.diff(part.values, axis=0)).max(0) for part in (training, test[:400]))
        step = np.abs(test.values[0] - training.values[-1])
        assert (step <= np.maximum(before, after)).all()
        assert step.any()


@pytest.mark.parametrize("sensors", [["P-XYZ"], ["T-JUS-CKGL"], [], ["P-TPT", "P-TPT"]])
def test_unknown_well_or_sensor_raises(sensors):
    with pytest.raises(ValueError, match=r"^well must be one of 2, 9, 16, got 3\.$"):
        load_oil_well(3)
    with pytest.raises(ValueError, match=r"^sensors must be .*P-PDG, P-TPT.*, got \["):
        load_oil_well(2, sensors)


@pytest.mark.parametrize("well", [2.0, [2], "2", True, None])
def test_well_of_another_type_raises(well):
    with pytest.raises(ValueError, match=r"^well must be an integer of at least 1, got "):
        load_oil_well(well)
