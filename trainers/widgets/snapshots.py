"""`Snapshots`: the model of each epoch, as far as the memory set aside for it goes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from trainers.history import Epoch
from trainers.torch_utils import ModelState


class Snapshots:
    """Copies of parameters and buffers by epoch.

    When they outgrow the budget, every second epoch is dropped, then every second of the rest, and
    so on. The latest and the best epoch, every restored one, and the best that a kept epoch goes
    back to are always kept: if these alone outgrow the budget, the oldest of them lie in a
    temporary file on disk, which goes with this object.

    Parameters
    ----------
    budget : int, default 256 * 2**20
        Bytes of memory for the copies.

    Examples
    --------
    >>> snapshots = Snapshots()
    >>> snapshots.add(Epoch(1, 0.5, 0.4, 1, 0.4), {"weight": torch.zeros(3)})
    >>> snapshots.nearest(7), snapshots[1]["weight"].tolist()
    (1, [0.0, 0.0, 0.0])
    """

    def __init__(self, budget: int = 256 * 2**20) -> None:
        if isinstance(budget, bool) or not isinstance(budget, int) or budget < 0:
            msg = f"budget takes a whole number of bytes, at least 0; got {budget!r}. The default is 268435456."
            raise ValueError(msg)
        self.budget = budget
        self.bytes = 0
        self.stride = 1
        self._states: dict[int, ModelState] = {}
        self._rows: dict[int, Epoch] = {}
        self._on_disk: dict[int, Path] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, row: Epoch, state: ModelState) -> None:
        """Keep the state that an epoch reached: the callback's own copy, not to be changed any more."""
        self._rows[row.epoch] = row
        self._states[row.epoch] = {name: tensor.cpu() for name, tensor in state.items()}
        self.bytes += _size(self._states[row.epoch])
        if self.stride > 1 or self.bytes > self.budget:
            self._thin()

    @property
    def epochs(self) -> list[int]:
        """The epochs that are kept, in order."""
        return sorted(self._rows)

    def nearest(self, epoch: int) -> int:
        """The kept epoch nearest to the one asked for."""
        if not self._rows:
            msg = "no epoch has been kept yet. Train one first."
            raise ValueError(msg)
        return min(self._rows, key=lambda kept: abs(kept - epoch))

    def row(self, epoch: int) -> Epoch:
        """The row of a kept epoch."""
        return self._rows[epoch]

    def __getitem__(self, epoch: int) -> ModelState:
        if epoch in self._on_disk:
            return torch.load(self._on_disk[epoch], weights_only=True)
        return self._states[epoch]

    def __contains__(self, epoch: int) -> bool:
        return epoch in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def branch(self, epoch: int, row: Epoch) -> Snapshots:
        """Snapshots up to an epoch, whose row is replaced, for a run that branches off there."""
        other = Snapshots(self.budget)
        for kept in self.epochs:
            if kept <= epoch:
                other.add(row if kept == epoch else self._rows[kept], self[kept])
        return other

    def _thin(self) -> None:
        self._drop_all_but(self._wanted())
        while self.bytes > self.budget and self.stride < max(self._rows):
            self.stride *= 2
            self._drop_all_but(self._wanted())
        for epoch in self.epochs[:-1]:
            if self.bytes <= self.budget:
                break
            if epoch in self._states:
                self._to_disk(epoch)

    def _wanted(self) -> set[int]:
        last = max(self._rows)
        wanted = {last, *(e for e, row in self._rows.items() if e % self.stride == 0 or row.restored)}
        # Without the best that it goes back to, no run can branch off from an epoch.
        return wanted | {best for e in wanted if (best := self._rows[e].best_epoch) is not None}

    def _drop_all_but(self, wanted: set[int]) -> None:
        for epoch in self._rows.keys() - wanted:
            del self._rows[epoch]
            if epoch in self._on_disk:
                self._on_disk.pop(epoch).unlink()
            else:
                self.bytes -= _size(self._states.pop(epoch))

    def _to_disk(self, epoch: int) -> None:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="snapshots-")
        path = Path(self._folder.name, f"{epoch}.pt")
        state = self._states.pop(epoch)
        torch.save(state, path)
        self._on_disk[epoch] = path
        self.bytes -= _size(state)


def _size(state: ModelState) -> int:
    return sum(tensor.nbytes for tensor in state.values())
