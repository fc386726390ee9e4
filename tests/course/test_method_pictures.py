"""The plots of lesson 7 show the numbers of their alt text."""

import numpy as np
import pandas as pd

from data import DataSet, split
from notebooks.course.method_pictures import (
    plot_detected,
    plot_difference_intervals,
    plot_published,
    plot_splits,
    plot_two_methods,
)


def test_every_abnormal_beat_is_a_test_beat_of_each_split():
    rng = np.random.default_rng(0)
    beats = DataSet(rng.normal(size=(60, 5)).astype(np.float32), labels=[0] * 40 + [1] * 20)
    figure = plot_splits(beats, [split(beats, seed=seed) for seed in (0, 1)], every=2)
    for row in (0, 1):
        training, others, test = (line.get_xdata() for line in figure.axes[0].lines[3 * row : 3 * row + 3])
        assert max(*training, *others) < 20, "normal beats only"
        assert set(test) >= set(range(20, 30)), "each abnormal beat that is drawn"
        assert sorted([*training, *others, *test]) == list(range(30))
    assert "The 10 abnormal beats are in the test set of every split; the 20 normal" in figure.alt


def test_intervals_have_their_ends():
    figure = plot_difference_intervals({"a minus b": {"plain": (-0.2, 0.1), "corrected": (-0.3, 0.2)}}, "difference")
    lines = figure.axes[0].lines
    np.testing.assert_allclose([line.get_xdata() for line in lines[0:4:2]], [(-0.2, 0.1), (-0.3, 0.2)])
    assert "a minus b, plain -0.2000 to +0.1000; a minus b, corrected -0.3000 to +0.2000" in figure.alt


def test_cells_show_the_share_detected():
    table = pd.DataFrame([[1.0, 0.25], [0.0, 0.5]], index=["a", "random score"], columns=["flat line", "spike"])
    figure = plot_detected(table)
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), table)
    assert [text.get_text() for text in figure.axes[0].texts] == ["100", "25", "0", "50"]
    assert figure.axes[1].get_ylabel() == "share of events detected"
    assert "a: flat line 100, spike 25; random score: flat line 0, spike 50" in figure.alt


def test_published_bars_are_in_the_given_order():
    figure = plot_published({"net": (0.5, True), "pca": (0.4, False)}, "VUS-PR")
    bars = sorted(figure.axes[0].patches, key=lambda bar: bar.get_y())
    assert [bar.get_width() for bar in bars] == [0.5, 0.4]
    assert [bool(bar.get_hatch()) for bar in bars] == [True, False]
    assert figure.alt == "VUS-PR: net 0.50, a neural network; pca 0.40."


def test_alt_text_counts_the_four_corners():
    x, y = np.array([2, 2, 0.5, 0.5, 0.5, 2]), np.array([2, 0.5, 2, 0.5, 0.5, 2])
    figure = plot_two_methods({"1-NN": x, "network": y}, [True, True, True, True, False, True])
    assert "Of 5 abnormal sequences, 2 are above both thresholds, 1 only above that of 1-NN, 1 only above" in figure.alt
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(np.stack(line.get_data()), [x[[0, 1, 2, 3, 5]], y[[0, 1, 2, 3, 5]]])
