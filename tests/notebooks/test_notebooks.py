"""The committed notebooks have no faults, and their slide types follow the rule."""

from __future__ import annotations

import pytest

from notebooks.course.slides import wrong_slides

from tests.notebooks.linter import NOTEBOOKS, ROOT, lint


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT / "notebooks").as_posix())
def test_notebook_has_no_faults(path):
    found = lint(path)
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.parent.name == "notebooks"], ids=lambda path: path.stem
)
def test_slide_types_follow_rule(path):
    assert wrong_slides(path) == []
