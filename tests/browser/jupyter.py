"""A real Jupyter server on loopback, a real Chromium, and a notebook in it to type and click in."""

from __future__ import annotations

import copy
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import psutil
from filelock import FileLock
from jupyter_client import BlockingKernelClient

ROOT = Path(__file__).resolve().parents[2]
# Without these, Chromium looks for hosts of its own that a test has no business with.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str | None:
    """The system's Chromium or Chrome; CHROMIUM names another."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "chrome"]
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return next(
        (found for name in names if name and (found := shutil.which(name))), mac if Path(mac).exists() else None
    )


class Server:
    """JupyterLab, which serves Notebook 7's pages too; `app` says which pages are opened.

    Workers share it. Each has a folder and a workspace in it.
    """

    app = "lab"
    running: ClassVar[list[Server]] = []

    def __init__(self, root: str | Path, port: int, token: str, process: int) -> None:
        self.root, self.port, self.token, self.process = Path(root), port, token, process
        self.folder = self.root / os.environ.get("PYTEST_XDIST_WORKER", "main")
        self.folder.mkdir()
        self.running.append(self)

    @property
    def pages(self) -> str:
        """How the addresses of its pages begin."""
        place = f"lab/workspaces/{self.folder.name}/tree" if self.app == "lab" else "notebooks"
        return f"http://127.0.0.1:{self.port}/{place}"

    def with_pages_of(self, app: str) -> Server:
        """Return this server, whose notebooks are opened in another application: "lab" or "notebook"."""
        other = copy.copy(self)
        other.app = app
        return other

    def end_kernels(self, *, keep_one: bool = False) -> None:
        """End this worker's kernels; one may be kept for a later notebook, without variables and widgets.

        Each takes some 300 MB, and a new one takes longer to start than most tests to run.
        """
        sessions = self._sessions()
        keep_one = keep_one and self._kept not in (session["path"] for session in sessions)
        for session in sessions:
            if session["path"] == self._kept:
                continue
            if keep_one and self._reset(session["kernel"]["id"]):
                keep_one = False
                self._move(session, self._kept)
            else:
                self._ask(f"api/sessions/{session['id']}", "DELETE")

    def reuse_kernel(self, path: Path) -> None:
        """Give a notebook that has not been opened yet the kernel that was kept, if there is one."""
        for session in self._sessions():
            if session["path"] == self._kept:
                self._move(session, path.relative_to(self.root).as_posix())

    @property
    def _kept(self) -> str:
        return f"{self.folder.name}/kept.ipynb"

    def _move(self, session: dict, path: str) -> None:
        self._ask(f"api/sessions/{session['id']}", "PATCH", {"path": path, "name": path, "type": "notebook"})

    def _sessions(self) -> list[dict]:
        sessions = json.loads(self._ask("api/sessions", "GET"))
        return [session for session in sessions if session["path"].startswith(f"{self.folder.name}/")]

    def _reset(self, kernel: str) -> bool:
        """Interrupt a kernel, and clear its variables and widgets; False if it does not answer."""
        code = "import ipywidgets\nipywidgets.Widget.close_all()\n%reset -f"
        client = BlockingKernelClient(connection_file=str(self.root / f"runtime_dir/kernel-{kernel}.json"))
        try:
            self._ask(f"api/kernels/{kernel}/interrupt", "POST")
            client.load_connection_file()
            client.start_channels()
            return client.execute(code, store_history=False, reply=True, timeout=5)["content"]["status"] == "ok"
        except (OSError, TimeoutError):
            return False
        finally:
            client.stop_channels()

    def _ask(self, path: str, method: str, content: dict | None = None) -> bytes:
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        data = json.dumps(content).encode() if content else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()


def start(root: Path, more: dict[str, str] | None = None) -> dict:
    """Start a server in a folder, with more environment variables; return the arguments of its `Server`."""
    token = secrets.token_hex(8)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {f"JUPYTER_{name}": str(root / name.lower()) for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")}
    environment = {
        **os.environ, **own, "IPYTHONDIR": str(root / "ipython"),
        "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "JUPYTER_PLATFORM_DIRS": "1", **(more or {}),
    }  # fmt: skip
    # Otherwise a question about news covers the corner of the page where the slider ends.
    settings = root / "config_dir/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    settings.joinpath("notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    # Without it, each page that is opened starts Node to see whether JupyterLab should be built.
    config = root / "config_dir/labconfig"
    config.mkdir()
    config.joinpath("page_config.json").write_text('{"buildCheck": false, "buildAvailable": false}')
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True",
        "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    log = root / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=5)
            break
        except OSError:
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    else:
        process.kill()
        raise TimeoutError(log.read_text())
    return {"root": str(root), "port": port, "token": token, "process": process.pid}


@contextmanager
def started(root: Path) -> Iterator[Server]:
    """Start a server, and end it afterwards."""
    server = Server(**start(root))
    try:
        yield server
    finally:
        process = psutil.Process(server.process)
        process.terminate()
        try:
            # A kernel that is still starting is waited for, on a busy machine for long.
            process.wait(60)
        except psutil.TimeoutExpired:
            process.kill()


@contextmanager
def shared(base: Path, name: str, more: dict[str, str] | None = None) -> Iterator[Server]:
    """Share one server among all workers, whose common folder is `base`: the first starts it, the last ends it."""
    address, lock = base / f"{name}.json", FileLock(base / f"{name}.lock")
    with lock:
        if not address.exists():
            root = base / f"{name}-{os.getpid()}"
            root.joinpath("users").mkdir(parents=True)
            address.write_text(json.dumps(start(root, more)))
        server = Server(**json.loads(address.read_text()))
        me = server.root / "users" / str(os.getpid())
        me.touch()
    yield server
    Server.running.remove(server)
    with lock:
        me.unlink()
        if not any(is_running(int(user.name)) for user in me.parent.iterdir()):
            address.unlink()
            # Not waited for: its parent may be another worker.
            psutil.Process(server.process).terminate()


def is_running(process: int) -> bool:
    """Whether a process runs; one that has ended may still be listed until its parent asks for its status."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# False where the element has been replaced meanwhile.
AT_REST = """element => new Promise(done => {
    element.scrollIntoViewIfNeeded();
    let last = '', frames = 0;
    const look = () => {
        if (!element.isConnected) return done(false);
        const box = element.getBoundingClientRect(), now = [box.x, box.y, box.width, box.height].join();
        frames = now === last ? frames + 1 : 0;
        last = now;
        frames < 6 ? requestAnimationFrame(look) : done(true);
    };
    look();
})"""


def at_rest(locator, seconds: float = 20) -> dict[str, float]:
    """The box of an element that has been scrolled into view and rests there.

    A page that is still settling moves its widgets, and a chart that is drawn anew puts new elements in the place of
    the old ones: whoever measures too early clicks beside.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        element = locator.element_handle()
        if element.evaluate(AT_REST) and (box := element.bounding_box()):
            return box
    msg = f"{locator} did not come to rest within {seconds:g} s"
    raise TimeoutError(msg)


# Closes what a test has opened in JupyterLab; false if something stays.
CLOSE_ALL = """() => {
    const { shell } = window.jupyterapp;
    for (const panel of [...shell.widgets('main')]) {
        if (panel.context) panel.context.model.dirty = false;
        panel.dispose();
    }
    shell.expandLeft();
    return !document.querySelector('.jp-Dialog, .jp-Notebook, .kit-slides');
}"""


def settle(page) -> None:
    """Until what was done before is drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


class Notebook:
    """One notebook in one page; a cell is its code, or a dictionary as in a notebook's file."""

    def __init__(self, page, server: Server, name: str, cells: list[str | dict]) -> None:
        self.page, self.server = page, server
        empty = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        content = {
            "cells": [
                {"id": f"cell{i}", **(cell if isinstance(cell, dict) else {**empty, "source": cell})}
                for i, cell in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }  # fmt: skip
        self.path = server.folder / f"{name}.ipynb"
        self.path.write_text(json.dumps(content))
        self.open()

    def open(self) -> None:
        path = self.path.relative_to(self.server.root).as_posix()
        if self.server.app == "lab" and self.page.url.startswith(self.server.pages):
            # Nothing is returned: Playwright would serialize the whole panel.
            self.page.evaluate("path => { window.jupyterapp.commands.execute('docmanager:open', { path }); }", path)
        else:
            self.page.goto(f"{self.server.pages}/{path}?token={self.server.token}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        self.page.wait_for_function("window.jupyterapp !== undefined")
        # The kernel is there before anything is run.
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                return panel && panel.sessionContext && panel.sessionContext.session?.kernel?.status === 'idle';
            }""",
            timeout=60_000,
        )

    def command(self, name: str) -> None:
        """One of the front end's own commands, not waited for."""
        self.page.evaluate("name => { window.jupyterapp.commands.execute(name); }", name)

    def resize(self, width: int, height: int) -> None:
        """The window, and in a narrow one no panel beside the notebook."""
        self.page.set_viewport_size({"width": width, "height": height})
        if width < 1000:
            self.command("application:toggle-left-area")

    def wear(self, theme: str) -> None:
        """Change JupyterLab's theme, again if another worker has changed it meanwhile: they share the settings."""
        change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        for _ in range(20):
            self.page.evaluate(change, theme)
            self.page.wait_for_timeout(200)
            if self.page.evaluate("() => document.body.dataset.jpThemeName") == theme:
                return
        msg = f"JupyterLab did not change its theme to {theme}"
        raise TimeoutError(msg)

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def run(self, index: int) -> None:
        self.page.evaluate("i => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = i; }", index)
        self.command("notebook:run-cell")

    def wait_idle(self, timeout: float = 40) -> None:
        """Until no cell is running or waiting."""
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('.jp-InputPrompt')].every(p => !p.textContent.includes('*'))
                && window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'""",
            timeout=timeout * 1000,
        )

    def busy(self, index: int) -> bool:
        return "*" in (self.cell(index).locator(".jp-InputPrompt").text_content() or "")

    def cell(self, index: int):
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def text(self, index: int) -> str:
        """What a cell printed or showed as text."""
        return "\n".join(self.cell(index).locator(".jp-OutputArea-output pre").all_text_contents())

    def state(self, which: int = 0) -> str:
        """What a monitor says of its run."""
        return self.page.locator(".kit-chart .state").nth(which).text_content() or ""

    def await_state(self, words: str, which: int = 0, timeout: float = 30) -> None:
        self.page.wait_for_function(
            "([words, which]) => document.querySelectorAll('.kit-chart .state')[which]?.textContent.includes(words)",
            arg=[words, which],
            timeout=timeout * 1000,
        )

    def press(self, button: str, which: int = 0) -> None:
        # Not by its accessible name: the icon's glyph is part of it.
        self.page.locator(".jupyter-button", has_text=button).nth(which).click()

    def await_words(self, beginning: str) -> None:
        """Until the line below the curves, about the chosen epoch, begins so."""
        self.page.wait_for_function(
            "text => document.querySelector('.kit-chart .words').textContent.startsWith(text)", arg=beginning
        )

    def await_epoch(self, epoch: int, timeout: float = 25) -> None:
        """Until a running monitor is in that epoch or a later one."""
        self.page.wait_for_function(
            """epoch => {
                const said = document.querySelector('.kit-chart .state')?.textContent;
                return Number(/epoch (\\d+) of/.exec(said)?.[1]) >= epoch;
            }""",
            arg=epoch,
            timeout=timeout * 1000,
        )

    def said_by(self, index: int) -> list[str]:
        """The words that a cell prints after "now", run anew."""
        prompt = self.cell(index).locator(".jp-InputPrompt")
        before = prompt.text_content()
        self.run(index)
        deadline = time.monotonic() + 20
        while prompt.text_content() in (before, "[*]:") and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        self.wait_idle()
        return self.text(index).split("now ")[-1].split()

    def await_said(self, index: int, *expected: str) -> list[str]:
        """Runs such a cell until it prints these words first: a page's message takes its time."""
        deadline = time.monotonic() + 20
        while (said := self.said_by(index))[: len(expected)] != list(expected) and time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
        assert said[: len(expected)] == list(expected)
        return said
