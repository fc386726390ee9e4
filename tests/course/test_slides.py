"""Which cells begin a slide, and that only the slide types are written into a notebook."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from notebooks.course import slides
from notebooks.course.slides import set_slides, slide_types, wrong_slides

ROOT = Path(__file__).resolve().parents[2]
PICTURE = {"output_type": "execute_result", "data": {"image/png": "", "text/plain": "<Figure>"}}
WIDGET = {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}}
# Displayed before a widget's picture, which is hidden where the widget is drawn.
MARK = {"output_type": "display_data", "data": {"text/html": '<span class="kit-picture"></span>'}}


def text(source, **metadata):
    return {"cell_type": "markdown", "metadata": metadata, "source": source.splitlines(keepends=True)}


def code(source, *outputs, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": [source], "outputs": list(outputs)}


def printed(lines):
    return {"output_type": "stream", "name": "stdout", "text": "line\n" * lines}


LONG = "word " * 370
CASES = {
    "heading begins a slide": (
        [text("# One"), text("## Two"), text("more"), text("### Three")],
        "slide slide - subslide",
    ),
    "heading below text begins a slide": (
        [text("# One"), text("**See:** this.\n\n## Two\n\nand that")],
        "slide slide",
    ),
    "hash in code is not a heading": ([text("# One"), text("```\n# note\n```")], "slide -"),
    "cell that does not fit begins a sub-slide": ([text("# One"), text(LONG), text("short")], "slide subslide -"),
    "second picture begins a sub-slide": ([text("# One"), code("a", PICTURE), code("b", PICTURE)], "slide - subslide"),
    "hidden picture takes no room": (
        [text("# One"), code("a", MARK, PICTURE), code("b", PICTURE)],
        "slide - fragment",
    ),
    "widget begins a sub-slide": ([text("# One"), code("a", WIDGET)], "slide subslide"),
    "many printed lines begin a sub-slide": (
        [text("# One"), code("a", printed(4)), code("b", printed(22))],
        "slide - subslide",
    ),
    "code after a question is a fragment": (
        [text("## One\n\n**Predict, then run:** what?"), code("a")],
        "slide fragment",
    ),
    "question begins a sub-slide": (
        [text("# One"), text("**Think:** why?"), code("a", PICTURE)],
        "slide subslide fragment",
    ),
    "cell after a picture is a fragment": (
        [text("# One"), code("a", PICTURE), text("**See:** it.")],
        "slide - fragment",
    ),
    "explanation after code is a fragment, and code after it appears with it": (
        [text("# One"), code("a", printed(1)), text("**Observe:** it."), code("b", printed(1)), text("more")],
        "slide - fragment - -",
    ),
    "explanation after code without output is a fragment": (
        [text("# One"), code("a"), text("**Observe:** it.")],
        "slide - fragment",
    ),
    "explanation after text is not a fragment": ([text("# One"), text("**Observe:** it.")], "slide -"),
    "word in the middle of a text does not hide it": (
        [text("# One"), code("a", printed(1)), text("See **Observe:** it.")],
        "slide - -",
    ),
    "explanation that does not fit or asks begins a sub-slide": (
        [text("# One"), code("a"), text("**Observe:** " + LONG), code("b"), text("**Observe:** it. Why?")],
        "slide - subslide - subslide",
    ),
    "long text stands beside a picture": (
        [text("# One"), code("a", PICTURE), text("word " * 120), text("more")],
        "slide - fragment -",
    ),
    "text too long for a column beside a picture begins a sub-slide": (
        [text("# One"), code("a", PICTURE), text("word " * 160)],
        "slide - subslide",
    ),
    "exercises are left out to the end": (
        [text("# One"), text("## Exercises"), code("setup"), text("### Exercise 1.1"), code("..."), text("## Read on")],
        "slide skip skip skip skip skip",
    ),
    "exercises that begin inside a cell are left out": (
        [text("# One"), text("## Takeaways\n\n- it\n\n## Exercises"), text("### Exercise 1.1"), text("## Read on")],
        "slide slide skip skip",
    ),
    "tagged cells are left out": (
        [text("# One"), code("...", tags=["stub"]), code("check_1()", tags=["check"])],
        "slide skip skip",
    ),
    "exercise between other cells is left out": (
        [text("# One"), text("### Exercise 1.1: it"), code("...", tags=["stub"]), text("more")],
        "slide skip skip -",
    ),
    "section after the exercises is shown": (
        [text("# One"), text("## Exercises"), text("## Takeaways"), code("a")],
        "slide skip slide -",
    ),
    "first cell without a heading begins a slide": ([code("a"), code("b")], "slide -"),
}


@pytest.mark.parametrize("case", CASES)
def test_rule_gives_slide_types(case):
    cells, expected = CASES[case]
    assert [kind or "-" for kind in slide_types({"cells": cells})] == expected.split()


def to_json(cells):
    return json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False
    )


def test_only_slide_types_change_and_second_call_changes_nothing(tmp_path):
    path = tmp_path / "é.ipynb"
    cells = [
        text("# Überschrift", tags=["a"]),
        code("x = 1", printed(1), slideshow={"slide_type": "notes", "other": 1}),
        text("plain", slideshow={"slide_type": "slide"}, zoom=2),
    ]
    path.write_bytes((to_json(cells) + "\n").encode())
    assert len(wrong_slides(path)) == 3
    assert set_slides(path)
    cells[0]["metadata"] = {"slideshow": {"slide_type": "slide"}, "tags": ["a"]}
    cells[1]["metadata"] = {}
    cells[2]["metadata"] = {"zoom": 2}
    assert path.read_bytes() == (to_json(cells) + "\n").encode()
    assert wrong_slides(path) == []
    before = path.stat().st_mtime_ns
    assert not set_slides(path)
    assert path.stat().st_mtime_ns == before


def test_other_formatting_raises_and_leaves_file_unchanged(tmp_path, capsys):
    path = tmp_path / "other.ipynb"
    path.write_text(json.dumps({"cells": [text("# One")], "metadata": {}}))
    before = path.read_bytes()
    assert slides.main([str(path)]) == 2
    assert "must be formatted as Jupyter formats notebooks" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_message_names_cell_and_command(tmp_path):
    path = tmp_path / "one.ipynb"
    path.write_text(to_json([text("# One")]))
    (message,) = wrong_slides(path)
    expected = "one.ipynb, cell 1 ('# One'): the slide type must be slide, got none. "
    assert message == expected + "Run python -m notebooks.course.slides on the notebook."


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_set_slides_works_for_each_lesson(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    set_slides(copy)
    before, after = (json.loads(one.read_text(encoding="utf-8")) for one in (path, copy))
    for cell in [*before["cells"], *after["cells"]]:
        cell["metadata"].pop("slideshow", None)
    assert before == after
    assert wrong_slides(copy) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/0[1-9]*.ipynb")), ids=lambda path: path.stem)
def test_no_slides_after_exercises_begin(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (begin,) = (i for i, cell in enumerate(cells) if "\n## Exercises" in "\n" + "".join(cell["source"]))
    kinds = [cell["metadata"].get("slideshow", {}).get("slide_type") for cell in cells]
    assert set(kinds[begin + 1 :]) == {"skip"}
    exercises = [
        cell for cell in cells[:begin] if "Exercise" in "".join(cell["source"]) or cell["metadata"].get("tags")
    ]
    assert all(cell in exercises for cell, kind in zip(cells[:begin], kinds, strict=False) if kind == "skip")


def headings_of(number):
    """Return the headings of a lesson as the notes compare them with the guide."""
    (path,) = ROOT.glob(f"notebooks/0{number}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = (heading for text in texts for heading in re.findall(r"^#{1,2} +(.*)", text, re.MULTILINE))
    return [re.sub(r"\(\d+ minutes?\)$", "", heading).strip().lower() for heading in found]


def names_section(text, headings):
    """Return whether the notes mark a text of the guide in one of the sections."""
    parts = [part.strip().lower() for part in re.split("[;:,?]", text)]
    return any(len(part) > 3 and part in heading for part in parts for heading in headings)


def test_each_row_of_a_plan_names_a_section_of_its_lesson():
    """Otherwise the notes of the slides do not mark it."""
    guide = ROOT.joinpath("notebooks/instructor_guide.md").read_text(encoding="utf-8")
    rows, wrong = 0, []
    for number, lesson in re.findall(r"^## Lesson (\d):(.*?)(?=^## |\Z)", guide, re.MULTILINE | re.DOTALL):
        headings = headings_of(number)
        # The notes scroll to the second table.
        assert re.findall(r"^### (\d\d) minutes\n\|", lesson, re.MULTILINE) == ["15", "45"]
        for plan in re.findall(r"### \d\d minutes\n((?:\|.*\n)+)", lesson):
            for row in plan.splitlines()[2:]:
                section = row.split("|")[2].strip()
                rows += 1
                if not names_section(section, headings):
                    wrong.append(f"lesson {number}: {section}")
    assert rows > 80
    assert wrong == []


@pytest.mark.parametrize("number", [2, 5, 6, 8])
def test_each_pause_names_a_section_of_its_lesson(number):
    guide = ROOT.joinpath("notebooks/instructor_guide.md").read_text(encoding="utf-8")
    pauses = guide.partition(f"\n## Lesson {number}:")[2].partition("\n### Where to pause")[2].partition("\n### ")[0]
    labels = re.findall(r"^- (?!Exercise)(?:\*\*(.*?)\*\*)?", pauses, re.MULTILINE)
    assert len(labels) > 5
    assert [label for label in labels if not names_section(label, headings_of(number))] == []
