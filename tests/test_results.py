"""The table of heartbeats: means, paired differences, and metrics of real training runs."""

from __future__ import annotations

import pandas as pd
import pytest

from .benchmarks.experiment import baseline, train
from .benchmarks.results import latex, markdown, tabulate


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
