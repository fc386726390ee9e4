"""The programs behind RESULTS.md run with small settings, and print and write the same columns as the full ones."""

from __future__ import annotations

import re
import shutil
import sys
from functools import partial

import pandas as pd
import pytest

from data import Recording, load_ecg_diff_count

from .benchmarks import experiment, results, series_results, speed_to_quality, steps
from .benchmarks.results_file import PATH, section

SMALL = {"batch_size": 32, "steps_per_epoch": 2}


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Return a function that runs a program, and returns its output and the new copy of RESULTS.md."""
    monkeypatch.setattr(experiment, "BEST_MODEL", {"hidden_size": 4})
    copy = tmp_path / "RESULTS.md"
    shutil.copy(PATH, copy)

    def run(program, *options, **constants):
        for name, value in {**constants, "section": partial(section, path=copy)}.items():
            monkeypatch.setattr(program, name, value)
        monkeypatch.setattr(sys, "argv", [program.__name__, *options])
        program.main()
        return capsys.readouterr().out, copy.read_text(encoding="utf-8")

    return run


def in_this_process(work, *arguments):
    """Replace `alone`, because a new process does not have the changed constants."""
    return work(*arguments)


def header(name, text):
    """Return the first line of the first table of a section."""
    lines = text.split(f"<!-- begin {name} -->")[1].split(f"<!-- end {name} -->")[0].splitlines()
    return next(line for line in lines if line.startswith("|"))


@pytest.mark.parametrize("complete", [False, True])
def test_steps(run, complete):
    before = PATH.read_text(encoding="utf-8")
    two = {name: steps.STEPS[name] for name in ("nothing", "unidirectional encoder")}
    seeds = [] if complete else ["--seeds", "1"]
    output, text = run(steps, "--jobs", "1", *seeds, STEPS=two, EPOCHS=1, BEST=SMALL, BEST_MODEL={"hidden_size": 4})
    assert header("steps", before) in output
    assert [line.split(" | ")[0] for line in output.splitlines() if " ± " in line] == [f"| {name}" for name in two]
    assert (text != before) == complete
    assert header("steps", text) == header("steps", before)


def test_speed_to_quality(run, monkeypatch):
    settings = {"batch_size": 32, "steps_per_epoch": 2, "learning_rate": 0.01}
    two = {"reached": (20, settings), "not reached": (70, {**settings, "learning_rate": 1e-9})}
    output, text = run(speed_to_quality, EPOCHS=2, STEPS=two, GOAL=85)
    assert header("speed_to_quality", text) == "| setting | training, s | validation error | AUROC | to 85, s |"
    table = text.split("<!-- begin speed_to_quality -->")[1].split("<!-- end speed_to_quality -->")[0]
    assert [line.split(" | ")[0] for line in table.splitlines() if " ± " in line] == [f"| {name}" for name in two]
    assert "of 3 reached it" not in next(line for line in table.splitlines() if line.startswith("| reached"))
    assert "| 0 of 3 reached it |" in table
    assert "of 6 cells" in output


def test_results(run, tmp_path):
    networks = {name: results.NETWORKS[name] for name in list(results.NETWORKS)[:2]}
    some = ("5-NN", "random score")
    output, text = run(results, "--seeds", "2", "--splits", "3", NETWORKS=networks, BASELINES=some, BEST=SMALL,
                       BEST_EPOCHS=1, FOLDER=tmp_path, alone=in_this_process)  # fmt: skip
    assert text == PATH.read_text(encoding="utf-8"), "two seeds are not the complete measurement"
    for name in ("results.csv", "results_by_seed.csv"):
        written, committed = (pd.read_csv(folder / name) for folder in (tmp_path, PATH.parent))
        assert written.columns.tolist() == committed.columns.tolist()
    assert written[["seed", "method"]].values.tolist() == [
        [s, m] for s in range(2) for m in [*networks, "default detector", *some]
    ]
    assert re.search(
        r"AUROC on 3 splits: default detector 0\.9\d+, 5-NN .* beats 0\.9\d+; the detector is ahead on [0-3]\. ",
        output,
    )
    assert header("heartbeats", text) in output
    assert tmp_path.joinpath("results.tex").exists()


def test_series_results(run, tmp_path):
    complete = load_ecg_diff_count()
    recording = Recording(complete.training[:1000], complete.test[1000:2000])
    small = [({**settings, "epochs": 1}, scorings) for settings, scorings in series_results.TRAININGS]
    options = {"RECORDINGS": {"MIT-BIH": lambda: recording}, "TRAININGS": small, "FOLDER": tmp_path}
    options["alone"] = in_this_process
    _, text = run(series_results, "--seeds", "1", **options)
    before = PATH.read_text(encoding="utf-8")
    assert header("recordings", text) == header("recordings", before)
    for name in ("series_results.csv", "series_results_by_seed.csv"):
        written, committed = (pd.read_csv(folder / name) for folder in (tmp_path, PATH.parent))
        assert written.columns.tolist() == committed.columns.tolist()
    assert written.method.tolist() == series_results.METHODS
    # a part measured again replaces its rows
    run(series_results, "--seeds", "1", "--only", "1-nn", **options)
    again = pd.read_csv(tmp_path / "series_results_by_seed.csv")
    cost = ["seconds", "memory"]
    pd.testing.assert_frame_equal(again.drop(columns=cost), written.drop(columns=cost))


def test_failed_run_ends_program(run):
    with pytest.raises(SystemExit, match="Some runs are missing"):
        run(steps, "--jobs", "1", STEPS={"nothing": ({"unknown": 1}, {})}, EPOCHS=1)
