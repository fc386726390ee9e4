"""Where a widget is drawn, its picture is hidden; without a kernel, in other pages, its picture is visible."""

from __future__ import annotations

import os
import subprocess
import sys

from nbconvert import HTMLExporter

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


MANY = """
monitor = TrainingMonitor(few)
result = benchmark(make(steps_per_epoch=4), training, validation, epochs=2, callbacks=[monitor])
display(RunComparison({"one": result}), HyperparameterPanel(make()))
"""
BOXES = """
import ipywidgets
monitor = TrainingMonitor(few)
comparison = RunComparison({"now": monitor})
output = ipywidgets.Output()
display(ipywidgets.Tab([ipywidgets.VBox([monitor, comparison])], titles=["training"]), output)
result = benchmark(make(steps_per_epoch=4), training, validation, epochs=4, callbacks=[monitor])
with output:
    display(RunComparison({"done": result}))
"""


BOX = """
import ipywidgets
monitor = TrainingMonitor(few)
ipywidgets.HBox([monitor, HyperparameterPanel(make())])
"""
RUN_IN_BOX = "result = benchmark(make(steps_per_epoch=4), training, validation, epochs=4, callbacks=[monitor])"


def reopened(notebook, *, trusted: bool):
    """Save a notebook, and open it again with a new kernel; without trust, Jupyter removes styles from its outputs."""
    page, server = notebook.page, notebook.server
    notebook.save()
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
    _, first, second = page.evaluate(VISIBLE)
    assert (first["pictures"], second["pictures"]) == (1, 1), "only the user's plots"
    assert (first["loading"], second["loading"]) == (0, 0)
    assert first["marks"][0].startswith("Training and validation loss of the run 'BatchedTrainer' over 4 epochs")
    for trusted in (False, True):
        other = reopened(notebook, trusted=trusted)
        other.set_viewport_size({"width": 1200, "height": 2600})
        other.wait_for_timeout(1000)
        assert other.get_by_text("inline scripts").count() == 0
        _, first, second = other.evaluate(VISIBLE)
        assert (first["pictures"], second["pictures"]) == (2, 3)
        assert not trusted or first["loading"] + second["loading"] == 0
        assert len(first["marks"]) == 1
        assert len(second["marks"]) == 2
        other.close()


def test_exported_page_has_pictures_with_alt_text(lab, page, open_notebook):
    notebook = open_notebook(lab, "export", RUN, page=page)
    notebook.run_all()
    notebook.wait_idle()
    notebook.save()
    path = notebook.path.with_suffix(".html")
    path.write_text(HTMLExporter().from_filename(notebook.path)[0])
    page.context.set_offline(True)
    page.goto(path.as_uri())
    visible = page.locator("img:visible").count()
    assert visible == 2
    widget_picture = page.get_by_role("img", name="Training and validation loss of the run 'BatchedTrainer'")
    assert widget_picture.count() == 1, "the mark before the picture is not read as well"
    assert widget_picture.evaluate("one => one.tagName") == "IMG"
    assert page.get_by_text("Loading widget").count() == 0


def test_cell_run_again_replaces_its_widgets(server, open_notebook):
    count = "from ipywidgets.widgets.widget import _instances\nprint('now', len(_instances))"
    notebook = open_notebook(server, "again", MANY, count)
    counts = []
    for _ in range(3):
        notebook.run(1)
        notebook.page.wait_for_timeout(200)
        notebook.wait_idle()
        counts += notebook.values_from(2)
    assert len(set(counts)) == 1
    assert notebook.cell(1).locator(".kit-chart").count() == 2
    notebook.await_state("2 epochs, best")


def test_widgets_work_in_boxes(server, open_notebook):
    notebook = open_notebook(server, "boxes", BOXES)
    notebook.run_all()
    notebook.await_state("4 epochs, best")
    page = notebook.page
    assert page.locator(".widget-tab .kit-live").count() == 2
    page.locator(".widget-output .kit-live").wait_for()
    assert page.locator(".kit-live:visible").count() == 3, "the monitor is not displayed below the cell as well"
    assert page.locator(".widget-output img:visible").count() == 0
    page.locator(".kit-live .legend").nth(1).get_by_text("best, epoch 4").wait_for()
    page.locator(".widget-slider .noUi-handle").first.press("Home")
    notebook.await_words("epoch 1:")


def test_picture_is_hidden_where_box_of_other_cell_is_drawn(server, page, open_notebook):
    notebook = open_notebook(server, "other", BOX, RUN_IN_BOX, page=page)
    notebook.run_all()
    notebook.await_state("4 epochs, best")
    notebook.wait_idle()
    notebook.cell(2).locator("img").wait_for(state="attached")
    settle(page)
    assert [cell["pictures"] for cell in page.evaluate(VISIBLE)] == [0, 0, 0]
    other = reopened(notebook, trusted=True)
    assert [cell["pictures"] for cell in other.evaluate(VISIBLE)] == [0, 0, 1]
    other.close()
