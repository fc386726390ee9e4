"""Synthetic recordings: labels, parameters, and difficulty."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import ANOMALY_KINDS, Anomaly, synthetic_series
from data.series import runs

anomaly = st.builds(
    lambda kind, count, strength, length: Anomaly(kind, count=count, strength=strength, length=length),
    st.sampled_from(ANOMALY_KINDS),
    st.integers(1, 2),
    st.floats(0.1, 1),
    st.none() | st.integers(1, 90),
)
parameters = st.fixed_dictionaries(
    {
        "shape": st.sampled_from(["heartbeat", "sine"]),
        "period": st.floats(8, 60),
        "jitter": st.floats(0, 0.2),
        "noise": st.floats(0.001, 0.3),
        "n_features": st.integers(1, 4),
        "seed": st.integers(0, 10**6),
    }
)


@settings(max_examples=60)
@given(st.lists(anomaly, max_size=4), parameters)
def test_step_is_labelled_if_and_only_if_it_was_changed(anomalies, parameters):
    test = synthetic_series(anomalies, n_training=50, n_test=4000, **parameters).test
    normal = synthetic_series([], n_training=50, n_test=4000, **parameters).test
    np.testing.assert_array_equal(test.abnormal, (test.values != normal.values).any(1))
    assert normal.events == []


@settings(max_examples=60)
@given(st.lists(anomaly, min_size=1, max_size=4), parameters)
def test_each_anomaly_is_one_event_of_its_kind_and_length(anomalies, parameters):
    period = parameters["period"]
    test = synthetic_series(anomalies, n_training=50, n_test=4000, **parameters).test
    lengths = dict(zip(ANOMALY_KINDS, (0, 1, 2, 0.5, 0.5, 1, 0.15), strict=True))
    expected = sorted(
        (ANOMALY_KINDS.index(a.kind) + 1, a.length or max(1, round(lengths[a.kind] * period)))
        for a in anomalies
        for _ in range(a.count)
    )
    # a new value may equal the old one by chance, which gives a hole of one step in the event
    filled = test.labels.copy()
    holes = (filled[1:-1] == 0) & (filled[:-2] == filled[2:]) & (filled[2:] > 0)
    filled[1:-1][holes] = filled[:-2][holes]
    events = runs(filled > 0)
    assert sorted((int(filled[start]), end - start) for start, end in events) == expected
    gaps = np.diff(np.array([(0, 0), *events, (4000, 4000)]).reshape(-1))[1::2]
    assert gaps.min() >= period
    assert holes.sum() <= 2


@given(parameters)
@settings(max_examples=20)
def test_seed_determines_values_and_labels(parameters):
    one, same = (synthetic_series(n_training=300, n_test=2000, **parameters) for _ in range(2))
    for a, b in zip(one, same, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
        np.testing.assert_array_equal(a.labels, b.labels)
    other = synthetic_series(n_training=300, n_test=2000, **parameters | {"seed": parameters["seed"] + 1})
    assert not np.array_equal(one.training.values, other.training.values)
    assert one.training.values.shape == (300, parameters["n_features"])
    assert one.training.events == []


@settings(max_examples=30)
@given(st.sampled_from(ANOMALY_KINDS), st.floats(0.05, 0.45), st.integers(0, 1000))
def test_deviation_grows_with_strength(kind, strength, seed):
    def distance(strength):
        recordings = [
            synthetic_series(a, n_training=10, n_test=1500, period=50, noise=0.001, seed=seed).test
            for a in ([Anomaly(kind, strength=strength)], [])
        ]
        return np.abs(recordings[0].values - recordings[1].values).max()

    if kind in ("spike", "level shift", "flat line", "noise burst", "missing beat"):
        assert distance(2 * strength) == pytest.approx(2 * distance(strength), rel=1e-3)
    else:
        assert distance(strength) > 0.01


def beats_per_step(values):
    high = values[:, 0] > 0.5
    return np.diff(high.astype(int)).tolist().count(1) / len(values)


def test_frequency_change_doubles_beats_with_strength_2():
    double = Anomaly("frequency change", length=1000, strength=2)
    test = synthetic_series([double], n_test=4000).test
    ((start, end),) = test.events
    assert beats_per_step(test.values[start:end]) == pytest.approx(2 / 100, rel=0.1)
    assert beats_per_step(test.values[:start]) == pytest.approx(1 / 100, rel=0.2)
    # no jump at its ends
    steps = np.abs(np.diff(test.values[:, 0]))
    assert max(steps[start - 1], steps[end - 1]) < steps[:start].max()


def test_kinds_change_values_as_documented():
    events = {}
    test = synthetic_series(seed=3).test
    normal = synthetic_series([], seed=3).test
    for start, end in test.events:
        part = slice(start, end)
        events[ANOMALY_KINDS[test.labels[start] - 1]] = (test.values[part, 0], normal.values[part, 0], start)
    assert set(events) == set(ANOMALY_KINDS)
    flat, _, start = events["flat line"]
    assert (flat == test.values[start - 1, 0]).all()
    shifted, before, _ = events["level shift"]
    np.testing.assert_allclose(np.abs(shifted - before), 1 / 3, rtol=1e-4)
    missing, before, _ = events["missing beat"]
    assert before.max() > 0.8
    assert np.abs(missing).max() < 0.3
    premature, before, _ = events["contextual"]
    assert premature.max() > 0.8
    assert before.max() < 0.5
    burst, before, _ = events["noise burst"]
    assert 0.07 < (burst - before).std() < 0.13


def test_range_of_values_does_not_detect_every_kind():
    """Most kinds stay within the range of normal values, because they change the shape and not the height."""
    within = np.zeros(len(ANOMALY_KINDS))
    for seed in range(10):
        training, test = synthetic_series(seed=seed)
        inside = (test.values >= training.values.min()) & (test.values <= training.values.max())
        within += [inside[test.labels == kind].all() for kind in range(1, len(ANOMALY_KINDS) + 1)]
    undetected = {kind for kind, count in zip(ANOMALY_KINDS, within, strict=True) if count >= 8}
    assert {"flat line", "missing beat", "contextual", "frequency change"} <= undetected


def test_anomalies_change_one_or_all_features():
    test = synthetic_series(n_features=3, seed=5).test
    normal = synthetic_series([], n_features=3, seed=5).test
    for start, end in test.events:
        changed = (test.values[start:end] != normal.values[start:end]).any(0).sum()
        assert changed == (3 if ANOMALY_KINDS[test.labels[start] - 1] in ("frequency change", "missing beat") else 1)
    correlations = np.corrcoef(normal.values.T)
    assert np.abs(correlations[0, 1:]).min() > 0.3, "all features have the same beats"


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: synthetic_series("spike"), TypeError, "anomalies must be a list of kinds"),
        (lambda: synthetic_series(Anomaly("spike")), TypeError, "anomalies must be a list of kinds"),
        (lambda: synthetic_series(["peak"]), ValueError, "kind must be one of"),
        (lambda: synthetic_series([3]), ValueError, "kind must be one of"),
        (lambda: synthetic_series([Anomaly("spike", count=20)], n_test=1000), ValueError, "at least 4220"),
        (lambda: synthetic_series(n_training=1), ValueError, "n_training must be an integer of at least 2, got 1"),
        (lambda: synthetic_series(n_features=0), ValueError, "n_features must be an integer of at least 1, got 0"),
        (lambda: synthetic_series(seed=-1), ValueError, "seed must be an integer of at least 0, got -1"),
        (lambda: synthetic_series(shape="square"), ValueError, r"shape must be .*got 'square'"),
        (lambda: synthetic_series(period=3), ValueError, r"period must be a number from 8 .*got 3"),
        (lambda: synthetic_series(jitter=0.5), ValueError, r"jitter must be a number from 0 to 0.2, got 0.5"),
        (lambda: synthetic_series(noise=0), ValueError, r"noise must be a number from 0.001"),
        (lambda: synthetic_series(noise=float("nan")), ValueError, r"noise must be .*got nan"),
        (lambda: Anomaly("spike", count=0), ValueError, r"count of 'spike' must be .*got 0"),
        (lambda: Anomaly("spike", length=1.5), ValueError, r"length of 'spike' must be .*got 1.5"),
        (lambda: Anomaly("spike", strength=0), ValueError, r"strength of 'spike' must be .*got 0"),
        (lambda: Anomaly("flat line", strength=1.5), ValueError, r"from 0.01 to 1, got 1.5"),
    ],
)
def test_invalid_arguments_raise(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_number_of_steps_in_error_is_enough():
    anomalies = [Anomaly("spike", count=20), "frequency change", "contextual"]
    with pytest.raises(ValueError, match="n_test must be at least 4835"):
        synthetic_series(anomalies, n_test=4834)
    assert len(synthetic_series(anomalies, n_test=4835).test.events) == 22
