"""`load_ucr_anomaly` and `load_ucr_anomalies`: recordings of the UCR anomaly archive."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import load_internal_bleeding, load_ucr_anomalies, load_ucr_anomaly

VALUES = np.round(np.sin(np.arange(100) / 3), 4)
NAME = "007_UCR_Anomaly_my_heart2_60_80_84.txt"


@pytest.mark.parametrize(
    "layout",
    [
        "\n".join(map(str, VALUES)),
        "\r\n".join(f"   {v:.7e}" for v in VALUES) + "\r\n\r\n",
        "  ".join(map(str, VALUES)) + "\n",
        ", ".join(map(str, VALUES)),
    ],
    ids=["lines", "Windows", "one line", "commas"],
)
def test_values_are_read_in_any_layout(tmp_path, layout):
    tmp_path.joinpath(NAME).write_bytes(layout.encode())
    training, test = load_ucr_anomaly(tmp_path / NAME)
    np.testing.assert_array_equal(np.concatenate([training.values, test.values])[:, 0], np.float32(VALUES))
    assert (len(training), training.events, test.events) == (60, [], [(20, 25)])
    assert (training.name, test.name) == ("my_heart2, training", "my_heart2, test")


@given(st.data())
def test_file_name_determines_event(tmp_path_factory, data):
    n = data.draw(st.integers(2, 60))
    split = data.draw(st.integers(1, n - 1))
    begin = data.draw(st.integers(split, n - 1))
    end = data.draw(st.integers(begin, n - 1))
    path = tmp_path_factory.mktemp("any") / f"001_UCR_Anomaly_x_{split}_{begin}_{end}.txt"
    path.write_text("\n".join(map(str, range(n))))
    training, test = load_ucr_anomaly(path)
    assert np.concatenate([training.values, test.values])[:, 0].tolist() == list(range(n))
    assert test.values[test.abnormal, 0].tolist() == list(range(begin, end + 1))


def test_event_of_no_135_includes_last_disturbed_value(tmp_path):
    """The event in the included copy is one step shorter."""
    values = np.concatenate([part.values for part in load_internal_bleeding()])[:, 0]
    path = tmp_path / "135_UCR_Anomaly_InternalBleeding16_1200_4187_4199.txt"
    np.savetxt(path, values, fmt="%.7e")
    ((start, end),) = load_ucr_anomaly(path).test.events
    assert (start, end) == (2987, 3000)
    jumps = np.abs(np.diff(values, n=2))
    disturbed = 1 + np.flatnonzero(jumps > 3)
    assert 1200 + start <= disturbed.min() <= disturbed.max() <= 1200 + end
    assert np.abs(values[4199] - values[[4198, 4200]].mean()) > 3
    assert np.abs(values[4201] - values[[4200, 4202]].mean()) < 1


def test_recordings_of_folder_are_read_one_at_a_time(tmp_path):
    for number in (2, 1):
        tmp_path.joinpath(f"00{number}_UCR_Anomaly_a{number}_60_80_84.txt").write_text("\n".join(map(str, VALUES)))
    tmp_path.joinpath("003_UCR_Anomaly_a3_60_80_84.txt").write_text("invalid")
    tmp_path.joinpath("notes.txt").write_text("no data")
    recordings = load_ucr_anomalies(tmp_path)
    assert [next(recordings).test.name, next(recordings).test.name] == ["a1, test", "a2, test"]
    with pytest.raises(ValueError, match=r"003_UCR_Anomaly_a3_60_80_84.txt, line 1"):
        next(recordings)


@pytest.mark.parametrize(
    "name",
    ["135.txt", "001_UCR_Anomaly_35000.txt", "135_UCR_Anomaly_x_1200_4187_4199.csv", "135_UCR_Anomaly_x_1200_4187.txt"],
)
def test_file_name_without_event_raises(tmp_path, name):
    tmp_path.joinpath(name).write_text("1\n2\n")
    with pytest.raises(ValueError, match="path must have a file name like"):
        load_ucr_anomaly(tmp_path / name)


@pytest.mark.parametrize("numbers", ["0_80_84", "60_80_100", "60_59_70", "60_84_80", "100_101_102"])
def test_file_name_that_does_not_match_values_raises(tmp_path, numbers):
    path = tmp_path / f"001_UCR_Anomaly_x_{numbers}.txt"
    path.write_text("\n".join(map(str, VALUES)))
    with pytest.raises(ValueError, match="must match its 100 values"):
        load_ucr_anomaly(path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("1\n2\nthree\n4", "line 3, value 1: .*got 'three'"),
        ("1 2 3 nan 5", "line 1, value 4: .*got 'nan'"),
        ("\n1\n\n2 inf", "line 4, value 2: .*got 'inf'"),
        ("1\n2;3", "line 2, value 1: .*got '2;3'"),
        ("", "must not be empty"),
        ("  \n ", "must not be empty"),
    ],
)
def test_invalid_number_raises_with_line(tmp_path, text, match):
    tmp_path.joinpath(NAME).write_text(text)
    with pytest.raises(ValueError, match=match):
        load_ucr_anomaly(tmp_path / NAME)


def test_folders_and_missing_files_raise(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the file .* does not exist"):
        load_ucr_anomaly(tmp_path / NAME)
    with pytest.raises(IsADirectoryError, match="Use load_ucr_anomalies for a folder"):
        load_ucr_anomaly(tmp_path)
    with pytest.raises(FileNotFoundError, match="no file named like"):
        load_ucr_anomalies(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load_ucr_anomalies(tmp_path / "none")
