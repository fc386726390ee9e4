"""Slides in JupyterLab as opened by `make class`: navigation, running cells, and widgets."""

from __future__ import annotations

import pytest

from .conftest import SETUP, needs_subshells
from .jupyter import Notebook, at_rest

BUSY = f"""
{SETUP}
monitor = TrainingMonitor(few)
result = benchmark(make(), training, validation, epochs=500, callbacks=[monitor])
"""
EXPLORER = """
from trainers.widgets import ThresholdExplorer
explorer = ThresholdExplorer([0.1, 0.2, 0.3, 0.9], [0, 0, 0, 1], threshold=0.5)
explorer
"""
SHOWN = """() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')]
    .map((cell, i) => (cell.checkVisibility({ visibilityProperty: true }) ? i : -1)).filter(i => i >= 0)"""


def as_cell(kind, source):
    """Return a cell with a slide type; a source that begins with a heading or with bold text is Markdown."""
    metadata = {"slideshow": {"slide_type": kind}} if kind else {}
    code = {"outputs": [], "execution_count": None}
    what = {"cell_type": "markdown"} if source.startswith(("#", "**")) else {"cell_type": "code", **code}
    return {**what, "metadata": metadata, "source": source}


@pytest.fixture
def slides(class_lab, used_page):
    """Open a notebook of eight cells as slides; its first code cell has been run."""
    page = used_page
    page.set_viewport_size({"width": 1280, "height": 720})
    cells = [
        ("slide", "# A title\n\nand a line"), (None, "print('ready')"),
        ("slide", "## Train\n\n**Predict:** what?"), ("subslide", BUSY),
        ("fragment", "print(result.stopped, len(result.history))"), ("skip", "## Exercises"),
        ("slide", EXPLORER), (None, "print(explorer.threshold)"),
    ]  # fmt: skip
    class_lab.reuse_kernel(class_lab.folder / "slides.ipynb")
    notebook = Notebook(page, class_lab, "slides", [as_cell(*cell) for cell in cells])
    notebook.run(1)
    page.wait_for_function("() => document.querySelector('.jp-OutputArea-output pre')?.textContent.includes('ready')")
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }")
    page.get_by_role("button", name="Slides", exact=True).click()
    page.wait_for_selector(".kit-slides")
    yield notebook
    page.keyboard.press("Escape")


def place(page):
    return page.locator(".kit-slides-bar span").text_content()


def test_slide_fills_window(slides):
    page = slides.page
    around = """() => [[5, 5], [640, 5], [1275, 5], [5, 360], [1275, 360], [5, 715], [640, 715]]
        .filter(([x, y]) => !document.elementFromPoint(x, y)?.closest('.kit-slides'))"""
    assert page.evaluate(around) == []
    page.keyboard.press("Escape")
    assert len(page.evaluate(around)) == 7
    page.wait_for_function("""() => {
        const [panel, notebook] = ['.jp-NotebookPanel', '.jp-Notebook'].map(e => document.querySelector(e).clientWidth);
        return notebook === panel && panel < 1280;
    }""")


def test_other_document_hides_slides_and_tab_shows_them(slides):
    page = slides.page
    slides.server.folder.joinpath("words.md").write_text("# Words")
    path = f"{slides.server.folder.name}/words.md"
    page.evaluate("path => window.jupyterapp.commands.execute('docmanager:open', { path })", path)
    page.get_by_text("Words", exact=True).first.wait_for()
    assert page.locator("#jp-menu-panel").is_visible()
    page.locator(".lm-TabBar-tabLabel", has_text=slides.path.name).click()
    page.wait_for_function("() => document.querySelector('.kit-slides')?.checkVisibility()")
    assert not page.locator("#jp-menu-panel").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_function("() => !document.querySelector('.kit-slides')")
    assert page.locator("#jp-menu-panel").is_visible()


def test_cell_without_slide_cannot_be_run(slides):
    page = slides.page
    for _ in range(3):
        page.keyboard.press("PageDown")
    assert page.evaluate(SHOWN) == [3, 4]
    active = "() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 5; }")
    assert page.evaluate(active) == 4, "the exercises are not a slide"
    assert page.evaluate(SHOWN) == [3, 4]


def test_printed_lines_break_between_words(slides):
    page = slides.page
    output = page.locator(".jp-OutputArea-output pre").first
    narrow = "e => { e.textContent = 'tolerance '.repeat(20); e.style.width = '15.5ch'; return e.scrollHeight; }"
    unbroken = "e => { e.style.width = '10.5ch'; return e.scrollHeight; }"
    assert output.evaluate(narrow) == output.evaluate(unbroken)


def test_keys_and_buttons_navigate_and_end_slides(slides):
    page = slides.page
    assert page.evaluate(SHOWN) == [0, 1]
    assert place(page) == "1 / 4"
    steps = {
        "Space": [2],
        "PageDown": [3],
        "ArrowRight": [3, 4],
        "Shift+Space": [3],
        "PageUp": [2],
        "ArrowLeft": [0, 1],
    }
    for key, shown in steps.items():
        page.keyboard.press(key)
        assert page.evaluate(SHOWN) == shown, key
    page.get_by_role("button", name="next", exact=True).click()
    assert page.evaluate(SHOWN) == [2]
    page.get_by_role("button", name="previous", exact=True).click()
    assert page.evaluate(SHOWN) == [0, 1]
    for _ in range(9):
        page.keyboard.press("PageDown")
    assert place(page) == "4 / 4", "the exercises are left out, and the last slide stays"
    assert page.evaluate(SHOWN) == [6, 7]
    page.keyboard.press("Escape")
    assert page.evaluate(SHOWN) == list(range(8))
    assert page.locator(".kit-slides, .kit-elsewhere, .kit-later").count() == 0


@needs_subshells
def test_training_is_watched_and_stopped_on_slide(slides):
    page = slides.page
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("Shift+Enter")
    slides.await_epoch(3, timeout=60)
    assert page.evaluate(SHOWN) == [3], "running a cell does not change the slide"
    assert page.locator(".kit-chart path.curve").count() == 2
    slides.press("Pause")
    slides.await_state("paused")
    assert slides.busy(1)
    monitor = at_rest(page.locator(".widget-vbox", has=page.locator(".kit-chart")).first)
    assert monitor["height"] < 690, "buttons, curves and reconstructions are visible at the same time"
    slides.press("Stop")
    slides.await_state("stopped by hand")
    slides.wait_idle()
    page.get_by_role("button", name="next", exact=True).click()
    assert page.evaluate(SHOWN) == [3, 4]
    page.keyboard.press("Shift+Enter")
    slides.wait_idle()
    assert "stopped by hand" in slides.text(2)


def test_explorer_is_dragged_on_slide_and_handles_its_keys(slides):
    page = slides.page
    for _ in range(4):
        page.keyboard.press("PageDown")
    page.keyboard.press("Shift+Enter")
    slider = page.get_by_role("slider", name="threshold")
    slider.wait_for()
    slides.wait_idle()
    box = at_rest(page.locator(".kit-threshold .histogram"))
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 90, steps=8)
    page.mouse.up()
    page.wait_for_function(
        "() => Number(document.querySelector('.kit-threshold .threshold').getAttribute('aria-valuenow')) > 0.6"
    )
    # The threshold is at the last position of the mouse, although the widget is zoomed.
    grip = at_rest(page.locator(".kit-threshold .grip"))
    assert grip["x"] + grip["width"] / 2 == pytest.approx(box["x"] + 0.8 * box["width"], abs=4)
    slider.press("PageUp")
    assert place(page) == "4 / 4", "the slides do not handle its keys"


def test_typing_on_slide_edits_cell(slides):
    page = slides.page
    for _ in range(3):
        page.keyboard.press("PageDown")
    page.locator(".jp-Cell:not(.kit-elsewhere) .cm-content").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nprint('a b')")
    assert page.evaluate(SHOWN) == [3, 4]
    source = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets[4].model.sharedModel.source")
    assert source.endswith("print('a b')")


PICTURE = """
from trainers import Figure
# not a heading
figure = Figure("a line", figsize=(9, 4))
figure.plain_axes().plot([1, 2])
figure
"""
GUIDE = """# Guide

## Lesson 1: Other

Not this.

## Lesson 2: Pictures

{plans}

- **Look at it:** a line.

## Lesson 3: Later
"""
PLAN = """
### {minutes} minutes

| min | section | do, ask |
|---|---|---|
| 0-3 | a title | "Why?" |
| 3-9 | look at it | "What do you see in {minutes} minutes?" |
"""
GUIDE = GUIDE.replace(
    "{plans}", (PLAN + "\na line\n" * 40).replace("{minutes}", "15") + PLAN.replace("{minutes}", "45")
)


@pytest.fixture
def pictures(class_lab, used_page):
    """Open a lesson with a picture and a text about it as slides, with an instructor guide beside it."""
    page = used_page
    page.set_viewport_size({"width": 1280, "height": 720})
    class_lab.folder.joinpath("instructor_guide.md").write_text(GUIDE)
    cells = [
        ("slide", "# 2. A title\n\nand a line"), ("slide", "## Look at it (3 minutes)"), (None, PICTURE),
        ("fragment", "**Observe:** " + "a line goes up. " * 20),
    ]  # fmt: skip
    class_lab.reuse_kernel(class_lab.folder / "02_pictures.ipynb")
    notebook = Notebook(page, class_lab, "02_pictures", [as_cell(*cell) for cell in cells])
    notebook.run(2)
    page.locator(".jp-OutputArea-output img").wait_for()
    page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 0; }")
    page.get_by_role("button", name="Slides", exact=True).click()
    page.wait_for_selector(".kit-slides")
    yield notebook
    page.keyboard.press("Escape")


def test_text_stands_beside_its_picture(pictures):
    page = pictures.page
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    assert page.evaluate(SHOWN) == [1, 2, 3]
    picture, text = (page.locator(".jp-Cell.kit-pair").nth(i).bounding_box() for i in (0, 1))
    assert picture["x"] + picture["width"] <= text["x"] + 1
    assert text["x"] + text["width"] <= 1280
    assert text["y"] < picture["y"] + picture["height"], "on the same height"
    assert picture["y"] + picture["height"] <= 720
    page.keyboard.press("Escape")
    assert page.locator(".kit-pair").count() == 0


def test_notes_follow_the_slides(pictures):
    page = pictures.page
    with page.expect_popup() as opened:
        page.get_by_role("button", name="notes").click()
    notes = opened.value
    notes.locator("table").last.wait_for()
    assert "What do you see in 45 minutes?" in notes.locator("body").inner_text()
    assert "Not this." not in notes.locator("body").inner_text()
    marked = notes.locator("tr.now")
    assert [row.inner_text().split("\t")[1] for row in marked.all()] == ["a title"] * 2
    seen = """() => [...document.querySelectorAll('tr.now')].map(row => row.getBoundingClientRect().y)
        .map(y => y > 0 && y < innerHeight)"""
    assert notes.evaluate(seen) == [False, True], "the plan of 45 minutes"
    page.get_by_role("button", name="next", exact=True).click()
    notes.locator("li.now").wait_for()
    assert [row.inner_text().split("\t")[1] for row in marked.all()] == ["look at it"] * 2
    assert notes.evaluate(seen) == [False, True]
    marked.first.click()
    notes.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    page.get_by_role("button", name="previous", exact=True).click()
    notes.locator("tr.now", has_text="a title").first.wait_for()
    assert notes.evaluate(seen) == [True, False], "the plan clicked last"
    notes.close()


def test_slides_load_nothing_from_network(class_lab, page):
    requests = []
    page.context.on(
        "request",
        lambda request: (
            "127.0.0.1" in request.url or request.url[:5] in ("data:", "blob:") or requests.append(request.url)
        ),
    )
    notebook = Notebook(page, class_lab, "offline", ["1"])
    notebook.command("classroom:slides")
    page.wait_for_selector(".kit-slides")
    assert requests == []
