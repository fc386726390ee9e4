"""`say`: print to a console that may be missing, closed or unable to write a character."""

from __future__ import annotations

import contextlib
import sys
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
