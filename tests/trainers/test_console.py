"""A console that cannot print does not end a training run."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from notebooks.course import setup_check
from notebooks.course.__main__ import main as course
from trainers import BatchedTrainer, benchmark
from trainers.__main__ import main
from trainers.console import in_terminal, say
from trainers.widgets import TrainingMonitor

NAME = "Ω→ \udcff"


class Tee:
    """A console with a `write` method only, like many loggers."""

    def __init__(self, file):
        self.file = file

    def write(self, text):
        self.file.write(text)


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


class Broken(io.StringIO):
    """A console with a method that raises an error."""

    def __init__(self, method, error):
        super().__init__()

        def fail(*_):
            raise error

        setattr(self, method, fail)


def closed():
    file = io.StringIO()
    file.close()
    return file


def encoded(encoding, kind=io.TextIOWrapper):
    return kind(io.BytesIO(), encoding=encoding, errors="strict")


CONSOLES = {
    "none": lambda: None,
    "an object": object,
    "closed": closed,
    "tee": lambda: Tee(io.StringIO()),
    "tee into ascii": lambda: Tee(encoded("ascii")),
    "ascii": lambda: encoded("ascii"),
    "cp1252 terminal": lambda: encoded("cp1252", Terminal),
    "utf-8 terminal": lambda: encoded("utf-8", Terminal),
    "broken pipe on write": lambda: Broken("write", BrokenPipeError(32, "Broken pipe")),
    "full disk on flush": lambda: Broken("flush", OSError(28, "No space left on device")),
    "isatty raises": lambda: Broken("isatty", ValueError("I/O operation on closed file")),
    "user's own error": lambda: Broken("write", RuntimeError("logger")),
}


@pytest.fixture(params=CONSOLES)
def console(request, monkeypatch):
    made = CONSOLES[request.param]()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", made)
        yield made


@pytest.mark.parametrize("progress", [None, False, True])
def test_run_gives_result_on_any_console(console, beats, model, progress):
    trainer = BatchedTrainer(model, name=NAME, batch_size=20)
    callbacks = [TrainingMonitor(beats[0].sequences[:2])]
    for epochs in (2, 1):  # the second run prints that it begins with trained weights
        result = benchmark(trainer, *beats, epochs=epochs, callbacks=callbacks, progress=progress)
        assert (len(result.history), result.stopped, result.history.name) == (epochs, None, NAME)
        assert not trainer.model.training
    # a run that ends because of its time limit prints a message as well
    assert benchmark(trainer, *beats, epochs=2, seconds=1e-9, progress=progress).stopped == "time limit of 1e-09 s"


@pytest.mark.parametrize("console", ["none", "closed", "tee into ascii", "full disk on flush"], indirect=True)
def test_commands_succeed_on_any_console(console, monkeypatch, tmp_path):
    file = tmp_path / f"{NAME[:-1]}.csv"
    file.write_text("x\n" + "\n".join(f"{value:.3f}" for value in np.sin(np.arange(400) / 3)))
    page = tmp_path / "page.html"
    assert main(["report", str(file), "--output", str(page), "--epochs", "1", "--rate", "0.05"]) == 0
    assert NAME[:-1] in page.read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    assert main(["report", str(tmp_path / f"no {NAME}.csv")]) == 2
    findings = (setup_check.SetupResult(NAME, "fine."),)
    monkeypatch.setattr(setup_check, "check", lambda show: show(str(findings[0])) or setup_check.SetupCheck(findings))
    assert course(["check"]) == 0


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("ascii", r"Gr\xf6\xdfe \u03a9"), ("cp1252", r"Größe \u03a9"), ("utf-8", "Größe Ω")],
)
def test_unwritable_characters_become_escapes(monkeypatch, encoding, written):
    console = encoded(encoding)
    monkeypatch.setattr(sys, "stdout", console)
    say("Größe Ω")
    assert console.buffer.getvalue().decode(encoding).splitlines() == [written]


def test_terminal_is_recognized(monkeypatch):
    monkeypatch.setattr(sys, "stdout", encoded("utf-8", Terminal))
    assert in_terminal()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not in_terminal()


def test_closed_pipe_does_not_change_exit_status(tmp_path):
    file = tmp_path / "wave.csv"
    file.write_text("x\n" + "\n".join(f"{value:.3f}" for value in np.sin(np.arange(400) / 3)))
    command = [sys.executable, "-m", "trainers", "report", file, "--output", tmp_path / "page.html"]
    command += ["--epochs", "1", "--rate", "0.05"]
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    program.stdout.close()
    assert program.stderr.read() == ""
    program.stderr.close()
    assert program.wait() == 0
    assert (tmp_path / "page.html").exists()
