"""Checks of the exercises of lesson 1, *Find the abnormal heartbeat*."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from notebooks.course.answer_numbers import is_rounded, one_number
from notebooks.course.verdict import NotYet, call, exercise
from trainers.detection import quantile_threshold

_SIZES = (2, 16, None)


@exercise("1.1", "a false alarm rate between 0 and 1")
def check_1(rate: Any) -> str:
    """Check for one alarm in a hundred normal beats."""
    rate = one_number(rate, "`rate`")
    if not 0 < rate < 1:
        msg = f"`rate` must be between 0 and 1, got {rate}. Write one in a hundred as a decimal number."
        raise NotYet(msg)
    if not math.isclose(rate, 0.01, rel_tol=1e-6):
        alarms = f"{1000 * rate:g} alarm{'s' * (not math.isclose(1000 * rate, 1))}"
        msg = f"{rate:g} is {alarms} in a thousand normal beats. The exercise asks for ten in a thousand."
        raise NotYet(msg)
    return "The threshold is higher now. Fewer normal beats are flagged, and more abnormal beats are missed."


@exercise("1.2", "a function of two arrays of bool that returns a share")
def check_2(precision: Any) -> str:
    """Check for the share of abnormal beats among the flagged beats."""
    # 3 found, 2 missed, 1 false alarm, 8 correctly not flagged: all wrong formulas give different numbers.
    abnormal = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    flagged = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    result = one_number(call(precision, flagged, abnormal, name="precision"), "the return value of `precision`")
    mistakes = {
        3 / 5: "that is recall, the flagged share of the *abnormal* beats. Divide by the number of flagged beats.",
        11 / 14: "that is accuracy, the share of correct predictions among all beats.",
        1 / 9: "that is the false alarm rate, the share of flagged beats among the normal beats.",
        1 / 4: "that is the share of *false* alarms among the flagged beats. Precision is 1 minus this share.",
        3.0: "that is a number of beats. Precision is a share of the flagged beats.",
        75.0: "that is in percent. Precision is a share, from 0 to 1.",
        3 / 14: "that is a share of all beats. Divide by the number of flagged beats.",
    }
    if not np.isclose(result, 3 / 4):
        for number, hint in mistakes.items():
            if np.isclose(result, number):
                raise NotYet(hint)
        msg = (
            f"of 14 beats, 4 are flagged and 3 of these are abnormal, but your function returns {result:.3g}. "
            "Compute it by hand for these beats."
        )
        raise NotYet(msg)
    result = one_number(call(precision, ~flagged, abnormal, name="precision"), "the return value of `precision`")
    if not np.isclose(result, 2 / 10):
        msg = "right for one example and wrong for another. Does your function use its arguments only?"
        raise NotYet(msg)
    return (
        "Precision depends on how many beats are abnormal. With a thousand normal beats and one abnormal beat, "
        "a false alarm rate of 5 % gives a precision of about 0.02, even if the network detects the abnormal beat."
    )


@exercise("1.3", 'a share between 0 and 1 for `leaky` and for `unbiased`, and "a", "b" or "c" for `why`')
def check_3(leaky: Any, unbiased: Any, why: Any, error: Mapping[str, np.ndarray]) -> str:
    """Check that a threshold set on the training beats is too low."""
    leaky, unbiased = one_number(leaky, "`leaky`"), one_number(unbiased, "`unbiased`")
    new = error["normal test"]
    thresholds = {name: quantile_threshold(error[name], rate=0.05) for name in ("training", "calibration")}
    wanted = {name: float((new > threshold).mean()) for name, threshold in thresholds.items()}
    given = {"leaky": (leaky, "training"), "unbiased": (unbiased, "calibration")}
    if _close(leaky, wanted["calibration"]) and _close(unbiased, wanted["training"]):
        msg = "the two shares are swapped. The leaky threshold is set on the beats that the network was trained on."
        raise NotYet(msg)
    for name, (share, part) in given.items():
        threshold = thresholds[part]
        if _close(share, wanted[part]):
            continue
        if is_rounded(share, wanted[part]):
            msg = f"`{name}`: the share is nearly right. Do not round it."
            raise NotYet(msg)
        both = np.concatenate([new, error["abnormal test"]])
        if _close(share, threshold):
            hint = "that is the threshold itself. The exercise asks for the share of new normal beats above it."
        elif _close(share, len(new) * wanted[part]):
            hint = f"that is a number of beats. Give the share of the {len(new)} beats."
        elif _close(share, 100 * wanted[part]):
            hint = "that is in percent. Give a share, from 0 to 1."
        elif _close(share, 1 - wanted[part]):
            hint = "that is the share below the threshold. The exercise asks for the share above it."
        elif _close(share, float((error["abnormal test"] > threshold).mean())):
            hint = 'that is the share of abnormal beats. A false alarm is a normal beat: use error["normal test"].'
        elif _close(share, float((both > threshold).mean())):
            hint = 'that counts abnormal beats too. A false alarm is a normal beat: use error["normal test"].'
        elif _close(share, float((error[part] > threshold).mean())):
            hint = f"that is the share of the {part} beats, on which the threshold was set. Use *new* beats."
        else:
            hint = f'set the threshold on error["{part}"], and compute the share of error["normal test"] above it.'
        msg = f"`{name}`: {hint}"
        raise NotYet(msg)
    if why not in ("a", "b", "c"):
        msg = f'`why` must be "a", "b" or "c", got {why!r}.'
        raise NotYet(msg)
    if why != "b":
        msg = {
            "a": "with fewer beats, the threshold would be less certain, but not too low on average.",
            "c": "all beats are normal beats of one patient, split at random.",
        }[why]
        msg = f"the shares are right. `why`: {msg} What was done with the training beats only?"
        raise NotYet(msg)
    return (
        "A network has lower errors on its training set than on new data. If you set the threshold on the training set "
        "for a false alarm rate of 5 %, the real rate is higher. With a smaller training set, it is even higher."
    )


@exercise("1.4", "2, 16 or None for `lowest_loss` and for `lowest_auroc`, and a bool for `one_run_is_enough`")
def check_4(lowest_loss: Any, lowest_auroc: Any, one_run_is_enough: Any) -> str:
    """Check that the lowest loss is not the best detector, and that one training run does not show which is best."""
    for name, size in (("lowest_loss", lowest_loss), ("lowest_auroc", lowest_auroc)):
        if size not in _SIZES:
            msg = f"`{name}` must be one of the sizes 2, 16 and None, got {size!r}."
            raise NotYet(msg)
    if lowest_loss is not None:
        msg = "`lowest_loss`: with a larger latent vector, a beat is easier to reconstruct. `None` means no limit."
        raise NotYet(msg)
    if lowest_auroc != 2:
        msg = "`lowest_auroc`: train all three and compare. How many kinds of normal beat can so few numbers represent?"
        raise NotYet(msg)
    if not isinstance(one_run_is_enough, bool | np.bool_):
        msg = f"`one_run_is_enough` must be a bool, got {one_run_is_enough!r}."
        raise NotYet(msg)
    if one_run_is_enough:
        msg = "`one_run_is_enough`: change both seeds in `quick` and train again. Is the same size the best?"
        raise NotYet(msg)
    return (
        "The loss falls as the latent vector gets larger, but a lower loss does not mean a better detector: with a "
        "large latent vector, the network may also reconstruct abnormal beats. To find out, train with several seeds."
    )


def _close(given: float, wanted: float) -> bool:
    return bool(np.isclose(given, wanted, rtol=0, atol=1e-3))
