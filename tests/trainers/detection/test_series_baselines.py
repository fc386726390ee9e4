"""Baselines on a long series."""

import numpy as np
import pytest

from data import Series, load_ecg_diff_count
from trainers.detection import SERIES_BASELINES, series_baseline_scores


@pytest.fixture(scope="module")
def recording():
    training, test = load_ecg_diff_count()
    return training[:2000], test[1000:3000]  # one event, [560, 660)


@pytest.mark.parametrize("name", SERIES_BASELINES)
def test_baseline_scores_every_step_and_detects_event(recording, name):
    training, test = recording
    scores = series_baseline_scores(name, training, test, window=20)
    assert scores.shape == (2000,)
    assert np.isfinite(scores).all()
    again = series_baseline_scores(name, training, test, window=20)
    np.testing.assert_array_equal(scores, again)
    ((start, end),) = test.events
    if name not in ("moving-window variance", "untrained autoencoder", "random score"):
        assert start - 20 <= scores.argmax() < end + 20


@pytest.mark.parametrize("name", SERIES_BASELINES)
def test_several_features_gaps_and_constants_give_finite_scores(recording, name):
    training, test = (
        Series(np.concatenate([part.values, part.values * 0 + 2, np.roll(part.values, 5, 0)], axis=1))
        for part in recording
    )
    test.values[100:140, 0] = np.nan
    assert np.isfinite(series_baseline_scores(name, training, test, window=20)).all()


def test_one_nearest_neighbour_equals_plain_loop(recording):
    training, test = recording[0].values[:300, 0], recording[1].values[500:700, 0]
    result = series_baseline_scores("1-NN", training, test, window=30, stride=7)
    std = training.astype(float).std()
    normal = [(training[s : s + 30] - training[s : s + 30].mean()) / std for s in [*range(0, 271, 7), 270]]
    expected = [[] for _ in test]
    for s in [*range(0, 171, 7), 170]:
        window = (test[s : s + 30] - test[s : s + 30].mean()) / std
        score = min(np.linalg.norm(window - other) for other in normal)
        for step in range(s, s + 30):
            expected[step].append(score)
    np.testing.assert_allclose(result, [np.mean(scores) for scores in expected], rtol=1e-4)


def test_matrix_profile_equals_plain_loop(recording):
    training, test = recording[0].values[:200, 0].astype(float), recording[1].values[520:640, 0].astype(float)
    test[50:80] = test[50]
    result = series_baseline_scores("matrix profile", training, test, window=20)

    def normalised(values):
        return (values - values.mean()) / values.std() if np.ptp(values) else values * 0

    normal = [normalised(training[s : s + 20]) for s in range(181)]
    profile = [min(np.linalg.norm(normalised(test[s : s + 20]) - other) for other in normal) for s in range(101)]
    expected = [np.mean(profile[max(0, t - 19) : t + 1]) for t in range(120)]
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"name": "2-NN"}, "name must be one of '1-NN'.*got '2-NN'"),
        ({"window": 2}, "window must be .*from 3 to 100 .*, got 2"),
        ({"window": 500}, "window must be .*fit into both series.*got 500"),
        ({"stride": 40}, "stride must be .*from 1 to 20 .*, got 40"),
        (
            {"test": Series(np.zeros((100, 2)))},
            "test must be a Series with n_features=1,.*got a Series with n_features=2",
        ),
    ],
)
def test_invalid_arguments_raise(options, remedy):
    given = {"name": "1-NN", "training": np.arange(100.0), "test": np.arange(100.0), "window": 20, **options}
    with pytest.raises(ValueError, match=remedy):
        series_baseline_scores(**given)


def test_features_are_matched_by_name():
    values = np.random.default_rng(0).normal(size=(400, 2)) * [1, 9]
    training, test = (Series(part, feature_names=["load", "temp"]) for part in (values[:200], values[200:]))
    swapped = Series(test.values[:, ::-1], feature_names=["temp", "load"])
    scores = [series_baseline_scores("1-NN", training, one, window=10) for one in (test, swapped)]
    np.testing.assert_array_equal(scores[1], scores[0])
    with pytest.raises(ValueError, match="test must have the features"):
        series_baseline_scores("1-NN", training, Series(test.values, feature_names=["flow", "rpm"]), window=10)
