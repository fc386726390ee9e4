"""`grid`: equal to single runs, errors, killed workers, Ctrl-C, and the script of research.md on a Dask cluster."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from data import DataSet, Recording, Series, load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark, load
from trainers.detection import AnomalyDetector, reconstruction_error
from trainers.experiments import describe, grid
from trainers.torch_utils import with_threads

from tests.size import ROOT


@pytest.fixture(autouse=True)
def interruptible():
    """A shell makes background programs ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals to process groups need Unix")


class Dense(nn.Module):
    """Model that is no `Block`, with weights and dropout from the global random generator."""

    def __init__(self, size):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, size), nn.Tanh(), nn.Dropout(0.1), nn.Linear(size, 1))

    def forward(self, x):
        return self.layers(x)


def squared(outputs, targets):
    return ((outputs - targets) ** 2).mean()


@functools.cache
def beats_of(seed):
    parts = split(load_ecg5000(), seed=seed)
    return tuple(DataSet(part.sequences[:30, ::7], labels=part.labels[:30]) for part in parts)


def make(seed, size, kill="", log=None, model=None):
    if log:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{size} {seed}\n")
    if size == 13:
        raise ValueError("unlucky size")
    if kill and os.path.exists(kill):
        os.kill(os.getpid(), signal.SIGKILL)
    network = Dense(size) if model == "dense" else LSTMAutoencoder(hidden_size=size, seed=seed)
    return BatchedTrainer(network, seed=seed, batch_size=8, loss=squared)


def score(result, data):
    errors = reconstruction_error(result.model, data[3])
    return {"error_sum": errors.sum(), "weights": next(result.model.parameters()).detach().double().sum()}


def without_times(table):
    return table.drop(columns=["seconds", "file"], errors="ignore")


SETTINGS = [{"size": 3, "model": "lstm"}, {"size": 4, "model": "dense"}, {"size": 13, "model": None}]


@pytest.fixture(scope="module")
def tables():
    """Return the same table from two processes and from this one."""
    data = {"loaded": beats_of, "given": beats_of(0)}
    numbers = torch.get_rng_state()
    found = [grid(make, SETTINGS, [0, 2], data, epochs=2, score=score, n_jobs=jobs) for jobs in (2, 1)]
    assert torch.equal(torch.get_rng_state(), numbers), "the global random state must be restored"
    return found


def test_processes_give_same_table_as_one_process(tables):
    pd.testing.assert_frame_equal(*map(without_times, tables), check_exact=True)


def test_cell_equals_single_training(tables):
    (row,) = tables[0].query("size == 3 and seed == 2 and data == 'loaded'").to_dict("records")
    with with_threads(1):
        data = beats_of(2)
        result = benchmark(make(2, 3), data[0], data[1], epochs=2)
        wanted = score(result, data)
    assert {name: row[name] for name in wanted} == {name: float(value) for name, value in wanted.items()}
    assert row["best_loss"] == result.history.best.validation_loss
    assert row["best_epoch"] == result.history.best.epoch
    assert row["epochs"] == 2


def test_model_without_seed_depends_on_seed_of_cell(tables):
    rows = tables[0].query("model == 'dense' and data == 'given'")
    assert rows.weights.nunique() == 2


def test_seed_is_passed_to_loader(tables):
    given, loaded = (tables[0].query(f"size == 3 and data == '{name}'").set_index("seed").error_sum for name in
                     ("given", "loaded"))  # fmt: skip
    assert given[0] == loaded[0]
    assert given[2] != loaded[2]


def test_table_has_settings_and_errors_as_columns(tables):
    table = tables[0]
    assert list(table.columns[:4]) == ["size", "model", "seed", "data"]
    assert table.columns[-1] == "error"
    assert table[["size", "seed"]].values.tolist() == [[3, 0], [3, 2], [4, 0], [4, 2], [13, 0], [13, 2]] * 2
    failed = table["size"] == 13
    assert (table.error.notna() == failed).all()
    assert table.error[failed].str.fullmatch(r"ValueError: unlucky size \(in make, line \d+\)").all()
    assert (table.restores.notna() == ~failed).all()


def test_only_missing_and_failed_cells_run_again(tmp_path):
    log, folder = tmp_path / "log", tmp_path / "runs"
    settings = {"size": [3, 13], "log": [str(log)]}
    first = grid(make, settings, [0], {"beats": beats_of(0)}, epochs=1, folder=folder, n_jobs=1)
    assert log.read_text().split("\n")[:-1] == ["3 0", "13 0"]
    times = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    second = grid(make, settings, [0, 1], {"beats": beats_of(0)}, epochs=1, folder=folder, n_jobs=1)
    assert log.read_text().split("\n")[2:-1] == ["3 1", "13 0", "13 1"]
    assert len(times) == 1
    assert all(path.stat().st_mtime_ns == before for path, before in times.items())
    # seconds are those of the first run
    pd.testing.assert_frame_equal(second[second.seed == 0].reset_index(drop=True), first, check_exact=True)
    # other data, another number of epochs
    for data, epochs in ((beats_of(1), 1), (beats_of(0), 2)):
        grid(make, {**settings, "size": [3]}, [0], {"beats": data}, epochs=epochs, folder=folder, n_jobs=1)
    assert log.read_text().split("\n")[5:-1] == ["3 0", "3 0"]
    # a damaged file counts as missing
    next(iter(times)).write_text("{", encoding="utf-8")
    grid(make, {**settings, "size": [3]}, [0], {"beats": beats_of(0)}, epochs=1, folder=folder, n_jobs=1)
    assert log.read_text().split("\n")[7:-1] == ["3 0"]


def test_trained_result_is_saved(tmp_path):
    settings = [{"size": 4, "model": "dense"}]
    table = grid(make, settings, [0], {"b": beats_of(0)}, epochs=1, score=score, folder=tmp_path, every=1, n_jobs=1)
    result = load(table.file[0], model=Dense(4))
    assert score(result, beats_of(0))["error_sum"] == table.error_sum[0]
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.name[0] != ".") == [".json", ".trained"]


def test_cell_continues_from_checkpoint(tmp_path, monkeypatch):
    cell = {"epochs": 3, "folder": tmp_path, "every": 1, "n_jobs": 1}
    epochs, do_epoch = [], BatchedTrainer.doEpoch

    def interrupted(self, model):
        epochs.append(len(self.history) + 1)
        if epochs == [1, 2, 3]:
            signal.raise_signal(signal.SIGINT)
        return do_epoch(self, model)

    monkeypatch.setattr(BatchedTrainer, "doEpoch", interrupted)
    first = grid(make, {"size": [3]}, [0], {"b": beats_of(0)}, **cell)
    assert first.error.tolist() == ["stopped by Ctrl-C"]
    second = grid(make, {"size": [3]}, [0], {"b": beats_of(0)}, **cell)
    assert epochs == [1, 2, 3, 3]
    alone = grid(make, {"size": [3]}, [0], {"b": beats_of(0)}, epochs=3, n_jobs=1)
    pd.testing.assert_frame_equal(without_times(second), without_times(alone), check_exact=True)


def test_interrupted_training_in_run_is_not_saved(tmp_path):
    begun = []

    def run(trainer, data):
        begun.append(trainer)
        press = lambda row, state: signal.raise_signal(signal.SIGINT)  # noqa: E731
        return {"epochs": len(benchmark(trainer, *data[:2], epochs=3, callbacks=[press]).history)}

    handler = signal.getsignal(signal.SIGINT)
    table = grid(make, {"size": [3, 4]}, [0], {"b": beats_of(0)}, run=run, folder=tmp_path, n_jobs=1)
    assert table.error.tolist() == ["stopped by Ctrl-C"] * 2
    assert len(begun) == 1
    assert list(tmp_path.glob("*.json")) == []
    assert signal.getsignal(signal.SIGINT) is handler


def test_killed_worker_costs_only_cells_in_progress(tmp_path):
    mark, folder = tmp_path / "kill", tmp_path / "runs"
    mark.touch()
    settings = [{"size": size, "kill": str(mark) * (size == 3)} for size in (2, 3, 4, 5, 6, 7)]
    data = {"beats": beats_of(0)}
    first = grid(make, settings, [0], data, epochs=1, folder=folder, n_jobs=2)
    failed = first[first.error.notna()]
    assert 3 in failed["size"].tolist()
    assert len(failed) <= 2
    assert failed.error.str.contains("a worker was killed").all()
    mark.unlink()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert len(before) == len(first) - len(failed)
    second = grid(make, settings, [0], data, epochs=1, folder=folder, n_jobs=1)
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    alone = grid(make, settings, [0], data, epochs=1, n_jobs=1)
    pd.testing.assert_frame_equal(without_times(second), without_times(alone), check_exact=True)


# ---------------------------------------------------------------------- in this process


def make_detector(seed, size):
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=size, seed=seed), seed=seed, steps_per_epoch=2)
    return AnomalyDetector(trainer, seed=seed, epochs=1, window=20)


def test_detector_is_fitted_to_recording_or_to_three_parts(tmp_path):
    wave = np.sin(np.arange(600) * 2 * np.pi / 20)
    data = {"recording": Recording(Series(wave), Series(wave[:100])), "parts": tuple(map(Series, np.split(wave, 4)))}
    table = grid(make_detector, {"size": [3]}, [1], data, folder=tmp_path, n_jobs=1,
                 score=lambda detector, data: {"sum": detector.score(data[-1]).sum()})  # fmt: skip
    for row, parts in zip(table.itertuples(), data.values(), strict=True):
        detector = make_detector(1, 3).fit(
            parts[0], **dict(zip(("validation", "calibration"), parts[1:3], strict=True) if len(parts) > 2 else {})
        )
        assert row.sum == detector.score(parts[-1]).sum()
        assert row.epochs == 1
        np.testing.assert_array_equal(load(row.file).score(parts[-1]), detector.score(parts[-1]))
    longer = grid(make_detector, {"size": [3]}, [1], {"r": data["recording"]}, epochs=2, n_jobs=1)
    assert longer.epochs.tolist() == [2]


def test_run_replaces_training():
    table = grid(
        lambda seed, factor: seed * factor, {"factor": [2, 3]}, range(2), {"d": lambda: 10}, n_jobs=1,
        run=lambda thing, data: {"sum": np.float64(thing + data), "list": np.arange(thing), "seconds": 7.0},
    )  # fmt: skip
    assert table.columns.tolist() == ["factor", "seed", "data", "sum", "list", "seconds", "error"]
    assert table["sum"].tolist() == [10, 12, 10, 13]
    assert table["list"].tolist() == [[], [0, 1], [], [0, 1, 2]]
    assert (table.seconds == 7).all()


def test_cell_has_one_thread():
    with with_threads(2):
        table = grid(lambda seed: None, [{}], [0], {"d": lambda: 1}, n_jobs=1,
                     run=lambda thing, data: {"threads": torch.get_num_threads()})  # fmt: skip
        assert table.threads.tolist() == [1]
        assert torch.get_num_threads() == 2


def test_functions_in_settings_become_their_names():
    table = grid(lambda seed, loss: None, {"loss": [squared, "mae"]}, [0], {"d": lambda: 1}, n_jobs=1,
                 run=lambda thing, data: {})  # fmt: skip
    assert table.loss.tolist() == [f"{__name__}.squared", "mae"]


def test_thing_without_training_is_an_error():
    table = grid(lambda seed: 3, [{}], [0], {"d": (1, 2)}, n_jobs=1)
    assert table.error.str.contains("make must return a Trainer or an AnomalyDetector, got int").all()


def test_metric_must_not_replace_another_column():
    table = grid(lambda seed: 3, [{}], [0], {"d": (1, 2)}, run=lambda thing, data: {"seed": 1}, n_jobs=1)
    assert table.error.str.contains("names of other columns").all()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"settings": [{"seed": 1}]}, "settings must be"),
        ({"settings": [{"epochs": 1}]}, "settings must be"),
        ({"settings": [3]}, "settings must be"),
        ({"settings": [{}, {}]}, "must differ"),
        ({"settings": [{"loss": lambda: 1}, {"loss": lambda: 2}]}, "must differ"),
        ({"seeds": [0, 0]}, "must differ"),
        ({"seeds": [-1]}, "seeds must be"),
        ({"seeds": [0.5]}, "seeds must be"),
        ({"data": [1, 2]}, "data must be"),
        ({"data": {"d": 3}}, "data must be"),
        ({"n_jobs": 0}, "n_jobs must be"),
        ({"epochs": 0}, "epochs must be"),
        ({"every": 2}, "every must be given together with folder"),
    ],
)
def test_invalid_arguments_raise(changes, error):
    with pytest.raises((TypeError, ValueError), match=error):
        grid(make, **{"settings": [{}], "seeds": [0], "data": {"d": (1, 2)}, "n_jobs": 1, **changes})


def test_cell_that_failed_often_runs_again_after_a_mend(tmp_path):
    state = {"works": False}

    def run(thing, data):
        if not state["works"]:
            raise SystemExit("not yet")
        return {"value": 1}

    def table():
        return grid(make, [{"size": 3}], [0], {"d": beats_of}, run=run, folder=tmp_path, n_jobs=1)

    for _ in range(3):
        assert "SystemExit: not yet" in table().error[0]
    state["works"] = True
    assert table().value.tolist() == [1]


DESCRIBED = {
    "data": beats_of(0), "array": np.arange(3.0), "text": np.array(["a"]), "number": np.float32(0.1), "set": {"a", "b"},
    "partial": functools.partial(squared, targets=3), "frame": pd.DataFrame({"a": [1.5]}), "loss": nn.HuberLoss(),
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIBED)
def test_description_depends_only_on_content(name):
    value = DESCRIBED[name]
    assert json.dumps(describe(pickle.loads(pickle.dumps(value)))) == json.dumps(describe(value))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("data", tuple(DataSet(part.sequences, labels=1 - part.labels) for part in beats_of(0))),
        ("array", np.arange(1.0, 4)),
        ("text", np.array(["b"])),
        ("number", 0.1),
        ("set", {"a"}),
        ("partial", functools.partial(squared, targets=4)),
        ("frame", pd.DataFrame({"b": [1.5]})),
        ("loss", nn.HuberLoss(delta=2.0)),
    ],
)
def test_description_differs_with_content(name, other):
    assert describe(other) != describe(DESCRIBED[name])


# ---------------------------------------------------------------------- whole programs

SCRIPT = """
import os, time
import psutil
from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder
from trainers.experiments import grid

def make(seed, size):
    with open("log", "a") as file:
        file.write(f"{size}\\n")
    while size > 3 and not os.path.exists("go"):
        time.sleep(0.01)
    return BatchedTrainer(LSTMAutoencoder(hidden_size=size, seed=seed), seed=seed, steps_per_epoch=2)

if __name__ == "__main__":
    data = {"beats": split(load_ecg5000())}
    for jobs in (2, 1):
        table = grid(make, {"size": [3, 4, 5, 6]}, [0], data, epochs=1, folder="runs", n_jobs=jobs, progress=True)
        table.to_csv(f"{jobs}.csv")
        # otherwise, the test fails because of its time limit
        while any("popen_loky" in " ".join(one.cmdline()) for one in psutil.Process().children()):
            time.sleep(0.01)
        open("go", "w").close()
"""


def started(path, text):
    path.write_text(text, encoding="utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, path.name], cwd=path.parent, env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def wait_for(condition, process):
    """Wait until the condition is met, or the process has ended."""
    while not condition() and process.poll() is None:
        time.sleep(0.02)


def test_interrupt_ends_workers_and_keeps_finished_cells(tmp_path):
    process = started(tmp_path / "script.py", SCRIPT)
    log = tmp_path / "log"
    # one cell is done, and two others have begun and wait
    wait_for(lambda: any(tmp_path.glob("runs/*.json")) and len(log.read_text().split()) == 3, process)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    first, second = (pd.read_csv(tmp_path / name, float_precision="round_trip") for name in ("2.csv", "1.csv"))
    assert first.error.isna().tolist() == [True, False, False, False], output
    assert second.error.isna().all()
    assert "4 of 4 cells, 0:00:00 left" in output
    begun = log.read_text().split()
    assert sorted(begun) == ["3", "4", "4", "5", "5", "6"], "only missing cells run again"
    assert first.best_loss[0] == second.best_loss[0]


@pytest.fixture
def distributed():
    if importlib.util.find_spec("distributed") is None:
        assert not os.environ.get("CI"), "Dask must be installed: make .venv/installed-scale"
        pytest.skip("Dask is not installed")
    return importlib.import_module("distributed")


def test_cluster_gives_same_table_and_reports_dead_workers(tmp_path, distributed):
    mark = tmp_path / "kill"
    mark.touch()
    settings = [{"size": size, "kill": str(mark) * (size == 3), "model": "dense"} for size in (2, 3, 4, 13)]
    data = {"given": beats_of(0)}
    client = distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with client, joblib.parallel_config("dask"):
        table = grid(make, settings, [0], data, epochs=1, score=score, folder=tmp_path / "runs")
    assert table.error.str[:30].fillna("").tolist() == [
        "",
        "RuntimeError: two workers died",
        "",
        "ValueError: unlucky size (in m",
    ]
    mark.unlink()
    alone = grid(make, settings, [0], data, epochs=1, score=score, n_jobs=1)
    others = table["size"] != 3
    pd.testing.assert_frame_equal(without_times(table)[others], without_times(alone)[others], check_exact=True)


@pytest.mark.usefixtures("distributed")
def test_research_script_continues_after_kill_on_a_cluster(tmp_path):
    """Run the script of research.md with small numbers; kill it with all its workers when the first cell is done."""
    text = ROOT.joinpath("notebooks/research.md").read_text(encoding="utf-8")
    script, table_code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    small = script
    changes = {"range(5)": "range(1)", "[8, 16, 32]": "[2, 3, 4]", "epochs=20": "epochs=1"}
    for old, new in {**changes, "n_workers=2": "n_workers=1", "steps_per_epoch=50": "steps_per_epoch=2"}.items():
        assert small.count(old) == 1, old
        small = small.replace(old, new)
    process, cells = started(tmp_path / "experiment.py", small), tmp_path / "runs"
    wait_for(lambda: any(cells.glob("*.json")), process)
    os.killpg(process.pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    done = {path: path.stat().st_mtime_ns for path in cells.glob("*.json")}
    assert done, output
    process = started(tmp_path / "experiment.py", small)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert all(path.stat().st_mtime_ns == before for path, before in done.items()), "a finished cell ran again"
    table = pd.read_csv(tmp_path / "table.csv", float_precision="round_trip")
    assert len(table) == len(list(cells.glob("*.json"))) == 3 * 2
    assert table.error.isna().all(), output
    # what follows in the text, in this process, which is not the one that has trained
    specification = importlib.util.spec_from_file_location("experiment", tmp_path / "experiment.py")
    experiment = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(experiment)
    sys.modules["experiment"] = experiment
    before = Path.cwd()
    os.chdir(tmp_path)
    space: dict[str, object] = {}
    try:
        exec(table_code, space)
        detector = load("best.detector", model=experiment.Network(int(space["best"].units)))
    finally:
        os.chdir(before)
        del sys.modules["experiment"]
    loader = {"ecg": experiment.load_ecg_diff_count, "bleeding": experiment.load_internal_bleeding}
    with with_threads(1):
        for one in (space["detector"], detector):
            assert experiment.score(one, loader[space["best"].data]()) == {
                "auroc": space["best"].auroc, "sum": space["best"]["sum"]
            }  # fmt: skip
