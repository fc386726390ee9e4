"""Rules on a lesson's course, from the opening to the way on."""

from __future__ import annotations

import re

from tests.notebooks.committed import WIDGET
from tests.notebooks.reading import Cell, Findings, Notebook, headings

OPENING = ("**After this lesson you can**", "**It takes**", "**It needs**")
CLOSING = ("Takeaways", "Exercises", "Read on")
FEWEST, MOST = 3, 5
_HINT = r"^<details><summary>Hint</summary>\n\n(.+\n)+\n</details>$"


def opening(notebook: Notebook) -> Findings:
    first = notebook.cells[0]
    if not first.source.startswith(f"# {notebook.lesson}. "):
        yield first, f"the title should begin `# {notebook.lesson}. `, as the file's name does"
    for phrase in OPENING:
        if phrase not in first.source:
            yield first, f"the opening lacks “{phrase} …”"


def picture_on_the_first_screen(notebook: Notebook) -> Findings:
    seen = [kind for cell in notebook.code[:2] for output in cell.outputs for kind in output.get("data", {})]
    if not any(kind.startswith("image/") for kind in seen):
        yield None, "no picture in the output of the first two code cells: begin with something to look at"


def something_to_do(notebook: Notebook) -> Findings:
    shown = [kind for cell in notebook.code for output in cell.outputs for kind in output.get("data", {})]
    if WIDGET not in shown:
        yield None, "no interactive widget: let the reader drag, point or press somewhere"
    if not any("**Predict" in cell.source for cell in notebook.markdown):
        yield None, "nothing to predict: write “**Predict, then run:** …” before a result that can surprise"


def closing(notebook: Notebook) -> Findings:
    sections = [text for _, level, text in headings(notebook) if level == 2]
    if tuple(sections[-3:]) != CLOSING:
        yield None, f"the last three sections should be {', '.join(CLOSING)}; they are {', '.join(sections[-3:])}"
    following = sorted(notebook.path.parent.glob(f"0{(notebook.lesson or 0) + 1}_*.ipynb"))
    last = notebook.cells[-1]
    for path in following:
        if not re.search(rf"^Next: \[[^\]]+\]\({re.escape(path.name)}\)", last.source, re.MULTILINE):
            yield last, f"the last cell should lead on: `Next: [title]({path.name})`"


def exercises(notebook: Notebook) -> Findings:
    setup = [cell.place for cell in notebook.code if "exercise-setup" in cell.tags]
    found = _cut(notebook)
    if len(setup) != 1 or (found and setup[0] > found[0][0].place):
        yield None, f"one cell tagged `exercise-setup` belongs before the first exercise; such cells: {setup or 'none'}"
    if not FEWEST <= len(found) <= MOST:
        yield None, f"{FEWEST} to {MOST} exercises, each under `### Exercise {notebook.lesson}.1: …`; here {len(found)}"
    for number, (cell, parts) in enumerate(found, start=1):
        last = number == len(found)
        wanted = f"### Exercise {notebook.lesson}.{number}{', open' if last else ''}: "
        if not re.match(re.escape(wanted) + r"\S", cell.source):
            yield cell, f"its heading should be `{wanted}…`; it is `{cell.lines[0]}`"
        tagged = [tag for part in parts for tag in part.tags if tag in ("stub", "check")]
        if not last and not re.search(_HINT, cell.source, re.MULTILINE):
            yield cell, "it lacks a hint to unfold: `<details><summary>Hint</summary>`, a blank line, how to begin"
        if last and any(part.kind == "code" for part in parts):
            yield cell, "the last exercise is an open question, in words only: give its code to another"
        elif not last and tagged != ["stub", "check"]:
            yield cell, f"an exercise has one cell tagged `stub`, then one tagged `check`; here {tagged or 'neither'}"


def _cut(notebook: Notebook) -> list[tuple[Cell, list[Cell]]]:
    """Each exercise: the cell with its heading, and the cells below, up to the next heading."""
    found: list[tuple[Cell, list[Cell]]] = []
    inside = False
    for cell in notebook.cells:
        if cell.kind == "markdown" and re.match(r"#{1,3} ", cell.source):
            inside = cell.source.startswith("### Exercise ")
            if inside:
                found.append((cell, []))
        elif inside:
            found[-1][1].append(cell)
    return found


RULES = (opening, picture_on_the_first_screen, something_to_do, closing, exercises)
