"""Bootstrap intervals: their coverage of the true metric, and their errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from trainers.detection import bootstrap_interval, compare, evaluate, evaluate_series
from trainers.detection.metrics import NAMES, point_metrics_by_counting

# AUROC of two normal distributions one standard deviation apart, in closed form.
TRUE_AUROC = stats.norm.cdf(1 / np.sqrt(2))


def auroc(truth, scores):
    return np.mean(scores[truth][:, None] > scores[~truth][None, :])


def coverage(draw, level, *, block=1, times=200):
    """Return how often the interval contains the true AUROC of the scores that `draw` returns."""
    covered = 0
    for seed in range(times):
        scores, labels = draw(np.random.default_rng(seed))
        low, high = bootstrap_interval(auroc, scores, labels, level=level, n=200, block=block, seed=seed)
        covered += low <= TRUE_AUROC <= high
    return covered / times


def independent(generator):
    labels = np.repeat([0, 1], 40)
    return generator.normal(size=80) + labels, labels


def in_runs(generator):
    """Return scores repeated for five steps each, so that only a fifth of them are independent."""
    labels = generator.permutation(np.repeat([0, 1], 40))
    return np.repeat(generator.normal(size=80) + labels, 5), np.repeat(labels, 5)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_coverage_of_intervals_is_close_to_level(level):
    std = np.sqrt(level * (1 - level) / 200)
    assert level - 0.025 - 2 * std < coverage(independent, level) < level + 2 * std


def test_dependent_steps_need_blocks():
    assert coverage(in_runs, 0.95, times=100) < 0.75
    assert 0.87 < coverage(in_runs, 0.95, block=5, times=100) <= 1


def test_interval_is_wider_for_higher_level_and_narrower_for_more_data():
    generator = np.random.default_rng(0)

    def width(n, level):
        labels = np.repeat([0, 1], n)
        return float(np.diff(bootstrap_interval(auroc, generator.normal(size=2 * n) + labels, labels, level=level))[0])

    assert width(50, 0.5) < width(50, 0.9) < width(50, 0.99)
    assert width(800, 0.95) == pytest.approx(width(50, 0.95) / 4, rel=0.4)


def test_same_seed_gives_same_interval_for_one_or_several_metrics():
    scores, labels = independent(np.random.default_rng(1))
    one, again, other = (bootstrap_interval(metrics.roc_auc_score, scores, labels, n=100, seed=s) for s in (3, 3, 4))
    assert one.tolist() == again.tolist() != other.tolist()
    several = bootstrap_interval(lambda y, s: [metrics.roc_auc_score(y, s), s.mean()], scores, labels, n=100, seed=3)
    assert several.shape == (2, 2)
    assert several[:, 0].tolist() == one.tolist()


def test_draws_have_both_classes_and_complete_blocks():
    """The last block is shorter."""
    labels = np.repeat(np.tile([0, 1], 6), 10)[:-3]
    scores = np.arange(len(labels), dtype=float)
    lengths = []

    def check_draw(truth, drawn):
        assert truth.sum() in range(42, 61)
        starts = drawn[np.flatnonzero(np.diff(drawn, prepend=-2) != 1)]
        assert (starts % 10 == 0).all()
        lengths.append(len(drawn))
        return 0.0

    bootstrap_interval(check_draw, scores, labels, n=100, block=10)
    assert {117, 120} <= set(lengths)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"metric": "auroc"}, TypeError, "metric must be a function.*got 'auroc'"),
        ({"metric": lambda y, s: np.nan}, ValueError, "metric must return finite"),
        ({"level": 95}, ValueError, "level must be a number above 0 and below 1.*got 95"),
        ({"n": 10}, ValueError, "n must be an integer.*got 10"),
        ({"block": 0}, ValueError, "block must be an integer.*got 0"),
        ({"seed": -1}, ValueError, "seed must be an integer.*got -1"),
        ({"block": 20}, ValueError, "got 2 and 2"),
        ({"labels": [1] * 4 + [0] * 76}, ValueError, "at least 5 .* got 76 and 4"),
        ({"labels": [0] * 80}, ValueError, "normal .* and abnormal"),
        ({"scores": [np.nan] * 80}, ValueError, "scores must be .*finite numbers.* 0 of 80 values finite"),
    ],
)
def test_invalid_arguments_raise(arguments, error, match):
    scores, labels = independent(np.random.default_rng(0))
    with pytest.raises(error, match=match):
        bootstrap_interval(**{"metric": auroc, "scores": scores, "labels": labels, **arguments})


@given(st.lists(st.tuples(st.integers(-4, 4), st.booleans()), max_size=40), st.integers(-5, 5))
def test_metrics_by_counting_equal_scikit_learn(pairs, threshold):
    scores, labels = np.array([[0, 0], [1, 1], *pairs]).T
    flagged = scores > threshold
    expected = [
        metrics.roc_auc_score(labels, scores),
        metrics.average_precision_score(labels, scores),
        metrics.precision_score(labels, flagged, zero_division=0),
        metrics.recall_score(labels, flagged),
        metrics.f1_score(labels, flagged, zero_division=0),
        1 - metrics.recall_score(labels, flagged, pos_label=0),
        metrics.accuracy_score(labels, flagged),
    ]
    np.testing.assert_allclose(
        point_metrics_by_counting(threshold, labels > 0, scores.astype(float)), expected, atol=1e-12
    )


@given(st.integers(0, 1000))
@settings(max_examples=3)
def test_intervals_of_evaluation_equal_bootstrap_interval(seed):
    scores, labels = independent(np.random.default_rng(seed))
    evaluation = evaluate(scores, labels, 0.5, intervals=0.9, seed=seed)
    assert set(evaluation.intervals) == set(NAMES)
    row = evaluation.to_frame().iloc[0]
    for name in NAMES:
        assert row[f"{name} low"] <= row[name] <= row[f"{name} high"]
        assert evaluation.intervals[name] == (row[f"{name} low"], row[f"{name} high"])
    expected = bootstrap_interval(metrics.roc_auc_score, scores, labels, level=0.9, seed=seed)
    assert evaluation.intervals["auroc"] == pytest.approx(tuple(expected))
    assert f"{row['auroc low']:.4f} to {row['auroc high']:.4f}" in evaluation._repr_html_()
    without = evaluate(scores, labels, 0.5)
    assert without.intervals is None
    assert not any("low" in column for column in without.to_frame())


def test_default_block_of_series_is_longest_event():
    generator = np.random.default_rng(0)
    labels = np.tile(np.repeat([0, 1], [270, 30]), 12)
    scores = np.repeat(generator.normal(size=360), 10) + labels
    default = evaluate_series(scores, labels, 1.0, window=20, intervals=0.95)
    assert default.intervals == evaluate_series(scores, labels, 1.0, window=None, intervals=0.95, block=30).intervals
    single = evaluate_series(scores, labels, 1.0, window=None, intervals=0.95, block=1)
    assert np.diff(single.intervals["auroc"]) < np.diff(default.intervals["auroc"])
    assert "accuracy" not in default.intervals
    assert {"auroc low", "f1 high"} <= set(default.to_frame())
    with pytest.raises(ValueError, match="at least 5 normal and 5 abnormal blocks of 900 steps, got"):
        evaluate_series(scores, labels, 1.0, window=None, intervals=0.95, block=900)


@pytest.mark.parametrize("level", [95, 0, True, "0.95"])
def test_invalid_level_raises(level):
    scores, labels = independent(np.random.default_rng(0))
    for function in (evaluate, evaluate_series):
        with pytest.raises(ValueError, match=f"intervals must be a number above 0 and below 1.*got {level!r}"):
            function(scores, labels, 0.5, intervals=level)


def test_compare_has_one_row_per_detector():
    scores, labels = independent(np.random.default_rng(0))
    table = compare({"a": evaluate(scores, labels, 0.5), "b": evaluate(-scores, labels, 0.5)})
    assert table.index.tolist() == ["a", "b"]
    assert table["auroc"].sum() == pytest.approx(1)
    series = evaluate_series(scores, labels, 0.5, window=None)
    assert compare({"c": series}).columns.tolist() == series.to_frame().columns.tolist()
    for wrong in ({}, [series], {"a": evaluate(scores, labels, 0.5), "c": series}, {"a": 1}, None):
        with pytest.raises(TypeError, match=r"evaluations must be a dict.*got"):
            compare(wrong)
