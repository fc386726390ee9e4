"""Windows of a long series, and combination of their scores for each time step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import Series
from data.windows import cut_windows, interpolated, start_chunks, window_starts
from trainers.detection.windowing import StepScores, estimate_window, level_ends

COMBINE = {"mean": np.mean, "max": np.max, "median": np.median}


@st.composite
def cuts(draw):
    length = draw(st.integers(1, 12))
    return draw(st.integers(length, 60)), length, draw(st.integers(1, 15))


@given(cuts())
def test_windows_cover_series_from_first_to_last_step(cut):
    steps, length, stride = cut
    starts = window_starts(steps, length, stride)
    assert starts[0] == 0
    assert starts[-1] == steps - length
    assert np.all(np.diff(starts) > 0)
    assert np.all(np.diff(starts)[:-1] == stride)
    if stride <= length:
        covered = {step for start in starts for step in range(start, start + length)}
        assert covered == set(range(steps))


@given(cuts(), st.sampled_from(list(COMBINE)), st.integers(1, 7), st.integers(0, 2**31), st.booleans())
@settings(max_examples=300)
def test_step_scores_equal_plain_loop_for_any_chunk(cut, combine, chunk, seed, missing):
    steps, length, stride = cut[0], cut[1], min(cut[1:])
    rng, starts = np.random.default_rng(seed), window_starts(steps, length, stride)
    values = rng.normal(size=(len(starts), length, 2))
    if missing:
        values[rng.random(values.shape) < 0.3] = np.nan
    collect, ahead = StepScores(steps, length, stride, combine), iter(values)
    parts = [
        collect.add(some, np.stack([next(ahead) for _ in some])) for some in start_chunks(steps, length, stride, chunk)
    ]
    result = np.concatenate(parts)
    assert result.shape == (steps, 2)
    for step in range(steps):
        for m in range(2):
            scores = [v[step - s, m] for s, v in zip(starts, values, strict=True) if s <= step < s + length]
            scores = [value for value in scores if not np.isnan(value)]
            if scores:
                assert result[step, m] == pytest.approx(COMBINE[combine](scores), abs=1e-12)
            else:
                assert np.isnan(result[step, m])


@given(cuts(), st.integers(1, 3))
def test_windows_have_values_of_series(cut, features):
    steps, length, stride = cut
    values = np.arange(steps * features, dtype=np.float32).reshape(steps, features)
    starts = window_starts(steps, length, stride)
    windows = cut_windows(values, starts, length)
    for start, window in zip(starts, windows, strict=True):
        np.testing.assert_array_equal(window, values[start : start + length])


@pytest.mark.parametrize("period", [12, 25, 100])
def test_estimated_window_is_period(period):
    rng, steps = np.random.default_rng(0), np.arange(20 * period)
    wave = np.sin(2 * np.pi * steps / period) ** 3 + 0.05 * rng.normal(size=len(steps))
    assert abs(estimate_window(Series(wave), 5 * period) - period) <= 1
    several = np.stack([wave, wave * 0 + 1, np.roll(wave, 3)], 1)
    several[::9, 0] = np.nan
    assert abs(estimate_window(Series(several), 5 * period) - period) <= 1


def test_period_is_found_with_trend():
    steps = np.arange(500)
    assert abs(estimate_window(Series(np.sin(2 * np.pi * steps / 25) + steps / 20), 150) - 25) <= 1


@pytest.mark.parametrize("values", [np.ones(500), np.random.default_rng(0).normal(size=500)])
def test_series_without_period_raises(values):
    with pytest.raises(ValueError, match="window=…"):
        estimate_window(Series(values), 100)


def test_gaps_are_interpolated_and_other_values_unchanged():
    values = np.array([[np.nan, 1], [2, np.nan], [np.nan, np.nan], [4, 4], [np.nan, 5]], dtype=np.float32)
    np.testing.assert_allclose(interpolated(values), [[2, 1], [2, 2], [3, 3], [4, 4], [4, 5]])
    assert np.isnan(values[0, 0]), "the series itself is not changed"
    complete = np.ones((3, 1), dtype=np.float32)
    assert interpolated(complete) is complete


@pytest.mark.parametrize("length", [4, 5])
def test_ends_of_each_scored_part_have_score_of_step_next_to_them(length):
    nan = np.nan
    scores = np.array([nan, 0, 1, 2, 3, 4, 5, nan, nan, 6, 7, 8, 9, 10, 11])
    expected = np.array([nan, 2, 2, 2, 3, 3, 3, nan, nan, 8, 8, 8, 9, 9, 9])
    np.testing.assert_array_equal(level_ends(scores, length), expected)
    np.testing.assert_array_equal(level_ends(np.full(5, nan), length), np.full(5, nan))
    # a series of one window
    np.testing.assert_array_equal(level_ends(np.full(length, 3.0), length), np.full(length, 3.0))
