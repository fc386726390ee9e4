"""Three long recordings, several seeds: the kit's detector, variants of it, and simple detectors.

Writes the table into RESULTS.md and series_results.csv, and the metrics of every seed into series_results_by_seed.csv,
that one after each row, so that an interrupted run loses nothing. `--only NAME` measures a part again and keeps the
other rows.

The detector learns from the first 60 % of a recording's training part and holds the rest back for
validation and calibration; the simple detectors learn from all of it. Each recording has one
window, the detector's, which is also that of the volumes under the surfaces (VUS).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from data import Recording, load_ecg_diff_count, load_internal_bleeding, load_mitbih
from trainers.detection import SERIES_BASELINES, AnomalyDetector, evaluate_series, series_baseline_scores
from trainers.detection.preprocessing import hold_out
from trainers.detection.windowing import estimate_window

from .results import markdown
from .results_file import section

FOLDER = Path(__file__).parent
RECORDINGS = {
    "internal bleeding": load_internal_bleeding,
    "ecg-diff-count-3": load_ecg_diff_count,
    "MIT-BIH": load_mitbih,
}
# Each is one training: settings of the detector, and the ways to score with it.
TRAININGS: list[tuple[dict[str, Any], dict[str, dict[str, Any]]]] = [
    (
        {},
        {
            "LSTM autoencoder": {},
            "LSTM autoencoder, each step by its own error": {"step_score": "point"},
            "LSTM autoencoder, maximum over the windows": {"combine": "max"},
        },
    ),
    ({"centre": False}, {"LSTM autoencoder, windows keep their mean": {}}),
]
METHODS = [name for *_, scorings in TRAININGS for name in scorings] + list(SERIES_BASELINES)
KEY = ["recording", "method", "seed"]
# The highest score finds an event within so many steps of it.
NEAR = 100
COLUMNS = {
    "vus_pr": ("VUS-PR", "{:.3f}"),
    "vus_roc": ("VUS-ROC", "{:.3f}"),
    "average_precision": ("average precision", "{:.3f}"),
    "auroc": ("AUROC", "{:.3f}"),
    "distance": ("steps from highest score to event", "{:.0f}"),
    "seconds": ("training, s", "{:.1f}"),
}


def window_of(recording: Recording) -> int:
    """The window that the detector chooses, without training it."""
    parts = hold_out(recording.training, seed=0)
    return estimate_window(parts[0], min(map(len, parts)))


def trained(recording: Recording, seed: int, settings: dict[str, Any], epochs: int | None) -> AnomalyDetector:
    """The default detector, but for these settings."""
    settings = {**settings, "seed": seed, **({} if epochs is None else {"epochs": epochs})}
    return AnomalyDetector(**settings).fit(recording.training, progress=False)


def distance(step: int, events: list[tuple[int, int]]) -> int:
    """Steps from one time step to the nearest of any event; 0 within one."""
    return min(max(start - step, 0, step - (end - 1)) for start, end in events)


def judge(scores: np.ndarray, recording: Recording, window: int) -> dict[str, float]:
    """The figures that need no threshold."""
    test = recording.test
    judged = evaluate_series(scores, test.labels, threshold=float(scores.max()), window=window)
    away = distance(int(scores.argmax()), test.events)
    figures = {name: getattr(judged, name) for name in ("vus_pr", "vus_roc", "average_precision", "auroc")}
    return {**figures, "distance": away, "found": away <= NEAR, "window": window}


def measure(
    recording: Recording, seed: int, wanted: Container[str] = METHODS, *, epochs: int | None = None
) -> Iterator[dict[str, Any]]:
    """One row for each method; the seconds of a simple detector are for learning and scoring together."""
    window = window_of(recording)
    for settings, scorings in TRAININGS:
        asked = {method: changes for method, changes in scorings.items() if method in wanted}
        if asked:
            detector = trained(recording, seed, settings, epochs)
            assert detector.result is not None
            for method, changes in asked.items():
                for name, value in {"step_score": "window", "combine": "mean", **changes}.items():
                    setattr(detector, name, value)
                figures = judge(detector.score(recording.test), recording, window)
                yield {"method": method, "seed": seed, **figures, "seconds": detector.result.seconds}
    for method in SERIES_BASELINES:
        if method in wanted:
            begun = time.perf_counter()
            scores = series_baseline_scores(method, *recording, window=window, seed=seed)
            seconds = time.perf_counter() - begun
            yield {"method": method, "seed": seed, **judge(scores, recording, window), "seconds": seconds}


def tabulate(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean ± s.d. over the seeds; finds are counted."""
    table = []
    for (recording, method), group in rows.groupby(["recording", "method"], sort=False):
        cells = {"recording": recording, "method": method}
        for name, (title, form) in COLUMNS.items():
            if name == "distance":
                cells[f"highest score within {NEAR} steps"] = f"{int(group.found.sum())} of {len(group)}"
            spread = f" ± {form.format(group[name].std())}" * (len(group) > 1)
            cells[title] = form.format(group[name].mean()) + spread
        table.append(cells)
    return pd.DataFrame(table)


def merged(rows: pd.DataFrame, row: dict[str, Any]) -> pd.DataFrame:
    """The rows with one more, or instead of the one measured before; in the order of this file."""
    rows = pd.concat([rows, pd.DataFrame([row])]).drop_duplicates(KEY, keep="last")
    order = {"recording": list(RECORDINGS), "method": METHODS, "seed": sorted(rows.seed)}
    return rows.sort_values(KEY, key=lambda column: column.map(order[column.name].index), ignore_index=True)


def chosen(only: str | None) -> dict[str, list[str]]:
    """The methods to measure on each recording: all, or those with `only` in the method's or recording's name."""
    word = (only or "").casefold()
    pairs = {
        recording: [method for method in METHODS if word in method.casefold() or word in recording.casefold()]
        for recording in RECORDINGS
    }
    return {recording: methods for recording, methods in pairs.items() if methods}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--only", metavar="NAME", help="part of the name of a recording or a method")
    arguments.add_argument("--epochs", type=int, help="for a trial, which writes nothing; default: the detector's own")
    given = arguments.parse_args()
    work = chosen(given.only)
    if not work:
        arguments.error(f"--only {given.only}: in no name of {', '.join([*RECORDINGS, *METHODS])}")
    by_seed = FOLDER / "series_results_by_seed.csv"
    rows, write = pd.DataFrame(columns=KEY), given.epochs is None
    if given.only and write and by_seed.exists():
        rows = pd.read_csv(by_seed)
    print(f"{given.seeds} seeds, {given.epochs or AnomalyDetector().epochs} epochs, {torch.get_num_threads()} threads")
    for seed in range(given.seeds):
        for name, methods in work.items():
            recording = RECORDINGS[name]()
            print(f"seed {seed}  {name}, windows of {window_of(recording)} steps", flush=True)
            for row in measure(recording, seed, methods, epochs=given.epochs):
                rows = merged(rows, {"recording": name, **row})
                found = f"VUS-PR {row['vus_pr']:.3f}, highest score {row['distance']} steps from an event"
                print(f"  {row['method']}: {found}, {row['seconds']:.1f} s", flush=True)
                if write:
                    rows.to_csv(by_seed, index=False, float_format="%.6g")
    table = tabulate(rows)
    with section("recordings", complete=write):
        print("\n" + markdown(table))
    if write:
        table.to_csv(FOLDER / "series_results.csv", index=False)
        print("written: series_results.csv, series_results_by_seed.csv")


if __name__ == "__main__":
    main()
