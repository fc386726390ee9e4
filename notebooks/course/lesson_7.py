"""Checks of the exercises of lesson 7, *Was it worth it?*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise, kind_of


@exercise("7.1", "a share between 0 and 1")
def check_1(share: Any, test_sets: Sequence[set[bytes]]) -> str:
    """Check the share of the test beats of split 0 that are also in the test set of split 1."""
    answer = one_number(share, "`share`")
    first, second, *_ = test_sets
    both, n = len(first & second), len(first)
    right, in_all = both / n, len(set.intersection(*test_sets)) / n
    mistakes = {
        both: "this is the number of beats in both sets. Divide by the number of beats in one of them.",
        100 * right: "this is a percentage. Assign the share.",
        1 - right: "this is the share of the beats that are in only one of the two sets.",
        in_all: "this is the share of the beats that are in all five sets, the abnormal ones. Two sets also share some "
        "normal beats. Compare only two sets.",
        both / len(first | second): "this is divided by the number of beats in either set. Divide by the size of one.",
        1.0: "are the two sets the same set? Compare `test_sets[0]` with `test_sets[1]`.",
    }
    if np.isclose(answer, right, rtol=0, atol=1e-6):
        return (
            "All abnormal beats are in both test sets, and so are some normal beats by chance. Five test sets that "
            "are almost the same do not count as five independent tests."
        )
    for wrong, text in mistakes.items():
        if np.isclose(answer, wrong, rtol=0, atol=1e-6):
            raise NotYet(text)
    if is_rounded(answer, right):
        msg = "this is the right value, rounded. Assign the unrounded value."
    else:
        msg = "`share` is not the number of beats in both sets, divided by the number of beats in one set."
    raise NotYet(msg)


@exercise("7.2", "`mean_difference` is a number, and `interval` is a pair (low, high)")
def check_2(mean_difference: Any, interval: Any, network: np.ndarray, nearest: np.ndarray) -> str:
    """Check the mean and the t interval of the paired differences."""
    differences = network - nearest
    mean, n = float(differences.mean()), len(differences)
    if np.shape(mean_difference) == (n,):
        msg = "`mean_difference` has the five differences. Assign their mean."
        raise NotYet(msg)
    answer = one_number(mean_difference, "`mean_difference`")
    if not _close(answer, mean):
        if _close(answer, -mean):
            msg = "`mean_difference`: the sign is wrong. It is the network minus 5-NN."
        elif _close(answer, float(np.median(network) - np.median(nearest))) or _close(
            answer, float(np.median(differences))
        ):
            msg = "`mean_difference`: this is a median. Use the mean, as for the interval."
        elif is_rounded(answer, mean):
            msg = "`mean_difference`: this is the right value, rounded. Assign the unrounded value."
        else:
            msg = "`mean_difference` is not the mean of the five differences, network minus 5-NN."
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
        msg = "`interval`: this is the interval for a single new *difference*. For the mean of five, divide by √5."
    elif _close(half_width, t * float(differences.std()) / np.sqrt(n)):
        msg = "`interval`: NumPy's `std` divides by n. For a sample, divide by n − 1: `std(ddof=1)`."
    elif _close(half_width, std / np.sqrt(n)) or _close(half_width, std):
        msg = "`interval`: this is the mean ± one standard deviation or standard error. For 95 %, use 2.776 errors."
    elif _close(half_width, t * std / np.sqrt(n)):
        return (
            "This interval does not contain 0. But the formula assumes that the five differences are independent, and "
            "exercise 7.1 shows that they are not."
        )
    else:
        msg = "`interval`: the centre is right, but the width is wrong. On each side, it is 2.776 · s / √5."
    raise NotYet(msg)


@exercise("7.3", "an integer and a positive number")
def check_3(n_splits: Any, never_below: Any, differences: np.ndarray, n_train: int, n_test: int) -> str:
    """Check the number of splits for an interval without 0, and the half-width for any number of splits."""
    mean, std, ratio = abs(float(differences.mean())), float(differences.std(ddof=1)), n_test / n_train
    answer, least = one_number(n_splits, "`n_splits`"), one_number(never_below, "`never_below`")
    right = _fewest(lambda k: stats.t.ppf(0.975, k - 1) * np.sqrt(1 / k + ratio) * std < mean)
    mistakes = {
        _fewest(lambda k: stats.t.ppf(0.975, k - 1) * np.sqrt(1 / k) * std < mean): (
            "`n_splits`: this is the answer for the plain interval or for the factor 1.96. Use the corrected interval, "
            "and the factor for k splits, `stats.t.ppf(0.975, k - 1)`."
        ),
        _fewest(lambda k: 2.776 * np.sqrt(1 / k + ratio) * std < mean): (
            "`n_splits`: 2.776 is the factor for five splits. For k splits, use `stats.t.ppf(0.975, k - 1)`."
        ),
        _fewest(lambda k: stats.t.ppf(0.975, k - 1) * np.sqrt(1 / k + ratio) * differences.std() < mean): (
            "`n_splits`: NumPy's `std` divides by n. For a sample, divide by n − 1: `std(ddof=1)`."
        ),
        right - 1: "`n_splits`: with one split fewer than needed, the interval still contains 0, but only just.",
        right + 1: "`n_splits`: this is one too many. With one split fewer, the interval does not contain 0 either.",
    }
    if answer != right:
        raise NotYet(mistakes.get(int(answer), "`n_splits`: compute the half-width for k = 2, 3, 4, … and compare it."))
    limit = 1.96 * np.sqrt(ratio) * std
    if np.isclose(least, limit, rtol=0.002):
        return (
            "More splits of the same beats make the interval narrower, but not narrower than this limit. Only more "
            "beats can do that, best from other patients."
        )
    wrong = {
        0.0: "`never_below`: this is the limit of the plain interval. In the corrected one, only 1/k becomes 0.",
        2.776 * np.sqrt(ratio) * std: "`never_below`: with many splits, the factor is 1.96, not 2.776.",
        np.sqrt(ratio) * std: "`never_below`: multiply by the factor for many splits, 1.96.",
        1.96 * ratio * std: "`never_below`: take the square root of n_test / n_train.",
        1.96 * ratio * std**2: "`never_below`: take the square root of the variance.",
        2 * limit: "`never_below`: this is the whole width. Assign half of it.",
    }
    for value, text in wrong.items():
        if np.isclose(least, value, rtol=0.002, atol=1e-9):
            raise NotYet(text)
    msg = "`never_below`: set 1/k to 0 and the factor to 1.96 in the corrected half-width."
    raise NotYet(msg)


@exercise("7.4", "a function of a rate and a number of steps that returns a probability")
def check_4(chance: Any) -> str:
    """Check the probability that a random score flags at least one step of an event."""
    cases = [(0.01, 1), (0.01, 50), (0.05, 10), (0.2, 30)]
    answers = [one_number(call(chance, *case, name="chance"), "the result of `chance`") for case in cases]
    mistakes = {
        "this is the probability that *no* step is flagged. Subtract it from 1.": lambda rate, n: (1 - rate) ** n,
        "rate times steps is the expected number of flagged steps. It can be larger than 1.": lambda rate, n: rate * n,
        "a sum that is cut at 1 is too large: two flagged steps in one event count once.": (
            lambda rate, n: min(1.0, rate * n)
        ),
        "this is the probability that *all* steps are flagged.": lambda rate, n: rate**n,
        "this is the probability that *not all* steps are flagged.": lambda rate, n: 1 - rate**n,
    }
    if np.allclose(answers, [1 - (1 - rate) ** n for rate, n in cases], rtol=0, atol=1e-9):
        return (
            f"At a rate of 1 %, a random score detects {100 * chance(0.01, 50):.0f} % of the events of 50 steps and "
            f"{100 * chance(0.01, 200):.0f} % of those of 200 steps. State this chance level beside detected shares."
        )
    for text, wrong in mistakes.items():
        if np.allclose(answers, [wrong(*case) for case in cases], rtol=0, atol=1e-9):
            raise NotYet(text)
    rate, n = cases[1]
    got = f"for a rate of {rate} and {n} steps, `chance` returned {answers[1]:.4g}"
    msg = f"{got}. First compute the probability that no step is flagged."
    raise NotYet(msg)


@exercise("7.5", "a function of a generator, two arrays of scores and the labels that returns a number")
def check_5(draw: Any) -> str:
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
        if np.allclose(draws(good, good), 0.5):
            msg = "this is one AUROC, of the difference of the scores. Compute an AUROC for each method, and subtract."
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
        size = "large" if std > expected else "small"
        msg = f"over many draws, the standard deviation is too {size}. Draw as many beats as there are: `len(a)`."
        raise NotYet(msg)
    return (
        "The bootstrap interval extends from the 2.5 % to the 97.5 % quantile of many such differences. If both "
        "methods are evaluated on the same resampled beats, the variation that affects both methods is removed."
    )


def _fewest(excludes_zero: Callable[[int], bool]) -> int:
    """Return the smallest number of splits, from 2 to 1000, for which an interval excludes 0; 0 if there is none."""
    return next((k for k in range(2, 1001) if excludes_zero(k)), 0)


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
