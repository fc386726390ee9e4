"""`one_number`: what counts as a number in an answer, the same in every check."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainers.course.verdict import NotYet, kind_of


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
    trainers.course.verdict.NotYet: `gate` should be one number; it is a list of 2.
    """
    plain = value.detach() if hasattr(value, "detach") else value  # a tensor that still has its gradient
    array = np.asarray(plain)
    if array.size == 1 and array.dtype.kind in "iuf":
        return float(array.reshape(()))
    several = f" of {len(value)}" if isinstance(value, (list, tuple)) else ""
    msg = f"{name} should be one number; it is {kind_of(value)}{several}."
    raise NotYet(msg)
