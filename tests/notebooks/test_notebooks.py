"""Every notebook is committed as a reader should see it."""

from __future__ import annotations

import pytest

from notebooks.course.slides import wrong_slides

from tests.notebooks.linter import NOTEBOOKS, ROOT, lint


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT / "notebooks").as_posix())
def test_a_notebook_is_as_a_reader_should_see_it(path):
    found = lint(path)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.parent.name == "notebooks"], ids=lambda path: path.stem
)
def test_a_lessons_slides_are_what_the_rule_makes_of_it(path):
    assert wrong_slides(path) == []
