"""`Snapshots`: the models of past epochs, and their reconstructions of examples."""

from __future__ import annotations

import copy
import math
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data import DataSet
from trainers.checks import as_count
from trainers.history import Epoch
from trainers.losses import reconstruct
from trainers.torch_utils import ModelState, load_state

MAX_EXAMPLES = 12


class Snapshots:
    """Copies of the parameters and buffers of past epochs, within a memory budget.

    If the copies exceed the budget, every second epoch is dropped, then every second of the remaining epochs, and so
    on. The latest epoch, the best epoch, every restored epoch, and the best epoch up to each kept epoch are always
    kept. If these alone exceed the budget, the oldest of them are stored in temporary files, which are deleted
    together with this object.

    Parameters
    ----------
    budget : int, default 256 * 2**20
        Bytes of memory for the copies.
    examples : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        At most 12 sequences that the models of the epochs reconstruct.
    titles : sequence of str, optional
        Title of each example. Default: the class names, if the examples are a labelled data set.

    Attributes
    ----------
    rows : dict of Epoch
        The kept epochs, by number.
    note : str
        The reason why there are no reconstructions, if they have failed.

    Examples
    --------
    >>> snapshots = Snapshots()
    >>> snapshots.add(Epoch(1, 0.5, 0.4, 1, 0.4), {"weight": torch.zeros(3)})
    >>> snapshots.nearest(7), snapshots[1]["weight"].tolist()
    (1, [0.0, 0.0, 0.0])
    """

    def __init__(self, budget: int = 256 * 2**20, examples: Any = None, titles: Sequence[str] | None = None) -> None:
        self.budget = as_count(budget, "budget", "bytes of memory", least=0)
        self.bytes, self.stride = 0, 1
        self.rows: dict[int, Epoch] = {}
        # For an epoch on disk, the path of its file.
        self._states: dict[int, ModelState | Path] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        # The page makes requests on another thread than the training loop.
        self._lock = threading.RLock()
        self.examples = None if examples is None else DataSet.of(examples, "examples")
        self.titles = [] if self.examples is None else _titles(self.examples, titles)
        self.note = ""
        self._copy: nn.Module | None = None

    def add(self, row: Epoch, state: ModelState) -> None:
        """Keep the state that an epoch reached. It must be a copy that is not changed any more."""
        with self._lock:
            self.rows[row.epoch] = row
            self._states[row.epoch] = kept = {name: tensor.cpu() for name, tensor in state.items()}
            self.bytes += _size(kept)
            if self.stride > 1 or self.bytes > self.budget:
                self._thin()

    def cut(self, epoch: int, row: Epoch | None = None) -> None:
        """Drop the epochs after `epoch`, or all for 0; `row` replaces the row of `epoch`, where a branch begins."""
        with self._lock:
            for later in [kept for kept in self.rows if kept > epoch]:
                self._remove(later)
            self.stride = 1
            if row is not None and epoch in self.rows:
                self.rows[epoch] = row

    @property
    def epochs(self) -> list[int]:
        """Numbers of the kept epochs, in order."""
        return sorted(self.rows)

    def nearest(self, epoch: int) -> int:
        """Return the kept epoch that is nearest to `epoch`."""
        if not self.rows:
            raise ValueError("snapshots must contain an epoch, got none. Train an epoch first.")
        return min(self.rows, key=lambda kept: abs(kept - epoch))

    def __getitem__(self, epoch: int) -> ModelState:
        state = self._states[epoch]
        return torch.load(state, weights_only=True) if isinstance(state, Path) else state

    def states(self, epoch: int) -> tuple[int, ModelState, ModelState]:
        """Return the kept epoch nearest to `epoch`, its state, and the state of the best epoch up to it."""
        with self._lock:
            kept = self.nearest(epoch)
            best = self.rows[kept].best_epoch or kept
            if best not in self.rows:
                raise ValueError(f"epoch must have a best epoch the monitor recorded, got {kept} (best epoch {best}).")
            return kept, self[kept], self[best]

    def choose(self, most: int) -> list[int]:
        """Return at most `most` of the kept epochs, preferably the latest, best and restored ones."""
        with self._lock:
            kept, rows = self.epochs, self.rows.copy()
        if len(kept) <= most:
            return kept
        latest = kept[-1]
        important = [epoch for epoch in kept if rows[epoch].restored or rows[epoch].best_epoch == epoch]
        first = {latest, rows[latest].best_epoch or latest, *important[:: -(-len(important) // (most // 2)) or 1]}
        return sorted(first.union(kept[:: -(-len(kept) // (most - len(first)))]).intersection(kept))

    def _thin(self) -> None:
        while True:
            # Keep every `stride`-th epoch, the latest one and the restored ones.
            kept = {max(self.rows), *(e for e, row in self.rows.items() if e % self.stride == 0 or row.restored)}
            # A branch from an epoch also needs the best epoch up to it.
            best = {self.rows[epoch].best_epoch for epoch in kept}
            for epoch in self.rows.keys() - kept - best:
                self._remove(epoch)
            if self.bytes <= self.budget or self.stride >= max(self.rows):
                break
            self.stride *= 2
        # Move the oldest epochs to disk, but never the latest one.
        for epoch in self.epochs[:-1]:
            state = self._states[epoch]
            if self.bytes > self.budget and not isinstance(state, Path):
                self._folder = self._folder or tempfile.TemporaryDirectory(prefix="snapshots-")
                torch.save(state, path := Path(self._folder.name, f"{epoch}.pt"))
                self._states[epoch] = path
                self.bytes -= _size(state)

    def _remove(self, epoch: int) -> None:
        del self.rows[epoch]
        state = self._states.pop(epoch)
        if isinstance(state, Path):
            state.unlink()
        else:
            self.bytes -= _size(state)

    def watch(self, model: nn.Module) -> None:
        """Copy the model, for the reconstructions by models of past epochs."""
        self._copy, self.note = None, ""
        if self.examples is not None:
            with self._may_fail():
                model = copy.deepcopy(model).cpu().eval()
                reconstruct(model, self.examples)
                self._copy = model

    def reconstruction(self, epoch: int) -> tuple[int, np.ndarray | None]:
        """Return the kept epoch nearest to `epoch`, and the reconstructions of the examples by its model.

        These have shape (n, time, feature); they are None without examples, without any epoch, or if the model fails.
        """
        with self._lock:
            if not self.rows:
                return epoch, None
            kept = self.nearest(epoch)
            if self._copy is not None:
                with self._may_fail():
                    load_state(self._copy, self[kept])
                    return kept, reconstruct(self._copy, self.examples).numpy()
        return kept, None

    @contextmanager
    def _may_fail(self) -> Iterator[None]:
        """Catch any error of a user's model, because the training does not need the copy."""
        try:
            yield
        except Exception as error:
            self._copy = None
            self.note = f"no reconstructions: {type(error).__name__}: {error}"

    def examples_data(self) -> list[dict[str, Any]]:
        """Return the examples for chart.js."""
        if self.examples is None:
            return []
        values = self.for_page(self.examples.sequences.numpy())
        return [{"title": title, "values": v} for title, v in zip(self.titles, values, strict=True)]

    def for_page(self, values: np.ndarray) -> list[list[float | None]]:
        """Return the first feature, rounded to 1/1000 of the examples' range; None if not finite, because of JSON."""
        assert self.examples is not None
        span = float(np.ptp(self.examples.sequences[..., 0].numpy())) or 1.0
        digits = 3 - math.floor(math.log10(span))
        return [[round(v, digits) if math.isfinite(v) else None for v in one] for one in values[..., 0].tolist()]


def _size(state: ModelState) -> int:
    return sum(tensor.nbytes for tensor in state.values())


def _titles(examples: DataSet, titles: Sequence[str] | None) -> list[str]:
    if len(examples) > MAX_EXAMPLES:
        raise ValueError(f"examples must be at most {MAX_EXAMPLES} sequences, got {len(examples)}.")
    if titles is None:
        return examples.sequence_classes or [f"example {i + 1}" for i in range(len(examples))]
    if isinstance(titles, str) or len(titles) != len(examples):
        raise ValueError(f"titles must be {len(examples)} strings, one for each example, got {titles!r}.")
    return list(map(str, titles))
