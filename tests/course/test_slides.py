"""Which cell begins a slide; and that nothing but that is written into a notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from notebooks.course import slides
from notebooks.course.slides import set_slides, slide_types, wrong_slides

ROOT = Path(__file__).resolve().parents[2]
PICTURE = {"output_type": "execute_result", "data": {"image/png": "", "text/plain": "<Figure>"}}
WIDGET = {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}}


def text(source, **metadata):
    return {"cell_type": "markdown", "metadata": metadata, "source": source.splitlines(keepends=True)}


def code(source, *outputs, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": [source], "outputs": list(outputs)}


def printed(lines):
    return {"output_type": "stream", "name": "stdout", "text": "line\n" * lines}


LONG = "word " * 370
CASES = {
    "a heading begins a slide": (
        [text("# One"), text("## Two"), text("more"), text("### Three")],
        "slide slide - subslide",
    ),
    "a heading below a sentence too": ([text("# One"), text("**See:** this.\n\n## Two\n\nand that")], "slide slide"),
    "a hash in code is no heading": ([text("# One"), text("```\n# note\n```")], "slide -"),
    "what has no room goes on below": ([text("# One"), text(LONG), text("short")], "slide subslide -"),
    "two pictures have no room": ([text("# One"), code("a", PICTURE), code("b", PICTURE)], "slide - subslide"),
    "a widget has a slide of its own": ([text("# One"), code("a", WIDGET)], "slide subslide"),
    "many printed lines have no room": (
        [text("# One"), code("a", printed(4)), code("b", printed(22))],
        "slide - subslide",
    ),
    "code after a question comes later": (
        [text("## One\n\n**Predict, then run:** what?"), code("a")],
        "slide fragment",
    ),
    "a question begins a sub-slide": (
        [text("# One"), text("**Think:** why?"), code("a", PICTURE)],
        "slide subslide fragment",
    ),
    "what follows a picture comes later": (
        [text("# One"), code("a", PICTURE), text("**See:** it.")],
        "slide - fragment",
    ),
    "exercises are left out to the end": (
        [text("# One"), text("## Exercises"), code("setup"), text("### Exercise 1.1"), code("..."), text("## Read on")],
        "slide skip skip skip skip skip",
    ),
    "exercises are left out where they begin in the middle of a cell": (
        [text("# One"), text("## Takeaways\n\n- it\n\n## Exercises"), text("### Exercise 1.1"), text("## Read on")],
        "slide slide skip skip",
    ),
    "so is what is tagged for them": (
        [text("# One"), code("...", tags=["stub"]), code("check_1()", tags=["check"])],
        "slide skip skip",
    ),
    "what comes after them is not": (
        [text("# One"), text("## Exercises"), text("## Takeaways"), code("a")],
        "slide skip slide -",
    ),
    "without a heading the first is a slide": ([code("a"), code("b")], "slide -"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_rule(case):
    cells, expected = CASES[case]
    assert [kind or "-" for kind in slide_types({"cells": cells})] == expected.split()


def written(cells):
    return json.dumps(
        {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False
    )


def test_only_the_metadata_of_slides_is_changed_and_that_once(tmp_path):
    path = tmp_path / "é.ipynb"
    cells = [
        text("# Überschrift", tags=["a"]),
        code("x = 1", printed(1), slideshow={"slide_type": "notes", "other": 1}),
        text("plain", slideshow={"slide_type": "slide"}, zoom=2),
    ]
    path.write_bytes((written(cells) + "\n").encode())
    assert len(wrong_slides(path)) == 3
    assert set_slides(path)
    cells[0]["metadata"] = {"slideshow": {"slide_type": "slide"}, "tags": ["a"]}
    cells[1]["metadata"] = {}
    cells[2]["metadata"] = {"zoom": 2}
    assert path.read_bytes() == (written(cells) + "\n").encode()
    assert wrong_slides(path) == []
    before = path.stat().st_mtime_ns
    assert not set_slides(path)
    assert path.stat().st_mtime_ns == before


def test_what_could_not_stay_byte_by_byte_is_refused_and_left(tmp_path, capsys):
    path = tmp_path / "other.ipynb"
    path.write_text(json.dumps({"cells": [text("# One")], "metadata": {}}))
    before = path.read_bytes()
    assert slides.main([str(path)]) == 2
    assert "not written as Jupyter writes notebooks" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_a_fault_names_the_cell_and_what_to_do(tmp_path):
    path = tmp_path / "one.ipynb"
    path.write_text(written([text("# One")]))
    (said,) = wrong_slides(path)
    assert said == "one.ipynb, cell 1 ('# One'): nothing, should be slide. Run python -m notebooks.course.slides on it."


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_the_lessons_can_be_given_slides(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    set_slides(copy)
    before, after = (json.loads(one.read_text(encoding="utf-8")) for one in (path, copy))
    for cell in [*before["cells"], *after["cells"]]:
        cell["metadata"].pop("slideshow", None)
    assert before == after
    assert wrong_slides(copy) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/0[1-9]*.ipynb")), ids=lambda path: path.stem)
def test_nothing_of_a_lesson_is_a_slide_once_its_exercises_have_begun(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (begin,) = (i for i, cell in enumerate(cells) if "\n## Exercises" in "\n" + "".join(cell["source"]))
    kinds = [cell["metadata"].get("slideshow", {}).get("slide_type") for cell in cells]
    assert set(kinds[begin + 1 :]) == {"skip"}
    assert "skip" not in kinds[:begin]
