"""`load_ucr_anomaly`: recordings of the UCR anomaly archive that you have downloaded."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data.recordings import Recording
from data.series import Series
from data.text_file import read_text

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
        msg = f"{path} is a folder; load_ucr_anomaly takes one file. load_ucr_anomalies takes a folder."
        raise IsADirectoryError(msg)
    parts = _NAME.fullmatch(path.name)
    if parts is None:
        msg = (
            "a file of the UCR anomaly archive is named like '135_UCR_Anomaly_InternalBleeding16_1200_4187_4199.txt' "
            f"(end of training, begin and end of the event); got {path.name!r}. Give it its name from the archive."
        )
        raise ValueError(msg)
    values = _values(path)
    split, begin, end = (int(parts[key]) for key in ("training", "begin", "end"))
    if not 0 < split <= begin <= end < len(values):
        msg = (
            f"the name of {path.name} does not fit its {len(values)} values: it says that training ends at {split} "
            f"and the event is from {begin} to {end}. Is the download complete, and the name the archive's?"
        )
        raise ValueError(msg)
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
        msg = f"{folder} {what}. Name the folder of the archive's text files, such as UCR_Anomaly_FullData."
        raise FileNotFoundError(msg)
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
        msg = f"{path}, line {number}, value {place}: {value!r} is no finite number. Correct it."
        raise ValueError(msg)
    return values


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
