"""Recordings of the UCR anomaly archive."""

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
def test_values_in_any_layout(tmp_path, layout):
    tmp_path.joinpath(NAME).write_bytes(layout.encode())
    training, test = load_ucr_anomaly(tmp_path / NAME)
    np.testing.assert_array_equal(np.concatenate([training.values, test.values])[:, 0], np.float32(VALUES))
    assert (len(training), training.events, test.events) == (60, [], [(20, 25)])
    assert (training.name, test.name) == ("my_heart2, training", "my_heart2, test")


@given(st.data())
def test_the_files_name_says_where_the_event_is(tmp_path_factory, data):
    n = data.draw(st.integers(2, 60))
    split = data.draw(st.integers(1, n - 1))
    begin = data.draw(st.integers(split, n - 1))
    end = data.draw(st.integers(begin, n - 1))
    path = tmp_path_factory.mktemp("any") / f"001_UCR_Anomaly_x_{split}_{begin}_{end}.txt"
    path.write_text("\n".join(map(str, range(n))))
    training, test = load_ucr_anomaly(path)
    assert np.concatenate([training.values, test.values])[:, 0].tolist() == list(range(n))
    assert test.values[test.abnormal, 0].tolist() == list(range(begin, end + 1))


def test_the_last_disturbed_value_of_no_135_is_in_the_event(tmp_path):
    """The shipped copy labels one step less."""
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


def test_a_folder_is_read_one_after_the_other(tmp_path):
    for number in (2, 1):
        tmp_path.joinpath(f"00{number}_UCR_Anomaly_a{number}_60_80_84.txt").write_text("\n".join(map(str, VALUES)))
    tmp_path.joinpath("003_UCR_Anomaly_a3_60_80_84.txt").write_text("spoilt")
    tmp_path.joinpath("notes.txt").write_text("no data")
    recordings = load_ucr_anomalies(tmp_path)
    assert [next(recordings).test.name, next(recordings).test.name] == ["a1, test", "a2, test"]
    with pytest.raises(ValueError, match=r"003_UCR_Anomaly_a3_60_80_84.txt, line 1"):
        next(recordings)


@pytest.mark.parametrize(
    "name",
    ["135.txt", "001_UCR_Anomaly_35000.txt", "135_UCR_Anomaly_x_1200_4187_4199.csv", "135_UCR_Anomaly_x_1200_4187.txt"],
)
def test_a_name_that_tells_no_event_is_refused(tmp_path, name):
    tmp_path.joinpath(name).write_text("1\n2\n")
    with pytest.raises(ValueError, match="is named like"):
        load_ucr_anomaly(tmp_path / name)


@pytest.mark.parametrize("numbers", ["0_80_84", "60_80_100", "60_59_70", "60_84_80", "100_101_102"])
def test_a_name_that_does_not_fit_the_values_is_refused(tmp_path, numbers):
    path = tmp_path / f"001_UCR_Anomaly_x_{numbers}.txt"
    path.write_text("\n".join(map(str, VALUES)))
    with pytest.raises(ValueError, match="does not fit its 100 values"):
        load_ucr_anomaly(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1\n2\nthree\n4", "line 3, value 1: 'three'"),
        ("1 2 3 nan 5", "line 1, value 4: 'nan'"),
        ("\n1\n\n2 inf", "line 4, value 2: 'inf'"),
        ("1\n2;3", "line 2, value 1: '2;3'"),
        ("", "is empty"),
        ("  \n ", "is empty"),
    ],
)
def test_what_is_no_number_is_told_with_its_line(tmp_path, text, told):
    tmp_path.joinpath(NAME).write_text(text)
    with pytest.raises(ValueError, match=told):
        load_ucr_anomaly(tmp_path / NAME)


def test_folders_and_missing_files_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_ucr_anomaly(tmp_path / NAME)
    with pytest.raises(IsADirectoryError, match="load_ucr_anomalies takes a folder"):
        load_ucr_anomaly(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no file named like"):
        load_ucr_anomalies(tmp_path)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        load_ucr_anomalies(tmp_path / "none")
