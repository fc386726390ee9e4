"""`load_ucr` and `load_ucr_anomaly`: load downloaded data sets and recordings of the UCR archives."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.data_set import DataSet
from data.recordings import Recording
from data.series import Series
from data.text_file import read_text

# Formats of the archive: tables (class first) as .tsv, .txt, .csv or without extension; .ts and .arff (class last).
_SUFFIXES = (".tsv", ".ts", ".txt", ".arff", ".csv", "")
# Formats with a header above the line "@data", and the first characters of their comments.
_COMMENTS = {".ts": ("#", "%"), ".arff": ("%",)}
# Header lines of unsupported data.
_OTHER_DATA = re.compile(r"@timestamps true|@classlabel false|@targetlabel true|@attribute .*\brelational\b")
_ANOMALY_NAME = re.compile(r"(?:\d+_)?UCR_Anomaly_(?P<name>.+)_(?P<training>\d+)_(?P<begin>\d+)_(?P<end>\d+)\.txt")


class UCRDataSet(NamedTuple):
    """Data set of the UCR archive, with the archive's split into training and test set.

    Attributes
    ----------
    training, test : DataSet
        Both have normal and abnormal sequences. To train a detector on normal sequences only, use
        ``training[~training.abnormal]``.
    """

    training: DataSet
    test: DataSet

    @property
    def whole(self) -> DataSet:
        """Both parts as one data set, for `split`."""
        sequences, labels = zip(*((part.sequences.numpy(), part.labels) for part in self), strict=True)
        return DataSet(
            np.concatenate(sequences),
            labels=np.concatenate(labels),
            name=self.training.name.removesuffix(", training"),
            class_names=self.training.class_names,
        )


def load_ucr(path: str | os.PathLike[str], *, normal: Any = None) -> UCRDataSet:
    r"""Load a data set of the UCR time series archive [1]_ from its two files.

    The data sets of the archive are for classification; `normal` selects the normal class. It gets label 0;
    the other classes get 1, 2, … in increasing order (numeric if all classes are numbers, otherwise
    alphabetical). `class_names` contains the class names as they are in the files.

    Supported formats are .tsv, .txt, .csv and files without extension (one sequence per line, class first,
    separated by tabs, spaces or commas), and .ts and .arff (class last). A .ts file may have several features.
    Missing values and sequences of different lengths raise an error. The archive also provides these data sets
    without missing values and with equal lengths.

    Parameters
    ----------
    path : path
        Folder of the data set, such as ``"UCRArchive_2018/ECG5000"`` with `ECG5000_TRAIN.tsv` and
        `ECG5000_TEST.tsv` in it; or one of the two files, with the other in the same folder. If a folder has both
        files in several formats, the first of .tsv, .ts, .txt, .arff, .csv and no extension is used.
    normal : class or sequence of classes
        The normal class or classes, as in the files: ``1``, ``"1"``, ``"walking"``, ``[1, 2]``. If it is omitted,
        an error lists the classes.

    Returns
    -------
    UCRDataSet
        The tuple `(training, test)`; its property `whole` contains both parts as one data set.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If `normal` is not a class of the set, or a file is damaged. The error names the line.

    References
    ----------
    .. [1] Dau et al., The UCR time series archive, arXiv:1810.07758, 2018.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp()) / "Beats"
    >>> folder.mkdir()
    >>> _ = folder.joinpath("Beats_TRAIN.tsv").write_text("2\t0.1\t0.9\t0.2\n")
    >>> _ = folder.joinpath("Beats_TEST.tsv").write_text("1\t0.8\t0.1\t0.9\n2\t0.2\t0.9\t0.1\n")
    >>> training, test = load_ucr(folder, normal=2)
    >>> test
    DataSet 'Beats, test': 2 sequences of 3 steps, 1 feature; 1 normal, 1 abnormal
    """
    paths = _pair(Path(path))
    files = [_read(p) for p in paths]
    shape, other = (sequences.shape[1:] for sequences, _ in files)
    if shape != other:
        raise ValueError(
            f"the sequences of {paths[0].name} and {paths[1].name} must have the same shape (time, feature), got "
            f"{shape} and {other}."
        )
    names = _class_order(Counter(c for _, classes in files for c in classes), normal, paths[0])
    numbers = {name: number for number, group in enumerate(names) for name in group}
    name = re.sub("_TRAIN$", "", paths[0].stem)
    training, test = (
        DataSet(
            sequences,
            labels=[numbers[c] for c in classes],
            name=f"{name}, {part}",
            class_names=[" or ".join(group) for group in names],
        )
        for (sequences, classes), part in zip(files, UCRDataSet._fields, strict=True)
    )
    return UCRDataSet(training, test)


def load_ucr_anomaly(path: str | os.PathLike[str]) -> Recording:
    r"""Load one recording of the UCR anomaly archive [1]_, split and labelled according to its file name.

    A file is called ``NNN_UCR_Anomaly_NAME_TRAINEND_BEGIN_END.txt``. The first TRAINEND values are the training
    part. The other values are the test part, which has one event. The archive's papers do not say whether BEGIN and END
    are counted from 0 or 1. Here they are counted from 0, and both steps belong to the event. The data confirms
    this: nos. 135 and 138 (both BEGIN 4187) are the same recording with two different disturbances. They are equal
    up to step 4186, counted from 0, and in no. 135 (END 4199) the last disturbed value is at step 4199. Some other
    programs place the event one step earlier, or exclude its last step.

    Parameters
    ----------
    path : path
        Path of the file. Its values are separated by line breaks, spaces or commas; all three occur in the archive.

    Returns
    -------
    Recording
        The tuple `(training, test)`, with one feature each; the sampling rate is unknown.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If the file does not exist, or is a folder.
    ValueError
        If the file name does not have this form or does not match the number of values, or if a value is not a number
        (the error names its line).

    See Also
    --------
    load_ucr_anomalies : all recordings of a folder.

    References
    ----------
    .. [1] Wu & Keogh, Current time series anomaly detection benchmarks are flawed and are creating
       the illusion of progress, IEEE Transactions on Knowledge and Data Engineering 35(3), 2023, section 3.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "001_UCR_Anomaly_sine_60_80_84.txt"
    >>> _ = path.write_text("\n".join(str(i % 10) for i in range(100)))
    >>> load_ucr_anomaly(path).test.events
    [(20, 25)]
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"path must be a file, got the folder {path}. Use load_ucr_anomalies for a folder.")
    parts = _ANOMALY_NAME.fullmatch(path.name)
    if parts is None:
        raise ValueError(
            "path must have a file name like '135_UCR_Anomaly_InternalBleeding16_1200_4187_4199.txt' (end of training, "
            f"begin and end of the event), got {path.name!r}."
        )
    values = _recorded_values(path)
    split, begin, end = (int(parts[key]) for key in ("training", "begin", "end"))
    if not 0 < split <= begin <= end < len(values):
        raise ValueError(
            f"the name of {path.name} must match its {len(values)} values, got training to {split}, event from "
            f"{begin} to {end}. Is the download complete?"
        )
    labels = np.zeros(len(values), dtype=np.int64)
    labels[begin : end + 1] = 1
    whole = Series(values, labels=labels, name=parts["name"])
    return Recording(
        whole.part(slice(None, split), f"{parts['name']}, training"),
        whole.part(slice(split, None), f"{parts['name']}, test"),
    )


def load_ucr_anomalies(folder: str | os.PathLike[str]) -> Iterator[Recording]:
    """Load all recordings in a folder of the UCR anomaly archive, sorted by name.

    Each recording is read when it is requested, because the archive has about 20 million values.

    Parameters
    ----------
    folder : path
        Folder with the files, ``UCR_Anomaly_FullData`` in the archive. Files with other names are ignored.

    Returns
    -------
    iterator of Recording
        The result of `load_ucr_anomaly` for each file.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist, or has no file of the archive.
    """
    folder = Path(folder)
    paths = sorted(p for p in folder.iterdir() if _ANOMALY_NAME.fullmatch(p.name)) if folder.is_dir() else []
    if not paths:
        got = "no file named like '…_UCR_Anomaly_…_1200_4187_4199.txt'" if folder.is_dir() else "no such folder"
        raise FileNotFoundError(
            f"folder must be the folder of the archive's text files, such as UCR_Anomaly_FullData, got {folder}: {got}."
        )
    return map(load_ucr_anomaly, paths)


def _pair(path: Path) -> tuple[Path, Path]:
    """Return the training and the test file that belong to `path`."""
    if path.is_dir():
        found = [p for p in path.iterdir() if re.fullmatch(r"[^.].*_TRAIN", p.stem) and p.suffix.lower() in _SUFFIXES]
        candidates = [p for p in found if p.stem == f"{path.name}_TRAIN"] or found
        names = sorted({p.stem for p in candidates})
        if len(names) != 1:
            raise FileNotFoundError(
                f"the folder {path} must contain two files, such as {path.name}_TRAIN.tsv and {path.name}_TEST.tsv, "
                f"got {f'several sets: {names}. Give the path of one of the files' if names else 'no *_TRAIN file'}."
            )
        # prefer a format that has both files
        path = min(candidates, key=lambda p: (not _partner(p, "TEST").is_file(), _SUFFIXES.index(p.suffix.lower())))
    if not path.exists():
        raise FileNotFoundError(f"the file or folder {path} does not exist. The working folder is {Path.cwd()}.")
    if not re.fullmatch(".+_(TRAIN|TEST)", path.stem):
        raise ValueError(f"path must have a name like ECG5000_TRAIN.tsv or ECG5000_TEST.tsv, got {path.name!r}.")
    training, test = _partner(path, "TRAIN"), _partner(path, "TEST")
    for file in (training, test):
        if not file.is_file():
            raise FileNotFoundError(f"the file {file} does not exist. Copy it to the folder of {path.name}.")
    return training, test


def _partner(path: Path, part: str) -> Path:
    return path.with_name(re.sub("_(TRAIN|TEST)$", f"_{part}", path.stem) + path.suffix)


def _class_order(counts: Counter[str], normal: Any, path: Path) -> list[list[str]]:
    """Return the classes of each label, starting with label 0."""
    try:
        order = sorted(counts, key=float)
    except ValueError:
        order = sorted(counts)
    several = isinstance(normal, Iterable) and not isinstance(normal, str)
    chosen = [] if normal is None else [_as_class(c) for c in (normal if several else [normal])]
    if not chosen or not set(chosen) <= set(order):
        classes = ", ".join([f"{c!r:.99} (size {counts[c]})" for c in order[:60]] + ["…"] * (len(order) > 60))
        raise ValueError(f"normal must be one or more classes of {path.name}, got {normal!r}. Its classes: {classes}.")
    return [[c for c in order if c in chosen], *([c] for c in order if c not in chosen)]


class _Row(NamedTuple):
    line: int
    values: np.ndarray
    label: str


def _read(path: Path) -> tuple[np.ndarray, list[str]]:
    """Return the sequences (n, time, feature) of one file and their classes; every error names the line."""
    rows = list(_rows(path))
    if not rows:
        raise ValueError(f"{path} must have at least one sequence, got 0. Is the download complete?")
    # the archive's tables pad shorter sequences with NaN at their end
    steps = [int(np.flatnonzero(~np.isnan(row.values).all(1))[-1:].sum()) + 1 for row in rows]
    shapes = [(n, row.values.shape[1]) for n, row in zip(steps, rows, strict=True)]
    if len(set(shapes)) > 1:
        other = next(i for i, shape in enumerate(shapes) if shape != shapes[0])
        raise ValueError(
            f"the sequences of {path} must have the same shape (time, feature), got {shapes[0]} in line {rows[0].line} "
            f"and {shapes[other]} in line {rows[other].line}. Use the archive's version with equal lengths."
        )
    sequences = np.stack([row.values[: steps[0]] for row in rows])
    missing = np.argwhere(np.isnan(sequences))
    if len(missing):
        row, step, _ = missing[0]
        raise ValueError(
            f"{path} must have no missing values, got one at value {step + 1} of line {rows[row].line}, and "
            f"{len(set(missing[:, 0]))} of {len(rows)} such sequences. Use the archive's version without gaps."
        )
    return sequences, [_as_class(row.label) for row in rows]


def _rows(path: Path) -> Iterator[_Row]:
    suffix = path.suffix.lower()
    data = suffix not in _COMMENTS
    for number, line in enumerate(read_text(path).split("\n"), 1):
        line = line.strip()
        where = f"{path}, line {number}"
        if not line or line.startswith(_COMMENTS.get(suffix, ())):
            continue
        if not data:
            if _OTHER_DATA.match(" ".join(line.lower().split())):
                raise ValueError(
                    f"{where}: the data must have classes and no timestamps, and if it is not a .ts file, one feature, "
                    f"got {line!r:.99}."
                )
            data = line.lower().split()[0] == "@data"
            continue
        if suffix == ".ts":
            *parts, label = line.split(":")
            features = [part.split(",") for part in parts]
        elif suffix == ".arff":
            *values, label = line.split(",")
            features = [values]
        else:
            label, *values = line.split(",") if "," in line else line.split()
            features = [values]
        if features in ([], [[]], [[""]]) or not _as_class(label):
            raise ValueError(f"{where}: the line must have a class and at least one value, got {line[:60]!r}.")
        lengths = [len(feature) for feature in features]
        if len(set(lengths)) > 1:
            raise ValueError(f"{where}: the features of a sequence must have the same length, got {lengths[:9]}.")
        numbers = [_numbers(feature, f"{where}, feature {f}", missing=True) for f, feature in enumerate(features, 1)]
        yield _Row(number, np.stack(numbers, axis=1), label)
    if not data:
        raise ValueError(f"{path} must have a line '@data', got no such line. Is the download complete?")


def _numbers(cells: list[str], where: str, *, missing: bool) -> np.ndarray:
    """Return cells as float64, NaN for "?"; raise at the first cell that is not a finite number."""
    numbers = np.array([_number(cell) for cell in cells])
    bad = np.isinf(numbers) | (np.isnan(numbers) & (not missing))
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(f"{where}, value {i + 1}: the value must be a finite number, got {cells[i]!r:.99}.")
    return numbers


def _number(cell: str) -> float:
    """Return a cell as a number; infinity, which raises an error later, if it is not a number."""
    try:
        return float("nan" if cell.strip() == "?" else cell)
    except ValueError:
        return math.inf


def _as_class(label: object) -> str:
    """Return a class as a string: "1", 1, 1.0 and "1.0000000e+00" are the same class."""
    text = str(label).strip().strip("'\"")
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() else text


def _recorded_values(path: Path) -> np.ndarray:
    text = read_text(path).replace(",", " ")
    try:
        values = np.array(text.split(), dtype=np.float64)
    except ValueError:
        values = np.full(1, np.nan)
    if not np.isfinite(values).all():
        for number, line in enumerate(text.split("\n"), 1):  # raises an error that names the line
            _numbers(line.split(), f"{path}, line {number}", missing=False)
    return values
