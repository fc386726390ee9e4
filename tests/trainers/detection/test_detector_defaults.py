"""`AnomalyDetector` with data that is too short for its settings, has no period, or contains labelled anomalies."""

import re

import numpy as np
import pytest

from data import DataSet, Series
from trainers.detection import AnomalyDetector, quantile_threshold
from trainers.detection.preprocessing import three_parts

from .detectors import small, wave


def noise(steps, features=1):
    return Series(np.random.default_rng(0).normal(size=(steps, features)))


def with_anomalies(*events, steps=600):
    series = wave(steps)
    labels = np.zeros(steps, dtype=int)
    for start, end in events:
        series.values[start:end], labels[start:end] = 50, 1
    return Series(series.values, labels=labels)


@pytest.mark.parametrize(("normal", "options", "n"), [(wave(400), {}, 80), (wave(300), {"rate": 0.001}, 60)])
def test_lowest_guaranteed_rate_is_used_with_too_few_scores(normal, options, n):
    detector = AnomalyDetector(small(), epochs=1, **options)
    assert detector.rate_in_use == detector.rate, "before fit"
    message = rf"rate must be at least 1/\(n \+ 1\) = {1 / (n + 1):.3g}, .* n = {n} .*, got {detector.rate:g}; .*used"
    with pytest.warns(UserWarning, match=message):
        detector.fit(normal, progress=False)
    # further warnings would be errors
    assert detector.rate_in_use == 1 / (n + 1)
    assert detector.threshold == detector.detect(normal).threshold[0] == detector.calibration_scores.max()
    detector.rate = 1e-4
    with pytest.warns(UserWarning, match=r"rate must be .*, got 0\.0001"):
        assert detector.threshold == detector.calibration_scores.max()
    detector.rate = 0.05
    assert detector.rate_in_use == 0.05
    assert detector.threshold == quantile_threshold(detector.calibration_scores, rate=0.05)


def test_lowest_guaranteed_rate_is_used_for_few_sequences():
    rows = np.random.default_rng(0).normal(size=(40, 20))
    with pytest.warns(UserWarning, match="n = 8 calibration scores"):
        detector = AnomalyDetector(small(), epochs=1).fit(rows, progress=False)
    assert detector.rate_in_use == 1 / 9
    detector.rate = 1 - 8 / 9
    assert detector.rate_in_use == detector.rate, "equal to 1/9 except for rounding"
    detector.rule = "mean + k s.d."
    assert detector.rate_in_use is None


@pytest.mark.parametrize(
    ("normal", "wanted", "message", "length"),
    [
        (wave(200), 60, "window must be at most 40 time steps, .* got 60; 25 steps are used", 25),
        (noise(400), None, "must have a period .* got no period up to 80 steps; windows of 48 steps are used", 48),
        (noise(800), None, "windows of 64 steps are used", 64),
        (noise(400), 100, "window must be at most 80 time steps, .* got 100; 48 steps are used", 48),
    ],
)
def test_default_window_is_used_without_period_or_if_window_is_too_long(normal, wanted, message, length):
    with pytest.warns(UserWarning, match="steps are used") as warned:
        assert AnomalyDetector(window=wanted).choose_window(normal) == length
    assert any(re.search(message, str(warning.message)) for warning in warned)


def test_twenty_sensors_with_anomaly_in_training_part_are_fitted_and_explained():
    series = wave(600, features=20)
    series.values[100:110, 3], series.values[550:560, 7] = 90, 90
    series = Series(series.values, labels=np.isin(np.arange(600), [*range(100, 110), *range(550, 560)]).astype(int))
    with pytest.warns(UserWarning, match="got 10 of 500 time steps labelled abnormal") as warned:
        detector = AnomalyDetector(epochs=1, rate=0.05).fit(series[:500], progress=False)
    assert len(warned) == 1
    assert (detector.window_length, detector.score(series).shape) == (25, (600,))
    assert any(start < 560 and end > 550 for start, end in detector.detect(series).events)
    assert detector.explain(series).by_feature(slice(550, 560)).index[0] == "feature 7"


def test_windows_with_labelled_anomalies_are_left_out():
    series = with_anomalies((100, 120), (520, 530))
    before = series.values.copy()
    detector = AnomalyDetector(small(), window=25, stride=1, epochs=1, rate=0.05)
    with pytest.warns(UserWarning, match="got 30 of 600 time steps labelled abnormal in 'series'.* are left out"):
        detector.fit(series, progress=False)
    np.testing.assert_array_equal(series.values, before)
    # 570 normal steps: the first 342 are before step 362, the next 114 before step 476
    assert detector.trainer.train_inputs.shape[0] == (100 - 24) + (362 - 120 - 24)
    assert detector.trainer.train_inputs.max() < 5
    assert np.abs(detector._scaling.center).max() < 0.1
    normal = [detector.score(series[part]) for part in (slice(476, 520), slice(530, 600))]
    np.testing.assert_allclose(detector.calibration_scores, np.concatenate(normal), rtol=1e-4)
    # labels do not hide an anomaly from the scores
    assert detector.detect(series).abnormal[100:120].all()


def test_parts_without_anomalies_are_in_order_of_time():
    series = with_anomalies((0, 50), (300, 340), (590, 600))
    with pytest.warns(UserWarning, match="got 100 of 600 time steps"):
        parts = three_parts(series, None, None, 0)
    assert [(~part.abnormal).sum() for part in parts] == [300, 100, 100]
    values = np.concatenate([part.values for part in parts])
    normal = series.values[50:590]
    np.testing.assert_array_equal(values[~np.isnan(values)], normal[normal < 40])


def test_labelled_sequences_are_left_out():
    x, labels = np.random.default_rng(0).normal(size=(50, 20)), np.arange(50) % 5 == 0
    thresholds = []
    for data in (DataSet(x, labels=labels.astype(int)), DataSet(x[~labels])):
        detector = AnomalyDetector(small(), epochs=1, rate=0.2)
        if data.labels is None:
            detector.fit(data, progress=False)
        else:
            with pytest.warns(UserWarning, match="got 10 of 50 sequences labelled abnormal .* are left out"):
                detector.fit(data, progress=False)
        thresholds.append(detector.threshold)
    assert thresholds[0] == thresholds[1]


def test_only_abnormal_data_raises():
    with pytest.raises(ValueError, match="got 600 of 600 time steps labelled abnormal"):
        AnomalyDetector(small()).fit(with_anomalies((0, 600)))
    labelled = pytest.warns(UserWarning, match="got 30 of 600")
    with pytest.raises(ValueError, match="at least one normal window of 25 steps"), labelled:
        AnomalyDetector(small(), window=25).fit(with_anomalies(*((i, i + 1) for i in range(0, 600, 20))))
