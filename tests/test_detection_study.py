"""The study of detectors: formulas of the scores, and a small study from files to tables."""

from __future__ import annotations

import gzip
import hashlib
import sys

import numpy as np
import pandas as pd
import pytest

from data import Recording, load_ecg5000, load_ecg_diff_count

from .benchmarks import detection_study
from .benchmarks.detection_study import (
    DETECTORS,
    SCORES,
    Windows,
    combined,
    data_sets,
    metrics_of,
    nab_recording,
    nearest,
    neighbours,
    overview,
    signed,
    terms_of,
    ucr_set,
    windows_of,
    with_halves,
    z_normalised,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a short recording and a small set, in the form of the archives."""
    folder = tmp_path_factory.mktemp("data")
    recording = load_ecg_diff_count()
    values = np.concatenate([recording.training.values[:600], recording.test.values[1300:1700]])
    (folder / "ucr_anomaly").mkdir()
    with gzip.open(folder / "ucr_anomaly/001_UCR_Anomaly_cut_600_860_959.txt.gz", "wt") as file:
        file.write("\n".join(map(str, values[:, 0])))
    beats = load_ecg5000()
    x, y = beats.sequences.numpy()[::50, ::4], np.asarray(beats.labels)[::50]
    (folder / "ucr").mkdir()
    np.savez(folder / "ucr/small.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    return folder


def test_study_has_finite_metrics_and_continues(folder, tmp_path, monkeypatch, capsys):
    trainings = []
    trained = detection_study.trained
    monkeypatch.setattr(
        detection_study, "trained", lambda *args, **options: trainings.append(args) or trained(*args, **options)
    )
    short = {name: {**settings, "epochs": 1} for name, settings in DETECTORS.items()}
    monkeypatch.setattr(detection_study, "DETECTORS", short)
    options = ["--seeds", "1", "--steps", "10", "--jobs", "1", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["detection_study", str(folder), *options])
    detection_study.main()
    output, rows = capsys.readouterr().out, pd.read_csv(tmp_path / "by_seed.csv")
    assert len(trainings) == 4, "two networks for each data set"
    assert (tmp_path / "tables.md").read_text(encoding="utf-8") in output
    assert "choosing half" in output
    for kind, part in rows.groupby("kind"):
        series = kind == "UCR anomaly"
        detectors = [name for name, settings in DETECTORS.items() if series or "periods" not in settings]
        assert [*part.score] == [*(name for name in SCORES if series or "S" not in terms_of(name)), *detectors]
        names = ["auroc", "static", *(["vus_pr", "hit", "tracker"] if series else [])]
        assert np.isfinite(part[names]).all(axis=None), kind
        assert part.auroc.between(0, 1).all()
        # each network counts once, neighbours need none
        seconds = part.set_index("score").seconds
        assert seconds["1-NN"] == 0 < seconds["w"] == seconds["rms + l"] == seconds["n3"]
    vus_pr = rows[rows.kind == "UCR anomaly"].set_index("score").vus_pr
    assert vus_pr["windows of half a period"] != vus_pr["default detector"] != vus_pr["windows of two periods"]
    # remove one cell: only this one is measured again
    cells = {path: path.read_text() for path in (tmp_path / "cells").glob("*.json")}
    cell = next(path for path, text in cells.items() if '"data": "small"' in text and '"steps"' in text)
    cell.unlink()
    trainings.clear()
    detection_study.main()
    assert len(trainings) == 2
    again = pd.read_csv(tmp_path / "by_seed.csv")
    pd.testing.assert_frame_equal(again.drop(columns="seconds"), rows.drop(columns="seconds"))


def test_data_sets_have_name_and_checksum(folder):
    found = [*data_sets(folder)]
    assert [name[:2] for name in found] == [("UCR anomaly", "001_UCR_Anomaly_cut_600_860_959"), ("set", "small")]
    assert found[1][2] == hashlib.sha256((folder / "ucr/small.npz").read_bytes()).hexdigest()
    shipped = data_sets(None)
    assert [kind for kind, *_ in shipped] == ["recording", "recording", "recording", "set"]
    assert isinstance(next(iter(shipped.values()))(seed=0), Recording)


def test_halves_alternate_within_kind():
    names = [("NAB", "a", ""), ("NAB", "b", ""), ("NAB", "c", ""), ("set", "d", ""), ("set", "e", "")]
    assert [*with_halves(names).half] == ["choosing", "reporting", "choosing", "choosing", "reporting"]


def test_overview_has_means_over_seeds_and_numbers_of_series():
    about = {"kind": "NAB", "score": "MP", "auroc": 0.5}
    rows = [
        {**about, "data": data, "half": half, "seed": seed, "vus_pr": vus_pr, "hit": hit, "tracker_kept": hit}
        for seed, hit in ((0, 1.0), (1, 0.0))
        for data, half, vus_pr in (("a", "choosing", 0.25), ("b", "reporting", 0.75))
    ] + [{"kind": "set", "score": "1-NN", "data": "c", "half": "choosing", "seed": 0, "auroc": 0.9}]
    table = overview(pd.DataFrame(rows)).set_index("score")
    assert [*table.index] == ["1-NN", "MP"]
    assert table.loc["MP"].to_dict() == {
        "NAB, choosing half: VUS-PR": "0.250", "NAB, reporting half: VUS-PR": "0.750", "NAB: hits, of 2": "1.0",
        "NAB: rate kept, of 2": "1.0", "set, choosing half: AUROC": "–",
    }  # fmt: skip
    assert table.loc["1-NN", "set, choosing half: AUROC"] == "0.900"


def test_tracker_keeps_rate_after_drift_where_constant_threshold_does_not():
    scores = np.random.default_rng(0).lognormal(size=11_000)
    scores[1000:] *= 20
    metrics = metrics_of((scores[:1000], scores[1000:]), np.arange(10_000) < 50, window=3)
    assert metrics["static"] > 20
    assert 0.5 <= metrics["tracker"] <= 2
    assert (metrics["static_kept"], metrics["tracker_kept"]) == (0, 1)


def test_series_without_event_has_flagged_shares_only():
    scores = np.random.default_rng(0).lognormal(size=1000)
    metrics = metrics_of((scores[:500] + 100, scores[500:]), np.zeros(500, dtype=bool), window=3)
    assert [*metrics] == ["static", "static_kept", "tracker", "tracker_kept"]
    assert metrics["static"] == metrics["static_kept"] == 0, "fewer than half of the rate are not kept either"


def test_largest_class_of_set_is_normal(folder):
    with np.load(folder / "ucr/small.npz") as arrays:
        classes = np.concatenate([arrays["y_train"], arrays["y_test"]])
    assert [*ucr_set(folder / "ucr/small.npz").abnormal] == [*(classes != np.bincount(classes).argmax())]


def test_score_is_sum_or_maximum_of_terms_divided_by_calibration_median():
    terms = {"w": (np.array([1.0, 2, 3]), np.array([4.0, 2])), "l": (np.array([10.0, 5, 20]), np.array([10.0, 40]))}
    assert terms_of("w + l") == terms_of("max(w, l)") == ["w", "l"]
    np.testing.assert_allclose(combined("w + l", terms)[1], [2 + 1, 1 + 4])
    np.testing.assert_allclose(combined("max(w, l)", terms)[0], [1, 1, 2])
    np.testing.assert_allclose(combined("max(w, l)", terms)[1], [2, 4])


def test_nearest_leaves_out_overlapping_windows():
    bank = Windows(np.array([[0.0, 0], [3, 4], [6, 8]])[..., None], starts=np.array([0, 2, 4]))
    query = Windows(np.array([[3.0, 4]])[..., None], starts=np.array([3]))
    assert nearest(bank.values, query.values, bank, query) == [5]
    apart = Windows(query.values, starts=np.array([9]))
    assert nearest(bank.values, apart.values, bank, apart) == [0]
    np.testing.assert_allclose(nearest(bank.values, apart.values, bank, apart, k=3), [10 / 3])


def test_neighbours_of_steps_are_means_over_windows():
    bank = Windows(np.zeros((1, 2, 1)))
    part = Windows(np.array([[3.0, 4], [0, 0], [6, 8]])[..., None], starts=np.array([7, 8, 9]))
    found, _ = neighbours({"bank": bank, "calibration": part, "test": part}, lambda windows: windows.values)
    np.testing.assert_allclose(found, [5, 2.5, 5, 10])


def test_signed_errors_of_opposite_sign_cancel():
    windows = Windows(np.zeros((2, 2, 1)), starts=np.array([0, 1]))
    differences = np.array([[2.0, 3], [-3, 4]])[..., None]
    # means of the steps: 2, 0, 4; half a window is one step
    np.testing.assert_allclose(signed(differences, windows), [2, 0, 4])


def test_z_normalised_window_has_mean_0_and_deviation_1():
    values = np.array([[1.0, 2, 6], [5, 5, 5]])[..., None]
    found = z_normalised(Windows(values))
    np.testing.assert_allclose(found[0], (values[0] - 3) / np.std([1, 2, 6]))
    assert not found[1].any(), "a constant window becomes 0"


def test_windows_of_recording_have_random_starts_and_no_common_step():
    recording = load_ecg_diff_count()
    recording = Recording(recording.training[:1000], recording.test[:500])
    parts = windows_of(recording, seed=0, steps=1)
    starts, length = parts["training"].starts, parts["training"].values.shape[1]
    assert len({*starts % parts["test"].stride}) > 1
    assert (starts != windows_of(recording, seed=1, steps=1)["training"].starts).any()
    ends = [parts[name].starts.max() + length for name in ("training", "validation", "calibration")]
    begins = [parts[name].starts.min() for name in ("validation", "calibration", "test")]
    assert all(end <= begin for end, begin in zip(ends, begins, strict=True))


def test_nab_recording_is_labelled_by_windows(tmp_path):
    times = pd.date_range("2020-01-01", periods=100, freq="min")
    pd.DataFrame({"timestamp": times, "value": np.arange(100)}).to_csv(tmp_path / "one.csv", index=False)
    (tmp_path / "windows.json").write_text('{"one": [["2020-01-01 00:20:00.000000", "2020-01-01 00:29:00.000000"]]}')
    training, test = nab_recording(tmp_path / "one.csv")
    assert (len(training), len(test), test.events) == (15, 85, [(5, 15)])
