"""`exercise`: makes a function that looks at an answer into a check that says what is wrong with it."""

from __future__ import annotations

import functools
import html
import inspect
import traceback
from collections.abc import Callable
from typing import Any

# Readable on a light and on a dark page; told apart by sign and word too.
_RIGHT, _WRONG = "#009E73", "#D55E00"


class NotYet(Exception):  # noqa: N818  # no error: the usual state of an exercise
    """Raised by a check: the answer is not right; the text says what is wrong and where to look."""


class Verdict:
    """What a check says of an answer; shown as a box in a notebook.

    Parameters
    ----------
    number : str
        Lesson and exercise, such as "2.1".
    right : bool
        Whether the answer is right; also the truth value of the verdict.
    text : str
        What is wrong and where to look, or what to take away.
    """

    def __init__(self, number: str, right: bool, text: str) -> None:
        self.number, self.right, self.text = number, right, text

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"Exercise {self.number}, {'right' if self.right else 'not yet'}: {self.text}"

    def _repr_html_(self) -> str:
        color, sign, word = (_RIGHT, "✓", "right") if self.right else (_WRONG, "○", "not yet")
        return (
            f'<div style="border-left: 0.4em solid {color}; padding: 0.3em 0.8em">'
            f"<b>{sign} Exercise {self.number}, {word}.</b> {html.escape(self.text)}</div>"
        )


def exercise(number: str, takes: str) -> Callable[[Callable[..., str]], Callable[..., Verdict]]:
    """Make a function that raises `NotYet`, or returns what to take away, into a check.

    An untouched stub (``...``) and an answer of another kind than the function can look at are told
    as such: a check never ends in a traceback.

    Parameters
    ----------
    number : str
        Lesson and exercise, such as "2.1".
    takes : str
        What the answer should be, in words that end the sentence "The answer is …".

    Returns
    -------
    callable
        Decorates a function of the answers; the result returns a `Verdict`.

    Examples
    --------
    >>> @exercise("0.1", "a number, twice three")
    ... def check(number):
    ...     if number != 6:
    ...         raise NotYet(f"{number} is not twice three.")
    ...     return "Twice three is six."
    >>> check(...)
    Exercise 0.1, not yet: `number` is still `...`: put your answer there. The answer is a number, twice three.
    >>> check(5)
    Exercise 0.1, not yet: 5 is not twice three.
    >>> check(6)
    Exercise 0.1, right: Twice three is six.
    """

    def decorate(look: Callable[..., str]) -> Callable[..., Verdict]:
        names = list(inspect.signature(look).parameters)

        @functools.wraps(look)
        def check(*answers: Any) -> Verdict:
            for name, answer in zip(names, answers, strict=True):
                if answer is ...:
                    return Verdict(
                        number, False, f"`{name}` is still `...`: put your answer there. The answer is {takes}."
                    )
            try:
                return Verdict(number, True, look(*answers))
            except NotYet as wrong:
                return Verdict(number, False, str(wrong))
            except Exception as error:
                text = f"the check cannot use this answer ({type(error).__name__}: {error}). The answer is {takes}."
                return Verdict(number, False, text)

        return check

    return decorate


def call(function: Any, *arguments: Any, name: str = "") -> Any:
    """Call what the student wrote; its mistakes become the verdict.

    Parameters
    ----------
    function : callable
        The student's.
    *arguments
        Handed to it.
    name : str, optional
        What the verdict calls it. Default: its own name.

    Returns
    -------
    object
        What it returned.

    Raises
    ------
    NotYet
        If it is no function, raises an error, or returns nothing.
    """
    name = name or getattr(function, "__name__", "the answer")
    if not callable(function):
        msg = f"`{name}` should be a function; it is {type(function).__name__}."
        raise NotYet(msg)
    try:
        returned = function(*arguments)
    except Exception as error:
        line = traceback.extract_tb(error.__traceback__)[-1].lineno
        msg = f"`{name}` raised {type(error).__name__} (line {line}): {error}"
        raise NotYet(msg) from error
    if returned is None or returned is ...:
        msg = f"`{name}` returned nothing. Write its body, and end it with `return`."
        raise NotYet(msg)
    return returned
