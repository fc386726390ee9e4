"""Several histories in one plot."""

from __future__ import annotations

import math

import pytest

from trainers import BatchedTrainer, History, LSTMAutoencoder, benchmark, plot_histories
from trainers.widgets import RunComparison

from ..test_batched_trainer import WILD


def history(*losses):
    new = History("new")
    for loss in losses:
        new.append(train_loss=loss, validation_loss=loss)
    return new


def test_page_data_of_runs_and_bands(beats):
    results = [
        benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=4), seed=s, **WILD), *beats, epochs=4) for s in range(3)
    ]
    data = RunComparison({"one": results[0], "seeds": results})._page()[1]
    assert [run["name"] for run in data["runs"]] == ["one", "seeds (mean of 3, band: all)"]
    losses = [[result.history[e].validation_loss for result in results] for e in range(4)]
    assert data["runs"][1]["band"] == [[min(at), max(at)] for at in losses]
    assert [row[2] for row in data["runs"][1]["rows"]] == pytest.approx([sum(at) / 3 for at in losses])


def test_band_ends_with_shortest_run_and_skips_non_finite_losses():
    data = RunComparison({"two": [history(0.5, 0.4, 0.3), history(0.7, math.nan)]})._page()[1]
    assert data["runs"][0]["band"] == [[0.5, 0.7], [None, None]]


def test_picture_and_alt_text_have_every_run():
    figure = plot_histories({"fast": history(0.5, 0.4), "slow": history(0.9), "seeds": [history(0.5), history(0.7)]})
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == [
        *("fast: 0.4000 in epoch 2", "slow: 0.9000 in epoch 1"),
        "seeds (mean of 2, band: all): 0.6000 in epoch 1",
    ]
    assert "'fast' over 2 epochs" in figure.alt
    assert "seeds: 2 runs, mean validation loss 0.6" in figure.alt


def test_exported_page(tmp_path):
    RunComparison({"a": history(0.5), "b": history(0.4)}).to_html(tmp_path / "runs.html")
    assert '"name":"b"' in tmp_path.joinpath("runs.html").read_text()


@pytest.mark.parametrize(
    ("runs", "error", "match"),
    [
        ({}, TypeError, "non-empty mapping .*got {}"),
        ([history(1.0)], TypeError, r"runs must be a non-empty mapping .*got \[History"),
        ({"a": [0.5, 0.4]}, TypeError, r"runs\['a'\] must be a History.*got \[0.5, 0.4\]"),
        ({"a": []}, TypeError, r"runs\['a'\] must be a History.*got \[\]"),
        ({"a": [history(), history(0.1)]}, ValueError, r"runs\['a'\] must have an epoch.*0 epochs"),
    ],
)
def test_invalid_runs_raise(runs, error, match):
    with pytest.raises(error, match=match):
        RunComparison(runs)


def test_non_finite_losses_leave_gaps_in_band(tmp_path):
    RunComparison({"seeds": [history(0.5, 0.4), history(0.5, math.inf)]}).to_html(tmp_path / "runs.html")
    data = tmp_path.joinpath("runs.html").read_text(encoding="utf-8").split('id="data">')[1].split("</script>")[0]
    assert '"band":[[0.5,0.5],[0.4,null]]' in data
