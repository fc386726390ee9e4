"""Compare autoencoders and baselines on ECG5000, with the same splits, over five seeds.

Each method trains and scores in a new process with one thread, so that its seconds and its memory are its own.
The program writes the table into RESULTS.md, results.csv and results.tex, and the metrics of every seed into
results_by_seed.csv.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from trainers.detection import BASELINES

from .experiment import (
    BEST,
    BEST_EPOCHS,
    BEST_MODEL,
    alone,
    arguments,
    baseline,
    default_detector,
    measured,
    train,
)
from .results_file import section

FOLDER = Path(__file__).parent
NETWORKS = {
    "LSTM autoencoder, restore after every worse epoch": {},
    "LSTM autoencoder, restore at the end only": {"restore": "at the end"},
    "LSTM autoencoder, restore off": {"restore": "off"},
    "LSTM autoencoder, restore with a tolerance of 20 %": {"min_delta_ratio": 0.2},
}
DETECTOR = "default detector"
COLUMNS = {
    "auroc": ("AUROC", "{:.4f}"),
    "difference": ("AUROC minus the first row's", "{:+.4f}"),
    "average_precision": ("average precision", "{:.4f}"),
    "precision_difference": ("average precision minus the first row's", "{:+.4f}"),
    "auroc_smoothed": ("AUROC, smoothed error", "{:.4f}"),
    "validation_error": ("validation error", "{:.2f}"),
    "restores": ("restores", "{:.1f}"),
    "seconds": ("seconds", "{:.1f}"),
    "memory": ("peak memory, MiB", "{:.0f}"),
}


def make(seed: int, method: str) -> Callable[[], dict[str, float]]:
    """Return the measurement of one method with one seed."""
    if method == DETECTOR:
        return partial(alone, default_detector, seed)
    if method in BASELINES:
        return partial(alone, baseline, method, seed)
    return partial(alone, partial(train, seed, BEST_EPOCHS, model=BEST_MODEL, **{**BEST, **NETWORKS[method]}))


def tabulate(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean ± standard deviation over the seeds; differences are paired by seed."""
    first = rows[rows.method == rows.method.iloc[0]].set_index("seed")
    rows = rows.assign(
        difference=rows.auroc - rows.seed.map(first.auroc),
        precision_difference=rows.average_precision - rows.seed.map(first.average_precision),
    )
    table = {}
    for method, group in rows.groupby("method", sort=False):
        cells = {}
        for name, (title, form) in COLUMNS.items():
            mean, deviation = group[name].mean(), group[name].std()
            missing = pd.isna(mean) or ("difference" in name and method == rows.method.iloc[0])
            cells[title] = "–" if missing else f"{form.format(mean)} ± {form.replace('+', '').format(deviation)}"
        table[method] = cells
    return pd.DataFrame(table).T.rename_axis("method").reset_index()


def summary(rows: pd.DataFrame) -> str:
    """Return a sentence on the baselines whose mean AUROC is at least that of the first row."""
    means = rows.groupby("method", sort=False).auroc.mean()
    baselines = means[[method for method in means.index if method not in (*NETWORKS, DETECTOR)]]
    better = baselines[baselines >= means.iloc[0]].sort_values(ascending=False)
    names = ", ".join(f"{name} ({area:.4f})" for name, area in better.items()) or "none"
    return f"Baselines whose mean AUROC is at least that of the first row ({means.iloc[0]:.4f}): {names}.\n"


def markdown(table: pd.DataFrame) -> str:
    lines = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def latex(table: pd.DataFrame) -> str:
    def row(cells: list[str]) -> str:
        line = " & ".join(cells) + r" \\"
        return line.replace("%", r"\%").replace("±", r"$\pm$").replace("–", "--")

    head, *body = [row(list(line)) for line in [table.columns, *table.to_numpy()]]
    columns = "l" + "r" * (len(table.columns) - 1)
    parts = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", head, r"\hline", *body, r"\hline", r"\end{tabular}"]
    return "\n".join(parts) + "\n"


def main() -> None:
    # one process, because the table contains the seconds of training
    parser = arguments(__doc__, seeds=5, jobs=1)
    options = parser.parse_args()
    print(f"ECG5000, {options.seeds} seeds, {BEST_EPOCHS} epochs, one thread")
    print(f"model {BEST_MODEL}, trainer {BEST}\n", flush=True)
    done = measured(make, [{"method": name} for name in [*NETWORKS, DETECTOR, *BASELINES]], options)
    done = done.sort_values("seed", kind="stable", ignore_index=True)
    for row in done.to_dict("records"):
        error = f", validation error {row['validation_error']:.2f}, {row['seconds']:.0f} s"
        method = row["method"]
        print(f"seed {row['seed']}  {method}: AUROC {row['auroc']:.4f}" + error * (method in NETWORKS), flush=True)
    table = tabulate(done)
    with section("heartbeats", complete=options.seeds == parser.get_default("seeds")):
        print(f"\n{markdown(table)}\n{summary(done)}")
    FOLDER.joinpath("results.tex").write_text(latex(table), encoding="utf-8")
    table.to_csv(FOLDER / "results.csv", index=False)
    done.to_csv(FOLDER / "results_by_seed.csv", index=False, float_format="%.6g")
    print("written: results.tex, results.csv, results_by_seed.csv")


if __name__ == "__main__":
    main()
