"""`AnomalyDetector`: training, scores, decisions and explanations."""

import numpy as np
import pytest

from data import DataSet, Series, load_ecg5000, load_ecg_diff_count, split
from data.windows import window_starts
from trainers import BatchedTrainer, LSTMAutoencoder, reconstruct
from trainers.detection import (
    AnomalyDetector,
    ErrorGaussian,
    evaluate,
    false_alarm_threshold,
    quantile_threshold,
    tracked_thresholds,
)
from trainers.detection import windowing as module

from .detectors import small, wave

COMBINE = {"mean": np.mean, "max": np.max, "median": np.median}


def by_hand(detector, series, point):
    """Return the scores of a series, computed window by window."""
    normal = wave(features=2).values[: round(0.6 * 600)].astype(np.float64)
    scaled = ((series.values - normal.mean(0)) / normal.std(0)).astype(np.float32)
    scores = [[] for _ in range(len(series))]
    for start in window_starts(len(series), 25, detector.stride):
        window = scaled[start : start + 25]
        error = (reconstruct(detector.trainer.model, window[None])[0].numpy() - window).astype(np.float64)
        error = np.square(error) if detector.error == "mse" else np.abs(error)
        total = error.max() if detector.error == "max" else error.mean()
        for step in range(25):
            own = error[step].max() if detector.error == "max" else error[step].mean()
            scores[start + step].append(own if point else total)
    return np.array([COMBINE[detector.combine](values) for values in scores])


@pytest.mark.parametrize("combine", COMBINE)
@pytest.mark.parametrize("step_score", ["window", "point"])
@pytest.mark.parametrize("error", ["mae", "mse", "max"])
def test_series_scores_equal_plain_loop(fitted, combine, step_score, error, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)
    fitted.combine, fitted.step_score, fitted.error = combine, step_score, error
    series = wave(203, features=2, seed=1)
    np.testing.assert_allclose(fitted.score(series), by_hand(fitted, series, step_score == "point"), rtol=1e-4)


@pytest.mark.parametrize("stride", [1, 4, 25])
@pytest.mark.parametrize("combine", COMBINE)
def test_chunk_size_does_not_change_scores(fitted, stride, combine, monkeypatch):
    fitted.stride, fitted.combine, fitted.step_score, fitted.error = stride, combine, "point", "mae"
    series = wave(1003, features=2, seed=2)
    series.values[300:330, 0] = np.nan
    expected = fitted.score(series)
    monkeypatch.setattr(module, "CHUNK", 9)
    np.testing.assert_allclose(fitted.score(series), expected, rtol=1e-5, atol=1e-7)
    fitted.stride = 4


def test_half_windows_at_ends_have_score_of_next_step(fitted):
    series = wave(203, features=2, seed=2)

    def scores(changed=slice(0)):
        values = series.values.copy()
        values[changed] += 4
        return fitted.score(Series(values))

    usual = scores()
    assert len({*usual[:13]}) == len({*usual[-13:]}) == 1 < len({*usual[12:-12]})
    # an anomaly of half a window is found at the end, too; one of two steps raises the scores less than elsewhere
    assert (scores(slice(-12, None))[-12:] > 2 * usual.max()).all()
    assert usual.max() < scores(slice(-2, None)).max() < scores(slice(100, 102)).max()
    fitted.error = "mae"
    assert len({*fitted.score(series)[-13:]}) > 1


def test_scaling_is_fitted_on_training_part_only(fitted):
    series = wave(features=2)
    training = series.values[:360].astype(np.float64)
    np.testing.assert_allclose(fitted._scaling.center, training.mean(0))
    np.testing.assert_allclose(fitted._scaling.divisor, training.std(0))
    inputs = fitted.trainer.train_inputs.numpy()
    np.testing.assert_allclose(inputs[0], (training[:25] - training.mean(0)) / training.std(0), rtol=1e-5, atol=1e-6)


def test_training_validation_and_calibration_share_no_step():
    series = Series(np.arange(900.0) % 25 + np.arange(900.0) * 1e-3)
    detector = AnomalyDetector(small(), window=30, scaling="none", centre=False, epochs=1, stride=1).fit(
        series, progress=False
    )
    parts = [detector.trainer.train_inputs, detector.trainer.validation_inputs]
    values = [set(part.numpy().reshape(-1).tolist()) for part in parts]
    values.append(set(detector._parts[2].values.reshape(-1).tolist()))
    assert [len(v) for v in values] == [540, 180, 180]
    assert not values[0] & values[1]
    assert not values[0] & values[2]
    assert not values[1] & values[2]


def test_equal_sequences_go_to_one_part_and_none_is_lost():
    rows = np.random.default_rng(0).normal(size=(40, 20)).repeat(2, 0)
    detector = AnomalyDetector(small(), scaling="none", epochs=1, rate=0.1).fit(rows, progress=False)
    parts = [detector.trainer.train_set, *detector._parts[1:]]
    different = [{row.tobytes() for row in part.sequences.numpy()} for part in parts]
    assert [len(part) for part in parts] == [48, 16, 16]
    assert sum(map(len, different)) == 40
    assert len(set.union(*different)) == 40


def test_threshold_is_set_on_calibration_part_with_current_settings(fitted):
    fitted.error, fitted.combine, fitted.step_score, fitted.rule, fitted.rate = (
        "mae",
        "mean",
        "window",
        "conformal quantile",
        0.05,
    )
    scores = fitted.score(wave(features=2)[480:])
    np.testing.assert_allclose(fitted.calibration_scores, scores)
    assert fitted.threshold == quantile_threshold(scores, rate=0.05)
    fitted.rule, fitted.k = "mean + k s.d.", 2.0
    assert fitted.threshold == pytest.approx(scores.mean() + 2 * scores.std(), rel=0.02)
    fitted.error = "mse"
    assert not np.allclose(fitted.calibration_scores, scores)
    fitted.rule, fitted.error = "conformal quantile", "mae"


def test_detection_has_runs_above_threshold(fitted):
    series = wave(400, features=2, seed=3)
    series.values[200:220] = 0
    detection = fitted.detect(series)
    np.testing.assert_array_equal(
        detection.threshold, tracked_thresholds(fitted.calibration_scores, detection.scores, rate=fitted.rate_in_use)
    )
    np.testing.assert_array_equal(detection.abnormal, detection.scores > detection.threshold)
    assert any(start < 220 and end > 200 for start, end in detection.events)
    table = detection.to_frame()
    assert table.score.is_monotonic_decreasing
    first = table.iloc[0]
    assert first.score == detection.scores.max() == detection.scores[int(first.peak)]
    assert "event" in detection._repr_html_()
    per_hour = false_alarm_threshold(fitted.calibration_scores, per_hour=900, sampling_rate=1)
    assert fitted.detect(series, threshold=per_hour).threshold == per_hour
    assert fitted.detect(series, threshold=1e9).to_frame().empty


def test_explanation_ranks_features_and_steps_by_error(fitted):
    series = wave(400, features=2, seed=3)
    series.values[200:206, 1] += 6
    explanation = fitted.explain(series)
    assert explanation.errors.shape == explanation.reconstruction.shape == (400, 2)
    assert explanation.by_feature(slice(200, 206)).index[0] == "feature 1"
    assert explanation.by_feature().sum() == pytest.approx(1)
    top = explanation.top(3)
    assert set(top.feature) == {"feature 1"}
    assert top.step.between(200, 205).all()
    assert explanation.top(3, slice(201, 206, 2)).step.isin([201, 203, 205]).all()
    normal = slice(0, 150)
    assert np.abs(explanation.reconstruction[normal] - series.values[normal]).mean() < series.values[normal].std() * 1.5
    assert "feature 1" in explanation._repr_html_()


def test_long_gaps_are_unscored_and_short_gaps_are_ignored(fitted):
    fitted.step_score = "window"
    series = wave(500, features=2, seed=4)
    expected = fitted.score(series)
    series.values[200:280] = np.nan
    series.values[100:103, 0] = np.nan
    detection = fitted.detect(series)
    assert np.isfinite(detection.scores).all()
    assert detection.unscored[225:255].all()
    assert not detection.unscored[:190].any()
    assert not detection.abnormal[detection.unscored].any()
    assert (detection.scores[detection.unscored] == 0).all()
    np.testing.assert_allclose(detection.scores[:70], expected[:70], rtol=1e-6)
    assert np.abs(detection.scores[90:110] - expected[90:110]).max() < 0.5 * expected.std() + 0.1
    assert "unscored because too many values are missing" in repr(detection)
    explanation = fitted.explain(series)
    assert np.isnan(explanation.errors[100:103, 0]).all()
    assert np.isnan(explanation.errors[200:280]).all()


def test_training_ignores_missing_values():
    series = wave(600)
    series.values[::7] = np.nan
    detector = AnomalyDetector(small(), window=25, epochs=2).fit(series, progress=False)
    assert detector.trainer.train_mask is not None
    assert not detector.trainer.train_mask.all()
    assert np.isfinite(detector.threshold)
    assert np.isfinite(detector.score(wave(100, seed=5))).all()


@pytest.mark.filterwarnings("ignore:x must have sequences of 140 steps")
def test_real_heartbeats_of_different_lengths():
    training, validation, calibration, test = split(load_ecg5000())
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=32, latent_size=16), batch_size=32, learning_rate=0.01)
    detector = AnomalyDetector(trainer, epochs=3, rate=0.05)
    detector.fit(training, validation=validation, calibration=calibration, progress=False)
    scores = detector.score(test)
    assert evaluate(scores, test.labels, detector.threshold).auroc > 0.95
    cut = DataSet.padded([beat[: 90 + 10 * (i % 6)] for i, beat in enumerate(test.sequences[:12].numpy())])
    for i, one in enumerate(detector.score(cut)):
        alone = detector.score(test.sequences[i : i + 1, : 90 + 10 * (i % 6)])
        assert one == pytest.approx(alone[0], rel=1e-4)
    explanation = detector.explain(cut)
    assert np.isnan(explanation.errors[0, 90:]).all()
    assert detector.detect(test).to_frame().columns.tolist() == ["sequence", "score"]
    assert "sequence" in explanation.top(2).columns


def test_gaussian_is_fitted_on_validation_part(fitted):
    fitted.error, fitted.step_score, fitted.stride = "gaussian", "point", 1
    differences = []
    for part in (wave(features=2)[360:480], wave(100, features=2, seed=9)):
        scaled = fitted._scaling.scale(part.values)
        windows = np.stack([scaled[start : start + 25] for start in range(len(part) - 24)])
        differences.append((reconstruct(fitted.trainer.model, windows).numpy() - windows).astype(np.float64))
    expected = ErrorGaussian(differences[0])(differences[1])
    scores = fitted.score(wave(100, features=2, seed=9))
    assert scores[0] == pytest.approx(expected[0, 0], rel=1e-4)
    assert scores[40] == pytest.approx(np.mean([expected[start, 40 - start] for start in range(16, 41)]), rel=1e-4)


def test_default_trainer_has_number_of_features_and_is_reproducible():
    series = load_ecg_diff_count().training[:400]
    scores = []
    for _ in range(2):
        detector = AnomalyDetector(epochs=1, seed=3, rate=0.05).fit(series, progress=False)
        scores.append(detector.score(series))
    np.testing.assert_array_equal(*scores)
    assert detector.window_length == 20
    assert detector.trainer.seed == detector.trainer.model.seed == 3
    many = AnomalyDetector(epochs=1, window=10, rate=0.05).fit(
        Series(np.random.default_rng(0).normal(size=(300, 100))), progress=False
    )
    assert many.trainer.model.n_features == 100


def test_callbacks_are_called_after_each_epoch():
    rows = []
    AnomalyDetector(small(), window=25, epochs=2).fit(
        wave(), callbacks=[lambda row, _: rows.append(row)], progress=False
    )
    assert [row.epoch for row in rows] == [1, 2]
