"""Damaged files that are loaded, or continued as a checkpoint."""

from __future__ import annotations

import contextlib
import json
import random
import resource
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data import Series
from trainers import checkpoint_file as files
from trainers import load, save
from trainers.detection import AnomalyDetector
from trainers.torch_utils import copy_state
from trainers.training import Run

from tests.checkpoint_faults.damage import (
    changed_bytes,
    changed_content,
    changed_tensor,
    good_files,
    header_length,
    hostile_file,
)
from tests.checkpoint_faults.runs import Child
from tests.faults import EPOCHS, SETS, make

# Bytes that a process may add to its memory.
MEMORY = 2**29
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
