"""`where`: the line of the student's own code that an error came from."""

from __future__ import annotations

import linecache
import os
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Not the student's: the kit, Python and what is installed. A cell's code has a file name in none of these folders.
_KIT = Path(__file__).parents[2]
_INSTALLED = [Path(sysconfig.get_path(kind)) for kind in ("stdlib", "platstdlib", "purelib", "platlib")]
_OWN = [_KIT / folder for folder in ("trainers", "data", "notebooks/course")]
_OTHERS = tuple(f"{folder}{os.sep}" for folder in (*_OWN, *_INSTALLED))
# Installed too, be it in the user's folder or a distribution's.
_ELSEWHERE = {"site-packages", "dist-packages"}
# Code that has no file: made by a library while it runs.
_MADE = ("<frozen", "<string>", "<__array_function__", "<attrs")
# Characters of a line that is quoted.
_LONGEST = 100


def where(error: BaseException, besides: Callable[..., Any] | None = None) -> str:
    """Say which line of the student's code an error came from.

    An error often shows deep inside a library; what helps is the last line on the way there that the
    student wrote.

    Parameters
    ----------
    error : BaseException
        Caught, so that it has a traceback.
    besides : callable, optional
        A function that is not the student's, wherever it stands. Default: none.

    Returns
    -------
    str
        Such as "line 2, `return beats[200]`"; empty if no line was the student's.
    """
    place, step = "", error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        file = code.co_filename
        others = file.startswith((*_OTHERS, *_MADE)) or not _ELSEWHERE.isdisjoint(Path(file).parts)
        if not others and code is not getattr(besides, "__code__", None):
            text = linecache.getline(file, step.tb_lineno).strip()
            text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]} …"
            place = f"line {step.tb_lineno}" + (f", `{text}`" if text else "")
        step = step.tb_next
    return place
