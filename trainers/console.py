"""Printing, Ctrl-C, and the environment variable of classroom mode."""

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

from trainers import distributed


def say(text: str, *, end: str = "\n", file: TextIO | None = None) -> None:
    r"""Print a text on rank 0, and ignore errors of the console, so that they never end a training run.

    Parameters
    ----------
    text : str
        The text to print. Characters that the console cannot write become escapes such as ``\u03a9``.
    end : str, default newline
        Printed after the text.
    file : file, optional
        Default: ``sys.stdout``, which may be None or any object.
    """
    if distributed.rank():
        return
    # any error, because the console may be an object of a user's class
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
    """Return the exit status of a command. If it raises an error, print one line on ``sys.stderr`` and return 2."""
    try:
        status = command()
    except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        say(f"error: {error}", file=sys.stderr)
        status = 2
    # with a closed pipe, Python's flush at exit would change the status to 120
    try:
        getattr(sys.stdout, "flush", bool)()
    except (OSError, ValueError):
        sys.stdout = None
    return status


# classroom mode: the scale of plots and widgets, and the time limit of a training run in seconds
CLASSROOM_SCALE, CLASSROOM_SECONDS = 1.5, 25.0


def classroom_defaults() -> tuple[float, float]:
    """Return the scale of plots and the time limit of a training run in seconds, set by ``TRAINERS_CLASSROOM``."""
    value = os.environ.get("TRAINERS_CLASSROOM", "")
    if value.strip().lower() in ("1", "true", "yes", "on"):
        return CLASSROOM_SCALE, CLASSROOM_SECONDS
    if value.strip().lower() in ("", "0", "false", "no", "off"):
        return 1.0, math.inf
    raise ValueError(f"TRAINERS_CLASSROOM must be 1 (classroom mode is on), 0 (off) or not set, got {value!r}.")


# A second Ctrl-C, at least this number of seconds after the first, is raised immediately: user code may be slow.
PATIENCE = 1.0


class DeferredInterrupt:
    """Context that records Ctrl-C (SIGINT); `interrupt_point` raises it.

    An exception at an arbitrary line could end a run between two steps that belong together, or leave PyTorch's
    grad mode off. Contexts may be nested; only the outermost has an effect. At its end it restores the previous
    handler, and calls it if an interrupt was recorded. In other threads than the main thread, which receives all
    signals, it does nothing.

    Parameters
    ----------
    drop_late : bool, default False
        Discard an interrupt that was not raised before the end of the context.
    """

    def __init__(self, *, drop_late: bool = False) -> None:
        self._drop_late = drop_late
        self._recorded: float | None = None
        self._before: Any = None

    def hold(self) -> None:
        """Begin to defer interrupts."""
        before = signal.getsignal(signal.SIGINT)
        in_main = threading.current_thread() is threading.main_thread()
        # a handler that is not Python's, or that ignores interrupts, stays
        if in_main and callable(before) and not isinstance(before, DeferredInterrupt):
            self._before = before
            signal.signal(signal.SIGINT, self)

    def release(self) -> None:
        """Restore the previous handler."""
        if self._before is not None and threading.current_thread() is threading.main_thread():
            before, self._before = self._before, None
            signal.signal(signal.SIGINT, before)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Record the interrupt; this is the handler of the signal."""
        if self._recorded is not None and time.monotonic() - self._recorded >= PATIENCE:
            self.raise_recorded()
        self._recorded = self._recorded or time.monotonic()

    @property
    def recorded(self) -> bool:
        """Whether an interrupt was recorded and not yet raised."""
        return self._recorded is not None

    def raise_recorded(self) -> None:
        """Call the previous handler if an interrupt was recorded; by default, it raises `KeyboardInterrupt`."""
        if self._recorded is not None:
            self._recorded = None
            self._before(signal.SIGINT, None)

    def __enter__(self) -> DeferredInterrupt:
        self.hold()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self._drop_late:
                self.raise_recorded()
        finally:
            # an interrupt may arrive in the last lines of signal.signal
            with contextlib.suppress(*[KeyboardInterrupt] * self._drop_late):
                self.release()


def interrupt_point() -> None:
    """Raise an interrupt that a `DeferredInterrupt` has recorded; called where a run may end."""
    handler = signal.getsignal(signal.SIGINT)
    if isinstance(handler, DeferredInterrupt) and threading.current_thread() is threading.main_thread():
        handler.raise_recorded()


def interrupt_everywhere() -> None:
    """Raise an interrupt that any rank has recorded, on all ranks at the same step of a distributed run."""
    if distributed.size() == 1:
        interrupt_point()
        return
    handler = signal.getsignal(signal.SIGINT)
    if distributed.total(isinstance(handler, DeferredInterrupt) and handler.recorded)[0]:
        interrupt_point()
        raise KeyboardInterrupt
