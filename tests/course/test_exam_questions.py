"""The numbers in the exam questions are those that their code computes, and the points add up."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def read(name):
    return (NOTEBOOKS / name).read_text(encoding="utf-8")


def test_code_of_answers_computes_their_numbers():
    text = read("exam_questions.md").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, "exam_questions.md", "exam_questions.md", 0)
    assert len(test.examples) > 12
    assert doctest.DocTestRunner().run(test).failed == 0


def test_points_of_exam_add_up():
    text = read("exam_questions.md")
    points = [int(points) for points in re.findall(r"^## \d+\. .*\((\d+) points\)$", text, re.MULTILINE)]
    assert len(points) == 12
    assert f"{sum(points)} points" in text.split("##")[0]


def test_points_of_project_add_up():
    points = re.findall(r"^\| [a-z ]+ \((\d+)\) \|", read("project_brief.md"), re.MULTILINE)
    assert sum(map(int, points)) == 100
