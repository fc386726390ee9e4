"""Of many sequences a part of a page draws some, evenly spread, each with its own values."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.widgets import ThresholdExplorer
from trainers.widgets.fewer_pictures import MOST_VALUES_IN_PART, fewer


def explored(n, time, *, rebuilt):
    scores = np.random.default_rng(0).permutation(n).astype(float)
    values = np.broadcast_to(scores[:, None].astype(np.float32), (n, time))
    more = {"reconstructions": -values} if rebuilt else {}
    return scores, ThresholdExplorer(scores, sequences=values, **more).data["pictures"]


@pytest.mark.parametrize("rebuilt", [False, True])
def test_those_that_stay_are_spread_over_the_scores_and_keep_their_values(rebuilt):
    n, time = 2000, 400
    scores, pictures = explored(n, time, rebuilt=rebuilt)
    kept = fewer(pictures, np.argsort(scores))
    positions = np.frombuffer(kept["positions"], "<i4")
    assert len(positions) == MOST_VALUES_IN_PART // time // (1 + rebuilt)
    assert (np.diff(positions) > 0).all()
    drawn = np.sort(scores[positions])
    assert drawn[0] == 0
    assert drawn[-1] == n - 1
    assert np.diff(drawn).max() <= np.ceil(n / len(positions)) + 1
    values = np.frombuffer(kept["sequences"], "<f4").reshape(-1, time)
    np.testing.assert_array_equal(values, np.broadcast_to(scores[positions, None], values.shape))
    if rebuilt:
        np.testing.assert_array_equal(np.frombuffer(kept["reconstructions"], "<f4"), -values.ravel())


def test_few_stay_as_they_are():
    scores, pictures = explored(10, 20, rebuilt=True)
    assert fewer(pictures, np.argsort(scores)) == pictures


def test_without_sequences_there_are_none():
    assert fewer(None, np.arange(3)) is None
