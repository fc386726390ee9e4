"""``python -m notebooks.course.grade FOLDER``: run the checks of the exercises on the notebooks that a class handed in.

FOLDER has one notebook for each student and lesson: in one folder per student (whose name is then the student's name),
or all in FOLDER itself (the name is then the file name without that of the lesson). Unzip archives first. The result is
a table with one row for each student and exercise, printed and written as CSV, and a summary of each student. Open
exercises have no check, and no row.

The lesson of a notebook is recognised by its cells, not by its file name. Only three kinds of cells run: the set-up
and the checks, both from the lesson of this kit, and the student's answer cells. An answer cell is the lesson's cell
for the answer (tag ``stub``) as the student left it; if its tag and id were lost, it is the first code cell below the
heading of the exercise. **Only the answer cell counts**: if it needs a function that the student wrote in another cell,
it fails. The time limit is for the answers and checks of a notebook, and is shared by its exercises.

**This is no protection against malice.** A student's code runs on your computer with your rights: it can read and
delete your files, use the network, and show a false result. A notebook runs in a temporary copy of its folder, with a
temporary home directory, which only prevents accidents. Grade in a container if you do not trust a notebook.

Why not nbgrader or otter-grader? Both need their own metadata in the notebooks, and a database or a generated archive
of tests, so the lessons would need a second source. Both report which test failed; the checks of this kit say what is
wrong with the answer, and the student has already seen the same text.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from notebooks.course.solutions import Cell, cell_source, tags
from trainers.console import say, status_of

_KIT = Path(__file__).parents[2]
_HEADING = re.compile(r"^#+ Exercise (\d+\.\d+).*?: *(.+?)(?: \([^()]*minutes?\))? *$", re.MULTILINE)
_VERDICT = re.compile(r"Exercise \d+\.\d+ is (solved|not solved yet): (.*)", re.DOTALL)
# The best result of an exercise comes first.
_SOLVED = ("yes", "no", "not answered", "not graded")
# First cell of each kernel. The kit comes before the student's folder, which may contain a file such as data.py. The
# exit() of IPython would end the kernel some time later, in another exercise. Endless printing would fill the memory.
_START = f"""
import os, sys
sys.path.insert(0, {str(_KIT)!r})
exit = quit = sys.exit
sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")
del os, sys
"""
# Seconds to start Python and to run a cell of the set-up; both are the kit's code.
_SETUP_SECONDS = 600


@dataclass(frozen=True)
class Grade:
    """Result of one exercise of one notebook; a row of the table.

    Attributes
    ----------
    name : str
        Name of the student's folder or file.
    lesson : str
        Title of the lesson; empty if no lesson was recognised.
    exercise : str
        Number of the exercise; empty if no lesson was recognised.
    solved : {"yes", "no", "not answered", "not graded"}
        "not answered" if the answer cell is missing, empty or unchanged; "not graded" if the check could not run.
    text : str
        The text of the check, or the reason why there is none.
    file : str
        Path of the notebook in the folder of the class.
    """

    name: str
    lesson: str
    exercise: str
    solved: str
    text: str
    file: str


@dataclass
class _Exercise:
    number: str
    title: str
    stubs: list[Cell] = field(default_factory=list)
    check: str = ""
    # number of the lesson's set-up cells that come before the check
    n_setup: int = 0


@dataclass
class _Lesson:
    title: str
    # such as "build_an_lstm_autoencoder"
    file_name: str
    setup: list[str] = field(default_factory=list)
    exercises: list[_Exercise] = field(default_factory=list)
    # cells by which a copy of the lesson is recognised, and sources of its code cells that are no answers
    marks: set[str] = field(default_factory=set)
    checks: set[str] = field(default_factory=set)
    other_code: set[str] = field(default_factory=set)


def _cells(path: Path) -> list[Cell]:
    """Return the cells of a notebook.

    Raises
    ------
    ValueError
        If the file is not a notebook.
    """
    text = path.read_text(encoding="utf-8-sig")
    if not text.strip():
        raise ValueError("the file is empty.")
    try:
        cells: list[Cell] = json.loads(text)["cells"]
        for cell in cells:
            _ = cell["cell_type"], cell_source(cell).strip(), tags(cell), hash(cell.get("id"))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"the file is damaged or not a notebook ({_error_line(error)}).") from error
    return cells


def _marks(cell: Cell) -> set[str]:
    """Return what identifies a cell of an exercise: the titles in it, its source and its id."""
    if cell["cell_type"] == "markdown":
        return {title for _, title in _HEADING.findall(cell_source(cell))}
    return {cell_source(cell).strip(), str(cell.get("id"))}


def _read_lesson(path: Path) -> _Lesson:
    cells = _cells(path)
    lesson = _Lesson(cell_source(cells[0]).splitlines()[0].removeprefix("# "), path.stem.lstrip("0123456789_"))
    current: _Exercise | None = None
    for cell in cells:
        kinds = {"exercise-setup", "stub", "check"} & set(tags(cell))
        if cell["cell_type"] == "markdown":
            for number, title in _HEADING.findall(cell_source(cell)):
                current = _Exercise(number, title)
                lesson.marks.add(title)
            continue
        if "stub" not in kinds:
            lesson.other_code.add(cell_source(cell).strip())
        if "exercise-setup" in kinds:
            lesson.setup.append(cell_source(cell))
        elif current and "stub" in kinds:
            current.stubs.append(cell)
        elif current and "check" in kinds:
            current.check, current.n_setup = cell_source(cell), len(lesson.setup)
            lesson.exercises.append(current)
            lesson.checks.add(cell_source(cell).strip())
            current = None
        if kinds - {"exercise-setup"}:
            # a stub such as "share = ..." may be in any notebook, so only its id is a mark
            lesson.marks |= {str(cell.get("id"))} if "stub" in kinds else _marks(cell)
    return lesson


def _lesson_of(cells: list[Cell], lessons: list[_Lesson]) -> _Lesson | None:
    """Return the lesson with most marks in a notebook, or None if there are no marks."""
    found = set().union(*map(_marks, cells))
    best = max(lessons, key=lambda lesson: len(lesson.marks & found))
    return best if best.marks & found else None


def _answers(cells: list[Cell], lesson: _Lesson) -> dict[str, str]:
    """Return the source of a student's answer cells by exercise; empty if there are none."""
    numbers = {exercise.title: exercise.number for exercise in lesson.exercises}
    # code cells between the heading of an exercise and its check
    below: dict[str, list[Cell]] = {number: [] for number in numbers.values()}
    current = ""
    for cell in cells:
        source = cell_source(cell).strip()
        if cell["cell_type"] == "markdown":
            for number, title in _HEADING.findall(source):
                current = numbers.get(title, number)
        elif cell["cell_type"] == "code" and current in below:
            if "check" in tags(cell) or source in lesson.checks:
                current = ""
            elif source not in lesson.other_code:
                below[current].append(cell)
    answers = {}
    for exercise in lesson.exercises:
        ids = {stub["id"] for stub in exercise.stubs}
        here = below[exercise.number]
        own = [cell for cell in cells if cell.get("id") in ids or (cell in here and "stub" in tags(cell))]
        code = [cell_source(cell) for cell in own or here[: len(ids)] if cell["cell_type"] == "code"]
        answers[exercise.number] = "\n\n".join(code)
    return answers


def _is_answered(answer: str, exercise: _Exercise) -> bool:
    """Return whether an answer differs from the lesson's stub in more than spaces and line breaks."""
    return "".join(answer.split()) not in ("", "".join("".join(map(cell_source, exercise.stubs)).split()))


class _Client(NotebookClient):
    """Client that runs single cells."""

    def run(self, source: str, seconds: float) -> str:
        """Run one cell, and return its result as text.

        Raises
        ------
        RuntimeError
            If the cell raised an error; also if the kernel died.
        TimeoutError
            If the cell did not end in time.
        """
        self.timeout = max(1, math.ceil(seconds))
        outputs = self.execute_cell(new_code_cell(source), 0).outputs
        for output in outputs:
            if output.output_type == "error":
                raise RuntimeError(_one_line(f"{output.ename}: {output.evalue}"))
        results = (output for output in outputs if output.output_type == "execute_result")
        return "".join(output.data.get("text/plain", "") for output in results)


@contextmanager
def _kernel(folder: Path) -> Iterator[_Client]:
    """Start Python in a copy of a student's folder; `folder` is a temporary one, with the copy in ``work``."""
    # allow_errors, because a cell after an error would be skipped; `run` raises the error
    client = _Client(
        new_notebook(cells=[new_code_cell()]), allow_errors=True, startup_timeout=_SETUP_SECONDS,
        shutdown_kernel="immediate", store_widget_state=False,
    )  # fmt: skip
    nothing = subprocess.DEVNULL
    with client.setup_kernel(
        cwd=str(folder / "work"), env=_environment(folder / "home"), stdin=nothing, stdout=nothing, stderr=nothing
    ):
        client.run(_START, _SETUP_SECONDS)
        yield client


def _environment(home: Path) -> dict[str, str]:
    """Return the environment variables of a kernel, with all user folders inside `home`."""
    variables = {"HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR", "MPLCONFIGDIR"}
    variables |= {f"XDG_{name}_HOME" for name in ("CONFIG", "DATA", "CACHE", "STATE")}
    variables |= {f"JUPYTER_{name}_DIR" for name in ("CONFIG", "DATA", "RUNTIME")}
    folders = {name: str(home / name.lower()) for name in variables} | {"HOME": str(home), "USERPROFILE": str(home)}
    for path in folders.values():
        Path(path).mkdir(parents=True, exist_ok=True)
    # Without its list of fonts, matplotlib searches the computer for them in each kernel.
    for fonts in Path(mpl.get_cachedir()).glob("fontlist-*.json"):
        shutil.copy(fonts, folders["MPLCONFIGDIR"])
    kept = {name: value for name, value in os.environ.items() if name not in ("JUPYTER_PATH", "JUPYTER_CONFIG_PATH")}
    # PYTHONUSERBASE: packages in the user's folder would be searched in the new home directory.
    path = os.pathsep.join(filter(None, [str(_KIT), os.environ.get("PYTHONPATH")]))
    return {**kept, **folders, "PYTHONPATH": path, "PYTHONUSERBASE": site.getuserbase()}


def _not_copied(folder: str, names: list[str]) -> list[str]:
    """Return the names in a folder that no answer needs: notebooks, hidden files and virtual environments."""
    return [
        name for name in names
        if name.startswith((".", "__")) or name.endswith(".ipynb") or Path(folder, name, "pyvenv.cfg").exists()
    ]  # fmt: skip


def _run(lesson: _Lesson, answers: dict[str, str], folder: Path, seconds: float) -> Iterator[tuple[str, str, str]]:
    """Yield number, result and text of each answered exercise; restart Python after an endless loop or a crash."""
    left = [exercise for exercise in lesson.exercises if exercise.number in answers]
    while left:
        with _kernel(folder) as client:
            n_done = 0
            while left:
                exercise = left[0]
                for source in lesson.setup[n_done : exercise.n_setup]:
                    client.run(source, _SETUP_SECONDS)
                n_done = exercise.n_setup
                limit = seconds / len(left)
                start = time.monotonic()
                try:
                    yield exercise.number, *_check(client, answers[exercise.number], exercise.check, start + limit)
                except CellTimeoutError:
                    yield exercise.number, "no", f"the answer did not end within {limit:.0f} s."
                    break
                except DeadKernelError:
                    yield exercise.number, "no", "the answer ended Python (by a crash, or too little memory)."
                    break
                finally:
                    left.pop(0)
                    seconds -= time.monotonic() - start


def _check(client: _Client, answer: str, check: str, deadline: float) -> tuple[str, str]:
    """Run an answer and its check, and return the result and its text."""
    what = "the answer cell"
    try:
        client.run(answer, deadline - time.monotonic())
        what = "the check"
        shown = client.run(check, deadline - time.monotonic())
    except (CellTimeoutError, DeadKernelError):
        raise
    except RuntimeError as error:
        return "no", f"{what} raised {error}"
    if verdict := _VERDICT.fullmatch(shown):
        return ("yes" if verdict[1] == "solved" else "no"), _one_line(verdict[2], length=700)
    return "not graded", "the check showed no result."


def _grade_notebook(path: Path, root: Path, lessons: list[_Lesson], seconds: float) -> list[Grade]:
    """Return the rows of one notebook; an error becomes the text of a row."""
    name, file = _name_of(path, root, lessons), str(path.relative_to(root))
    try:
        cells = _cells(path)
    except (OSError, ValueError) as error:
        return [Grade(name, "", "", "not graded", _one_line(error), file)]
    lesson = _lesson_of(cells, lessons)
    if lesson is None:
        return [Grade(name, "", "", "not graded", "the notebook has no cell of a lesson's exercises.", file)]
    given = _answers(cells, lesson)
    answered = {exercise.number for exercise in lesson.exercises if _is_answered(given[exercise.number], exercise)}
    found = dict.fromkeys(given, ("not answered", "the answer cell is unchanged, empty or missing."))
    found |= dict.fromkeys(answered, ("not graded", "the set-up did not run."))
    try:
        with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as folder:
            if answered:
                shutil.copytree(path.parent, Path(folder, "work"), symlinks=True, ignore=_not_copied)
            for number, solved, text in _run(
                lesson, {number: given[number] for number in answered}, Path(folder), seconds
            ):
                found[number] = solved, text
    except Exception as error:  # whatever one notebook does, the others are graded
        for number, (solved, _) in found.items():
            if solved == "not graded":
                found[number] = solved, _one_line(f"the set-up did not run: {_error_line(error)}")
    return [Grade(name, lesson.title, number, *result, file) for number, result in found.items()]


def _name_of(path: Path, root: Path, lessons: list[_Lesson]) -> str:
    """Return the name of the student's folder, or of the file without the lesson's name."""
    folder = path.relative_to(root).parts[0]
    if folder != path.name:
        return folder
    for lesson in lessons:
        rest = re.sub(rf"(\d+_)?{lesson.file_name}", "", path.stem, flags=re.IGNORECASE).strip(" _-")
        if rest != path.stem and re.search(r"[^\W\d]", rest):
            return rest
    return path.stem


def _error_line(error: BaseException) -> str:
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: object, length: int = 300) -> str:
    joined = " ".join(str(text)[: 10 * length].split())
    return joined if len(joined) <= length else f"{joined[: length - 2]} …"


def grade_notebooks(folder: str | Path, seconds: float = 120.0) -> Iterator[list[Grade]]:
    """Grade all notebooks in a folder and its subfolders, except hidden ones and those of virtual environments.

    Parameters
    ----------
    folder : str or Path
        The notebooks that a class handed in.
    seconds : float, default 120
        Time limit for the answers and checks of a notebook; the set-up of the exercises is not counted.

    Returns
    -------
    iterator of list of Grade
        The rows of each notebook, which is graded when they are requested.

    Raises
    ------
    ValueError
        If `folder` has no notebooks, if `seconds` is not positive, or if the kit has no lessons.
    """
    root = Path(folder)
    if not 0 < seconds < math.inf:
        raise ValueError(f"timeout must be a positive number of seconds, got {seconds:g}.")
    hidden = (".", "__MACOSX", "site-packages")
    paths = sorted(
        path for path in root.rglob("*.ipynb")
        if path.is_file() and not any(part.startswith(hidden) for part in path.relative_to(root).parts)
    )  # fmt: skip
    if not paths:
        raise ValueError(f"folder must be a folder with notebooks (.ipynb), got {str(folder)!r}.")
    read = [_read_lesson(path) for path in sorted((_KIT / "notebooks").glob("[0-9]*.ipynb"))]
    lessons = [lesson for lesson in read if lesson.exercises]
    if not lessons:
        raise ValueError(f"the kit must have lessons with exercises, got none in {_KIT / 'notebooks'}.")
    return (_grade_notebook(path, root, lessons, seconds) for path in paths)


def summary(grades: Sequence[Grade]) -> list[str]:
    """Return a line about each student: the number of solved exercises, and what was not answered or not graded.

    If a student handed in an exercise twice, the better result counts.
    """
    lines = []
    for name in sorted({grade.name for grade in grades}):
        own = [grade for grade in grades if grade.name == name]
        best: dict[tuple[str, str], str] = {}
        for grade in sorted(own, key=lambda grade: _SOLVED.index(grade.solved), reverse=True):
            if grade.exercise:
                best[grade.lesson, grade.exercise] = grade.solved
        counts = {solved: list(best.values()).count(solved) for solved in _SOLVED}
        parts = [f"{counts['yes']} of {len(best)} exercises solved"] if best else ["no exercises"]
        parts += [f"{counts[solved]} {solved}" for solved in _SOLVED[2:] if counts[solved]]
        parts += [f"{grade.file} not graded" for grade in own if not grade.exercise]
        files = {(grade.lesson, grade.file) for grade in own if grade.exercise}
        for lesson in sorted({lesson for lesson, _ in files}):
            if (n := sum(lesson == other for other, _ in files)) > 1:
                parts.append(f"{n} notebooks of “{lesson}”, the better result of each exercise counts")
        lines.append(f"{name}: {'; '.join(parts)}.")
    return lines


def _csv_path(folder: Path, given: str | None) -> Path:
    """Return the path of the table, which is never in the folder of the class."""
    path = Path(given) if given else folder.resolve().parent / "grades.csv"
    if path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"--csv must be a file outside {folder}, got {path}.")
    if given is None and path.exists():
        raise FileExistsError(f"{path} must not exist yet. Move it, or choose a file with --csv.")
    return path


def _grade(options: argparse.Namespace) -> int:
    folder = Path(options.folder)
    notebooks = grade_notebooks(folder, options.timeout)
    path = _csv_path(folder, options.csv)
    grades: list[Grade] = []
    width = shutil.get_terminal_size((140, 24)).columns
    # utf-8-sig, which spreadsheet programs recognise
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "lesson", "exercise", "solved", "what is wrong", "file"])
        for rows in notebooks:
            for row in rows:
                table.writerow(map(_no_formula, (row.name, row.lesson, row.exercise, row.solved, row.text, row.file)))
                line = f"{row.name:16.24} {row.lesson:34.34} {row.exercise:4} {row.solved:12} {row.text}"
                say(_one_line_of_table(line, width))
            file.flush()  # after Ctrl-C, the file has the rows so far
            grades += rows
    say("\n" + "\n".join(summary(grades)))
    say(f"\nThe table with the complete texts is in {path}.")
    return 0


def _no_formula(text: str) -> str:
    """Return a text that a spreadsheet program does not read as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _one_line_of_table(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 2]} …"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.course.grade",
        description="Run the checks of the exercises on the notebooks that a class handed in. Their code runs with "
        "your rights: use a container if you do not trust it.",
    )
    parser.add_argument("folder", help="the notebooks: a folder for each student, or files named after the students")
    parser.add_argument("--csv", help="the table to write (default: a new file grades.csv beside the folder)")
    parser.add_argument(
        "--timeout", type=float, default=120.0, help="seconds for the answers of a notebook (default: %(default)g)"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade a folder; return 0 if the table was written, whatever the results are, and 2 if an argument is invalid."""
    options = _parser().parse_args(arguments)
    return status_of(lambda: _grade(options))


if __name__ == "__main__":
    sys.exit(main())
