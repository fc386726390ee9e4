"""`one_number`, `is_rounded`: what counts as a number in an answer, and as a rounded one, the same in every check."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from notebooks.course.verdict import NotYet, kind_of


def one_number(value: Any, name: str) -> float:
    """An answer's number, whatever it is wrapped in: an array or tensor of one value is one too; a truth value is none.

    Parameters
    ----------
    value : object
        The student's.
    name : str
        What the verdict calls it, such as "`rate`".

    Returns
    -------
    float

    Raises
    ------
    NotYet
        If it is no number, or several.

    Examples
    --------
    >>> one_number(np.array([0.5]), "`gate`")
    0.5
    >>> one_number([0.5, 0.6], "`gate`")
    Traceback (most recent call last):
    notebooks.course.verdict.NotYet: `gate` should be one number; it is a list of 2.
    """
    plain = value.detach() if hasattr(value, "detach") else value  # a tensor that still has its gradient
    array = np.asarray(plain)
    if array.size == 1 and array.dtype.kind in "iuf":
        return float(array.reshape(()))
    several = f" of {len(value)}" if isinstance(value, (list, tuple)) else ""
    msg = f"{name} should be one number; it is {kind_of(value)}{several}."
    raise NotYet(msg)


def is_rounded(given: float, wanted: float) -> bool:
    """Whether an answer is the right one, rounded; what is merely near it was come by in another way.

    >>> is_rounded(0.03, 0.0274), is_rounded(0.0240, 0.0274)
    (True, False)
    """
    return any(math.isclose(given, round(wanted, digits), rel_tol=1e-9) for digits in range(1, 7))
