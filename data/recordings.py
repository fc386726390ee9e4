"""Three long recordings with labelled events, from the files beside this one."""

from __future__ import annotations

import os
from typing import NamedTuple

from data.npz_file import open_npz
from data.series import Series


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
    """Arterial blood pressure, 1,200 steps for training and 6,301 for the test, one event.

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

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or damaged.

    References
    ----------
    .. [1] Wu & Keogh, Current time series anomaly detection benchmarks are flawed and are creating
       the illusion of progress, IEEE Transactions on Knowledge and Data Engineering 35(3), 2023.
    """
    return _load(path, "internal_bleeding.npz", "internal bleeding", "pressure", lengths=(1200, 6301))


def load_ecg_diff_count(path: str | os.PathLike[str] | None = None) -> Recording:
    """An artificial electrocardiogram, 10,000 steps each, three events of 100 steps in the test.

    `ecg-diff-count-3`, made with GutenTAG [1]_. The training part is the one without anomalies.

    Parameters
    ----------
    path : path, optional
        Another copy of the file. Default: the one the kit ships.

    Returns
    -------
    Recording
        `(training, test)`, one feature each. It was computed, so it has no sampling rate.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or damaged.

    References
    ----------
    .. [1] Wenig, Schmidl & Papenbrock, TimeEval: a benchmarking toolkit for time series anomaly
       detection algorithms, PVLDB 15(12), 2022.
    """
    return _load(path, "ecg_diff_count.npz", "ecg-diff-count-3", "ecg", lengths=(10_000, 10_000))


def load_mitbih(path: str | os.PathLike[str] | None = None) -> Recording:
    """A real electrocardiogram, 3,750 steps each, one event of 352 steps in the test.

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

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or damaged.

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
    with open_npz(path, file_name, name) as parts:
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
            msg = f"parts of {lengths} steps were expected; got {(len(training), len(test))}"
            raise ValueError(msg)
    return Recording(training, test)
