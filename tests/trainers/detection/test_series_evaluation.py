"""Metrics of time steps and events, against scikit-learn, dtaianomaly and plain loops, and in edge cases."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from dtaianomaly import evaluation as peer
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from trainers.detection import evaluate_series, misleading_point_adjusted_f1
from trainers.detection.metrics import range_precision, range_recall, ucr_score

METRICS = [
    "auroc",
    "average_precision",
    "vus_roc",
    "vus_pr",
    "ucr_score",
    "precision",
    "recall",
    "f1",
    "false_alarm_rate",
    "range_precision",
    "range_recall",
    "affiliation_precision",
    "affiliation_recall",
]


@st.composite
def scored_series(draw, most=60):
    """Draw scores with ties, labels with both classes, and a threshold that flags all, some or no steps."""
    n = draw(st.integers(2, most))
    scores = np.array(draw(st.lists(st.integers(-3, 6), min_size=n, max_size=n)), dtype=float)
    # runs of steps instead of single steps
    labels = np.array(draw(st.lists(st.sampled_from([0, 0, 1]), min_size=n, max_size=n)))
    labels = np.repeat(labels, draw(st.integers(1, 5)))[:n]
    assume(0 < labels.sum() < n)
    return scores, labels, draw(st.integers(-4, 6)) + 0.5


@given(scored_series())
@settings(max_examples=50)
def test_metrics_are_shares_and_equal_those_of_libraries(series):
    scores, labels, threshold = series
    evaluation = evaluate_series(scores, labels, threshold, window=6)
    flagged = (scores > threshold).astype(int)
    for name in METRICS:
        assert 0 <= getattr(evaluation, name) <= 1 + 1e-9, name
    assert evaluation.auroc == metrics.roc_auc_score(labels, scores)
    assert evaluation.average_precision == metrics.average_precision_score(labels, scores)
    assert evaluation.precision == metrics.precision_score(labels, flagged, zero_division=0)
    assert evaluation.recall == metrics.recall_score(labels, flagged)
    assert evaluation.f1 == metrics.f1_score(labels, flagged, zero_division=0)
    assert evaluation.false_alarm_rate == flagged[labels == 0].mean()
    assert evaluation.vus_roc == pytest.approx(peer.VolumeUnderROC(max_buffer_size=6).compute(labels, scores))
    assert evaluation.vus_pr == pytest.approx(peer.VolumeUnderPR(max_buffer_size=6).compute(labels, scores))
    if flagged.any():
        assert evaluation.affiliation_precision == peer.AffiliationPrecision().compute(labels, flagged)
        assert evaluation.affiliation_recall == peer.AffiliationRecall().compute(labels, flagged)
        assert evaluation.range_precision == pytest.approx(peer.RangeBasedPrecision().compute(labels, flagged))
        assert evaluation.range_recall == pytest.approx(peer.RangeBasedRecall().compute(labels, flagged))
        adjusted = peer.PointAdjustedFBeta().compute(labels, flagged)
        assert misleading_point_adjusted_f1(scores, labels, threshold) == pytest.approx(adjusted)
    if len(evaluation.events) == 1 and np.ptp(scores):
        assert evaluation.ucr_score == peer.UCRScore(tolerance=100).compute(labels, scores)


def steps_of_runs(mask):
    """Return the steps of each run of True, found by a loop."""
    runs, current = [], []
    for t, value in enumerate(mask):
        if value:
            current.append(t)
        elif current:
            runs.append(current)
            current = []
    return [*runs, current] if current else runs


@given(scored_series())
def test_ranges_delays_and_false_alarms_equal_plain_loops(series):
    scores, labels, threshold = series
    evaluation = evaluate_series(scores, labels, threshold, window=None, sampling_rate=4)
    events, alarms = steps_of_runs(labels > 0), steps_of_runs(scores > threshold)

    def overlap(part, others):
        shared = [sum(t in other for t in part) for other in others]
        return sum(shared) / len(part) / max(1, sum(s > 0 for s in shared))

    precisions = [overlap(alarm, events) for alarm in alarms]
    recalls = [0.5 * (overlap(event, alarms) > 0) + 0.5 * overlap(event, alarms) for event in events]
    assert evaluation.range_precision == pytest.approx(np.mean(precisions) if alarms else 0)
    assert evaluation.range_recall == pytest.approx(np.mean(recalls))
    delays = [next((t - event[0] for t in event if scores[t] > threshold), None) for event in events]
    assert evaluation.events["delay, steps"].isna().tolist() == [delay is None for delay in delays]
    found = [delay for delay in delays if delay is not None]
    assert evaluation.events["delay, steps"].dropna().tolist() == found
    assert evaluation.events["delay, s"].dropna().tolist() == [delay / 4 for delay in found]
    assert evaluation.events["found"].tolist() == [delay is not None for delay in delays]
    assert evaluation.missed == [(e[0], e[-1] + 1) for e, delay in zip(events, delays, strict=True) if delay is None]
    assert (evaluation.events_found, evaluation.n_events) == (len(found), len(events))
    assert evaluation.median_delay == (np.median(found) if found else None)
    false = sum(not any(labels[t] for t in alarm) for alarm in alarms)
    normal = (labels == 0).sum()
    assert evaluation.false_alarms == false
    assert evaluation.false_alarms_per_thousand == pytest.approx(1000 * false / normal)
    assert evaluation.false_alarms_per_hour == pytest.approx(false / (normal / 4 / 3600))


@given(scored_series())
@settings(max_examples=30)
def test_metrics_depend_only_on_order_of_scores(series):
    scores, labels, threshold = series
    one = evaluate_series(scores, labels, threshold, window=4).to_frame()
    for change in (lambda s: 3 * s - 100, lambda s: np.exp(s / 2)):
        other = evaluate_series(change(scores), labels, change(threshold), window=4).to_frame()
        pd.testing.assert_frame_equal(one.drop(columns="threshold"), other.drop(columns="threshold"))


@given(scored_series())
def test_metrics_of_reversed_series_and_swapped_classes(series):
    """In reverse order, only delays may differ; with negated scores and swapped labels, the AUROC is the same."""
    scores, labels, threshold = series
    one = evaluate_series(scores, labels, threshold, window=None)
    back = evaluate_series(scores[::-1], labels[::-1], threshold, window=None)
    # the highest score is the first of equal ones; the buffers of dtaianomaly are one step longer after an event
    for name in ({*METRICS} | {"false_alarms", "events_found"}) - {"ucr_score", "vus_roc", "vus_pr"}:
        assert getattr(back, name) == pytest.approx(getattr(one, name)), name
    swapped = evaluate_series(-scores, 1 - labels, threshold, window=None)
    assert swapped.auroc == pytest.approx(one.auroc)
    assert evaluate_series(-scores, labels, threshold, window=None).auroc == pytest.approx(1 - one.auroc)


@given(scored_series(), st.integers(1, 150))
def test_normal_steps_before_series_shift_events_and_keep_recall(series, steps):
    scores, labels, threshold = series
    assume(threshold > scores.min())
    one = evaluate_series(scores, labels, threshold, window=None)
    later = evaluate_series(
        np.append(np.full(steps, scores.min()), scores), np.append([0] * steps, labels), threshold, window=None
    )
    assert later.events["start"].tolist() == (one.events["start"] + steps).tolist()
    assert later.events["delay, steps"].equals(one.events["delay, steps"])
    for name in ("recall", "precision", "range_recall", "range_precision", "false_alarms", "median_delay"):
        assert getattr(later, name) == getattr(one, name), name


def test_ucr_score_accepts_100_steps_or_length_of_event():
    truth = np.zeros(2000, dtype=bool)
    truth[600:610] = truth[1200:1500] = True

    def score(top):
        return ucr_score(truth, (np.arange(2000) == top).astype(float))

    inside = [t for t in range(2000) if score(t)]
    assert (inside[0], inside[-1]) == (500, 1799)
    assert set(range(500, 1800)) - set(inside) == set(range(710, 900))
    assert ucr_score(truth, np.ones(2000)) == 0


def test_nothing_flagged():
    evaluation = evaluate_series(np.arange(50.0), np.repeat([0, 1, 0], [20, 10, 20]), 100, window=5, sampling_rate=1)
    for name in ("precision", "recall", "f1", "false_alarm_rate", "false_alarms", "false_alarms_per_hour"):
        assert getattr(evaluation, name) == 0
    for name in ("range_precision", "range_recall", "affiliation_precision", "affiliation_recall", "events_found"):
        assert getattr(evaluation, name) == 0
    assert evaluation.median_delay is None
    assert evaluation.missed == [(20, 30)]
    assert evaluation.to_frame()["median_delay"].isna().all()
    assert "missed" in evaluation._repr_html_()
    assert "nan" not in evaluation._repr_html_().lower()


def test_everything_flagged():
    evaluation = evaluate_series(np.arange(50.0), np.repeat([0, 1, 0], [20, 10, 20]), -1, window=5)
    assert (evaluation.recall, evaluation.precision, evaluation.false_alarm_rate) == (1, 0.2, 1)
    assert (evaluation.range_recall, evaluation.range_precision) == (1, 0.2)
    assert evaluation.affiliation_recall == 1
    assert 0.5 < evaluation.affiliation_precision < 0.7
    assert (evaluation.false_alarms, evaluation.median_delay, evaluation.missed) == (0, 0, [])


def test_constant_scores():
    evaluation = evaluate_series(np.ones(50), np.repeat([0, 1], [45, 5]), 1, window=5)
    assert (evaluation.auroc, evaluation.average_precision, evaluation.ucr_score) == (0.5, 0.1, 0)
    assert evaluation.vus_roc == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("where", [slice(0, 1), slice(0, 12), slice(49, 50), slice(38, 50), slice(1, 50)])
def test_events_at_edges(where):
    labels = np.zeros(50, dtype=int)
    labels[where] = 1
    evaluation = evaluate_series(labels.astype(float), labels, 0.5, window=20)
    assert evaluation.events[["start", "end"]].to_numpy().tolist() == [[where.start, where.stop]]
    for name in set(METRICS) - {"false_alarm_rate", "vus_roc", "vus_pr"}:
        assert getattr(evaluation, name) == pytest.approx(1), name
    # below 1 although every step is correct, because the scores are not high within the buffers
    assert evaluation.vus_roc > 0.7
    assert evaluation.vus_pr > 0.7


def test_tables_have_every_metric_once():
    evaluation = evaluate_series([0.0, 1.0, 2.0, 0.0], [0, 0, 1, 0], 1.5)
    (row,) = evaluation.to_frame().to_dict("records")
    assert set(METRICS) | {"threshold", "n_events", "false_alarms", "events_found"} <= set(row)
    html = evaluation._repr_html_()
    assert all(html.count(f"<th>{name}</th>") == 1 for name in row)
    assert pd.isna(row["false_alarms_per_hour"])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"scores": [0.0, np.nan, 1.0, 0.0]}, "scores must be .*finite numbers.* time step.* 3 of 4 values finite"),
        ({"labels": [0, 0, 0, 0]}, "normal .* and abnormal time steps"),
        ({"labels": [1, 1, 1, 1]}, "normal .* and abnormal time steps"),
        ({"labels": [0, 1]}, r"labels must .* for each of .*4 scores, got shape \(2,\)"),
        ({"labels": None}, "labels must be .*, got None"),
        ({"threshold": np.nan}, "threshold must be a finite number, got nan"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"window": 0}, "window must be an integer.*got 0"),
        ({"window": 2.5}, "window must be an integer.*got 2.5"),
        ({"intervals": 0.95, "block": 0}, "block must be an integer.*got 0"),
        ({"intervals": 0.95}, "at least 5 normal"),
    ],
)
def test_invalid_arguments_raise(arguments, match):
    valid = {"scores": [0.0, 1.0, 2.0, 0.0], "labels": [0, 0, 1, 0], "threshold": 1.5}
    with pytest.raises(ValueError, match=match):
        evaluate_series(**{**valid, **arguments})


def test_slow_metrics_raise_or_are_none():
    labels = (np.arange(200_000) % 20 < 2).astype(int)
    scores = (np.arange(200_000) % 3 == 0).astype(float)
    with pytest.raises(ValueError, match=r"window must be an integer from 1 to 500 .*200000.*, got 501"):
        evaluate_series(scores, labels, 0.5, window=501)
    evaluation = evaluate_series(scores, labels, 0.5, window=None)
    assert evaluation.affiliation_precision is evaluation.affiliation_recall is evaluation.vus_roc is None
    assert evaluation.to_frame()["affiliation_recall"].isna().all()
    assert "–" in evaluation._repr_html_()


def test_range_metrics_of_long_event_flagged_in_many_pieces():
    """The recall is 0.5 for any overlap, plus 0.5 · overlap / number of pieces."""
    truth = np.repeat([False, True, False], [10, 90_000, 10])
    flagged = np.arange(90_020) % 3 == 0
    assert range_recall(truth, flagged) == pytest.approx(0.5 + 0.5 / 3 / 30_000)
    assert range_precision(truth, flagged) == pytest.approx(30_000 / flagged.sum(), rel=1e-3)


def test_random_scores_have_high_f1_only_after_point_adjustment():
    labels = np.repeat([0, 1, 0], [800, 150, 50])
    scores = np.random.default_rng(0).uniform(size=1000)
    evaluation = evaluate_series(scores, labels, 0.98, window=None)
    assert misleading_point_adjusted_f1(scores, labels, 0.98) > 0.85
    assert evaluation.f1 < 0.1
    assert 0.3 < evaluation.auroc < 0.7


ANYTHING = st.one_of(
    st.none(),
    st.text(max_size=3),
    st.integers(-3, 3),
    st.floats(),
    st.lists(st.one_of(st.floats(), st.integers(0, 2), st.none()), max_size=4),
    st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=3),
    st.just({"a": 1}),
)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_arguments_give_result_or_error_with_argument_name(first, second, third):
    valid = {"scores": [0.0, 1.0, 2.0, 0.0], "labels": [0, 0, 1, 0], "threshold": 1.5, "window": None}
    for changed in (
        {"scores": first, "labels": second, "threshold": third},
        {"labels": first, "threshold": second},
        {"sampling_rate": first, "block": second, "intervals": third},
        {"seed": first, "intervals": 0.9},
    ):
        try:
            evaluate_series(**{**valid, **changed})
        except (TypeError, ValueError) as error:
            assert str(error).split()[0] in {"scores", "labels", "threshold", *valid, *changed}  # noqa: PT017


def test_evaluate_series_keeps_number_of_pytorch_threads():
    # in a separate process, because only the first use of numba would set the number to that of the cores
    code = """
import torch
from trainers.detection import evaluate_series
torch.set_num_threads(1)
print(torch.get_num_threads())
evaluate_series([0, 1, 2, 1], [0, 0, 1, 0], threshold=1.5, window=1)
print(torch.get_num_threads())
"""
    cores = {name: value for name, value in os.environ.items() if name != "NUMBA_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], env=cores, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]
