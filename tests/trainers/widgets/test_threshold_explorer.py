"""The arguments of the explorer, its errors, and the data that it sends to the page."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import DataSet
from trainers.detection import quantile_threshold
from trainers.widgets import ThresholdExplorer
from trainers.widgets.sequences import MAX_VALUES

from .helpers import page_data, unpacked

SCORES, LABELS = np.array([0.1, 0.5, 0.2, 0.9, 0.4]), np.array([0, 2, 0, 1, 0])


def test_threshold_can_be_read_set_and_observed():
    explorer = ThresholdExplorer(SCORES, LABELS, threshold=0.3)
    changes = []
    explorer.observe(lambda change: changes.append(change["new"]), "threshold")
    explorer.threshold = np.float32(0.5)
    explorer.threshold = 1
    assert changes == [0.5, 1.0]
    assert type(explorer.threshold) is float


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, "0.3", True])
def test_invalid_threshold_raises_and_changes_nothing(bad):
    explorer = ThresholdExplorer(SCORES, threshold=0.3)
    with pytest.raises(ValueError, match="finite number"):
        explorer.threshold = bad
    assert explorer.threshold == 0.3


def test_initial_threshold_is_from_calibration_and_never_from_labels():
    calibration = np.linspace(0, 1, 200)
    assert ThresholdExplorer(SCORES, LABELS, calibration=calibration).threshold == quantile_threshold(calibration)
    assert ThresholdExplorer(SCORES, calibration=[0.3, 0.2]).threshold == 0.3, "too few for 5 %: the highest score"
    scores = np.random.default_rng(0).normal(size=1000)
    start = ThresholdExplorer(scores).threshold
    assert np.sum(scores > start) == 50
    assert ThresholdExplorer(scores, scores > 0).threshold == start


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"scores": [0.1, np.nan]}, "finite numbers"),
        ({"scores": []}, r"shape \(0,\)"),
        ({"scores": [np.nan] * 3}, r"scores must be .* finite numbers, .*got .*0 of 3 values finite"),
        ({"scores": [[0.1, 0.2]]}, r"shape \(1, 2\)"),
        ({"scores": [-1.7e308, 1.7e308]}, "1e300"),
        ({"labels": [0, 1]}, "one value for each of the 5 scores"),
        ({"labels": LABELS, "class_names": ["normal"]}, "must name every label from 0 to 2"),
        ({"sequences": np.zeros((4, 7))}, "sequences must have the same length as scores .5., got 4"),
        ({"reconstructions": np.zeros((5, 7))}, "Give sequences"),
        ({"sequences": np.zeros((5, 7)), "reconstructions": np.zeros((5, 6))}, "reconstructions must have the shape"),
        ({"sequences": np.full((5, 7), np.nan)}, "must be finite"),
        ({"calibration": [np.inf]}, "calibration must be a non-empty array of finite numbers"),
        ({"false_alarm_cost": -1}, "false_alarm_cost must be a finite number of at least 0, or None, got -1"),
        ({"miss_cost": np.nan}, "miss_cost must be a finite number of at least 0, or None, got nan"),
    ],
)
def test_mismatched_arguments_raise(given, match):
    with pytest.raises(ValueError, match=match):
        ThresholdExplorer(**{"scores": SCORES, **given})


def test_scores_that_are_not_numbers_raise():
    with pytest.raises(TypeError, match="real numbers"):
        ThresholdExplorer(["high", "low"])


def test_exported_page_holds_exact_scores(tmp_path):
    scores = np.random.default_rng(0).normal(size=500)
    labels = np.random.default_rng(1).integers(0, 3, 500)
    ThresholdExplorer(scores, labels, threshold=1 / 3, hide_labels=True, miss_cost=2).to_html(tmp_path / "page.html")
    data = page_data(tmp_path / "page.html")
    np.testing.assert_array_equal(unpacked(data["scores"], "<f8"), scores)
    np.testing.assert_array_equal(unpacked(data["labels"], "<i4"), labels)
    assert [one["name"] for one in data["classes"]] == ["normal", "class 1", "class 2"]
    assert data["threshold"] == 1 / 3
    assert (data["hide_labels"], data["false_alarm_cost"], data["miss_cost"]) == (True, None, 2.0)


def test_markup_in_name_does_not_break_exported_page(tmp_path):
    names = ["fine", "</script><script>alert(1)</script>", "<!--"]
    ThresholdExplorer(SCORES, LABELS, class_names=names).to_html(tmp_path / "page.html")
    assert [one["name"] for one in page_data(tmp_path / "page.html")["classes"]] == names


def test_page_without_labels_holds_none(tmp_path):
    ThresholdExplorer(SCORES).to_html(tmp_path / "page.html")
    data = page_data(tmp_path / "page.html")
    assert data["labels"] is data["classes"] is None


def test_page_has_only_classes_that_occur():
    explorer = ThresholdExplorer([1.0, 2.0, 3.0], [0, 7, 7], class_names=[f"kind {i}" for i in range(8)])
    assert [one["name"] for one in explorer.data["classes"]] == ["kind 0", "kind 7"]
    assert np.frombuffer(explorer.data["labels"], "<i4").tolist() == [0, 1, 1]
    assert ThresholdExplorer([1.0, 2.0], [True, False]).data["classes"][1]["name"] == "abnormal"


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 40), st.booleans())
def test_pictures_match_sequences(n, time, features, reconstruction):
    values = np.random.default_rng(n).normal(size=(n, time, features)).astype(np.float32)
    more = {"reconstructions": -values} if reconstruction else {}
    pictures = ThresholdExplorer(values[:, 0, 0], sequences=values, **more).data["pictures"]
    shape = (n, time, min(features, 32))
    np.testing.assert_array_equal(np.frombuffer(pictures["positions"], "<i4"), np.arange(n))
    np.testing.assert_array_equal(np.frombuffer(pictures["sequences"], "<f4").reshape(shape), values[..., :32])
    if reconstruction:
        np.testing.assert_array_equal(
            np.frombuffer(pictures["reconstructions"], "<f4").reshape(shape), -values[..., :32]
        )


def test_too_many_sequences_are_reduced_evenly_over_scores():
    n, time = 3000, 2000
    scores = np.random.default_rng(0).permutation(n).astype(float)
    sequences = np.broadcast_to(scores[:, None].astype(np.float32), (n, time))
    pictures = ThresholdExplorer(scores, sequences=sequences).data["pictures"]
    positions = np.frombuffer(pictures["positions"], "<i4")
    values = np.frombuffer(pictures["sequences"], "<f4")
    assert values.size == MAX_VALUES
    np.testing.assert_array_equal(values.reshape(-1, time)[:, 0], scores[positions])
    drawn = np.sort(scores[positions])
    assert drawn[0] == 0
    assert drawn[-1] == n - 1
    assert np.diff(drawn).max() <= 4


def test_data_set_is_accepted():
    sequences = DataSet(np.arange(10.0).reshape(5, 2))
    pictures = ThresholdExplorer(SCORES, sequences=sequences).data["pictures"]
    assert (pictures["time"], pictures["features"]) == (2, 1)


def test_widget_has_picture_with_alt_text():
    data, about = ThresholdExplorer(SCORES, LABELS, threshold=0.3)._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "2 of 2 abnormal ones are above" in about["image/png"]["alt"]


@pytest.mark.parametrize("hidden", [{"labels": LABELS, "hide_labels": True}, {}])
def test_hidden_labels_are_not_in_picture_or_texts(hidden):
    explorer = ThresholdExplorer(SCORES, threshold=0.3, class_names=None, **hidden)
    data, about = explorer._repr_mimebundle_()
    figure = explorer.figure
    drawn = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert drawn == ["unlabelled (5)", "threshold 0.3"]
    assert "3 of 5 unlabelled ones are above the threshold" in figure.alt
    for text in (figure.alt, about["image/png"]["alt"], data["text/plain"]):
        assert "normal" not in text
    explorer.hide_labels = False
    assert ("abnormal" in explorer.figure.alt) == ("labels" in hidden)


def test_scores_at_the_threshold_are_drawn_on_its_left():
    axes = ThresholdExplorer([0.3] * 20, threshold=0.3).figure.axes[0]
    (bars,) = axes.patches
    counts, edges, _ = bars.get_data()
    assert counts.sum() == 20
    assert edges[np.argmax(counts) + 1] == pytest.approx(0.3)
