"""The pictures of lesson 4, *Choosing a threshold*: a night in dots, costs, rules, and what a choice takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.plotting import RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label

# Curves and lines side by side are told apart by dash and marker too.
_LOOKS: tuple[tuple[str, str, str], ...] = (
    (TRAIN, "-", "o"),
    (VALIDATION, "--", "s"),
    (RESTORE, "-.", "^"),
    ("#AA4499", ":", "D"),
)


def plot_night(scores: Any, lines: Mapping[str, float], abnormal: Any = None) -> Figure:
    """Draw scores one after the other as dots, and thresholds as lines that one may choose from.

    Parameters
    ----------
    scores : array, shape (n,)
        In the order in which they came.
    lines : mapping of str to float
        Up to four thresholds by name.
    abnormal : array of bool, shape (n,), optional
        The truth. Default: not shown.

    Returns
    -------
    Figure
    """
    scores = np.asarray(scores)
    figure = Figure(f"{len(scores)} scores, and {len(lines)} lines to choose from", figsize=(9, 3.6))
    axes, number = figure.plain_axes(), np.arange(1, len(scores) + 1)
    if abnormal is None:
        axes.plot(number, scores, "o", color=TEXT, markersize=5)
    else:
        truth = np.asarray(abnormal, dtype=bool)
        axes.plot(number[~truth], scores[~truth], "o", color=TRAIN, markersize=5, label=f"normal ({(~truth).sum()})")
        axes.plot(number[truth], scores[truth], "^", color=VALIDATION, markersize=7, label=f"abnormal ({truth.sum()})")
        figure.legend_beside(axes)
    for (name, line), dash in zip(lines.items(), ("-", "--", "-.", ":"), strict=False):
        axes.axhline(line, color=RESTORE, linestyle=dash, linewidth=1.4)
        axes.annotate(
            as_label(name), (1, line), (4, 3), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
            ha="right", va="bottom", color=RESTORE, weight="bold",
        )  # fmt: skip
    axes.set(xlabel="beat", ylabel="score (error)", ylim=(0, None))
    above = ", ".join(f"{(scores > line).sum()} above {name}" for name, line in lines.items())
    figure.alt = f"The scores of {len(scores)} beats as dots, one after the other, and lines across them: {above}."
    if abnormal is not None:
        figure.alt += " The abnormal beats are triangles."
    return figure


def plot_costs(lines: Any, costs: Mapping[str, Any]) -> Figure:
    """Draw the mean cost of a beat against the threshold, with a mark where it is lowest.

    Parameters
    ----------
    lines : array, shape (m,)
        Thresholds.
    costs : mapping of str to array, shape (m,)
        Up to four curves by name.

    Returns
    -------
    Figure
    """
    lines = np.asarray(lines)
    figure = Figure("cost against threshold")
    axes, words = figure.plain_axes(), []
    for (name, cost), (color, dash, marker) in zip(costs.items(), _LOOKS, strict=False):
        values = np.asarray(cost)
        at = int(np.argmin(values))
        axes.plot(lines, values, color=color, linestyle=dash, label=as_label(name))
        axes.plot(lines[at], values[at], marker, color=color, markersize=9)
        words.append(f"{name}: lowest at {lines[at]:.2f}")
    axes.set(xlabel="threshold", ylabel="mean cost of a beat", yscale="log")
    figure.legend_beside(axes)
    figure.alt = f"Cost against threshold, each curve with a mark at its lowest point. {'; '.join(words)}."
    return figure


def plot_rules(calibration_scores: Any, thresholds: Mapping[str, float]) -> Figure:
    """Draw the histogram of calibration scores, and where each rule puts its threshold.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Of normal sequences.
    thresholds : mapping of str to float
        Up to four by name.

    Returns
    -------
    Figure
    """
    scores = np.asarray(calibration_scores)
    figure = Figure("calibration scores, and a threshold by each rule")
    axes = figure.plain_axes()
    axes.hist(scores, bins=50, color=TEXT, alpha=0.5, label=f"calibration beats ({len(scores)})")
    words = []
    for (name, line), (color, dash, _) in zip(thresholds.items(), _LOOKS, strict=False):
        above = (scores > line).sum()
        axes.axvline(line, color=color, linestyle=dash, label=as_label(name))
        words.append(f"{name} at {line:.2f}, with {above} of {len(scores)} above it")
    axes.set(xlabel="score (error)", ylabel="beats")
    figure.legend_beside(axes)
    figure.alt = f"Histogram of calibration scores with the thresholds of {len(thresholds)} rules: {'; '.join(words)}."
    return figure


def plot_rates(rates: Mapping[str, Any], asked: float) -> Figure:
    """Draw a box for each rule: the false alarm rates it gave over many deals, and the rate asked for.

    Parameters
    ----------
    rates : mapping of str to array
        Shares of false alarms, by rule.
    asked : float
        Drawn as a line.

    Returns
    -------
    Figure
    """
    figure = Figure(f"false alarm rates of {len(rates)} rules", figsize=(8, 0.9 + 0.55 * len(rates)))
    axes = figure.plain_axes()
    boxes = axes.boxplot(
        list(rates.values()), orientation="horizontal", widths=0.6, tick_labels=[as_label(name) for name in rates]
    )
    for line in [line for part in boxes.values() for line in part]:
        line.set(color=TEXT, markeredgecolor=TEXT, markersize=3)
    for line in boxes["medians"]:
        line.set(color=VALIDATION, linewidth=2)
    axes.axvline(asked, color=RESTORE, linestyle="-.", label=f"asked for: {100 * asked:g} %")
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:g} %")
    axes.set_xlabel("share of normal beats called abnormal")
    figure.legend_beside(axes)
    words = "; ".join(f"{name}: {100 * np.mean(values):.1f} % in the mean" for name, values in rates.items())
    figure.alt = f"Box plots of the false alarm rates of {len(rates)} rules; {100 * asked:g} % was asked for. {words}."
    return figure


def plot_tails(scores: Any, rates: Any, thresholds: Any, n: int) -> Figure:
    """Draw the share of scores above a threshold, and fitted tails that go on where the scores end.

    Parameters
    ----------
    scores : array, shape (m,)
        All there are.
    rates : array, shape (r,)
        Rates asked for, falling.
    thresholds : array, shape (fits, r)
        What each fit gives for each rate.
    n : int
        Scores that each fit has seen.

    Returns
    -------
    Figure
    """
    ordered = np.sort(np.asarray(scores))
    # What a threshold at each score promises: the conformal rate.
    promised = 1 - np.arange(1, len(ordered) + 1) / (len(ordered) + 1)
    figure = Figure("fitted tails")
    axes = figure.plain_axes()
    for i, line in enumerate(np.asarray(thresholds)):
        label = f"{len(thresholds)} fitted tails" if i == 0 else None
        axes.plot(line, rates, color=VALIDATION, linewidth=0.9, alpha=0.7, linestyle="--", label=label)
    axes.step(ordered, promised, color=TRAIN, where="post", linewidth=2, label=f"all {len(ordered)} scores, counted")
    axes.axhline(1 / (n + 1), color=TEXT, linestyle=":", label=f"1 in {n + 1}: here {n} scores end")
    axes.set(xlabel="threshold", ylabel="false alarm rate", yscale="log", ylim=(min(rates) / 1.5, 0.2))
    figure.legend_beside(axes)
    low, high = np.min(np.asarray(thresholds)[:, -1]), np.max(np.asarray(thresholds)[:, -1])
    figure.alt = (
        f"False alarm rate against threshold on a log scale. {n} scores end at 1 in {n + 1}; the tails fitted to them "
        f"go on and fan out: for a rate of {rates[-1]:g} they say from {low:.2f} to {high:.2f}."
    )
    return figure


def plot_leak(wrong: Mapping[int, Sequence[float]], honest: Mapping[int, Sequence[float]]) -> Figure:
    """Draw F1 where the threshold was chosen beside F1 on new data: histograms, and means against the study's size.

    Parameters
    ----------
    wrong, honest : mapping of int to sequence of float
        F1 of many studies, by the number of beats of each side. Of the smallest the histograms are drawn.

    Returns
    -------
    Figure
    """
    sizes, figure = sorted(wrong), Figure("F1 where chosen, and on new beats", figsize=(9, 3.4))
    left, right = figure.plain_axes(1, 2, 1), figure.plain_axes(1, 2, 2)
    # F1 of few beats takes few values: wider bins show them without holes.
    low = np.floor(20 * min(min(honest[sizes[0]]), min(wrong[sizes[0]]))) / 20
    bins = np.arange(low, 1.051, 0.05).tolist()
    parts = (("where it was chosen", wrong, _LOOKS[1], "///"), ("on new beats", honest, _LOOKS[0], None))
    looks = [(color, hatch) for _, _, (color, _, _), hatch in parts]
    _, _, pairs = left.hist([studies[sizes[0]] for _, studies, _, _ in parts], bins, alpha=0.6)
    for bars, (color, hatch) in zip(pairs, looks, strict=True):
        for bar in bars:
            bar.set(facecolor=color, edgecolor=color, hatch=hatch)
    for name, studies, (color, dash, marker), _ in parts:
        means = [float(np.mean(studies[size])) for size in sizes]
        right.plot(sizes, means, color=color, linestyle=dash, marker=marker, label=name)
    left.set(xlabel=f"F1, {sizes[0]} + {sizes[0]} beats", ylabel="studies")
    right.set(xlabel="beats of each side", ylabel="mean F1", xscale="log")
    right.set_xticks(sizes, [str(size) for size in sizes])
    right.minorticks_off()
    figure.legend(
        *right.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False, labelcolor=TEXT
    )
    gaps = ", ".join(f"{np.mean(wrong[size]) - np.mean(honest[size]):.3f} with {size}" for size in sizes)
    figure.alt = (
        "Left, histograms of F1 over many small studies: higher where the threshold was chosen than on new beats. "
        f"Right, the means against the number of beats of each side: the gap is {gaps}."
    )
    return figure
