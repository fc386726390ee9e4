"""The summary after the tests has the time of each notebook; lessons and solutions are both tested."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from tests.notebooks.linter import ROOT


def notebook(*sources):
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": text, "execution_count": n + 1, "outputs": []}
        for n, text in enumerate(sources)
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """Return pytest's output for a lesson, its solutions, and a site that must not be collected."""
    folder = tmp_path_factory.mktemp("kit")
    for name in ("solutions", "site"):
        folder.joinpath("notebooks", name).mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "notebooks/conftest.py").write_text((ROOT / "notebooks/conftest.py").read_text())
    (folder / "notebooks/site/conf.py").write_text("import a_missing_package\n")
    (folder / "notebooks/01_wait.ipynb").write_text(notebook("import time", "time.sleep(3)", "x = 1"))
    (folder / "notebooks/solutions/01_wait.ipynb").write_text(notebook("x = 1", "x = 2"))
    options = ["--doctest-modules", "--nbval", "--nbval-current-env", "--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", *options, "-vv", "--durations=0", "notebooks"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_lessons_and_solutions_run_and_site_does_not(printed):
    assert "5 passed" in printed
    assert "a_missing_package" not in printed


def test_summary_has_seconds_and_slowest_cell(printed):
    """Compare with pytest's `--durations`; the slowest cell depends on the start time of the kernel."""
    took = defaultdict(Counter)
    for seconds, name, number in re.findall(r"([\d.]+)s \w+ +notebooks/(\S+)::Cell (\d)", printed):
        took[name][int(number) + 1] += float(seconds)
    assert took["01_wait.ipynb"][2] >= 3
    lines = re.search(r"in seconds =+\n((?:.+\n){4})", printed)[1].splitlines()
    for line, name in zip(lines[:2], ("01_wait.ipynb", "solutions/01_wait.ipynb"), strict=True):
        found = re.fullmatch(rf" *([\d.]+)  {name} +slowest cell \[(\d)\] ([\d.]+)", line)
        (slowest, seconds), *_ = took[name].most_common()
        assert float(found[1]) == pytest.approx(took[name].total(), abs=0.1)
        assert int(found[2]) == slowest
        assert float(found[3]) == pytest.approx(seconds, abs=0.1)
    assert [line.split("  ")[-1] for line in lines[2:]] == ["all 1 lessons", "all 1 solutions"]
