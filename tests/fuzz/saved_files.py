"""Damaged files for `trainers.load`."""

from __future__ import annotations

import contextlib
import functools
import io
import random
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from safetensors import SafetensorError
from torch import nn

from trainers import Result, Trainer, load
from trainers.detection import AnomalyDetector

from tests.checkpoint_faults.damage import changed_bytes, changed_content, changed_tensor, good_files, hostile_file
from tests.fuzz.engine import Input, Loader, require, written


@functools.cache
def _saved_files() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return list(good_files(Path(folder)).values())


def damaged(drawn: bytes) -> Input:
    """Return a saved file of any kind, damaged in one to three ways that the drawn bytes determine."""
    generator = random.Random(drawn)
    content = generator.choice(_saved_files())
    for _ in range(generator.choice((1, 1, 1, 2))):
        change = generator.choice((changed_bytes, changed_content, changed_tensor, hostile_file))
        # a file that is damaged already may not be rewritten
        with contextlib.suppress(
            ValueError, KeyError, IndexError, TypeError, struct.error, SafetensorError, RecursionError
        ):
            content = change(content, generator)[1]
    return content, {}


def _load_saved(content: bytes) -> Callable[[], Any]:
    path = written("saved", content)

    def loaded() -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            return load(path)

    return loaded


def check_saved(value: Any, one: Input) -> None:
    """Raise if a loaded object cannot be shown."""
    require(isinstance(value, nn.Module | Trainer | Result | AnomalyDetector), "value", value)
    require(all(type(text) is str for text in (repr(value), getattr(value, "_repr_html_", str)())), "text", value)


LOADER = Loader(
    "trainers.load", _load_saved, check_saved, st.binary(min_size=8, max_size=8).map(damaged), [], list,
    errors=(ValueError, TypeError), share=3,
)  # fmt: skip
