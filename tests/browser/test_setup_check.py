"""The button of the set-up notebook, pressed in a page while the cell is running."""

from __future__ import annotations

import json
import re

from .conftest import needs_subshells
from .jupyter import ROOT, Notebook

COUNT = """
from notebooks.course.press_check import PressCheck
press = PressCheck(seconds=60)
press.count()
print("milliseconds", press.milliseconds)
"""


@needs_subshells
def test_press_arrives_while_cell_is_running(server, open_notebook):
    notebook = open_notebook(server, "press", COUNT)
    notebook.run(1)
    button = notebook.page.get_by_role("button", name="Press me")
    notebook.page.get_by_text("s left: press now").wait_for()
    assert notebook.busy(1)
    button.click()
    notebook.wait_idle()
    text = notebook.text(1)
    assert "The kernel received your press while the cell ran, and answered in" in text
    assert float(re.search(r"milliseconds ([\d.]+)", text)[1]) > 0
    notebook.page.get_by_role("status").get_by_text("The kernel received your press").wait_for()
    assert button.is_disabled()


@needs_subshells
def test_notebook_shows_ready_after_press(lab, page, tmp_path):
    name = "00_check_your_setup.ipynb"
    content = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for cell in cells:
        cell.update(outputs=[], execution_count=None)
    # Allow more time for the press.
    source = "".join(cells[-1]["source"])
    assert "seconds=15" in source
    cells[-1]["source"] = source.replace("15", "60")
    notebook = Notebook(page, lab, "setup", content["cells"])
    notebook.run_all()
    page.get_by_text("s left: press now").wait_for(timeout=120_000)
    assert page.get_by_text(re.compile("^(Ready for class|The lessons run)")).count() == 1
    page.get_by_role("button", name="Press me").click()
    page.get_by_text("The kernel received your press while the cell ran").first.wait_for()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        notebook.set_theme(theme)
        assert page.locator(".kit-threshold .plot").count() > 0, "a widget is displayed"
        page.screenshot(path=tmp_path / f"{theme}.png")
