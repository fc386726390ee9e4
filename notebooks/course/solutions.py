"""`make solutions`: the notebooks of solutions, rebuilt so that each exercise has one source, its lesson.

A lesson with exercises has a cell tagged ``exercise-setup``; after it, each exercise begins with a heading
``### Exercise 2.1: title`` (the last one ``### Exercise 2.5, open: title``), and has a cell tagged ``stub``
and one tagged ``check``. The notebook of solutions, of the same name in ``solutions/``, has the same cells
with the stubs' places taken by cells tagged ``solution``, and below them cells tagged ``answer``. Only
these two are written there; all others come from the lesson.
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
_ABOVE = re.compile(r"##? ")  # ends the exercises: "## Read on"


def cell_source(cell: Cell) -> str:
    """Text of a cell, which a file may hold as lines."""
    return "".join(cell["source"])


def tags(cell: Cell) -> list[str]:
    """Tags of a cell."""
    return list(cell["metadata"].get("tags", []))


def split_exercises(cells: list[Cell]) -> tuple[list[Cell], dict[str, list[Cell]]]:
    """Cut the exercises out of a lesson or out of its solutions.

    Parameters
    ----------
    cells : list of dict
        All cells of a notebook.

    Returns
    -------
    setup : list of dict
        The cell tagged ``exercise-setup`` and what follows it, up to the first exercise; empty if there is none.
    exercises : dict
        From an exercise's number, such as "2.1", to its cells, heading first.

    Raises
    ------
    ValueError
        If two exercises have one number.
    """
    start = next((i for i, cell in enumerate(cells) if "exercise-setup" in tags(cell)), len(cells))
    setup: list[Cell] = []
    exercises: dict[str, list[Cell]] = {}
    into = setup
    for cell in cells[start:]:
        if cell["cell_type"] == "markdown":
            if _ABOVE.match(cell_source(cell)):
                break
            if heading := _HEADING.match(cell_source(cell)):
                number = heading[1]
                if number in exercises:
                    msg = f"two exercises are called {number}: count them up, in the lesson first."
                    raise ValueError(msg)
                into = exercises[number] = []
        into.append(cell)
    return setup, exercises


def is_open(exercise: list[Cell]) -> bool:
    """Whether an exercise is an open question, which has an answer in words and no check."""
    heading = _HEADING.match(cell_source(exercise[0]))
    return bool(heading and heading[2])


def rebuild(lesson: list[Cell], solutions: list[Cell], name: str) -> tuple[list[Cell], list[str]]:
    """Build the cells of a notebook of solutions.

    Parameters
    ----------
    lesson : list of dict
        Cells of the lesson.
    solutions : list of dict
        Cells of its notebook of solutions as it is, for those tagged ``solution`` and ``answer``.
    name : str
        The file name of both.

    Returns
    -------
    cells : list of dict
        What the notebook of solutions should hold, without outputs.
    missing : list of str
        Each exercise without a solution, and each solution without an exercise, in words.
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
            missing.append(f"exercise {number} has no solution: write a code cell tagged `solution` below its heading.")
        if is_open(exercise) and not answers:
            missing.append(f"exercise {number} has no answer: write a markdown cell tagged `answer` below its heading.")
        for cell in exercise:
            if "stub" not in tags(cell):
                cells.append(_copy(cell))
                continue
            cells += instead
            instead = []
        cells += answers
    for number in solved.keys() - exercises.keys():
        missing.append(f"exercise {number} is solved, but not in the lesson: give it its new number, or delete it.")
    return cells, missing


def differences(cells: list[Cell], wanted: list[Cell]) -> list[str]:
    """Say where two lists of cells differ in kind, text, tags or order; outputs do not count.

    Parameters
    ----------
    cells, wanted : list of dict
        What a notebook holds, and what it should hold.

    Returns
    -------
    list of str
        The first difference in words; empty if there is none.
    """
    for place, (cell, other) in enumerate(zip(cells, wanted, strict=False), start=1):
        if _essence(cell) != _essence(other):
            return [f"cell {place} should be {_quote(other)}; it is {_quote(cell)}."]
    if len(cells) != len(wanted):
        return [f"there should be {len(wanted)} cells; there are {len(cells)}."]
    return []


def update(lesson: Path, solutions: Path) -> list[str]:
    """Rebuild one notebook of solutions; leave one that is as it should be untouched.

    Outputs stay only if no code changed.

    Parameters
    ----------
    lesson, solutions : Path
        The two files; the second need not exist yet.

    Returns
    -------
    list of str
        What was done, and what is missing. Empty if nothing was to be done.
    """
    notebook = json.loads(lesson.read_text(encoding="utf-8"))
    there = json.loads(solutions.read_text(encoding="utf-8"))["cells"] if solutions.exists() else []
    cells, missing = rebuild(notebook["cells"], there, lesson.name)
    if any("is solved, but" in text for text in missing):
        return [*missing, "Nothing was written, so that no solution is lost."]
    if not differences(there, cells):
        return missing
    before, after = ([cell for cell in part if cell["cell_type"] == "code"] for part in (there, cells))
    same = not differences(before, after)
    for place, cell in enumerate(after):
        cell["execution_count"], cell["outputs"] = None, []
        if same:
            cell.update({key: before[place][key] for key in ("execution_count", "outputs")})
    _name(cells)
    solutions.parent.mkdir(exist_ok=True)
    text = json.dumps({**notebook, "cells": cells}, indent=1, ensure_ascii=False)
    solutions.write_text(text + "\n", encoding="utf-8")
    return [*missing, "rebuilt." if same else "rebuilt, without outputs: run it anew."]


def _header(title: str, name: str) -> Cell:
    text = (
        f"# Solutions: {title}\n\nOne way to solve each exercise of [the lesson](../{name}); there are others.\n"
        "Try yours first: the check below it says what is still wrong.\n\n## Exercises"
    )
    return {"cell_type": "markdown", "id": "solutions", "metadata": {}, "source": text.splitlines(keepends=True)}


def _copy(cell: Cell) -> Cell:
    copied = {key: cell[key] for key in ("cell_type", "id", "source")}
    copied["metadata"] = {"tags": tags(cell)} if tags(cell) else {}
    return copied


def _name(cells: list[Cell]) -> None:
    """Give each cell an id that no other has."""
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
    """Rebuild the solutions of every lesson in a folder; the number of notebooks that need a hand."""
    open_ends = 0
    for lesson in sorted(folder.glob("[0-9]*.ipynb")):
        cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        if not split_exercises(cells)[0]:
            continue
        done = update(lesson, folder / "solutions" / lesson.name)
        open_ends += bool(done) and done != ["rebuilt."]
        for text in done or ["as it should be."]:
            say(f"solutions/{lesson.name}: {text}")
    return open_ends


if __name__ == "__main__":
    sys.exit(bool(main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parents[2] / "notebooks")))
