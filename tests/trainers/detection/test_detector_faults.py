"""`AnomalyDetector` with small, invalid or wrong data, and with changed settings and weights."""

import contextlib

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import TensorDataset

from data import DataSet, Series
from data.windows import cut_windows, interpolated
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection import AnomalyDetector
from trainers.detection.preprocessing import hold_out

from .detectors import small, wave


@pytest.mark.parametrize(
    ("normal", "options", "remedy"),
    [
        (np.ones(400), {}, "window=…"),
        (np.random.default_rng(0).normal(size=10), {}, "at least 20 steps in each split.*got no period up to 2 steps"),
        ([1.0], {}, "at least three time steps, got 1"),
        (np.full(100, np.nan), {}, "must have a value, got only NaN"),
        (wave(600), {"window": 25, "stride": 30}, "stride must be .*from 1 to 25 .*, got 30"),
        (wave(300), {"window": 25, "rate": 0.9, "rule": "peaks over threshold"}, "rate must be at most"),
        (wave(300), {"window": 25, "smooth": 26}, "smooth .*from 1 to 25 .*, got 26"),
        (
            Series(np.where((np.arange(600) < 480) | (np.arange(600) % 4 == 0), wave(600).values[:, 0], np.nan)),
            {"window": 25},
            "at most 50% missing values, got 0",
        ),
        (
            DataSet(np.zeros((9, 4, 2)) + np.arange(9)[:, None, None], mask=np.ones((9, 4, 2)) * [1, 0] > 0),
            {"rate": 0.5},
            "feature 1 must have a value in the training data",
        ),
        (np.zeros((9, 20)), {}, "three different sequences, got 1"),
        (Series(wave(600, features=2).values), {"window": 25}, "n_features"),
        ("text", {}, "normal must be"),
    ],
)
def test_invalid_data_or_options_raise_before_training(normal, options, remedy):
    trainer = small()
    with pytest.raises((TypeError, ValueError), match=remedy):
        AnomalyDetector(trainer, **options).fit(normal)
    assert not len(trainer.history)


def test_too_many_missing_values_raise():
    series = wave(600)
    series.values[np.arange(600) % 4 > 0] = np.nan
    with pytest.raises(ValueError, match="max_missing"):
        AnomalyDetector(small(), window=25).fit(series)


@pytest.mark.parametrize(
    ("x", "remedy"),
    [
        (np.zeros(100), "x must be a Series with n_features=2, .*got a Series with n_features=1"),
        (np.zeros((100, 2)), "DataSet"),
        (Series(np.zeros((20, 2))), r"at least 25 steps \(a window\), got 20"),
        (Series(np.zeros((1, 2))), r"at least 25 steps \(a window\), got 1"),
    ],
)
def test_invalid_data_to_score_raises(fitted, x, remedy):
    for method in (fitted.score, fitted.detect, fitted.explain):
        with pytest.raises(ValueError, match=remedy):
            method(x)


def test_detector_that_is_not_fitted_raises():
    for method in ("score", "detect", "explain"):
        with pytest.raises(RuntimeError, match="Call fit"):
            getattr(AnomalyDetector(), method)(np.zeros(100))
    with pytest.raises(RuntimeError, match="Call fit"):
        _ = AnomalyDetector().threshold
    with pytest.raises(TypeError, match=r"trainer must be a Trainer.*got"):
        AnomalyDetector(LSTMAutoencoder())
    with pytest.raises(ValueError, match="together"):
        AnomalyDetector().fit(np.zeros((9, 9)), validation=np.zeros((9, 9)))


def test_changed_centre_has_no_effect_after_fit(fitted):
    series = wave(100, features=2, seed=8)
    before = fitted.score(series)
    fitted.centre = True
    np.testing.assert_array_equal(fitted.score(series), before)


@pytest.mark.parametrize(
    ("error", "centre", "detected"), [("mae", True, False), ("mae", False, True), ("neighbours", True, True)]
)
def test_level_shift_is_detected_without_centre_or_by_neighbours(error, centre, detected):
    series, shifted = wave(600), wave(200, seed=7)
    shifted.values[:] += 3
    detector = AnomalyDetector(small(), window=25, epochs=2, centre=centre, error=error).fit(series, progress=False)
    assert (detector.score(shifted).mean() > 1.5 * detector.score(series).mean()) == detected


def test_changed_weights_change_threshold(fitted):
    before = fitted.threshold
    with torch.no_grad():
        next(fitted.trainer.model.parameters()).mul_(0.5)
    assert fitted.threshold != before


def test_trained_trainer_raises():
    trainer = small()
    detector = AnomalyDetector(trainer, window=25, epochs=1).fit(wave(), progress=False)
    with pytest.raises(ValueError, match="Build a new trainer"):
        AnomalyDetector(trainer, window=25, epochs=1).fit(wave(), progress=False)
    assert np.isfinite(detector.threshold), "the first detector is unchanged"


def test_failed_training_keeps_the_fitted_detector():
    def stop(row, state):
        raise ArithmeticError

    detector = AnomalyDetector(window=25, epochs=1, rate=0.05).fit(wave(), progress=False)
    before, scores = detector.threshold, detector.score(wave(seed=1))
    with pytest.raises(ArithmeticError):
        detector.fit(wave(seed=1), callbacks=[stop], progress=False)
    assert detector.threshold == before
    np.testing.assert_array_equal(detector.score(wave(seed=1)), scores)

    class Interrupted(BatchedTrainer):
        def doEpoch(self, model):
            raise KeyboardInterrupt

    detector = AnomalyDetector(Interrupted(LSTMAutoencoder(hidden_size=4)), window=25, epochs=1)
    with pytest.raises(RuntimeError, match="before its first epoch"):
        detector.fit(wave(), progress=False)
    with pytest.raises(RuntimeError, match="Call fit"):
        detector.score(wave())


def test_gaps_are_interpolated_equally_in_training_and_scoring():
    series = wave(600)
    series.values[100:108] = np.nan
    detector = AnomalyDetector(small(), window=25, stride=1, epochs=1, centre=False).fit(series, progress=False)
    filled = interpolated(series.values[:360])
    np.testing.assert_array_equal(
        detector.trainer.train_inputs.numpy(), cut_windows(detector._scaling.scale(filled), np.arange(336), 25)
    )


@pytest.mark.parametrize("kind", ["mae", "mse", "max", "gaussian"])
def test_huge_values_give_finite_scores_or_raise(fitted, kind):
    series = wave(100, features=2)
    series.values[50] = 1e12
    fitted.error = kind
    assert np.isfinite(fitted.score(series)).all()
    series.values[50] = 1e25
    with pytest.raises(ValueError, match=r"scaled values must be at most 1e\+15 in absolute value"):
        fitted.score(series)


@pytest.mark.parametrize("n", [3, 4, 5, 7])
def test_hold_out_splits_very_small_data(n):
    for data in (DataSet(np.random.default_rng(0).normal(size=(n, 4))), Series(np.arange(float(n)))):
        assert sum(map(len, hold_out(data, 0))) == n


def test_small_data_gets_smaller_batches():
    rows = np.random.default_rng(0).normal(size=(40, 12))
    assert AnomalyDetector(epochs=1, rate=0.2).fit(rows, progress=False).trainer.batch_size == 24


def test_nan_weights_raise(fitted):
    series = wave(features=2)
    detector = AnomalyDetector(small(2), window=25, epochs=1).fit(series, progress=False)
    with torch.no_grad():
        next(detector.trainer.model.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match="NaN or infinite"):
        detector.score(series)


# ------------------------------------------------------------------ data to score matches the training data


def pump(names=("load", "temp"), rate=10.0, order=(0, 1), steps=600, seed=0):
    values = wave(steps, features=2, seed=seed).values[:, list(order)]
    return Series(values, feature_names=names, sampling_rate=rate)


@pytest.fixture(scope="module")
def on_pump():
    return AnomalyDetector(small(2), window=25, epochs=1).fit(pump(), progress=False)


@pytest.fixture(scope="module")
def on_rows():
    rows = DataSet(np.random.default_rng(0).normal(size=(40, 20)), sampling_rate=10)
    return AnomalyDetector(small(), epochs=1, rate=0.2).fit(rows, progress=False)


def test_features_are_reordered_by_name(on_pump):
    x, swapped = pump(seed=1), pump(("temp", "load"), order=(1, 0), seed=1)
    np.testing.assert_array_equal(on_pump.score(swapped), on_pump.score(x))
    table = pd.DataFrame(swapped.values, columns=swapped.feature_names)
    np.testing.assert_array_equal(on_pump.score(Series(table)), on_pump.score(x))
    assert on_pump.detect(swapped).events == on_pump.detect(x).events
    explanation = on_pump.explain(swapped)
    assert explanation.by_feature().equals(on_pump.explain(x).by_feature())
    assert swapped.feature_names == ("temp", "load"), "the given series is unchanged"


@pytest.mark.parametrize("names", [("flow", "rpm"), ("load", "flow"), ("Load", "Temp")])
def test_other_feature_names_raise(on_pump, names):
    for method in (on_pump.score, on_pump.detect, on_pump.explain):
        with pytest.raises(ValueError, match=rf"\['load', 'temp'\].*got \['{names[0]}'"):
            method(pump(names))


def test_features_without_names_are_matched_by_position(on_pump):
    unnamed = Series(pump(seed=1).values)
    with pytest.warns(UserWarning, match="matched by position"):
        np.testing.assert_array_equal(on_pump.score(unnamed), on_pump.score(pump(seed=1)))
    one = AnomalyDetector(small(), window=25, epochs=1).fit(wave(), progress=False)
    np.testing.assert_array_equal(one.score(Series(wave().values, feature_names=["load"])), one.score(wave()))


@pytest.mark.parametrize(("rate", "warned"), [(10.0, False), (10.2, False), (None, False), (20.0, True), (9.0, True)])
def test_other_sampling_rate_warns(on_pump, on_rows, rate, warned):
    rows = DataSet(np.random.default_rng(1).normal(size=(5, 20)), sampling_rate=rate)
    for detector, x in ((on_pump, pump(rate=rate)), (on_rows, rows)):
        with pytest.warns(UserWarning, match=r"10 Hz, .*got") if warned else contextlib.nullcontext():
            assert len(detector.score(x)) == len(x)


def test_other_sequence_length_warns(on_rows):
    rng = np.random.default_rng(1)
    for length in (10, 21, 40):
        with pytest.warns(UserWarning, match=f"sequences of 20 steps, .*got {length}"):
            assert len(on_rows.score(rng.normal(size=(5, length)))) == 5
    assert len(on_rows.score(DataSet.padded([rng.normal(size=n) for n in (12, 17, 20)]))) == 3


def test_validation_and_calibration_must_match_training_part():
    def fit(normal, validation, calibration):
        detector = AnomalyDetector(small(2), window=25, epochs=1)
        return detector.fit(normal, validation=validation, calibration=calibration, progress=False)

    swapped = pump(("temp", "load"), order=(1, 0), steps=200, seed=2)
    plain, given = pump(steps=200, seed=2), pump(steps=200, seed=3)
    assert fit(pump(), swapped, given).threshold == fit(pump(), plain, given).threshold
    with pytest.raises(ValueError, match="calibration must have the features"):
        fit(pump(), plain, pump(("flow", "rpm")))
    with pytest.warns(UserWarning, match="validation must have a sampling rate of 10 Hz"):
        fit(pump(), pump(rate=50.0, steps=200), given)


# ------------------------------------------------------------------ arrays, tables and torch data sets


@pytest.mark.parametrize("table", [False, True])
def test_array_of_time_and_feature_raises_with_both_calls(table):
    x = wave(900, features=3).values
    x = pd.DataFrame(x, columns=["a", "b", "c"], index=pd.date_range("2026", periods=900, freq="s")) if table else x
    trainer = small()
    for call in (
        AnomalyDetector(trainer).fit,
        AnomalyDetector().choose_window,
        lambda x: benchmark(trainer, x[:600], x[600:]),
    ):
        with pytest.raises(ValueError, match=r"Series\(x\).*DataSet\(x\)"):
            call(x)
    assert not len(trainer.history)
    assert AnomalyDetector().choose_window(Series(x)) == 25


def test_choose_window_accepts_series_and_one_dimensional_arrays():
    x = wave(900).values[:, 0]
    for one in (x, pd.Series(x), pd.Series(x, pd.date_range("2026", periods=900, freq="s")), x.tolist()):
        assert AnomalyDetector().choose_window(one) == 25
    with pytest.raises(TypeError, match=r"got a DataSet.*Series\(x\)"):
        AnomalyDetector().choose_window(np.random.default_rng(0).normal(size=(40, 20)))


def test_torch_data_sets_are_fitted_and_scored():
    x = torch.randn(40, 12, generator=torch.Generator().manual_seed(0))
    scores = []
    for given in (x, TensorDataset(x), TensorDataset(x, torch.zeros(40))):
        scores.append(AnomalyDetector(small(), epochs=1, rate=0.2).fit(given, progress=False).score(given))
    np.testing.assert_array_equal(scores[1], scores[0])
    np.testing.assert_array_equal(scores[2], scores[0])
    with pytest.raises(ValueError, match="normal must not contain anomalies, got 40 of 40 sequences"):
        AnomalyDetector(small(), epochs=1).fit(TensorDataset(x, torch.ones(40)))
