"""Kill runs that save, damage saved files, and let writes fail; the second part of ``make test-faults``.

``python -m tests.checkpoint_faults --kills 240 --files 1000``. All is done in forked processes, because importing
PyTorch takes seconds.

Kills: a run that saves is ended by SIGKILL at a random time, at a random line of Python code or in the middle of a
``write``. Each time the file must load. The same call, made again, must end with the history and the weights of a run
without a checkpoint, to the last bit.

Damaged files: `load`, and a run with this checkpoint, must raise a plain error, or accept what is undamaged.

Failing writes: each call of the operating system that a save makes fails once. The previous file must load, the run
must end with its result and a warning, and the next save must work.

Locks: a second process on the same file must raise an error until the first one has ended.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import copy
import io
import itertools
import json
import mmap
import os
import pickle
import random
import resource
import select
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import safetensors.torch
import torch

from data import Series
from trainers import LSTMAutoencoder, Result, benchmark, load, save
from trainers import checkpoint as kit
from trainers import checkpoint_file as files
from trainers.detection import AnomalyDetector
from trainers.torch_utils import copy_state
from trainers.training import Run
from trainers.widgets import TrainingMonitor

from tests.faults import BEATS, EPOCHS, SETS, make

# Seconds after which a forked process is ended, and bytes that it may add to its memory.
SECONDS, MEMORY = 300, 2**29
# One byte that all processes share: whether a file is being written.
WRITING = mmap.mmap(-1, 1)

# ---------------------------------------------------------------------- processes


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


# ---------------------------------------------------------------------- kills


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


def kill_once(number: int, path: Path, kind: str, target: float) -> Any:
    """Return how a process ended that was to be killed at this time, at this line or in this write."""
    WRITING[0] = 0
    child = Child(lambda: run_until(number, path, kind, target))
    if kind == "time" and not select.select([child.pipe], [], [], target)[0]:
        child.kill()
    return child.wait()


def check_end(number: int, path: Path, expected: tuple[Any, ...]) -> str:
    """Make the same call once more; return the fault or an empty string."""
    last = Child(lambda: outcome(train(number, path))).wait()
    if last != expected:
        what = "another history or other weights" if isinstance(last, tuple) else str(last)[:300]
        return f"the same call again ended with {what}"
    if sorted(os.listdir(path.parent)) != [".run.lock", "run"]:
        return f"left {os.listdir(path.parent)}"
    return check_file(path, expected)


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


# ---------------------------------------------------------------------- damaged files


def good_files(folder: Path) -> dict[str, bytes]:
    """Return a file of each kind."""
    paths = {name: folder / name for name in ("model", "mid-run", "finalized", "result", "detector")}
    trainer = make(1)

    def in_mid_run(row: Any, state: Any) -> None:
        if row.epoch == 3:
            trainer.queue("patience", 1)
            save(trainer, paths["mid-run"])

    result = benchmark(trainer, *SETS, epochs=EPOCHS, callbacks=[in_mid_run], progress=False)
    save(LSTMAutoencoder(hidden_size=3, latent_size=2), paths["model"])
    save(trainer, paths["finalized"])
    save(result, paths["result"])
    wave = np.sin(np.arange(600) * 2 * np.pi / 12) - 3
    detector = AnomalyDetector(make(0), epochs=1, error="gaussian", window=12, rate=0.1)
    save(detector.fit(Series(wave), progress=False), paths["detector"])
    return {**{name: path.read_bytes() for name, path in paths.items()}, "checkpoint": paths["mid-run"].read_bytes()}


def header_length(data: bytes) -> int:
    """Return the number of bytes before the tensors."""
    return 8 + struct.unpack("<Q", data[:8])[0]


def changed_bytes(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Return what was done to a file, and the damaged file."""
    # half of the damage in the header, because the tensors take most of the file
    part = (8, header_length(data), len(data), len(data))[generator.randrange(4)]
    start = generator.randrange(part)
    end = min(len(data), start + generator.choice([1, 2, 8, 64, 1000]))
    what = generator.choice(["cut short", "bit flipped", "bit flipped", "zeroed", "duplicated", "removed", "inserted"])
    middle = {
        "cut short": b"",
        "bit flipped": bytes([data[start] ^ 1 << generator.randrange(8)]),
        "zeroed": bytes(end - start),
        "duplicated": data[start:end] * 2,
        "removed": b"",
        "inserted": generator.randbytes(end - start) + data[start:end],
    }[what]
    rest = {"cut short": len(data), "bit flipped": start + 1}.get(what, end)
    return f"{what} at {start}", data[:start] + middle + data[rest:]


# Values of a wrong type, or far from any sensible value.
STRANGE: list[Any] = [
    None, True, False, 0, -1, 2, 0.5, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), "", "x", "€" * 1000,
    "0.1", [], [[]], [1], ["x", 2], [None] * 1000, {}, {"a": 1}, {"$tensor": "nothing"}, {"$tensor": [1]},
    {"$array": {}}, {"$tuple": 1}, {"$tuple": [1, 2]}, {"$items": 3}, {"$items": [[1]]}, {"$items": [[[1], 2]]},
    {"$items": [[0, 0]]}, "__class__", "LSTMAutoencoder", "BatchedTrainer", "builtins.eval", "meta", "cuda:7",
]  # fmt: skip
# Sizes of a model that would need gigabytes or hours.
HUGE: list[dict[str, Any]] = [
    {"hidden_size": 8192},
    {"hidden_size": 8192, "n_layers": 10**9},
    {"n_layers": 10**6},
    {"n_layers": 10**30},
    {"n_features": 10**9},
    {"n_features": 2**62},
    {"latent_size": 10**12},
    {"latent_size": 10**400},
    {"hidden_size": 8192, "n_features": 10**12, "latent_size": 10**12},
    {"hidden_size": 10**12},
    {"time_encoding": 10**9},
]


def rewritten(
    data: bytes, change: Callable[[Any, dict[str, torch.Tensor]], Any], text_change: Callable[[str], str] = str
) -> bytes:
    """Return the file with changed content or tensors, and with the right checksum."""
    metadata = json.loads(data[8 : header_length(data)])["__metadata__"]
    tensors = safetensors.torch.load(data)
    content = json.loads(metadata["content"])
    change(content, tensors)
    text = text_change(json.dumps(content))
    return safetensors.torch.save(tensors, {**metadata, "content": text, "sha256": files._checksum(text, tensors)})


def random_place(content: Any, generator: random.Random) -> tuple[Any, Any]:
    """Return a list or dictionary in the content, and a key or index of it; all levels are equally likely."""
    place: Any = content, "content"
    while True:
        inner = place[0][place[1]]
        if not isinstance(inner, dict | list) or not inner or generator.random() < 0.15:
            return place
        place = inner, generator.choice([*inner] if isinstance(inner, dict) else range(len(inner)))


def changed_content(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Change the content at a random place."""
    action = generator.choice(["removed", "strange", "strange", "swapped", "added"])
    told = [action]

    def change(content: Any, tensors: dict[str, torch.Tensor]) -> None:
        holder, key = random_place(content, generator)
        value: Any = generator.choice(STRANGE)
        if generator.random() < 0.1:
            value = {generator.choice(["$tensor", "$array"]): generator.choice(sorted(tensors))}
        if action == "swapped":
            other, name = random_place(content, generator)
            value = copy.deepcopy(other[name])
        told.append(f"{key}: {str(value)[:60]}")
        if action == "removed":
            del holder[key]
        elif action == "added" and isinstance(holder[key], list):
            holder[key].append(value)
        elif action == "added" and isinstance(holder[key], dict):
            holder[key]["added"] = value
        else:
            holder[key] = value

    return " ".join(told), rewritten(data, change)


def changed_tensor(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Change name, type, shape or values of a tensor."""
    action = generator.choice(
        ["removed", "renamed", "float64", "bool", "bytes", "empty", "flat", "grown", "NaN", "all"]
    )
    told = [f"tensor {action}"]

    def change(content: Any, tensors: dict[str, torch.Tensor]) -> None:
        name = generator.choice(sorted(tensors))
        told.append(name)
        tensor = tensors.pop(name)
        if action == "renamed":
            tensors[generator.choice(["", "x", "\x00", "$tensor", "é" * 100])] = tensor
        elif action == "all":
            tensors.clear()
        elif action != "removed":
            tensors[name] = {
                "float64": lambda: tensor.double(),
                "bool": lambda: torch.zeros(tensor.shape, dtype=torch.bool),
                "bytes": lambda: tensor.contiguous().reshape(-1).view(torch.uint8),
                "empty": lambda: tensor.reshape(-1)[:0],
                "flat": lambda: tensor.reshape(-1),
                "grown": lambda: torch.stack([tensor, tensor]),
                "NaN": lambda: torch.full_like(tensor.float(), torch.nan),
            }[action]()

    return " ".join(told), rewritten(data, change)


def hostile_file(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Return a file that someone has written to cause harm."""
    what = generator.choice(["huge model", "nested", "long number", "references", "version", "format", "header"])
    metadata = json.loads(data[8 : header_length(data)])["__metadata__"]
    tensors = safetensors.torch.load(data)
    if what == "huge model":
        sizes = generator.choice(HUGE)

        def grow(value: Any) -> None:
            for inner in value.values() if isinstance(value, dict) else value:
                if isinstance(inner, dict | list):
                    grow(inner)
            if isinstance(value, dict) and "hidden_size" in (value.get("hyperparameters") or {}):
                value["hyperparameters"].update(sizes)

        return f"{what} {str(sizes)[:80]}", rewritten(data, lambda content, _: grow(content))
    if what in ("nested", "long number"):
        depth = generator.choice([500, 900, 1100, 10_000, 1_000_000])
        inner = {
            "nested": generator.choice(["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth]),
            "long number": generator.choice(["9" * depth, f"1e{depth}", f"-1.{'9' * depth}", "Infinity", "-0"]),
        }[what]

        def place(content: Any, _: Any) -> None:
            holder, key = random_place(content, generator)
            holder[key] = "HERE"

        return f"{what} {depth}", rewritten(data, place, lambda text: text.replace('"HERE"', inner))
    if what == "references":
        count = generator.choice([100, 10_000, 100_000])

        def refer(content: Any, held: dict[str, torch.Tensor]) -> None:
            if generator.random() < 0.5:
                held["large"] = torch.zeros(2**18)
            name = max(sorted(held), key=lambda one: held[one].nbytes)
            holder, key = random_place(content, generator)
            holder[key] = [{"$tensor": name}] * count

        return f"{what} {count}", rewritten(data, refer)
    if what == "version":
        version = generator.choice(["2", "0", "", "1.0", " 1", "-1", "٣", "9" * 100_000, "1e3", "01"])
        return f"version {version[:9]}", safetensors.torch.save(tensors, {**metadata, "version": version})
    if what == "format":
        formats: list[Any] = [None, {}, {"format": "pt"}, {**metadata, "format": "x"}, {**metadata, "content": ""}]
        formats += [{key: metadata[key] for key in metadata if key != missing} for missing in metadata]
        return "format", safetensors.torch.save(tensors, generator.choice(formats))
    # headers that only a program can write
    size, header = header_length(data) - 8, json.loads(data[8 : header_length(data)])
    kind = generator.choice(["length", "shape", "offsets", "entries", "nested", "types", "other"])
    first = min(key for key in header if key != "__metadata__")
    if kind == "length":
        length = generator.choice([2**40, 2**63, 2**64 - 1, 10**8, size + 1, size - 1, 0])
        return f"header of {length} bytes", struct.pack("<Q", length) + data[8:]
    if kind == "shape":
        header[first]["shape"] = generator.choice([[2**40], [2**32, 2**32], [2**63, 2], [0, 2**60], [], [-1], [1.5]])
    elif kind == "offsets":
        header[first]["data_offsets"] = generator.choice([[0, 2**40], [2**63, 2**64], [8, 0], [0], [-4, 0], [4, 8]])
    elif kind == "entries":
        header |= {f"x{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_000)}
    elif kind == "types":
        header[first]["dtype"] = generator.choice(["F8_E4M3", "F64", "U64", "BOOL", "C64", "F4", "X", 1, None])
    elif kind == "nested":
        header[first] = []
    else:
        header["__metadata__"] = generator.choice([1, [], {"format": 1}, {"version": None}, "x", None])
    text = json.dumps(header).encode()
    if kind == "nested":
        text = text.replace(b"[]", b"[" * 100_000 + b"]" * 100_000, 1)
    return f"header, {kind}", struct.pack("<Q", len(text)) + text + data[8 + size :]


DAMAGES = (changed_bytes, changed_bytes, changed_content, hostile_file, changed_bytes, changed_tensor, changed_content)


def is_plain(error: BaseException) -> str:
    """Return why an error is not the plain error that `load` documents, or an empty string."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or "allocate" in str(seen):
            return f"needed more than {MEMORY} bytes of memory: {str(seen)[:200]}"
        seen = seen.__cause__ or seen.__context__
    plain = isinstance(error, ValueError | TypeError | OSError) and " must " in str(error)
    return "" if plain else f"{type(error).__name__}: {str(error)[:300]}"


def limit_memory() -> None:
    """Limit the memory that this process can add."""
    kilobytes = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmData"))  # noqa: SIM115
    limit = int(kilobytes) * 1024 + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def loaded(kind: str, path: Path) -> str:
    """Load a file, use and save the object, and return the checksum of the saved file; or raise an error of `load`."""
    if kind == "checkpoint":
        before, trainer = path.read_bytes(), make(1)
        state = copy_state(trainer.model)
        try:
            thing: Any = Run(trainer, *SETS, epochs=EPOCHS, checkpoint=path)
        except BaseException:
            # nothing may be changed
            assert path.read_bytes() == before, "the damaged file was changed"
            now = copy_state(trainer.model)
            assert all(torch.equal(state[name], now[name]) for name in state), "the weights were changed"
            assert trainer.hyperparameters == make(1).hyperparameters, "the hyperparameters were changed"
            assert not trainer.history, "the trainer has a history"
            assert files.lock_file(path), "the file is still locked"
            raise
        thing._close()
        thing = trainer
    else:
        thing = load(path)
    try:
        repr(thing), getattr(thing, "_repr_html_", str)()
        if isinstance(thing, AnomalyDetector):
            # with weights that are NaN, a plain error
            with contextlib.suppress(ValueError):
                thing.score(Series(np.sin(np.arange(100.0))))
        elif isinstance(thing, torch.nn.Module):
            thing(torch.zeros(2, 5, 1))
        save(thing, path.with_name("again"))
    except Exception as error:
        raise AssertionError(f"the loaded object cannot be used: {error!r}"[:400]) from error
    return files_checksum(path.with_name("again"))


def files_checksum(path: Path) -> str:
    """Return the checksum in a file."""
    data = path.read_bytes()
    return json.loads(data[8 : header_length(data)])["__metadata__"]["sha256"]


def load_damaged(kind: str, path: Path, same: str | None) -> tuple[str, str]:
    """Return "error", "same" or "other" for a damaged file, and the fault or an empty string."""
    limit_memory()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            checksum = loaded(kind, path)
        except AssertionError as error:
            return "fault", is_plain(error)
        except BaseException as error:
            return "error", is_plain(error)
    if same is None:
        return "other", ""
    return "same", "" if checksum == same else "a silently different object"


def damage_files(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Load `count` damaged files; return their numbers by kind, and the faults."""
    generator, counts, found = random.Random(seed), Counter[str](), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        good = good_files(Path(folder))
        same = {}
        for kind, data in good.items():
            path.write_bytes(data)
            same[kind] = Child(lambda kind=kind: loaded(kind, path)).wait()
            if not isinstance(same[kind], str) or len(same[kind]) != 64:
                found.append(f"the undamaged {kind}: {same[kind]}")
        for number in range(count):
            kind = [*good][number % len(good)]
            damage = DAMAGES[number // len(good) % len(DAMAGES)]
            what, data = damage(good[kind], generator)
            path.write_bytes(data)
            # a file with the right checksum may describe another object
            expected = same[kind] if damage is changed_bytes else None
            ended = Child(lambda kind=kind, expected=expected: load_damaged(kind, path, expected)).wait()
            verdict, fault = ended if isinstance(ended, tuple) else ("fault", f"ended with {ended!r}"[:300])
            counts["files"] += 1
            counts[f"of kind {kind}"] += 1
            counts[f"{damage.__name__}: {verdict}"] += 1
            if fault:
                found.append(f"file {number}, {kind}, {what[:120]}: {fault}")
    return counts, found


# ---------------------------------------------------------------------- failing writes


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


def open_files() -> int:
    """Return the number of open files of this process."""
    return len(os.listdir("/proc/self/fd"))


def fail_once(number: int, failing: Failing, path: Path, expected: tuple[Any, ...]) -> str:
    """Train while one call fails; return the fault or an empty string."""
    before, raised, result = open_files(), None, None
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
    if open_files() != before:
        return f"{open_files() - before} files stay open"
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


# ---------------------------------------------------------------------- locks


def lock_files(count: int) -> tuple[Counter[str], list[str]]:
    """Use the file of another process; return the numbers of refused uses, and the faults."""
    counts, found = Counter[str](), []
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run")
            reached, wake = os.pipe(), os.pipe()

            def stay(row: Any, state: Any, reached=reached, wake=wake) -> None:
                if row.epoch == 2:
                    os.write(reached[1], b"x")
                    os.read(wake[0], 1)

            holder = Child(lambda p=path, stay=stay, n=number: outcome(train(n, p, callbacks=[stay])))
            # returns nothing if the process has ended
            os.close(reached[1])
            if not os.read(reached[0], 1):
                found.append(f"lock, run {number}: {holder.wait()!r}"[:300])
                continue
            written = path.read_bytes()
            uses: dict[str, Callable[[], Any]] = {
                "another run": lambda p=path, n=number: train(n, p),
                "save": lambda p=path: save(LSTMAutoencoder(hidden_size=2), p),
            }
            for name, use in uses.items():
                ended = Child(use).wait()
                counts[f"{name} refused"] += 1
                if not isinstance(ended, str) or not ended.startswith("RuntimeError: ") or " must " not in ended:
                    found.append(f"lock, run {number}, {name}: {ended!r}"[:300])
            if path.read_bytes() != written or check_file(path, outcome(train(number, None))):
                found.append(f"lock, run {number}: the file was changed")
            # the second half of the holders ends by itself
            if number % 2:
                os.write(wake[1], b"x")
            else:
                holder.kill()
            holder.wait()
            expected = outcome(train(number, None))
            if fault := check_end(number, path, expected):
                found.append(f"lock, run {number}, after the other process has ended: {fault}")
            for end in (*reached[:1], *wake):
                os.close(end)
            counts["free after the process has ended"] += 1
    return counts, found


# ---------------------------------------------------------------------- all


def main() -> int:
    """Print the numbers and the faults of all parts; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=240, help="processes killed while a run saves")
    parser.add_argument("--files", type=int, default=1000, help="damaged files")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random choices")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    everything: list[str] = []
    for name, work in (
        ("kills", lambda: kill_runs(arguments.kills, arguments.seed)),
        ("damaged files", lambda: damage_files(arguments.files, arguments.seed)),
        ("failing calls", fail_calls),
        ("full disks", lambda: fill_disks(24, arguments.seed)),
        ("locks", lambda: lock_files(6)),
    ):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            counts, faults = work()
        numbers = ", ".join(f"{count} {what}" for what, count in counts.items())
        print(f"{name}: {numbers}; {len(faults)} faults ({time.perf_counter() - started:.0f} s)", flush=True)
        print("".join(f"  {fault}\n" for fault in faults), end="", flush=True)
        everything += faults
    print(f"{len(everything)} faults" if everything else "all without loss")
    return int(bool(everything))


if __name__ == "__main__":
    sys.exit(main())
