"""A Jupyter server on the loopback interface, Chromium, and notebooks to type and click in."""

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
# Without these flags, Chromium connects to hosts that the tests do not need.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def chromium() -> str | None:
    """Return the path of Chromium or Chrome on this system, or None; CHROMIUM may name another."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", "chrome"]
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return next(
        (found for name in names if name and (found := shutil.which(name))), mac if Path(mac).exists() else None
    )


class Server:
    """A JupyterLab server, which also serves the pages of Notebook 7; `app` selects the pages that are opened.

    The workers share it. Each worker has a folder and a workspace in it.
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
        """Beginning of the addresses of its pages."""
        place = f"lab/workspaces/{self.folder.name}/tree" if self.app == "lab" else "notebooks"
        return f"http://127.0.0.1:{self.port}/{place}"

    def with_pages_of(self, app: str) -> Server:
        """Return this server, whose notebooks are opened in another application: "lab" or "notebook"."""
        other = copy.copy(self)
        other.app = app
        return other

    def end_kernels(self, *, keep_one: bool = False) -> None:
        """End the kernels of this worker; one may be kept for a later notebook, without variables and widgets.

        A kernel uses about 300 MB, and a new kernel takes longer to start than most tests take.
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
        """Assign the kept kernel, if there is one, to a notebook that is not open yet."""
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
        """Interrupt a kernel and clear its variables and widgets; return False if it does not respond."""
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
    # Otherwise a question about news covers the end of the slider.
    settings = root / "config_dir/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    settings.joinpath("notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    # Otherwise each page that is opened starts Node to check whether JupyterLab must be built.
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
            # The server waits for kernels that are starting, which takes long on a busy machine.
            process.wait(60)
        except psutil.TimeoutExpired:
            process.kill()


@contextmanager
def shared(base: Path, name: str, more: dict[str, str] | None = None) -> Iterator[Server]:
    """Share one server among all workers with the common folder `base`: the first starts it, the last ends it."""
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
            # Do not wait: its parent may be another worker.
            psutil.Process(server.process).terminate()


def is_running(process: int) -> bool:
    """Return whether a process runs; an ended process may be listed until its parent reads its status."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# Returns false if the element has been replaced.
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
    """Scroll an element into view, wait until it does not move, and return its bounding box.

    While a page is still loading, its widgets move, and a chart that is drawn again replaces its elements: a click at
    a position that was measured too early would miss its element.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        element = locator.element_handle()
        if element.evaluate(AT_REST) and (box := element.bounding_box()):
            return box
    msg = f"{locator} did not come to rest within {seconds:g} s"
    raise TimeoutError(msg)


# Closes everything that a test has opened in JupyterLab; returns false if something remains.
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
    """Wait until the effects of earlier actions are drawn."""
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
            # Return nothing: Playwright would serialize the whole panel.
            self.page.evaluate("path => { window.jupyterapp.commands.execute('docmanager:open', { path }); }", path)
        else:
            self.page.goto(f"{self.server.pages}/{path}?token={self.server.token}&reset")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
        self.page.wait_for_function("window.jupyterapp !== undefined")
        # Wait for the kernel before any cell is run.
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                return panel && panel.sessionContext && panel.sessionContext.session?.kernel?.status === 'idle';
            }""",
            timeout=60_000,
        )

    def command(self, name: str) -> None:
        """Run a command of the front end, without waiting for it."""
        self.page.evaluate("name => { window.jupyterapp.commands.execute(name); }", name)

    def save(self) -> None:
        """Save the notebook, and wait until it is saved."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def resize(self, width: int, height: int) -> None:
        """Resize the window, and hide the panel next to the notebook in a narrow window."""
        self.page.set_viewport_size({"width": width, "height": height})
        if width < 1000:
            self.command("application:toggle-left-area")

    def set_theme(self, theme: str) -> None:
        """Change the theme of JupyterLab, again if another worker changes it: workers share the settings."""
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
        """Wait until no cell is running or waiting."""
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
        """Return the text output of a cell."""
        return "\n".join(self.cell(index).locator(".jp-OutputArea-output pre").all_text_contents())

    def state(self, which: int = 0) -> str:
        """Return the state that a monitor shows."""
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
        """Wait until the text below the curves, about the selected epoch, begins with `beginning`."""
        self.page.wait_for_function(
            "text => document.querySelector('.kit-chart .words').textContent.startsWith(text)", arg=beginning
        )

    def await_epoch(self, epoch: int, timeout: float = 25) -> None:
        """Wait until a running monitor has reached an epoch."""
        self.page.wait_for_function(
            """epoch => {
                const state = document.querySelector('.kit-chart .state')?.textContent;
                return Number(/epoch (\\d+) of/.exec(state)?.[1]) >= epoch;
            }""",
            arg=epoch,
            timeout=timeout * 1000,
        )

    def values_from(self, index: int) -> list[str]:
        """Run a cell, and return the words that it prints after "now"."""
        prompt = self.cell(index).locator(".jp-InputPrompt")
        before = prompt.text_content()
        self.run(index)
        deadline = time.monotonic() + 20
        while prompt.text_content() in (before, "[*]:") and time.monotonic() < deadline:
            self.page.wait_for_timeout(50)
        self.wait_idle()
        return self.text(index).split("now ")[-1].split()

    def await_values(self, index: int, *expected: str) -> list[str]:
        """Run such a cell until it prints these words first, because messages of a page take time."""
        deadline = time.monotonic() + 20
        while (values := self.values_from(index))[: len(expected)] != list(expected) and time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
        assert values[: len(expected)] == list(expected)
        return values
