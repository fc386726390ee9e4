"""`read_table`: the columns of a delimited text file, and the line that each row is in."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from data.text_file import read_text

SEPARATORS = {"\t": "tab", ";": "semicolon", ",": "comma", " ": "blank"}
DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_MISSING = ("", "?", "na", "nan", "null", "n/a", "none")


class Table(NamedTuple):
    """A file's cells: `frame` with a row for each row of data, `lines` (rows,) their line numbers from 1 on."""

    path: Path
    frame: pd.DataFrame
    lines: np.ndarray
    has_header: bool


def read_table(
    path: str | os.PathLike[str], *, separator: str | None, decimal: str, header: bool | None, encoding: str
) -> Table:
    """Read a delimited file whose rows all have as many fields as the first; see `load_csv` for the rules."""
    path = Path(path)
    text = read_text(path, encoding)
    lines = text.split("\n")
    kept = [number for number, line in enumerate(lines) if line.strip()]
    while kept and lines[kept[0]].lstrip().startswith("#"):
        kept.pop(0)
    if not kept:
        msg = f"{path} holds nothing but comments. Data was expected below them."
        raise ValueError(msg)
    separator = _separator(path, [lines[i] for i in kept[:50]], separator)
    names = _fields(lines[kept[0]], separator)
    if len(names) == 1:  # Then a line without anything is a missing value.
        kept = list(range(kept[0], kept[-1] + 1))
    rows = [lines[i] for i in kept]
    numbers = np.array(kept) + 1
    if separator == " ":
        rows, separator = ["\t".join(_fields(row, " ")) for row in rows], "\t"
    _check_width(path, rows, numbers, separator, len(names), quoted='"' in text)
    if header is None:
        header = not all(_NUMBER.fullmatch(n) or DATE.match(n) or n.lower() in _MISSING for n in names)
    if header:
        rows, numbers = rows[1:], numbers[1:]
        names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    else:
        names = [f"column {i}" for i in range(1, len(names) + 1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        first, second = [i for i, name in enumerate(names, 1) if name == twice][:2]
        msg = f"{path} has two columns called {twice!r}, numbers {first} and {second}. Give them different names."
        raise ValueError(msg)
    if len(rows) < 2:
        msg = f"{path} has {len(rows)} rows of data{' below its header' * header}; a recording has at least two."
        raise ValueError(msg)
    frame = pd.read_csv(
        io.StringIO("\n".join(rows) + "\n"),
        sep=separator,
        decimal=decimal,
        header=None,
        names=names,
        index_col=False,
        na_values=["?"],
        skipinitialspace=True,
        skip_blank_lines=False,
        low_memory=False,
        float_precision="round_trip",
    )
    if decimal == ",":
        # One cell that is no number makes pandas leave the whole column as text, decimal commas and all.
        for name in names:
            if frame[name].dtype.kind not in "biuf":
                frame[name] = frame[name].map(_with_point, na_action="ignore")
    return Table(path, frame, numbers, header)


def _with_point(cell: object) -> object:
    text = str(cell).strip()
    return text.replace(",", ".") if DECIMAL_COMMA.fullmatch(text) else cell


def _separator(path: Path, rows: list[str], separator: str | None) -> str:
    if separator is not None:
        if separator not in SEPARATORS:
            msg = f"separator takes one of {list(SEPARATORS)}; got {separator!r}. Left out, it is guessed."
            raise ValueError(msg)
        other = next((s for s in SEPARATORS if s != " " and s in rows[0]), None)
        if other and separator not in rows[0].strip():
            msg = (
                f"{path}, line 1: there is no {SEPARATORS[separator]} in {rows[0][:60]!r}; the separator seems to be "
                f"the {SEPARATORS[other]}. Leave separator out, or give separator={other!r}."
            )
            raise ValueError(msg)
        return separator
    widths = {s: {len(_fields(row, s)) for row in rows} for s in SEPARATORS}
    alike = [s for s in SEPARATORS if len(widths[s]) == 1 and widths[s] != {1}]
    in_first = [s for s in SEPARATORS if s != " " and s in rows[0].strip()]
    # A file of one column has no separator; the comma then divides nothing.
    return next(iter([*alike, *in_first, ","]))


def _fields(row: str, separator: str) -> list[str]:
    if separator == " " and '"' not in row:
        return row.split()
    row = row.strip() if separator == " " else row
    return [field.strip() for field in next(csv.reader([row], delimiter=separator, skipinitialspace=True))]


def _check_width(path: Path, rows: list[str], lines: np.ndarray, separator: str, width: int, *, quoted: bool) -> None:
    """Every row has `width` fields, or an error that names the first that has not."""
    if quoted:
        found = np.zeros(len(rows), dtype=int)
        for i, row in enumerate(rows):
            try:
                found[i] = len(next(csv.reader([row], delimiter=separator, skipinitialspace=True, strict=True))) or 1
            except csv.Error as error:
                msg = f"{path}, line {lines[i]}: the quotation marks in {row[:60]!r} do not pair: {error}. Correct it."
                raise ValueError(msg) from error
    else:
        found = np.array([row.count(separator) for row in rows]) + 1
    wrong = np.flatnonzero(found != width)
    if len(wrong):
        i = wrong[0]
        msg = (
            f"{path}, line {lines[i]}: {found[i]} fields where line {lines[0]} has {width} "
            f"({len(wrong)} such lines): {rows[i][:60]!r}. Every row must have a field for each column. If the numbers "
            "have decimal commas, the separator must be another sign."
        )
        raise ValueError(msg)
