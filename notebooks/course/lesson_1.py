"""Checks of the exercises of lesson 1, *Find the abnormal heartbeat*."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise
from trainers.detection import quantile_threshold

# Given in exercise 1.3: shares of the abnormal and of the normal beats that are flagged; abnormal share in the ward.
RECALL, FALSE_ALARM_RATE, WARD = 0.99, 0.05, 0.01
# Given in exercise 1.4.
_SIZES, _SEEDS = (2, 8, 32), 3


@exercise("1.1", "a function of two arrays that returns one number")
def check_1(error: Any) -> str:
    """Check for the mean absolute difference of two arrays."""
    # The differences are 7, -1, 4, 9, -9: all wrong formulas give different numbers.
    beat, reconstruction = np.array([4.0, -3.0, 2.0, 4.0, -5.0]), np.array([-3.0, -2.0, -2.0, -5.0, 4.0])
    result = one_number(call(error, beat, reconstruction, name="error"), "the return value of `error`")
    mistakes = {
        2.0: "that is the mean of the differences: positive and negative ones cancel. Take absolute values first.",
        -2.0: "that is the mean of the differences: positive and negative ones cancel. Take absolute values first.",
        228 / 5: "that is the mean *squared* difference. Use the absolute difference.",
        (228 / 5) ** 0.5: "that is the root of the mean *squared* difference. Use the absolute difference.",
        30.0: "that is the sum of the absolute differences. Divide it by the number of time steps.",
        30 / 140: "you divide by 140. Divide by the number of time steps of the given beat.",
        9.0: "that is the largest absolute difference. Take the mean.",
        7.0: "that is the median of the absolute differences. Take the mean.",
        2 / 5: "that is the difference of the mean absolute values. Subtract first, then take absolute values.",
        4 / 5: "you take absolute values first. Subtract first, then take absolute values.",
        8 / 5: "you add beat and reconstruction. Subtract.",
        30 / 4: "you divide by one time step too few. Divide by the number of time steps.",
    }
    # without the first or the last step, divided by 5 or by 4
    one_less = "one time step is missing. In Python, the steps of a beat have the numbers in `range(len(beat))`."
    mistakes |= dict.fromkeys([23 / 5, 21 / 5, 23 / 4, 21 / 4], one_less)
    if not np.isclose(result, 6):
        for number, hint in mistakes.items():
            if np.isclose(result, number):
                raise NotYet(hint)
        msg = (
            "for the beat 4, −3, 2, 4, −5 and the reconstruction −3, −2, −2, −5, 4, your function returns "
            f"{result:.3g}. Compute it by hand for these five time steps."
        )
        raise NotYet(msg)
    beat, reconstruction = np.array([2.0, -1.0, 1.0]), np.array([-1.0, -2.0, 3.0])
    result = one_number(call(error, beat, reconstruction, name="error"), "the return value of `error`")
    if not np.isclose(result, 2):
        msg = (
            "right for five time steps and wrong for three. Does your function use its arguments only, and `len(beat)`?"
        )
        raise NotYet(msg)
    return (
        "The unit of this error is that of the beat, here standard deviations. `reconstruction_error` computes it "
        "for all beats of a set."
    )


@exercise("1.2", "a share between 0 and 1 for `leaky` and for `unbiased`")
def check_2(leaky: Any, unbiased: Any, pca_error: Mapping[str, np.ndarray]) -> str:
    """Check that a threshold set on the training beats is too low."""
    leaky, unbiased = one_number(leaky, "`leaky`"), one_number(unbiased, "`unbiased`")
    new = pca_error["normal test"]
    thresholds = {name: quantile_threshold(pca_error[name], rate=0.05) for name in ("training", "calibration")}
    wanted = {name: float((new > threshold).mean()) for name, threshold in thresholds.items()}
    if _close(leaky, wanted["calibration"]) and _close(unbiased, wanted["training"]):
        msg = "the two shares are swapped. The leaky threshold is set on the training beats."
        raise NotYet(msg)
    for name, share, part in (("leaky", leaky, "training"), ("unbiased", unbiased, "calibration")):
        threshold = thresholds[part]
        if _close(share, wanted[part]):
            continue
        if is_rounded(share, wanted[part]):
            msg = f"`{name}`: the share is nearly right. Do not round it."
            raise NotYet(msg)
        if _close(share, threshold):
            hint = "that is the threshold itself. The exercise asks for the share of new normal beats above it."
        elif _close(share, len(new) * wanted[part]):
            hint = f"that is a number of beats. Give the share of the {len(new)} beats."
        elif _close(share, 100 * wanted[part]):
            hint = "that is in percent. Give a share, from 0 to 1."
        elif _close(share, 1 - wanted[part]):
            hint = "that is the share below the threshold. The exercise asks for the share above it."
        elif _close(share, float((pca_error[part] > threshold).mean())):
            hint = f"that is the share of the {part} beats, on which the threshold was set. Use *new* beats."
        else:
            hint = (
                f'the threshold is `quantile_threshold(pca_error["{part}"], rate=0.05)`, and the share is that of '
                'pca_error["normal test"] above it.'
            )
        msg = f"`{name}`: {hint}"
        raise NotYet(msg)
    return (
        f"You requested 5 %. The threshold that was set on training beats flags {leaky:.0%} of new normal beats, the "
        f"other one {unbiased:.1%}. The method was fitted to the training beats, so their errors are too small. With "
        "more training beats, the difference is smaller."
    )


@exercise("1.3", "a function of the share of abnormal beats, and its value for one abnormal beat in a hundred")
def check_3(precision: Any, ward: Any) -> str:
    """Check the precision of a detector for several shares of abnormal beats."""
    for share in (WARD, 0.4, 0.877):
        result = one_number(call(precision, share, name="precision"), "the return value of `precision`")
        _explain_precision(result, share)
    ward, wanted = one_number(ward, "`ward`"), _precision(WARD)
    if not _close(ward, wanted):
        if _close(ward, 100 * wanted) or _close(ward, _precision(0.1)):
            msg = "`ward`: one in a hundred is a share of 0.01. Give the precision as a share too, from 0 to 1."
        elif is_rounded(ward, wanted):
            msg = "`ward`: the number is nearly right. Do not round it."
        else:
            msg = f"`precision` is right. `ward`: got {ward:.3g}. Call `precision` with the share in this ward."
        raise NotYet(msg)
    return (
        f"The same detector has a precision of 0.993 on our test set and of {wanted:.2f} in the ward: there, five of "
        "six alarms are false. A precision is valid only for the share of abnormal beats with which it was measured."
    )


def _precision(share: float) -> float:
    found, alarms = share * RECALL, (1 - share) * FALSE_ALARM_RATE
    return found / (found + alarms)


def _explain_precision(result: float, share: float) -> None:
    """Raise `NotYet` with the likeliest mistake if `result` is not the precision for this share of abnormal beats."""
    found, alarms, right = share * RECALL, (1 - share) * FALSE_ALARM_RATE, _precision(share)
    mistakes = {
        RECALL / (RECALL + FALSE_ALARM_RATE): "That is right only if half of the beats are abnormal. Multiply each "
        "rate by the share of beats to which it applies.",
        found / (found + FALSE_ALARM_RATE): "Multiply the 5 % by the share of normal beats.",
        found: "That is a share of *all* beats. Divide by the share of beats that are flagged.",
        found + alarms: "That is the share of beats that are flagged. Which part of these is abnormal?",
        1 - right: "That is the share of *false* alarms among the flagged beats.",
        found + (1 - share) * (1 - FALSE_ALARM_RATE): "That is the accuracy. Consider only the flagged beats.",
        RECALL: "That is the recall: it is the share of the *abnormal* beats that are flagged.",
        100 * right: "That is in percent. Return a share, from 0 to 1.",
    }
    if np.isclose(result, right):
        return
    likely = [hint for wrong, hint in mistakes.items() if np.isclose(result, wrong)]
    if not likely and is_rounded(result, right):
        likely = ["The number is nearly right. Do not round it."]
    hint = likely[0] if likely else "Count the flagged beats among 10,000 beats by hand."
    msg = f"for a share of {share:g}, `precision` returns {result:.4g}. {hint}"
    raise NotYet(msg)


@exercise("1.4", "a dict from each size to three AUROCs, and a list of three sizes")
def check_4(aurocs: Any, winners: Any) -> str:
    """Check the AUROCs of three latent sizes and three seeds, and the best size for each seed."""
    if not isinstance(aurocs, Mapping) or set(aurocs) != set(_SIZES):
        msg = "`aurocs` must be a dict with the keys 2, 8 and 32."
        raise NotYet(msg)
    table: dict[int, np.ndarray] = {}
    for size in _SIZES:
        values = np.atleast_1d(np.asarray(aurocs[size], dtype=float))
        if values.shape != (_SEEDS,):
            msg = f"`aurocs[{size}]` must be a list of three numbers, one for each seed, got {len(values)}."
            raise NotYet(msg)
        if not ((values > 0.5) & (values < 1)).all():
            msg = f"`aurocs[{size}]` must be AUROCs between 0.5 and 1, got {values.tolist()}. Did you list the losses?"
            raise NotYet(msg)
        if len(set(values)) < _SEEDS:
            msg = (
                f"`aurocs[{size}]` has the same number twice. Pass another `seed`, score `run.model`, and do not round."
            )
            raise NotYet(msg)
        same = next((other for other, known in table.items() if np.array_equal(values, known)), None)
        if same is not None:
            msg = f"sizes {same} and {size} have the same three AUROCs. Pass each size to `quick`."
            raise NotYet(msg)
        table[size] = values
    best = [max(_SIZES, key=lambda size: table[size][seed]) for seed in range(_SEEDS)]
    if not isinstance(winners, list | tuple) or len(winners) != _SEEDS or not set(winners) <= set(_SIZES):
        msg = f"`winners` must be a list of three sizes, one for each seed, got {winners!r}."
        raise NotYet(msg)
    if list(winners) != best:
        seed = next(i for i in range(_SEEDS) if winners[i] != best[i])
        msg = f"`winners[{seed}]` is {winners[seed]}, but another size has the highest AUROC for seed {seed}."
        raise NotYet(msg)
    if len(set(best)) == 1:
        return f"Size {best[0]} has the highest AUROC for every seed, but three seeds are few. Compare the losses too."
    return "Which size is the best depends on the seed, so one seed is not enough. Compare the validation losses too."


def _close(given: float, wanted: float) -> bool:
    return bool(np.isclose(given, wanted, rtol=0, atol=1e-3))
