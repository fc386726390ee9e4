"""Lessons and solutions agree cell by cell, differences are found, and rebuilding loses no solution."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from notebooks.course.solutions import cell_source, differences, is_open, main, rebuild, split_exercises, tags

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


LESSONS = [path for path in sorted(NOTEBOOKS.glob("0[1-8]_*.ipynb")) if split_exercises(read(path))[0]]


def verdict_faults(cells, expected):
    """Return a message for each check whose committed verdict is missing, unexpected or too short."""
    faults = []
    for number, exercise in split_exercises(cells)[1].items():
        for cell in exercise:
            if "check" not in tags(cell):
                continue
            texts = ["".join(output.get("data", {}).get("text/plain", "")) for output in cell["outputs"]]
            found = re.fullmatch(rf"Exercise {number} is {expected}: (.*)", "".join(texts), re.DOTALL)
            if not found or len(found[1].split()) < 4:
                faults.append(f"{number}: the verdict must be `{expected}` with several words, got {texts}")
    return faults


class TestCommitted:
    """The committed outputs; nbval checks that they are reproduced."""

    @pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
    def test_solutions_match_lessons(self, path):
        committed = read(NOTEBOOKS / "solutions" / path.name)
        wanted, missing = rebuild(read(path), committed, path.name)
        assert missing == []
        assert differences(committed, wanted) == [], "make solutions"

    @pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
    def test_untouched_stubs_are_not_yet_solved(self, path):
        assert verdict_faults(read(path), "not solved yet") == []

    @pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
    def test_solutions_are_right(self, path):
        assert verdict_faults(read(NOTEBOOKS / "solutions" / path.name), "solved") == []

    def test_each_solution_notebook_has_a_lesson(self):
        solved = {path.name for path in NOTEBOOKS.glob("solutions/*.ipynb")}
        assert solved == {path.name for path in LESSONS}


def markdown(text, *tagged):
    return {
        "cell_type": "markdown",
        "id": f"m{abs(hash(text))}"[:12],
        "metadata": {"tags": list(tagged)} if tagged else {},
        "source": text,
    }


def code(text, *tagged, shows=None):
    output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": shows}}
    return {
        **markdown(text, *tagged),
        "cell_type": "code",
        "execution_count": 1,
        "outputs": [output] if shows else [],
    }


NOT_YET = "Exercise 9.1 is not solved yet: `twice` is still `...`."
RUN = ("execution_count", "outputs")
RIGHT = "Exercise 9.1 is solved: twice three is six."


@pytest.fixture
def lesson():
    return [
        markdown("# 9. Numbers\n\nA hook."),
        code("3", shows="3"),
        markdown("## Exercises"),
        code("three = 3", "exercise-setup"),
        markdown("### Exercise 9.1: twice\n\nDouble it."),
        code("twice = ...", "stub"),
        code("lesson_9.check_1(twice)", "check", shows=NOT_YET),
        markdown("### Exercise 9.2, open: why\n\nSay why."),
        markdown("## Read on"),
    ]


@pytest.fixture
def solutions(lesson):
    own = [
        markdown("### Exercise 9.1: twice"),
        code("twice = 2 * three", "solution"),
        markdown("### Exercise 9.2, open: why"),
        markdown("Because.", "answer"),
    ]
    cells, missing = rebuild(lesson, [lesson[3], *own], "09_numbers.ipynb")
    assert missing == []
    for cell in cells:
        if cell["cell_type"] == "code":
            cell |= {key: code("", shows=RIGHT if "check" in tags(cell) else None)[key] for key in RUN}
    return cells


def test_exercise_ends_with_its_check_wherever_it_stands(lesson):
    lesson[7:7] = [markdown("The lesson goes on."), code("4"), code("four = 4", "exercise-setup")]
    setup, exercises = split_exercises(lesson)
    assert [cell_source(cell) for cell in setup] == ["three = 3", "four = 4"]
    assert {number: len(cells) for number, cells in exercises.items()} == {"9.1": 3, "9.2": 1}
    assert [is_open(cells) for cells in exercises.values()] == [False, True]


def test_repeated_exercise_number_raises(lesson):
    lesson.insert(-1, lesson[4])
    with pytest.raises(ValueError, match=r"exercise numbers must be unique, got 9\.1 twice"):
        split_exercises(lesson)


def test_rebuilt_notebook_has_lesson_cells_and_solutions(solutions):
    assert [(tags(cell), cell_source(cell)) for cell in solutions[1:]] == [
        (["exercise-setup"], "three = 3"),
        ([], "### Exercise 9.1: twice\n\nDouble it."),
        (["solution"], "twice = 2 * three"),
        (["check"], "lesson_9.check_1(twice)"),
        ([], "### Exercise 9.2, open: why\n\nSay why."),
        (["answer"], "Because."),
    ]
    assert cell_source(solutions[0]).startswith("# Solutions: 9. Numbers\n")
    assert "](../09_numbers.ipynb)" in cell_source(solutions[0])


def test_solution_of_two_cells_keeps_order(lesson, solutions):
    solutions.insert(4, code("twice += 0", "solution"))
    cells, _ = rebuild(lesson, solutions, "09_numbers.ipynb")
    assert differences(solutions, cells) == []


def test_second_rebuild_changes_nothing(lesson, solutions):
    cells, missing = rebuild(lesson, solutions, "09_numbers.ipynb")
    assert missing == []
    assert differences(solutions, cells) == []


@pytest.mark.parametrize(
    ("place", "change"),
    [
        (0, {"source": "# Solutions: 8. Numbers"}),
        (1, {"source": "three = 4"}),
        (2, {"source": "### Exercise 9.1: twice\n\nDouble it twice."}),
        (2, {"metadata": {"tags": ["answer"]}}),
        (4, {"source": "lesson_9.check_1(six)"}),
        (4, {"metadata": {}}),
        (5, {"cell_type": "code"}),
    ],
)
def test_change_in_solutions_is_found(lesson, solutions, place, change):
    changed = copy.deepcopy(solutions)
    changed[place].update(change)
    wanted, _ = rebuild(lesson, changed, "09_numbers.ipynb")
    (text,) = differences(changed, wanted)
    assert text.startswith((f"cell {place + 1} must be", "the notebook must have"))


def test_change_of_check_in_lesson_is_found(lesson, solutions):
    lesson[6]["source"] = "lesson_9.check_1(twice, three)"
    wanted, _ = rebuild(lesson, solutions, "09_numbers.ipynb")
    assert differences(solutions, wanted)[0].startswith("cell 5 must be check code (1 lines) “lesson_9.check_1(twice, ")


def test_reordered_missing_and_extra_cells_are_found(lesson, solutions):
    twisted = [*solutions[:3], solutions[4], solutions[3], *solutions[5:]]
    for changed in ([*solutions[:4], *solutions[5:]], [*solutions, markdown("more")], twisted):
        wanted, _ = rebuild(lesson, changed, "09_numbers.ipynb")
        assert len(differences(changed, wanted)) == 1


@pytest.mark.parametrize(("place", "message"), [(3, "9.1 has no solution"), (6, "9.2 has no answer")])
def test_missing_solution_is_named(lesson, solutions, place, message):
    del solutions[place]
    _, (text,) = rebuild(lesson, solutions, "09_numbers.ipynb")
    assert message in text


def test_missing_short_and_wrong_verdicts_are_found(lesson, solutions):
    assert verdict_faults(lesson, "not solved yet") == []
    assert verdict_faults(solutions, "solved") == []
    assert verdict_faults(lesson, "solved")
    short = code("", shows="Exercise 9.1 is not solved yet: no.")["outputs"]
    for outputs in ([], short, code("", shows="None")["outputs"]):
        lesson[6]["outputs"] = outputs
        assert len(verdict_faults(lesson, "not solved yet")) == 1


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path, lesson, solutions):
        tmp_path.joinpath("solutions").mkdir()
        self.write(tmp_path / "09_numbers.ipynb", lesson)
        self.write(tmp_path / "solutions" / "09_numbers.ipynb", solutions)
        self.write(tmp_path / "00_no_lesson.ipynb", [markdown("# Check your set-up")])
        return tmp_path

    @staticmethod
    def write(path, cells):
        path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))

    def test_up_to_date_file_is_not_written(self, folder, capsys):
        before = (folder / "solutions/09_numbers.ipynb").read_bytes()
        assert main(folder) == 0
        assert (folder / "solutions/09_numbers.ipynb").read_bytes() == before
        assert capsys.readouterr().out == "solutions/09_numbers.ipynb: up to date.\n"

    def test_changed_text_keeps_outputs(self, folder, lesson, solutions, capsys):
        lesson[4]["source"] += " Quickly."
        self.write(folder / "09_numbers.ipynb", lesson)
        assert main(folder) == 0
        assert "rebuilt.\n" in capsys.readouterr().out
        cells = read(folder / "solutions/09_numbers.ipynb")
        assert cell_source(cells[2]).endswith("Quickly.")
        assert cells[4]["outputs"] == solutions[4]["outputs"]

    def test_changed_code_removes_outputs(self, folder, lesson, capsys):
        lesson[3]["source"] = "three = 3.0"
        self.write(folder / "09_numbers.ipynb", lesson)
        assert main(folder) == 1
        assert "rebuilt without outputs. Run the notebook again." in capsys.readouterr().out
        cells = read(folder / "solutions/09_numbers.ipynb")
        assert cell_source(cells[3]) == "twice = 2 * three"
        assert not any(cell.get("outputs") for cell in cells)
        assert len({cell["id"] for cell in cells}) == len(cells)

    def test_new_solution_notebook_names_missing_cells(self, folder, capsys):
        (folder / "solutions/09_numbers.ipynb").unlink()
        assert main(folder) == 1
        printed = capsys.readouterr().out
        assert "exercise 9.1 has no solution" in printed
        assert "exercise 9.2 has no answer" in printed
        assert len(read(folder / "solutions/09_numbers.ipynb")) == 5

    def test_solution_without_exercise_is_not_lost(self, folder, lesson, capsys):
        before = (folder / "solutions/09_numbers.ipynb").read_bytes()
        lesson[4]["source"] = "### Exercise 9.3: twice"
        self.write(folder / "09_numbers.ipynb", lesson)
        assert main(folder) == 1
        printed = capsys.readouterr().out
        assert "exercise 9.1 is solved, but not in the lesson" in printed
        assert "Nothing was written" in printed
        assert (folder / "solutions/09_numbers.ipynb").read_bytes() == before
