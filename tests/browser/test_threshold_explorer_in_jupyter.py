"""The threshold explorer in JupyterLab and Notebook 7: synchronisation with Python, and appearance."""

from __future__ import annotations

import pytest

from .conftest import needs_subshells
from .jupyter import at_rest, settle
from .threshold_page import CLIPPED, CONTRAST, OVERLAPPING

SHOW = """
import numpy as np
from trainers.widgets import ThresholdExplorer
mean = training.sequences.mean(0)
scores = (test.sequences - mean).abs().mean((1, 2)).numpy()
explorer = ThresholdExplorer(scores, test.labels, threshold=0.5, class_names=test.class_names,
                             sequences=test, reconstructions=mean.expand_as(test.sequences))
explorer
"""
SAY = "print('now', explorer.threshold, explorer.hide_labels, explorer.miss_cost, (scores > explorer.threshold).sum())"


def test_page_and_python_are_synchronised(server, open_notebook):
    notebook = open_notebook(
        server, "threshold", SHOW, SAY, "explorer.threshold = 0.75\nexplorer.hide_labels = False", SAY
    )
    page = notebook.page
    notebook.run(1)
    slider = page.get_by_role("slider", name="threshold")
    slider.wait_for()
    notebook.wait_idle()
    box = at_rest(page.locator(".kit-threshold .histogram"))
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 90, steps=15)
    page.mouse.up()
    settle(page)
    dragged = slider.get_attribute("aria-valuenow")
    assert float(dragged) > 0.8
    values = notebook.await_values(2, dragged)
    assert page.locator(".kit-threshold .said").text_content().startswith(f"{values[3]} of ")

    cells = page.locator(".jp-Notebook .jp-Cell").count()
    active = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    slider.focus()
    before = page.evaluate(active)
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "PageDown", "Shift+ArrowLeft"):
        slider.press(key)
    assert page.evaluate(active) == before, "the notebook does not handle the keys"
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    page.get_by_label("hide the labels").check()
    settle(page)
    stepped = slider.get_attribute("aria-valuenow")
    assert float(stepped) < float(dragged)
    assert not page.locator(".kit-threshold .truth").is_visible()
    notebook.await_values(2, stepped, "True")

    notebook.run(3)
    page.wait_for_function(
        "() => document.querySelector('.kit-threshold .threshold').getAttribute('aria-valuenow') === '0.75'"
    )
    assert page.locator(".kit-threshold .truth").is_visible()
    cost = page.get_by_label("a miss")
    cost.fill("5")
    cost.press("Enter")
    field = page.locator(".kit-threshold input.number")
    field.fill("0.8")
    field.press("Enter")
    settle(page)
    assert slider.get_attribute("aria-valuenow") == "0.8", "Enter is enough, without leaving the field"
    values = notebook.await_values(4, "0.8", "False", "5.0")
    counts = [int(page.locator(f"[data-figure={name}]").text_content()) for name in ("falseAlarms", "found")]
    assert sum(counts) == int(values[3])


def test_two_views_are_synchronised(lab, open_notebook):
    notebook = open_notebook(lab, "views", SHOW, "explorer", SAY)
    page = notebook.page
    notebook.run(1)
    notebook.run(2)
    page.wait_for_function("() => document.querySelectorAll('.kit-threshold').length === 2")
    notebook.wait_idle()
    first, second = page.get_by_role("slider", name="threshold").all()
    for one, other in ((first, second), (second, first)):
        one.press("PageUp")
        one.press("ArrowRight")
        settle(page)
        now = one.get_attribute("aria-valuenow")
        notebook.await_values(3, now)
        assert one.get_attribute("aria-valuenow") == other.get_attribute("aria-valuenow") == now


def test_refused_value_is_named_and_not_sent_to_python(lab, open_notebook):
    notebook = open_notebook(lab, "refused", SHOW, SAY)
    page = notebook.page
    notebook.run(1)
    field = page.locator(".kit-threshold input.number")
    field.wait_for()
    notebook.wait_idle()
    field.fill("abc")
    field.press("Enter")
    alert = page.locator(".kit-threshold .bar [role=alert]")
    assert alert.inner_text().strip() == "threshold must be a finite number, got 'abc'."
    page.get_by_label("hide the labels").check()
    notebook.await_values(2, "0.5", "True")
    assert alert.is_visible(), "until another value is accepted"
    field.fill("0.7")
    field.press("Enter")
    notebook.await_values(2, "0.7", "True")
    assert not alert.is_visible()


@needs_subshells
def test_threshold_reaches_python_while_cell_is_running(lab, open_notebook):
    wait = """
import time
end = time.monotonic() + 40
while explorer.threshold == 0.5 and time.monotonic() < end:
    time.sleep(0.05)
"""
    notebook = open_notebook(lab, "busy", SHOW, wait, SAY)
    page = notebook.page
    notebook.run(1)
    slider = page.get_by_role("slider", name="threshold")
    slider.wait_for()
    notebook.wait_idle()
    notebook.run(2)
    page.wait_for_function("() => document.querySelector('.jp-Notebook').textContent.includes('[*]')")
    slider.press("PageUp")
    notebook.wait_idle(30)
    assert float(notebook.values_from(3)[0]) > 0.5


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [1200, 600])
def test_widget_is_readable_in_both_themes_and_narrow_window(lab, open_notebook, tmp_path, theme, width):
    notebook = open_notebook(lab, "looks", SHOW)
    page = notebook.page
    notebook.resize(width, 1300)
    notebook.set_theme(theme)
    notebook.run(1)
    page.get_by_role("slider", name="threshold").press("PageUp")
    page.get_by_label("a miss").fill("5")
    page.get_by_label("a false alarm").fill("1")
    page.get_by_label("a false alarm").press("Enter")
    notebook.wait_idle()
    settle(page)
    assert page.locator("[data-figure=lowest]").is_visible()
    page.locator(".kit-threshold").screenshot(path=tmp_path / "explorer.png")
    assert min(page.evaluate(CONTRAST)) >= 4.5, "WCAG AA"
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []
