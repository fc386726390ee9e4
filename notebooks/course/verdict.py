"""`exercise`: makes a function that looks at an answer into a check that says what is wrong with it."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from data.markup import escaped, without_math
from notebooks.course.students_code import where

# Readable on a light and on a dark page; told apart by sign and word too.
_RIGHT, _WRONG = "#009E73", "#D55E00"
# Characters of a verdict: what a student's value or error adds may be of any length.
_LONGEST = 600


# What the student's function returned last, in words, while a check runs.
_returned: ContextVar[list[str]] = ContextVar("returned", default=[])  # noqa: B039  # outside a check nobody reads it


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
        What is wrong and where to look, or what to take away; cut after 600 characters.
    """

    def __init__(self, number: str, right: bool, text: str) -> None:
        self.number, self.right = number, right
        self.text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"Exercise {self.number}, {'right' if self.right else 'not yet'}: {self.text}"

    def _repr_html_(self) -> str:
        color, sign, word = (_RIGHT, "✓", "right") if self.right else (_WRONG, "○", "not yet")
        # Each piece once: no emphasis inside of code, where a student's value may stand.
        text = re.sub(r"`([^`\n]+)`|\B\*(\w[^*\n]*\w)\*\B", _marked, escaped(self.text))
        return without_math(
            f'<div style="border-left: 0.4em solid {color}; padding: 0.3em 0.8em">'
            f"<b>{sign} Exercise {escaped(self.number)}, {word}.</b> {text}</div>"
        )


def _marked(match: re.Match[str]) -> str:
    code, emphasis = match.groups()
    return f"<code>{code}</code>" if code else f"<em>{emphasis}</em>"


def exercise(number: str, takes: str) -> Callable[[Callable[..., str]], Callable[..., Verdict]]:
    """Make a function that raises `NotYet`, or returns what to take away, into a check.

    An untouched stub (``...``, also as one of several values), an answer of another kind than the function
    can look at, and too few or too many answers are told as such: a check never ends in a traceback.

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
        signature = inspect.signature(look)

        @functools.wraps(look)
        def check(*answers: Any, **named: Any) -> Verdict:
            try:
                given = signature.bind(*answers, **named).arguments
            except TypeError:
                names = ", ".join(f"`{name}`" for name in signature.parameters)
                return Verdict(number, False, f"the check takes {names}: write its cell as it was.")
            for name, answer in given.items():
                if answer is ...:
                    text = f"`{name}` is still `...`: put your answer there. The answer is {takes}."
                    return Verdict(number, False, text)
                if _unfinished(answer):
                    text = f"`{name}` still has a `...` in it: put your answer there. The answer is {takes}."
                    return Verdict(number, False, text)
            token = _returned.set([])
            try:
                return Verdict(number, True, look(*answers, **named))
            except NotYet as wrong:
                return Verdict(number, False, str(wrong))
            except (Exception, SystemExit) as error:
                # Where a function of the student's returned something, that is what the check cannot use.
                parts = list(_returned.get())
                parts += [
                    f"`{name}` is {kind_of(value)}" for name, value in given.items() if not (parts and callable(value))
                ]
                came = "; ".join(parts)
                text = (
                    f"the check cannot use this answer ({_error(error, besides=look)}). The answer is {takes}; {came}."
                )
                return Verdict(number, False, text)
            finally:
                _returned.reset(token)

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
        If it is no function, takes other arguments, raises an error, or returns nothing.

    Examples
    --------
    >>> @exercise("0.2", "a function that halves a number")
    ... def check(half):
    ...     if call(half, 6) != 3:
    ...         raise NotYet("half of 6 is 3.")
    ...     return "Halved."
    >>> check(lambda number: number / 2)
    Exercise 0.2, right: Halved.
    >>> check(lambda: 3)
    Exercise 0.2, not yet: `<lambda>` is called with 1 argument; yours takes none.
    """
    name = name or getattr(function, "__name__", "the answer")
    returned = call_function(function, *arguments, name=name)
    if returned is None or returned is ...:
        msg = f"`{name}` returned nothing. Write its body, and end it with `return`."
        raise NotYet(msg)
    if _unfinished(returned):
        msg = f"what `{name}` returned still has a `...` in it: put your answer there."
        raise NotYet(msg)
    _returned.get()[:] = [f"`{name}` returned {kind_of(returned)}"]
    return returned


def call_function(function: Any, *arguments: Any, name: str, lets: tuple[type[Exception], ...] = ()) -> Any:
    """Call what the student wrote, whatever it returns; its mistakes become the verdict.

    Parameters
    ----------
    function : callable
        The student's.
    *arguments
        Handed to it.
    name : str
        What the verdict calls it.
    lets : tuple of exceptions, optional
        No mistakes: let through.

    Returns
    -------
    object
        What it returned.

    Raises
    ------
    NotYet
        If it is no function, takes other arguments, or raises an error.
    """
    if not callable(function):
        msg = f"`{name}` should be a function; it is {kind_of(function)}."
        raise NotYet(msg)
    if (takes := _refused(function, arguments)) is not None:
        count = f"{len(arguments)} argument{'s' if len(arguments) != 1 else ''}"
        msg = f"`{name}` is called with {count}; yours takes {takes or 'none'}."
        raise NotYet(msg)
    given = ", ".join(map(_brief, arguments))  # before the call, which may change them
    try:
        return function(*arguments)
    except NotYet:
        raise
    except lets:
        raise
    except (Exception, SystemExit) as error:
        msg = f"`{name}` raised {_error(error)}." + (f" It was called with {given}." if given else "")
        raise NotYet(msg) from error


def _unfinished(answer: Any, depth: int = 4) -> bool:
    """Whether `...` is among the answer's values."""
    if answer is ... or depth == 0:
        return answer is ...
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    elif isinstance(answer, np.ndarray) and answer.dtype.hasobject:
        answer = list(answer.ravel())
    return isinstance(answer, (list, tuple, set, frozenset)) and any(_unfinished(part, depth - 1) for part in answer)


def kind_of(answer: Any) -> str:
    """The kind of an answer in a few words; the value too, if it is short. It raises nothing, whatever comes."""
    if answer is None:
        return "None"
    if isinstance(answer, np.generic):
        answer = answer.item()  # NumPy's numbers as Python writes them
    kind = type(answer).__name__
    try:
        if isinstance(answer, (bool, int, float, str)):
            return f"{answer!r:.40} ({kind})"
        if isinstance(getattr(answer, "shape", None), tuple):
            return f"a {kind} of shape {tuple(answer.shape)}"
    except Exception:  # an integer too long to be written, an object that fails when it is asked
        pass
    return f"a {kind}"


def _brief(argument: Any) -> str:
    """The value of an argument if it is short, else its kind."""
    if isinstance(argument, np.ndarray):
        return str(argument.tolist()) if argument.size <= 12 else kind_of(argument)
    plain = isinstance(argument, (bool, int, float, str)) or argument is None
    if isinstance(argument, (list, tuple)):
        plain = len(repr(argument)) <= 60
    return f"{argument!r:.60}" if plain else kind_of(argument)


def _error(error: BaseException, besides: Callable[..., Any] | None = None) -> str:
    """One line on an error, with the place in the student's own code if it came from there."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # an error of the student's own that cannot be written
        lines = []
    place = where(error, besides=besides)
    return type(error).__name__ + (f" in {place}" if place else "") + (f": {lines[0]:.200}" if lines else "")


def _refused(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str | None:
    """The parameters of a function that does not take the arguments; None if it does, or does not tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*arguments)
    except TypeError:
        parameters = signature.parameters.values()
        return ", ".join(f"`{one}`" + " (by name only)" * (one.kind is one.KEYWORD_ONLY) for one in parameters)
    return None
