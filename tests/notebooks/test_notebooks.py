"""Every notebook is committed as a reader should see it."""

from __future__ import annotations

import pytest

from tests.notebooks.linter import NOTEBOOKS, ROOT, lint


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT / "notebooks").as_posix())
def test_a_notebook_is_as_a_reader_should_see_it(path):
    found = lint(path)
    assert not found, "\n" + "\n".join(found)
