"""`section` writes what a program prints into its section of RESULTS.md."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

PATH = Path(__file__).with_name("RESULTS.md")


class _Tee(io.StringIO):
    """Text stream that keeps what is written to it, and also prints it."""

    def __init__(self) -> None:
        super().__init__()
        self.console = sys.stdout

    def write(self, text: str) -> int:
        self.console.write(text)
        self.console.flush()
        return super().write(text)


@contextmanager
def section(name: str, *, complete: bool, path: Path = PATH) -> Iterator[None]:
    """Replace the text between the markers of a section by what is printed in the context.

    If the program fails, the file is not changed.

    Parameters
    ----------
    name : str
        Name of the section, as in ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
    complete : bool
        Whether everything is measured. If not, the file is not changed.
    path : Path, default RESULTS.md
        The file to change.
    """
    if not complete:
        yield
        return
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"(?<={re.escape(begin)}\n).*(?={re.escape(end)})", re.DOTALL)
    if not pattern.search(path.read_text(encoding="utf-8")):
        raise ValueError(f"name must be one of the sections of {path.name}, got {name!r}.")
    tee = _Tee()
    with redirect_stdout(tee):
        yield
    text = path.read_text(encoding="utf-8")
    path.write_text(pattern.sub(lambda _: f"\n{tee.getvalue().strip()}\n\n", text), encoding="utf-8")
    print(f"\nwritten: section {name} of {path.name}")
