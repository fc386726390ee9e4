"""Statistics, tables and figure of `restore_study`: changes of a loss in pairs of data set, regime and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from trainers.plotting import TEXT, TRAIN, VALIDATION, Figure

ALL = "all regimes"


def corrected_interval(values: Sequence[float], ratio: float, level: float = 0.95) -> tuple[float, float, float]:
    """Return mean and interval of paired differences over splits that overlap (Nadeau & Bengio 2003, section 3).

    The variance of the mean is (1/n + ratio) s², with the variance s² of the n differences and the ratio of judged to
    training sequences. With ratio 0 it is the t interval of independent values. One value has an infinite interval.
    """
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return mean, -np.inf, np.inf
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * np.sqrt((1 / n + ratio) * np.var(values, ddof=1)))
    return mean, mean - half, mean + half


def holm(p: Sequence[float]) -> np.ndarray:
    """Return p values corrected for their number (Holm 1979)."""
    order = np.argsort(p)
    corrected = np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(order), 0, -1)).clip(max=1)
    return corrected[np.argsort(order)]


def by_data_set(rows: pd.DataFrame, pairs: Mapping[str, str]) -> pd.DataFrame:
    """Return, for each regime, variant and data set, the mean log ratio of losses to a reference, and its interval.

    Parameters
    ----------
    rows : pandas.DataFrame
        One row per training run: data, regime, seed, variant, loss, auroc, and ratio of judged to training sequences.
    pairs : dict
        For each variant, the name of its reference.
    """
    regimes, names, ratio = [*rows.regime.unique(), ALL], [*rows.data.unique()], rows.groupby("data").ratio.mean()
    loss, auroc = (rows.pivot(index=["regime", "data", "seed"], columns="variant", values=v) for v in ("loss", "auroc"))
    table = []
    for variant, reference in pairs.items():
        log = np.log(loss[variant] / loss[reference])
        change = pd.DataFrame({"log": log, "auroc": auroc[variant] - auroc[reference]})
        # a mean over the regimes for each seed, which is a value of one split
        change = pd.concat(
            [change, pd.concat({ALL: change.groupby(level=["data", "seed"]).mean()}, names=["regime"])]
        ).sort_index()
        for regime in regimes:
            for data in names:
                group = change.loc[regime, data]
                interval = zip(("mean", "low", "high"), corrected_interval(group.log, ratio[data]), strict=True)
                row = {"regime": regime, "variant": variant, "data": data, "auroc": group.auroc.mean()}
                table.append({**row, **dict(interval)})
    return pd.DataFrame(table)


def over_data_sets(table: pd.DataFrame) -> pd.DataFrame:
    """Return, for each regime and variant, mean, interval and test over the data sets; Holm corrects each regime."""
    found = []
    for (regime, variant), group in table.groupby(["regime", "variant"], sort=False):
        mean, low, high = corrected_interval(group["mean"], 0.0)
        p = stats.wilcoxon(group["mean"]).pvalue if group["mean"].any() else 1.0
        found.append({
            "regime": regime, "variant": variant, "mean": mean, "low": low, "high": high, "p": p, "sets": len(group),
            "better": (group["mean"] < 0).sum(), "worse": (group["mean"] > 0).sum(), "auroc": group.auroc.mean(),
            "clearly better": (group.high < 0).sum(), "clearly worse": (group.low > 0).sum(),
        })  # fmt: skip
    result = pd.DataFrame(found)
    return result.assign(holm=result.groupby("regime").p.transform(lambda p: holm(p.to_numpy())))


def wins(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of variants with a lower loss on most data sets and on average, at p < 0.05 after correction."""
    return summary[(summary.better > summary.sets / 2) & (summary["mean"] < 0) & (summary.holm < 0.05)]


def percent(log_ratio: float) -> str:
    """Return the change in percent that a log ratio means."""
    return f"{100 * np.expm1(log_ratio):+.1f}"


def complete(summary: pd.DataFrame) -> pd.DataFrame:
    """Return all columns of a summary, as text."""

    def cells(row: Any) -> dict[str, str]:
        mean, low, high = map(percent, (row["mean"], row["low"], row["high"]))
        return {
            "regime": row["regime"], "variant": row["variant"], "change of the loss, %": f"{mean} [{low}, {high}]",
            "better, worse": f"{row['better']}, {row['worse']} of {row['sets']}",
            "clearly better, worse": f"{row['clearly better']}, {row['clearly worse']}",
            "p (Holm)": f"{row['holm']:.3f}", "change of AUROC": f"{row['auroc']:+.3f}",
        }  # fmt: skip

    return pd.DataFrame([cells(row) for row in summary.to_dict("records")])


def compact(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the changes of the loss in percent, variants by regimes; a star marks p < 0.05 after correction."""
    stars = np.where(summary.holm < 0.05, r"\*", "")
    cells = summary.assign(cell=summary["mean"].map(percent) + stars).pivot(
        index="variant", columns="regime", values="cell"
    )
    counts = summary[summary.regime == ALL].set_index("variant")
    cells["better, worse"] = counts.better.astype(str) + ", " + counts.worse.astype(str)
    columns = [*summary.regime.unique(), "better, worse"]
    return cells.loc[summary.variant.unique(), columns].rename_axis(columns=None).reset_index()


def verdict(summary: pd.DataFrame, controlled: pd.DataFrame, no_restore: Sequence[str], reference: str) -> str:
    """Return the answers to the questions of the study, as a list.

    Parameters
    ----------
    summary, controlled : pandas.DataFrame
        Comparisons with the reference, and of rate cuts with and without a restore.
    no_restore : sequence of str
        Variants that do not restore during training.
    reference : str
        The default if no variant is better over all regimes.
    """
    won = wins(summary)
    without, overall = won.variant.isin(no_restore), won[won.regime == ALL].sort_values("mean")
    lost = summary[(summary.regime == ALL) & (summary["mean"] > 0) & (summary.holm < 0.05)]

    def named(rows: pd.DataFrame) -> str:
        regimes = rows.groupby("variant", sort=False).regime.agg(", ".join)
        return "; ".join(f"{variant} ({names})" for variant, names in regimes.items()) or "none"

    answers = {
        f"Restores during training that beat *{reference}*": named(won[~without]),
        f"Variants without such restores that beat *{reference}*": named(won[without]),
        "Restores with a rate cut that beat the same cut alone": named(wins(controlled)),
        f"Worse than *{reference}* over all regimes": "; ".join(lost.variant) or "none",
        "Lowest loss over all regimes": overall.variant.iloc[0] if len(overall) else reference,
    }
    return "\n".join(f"- {question}: {answer}." for question, answer in answers.items())


def figure(table: pd.DataFrame, summary: pd.DataFrame) -> Figure:
    """Return the changes of the loss of each variant, one panel for each regime: data sets, mean and interval."""
    regimes, variants = [*summary.regime.unique()], [*summary.variant.unique()][::-1]
    n_rows, n_columns = -(-len(regimes) // 4), min(4, len(regimes))
    picture = Figure("changes of the loss", figsize=(11, 0.6 + 4 * n_rows))
    for place, regime in enumerate(regimes):
        axis = picture.plain_axes(n_rows, n_columns, place + 1, sharex=picture.axes[0] if place else None)
        for y, variant in enumerate(variants):
            points = table[(table.regime == regime) & (table.variant == variant)]["mean"]
            row = summary[(summary.regime == regime) & (summary.variant == variant)].iloc[0]
            low, mean, high = 100 * np.expm1(row[["low", "mean", "high"]].to_numpy(float))
            colour = TRAIN if high < 0 else VALIDATION if low > 0 else TEXT
            axis.plot(
                100 * np.expm1(points), [y] * len(points), "o", color=TEXT, alpha=0.5, markersize=3.5, markeredgewidth=0
            )
            axis.plot([low, high], [y, y], color=colour, linewidth=2)
            axis.plot(mean, y, "D", color=colour, markersize=4)
        axis.axvline(0, color=TEXT, linewidth=0.8, linestyle=":")
        axis.set_xscale("symlog", linthresh=5)
        axis.set_xticks([-20, -5, 0, 5, 20, 100], ["-20", "-5", "0", "5", "20", "100"], fontsize=8)
        axis.set_yticks(range(len(variants)), variants if place % n_columns == 0 else [], fontsize=8)
        axis.set_title(regime, fontsize=10)
    picture.supxlabel("change of the loss against restoring at the end, % (left is better)", fontsize=10, color=TEXT)
    return picture
