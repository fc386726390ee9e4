"""`grade` runs real notebooks: right, wrong, endless and damaged ones each give rows, and never stop the others."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from notebooks.course.grade import Grade, _no_formula, main, summary
from notebooks.course.solutions import cell_source, tags

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
(LESSON,) = NOTEBOOKS.glob("*_build_an_lstm_autoencoder.ipynb")
NUMBER = cell_source(json.loads(LESSON.read_text(encoding="utf-8"))["cells"][0]).removeprefix("# ").split(".")[0]
SOLUTIONS = NOTEBOOKS / "solutions" / LESSON.name


def stub_of(notebook, name):
    """Return the cell that is to be changed, which is recognised by a name in its source."""
    (found,) = (cell for cell in notebook["cells"] if "stub" in tags(cell) and name in cell_source(cell))
    return found


def hand_in(path, *, source=LESSON, without_tags=False, changed_checks="", moved="", **answers):
    """Write a student's copy of the lesson, with answers instead of the stubs that contain their names."""
    notebook = json.loads(source.read_text(encoding="utf-8"))
    for name, answer in answers.items():
        stub_of(notebook, name)["source"] = answer
    if moved:
        notebook["cells"].remove(cell := stub_of(notebook, moved))
        notebook["cells"].append(cell)
    for cell in notebook["cells"]:
        if changed_checks and "check" in tags(cell):
            cell["source"] = changed_checks
        if without_tags:
            cell["metadata"], cell["id"] = {}, f"new{id(cell)}"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade a class; return the folder, the printed text and the rows of the table."""
    folder = tmp_path_factory.mktemp("class") / "handed_in"
    # Right answers. They need a file beside the notebook and an own home directory; checks and set-up are changed.
    hand_in(folder / "anna" / "my work.ipynb", source=SOLUTIONS, without_tags=True, changed_checks="1 / 0")
    notebook = json.loads((folder / "anna" / "my work.ipynb").read_text(encoding="utf-8"))
    (gate,) = (cell for cell in notebook["cells"] if "gate = 0.5" in cell_source(cell))
    gate["source"] = (
        "from pathlib import Path\n(Path.home() / 'written by anna').touch()\nPath('also written').touch()\n"
        "assert Path.home() != Path(Path('home.txt').read_text())\ngate = float(Path('gate.txt').read_text())"
    )
    (folder / "anna" / "my work.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (folder / "anna" / "gate.txt").write_text(str(0.5 ** (1 / 70)), encoding="utf-8")
    (folder / "anna" / "home.txt").write_text(str(Path.home()), encoding="utf-8")
    # Wrong ones, in the order of the exercises; the second notebook of the same student is unchanged.
    hand_in(
        folder / f"{LESSON.stem}_ben.ipynb",
        changed_checks="print('solved')",
        moved="reverse_time",
        gate="import time\nwhile True:\n    time.sleep(1)",
        n_parameters="import os\nos._exit(1)",
        lstm="print('megabytes ' * 3_000_000)\nexit()",
        reverse_time="def reverse_time(sequences):\n    return input()",
    )
    hand_in(folder / f"ben_{LESSON.name}")
    (folder / "carl").mkdir()
    for name, content in {"empty": "", "damaged": '{"cells": [{', "list": "[]", "binary": b"\xff\xfe\x00"}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / "carl" / f"{name}.ipynb").write_bytes(data)
    shutil.copy(NOTEBOOKS / "00_check_your_setup.ipynb", folder / "carl")
    hand_in(folder / "anna" / ".ipynb_checkpoints" / "my work.ipynb")
    before = sorted(folder.rglob("*"))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main([str(folder), "--timeout", "90"]) == 0
    assert sorted(folder.rglob("*")) == before, "nothing is written to the folder of the class"
    with (folder.parent / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return folder, printed.getvalue(), rows


def results(rows, file):
    return {row["exercise"]: (row["solved"], row["what is wrong"]) for row in rows if row["file"] == file}


def test_right_answers_are_solved_without_tags_ids_and_checks(graded):
    found = results(graded[2], str(Path("anna", "my work.ipynb")))
    assert {number: solved for number, (solved, _) in found.items()} == {f"{NUMBER}.{i}": "yes" for i in range(1, 6)}
    assert "0.99" in found[f"{NUMBER}.2"][1]


@pytest.mark.parametrize(
    ("exercise", "text"),
    [
        (1, "the answer cell raised SystemExit"),
        (2, "did not end within"),
        (4, "ended Python"),
        (5, "`reverse_time` raised StdinNotImplementedError"),
    ],
)
def test_bad_answer_has_reason_and_does_not_stop_the_next(graded, exercise, text):
    solved, reason = results(graded[2], f"{LESSON.stem}_ben.ipynb")[f"{NUMBER}.{exercise}"]
    assert solved == "no"
    assert text in reason
    assert len(reason) < 1000


def test_unchanged_notebook_is_not_answered(graded):
    found = results(graded[2], f"ben_{LESSON.name}")
    assert [solved for solved, _ in found.values()] == ["not answered"] * 5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("empty", "the file is empty."),
        ("damaged", "damaged or not a notebook"),
        ("list", "damaged or not a notebook"),
        ("binary", "codec"),
        ("00_check_your_setup", "no cell of a lesson's exercises"),
    ],
)
def test_file_that_is_no_lesson_has_one_row(graded, name, text):
    (row,) = (row for row in graded[2] if row["file"] == str(Path("carl", f"{name}.ipynb")))
    assert (row["name"], row["lesson"], row["exercise"], row["solved"]) == ("carl", "", "", "not graded")
    assert text in row["what is wrong"]


def test_table_has_names_and_lessons_and_summary_counts_better_result(graded):
    folder, printed, rows = graded
    assert {row["name"] for row in rows} == {"anna", "ben", "carl"}
    assert {row["lesson"] for row in rows if row["name"] != "carl"} == {
        cell_source(json.loads(LESSON.read_text(encoding="utf-8"))["cells"][0]).splitlines()[0].removeprefix("# ")
    }
    assert "anna: 5 of 5 exercises solved.\n" in printed
    assert "ben: 0 of 5 exercises solved; 1 not answered; 2 notebooks of" in printed
    assert "carl: no exercises; " in printed
    assert not (Path.home() / "written by anna").exists()
    assert str(folder.parent / "grades.csv") in printed


def test_better_of_two_results_counts():
    rows = [Grade("anna", "2. Build", "2.1", solved, "", file) for solved, file in (("no", "a"), ("yes", "b"))]
    for order in (rows, rows[::-1]):
        (line,) = summary(order)
        assert line.startswith("anna: 1 of 1 exercises solved; 2 notebooks of “2. Build”")


def test_text_that_looks_like_a_formula_stays_text():
    assert [_no_formula(text) for text in ("=1+1", "-1 is wrong", "right", "")] == [
        "'=1+1",
        "'-1 is wrong",
        "right",
        "",
    ]


class TestArguments:
    @pytest.fixture
    def folder(self, tmp_path):
        hand_in(tmp_path / "class" / "anna" / "1.ipynb")
        return tmp_path / "class"

    def error(self, capsys, *arguments):
        assert main([str(argument) for argument in arguments]) == 2
        return capsys.readouterr().err

    def test_folder_without_notebooks_raises(self, tmp_path, capsys):
        assert "folder must be a folder with notebooks" in self.error(capsys, tmp_path)
        assert "folder must be a folder with notebooks" in self.error(capsys, tmp_path / "missing")
        assert list(tmp_path.iterdir()) == []

    def test_timeout_must_be_positive(self, folder, capsys):
        assert "timeout must be a positive number" in self.error(capsys, folder, "--timeout", "0")

    def test_table_in_class_folder_raises(self, folder, capsys):
        assert "--csv must be a file outside" in self.error(capsys, folder, "--csv", folder / "anna" / "grades.csv")

    def test_existing_table_is_only_replaced_on_request(self, folder, capsys):
        table = folder.parent / "grades.csv"
        table.write_text("with the lecturer's points", encoding="utf-8")
        assert "must not exist yet" in self.error(capsys, folder)
        assert table.read_text(encoding="utf-8") == "with the lecturer's points"
        assert main([str(folder), "--csv", str(table)]) == 0
        assert "not answered" in table.read_text(encoding="utf-8-sig")
