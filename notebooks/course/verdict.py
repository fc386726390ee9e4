"""`exercise`: a decorator for functions that check an answer and say what is wrong with it."""

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

# Readable on light and dark pages. A sign and a word give the same information as the colour.
_RIGHT_COLOR, _WRONG_COLOR = "#009E73", "#D55E00"
# Characters of a verdict: a student's value or error may have any length.
_MAX_LENGTH = 600


# Description of what the student's function returned last, while a check runs.
_returned: ContextVar[list[str]] = ContextVar("returned", default=[])  # noqa: B039  # only read inside a check


class NotYet(Exception):  # noqa: N818  # not an error: the usual state of an exercise
    """Raised by a check if the answer is wrong; the text says what is wrong and where to look."""


class Verdict:
    """Result of a check; shown as a box in a notebook.

    Parameters
    ----------
    number : str
        Lesson and exercise, such as "2.1".
    right : bool
        Whether the answer is right; also the truth value of the verdict.
    text : str
        What is wrong and where to look, or an explanation of the right answer; cut after 600 characters.
    """

    def __init__(self, number: str, right: bool, text: str) -> None:
        self.number, self.right = number, right
        self.text = text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 2]} …"

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return f"Exercise {self.number} is {'solved' if self.right else 'not solved yet'}: {self.text}"

    def _repr_html_(self) -> str:
        color, sign, word = (_RIGHT_COLOR, "✓", "solved") if self.right else (_WRONG_COLOR, "○", "not solved yet")
        # One pass, so that a student's value inside code gets no emphasis.
        text = re.sub(r"`([^`\n]+)`|\B\*(\w[^*\n]*\w)\*\B", _as_html, escaped(self.text))
        return without_math(
            f'<div style="border-left: 0.4em solid {color}; padding: 0.3em 0.8em">'
            f"<b>{sign} Exercise {escaped(self.number)} is {word}.</b> {text}</div>"
        )


def _as_html(match: re.Match[str]) -> str:
    code, emphasis = match.groups()
    return f"<code>{code}</code>" if code else f"<em>{emphasis}</em>"


def exercise(number: str, takes: str) -> Callable[[Callable[..., str]], Callable[..., Verdict]]:
    """Turn a function that raises `NotYet` or returns an explanation into a check.

    A check never ends in a traceback. It has a separate message for an unchanged stub (``...``, also inside a
    container), for an answer that the function cannot evaluate, and for too few or too many answers.

    Parameters
    ----------
    number : str
        Lesson and exercise, such as "2.1".
    takes : str
        What the answer must be, such as "a share between 0 and 1".

    Returns
    -------
    callable
        Decorator for a function of the answers; the decorated function returns a `Verdict`.

    Examples
    --------
    >>> @exercise("0.1", "a number, twice three")
    ... def check(number):
    ...     if number != 6:
    ...         raise NotYet(f"{number} is not twice three.")
    ...     return "Twice three is six."
    >>> check(...)
    Exercise 0.1 is not solved yet: `number` is still `...`. Replace each `...` with your answer: a number, twice three.
    >>> check(5)
    Exercise 0.1 is not solved yet: 5 is not twice three.
    >>> check(6)
    Exercise 0.1 is solved: Twice three is six.
    """

    def decorate(function: Callable[..., str]) -> Callable[..., Verdict]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def check(*answers: Any, **named: Any) -> Verdict:
            try:
                given = signature.bind(*answers, **named).arguments
            except TypeError:
                names = ", ".join(f"`{name}`" for name in signature.parameters)
                return Verdict(number, False, f"the check needs {names}. Restore its original cell.")
            for name, answer in given.items():
                if answer is ...:
                    text = f"`{name}` is still `...`. Replace each `...` with your answer: {takes}."
                    return Verdict(number, False, text)
                if _unfinished(answer):
                    text = f"`{name}` still contains `...`. Replace each `...` with your answer: {takes}."
                    return Verdict(number, False, text)
            token = _returned.set([])
            try:
                return Verdict(number, True, function(*answers, **named))
            except NotYet as message:
                return Verdict(number, False, str(message))
            except (Exception, SystemExit) as error:
                # If the student's function returned a value, this value is what the check cannot use.
                parts = list(_returned.get())
                parts += [
                    f"`{name}` is {kind_of(value)}" for name, value in given.items() if not (parts and callable(value))
                ]
                got = "; ".join(parts)
                what = _error_text(error, besides=function)
                text = f"the check cannot use this answer ({what}). The answer must be {takes}. Here, {got}."
                return Verdict(number, False, text)
            finally:
                _returned.reset(token)

        return check

    return decorate


def call(function: Any, *arguments: Any, name: str = "") -> Any:
    """Call a student's function and turn its mistakes into a verdict.

    Parameters
    ----------
    function : callable
        Student's function.
    *arguments
        Passed to the function.
    name : str, optional
        Name of the function in the verdict. Default: the function's ``__name__``.

    Returns
    -------
    object
        Return value of the function.

    Raises
    ------
    NotYet
        If `function` is not callable, does not accept the arguments, raises an error, or returns nothing.

    Examples
    --------
    >>> @exercise("0.2", "a function that halves a number")
    ... def check(half):
    ...     if call(half, 6) != 3:
    ...         raise NotYet("half of 6 is 3.")
    ...     return "Halved."
    >>> check(lambda number: number / 2)
    Exercise 0.2 is solved: Halved.
    >>> check(lambda: 3)
    Exercise 0.2 is not solved yet: `<lambda>` is called with 1 positional argument, but your function accepts none.
    """
    name = name or getattr(function, "__name__", "the answer")
    returned = call_function(function, *arguments, name=name)
    if returned is None or returned is ...:
        msg = f"`{name}` returned nothing. Complete its body, and return the result."
        raise NotYet(msg)
    if _unfinished(returned):
        msg = f"the return value of `{name}` still contains `...`. Replace each `...` with your answer."
        raise NotYet(msg)
    _returned.get()[:] = [f"`{name}` returned {kind_of(returned)}"]
    return returned


def call_function(function: Any, *arguments: Any, name: str, allowed: tuple[type[Exception], ...] = ()) -> Any:
    """Call a student's function, which may return None, and turn its mistakes into a verdict.

    Parameters
    ----------
    function : callable
        Student's function.
    *arguments
        Passed to the function.
    name : str
        Name of the function in the verdict.
    allowed : tuple of exception types, optional
        Exceptions that are not mistakes; they are raised unchanged. Default: empty.

    Returns
    -------
    object
        Return value of the function.

    Raises
    ------
    NotYet
        If `function` is not callable, does not accept the arguments, or raises an error.
    """
    if not callable(function):
        msg = f"`{name}` must be a function, got {kind_of(function)}."
        raise NotYet(msg)
    if (parameters := _parameters_if_refused(function, arguments)) is not None:
        count = f"{len(arguments)} positional argument{'s' if len(arguments) != 1 else ''}"
        msg = f"`{name}` is called with {count}, but your function accepts {parameters or 'none'}."
        raise NotYet(msg)
    given = ", ".join(map(_brief, arguments))  # before the call, which may change them
    try:
        return function(*arguments)
    except NotYet:
        raise
    except allowed:
        raise
    except (Exception, SystemExit) as error:
        msg = f"`{name}` raised {_error_text(error)}." + (f" It was called with {given}." if given else "")
        raise NotYet(msg) from error


def _unfinished(answer: Any, depth: int = 4) -> bool:
    """Return whether `...` is among the answer's values."""
    if answer is ... or depth == 0:
        return answer is ...
    if isinstance(answer, Mapping):
        answer = list(answer.values())
    elif isinstance(answer, np.ndarray) and answer.dtype.hasobject:
        answer = list(answer.ravel())
    return isinstance(answer, (list, tuple, set, frozenset)) and any(_unfinished(part, depth - 1) for part in answer)


def kind_of(answer: Any) -> str:
    """Return an answer's type in a few words, with its value if that is short; never raise an error."""
    if answer is None:
        return "None"
    if isinstance(answer, np.generic):
        answer = answer.item()  # shows NumPy's numbers as Python's
    kind = type(answer).__name__
    try:
        if isinstance(answer, (bool, int, float, str)):
            return f"{answer!r:.40} ({kind})"
        if isinstance(getattr(answer, "shape", None), tuple):
            return f"a {kind} of shape {tuple(answer.shape)}"
    except Exception:  # an integer too long to print, or an object whose attribute raises an error
        pass
    return f"a {kind}"


def _brief(argument: Any) -> str:
    """Return an argument's value if it is short, else its type."""
    if isinstance(argument, np.ndarray):
        return str(argument.tolist()) if argument.size <= 12 else kind_of(argument)
    plain = isinstance(argument, (bool, int, float, str)) or argument is None
    if isinstance(argument, (list, tuple)):
        plain = len(repr(argument)) <= 60
    return f"{argument!r:.60}" if plain else kind_of(argument)


def _error_text(error: BaseException, besides: Callable[..., Any] | None = None) -> str:
    """Return one line about an error, with the line of the student's code that raised it, if there is one."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # a student's error class whose `__str__` fails
        lines = []
    place = where(error, besides=besides)
    return type(error).__name__ + (f" in {place}" if place else "") + (f": {lines[0]:.200}" if lines else "")


def _parameters_if_refused(function: Callable[..., Any], arguments: tuple[Any, ...]) -> str | None:
    """Return a function's parameters if it does not accept the arguments; None if it does, or if that is unknown."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*arguments)
    except TypeError:
        parameters = signature.parameters.values()
        return ", ".join(f"`{one}`" + " (only by keyword)" * (one.kind is one.KEYWORD_ONLY) for one in parameters)
    return None
