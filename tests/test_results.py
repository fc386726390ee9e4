"""The table of heartbeats: means, paired differences, and metrics and cost of real training runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from .benchmarks.experiment import alone, baseline, cost, train
from .benchmarks.results import NETWORKS, latex, markdown, summary, tabulate


@pytest.fixture(scope="module")
def rows():
    done = []
    for seed in (0, 1):
        for method, settings in (("first", {}), ("second", {"restore": "off"})):
            metrics = train(seed, 1, model={"hidden_size": 4}, batch_size=32, steps_per_epoch=2, **settings)
            done.append({"method": method, "seed": seed, **metrics})
        done.append({"method": "1-NN", "seed": seed, **baseline("1-NN", seed)})
    return pd.DataFrame(done)


def test_metrics_are_in_range(rows):
    assert rows.auroc.between(0, 1).all()
    assert rows.auroc_smoothed.dropna().between(0, 1).all()
    assert (rows[rows.method == "1-NN"].auroc > 0.98).all()
    assert rows.validation_error.dropna().between(20, 200).all(), "must be a sum over 140 steps of an untrained model"
    assert rows.groupby("method").auroc.nunique()["1-NN"] == 2, "each seed must have a different split"
    assert (rows.seconds > 0).all()


def filled(mib):
    """Return the cost of an array of this size after a larger one, the process and its number of threads."""
    np.ones(256 * 2**17)
    with cost() as spent:
        np.ones(mib * 2**17)
    return spent, os.getpid(), torch.get_num_threads()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the memory is measured on Linux only")
def test_cost_is_that_of_the_work_alone():
    spent, process, threads = alone(filled, 64)
    assert 60 < spent["memory"] < 90
    assert 0 < spent["seconds"] < 30
    assert process != os.getpid()
    assert threads == 1


def test_summary_names_baselines_that_are_as_good_as_the_first_row():
    # Invented values, for which the means are known.
    first = next(iter(NETWORKS))
    areas = {
        first: (0.9, 0.7),
        list(NETWORKS)[1]: (0.95, 0.95),
        "PCA": (0.8, 0.8),
        "1-NN": (0.9, 0.8),
        "zero": (0.1, 0.9),
    }
    rows = pd.DataFrame([(name, area) for name, both in areas.items() for area in both], columns=["method", "auroc"])
    assert summary(rows).endswith("first row (0.8000): 1-NN (0.8500), PCA (0.8000).\n")
    assert summary(rows[~rows.method.isin(["PCA", "1-NN"])]).endswith("first row (0.8000): none.\n")


def test_table_gives_means_and_paired_differences(rows):
    # Invented values, for which the means are known.
    rows = rows.assign(auroc=[0.9, 0.8, 0.7, 0.8, 0.9, 0.7])
    table = tabulate(rows).set_index("method")
    assert table.loc["first", "AUROC"] == "0.8500 ± 0.0707"
    assert table.loc["second", "AUROC minus the first row's"] == "+0.0000 ± 0.1414"
    assert table.loc["1-NN", "AUROC minus the first row's"] == "-0.1500 ± 0.0707"
    assert table.loc["first", "AUROC minus the first row's"] == "–"
    assert table.loc["1-NN", "restores"] == "–"


def test_table_as_markdown_and_latex(rows):
    table = tabulate(rows.replace({"method": {"second": "20 % off"}}))
    lines = markdown(table).splitlines()
    assert len(lines) == 5
    assert len({line.count("|") for line in lines}) == 1
    text = latex(table)
    assert text.count(r"\\") == 4
    assert r"20 \% off" in text
    assert "±" not in text
