"""Pytest plugin that keeps the outputs of tested lessons for the site: ``pytest -p notebooks.site.tested_lessons``.

nbval compares the outputs as without the plugin. In the kept notebook, each widget is HTML that works without a kernel.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import nbformat
import pytest

from trainers.widgets.export import PAGE

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "lessons"
WIDGET = "application/vnd.jupyter.widget-view+json"


@functools.cache
def digest() -> bytes:
    """Return a hash of the code and data on which the outputs depend, apart from the notebooks."""
    text = hashlib.sha256()
    for folder in ("trainers", "data", "notebooks/course"):
        for path in sorted(ROOT.joinpath(folder).rglob("*")):
            if path.suffix in (".py", ".js", ".css", ".html", ".npz"):
                text.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return text.digest()


@functools.cache
def lessons() -> list[Path]:
    """Return the notebooks whose outputs are kept: not the set-up check, which waits for a press of a button."""
    return sorted(ROOT.glob("notebooks/0[1-9]_*.ipynb"))


def kept(lesson: Path) -> Path:
    """Return the file for a lesson's outputs; its name changes with the lesson, the packages and the data."""
    return KEPT / f"{lesson.stem}-{hashlib.sha256(digest() + lesson.read_bytes()).hexdigest()[:16]}.ipynb"


def for_page(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return a cell's outputs with HTML instead of each widget, its mark and its picture."""
    shown, is_picture = [], False
    for output in outputs:
        data = output.get("data", {})
        if PAGE in data:
            output = nbformat.v4.new_output("display_data", {"text/html": data[PAGE]})
        if not is_picture and WIDGET not in data:
            shown.append(output)
        # Each mark is followed by a picture.
        is_picture = PAGE in data
    return shown


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> object:
    """Let the kernel of a lesson, which starts here, add the widgets' HTML to the outputs."""
    with pytest.MonkeyPatch.context() as patch:
        if item.path in lessons():
            digest()
            patch.setenv("TRAINERS_WIDGETS", "both")
            # Pages are always built without classroom mode.
            patch.delenv("TRAINERS_CLASSROOM", raising=False)
            item.parent.skip_compare = {*item.parent.skip_compare, PAGE}
        return (yield)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Keep the outputs after the last cell of a lesson, if all cells were tested and no test has failed."""
    if item.path not in lessons() or (nextitem and nextitem.parent is item.parent) or item.session.testsfailed:
        return
    notebook = item.parent.nb
    tested = {one.cell_num: one for one in item.session.items if one.parent is item.parent}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if len(tested) == len(cells):
        for number, cell in enumerate(cells):
            cell.outputs = for_page(tested[number].test_outputs)
        KEPT.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, kept(item.path))
