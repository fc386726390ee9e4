"""Compare restores of the best weights during training with a restore at the end, on many data sets.

    python -m tests.benchmarks.restore_study [FOLDER]

For each data set, regime and seed, one network is trained without restore. Its weights after each epoch give *off* (the
last weights), *at the end* (those of the lowest validation loss) and averages of weights. Each variant that restores
during training is trained from the same initial weights with the same batches, unless it would not restore before the
last epoch: then it equals *at the end*. All are judged by the mean |error| on sequences that chose nothing, as the log
ratio to *at the end*, paired by seed.

The data sets are those of this repository, and without FOLDER four synthetic series. FOLDER may contain ``ucr/*.npz``
and ``ucr_anomaly/*``, as in `detection_study`; of the recordings, the first `--recordings` are used. Five seeds give
five splits: a set is split at random; the training part of a recording is cut into five folds, and seed i judges on
fold i. An interrupted study continues where it was. The program writes tables.md, by_run.csv and a figure, and with
``--page`` also the page notebooks/restore_study.md, whose text is about ten data sets: check it then.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score

from data import DataSet, Recording, Series, recordings, split, synthetic_series
from data.windows import cut_windows, interpolated, window_starts
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection.preprocessing import Scaling
from trainers.history_restore import HistoryRestore
from trainers.losses import reconstruct
from trainers.torch_utils import ModelState, load_state

from .detection_study import ucr_recording, ucr_set, window_of
from .experiment import arguments, measured
from .restore_tables import by_data_set, compact, complete, figure, over_data_sets, verdict
from .results import markdown
from .results_file import section

OUT, PAGE = Path("build/restore-study"), Path(__file__).parents[2] / "notebooks/restore_study.md"
FIGURE = "site/static/restore_study.png"
EPOCHS, STEPS, BATCH_SIZE, FOLDS, MOST = 24, 25, 32, 5, 2000
REFERENCE = "at the end"


@dataclass(frozen=True)
class Regime:
    """Settings of the trainer, and the largest numbers of sequences for training and validation."""

    settings: dict[str, Any] = field(default_factory=lambda: {"learning_rate": 0.01})
    training: int = MOST
    validation: int = 500


REGIMES = {
    "constant rate": Regime(),
    "cosine rate": Regime({"learning_rate": 0.02, "schedule": "cosine", "warmup_epochs": 1.0}),
    "high rate without clipping": Regime({"learning_rate": 0.05, "max_grad_norm": None}),
    "50 for training": Regime(training=50),
    "20 for validation": Regime(validation=20),
    "100 for validation": Regime(validation=100),
}
# Settings of history restore.
VARIANTS: dict[str, dict[str, Any]] = {
    "every worse epoch": {},
    "patience 1": {"patience": 1},
    "patience 3": {"patience": 3},
    "tolerance 5 %": {"min_delta_ratio": 0.05},
    "tolerance 10 %": {"min_delta_ratio": 0.1},
    "tolerance 20 %": {"min_delta_ratio": 0.2},
    "tolerance 20 %, optimizer reset": {"min_delta_ratio": 0.2, "optimizer_state": "reset"},
    "optimizer restored": {"optimizer_state": "restore"},
    "optimizer reset": {"optimizer_state": "reset"},
    "rate × 0.9": {"lr_factor": 0.9},
    "rate × 0.5": {"lr_factor": 0.5},
    "rate × 0.5, without restore": {"lr_factor": 0.5, "restore": REFERENCE},
    "plateau with reload": {"patience": 3, "lr_factor": 0.5, "optimizer_state": "restore"},
    "plateau without reload": {"patience": 3, "lr_factor": 0.5, "restore": REFERENCE},
}
# For a restore with a cut of the rate, the variant that only cuts it (`PlateauTrainer`).
CONTROLS = {"rate × 0.5": "rate × 0.5, without restore", "plateau with reload": "plateau without reload"}
READ_OFF = ("off", "average of the best 3", "average of the last third")


# ---------------------------------------------------------------------- data


class Parts(NamedTuple):
    """Sequences, each (n, time, feature); labels of `test`; judged divided by training data of the split."""

    training: np.ndarray
    validation: np.ndarray
    judging: np.ndarray
    test: np.ndarray
    abnormal: np.ndarray
    ratio: float


def parts_of(source: DataSet | Recording, seed: int) -> Parts:
    """Return the parts of a data set for a seed; sequences are scaled, and their means subtracted."""
    return parts_of_set(source, seed) if isinstance(source, DataSet) else parts_of_recording(source, seed)


def parts_of_set(source: DataSet, seed: int) -> Parts:
    """Return the split of a set; the calibration part and the normal test sequences are judged."""
    parts = split(source, seed=seed)
    scaling, abnormal = Scaling("standard", parts.training), parts.test.abnormal
    training, validation, calibration, test = (centred(scaling.scale(part.sequences.numpy())) for part in parts)
    judging = np.concatenate([calibration, test[~abnormal]])
    return Parts(training, validation, judging, test, abnormal, len(judging) / len(training))


def parts_of_recording(source: Recording, seed: int) -> Parts:
    """Return windows of five folds of the training part: fold i is judged, the next is for validation, three train."""
    normal, order = source.training, np.random.default_rng(seed)
    length = max(8, min(window_of(normal, seed), len(normal) // (3 * FOLDS)))
    ends = np.linspace(0, len(normal), FOLDS + 1).astype(int)
    starts = [np.arange(begin, end - length + 1) for begin, end in pairwise(ends)]
    judging, validation, *others = np.roll(np.arange(FOLDS), -(seed % FOLDS))
    # the scale of the three folds for training
    scaling = Scaling("standard", Series(np.concatenate([normal.values[ends[i] : ends[i + 1]] for i in others])))

    def cut(series: Series, at: np.ndarray) -> np.ndarray:
        return centred(cut_windows(scaling.scale(interpolated(series.values)), at, length))

    steps = window_starts(len(source.test), length, max(1, length // 4))
    abnormal = np.array([source.test.abnormal[i : i + length].any() for i in steps])
    return Parts(
        cut(normal, order.permutation(np.concatenate([starts[i] for i in others]))[:MOST]),
        cut(normal, order.permutation(starts[validation])[:MOST]), cut(normal, starts[judging][:: max(1, length // 8)]),
        cut(source.test, steps), abnormal, 1 / (FOLDS - 2),
    )  # fmt: skip


def centred(values: np.ndarray) -> np.ndarray:
    """Return sequences minus their means."""
    return values - values.mean(1, keepdims=True)


def shipped(load: Callable[..., Any], options: Mapping[str, Any], seed: int) -> Parts:
    """Return the parts of a data set of the repository, or of a synthetic series."""
    return parts_of(load(**options), seed)


def from_file(load: Callable[[Path], Any], path: str, sha256: str, seed: int) -> Parts:
    """Return the parts of a file; `grid` saves its results under path and sha256."""
    return parts_of(load(Path(path)), seed)


def data_sets(folder: Path | None, n_recordings: int) -> dict[str, Callable[..., Parts]]:
    """Return a function of the seed for each data set, by name."""
    found: dict[str, Callable[..., Parts]] = {
        name: partial(shipped, load, {})
        for name, load in {
            "ECG5000": recordings.load_ecg5000, "ecg-diff-count-3": recordings.load_ecg_diff_count,
            "InternalBleeding16": recordings.load_internal_bleeding, "MIT-BIH": recordings.load_mitbih,
        }.items()
    }  # fmt: skip
    if folder is None:
        for shape in ("heartbeat", "sine"):
            for n_features in (1, 3):
                options = {"shape": shape, "n_features": n_features, "noise": 0.1, "seed": 1}
                found[f"synthetic {shape}, n_features={n_features}"] = partial(shipped, synthetic_series, options)
        return found
    files = [(path, ucr_set) for path in sorted(folder.glob("ucr/*.npz"))]
    files += [(path, ucr_recording) for path in sorted(folder.glob("ucr_anomaly/*.txt*"))[:n_recordings]]
    for path, load in files:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        found[path.name.split(".")[0]] = partial(from_file, load, str(path.resolve()), sha256)
    return found


# ---------------------------------------------------------------------- training


class PlateauTrainer(BatchedTrainer):
    """Multiply the rate after `patience` worse epochs, without restoring weights (`ReduceLROnPlateau` of PyTorch)."""

    def configure_optimizer(self, model: torch.nn.Module) -> Any:
        """Return Adam and the scheduler."""
        adam = super().configure_optimizer(model)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau
        return [adam, plateau(adam, factor=self.lr_factor, patience=self.patience, threshold=0)]


def trained(parts: Parts, regime: Regime, seed: int, settings: Mapping[str, Any]) -> tuple[Any, list[ModelState]]:
    """Train with settings of history restore; return the result, and the weights after each epoch before a restore."""
    training, validation = parts.training[: regime.training], parts.validation[: regime.validation]
    _, length, n_features = training.shape
    model = LSTMAutoencoder(
        n_features=n_features, hidden_size=32, latent_size=32, patch_size=max(1, round(length / 8)), seed=seed
    )
    kind = PlateauTrainer if "lr_factor" in settings and settings.get("restore") == REFERENCE else BatchedTrainer
    size = min(BATCH_SIZE, len(training))
    trainer = kind(model, batch_size=size, steps_per_epoch=STEPS, seed=seed, **regime.settings, **settings)
    states: list[ModelState] = []
    keep = [lambda row, state: states.append(state)]
    return benchmark(trainer, training, validation, epochs=EPOCHS, callbacks=keep, progress=False), states


def restores_early(losses: Sequence[float], patience: int = 0, min_delta_ratio: float = 0.0, **_: Any) -> bool:
    """Return whether a variant would restore before the last epoch of a run with these validation losses."""
    memory = HistoryRestore()
    for epoch, loss in enumerate(losses[:-1], start=1):
        decision, _ = memory.decide(loss, restores=True, patience=patience, min_delta_ratio=min_delta_ratio)
        if decision == "restore":
            return True
        if decision == "best":
            memory.best_epoch, memory.best_loss = epoch, loss
    return False


def average(states: Sequence[ModelState]) -> ModelState:
    """Return the means of weights (Vaswani et al. 2017, section 6.1; Izmailov et al. 2018, SWA)."""
    return {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}


def read_off(losses: Sequence[float], states: Sequence[ModelState]) -> dict[str, ModelState]:
    """Return the weights that a run without restore gives, from the validation loss and weights of each epoch."""
    best = np.argsort(losses, kind="stable")
    return {
        "off": states[-1],
        REFERENCE: states[best[0]],
        "average of the best 3": average([states[i] for i in best[:3]]),
        "average of the last third": average(states[-(len(states) // 3) :]),
    }


def measure(settings: dict[str, Any], parts: Parts) -> dict[str, Any]:
    """Return one row for each variant: loss on the judged sequences, AUROC, restores and seconds of training."""
    regime, seed = REGIMES[settings["regime"]], settings["seed"]
    off, states = trained(parts, regime, seed, {"restore": "off"})
    losses, rows = [row.validation_loss for row in off.history], []

    def judge(variant: str, model: torch.nn.Module, restores: float, seconds: float) -> None:
        errors = [np.abs(reconstruct(model, x).numpy() - x).mean((1, 2)) for x in (parts.judging, parts.test)]
        auroc = roc_auc_score(parts.abnormal, errors[1]) if 0 < parts.abnormal.mean() < 1 else np.nan
        metrics = {"loss": float(errors[0].mean()), "auroc": auroc, "restores": restores, "seconds": seconds}
        rows.append({"variant": variant, **metrics, "ratio": parts.ratio})

    for variant, weights in read_off(losses, states).items():
        load_state(off.model, weights)
        judge(variant, off.model, 0, off.seconds * (variant == "off"))
    at_the_end = next(row for row in rows if row["variant"] == REFERENCE)
    for variant, options in VARIANTS.items():
        if restores_early(losses, **options):
            result, _ = trained(parts, regime, seed, options)
            judge(variant, result.model, len(result.history.restored_epochs), result.seconds)
        else:
            rows.append({**at_the_end, "variant": variant})
    return {"rows": rows}


ALT = (
    "Dot plot with a panel for each regime and a row for each variant: change of the loss against restoring at the "
    "end. A grey point is a data set; a diamond with a bar is the mean with its 95 % interval."
)


def main() -> None:
    parser = arguments(__doc__, seeds=5, jobs=2)
    parser.add_argument("data", nargs="?", type=Path, help="folder of data sets; default: four synthetic series")
    parser.add_argument("--recordings", type=int, default=2, help="recordings of the folder; default: %(default)s")
    parser.add_argument("--page", action="store_true", help="write notebooks/restore_study.md and its figure")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the results; default: %(default)s")
    options = parser.parse_args()
    options.folder = options.folder or options.out / "cells"
    sets = data_sets(options.data, options.recordings)
    cells = measured(dict, [{"regime": regime} for regime in REGIMES], options, sets, measure)
    rows = pd.concat(
        [
            pd.DataFrame(cell.rows).assign(data=cell.data, regime=cell.regime, seed=cell.seed)
            for cell in cells.itertuples()
        ]
    )
    options.out.mkdir(parents=True, exist_ok=True)
    rows.to_csv(options.out / "by_run.csv", index=False, float_format="%.6g")
    table = by_data_set(rows, dict.fromkeys([*READ_OFF, *VARIANTS], REFERENCE))
    summary, controlled = over_data_sets(table), over_data_sets(by_data_set(rows, CONTROLS))
    runs = rows.seconds[rows.seconds > 0]
    about = (
        f"{len(sets)} data sets ({', '.join(sets)}); {options.seeds} seeds; {EPOCHS} epochs of {STEPS} steps; "
        f"{len(runs)} training runs of {runs.mean():.1f} s on average."
    )
    result = f"{about}\n\n{verdict(summary, controlled, (*READ_OFF, *CONTROLS.values()), REFERENCE)}\n"
    tables = "\n".join(map(markdown, (compact(summary), complete(summary), complete(controlled))))
    (options.out / "tables.md").write_text(f"{result}\n{tables}", encoding="utf-8")
    figure(table, summary).savefig(options.out / "figure.png", dpi=110)
    with section(PAGE.stem, complete=options.page, path=PAGE):
        print(f"{result}\n![{ALT}]({FIGURE})\n\n{markdown(compact(summary))}")
    if options.page:
        shutil.copy(options.out / "figure.png", PAGE.parent / FIGURE)


if __name__ == "__main__":
    main()
