"""The record of a run, as rows, table and picture."""

from __future__ import annotations

import io
import json
import math

import pytest

from trainers import Epoch, History, plot_histories, plot_history


@pytest.fixture
def history():
    history = History("wild")
    history.append(train_loss=0.9, validation_loss=0.8, seconds=1.0, learning_rate=0.1)
    history.append(train_loss=0.7, validation_loss=0.5, seconds=2.0, learning_rate=0.1)
    history.append(train_loss=0.6, validation_loss=0.7, restored=True, reason="worse", learning_rate=0.1)
    history.append(train_loss=math.nan, validation_loss=math.nan, restored=True, reason="nan", learning_rate=0.1)
    history.append(train_loss=0.5, validation_loss=0.5)
    return history


def test_is_a_sequence_of_rows(history):
    assert len(history) == 5
    assert [row.epoch for row in history] == [1, 2, 3, 4, 5]
    assert history[-1].epoch == 5
    assert [row.epoch for row in history[1:3]] == [2, 3]
    assert isinstance(history[0], Epoch)


def test_knows_the_best_and_the_restored(history):
    assert history.best is history[1]
    assert [row.best_epoch for row in history] == [1, 2, 2, 2, 2]
    assert history.restored_epochs == [3, 4]
    assert History().best is None


def test_a_run_without_a_finite_loss_has_no_best():
    history = History()
    history.append(train_loss=1.0, validation_loss=math.nan)
    assert history.best is None
    assert history[0].best_epoch is None
    assert "no epoch" not in history.plot().alt


def test_equality_ignores_wall_time_only(history):
    other = History("other name")
    for row in history:
        kept = {name: getattr(row, name) for name in ("restored", "reason", "learning_rate")}
        other.append(train_loss=row.train_loss, validation_loss=row.validation_loss, seconds=99.0, **kept)
    assert other == history
    other.append(train_loss=1.0, validation_loss=1.0)
    assert other != history


def test_turns_into_a_table_that_exports(history):
    frame = history.to_frame()
    assert list(frame.columns) == [
        *("epoch", "train_loss", "validation_loss", "best_epoch", "best_loss", "restored", "reason"),
        *("learning_rate", "note", "seconds"),
    ]
    assert frame.validation_loss.tolist()[:3] == [0.8, 0.5, 0.7]
    assert json.loads(frame.to_json(orient="records"))[2]["restored"] is True
    assert list(History().to_frame().columns) == list(frame.columns)
    assert "seconds" not in history._repr_html_()


def test_the_picture_marks_each_restore_at_the_loss_that_made_it_fire(history):
    axes = history.plot().axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    marks = lines["restored (2×)"]
    assert marks.get_marker() == "^"
    assert list(marks.get_xdata()) == [3, 4]
    assert marks.get_ydata()[0] == 0.7
    assert marks.get_ydata()[1] == 0.5, "a loss that is not finite is marked at the best"
    assert list(lines["validation"].get_ydata())[:3] == [0.8, 0.5, 0.7]
    assert list(lines["training"].get_ydata())[:3] == [0.9, 0.7, 0.6]
    assert list(lines["best, epoch 2"].get_xdata()) == [2]
    back = [line for line in axes.lines if len(line.get_xdata()) == 3]
    ends = [list(zip(line.get_xdata(), line.get_ydata(), strict=True))[:2] for line in back]
    assert ends == [[(3, 0.7), (2, 0.5)]], "a thin line leads back to the best epoch; from no height, none"


def test_the_picture_says_in_words_what_it_shows(history):
    assert history.plot().alt == (
        "Training and validation loss of wild over 5 epochs; the lowest validation loss is 0.5 in epoch 2; "
        "history restore fired 2 times."
    )
    data, metadata = history.plot()._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == history.plot().alt


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("log", [False, True])
def test_short_histories_have_a_picture_too(n, log):
    history = History()
    for _ in range(n):
        history.append(train_loss=0.5, validation_loss=0.4)
    picture = io.BytesIO()
    plot_history(history, log=log).savefig(picture)
    assert picture.getvalue()


def test_says_what_makes_the_curves_incomparable():
    history = History(note="under teacher forcing")
    history.append(train_loss=0.5, validation_loss=0.4)
    assert "training (under teacher forcing)" in [line.get_label() for line in history.plot().axes[0].lines]


def test_figures_do_not_pile_up(history):
    from matplotlib import pyplot

    for _ in range(30):
        history.plot()
    assert pyplot.get_fignums() == []


def test_small_losses_are_saved_to_the_last_digit(tmp_path):
    history = History()
    history.append(train_loss=1.23456789012345e-12, validation_loss=math.inf)
    history.to_json(tmp_path / "run.json")
    (row,) = json.loads(tmp_path.joinpath("run.json").read_text())
    assert (row["train_loss"], row["validation_loss"]) == (1.23456789012345e-12, None)


def test_a_band_of_histories_without_an_epoch_is_refused():
    with pytest.raises(ValueError, match="histories of 'seeds' must have at least one epoch"):
        plot_histories({"seeds": [History(), History()]})
