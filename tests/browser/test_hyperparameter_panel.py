"""The hyperparameter panel at 1280 x 800, alone and beside a monitor."""

from __future__ import annotations

import pytest

from .conftest import needs_subshells
from .contrast import contrast_script

ALONE = "trainer = make()\nHyperparameterPanel(trainer)"
BESIDE = """
import ipywidgets
trainer, monitor = make(), TrainingMonitor(few)
ipywidgets.HBox([monitor, HyperparameterPanel(trainer)])
"""
RUN = "result = benchmark(trainer, training, validation, epochs=500, callbacks=[monitor])"
NOW = "print('now', trainer.learning_rate)"
NOTES = "print('now', *[row.note.replace(' ', '_') for row in result.history if row.note])"
CONTRAST = contrast_script(".kit-panel", "textOf('label, b, input')")
CLIPPED = """() => [...document.querySelectorAll('.kit-panel .lm-TabPanel-stackedPanel input')]
    .filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1).map(one => one.value)"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_panel_is_low_and_its_table_is_hidden(server, open_notebook, theme):
    notebook = open_notebook(server, "alone", ALONE, NOW)
    page = notebook.page
    notebook.resize(1280, 800)
    if server.app == "lab":
        notebook.set_theme(theme)
    notebook.run(1)
    rate = page.get_by_label("learning_rate")
    rate.fill("0.00345678901")
    rate.press("Enter")
    notebook.await_values(2, "0.00345678901")
    rate.fill("fast")
    rate.press("Enter")
    page.get_by_text("learning_rate must be a number above 0").wait_for()
    for tab in page.locator(".kit-panel").get_by_role("tab").all():
        tab.click()
        assert page.locator(".kit-panel").bounding_box()["height"] <= 300
        assert min(page.evaluate(CONTRAST)) >= 4.5
        assert page.evaluate(CLIPPED) in ([], ["0.00345678901"])
    assert not page.get_by_text("as a table").is_visible()


@needs_subshells
def test_slider_beside_monitor_changes_running_training(server, open_notebook):
    notebook = open_notebook(server, "beside", BESIDE, RUN, NOTES)
    page = notebook.page
    notebook.resize(1280, 800)
    notebook.run(1)
    panel = page.locator(".kit-panel")
    panel.wait_for()
    notebook.run(2)
    notebook.await_epoch(2)
    chart, box = page.locator(".kit-chart").bounding_box(), panel.bounding_box()
    assert box["x"] >= chart["x"] + chart["width"]
    assert box["x"] + box["width"] <= 1280
    assert box["height"] <= 300
    notebook.press("Pause")
    notebook.await_state("paused")
    slider = panel.get_by_role("slider").first
    assert slider.bounding_box()["x"] + 60 < box["x"] + box["width"]
    # In Notebook 7, the arrow keys move to other cells.
    slider.press("End")
    page.get_by_text("applied from the next epoch on").wait_for()
    assert panel.bounding_box()["height"] <= 300
    epoch = int(notebook.state().split("epoch ")[1].split()[0])
    notebook.press("Resume")
    notebook.await_epoch(epoch + 2)
    notebook.press("Stop")
    notebook.wait_idle()
    assert notebook.values_from(3) == ["learning_rate_0.02_→_0.1"]
