"""`Series`: one long recording, checked on construction."""

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


def test_a_part_takes_everything_along():
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


def test_dates_are_times_in_any_form():
    days = pd.date_range("2026-01-01", periods=3, freq="D")
    for time in (days, days.tz_localize("Europe/Berlin").tz_convert("UTC"), days.to_pydatetime().tolist()):
        times = Series([1.0, 2.0, 3.0], time=time).time
        assert (np.diff(times) == np.timedelta64(1, "D")).all()


def test_what_float32_cannot_tell_apart_is_refused():
    wave = np.sin(np.arange(100.0))
    for offset in (1e8, -3e7):
        with pytest.raises(ValueError, match="Subtract an offset"):
            Series(wave + offset)
    with pytest.raises(ValueError, match="Subtract an offset"):
        Series([2**24 + 1, 2**24, 2**24 + 2])
    assert np.ptp(Series(wave + 1000).values) > 1.9
    assert (Series(np.full(5, 123456789.3)).values == np.float32(123456789.3)).all(), "a constant has nothing to lose"


def test_nan_is_a_missing_value():
    series = Series([[1.0, np.nan], [2.0, 3.0]])
    np.testing.assert_array_equal(series.missing, [[False, True], [False, False]])


@pytest.mark.parametrize(
    ("values", "options", "remedy"),
    [
        ([], {}, "none of them 0"),
        (np.zeros((2, 3, 1)), {}, "DataSet"),
        ([True, False], {}, "must be numbers"),
        (["a", "b"], {}, "real numbers"),
        ([1.0, np.inf], {}, "time step 1"),
        ([1.0, 1e39], {}, "fit float32"),
        ([[1.0, np.nan], [2.0, np.nan]], {}, "feature 1 of 'series' has no value at all"),
        ([1.0, 2.0], {"labels": [0, 1, 0]}, "one for each of 2"),
        ([1.0, 2.0], {"labels": [0, 0.5]}, "whole numbers"),
        ([1.0, 2.0], {"labels": [0, -1]}, "whole numbers"),
        ([1.0, 2.0], {"labels": [0, np.nan]}, "whole numbers"),
        ([1.0, 2.0], {"time": [1, 1]}, "must rise"),
        ([1.0, 2.0, 3.0], {"time": [1, 3, 2]}, "got 3 and then 2"),
        ([1.0, 2.0], {"time": [1, np.nan]}, "of step 1 is missing"),
        ([1.0], {"time": [np.nan]}, "missing"),
        ([1.0, 2.0], {"time": ["a", "b"]}, "numbers or dates"),
        ([1.0, 2.0], {"sampling_rate": 0}, "above 0 Hz"),
        ([1.0, 2.0], {"feature_names": ["a", "b"]}, "one for each of 1"),
    ],
)
def test_what_is_no_series_is_refused(values, options, remedy):
    with pytest.raises((TypeError, ValueError), match=remedy):
        Series(values, **options)


@given(st.lists(st.booleans()))
def test_runs_are_exactly_the_true_steps(mask):
    covered = [step for start, end in runs(mask) for step in range(start, end)]
    assert covered == [i for i, value in enumerate(mask) if value]
    assert all(end < start for (_, end), (start, _) in zip(runs(mask), runs(mask)[1:], strict=False))
