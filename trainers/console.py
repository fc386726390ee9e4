"""Printing, Ctrl-C, and what the environment says of classroom mode."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, TextIO


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
    with contextlib.suppress(Exception):
        return bool(sys.stdout.isatty())
    return False


def status_of(command: Callable[[], int]) -> int:
    """Return the exit status of a command; 2, and one line on ``sys.stderr``, if it raised an error."""
    try:
        status = command()
    except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        say(f"error: {error}", file=sys.stderr)
        status = 2
    # A closed pipe would turn the status into 120 when Python flushes the output at its end.
    try:
        getattr(sys.stdout, "flush", bool)()
    except (OSError, ValueError):
        sys.stdout = None
    return status


# How much larger a class sees pictures and widgets, and its limit of a run in seconds: under half a minute in all.
CLASSROOM_SCALE, CLASSROOM_SECONDS = 1.5, 25.0


def classroom_defaults() -> tuple[float, float]:
    """Return the scale of pictures and the time limit of a run, in seconds, as ``TRAINERS_CLASSROOM`` sets them."""
    value = os.environ.get("TRAINERS_CLASSROOM", "")
    if value.strip().lower() in ("1", "true", "yes", "on"):
        return CLASSROOM_SCALE, CLASSROOM_SECONDS
    if value.strip().lower() in ("", "0", "false", "no", "off"):
        return 1.0, math.inf
    raise ValueError(f"TRAINERS_CLASSROOM must be 1 (classroom mode is on), 0 (off) or not set, got {value!r}.")


# A second Ctrl-C, at least so many seconds after the first, is raised at once: user code may run for long.
PATIENCE = 1.0


class DeferredInterrupt:
    """Context in which Ctrl-C (SIGINT) is only noted; `interrupt_point` raises it.

    An exception at a random line could end a run between two steps that belong together, or leave PyTorch's
    grad mode off. Contexts may be nested: the outermost one counts. It puts the handler that it found back, and
    then calls it if an interrupt was noted. Outside the main thread, which gets all signals, it does nothing.

    Parameters
    ----------
    drop_late : bool, default False
        Drop an interrupt that came too late to be raised, since what it was to end has ended.
    """

    def __init__(self, *, drop_late: bool = False) -> None:
        self._drop_late = drop_late
        self._noted: float | None = None
        self._before: Any = None

    def hold(self) -> None:
        """Defer interrupts, from now on."""
        before = signal.getsignal(signal.SIGINT)
        in_main = threading.current_thread() is threading.main_thread()
        # What was installed outside Python, or ignores interrupts, stays.
        if in_main and callable(before) and not isinstance(before, DeferredInterrupt):
            self._before = before
            signal.signal(signal.SIGINT, self)

    def release(self) -> None:
        """Put the handler back that was found."""
        if self._before is not None and threading.current_thread() is threading.main_thread():
            before, self._before = self._before, None
            signal.signal(signal.SIGINT, before)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note the interrupt (as the handler of the signal)."""
        if self._noted is not None and time.monotonic() - self._noted >= PATIENCE:
            self.raise_noted()
        self._noted = self._noted or time.monotonic()

    def raise_noted(self) -> None:
        """Hand a noted interrupt to the handler that was found: by default, it raises `KeyboardInterrupt`."""
        if self._noted is not None:
            self._noted = None
            self._before(signal.SIGINT, None)

    def __enter__(self) -> DeferredInterrupt:
        self.hold()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self._drop_late:
                self.raise_noted()
        finally:
            # It may arrive in the last lines of signal.signal.
            with contextlib.suppress(*[KeyboardInterrupt] * self._drop_late):
                self.release()


def interrupt_point() -> None:
    """Raise an interrupt that a `DeferredInterrupt` has noted; call it where a run may end."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, DeferredInterrupt) and threading.current_thread() is threading.main_thread():
        handler.raise_noted()
