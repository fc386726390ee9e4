"""One training run on ECG5000, its metrics and cost, and a table of many; the other programs use them."""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib.externals.loky import ProcessPoolExecutor

from data import Split, load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection import AnomalyDetector, baseline_scores, evaluate, quantile_threshold, reconstruction_error
from trainers.experiments import grid

from .scoring import memory

# The kit's best configuration: the settings that differ from the defaults of model and trainer.
BEST_MODEL = {"latent_size": 32}
BEST = {"batch_size": 32, "learning_rate": 0.01, "schedule": "cosine", "warmup_epochs": 3.0}
BEST_EPOCHS = 28


@cache
def split_of(seed: int) -> Split:
    """Return the split of ECG5000 for a seed."""
    return split(load_ecg5000(), seed=seed)


@contextmanager
def cost() -> Iterator[dict[str, float]]:
    """Measure the processor time of what runs in the context, and the rise of the process's peak memory in MiB.

    The dict has the keys `seconds` and `memory` after the context. The memory includes that of libraries which are
    loaded in the context. Memory that the process used before and reuses would be missing: use `alone`. It is NaN
    without Linux and glibc.
    """
    spent: dict[str, float] = {}
    try:
        # return freed memory, so that its reuse is counted
        ctypes.CDLL(None).malloc_trim(0)
        # reset the peak
        Path("/proc/self/clear_refs").write_text("5")
        before = memory("VmRSS")
    except (AttributeError, OSError, TypeError):
        before = None
    start = time.process_time()
    yield spent
    spent["seconds"] = time.process_time() - start
    spent["memory"] = float("nan") if before is None else (memory("VmHWM") - before) / 2**20


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function that is called in a new process with one thread."""
    with ProcessPoolExecutor(1, env={"OMP_NUM_THREADS": "1"}) as pool:
        return pool.submit(work, *arguments).result()


def train(
    seed: int, epochs: int = BEST_EPOCHS, *, model: dict[str, Any] | None = None, **settings: Any
) -> dict[str, float]:
    """Train an autoencoder and return its metrics; the seed determines split, initial weights and order of batches.

    Errors are sums of absolute errors over the 140 steps, to be comparable with published results. The cost is that of
    training and scoring the test set.
    """
    training, validation, calibration, test = split_of(seed)
    trainer = BatchedTrainer(
        LSTMAutoencoder(seed=seed, **(BEST_MODEL if model is None else model)), "cpu", seed=seed, **settings
    )
    with cost() as spent:
        result = benchmark(trainer, training, validation, epochs=epochs, progress=False)
        scores = reconstruction_error(result.model, test)
    threshold = quantile_threshold(reconstruction_error(result.model, calibration))
    evaluation = evaluate(scores, test.labels, threshold)
    smoothed = reconstruction_error(result.model, test, smooth=9)
    return {
        "auroc": evaluation.auroc,
        "average_precision": evaluation.average_precision,
        "auroc_smoothed": evaluate(smoothed, test.labels, 0.0).auroc,
        "validation_error": float(reconstruction_error(result.model, validation, kind="sum").mean()),
        "restores": len(result.history.restored_epochs),
        **spent,
    }


def baseline(name: str, seed: int) -> dict[str, float]:
    """Return the metrics of a baseline on the same split, and the cost of training and scoring."""
    training, _, _, test = split_of(seed)
    with cost() as spent:
        scores = baseline_scores(name, training, test, seed=seed)
    return _of_scores(scores, test.labels, spent)


def default_detector(seed: int) -> dict[str, float]:
    """Return the metrics of the default `AnomalyDetector` on the same split, and the cost of training and scoring."""
    training, validation, calibration, test = split_of(seed)
    with cost() as spent:
        detector = AnomalyDetector(seed=seed)
        detector.fit(training, validation=validation, calibration=calibration, progress=False)
        scores = detector.score(test)
    return _of_scores(scores, test.labels, spent)


def _of_scores(scores: np.ndarray, labels: Any, spent: dict[str, float]) -> dict[str, float]:
    evaluation = evaluate(scores, labels, threshold=0.0)
    missing = float(np.nan)
    return {
        "auroc": evaluation.auroc,
        "average_precision": evaluation.average_precision,
        "auroc_smoothed": missing,
        "validation_error": missing,
        "restores": missing,
        **spent,
    }


def arguments(description: str | None, *, seeds: int, jobs: int | None) -> argparse.ArgumentParser:
    """Return the command line of a program that measures with `measured`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--jobs", type=int, default=jobs, help="number of processes; default: %(default)s")
    parser.add_argument(
        "--folder", help="folder in which finished runs are kept, so that an interrupted measurement can be continued"
    )
    return parser


def call(work: Callable[..., Mapping[str, Any]], data: Any) -> Mapping[str, Any]:
    """Return what one cell measures."""
    return work()


def measured(
    make: Callable[..., Any],
    settings: Iterable[Mapping[str, Any]],
    options: argparse.Namespace,
    data: Mapping[str, Any] | None = None,
    run: Callable[[Any, Any], Mapping[str, Any]] = call,
) -> pd.DataFrame:
    """Return one row per setting and seed, with one thread per process; exit if a cell failed.

    Parameters
    ----------
    make : callable
        Called as ``make(seed=seed, **setting)``; returns a function without arguments, or what `run` accepts.
    settings : iterable of dict
        They become columns.
    options : argparse.Namespace
        Options of `arguments`.
    data : dict, optional
        As in `grid`. Default: the split of ECG5000 for the seed.
    run : callable, default `call`
        As in `grid`.
    """
    named, seeds = data or {"ECG5000": split_of}, range(options.seeds)
    rows = grid(make, settings, seeds, named, run=run, folder=options.folder, n_jobs=options.jobs, progress=True)
    if rows.error.notna().any():
        raise SystemExit("Some runs are missing. With --folder, the same command runs only these again.")
    return rows.drop(columns=["error"] if data else ["data", "error"])
