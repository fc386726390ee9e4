"""Compare the kit's detector, variants of it, and baselines on three long recordings, over several seeds.

The program writes the table into RESULTS.md and series_results.csv, and the metrics of every seed into
series_results_by_seed.csv. With `--folder PATH`, an interrupted measurement continues where it was. `--only NAME`
measures a part again and keeps the other rows.

The detector trains on the first 60 % of a recording's training part and uses the rest for validation and calibration;
the baselines use all of it. Each recording has one window length, which the detector chooses. The volumes under the
surface (VUS) use the same length.

Each method trains and scores in a new process with one thread, so that its seconds and its memory are its own. Methods
that share a training run share a process: the seconds of each are those of training and of its own scoring, and its
memory is the larger of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import Recording, load_ecg_diff_count, load_internal_bleeding, load_mitbih
from trainers.detection import SERIES_BASELINES, AnomalyDetector, evaluate_series, series_baseline_scores
from trainers.detection.preprocessing import hold_out
from trainers.detection.windowing import estimate_window

from .experiment import alone, arguments, cost, measured
from .results import markdown
from .results_file import section

FOLDER = Path(__file__).parent
RECORDINGS = {
    "internal bleeding": load_internal_bleeding,
    "ecg-diff-count-3": load_ecg_diff_count,
    "MIT-BIH": load_mitbih,
}
# Each entry is one training run: settings of the detector, and settings for scoring by method.
TRAININGS: list[tuple[dict[str, Any], dict[str, dict[str, Any]]]] = [
    (
        {"adapt": False},
        {
            "default detector": {},
            "default detector, reconstruction error alone": {"error": "mae"},
            "default detector, errors of single steps": {"error": "mae", "step_score": "point"},
        },
    ),
    ({"error": "mae", "network": "steps", "adapt": False}, {"detector of version 0.2": {}}),
]
METHODS = [name for *_, scorings in TRAININGS for name in scorings] + list(SERIES_BASELINES)
KEY = ["recording", "method", "seed"]
# The highest score finds an event if it is at most this number of steps away from it.
NEAR = 100
COLUMNS = {
    "vus_pr": ("VUS-PR", "{:.3f}"),
    "vus_roc": ("VUS-ROC", "{:.3f}"),
    "average_precision": ("average precision", "{:.3f}"),
    "auroc": ("AUROC", "{:.3f}"),
    "distance": ("steps from highest score to event", "{:.0f}"),
    "seconds": ("seconds", "{:.1f}"),
    "memory": ("peak memory, MiB", "{:.0f}"),
}


def window_of(recording: Recording) -> int:
    """Return the window length that the detector chooses, without training."""
    parts = hold_out(recording.training, seed=0)
    return estimate_window(parts[0], min(map(len, parts)))


def trained(recording: Recording, seed: int, settings: dict[str, Any], epochs: int | None) -> AnomalyDetector:
    """Return the default detector with the options settings, trained."""
    settings = {**settings, "seed": seed, **({} if epochs is None else {"epochs": epochs})}
    return AnomalyDetector(**settings).fit(recording.training, progress=False)


def distance(step: int, events: list[tuple[int, int]]) -> int:
    """Return the number of steps from a time step to the nearest event; 0 inside an event."""
    return min(max(start - step, 0, step - (end - 1)) for start, end in events)


def metrics_of(scores: np.ndarray, recording: Recording, window: int) -> dict[str, float]:
    """Return the metrics that need no threshold."""
    test = recording.test
    evaluation = evaluate_series(scores, test.labels, threshold=float(scores.max()), window=window)
    away = distance(int(scores.argmax()), test.events)
    metrics = {name: getattr(evaluation, name) for name in ("vus_pr", "vus_roc", "average_precision", "auroc")}
    return {**metrics, "distance": away, "found": away <= NEAR, "window": window}


def measure(
    recording: Recording, seed: int, wanted: Container[str] = METHODS, *, epochs: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one row for each method, with the cost of training and scoring."""
    window = window_of(recording)
    for settings, scorings in TRAININGS:
        selected = {method: changes for method, changes in scorings.items() if method in wanted}
        if selected:
            with cost() as training:
                detector = trained(recording, seed, settings, epochs)
            for method, changes in selected.items():
                for name, value in {**settings, "step_score": "window", **changes}.items():
                    setattr(detector, name, value)
                with cost() as scoring:
                    scores = detector.score(recording.test)
                spent = {
                    "seconds": training["seconds"] + scoring["seconds"],
                    "memory": max(training["memory"], scoring["memory"]),
                }
                yield {"method": method, "seed": seed, **metrics_of(scores, recording, window), **spent}
    for method in SERIES_BASELINES:
        if method in wanted:
            with cost() as spent:
                scores = series_baseline_scores(method, *recording, window=window, seed=seed)
            yield {"method": method, "seed": seed, **metrics_of(scores, recording, window), **spent}


def make(seed: int, methods: list[str], epochs: int | None) -> Callable[[Recording], Iterator[dict[str, Any]]]:
    """Return the measurement of methods that share a training run, with one seed."""
    return partial(measure, seed=seed, wanted=methods, epochs=epochs)


def rows_of(work: Callable[[Recording], Iterator[dict[str, Any]]], recording: Recording) -> dict[str, Any]:
    """Return the rows of the methods that share a training run."""
    return {"rows": alone(collected, work, recording)}


def collected(work: Callable[[Recording], Iterator[dict[str, Any]]], recording: Recording) -> list[dict[str, Any]]:
    """Return the rows as a list, which another process can return."""
    return list(work(recording))


def tabulate(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean ± standard deviation over the seeds, and the number of seeds with the event found."""
    table = []
    for (recording, method), group in rows.groupby(["recording", "method"], sort=False):
        cells = {"recording": recording, "method": method}
        for name, (title, form) in COLUMNS.items():
            if name == "distance":
                cells[f"highest score within {NEAR} steps"] = f"{int(group.found.sum())} of {len(group)}"
            deviation = f" ± {form.format(group[name].std())}" * (len(group) > 1)
            cells[title] = "–" if group[name].isna().any() else form.format(group[name].mean()) + deviation
        table.append(cells)
    return pd.DataFrame(table)


def summary(rows: pd.DataFrame) -> str:
    """Return a list with one line per recording: the default detector and the best baseline, by mean VUS-PR."""
    lines = []
    for recording, group in rows.groupby("recording", sort=False):
        means = group.groupby("method").vus_pr.mean()
        default = group[group.method == METHODS[0]]
        baselines = means[means.index.isin(SERIES_BASELINES)]
        if len(default) and len(baselines):
            best = f"best baseline: {baselines.idxmax()}, {baselines.max():.3f}"
            found = f"finds an event with {int(default.found.sum())} of {len(default)} seeds"
            lines.append(f"- {recording}: default detector, {means[METHODS[0]]:.3f}, {found}; {best}")
    return "Mean VUS-PR:\n\n" + "\n".join(lines) + "\n"


def merged(rows: pd.DataFrame, row: dict[str, Any]) -> pd.DataFrame:
    """Return the rows with a new row, which replaces an older one of the same key, in the order of this file."""
    rows = pd.concat([rows, pd.DataFrame([row])]).drop_duplicates(KEY, keep="last")
    order = {"recording": list(RECORDINGS), "method": METHODS, "seed": sorted(rows.seed)}
    return rows.sort_values(KEY, key=lambda column: column.map(order[column.name].index), ignore_index=True)


def chosen(only: str | None) -> dict[str, list[str]]:
    """Return the methods to measure by recording: all, or those with `only` in the name of method or recording."""
    word = (only or "").casefold()
    pairs = {
        recording: [method for method in METHODS if word in method.casefold() or word in recording.casefold()]
        for recording in RECORDINGS
    }
    return {recording: methods for recording, methods in pairs.items() if methods}


def main() -> None:
    # one process, because the table contains the seconds of training
    parser = arguments(__doc__, seeds=5, jobs=1)
    parser.add_argument("--only", metavar="NAME", help="part of the name of a recording or a method")
    parser.add_argument(
        "--epochs", type=int, help="number of epochs for a trial that writes nothing; default: that of the detector"
    )
    options = parser.parse_args()
    work = chosen(options.only)
    if not work:
        parser.error(f"--only must be part of one of {', '.join([*RECORDINGS, *METHODS])}, got {options.only}.")
    by_seed = FOLDER / "series_results_by_seed.csv"
    rows, write = pd.DataFrame(columns=KEY), options.epochs is None
    if options.only and write and by_seed.exists():
        rows = pd.read_csv(by_seed)
    print(f"{options.seeds} seeds, {options.epochs or AnomalyDetector().epochs} epochs, one thread")
    groups = [list(scorings) for _, scorings in TRAININGS] + [[name] for name in SERIES_BASELINES]
    for name, methods in work.items():
        print(f"{name}, windows of {window_of(RECORDINGS[name]())} steps", flush=True)
        selected = [[method for method in group if method in methods] for group in groups]
        settings = [{"methods": group, "epochs": options.epochs} for group in selected if group]
        for cell in measured(make, settings, options, {name: RECORDINGS[name]}, rows_of).itertuples():
            for row in cell.rows:
                rows = merged(rows, {"recording": name, **row})
                found = f"VUS-PR {row['vus_pr']:.3f}, highest score {row['distance']} steps from an event"
                print(f"  seed {cell.seed}  {row['method']}: {found}, {row['seconds']:.1f} s", flush=True)
        if write:
            rows.to_csv(by_seed, index=False, float_format="%.6g")
    table = tabulate(rows)
    with section("recordings", complete=write):
        print(f"\n{markdown(table)}\n{summary(rows)}")
    if write:
        table.to_csv(FOLDER / "series_results.csv", index=False)
        print("written: series_results.csv, series_results_by_seed.csv")


if __name__ == "__main__":
    main()
