"""`NormalWindows`: the formula of its distance, windows that overlap, and the scores of `AnomalyDetector`."""

import numpy as np
import pytest
import torch
from torch import nn

from data import DataSet, Series, load_ecg5000, load_internal_bleeding, split
from trainers import BatchedTrainer, LSTMAutoencoder, load, reconstruct, save
from trainers.detection import AnomalyDetector, neighbours, windowing
from trainers.detection.neighbours import NormalWindows, vectors_of
from trainers.detection.windowing import Reconstructed

from .detectors import small, wave

N, LENGTH, FEATURES, LATENT = 12, 5, 2, 3


def windows(n=N, seed=0):
    generator = np.random.default_rng(seed)
    return (
        generator.normal(size=(n, LATENT)),
        generator.normal(size=(n, LENGTH, FEATURES)),
        generator.normal(size=(n, 2)),
    )


def normal_windows(**changes):
    options = {"variance": 7.0, "positions": np.arange(N) * 2, "apart": 5}
    return NormalWindows(*windows(), **{**options, **changes})


def by_hand(one, other, weight=3.0):
    scale = 7.0 / windows()[0].var(0).sum()
    latent, error, level = (((a - b) ** 2).sum() for a, b in zip(one, other, strict=True))
    return np.sqrt((scale * latent + weight**2 * error + LENGTH * level) / (LENGTH * FEATURES))


def mean_of_three(distances):
    return np.mean(sorted(distances)[:3])


def nth(parts, i):
    return tuple(part[i] for part in parts)


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_distance_equals_formula(weight):
    others = windows(4, seed=1)
    found = normal_windows(error_weight=weight).distances(*others)
    expected = [mean_of_three(by_hand(nth(others, i), nth(windows(), n), weight) for n in range(N)) for i in range(4)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_normal_windows_are_compared_with_those_that_share_no_time_step():
    normal = normal_windows()
    expected = [
        mean_of_three(by_hand(nth(windows(), i), nth(windows(), n)) for n in range(N) if abs(n - i) * 2 >= 5)
        for i in range(N)
    ]
    # positions may be given, or are found
    np.testing.assert_allclose(normal.distances(*windows(), np.arange(N) * 2), expected, rtol=1e-9)
    np.testing.assert_allclose(normal.distances(*windows()), expected, rtol=1e-9)
    # all share a time step: the farthest one
    everything = normal_windows(apart=100).distances(*windows(), np.arange(N) * 2)
    assert np.isfinite(everything).all()
    assert (everything >= expected).all()


def test_missing_values_are_left_out():
    others = windows(3, seed=1)
    others[1][0, 2:] = np.nan
    left = (slice(None), slice(0, 2))
    first, *rest = normal_windows().distances(*others)
    np.testing.assert_allclose(rest, normal_windows().distances(*windows(3, seed=1))[1:], rtol=1e-6)
    # as in nan_euclidean_distances: scaled up to all coordinates
    columns = LATENT + LENGTH * FEATURES + 2
    known = LATENT + 2 * FEATURES + 2

    def distance(n):
        scale = 7.0 / windows()[0].var(0).sum()
        latent, error, level = (
            ((a[0] - b[n]) ** 2)[cut].sum() for a, b, cut in zip(others, windows(), (..., left[1], ...), strict=True)
        )
        return np.sqrt((scale * latent + 9 * error + LENGTH * level) * columns / known / (LENGTH * FEATURES))

    assert first == pytest.approx(mean_of_three(map(distance, range(N))), rel=1e-6)


def test_score_of_detector_is_distance_of_its_windows():
    series, other = wave(600), wave(100, seed=3)
    detector = AnomalyDetector(small(), window=25, stride=25, epochs=1, rate=0.1).fit(series, progress=False)
    scale, model = detector._scaling, detector.trainer.model

    def vectors(values, stride):
        parts = np.stack([scale.scale(values[start : start + 25]) for start in range(0, len(values) - 24, stride)])
        means = parts.mean(1)
        centred = parts - means[:, None]
        with torch.no_grad():
            latent = model.eval().encode(torch.from_numpy(centred)).numpy()
        return latent, reconstruct(model, centred).numpy() - centred, means, centred

    normal, query = vectors(series.values, 1), vectors(other.values, 25)
    factor = normal[3].var(0).sum() / normal[0].var(0).sum()
    squares = [
        factor * ((query[0][i] - normal[0]) ** 2).sum(1)
        + 9 * ((query[1][i] - normal[1]) ** 2).sum((1, 2))
        + 25 * ((query[2][i] - normal[2]) ** 2).sum(1)
        for i in range(4)
    ]
    expected = np.sqrt(np.sort(squares, axis=1)[:, :3] / 25).mean(1).repeat(25)
    np.testing.assert_allclose(detector.score(other), expected, rtol=1e-3)


def test_normal_data_scores_like_the_calibration_part():
    series = wave(1000)
    detector = AnomalyDetector(window=25, epochs=3, rate=0.05).fit(series, progress=False)
    # not 0, although each window is among the normal windows
    ratio = np.median(detector.score(series)) / np.median(detector.calibration_scores)
    assert 0.5 < ratio < 2


def test_sequences_are_compared_with_smoothed_errors_and_found():
    training, validation, calibration, test = split(load_ecg5000())
    detector = AnomalyDetector(epochs=4, rate=0.05)
    detector.fit(training, validation=validation, calibration=calibration, progress=False)
    scores = detector.score(test)
    assert scores[test.abnormal].min() > 0
    assert np.median(scores[test.abnormal]) > np.quantile(scores[~test.abnormal], 0.95)
    smoothed = detector.score(test[:20])
    detector.smooth = 1
    assert not np.allclose(detector.score(test[:20]), smoothed)
    detector.smooth = 9
    np.testing.assert_allclose(detector.score(test[:20]), smoothed, rtol=1e-4)


def test_event_that_windows_average_out_is_found():
    recording = load_internal_bleeding()
    detector = AnomalyDetector().fit(recording.training, progress=False)
    # noise of 12 steps in a window of 182
    start, end = recording.test.events[0]
    assert start - 182 <= detector.score(recording.test).argmax() < end + 182


class Plain(nn.Module):
    """A model without `encode`."""

    def __init__(self):
        super().__init__()
        self.inner = LSTMAutoencoder(hidden_size=4)

    def forward(self, x):
        return self.inner(x)


def test_reconstruction_takes_the_place_of_latent_vectors_without_encode():
    sequences = DataSet(np.random.default_rng(0).normal(size=(6, 8, 1)))
    part = Reconstructed.of(Plain(), sequences, np.arange(6))
    latent, errors, levels = vectors_of(Plain(), part, 1)
    np.testing.assert_array_equal(latent, part.reconstruction)
    np.testing.assert_array_equal(errors, part.differences)
    assert levels.shape == (6, 0)
    encoded, *_ = vectors_of(Plain().inner, part, 1)
    assert encoded.shape == (6, 8), "two directions of four units"


def test_step_score_point_is_refused_before_training():
    with pytest.raises(ValueError, match='step_score must be "window" with error="neighbours", got "point"'):
        AnomalyDetector(small(), window=25, step_score="point").fit(wave(), progress=False)


def test_loaded_detector_has_the_same_scores(tmp_path):
    detector = AnomalyDetector(small(), window=25, epochs=1, rate=0.05).fit(wave(), progress=False)
    series = Series(wave(200, seed=4).values)
    save(detector, tmp_path / "detector")
    loaded = load(tmp_path / "detector")
    np.testing.assert_array_equal(loaded.score(series), detector.score(series))
    np.testing.assert_array_equal(loaded.detect(series).threshold, detector.detect(series).threshold)
    np.testing.assert_array_equal(loaded.score(wave()), detector.score(wave()))


def test_trainers_with_a_number_of_batches_train_on_windows_from_each_step():
    trainer = small()
    trainer.steps_per_epoch = 2
    by_step = AnomalyDetector(trainer, window=25, epochs=1, rate=0.1).fit(wave(600), progress=False)
    by_stride = AnomalyDetector(small(), window=25, epochs=1, rate=0.1).fit(wave(600), progress=False)
    assert len(by_step.trainer.train_inputs) == 360 - 24
    assert len(by_stride.trainer.train_inputs) == -(-(360 - 25) // 4) + 1
    assert len(by_step.trainer.validation_inputs) == len(by_stride.trainer.validation_inputs)


@pytest.mark.parametrize("remainder", range(4))
def test_score_of_normal_data_does_not_depend_on_phase(remainder):
    # windows every four steps would always have the same phase of this period
    noise = np.random.default_rng(0).normal(scale=0.05, size=2000)
    values = np.sin(2 * np.pi * np.arange(2000) / 24) + noise
    detector = AnomalyDetector(window=24, epochs=2, rate=0.05, adapt=False)
    detector.fit(Series(values[: 800 + remainder]), progress=False)
    for start in range(1000, 1004):
        assert detector.detect(Series(values[start:])).abnormal.mean() < 0.3


def test_number_of_normal_windows_is_limited(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_WINDOWS", 20)
    detector = AnomalyDetector(small(), window=25, epochs=1, rate=0.1).fit(wave(), progress=False)
    positions = detector._normal_windows().positions
    assert len(positions) == 20
    assert (positions[0], positions[-1]) == (0, 600 - 25), "spread over the whole series"
    monkeypatch.setattr(neighbours, "MOST_VALUES", 25 * 7)
    again = AnomalyDetector(small(), window=25, epochs=1, rate=0.1).fit(wave(), progress=False)
    assert len(again._normal_windows().positions) == 7


def test_windows_with_gaps_or_anomalies_are_not_among_the_normal_windows():
    series = wave()
    series.values[100:103] = np.nan
    labelled = Series(series.values, labels=(np.arange(600) // 10 == 40).astype(int))
    detector = AnomalyDetector(small(), window=25, epochs=1, rate=0.1)
    with pytest.warns(UserWarning, match="are left out"):
        detector.fit(labelled, progress=False)
    windows = detector._normal_windows()
    covered = windows.positions[:, None] + np.arange(25)
    assert not np.isin(covered, [*range(100, 103), *range(400, 410)]).any()
    assert len(windows.positions) == 576 - 2 * 24 - 3 - 10
    assert not np.isnan(windows.coordinates).any()


def test_parts_that_are_given_share_no_window():
    parts = wave(300), wave(200, seed=1), wave(150, seed=2)
    detector = AnomalyDetector(small(), window=25, stride=25, epochs=1, rate=0.1)
    detector.fit(parts[0], validation=parts[1], calibration=parts[2], progress=False)
    assert len(detector._normal_windows().positions) == sum(len(part) - 24 for part in parts)
    # windows of the calibration part are compared with those of all parts that share no step with them
    alone = detector.score(wave(150, seed=2))
    np.testing.assert_allclose(detector.calibration_scores, alone, rtol=1e-6)
    assert detector.calibration_scores.min() > 0


class Encoder(Plain):
    """A model whose `encode` returns something else than latent vectors."""

    def encode(self, sequences):
        return self.inner.encode(sequences), None


def test_wrong_encode_is_refused_before_training():
    trainer = BatchedTrainer(Encoder(), batch_size=8)
    with pytest.raises(ValueError, match=r"Encoder must have an encode that returns vectors \(n, latent\), got tuple"):
        AnomalyDetector(trainer, window=25, epochs=1).fit(wave(), progress=False)
    assert not trainer.history


@pytest.mark.filterwarnings("ignore:calibration must have sequences of 32 steps")
def test_loaded_detector_smooths_like_the_fitted_one(tmp_path):
    rng = np.random.default_rng(0)
    training, validation, calibration = (rng.normal(size=(40, n, 1)) for n in (32, 32, 64))
    detector = AnomalyDetector(small(), epochs=1, rate=0.1)
    detector.fit(training, validation=validation, calibration=calibration, progress=False)
    expected = detector.score(training[:5] + 1)
    save(detector, tmp_path / "detector")
    for options in ({}, {"data": (training, validation, calibration)}):
        loaded = load(tmp_path / "detector", **options)
        np.testing.assert_allclose(loaded.score(training[:5] + 1), expected, rtol=1e-6)
    # settings that the normal windows do not depend on need no data
    loaded = load(tmp_path / "detector")
    loaded.combine = "max"
    np.testing.assert_allclose(loaded.score(training[:5] + 1), expected, rtol=1e-6)


def test_windows_of_long_series_are_limited(monkeypatch):
    monkeypatch.setattr(windowing, "MANY_WINDOWS", 150)
    trainer = small()
    trainer.steps_per_epoch = 2
    detector = AnomalyDetector(trainer, window=25, epochs=1, rate=0.1).fit(wave(600), progress=False)
    # 360 steps, every third one
    assert len(trainer.train_inputs) == -(-(360 - 25) // 3) + 1
    assert np.diff(detector._normal_windows().positions).max() == 4
