"""Plots of lesson 4, *Choosing a threshold*: outcomes, scores, costs, rules, false alarm rates and leakage."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import norm

from trainers.detection import quantile_threshold
from trainers.plotting import ABNORMAL, RESTORE, TEXT, TRAIN, VALIDATION, Figure, as_label

# Colour, dash and marker: curves can be distinguished without colour.
_STYLES: tuple[tuple[str, str, str], ...] = (
    (TRAIN, "-", "o"),
    (VALIDATION, "--", "s"),
    (RESTORE, "-.", "^"),
    ("#AA4499", ":", "D"),
)


def plot_outcomes(threshold: float = 4.8) -> Figure:
    """Draw how a threshold divides the scores of normal and of abnormal beats into four outcomes (made-up scores).

    Parameters
    ----------
    threshold : float, default 4.8
        Threshold between 0 and 12. The normal scores have mean 3, the abnormal ones mean 7.

    Returns
    -------
    Figure
    """
    figure = Figure("four outcomes of a threshold", figsize=(9, 3.8))
    axes, scores = figure.plain_axes(), np.linspace(0, 12, 400)
    # normal beats above the axis, abnormal beats below it, so that no area covers another
    normal, abnormal = norm(3, 1).pdf(scores), -norm(7, 1.6).pdf(scores)
    classes = (
        (normal, TRAIN, "normal beats", ("correct\nrejections", 2.95, 0.15), ("false alarms", 6.4, 0.16)),
        (abnormal, ABNORMAL, "abnormal beats", ("misses", 3.0, -0.15), ("true alarms", 7.2, -0.11)),
    )
    for height, color, name, *outcomes in classes:
        axes.plot(scores, height, color=color)
        for part, alpha in ((scores <= threshold, 0.15), (scores >= threshold, 0.35)):
            axes.fill_between(scores, height, where=part, color=color, alpha=alpha, linewidth=0)
        sign = np.sign(height.sum())
        axes.text(11.9, 0.3 * sign, name, color=color, ha="right", va="center", weight="bold")
        for text, x, y in outcomes:
            axes.text(x, y, text, color=TEXT, ha="center", va="center", weight="bold")
    # lines from the names of the two small areas to the areas
    for start, area in (((5.8, 0.14), (5.05, 0.03)), ((3.5, -0.13), (4.4, -0.03))):
        axes.annotate("", area, start, arrowprops={"arrowstyle": "-", "color": TEXT})
    axes.axhline(0, color=TEXT, linewidth=0.8)
    axes.axvline(threshold, color=RESTORE, linestyle="-.")
    for text, side in (("not flagged  ", "right"), ("  flagged", "left")):
        axes.text(threshold, 0.41, text, color=RESTORE, ha=side, va="center")
    axes.set(xlabel="score", ylabel="density", xlim=(0, 12), ylim=(-0.35, 0.44), yticks=[], xticks=[])
    figure.alt = (
        "Two densities over the score: normal beats above the axis, abnormal beats, with higher scores, below it. "
        "A threshold cuts both: normal beats are correct rejections to its left and false alarms to its right; "
        "abnormal beats are misses to its left and true alarms to its right."
    )
    return figure


def plot_beat_scores(scores: Any, thresholds: Mapping[str, float], abnormal: Any = None) -> Figure:
    """Plot scores as dots, side by side, and thresholds as horizontal lines.

    Parameters
    ----------
    scores : array, shape (n,)
        Scores; their order has no meaning.
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
    axes.set(xlabel="number of the beat in the sample", ylabel="score (error)", ylim=(0, None))
    above = ", ".join(f"{(scores > threshold).sum()} above {name}" for name, threshold in thresholds.items())
    figure.alt = f"The scores of {len(scores)} beats as dots, with thresholds as horizontal lines: {above}."
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


def plot_intervals(scores: Any, rate: float) -> Figure:
    """Draw n scores on an axis, the n + 1 intervals between them, and the intervals above the conformal quantile.

    Parameters
    ----------
    scores : array, shape (n,)
        About nine calibration scores.
    rate : float
        Requested false alarm rate; the threshold is the ⌈(n + 1)(1 − rate)⌉-th smallest score.

    Returns
    -------
    Figure
    """
    ordered = np.sort(np.asarray(scores, dtype=float))
    n, threshold = len(ordered), quantile_threshold(ordered, rate=rate)
    gap = float(np.ptp(ordered)) / n
    edges = [ordered[0] - gap, *ordered, ordered[-1] + 2 * gap]
    figure = Figure(f"{n} scores and {n + 1} intervals", figsize=(9, 1.9))
    axes = figure.plain_axes(ylim=(-0.75, 1.5), xlim=(edges[0], edges[-1]))
    for left, right in itertools.pairwise(edges):
        above = left >= threshold
        axes.axvspan(left, right, 0.33, 0.78, color=RESTORE if above else TEXT, alpha=0.45 if above else 0.12)
        axes.text((left + right) / 2, 0.5, f"1/{n + 1}", color=TEXT, ha="center", va="center")
    axes.vlines(ordered, 0, 1, color=TEXT, linewidth=0.8)
    axes.plot(ordered, np.zeros(n), "o", color=TRAIN, clip_on=False)
    for rank, score in enumerate(ordered, start=1):
        axes.text(score, -0.2, str(rank), color=TRAIN, ha="center", va="top")
    axes.plot([threshold, threshold], [0, 1.35], color=RESTORE, linestyle="-.")
    above = int((ordered >= threshold).sum())
    text = f"above: {above} of {n + 1} intervals"
    axes.text(threshold + gap / 10, 1.25, text, color=RESTORE, ha="left", va="center")
    axes.text(edges[0], 1.25, "probability of a new normal score", color=TEXT, ha="left", va="center")
    axes.set(xlabel="score (the dots are the calibration scores, with their ranks)", xticks=[], yticks=[])
    axes.spines["left"].set_visible(False)
    figure.alt = (
        f"{n} calibration scores divide the axis into {n + 1} intervals; a new normal score falls into each with "
        f"probability 1/{n + 1}. The threshold is the score of rank {n + 1 - above}; {above} of the {n + 1} intervals "
        "are above it."
    )
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
