"""Models of past epochs: the budget, and the epochs that are always kept."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers import Epoch
from trainers.widgets.snapshots import Snapshots

SIZE = 400


def state(epoch):
    return {"weight": torch.full((SIZE // 4,), float(epoch))}


def fill(snapshots, losses, min_delta_ratio=0.0):
    best, lowest = None, float("inf")
    for epoch, loss in enumerate(losses, 1):
        restored = best is not None and loss > lowest * (1 + min_delta_ratio)
        if loss < lowest:
            best, lowest = epoch, loss
        snapshots.add(Epoch(epoch, loss, loss, best, lowest, restored=restored), state(epoch))
    return best


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=80), st.integers(0, 30), st.sampled_from([0.0, 0.3]))
def test_budget_and_always_kept_epochs(losses, room, min_delta_ratio):
    snapshots = Snapshots(room * SIZE)
    best = fill(snapshots, losses, min_delta_ratio)
    last = len(losses)
    # The latest model stays in memory regardless of the budget.
    assert snapshots.bytes <= max(room, 1) * SIZE
    assert last in snapshots.rows
    assert best in snapshots.rows
    lowest = float("inf")
    for epoch, loss in enumerate(losses, 1):
        if loss > lowest * (1 + min_delta_ratio):
            assert epoch in snapshots.rows, "restored epochs are kept"
        lowest = min(lowest, loss)
    for epoch in snapshots.epochs:
        assert torch.equal(snapshots[epoch]["weight"], state(epoch)["weight"])
        assert snapshots.rows[epoch].best_epoch in snapshots.rows, "every kept epoch can be branched from"


def test_kept_epochs_are_evenly_spaced():
    snapshots = Snapshots(20 * SIZE)
    for epoch in range(1, 1001):
        snapshots.add(Epoch(epoch, 1.0, 1.0, 1, 1.0), state(epoch))
    kept = snapshots.epochs
    assert 8 <= len(kept) <= 20
    gaps = {b - a for a, b in itertools.pairwise(kept[1:-1])}
    assert len(gaps) == 1
    assert snapshots.nearest(1) == 1
    assert abs(snapshots.nearest(500) - 500) <= next(iter(gaps))


def test_files_are_deleted_with_snapshots():
    snapshots = Snapshots(2 * SIZE)
    fill(snapshots, [0.1, *[0.5] * 30])
    folder = Path(snapshots._folder.name)
    assert len(list(folder.iterdir())) >= 25
    del snapshots
    gc.collect()
    assert not folder.exists()


def test_branch_keeps_earlier_epochs():
    snapshots = Snapshots()
    fill(snapshots, [0.5, 0.4, 0.6, 0.3])
    row = Epoch(3, 0.6, 0.6, 2, 0.4, note="branched")
    snapshots.cut(3, row)
    assert snapshots.epochs == [1, 2, 3]
    assert snapshots.rows[3] is row
    assert torch.equal(snapshots[3]["weight"], state(3)["weight"])
    assert snapshots.bytes == 3 * SIZE


@pytest.mark.parametrize("budget", [-1, 1.5, "much", None, True])
def test_invalid_budget_raises(budget):
    with pytest.raises(ValueError, match=f"budget .*got {budget!r}"):
        Snapshots(budget)


def test_nearest_without_epochs_raises():
    with pytest.raises(ValueError, match="snapshots must contain an epoch, got none"):
        Snapshots().nearest(1)


def test_failed_write_keeps_model_in_memory(monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    snapshots = Snapshots(budget=0)
    snapshots.add(Epoch(1, 0.5, 0.4, 1, 0.4, restored=True), {"weight": torch.ones(3)})
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="no space"):
        snapshots.add(Epoch(2, 0.5, 0.3, 2, 0.3, restored=True), {"weight": torch.zeros(3)})
    assert snapshots[1]["weight"].tolist() == [1, 1, 1]
