"""`make lint-notebooks`: what is wrong with the notebooks as they are committed, where, and how to mend it.

``python -m tests.notebooks.linter [FILE …]`` looks at the files named, else at all of them. Each rule is a
function of a notebook that yields cells and messages; `test_linter.py` has a notebook that breaks it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.notebooks import committed, structure, writing
from tests.notebooks.reading import Notebook

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = [*sorted(ROOT.glob("notebooks/*.ipynb")), *sorted(ROOT.glob("notebooks/solutions/*.ipynb"))]


def lint(path: Path) -> list[str]:
    """Everything that is wrong with one notebook, as lines of file, cell, rule, and what to do."""
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
    """Print what is wrong; return how much."""
    found = [line for path in paths for line in lint(path)]
    print("\n".join(found) or f"{len(paths)} notebooks are as they should be.")
    return len(found)


if __name__ == "__main__":
    sys.exit(bool(main([Path(name).resolve() for name in sys.argv[1:]] or NOTEBOOKS)))
