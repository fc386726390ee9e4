"""`Series`: a long recording, validated on construction."""

import contextlib

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data import Series
from data.series import runs


def test_values_are_copied_to_float32_with_a_feature_axis():
    values = np.arange(5.0)
    series = Series(values)
    values[:] = 0
    assert series.values.dtype == np.float32
    np.testing.assert_array_equal(series.values, [[0], [1], [2], [3], [4]])
    np.testing.assert_array_equal(Series(torch.arange(5)).values, series.values)


def test_part_keeps_labels_times_and_attributes():
    series = Series(
        np.arange(20.0).reshape(10, 2), labels=[0] * 8 + [1] * 2, time=np.arange(10) / 5, sampling_rate=5,
        feature_names=["a", "b"],
    )  # fmt: skip
    part = series[6:]
    assert (len(part), part.sampling_rate, part.feature_names) == (4, 5, ("a", "b"))
    np.testing.assert_array_equal(part.values, [[12, 13], [14, 15], [16, 17], [18, 19]])
    np.testing.assert_array_equal(part.time, [1.2, 1.4, 1.6, 1.8])
    assert part.events == [(2, 4)]
    with pytest.raises(TypeError, match="slice"):
        series[::2]


def test_dates_of_any_type_are_times():
    days = pd.date_range("2026-01-01", periods=3, freq="D")
    for time in (days, days.tz_localize("Europe/Berlin").tz_convert("UTC"), days.to_pydatetime().tolist()):
        times = Series([1.0, 2.0, 3.0], time=time).time
        assert (np.diff(times) == np.timedelta64(1, "D")).all()


def test_values_that_need_more_than_float32_raise():
    wave = np.sin(np.arange(100.0))
    for offset in (1e8, -3e7):
        with pytest.raises(ValueError, match="Subtract an offset"):
            Series(wave + offset)
    with pytest.raises(ValueError, match="Subtract an offset"):
        Series([2**24 + 1, 2**24, 2**24 + 2])
    assert np.ptp(Series(wave + 1000).values) > 1.9
    assert (Series(np.full(5, 123456789.3)).values == np.float32(123456789.3)).all(), "a constant is accepted"


def test_nan_is_missing_value():
    series = Series([[1.0, np.nan], [2.0, 3.0]])
    np.testing.assert_array_equal(series.missing, [[False, True], [False, False]])


@pytest.mark.parametrize(
    ("values", "options", "remedy"),
    [
        ([], {}, "non-empty array"),
        (np.zeros((2, 3, 1)), {}, "DataSet"),
        ([True, False], {}, "array of numbers"),
        (["a", "b"], {}, "real numbers"),
        ([1.0, np.inf], {}, "time step 1"),
        ([1.0, 1e39], {}, "representable in float32"),
        ([[1.0, np.nan], [2.0, np.nan]], {}, "feature 1 of 'series' must have a value, got only NaN"),
        ([1.0, 2.0], {"labels": [0, 1, 0]}, r"must have shape \(2,\)"),
        ([1.0, 2.0], {"labels": [0, 0.5]}, "integers"),
        ([1.0, 2.0], {"labels": [0, -1]}, "integers"),
        ([1.0, 2.0], {"labels": [0, np.nan]}, "integers"),
        ([1.0, 2.0], {"time": [1, 1]}, "must increase"),
        ([1.0, 2.0, 3.0], {"time": [1, 3, 2]}, "got 3 and then 2"),
        ([1.0, 2.0], {"time": [1, np.nan]}, "missing time at step 1"),
        ([1.0], {"time": [np.nan]}, "missing"),
        ([1.0, 2.0], {"time": ["a", "b"]}, "numbers or dates"),
        ([1.0, 2.0], {"sampling_rate": 0}, "above 0 Hz"),
        ([1.0, 2.0], {"feature_names": ["a", "b"]}, "1 unique name, one per feature"),
    ],
)
def test_invalid_arguments_raise(values, options, remedy):
    with pytest.raises((TypeError, ValueError), match=remedy):
        Series(values, **options)


@given(st.lists(st.booleans()))
def test_runs_cover_exactly_the_true_steps(mask):
    covered = [step for start, end in runs(mask) for step in range(start, end)]
    assert covered == [i for i, value in enumerate(mask) if value]
    assert all(end < start for (_, end), (start, _) in zip(runs(mask), runs(mask)[1:], strict=False))


# ------------------------------------------------------------------ tables and times


TEN_SECONDS = pd.date_range("2026-01-01", periods=4, freq="10s")


@pytest.mark.parametrize(
    ("index", "rate"),
    [
        (TEN_SECONDS, 0.1),
        (TEN_SECONDS.tz_localize("Europe/Berlin"), 0.1),
        (TEN_SECONDS.to_pydatetime(), 0.1),
        (TEN_SECONDS.astype(str), 0.1),
        (pd.to_timedelta([0, 20, 40, 60], "ms"), 50),
        (pd.period_range("2026-01-01", periods=4, freq="min"), 1 / 60),
        ([0.0, 0.02, 0.04, 0.06], 50),
        (pd.Index([0, 2, 4, 6], name="seconds"), 0.5),
        (range(4), None),
        ([7, 8, 11, 12], None),
        (["a", "b", "c", "d"], None),
        (pd.Index([0, 20, 40, 60], name="time_ms"), 50),
        (pd.Index([0.0, 0.5, 1.0, 1.5], name="Elapsed [min]"), 1 / 30),
        (pd.Index([0, 1, 2, 3], name="sample"), None),
        (pd.Index([0.5, 1.0, 1.5, 2.0], name="depth"), None),
        (pd.Index([2001, 2002, 2003, 2004], name="year"), None),
        (pd.Index([3, 3, 3, 3], name="unit"), None),
        ([0.3, 0.1, 0.2, 0.4], None),
    ],
)
def test_table_gives_feature_names_and_times(index, rate):
    frame = pd.DataFrame({"load": [1.0, 2.0, 3.0, 4.0], "temp": [5, 6, 7, 8]}, index=index)
    series = Series(frame)
    assert series.feature_names == ("load", "temp")
    np.testing.assert_array_equal(series.values, frame.to_numpy())
    assert (series.time is None) == (rate is None)
    assert series.sampling_rate == (None if rate is None else pytest.approx(rate))
    one = Series(frame["temp"])
    assert (one.feature_names, one.sampling_rate) == (("temp",), series.sampling_rate)


def test_arguments_override_names_and_times_of_table():
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=pd.MultiIndex.from_product([["pump"], ["load", "temp"]]))
    assert Series(frame).feature_names == ("pump/load", "pump/temp")
    series = Series(frame, feature_names=["a", "b"], time=[0, 0.5])
    assert (series.feature_names, series.sampling_rate) == (("a", "b"), 2)
    assert Series(pd.DataFrame(np.eye(2))).feature_names == ("feature 0", "feature 1")


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y%m%dT%H%M%S"])
def test_strings_are_dates_only_in_iso_order(form):
    times = Series(np.arange(4.0), time=TEN_SECONDS.strftime(form).to_numpy()).time
    assert (np.diff(times) == np.timedelta64(10, "s")).all()
    with pytest.raises(ValueError, match="Convert strings with"):
        Series(np.arange(4.0), time=TEN_SECONDS.strftime("%d/%m/%Y %H:%M:%S").to_numpy())


def test_numbers_as_strings_raise_with_call_to_use():
    strings = ["0.0", "0.5", "1.0"]
    with pytest.raises(ValueError, match=r"Convert strings with pd\.to_numeric\(times\)"):
        Series([1.0, 2.0, 3.0], time=strings)
    assert Series([1.0, 2.0, 3.0], time=pd.to_numeric(strings)).sampling_rate == 2


def test_numbers_as_objects_are_times_in_seconds():
    np.testing.assert_array_equal(Series([1.0, 2.0], time=np.array([1, 2.5], dtype=object)).time, [1, 2.5])
    np.testing.assert_array_equal(Series([1.0, 2.0], time=torch.tensor([1, 2.5])).time, [1, 2.5])


@pytest.mark.parametrize("rate", [0.5, 10, 50, 250, 360, 1000])
@pytest.mark.parametrize("given_as", ["exact", "rounded", "jittered", "with a gap", "dates"])
def test_times_that_do_not_agree_with_sampling_rate_raise(rate, given_as):
    steps = np.arange(400)
    if given_as == "jittered":
        steps = steps + np.random.default_rng(0).uniform(-0.3, 0.3, 400)
    elif given_as == "with a gap":
        steps = np.where(steps > 200, steps + 5000, steps)
    time = steps / rate
    if given_as == "rounded":
        time = np.round(time, 3)
    if given_as == "dates":
        time = np.datetime64("2026-01-01") + (time * 1e9).astype("timedelta64[ns]")
    assert Series(np.sin(steps), time=time, sampling_rate=rate).sampling_rate == rate
    for other in (rate * 1.2, rate * 10, rate / 1000):
        with pytest.raises(ValueError, match=f"must agree with its times, got {other:g} Hz"):
            Series(np.sin(steps), time=time, sampling_rate=other)


def test_part_with_gap_keeps_sampling_rate():
    series = Series(np.arange(6.0), time=[0, 1, 2, 90, 91, 92], sampling_rate=1)
    assert series[2:4].sampling_rate == 1
    assert Series(np.arange(6.0), time=[0, 1, 2, 90, 91, 92]).sampling_rate is None


def test_part_with_small_range_is_accepted():
    values = 1e6 + np.concatenate([1000 * np.sin(np.arange(100)), np.linspace(0, 1, 100)])
    assert len(Series(values)[100:]) == 100


def test_equal_feature_names_raise():
    with pytest.raises(ValueError, match=r"2 unique names, one per feature, got \['a', 'a'\]"):
        Series(np.eye(2), feature_names=["a", "a"])
    with pytest.raises(ValueError, match="unique"):
        Series(pd.DataFrame(np.eye(2), columns=["a", "a"]))


@pytest.mark.parametrize(
    ("column", "values", "remedy"),
    [
        ("time", [0, 1, 2, 3], r"set_index\('time'\)"),
        ("Timestamp", [0.1, 0.2, 0.3, 0.5], "set_index"),
        ("time_ms", [10, 20, 30, 40], "set_index"),
        ("Unnamed: 0", [0, 1, 2, 3], r"drop\(columns='Unnamed: 0'\)"),
        ("id", [7, 8, 9, 10], "drop"),
        ("cycle", [1, 2, 3, 1], "drop"),
        ("unit", [1, 1, 2, 2], "groupby"),
        ("year", [2026, 2026, 2026, 2027], "drop"),
        ("label", [0, 0, 1, 0], r"labels=frame.pop\('label'\)"),
        ("class", [0, 2, 1, 0], r"labels=frame.pop\('class'\)"),
        ("pump fault", [0, 0, 1, 0], "labels="),
        ("target", [1, 1, -1, 1], r"labels=frame.pop\('target'\) == -1"),
        ("is_normal", [1, 1, 0, 1], r"labels=frame.pop\('is_normal'\) == 0"),
        ("is_anomaly", [False, True, False, False], "labels="),
        ("time", [3, 1, 2, 5], None),
        ("class", [0.2, 1.5, 1.0, 0.0], None),
        ("temp", [0, 1, 2, 3], None),
        ("valve", [0, 1, 0, 1], None),
        ("step", [0.5, 1.5, 2.5, 3.5], None),
        ("n", [1500, 1480, 1510, 1490], None),
    ],
)
def test_columns_with_names_of_times_or_labels_warn(column, values, remedy):
    frame = pd.DataFrame({"load": [1.0, 5.0, 2.0, 4.0], column: values})
    with contextlib.nullcontext() if remedy is None else pytest.warns(UserWarning, match=remedy):
        assert Series(frame).n_features == 2


@pytest.mark.parametrize(
    ("column", "values", "rate"),
    [
        ("seconds", [0, 2, 4, 6], 0.5),
        ("time_ms", [0, 20, 40, 60], 50),
        ("Time [us]", [0, 20, 40, 60], 50_000),
        ("t_min", [0, 2, 4, 6], 1 / 120),
        ("hours", [0.0, 0.5, 1.0, 1.5], 1 / 1800),
        ("days", [0, 1, 2, 3], 1 / 86400),
    ],
)
def test_advice_for_column_of_times_gives_sampling_rate(column, values, rate):
    frame = pd.DataFrame({"load": [1.0, 5.0, 2.0, 4.0], column: values})
    with pytest.warns(UserWarning, match="set_index") as caught:
        Series(frame)
    advice = str(caught[0].message).split("If it is not, use ")[1].removesuffix(".")
    series = Series(eval(advice, {"frame": frame, "pd": pd}))
    assert series.feature_names == ("load",)
    assert series.sampling_rate == pytest.approx(rate)


def test_second_column_of_times_warns_with_call_to_drop_it():
    frame = pd.DataFrame({"time_s": [0, 1, 2], "elapsed_ms": [0, 1000, 2000], "load": [1.0, 5.0, 2.0]})
    with pytest.warns(UserWarning, match="must be a measurement") as caught:
        Series(frame)
    assert ["set_index" in str(one.message) for one in caught] == [True, False]
    with pytest.warns(UserWarning, match=r"drop\(columns='elapsed_ms'\)"):
        Series(frame.set_index("time_s"))
