"""Slides from the lessons: a rule decides by each cell's content whether the cell begins a slide.

``python -m notebooks.course.slides notebooks/*.ipynb`` writes the slide types into the notebooks' metadata and changes
nothing else; a second call changes nothing. ``python -m notebooks.course classroom`` opens JupyterLab with the slides:
use the button "Slides" above a notebook, or Alt S. Their code is in `labextensions`.

The rule, for a screen of 1280 × 720 in classroom mode:

- A text with a heading of the first or second level begins a slide.
- A text that asks for a prediction, a heading of a lower level, and a cell that no longer fits below the cells
  before it begin a sub-slide.
- Code after a question, a cell after a picture, and a text after code that begins with "Observe:" in bold are a
  fragment: they appear on the same slide, at the next step. So an explanation is not visible before its code is run.
- A text after a picture stands beside it, on the same slide.
- Exercises, solutions and further reading are left out.
- All other cells follow the cell before them on the same slide.
"""

from __future__ import annotations

import argparse
import glob
import json
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.console import say

# Heights in pixels in classroom mode: of a slide and of its parts; `_LETTERS` is the number of letters in a line.
_ROOM = 600
_LETTERS, _TEXT_LINE, _CODE_LINE, _GAP, _HEADING = 105, 30, 25, 22, 70
# The slides limit the height of pictures, and of code with outputs, which scrolls. A widget fills a slide.
_PICTURE, _CODE, _WIDGET = 400, 230, 600
# Letters in a line beside a picture.
_BESIDE = 38
_LEFT_OUT = ("exercises", "more exercises", "solutions", "read on", "next")
_TAGS = {"stub", "check", "solution", "answer"}
_EXERCISE = re.compile(r"### Exercise ")
_QUESTION = re.compile(r"\*\*(Predict|Think|Ask yourself)|\?\s*$", re.IGNORECASE)


def slide_types(notebook: dict[str, Any]) -> list[str | None]:
    """Return the slide type of each cell of a notebook.

    Parameters
    ----------
    notebook : dict
        The notebook's JSON, with outputs.

    Returns
    -------
    list of {"slide", "subslide", "fragment", "skip", None}
        A cell of type None continues the slide before it.
    """
    found: list[str | None] = []
    used, left_out = 0.0, False  # left_out: whether the current section is omitted
    before: dict[str, Any] | None = None
    for cell in notebook["cells"]:
        level, sections = _heading(cell), _sections(cell)
        skipped = sections[0] if sections else left_out
        left_out = sections[-1] if sections else left_out
        if skipped or _TAGS & set(cell["metadata"].get("tags", ())) or _EXERCISE.match(_source(cell)):
            found.append("skip")
            continue
        beside = before is not None and _has_picture(before) and cell["cell_type"] == "markdown"
        height = _height(cell, _BESIDE if beside else _LETTERS)
        # beside a picture, a text needs no more height if it is not higher than the room
        total = max(used, height) if beside else used + height
        kind = _kind(cell, level, before, fits=total <= _ROOM)
        used = _height(cell) if kind in ("slide", "subslide") else total
        found.append(kind)
        before = cell
    return found


def wrong_slides(path: Path | str) -> list[str]:
    """Return a message for each cell whose slide type differs from the rule; used by a test.

    Parameters
    ----------
    path : path
        Path of a notebook.

    Returns
    -------
    list of str
        An empty list if all slide types are correct.
    """
    cells = json.loads(Path(path).read_text(encoding="utf-8"))
    return [
        f"{Path(path).name}, cell {number} ({_first_line(cell)!r}): the slide type must be {wanted or 'empty'}, got "
        f"{_current(cell) or 'none'}. Run python -m notebooks.course.slides on the notebook."
        for number, (cell, wanted) in enumerate(zip(cells["cells"], slide_types(cells), strict=True), 1)
        if _current(cell) != wanted
    ]


def set_slides(path: Path | str) -> bool:
    """Write the slide types into a notebook's metadata.

    Parameters
    ----------
    path : path
        Path of a notebook. Everything else in the file remains unchanged, byte by byte.

    Returns
    -------
    bool
        Whether the file was changed.

    Raises
    ------
    ValueError
        If the file is not formatted as Jupyter formats notebooks.
    """
    text = Path(path).read_bytes().decode("utf-8")
    notebook = json.loads(text)
    end = text[len(text.rstrip()) :]
    if _to_json(notebook) + end != text:
        msg = f"{path} must be formatted as Jupyter formats notebooks. Open it in JupyterLab, save it, and try again."
        raise ValueError(msg)
    for cell, kind in zip(notebook["cells"], slide_types(notebook), strict=True):
        others = {name: value for name, value in cell["metadata"].items() if name != "slideshow"}
        own = {**cell["metadata"].get("slideshow", {}), "slide_type": kind}
        cell["metadata"] = dict(sorted({**others, "slideshow": own}.items())) if kind else others
    new = _to_json(notebook) + end
    if new != text:
        Path(path).write_bytes(new.encode("utf-8"))
    return new != text


def main(arguments: Sequence[str] | None = None) -> int:
    """Set the slide types of notebooks; return 0 if it worked."""
    parser = argparse.ArgumentParser(
        prog="python -m notebooks.course.slides", description="Set the slide types of notebooks."
    )
    parser.add_argument("notebooks", nargs="+")
    # On Windows the program expands the star itself.
    paths = [path for name in parser.parse_args(arguments).notebooks for path in sorted(glob.glob(name)) or [name]]
    for path in paths:
        try:
            say(f"{path}: {'slide types set' if set_slides(path) else 'unchanged'}")
        except (OSError, ValueError) as error:
            say(f"error: {error}", file=sys.stderr)
            return 2
    return 0


# ---------------------------------------------------------------------- parts of the rule


def _kind(cell: dict[str, Any], level: int, before: dict[str, Any] | None, *, fits: bool) -> str | None:
    if before is None or 1 <= level <= 2:
        return "slide"
    asks = cell["cell_type"] == "markdown" and _QUESTION.search(_source(cell)) is not None
    if level or asks or not fits:
        return "subslide"
    answers = before["cell_type"] == "markdown" and _QUESTION.search(_source(before)) is not None
    explains = before["cell_type"] == "code" and _source(cell).startswith("**Observe:**")
    return "fragment" if answers or explains or _has_picture(before) else None


def _height(cell: dict[str, Any], letters: int = _LETTERS) -> float:
    """Return the approximate height of a cell in pixels; `letters` is the number of letters in a line of text."""
    lines = _source(cell).split("\n")
    if cell["cell_type"] == "markdown":
        return sum(
            _HEADING if line.startswith("#") else _TEXT_LINE * math.ceil(len(line) / letters) if line else _GAP
            for line in _join_paragraphs(lines)
        )
    # A widget's picture follows a mark, and is visible only if the widget is not.
    marks = [place for place, output in enumerate(cell["outputs"]) if "kit-picture" in _html(output)]
    hidden = {*marks, *(place + 1 for place in marks)}
    outputs = sum(_output_height(output) for place, output in enumerate(cell["outputs"]) if place not in hidden)
    return _GAP + min(_CODE_LINE * len(lines), _CODE if outputs else math.inf) + outputs


def _join_paragraphs(lines: list[str]) -> list[str]:
    """Return the lines with each paragraph joined to one line."""
    found = [""]
    for line in lines:
        starts = re.match(r"\s*([-*#|]|\d+\.|```)", line) or not line.strip()
        if starts or not found[-1]:
            found.append(line)
        else:
            found[-1] += " " + line
    return found[1:]


def _output_height(output: dict[str, Any]) -> float:
    data = output.get("data", {})
    if "application/vnd.jupyter.widget-view+json" in data:
        return _WIDGET
    if "image/png" in data:
        return _PICTURE
    if "text/html" in data:
        return _TEXT_LINE * max(2, _html(output).count("<tr"))
    return _CODE_LINE * "".join(output.get("text", data.get("text/plain", ""))).count("\n") + _GAP


def _html(output: dict[str, Any]) -> str:
    return "".join(output.get("data", {}).get("text/html", ""))


def _has_picture(cell: dict[str, Any]) -> bool:
    return any(_output_height(output) >= _PICTURE for output in cell.get("outputs", ()))


def _heading(cell: dict[str, Any]) -> int:
    """Return the level of a cell's highest heading; 0 without a heading, and for code."""
    return min((len(marks) for marks, _ in _headings(cell)), default=0)


def _sections(cell: dict[str, Any]) -> list[bool]:
    """Return, for each section that begins in a cell, whether the slides leave it out."""
    return [title.lower().startswith(_LEFT_OUT) for marks, title in _headings(cell) if len(marks) <= 2]


def _headings(cell: dict[str, Any]) -> list[tuple[str, str]]:
    if cell["cell_type"] != "markdown":
        return []
    outside_code = re.sub(r"```.*?```", "", _source(cell), flags=re.DOTALL)
    return re.findall(r"^(#+) +(.*)", outside_code, re.MULTILINE)


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def _first_line(cell: dict[str, Any]) -> str:
    return _source(cell).partition("\n")[0][:40]


def _current(cell: dict[str, Any]) -> str | None:
    kind: str | None = cell["metadata"].get("slideshow", {}).get("slide_type")
    return kind


def _to_json(notebook: dict[str, Any]) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
