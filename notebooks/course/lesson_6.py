"""Checks of the exercises of lesson 6, *Was it worth it?*."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise, kind_of


@exercise("6.1", "a difference, and a pair (low, high)")
def check_1(ahead: Any, interval: Any, network: np.ndarray, nearest: np.ndarray) -> str:
    """The t interval of the paired differences."""
    differences = network - nearest
    mean, n = float(differences.mean()), len(differences)
    if np.shape(ahead) == (n,):
        msg = "`ahead`: these are the five differences; take their mean."
        raise NotYet(msg)
    ahead = one_number(ahead, "`ahead`")
    if not _close(ahead, mean):
        if _close(ahead, -mean):
            msg = "`ahead`: the other way round: network less 1-NN."
        elif _close(ahead, float(np.median(network) - np.median(nearest))) or _close(
            ahead, float(np.median(differences))
        ):
            msg = "`ahead`: that is a median; the interval below is one of the mean."
        elif is_rounded(ahead, mean):
            msg = "`ahead`: nearly. Give it as it comes, unrounded."
        else:
            msg = "`ahead`: it is not the mean of the five differences, network less 1-NN."
        raise NotYet(msg)
    if np.shape(interval) != (2,):
        kind = kind_of(interval) + (f" of {len(interval)}" if isinstance(interval, list | tuple) else "")
        msg = f"`interval` should be a pair (low, high); it is {kind}."
        raise NotYet(msg)
    low, high = (one_number(end, "each end of `interval`") for end in interval)
    if low > high:
        msg = "`interval`: the low end comes first."
        raise NotYet(msg)
    half, middle = (high - low) / 2, (high + low) / 2
    if not _close(middle, mean):
        msg = "`interval`: its middle is not the mean difference. Has it been made from the differences?"
        raise NotYet(msg)
    spread, t = float(differences.std(ddof=1)), float(stats.t.ppf(0.975, n - 1))
    apart = [stats.ttest_ind(network, nearest, equal_var=equal).confidence_interval() for equal in (True, False)]
    if any(_close(half, (one.high - one.low) / 2) for one in apart):
        msg = (
            "`interval`: that treats the two as separate samples, as if seed 0 of the one had nothing to do with "
            "seed 0 of the other. They share the split: take the differences first."
        )
    elif _close(half, 1.96 * spread / np.sqrt(n)):
        msg = "`interval`: 1.96 is for many values. With five, the standard deviation itself is uncertain: 2.776."
    elif _close(half, t * spread):
        msg = "`interval`: that is where a sixth *difference* may lie; the mean of five is surer. Divide by √5."
    elif _close(half, t * float(differences.std()) / np.sqrt(n)):
        msg = "`interval`: NumPy's `std` divides by n; from a sample it is n − 1: `std(ddof=1)`."
    elif _close(half, spread / np.sqrt(n)) or _close(half, spread):
        msg = "`interval`: that is the mean plus or minus one standard deviation or error; for 95 % it is 2.776 errors."
    elif _close(half, t * spread / np.sqrt(n)):
        return (
            "0 lies outside: over these seeds the network is behind, though the two clouds of dots overlap. The seeds "
            "share what is hard about a split, and the difference takes it out."
        )
    else:
        msg = "`interval`: the middle is right, the width is not. How sure is a mean of five differences?"
    raise NotYet(msg)


@exercise("6.2", "a function of a generator, two scores and the truth that returns a number")
def check_2(draw: Any) -> str:
    """With replacement, both methods and the labels on the same draw."""
    abnormal = np.arange(40) % 2 == 0
    noise = np.random.default_rng(0).normal(size=40)
    good, poor = abnormal + noise, noise

    def drawn(a: np.ndarray, b: np.ndarray, seed: int = 1, n: int = 5) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.array(
            [one_number(call(draw, rng, a, b, abnormal, name="draw"), "what `draw` returned") for _ in range(n)]
        )

    if not np.allclose(drawn(good, good), 0):
        msg = (
            "with the same scores for both methods the difference is not 0: each is scored on a draw of its own. "
            "Draw once, and use the same positions for both."
        )
        raise NotYet(msg)
    if np.allclose(drawn(abnormal * 1.0, abnormal * -1.0), -1):
        msg = "the sign: the AUROC of `a` less that of `b`."
        raise NotYet(msg)
    if not np.allclose(drawn(abnormal * 1.0, abnormal * -1.0), 1):
        msg = (
            "a perfect method less one that is always wrong is 1 on every draw; yours is not. Do the labels come "
            "along, `abnormal` at the positions that were drawn?"
        )
        raise NotYet(msg)
    several = drawn(good, poor)
    if np.ptp(several) and np.allclose(drawn(poor, good), several):
        msg = "which of the two is ahead must show in the sign: AUROC of `a` less AUROC of `b`, and no more than that."
        raise NotYet(msg)
    if np.ptp(several) == 0:
        msg = (
            "five draws give the same number. Either nothing is drawn, or without replacement: all beats in another "
            "order are still all beats. Or does each draw begin with a new generator?"
        )
        raise NotYet(msg)
    if not np.array_equal(several, drawn(good, poor)):
        msg = "the same generator gives other numbers each time: draw with `rng`, not with a generator of its own."
        raise NotYet(msg)
    # Of 40 beats drawn with replacement some 25 are different; the figure then scatters by this much.
    spread = float(drawn(good, poor, n=300).std())
    expected = _spread_of_draws(good, poor, abnormal)
    if not 0.75 * expected < spread < 1.33 * expected:
        few = (
            "too much: are fewer drawn than there are?"
            if spread > expected
            else "too little: are more drawn than that?"
        )
        msg = f"over many draws the difference scatters {few} As many as there are, with replacement."
        raise NotYet(msg)
    return (
        "The middle 95 % of such draws are the bootstrap interval. Drawing both methods together takes out what makes "
        "a draw easy or hard for both."
    )


@exercise("6.3", "a function of two arrays of scores that returns an array")
def check_3(mean_rank: Any) -> str:
    """The mean of two ranks."""
    a = np.array([0.3, 0.1, 0.5, 0.2, 0.4])
    b = np.array([20.0, 50.0, 30.0, 10.0, 40.0])
    got = np.asarray(call(mean_rank, a, b, name="mean_rank"), dtype=float)
    if got.shape != a.shape:
        msg = f"one number for each beat was asked for, shape {a.shape}; got shape {got.shape}."
        raise NotYet(msg)
    wanted = (stats.rankdata(a) + stats.rankdata(b)) / 2
    others = {
        "these are the scores themselves, averaged: the one in larger units decides alone. Take ranks first.": (a + b)
        / 2,
        "`argsort` says *which* beat comes first, not which rank a beat has. `scipy.stats.rankdata` gives ranks.": (
            (np.argsort(a) + np.argsort(b)) / 2
        ),
        "the rank of the *sum* of the scores: rank each score by itself, then average.": stats.rankdata(a + b),
        "the ranks run the wrong way: the highest score should have the highest rank.": (12 - 2 * wanted) / 2,
    }
    for words, wrong in others.items():
        if np.ptp(got - wrong) < 1e-9 and not np.ptp(got - wanted) < 1e-9:
            raise NotYet(words)
    # A sum in place of a mean, or ranks from 0 to 1, order the beats in the same way.
    slope = np.ptp(got) / np.ptp(wanted)
    if not (slope > 0 and np.allclose(got - got.min(), slope * (wanted - wanted.min()))):
        msg = "it is not the mean of both ranks. On paper: a = 0.3, 0.1, 0.5, 0.2, 0.4 has the ranks 3, 1, 5, 2, 4."
        raise NotYet(msg)
    return (
        "Ranks forget units, and how far apart two scores are. Whether the mixture beats both hangs on whether the two "
        "miss different beats; one split does not show it."
    )


def _spread_of_draws(a: np.ndarray, b: np.ndarray, abnormal: np.ndarray) -> float:
    """Of the difference in AUROC over many draws, as it should be."""
    from sklearn.metrics import roc_auc_score

    rng, found = np.random.default_rng(2), []
    for _ in range(300):
        at = rng.integers(0, len(a), len(a))
        found.append(roc_auc_score(abnormal[at], a[at]) - roc_auc_score(abnormal[at], b[at]))
    return float(np.std(found))


def _close(given: float, wanted: float) -> bool:
    return bool(np.isclose(given, wanted, rtol=0, atol=2e-5))
