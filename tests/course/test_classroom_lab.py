"""JupyterLab for a class: its settings and options."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from jupyterlab.labapp import LabApp

from notebooks.course import classroom_lab
from notebooks.course.__main__ import main
from trainers import classroom

THEMES = "@jupyterlab/apputils-extension/themes.jupyterlab-settings"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Return the folder of the user's own settings."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("JUPYTERLAB_SETTINGS_DIR", str(folder))
    monkeypatch.delenv("JUPYTER_PATH", raising=False)
    return folder


def themes(folder):
    return json.loads(Path(folder, THEMES).read_text(encoding="utf-8"))


def test_user_settings_are_copied_and_not_changed(own, tmp_path):
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
def test_invalid_user_settings_are_ignored(own, tmp_path, text):
    own.joinpath(THEMES).parent.mkdir(parents=True)
    own.joinpath(THEMES).write_text(text, encoding="utf-8")
    environment = classroom_lab.prepare(tmp_path / "class")
    assert themes(environment["JUPYTERLAB_SETTINGS_DIR"])["overrides"]["content-font-size1"] == f"{classroom.TEXT}px"


def test_environment_switches_mode_on_and_finds_slides(own, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "/elsewhere")
    environment = classroom_lab.prepare(tmp_path / "class")
    assert environment["TRAINERS_CLASSROOM"] == "1"
    ours, others = environment["JUPYTER_PATH"].split(os.pathsep)
    assert others == "/elsewhere"
    (package,) = Path(ours, "labextensions").glob("*/package.json")
    about = json.loads(package.read_text(encoding="utf-8"))
    assert about["name"] == package.parent.name
    assert package.parent.joinpath(about["jupyterlab"]["_build"]["load"]).exists()


class Started:
    """Replacement for a server, which is not started: it records its arguments and the settings folder."""

    def __init__(self, monkeypatch):
        self.given, self.settings = [], []
        monkeypatch.setattr(LabApp, "initialize_server", self.initialize)

    def initialize(self, given):
        self.given.append(given)
        self.settings.append(os.environ["JUPYTERLAB_SETTINGS_DIR"])
        self.enlarged = Path(self.settings[-1], THEMES).exists()
        nothing = SimpleNamespace(add_callback=lambda *_, **__: None)
        return SimpleNamespace(
            identity_provider=SimpleNamespace(token=""), connection_url="", io_loop=nothing, start=lambda: None
        )


def test_commands_open_given_notebook_or_lesson_1(own, monkeypatch):
    started = Started(monkeypatch)
    assert main(["lab"]) == 0
    assert not started.enlarged
    assert main(["lab", str(classroom_lab.NOTEBOOKS / "04_choosing_a_threshold.ipynb")]) == 0
    monkeypatch.setenv("TRAINERS_CLASSROOM", "")  # restored with the others after this test
    for name in ("JUPYTER_PATH", "JUPYTERLAB_WORKSPACES_DIR"):
        monkeypatch.setenv(name, "")
    assert main(["classroom"]) == 0
    assert started.enlarged
    assert [Path(given[0]).name[:2] for given in started.given] == ["01", "04", "01"]
    assert not Path(started.settings[-1]).exists(), "the temporary settings folder must be deleted"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no root on Windows")
@pytest.mark.parametrize("user", [0, 1000])
def test_only_root_gets_allow_root_option(own, monkeypatch, user):
    started = Started(monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    main(["lab"])
    assert ("--allow-root" in started.given[0]) == (user == 0)
    assert "--ip=127.0.0.1" in started.given[0]


@pytest.mark.parametrize(
    ("platform", "variables", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "/opt/editor/browser.sh"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_browser_opens_only_with_display(own, monkeypatch, platform, variables, opens):
    started = Started(monkeypatch)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    main(["lab"])
    assert ("--no-browser" in started.given[0]) != opens


def fetch(address):
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("command", ["lab", "classroom"])
def test_printed_address_serves_notebook_and_ctrl_c_stops_server(own, tmp_path, command):
    """Use no display, an occupied first port, and a folder with a space in its name; also as root."""
    work, temporary = tmp_path / "my work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    terminal, server_end = os.openpty()
    notebook = shutil.copy(classroom_lab.first_lesson(), work / "erste Übung.ipynb")
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "JUPYTER_TOKEN")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment |= {"JUPYTER_PORT": str(port), "TMPDIR": str(temporary), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
        process = subprocess.Popen(
            [sys.executable, "-m", "notebooks.course", command, notebook.name],
            cwd=work, env=environment, stdin=server_end, stdout=subprocess.PIPE, stderr=(tmp_path / "log").open("w"),
            text=True,
        )  # fmt: skip
        try:
            address = next((line.strip() for line in process.stdout if "http" in line), "")
            start, token = address.split("?token=")
            server = start.removesuffix("/lab/tree/erste%20%C3%9Cbung.ipynb")
            assert server != start
            assert server.startswith("http://127.0.0.1:")
            assert not server.endswith(f":{port}")
            running = psutil.Process(process.pid)
            connections = getattr(running, "net_connections", None) or running.connections  # the name until psutil 6
            assert {each.laddr.ip for each in connections() if each.status == "LISTEN"} == {"127.0.0.1"}
            assert "JupyterLab" in fetch(address)
            content = json.loads(fetch(f"{server}/api/contents/erste%20%C3%9Cbung.ipynb?token={token}"))["content"]
            assert len(content["cells"]) == len(json.loads(notebook.read_text(encoding="utf-8"))["cells"])
            with pytest.raises(urllib.error.HTTPError, match="403"):
                fetch(f"{server}/api/contents")
            themes = fetch(f"{server}/lab/api/settings/@jupyterlab/apputils-extension:themes?token={token}")
            enlarged = json.loads(json.loads(themes)["raw"]).get("overrides", {}) if json.loads(themes)["raw"] else {}
            assert bool(enlarged) == (command == "classroom")
            process.send_signal(signal.SIGINT)
            os.write(terminal, b"y\n")
            assert process.wait(timeout=60) == 0, (tmp_path / "log").read_text()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            os.close(terminal)
            os.close(server_end)
    assert not list(temporary.glob("classroom-*")), "temporary folders must be deleted"


def test_missing_notebook_is_reported(own, capsys):
    assert main(["classroom", "none.ipynb"]) == 2
    assert "no notebook 'none.ipynb'" in capsys.readouterr().err
