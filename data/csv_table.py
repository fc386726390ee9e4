"""`read_table`: read the columns of a delimited text file, and their cells as numbers or labels."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from data.text_file import read_text

csv.field_size_limit(2**31 - 1)  # the default limit is 131,072 characters
_SEPARATORS = {"\t": "tab", ";": "semicolon", "|": "vertical bar", ",": "comma", " ": "space"}
DATE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?")
_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
# Numbers with a thousands separator: 1,000 or 1.234.567,8.
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?P<group>[,.' ])\d{3}(?:(?P=group)\d{3})*(?P<rest>[.,]\d+)?")
# A number, a date or a time of day: neither a column name nor the first field of metadata.
_DATUM = re.compile(
    rf"(?:{_NUMBER.pattern})$|\d{{1,4}}(?P<sign>[-/.])(?:\d\d?|[A-Za-z]{{3}})(?P=sign)\d{{1,4}}(?!\d)|\d\d?:\d\d"
)
_NORMAL_WORDS = ("normal", "nominal", "ok", "n", "no", "false", "0")
_MISSING = ("", "?", "na", "nan", "null", "n/a", "none")
# Number of rows used to detect the separator and the lines above the table.
_SAMPLE = 100


class Table(NamedTuple):
    """Cells of a file: `frame` with one row per row of data, `lines` (rows,) with its line number, from 1."""

    path: Path
    frame: pd.DataFrame
    lines: np.ndarray
    has_header: bool
    separator: str
    notes: list[str]

    def at(self, row: int, name: str) -> str:
        """Return file, line and column of a cell, for error messages."""
        return f"{self.path}, line {self.lines[row]}, column {name!r:.99}"

    def take(self, rows: np.ndarray | slice) -> Table:
        """Return the table with these rows only, in this order."""
        return self._replace(frame=self.frame.iloc[rows], lines=self.lines[rows])

    def floats(self, name: str) -> np.ndarray:
        """Return a column as float64, with NaN for a cell that is not a finite number."""
        numbers = _numbers(self.frame[name])
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def is_text(self, name: str) -> bool:
        """Return whether less than half of a column's cells are numbers."""
        column = self.frame[name]
        if column.dtype.kind in "biuf":
            return False
        cells = column.dropna()
        texts = cells.astype(str).str.strip()
        comma = (texts.str.fullmatch(_DECIMAL_COMMA.pattern) | texts.str.fullmatch(_GROUPED.pattern)).to_numpy(bool)
        return bool(np.mean(~np.isnan(_numbers(cells)) | comma) < 0.5)

    def numbers(self, name: str) -> np.ndarray:
        """Return a column as float64, NaN for missing cells; raise at the first cell that is not a number."""
        column = self.frame[name]
        numbers = _numbers(column)
        bad = np.flatnonzero(np.isnan(numbers) & column.notna().to_numpy())
        if len(bad):
            cells = column.iloc[bad].astype(str).str.strip()
            advice = _advice(cells, self.separator, all_cells=len(bad) == column.notna().sum())
            got = f"{cells.iloc[0]!r:.99} ({len(bad)} such cell{'s' * (len(bad) > 1)})"
            raise ValueError(f"{self.at(bad[0], name)}: the cell must be a number, got {got}. {advice}")
        with np.errstate(over="ignore"):
            bad = np.flatnonzero(np.isinf(numbers.astype(np.float32)))
        if len(bad):
            wrong = f"the cell must be finite and representable in float32, got {column.iloc[bad[0]]!s:.99}"
            raise ValueError(f"{self.at(bad[0], name)}: {wrong}. Leave it empty, or scale the column.")
        return numbers

    def values(self, names: Sequence[str]) -> np.ndarray:
        """Return columns as an array (rows, columns); raise if one has no value."""
        values = np.stack([self.numbers(name) for name in names], axis=1)
        empty = np.flatnonzero(np.isnan(values).all(0))
        if len(empty):
            raise ValueError(f"{self.path}: column {names[empty[0]]!r:.99} must not be empty. Set values=[…].")
        return values

    def labels(self, name: str, normal: Any, notes: list[str]) -> np.ndarray:
        """Return a column as integers, with 0 for normal."""
        column = self.frame[name]
        remedy = f", or set values=[…, {name!r:.99}] if the column is a measurement."
        missing = np.flatnonzero(column.isna())
        if len(missing):
            raise ValueError(
                f"{self.at(missing[0], name)}: the label must not be missing, got {len(missing)} without one. "
                f"Add the labels{remedy}"
            )
        if column.dtype.kind in "biuf" and normal is None:
            numbers = column.to_numpy(np.float64)
            bad = np.flatnonzero((numbers < 0) | (numbers != np.trunc(numbers)) | (numbers >= 2**31))
            found = np.unique(numbers)
            usual = f"normal={column.mode()[0]:g}"
            if len(bad) or (0 not in found and len(found) > 1):
                at = bad[0] if len(bad) else 0
                raise ValueError(
                    f"{self.at(at, name)}: labels must be integers of at least 0, where 0 is normal, got "
                    f"{column.iloc[at]}{'' if len(bad) else ' and no 0'}. Set the normal label, such as {usual}{remedy}"
                )
            if 0 not in found:
                note = f"all labels are {found[0]:g}, so every step is abnormal"
                notes.append(f"{note}; if this label is normal, set {usual}")
            return numbers.astype(np.int64)
        texts = column.astype(str).str.strip()
        kinds = texts.value_counts()
        if normal is None:
            chosen = [kind for kind in kinds.index if kind.lower() in _NORMAL_WORDS]
        else:
            chosen = [kind for kind in kinds.index if _number_or_text(kind) == _number_or_text(str(normal).strip())]
        if not chosen:
            some = ", ".join(f"{kind!r:.99} ({count} rows)" for kind, count in kinds.head(8).items())
            wanted = "a name such as 'normal'" if normal is None else repr(normal)
            raise ValueError(
                f"{self.path}, column {name!r:.99}: one of the labels must be {wanted}, got {some}"
                f"{', …' * (len(kinds) > 8)}. Set the normal label, such as normal={kinds.index[0]!r:.99}{remedy}"
            )
        # numbers in increasing order, then strings
        others = {kind: _number_or_text(kind) for kind in kinds.index if kind not in chosen}
        order = sorted(others, key=lambda kind: (isinstance(others[kind], str), others[kind], kind))
        number = dict.fromkeys(chosen, 0) | {kind: i for i, kind in enumerate(order, 1)}
        return texts.map(number).to_numpy(np.int64)


def read_table(
    path: str | os.PathLike[str],
    *,
    separator: str | None,
    decimal: str,
    thousands: str | None,
    header: bool | None,
    encoding: str,
) -> Table:
    """Read a delimited file whose rows all have the same number of fields; see `load_csv` for the rules."""
    path = Path(path)
    text = read_text(path, encoding)
    lines = text.split("\n")
    kept = [number for number, line in enumerate(lines) if line.strip()]
    named = re.fullmatch(r"sep=(.)", lines[kept[0]].strip('\ufeff" \r'))  # Excel writes the separator like this
    if named:
        kept, separator = kept[1:], separator or named[1]
    above = next((i for i, number in enumerate(kept) if not lines[number].lstrip().startswith("#")), len(kept))
    comment, kept = kept[above - 1] if above else None, kept[above:]
    if not kept:
        raise ValueError(f"{path} must have rows of data, got only comments.")
    start, separator = _layout(path, lines, kept[:_SAMPLE], separator, decimal)
    skipped = f"lines {kept[0] + 1} to {kept[start - 1] + 1} are not part of the table, so they were skipped"
    notes = [skipped] if start else []
    kept = kept[start:]
    names = _fields(lines[kept[0]], separator)
    if header is None:
        header = not _is_data(names)
    if not header and comment is not None and len(names) > 1:  # numpy.savetxt writes the header as a comment
        text_above = lines[comment].lstrip("# ")
        fields = _fields(("#" if text_above.startswith(separator) else "") + text_above, separator)
        if len(fields) == len(names) and not _is_data(fields):
            kept, names, header = [comment, *kept], fields, True
    if len(names) == 1:  # in a file of one column, an empty line is a missing value
        kept = list(range(kept[0], kept[-1] + 1))
    rows = [lines[i] for i in kept]
    numbers = np.array(kept) + 1
    if separator == " ":
        rows, separator = ["\t".join(_fields(row, " ")) for row in rows], "\t"
    _check_width(path, rows[header:], numbers[header:], separator, len(names), numbers[0], quoted='"' in text)
    if header:
        rows, numbers = rows[1:], numbers[1:]
        names = [name or f"column {i}" for i, name in enumerate(names, 1)]
    else:
        names = [f"column {i}" for i in range(1, len(names) + 1)]
    duplicated = pd.Index(names).duplicated()
    if duplicated.any():
        name = names[int(duplicated.argmax())]
        first, second = [i for i, other in enumerate(names, 1) if other == name][:2]
        raise ValueError(
            f"{path}: column names must differ, got {name!r:.99} for columns {first} and {second}. Rename one."
        )
    if len(rows) < 2:
        raise ValueError(f"{path} must have at least 2 rows of data{' below its header' * header}, got {len(rows)}.")
    point = decimal.strip(separator)
    frame = pd.read_csv(
        # pandas raises an OverflowError for an integer that float64 cannot represent
        io.StringIO(re.sub(rf"(?<![\w{point}])0*[1-9]\d{{308,}}(?![\w{point}])", "inf", "\n".join(rows) + "\n")),
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
    if decimal == "," or thousands:
        _use_points(frame, decimal, thousands or "")
    # a copy, because a table of many rewritten columns is slow to extend
    return Table(path, frame.copy(), numbers, header, separator, notes)


def _use_points(frame: pd.DataFrame, decimal: str, thousands: str) -> None:
    """Rewrite numbers in text columns, because pandas parses no number of a column if one cell is not a number."""
    group = re.escape(thousands)
    number = re.compile(rf"[+-]?(\d*|\d{{1,3}}({group}\d{{3}})+)({re.escape(decimal)}\d+)?([eE][+-]?\d+)?")
    for name in frame.columns[[dtype.kind not in "biuf" for dtype in frame.dtypes]]:
        cells = frame[name].dropna().astype(str).str.strip()
        cells = cells[cells.map(lambda cell: bool(number.fullmatch(cell)))]
        plain = cells.str.replace(thousands, "", regex=False).str.replace(decimal, ".", regex=False)
        frame[name] = plain.reindex(frame.index).astype(object).fillna(frame[name])


def _is_data(fields: list[str]) -> bool:
    """Return whether a row has only numbers, dates and missing values, unlike a header."""
    return all(_NUMBER.fullmatch(field) or DATE.match(field) or field.lower() in _MISSING for field in fields)


def _begins_as_data(fields: list[str]) -> bool:
    """Return whether a row is data; it may also have text, such as a state or a note."""
    return _is_data(fields) or (len(fields) > 1 and bool(_DATUM.match(fields[0])))


def _layout(path: Path, lines: list[str], sample: list[int], separator: str | None, decimal: str) -> tuple[int, str]:
    """Return the number of lines above the table, and the separator of its fields."""
    if separator is not None and separator not in _SEPARATORS:
        raise ValueError(f"separator must be one of {list(_SEPARATORS)}, got {separator!r}.")
    rows = [lines[i] for i in sample]
    tried = [separator] if separator else [s for s in _SEPARATORS if s != decimal]
    # a space may be part of a date
    if separator is None and any(sum(s in row for row in rows) > len(rows) / 2 for s in tried if s in ";|,"):
        tried.remove(" ")
    fields = {s: [_fields(row, s) for row in rows] for s in tried}
    # the first separator that splits all rows into the same number of fields
    for s in tried:
        if len(fields[s][0]) > 1 and len({len(row) for row in fields[s]}) == 1:
            return _above_blank_line(fields[s], sample), s
    # otherwise the first that does so below lines of metadata
    for s in tried:
        width = len(fields[s][-1])
        start = max((i + 1 for i, row in enumerate(fields[s]) if len(row) != width), default=0)
        above = fields[s][:start]
        if width == 1 or not 0 < start < len(rows) - 1 or any(map(_begins_as_data, above)):
            continue
        header = not any(map(_DATUM.match, fields[s][start]))
        if not header and not _is_data(fields[s][start]):
            continue  # the row above is data with a wrong number of fields
        metadata = sample[start] > sample[start - 1] + 1 or any(re.search("[:=]", row[0]) for row in above)
        if (metadata or max(map(len, above)) < width) if header else (metadata and max(map(len, above)) == 1):
            return start, s
    if separator is not None:
        other = next((s for s in _SEPARATORS if s != " " and s in rows[0]), None)
        if other and separator not in rows[0].strip():
            raise ValueError(
                f"{path}, line {sample[0] + 1}: the line must have the separator {_SEPARATORS[separator]}, got "
                f"{rows[0][:60]!r}. The separator seems to be the {_SEPARATORS[other]}: separator={other!r}."
            )
        return 0, separator
    # a file of one column has no separator
    return 0, next((s for s in tried if s != " " and s in rows[0].strip()), "," if decimal == "." else ";")


def _above_blank_line(fields: list[list[str]], sample: list[int]) -> int:
    """Return the number of rows above an empty line if they are not data, otherwise 0."""
    for i in range(1, min(len(fields) - 1, 50)):
        empty = not any(fields[i - 1])
        if _begins_as_data(fields[i - 1]) and not empty:
            return 0
        if (empty or sample[i] > sample[i - 1] + 1) and not any(map(_DATUM.match, fields[i])):
            return i
    return 0


def _fields(row: str, separator: str) -> list[str]:
    if '"' not in row:
        return row.split() if separator == " " else [field.strip() for field in row.split(separator)]
    row = row.strip() if separator == " " else row
    try:
        return [field.strip() for field in next(csv.reader([row], delimiter=separator, skipinitialspace=True))]
    except csv.Error:  # a field that is too long for the csv module
        return [row]


def _check_width(
    path: Path, rows: list[str], lines: np.ndarray, separator: str, width: int, first: int, *, quoted: bool
) -> None:
    """Raise at the first row that does not have `width` fields."""
    if quoted:
        counts = np.zeros(len(rows), dtype=int)
        for i, row in enumerate(rows):
            try:
                counts[i] = len(next(csv.reader([row], delimiter=separator, skipinitialspace=True, strict=True))) or 1
            except csv.Error as error:
                raise ValueError(
                    f"{path}, line {lines[i]}: quotation marks must be in pairs, got {row[:60]!r} ({error})."
                ) from error
    else:
        counts = np.array([row.count(separator) for row in rows]) + 1
    wrong = np.flatnonzero(counts != width)
    if len(wrong):
        i = wrong[0]
        remedy = "set decimal=','" if width == 1 else "use a separator other than the comma in the file"
        raise ValueError(
            f"{path}, line {lines[i]}: the row must have {width} field{'s' * (width > 1)} like line {first}, got "
            f"{counts[i]}: {rows[i][:60]!r} ({len(wrong)} such line{'s' * (len(wrong) > 1)}). If the numbers have "
            f"decimal commas, {remedy}."
        )


def _advice(cells: pd.Series, separator: str, *, all_cells: bool) -> str:
    """Return what to do about cells that are not numbers; `all_cells`: they are all cells of the column."""
    grouped = [_GROUPED.fullmatch(cell) for cell in cells]
    if grouped[0] and all(grouped):
        group, rest = grouped[0]["group"], grouped[0]["rest"]
        advice = f"If {group!r} separates thousands, set thousands={group!r}"
        advice += ", decimal=','." if rest and rest[0] == "," else "."
        if group == "," and all_cells and separator != "," and not rest:
            advice += " If it is the decimal separator, set decimal=','."
        return advice
    if _DECIMAL_COMMA.fullmatch(cells.iloc[0]):
        return "If the comma is the decimal separator, set decimal=','."
    return "Correct it, or leave the cell empty if the value is missing."


def _numbers(column: pd.Series) -> np.ndarray:
    """Return cells as float64, with NaN for a cell that is not a number; True and False become 1 and 0."""
    if column.dtype.kind in "biuf":
        return column.to_numpy(np.float64)
    cells = column.astype(object).where(column.notna(), None)
    cells = cells.map(lambda cell: {"true": "1", "false": "0"}.get(text := str(cell).strip().lower(), text))
    return pd.to_numeric(cells, errors="coerce").to_numpy(np.float64)


def _number_or_text(label: str) -> float | str:
    try:
        return float(label)
    except ValueError:
        return label
