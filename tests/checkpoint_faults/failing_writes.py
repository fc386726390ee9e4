"""Saves in which a call of the operating system fails, or the disk is full."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import random
import resource
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from trainers import checkpoint_file as files
from trainers import load

from tests.checkpoint_faults.runs import Child, check_end, outcome, train
from tests.faults import EPOCHS


class Failing:
    """Replaces `open` and `os` of `trainers.checkpoint_file`, so that one call of one save fails."""

    CALLS = ("open", "write", "flush", "fsync", "close", "replace", "open folder", "fsync folder", "close folder")

    def __init__(self, call: str = "", save: int = 0, error: OSError | None = None) -> None:
        self.call, self.save, self.error, self.saves, self.folder = call, save, error, -1, -1
        self.os = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)})
        self.os.fsync, self.os.replace = self.fsync, self.replace
        self.os.open, self.os.close = self.open_folder, self.close_folder

    def reach(self, call: str) -> None:
        """Raise the error if this call is to fail."""
        if self.error and (call, self.saves) == (self.call, self.save):
            error, self.error = self.error, None
            raise error

    def open(self, *arguments: Any) -> Any:
        """Open a file whose calls may fail."""
        self.saves += 1
        self.reach("open")
        return FailingFile(builtins.open(*arguments), self)

    def fsync(self, number: int) -> None:
        self.reach("fsync folder" if number == self.folder else "fsync")
        os.fsync(number)

    def replace(self, *paths: Any) -> None:
        self.reach("replace")
        os.replace(*paths)

    def open_folder(self, *arguments: Any) -> int:
        self.reach("open folder")
        self.folder = os.open(*arguments)
        return self.folder

    def close_folder(self, number: int) -> None:
        self.folder = -1
        os.close(number)
        self.reach("close folder")

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Replace the functions in the context."""
        with mock.patch.object(files, "open", self.open, create=True), mock.patch.object(files, "os", self.os):
            yield


class FailingFile:
    """A file whose write, flush and close may fail."""

    def __init__(self, file: Any, failing: Failing) -> None:
        self.file, self.failing = file, failing
        self.fileno = file.fileno

    def __enter__(self) -> FailingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.failing.reach("close")

    def write(self, data: bytes) -> None:
        """Write half of the data, then all."""
        half = len(data) // 2
        self.file.write(data[:half])
        self.failing.reach("write")
        self.file.write(data[half:])

    def flush(self) -> None:
        self.file.flush()
        self.failing.reach("flush")


def open_files(folder: Path) -> list[str]:
    """Return the files in a folder, and the folder, that this process has open; others may be closed at any time."""
    links = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            links.append(os.readlink(f"/proc/self/fd/{number}"))
    return [link for link in links if Path(link).is_relative_to(folder.resolve())]


def fail_once(number: int, failing: Failing, path: Path, expected: tuple[Any, ...]) -> str:
    """Train while one call fails; return the fault or an empty string."""
    raised, result = None, None
    rows_after: list[int] = []

    def look(row: Any, state: Any) -> None:
        # before the save of this epoch
        rows_after.append(len(load(path).history))

    with warnings.catch_warnings(record=True) as caught, failing.patched():
        warnings.simplefilter("always")
        try:
            result = train(number, path, callbacks=[look])
        except OSError as error:
            raised = error
    texts = [str(one.message) for one in caught if issubclass(one.category, RuntimeWarning) and "check" in str(one)]
    harmless = "folder" in failing.call
    if failing.error is not None:
        return "the call was not made"
    if left_open := open_files(path.parent):
        return f"{left_open} stay open"
    if sorted(set(os.listdir(path.parent)) - {".run.lock", "run"}):
        return f"left {os.listdir(path.parent)}"
    if failing.save == 0 and not harmless:
        if raised is None or " must " not in str(raised) or path.name not in str(raised):
            return f"no clear error before the training, got {raised!r}"
        if path.exists():
            return "there is a file"
    elif result is None or outcome(result) != expected:
        return f"no result: {raised!r}"
    elif len(texts) != (not harmless) or not all(" must " in text for text in texts):
        return f"{len(texts)} warnings: {texts}"
    else:
        # the file in each epoch has the rows of the last save that worked
        every = 1 + number // 4 % 2
        due = [0, *range(every, EPOCHS + 1, every)]
        worked = [rows for i, rows in enumerate(due) if harmless or i != failing.save]
        wanted = [max(rows for rows in worked if rows < epoch) for epoch in range(1, EPOCHS + 1)]
        if rows_after != wanted:
            return f"the file had {rows_after} rows, not {wanted}"
        if not load(path).finalized and (harmless or failing.save != len(due)):
            return "the last save is missing"
    with contextlib.redirect_stdout(io.StringIO()):
        again = train(number, path)
    if outcome(again) != expected:
        return "the same call again has another result"
    return "" if load(path).finalized else "the last save is missing"


def fail_calls(numbers: Sequence[int] = (0, 5), saves: Sequence[int] = range(10)) -> tuple[Counter[str], list[str]]:
    """Let each call of these saves fail once; return the numbers of failures by call, and the faults."""
    counts, found = Counter[str](), list[str]()
    for number in numbers:
        expected = outcome(train(number, None))
        n_saves = 2 + EPOCHS // (1 + number // 4 % 2)
        for at in (at for at in saves if at < n_saves):
            for call in Failing.CALLS:
                error = (OSError(28, "No space left on device"), PermissionError(13, "Permission denied"))[at % 2]
                with tempfile.TemporaryDirectory() as folder:
                    fault = fail_once(number, Failing(call, at, error), Path(folder, "run"), expected)
                counts[call] += 1
                if fault:
                    found.append(f"{call} of save {at + 1}, run {number}: {fault}")
    return counts, found


def with_full_disk(number: int, path: Path, from_epoch: int, to_epoch: int, share: float) -> Any:
    """Train while the operating system limits the size of files to a share of the checkpoint."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(row: Any, state: Any) -> None:
        if row.epoch == from_epoch:
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(os.path.getsize(path) * share), hard))
        if row.epoch == to_epoch:
            load(path)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    if not from_epoch:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(20_000 * share), hard))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = train(number, path, callbacks=[limit])
    return outcome(result), sum("must be writable" in str(one.message) for one in caught)


def fill_disks(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Train `count` times with a full disk; return the number of failed writes, and the faults."""
    generator, counts, found = random.Random(seed), Counter[str](), []
    # the signal of the limit must not end this program; Python ignores it by default
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for run in range(count):
        number, start = run % 8, run % EPOCHS
        end, share = generator.randint(start + 1, EPOCHS + 1), generator.random() * 0.4
        expected = outcome(train(number, None))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run")
            work = lambda n=number, p=path, a=start, b=end, s=share: with_full_disk(n, p, a, b, s)  # noqa: E731
            ended = Child(work).wait()
            if not start:
                counts["at the start"] += 1
                bad = not isinstance(ended, str) or "Error" not in ended or " must " not in ended or path.exists()
            else:
                counts["later"] += ended[1] if isinstance(ended, tuple) else 0
                every = 1 + number // 4 % 2
                failed = sum(start <= epoch < end for epoch in range(every, EPOCHS + 1, every)) + (end > EPOCHS)
                bad = ended != (expected, failed)
            if bad:
                found.append(f"full disk from epoch {start} to {end}, run {number}: {str(ended)[-200:]}")
            elif fault := check_end(number, path, expected):
                found.append(f"full disk from epoch {start} to {end}, run {number}: {fault}")
    return counts, found
