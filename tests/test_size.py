"""The counts of lines, and the messages about exceeded budgets."""

from __future__ import annotations

import pandas as pd

from tests.size import measure, over, script_size, size

PYTHON = '''"""Docstring
of two lines."""

import math  # a comment after code is not counted


class Circle:
    """Docstring."""

    # comment
    def area(self, radius):
        text = """no
docstring"""
        if radius < 0:
            raise ValueError(
                text
            )
        return math.pi * radius**2
'''
SCRIPT = """// comment
/* comment
 * goes on */
const one = 1; // after code

export { one };
"""


def test_python_lines_by_kind():
    assert size(PYTHON) == {"code": 10, "comments": 1, "docstrings": 3, "errors": 3}


def test_javascript_lines_by_kind():
    assert script_size(SCRIPT) == {"code": 2, "comments": 3}


def test_exceeded_budget_is_named():
    row = {"files": 3, "most files": 2, "code": 10, "most code": 10}
    assert over(pd.DataFrame({"a": row}).T) == ["a must have at most 2 files, got 3."]
    assert over(pd.DataFrame({"a": {**row, "most files": None}}).T) == []


def test_every_pattern_matches_files():
    assert (measure()["files"] > 0).all()
