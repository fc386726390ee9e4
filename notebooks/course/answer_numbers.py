"""`one_number`, `is_rounded`: read a number from an answer, and recognise a rounded one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from notebooks.course.verdict import NotYet, kind_of


def one_number(value: Any, name: str) -> float:
    """Return an answer's number, which may also be an array or tensor of one value, but not a bool.

    Parameters
    ----------
    value : object
        Student's answer.
    name : str
        Name of the answer in the verdict, such as "`rate`".

    Returns
    -------
    float

    Raises
    ------
    NotYet
        If `value` is not a number, or has several.

    Examples
    --------
    >>> one_number(np.array([0.5]), "`gate`")
    0.5
    >>> one_number([0.5, 0.6], "`gate`")
    Traceback (most recent call last):
    notebooks.course.verdict.NotYet: `gate` must be one number, got a list of 2.
    """
    plain = value.detach() if hasattr(value, "detach") else value  # a tensor with a gradient
    array = np.asarray(plain)
    if array.size == 1 and array.dtype.kind in "iuf":
        return float(array.reshape(()))
    several = f" of {len(value)}" if isinstance(value, (list, tuple)) else ""
    msg = f"{name} must be one number, got {kind_of(value)}{several}."
    raise NotYet(msg)


def is_rounded(given: float, wanted: float) -> bool:
    """Return whether an answer is the right one, rounded to 1 to 6 digits; a number that is only close is not.

    >>> is_rounded(0.03, 0.0274), is_rounded(0.0240, 0.0274)
    (True, False)
    """
    return any(math.isclose(given, round(wanted, digits), rel_tol=1e-9) for digits in range(1, 7))
