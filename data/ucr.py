"""`load_ucr`: a data set of the UCR archive that you have downloaded."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data.data_set import DataSet
from data.ucr_file import SUFFIXES, UCRFile, as_class, read_ucr_file


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
        msg = (
            f"{paths[0].name} has sequences of {shape[0]} steps and {shape[1]} features, {paths[1].name} of "
            f"{other[0]} and {other[1]}. They must be the two parts of one set, of equal length."
        )
        raise ValueError(msg)
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
            msg = (
                f"the folder {path} should hold one data set, a file such as {path.name}_TRAIN.tsv and one such as "
                f"{path.name}_TEST.tsv; it holds {f'several: {names}' if names else 'no file *_TRAIN'}. "
                "Name the set's own folder, or one of its files."
            )
            raise FileNotFoundError(msg)
        # A format of which both files are there comes first.
        path = min(own, key=lambda p: (not _partner(p, "TEST").is_file(), SUFFIXES.index(p.suffix.lower())))
    if not path.exists():
        msg = f"there is no file or folder {path}. Check the path; the working folder is {Path.cwd()}."
        raise FileNotFoundError(msg)
    if not re.fullmatch(".+_(TRAIN|TEST)", path.stem):
        msg = (
            f"the archive's files are named like ECG5000_TRAIN.tsv and ECG5000_TEST.tsv; got {path.name!r}. Rename it."
        )
        raise ValueError(msg)
    training, test = _partner(path, "TRAIN"), _partner(path, "TEST")
    for file in (training, test):
        if not file.is_file():
            msg = f"{file} is missing beside {path.name}. A set has both; put it there."
            raise FileNotFoundError(msg)
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
        msg = (
            f"normal takes the class of {path.name} that is normal, or several; got {normal!r}. "
            f"The classes are {classes}."
        )
        raise ValueError(msg)
    return [[c for c in order if c in chosen], *([c] for c in order if c not in chosen)]
