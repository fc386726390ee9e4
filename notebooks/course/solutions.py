"""Build the solution notebooks from the lessons (`make solutions`), so that each exercise has one source: its lesson.

An exercise may stand anywhere in a lesson. It begins with a heading ``### Exercise 2.1: title (3 minutes)``, and has a
cell tagged ``stub`` and, as its last cell, one tagged ``check``. An open question, ``### Exercise 2.5, open: title``,
is one cell. The cells that the exercises need are tagged ``exercise-setup``. The solution notebook has the same file
name, in ``solutions/``: first the cells tagged ``exercise-setup``, then the exercises. The stubs are replaced by cells
tagged ``solution``, and cells tagged ``answer`` follow. Write only these two kinds of cells in the solution notebook;
all others are copied from the lesson.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from trainers.console import say

Cell = dict[str, Any]

_HEADING = re.compile(r"### Exercise (\d+\.\d+)(, open)?: \S")


def cell_source(cell: Cell) -> str:
    """Return the text of a cell, which a file may store as a list of lines."""
    return "".join(cell["source"])


def tags(cell: Cell) -> list[str]:
    """Return the tags of a cell."""
    return list(cell["metadata"].get("tags", []))


def split_exercises(cells: list[Cell]) -> tuple[list[Cell], dict[str, list[Cell]]]:
    """Return the exercises of a lesson or of its solution notebook.

    Parameters
    ----------
    cells : list of dict
        All cells of a notebook.

    Returns
    -------
    setup : list of dict
        The cells tagged ``exercise-setup``.
    exercises : dict
        The cells of each exercise, with the heading first, by its number, such as "2.1".

    Raises
    ------
    ValueError
        If two exercises have the same number.
    """
    setup: list[Cell] = []
    exercises: dict[str, list[Cell]] = {}
    into: list[Cell] | None = None
    complete = False
    for cell in cells:
        heading = _HEADING.match(cell_source(cell)) if cell["cell_type"] == "markdown" else None
        if "exercise-setup" in tags(cell):
            setup.append(cell)
        elif heading:
            number = heading[1]
            if number in exercises:
                msg = f"exercise numbers must be unique, got {number} twice. Correct the lesson first."
                raise ValueError(msg)
            into = exercises[number] = [cell]
            complete = is_open(into)
        elif into is not None and (not complete or "answer" in tags(cell)):
            into.append(cell)
            complete = complete or "check" in tags(cell)
    return setup, exercises


def is_open(exercise: list[Cell]) -> bool:
    """Return whether an exercise is an open question, which has a written answer and no check."""
    heading = _HEADING.match(cell_source(exercise[0]))
    return bool(heading and heading[2])


def rebuild(lesson: list[Cell], solutions: list[Cell], name: str) -> tuple[list[Cell], list[str]]:
    """Return the cells of a solution notebook.

    Parameters
    ----------
    lesson : list of dict
        Cells of the lesson.
    solutions : list of dict
        Cells of its present solution notebook; those tagged ``solution`` and ``answer`` are used.
    name : str
        The file name of both notebooks.

    Returns
    -------
    cells : list of dict
        Cells of the new solution notebook, without outputs.
    missing : list of str
        A message for each exercise without a solution, and for each solution without an exercise.
    """
    setup, exercises = split_exercises(lesson)
    _, solved = split_exercises(solutions)
    title = cell_source(lesson[0]).splitlines()[0].removeprefix("# ")
    cells, missing = [_header(title, name), *map(_copy, setup)], []
    for number, exercise in exercises.items():
        own = [_copy(cell) for cell in solved.get(number, []) if {"solution", "answer"} & set(tags(cell))]
        answers = [cell for cell in own if "answer" in tags(cell)]
        instead = [cell for cell in own if "solution" in tags(cell)]
        if any("stub" in tags(cell) for cell in exercise) and not instead:
            missing.append(f"exercise {number} has no solution. Write a code cell tagged `solution` below its heading.")
        if is_open(exercise) and not answers:
            missing.append(f"exercise {number} has no answer. Write a markdown cell tagged `answer` below its heading.")
        for cell in exercise:
            if "stub" not in tags(cell):
                cells.append(_copy(cell))
                continue
            cells += instead
            instead = []
        cells += answers
    for number in solved.keys() - exercises.keys():
        missing.append(f"exercise {number} is solved, but not in the lesson. Renumber the solution or delete it.")
    return cells, missing


def differences(cells: list[Cell], wanted: list[Cell]) -> list[str]:
    """Return the first difference of two lists of cells in kind, text, tags or order; outputs are ignored.

    Parameters
    ----------
    cells, wanted : list of dict
        The cells of a notebook, and the cells that it should have.

    Returns
    -------
    list of str
        A message about the first difference; empty if the lists are equal.
    """
    for place, (cell, other) in enumerate(zip(cells, wanted, strict=False), start=1):
        if _essence(cell) != _essence(other):
            return [f"cell {place} must be {_quote(other)}, got {_quote(cell)}."]
    if len(cells) != len(wanted):
        return [f"the notebook must have {len(wanted)} cells, got {len(cells)}."]
    return []


def update(lesson: Path, solutions: Path) -> list[str]:
    """Rebuild a solution notebook; do not write the file if it is up to date.

    Outputs are kept only if no code has changed.

    Parameters
    ----------
    lesson, solutions : Path
        The two files; the second may not exist yet.

    Returns
    -------
    list of str
        Messages about what was done and what is missing; empty if the file is up to date.
    """
    notebook = json.loads(lesson.read_text(encoding="utf-8"))
    present = json.loads(solutions.read_text(encoding="utf-8"))["cells"] if solutions.exists() else []
    cells, missing = rebuild(notebook["cells"], present, lesson.name)
    if any("is solved, but" in text for text in missing):
        return [*missing, "Nothing was written, to avoid losing a solution."]
    if not differences(present, cells):
        return missing
    before, after = ([cell for cell in part if cell["cell_type"] == "code"] for part in (present, cells))
    same = not differences(before, after)
    for place, cell in enumerate(after):
        cell["execution_count"], cell["outputs"] = None, []
        if same:
            cell.update({key: before[place][key] for key in ("execution_count", "outputs")})
    _make_ids_unique(cells)
    solutions.parent.mkdir(exist_ok=True)
    text = json.dumps({**notebook, "cells": cells}, indent=1, ensure_ascii=False)
    solutions.write_text(text + "\n", encoding="utf-8")
    return [*missing, "rebuilt." if same else "rebuilt without outputs. Run the notebook again."]


def _header(title: str, name: str) -> Cell:
    text = (
        f"# Solutions: {title}\n\nThis notebook has one solution to each exercise of [the lesson](../{name}).\n"
        "Try your own solution first: the check below each exercise tells you what is still wrong.\n\n## Exercises"
    )
    return {"cell_type": "markdown", "id": "solutions", "metadata": {}, "source": text.splitlines(keepends=True)}


def _copy(cell: Cell) -> Cell:
    copied = {key: cell[key] for key in ("cell_type", "id", "source")}
    copied["metadata"] = {"tags": tags(cell)} if tags(cell) else {}
    return copied


def _make_ids_unique(cells: list[Cell]) -> None:
    """Give each cell a unique id."""
    taken: set[str] = set()
    for place, cell in enumerate(cells):
        if cell["id"] in taken:
            cell["id"] = f"{cell['id'][:48]}-{place}"
        taken.add(cell["id"])


def _essence(cell: Cell) -> tuple[str, str, list[str]]:
    return cell["cell_type"], cell_source(cell), tags(cell)


def _quote(cell: Cell) -> str:
    lines = cell_source(cell).strip().splitlines() or [""]
    kind = " ".join([*tags(cell), cell["cell_type"]])
    return f"{kind} ({len(lines)} lines) “{lines[0][:60]}”"


def main(folder: Path) -> int:
    """Rebuild the solutions of every lesson in a folder; return the number of notebooks that must be edited or run."""
    unfinished = 0
    for lesson in sorted(folder.glob("[0-9]*.ipynb")):
        cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        if not split_exercises(cells)[0]:
            continue
        done = update(lesson, folder / "solutions" / lesson.name)
        unfinished += bool(done) and done != ["rebuilt."]
        for text in done or ["up to date."]:
            say(f"solutions/{lesson.name}: {text}")
    return unfinished


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[2] / "notebooks")))
