"""Classroom mode in the browser: texts and widgets are larger, and nothing is clipped."""

from __future__ import annotations

import json

import numpy as np
import pytest

from notebooks.course import classroom
from trainers.widgets import LatentMap, SeriesViewer

from .jupyter import at_rest
from .latent_page import CLIPPED as CLIPPED_MAP
from .test_looks import CLIPPED, COVERED
from .threshold_page import CLIPPED as CLIPPED_EXPLORER
from .threshold_page import OVERLAPPING

SHOW = """
monitor = TrainingMonitor(few)
result = benchmark(make(learning_rate=3, steps_per_epoch=4), training, validation, epochs=12, callbacks=[monitor])
"""
EXPLORER = """
from trainers.detection import reconstruction_error
from trainers.widgets import ThresholdExplorer
ThresholdExplorer(reconstruction_error(result.model, test), test.labels, class_names=test.class_names)
"""
SERIES = """
from data import load_mitbih
from trainers.widgets import SeriesViewer
recording = load_mitbih().test
viewer = SeriesViewer(recording, scores=abs(recording.values[:, 0]), threshold=0.8)
viewer
"""
MAP = """
from trainers.widgets import LatentMap
latent_map = LatentMap(test.sequences[:300, [20, 100], 0], test.subset(range(300)), selected=8)
latent_map
"""
# A sharp canvas has as many pixels as it covers on the screen. It follows its size after one or more frames.
SHARP = """selector => {
    const e = document.querySelector(selector);
    return e && Math.abs(e.width - e.getBoundingClientRect().width) <= 2;
}"""
# Font size on the screen, including the zoom.
SIZE = """selector => {
    const e = document.querySelector(selector);
    return parseFloat(getComputedStyle(e).fontSize) * (e.currentCSSZoom ?? 1);
}"""


def test_text_of_jupyterlab_is_larger_and_notebook_has_full_width(class_lab, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    output = {"output_type": "stream", "name": "stdout", "text": "printed"}
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1", "outputs": [output], "execution_count": 1}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    class_lab.folder.joinpath("text.ipynb").write_text(json.dumps(notebook))
    # Open it in the prepared workspace, like the command; other tests use other workspaces.
    name = f"{class_lab.folder.name}/text.ipynb"
    page.goto(f"http://127.0.0.1:{class_lab.port}/lab/tree/{name}?token={class_lab.token}")
    page.wait_for_selector(".jp-OutputArea-output pre", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .cm-content")
    assert page.evaluate(SIZE, ".jp-Notebook .cm-content") == classroom.CODE
    assert page.evaluate(SIZE, ".jp-OutputArea-output pre") == classroom.CODE
    assert at_rest(page.locator(".jp-NotebookPanel"))["width"] > 1150, "no sidebar"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_widgets_are_larger_and_nothing_is_clipped(class_lab, open_notebook, tmp_path, theme):
    notebook = open_notebook(class_lab, "widgets", SHOW, EXPLORER, SERIES, MAP, "HyperparameterPanel(make())")
    page = notebook.page
    page.set_viewport_size({"width": 1280, "height": 720})
    notebook.set_theme(theme)
    notebook.run_all()
    notebook.await_state("12 epochs")
    notebook.wait_idle()
    page.wait_for_timeout(500)
    texts = {
        ".kit-chart .state": 19.5, ".kit-chart .plot text": 18, ".kit-threshold .said": 19.5,
        ".kit-series .counts": 19.5, ".kit-latent .keys": 18, ".jupyter-button": 19.5, ".widget-html-content": 19.5,
    }  # fmt: skip
    for selector, size in texts.items():
        assert page.evaluate(SIZE, selector) == pytest.approx(size), selector
    page.locator(".kit-chart").screenshot(path=tmp_path / "chart.png")
    assert page.evaluate(CLIPPED) == []
    assert not page.evaluate(COVERED)
    assert page.evaluate(CLIPPED_EXPLORER) == []
    assert page.evaluate(OVERLAPPING) == []
    # The tolerance of one pixel is 1.5 pixels here; boxes of text are higher than its glyphs.
    assert (
        page.evaluate(CLIPPED_MAP.replace("- 1 ", "- 2.5 ").replace("+ 1)", "+ 2.5)").replace("+ 1 ", "+ 2.5 ")) == []
    )
    for selector in (".kit-series canvas.main", ".kit-latent canvas"):
        # JupyterLab lays out distant cells only after scrolling to them.
        at_rest(page.locator(selector))
        page.wait_for_function(SHARP, arg=selector)


@pytest.mark.parametrize("kind", [LatentMap, SeriesViewer])
def test_canvas_stays_sharp_when_its_widget_is_zoomed(page, tmp_path, kind):
    """In a wide page, the layout of the canvas does not change, but it covers more pixels on the screen."""
    values = np.sin(np.arange(90.0))
    shown = LatentMap(np.stack([values, values**2], 1), np.zeros((90, 5))) if kind is LatentMap else kind(values)
    shown.to_html(tmp_path / "page.html")
    page.set_viewport_size({"width": 2400, "height": 1000})
    page.goto(tmp_path.joinpath("page.html").as_uri())
    widget = ".kit-latent" if kind is LatentMap else ".kit-series"
    page.wait_for_function(SHARP, arg=f"{widget} canvas")
    before = page.locator(f"{widget} canvas").first.evaluate("e => e.width")
    page.locator(widget).evaluate("e => e.classList.add('kit-larger')")
    page.wait_for_function(SHARP, arg=f"{widget} canvas")
    assert page.locator(f"{widget} canvas").first.evaluate("e => e.width") == pytest.approx(1.5 * before, abs=2)


def test_mouse_positions_are_correct_in_zoomed_widget(class_lab, open_notebook):
    notebook = open_notebook(class_lab, "mouse", SHOW, SERIES, MAP, "print('now', latent_map.selected)")
    page = notebook.page
    notebook.run(1)
    notebook.await_state("12 epochs")
    notebook.wait_idle()
    box = at_rest(page.locator(".kit-chart path.restored").first)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "() => document.querySelector('.kit-chart .words').textContent.includes('best weights restored')"
    )
    box = at_rest(page.get_by_role("slider", name="epoch"))
    track = page.locator(".widget-slider .noUi-target").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + 1, box["y"] + 4, steps=8)
    page.mouse.up()
    notebook.await_words("epoch 1:")

    notebook.run(2)
    line = page.locator(".kit-series .threshold")
    line.wait_for()
    notebook.wait_idle()
    box = at_rest(line)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0], middle[1] + 30, steps=6)
    page.mouse.up()
    page.wait_for_timeout(300)
    after = at_rest(line)
    assert after["y"] + after["height"] / 2 == pytest.approx(middle[1] + 30, abs=2)

    notebook.run(3)
    ring = page.locator(".kit-latent .marks > *").first
    ring.wait_for()
    notebook.wait_idle()
    box = at_rest(ring)
    # A click on the pinned point unpins it.
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(500)
    notebook.run(4)
    page.wait_for_function("() => document.body.textContent.includes('now None')")


@pytest.mark.parametrize("app", ["lab", "notebook_server"])
def test_on_and_off_in_running_notebook(app, request, open_notebook):
    server = request.getfixturevalue(app)
    on, off = "from notebooks.course import classroom\nclassroom.on()", "classroom.off()"
    notebook = open_notebook(server, "on", SHOW, on, off, "print('text')")
    page = notebook.page
    notebook.run(1)
    notebook.await_state("12 epochs")
    notebook.run(4)
    notebook.wait_idle()
    before = [page.evaluate(SIZE, selector) for selector in (".kit-chart .state", ".jp-OutputArea-output pre")]
    notebook.run(2)
    page.wait_for_function("() => document.body.textContent.includes('Classroom mode is on')")
    notebook.wait_idle()
    page.wait_for_function(f"([s, was]) => ({SIZE})(s) > was", arg=[".kit-chart .state", before[0]])
    assert page.evaluate(SIZE, ".kit-chart .state") == pytest.approx(1.5 * before[0])
    assert page.evaluate(SIZE, ".jp-OutputArea-output pre") == classroom.CODE
    assert page.locator(".jp-OutputArea-output pre").first.evaluate("e => getComputedStyle(e).wordBreak") == "normal"
    notebook.run(3)
    page.wait_for_function(f"([s, was]) => ({SIZE})(s) === was", arg=[".kit-chart .state", before[0]])
    page.wait_for_function(f"([s, was]) => ({SIZE})(s) === was", arg=[".jp-OutputArea-output pre", before[1]])
