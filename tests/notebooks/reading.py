"""Notebooks and cells for the rules of the linter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Result of a rule: pairs of cell (None for the notebook itself) and message.
Findings = Iterator[tuple["Cell | None", str]]

_BLOCK = r"^```.*?^```"


@dataclass(frozen=True)
class Cell:
    """One cell; `place` is its number, starting from 1."""

    place: int
    kind: str
    source: str
    tags: tuple[str, ...]
    metadata: dict[str, Any]
    outputs: tuple[dict[str, Any], ...]
    execution_count: int | None

    @property
    def lines(self) -> list[str]:
        return self.source.splitlines()


class Notebook:
    """A notebook read from a file; `lesson` is the number of a lesson, None for other notebooks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content = json.loads(path.read_text(encoding="utf-8"))
        self.metadata = self.content["metadata"]
        self.cells = [_cell(place, raw) for place, raw in enumerate(self.content["cells"], start=1)]
        number = re.match(r"0([1-9])_", path.name)
        self.solutions = path.parent.name == "solutions"
        self.lesson = int(number[1]) if number and not self.solutions else None

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def markdown(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "markdown"]


def _cell(place: int, raw: dict[str, Any]) -> Cell:
    return Cell(
        place,
        raw["cell_type"],
        "".join(raw["source"]),
        tuple(raw["metadata"].get("tags", ())),
        raw["metadata"],
        tuple(raw.get("outputs", ())),
        raw.get("execution_count"),
    )


def shown(output: dict[str, Any]) -> Iterator[str]:
    """Yield every text of an output: printed text, shown text, SVG and errors; no encoded pictures."""
    yield "".join(output.get("text", ""))
    yield "\n".join(output.get("traceback", ()))
    for kind, content in output.get("data", {}).items():
        if kind.startswith("text/") or kind == "image/svg+xml":
            yield "".join(content)


def pictures(cell: Cell) -> Iterator[tuple[str, str | None]]:
    """Yield the kind and the alternative text of each picture of a cell; None if it needs no alternative text."""
    for output in cell.outputs:
        for kind in output.get("data", {}):
            if kind.startswith("image/") and kind != "image/svg+xml":
                yield kind, output.get("metadata", {}).get(kind, {}).get("alt", "")
        for text in shown(output):
            yield from _drawn(text)
    if cell.kind == "markdown":
        yield from _drawn(cell.source)
        for alt in re.findall(r"!\[([^\]]*)\]\(", cell.source):
            yield "markdown picture", alt


def _drawn(html: str) -> Iterator[tuple[str, str | None]]:
    for tag in re.findall(r"<img\b[^>]*>", html):
        yield "<img>", _attribute(tag, "alt")
    for opening, inside in re.findall(r"(<svg\b[^>]*>)(.*?)</svg>", html, re.DOTALL):
        hidden = _attribute(opening, "aria-hidden") == "true" or "aria-labelledby" in opening
        title = re.search(r"<title[^>]*>(.*?)</title>", inside, re.DOTALL)
        yield "<svg>", None if hidden else _attribute(opening, "aria-label") or (title[1] if title else "")


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf"""\b{name}=("[^"]*"|'[^']*')""", tag)
    return found[1][1:-1] if found else ""


def prose(source: str) -> str:
    """Return the text of a markdown cell without code, formulas, addresses and tags; line numbers are kept."""
    for pattern in (_BLOCK, r"``?[^`]+``?", r"\$[^$\n]+\$", r"\]\([^)]*\)", r"https?://\S+", r"<[a-zA-Z/][^>]*>"):
        source = re.sub(pattern, _blank, source, flags=re.DOTALL | re.MULTILINE)
    return source


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n") or " "


def headings(notebook: Notebook) -> Iterator[tuple[Cell, int, str]]:
    """Yield cell, level and text of each heading."""
    for cell in notebook.markdown:
        no_blocks = re.sub(_BLOCK, "", cell.source, flags=re.DOTALL | re.MULTILINE)
        for marks, text in re.findall(r"^(#{1,6}) +(.+)$", no_blocks, re.MULTILINE):
            yield cell, len(marks), text.strip()
