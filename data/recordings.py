"""The data included in the kit: the heartbeats of ECG5000, and long recordings with labelled events."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data.data_set import DataSet, as_class_names, check_integer
from data.series import Series

CLASS_NAMES = ("normal", "R-on-T PVC", "PVC", "supraventricular or ectopic", "unclassified")
# Columns of the files of the oil wells, and the one without values.
SENSORS = ("P-PDG", "P-TPT", "T-TPT", "P-MON-CKP", "T-JUS-CKP", "P-JUS-CKGL", "T-JUS-CKGL", "QGL")
EMPTY_SENSOR = "T-JUS-CKGL"
# Time steps of the training part and of the test part of each well.
WELLS = {2: (5918, 5560), 9: (2114, 4624), 16: (687, 2624)}


def load_ecg5000(path: str | os.PathLike[str] | None = None) -> DataSet:
    """Load 5,000 real heartbeats of 140 steps from one patient with heart failure.

    2,919 beats are normal, 1,767 are R-on-T premature ventricular contractions (PVC), 96 are other
    PVC, 194 are supraventricular premature or ectopic, and 24 are unclassified. The labels were
    assigned automatically. Each beat was cut out of the recording, interpolated to 140 steps and
    z-normalised, so there is no sampling rate and no voltage. No internet connection is needed.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the file included in the kit.

    Returns
    -------
    DataSet
        Sequences of shape (5000, 140, 1), labels of shape (5000,) from 0 (normal) to 4.

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
            raise ValueError(f"beats must have shape (5000, 140) and classes from 1 to 5, got shape {beats.shape}")
        # classes of the archive start at 1; in the kit, 0 is normal
        return DataSet(beats, labels=classes.astype(np.int64) - 1, name="ECG5000", class_names=CLASS_NAMES)


class Recording(NamedTuple):
    """A recording in two parts.

    Attributes
    ----------
    training : Series
        The first part, on which a model is trained; it has no labelled events.
    test : Series
        The second part; it has labelled events.
    """

    training: Series
    test: Series


def load_internal_bleeding(path: str | os.PathLike[str] | None = None) -> Recording:
    """Load arterial blood pressure: a training part of 1,200 steps, and a test part of 6,301 with one event.

    The recording is no. 135 of the UCR anomaly archive [1]_, InternalBleeding16. The event is at
    steps [2987, 2999) of the test part. It is noise on the falling slope of one of about 34 beats.
    A beat takes about 183 steps.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the file included in the kit.

    Returns
    -------
    Recording
        The tuple `(training, test)`, with one feature each. The sampling rate is unknown.

    References
    ----------
    .. [1] Wu & Keogh, Current time series anomaly detection benchmarks are flawed and are creating
       the illusion of progress, IEEE Transactions on Knowledge and Data Engineering 35(3), 2023.
    """
    return _load(path, "internal_bleeding.npz", "internal bleeding", ["pressure"], lengths=(1200, 6301))


def load_ecg_diff_count(path: str | os.PathLike[str] | None = None) -> Recording:
    """Load an artificial electrocardiogram: two parts of 10,000 steps, with three events in the test part.

    The recording is `ecg-diff-count-3`, generated with GutenTAG [1]_. Of its training parts, the
    one without anomalies is used. Each event takes 100 steps.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the file included in the kit.

    Returns
    -------
    Recording
        The tuple `(training, test)`, with one feature each. Artificial data has no sampling rate.

    References
    ----------
    .. [1] Wenig, Schmidl & Papenbrock, TimeEval: a benchmarking toolkit for time series anomaly
       detection algorithms, PVLDB 15(12), 2022.
    """
    return _load(path, "ecg_diff_count.npz", "ecg-diff-count-3", ["ecg"], lengths=(10_000, 10_000))


def load_mitbih(path: str | os.PathLike[str] | None = None) -> Recording:
    """Load a real electrocardiogram: two parts of 3,750 steps, with one event of 352 steps in the test part.

    The recording is an excerpt of 20.8 seconds of the MIT-BIH arrhythmia database [1]_ [2]_, at 360 Hz.
    The first half is the training part, the second half the test part. The event is at steps
    [3186, 3538) of the test part.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the file included in the kit.

    Returns
    -------
    Recording
        The tuple `(training, test)`, with one feature each, at 360 Hz.

    References
    ----------
    .. [1] Moody & Mark, The impact of the MIT-BIH arrhythmia database, IEEE Engineering in Medicine
       and Biology 20(3), 2001.
    .. [2] Goldberger et al., PhysioBank, PhysioToolkit, and PhysioNet, Circulation 101(23), 2000.
    """
    return _load(path, "mitbih.npz", "MIT-BIH", ["ecg"], lengths=(3750, 3750), sampling_rate=360.0)


def load_oil_well(
    well: int, sensors: Sequence[str] | None = None, *, path: str | os.PathLike[str] | None = None
) -> Recording:
    """Load the sensors of a real offshore oil well, before and during a failure, one step per second.

    The first 60 % of the normal steps are the training part; the test part begins with the other normal steps and has
    one event. Its steps have the label 1 in the transient state, in which the failure develops, and then 2 in the
    steady state of the failure. Steps without a class in the source (20 to 50 before each of the two states) have the
    label 1.

    ==== ======== ===== ================ =======================================
    well training  test            event failure
    ==== ======== ===== ================ =======================================
       2    5,918 5,560     [3945, 5560) quick restriction of the production choke
       9    2,114 4,624     [1409, 4624) spurious closure of the downhole safety valve
      16      687 2,624      [458, 2624) rapid productivity loss
    ==== ======== ===== ================ =======================================

    Pressures (P-…) are in Pa, temperatures (T-…) in °C. The sensors are

    - P-PDG: pressure at the permanent downhole gauge (always 0 in wells 2 and 9)
    - P-TPT, T-TPT: pressure and temperature at the transducer (TPT)
    - P-MON-CKP, T-JUS-CKP: pressure upstream and temperature downstream of the production choke
    - P-JUS-CKGL, T-JUS-CKGL: pressure and temperature downstream of the gas-lift choke; T-JUS-CKGL has no value in any
      of the three wells
    - QGL: flow of the gas lift (always 0 in wells 2 and 9)

    Parameters
    ----------
    well : {2, 9, 16}
        Number of the well.
    sensors : sequence of str, optional
        Sensors to load. Default: all except T-JUS-CKGL, because a feature of a `Series` must have a value.
    path : path, optional
        Another copy of the file. Default: the file included in the kit.

    Returns
    -------
    Recording
        The tuple `(training, test)`, with one feature per sensor, at 1 Hz.

    References
    ----------
    .. [1] Vargas et al., A realistic and public dataset with rare undesirable real events in oil wells, Journal of
       Petroleum Science and Engineering 181, 2019.
    """
    if check_integer(well, "well", 1) not in WELLS:
        raise ValueError(f"well must be one of {', '.join(map(str, WELLS))}, got {well!r}.")
    known = [sensor for sensor in SENSORS if sensor != EMPTY_SENSOR]
    chosen = known if sensors is None else as_class_names(sensors, "sensors")
    if not chosen or not set(chosen) <= set(known) or len(set(chosen)) < len(chosen):
        raise ValueError(f"sensors must be one or more of {', '.join(known)}, each once, got {list(chosen)}.")
    return _load(
        path, f"oil_well_{well}.npz", f"oil well {well}", SENSORS, lengths=WELLS[well], sampling_rate=1.0, chosen=chosen
    )


def _load(
    path: str | os.PathLike[str] | None,
    file_name: str,
    name: str,
    features: Sequence[str],
    *,
    lengths: tuple[int, int],
    sampling_rate: float | None = None,
    chosen: Sequence[str] | None = None,
) -> Recording:
    chosen = features if chosen is None else chosen
    columns = [features.index(feature) for feature in chosen]
    with _open_npz(path, file_name, name) as parts:
        training, test = (
            Series(
                parts[part].reshape(length, len(features))[:, columns],
                labels=parts[f"{part}_labels"],
                name=f"{name}, {part}",
                sampling_rate=sampling_rate,
                feature_names=chosen,
            )
            for part, length in zip(Recording._fields, lengths, strict=True)
        )
    return Recording(training, test)


@contextmanager
def _open_npz(path: str | os.PathLike[str] | None, file_name: str, name: str) -> Iterator[Mapping[str, np.ndarray]]:
    """Open a file in the folder of this module, or another copy of it, as a mapping of names to arrays.

    Any error while the arrays are read and used is raised as a damaged file.
    """
    path = Path(Path(__file__).with_name(file_name) if path is None else path)
    remedy = f"Restore it with 'git checkout data/{file_name}' or from a new clone."
    if not path.is_file():
        raise FileNotFoundError(f"the file {path} with {name} does not exist. {remedy}")
    try:
        with np.load(path, allow_pickle=False) as parts:
            yield parts
    except (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"the file {path} is damaged or has no {name} data: {error}. {remedy}") from error
