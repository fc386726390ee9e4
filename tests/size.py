"""Print the size of each package and its budget: ``make size``; the exit status is 1 if a budget is exceeded.

A line of code is a line that is not empty, not a comment and not part of a docstring.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


@dataclass
class Budget:
    """Largest number of files and of lines of code; None for no limit."""

    files: int | None = None
    code: int | None = None


BUDGETS = {
    "trainers/*.py": Budget(files=21),
    # Includes 40 lines, and a file in data, for the old names of version 0.1; remove them with version 0.3.
    "trainers/**/*.py": Budget(files=46, code=7361),
    "trainers/detection/*.py": Budget(files=11),
    "trainers/widgets/*.py": Budget(files=14),
    "trainers/widgets/*.js": Budget(files=10, code=3120),
    "data/**/*.py": Budget(files=18, code=2629),
    "notebooks/course/**/*.py": Budget(),
    "tests/**/*.py": Budget(),
}


def size(text: str) -> Counter[str]:
    """Return the lines of code, comments, docstrings and `raise` statements in Python source."""
    code, comments, docstrings, errors = set(), set(), set(), set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        lines = range(token.start[0], token.end[0] + 1)
        if token.type == tokenize.COMMENT:
            comments.update(lines)
        elif token.type not in NO_CODE:
            code.update(lines)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Raise):
            errors.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                docstrings.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return Counter(
        code=len(code - docstrings), comments=len(comments - code), docstrings=len(docstrings), errors=len(errors)
    )


def script_size(text: str) -> Counter[str]:
    """Return the lines of code and comments in JavaScript source; comments must be on separate lines."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    comments = sum(line.startswith(("//", "/*", "*")) for line in lines)
    return Counter(code=len(lines) - comments, comments=comments)


def measure(root: Path = ROOT) -> pd.DataFrame:
    """Return a table of files, lines and budgets by pattern."""
    rows = {}
    for pattern, budget in BUDGETS.items():
        paths = sorted(root.glob(pattern))
        sizes = [(script_size if path.suffix == ".js" else size)(path.read_text(encoding="utf-8")) for path in paths]
        total = sum(sizes, Counter())
        rows[pattern] = {
            "files": len(paths), "most files": budget.files, "code": total["code"], "most code": budget.code,
            **{name: total[name] for name in ("comments", "docstrings", "errors")},
        }  # fmt: skip
    return pd.DataFrame(rows).T


def over(table: pd.DataFrame) -> list[str]:
    """Return a message for each exceeded budget."""
    return [
        f"{pattern} must have at most {row[f'most {what}']} {what}, got {row[what]}."
        for pattern, row in table.iterrows()
        for what in ("files", "code")
        if row[f"most {what}"] is not None and row[what] > row[f"most {what}"]
    ]


if __name__ == "__main__":
    table = measure()
    print(table.fillna("").to_string())
    print("\n".join(over(table)))
    sys.exit(bool(over(table)))
