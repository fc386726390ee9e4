"""Forked processes, runs with a checkpoint, and checks of the file and of the end of a run."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers import Result, benchmark, load
from trainers.torch_utils import copy_state
from trainers.widgets import TrainingMonitor

from tests.faults import BEATS, EPOCHS, SETS, make

# Seconds after which a forked process is ended.
SECONDS = 300


class Child:
    """A forked process that does some work; without output."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.pipe, writing = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            return
        os.close(self.pipe)
        signal.alarm(SECONDS)
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                value = work()
        except BaseException as error:
            value = f"{type(error).__name__}: {error}"
        with contextlib.suppress(BaseException), open(writing, "wb") as pipe:
            pickle.dump(value, pipe)
        os._exit(0)

    def kill(self) -> None:
        """End the process as ``kill -9`` does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Any:
        """Return what the work returned, the text of its exception, or the signal that ended the process."""
        with open(self.pipe, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        return signal.Signals(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else pickle.loads(data)


def outcome(result: Result) -> tuple[Any, ...]:
    """Return all that must be the same in two runs: the rows without wall time, and the bytes of the weights."""
    rows = [{**row, "seconds": 0} for row in result.history.to_dict()["rows"]]
    weights = {name: tensor.numpy().tobytes() for name, tensor in copy_state(result.model).items()}
    return repr(rows), weights, result.stopped


def train(number: int, path: Path | None, **more: Any) -> Result:
    """Train the run of this number with the public `benchmark` function."""
    every, monitored = 1 + number // 4 % 2, number // 8 % 2
    callbacks = [*more.pop("callbacks", []), *([TrainingMonitor(BEATS[:2])] if monitored else [])]
    return benchmark(
        make(number), *SETS, epochs=EPOCHS, checkpoint=path, every=every, callbacks=callbacks, progress=False, **more
    )


def check_file(path: Path, expected: tuple[Any, ...]) -> str:
    """Return the fault of a checkpoint on the disk, or an empty string."""
    if not path.exists():
        return ""
    try:
        history = load(path).history
    except Exception as error:  # any exception is a fault here
        return f"the file does not load: {error!r}"
    rows = repr([{**row, "seconds": 0} for row in history.to_dict()["rows"]])[:-1]
    return "" if expected[0].startswith(rows) else "the file has other rows"


def check_end(number: int, path: Path, expected: tuple[Any, ...]) -> str:
    """Make the same call once more; return the fault or an empty string."""
    last = Child(lambda: outcome(train(number, path))).wait()
    if last != expected:
        what = "another history or other weights" if isinstance(last, tuple) else str(last)[:300]
        return f"the same call again ended with {what}"
    if sorted(os.listdir(path.parent)) != [".run.lock", "run"]:
        return f"left {os.listdir(path.parent)}"
    return check_file(path, expected)
