"""The table of long recordings: metrics of real training runs, means, and settings of the variants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from data import Recording, load_ecg_diff_count, load_internal_bleeding, load_mitbih
from trainers import BatchedTrainer, LSTMAutoencoder
from trainers.detection import SERIES_BASELINES, AnomalyDetector

from .benchmarks import series_results
from .benchmarks.series_results import (
    METHODS,
    NEAR,
    TRAININGS,
    chosen,
    distance,
    measure,
    merged,
    summary,
    tabulate,
    trained,
    window_of,
)


@pytest.fixture(scope="module")
def recording():
    complete = load_ecg_diff_count()
    return Recording(complete.training[:1000], complete.test[1000:2000])


@pytest.fixture(scope="module")
def rows(recording):
    return pd.DataFrame(measure(recording, 0, epochs=1))


def test_metrics_are_in_range(rows, recording):
    assert list(rows.method) == METHODS
    for name in ("vus_pr", "vus_roc", "average_precision", "auroc"):
        assert rows[name].between(0, 1).all(), name
    assert (rows.found == (rows.distance <= NEAR)).all()
    assert (rows.seconds > 0).all()
    best = rows[rows.method == "1-NN"]
    assert (best.auroc > 0.9).all(), "a new shape among repeating beats is easy to detect"
    assert best.distance.eq(0).all()
    assert (rows[rows.method == "random score"].auroc.between(0.4, 0.6)).all()


def test_one_training_run_is_scored_in_several_ways(recording, rows, monkeypatch):
    settings, scorings = TRAININGS[0]
    ways = rows[rows.method.isin(scorings)]
    assert ways.vus_pr.nunique() == len(scorings) == 3
    detectors = [trained(recording, 0, settings, 1)]
    # fails if it trains twice
    monkeypatch.setattr(series_results, "trained", lambda *_: detectors.pop())
    again = pd.DataFrame(measure(recording, 0, scorings))
    assert again.vus_pr.tolist() == ways.vus_pr.tolist()


@pytest.mark.parametrize("load", [load_internal_bleeding, load_ecg_diff_count, load_mitbih])
def test_window_is_that_of_detector(load):
    recording = load()
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), batch_size=8, steps_per_epoch=1)
    detector = AnomalyDetector(trainer, epochs=1).fit(recording.training, progress=False)
    assert detector.window_length == window_of(recording)


def test_variant_differs_from_default_only_in_its_settings(recording):
    default = trained(recording, 1, {}, 1)
    for settings, _ in TRAININGS[1:]:
        variant = trained(recording, 1, settings, 1)
        assert variant.hyperparameters == {**default.hyperparameters, **settings}
        # the network of version 0.2
        used = variant.trainer.hyperparameters | variant.trainer.model.hyperparameters
        wanted = {"patch_size": 1, "batch_size": 32, "steps_per_epoch": 50, "learning_rate": 0.01}
        assert {name: used[name] for name in wanted} == wanted
    repeated = trained(recording, 1, {}, 1)
    np.testing.assert_array_equal(repeated.score(recording.test), default.score(recording.test))
    assert AnomalyDetector(seed=1).hyperparameters == {**default.hyperparameters, "epochs": AnomalyDetector().epochs}


@pytest.mark.parametrize(
    ("step", "steps_away"), [(0, 10), (9, 1), (10, 0), (14, 0), (15, 1), (22, 8), (23, 7), (30, 0), (99, 68)]
)
def test_distance_to_nearest_event(step, steps_away):
    assert distance(step, [(10, 15), (30, 32)]) == steps_away


def test_table_has_means_and_number_of_found_events():
    # Invented values, for which the means are known.
    metrics = {"vus_roc": 0.5, "average_precision": 0.5, "auroc": 0.5, "seconds": 2.0, "memory": 20.0}
    rows = [
        {
            "recording": "MIT-BIH",
            "method": "1-NN",
            "seed": seed,
            "vus_pr": area,
            "distance": away,
            "found": away <= NEAR,
        }
        for seed, area, away in [(0, 0.2, 0), (1, 0.4, 100), (2, 0.6, 200)]
    ]
    table = tabulate(pd.DataFrame([{**row, **metrics} for row in rows])).iloc[0]
    assert table["VUS-PR"] == "0.400 ± 0.200"
    assert table[f"highest score within {NEAR} steps"] == "2 of 3"
    assert table["steps from highest score to event"] == "100 ± 100"
    assert table["seconds"] == "2.0 ± 0.0"
    assert table["peak memory, MiB"] == "20 ± 0"
    alone = tabulate(pd.DataFrame([{**rows[1], **metrics}])).iloc[0]
    assert alone["VUS-PR"] == "0.400", "one seed has no standard deviation"
    missing = tabulate(pd.DataFrame([{**rows[1], **metrics, "memory": np.nan}])).iloc[0]
    assert missing["peak memory, MiB"] == "–"


def test_summary_compares_default_detector_with_best_baseline():
    values = [(METHODS[0], 0.4, True), (METHODS[0], 0.2, False), (METHODS[1], 0.9, True)]
    values += [("1-NN", 0.7, True), ("1-NN", 0.5, True), ("matrix profile", 0.5, True)]
    rows = pd.DataFrame(values, columns=["method", "vus_pr", "found"]).assign(recording="MIT-BIH")
    wanted = "- MIT-BIH: default detector, 0.300, finds an event with 1 of 2 seeds; best baseline: 1-NN, 0.600\n"
    assert summary(rows).endswith(wanted)


def test_new_row_replaces_old_row():
    rows = pd.DataFrame(columns=["recording", "method", "seed"])
    for recording, method, seed, area in [
        ("MIT-BIH", "1-NN", 0, 0.1),
        ("MIT-BIH", METHODS[0], 1, 0.2),
        ("internal bleeding", "1-NN", 0, 0.3),
        ("MIT-BIH", METHODS[0], 0, 0.4),
        ("MIT-BIH", "1-NN", 0, 0.5),
    ]:
        rows = merged(rows, {"recording": recording, "method": method, "seed": seed, "vus_pr": area})
    assert rows.vus_pr.tolist() == [0.3, 0.4, 0.2, 0.5]


def test_chosen_methods_by_name():
    assert chosen(None) == dict.fromkeys(["internal bleeding", "ecg-diff-count-3", "MIT-BIH"], METHODS)
    assert chosen("mit-bih") == {"MIT-BIH": METHODS}
    assert {tuple(methods) for methods in chosen("1-nn").values()} == {("1-NN",)}
    assert chosen("nothing") == {}
    assert set(SERIES_BASELINES) < set(METHODS)
