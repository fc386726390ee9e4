"""The ECG5000 heartbeats included in the kit, and `split`."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import data
from data import DataSet, load_ecg5000, split

FILE = Path(data.__file__).with_name("ecg5000.npz")


@pytest.fixture(scope="module")
def ecg():
    return load_ecg5000()


def rows(data):
    return {row.tobytes() for row in data.sequences.numpy()}


def test_data_matches_readme(ecg):
    assert ecg.sequences.shape == (5000, 140, 1)
    assert np.bincount(ecg.labels).tolist() == [2919, 1767, 96, 194, 24]
    assert ecg.class_names[0] == "normal"
    np.testing.assert_allclose(ecg.sequences.mean(1), 0, atol=1e-4)
    np.testing.assert_allclose(ecg.sequences.std(1), 1, atol=1e-3)
    assert ecg.sampling_rate is None


def test_values_are_unchanged(ecg):
    """The checksum of the original values."""
    digest = hashlib.sha256(ecg.sequences.numpy().tobytes() + ecg.labels.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "12dd33ee65067a221b932ed58426d08153c40ae45b90887068f2a36feb622f73"


def test_loading_needs_no_internet_connection(monkeypatch):
    def connect(*_):
        raise AssertionError("the loader used the network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert len(load_ecg5000()) == 5000


@pytest.mark.parametrize("seed", range(3))
def test_test_set_shares_no_sequence_with_other_parts(ecg, seed):
    parts = split(ecg, seed=seed)
    assert [len(part) for part in parts] == [2043, 292, 292, 2373]
    for part in parts[:3]:
        assert not part.abnormal.any()
    assert parts.test.abnormal.sum() == 2081
    different = [rows(part) for part in parts]
    assert sum(map(len, different)) == len(set.union(*different)) == 5000


def test_seed_determines_split(ecg):
    assert rows(split(ecg, seed=1).test) == rows(split(ecg, seed=1).test)
    assert rows(split(ecg, seed=1).test) != rows(split(ecg, seed=2).test)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(4, 12), st.integers(1, 6))
def test_equal_sequences_go_to_same_part(seed, kinds, copies):
    values = np.repeat(np.arange(kinds + 1), copies)[:, None] * np.ones(3)
    labels = (values[:, 0] == kinds).astype(int)
    try:
        parts = split(DataSet(values, labels=labels), seed=seed, training=0.3, validation=0.25, calibration=0.25)
    except ValueError as error:
        assert "the four parts of 'data' must not be empty" in str(error)  # noqa: PT017
        return
    different = [rows(part) for part in parts]
    assert sum(map(len, different)) == len(set.union(*different))
    assert sum(map(len, parts)) == len(values)


def test_abnormal_sequence_equal_to_normal_one_is_left_out():
    values = np.arange(20)[:, None] * np.ones(3)
    data = DataSet(np.concatenate([values, values]), labels=[0] * 20 + [1] * 20)
    parts = split(data)
    used = set.union(*(rows(part) for part in parts[:3]))
    assert not used & rows(parts.test)


def test_fractions_that_add_up_to_one_except_for_rounding_raise(ecg):
    with pytest.raises(ValueError, match="add up to less than 1"):
        split(ecg, training=0.7, validation=0.2, calibration=0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"data": np.zeros((9, 3))}, TypeError, "data must be a DataSet, got ndarray"),
        ({"seed": -1}, ValueError, "seed must be an integer of at least 0, got -1"),
        ({"seed": 1.5}, ValueError, "seed must be an integer of at least 0, got 1.5"),
        ({"training": "0.7"}, ValueError, "the fractions must be above 0"),
    ],
)
def test_invalid_arguments_raise(ecg, arguments, error, match):
    with pytest.raises(error, match=match):
        split(**{"data": ecg, **arguments})


def test_flipped_byte_in_archive_headers_raises(tmp_path):
    """With one byte flipped, the file raises or has the correct values."""
    content, expected = FILE.read_bytes(), load_ecg5000().sequences
    path, rng = tmp_path / "ecg5000.npz", np.random.default_rng(0)
    errors = 0
    for place in [*range(30), *rng.integers(len(content) - 400, len(content), 60).tolist()]:
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        try:
            assert torch.equal(load_ecg5000(path).sequences, expected)
        except ValueError as error:
            errors += "is damaged" in str(error)
    assert errors > 10


@pytest.mark.parametrize("fractions", [{"training": 0}, {"training": 0.9}, {"validation": -0.1}])
def test_invalid_fractions_raise(ecg, fractions):
    with pytest.raises(ValueError, match="add up to less than 1"):
        split(ecg, **fractions)


def test_missing_file_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"does not exist\. Restore it"):
        load_ecg5000(tmp_path / "ecg5000.npz")


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "flipped", "another", "single array", "NaN", "few labels"])
def test_damaged_file_raises(tmp_path, damage):
    path, content = tmp_path / "ecg5000.npz", bytearray(FILE.read_bytes())
    if damage == "another":
        np.savez(path, x_train=np.zeros((3, 3)))
    elif damage == "single array":
        with path.open("wb") as file:
            np.save(file, np.zeros((5000, 140)))
    elif damage in ("NaN", "few labels"):
        with np.load(FILE) as parts:
            arrays = dict(parts)
        if damage == "NaN":
            arrays["x_test"][7, 7] = np.nan
        else:
            arrays["y_test"] = arrays["y_test"][:-1]
        np.savez(path, **arrays)
    else:
        middle = len(content) // 2
        flipped = content.copy()
        flipped[middle : middle + 64] = bytes(b ^ 255 for b in content[middle : middle + 64])
        path.write_bytes({"empty": b"", "cut": content[:middle], "text": b"no archive", "flipped": flipped}[damage])
    with pytest.raises(ValueError, match=r"is damaged or has no ECG5000 data: .* Restore it"):
        load_ecg5000(path)
