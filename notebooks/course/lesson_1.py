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
    """One alarm in a hundred normal beats."""
    rate = one_number(rate, "`rate`")
    if not 0 < rate < 1:
        msg = f"a rate is a share, between 0 and 1; got {rate}. One in a hundred is …?"
        raise NotYet(msg)
    if not math.isclose(rate, 0.01, rel_tol=1e-6):
        alarms = f"{1000 * rate:g} alarm{'s' * (not math.isclose(1000 * rate, 1))}"
        msg = f"{rate:g} is {alarms} in a thousand normal beats; ten in a thousand were asked for."
        raise NotYet(msg)
    return "The line moves right: fewer normal beats are called abnormal, and more abnormal ones are missed."


@exercise("1.2", "a function of two arrays of True and False that returns a share")
def check_2(precision: Any) -> str:
    """Called and abnormal, of all that were called."""
    # 3 found, 2 missed, 1 false alarm, 8 rightly called normal: no two of the figures agree.
    abnormal = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    called = np.array([1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    got = one_number(call(precision, called, abnormal, name="precision"), "what `precision` returned")
    others = {
        3 / 5: "that is recall: of the *abnormal* ones, the share that was called. Divide by what was called instead.",
        11 / 14: "that is accuracy: the share of all beats that were judged right.",
        1 / 9: "that is the false alarm rate: of the normal ones, the share that was called.",
        1 / 4: "that is the share of *false* alarms among the calls; precision is the other part.",
        3.0: "that is a number of beats; precision is a share of those that were called.",
        75.0: "that is in percent; precision is a share, from 0 to 1.",
        3 / 14: "that is a share of all beats; divide by the number of those that were called.",
    }
    if not np.isclose(got, 3 / 4):
        for figure, words in others.items():
            if np.isclose(got, figure):
                raise NotYet(words)
        msg = (
            f"of 14 beats, 4 are called and 3 of these are abnormal; your function makes {got:.3g} of that. "
            "Try it on these by hand."
        )
        raise NotYet(msg)
    again = one_number(call(precision, ~called, abnormal, name="precision"), "what `precision` returned")
    if not np.isclose(again, 2 / 10):
        msg = "right for one example and wrong for another: does it use its arguments, or figures from outside of it?"
        raise NotYet(msg)
    return (
        "Precision hangs on how many beats are abnormal: among a thousand normal beats and one abnormal one, "
        "a rate of 5 % leaves it at about 0.02, however good the network is."
    )


@exercise("1.3", 'two shares between 0 and 1, and "a", "b" or "c"')
def check_3(leaky: Any, honest: Any, why: Any, error: Mapping[str, np.ndarray]) -> str:
    """The threshold from what was learnt from lies too low."""
    leaky, honest = one_number(leaky, "`leaky`"), one_number(honest, "`honest`")
    new = error["normal test"]
    line = {name: quantile_threshold(error[name], rate=0.05) for name in ("training", "calibration")}
    wanted = {name: float((new > of).mean()) for name, of in line.items()}
    given = {"leaky": (leaky, "training"), "honest": (honest, "calibration")}
    if _close(leaky, wanted["calibration"]) and _close(honest, wanted["training"]):
        msg = "the two are swapped: the leaky threshold is the one from beats that the network has learnt from."
        raise NotYet(msg)
    for name, (share, part) in given.items():
        if _close(share, wanted[part]):
            continue
        if is_rounded(share, wanted[part]):
            msg = f"`{name}`: nearly. Give the share as it comes, unrounded."
            raise NotYet(msg)
        everything = np.concatenate([new, error["abnormal test"]])
        if _close(share, line[part]):
            words = "that is the threshold itself; asked for is the share of new normal beats above it."
        elif _close(share, len(new) * wanted[part]):
            words = f"that is a number of beats; give their share, of the {len(new)} there are."
        elif _close(share, 100 * wanted[part]):
            words = "that is in percent; give it as a share, from 0 to 1."
        elif _close(share, 1 - wanted[part]):
            words = "that is the share below the threshold; asked for is the share above."
        elif _close(share, float((error["abnormal test"] > line[part]).mean())):
            words = 'that is the share of abnormal beats; a false alarm is a normal one: error["normal test"].'
        elif _close(share, float((everything > line[part]).mean())):
            words = 'that counts abnormal beats too; a false alarm is a normal one: error["normal test"].'
        elif _close(share, float((error[part] > line[part]).mean())):
            words = (
                f"that is the share of the {part} beats themselves, on which the threshold was set; take *new* ones."
            )
        else:
            words = f'the threshold comes from error["{part}"], and the share from error["normal test"].'
        msg = f"`{name}`: {words}"
        raise NotYet(msg)
    if why not in ("a", "b", "c"):
        msg = f'`why` takes "a", "b" or "c"; got {why!r}.'
        raise NotYet(msg)
    if why != "b":
        msg = {
            "a": "with fewer beats the threshold would be less sure, but not on average too low.",
            "c": "all are normal beats of one patient, dealt out at random.",
        }[why]
        msg = f"the shares are right. `why`: {msg} What happened to the training beats that happened to no others?"
        raise NotYet(msg)
    return (
        "On what it has learnt, a network looks better than it is. Whoever sets the threshold there promises 5 % "
        "and gets more. The less there is to learn from, the larger the leak."
    )


@exercise("1.4", "two of the sizes 2, 16 and None, and True or False")
def check_4(redraws_best: Any, detects_worst: Any, one_run_tells: Any) -> str:
    """The lowest loss is not the best detector, and one run does not tell."""
    for name, size in (("redraws_best", redraws_best), ("detects_worst", detects_worst)):
        if size not in _SIZES:
            msg = f"`{name}` takes one of the sizes 2, 16 and None; got {size!r}."
            raise NotYet(msg)
    if redraws_best is not None:
        msg = "`redraws_best`: the more numbers may pass, the easier it is to redraw a beat. Which size lets most pass?"
        raise NotYet(msg)
    if detects_worst != 2:
        msg = "`detects_worst`: train all three and compare. How many kinds of normal fit into so few numbers?"
        raise NotYet(msg)
    if not isinstance(one_run_tells, bool | np.bool_):
        msg = f"`one_run_tells` takes True or False; got {one_run_tells!r}."
        raise NotYet(msg)
    if one_run_tells:
        msg = "`one_run_tells`: change both seeds in `quick` and train again. Does the same size win?"
        raise NotYet(msg)
    return (
        "The loss falls as more numbers may pass, and still a lower loss does not promise a better detector: at some "
        "point the network redraws abnormal beats as well. Whether it has come to that, several seeds have to say."
    )


def _close(given: float, wanted: float) -> bool:
    return bool(np.isclose(given, wanted, rtol=0, atol=1e-3))
