"""Training in two processes that torchrun has started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainers import distributed, load
from trainers.experiments import grid

from tests.trainers import distributed_runs

ROOT = Path(__file__).resolve().parents[2]


def torchrun(folder: Path, *names: str, **environment: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    # a task of a job scheduler or of CI in the background ignores SIGINT, and so would torchrun
    return subprocess.Popen(
        [*command, "-m", "tests.trainers.distributed_runs", str(folder), *names],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", **environment}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads((folder / f"{name}-{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def two_ranks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks")
    process = torchrun(folder, *distributed_runs.EQUAL, "normalized", "other_data")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1, output
    (folder / "output").write_text(output)
    return folder


def printed(folder: Path) -> str:
    return (folder / "output").read_text()


@pytest.mark.parametrize("name", distributed_runs.EQUAL)
def test_two_ranks_equal_one_process(two_ranks: Path, name: str) -> None:
    one = distributed_runs.described(distributed_runs.EQUAL[name]())
    first, second = read(two_ranks, name)
    assert second == first
    assert first["restored"] == one["restored"]
    assert first["stopped"] == one["stopped"], printed(two_ranks)
    np.testing.assert_allclose(first["losses"], one["losses"], rtol=2e-4)
    np.testing.assert_allclose(first["weights"], one["weights"], atol=2e-3)


def test_fixture_has_clear_decisions() -> None:
    # a loss that is as low as the best but for rounding could be worse in one process and not in two
    history = distributed_runs.restores().history
    best = np.minimum.accumulate([row.validation_loss for row in history])[:-1]
    margins = np.array([row.validation_loss for row in history][1:]) / best - 1
    assert np.abs(margins).min() > 1e-3
    assert len(history.restored_epochs) >= 3


def test_ranks_agree_on_weights_and_buffers(two_ranks: Path) -> None:
    first, second = read(two_ranks, "normalized")
    assert second == first


def test_grid_is_refused_under_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    with pytest.raises(RuntimeError, match="grid must be called without torchrun"):
        grid(lambda seed: None, {}, [0], {})


def test_rank_uses_its_own_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    assert distributed.own_accelerator("cuda") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "3")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert distributed.own_accelerator("cuda") == "cuda:3"


def test_rank_with_other_data_is_refused(two_ranks: Path) -> None:
    assert "the run of rank 1 must be the same as that of rank 0, got training set '60 sequences" in printed(two_ranks)
    assert not (two_ranks / "other_data-0.json").exists()


def test_killed_and_interrupted_runs_keep_their_epochs(tmp_path: Path) -> None:
    # a killed rank ends all
    process = torchrun(tmp_path, "saved", KILLED="2")
    output, _ = process.communicate(timeout=200)
    assert process.returncode != 0
    assert "continued" not in output
    # the same command continues, until Ctrl-C, which torchrun passes on to all ranks
    process = torchrun(tmp_path, "saved")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert "saved: continued after epoch 2 from" in next(line for line in lines if "saved: " in line)
    written = (tmp_path / "checkpoint").stat().st_mtime_ns
    while (tmp_path / "checkpoint").stat().st_mtime_ns == written:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=200)
    assert "saved: " not in output  # printed once
    first, second = read(tmp_path, "saved")
    assert first == second
    assert first["stopped"] == "interrupted by hand"
    assert len(first["losses"]) >= 3
    one = distributed_runs.described(distributed_runs.saved())
    n = min(len(one["losses"]), len(first["losses"]))
    np.testing.assert_allclose(first["losses"][:n], one["losses"][:n], rtol=1e-3)
    assert len(load(tmp_path / "result").history) == len(first["losses"])
