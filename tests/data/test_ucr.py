"""`load_ucr`: data sets of the UCR archive in each format, and damaged files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import load_ecg5000, load_ucr, split

VALUES = {"TRAIN": [[0.5, -1.25, 2e-3], [1.0, 2.0, 3.0]], "TEST": [[4.0, 5.0, 6.0], [7.0, 8.0, -9.0], [0.0, 0.0, 1.0]]}
CLASSES = {"TRAIN": ["2", "1"], "TEST": ["1", "10", "2"]}
TS = "# a comment\n@problemName Toy\n@timeStamps false\n@univariate true\n@classLabel true 1 2 10\n@data\n"
ARFF = "% a comment\n@relation Toy\n" + "@attribute a numeric\n" * 3 + "@attribute target {1,2,10}\n\n@data\n"


def written(suffix, values, classes):
    rows = list(zip(values, classes, strict=True))
    if suffix == ".ts":
        return TS + "".join(f"{','.join(map(str, v))}:{c}\n" for v, c in rows)
    if suffix == ".arff":
        return ARFF + "".join(f"{','.join(map(str, v))},{c}\n" for v, c in rows)
    if suffix == ".txt":
        return "".join(f"   {float(c):.7e}" + "".join(f"  {x:.7e}" for x in v) + "\n" for v, c in rows)
    mark = {".tsv": "\t", ".csv": ",", "": ","}[suffix]
    return "".join(mark.join([c, *map(str, v)]) + "\n" for v, c in rows)


@pytest.fixture
def folder(tmp_path):
    """Return a function that writes the folder of a data set in one format."""

    def make(suffix, end="\n"):
        home = tmp_path / "Toy"
        home.mkdir(exist_ok=True)
        for part in VALUES:
            text = written(suffix, VALUES[part], CLASSES[part]).replace("\n", end)
            home.joinpath(f"Toy_{part}{suffix}").write_bytes(text.encode())
        return home

    return make


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".tsv", ".ts", ".txt", ".arff", ".csv", ""])
def test_every_format_gives_the_same_data(folder, suffix, end):
    training, test = load_ucr(folder(suffix, end), normal=2)
    np.testing.assert_array_equal(training.sequences[..., 0], np.float32(VALUES["TRAIN"]))
    np.testing.assert_array_equal(test.sequences[..., 0], np.float32(VALUES["TEST"]))
    assert training.class_names == test.class_names == ("2", "1", "10")
    assert (training.labels.tolist(), test.labels.tolist()) == ([0, 1], [1, 2, 0])
    assert (training.name, test.name) == ("Toy, training", "Toy, test")


@pytest.mark.parametrize("normal", [2, 2.0, "2", np.int64(2), " 2.0000e+00", ["2"]])
def test_class_is_number_or_string(folder, normal):
    assert load_ucr(folder(".tsv"), normal=normal).test.labels.tolist() == [1, 2, 0]


def test_several_classes_may_be_normal(folder):
    test = load_ucr(folder(".tsv"), normal=[1, 10]).test
    assert test.class_names == ("1 or 10", "2")
    assert test.labels.tolist() == [0, 0, 1]


@pytest.mark.parametrize("part", VALUES)
def test_path_of_one_file_loads_both(folder, part):
    assert len(load_ucr(folder(".ts") / f"Toy_{part}.ts", normal=1).test) == 3


def test_whole_has_both_parts(folder):
    whole = load_ucr(folder(".tsv"), normal=1).whole
    assert (whole.name, whole.labels.tolist(), whole.class_names) == ("Toy", [1, 0, 0, 2, 1], ("1", "2", "10"))
    np.testing.assert_array_equal(whole.sequences[:, 0, 0], [0.5, 1, 4, 7, 0])


def test_included_heartbeats_are_equal_in_format_of_archive(tmp_path):
    beats = load_ecg5000()[:600]
    for part, chosen in (("TRAIN", slice(500)), ("TEST", slice(500, None))):
        rows = np.column_stack([beats.labels[chosen] + 1, beats.sequences[chosen, :, 0]])
        np.savetxt(tmp_path / f"ECG5000_{part}.txt", rows, fmt="%.9e")
    again = load_ucr(tmp_path, normal=1).whole
    np.testing.assert_array_equal(again.sequences, beats.sequences)
    np.testing.assert_array_equal(again.labels, beats.labels)
    assert split(again).training.abnormal.sum() == 0


def test_ts_file_with_two_features(tmp_path):
    text = TS.replace("univariate true", "univariate false")
    for part in VALUES:
        tmp_path.joinpath(f"Two_{part}.ts").write_text(text + "1,2,3:4,5,6:walk\n7,8,9:0,1,2:fall\n")
    data = load_ucr(tmp_path, normal="walk").training
    np.testing.assert_array_equal(data.sequences[0], [[1, 4], [2, 5], [3, 6]])
    assert data.class_names == ("walk", "fall")


def test_complete_format_and_name_of_folder_are_preferred(folder):
    home = folder(".ts")
    home.joinpath("Toy_TRAIN.tsv").write_text("1\t0\n")
    home.joinpath("Toy_eq_TRAIN.ts").write_text("")
    home.joinpath("._Toy_TRAIN.ts").write_text("written by macOS")
    assert len(load_ucr(home, normal=1).training) == 2


@given(st.lists(st.integers(-3, 40), min_size=1, max_size=6, unique=True), st.randoms(use_true_random=False))
def test_normal_class_gets_label_0(tmp_path_factory, classes, random):
    normal = random.choice(classes)
    home = tmp_path_factory.mktemp("any") / "Any"
    home.mkdir()
    for part in VALUES:
        home.joinpath(f"Any_{part}.tsv").write_text("".join(f"{c}\t{c / 7}\t1\n" for c in classes))
    data = load_ucr(home, normal=normal).test
    assert [data.class_names[label] for label in data.labels] == [str(c) for c in classes]
    assert [label == 0 for label in data.labels] == [c == normal for c in classes]
    others = [int(name) for name in data.class_names[1:]]
    assert others == sorted(others)


@pytest.mark.parametrize("normal", [None, 3, "normal", [1, 3], []])
def test_invalid_normal_class_raises_with_list_of_classes(folder, normal):
    with pytest.raises(ValueError, match=r"'1' \(size 2\), '2' \(size 2\), '10' \(size 1\)"):
        load_ucr(folder(".tsv"), normal=normal)


def test_many_classes_are_listed_in_part(folder):
    home = folder(".tsv")
    home.joinpath("Toy_TEST.tsv").write_text("".join(f"{c}\t0\t1\t2\n" for c in range(5000)))
    with pytest.raises(ValueError, match=r"'59' \(size 1\), …\.$"):
        load_ucr(home)


@pytest.mark.parametrize(
    ("suffix", "text", "match"),
    [
        (".tsv", "1\t0\t1\n\n2\t0\tx\n", "line 3, feature 1, value 2: the value must be a finite number, got 'x'"),
        (".tsv", "1\t0\t1\n2\t0\t1\t5\n", r"\(2, 1\) in line 1 and \(3, 1\) in line 2"),
        (".tsv", "1\t0\t1\n2\t0\tNaN\n", r"\(2, 1\) in line 1 and \(1, 1\) in line 2"),
        (".tsv", "1\t0\t1\n2\tNaN\t1\n", "no missing values, got one at value 1 of line 2"),
        (".tsv", "1\t0\t1\n2\t0\t-inf\n", "line 2, feature 1, value 2: the value must be .* finite number, got '-inf'"),
        (".tsv", "1\t0\t1\n2\n", "line 2: the line must have a class and at least one value"),
        (".tsv", "1\t0\t1\n'\"\t0\t1\n", "line 2: the line must have a class and at least one value"),
        (".tsv", f"1\t0\t{'x' * 5000}\n", "value 2: the value must be a finite number, got 'x{98}\\.$"),
        (".ts", TS + "1:" * 5000 + "1,2:1\n", r"must have the same length, got \[1(, 1){8}\]\.$"),
        (".tsv", " \n\n", "must not be empty"),
        (".csv", "1,0,1\n1,0,\n", "line 2, feature 1, value 2: the value must be a finite number, got ''"),
        (".txt", "1 0 1\n1 0 1,5\n", r"\(2, 1\) in line 1 and \(1, 1\)"),
        (".ts", TS, "must have at least one sequence, got 0"),
        (".ts", TS.replace("@data\n", "") + "1,2:1\n", "must have a line '@data'"),
        (".ts", TS + "1,2:1\n?,2:1\n", "no missing values, got one at value 1 of line 8"),
        (".ts", TS + "1,2:1\n1,2,3:1\n", r"\(2, 1\) in line 7 and \(3, 1\)"),
        (".ts", TS + "1,2:3,4,5:1\n", "line 7: the features of a sequence must have the same length"),
        (".ts", TS + "1,2:3,4:1\n1,2:1\n", r"\(2, 2\) in line 7 and \(2, 1\) in line 8"),
        (".ts", TS + "1,2:3,4:1\n1,2:3,b:1\n", "line 8, feature 2, value 2: the value must be .* number, got 'b'"),
        (".ts", TS + "1,2:\n", "line 7: the line must have a class and at least one value"),
        (".ts", TS.replace("timeStamps false", "timeStamps true") + "(0,1):1\n", "line 3: .*got '@timeStamps true'"),
        (
            ".ts",
            TS.replace("classLabel true 1 2 10", "classLabel false") + "1,2\n",
            "line 5: .*got '@classLabel false'",
        ),
        (
            ".arff",
            ARFF.replace("@attribute a numeric", "@attribute b relational", 1) + "'1,2',1\n",
            "line 3: .*got '@attribute b relational'",
        ),
        (".arff", ARFF + "1,2,?,1\n1,2,3,1\n", r"\(2, 1\) in line 9"),
        (".arff", ARFF + "?,2,3,1\n1,2,3,1\n", "no missing values, got one at value 1 of line 9"),
        (".arff", ARFF.replace("@data", "") + "1,2,3,1\n", "must have a line '@data'"),
    ],
)
def test_damaged_file_raises_with_line(folder, suffix, text, match):
    home = folder(suffix)
    home.joinpath(f"Toy_TEST{suffix}").write_text(text)
    with pytest.raises(ValueError, match=match) as error:
        load_ucr(home, normal=1)
    assert f"Toy_TEST{suffix}" in str(error.value)


def test_parts_of_different_length_raise(folder):
    home = folder(".tsv")
    home.joinpath("Toy_TEST.tsv").write_text("1\t0\t1\n")
    match = r"Toy_TRAIN.tsv and Toy_TEST.tsv must .* \(3, 1\) and \(2, 1\)"
    with pytest.raises(ValueError, match=match):
        load_ucr(home, normal=1)


def test_missing_files_and_folders_raise(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the file or folder .* does not exist"):
        load_ucr(tmp_path / "Toys", normal=1)
    with pytest.raises(FileNotFoundError, match=r"got no \*_TRAIN file"):
        load_ucr(tmp_path, normal=1)
    home = folder(".tsv")
    home.joinpath("Toy_TEST.tsv").unlink()
    with pytest.raises(FileNotFoundError, match=r"Toy_TEST.tsv does not exist"):
        load_ucr(home, normal=1)
    home.rename(tmp_path / "Other")
    tmp_path.joinpath("Other", "Too_TRAIN.tsv").write_text("")
    with pytest.raises(FileNotFoundError, match=r"several sets: \['Too_TRAIN', 'Toy_TRAIN'\]"):
        load_ucr(tmp_path / "Other", normal=1)
    tmp_path.joinpath("beats.tsv").write_text("1\t0\n")
    with pytest.raises(ValueError, match=r"a name like ECG5000_TRAIN.tsv"):
        load_ucr(tmp_path / "beats.tsv", normal=1)
