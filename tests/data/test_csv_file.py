"""`load_csv`: formats, assumptions, warnings and errors."""

from __future__ import annotations

import ast
import datetime as dt
import itertools
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data import CSVWarning, load_csv


@pytest.fixture
def csv(tmp_path):
    """Return a function that writes a file and loads it."""

    def load(text, **options):
        path = tmp_path / "own.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_csv(path, **options)

    return load


def table(rows, separator=",", header="time,a,b,label"):
    return "\n".join([header.replace(",", separator), *(separator.join(map(str, row)) for row in rows)]) + "\n"


def test_warning_names_line_of_caller(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(table([(0, 1, 2, 0), (1, 2, 1, 0), (2, 2, 5, 0), (4, 1, 3, 0)]))
    with pytest.warns(CSVWarning, match="missing rows") as caught:
        load_csv(path)
    assert caught[0].filename == __file__


@settings(max_examples=60)
@given(
    values=st.lists(
        st.tuples(st.floats(-1e6, 1e6, width=32) | st.none(), st.floats(-1, 1, width=32), st.integers(0, 3)),
        min_size=2,
        max_size=30,
    ).filter(lambda rows: any(row[0] is not None for row in rows) and any(row[2] == 0 for row in rows)),
    separator=st.sampled_from(",;\t "),
    decimal=st.sampled_from(".,"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    rate=st.sampled_from([0.5, 1, 50, 250, 1000]),
    start=st.sampled_from([-3, 2, 1.7e9]),
)
def test_load_csv_returns_written_values(tmp_path_factory, values, separator, decimal, end, encoding, rate, start):
    separator = ";" if separator == decimal else separator
    rows = [
        (f"{start + i / rate:.6f}", *("NaN" if v is None else repr(float(v)) for v in row[:2]), row[2])
        for i, row in enumerate(values)
    ]
    text = table([[str(cell).replace(".", decimal) for cell in row] for row in rows], separator)
    path = tmp_path_factory.mktemp("any") / "own.csv"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    series = load_csv(path, decimal=decimal)
    wanted = np.array([[np.nan if v is None else v for v in row[:2]] for row in values], dtype=np.float32)
    np.testing.assert_array_equal(series.values, wanted)
    assert series.labels.tolist() == [row[2] for row in values]
    np.testing.assert_allclose(series.time, start + np.arange(len(values)) / rate, atol=1e-6)
    assert series.sampling_rate == pytest.approx(rate, rel=1e-3)
    assert series.feature_names == ("a", "b")
    assert series.name == "own"


@settings(max_examples=60)
@given(st.data())
def test_invalid_cell_raises_with_line_and_column(tmp_path_factory, data):
    """Empty lines and comments count as lines, as in an editor."""
    n = data.draw(st.integers(3, 12))
    lines = [f"{i / 4},{i}.5,{-i},0" for i in range(n)]
    row, column = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, 3))
    cells = lines[row].split(",")
    cells[column] = "invalid"
    lines[row] = ",".join(cells)
    above = data.draw(st.integers(0, 3))
    blank = data.draw(st.integers(0, n))
    lines[blank:blank] = ["", "  "]
    text = "# made by hand\n" * above + "time,a,b,label\n" + "\n".join(lines) + "\n"
    path = tmp_path_factory.mktemp("any") / "own.csv"
    path.write_text(text)
    line = next(i for i, t in enumerate(text.split("\n"), 1) if "invalid" in t)
    if column == 3:
        assert load_csv(path).labels.sum() == 1  # a string among the labels is an abnormal label
        return
    name = ["time", "a", "b"][column]
    with pytest.raises(ValueError, match=f"line {line}, column '{name}'.*got 'invalid'"):
        load_csv(path)


@settings(max_examples=60)
@given(st.data())
def test_missing_rows_become_nan(tmp_path_factory, data):
    n = data.draw(st.integers(10, 60))
    step = data.draw(st.sampled_from([0.004, 1 / 360, 1.0, 300.0]))
    dates = data.draw(st.booleans())
    missing = data.draw(st.sets(st.integers(1, n - 2), max_size=n // 3))
    kept = [i for i in range(n) if i not in missing]
    # if most steps have a gap, the step length cannot be determined
    if sum(b - a > 1 for a, b in itertools.pairwise(kept)) * 2 >= len(kept) - 1:
        return
    start = np.datetime64("2024-02-28T23:59:00", "ns")
    stamps = [
        str(start + np.timedelta64(round(i * step * 1e9), "ns")) if dates else f"{5 + i * step:.4f}" for i in kept
    ]
    path = tmp_path_factory.mktemp("any") / "own.csv"
    path.write_text(table([(t, i, i % 3, int(i % 10 > 6)) for t, i in zip(stamps, kept, strict=True)]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        series = load_csv(path)
    assert len(series) == n
    assert np.flatnonzero(series.missing.all(1)).tolist() == sorted(missing)
    assert series.values[kept, 0].tolist() == kept
    assert series.sampling_rate == pytest.approx(1 / step, rel=0.01)
    assert bool(missing) == any(str(len(missing)) in str(w.message) for w in caught if w.category is CSVWarning)
    assert not (series.labels[kept] != [int(i % 10 > 6) for i in kept]).any()
    seconds = (series.time - series.time[0]) / np.timedelta64(1, "s") if dates else series.time - series.time[0]
    np.testing.assert_allclose(seconds, np.arange(n) * step, atol=0.1 * step)


def test_missing_row_is_abnormal_only_between_abnormal_rows(csv):
    rows = [(t, t, t, int(t in (4, 6, 8, 9, 10))) for t in range(2, 16) if t not in (5, 7, 11)]
    rows = [(t / 10, *rest) for t, *rest in rows]
    match = "3 rows of NaN were inserted for missing rows at 3 places, first after line 4"
    with pytest.warns(CSVWarning, match=match):
        series = csv(table(rows))
    assert (np.flatnonzero(series.labels) + 2).tolist() == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize("step", [1 / 360, 1 / 128])
def test_times_rounded_to_milliseconds_are_equal_steps(csv, step):
    series = csv(table([(f"{i * step:.3f}", i, 0, 0) for i in range(2000)]))
    assert len(series) == 2000
    assert series.sampling_rate == pytest.approx(1 / step, rel=1e-3)


def test_step_numbers_give_no_sampling_rate(csv):
    for first in (0, 1):
        series = csv("timestamp,v\n" + "".join(f"{first + i},{i}\n" for i in range(5)))
        assert (series.sampling_rate, series.time) == (None, None)
    assert csv("timestamp,v\n5,1\n6,2\n7,3\n").sampling_rate == 1
    assert csv("index,v\n5,1\n6,2\n8,3\n", values="v").sampling_rate is None


@pytest.mark.parametrize(
    ("header", "cells", "options", "rate"),
    [
        ("time_ms", (0, 4, 8), {}, 250),
        ("Time [ms]", (0, 4, 8), {}, 250),
        ("timestamp (us)", (0, 4000, 8000), {}, 250),
        ("T", (0, 0.004, 0.008), {}, 250),
        ("ds", (1, 5, 9), {"time_unit": "h"}, 1 / 14400),
        ("Date", ("2024-01-31", "2024-02-01", "2024-02-02"), {}, 1 / 86400),
        ("Date-Time", ("2024-01-31T00:00:00Z", "2024-01-31T00:00:00.5Z", "2024-01-31T00:00:01Z"), {}, 2),
        ("when", ("31.1.24", "1.2.24", "2.2.24"), {"time": "when", "date_format": "%d.%m.%y"}, 1 / 86400),
        ("when", (20240131, 20240201, 20240202), {"time": "when", "date_format": "%Y%m%d"}, 1 / 86400),
    ],
)
def test_sampling_rate_is_computed_from_times(csv, header, cells, options, rate):
    series = csv(f"{header},v\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(cells)), **options)
    assert series.sampling_rate == pytest.approx(rate, rel=1e-6)
    assert series.feature_names == ("v",)


def test_sampling_rate_is_rounded_correctly(csv):
    assert csv("time,v\n0.00,1\n0.02,2\n0.04,3\n").sampling_rate == 50
    assert csv("time,v\n2024-01-01T00:00,1\n2024-01-01T00:05,2\n").sampling_rate == 1 / 300


def test_times_with_zones_become_utc_also_at_daylight_saving_time(csv):
    series = csv("time,v\n2024-03-31T01:59:59+01:00,1\n2024-03-31T03:00:00+02:00,2\n2024-03-31T03:00:01+02:00,3\n")
    assert series.sampling_rate == 1
    assert series.time[1] == np.datetime64("2024-03-31T01:00:00")


def test_irregular_times_raise_by_default(csv):
    text = table([(t, 10 * t, 0, int(t == 4)) for t in (0, 1, 2, 2.5, 4, 5, 6, 9.2, 10.2)])
    with pytest.raises(ValueError, match=r"2 of 8 steps that are not a multiple .* 0\.5 seconds before line 5"):
        csv(text)
    kept = csv(text, irregular="keep")
    assert kept.time.tolist() == [0, 1, 2, 2.5, 4, 5, 6, 9.2, 10.2]
    assert (kept.sampling_rate, len(kept)) == (None, 9)
    assert csv(text, irregular="keep", sampling_rate=1).sampling_rate == 1
    even = csv(text, irregular="interpolate")
    np.testing.assert_allclose(even.time, np.arange(11))
    np.testing.assert_allclose(even.values[:, 0], [0, 10, 20, 30, 40, 50, 60, np.nan, np.nan, np.nan, 100])
    assert (even.sampling_rate, even.events) == (1, [(4, 5)])


def test_keep_inserts_no_rows(csv):
    for name in ("time", "time_s"):
        series = csv(f"{name},v\n0,1\n1,2\n2,5\n900,1\n", irregular="keep")
        assert series.time.tolist() == [0, 1, 2, 900]


@pytest.mark.parametrize("times", [(0, 1, 2, 3), (1, 2, 3, 4), (0, 1, 2.4, 3), (0, 0.5, 1, 1.5)])
def test_keep_uses_only_given_sampling_rate(csv, times):
    text = "time,v\n" + "".join(f"{t},{i}\n" for i, t in enumerate(times))
    kept = csv(text, irregular="keep")
    assert (kept.sampling_rate, kept.time.tolist()) == (None, list(times))
    rate = 2 if times[-1] == 1.5 else 1
    assert csv(text, irregular="keep", sampling_rate=rate).sampling_rate == rate


@pytest.mark.parametrize("irregular", ["error", "interpolate"])
@pytest.mark.parametrize("last", [1000, 1000.4])
def test_too_many_missing_rows_raise(csv, irregular, last):
    text = "time_s,v\n" + "".join(f"{t},1\n" for t in (0, 1, 2, 3, 4, 5.4, last))
    with pytest.raises(ValueError, match=r"after line 7.*irregular='keep'|must be in equal steps"):
        csv(text, irregular=irregular)


def test_sampling_rate_that_does_not_agree_with_times_raises(csv):
    text = "time,v\n0,1\n0.1,2\n0.2,3\n"
    assert csv(text, sampling_rate=10).sampling_rate == 10
    with pytest.raises(ValueError, match=r"the times \(10 rows per second\), got 20 Hz"):
        csv(text, sampling_rate=20)
    assert csv("time,v\n0,1\n1,2\n2,3\n", sampling_rate=20).sampling_rate == 20


@pytest.mark.parametrize(
    ("cells", "normal", "wanted"),
    [
        (["normal", "Abnormal", "NORMAL "], None, [0, 1, 0]),
        (["N", "V", "A"], None, [0, 2, 1]),
        (["True", "False", "True"], None, [1, 0, 1]),
        (["yes", "no", "no"], None, [1, 0, 0]),
        (["0", "x", "0"], None, [0, 1, 0]),
        (["0.0", "1.0", "3.0"], None, [0, 1, 3]),
        (["1", "-1", "1"], 1, [0, 1, 0]),
        (["10", "9", "1"], 1, [2, 1, 0]),
        (["sinus", "PVC", "sinus"], "sinus", [0, 1, 0]),
    ],
)
def test_normal_labels_of_any_kind_become_0(csv, cells, normal, wanted):
    series = csv("v,class\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells)), normal=normal)
    assert series.labels.tolist() == wanted
    assert series.feature_names == ("v",)


@pytest.mark.parametrize("name", ["label", "Labels", "is_anomaly", "ANOMALY", "is abnormal", "outlier", "ground-truth"])
def test_labels_are_found_by_name(csv, name):
    assert csv(f"a,{name}\n5,0\n6,1\n").events == [(1, 2)]


def test_requested_columns_are_used(csv):
    text = "time,a,label,b\n0,1,5.5,2\n0.5,3,6.5,4\n"
    series = csv(text, values=["b", "label"])
    assert (series.feature_names, series.labels, series.sampling_rate) == (("b", "label"), None, 2)
    np.testing.assert_array_equal(series.values, [[2, 5.5], [4, 6.5]])
    assert csv(text, values=["time", "a", "label"]).time is None


@pytest.mark.filterwarnings("always")
def test_assumptions_about_columns_warn(csv):
    with pytest.warns(CSVWarning, match="line 1 has no column names, so the columns are called 'column 1', 'column 2'"):
        assert csv("3,1\n1,2\n2,3\n").values.tolist() == [[3, 1], [1, 2], [2, 3]]
    with pytest.warns(CSVWarning, match="the first column, 'column 1', .* used as the time"):
        assert csv(",v\n0,1\n1,5\n2,2\n").feature_names == ("v",)
    with pytest.warns(CSVWarning, match="the first column, 'when', .* used as the time"):
        assert csv("when,v\n2024-01-01,1\n2024-01-02,5\n").sampling_rate == pytest.approx(1 / 86400)
    with pytest.warns(CSVWarning, match="the text in 'sensor' was left out"):
        assert csv("sensor,v\nx,1\ny,5\n").feature_names == ("v",)


def test_true_and_false_become_1_and_0(csv):
    np.testing.assert_array_equal(csv("v,w\nTrue,1\n,2\nFalse,3\n").values, [[1, 1], [np.nan, 2], [0, 3]])


def test_missing_values_are_read_in_every_spelling(csv):
    series = csv("a,b\n1,1\n,2\nNaN,3\nNA,4\n?,5\nnull,6\n2,7\n")
    assert np.flatnonzero(series.missing[:, 0]).tolist() == [1, 2, 3, 4, 5]


def test_empty_line_is_missing_value_only_in_file_of_one_column(csv):
    np.testing.assert_array_equal(csv("a\n1\n\n3\n\n").values[:, 0], [1, np.nan, 3])
    assert len(csv("a,b\n1,2\n\n3,4\n\n")) == 2


def test_unnamed_empty_last_column_is_left_out(csv):
    assert csv("a;b;\n1;2;\n3;4;\n").feature_names == ("a", "b")


def test_quoted_fields_may_have_separators(csv):
    series = csv('"time","pressure, left"\n"0.0","1.5"\n"0.5","2.5"\n')
    assert (series.feature_names, series.sampling_rate) == (("pressure, left",), 2)


def test_fields_may_be_separated_by_spaces(csv):
    assert csv(" time   v\n 0.0    1\n 0.5    NaN\n 1.0    3\n").sampling_rate == 2
    assert csv("heart rate\n72\n73\n").feature_names == ("heart rate",)


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        (b"", {}, "must not be empty"),
        ("\n \n", {}, "must not be empty"),
        ("# a\n# b\n", {}, "must have rows of data, got only comments"),
        ("a,b\n", {}, "at least 2 rows of data below its header, got 0"),
        ("a,b\n1,2\n", {}, "at least 2 rows of data below its header, got 1"),
        ("5\n", {}, "at least 2 rows of data, got 1"),
        ("a,b\n1,2\n3\n4,5\n", {}, "line 3: the row must have 2 fields like line 1, got 1"),
        ("# x\na,b\n\n1,2\n3,4,5\n", {}, "line 5: the row must have 2 fields like line 2, got 3"),
        ("time,v\n0,1,5\n1,2,5\n", {}, "line 2: .* got 3.* decimal commas"),
        ('a,b\n1,"2\n3,4\n', {}, "line 2: quotation marks"),
        ('a,b\n1,2\n3,"4\n', {}, "line 3: quotation marks"),
        ("a,a\n1,2\n3,4\n", {}, "column names must differ, got 'a' for columns 1 and 2"),
        ("a,b\n1,2\n3,x\n4,5\n6,7\n", {}, "line 3, column 'b': the cell must be a number, got 'x'"),
        ("a;b\n1;2,5\n3;4,5\n", {}, "line 2, column 'b': .*got '2,5' .* decimal=','"),
        ("a;b\n1;2,5\n3;ERR\n4;4,5\n", {"decimal": ","}, "line 3, column 'b': .* a number, got 'ERR' .1 such cell.\\."),
        ("a,b\n1,2\n3,inf\n", {}, "line 3, column 'b': the cell must be finite and representable in float32, got inf"),
        ("a,b\n1,2\n3,1e39\n", {}, "line 3, column 'b': the cell must be finite and representable in float32"),
        ("a,b\n1,\n3,\n", {}, "column 'b' must not be empty"),
        ("a,b\n1,2\n3,4\n", {"separator": ";"}, "semicolon, got 'a,b'. The separator seems to be the comma"),
        ("a,b\n1,2\n3,4\n", {"separator": "/"}, "separator must be one of"),
        ("sep=/\na/b\n1/2\n3/4\n", {}, "separator must be one of"),
        ("a,b\n1,2\n3,4\n", {"thousands": "_"}, "thousands must be one of"),
        ("a;b\n1;2\n3;4\n", {"thousands": ",", "decimal": ","}, "thousands must be one of"),
        ("a,b\n1,2\n3,4\n", {"values": "c"}, "must have a column 'c', got the columns 'a', 'b'"),
        ("a,b\n1,2\n3,4\n", {"values": []}, r"must name different columns, got time=None, labels=None, values=\[\]"),
        ("a,b\n1,2\n3,4\n", {"values": ["a"], "time": "a"}, "must name different columns"),
        ("a,b\n1,2\n3,4\n", {"irregular": "drop"}, "irregular must be one of"),
        ("a,b\n1,2\n3,4\n", {"time_unit": "w"}, "time_unit must be one of"),
        ("a,b\n1,2\n3,4\n", {"decimal": ";"}, "decimal must be one of"),
        ("a,b\n1,2\n3,4\n", {"sampling_rate": 0}, "must be a number above 0 Hz"),
        ("time,date,v\n1,2,3\n4,5,6\n", {}, "one column for the time, got several candidates: 'time', 'date'"),
        ("label,class,v\n1,2,3\n4,5,6\n", {}, "one column for the labels, got several candidates"),
        ("time\n0.1\n0.2\n", {}, "must have a column of numbers for the values"),
        ("a\nx\ny\n", {}, "must have a column of numbers for the values"),
        ("time,v\n0,1\n,2\n2,3\n", {}, "line 3, column 'time': the time must not be missing"),
        ("time,v\n0,1\n1,2\n1,3\n", {}, "line 4, column 'time': .*got 1 after 1 in line 3 .1 repeated, 0 decreasing"),
        ("time,v\n0,1\n\n2,2\n1,3\n", {}, "line 5, column 'time': .*got 1 after 2 in line 4 .0 repeated, 1 decreasing"),
        ("time,v\n2024-01-01,1\n2024-01-32,2\n", {}, "line 3, column 'time': .*got '2024-01-32'"),
        ("time,v\n31.01.2024,1\n01.02.2024,2\n", {}, "line 2, column 'time': .* date_format"),
        ("time,v\n1700000000000,1\n1700000000010,2\n", {}, "time_unit='ms'"),
        ("v,class\n1,0\n2,\n", {}, "line 3, column 'class': the label must not be missing"),
        ("v,class\n1,0\n2,0.5\n", {}, "line 3, column 'class': labels must be integers .* got 0.5"),
        ("v,class\n1,1\n2,-1\n", {}, "line 3, column 'class': .* normal="),
        ("v,class\n1,1\n2,2\n", {}, "line 2, column 'class': .* got 1 and no 0"),
        ("Date,Time,v\n2024-01-31,25:00,1\n2024-01-31,25:01,2\n", {}, "column 'Date Time': .*got '2024-01-31 25:00'"),
        ("time,v\n45322,1\n99999999,2\n", {"time_unit": "excel"}, r"must be day numbers, got 1e\+08"),
        ("v,class\n1,a\n2,b\n", {}, r"must be a name such as 'normal', got 'a' \(1 rows\)"),
        ("v,class\n1,a\n2,b\n", {"normal": "c"}, "one of the labels must be 'c'"),
        ("zeit,wärme\n0,1\n".encode("cp1252"), {}, "invalid byte 0xe4 in line 1"),
    ],
)
def test_invalid_file_or_option_raises_with_place_and_remedy(csv, text, options, match):
    with pytest.raises(ValueError, match=match):
        csv(text, **options)


@pytest.mark.parametrize("options", [{"values": 3}, {"values": [0]}, {"time": 0}, {"labels": 1.5}])
def test_column_names_that_are_not_strings_raise(csv, options):
    with pytest.raises(TypeError, match=r"must be (one or more )?column names, got"):
        csv("a,b\n1,2\n3,4\n", **options)


def test_other_encoding_can_be_given(csv):
    text = "druck;wärme\n1;2\n4;5\n9;1\n".encode("cp1252")
    assert csv(text, encoding="cp1252").feature_names == ("druck", "wärme")
    with pytest.raises(LookupError, match="encoding must be a known encoding"):
        csv(text, encoding="windows")


@given(st.binary(max_size=200) | st.text("0123456789.,;\t\n\"'#-eE abN", max_size=200).map(str.encode))
@settings(max_examples=300)
def test_any_bytes_give_series_or_error_with_file_name(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "own.csv"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", CSVWarning)
        try:
            assert len(load_csv(path)) >= 2
        except ValueError as error:
            assert "own.csv" in str(error)  # noqa: PT017


N = 60
WAVE = [f"{np.sin(i / 3):.3f}" for i in range(N)]
MINUTES = [str(dt.datetime(2024, 3, 1) + dt.timedelta(minutes=i)) for i in range(N)]


def columns(separator=",", **cells):
    """Return the text of a table with N rows and the given columns."""
    return table(zip(*cells.values(), strict=True), separator, ",".join(cells))


@pytest.fixture
def loaded(csv):
    """Return a function that loads a file and returns the series and the messages of all warnings."""

    def load(text, **options):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            series = csv(text, **options)
        return series, [str(one.message) for one in caught]

    return load


ROW_NUMBERS = [
    "",
    "Unnamed: 0",
    "index",
    "id",
    "row",
    "Row No.",
    "no",
    "nr",
    "seq",
    "#",
    "record_id",
    "sampleIndex",
    "S.No",
]


@pytest.mark.parametrize("name", ROW_NUMBERS)
@pytest.mark.parametrize("first", [0, 1])
def test_row_numbers_are_left_out_if_there_is_a_time(loaded, name, first):
    numbers = range(first, first + N)
    for cells in ({name: numbers, "timestamp": MINUTES, "v": WAVE}, {"v": WAVE, "timestamp": MINUTES, name: numbers}):
        series, (warning,) = loaded(columns(**cells))
        assert series.feature_names == ("v",)
        assert "the row numbers in" in warning
        kept, warned = loaded(columns(**cells), values=[name or f"column {list(cells).index(name) + 1}", "v"])
        assert (kept.n_features, warned) == (2, [])


CLOCKS = [
    "ts",
    "epoch",
    "unix_time",
    "unixTime",
    "time_stamp",
    "elapsed_s",
    "Time (hours)",
    "time_hours",
    "seconds",
    "created_at",
    "time_utc",
    "Timestamp (UTC)",
    "Zeit",
    "Messzeit",
    "Uhrzeit",
    "Datum",
    "sys-time",
    "logged at",
    "elapsed",
    "t [s]",
    "clock",
]


@pytest.mark.parametrize("name", CLOCKS)
def test_columns_with_names_of_times_are_used_as_time(loaded, name):
    jitter = [f"{100 + i * 0.5 + 0.01 * (i % 3):.2f}" for i in range(N)]
    even = [100 + i * 0.5 for i in range(N)]
    for cells in ({name: jitter, "v": WAVE}, {"v": WAVE, name: jitter}, {"v": WAVE, name: even}):
        series, _ = loaded(columns(**cells))
        assert series.feature_names == ("v",)
        hours = 3600 if "hours" in name else 1
        assert series.sampling_rate == pytest.approx(2 / hours, rel=1e-2)


@pytest.mark.parametrize(
    "name", [one for one in CLOCKS if one not in ("Time (hours)", "time_hours", "t [s]", "time_utc")]
)
def test_second_time_column_warns(loaded, name):
    text = columns(timestamp=MINUTES, **{name: [100.5 + i for i in range(N)]}, v=WAVE)
    if name in ("time_stamp", "Timestamp (UTC)"):
        with pytest.raises(ValueError, match="one column for the time, got several candidates"):
            loaded(text)
        return
    series, (warning,) = loaded(text)
    assert series.feature_names == (name, "v")
    assert f"{name!r} may be a time, not a measurement: values=['v']" in warning
    assert loaded(text, values=["v"])[1] == []
    assert loaded(text, values=[name, "v"])[1] == []


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        *(
            (name, [int(i > 50) for i in range(N)], "labels")
            for name in ("fault", "target", "is_outlier_2", "y", "attack")
        ),
        ("event", [1 + int(i > 50) for i in range(N)], "labels"),
        ("machine_id", [7] * N, "an identifier"),
        ("deviceId", [7] * N, "an identifier"),
        ("unit", [1] * 20 + [2] * 20 + [3] * 20, "an identifier"),
        ("sensor no", [1, 2, 3] * 20, "an identifier"),
        ("cycle", [*range(1, 31)] * 2, "a count that starts again"),
        ("elapsed_s", [*range(30)] * 2, "a count that starts again"),
        ("row", [*range(7, 37), *range(40, 70)], "a row number"),
        ("hour", [i // 10 for i in range(N)], "parts of a date"),
    ],
)
def test_columns_that_may_be_no_measurements_warn(loaded, name, cells, kind):
    text = columns(timestamp=MINUTES, v=WAVE, **{name: cells})
    series, (warning,) = loaded(text)
    assert series.feature_names == ("v", name)
    assert f"{name!r} may be {kind}" in warning
    assert "values=['v']" in warning
    assert loaded(text, values=["v"])[1] == []
    assert loaded(text, values=["v", name])[1] == []


def test_several_units_in_one_file_warn(loaded):
    units, count = [1] * 30 + [2] * 30, [*range(1, 31)] * 2
    for cells in ({"unit": units, "cycle": count}, {"unit": units}, {"engine_id": ["A7"] * 30 + ["B2"] * 30}):
        assert "write one file per unit" in loaded(columns(**cells, v=WAVE))[1][0]
    rows = "".join(f"{u} {c} {v} 1\n" for u, c, v in zip(units, count, WAVE, strict=True))
    _, (warning,) = loaded(rows)
    assert "'column 1' may be an identifier, not a measurement: values=['column 3', 'column 4']" in warning
    with pytest.raises(ValueError, match="write one file per recording"):
        loaded(columns(unit=units, time=[i % 30 for i in range(N)], v=WAVE))


ORDINARY = [
    "pressure",
    "flow",
    "valve",
    "pump_on",
    "count",
    "ramp",
    "x",
    "temperature",
    "acc_y",
    "rpm",
    "level",
    "NO",
    "status",
    "Leistung [kW]",
    "column_a",
    "humidity",
    "estimate",
    "run_speed",
    "is_open",
    "litres per hour",
    "battery",
]


@given(
    names=st.lists(st.sampled_from(ORDINARY), min_size=1, max_size=5, unique=True),
    kinds=st.lists(
        st.sampled_from(["ramp", "count", "switch", "wave", "constant", "steps", "noise"]), min_size=5, max_size=5
    ),
    seed=st.integers(0, 99),
    timed=st.booleans(),
)
def test_measurements_are_features_without_warning(tmp_path_factory, names, kinds, seed, timed):
    random, t = np.random.default_rng(seed), np.arange(N)
    shapes = {
        "ramp": 3 + 0.25 * t,
        "count": 5 + t,
        "switch": t // (5 + seed) % 2,
        "wave": np.sin(t / 3),
        "constant": 0 * t + 50,
        "steps": t // 20 * 100,
        "noise": random.normal(size=N),
    }
    cells = {"timestamp": MINUTES} if timed else {"first": WAVE}
    chosen = dict(zip(names, kinds, strict=False))
    assume(chosen.get("NO") != "count")  # a count called "no" is a row number
    path = tmp_path_factory.mktemp("any") / "own.csv"
    path.write_text(columns(**cells, **{name: shapes[kind] for name, kind in chosen.items()}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        series = load_csv(path)
    assert series.feature_names == (*([] if timed else ["first"]), *names)


def test_temperature_called_t_is_no_time(loaded):
    temperature = [20 + i % 3 for i in range(N)]
    for cells in ({"time": range(2, N + 2), "T": temperature}, {"T": temperature, "v": WAVE}):
        series, warned = loaded(columns(**cells))
        assert ("T" in series.feature_names, warned) == (True, [])
    series, (warning,) = loaded(columns(timestamp=MINUTES, T=range(2, N + 2), v=WAVE))
    assert (series.feature_names, "'T' may be a time" in warning) == (("T", "v"), True)


@pytest.mark.parametrize(
    ("style", "step"),
    [("%Y%m%d", 86400), ("%Y%m%d%H", 3600), ("%Y%m%d%H%M", 60), ("%Y%m%d%H%M%S", 60), ("%Y%m%d%H%M%S", 1)],
)
@pytest.mark.parametrize("name", ["date", "timestamp", "ts"])
def test_integers_that_are_dates_are_read_as_dates(loaded, name, style, step):
    stamps = [dt.datetime(2024, 1, 31) + dt.timedelta(seconds=step * i) for i in range(N)]
    text = columns(**{name: [one.strftime(style) for one in stamps]}, v=WAVE)
    series, (warning,) = loaded(text)
    assert series.sampling_rate == pytest.approx(1 / step)
    assert series.time[1] == np.datetime64(stamps[1])
    assert f"date_format={style!r}" in warning
    assert loaded(text, time=name, date_format=style)[1] == []


def test_months_and_years_are_read_as_dates(loaded):
    series, _ = loaded("date,v\n" + "".join(f"2019{i:02d},{i % 3}\n" for i in range(1, 13)))
    assert series.time[11] == np.datetime64("2019-12-01")
    assert loaded("year,v\n1990,1\n1991,2\n1992,1\n")[0].time[2] == np.datetime64("1992-01-01")


@pytest.mark.parametrize(("program", "first"), [("excel", 45322), ("matlab", 739282)])
def test_day_numbers_are_read_as_dates(loaded, program, first):
    days = [f"{first + i / 24:.7f}" for i in range(N)]
    for text, options in ((columns(date=days, v=WAVE), {}), (columns(t=days, v=WAVE), {"time_unit": program})):
        series, warned = loaded(text, **options)
        assert series.time[24] == np.datetime64("2024-02-01")
        assert series.sampling_rate == pytest.approx(1 / 3600, rel=1e-4)
        assert len(warned) == (not options)
    series, (warning,) = loaded(columns(time=days, v=WAVE))
    assert f"read as seconds; for day numbers, set time_unit={program!r}" in warning
    assert loaded(columns(time=days, v=WAVE), time_unit="s")[1] == []


def shifted(style, step=60):
    return [(dt.datetime(2024, 1, 28) + dt.timedelta(seconds=i * step)).strftime(style) for i in range(N)]


DATE_STYLES = [
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%d-%b-%Y %H:%M:%S",
    "%d.%m.%y %H:%M",
    "%d.%m.%Y %H:%M:%S.%f",
    "%d/%b/%Y:%H:%M:%S",
]
ADVISED = [
    *((columns(time=shifted(style, 43200), v=WAVE), 1 / 43200) for style in DATE_STYLES),
    (columns(time=shifted("%H:%M:%S"), v=WAVE), 1 / 60),
    (columns(Date=shifted("%d/%m/%Y", 43200), Time=shifted("%H:%M:%S", 43200), v=WAVE), 1 / 43200),
    (columns(Date=shifted("%d/%m/%Y", 43200), Time=shifted("%H.%M.%S", 43200), v=WAVE), 1 / 43200),
    *((columns(time=[1706708700 * 10**k + 10**k * i for i in range(N)], v=WAVE), 1) for k in (3, 6, 9)),
    (columns(time=MINUTES, v=[f'"{i + 1},{i:03d}"' for i in range(N)]), 1 / 60),
    (columns(";", time=MINUTES, v=[f"{i + 1}.{i:03d},5" for i in range(N)]), 1 / 60),
    (columns(";", time=MINUTES, v=[f"{i + 1} {i:03d}" for i in range(N)]), 1 / 60),
    (columns(";", time=MINUTES, v=[f"{i},{i % 10}" for i in range(N)]), 1 / 60),
    ("v\n" + "".join(f"{i},5\n" for i in range(N)), None),
    (columns(time=MINUTES, v=WAVE, label=[1 + i // 50 for i in range(N)]), 1 / 60),
    (columns(time=MINUTES, v=WAVE, label=[1 - 2 * (i // 50) for i in range(N)]), 1 / 60),
    (columns(time=MINUTES, v=WAVE, label=["fail" if i > 50 else "healthy" for i in range(N)]), 1 / 60),
    (columns(time=MINUTES[:30] * 2, v=WAVE), None),
    (columns(time=[i // 2 for i in range(N)], v=WAVE), None),
    (columns(time=[i**1.5 for i in range(N)], v=WAVE), None),
    (columns(**{"time_s": range(N), "v": WAVE, "Temp °C": WAVE}).encode("cp1252"), 1),
    (b"\x81\x8d" + columns(time_s=range(N), v=WAVE).encode(), 1),
    (columns(time_s=range(N), v=WAVE).encode("utf-16-le"), 1),
    (columns(time_s=range(N), v=WAVE).encode("utf-16-be"), 1),
]


@pytest.mark.parametrize(("text", "rate"), ADVISED)
def test_advice_in_error_loads_file(loaded, text, rate):
    """If the advice has alternatives, one of them gives the correct sampling rate."""
    with pytest.raises(ValueError, match="own") as error:
        loaded(text)
    advice = re.findall(r"(?<!\w)(\w+)=('[^']*'|\[[^\]…]*\]|[-\d.]+\d|\d)", str(error.value))
    assert advice
    names = [name for name, _ in advice]
    ways = [dict(advice)] if len(set(names)) == len(names) else [{name: value} for name, value in advice]
    if set(names) == {"thousands", "decimal"} and ";" in str(text) and ".0" not in str(text):
        ways = [{name: value} for name, value in advice]
    rates = [
        loaded(text, **{name: ast.literal_eval(value) for name, value in way.items()})[0].sampling_rate for way in ways
    ]
    assert rate is None or pytest.approx(rate, rel=1e-3) in rates


def test_thousands_separator_is_no_decimal_comma(loaded):
    text = columns(time=MINUTES, v=[f'"{i + 1},{i:03d}"' for i in range(N)])
    with pytest.raises(ValueError, match="thousands=','") as error:
        loaded(text)
    assert "decimal" not in str(error.value)
    assert loaded(text, thousands=",")[0].values[2, 0] == 3002
    german = loaded(columns(";", v=["1.234.567,5", "-12,25", "3"] * 20), thousands=".", decimal=",")[0]
    assert german.values[:3, 0].tolist() == [1234567.5, -12.25, 3]


def test_labels_that_are_all_1_warn(loaded):
    text = columns(time=MINUTES, v=WAVE, label=[1] * N)
    series, (warning,) = loaded(text)
    assert series.abnormal.all()
    assert "normal=1" in warning
    assert not loaded(text, normal=1)[0].abnormal.any()
    assert loaded(columns(v=WAVE, label=[255 * (i > 50) for i in range(N)]))[0].abnormal.sum() == 9


@pytest.mark.parametrize(
    "text",
    [
        columns("|", timestamp=MINUTES, v=WAVE),
        "sep=;\n" + columns(";", timestamp=MINUTES, v=WAVE),
        "Device: X9\nStart: 2024\n\n" + columns(timestamp=MINUTES, v=WAVE),
        "Device: X9\n# by hand\nRate: 5 Hz, 3 V\n" + columns(";", timestamp=MINUTES, v=WAVE, w=WAVE),
        "Device,X9\nStart,2024\n\n" + columns(timestamp=MINUTES, v=WAVE),
        "Device;X9\n;\n" + columns(";", timestamp=MINUTES, v=WAVE),
        "# timestamp,v\n" + columns(timestamp=MINUTES, v=WAVE).split("\n", 1)[1],
        columns(";", timestamp=[f"{one},000" for one in MINUTES], v=WAVE),
        *(
            columns(timestamp=[one + zone for one in MINUTES], v=WAVE)
            for zone in (" UTC", " GMT", "Z", "+00:00", " +0000")
        ),
        columns(Date=[one[:10] for one in MINUTES], Time=[one[11:] for one in MINUTES], v=WAVE),
        columns(";", Uhrzeit=[one[11:] + ",000" for one in MINUTES], v=WAVE, Datum=[one[:10] for one in MINUTES]),
        columns(v=WAVE, created_at=MINUTES),
    ],
)
def test_files_of_common_data_loggers_are_read(loaded, text):
    series, _ = loaded(text)
    assert series.feature_names[0] == "v"
    assert series.values[:, 0].tolist() == [np.float32(one) for one in WAVE]
    assert series.time.tolist() == [np.datetime64(one, "ns").item() for one in MINUTES]


@settings(max_examples=60, deadline=None)
@given(
    ragged=st.dictionaries(st.integers(0, N - 1), st.sampled_from(["extra", "short", "note"]), min_size=1, max_size=3),
    separator=st.sampled_from(",;|\t"),
    stamp=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M"]),
    header=st.sampled_from([["timestamp", "x"], ["date time", "x"], ["Zeit", "Druck [bar]"]]),
    state=st.sampled_from([None, "ok", "valve: open"]),
)
def test_rows_with_wrong_number_of_fields_raise_with_line(tmp_path_factory, ragged, separator, stamp, header, state):
    text = [] if state is None else [state]
    rows = [[when, v, v, *text] for when, v in zip(shifted(stamp), WAVE, strict=True)]
    for i, how in ragged.items():
        rows[i] = rows[i][:-1] if how == "short" else [*rows[i], "oops" if how == "note" else "1"]
    path = tmp_path_factory.mktemp("ragged") / "own.csv"
    names = [*header, "y", *(["note"] if text else [])]
    path.write_text("\n".join(separator.join(row) for row in [names, *rows]) + "\n")
    first = min(ragged)
    match = rf"line {first + 2}: the row must have {len(names)} fields like line 1, got {len(rows[first])}"
    with pytest.raises(ValueError, match=match):
        load_csv(path)


def test_rows_with_text_below_empty_line_are_kept(loaded):
    lines = columns(time=MINUTES, v=["?" if i == 20 else one for i, one in enumerate(WAVE)], state=["ok"] * N)
    lines = lines.splitlines()
    series, _ = loaded("\n".join([*lines[:21], "", *lines[21:]]))
    assert (len(series), series.feature_names) == (N, ("v",))


def test_notes_may_have_commas_in_table_separated_by_spaces(loaded):
    series, _ = loaded("time v note\n" + "".join(f"{i / 2} {one} {'a,b' * (i < 9)}-\n" for i, one in enumerate(WAVE)))
    assert (len(series), series.feature_names, series.sampling_rate) == (N, ("v",), 2)


@pytest.mark.parametrize("name", ["timestamp", "date", "Zeitstempel", "created_at"])
@pytest.mark.parametrize("step", [300, 3600])
@pytest.mark.parametrize("last", ["day", "hour"])
def test_timestamps_are_preferred_to_parts_of_date(loaded, name, step, last):
    stamps = [dt.datetime(2024, 1, 28) + dt.timedelta(seconds=i * step) for i in range(N)]
    parts = ["year", "month", "day", "hour"][: 3 + (last == "hour")]
    cells = {part: [getattr(one, part) for one in stamps] for part in parts}
    series, warned = loaded(columns(**{name: stamps}, v=WAVE, **cells))
    assert (series.sampling_rate, series.time[1]) == (1 / step, np.datetime64(stamps[1]))
    assert series.feature_names == ("v", *parts)
    assert "may be parts of a date, not a measurement: values=['v']" in warned[-1]


@pytest.mark.parametrize("name", ["timestamp", "created_at"])
def test_timestamps_are_preferred_to_date_and_time_of_day(loaded, name):
    days, clocks = [one[:10] for one in MINUTES], [one[11:] for one in MINUTES]
    series, (warning,) = loaded(columns(Date=days, Time=clocks, **{name: MINUTES}, v=WAVE))
    assert (series.feature_names, series.sampling_rate) == (("v",), 1 / 60)
    assert "the text in 'Date', 'Time' was left out" in warning


def test_parts_of_date_are_preferred_to_repeated_dates(loaded):
    stamps = [dt.datetime(2024, 1, 28) + dt.timedelta(hours=i) for i in range(N)]
    parts = {part: [getattr(one, part) for one in stamps] for part in ("year", "month", "day", "hour")}
    maintained = ["2023-01-01 10:00"] * N
    for more in ({"date": [one.date() for one in stamps]}, {"maintained": maintained}, {"No": range(1, N + 1)}):
        series, _ = loaded(columns(**more, v=WAVE, **parts))
        assert (series.feature_names, series.sampling_rate) == (("v",), 1 / 3600)


@pytest.mark.parametrize("clock", ["sunrise", "high_tide", "sunset time"])
@pytest.mark.parametrize("hours", [24, 1])
def test_other_times_of_day_are_not_joined_with_date(loaded, clock, hours):
    stamps = [dt.datetime(2024, 1, 1) + dt.timedelta(hours=hours * i) for i in range(N)]
    text = columns(date=[one.date() for one in stamps], **{clock: [f"07:{59 - one.day}" for one in stamps]}, v=WAVE)
    if hours == 24:
        series, _ = loaded(text)
        assert (series.feature_names, series.sampling_rate) == (("v",), 1 / 86400)
        assert series.time[1] == np.datetime64("2024-01-02")
    else:
        with pytest.raises(ValueError, match=r"column 'date': .*got 2024-01-01 after 2024-01-01 .* repeated"):
            loaded(text)


@pytest.mark.parametrize(
    "clock", ["Time", "clock", "hour", "Uhrzeit", "UTC time", "Time (UTC)", "HH:MM:SS", "measured"]
)
def test_times_of_day_are_joined_with_date(loaded, clock):
    for step in (1800, 43200):
        days, clocks = shifted("%Y-%m-%d", step), [one.removeprefix("0") for one in shifted("%H:%M:%S", step)]
        series, _ = loaded(columns(Date=days, **{clock: clocks}, v=WAVE))
        assert (series.feature_names, series.sampling_rate) == (("v",), 1 / step)


def test_date_and_time_in_several_columns_are_joined(loaded):
    day, clock = shifted("%d/%m/%Y", 43200), shifted("%H:%M:%S", 43200)
    text = columns(";", Date=day, Time=clock, v=WAVE)
    series, warned = loaded(text, time=["Date", "Time"], date_format="%d/%m/%Y %H:%M:%S")
    assert (series.feature_names, warned) == (("v",), [])
    assert series.time[3] == np.datetime64("2024-01-29T12:00")
    parts = {
        "year": [2010] * N,
        "month": [1] * N,
        "day": [1 + i // 24 for i in range(N)],
        "hour": [i % 24 for i in range(N)],
    }
    series, (warning,) = loaded(columns(No=range(1, N + 1), **parts, v=WAVE))
    assert (series.feature_names, series.sampling_rate) == (("v",), 1 / 3600)
    assert "time=['year', 'month', 'day', 'hour']" in warning
    assert loaded(columns(**parts, v=WAVE), time=list(parts))[0].time[25] == np.datetime64("2010-01-02T01")


def test_repeated_or_decreasing_times_can_be_ignored(loaded):
    autumn = [str(dt.datetime(2024, 10, 27, 2) + dt.timedelta(minutes=3 * (i % 20))) for i in range(N)]
    for times in (autumn, [i // 10 for i in range(N)], ["12:00"] * N):
        text = columns(time=times, v=WAVE)
        with pytest.raises(ValueError, match="own"):
            loaded(text)
        series, _ = loaded(text, irregular="ignore", sampling_rate=10)
        assert (len(series), series.time, series.sampling_rate, series.feature_names) == (N, None, 10, ("v",))


@pytest.mark.parametrize(
    ("order", "notes"),
    [
        (range(299, -1, -1), ["the newest row is the first by 'time', so the rows were reversed"]),
        ([*range(50), 51, 50, *range(52, 300)], ["2 rows, first line 52: sorted"]),
        (np.repeat(range(300), 2), ["300 rows, first line 3: left out, because they are equal"]),
        ([*range(200), *range(100, 300)], ["100 rows, first line 202: left out, because they are equal"]),
        ([*range(199, 99, -1), *range(299, 199, -1)], None),
        ([*range(150, 300), *range(150)], None),
        ([*range(50), *range(60, 300), *range(50, 60)], None),
    ],
)
def test_rows_are_sorted_only_if_newest_is_first_or_few_are_late(loaded, order, notes):
    start = dt.datetime(2024, 3, 1)
    rows = [(start + dt.timedelta(minutes=int(i)), i, f"{np.sin(i / 3):.3f}") for i in order]
    text = table(rows, header="time,a,b")
    if notes is None:
        with pytest.raises(ValueError, match="the times must increase"):
            loaded(text)
        return
    series, (warning,) = loaded(text)
    assert all(note in warning for note in notes)
    np.testing.assert_array_equal(series.values[:, 0], range(300))
    assert (series.sampling_rate, series.time[1]) == (1 / 60, np.datetime64("2024-03-01T00:01"))


def test_repeated_times_with_other_values_are_left_out_only_if_rare(loaded):
    times = [str(dt.datetime(2024, 3, 1) + dt.timedelta(minutes=i)) for i in range(300)]
    rows = [(time, i % 7) for i, time in enumerate(times)]
    series, (warning,) = loaded(table([*rows[:101], (times[100], 99), *rows[101:]], header="time,v"))
    assert (
        "1 row, first line 103: left out, because they repeat the 'time' of earlier rows with other values" in warning
    )
    np.testing.assert_array_equal(series.values[:, 0], np.arange(300) % 7)
    assert series.sampling_rate == 1 / 60
    for several in ([(time, machine) for time in times for machine in range(2)], [(i // 10, i) for i in range(300)]):
        with pytest.raises(ValueError, match="the times must increase"):
            loaded(table(several, header="time,v"))


def test_very_long_rows_are_read(loaded):
    wide = "".join(",".join(f"{(i * j) % 97 / 7:.6f}" for j in range(15000)) + "\n" for i in range(3))
    assert loaded(wide)[0].values.shape == (3, 15000)
    assert loaded("v,w\n" + f'1,"{"x" * 140_000}"\n2,y\n')[0].feature_names == ("v",)


CELLS = st.sampled_from(
    [
        "1",
        "0",
        "2.5",
        "1,5",
        "2024-01-31",
        "20240131",
        "12:00",
        "a",
        "",
        '"',
        "#",
        "nan",
        "1e400",
        "sep=;",
        "31.1.24",
        "1,000",
        "45322.5",
        "99999999999999999999",
        "-",
        "time",
        "id",
        "label",
        "Date",
        "\t",
        "°",
        "\x00",
        "x y",
        "True",
    ]
)


def test_identifier_without_numbers_raises(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("id;a\n1,5;1\n1,5;2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"column 'id': the cell must be a number, got '1,5' .* decimal=','"):
        load_csv(path)


@pytest.mark.parametrize("date_format", ["%", "%Q", "%Y %Y", "%-d", "%G", "%U", 5])
def test_invalid_date_format_raises(tmp_path, date_format):
    path = tmp_path / "own.csv"
    path.write_text("time,a\n2024-01-31,1\n2024-02-01,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="'time': date_format must be .* got " + re.escape(repr(date_format))):
        load_csv(path, date_format=date_format)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6),
    separator=st.sampled_from(",;|\t "),
    options=st.fixed_dictionaries(
        {},
        optional={
            "time": st.sampled_from(["time", "id", ["time", "Date"], "column 1"]),
            "date_format": st.sampled_from(["%Y", "%H:%M", "%"]),
            "time_unit": st.sampled_from(["ms", "d", "excel", "matlab"]),
            "decimal": st.just(","),
            "thousands": st.sampled_from(",. '"),
            "irregular": st.sampled_from(["keep", "interpolate", "ignore"]),
            "normal": st.sampled_from(["a", 1]),
            "header": st.booleans(),
            "separator": st.sampled_from(",;|\t /"),
            "encoding": st.sampled_from(["latin-1", "utf-16-le"]),
        },
    ),
)
def test_any_table_and_options_give_series_or_error(tmp_path_factory, rows, separator, options):
    path = tmp_path_factory.mktemp("any") / "own.csv"
    path.write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", CSVWarning)
        try:
            assert len(load_csv(path, **options)) >= 2
        except ValueError as error:
            assert re.search("own|must be one of|must be different columns", str(error))  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (f"time,a\n0,1\n1,{'9' * 400}\n", "line 3, column 'a': the cell must be finite .* float32, got inf"),
        (f"time,a\n0,1\n-{'9' * 400},1\n", "line 3, column 'time': the cell must be finite .* float32, got -inf"),
        ("date\ttime\tx\n2024-01-31\t12:00\t0\nnull\t12:05\t1\n", "line 3, .* the time must not be missing"),
        ("year,month,day,x\n1e30,1,31,0\n2024,1,31,1\n", "line 2, column 'year .*: the (time|cell) must "),
        ("year,month,day,hour,x\n2024,1,31,0,0\n2024,1,31,1e38,1\n", "line 3, column 'year .*: the (time|cell) must "),
        ("time,a\n0,1\n1e-320,2\n2e-320,2\n1e10,3\n", "line 3, .* the times must increase, got 1e-320 after 0.0"),
    ],
)
@pytest.mark.parametrize("irregular", ["error", "interpolate"])
def test_extreme_cell_raises_with_line(csv, text, match, irregular):
    with pytest.raises(ValueError, match=match):
        csv(text, irregular=irregular)


def test_number_of_many_digits_is_read_or_raises(csv):
    with pytest.raises(ValueError, match=r"line 2, column 'a': the cell must be finite .* got inf"):
        csv(f"t,a\n0,{'9' * 400}\n1,1\n", separator=",", decimal=",")
    assert csv(f"a;b\n{'0' * 400}1;0,{'1' * 400}\n2;3\n", decimal=",").values[0].tolist() == [1, np.float32(1 / 9)]


@pytest.mark.parametrize(
    "text", ["time,a\n0,1\n1,{}\n", "time,{0}\n0,x\n1,x\n", "time,{0},{0}\n0,1,1\n", "a,label\n1,{}\n2,b\n"]
)
def test_long_cell_or_name_is_shortened_in_error(csv, text):
    with pytest.raises(ValueError, match="xxx") as error:
        csv(text.format("x" * 5000))
    assert len(str(error.value)) < 1000


def test_files_are_read_with_pyarrow(loaded):
    pytest.importorskip("pyarrow")
    with pd.option_context("mode.string_storage", "pyarrow"):
        series, _ = loaded(
            "time;v\n" + "".join(f"2024-01-01 12:00:{i:02d};{i % 7},5\n" for i in range(40)), decimal=","
        )
    assert series.values[:3, 0].tolist() == [0.5, 1.5, 2.5]


def test_large_day_numbers_and_many_rewritten_columns_are_read(loaded):
    with pytest.raises(ValueError, match="cells must be day numbers, got"):
        loaded(columns(time=["18446744073709551616"] * 9 + ["18446744073709551617"], v=WAVE[:10]), time_unit="matlab")
    names = [f"c{i}" for i in range(150)]
    rows = [";".join(["2020-01-01", f"00:00:{i:02d}", *[f"{i % 7},{j}" for j in range(150)]]) for i in range(40)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.PerformanceWarning)
        series, _ = loaded("\n".join([";".join(["date", "time", *names]), *rows]), decimal=",")
    assert series.n_features == 150
