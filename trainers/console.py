"""`say`: print to a console that may be missing, closed or unable to write a character; what commands end with."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TextIO


def say(text: str, *, end: str = "\n", file: TextIO | None = None) -> None:
    r"""Print a text; a console that cannot take it never ends a run.

    Parameters
    ----------
    text : str
        What to print. Characters that the console cannot write become escapes such as ``\u03a9``.
    end : str, default newline
        Printed after the text.
    file : file, optional
        Default: ``sys.stdout``, which may be None or any object.
    """
    # Any error: the console may be a class of the user's.
    with contextlib.suppress(Exception):
        try:
            print(text, end=end, file=file, flush=True)
        except UnicodeError:
            encoding = getattr(sys.stdout if file is None else file, "encoding", None) or "ascii"
            print(text.encode(encoding, "backslashreplace").decode(encoding), end=end, file=file, flush=True)


def in_terminal() -> bool:
    """Return whether ``sys.stdout`` is a terminal."""
    try:
        return bool(sys.stdout.isatty())
    except Exception:
        return False


def status_of(command: Callable[[], int]) -> int:
    """Return the exit status of a command; 2, and one line on ``sys.stderr``, if it raised an error."""
    try:
        return command()
    except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        say(f"error: {error}", file=sys.stderr)
        return 2


def ended(status: int) -> int:
    """Return a program's exit status, which a closed pipe would turn into 120 when Python flushes its output."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = None
    return status
