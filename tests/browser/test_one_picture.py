"""Where a widget is drawn, its picture is hidden; without a kernel, in other pages, its picture is visible."""

from __future__ import annotations

import os
import subprocess
import sys

from .jupyter import settle

RUN = """
monitor = TrainingMonitor(few)
result = benchmark(make(steps_per_epoch=4), training, validation, epochs=4, callbacks=[monitor])
display(result.history.plot())
"""
SEVERAL = """
from trainers.widgets import ThresholdExplorer
display(RunComparison({"one": result, "two": result}))
display(ThresholdExplorer([0.1, 0.9], labels=[0, 1], threshold=0.5))
display(result.history.plot())
"""
# The heights of the visible pictures of each cell, and the words that are visible in place of a widget.
VISIBLE = """() => [...document.querySelectorAll('.jp-Notebook .jp-CodeCell')].map(cell => ({
    pictures: [...cell.querySelectorAll('.jp-OutputArea img')].filter(img => img.checkVisibility()).length,
    live: cell.querySelectorAll('.kit-live').length,
    loading: [...cell.querySelectorAll('.jp-OutputArea-output')].filter(
        one => one.checkVisibility() && /Loading widget|Error displaying/.test(one.textContent)).length,
    marks: [...cell.querySelectorAll('.kit-picture')].map(one => one.getAttribute('aria-label')),
}))"""


def reopened(notebook, *, trusted: bool):
    """Save a notebook, and open it again with a new kernel; without trust, Jupyter removes styles from its outputs."""
    page, server = notebook.page, notebook.server
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    server.end_kernels()
    path = notebook.path.with_name(f"reopened-{trusted}.ipynb")
    # Other contents than those that Jupyter has signed.
    path.write_text(notebook.path.read_text().replace("print(", "print( "))
    if trusted:
        folders = {f"JUPYTER_{name}": str(server.root / name.lower()) for name in ("CONFIG_DIR", "DATA_DIR")}
        trust = "from nbformat.sign import TrustNotebookApp; TrustNotebookApp.launch_instance()"
        subprocess.run([sys.executable, "-c", trust, path], env={**os.environ, **folders}, check=True)
    other = page.context.new_page()
    other.goto(f"{server.pages}/{path.relative_to(server.root).as_posix()}?token={server.token}&reset")
    other.wait_for_selector(".jp-OutputArea img")
    settle(other)
    return other


def test_only_widget_or_picture_is_visible(server, page, open_notebook):
    notebook = open_notebook(server, "one", RUN, SEVERAL, page=page)
    notebook.resize(1200, 2600)
    notebook.run_all()
    notebook.wait_idle()
    page.wait_for_function("() => document.querySelectorAll('.kit-live').length === 3")
    settle(page)
    page.screenshot(path=f"/tmp/shots/live/live-{server.app}.png")
    _, first, second = page.evaluate(VISIBLE)
    assert (first["pictures"], second["pictures"]) == (1, 1), "only the user's plots"
    assert (first["loading"], second["loading"]) == (0, 0)
    assert first["marks"][0].startswith("Training and validation loss of the run 'BatchedTrainer' over 4 epochs")
    for trusted in (False, True):
        other = reopened(notebook, trusted=trusted)
        other.set_viewport_size({"width": 1200, "height": 2600})
        other.wait_for_timeout(1000)
        other.screenshot(path=f"/tmp/shots/live/reopened-{trusted}-{server.app}.png")
        _, first, second = other.evaluate(VISIBLE)
        assert (first["pictures"], second["pictures"]) == (2, 3)
        assert not trusted or first["loading"] + second["loading"] == 0
        assert len(first["marks"]) == 1
        assert len(second["marks"]) == 2
        other.close()
