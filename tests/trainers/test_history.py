"""`History` as rows, table and plot."""

from __future__ import annotations

import io
import json
import math

import pytest

from data.words import four_digits
from trainers import Epoch, History, plot_histories, plot_history, plotting
from trainers.widgets.chart import run_data


@pytest.fixture
def history():
    history = History("wild")
    history.append(train_loss=0.9, validation_loss=0.8, seconds=1.0, learning_rate=0.1)
    history.append(train_loss=0.7, validation_loss=0.5, seconds=2.0, learning_rate=0.1)
    history.append(train_loss=0.6, validation_loss=0.7, restored=True, reason="worse", learning_rate=0.1)
    history.append(train_loss=math.nan, validation_loss=math.nan, restored=True, reason="nan", learning_rate=0.1)
    history.append(train_loss=0.5, validation_loss=0.5)
    return history


def test_history_is_sequence_of_rows(history):
    assert len(history) == 5
    assert [row.epoch for row in history] == [1, 2, 3, 4, 5]
    assert history[-1].epoch == 5
    assert [row.epoch for row in history[1:3]] == [2, 3]
    assert isinstance(history[0], Epoch)


def test_history_has_best_and_restored_epochs(history):
    assert history.best is history[1]
    assert [row.best_epoch for row in history] == [1, 2, 2, 2, 2]
    assert history.restored_epochs == [3, 4]
    assert History().best is None


def test_history_without_finite_loss_has_no_best():
    history = History()
    history.append(train_loss=1.0, validation_loss=math.nan)
    assert history.best is None
    assert history[0].best_epoch is None
    assert "no epoch" not in history.plot().alt


def test_equality_ignores_wall_time_only(history):
    other = History("other name")
    for row in history:
        values = {name: getattr(row, name) for name in ("restored", "reason", "learning_rate")}
        other.append(train_loss=row.train_loss, validation_loss=row.validation_loss, seconds=99.0, **values)
    assert other == history
    other.append(train_loss=1.0, validation_loss=1.0)
    assert other != history


def test_table_can_be_exported(history):
    frame = history.to_frame()
    assert list(frame.columns) == [
        *("epoch", "train_loss", "validation_loss", "best_epoch", "best_loss", "restored", "reason"),
        *("learning_rate", "note", "seconds"),
    ]
    assert frame.validation_loss.tolist()[:3] == [0.8, 0.5, 0.7]
    assert json.loads(frame.to_json(orient="records"))[2]["restored"] is True
    assert list(History().to_frame().columns) == list(frame.columns)
    assert "seconds" not in history._repr_html_()


def test_plot_marks_each_restore_at_its_loss(history):
    axes = history.plot().axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    markers = lines["restored (2×)"]
    assert markers.get_marker() == "^"
    assert list(markers.get_xdata()) == [3, 4]
    assert markers.get_ydata()[0] == 0.7
    assert markers.get_ydata()[1] == axes.get_ylim()[1], "a loss that is not finite is marked at the upper edge"
    assert list(lines["validation"].get_ydata())[:3] == [0.8, 0.5, 0.7]
    assert list(lines["training"].get_ydata())[:3] == [0.9, 0.7, 0.6]
    assert list(lines["best, epoch 2"].get_xdata()) == [2]
    returns = [line for line in axes.lines if len(line.get_xdata()) == 4]
    points = [list(zip(line.get_xdata(), line.get_ydata(), strict=True))[:3] for line in returns]
    assert points == [[(3, 0.7), (3, 0.5), (2, 0.5)]], "a line leads to the best epoch, but not from an infinite loss"


def test_alternative_text_describes_plot(history):
    assert history.plot().alt == (
        "Training and validation loss of the run 'wild' over 5 epochs; the lowest validation loss is 0.5000 in epoch "
        "2; the best weights were restored 2 times."
    )
    data, metadata = history.plot()._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == history.plot().alt


@pytest.mark.parametrize("losses", [[], [0.4], [math.nan, math.inf]])
@pytest.mark.parametrize("log", [False, True])
def test_plot_of_few_losses_shows_points_or_says_why_not(losses, log):
    history = History()
    for loss in losses:
        history.append(train_loss=loss + 0.1, validation_loss=loss)
    image = io.BytesIO()
    figure = plot_history(history, log=log)
    figure.savefig(image)
    axes = figure.axes[0]
    dots = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "." and len(line.get_ydata())]
    words = [text.get_text() for text in axes.texts]
    expected = {
        0: ([], ["no epoch trained yet"]),
        1: ([0.5, 0.4], []),
        2: ([], ["no finite loss in 2 epochs: NaN or infinite"]),
    }
    assert (dots, words) == expected[len(losses)]
    assert axes.get_xlim() == (1, 2)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2"]
    assert "1 epochs" not in figure.alt


def test_plot_has_every_loss_of_every_run(history):
    runs = {"stuck": History(), "short": History(), "wild": history}
    for _ in range(60):
        runs["stuck"].append(train_loss=1000.0, validation_loss=1000.0)
    runs["short"].append(train_loss=0.001, validation_loss=0.001)
    for log in (False, True):
        axes = plot_histories(runs, log=log).axes[0]
        assert axes.get_xlim() == (1, 60)
        assert axes.get_ylim()[0] < 0.001 < 1000 < axes.get_ylim()[1]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[0] == "stuck: 1000 in epoch 1"
    assert legend[1] == "short: 0.001000 in epoch 1"
    assert legend[3] == "restored"


def test_earlier_runs_are_drawn_behind(history):
    figure = plot_history(history, behind={"earlier": history})
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[:3] == ["earlier: 0.5000 in epoch 2, restored 2×", "wild, training", "validation"]
    assert "'earlier' over 5 epochs" in figure.alt
    several = plot_histories({"one": history, "two": history}, behind={"earlier": history})
    labels = [text.get_text().split(":")[0] for text in several.axes[0].get_legend().get_texts()]
    assert labels == ["earlier", "one", "two", "restored"]
    widths = [line.get_linewidth() for line in several.axes[0].lines if line.get_label().startswith(("earlier", "one"))]
    assert widths == [0.8, 1.5]
    assert "'earlier' over 5 epochs" in several.alt


def test_numbers_have_four_digits_or_as_many_as_tell_them_apart():
    losses = [0.186, 1234.0, 12346.0, 1e-5, 0.0, math.nan]
    assert [four_digits(loss) for loss in losses] == ["0.1860", "1234", "1.235e+04", "1.000e-05", "0.000", "nan"]
    assert four_digits(0.186, 0.18601) == "0.186000"
    assert four_digits(0.186, 0.182) == four_digits(0.186, 0.186) == "0.1860"
    row = Epoch(2, 12.1, 0.186, 1, 0.182, reason="0.1860, worse than 0.1820 of epoch 1")
    assert row.as_text() == "epoch 2: training 12.10, validation 0.1860, worse than 0.1820 of epoch 1"


def test_legend_has_note_on_training_loss():
    history = History(note="under teacher forcing")
    history.append(train_loss=0.5, validation_loss=0.4)
    assert "training (under teacher forcing)" in [line.get_label() for line in history.plot().axes[0].lines]


def test_plots_leave_no_open_figures(history):
    from matplotlib import pyplot

    for _ in range(30):
        history.plot()
    assert pyplot.get_fignums() == []


def test_json_keeps_all_digits(tmp_path):
    history = History()
    history.append(train_loss=1.23456789012345e-12, validation_loss=math.inf)
    history.to_json(tmp_path / "run.json")
    (row,) = json.loads(tmp_path.joinpath("run.json").read_text())
    assert (row["train_loss"], row["validation_loss"]) == (1.23456789012345e-12, None)


def test_band_of_empty_histories_raises():
    with pytest.raises(ValueError, match="histories of 'seeds' must have at least one epoch"):
        plot_histories({"seeds": [History(), History()]})


def test_run_without_epoch_among_others_is_described_as_such(history):
    text = plot_histories({"new": History(), "old": history}).alt
    assert text.startswith("Validation losses. The run 'new' has no epoch yet. Training and")


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("losses", [[1.7e308, 1.0, 0.5], [5e-324] * 3, [1.7e308] * 2, [1e-99, 1e99], [-1.7e308, 1.0]])
def test_extreme_losses_are_drawn(losses, log):
    history = History()
    history.begin(losses[0])
    for loss in losses:
        history.append(train_loss=loss, validation_loss=loss, restored=True)
    for figure in (plot_history(history, log=log), plot_histories({"one": history, "seeds": [history] * 2}, log=log)):
        figure.savefig(io.BytesIO())
        assert figure.axes[0].get_ylim()[1] < 1e120
        assert len(figure.axes[0].get_yticks()) > 1
    page = run_data(history)["rows"]
    best = [page[number - 1][2] for _, _, _, number, *_ in page if number]
    assert all(loss is not None and loss <= 1 for loss in best)


@pytest.mark.parametrize("scale", [1, 1.5])
@pytest.mark.parametrize("names", [[], [f"run {i}" for i in range(40)], ["long" * 50, "$_" * 100], ["一" * 99]])
def test_legend_fits_beside_axes(history, monkeypatch, names, scale):
    monkeypatch.setattr(plotting, "scale", scale)
    figure = plot_histories(dict.fromkeys(names, history))
    figure.savefig(io.BytesIO())
    assert not names or figure.axes[0].get_position().width > 0.05
