"""Plots of lesson 4, *Choosing a threshold*: scores, costs, rules, false alarm rates and leakage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainers.plotting import ABNORMAL, RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label

# Colour, dash and marker: curves can be distinguished without colour.
_STYLES: tuple[tuple[str, str, str], ...] = (
    (TRAIN, "-", "o"),
    (VALIDATION, "--", "s"),
    (RESTORE, "-.", "^"),
    ("#AA4499", ":", "D"),
)


def plot_beat_scores(scores: Any, thresholds: Mapping[str, float], abnormal: Any = None) -> Figure:
    """Plot scores in sequence as dots, and thresholds as horizontal lines.

    Parameters
    ----------
    scores : array, shape (n,)
        Scores in the order of the beats.
    thresholds : mapping of str to float
        Up to four thresholds by name.
    abnormal : array of bool, shape (n,), optional
        True labels. Default: not shown.

    Returns
    -------
    Figure
    """
    scores = np.asarray(scores)
    figure = Figure(f"{len(scores)} scores and {len(thresholds)} thresholds", figsize=(9, 3.6))
    axes, number = figure.plain_axes(), np.arange(1, len(scores) + 1)
    if abnormal is None:
        axes.plot(number, scores, "o", color=TEXT, markersize=5)
    else:
        truth = np.asarray(abnormal, dtype=bool)
        axes.plot(number[~truth], scores[~truth], "o", color=TRAIN, markersize=5, label=f"normal ({(~truth).sum()})")
        axes.plot(number[truth], scores[truth], "^", color=ABNORMAL, markersize=7, label=f"abnormal ({truth.sum()})")
        figure.legend_beside(axes)
    for (name, threshold), dash in zip(thresholds.items(), ("-", "--", "-.", ":"), strict=False):
        axes.axhline(threshold, color=RESTORE, linestyle=dash, linewidth=1.4)
        axes.annotate(
            as_label(name), (1, threshold), (4, 3), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
            ha="right", va="bottom", color=RESTORE, weight="bold",
        )  # fmt: skip
    axes.set(xlabel="beat", ylabel="score (error)", ylim=(0, None))
    above = ", ".join(f"{(scores > threshold).sum()} above {name}" for name, threshold in thresholds.items())
    figure.alt = (
        f"The scores of {len(scores)} beats as dots, in sequence, with thresholds as horizontal lines: {above}."
    )
    if abnormal is not None:
        figure.alt += " The abnormal beats are triangles."
    return figure


def plot_costs(thresholds: Any, costs: Mapping[str, Any]) -> Figure:
    """Plot the mean cost per beat against the threshold, with a marker at the lowest cost.

    Parameters
    ----------
    thresholds : array, shape (m,)
        Thresholds of all curves.
    costs : mapping of str to array, shape (m,)
        Mean cost at each threshold, up to four curves by name.

    Returns
    -------
    Figure
    """
    thresholds = np.asarray(thresholds)
    figure = Figure("cost against threshold")
    axes, notes = figure.plain_axes(), []
    for (name, cost), (color, dash, marker) in zip(costs.items(), _STYLES, strict=False):
        values = np.asarray(cost)
        best = int(np.argmin(values))
        axes.plot(thresholds, values, color=color, linestyle=dash, label=as_label(name))
        axes.plot(thresholds[best], values[best], marker, color=color, markersize=9)
        notes.append(f"{name}: lowest at {thresholds[best]:.2f}")
    axes.set(xlabel="threshold", ylabel="mean cost per beat", yscale="log")
    figure.legend_beside(axes)
    figure.alt = f"Cost against threshold, each curve with a marker at its lowest point. {'; '.join(notes)}."
    return figure


def plot_rules(calibration_scores: Any, thresholds: Mapping[str, float]) -> Figure:
    """Plot the histogram of calibration scores and the threshold of each rule.

    Parameters
    ----------
    calibration_scores : array, shape (n,)
        Scores of normal sequences.
    thresholds : mapping of str to float
        Up to four thresholds by the name of the rule.

    Returns
    -------
    Figure
    """
    scores = np.asarray(calibration_scores)
    figure = Figure("calibration scores and the threshold of each rule")
    axes = figure.plain_axes()
    axes.hist(scores, bins=50, color=TEXT, alpha=0.5, label=f"calibration beats ({len(scores)})")
    notes = []
    for (name, threshold), (color, dash, _) in zip(thresholds.items(), _STYLES, strict=False):
        above = (scores > threshold).sum()
        axes.axvline(threshold, color=color, linestyle=dash, label=as_label(name))
        notes.append(f"{name} at {threshold:.2f}, with {above} of {len(scores)} above it")
    axes.set(xlabel="score (error)", ylabel="beats")
    figure.legend_beside(axes)
    figure.alt = f"Histogram of calibration scores with the thresholds of {len(thresholds)} rules: {'; '.join(notes)}."
    return figure


def plot_rates(rates: Mapping[str, Any], requested: float) -> Figure:
    """Plot the false alarm rates of each rule over many splits as a box plot, and the requested rate.

    Parameters
    ----------
    rates : mapping of str to array
        False alarm rates, one for each split, by the name of the rule.
    requested : float
        Requested rate, shown as a vertical line.

    Returns
    -------
    Figure
    """
    figure = Figure(f"false alarm rates of {len(rates)} rules", figsize=(8, 0.9 + 0.55 * len(rates)))
    axes = figure.plain_axes()
    boxes = axes.boxplot(
        list(rates.values()), orientation="horizontal", widths=0.6, tick_labels=[as_label(name) for name in rates]
    )
    for artist in [artist for part in boxes.values() for artist in part]:
        artist.set(color=TEXT, markeredgecolor=TEXT, markersize=3)
    for median in boxes["medians"]:
        median.set(color=VALIDATION, linewidth=2)
    axes.axvline(requested, color=RESTORE, linestyle="-.", label=f"requested: {100 * requested:g} %")
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda x, _: f"{100 * x:g} %")
    axes.set_xlabel("share of normal beats flagged")
    figure.legend_beside(axes)
    means = "; ".join(f"{name}: {100 * np.mean(values):.1f} % on average" for name, values in rates.items())
    figure.alt = f"Box plots of the false alarm rates of {len(rates)} rules; requested: {100 * requested:g} %. {means}."
    return figure


def plot_tails(scores: Any, rates: Any, thresholds: Any, n: int) -> Figure:
    """Plot the share of scores above a threshold, and fitted tails that extrapolate beyond the highest score.

    Parameters
    ----------
    scores : array, shape (m,)
        All scores.
    rates : array, shape (r,)
        Requested rates, in descending order.
    thresholds : array, shape (fits, r)
        Threshold of each fit for each rate.
    n : int
        Number of scores in each fit.

    Returns
    -------
    Figure
    """
    ordered = np.sort(np.asarray(scores))
    # conformal false alarm rate of a threshold at each score
    conformal_rate = 1 - np.arange(1, len(ordered) + 1) / (len(ordered) + 1)
    figure = Figure("fitted tails")
    axes = figure.plain_axes()
    for i, fit in enumerate(np.asarray(thresholds)):
        label = f"{len(thresholds)} fitted tails" if i == 0 else None
        axes.plot(fit, rates, color=VALIDATION, linewidth=0.9, alpha=0.7, linestyle="--", label=label)
    axes.step(ordered, conformal_rate, color=TRAIN, where="post", linewidth=2, label=f"all {len(ordered)} scores")
    axes.axhline(1 / (n + 1), color=TEXT, linestyle=":", label=f"1 in {n + 1}: lowest rate of {n} scores")
    axes.set(xlabel="threshold", ylabel="false alarm rate", yscale="log", ylim=(min(rates) / 1.5, 0.2))
    figure.legend_beside(axes)
    low, high = np.min(np.asarray(thresholds)[:, -1]), np.max(np.asarray(thresholds)[:, -1])
    figure.alt = (
        f"False alarm rate against threshold on a log scale. The lowest rate of {n} scores is 1 in {n + 1}. The fitted "
        f"tails extend further and differ more: for the rate {rates[-1]:g}, the thresholds are {low:.2f} to {high:.2f}."
    )
    return figure


def plot_leak(wrong: Mapping[int, Sequence[float]], correct: Mapping[int, Sequence[float]]) -> Figure:
    """Plot F1 on the beats on which the threshold was chosen, and F1 on new beats, for studies of several sizes.

    Parameters
    ----------
    wrong, correct : mapping of int to sequence of float
        F1 of many studies, by the number of beats per class. The histograms show the smallest size.

    Returns
    -------
    Figure
    """
    sizes, figure = sorted(wrong), Figure("F1 on the same beats and on new beats", figsize=(9, 3.4))
    left, right = figure.plain_axes(1, 2, 1), figure.plain_axes(1, 2, 2)
    # wide bins, because F1 of few beats has few possible values
    low = np.floor(20 * min(min(correct[sizes[0]]), min(wrong[sizes[0]]))) / 20
    bins = np.arange(low, 1.051, 0.05).tolist()
    # "same beats": F1 on the beats on which the threshold was chosen
    parts = (("same beats", wrong, _STYLES[1], "///"), ("new beats", correct, _STYLES[0], None))
    styles = [(color, hatch) for _, _, (color, _, _), hatch in parts]
    _, _, pairs = left.hist([studies[sizes[0]] for _, studies, _, _ in parts], bins, alpha=0.6)
    for bars, (color, hatch) in zip(pairs, styles, strict=True):
        for bar in bars:
            bar.set(facecolor=color, edgecolor=color, hatch=hatch)
    for name, studies, (color, dash, marker), _ in parts:
        means = [float(np.mean(studies[size])) for size in sizes]
        right.plot(sizes, means, color=color, linestyle=dash, marker=marker, label=name)
    left.set(xlabel=f"F1, {sizes[0]} + {sizes[0]} beats", ylabel="studies")
    right.set(xlabel="beats per class", ylabel="mean F1", xscale="log")
    right.set_xticks(sizes, [str(size) for size in sizes])
    right.minorticks_off()
    figure.legend(
        *right.get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False, labelcolor=TEXT
    )
    gaps = ", ".join(f"{np.mean(wrong[size]) - np.mean(correct[size]):.3f} with {size}" for size in sizes)
    figure.alt = (
        "Left, histograms of F1 over many small studies: higher on the beats on which the threshold was chosen than on "
        f"new beats. Right, the mean F1 against the number of beats per class: the difference is {gaps}."
    )
    return figure
