"""Widgets among other widgets: boxes, closing, cells that are run again, the picture, and stored data."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import weakref
from types import SimpleNamespace

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

from trainers import BatchedTrainer, History, LSTMAutoencoder, Run, benchmark
from trainers.widgets import RunComparison, SeriesViewer, ThresholdExplorer, TrainingMonitor, base
from trainers.widgets.base import close_all
from trainers.widgets.chart import Chart, row_data

from ..test_batched_trainer import WILD
from .helpers import at, built

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def capture(monkeypatch):
    """Return the list of all outputs that are displayed."""
    outputs = []
    monkeypatch.setattr("IPython.display.display", lambda output, **_: outputs.append(output))
    return outputs


@pytest.fixture
def cell(monkeypatch):
    """Return a function that begins another execution of a cell, by the id of the cell."""
    message, numbers = {}, iter(range(100))
    monkeypatch.setattr(base, "get_ipython", lambda: SimpleNamespace(get_parent=lambda: message))

    def execute(name="one"):
        message.update({"metadata": {"cellId": name}, "header": {"msg_id": str(next(numbers))}})

    yield execute
    base._made.clear()


@pytest.fixture
def trained(beats):
    monitor = TrainingMonitor(beats[1][:2])
    benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD), *beats, epochs=3, callbacks=[monitor])
    return monitor


def history(*losses):
    new = History("new")
    for loss in losses:
        new.append(train_loss=loss, validation_loss=loss)
    return new


class TestClose:
    def test_frees_models_and_trainer_and_keeps_histories(self, trained):
        before = len(_instances)
        built(trained)
        assert len(_instances) > before + 20
        trainer, states = weakref.ref(trained.trainer), weakref.ref(trained._snapshots)
        trained.close()
        trained.close()
        gc.collect()
        assert len(_instances) == before
        assert trainer() is states() is None
        assert len(trained.history) == 3
        assert "over 3 epochs" in trained.figure.alt
        for request in (trained.more, trained.branch, trained.rewind):
            with pytest.raises(RuntimeError, match="must be open, got a closed one"):
                request(1)

    def test_closed_monitor_is_displayed_again_and_watches_another_run(self, trained, beats):
        built(trained).close()
        built(trained)
        assert len(trained._chart.data["runs"][0]["rows"]) == 3
        benchmark(BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD), *beats, epochs=2, callbacks=[trained])
        assert trained._slider.max == 2
        trained.close()

    def test_during_run_removes_only_the_view(self, beats, model):
        monitor, trainer = built(TrainingMonitor()), BatchedTrainer(model, **WILD)
        benchmark(trainer, *beats, epochs=4, callbacks=[at(2, monitor.close), monitor])
        assert len(monitor.history) == 4
        assert monitor.rewind(4) is None
        assert monitor.trainer is trainer

    @pytest.mark.parametrize(
        "make", [lambda: RunComparison({"a": history(1.0)}), lambda: ThresholdExplorer([1.0, 2.0])]
    )
    def test_of_other_widgets(self, make):
        before = len(_instances)
        widget = make()
        widget.close()
        assert len(_instances) == before
        assert widget.figure.axes


class TestCells:
    def test_cell_that_is_run_again_replaces_its_widgets(self, cell):
        before, counts = len(_instances), []
        for _ in range(3):
            cell()
            built(TrainingMonitor())
            RunComparison({"a": history(1.0)})
            SeriesViewer([1.0, 2.0])
            counts.append(len(_instances) - before)
        assert len(set(counts)) == 1
        cell("two")
        RunComparison({"a": history(1.0)})
        assert len(_instances) - before > counts[0]

    def test_monitor_of_run_in_progress_is_not_replaced(self, cell, beats, model):
        cell()
        monitor = built(TrainingMonitor())

        def run_again():
            cell()
            TrainingMonitor()

        benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2, callbacks=[monitor, at(1, run_again)])
        assert monitor.comm is not None
        run_again()
        assert monitor.comm is None

    def test_script_keeps_nothing(self, beats, model):
        before = len(_instances)
        benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2, callbacks=[TrainingMonitor()])
        assert len(_instances) == before


@pytest.mark.parametrize("box", [ipywidgets.VBox, ipywidgets.Tab, ipywidgets.Accordion])
def test_every_widget_goes_into_boxes(box, trained):
    parts = [trained, RunComparison({"a": history(1.0)}), ThresholdExplorer([1.0, 2.0]), SeriesViewer([1.0, 2.0])]
    shown = box(parts)
    assert trained.comm is not None
    assert shown.get_state()["children"] == ["IPY_MODEL_" + part.model_id for part in parts]
    close_all(shown)


def test_monitor_in_box_is_not_displayed_below_cell_as_well(beats, model, capture, monkeypatch):
    monkeypatch.setattr("trainers.widgets.training_monitor.in_notebook", lambda: True)
    monitor = TrainingMonitor()
    box = ipywidgets.VBox([monitor])
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=2, callbacks=[monitor])
    mark, picture = capture
    assert 'class="kit-picture kit-in-box"' in mark["text/html"]
    assert picture.alt == monitor.figure.alt
    close_all(box)


def test_view_is_followed_by_mark_and_picture(capture):
    comparison = RunComparison({'<b>"a"': history(1.0)})
    comparison._ipython_display_()
    view, mark, picture = capture
    assert view[VIEW]["model_id"] == comparison.model_id
    assert view["text/plain"] == "", "not printed above the picture where no widget is drawn"
    assert mark["text/plain"] == picture.alt
    assert re.match(r'<span class="kit-picture" role="img" aria-label="[^"<>]+"></span>', mark["text/html"])
    capture.clear()
    comparison.close()
    comparison._ipython_display_()
    assert VIEW not in capture[0]
    assert len(capture) == 3


def test_monitor_has_picture_only_after_run(trained, capture):
    trained._ipython_display_()
    assert len(capture) == 3
    capture.clear()
    monitor = TrainingMonitor()
    monitor._ipython_display_()
    assert len(capture) == 1
    close_all(trained, monitor)


def test_stored_data_is_complete_after_run_and_sent_once(beats, model, monkeypatch):
    monitor, sent = built(TrainingMonitor(beats[1][:2])), []
    monkeypatch.setattr(Chart, "send", lambda self, content: sent.append(content["kind"]))
    monitor._chart.observe(lambda _: sent.append("stored"), "data")
    benchmark(BatchedTrainer(model, **WILD), *beats, epochs=4, callbacks=[monitor])
    stored = monitor._chart.data
    assert [row[0] for row in stored["runs"][0]["rows"]] == [1, 2, 3, 4]
    assert stored["state"]["text"].startswith("4 epochs")
    assert stored["rewind"]["epoch"] == 4
    assert sent.count("stored") == 1
    assert sent.count("all") == 1, "only at the start"
    monitor.close()


def test_row_has_loss_of_start_and_learning_rate():
    rows = history(1.0, 0.5)
    assert len(row_data(rows[0])) == 6
    rows.append(train_loss=0.4, validation_loss=0.4, learning_rate=0.01)
    assert row_data(rows[2])[6:] == [None, 0.01]
    started = History()
    started.begin(0.1)
    started.append(train_loss=0.4, validation_loss=0.4)
    started.append(train_loss=0.4, validation_loss=0.4, learning_rate=0.01)
    assert row_data(started[0])[6:] == [0.1]
    assert row_data(started[1])[6:] == [0.1, 0.01]


class TestCompare:
    @pytest.mark.parametrize("kind", ["history", "comparison", "mapping", "monitor", "result", "trainer"])
    def test_earlier_runs_are_drawn_behind(self, beats, model, kind):
        trainer = BatchedTrainer(model, **WILD)
        before = TrainingMonitor()
        result = benchmark(trainer, *beats, epochs=2, callbacks=[before])
        name = trainer.name + " (earlier)"
        compare, name = {
            "history": (trainer.history, name),
            "comparison": (RunComparison({"one": result}), "one"),
            "mapping": ({"one": result.history}, "one"),
            "monitor": (before, name),
            "result": (result, name),
            "trainer": (trainer, name),
        }[kind]
        monitor = TrainingMonitor(compare=compare)
        benchmark(trainer, *beats, epochs=3, callbacks=[monitor])
        earlier, run = monitor._data()["runs"]
        assert (earlier["name"], earlier["behind"], len(earlier["rows"])) == (name, True, 2)
        assert (run["name"], "behind" in run, len(run["rows"])) == (trainer.name, False, 3)
        assert f"'{name}' over 2 epochs" in monitor.figure.alt
        assert list(monitor.histories) == [trainer.name]

    def test_runs_of_one_name_are_drawn_as_mean(self):
        monitor = TrainingMonitor(compare={"seeds": [history(1.0, 0.5), history(0.5)]})
        earlier = monitor._data()["runs"][0]
        assert earlier["name"] == "seeds (mean of 2)"
        assert [row[2] for row in earlier["rows"]] == [0.75]

    def test_earlier_run_does_not_grow_with_present_run(self, beats, model):
        trainer = BatchedTrainer(model, **WILD)
        benchmark(trainer, *beats, epochs=2)
        monitor = TrainingMonitor(compare=trainer)
        benchmark(trainer, epochs=2, resume=True, callbacks=[monitor])
        assert [len(run["rows"]) for run in monitor._data()["runs"]] == [2, 4]

    def test_earlier_runs_are_thin_in_picture_of_several_runs(self, beats, model):
        monitor = TrainingMonitor(compare=history(1.0, 0.5))
        for _ in range(2):
            benchmark(BatchedTrainer(model, **WILD), *beats, epochs=1, callbacks=[monitor])
        (earlier,) = (line for line in monitor.figure.axes[0].lines if line.get_label().startswith("new: 0.5"))
        assert earlier.get_linewidth() < 1
        assert "'new' over 2 epochs" in monitor.figure.alt

    def test_runs_of_equal_names_are_all_drawn(self):
        one = history(1.0)
        monitor = TrainingMonitor(compare={"x": [one, one], "x (mean of 2)": one, "y": one, "y (earlier)": one})
        monitor._watch_history(History("y"))
        names = [run["name"] for run in monitor._data()["runs"]]
        assert names == ["x (mean of 2)", "x (mean of 2) (2)", "y (earlier)", "y (earlier) (2)", "y"]

    @pytest.mark.parametrize(
        ("compare", "match"),
        [(3, "compare must be a History, .*got 3"), ({"a": 3}, r"compare\['a'\] must be a History.*got 3")],
    )
    def test_other_values_raise(self, compare, match):
        with pytest.raises(TypeError, match=match):
            TrainingMonitor(compare=compare)

    @pytest.mark.parametrize("kind", ["trainer", "monitor", "history", "run"])
    def test_comparison_follows_run_in_progress(self, beats, model, kind, monkeypatch):
        monkeypatch.setattr("trainers.widgets.run_comparison.INTERVAL", 0.0)
        monkeypatch.setattr("trainers.widgets.run_comparison.SHARE", 1e9)
        trainer, monitor = BatchedTrainer(model, **WILD), TrainingMonitor()
        run = Run(trainer, *beats, epochs=4, callbacks=[monitor])
        live = {"trainer": trainer, "monitor": monitor, "history": trainer.history, "run": run}[kind]
        comparison, seen = RunComparison({"done": history(1.0, 0.5), "live": live}), []
        monkeypatch.setattr(Chart, "send", lambda self, content: seen.append(len(content["data"]["runs"][1]["rows"])))
        for row in run:
            assert seen[-1] == row.epoch
        assert len(comparison.data["runs"][1]["rows"]) == 4
        assert "'live' over 4 epochs" in comparison.data["alt"]
        comparison.close()

    def test_finished_comparison_takes_no_time_in_other_runs(self, beats, model, monkeypatch):
        comparison, called = RunComparison({"done": history(1.0, 0.5)}), []
        monkeypatch.setattr("trainers.widgets.run_comparison.INTERVAL", 0.0)
        monkeypatch.setattr("trainers.widgets.run_comparison.runs_data", called.append)
        benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3)
        assert called == []
        comparison.close()

    def test_failed_comparison_ends_no_run(self, beats, model, monkeypatch):
        comparison, calls = RunComparison({"one": history(1.0)}), []

        def fail(self, *, ended):
            calls.append(ended)
            raise ValueError("cannot draw")

        monkeypatch.setattr(RunComparison, "follow", fail)
        monkeypatch.setattr("trainers.training.FOLLOWERS", weakref.WeakSet([comparison]))
        with pytest.warns(UserWarning, match="RunComparison of one> is not updated any more: ValueError: cannot draw"):
            result = benchmark(BatchedTrainer(model, **WILD), *beats, epochs=3)
        assert (len(result.history), result.stopped, calls) == (3, None, [False])
        comparison.close()

    def test_comparison_does_not_keep_trainer(self, beats):
        trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), **WILD)
        comparison = RunComparison({"one": trainer})
        benchmark(trainer, *beats, epochs=2)
        gone = weakref.ref(trainer)
        del trainer
        gc.collect()
        assert gone() is None
        assert len(comparison.runs["one"]) == 2
        comparison.close()


@pytest.mark.parametrize("stored", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_copy_has_histories_only(stored, trained):
    other = stored(built(trained))
    assert other.history == trained.history
    assert other.comm is None
    trained.close()
