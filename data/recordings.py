"""The data that the kit ships: the heartbeats of ECG5000, and three long recordings with labelled events."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.data_set import DataSet
from data.series import Series

CLASS_NAMES = ("normal", "R-on-T PVC", "PVC", "supraventricular or ectopic", "unclassified")


def load_ecg5000(path: str | os.PathLike[str] | None = None) -> DataSet:
    """Load 5,000 real heartbeats of 140 steps from one patient with heart failure.

    2,919 are normal; 1,767 are R-on-T premature ventricular contractions (PVC), 96 other PVC,
    194 supraventricular premature or ectopic, 24 unclassified. The labels are automatic
    annotation. Each beat was cut out, interpolated to 140 steps and z-normalised, so there is
    neither a sampling rate nor a voltage. Read without a network.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the one the kit ships.

    Returns
    -------
    DataSet
        Sequences (5000, 140, 1), labels (5000,) from 0 (normal) to 4.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing or damaged.

    References
    ----------
    .. [1] Goldberger et al., PhysioBank, PhysioToolkit, and PhysioNet, Circulation 101(23), 2000;
       BIDMC congestive heart failure database, record chf07.
    .. [2] Chen et al., A general framework for never-ending learning from time series streams,
       Data Mining and Knowledge Discovery 29, 2015.
    .. [3] Dau et al., The UCR time series archive, arXiv:1810.07758, 2018.
    """
    with _open_npz(path, "ecg5000.npz", "ECG5000") as parts:
        beats = np.concatenate([parts["x_train"], parts["x_test"]])
        classes = np.concatenate([parts["y_train"], parts["y_test"]])
        if beats.shape != (5000, 140) or not np.isin(classes, range(1, 6)).all():
            raise ValueError(f"5,000 beats of 140 steps in classes 1 to 5 were expected; got shape {beats.shape}")
        # The archive counts from 1; the kit's rule is that 0 is normal.
        return DataSet(beats, labels=classes.astype(np.int64) - 1, name="ECG5000", class_names=CLASS_NAMES)


class Recording(NamedTuple):
    """A recording in two parts.

    Attributes
    ----------
    training : Series
        The first part, normal as far as its labels say. The model learns from it.
    test : Series
        The second part, with labelled events.
    """

    training: Series
    test: Series


def load_internal_bleeding(path: str | os.PathLike[str] | None = None) -> Recording:
    """Load arterial blood pressure, 1,200 steps for training and 6,301 for the test, one event.

    No. 135 of the UCR anomaly archive [1]_, InternalBleeding16. The event is [2987, 2999) of the
    test part: noise on the falling side of one beat among some 34. A beat takes about 183 steps.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the one the kit ships.

    Returns
    -------
    Recording
        `(training, test)`, one feature each. No sampling rate is stated for it.

    References
    ----------
    .. [1] Wu & Keogh, Current time series anomaly detection benchmarks are flawed and are creating
       the illusion of progress, IEEE Transactions on Knowledge and Data Engineering 35(3), 2023.
    """
    return _load(path, "internal_bleeding.npz", "internal bleeding", "pressure", lengths=(1200, 6301))


def load_ecg_diff_count(path: str | os.PathLike[str] | None = None) -> Recording:
    """Load an artificial electrocardiogram, 10,000 steps each, three events of 100 steps in the test.

    `ecg-diff-count-3`, made with GutenTAG [1]_. The training part is the one without anomalies.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the one the kit ships.

    Returns
    -------
    Recording
        `(training, test)`, one feature each. It was computed, so it has no sampling rate.

    References
    ----------
    .. [1] Wenig, Schmidl & Papenbrock, TimeEval: a benchmarking toolkit for time series anomaly
       detection algorithms, PVLDB 15(12), 2022.
    """
    return _load(path, "ecg_diff_count.npz", "ecg-diff-count-3", "ecg", lengths=(10_000, 10_000))


def load_mitbih(path: str | os.PathLike[str] | None = None) -> Recording:
    """Load a real electrocardiogram, 3,750 steps each, one event of 352 steps in the test.

    An excerpt of 20.8 seconds of the MIT-BIH arrhythmia database [1]_ [2]_, at 360 Hz. The first half is
    the training part, the second the test; the event is [3186, 3538) of the test.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the one the kit ships.

    Returns
    -------
    Recording
        `(training, test)`, one feature each, 360 Hz.

    References
    ----------
    .. [1] Moody & Mark, The impact of the MIT-BIH arrhythmia database, IEEE Engineering in Medicine
       and Biology 20(3), 2001.
    .. [2] Goldberger et al., PhysioBank, PhysioToolkit, and PhysioNet, Circulation 101(23), 2000.
    """
    return _load(path, "mitbih.npz", "MIT-BIH", "ecg", lengths=(3750, 3750), sampling_rate=360.0)


def _load(
    path: str | os.PathLike[str] | None,
    file_name: str,
    name: str,
    feature: str,
    *,
    lengths: tuple[int, int],
    sampling_rate: float | None = None,
) -> Recording:
    with _open_npz(path, file_name, name) as parts:
        training, test = (
            Series(
                parts[part],
                labels=parts[f"{part}_labels"],
                name=f"{name}, {part}",
                sampling_rate=sampling_rate,
                feature_names=[feature],
            )
            for part in Recording._fields
        )
        if (len(training), len(test)) != lengths:
            raise ValueError(f"parts of {lengths} steps were expected; got {(len(training), len(test))}")
    return Recording(training, test)


@contextmanager
def _open_npz(path: str | os.PathLike[str] | None, file_name: str, name: str) -> Iterator[Mapping[str, np.ndarray]]:
    """Open one of the files beside this module, or another copy of it, as a mapping of names to arrays.

    Any error while its arrays are read and used means that the file is damaged.
    """
    path = Path(Path(__file__).with_name(file_name) if path is None else path)
    remedy = f"Restore it with 'git checkout data/{file_name}' or from a fresh clone."
    if not path.is_file():
        raise FileNotFoundError(f"{name} is expected in the file {path}, which does not exist. {remedy}")
    try:
        with np.load(path, allow_pickle=False) as parts:
            yield parts
    except (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"the file {path} is damaged or is not {name}: {error}. {remedy}") from error
