"""Checks of the exercises of lesson 7, *Was it worth it?*."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise, kind_of


@exercise("7.1", "`mean_difference` is a number, and `interval` is a pair (low, high)")
def check_1(mean_difference: Any, interval: Any, network: np.ndarray, nearest: np.ndarray) -> str:
    """Check the mean and the t interval of the paired differences."""
    differences = network - nearest
    mean, n = float(differences.mean()), len(differences)
    if np.shape(mean_difference) == (n,):
        msg = "`mean_difference` has the five differences. Assign their mean."
        raise NotYet(msg)
    answer = one_number(mean_difference, "`mean_difference`")
    if not _close(answer, mean):
        if _close(answer, -mean):
            msg = "`mean_difference`: the sign is wrong. It is the network minus 1-NN."
        elif _close(answer, float(np.median(network) - np.median(nearest))) or _close(
            answer, float(np.median(differences))
        ):
            msg = "`mean_difference`: this is a median. Use the mean, as for the interval."
        elif is_rounded(answer, mean):
            msg = "`mean_difference`: this is the right value, rounded. Assign the unrounded value."
        else:
            msg = "`mean_difference` is not the mean of the five differences, network minus 1-NN."
        raise NotYet(msg)
    if np.shape(interval) != (2,):
        kind = kind_of(interval) + (f" of {len(interval)}" if isinstance(interval, list | tuple) else "")
        msg = f"`interval` must be a pair (low, high), got {kind}."
        raise NotYet(msg)
    low, high = (one_number(end, "each end of `interval`") for end in interval)
    if low > high:
        msg = "`interval`: the lower end must come first."
        raise NotYet(msg)
    half_width, centre = (high - low) / 2, (high + low) / 2
    if not _close(centre, mean):
        msg = "`interval`: its centre is not the mean difference. Compute it from the differences."
        raise NotYet(msg)
    std, t = float(differences.std(ddof=1)), float(stats.t.ppf(0.975, n - 1))
    independent = [stats.ttest_ind(network, nearest, equal_var=equal).confidence_interval() for equal in (True, False)]
    if any(_close(half_width, (one.high - one.low) / 2) for one in independent):
        msg = (
            "`interval`: this is the interval for two independent samples. But the two methods share the split of each "
            "seed. Compute the differences first."
        )
    elif _close(half_width, 1.96 * std / np.sqrt(n)):
        msg = "`interval`: 1.96 is for large samples. With five values, the standard deviation is uncertain: use 2.776."
    elif _close(half_width, t * std):
        msg = "`interval`: this is the interval for a single new *difference*. For the mean of five: Divide by √5."
    elif _close(half_width, t * float(differences.std()) / np.sqrt(n)):
        msg = "`interval`: NumPy's `std` divides by n. For a sample, divide by n − 1: `std(ddof=1)`."
    elif _close(half_width, std / np.sqrt(n)) or _close(half_width, std):
        msg = "`interval`: this is the mean ± one standard deviation or standard error. For 95 %, use 2.776 errors."
    elif _close(half_width, t * std / np.sqrt(n)):
        return (
            "The interval does not contain 0: over these seeds the network is worse, although the values of both "
            "methods overlap. A split is hard or easy for both methods, and taking the difference removes this effect."
        )
    else:
        msg = "`interval`: the centre is right, but the width is wrong. Use the standard error of the mean."
    raise NotYet(msg)


@exercise("7.2", "a function of a generator, two arrays of scores and the labels that returns a number")
def check_2(draw: Any) -> str:
    """Check a bootstrap draw: with replacement, both methods and the labels on the same draw."""
    abnormal = np.arange(40) % 2 == 0
    noise = np.random.default_rng(0).normal(size=40)
    good, poor = abnormal + noise, noise

    def draws(a: np.ndarray, b: np.ndarray, seed: int = 1, n: int = 5) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.array(
            [one_number(call(draw, rng, a, b, abnormal, name="draw"), "the result of `draw`") for _ in range(n)]
        )

    if not np.allclose(draws(good, good), 0):
        msg = (
            "with the same scores for both methods, the difference is not 0: each method is evaluated on a separate "
            "draw. Draw once, and use the same indices for both."
        )
        raise NotYet(msg)
    if np.allclose(draws(abnormal * 1.0, abnormal * -1.0), -1):
        msg = "the sign is wrong. Return the AUROC of `a` minus the AUROC of `b`."
        raise NotYet(msg)
    if not np.allclose(draws(abnormal * 1.0, abnormal * -1.0), 1):
        msg = (
            "for perfect scores `a` and reversed scores `b`, the difference must be 1 on every draw. "
            "Do you also index the labels `abnormal` with the indices that you drew?"
        )
        raise NotYet(msg)
    several = draws(good, poor)
    if np.ptp(several) and np.allclose(draws(poor, good), several):
        msg = (
            "the difference must have a sign that shows which method is better. Return AUROC of `a` minus that of `b`."
        )
        raise NotYet(msg)
    if np.ptp(several) == 0:
        msg = (
            "five draws give the same number. Do you draw without replacement? Then all beats are drawn, only in "
            "another order. Or does each draw create a new generator?"
        )
        raise NotYet(msg)
    if not np.array_equal(several, draws(good, poor)):
        msg = "the same generator gives different numbers each time: draw with `rng`, not with another generator."
        raise NotYet(msg)
    # about 25 of 40 beats drawn with replacement are different, which determines the standard deviation
    std = float(draws(good, poor, n=300).std())
    expected = _std_of_draws(good, poor, abnormal)
    if not 0.75 * expected < std < 1.33 * expected:
        reason = "large: do you draw too few beats?" if std > expected else "small: do you draw too many beats?"
        msg = f"over many draws, the standard deviation is too {reason} Draw as many as there are."
        raise NotYet(msg)
    return (
        "The bootstrap interval extends from the 2.5 % to the 97.5 % quantile of many such differences. If both "
        "methods are evaluated on the same resampled beats, the variation that affects both methods is removed."
    )


@exercise("7.3", "a function of two arrays of scores that returns an array")
def check_3(mean_rank: Any) -> str:
    """Check the mean of two ranks."""
    a = np.array([0.3, 0.1, 0.5, 0.2, 0.4])
    b = np.array([20.0, 50.0, 30.0, 10.0, 40.0])
    returned = np.asarray(call(mean_rank, a, b, name="mean_rank"), dtype=float)
    if returned.shape != a.shape:
        msg = f"`mean_rank` must return one number for each beat, shape {a.shape}, got shape {returned.shape}."
        raise NotYet(msg)
    expected = (stats.rankdata(a) + stats.rankdata(b)) / 2
    mistakes = {
        "this is the mean of the scores, in which the one with larger units dominates. Compute the ranks first.": (
            (a + b) / 2
        ),
        "`argsort` returns the order of the beats, not their ranks. Use `scipy.stats.rankdata`.": (
            (np.argsort(a) + np.argsort(b)) / 2
        ),
        "this is the rank of the *sum* of the scores. Rank each score separately, then average.": stats.rankdata(a + b),
        "the ranks are reversed: the highest score must have the highest rank.": (12 - 2 * expected) / 2,
    }
    for text, wrong in mistakes.items():
        if np.ptp(returned - wrong) < 1e-9 and not np.ptp(returned - expected) < 1e-9:
            raise NotYet(text)
    # a sum instead of a mean, or ranks from 0 to 1, give the same order of the beats
    slope = np.ptp(returned) / np.ptp(expected)
    if not (slope > 0 and np.allclose(returned - returned.min(), slope * (expected - expected.min()))):
        msg = "`mean_rank` must return the mean of both ranks. Example: 0.3, 0.1, 0.5, 0.2 have the ranks 3, 1, 4, 2."
        raise NotYet(msg)
    return (
        "Ranks do not depend on units or on the distances between scores. Whether the combination is better than both "
        "methods depends on whether they miss different beats. A single split cannot show this."
    )


def _std_of_draws(a: np.ndarray, b: np.ndarray, abnormal: np.ndarray) -> float:
    """Return the expected standard deviation of the difference in AUROC over many draws."""
    from sklearn.metrics import roc_auc_score

    rng, differences = np.random.default_rng(2), []
    for _ in range(300):
        indices = rng.integers(0, len(a), len(a))
        differences.append(roc_auc_score(abnormal[indices], a[indices]) - roc_auc_score(abnormal[indices], b[indices]))
    return float(np.std(differences))


def _close(value: float, expected: float) -> bool:
    return bool(np.isclose(value, expected, rtol=0, atol=2e-5))
