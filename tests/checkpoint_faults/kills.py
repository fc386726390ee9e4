"""Runs that are killed at a random time, at a random line of Python code or in the middle of a write."""

from __future__ import annotations

import builtins
import contextlib
import itertools
import mmap
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from trainers import checkpoint as kit
from trainers import checkpoint_file as files

from tests.checkpoint_faults.runs import Child, check_end, check_file, outcome, train
from tests.faults import EPOCHS

# One byte that all processes share: whether a file is being written.
WRITING = mmap.mmap(-1, 1)


def write_watched(*arguments: Any) -> None:
    """Write a file, and record that it is being written."""
    WRITING[0] = 1
    files.write_file(*arguments)
    WRITING[0] = 0


class AtLine:
    """Trace function that counts all lines, those while a file is written, and those of `write_file` itself."""

    def __init__(self, kind: str = "", target: int = 0) -> None:
        self.kind, self.target, self.lines = kind, target, Counter[str]()

    def __call__(self, frame: Any, event: str, argument: Any) -> Any:
        if event == "line":
            self.lines["line"] += 1
            self.lines["line of a save"] += WRITING[0]
            self.lines["line of write_file"] += frame.f_code is files.write_file.__code__
            if self.kind and self.lines[self.kind] == self.target:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


class CutFile:
    """A file whose process is killed after some of the bytes are written."""

    def __init__(self, file: Any, share: float) -> None:
        self.file, self.share = file, share

    def __enter__(self) -> CutFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> None:
        """Write a share of the data."""
        self.file.write(data[: int(len(data) * self.share)])
        self.file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def run_until(number: int, path: Path, kind: str, target: float) -> Any:
    """Train with a checkpoint until the process is killed at this line or in this write."""
    at, opened = AtLine(kind, int(target)), iter(range(1000))

    def open_cut(*arguments: Any) -> Any:
        file = builtins.open(*arguments)  # noqa: SIM115
        return CutFile(file, target % 1) if next(opened) == int(target) else file

    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(kit, "write_file", write_watched))
        if kind == "byte":
            stack.enter_context(mock.patch.object(files, "open", open_cut, create=True))
        elif kind != "time":
            sys.settrace(at)
            stack.callback(sys.settrace, None)
        result = train(number, path)
    return outcome(result), at.lines


KINDS = ("time", "line of a save", "line", "byte", "time", "line of write_file", "line", "line of a save")


def measure(number: int, path: Path) -> dict[str, float]:
    """Return the length of a run: seconds, lines by kind, and writes."""
    begun = time.perf_counter()
    Child(lambda: run_until(number, path, "time", 0)).wait()
    seconds = time.perf_counter() - begun
    path.unlink()
    _, lines = Child(lambda: run_until(number, path, "", 0)).wait()
    path.unlink()
    return {"time": seconds, **lines, "byte": 2 + EPOCHS // (1 + number // 4 % 2)}


def kill_once(number: int, path: Path, kind: str, target: float) -> Any:
    """Return how a process ended that was to be killed at this time, at this line or in this write."""
    WRITING[0] = 0
    child = Child(lambda: run_until(number, path, kind, target))
    if kind == "time" and not select.select([child.pipe], [], [], target)[0]:
        child.kill()
    return child.wait()


def kill_runs(count: int, seed: int = 0, numbers: Sequence[int] = range(16)) -> tuple[Counter[str], list[str]]:
    """Kill `count` processes; return the numbers of kills by kind, and the faults. `numbers` select the settings."""
    generator, counts, found = random.Random(seed), Counter[str](), []
    results = {number: outcome(train(number, None)) for number in numbers}
    lengths: dict[int, dict[str, float]] = {}
    for run in itertools.count():
        if counts["kills"] >= count:
            return counts, found
        number = numbers[run % len(numbers)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run")
            if number not in lengths:
                lengths[number] = measure(number, path)
            # a run may be killed several times
            for _ in range(1 + run % 3):
                kind = KINDS[counts["processes"] % len(KINDS)]
                target = generator.uniform(0 if kind in ("time", "byte") else 1, lengths[number][kind])
                ended = kill_once(number, path, kind, target)
                counts["processes"] += 1
                fault = check_file(path, results[number])
                if ended == signal.SIGKILL:
                    counts.update(["kills", f"at a {kind}"])
                    counts["of them inside a save"] += WRITING[0]
                    counts["of them without a file yet"] += not path.exists()
                elif not isinstance(ended, tuple) or ended[0] != results[number]:
                    fault = f"ended with {str(ended)[:300]}"
                if fault:
                    found.append(f"run {run}, killed at {kind} {target:.3f} of {lengths[number][kind]:.1f}: {fault}")
            if fault := check_end(number, path, results[number]):
                found.append(f"run {run}: {fault}")
    return counts, found
