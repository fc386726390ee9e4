"""JupyterLab for a class: its settings, beside the user's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trainers import classroom
from trainers.__main__ import main
from trainers.course import classroom_lab

THEMES = "@jupyterlab/apputils-extension/themes.jupyterlab-settings"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The user's own settings folder."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(folder))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    return folder


def themes(folder):
    return json.loads(Path(folder, THEMES).read_text(encoding="utf-8"))


def test_the_users_settings_are_taken_along_and_left_as_they_are(own, tmp_path):
    text = """{
        // night
        "theme": "JupyterLab Dark", "overrides": {"code-font-family": "Hack", "code-font-size": "11px"},
    }"""
    own.joinpath(THEMES).parent.mkdir(parents=True)
    own.joinpath(THEMES).write_text(text, encoding="utf-8")
    environment = classroom_lab.prepare(tmp_path / "class")
    written = themes(environment["JUPYTERLAB_SETTINGS_DIR"])
    assert written["theme"] == "JupyterLab Dark"
    assert written["overrides"]["code-font-family"] == "Hack"
    assert written["overrides"]["code-font-size"] == f"{classroom.CODE}px"
    assert own.joinpath(THEMES).read_text(encoding="utf-8") == text
    assert not (tmp_path / "own" / "@jupyterlab" / "notebook-extension").exists()


@pytest.mark.parametrize("text", ["not JSON", "[1, 2]", "", '{"overrides": "none"}'])
def test_settings_that_cannot_be_read_do_not_matter(own, tmp_path, text):
    own.joinpath(THEMES).parent.mkdir(parents=True)
    own.joinpath(THEMES).write_text(text, encoding="utf-8")
    environment = classroom_lab.prepare(tmp_path / "class")
    assert themes(environment["JUPYTERLAB_SETTINGS_DIR"])["overrides"]["content-font-size1"] == f"{classroom.TEXT}px"


def test_the_environment_switches_the_mode_on_and_finds_the_slides(own, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere")
    environment = classroom_lab.prepare(tmp_path / "class")
    assert environment["TRAINERS_CLASSROOM"] == "1"
    ours, others = environment["JUPYTER_PATH"].split(os.pathsep)
    assert others == "/elsewhere"
    (package,) = Path(ours, "labextensions").glob("*/package.json")
    about = json.loads(package.read_text(encoding="utf-8"))
    assert about["name"] == package.parent.name
    assert package.parent.joinpath(about["jupyterlab"]["_build"]["load"]).exists()


def test_the_command_opens_the_notebook_named_or_lesson_1(own, monkeypatch):
    started = []

    def run(command, env):
        assert Path(env["JUPYTERLAB_SETTINGS_DIR"], THEMES).exists()
        started.append((command[1:], env["JUPYTERLAB_SETTINGS_DIR"]))
        return 0

    monkeypatch.setattr(classroom_lab, "run_to_its_end", run)
    notebooks = classroom_lab.NOTEBOOKS
    assert main(["classroom"]) == 0
    assert main(["classroom", str(notebooks / "04_choosing_a_threshold.ipynb")]) == 0
    assert [Path(command[-1]).name[:2] for command, _ in started] == ["01", "04"]
    assert not any(Path(folder).exists() for _, folder in started), "nothing is left behind"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_lets_the_server_end_by_itself(tmp_path):
    """Both get the signal, as from a terminal; the server takes its time, and its own exit code is handed on."""
    server = (
        "import pathlib, signal, sys, time\n"
        "def end(*_): time.sleep(1.5); pathlib.Path('ended').touch(); sys.exit(7)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "pathlib.Path('ready').touch(); time.sleep(60)"
    )
    code = (
        "import os, sys; from trainers.course.classroom_lab import run_to_its_end\n"
        f"sys.exit(run_to_its_end([sys.executable, '-c', {server!r}], dict(os.environ)))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, start_new_session=True)
    try:
        end = time.monotonic() + 60
        while not tmp_path.joinpath("ready").exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 7
        assert tmp_path.joinpath("ended").exists()
    finally:
        process.kill()


def test_a_notebook_that_is_not_there_is_said(own, capsys):
    assert main(["classroom", "none.ipynb"]) == 2
    assert "no notebook 'none.ipynb'" in capsys.readouterr().err
