"""`read_ucr_file`: the sequences and classes in one file of the UCR archive, in any of its formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.text_file import read_text

# As the archive comes: tables (class first) as .tsv, .txt, .csv or without an ending; .ts and .arff (class last).
SUFFIXES = (".tsv", ".ts", ".txt", ".arff", ".csv", "")


class UCRFile(NamedTuple):
    """What one file holds: `sequences` (n, time, feature) float64, `classes` one text a sequence."""

    sequences: np.ndarray
    classes: list[str]


class _Row(NamedTuple):
    line: int
    features: list[list[str]]
    label: str


def read_ucr_file(path: Path) -> UCRFile:
    """Read a file; every error names the line, and the value where there is one."""
    lines = read_text(path).split("\n")
    rows = list({".ts": _ts_rows, ".arff": _arff_rows}.get(path.suffix.lower(), _table_rows)(path, lines))
    if not rows:
        msg = f"{path} holds no sequence. Is the download complete?"
        raise ValueError(msg)
    sequences = [_numbers(path, row) for row in rows]
    # A shorter sequence is padded with NaN at its end, in the archive's tables.
    shapes = [(int(np.flatnonzero(~np.isnan(s).all(1))[-1:].sum()) + 1, s.shape[1]) for s in sequences]
    if len(set(shapes)) > 1:
        other = next(i for i, shape in enumerate(shapes) if shape != shapes[0])
        msg = (
            f"the sequences of {path} differ: {shapes[0][0]} steps and {shapes[0][1]} features in line "
            f"{rows[0].line}, {shapes[other][0]} steps and {shapes[other][1]} features in line {rows[other].line}. "
            "A data set holds sequences of equal length: take the archive's version of equal length, or cut them."
        )
        raise ValueError(msg)
    array = np.stack([s[: shapes[0][0]] for s in sequences])
    missing = np.isnan(array).any((1, 2))
    if missing.any():
        row = int(np.argmax(missing))
        step = int(np.argmax(np.isnan(array[row]).any(1)))
        msg = (
            f"{path} misses values: first value {step + 1} of the sequence in line {rows[row].line}, and "
            f"{int(missing.sum())} of {len(rows)} sequences miss some. Take the archive's version with the "
            "missing values filled in, or leave these sequences out."
        )
        raise ValueError(msg)
    return UCRFile(array, [as_class(row.label) for row in rows])


def as_class(label: object) -> str:
    """A class as text: "1", 1, 1.0 and "1.0000000e+00" are the same class."""
    text = str(label).strip().strip("'\"")
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text


def _table_rows(path: Path, lines: list[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            label, *values = line.strip().split(",") if "," in line else line.split()
            yield _checked(path, _Row(number, [values], label))


def _arff_rows(path: Path, lines: list[str]) -> Iterator[_Row]:
    data = False
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        if data:
            *values, label = line.split(",")
            yield _checked(path, _Row(number, [values], label))
        elif re.match(r"@attribute\s.*\brelational\b", line, re.IGNORECASE):
            msg = f"{path}, line {number}: .arff files of several features are not read. Take the .ts file of the set."
            raise ValueError(msg)
        data = data or line.lower() == "@data"
    if not data:
        msg = f"{path} has no line '@data', so it is no .arff file. Is the download complete?"
        raise ValueError(msg)


def _ts_rows(path: Path, lines: list[str]) -> Iterator[_Row]:
    data = False
    for number, line in enumerate(lines, 1):
        line = line.strip()
        key, *setting = line.lower().split()[:2] or [""]
        if not line or line.startswith(("#", "%")):
            continue
        if data:
            *features, label = line.split(":")
            yield _checked(path, _Row(number, [feature.split(",") for feature in features], label))
        elif (key, setting) in (("@timestamps", ["true"]), ("@classlabel", ["false"]), ("@targetlabel", ["true"])):
            msg = (
                f"{path}, line {number}: {line!r}. Only sequences with classes and without time stamps are read. "
                "Take a data set for classification."
            )
            raise ValueError(msg)
        data = data or key == "@data"
    if not data:
        msg = f"{path} has no line '@data', so it is no .ts file. Is the download complete?"
        raise ValueError(msg)


def _checked(path: Path, row: _Row) -> _Row:
    values = [value for feature in row.features for value in feature]
    if not values or values == [""] or not row.label.strip():
        msg = f"{path}, line {row.line}: a class and at least one value were expected; the line lacks one of them."
        raise ValueError(msg)
    if len({len(feature) for feature in row.features}) > 1:
        msg = (
            f"{path}, line {row.line}: the features of one sequence differ in length: "
            f"{[len(feature) for feature in row.features]} values. A data set needs equally many of each."
        )
        raise ValueError(msg)
    return row


def _numbers(path: Path, row: _Row) -> np.ndarray:
    """The row's values, shape (time, feature); "?" is missing."""
    try:
        array = np.array(row.features, dtype=np.float64)
    except ValueError:
        array = np.array([[_number(path, row, f, t) for t in range(len(v))] for f, v in enumerate(row.features)])
    array = array.T
    if np.isinf(array).any():
        step, feature = np.argwhere(np.isinf(array))[0].tolist()
        msg = f"{path}, line {row.line}, value {step + 1}: {row.features[feature][step]!r} is infinite. Correct it."
        raise ValueError(msg)
    return array


def _number(path: Path, row: _Row, feature: int, step: int) -> float:
    text = row.features[feature][step].strip()
    try:
        return np.nan if text == "?" else float(text)
    except ValueError as error:
        of = f" of feature {feature + 1}" if len(row.features) > 1 else ""
        msg = f"{path}, line {row.line}, value {step + 1}{of}: {text!r} is no number. Correct it, or download anew."
        raise ValueError(msg) from error
