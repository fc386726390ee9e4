"""Compare anomaly scores of one network, and thresholds, to choose the default detector.

    python -m tests.benchmarks.detection_study [FOLDER]

For each data set and seed, two networks are trained for a number of optimizer steps: on windows minus their means, and
on the windows as they are. All scores in `SCORES` are computed from these two networks and from nearest neighbours
among the windows themselves, and evaluated, and so are the detectors in `DETECTORS`. The data sets of each kind, in the
order of their names, are alternately assigned to two halves: one to choose a score, one to report the metrics of the
chosen score.

FOLDER may contain

- ``ucr_anomaly/*.txt`` or ``*.txt.gz``: files of the UCR anomaly archive (Wu & Keogh 2021),
  https://www.cs.ucr.edu/~eamonn/time_series_data_2018/UCR_TimeSeriesAnomalyDatasets2021.zip
- ``nab/*.csv``: files of the Numenta anomaly benchmark (Lavin & Ahmad 2015), https://github.com/numenta/NAB, and
  ``nab/windows.json``: for each name of a file without ".csv", the pairs (first time, last time) of its events
- ``ucr/*.npz``: labelled sequences, in the arrays x_train, y_train, x_test and y_test

Without FOLDER, the data sets of this repository are used. An interrupted study continues where it was. The program
writes tables.md and by_seed.csv, and with ``--page`` also a section of RESULTS.md. Data sets are named by their files
and the SHA-256 checksums of these.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import uniform_filter1d
from sklearn.metrics import roc_auc_score

from data import DataSet, Recording, Series, Split, recordings, split
from data.ucr import load_ucr_anomaly
from data.windows import cut_windows, interpolated, window_starts
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection import AnomalyDetector, evaluate_series, quantile_threshold, tracked_thresholds
from trainers.detection.neighbours import NormalWindows
from trainers.detection.preprocessing import Scaling, hold_out
from trainers.detection.scoring import smoothed
from trainers.detection.windowing import StepScores, estimate_window
from trainers.losses import reconstruct

from .experiment import arguments, measured
from .results import markdown
from .results_file import section

OUT = Path("build/detection-study")
STEPS, EPOCHS, BATCH_SIZE = 600, 10, 64
# Window length of a series without a period; numbers of validation windows and of compared vectors.
DEFAULT_WINDOW, VALIDATION_WINDOWS, CHUNK = 64, 300, 512
# Smallest rate of false alarms.
RATE = 0.01
# Share of a file of the Numenta benchmark that has no event.
NAB_TRAINING = 0.15
# Calibration and test scores.
Scores = tuple[np.ndarray, ...]


# ---------------------------------------------------------------------- data sets


def nab_recording(path: Path) -> Recording:
    """Return a file of the Numenta benchmark; its first 15 % are the training part."""
    table = pd.read_csv(path, parse_dates=["timestamp"])
    labels = np.zeros(len(table), dtype=int)
    for begin, end in json.loads(path.with_name("windows.json").read_text(encoding="utf-8"))[path.stem]:
        labels[table.timestamp.between(pd.Timestamp(begin), pd.Timestamp(end))] = 1
    whole = Series(table.value.to_numpy(np.float64), labels=labels, name=path.stem)
    end = int(NAB_TRAINING * len(whole))
    return Recording(whole[:end], whole[end:])


def ucr_recording(path: Path) -> Recording:
    """Return a file of the UCR anomaly archive, which may be compressed."""
    if path.suffix != ".gz":
        return load_ucr_anomaly(path)
    with TemporaryDirectory() as folder:
        text = Path(folder, path.stem)
        text.write_bytes(gzip.decompress(path.read_bytes()))
        return load_ucr_anomaly(text)


def ucr_set(path: Path) -> DataSet:
    """Return the sequences of both parts; the largest class is normal."""
    with np.load(path) as arrays:
        sequences, classes = (np.concatenate([arrays[f"{name}_train"], arrays[f"{name}_test"]]) for name in "xy")
    names, counts = np.unique(classes, return_counts=True)
    abnormal = (classes != names[counts.argmax()]).astype(int)
    return DataSet(sequences.astype(np.float32), labels=abnormal, name=path.stem)


# Kind, files and loader.
SHIPPED: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("recording", "ecg_diff_count.npz", recordings.load_ecg_diff_count),
    ("recording", "internal_bleeding.npz", recordings.load_internal_bleeding),
    ("recording", "mitbih.npz", recordings.load_mitbih),
    ("set", "ecg5000.npz", recordings.load_ecg5000),
]
FILES: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("UCR anomaly", "ucr_anomaly/*_UCR_Anomaly_*.txt*", ucr_recording),
    ("NAB", "nab/*.csv", nab_recording),
    ("set", "ucr/*.npz", ucr_set),
]


def loaded(load: Callable[[Path], Any], path: str, sha256: str, seed: int) -> Recording | Split:
    """Return a recording, or a split of a set; `grid` saves its results under path and sha256."""
    source = load(Path(path))
    return split(source, seed=seed) if isinstance(source, DataSet) else source


def data_sets(folder: Path | None) -> dict[tuple[str, str, str], Callable[..., Any]]:
    """Return a function that loads each data set, by (kind, name, sha256), in the order of kinds and names."""
    place, files = (Path(recordings.__file__).parent, SHIPPED) if folder is None else (folder, FILES)
    found: dict[tuple[str, str, str], Callable[..., Any]] = {}
    for kind, pattern, load in files:
        for path in sorted(place.glob(pattern)):
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            found[kind, path.name.split(".")[0], sha256] = partial(loaded, load, str(path.resolve()), sha256)
    return found


# ---------------------------------------------------------------------- windows


@dataclass(frozen=True)
class Windows:
    """Windows of a series, or sequences of a set.

    Parameters
    ----------
    values : numpy.ndarray, shape (n, length, feature)
    starts : numpy.ndarray, shape (n,), optional
        First step of each window, counted from the start of the recording; None for sequences of a set.
    stride : int
        Steps from one window to the next.
    """

    values: np.ndarray
    starts: np.ndarray | None = None
    stride: int = 1

    def of_steps(self, values: np.ndarray) -> np.ndarray:
        """Return values of windows, (n,) or (n, length, feature), as means over the windows that contain each step.

        Sequences of a set have one score each, so their values are returned as they are.
        """
        if self.starts is None:
            return values
        length, starts = self.values.shape[1], self.starts - self.starts[0]
        values = np.broadcast_to(values[:, None, None], (len(values), length, 1)) if values.ndim == 1 else values
        steps = StepScores(starts[-1] + length, length, self.stride, "mean").add(starts, values)
        return steps[:, 0] if steps.shape[1] == 1 else steps

    def centred(self) -> Windows:
        """Return the windows minus their means."""
        return replace(self, values=self.values - self.values.mean(1, keepdims=True))


def window_of(training: Series, seed: int) -> int:
    """Return the period, or `DEFAULT_WINDOW`; at most a fifth of the training part, so that it fits into all parts."""
    parts = hold_out(training, seed)
    try:
        length = estimate_window(parts[0], min(map(len, parts)))
    except ValueError:
        length = DEFAULT_WINDOW
    return min(length, len(training) // 5)


def windows_of(source: Recording | Split, seed: int, steps: int) -> dict[str, Windows]:
    """Return the scaled windows of each part: for training, those of random starts; all others at a stride.

    The *bank* has the normal windows among which neighbours are searched: for a recording, all of its training part.
    """
    if isinstance(source, Split):
        scaling = Scaling("standard", source.training)
        sets = {name: Windows(scaling.scale(part.sequences.numpy())) for name, part in source._asdict().items()}
        return {**sets, "bank": Windows(np.concatenate([sets[name].values for name in ("training", "validation")]))}
    length, parts = window_of(source.training, seed), hold_out(source.training, seed)
    ends, scaling = np.cumsum([0, *map(len, parts)]), Scaling("standard", parts[0])
    stride = max(1, min(4, length // 8))

    def cut(series: Series, first: int, starts: np.ndarray) -> Windows:
        values = cut_windows(scaling.scale(interpolated(series.values)), starts, length)
        return Windows(values, first + starts, stride)

    def all_of(series: Series, first: int) -> Windows:
        return cut(series, first, window_starts(len(series), length, stride))

    n = len(parts[0]) - length + 1
    evenly = np.linspace(0, len(parts[1]) - length, VALIDATION_WINDOWS).astype(int)
    return {
        "training": cut(parts[0], 0, np.random.default_rng(seed).permutation(n)[: steps * BATCH_SIZE]),
        "validation": cut(parts[1], ends[1], np.unique(evenly)),
        "calibration": all_of(parts[2], ends[2]),
        "test": all_of(source.test, ends[3]),
        "bank": all_of(source.training, 0),
    }


# ---------------------------------------------------------------------- terms of the score


def nearest(bank: np.ndarray, queries: np.ndarray, bank_windows: Windows, windows: Windows, k: int = 1) -> np.ndarray:
    """Return the mean distance ‖q - b‖ of each query q to the k nearest b of the bank (Angiulli & Pizzuti 2002, PKDD).

    Windows that overlap the window of the query are left out.
    """
    bank, queries = (part.reshape(len(part), -1).astype(np.float64) for part in (bank, queries))
    found, k = [], min(k, len(bank))
    for at in (slice(first, first + CHUNK) for first in range(0, len(queries), CHUNK)):
        squares = (queries[at] ** 2).sum(1)[:, None] - 2 * queries[at] @ bank.T + (bank**2).sum(1)
        if bank_windows.starts is not None and windows.starts is not None:
            apart = np.abs(windows.starts[at, None] - bank_windows.starts)
            squares[apart < windows.values.shape[1]] = np.inf
        found.append(np.sqrt(np.partition(squares, k - 1)[:, :k].clip(0)).mean(1))
    return np.concatenate(found)


def neighbours(parts: dict[str, Windows], of: Callable[[Windows], np.ndarray], k: int = 1) -> Scores:
    """Return the distances of calibration and test to the k nearest vectors of the bank; `of` returns the vectors."""
    bank, vectors = parts["bank"], of(parts["bank"])
    calibration, test = parts["calibration"], parts["test"]
    return tuple(part.of_steps(nearest(vectors, of(part), bank, part, k)) for part in (calibration, test))


def z_normalised(windows: Windows) -> np.ndarray:
    """Return (x - mean) / s.d. of each window: the neighbours of the matrix profile, Yeh et al. 2016, section II."""
    deviation = windows.values.std(1, keepdims=True)
    return windows.centred().values / np.where(deviation > 1e-9, deviation, np.inf)


def signed(differences: np.ndarray, windows: Windows) -> np.ndarray:
    """Return, for each step t, the root mean square of d̄ over half a window around t.

    d̄ is the mean of the signed reconstruction error over the windows that contain a step, so that errors of random
    sign cancel.
    """
    squares = (windows.of_steps(differences).reshape(-1, differences.shape[2]) ** 2).mean(1)
    return np.sqrt(uniform_filter1d(squares, max(1, round(differences.shape[1] / 2)), mode="nearest"))


@torch.no_grad()
def encoded(model: LSTMAutoencoder, windows: Windows) -> np.ndarray:
    """Return the latent vectors (n, latent)."""
    return np.concatenate([model.encode(part).numpy() for part in torch.as_tensor(windows.values).split(CHUNK)])


def network_terms(model: LSTMAutoencoder, inputs: dict[str, Windows], parts: dict[str, Windows]) -> dict[str, Scores]:
    """Return the terms that come from a network; `inputs` are the `parts` minus their means, or the same.

    With the difference d of a window x and its reconstruction:

    - w: mean of |d|; rms: √ of the mean of d²
    - S: `signed`, for series
    - l: distance to the nearest latent vector of the bank; latent vectors are scaled to the total variance of x
    - j: distance to the nearest pair (latent vector, √length · mean of the window): the level that centring removes
    - n1 to n4: distance of `NormalWindows`, with the error weight 1 to 4; n3 is the score of the default detector on
      series, except near their ends, and n30 on sets, whose sequences it does not centre
    """
    scored = inputs["calibration"], inputs["test"]
    differences = [reconstruct(model, part.values).numpy() - part.values for part in scored]

    def of(score: Callable[[np.ndarray], np.ndarray]) -> Scores:
        return tuple(part.of_steps(score(d)) for d, part in zip(differences, scored, strict=True))

    terms = {"w": of(lambda d: np.abs(d).mean((1, 2))), "rms": of(lambda d: np.sqrt((d**2).mean((1, 2))))}
    if inputs["test"].starts is not None:
        terms["S"] = tuple(signed(d, part) for d, part in zip(differences, scored, strict=True))
    # scale the latent vectors
    variance = encoded(model, inputs["bank"]).var(0).sum()
    scale = np.sqrt(inputs["bank"].values.var(0).sum() / max(variance, 1e-12))
    terms["l"] = neighbours(inputs, lambda windows: scale * encoded(model, windows))
    if inputs is not parts:

        def with_level(windows: Windows) -> np.ndarray:
            level = np.sqrt(windows.values.shape[1]) * windows.values.mean(1)
            return np.concatenate([scale * encoded(model, windows.centred()), level], axis=1)

        terms["j"] = neighbours(parts, with_level)
    return terms | of_normal_windows(model, inputs, parts)


def of_normal_windows(
    model: LSTMAutoencoder, inputs: dict[str, Windows], parts: dict[str, Windows]
) -> dict[str, Scores]:
    """Return the distances to the nearest normal window, by error weight."""
    bank, length = inputs["bank"], inputs["bank"].values.shape[1]
    # on a series, the steps of a window average the scores of many windows
    smooth = max(1, round(length / 16)) if bank.starts is None else 1

    def vectors(name: str) -> tuple[np.ndarray, ...]:
        values = inputs[name].values
        levels = np.zeros((len(values), 0)) if inputs is parts else parts[name].values.mean(1)
        errors = smoothed(reconstruct(model, values).numpy() - values, smooth)
        return encoded(model, inputs[name]), errors, levels

    known = {name: vectors(name) for name in ("bank", "calibration", "test")}
    of_series = bank.starts is not None
    positions = bank.starts if of_series else np.arange(len(bank.values))
    calibration = inputs["calibration"].starts
    terms = {}
    for weight in (1, 2, 3, 4):
        variance = float(bank.values.var(0).sum())
        normal = NormalWindows(*known["bank"], variance, positions, length if of_series else 1, weight)
        distances = normal.distances(*known["calibration"], calibration), normal.distances(*known["test"])
        scored = inputs["calibration"], inputs["test"]
        terms[f"n{weight}"] = tuple(part.of_steps(d) for part, d in zip(scored, distances, strict=True))
    return terms


# ---------------------------------------------------------------------- scores and thresholds

LEGEND = (
    "w: mean |error| of windows; rms: root mean square error; S: rms of mean signed errors; l: nearest latent vector; "
    "j: nearest latent vector with level; n1 to n4: nearest normal window by latent vector, level and error times 1 to "
    "4; 1-NN, 5-NN: nearest windows; MP: matrix profile; 0: windows not centred"
)
SCORES = (
    *("n1", "n2", "n3", "n4", "n30", "w", "S", "l", "j", "w0", "rms + l", "rms + l + j", "max(w, l, j)"),
    *("1-NN", "1-NN0", "1-NN + 1-NN0", "5-NN", "5-NN0", "MP"),
)
"""Sums and maxima of terms, each divided by its median on the calibration set."""


def terms_of(name: str) -> list[str]:
    """Return the terms of a score.

    >>> terms_of("w + l"), terms_of("max(w, l0)")
    (['w', 'l'], ['w', 'l0'])
    """
    return re.split(r" \+ |, ", name.removeprefix("max(").removesuffix(")"))


def combined(name: str, terms: dict[str, Scores]) -> Scores:
    """Return Σ N(x) or max N(x) over the terms x of a score, with N(x) = x / median of x on the calibration set."""
    reduce: Any = np.max if name.startswith("max(") else np.sum
    used = [(terms[term], max(float(np.median(terms[term][0])), 1e-9)) for term in terms_of(name)]
    return tuple(reduce([scores[part] / median for scores, median in used], axis=0) for part in (0, 1))


def metrics_of(scores: Scores, truth: np.ndarray, window: int | None) -> dict[str, float]:
    """Return the metrics of a score; `window` is that of a series, None for a set; without events, flagged shares only.

    Flagged shares are those of normal steps, divided by the rate requested: 1 %, or the strictest rate 1 / (n + 1) that
    n calibration scores can promise. *kept* is whether the share is between half and twice the rate.
    """
    calibration, test = scores
    rate = max(RATE, 1 / (len(calibration) + 1))
    flagged = {"static": test > quantile_threshold(calibration, rate=rate)}
    metrics = {"auroc": float(roc_auc_score(truth, test))} if truth.any() else {}
    if window is not None:
        flagged["tracker"] = test > tracked_thresholds(calibration, test, rate=rate)
    if window is not None and truth.any():
        # a longer buffer would take minutes
        buffer = min(window, 10**8 // len(test))
        evaluation = evaluate_series(test, truth.astype(int), threshold=float(test.max()), window=buffer)
        metrics |= {"vus_pr": float(evaluation.vus_pr or 0), "hit": evaluation.ucr_score}
    for name, steps in flagged.items():
        share = float(steps[~truth].mean()) / rate
        metrics |= {name: share, f"{name}_kept": float(0.5 <= share <= 2)}
    return metrics


# ---------------------------------------------------------------------- study


def trained(inputs: dict[str, Windows], seed: int, steps: int) -> tuple[Any, float]:
    """Return a network of patches of an eighth of a window, and the seconds of its training."""
    training, validation = inputs["training"].values, inputs["validation"].values
    _, length, n_features = training.shape
    patch_size = max(1, round(length / 8))
    model = LSTMAutoencoder(n_features=n_features, latent_size=32, patch_size=patch_size, seed=seed)
    trainer = BatchedTrainer(
        model, batch_size=min(BATCH_SIZE, len(training)), steps_per_epoch=max(1, steps // EPOCHS), learning_rate=0.02,
        schedule="cosine", warmup_epochs=EPOCHS / 20, restore="at the end", seed=seed,
    )  # fmt: skip
    result = benchmark(trainer, training, validation, epochs=EPOCHS, progress=False)
    return result.model, result.seconds


def measure(settings: dict[str, int], source: Recording | Split) -> dict[str, Any]:
    """Return one row for each score that the data set has all terms for; `seconds` is the training time it needs."""
    parts = windows_of(source, **settings)
    terms, seconds = {"MP": neighbours(parts, z_normalised)}, {}
    for suffix, inputs in (("", {name: part.centred() for name, part in parts.items()}), ("0", parts)):
        terms |= {f"{k}-NN{suffix}": neighbours(inputs, lambda windows: windows.values, k) for k in (1, 5)}
        model, duration = trained(inputs, **settings)
        for name, scores in network_terms(model, inputs, parts).items():
            terms[name + suffix], seconds[name + suffix] = scores, (suffix, duration)
    window = parts["test"].values.shape[1] if isinstance(source, Recording) else None
    rows = []
    for name in SCORES:
        if terms.keys() >= {*terms_of(name)}:
            metrics = metrics_of(combined(name, terms), source.test.abnormal, window)
            # count each network once
            networks = dict(seconds[term] for term in terms_of(name) if term in seconds)
            rows.append({"score": name, **metrics, "seconds": sum(networks.values())})
    return {"rows": rows}


# The default detector and others, by hyperparameters; *periods* is the window length of a series in periods.
DETECTORS: dict[str, dict[str, Any]] = {
    "default detector": {},
    "detector of version 0.2": {"error": "mae", "network": "steps", "adapt": False},
    "windows of half a period": {"periods": 0.5},
    "windows of two periods": {"periods": 2.0},
    "300 optimizer steps": {"epochs": 10},
    "990 optimizer steps": {"epochs": 33},
}


def measure_detector(settings: dict[str, Any], source: Recording | Split) -> dict[str, Any]:
    """Return the row of a detector; on a recording, it divides the training part by itself."""
    chosen = dict(DETECTORS[settings["detector"]])
    periods = chosen.pop("periods", None)
    window, parts = None, {}
    # the rate is not used here: `metrics_of` has its own, and a small one would need many calibration scores
    detector: Any = AnomalyDetector(seed=settings["seed"], rate=0.5, **chosen)
    if isinstance(source, Recording):
        # the buffer of VUS-PR is the same for all detectors
        window = detector.choose_window(source.training)
        # a window that does not fit into the parts is replaced by the default, with a warning
        detector.window = None if periods is None else max(4, round(periods * window))
    elif periods is not None:
        return {"rows": []}
    else:
        parts = {"validation": source[1], "calibration": source[2]}
    result: Any = detector.fit(source.training, progress=False, **parts).result
    scores = detector.calibration_scores, detector.score(source.test)
    metrics = metrics_of(scores, source.test.abnormal, window)
    return {"rows": [{"score": settings["detector"], **metrics, "seconds": result.seconds}]}


COLUMNS = {
    "vus_pr": "VUS-PR", "hit": "hits, share", "auroc": "AUROC", "static": "flagged / rate, static",
    "static_kept": "kept, static", "tracker": "flagged / rate, tracker", "tracker_kept": "kept, tracker",
    "seconds": "training, s",
}  # fmt: skip


def with_halves(names: list[tuple[str, str, str]]) -> pd.DataFrame:
    """Return a table of data sets, alternately assigned to the choosing and the reporting half within each kind."""
    table = pd.DataFrame(names, columns=["kind", "data", "sha256"])
    return table.assign(half=np.where(table.groupby("kind").cumcount() % 2 == 0, "choosing", "reporting"))


def tabulate(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means over the data sets of each kind: mean ± standard deviation over the seeds."""
    names = [name for name in COLUMNS if name in rows]
    by_seed = rows.groupby(["kind", "score", "seed"], sort=False)[names].mean()
    table = []
    for (kind, score), group in by_seed.groupby(["kind", "score"], sort=False):
        cells = {"kind": kind, "score": score}
        for name in names:
            deviation = f" ± {group[name].std():.3f}" * (len(group) > 1)
            cells[COLUMNS[name]] = "–" if group[name].isna().any() else f"{group[name].mean():.3f}{deviation}"
        table.append(cells)
    return pd.DataFrame(table)


def overview(rows: pd.DataFrame) -> pd.DataFrame:
    """Return VUS-PR (of sets: AUROC) by kind and half, and the numbers of series with a hit and with a kept share.

    Means over data sets and seeds. The share is that of the quantile tracker.
    """
    table: dict[str, pd.Series] = {}
    for kind, group in rows.groupby("kind", sort=False):
        series = "vus_pr" in group and group.vus_pr.notna().any()
        for half, part in group.groupby("half"):
            mean = part.groupby("score")["vus_pr" if series else "auroc"].mean()
            table[f"{kind}, {half} half: {'VUS-PR' if series else 'AUROC'}"] = mean.map("{:.3f}".format)
        for name, title in (("hit", "hits"), ("tracker_kept", "rate kept")) if series else ():
            count = group.groupby(["score", "seed"])[name].sum().groupby("score").mean()
            table[f"{kind}: {title}, of {group.data.nunique()}"] = count.map("{:.1f}".format)
    order = [name for name in (*DETECTORS, *SCORES) if name in {*rows.score}]
    return pd.DataFrame(table).reindex(order).fillna("–").rename_axis("score").reset_index()


def main() -> None:
    # one process, because the table contains the seconds of training
    parser = arguments(__doc__, seeds=3, jobs=1)
    parser.add_argument("data", nargs="?", type=Path, help="folder of data sets; default: those of this repository")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimizer steps of a training; default: %(default)s")
    parser.add_argument("--page", action="store_true", help="write the section of RESULTS.md")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for the results; default: %(default)s")
    options = parser.parse_args()
    options.folder = options.folder or options.out / "cells"
    sets = data_sets(options.data)
    if not sets:
        parser.error(f"data must be a folder with ucr_anomaly, nab or ucr, got {options.data}.")
    loaders = {name: load for (_, name, _), load in sets.items()}
    # `measure` gets steps and seed as a dict
    cells = measured(dict, [{"steps": options.steps}], options, loaders, measure)
    about = with_halves([*sets])
    detectors = measured(dict, [{"detector": name} for name in DETECTORS], options, loaders, measure_detector)
    both = [*cells.itertuples(), *detectors.itertuples()]
    frames = [pd.DataFrame(cell.rows).assign(data=cell.data, seed=cell.seed) for cell in both if cell.rows]
    rows = about.merge(pd.concat(frames), on="data")
    text = f"{options.seeds} seeds, {options.steps} optimizer steps. {LEGEND}.\n\n{markdown(overview(rows))}"
    text += f"\nFiles:\n\n{markdown(about)}"
    with section("detection_study", complete=options.page):
        print(text)
    halves = "".join(f"\n{half} half\n\n{markdown(tabulate(part))}" for half, part in rows.groupby("half"))
    print(halves)
    (options.out / "tables.md").write_text(f"{text}\n{halves}", encoding="utf-8")
    rows.to_csv(options.out / "by_seed.csv", index=False, float_format="%.6g")


if __name__ == "__main__":
    main()
