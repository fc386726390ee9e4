"""Compare the default detector with 5-NN, and with what was tried instead, on twenty splits of ECG5000.

All methods have the same normal beats: those for training, validation and calibration. The program also measures how
much of 1 - AUROC is due to the three normal test beats (1 % of them) with the highest scores.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from trainers.detection import AnomalyDetector, baseline_scores
from trainers.detection.preprocessing import Scaling

from .detection_study import Windows, of_normal_windows
from .experiment import arguments, measured, split_of
from .restore_tables import corrected_interval
from .results import markdown
from .results_file import section

SPLITS, WORST = 20, 3
FIRST, NEIGHBOURS = "default detector", "5-NN"
# Number of epochs, each with 30 optimizer steps; the first is the default.
EPOCHS = (20, 10, 33)
# Other scores of the default detector's network.
SCORES: dict[str, dict[str, Any]] = {
    "errors smoothed over 5 steps instead of 9": {"smooth": 5},
    "errors smoothed over 17 steps": {"smooth": 17},
    "errors not smoothed": {"smooth": 1},
    "reconstruction error alone, smoothed over 9 steps": {"error": "mae", "smooth": 9},
}
COLUMNS = {"method": "method", "auroc": "AUROC", "ahead": "splits ahead of 5-NN", "minus": "minus 5-NN, 95 % interval",
           "worst": "share of 1 - AUROC due to three normal beats"}  # fmt: skip


def fitted(seed: int, epochs: int) -> AnomalyDetector:
    """Return the default detector, trained for a number of epochs."""
    training, validation, calibration, _ = split_of(seed)
    detector = AnomalyDetector(seed=seed, epochs=epochs)
    return detector.fit(training, validation=validation, calibration=calibration, progress=False)


def scores_of(seed: int, epochs: tuple[int, ...] = EPOCHS) -> dict[str, np.ndarray]:
    """Return the scores of the test beats of a split, by method."""
    *normal, test = split_of(seed)
    detector: Any = fitted(seed, epochs[0])
    scores = {FIRST: detector.score(test)}
    for count in epochs[1:]:
        scores[f"{30 * count} optimizer steps"] = fitted(seed, count).score(test)
    for name, settings in SCORES.items():
        detector.set_params(**{"error": "neighbours", "smooth": None, **settings})
        scores[name] = detector.score(test)
    scaling, beats = Scaling("standard", normal[0]), np.concatenate([part.sequences for part in normal])
    parts = {"bank": beats, "calibration": normal[2].sequences.numpy(), "test": test.sequences.numpy()}
    windows = {name: Windows(scaling.scale(values)) for name, values in parts.items()}
    weighted = of_normal_windows(detector.trainer.model, windows, windows)
    scores |= {f"error weight {weight} instead of 3": weighted[f"n{weight}"][1] for weight in (1, 2, 4)}
    return scores | {name: baseline_scores(name, beats, parts["test"]) for name in ("1-NN", NEIGHBOURS)}


def due_to_worst(abnormal: np.ndarray, scores: np.ndarray) -> float:
    """Return the share of 1 - AUROC that is due to the three normal beats with the highest scores.

    1 - AUROC is the mean over the normal beats of the share of abnormal beats with a lower score.

    >>> due_to_worst(np.array([0, 0, 0, 0, 1, 1]), np.array([1, 3, 5, 5, 2, 4]))  # 5 of 5 wrong pairs
    1.0
    """
    wrong = np.sort(np.searchsorted(np.sort(scores[abnormal == 1]), scores[abnormal == 0]))
    return float(wrong[-WORST:].sum() / max(1, wrong.sum()))


def measure(seed: int) -> dict[str, Any]:
    """Return one row for each method."""
    abnormal = split_of(seed).test.abnormal.astype(int)
    rows = [
        {"method": name, "auroc": float(roc_auc_score(abnormal, scores)), "worst": due_to_worst(abnormal, scores)}
        for name, scores in scores_of(seed).items()
    ]
    return {"rows": rows}


def make(seed: int) -> Callable[[], dict[str, Any]]:
    """Return the measurement of one split."""
    return partial(measure, seed)


def tabulate(rows: pd.DataFrame, ratio: float) -> pd.DataFrame:
    """Return means over the splits, and differences to 5-NN, paired by split; `ratio` is test beats to normal beats."""
    areas, table = rows.pivot(index="seed", columns="method", values="auroc"), []
    for name, group in rows.groupby("method", sort=False):
        differences = areas[name] - areas[NEIGHBOURS]
        mean, low, high = corrected_interval([*differences], ratio)
        other = name != NEIGHBOURS
        table.append({
            "method": name, "auroc": f"{group.auroc.mean():.4f} ± {group.auroc.std():.4f}",
            "ahead": f"{(differences > 0).sum()} of {len(areas)}" if other else "–",
            "minus": f"{mean:+.4f}, {low:+.4f} to {high:+.4f}" if other else "–",
            "worst": f"{100 * group.worst.mean():.0f} %",
        })  # fmt: skip
    return pd.DataFrame(table).rename(columns=COLUMNS)


def main() -> None:
    parser = arguments(__doc__, seeds=SPLITS, jobs=None)
    options = parser.parse_args()
    cells = measured(make, [{}], options)
    frames = [pd.DataFrame(cell.rows).assign(seed=cell.seed) for cell in cells.itertuples()]
    *normal, test = split_of(0)
    with section("splits", complete=options.seeds == SPLITS):
        print(markdown(tabulate(pd.concat(frames), len(test) / sum(map(len, normal)))))


if __name__ == "__main__":
    main()
