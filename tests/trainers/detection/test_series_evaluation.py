"""Figures of time steps and events, against scikit-learn, dtaianomaly and plain loops, and at the edges."""

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

FIGURES = [
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
def judged_series(draw, most=60):
    """Scores with ties, labels with both classes, and a threshold that may call all, some or none."""
    n = draw(st.integers(2, most))
    scores = np.array(draw(st.lists(st.integers(-3, 6), min_size=n, max_size=n)), dtype=float)
    # Runs rather than single steps, as labels have them.
    labels = np.array(draw(st.lists(st.sampled_from([0, 0, 1]), min_size=n, max_size=n)))
    labels = np.repeat(labels, draw(st.integers(1, 5)))[:n]
    assume(0 < labels.sum() < n)
    return scores, labels, draw(st.integers(-4, 6)) + 0.5


@given(judged_series())
@settings(max_examples=50)
def test_every_figure_is_a_share_and_those_of_libraries_are_theirs(series):
    scores, labels, threshold = series
    judged = evaluate_series(scores, labels, threshold, window=6)
    called = (scores > threshold).astype(int)
    for name in FIGURES:
        assert 0 <= getattr(judged, name) <= 1 + 1e-9, name
    assert judged.auroc == metrics.roc_auc_score(labels, scores)
    assert judged.average_precision == metrics.average_precision_score(labels, scores)
    assert judged.precision == metrics.precision_score(labels, called, zero_division=0)
    assert judged.recall == metrics.recall_score(labels, called)
    assert judged.f1 == metrics.f1_score(labels, called, zero_division=0)
    assert judged.false_alarm_rate == called[labels == 0].mean()
    assert judged.vus_roc == pytest.approx(peer.VolumeUnderROC(max_buffer_size=6).compute(labels, scores))
    assert judged.vus_pr == pytest.approx(peer.VolumeUnderPR(max_buffer_size=6).compute(labels, scores))
    if called.any():
        assert judged.affiliation_precision == peer.AffiliationPrecision().compute(labels, called)
        assert judged.affiliation_recall == peer.AffiliationRecall().compute(labels, called)
        assert judged.range_precision == pytest.approx(peer.RangeBasedPrecision().compute(labels, called))
        assert judged.range_recall == pytest.approx(peer.RangeBasedRecall().compute(labels, called))
        adjusted = peer.PointAdjustedFBeta().compute(labels, called)
        assert misleading_point_adjusted_f1(scores, labels, threshold) == pytest.approx(adjusted)
    if len(judged.events) == 1 and np.ptp(scores):
        assert judged.ucr_score == peer.UCRScore(tolerance=100).compute(labels, scores)


def pieces(mask):
    """Runs of True by walking over the steps."""
    found, current = [], []
    for t, value in enumerate(mask):
        if value:
            current.append(t)
        elif current:
            found.append(current)
            current = []
    return [*found, current] if current else found


@given(judged_series())
def test_ranges_delays_and_false_alarms_against_plain_loops(series):
    scores, labels, threshold = series
    judged = evaluate_series(scores, labels, threshold, window=None, sampling_rate=4)
    events, alarms = pieces(labels > 0), pieces(scores > threshold)

    def overlap(part, others):
        shared = [sum(t in other for t in part) for other in others]
        return sum(shared) / len(part) / max(1, sum(s > 0 for s in shared))

    precisions = [overlap(alarm, events) for alarm in alarms]
    recalls = [0.5 * (overlap(event, alarms) > 0) + 0.5 * overlap(event, alarms) for event in events]
    assert judged.range_precision == pytest.approx(np.mean(precisions) if alarms else 0)
    assert judged.range_recall == pytest.approx(np.mean(recalls))
    late = [next((t - event[0] for t in event if scores[t] > threshold), None) for event in events]
    assert judged.events["delay, steps"].isna().tolist() == [delay is None for delay in late]
    found = [delay for delay in late if delay is not None]
    assert judged.events["delay, steps"].dropna().tolist() == found
    assert judged.events["delay, s"].dropna().tolist() == [delay / 4 for delay in found]
    assert judged.events["found"].tolist() == [delay is not None for delay in late]
    assert judged.missed == [(e[0], e[-1] + 1) for e, delay in zip(events, late, strict=True) if delay is None]
    assert (judged.events_found, judged.n_events) == (len(found), len(events))
    assert judged.median_delay == (np.median(found) if found else None)
    false = sum(not any(labels[t] for t in alarm) for alarm in alarms)
    normal = (labels == 0).sum()
    assert judged.false_alarms == false
    assert judged.false_alarms_per_thousand == pytest.approx(1000 * false / normal)
    assert judged.false_alarms_per_hour == pytest.approx(false / (normal / 4 / 3600))


@given(judged_series())
@settings(max_examples=30)
def test_figures_know_only_the_order_of_the_scores(series):
    scores, labels, threshold = series
    one = evaluate_series(scores, labels, threshold, window=4).to_frame()
    for change in (lambda s: 3 * s - 100, lambda s: np.exp(s / 2)):
        other = evaluate_series(change(scores), labels, change(threshold), window=4).to_frame()
        pd.testing.assert_frame_equal(one.drop(columns="threshold"), other.drop(columns="threshold"))


@given(judged_series())
def test_figures_of_a_series_turned_round(series):
    """Backwards, only delays may differ; with scores and labels swapped, the AUROC is the same."""
    scores, labels, threshold = series
    one = evaluate_series(scores, labels, threshold, window=None)
    back = evaluate_series(scores[::-1], labels[::-1], threshold, window=None)
    # The top score is the first of equal ones; dtaianomaly's buffers reach one step further behind an event.
    for name in ({*FIGURES} | {"false_alarms", "events_found"}) - {"ucr_score", "vus_roc", "vus_pr"}:
        assert getattr(back, name) == pytest.approx(getattr(one, name)), name
    swapped = evaluate_series(-scores, 1 - labels, threshold, window=None)
    assert swapped.auroc == pytest.approx(one.auroc)
    assert evaluate_series(-scores, labels, threshold, window=None).auroc == pytest.approx(1 - one.auroc)


@given(judged_series(), st.integers(1, 150))
def test_a_quiet_start_moves_events_and_changes_no_recall(series, steps):
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


def test_the_ucr_score_counts_a_hundred_steps_or_the_events_length():
    truth = np.zeros(2000, dtype=bool)
    truth[600:610] = truth[1200:1500] = True

    def score(top):
        return ucr_score(truth, (np.arange(2000) == top).astype(float))

    inside = [t for t in range(2000) if score(t)]
    assert (inside[0], inside[-1]) == (500, 1799)
    assert set(range(500, 1800)) - set(inside) == set(range(710, 900))
    assert ucr_score(truth, np.ones(2000)) == 0


def test_nothing_called_abnormal():
    judged = evaluate_series(np.arange(50.0), np.repeat([0, 1, 0], [20, 10, 20]), 100, window=5, sampling_rate=1)
    for name in ("precision", "recall", "f1", "false_alarm_rate", "false_alarms", "false_alarms_per_hour"):
        assert getattr(judged, name) == 0
    for name in ("range_precision", "range_recall", "affiliation_precision", "affiliation_recall", "events_found"):
        assert getattr(judged, name) == 0
    assert judged.median_delay is None
    assert judged.missed == [(20, 30)]
    assert judged.to_frame()["median_delay"].isna().all()
    assert "missed" in judged._repr_html_()
    assert "nan" not in judged._repr_html_().lower()


def test_everything_called_abnormal():
    judged = evaluate_series(np.arange(50.0), np.repeat([0, 1, 0], [20, 10, 20]), -1, window=5)
    assert (judged.recall, judged.precision, judged.false_alarm_rate) == (1, 0.2, 1)
    assert (judged.range_recall, judged.range_precision) == (1, 0.2)
    assert judged.affiliation_recall == 1
    assert 0.5 < judged.affiliation_precision < 0.7
    assert (judged.false_alarms, judged.median_delay, judged.missed) == (0, 0, [])


def test_constant_scores():
    judged = evaluate_series(np.ones(50), np.repeat([0, 1], [45, 5]), 1, window=5)
    assert (judged.auroc, judged.average_precision, judged.ucr_score) == (0.5, 0.1, 0)
    assert judged.vus_roc == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("where", [slice(0, 1), slice(0, 12), slice(49, 50), slice(38, 50), slice(1, 50)])
def test_events_at_the_edge(where):
    labels = np.zeros(50, dtype=int)
    labels[where] = 1
    judged = evaluate_series(labels.astype(float), labels, 0.5, window=20)
    assert judged.events[["start", "end"]].to_numpy().tolist() == [[where.start, where.stop]]
    for name in set(FIGURES) - {"false_alarm_rate", "vus_roc", "vus_pr"}:
        assert getattr(judged, name) == pytest.approx(1), name
    # Not 1 though every step is right: what the buffers add is not found.
    assert judged.vus_roc > 0.7
    assert judged.vus_pr > 0.7


def test_tables_hold_every_figure_once():
    judged = evaluate_series([0.0, 1.0, 2.0, 0.0], [0, 0, 1, 0], 1.5)
    (row,) = judged.to_frame().to_dict("records")
    assert set(FIGURES) | {"threshold", "n_events", "false_alarms", "events_found"} <= set(row)
    page = judged._repr_html_()
    assert all(page.count(f"<th>{name}</th>") == 1 for name in row)
    assert pd.isna(row["false_alarms_per_hour"])


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"scores": [0.0, np.nan, 1.0, 0.0]}, "scores must be finite .*each time step.* 3 finite"),
        ({"labels": [0, 0, 0, 0]}, "normal .* and abnormal time steps"),
        ({"labels": [1, 1, 1, 1]}, "normal .* and abnormal time steps"),
        ({"labels": [0, 1]}, "one for each of the 4"),
        ({"labels": None}, "labels must be whole numbers"),
        ({"threshold": np.nan}, "threshold must be a finite number, got nan"),
        ({"sampling_rate": 0}, "sampling_rate"),
        ({"window": 0}, "window must be an integer.*got 0"),
        ({"window": 2.5}, "window must be an integer.*got 2.5"),
        ({"intervals": 0.95, "block": 0}, "block must be an integer.*got 0"),
        ({"intervals": 0.95}, "at least 5 normal"),
    ],
)
def test_what_cannot_be_judged_is_refused(arguments, match):
    right = {"scores": [0.0, 1.0, 2.0, 0.0], "labels": [0, 0, 1, 0], "threshold": 1.5}
    with pytest.raises(ValueError, match=match):
        evaluate_series(**{**right, **arguments})


def test_what_would_take_minutes_is_refused_or_left_out():
    labels = (np.arange(200_000) % 20 < 2).astype(int)
    scores = (np.arange(200_000) % 3 == 0).astype(float)
    with pytest.raises(ValueError, match=r"window must be an integer.*200000.* from 1 to 500, got 501"):
        evaluate_series(scores, labels, 0.5, window=501)
    judged = evaluate_series(scores, labels, 0.5, window=None)
    assert judged.affiliation_precision is judged.affiliation_recall is judged.vus_roc is None
    assert judged.to_frame()["affiliation_recall"].isna().all()
    assert "–" in judged._repr_html_()


def test_one_long_event_called_in_many_pieces_is_quick_and_right():
    """Half for being found; the rest is shared among as many pieces as there are."""
    truth = np.repeat([False, True, False], [10, 90_000, 10])
    called = np.arange(90_020) % 3 == 0
    assert range_recall(truth, called) == pytest.approx(0.5 + 0.5 / 3 / 30_000)
    assert range_precision(truth, called) == pytest.approx(30_000 / called.sum(), rel=1e-3)


def test_random_scores_look_good_only_when_adjusted():
    labels = np.repeat([0, 1, 0], [800, 150, 50])
    scores = np.random.default_rng(0).uniform(size=1000)
    judged = evaluate_series(scores, labels, 0.98, window=None)
    assert misleading_point_adjusted_f1(scores, labels, 0.98) > 0.85
    assert judged.f1 < 0.1
    assert 0.3 < judged.auroc < 0.7


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
def test_anything_gives_an_evaluation_or_a_plain_error(first, second, third):
    right = {"scores": [0.0, 1.0, 2.0, 0.0], "labels": [0, 0, 1, 0], "threshold": 1.5, "window": None}
    for wrong in (
        {"scores": first, "labels": second, "threshold": third},
        {"labels": first, "threshold": second},
        {"sampling_rate": first, "block": second, "intervals": third},
        {"seed": first, "intervals": 0.9},
    ):
        try:
            evaluate_series(**{**right, **wrong})
        except (TypeError, ValueError) as error:
            assert str(error).split()[0] in {"scores", "labels", "threshold", *right, *wrong}  # noqa: PT017


def test_pytorch_keeps_its_number_of_threads():
    # In a process of its own: it is numba's first use that would change the number, to that of the cores.
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
