"""The map of a latent space in JupyterLab and Notebook 7: synchronisation with Python, and appearance."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import needs_subshells
from .jupyter import at_rest
from .latent_page import CLIPPED, CONTRAST, OVERLAPPING, Map

SHOW = """
from trainers.widgets import LatentMap
reconstruction = 0.8 * test.sequences
latent_map = LatentMap(test.sequences[:, [20, 100], 0], test, reconstructions=reconstruction)
latent_map
"""
SAY = "print('now', latent_map.selected)"


@pytest.fixture(scope="module")
def test_set():
    """Return the same test set as in the notebook."""
    from data import load_ecg5000, split

    return split(load_ecg5000())[3]


def test_pinned_point_and_selected_are_synchronised(server, open_notebook, test_set):
    notebook = open_notebook(server, "latent", SHOW, SAY, "latent_map.selected = 8", SAY)
    page, errors = notebook.page, []
    page.on("pageerror", lambda error: errors.append(str(error)))
    notebook.run(1)
    shown = Map(page)
    notebook.wait_idle()
    at_rest(shown.stage)
    beats = test_set.sequences[..., 0].numpy()
    points = beats[:, [20, 100]]
    far = int(np.argmax(points[:, 1]))
    shown.point(shown.pixels(points)[far])
    (card,) = shown.cards()
    assert card == (far, test_set.class_names[test_set.labels[far]], False)
    np.testing.assert_allclose(shown.lines(0, "sequence")[:, 0], beats[far], atol=0.06)
    np.testing.assert_allclose(shown.lines(0, "reconstruction")[:, 0], 0.8 * beats[far], atol=0.06)
    shown.click(shown.pixels(points)[far])
    notebook.await_values(2, str(far))

    cells = page.locator(".jp-Notebook .jp-Cell").count()
    active = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    shown.stage.focus()
    before = page.evaluate(active)
    shown.press("ArrowDown", "ArrowDown", "ArrowLeft", "+", "-", "0", "Enter")
    assert page.evaluate(active) == before, "the notebook does not handle the keys"
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    ((stepped, _, pinned),) = shown.cards()
    assert pinned
    assert stepped != far
    notebook.await_values(2, str(stepped))

    notebook.run(3)
    page.wait_for_function("() => document.querySelector('.kit-latent .first b').textContent.includes('sequence 8,')")
    notebook.wait_idle()
    assert shown.cards()[0][::2] == (8, True)
    shown.press("Escape")
    notebook.await_values(4, "None")
    assert errors == []


def test_two_views_are_synchronised(lab, open_notebook):
    notebook = open_notebook(lab, "latent-views", SHOW, "latent_map")
    page = notebook.page
    notebook.run(1)
    notebook.run(2)
    page.wait_for_function("() => document.querySelectorAll('.kit-latent').length === 2")
    notebook.wait_idle()
    first, second = page.locator(".kit-latent .stage").all()
    for one in (first, second):
        one.press("ArrowRight")
        one.press("Enter")
        page.wait_for_function("""() => {
            const [a, b] = [...document.querySelectorAll('.kit-latent .first')].map(e => e.textContent);
            return a === b && a.includes('pinned');
        }""")
        one.press("Escape")
        page.wait_for_function(
            "() => [...document.querySelectorAll('.kit-latent')].every(e => !e.querySelector('.marks .pinned'))"
        )


@needs_subshells
def test_pin_reaches_python_while_cell_is_running(lab, open_notebook):
    wait = """
import time
end = time.monotonic() + 40
while latent_map.selected is None and time.monotonic() < end:
    time.sleep(0.05)
"""
    notebook = open_notebook(lab, "latent-busy", SHOW, wait, SAY)
    page = notebook.page
    notebook.run(1)
    shown = Map(page)
    notebook.wait_idle()
    notebook.run(2)
    page.wait_for_function("() => document.querySelector('.jp-Notebook').textContent.includes('[*]')")
    shown.press("ArrowRight", "Enter")
    notebook.wait_idle(30)
    notebook.await_values(3, str(shown.cards()[0][0]))


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [1200, 600])
def test_widget_is_readable_in_both_themes_and_narrow_window(lab, open_notebook, tmp_path, theme, width):
    notebook = open_notebook(lab, "latent-looks", SHOW)
    page = notebook.page
    notebook.resize(width, 1300)
    notebook.set_theme(theme)
    notebook.run(1)
    shown = Map(page)
    shown.press("ArrowRight", "Enter", "ArrowUp")
    notebook.wait_idle()
    shown.settle()
    assert len(shown.cards()) == 2
    shown.root.screenshot(path=tmp_path / "map.png")
    assert min(page.evaluate(CONTRAST)) >= 4.5, "WCAG AA"
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []
