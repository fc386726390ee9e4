"""The programs behind RESULTS.md run with small settings, and print and write the same columns as the full ones."""

from __future__ import annotations

import shutil
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest

from data import Recording, load_ecg_diff_count

from .benchmarks import experiment, results, series_results, speed_to_quality, splits, steps
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
    output, text = run(results, "--seeds", "2", NETWORKS=networks, BASELINES=some, BEST=SMALL,
                       BEST_EPOCHS=1, FOLDER=tmp_path, alone=in_this_process)  # fmt: skip
    assert text == PATH.read_text(encoding="utf-8"), "two seeds are not the complete measurement"
    for name in ("results.csv", "results_by_seed.csv"):
        written, committed = (pd.read_csv(folder / name) for folder in (tmp_path, PATH.parent))
        assert written.columns.tolist() == committed.columns.tolist()
    assert written[["seed", "method"]].values.tolist() == [
        [s, m] for s in range(2) for m in [*networks, "default detector", *some]
    ]
    assert header("heartbeats", text) in output
    assert tmp_path.joinpath("results.tex").exists()


def test_splits(run):
    short = partial(splits.scores_of, epochs=(2, 1))
    output, text = run(splits, "--seeds", "2", "--jobs", "1", scores_of=short)
    assert text == PATH.read_text(encoding="utf-8"), "two splits are not the complete measurement"
    assert header("splits", text) in output
    table = [line for line in output.splitlines() if " ± " in line]
    names = [line.split(" | ")[0].removeprefix("| ") for line in table]
    assert names[:2] == ["default detector", "30 optimizer steps"]
    assert len({line.split(" | ")[1] for line in table}) > 8, "the methods have different scores"
    assert {*splits.SCORES, "1-NN"} < {*names}
    assert names[-1] == "5-NN"
    assert all(float(line.split(" | ")[1].split()[0]) > 0.97 for line in table)


def test_table_of_splits_counts_and_pairs_them():
    areas = {"default detector": (0.9, 0.8, 0.7), "5-NN": (0.8, 0.7, 0.8)}
    rows = [
        {"method": name, "seed": seed, "auroc": area, "worst": 0.25 * seed}
        for name, three in areas.items()
        for seed, area in enumerate(three)
    ]
    first, last = splits.tabulate(pd.DataFrame(rows), ratio=1.0).to_numpy().tolist()
    # differences of 0.1, 0.1 and -0.1: 0.0333 ± 4.3027 √(1/3 + 1) 0.1155
    assert first == ["default detector", "0.8000 ± 0.1000", "2 of 3", "+0.0333, -0.5404 to +0.6070", "25 %"]
    assert last == ["5-NN", "0.7667 ± 0.0577", "–", "–", "25 %"]


def test_share_of_wrong_pairs_due_to_three_normal_beats():
    abnormal = np.array([0, 0, 0, 0, 0, 1, 1, 1])
    # wrong pairs of the normal beats: 0, 1, 1, 2, 3
    assert splits.due_to_worst(abnormal, np.array([1, 3, 3, 5, 7, 2, 4, 6])) == 6 / 7
    assert splits.due_to_worst(abnormal, np.array([1, 1, 1, 1, 1, 2, 2, 2])) == 0


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
