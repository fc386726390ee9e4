"""Rules for the structure of a lesson, from the opening to the link to the next lesson."""

from __future__ import annotations

import re

from tests.notebooks.committed import WIDGET
from tests.notebooks.reading import Cell, Findings, Notebook, headings

OPENING = ("**After this lesson you can**", "**It takes**", "**It needs**")
CLOSING = ("Takeaways", "Exercises", "Read on")
FEWEST, MOST = 3, 7
_MINUTES = r"\((\d+) minutes?\)"
_HINT = r"^<details><summary>Hint</summary>\n\n(.+\n)+\n</details>$"


def opening(notebook: Notebook) -> Findings:
    first = notebook.cells[0]
    if not first.source.startswith(f"# {notebook.lesson}. "):
        yield first, f"the title must begin with `# {notebook.lesson}. `, like the file name"
    for phrase in OPENING:
        if phrase not in first.source:
            yield first, f"the opening must contain “{phrase} …”"


def picture_at_start(notebook: Notebook) -> Findings:
    seen = [kind for cell in notebook.code[:2] for output in cell.outputs for kind in output.get("data", {})]
    if not any(kind.startswith("image/") for kind in seen):
        yield None, "the first two code cells must show a picture"


def interaction(notebook: Notebook) -> Findings:
    shown = [kind for cell in notebook.code for output in cell.outputs for kind in output.get("data", {})]
    if WIDGET not in shown:
        yield None, "the lesson must have an interactive widget"
    if not any("**Predict" in cell.source for cell in notebook.markdown):
        yield None, "the lesson must ask for a prediction. Write “**Predict, then run:** …” before a surprising result"


def closing(notebook: Notebook) -> Findings:
    sections = [text for _, level, text in headings(notebook) if level == 2]
    if tuple(sections[-3:]) != CLOSING:
        yield None, f"the last three sections must be {', '.join(CLOSING)}, got {', '.join(sections[-3:])}"
    following = sorted(notebook.path.parent.glob(f"0{(notebook.lesson or 0) + 1}_*.ipynb"))
    last = notebook.cells[-1]
    for path in following:
        if not re.search(rf"^Next: \[[^\]]+\]\({re.escape(path.name)}\)", last.source, re.MULTILINE):
            yield last, f"the last cell must link to the next lesson: `Next: [title]({path.name})`"


def exercises(notebook: Notebook) -> Findings:
    setup = [cell.place for cell in notebook.code if "exercise-setup" in cell.tags]
    found = _cut(notebook)
    if not setup or (found and setup[0] > found[0][0].place):
        yield None, f"a cell before the first exercise must be tagged `exercise-setup`, got cells {setup or 'none'}"
    if not FEWEST <= len(found) <= MOST:
        yield None, f"a lesson must have {FEWEST} to {MOST} exercises, `### Exercise …`, got {len(found)}"
    for number, (cell, parts) in enumerate(found, start=1):
        last = number == len(found)
        wanted = f"### Exercise {notebook.lesson}.{number}{', open' if last else ''}: "
        if not re.match(re.escape(wanted) + r"\S", cell.source):
            yield cell, f"the heading must be `{wanted}…`, got `{cell.lines[0]}`"
        tagged = [tag for part in parts for tag in part.tags if tag in ("stub", "check")]
        if not last and not re.search(_HINT, cell.source, re.MULTILINE):
            yield cell, "the exercise must have a hint: `<details><summary>Hint</summary>`, an empty line, and the hint"
        if last and any(part.kind == "code" for part in parts):
            yield cell, "the last exercise must be an open question without code"
        elif not last and tagged != ["stub", "check"]:
            yield cell, f"an exercise must have a cell tagged `stub`, then one tagged `check`, got {tagged or 'none'}"


def _cut(notebook: Notebook) -> list[tuple[Cell, list[Cell]]]:
    """Return each exercise: the cell with its heading, and the cells up to the next heading."""
    found: list[tuple[Cell, list[Cell]]] = []
    inside = False
    for cell in notebook.cells:
        if cell.kind == "markdown" and re.match(r"#{1,3} ", cell.source):
            inside = cell.source.startswith("### Exercise ")
            if inside:
                found.append((cell, []))
        elif inside:
            found[-1][1].append(cell)
            inside = "check" not in cell.tags
    return found


def minutes(notebook: Notebook) -> Findings:
    """If a heading has minutes, all have, and the opening gives the sum of those before the takeaways."""
    if not any(re.search(_MINUTES, text) for _, _, text in headings(notebook)):
        return
    total = 0
    for cell, level, text in headings(notebook):
        if level != 2:
            continue
        if text in CLOSING:
            break
        found = re.search(f"{_MINUTES}$", text)
        if not found:
            yield cell, f"the heading “{text}” must end with its minutes, such as (5 minutes)"
            return
        total += int(found[1])
    for cell, _ in _cut(notebook):
        if not re.search(f"{_MINUTES}$", cell.lines[0]):
            yield cell, f"the heading must end with its minutes, such as (3 minutes), got `{cell.lines[0]}`"
    if not re.search(rf"\*\*It takes\*\* {total} minutes\b", notebook.cells[0].source):
        yield notebook.cells[0], f"the opening must contain “**It takes** {total} minutes”, the sum of its sections"


RULES = (opening, picture_at_start, interaction, closing, exercises, minutes)
