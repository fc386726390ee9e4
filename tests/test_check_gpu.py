"""`make check-gpu`: the whole program with the CPU in the place of the accelerator, and the report of failures."""

from __future__ import annotations

import itertools

import pytest
import torch

from trainers import BatchedTrainer, LSTMAutoencoder
from trainers.widgets.snapshots import Snapshots

from tests import check_gpu

SPEED = "speed of BatchedTrainer and of a plain loop"


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the program with small sizes, and returns exit status and lines by name."""
    sizes = {"BEATS": 48, "STRIDE": 10, "HIDDEN": 4, "EPOCHS": 2, "BACKEND": "eager"}
    for name, value in sizes.items():
        monkeypatch.setattr(check_gpu, name, value)

    def call(*arguments):
        status = check_gpu.main(*arguments)
        return status, dict(line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if ": " in line)

    return call


# PyTorch's own warning while it compiles a step
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")
def test_every_check_passes_with_cpu_in_place_of_accelerator(run):
    status, lines = run("--device", "cpu")
    assert {name: line for name, line in lines.items() if not line.endswith(": ok")} == {}
    assert list(lines) == list(check_gpu.checks(torch.device("cpu"), ""))
    assert status == 0
    assert "ratio" in lines[SPEED]


def test_failed_checks_are_reported_and_the_others_run(run, monkeypatch):
    seeds, add = itertools.count(), Snapshots.add

    def fail(*_, **__):
        raise ValueError("path must be readable,\ngot nothing.")

    monkeypatch.setattr(check_gpu, "LSTMAutoencoder", lambda **sizes: LSTMAutoencoder(seed=next(seeds), **sizes))
    monkeypatch.setattr(torch, "compile", fail)
    monkeypatch.setattr(BatchedTrainer, "undo_epoch", lambda self: None)
    monkeypatch.setattr(Snapshots, "add", lambda self, row, state: row.epoch == 2 or add(self, row, state))
    monkeypatch.setattr(check_gpu, "load", fail)
    status, lines = run("--device", "cpu")
    passed = {name for name, line in lines.items() if not line.endswith(": failed") and "not supported" not in line}
    assert passed == {SPEED}
    assert status == 1
    saved = "trainer saved on the CPU, loaded on the accelerator"
    assert lines[saved] == "ValueError: path must be readable, got nothing.: failed"


def test_computer_without_accelerator_is_not_checked(monkeypatch, capsys):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert check_gpu.main() == 0
    assert capsys.readouterr().out.count("\n") == 1
