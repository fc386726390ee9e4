"""Embedded HTML draws an evenly spaced subset of many sequences, each with its own values."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.widgets.sequences import MAX_LIGHT_VALUES, lighten, pictures


def read(lighter, name):
    """Return the values as sequences.js reads them."""
    middle, step = lighter["scale"]
    numbers = np.frombuffer(lighter[name], "<i2")
    values = np.where(numbers == -32768, np.nan, middle + step * numbers.astype(float))
    return values.reshape(-1, lighter["time"], lighter["features"])


@pytest.mark.parametrize("reconstruction", [False, True])
def test_subset_is_evenly_spaced_and_keeps_its_values(reconstruction):
    n, time = 4000, 400
    scores = np.random.default_rng(0).permutation(n).astype(float)
    values = np.broadcast_to(scores[:, None].astype(np.float32), (n, time))
    order = np.argsort(scores)
    lighter = lighten(pictures(values, -values if reconstruction else None, order, "scores"), order)
    positions = np.frombuffer(lighter["positions"], "<i4")
    assert len(positions) == MAX_LIGHT_VALUES // time // (1 + reconstruction)
    assert (np.diff(positions) > 0).all()
    drawn = np.sort(scores[positions])
    assert np.diff(drawn).max() <= np.ceil(n / len(positions)) + 2
    wanted = np.broadcast_to(scores[positions, None, None], (len(positions), time, 1))
    np.testing.assert_allclose(read(lighter, "sequences"), wanted, atol=n / 60_000)
    if reconstruction:
        np.testing.assert_allclose(read(lighter, "reconstructions"), -wanted, atol=n / 60_000)


@pytest.mark.parametrize("level", [0.0, -3.5, 1e6])
def test_few_sequences_are_all_kept_and_missing_values_stay_missing(level):
    values = np.random.default_rng(1).normal(level, 1, (10, 20, 3)).astype(np.float32)
    drawn = pictures(values, None, np.arange(10), "scores")
    # Added to the data of the page, because DataSet handles missing values before.
    holes = values.copy()
    holes[2, 5, 1] = np.nan
    lighter = lighten({**drawn, "sequences": holes.tobytes()}, np.arange(10))
    assert np.frombuffer(lighter["positions"], "<i4").tolist() == list(range(10))
    np.testing.assert_allclose(read(lighter, "sequences"), holes, atol=np.ptp(values) / 60_000)


def test_constant_values():
    lighter = lighten(pictures(np.full((3, 4), 2.5), None, np.arange(3), "scores"), np.arange(3))
    assert (read(lighter, "sequences") == 2.5).all()


def test_without_sequences_result_is_none():
    assert lighten(None, np.arange(3)) is None
