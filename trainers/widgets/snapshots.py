"""`Snapshots`: the models of past epochs, and what they make of some examples."""

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

MOST_EXAMPLES = 12


class Snapshots:
    """Copies of parameters and buffers by epoch, as far as the memory set aside for them goes.

    When they outgrow the budget, every second epoch is dropped, then every second of the rest, and
    so on. The latest and the best epoch, every restored one, and the best that a kept epoch goes
    back to are always kept: if these alone outgrow the budget, the oldest of them lie in a
    temporary file on disk, which goes with this object.

    Parameters
    ----------
    budget : int, default 256 * 2**20
        Bytes of memory for the copies.
    examples : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        At most 12 sequences, which the models of the epochs reconstruct.
    titles : sequence of str, optional
        One for each example. Default: the class names of a labelled data set.

    Attributes
    ----------
    rows : dict of Epoch
        By number: the epochs that are kept.
    note : str
        Why there are no reconstructions, where there should be.

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
        # Of an epoch on disk, the path.
        self._states: dict[int, ModelState | Path] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        # The page asks on another thread than the one that trains.
        self._lock = threading.RLock()
        self.examples = None if examples is None else DataSet.of(examples, "examples")
        self.titles = [] if self.examples is None else _titles(self.examples, titles)
        self.note = ""
        self._viewer: nn.Module | None = None

    def add(self, row: Epoch, state: ModelState) -> None:
        """Keep the state that an epoch reached: the callback's own copy, not to be changed any more."""
        with self._lock:
            self.rows[row.epoch] = row
            self._states[row.epoch] = kept = {name: tensor.cpu() for name, tensor in state.items()}
            self.bytes += _size(kept)
            if self.stride > 1 or self.bytes > self.budget:
                self._thin()

    def cut(self, epoch: int, row: Epoch | None = None) -> None:
        """Drop what came after an epoch; 0 drops all. A branch has a row of its own for the epoch where it begins."""
        with self._lock:
            for later in [kept for kept in self.rows if kept > epoch]:
                self._remove(later)
            self.stride = 1
            if row is not None and epoch in self.rows:
                self.rows[epoch] = row

    @property
    def epochs(self) -> list[int]:
        """The epochs that are kept, in order."""
        return sorted(self.rows)

    def nearest(self, epoch: int) -> int:
        """The kept epoch nearest to the one asked for."""
        if not self.rows:
            raise ValueError("no epoch has been kept yet. Train one first.")
        return min(self.rows, key=lambda kept: abs(kept - epoch))

    def __getitem__(self, epoch: int) -> ModelState:
        state = self._states[epoch]
        return torch.load(state, weights_only=True) if isinstance(state, Path) else state

    def states(self, epoch: int) -> tuple[int, ModelState, ModelState]:
        """The nearest kept epoch, its state, and that of the best one up to there."""
        with self._lock:
            kept = self.nearest(epoch)
            best = self.rows[kept].best_epoch or kept
            if best not in self.rows:
                raise ValueError(f"no run can branch off from epoch {kept}: its best, epoch {best}, was not watched.")
            return kept, self[kept], self[best]

    def choose(self, most: int) -> list[int]:
        """At most so many of the kept epochs, the latest, best and restored ones first."""
        with self._lock:
            kept, rows = self.epochs, self.rows.copy()
        if len(kept) <= most:
            return kept
        latest = kept[-1]
        matter = [epoch for epoch in kept if rows[epoch].restored or rows[epoch].best_epoch == epoch]
        first = {latest, rows[latest].best_epoch or latest, *matter[:: -(-len(matter) // (most // 2)) or 1]}
        return sorted(first.union(kept[:: -(-len(kept) // (most - len(first)))]).intersection(kept))

    def _thin(self) -> None:
        while True:
            # Keep one epoch in `stride`, and those that matter.
            kept = {max(self.rows), *(e for e, row in self.rows.items() if e % self.stride == 0 or row.restored)}
            # Without the best that it goes back to, no run can branch off from an epoch.
            best = {self.rows[epoch].best_epoch for epoch in kept}
            for epoch in self.rows.keys() - kept - best:
                self._remove(epoch)
            if self.bytes <= self.budget or self.stride >= max(self.rows):
                break
            self.stride *= 2
        # The oldest to disk, and never the latest.
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
        """Make a copy of the model to rewind in, beside the one that is being trained."""
        self._viewer, self.note = None, ""
        if self.examples is not None:
            with self._may_fail():
                viewer = copy.deepcopy(model).cpu().eval()
                reconstruct(viewer, self.examples)
                self._viewer = viewer

    def reconstruction(self, epoch: int) -> tuple[int, np.ndarray | None]:
        """The kept epoch nearest to this one, and what its model makes of the examples.

        Shape (n, time, feature); None without examples, without any epoch, or if the model fails.
        """
        with self._lock:
            if not self.rows:
                return epoch, None
            kept = self.nearest(epoch)
            if self._viewer is not None:
                with self._may_fail():
                    load_state(self._viewer, self[kept])
                    return kept, reconstruct(self._viewer, self.examples).numpy()
        return kept, None

    @contextmanager
    def _may_fail(self) -> Iterator[None]:
        """Whatever a user's model raises: the training does not need the copy."""
        try:
            yield
        except Exception as error:
            self._viewer = None
            self.note = f"rewind shows no reconstructions: {type(error).__name__}, {error}"

    def examples_data(self) -> list[dict[str, Any]]:
        """The examples as chart.js takes them."""
        if self.examples is None:
            return []
        values = self.for_page(self.examples.sequences.numpy())
        return [{"title": title, "values": v} for title, v in zip(self.titles, values, strict=True)]

    def for_page(self, values: np.ndarray) -> list[list[float | None]]:
        """The first feature, to a thousandth of the examples' range; None where not finite, as JSON has no NaN."""
        assert self.examples is not None
        span = float(np.ptp(self.examples.sequences[..., 0].numpy())) or 1.0
        digits = 3 - math.floor(math.log10(span))
        return [[round(v, digits) if math.isfinite(v) else None for v in one] for one in values[..., 0].tolist()]


def _size(state: ModelState) -> int:
    return sum(tensor.nbytes for tensor in state.values())


def _titles(examples: DataSet, titles: Sequence[str] | None) -> list[str]:
    if len(examples) > MOST_EXAMPLES:
        raise ValueError(f"examples must be at most {MOST_EXAMPLES} sequences, got {len(examples)}.")
    if titles is None:
        return examples.sequence_classes or [f"example {i + 1}" for i in range(len(examples))]
    if isinstance(titles, str) or len(titles) != len(examples):
        raise ValueError(f"titles must be one for each of the {len(examples)} examples, got {titles!r}.")
    return list(map(str, titles))
