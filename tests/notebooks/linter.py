"""Check the committed notebooks, and print each fault with its place and a fix: `make lint-notebooks`.

``python -m tests.notebooks.linter [FILE …]`` checks the given files, by default all notebooks. Each rule is a function
of a notebook that yields cells and messages; `test_linter.py` tests each rule with a notebook that violates it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.notebooks import committed, structure, writing
from tests.notebooks.reading import Notebook

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = [*sorted(ROOT.glob("notebooks/*.ipynb")), *sorted(ROOT.glob("notebooks/solutions/*.ipynb"))]


def lint(path: Path) -> list[str]:
    """Return all faults of a notebook, as lines with file, cell, message and rule."""
    notebook = Notebook(path)
    rules = [*committed.RULES, *writing.RULES, *(structure.RULES if notebook.lesson else ())]
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.as_posix()
    found = []
    for rule in rules:
        for cell, message in rule(notebook):
            place = f", cell {cell.place} ({cell.kind})" if cell else ""
            found.append((cell.place if cell else 0, f"{name}{place}: {message} [{rule.__name__}]"))
    return [line for _, line in sorted(found, key=lambda pair: pair[0])]


def main(paths: list[Path]) -> int:
    """Print all faults, and return their number."""
    found = [line for path in paths for line in lint(path)]
    print("\n".join(found) or f"{len(paths)} notebooks have no faults.")
    return len(found)


if __name__ == "__main__":
    sys.exit(bool(main([Path(name).resolve() for name in sys.argv[1:]] or NOTEBOOKS)))
