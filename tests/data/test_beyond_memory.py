"""Training on 8 GB of sequences with a limit on memory, in another process."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.size import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on data is that of Linux")
@pytest.mark.parametrize("kind", ["file", "dataset", "windows"])
def test_training_on_8_gb_stays_below_the_limit(kind, capsys):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    program = [sys.executable, "-m", "tests.benchmarks.beyond_memory", kind]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 epochs" in done.stdout
    size, peak = re.search(r"([\d.]+) GB.*memory: (\d+) MB", done.stdout, re.DOTALL).groups()
    assert float(size) >= 7.9
    assert int(peak) < 1500
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}")
