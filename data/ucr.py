"""Data of the UCR archives that you have downloaded: `load_ucr`, and `load_ucr_anomaly` for recordings."""

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


class UCRDataSet(NamedTuple):
    """A data set of the UCR archive, divided as the archive divides it.

    Attributes
    ----------
    training, test : DataSet
        Each with normal and abnormal sequences. For a detector that learns from normal ones alone:
        ``training[~training.abnormal]``.
    """

    training: DataSet
    test: DataSet

    @property
    def whole(self) -> DataSet:
        """Both parts as one data set, as `split` takes it."""
        sequences, labels = zip(*((part.sequences.numpy(), part.labels) for part in self), strict=True)
        name = self.training.name.removesuffix(", training")
        return DataSet(
            np.concatenate(sequences),
            labels=np.concatenate(labels),
            name=name,
            class_names=self.training.class_names,
        )


def load_ucr(path: str | os.PathLike[str], *, normal: Any = None) -> UCRDataSet:
    r"""A data set of the UCR time series archive [1]_, read from its two files.

    The archive's sets are for classification; which class is normal is for you to say. The normal
    class gets label 0, the others 1, 2, … in rising order (numbers as numbers, else alphabetical),
    and `class_names` keeps what the files call them.

    Read are .tsv, .txt, .csv and files without an ending (a sequence a line, class first; divided by tabs,
    blanks or commas), .ts and .arff (class last). A .ts file may have several features. Missing values and
    sequences of different length are refused: the archive has a version without them.

    Parameters
    ----------
    path : path
        The set's folder, such as ``"UCRArchive_2018/ECG5000"`` with `ECG5000_TRAIN.tsv` and `ECG5000_TEST.tsv`
        in it; or one of the two files, the other beside it. If a folder has both in several formats, the first
        of .tsv, .ts, .txt, .arff, .csv and no ending is read.
    normal : class or sequence of classes
        What is normal, as the files have it: ``1``, ``"1"``, ``"walking"``, ``[1, 2]``. Left out, the error
        lists the classes.

    Returns
    -------
    UCRDataSet
        `(training, test)`, and `.whole` for both together.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If no class is named normal or there is none such, or a file is damaged. The error names the line.

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
    files = [read_ucr_file(p) for p in paths]
    (_, *shape), (_, *other) = files[0].sequences.shape, files[1].sequences.shape
    if shape != other:
        raise ValueError(
            f"{paths[0].name} has sequences of {shape[0]} steps and {shape[1]} features, {paths[1].name} of "
            f"{other[0]} and {other[1]}. They must be the two parts of one set, of equal length."
        )
    names = _class_order(files, normal, paths[0])
    numbers = {name: number for number, group in enumerate(names) for name in group}
    name = re.sub("_TRAIN$", "", paths[0].stem)
    training, test = (
        DataSet(
            file.sequences,
            labels=[numbers[c] for c in file.classes],
            name=f"{name}, {part}",
            class_names=[" or ".join(group) for group in names],
        )
        for file, part in zip(files, UCRDataSet._fields, strict=True)
    )
    return UCRDataSet(training, test)


def _pair(path: Path) -> tuple[Path, Path]:
    """The training and the test file that `path` stands for."""
    if path.is_dir():
        found = [p for p in path.iterdir() if re.fullmatch(r"[^.].*_TRAIN", p.stem) and p.suffix.lower() in SUFFIXES]
        own = [p for p in found if p.stem == f"{path.name}_TRAIN"] or found
        names = sorted({p.stem for p in own})
        if len(names) != 1:
            raise FileNotFoundError(
                f"the folder {path} should hold one data set, a file such as {path.name}_TRAIN.tsv and one such as "
                f"{path.name}_TEST.tsv; it holds {f'several: {names}' if names else 'no file *_TRAIN'}. "
                "Name the set's own folder, or one of its files."
            )
        # A format of which both files are there comes first.
        path = min(own, key=lambda p: (not _partner(p, "TEST").is_file(), SUFFIXES.index(p.suffix.lower())))
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file or folder {path}. Check the path; the working folder is {Path.cwd()}."
        )
    if not re.fullmatch(".+_(TRAIN|TEST)", path.stem):
        raise ValueError(
            f"the archive's files are named like ECG5000_TRAIN.tsv and ECG5000_TEST.tsv; got {path.name!r}. Rename it."
        )
    training, test = _partner(path, "TRAIN"), _partner(path, "TEST")
    for file in (training, test):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing beside {path.name}. A set has both; put it there.")
    return training, test


def _partner(path: Path, part: str) -> Path:
    return path.with_name(re.sub("_(TRAIN|TEST)$", f"_{part}", path.stem) + path.suffix)


def _class_order(files: list[UCRFile], normal: Any, path: Path) -> list[list[str]]:
    """The classes of each label from 0 on."""
    counts = Counter(c for file in files for c in file.classes)
    try:
        order = sorted(counts, key=float)
    except ValueError:
        order = sorted(counts)
    several = isinstance(normal, Iterable) and not isinstance(normal, str)
    chosen = [] if normal is None else [as_class(c) for c in (normal if several else [normal])]
    if not chosen or not set(chosen) <= set(order):
        classes = ", ".join(f"{c!r} ({counts[c]} sequences)" for c in order)
        raise ValueError(
            f"normal takes the class of {path.name} that is normal, or several; got {normal!r}. "
            f"The classes are {classes}."
        )
    return [[c for c in order if c in chosen], *([c] for c in order if c not in chosen)]


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
        raise ValueError(f"{path} holds no sequence. Is the download complete?")
    sequences = [_numbers(path, row) for row in rows]
    # A shorter sequence is padded with NaN at its end, in the archive's tables.
    shapes = [(int(np.flatnonzero(~np.isnan(s).all(1))[-1:].sum()) + 1, s.shape[1]) for s in sequences]
    if len(set(shapes)) > 1:
        other = next(i for i, shape in enumerate(shapes) if shape != shapes[0])
        raise ValueError(
            f"the sequences of {path} differ: {shapes[0][0]} steps and {shapes[0][1]} features in line "
            f"{rows[0].line}, {shapes[other][0]} steps and {shapes[other][1]} features in line {rows[other].line}. "
            "A data set holds sequences of equal length: take the archive's version of equal length, or cut them."
        )
    array = np.stack([s[: shapes[0][0]] for s in sequences])
    missing = np.isnan(array).any((1, 2))
    if missing.any():
        row = int(np.argmax(missing))
        step = int(np.argmax(np.isnan(array[row]).any(1)))
        raise ValueError(
            f"{path} misses values: first value {step + 1} of the sequence in line {rows[row].line}, and "
            f"{int(missing.sum())} of {len(rows)} sequences miss some. Take the archive's version with the "
            "missing values filled in, or leave these sequences out."
        )
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
            raise ValueError(
                f"{path}, line {number}: .arff files of several features are not read. Take the .ts file of the set."
            )
        data = data or line.lower() == "@data"
    if not data:
        raise ValueError(f"{path} has no line '@data', so it is no .arff file. Is the download complete?")


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
            raise ValueError(
                f"{path}, line {number}: {line!r}. Only sequences with classes and without time stamps are read. "
                "Take a data set for classification."
            )
        data = data or key == "@data"
    if not data:
        raise ValueError(f"{path} has no line '@data', so it is no .ts file. Is the download complete?")


def _checked(path: Path, row: _Row) -> _Row:
    values = [value for feature in row.features for value in feature]
    if not values or values == [""] or not row.label.strip():
        raise ValueError(
            f"{path}, line {row.line}: a class and at least one value were expected; the line lacks one of them."
        )
    if len({len(feature) for feature in row.features}) > 1:
        raise ValueError(
            f"{path}, line {row.line}: the features of one sequence differ in length: "
            f"{[len(feature) for feature in row.features]} values. A data set needs equally many of each."
        )
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
        raise ValueError(
            f"{path}, line {row.line}, value {step + 1}: {row.features[feature][step]!r} is infinite. Correct it."
        )
    return array


def _number(path: Path, row: _Row, feature: int, step: int) -> float:
    text = row.features[feature][step].strip()
    try:
        return np.nan if text == "?" else float(text)
    except ValueError as error:
        of = f" of feature {feature + 1}" if len(row.features) > 1 else ""
        raise ValueError(
            f"{path}, line {row.line}, value {step + 1}{of}: {text!r} is no number. Correct it, or download anew."
        ) from error


_NAME = re.compile(r"(?:\d+_)?UCR_Anomaly_(?P<name>.+)_(?P<training>\d+)_(?P<begin>\d+)_(?P<end>\d+)\.txt")


def load_ucr_anomaly(path: str | os.PathLike[str]) -> Recording:
    r"""One recording of the UCR anomaly archive [1]_, divided and labelled as its file name says.

    A file is called ``NNN_UCR_Anomaly_NAME_TRAINEND_BEGIN_END.txt``. The first TRAINEND values are for
    training, the others for the test, in which one event lies. The archive's papers do not say from what
    BEGIN and END count. Here they are steps counted from 0, and both belong to the event, because the data
    say so: nos. 135 and 138 (both BEGIN 4187) are one recording with two disturbances. They agree up to
    step 4186, counted from 0; and in no. 135 (END 4199) the last disturbed value is step 4199.
    Other programs read them as one step earlier, or leave out the last step.

    Parameters
    ----------
    path : path
        The file. Its values stand one a line, or divided by blanks or commas; both occur in the archive.

    Returns
    -------
    Recording
        `(training, test)`, one feature each, without a sampling rate: the archive states none.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    ValueError
        If its name is of another form or does not fit its length, or it holds something but numbers; the
        error names the line.

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
        raise IsADirectoryError(
            f"{path} is a folder; load_ucr_anomaly takes one file. load_ucr_anomalies takes a folder."
        )
    parts = _NAME.fullmatch(path.name)
    if parts is None:
        raise ValueError(
            "a file of the UCR anomaly archive is named like '135_UCR_Anomaly_InternalBleeding16_1200_4187_4199.txt' "
            f"(end of training, begin and end of the event); got {path.name!r}. Give it its name from the archive."
        )
    values = _values(path)
    split, begin, end = (int(parts[key]) for key in ("training", "begin", "end"))
    if not 0 < split <= begin <= end < len(values):
        raise ValueError(
            f"the name of {path.name} does not fit its {len(values)} values: it says that training ends at {split} "
            f"and the event is from {begin} to {end}. Is the download complete, and the name the archive's?"
        )
    labels = np.zeros(len(values), dtype=np.int64)
    labels[begin : end + 1] = 1
    whole = Series(values, labels=labels, name=parts["name"])
    return Recording(
        whole.part(slice(None, split), f"{parts['name']}, training"),
        whole.part(slice(split, None), f"{parts['name']}, test"),
    )


def load_ucr_anomalies(folder: str | os.PathLike[str]) -> Iterator[Recording]:
    """All recordings of a folder of the UCR anomaly archive, in the order of their names.

    They are read one at a time, as they are asked for: the whole archive holds some 20 million values.

    Parameters
    ----------
    folder : path
        The folder with the files, ``UCR_Anomaly_FullData`` in the archive. Files of other names in it are
        passed over.

    Returns
    -------
    iterator of Recording
        For each file what `load_ucr_anomaly` returns.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no file of the archive in it.
    """
    folder = Path(folder)
    paths = sorted(p for p in folder.iterdir() if _NAME.fullmatch(p.name)) if folder.is_dir() else []
    if not paths:
        what = "holds no file named like '…_UCR_Anomaly_…_1200_4187_4199.txt'" if folder.is_dir() else "is no folder"
        raise FileNotFoundError(
            f"{folder} {what}. Name the folder of the archive's text files, such as UCR_Anomaly_FullData."
        )
    return map(load_ucr_anomaly, paths)


def _values(path: Path) -> np.ndarray:
    text = read_text(path)
    try:
        values = np.array(text.replace(",", " ").split(), dtype=np.float64)
    except ValueError:
        values = np.full(1, np.nan)
    if not np.isfinite(values).all():
        number, place, value = next(
            (number, place, value)
            for number, line in enumerate(text.split("\n"), 1)
            for place, value in enumerate(line.replace(",", " ").split(), 1)
            if not _is_finite(value)
        )
        raise ValueError(f"{path}, line {number}, value {place}: {value!r} is no finite number. Correct it.")
    return values


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
