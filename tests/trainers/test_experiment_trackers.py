"""Examples of callbacks that send the losses to TensorBoard and MLflow."""

import contextlib
import re
import sys
import types
from pathlib import Path

import pytest

from trainers import BatchedTrainer, LSTMAutoencoder, benchmark

PAGE = Path(__file__).parents[2].joinpath("notebooks/site/api_trainers.md").read_text(encoding="utf-8")


@pytest.fixture
def run(beats, tmp_path, monkeypatch):
    """Return a function that runs the example with a name in it, and returns the history."""
    monkeypatch.chdir(tmp_path)

    def run(name):
        (code,) = (code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if name in code)
        trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), steps_per_epoch=1)
        training, validation = beats
        space = {"trainer": trainer, "training": training, "validation": validation, "benchmark": benchmark}
        exec(code.replace("callbacks", "epochs=2, callbacks"), space)
        return trainer.history

    return run


def test_losses_are_sent_to_tensorboard(run, tmp_path):
    pytest.importorskip("tensorboard")
    from torch.utils.tensorboard import SummaryWriter  # noqa: F401 - raises if a part is missing

    history = run("SummaryWriter")
    reader = __import__("tensorboard.backend.event_processing.event_accumulator", fromlist=["EventAccumulator"])
    events = reader.EventAccumulator(str(tmp_path / "logs")).Reload()
    for name, losses in (("training", "train_loss"), ("validation", "validation_loss")):
        got = [(event.step, event.value) for event in events.Scalars(f"loss/{name}")]
        assert got == [(row.epoch, pytest.approx(getattr(row, losses), rel=1e-6)) for row in history]


def test_losses_are_sent_to_mlflow(run, monkeypatch):
    """Use a stand-in with the three functions, because MLflow is too large to be installed for a test."""
    metrics, params = [], {}
    mlflow = types.ModuleType("mlflow")
    mlflow.start_run = contextlib.nullcontext
    mlflow.log_params = params.update
    mlflow.log_metrics = lambda values, step: metrics.append((step, values))
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    history = run("mlflow")
    assert metrics == [
        (row.epoch, {"training loss": row.train_loss, "validation loss": row.validation_loss}) for row in history
    ]
    assert params["steps_per_epoch"] == 1
