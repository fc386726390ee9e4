"""`AnomalyDetector` and data that is little, broken or of the wrong kind; settings and weights that change."""

import numpy as np
import pytest
import torch

from data import DataSet, Series
from trainers import BatchedTrainer, LSTMAutoencoder
from trainers.detection import AnomalyDetector
from trainers.detection.hold_out import hold_out
from trainers.detection.windows import cut_windows, interpolated

from .detectors import small, wave


@pytest.mark.parametrize(
    ("normal", "options", "remedy"),
    [
        (np.ones(400), {}, "window=…"),
        (np.random.default_rng(0).normal(size=10), {}, "too short to find its period"),
        ([1.0], {}, "need three at least"),
        (np.full(100, np.nan), {}, "no value at all"),
        (wave(200), {"window": 60}, "must fit into training, validation and calibration"),
        (wave(600), {"window": 25, "stride": 30}, "at most the window"),
        (wave(300), {"window": 25, "rate": 0.001}, "too few for a rate"),
        (wave(300), {"window": 25, "rate": 0.9, "rule": "peaks over threshold"}, "rate must be at most"),
        (wave(300), {"window": 25, "smooth": 26}, "smooth"),
        (
            Series(np.where((np.arange(600) < 480) | (np.arange(600) % 4 == 0), wave(600).values[:, 0], np.nan)),
            {"window": 25},
            "misses more than 50%",
        ),
        (
            DataSet(np.zeros((9, 4, 2)) + np.arange(9)[:, None, None], mask=np.ones((9, 4, 2)) * [1, 0] > 0),
            {"rate": 0.5},
            "feature 1 has no value",
        ),
        (Series(wave(600).values, labels=np.arange(600) > 500), {}, "call 99 of 600 time steps abnormal"),
        (DataSet(np.zeros((9, 20)), labels=[0] * 8 + [1]), {}, "Leave them out"),
        (np.zeros((9, 20)), {}, "sequences that differ"),
        (Series(wave(600, features=2).values), {"window": 25}, "n_features"),
        ("text", {}, "normal must be"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_refused_before_the_training(normal, options, remedy):
    trainer = small()
    with pytest.raises((TypeError, ValueError), match=remedy):
        AnomalyDetector(trainer, **options).fit(normal)
    assert not len(trainer.history)


def test_windows_that_miss_too_much_are_refused():
    series = wave(600)
    series.values[np.arange(600) % 4 > 0] = np.nan
    with pytest.raises(ValueError, match="max_missing"):
        AnomalyDetector(small(), window=25).fit(series)


@pytest.mark.parametrize(
    ("x", "remedy"),
    [
        (np.zeros(100), "fitted to a Series with 2 features"),
        (np.zeros((100, 2)), "DataSet"),
        (Series(np.zeros((20, 2))), "less than a window of 25"),
        (Series(np.zeros((1, 2))), "less than a window of 25"),
    ],
)
def test_what_cannot_be_scored_is_refused(fitted, x, remedy):
    for judge in (fitted.score, fitted.detect, fitted.explain):
        with pytest.raises(ValueError, match=remedy):
            judge(x)


def test_a_detector_that_is_not_fitted_says_so():
    for judge in ("score", "detect", "explain"):
        with pytest.raises(RuntimeError, match="Call fit"):
            getattr(AnomalyDetector(), judge)(np.zeros(100))
    with pytest.raises(RuntimeError, match="Call fit"):
        _ = AnomalyDetector().threshold
    with pytest.raises(TypeError, match="takes a Trainer"):
        AnomalyDetector(LSTMAutoencoder())
    with pytest.raises(ValueError, match="together"):
        AnomalyDetector().fit(np.zeros((9, 9)), np.zeros((9, 9)))


def test_centre_belongs_to_the_fit(fitted):
    series = wave(100, features=2, seed=8)
    before = fitted.score(series)
    fitted.centre = True
    np.testing.assert_array_equal(fitted.score(series), before)


def test_a_level_shift_is_hidden_by_centre_and_seen_without():
    series, shifted = wave(600), wave(200, seed=7)
    shifted.values[:] += 3
    scores = {}
    for centre in (True, False):
        detector = AnomalyDetector(small(), window=25, epochs=2, centre=centre).fit(series, progress=False)
        scores[centre] = detector.score(shifted).mean() / detector.score(series).mean()
    assert scores[True] < 1.5 < scores[False]


def test_weights_that_change_move_the_threshold(fitted):
    before = fitted.threshold
    with torch.no_grad():
        next(fitted.trainer.model.parameters()).mul_(0.5)
    assert fitted.threshold != before


def test_a_trainer_is_fitted_once():
    trainer = small()
    detector = AnomalyDetector(trainer, window=25, epochs=1).fit(wave(), progress=False)
    with pytest.raises(ValueError, match="Build a new trainer"):
        AnomalyDetector(trainer, window=25, epochs=1).fit(wave(), progress=False)
    assert np.isfinite(detector.threshold), "the first is as it was"


def test_a_training_that_fails_leaves_no_half_fitted_detector():
    def stop(row, state):
        raise ArithmeticError

    detector = AnomalyDetector(window=25, epochs=1, rate=0.05).fit(wave(), progress=False)
    with pytest.raises(ArithmeticError):
        detector.fit(wave(seed=1), callbacks=[stop], progress=False)
    with pytest.raises(RuntimeError, match="Call fit"):
        _ = detector.threshold

    class Interrupted(BatchedTrainer):
        def doEpoch(self, model):
            raise KeyboardInterrupt

    detector = AnomalyDetector(Interrupted(LSTMAutoencoder(hidden_size=4)), window=25, epochs=1)
    with pytest.raises(RuntimeError, match="before its first epoch"):
        detector.fit(wave(), progress=False)
    with pytest.raises(RuntimeError, match="Call fit"):
        detector.score(wave())


def test_the_network_reads_the_same_beside_a_gap_in_training_and_in_scoring():
    series = wave(600)
    series.values[100:108] = np.nan
    detector = AnomalyDetector(small(), window=25, stride=1, epochs=1, centre=False).fit(series, progress=False)
    filled = interpolated(series.values[:360])
    np.testing.assert_array_equal(
        detector.trainer.train_inputs.numpy(), cut_windows(detector._scaling.scale(filled), np.arange(336), 25)
    )


@pytest.mark.parametrize("kind", ["mae", "mse", "max", "gaussian"])
def test_huge_values_give_finite_scores_or_a_plain_error(fitted, kind):
    series = wave(100, features=2)
    series.values[50] = 1e12
    fitted.error = kind
    assert np.isfinite(fitted.score(series)).all()
    series.values[50] = 1e25
    with pytest.raises(ValueError, match="spreads of the training data"):
        fitted.score(series)


@pytest.mark.parametrize("n", [3, 4, 5, 7])
def test_three_parts_of_very_few(n):
    for data in (DataSet(np.random.default_rng(0).normal(size=(n, 4))), Series(np.arange(float(n)))):
        assert sum(map(len, hold_out(data, 0))) == n


def test_little_data_is_learnt_from_in_smaller_batches():
    rows = np.random.default_rng(0).normal(size=(40, 12))
    assert AnomalyDetector(epochs=1, rate=0.2).fit(rows, progress=False).trainer.batch_size == 24


def test_a_model_that_broke_gives_no_scores(fitted):
    series = wave(features=2)
    detector = AnomalyDetector(small(2), window=25, epochs=1).fit(series, progress=False)
    with torch.no_grad():
        next(detector.trainer.model.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match="NaN or infinite"):
        detector.score(series)
