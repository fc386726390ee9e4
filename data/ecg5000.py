"""`load_ecg5000`: 5,000 heartbeats of one patient, from the file beside this one."""

from __future__ import annotations

import os

import numpy as np

from data.data_set import DataSet
from data.npz_file import open_npz

CLASS_NAMES = ("normal", "R-on-T PVC", "PVC", "supraventricular or ectopic", "unclassified")


def load_ecg5000(path: str | os.PathLike[str] | None = None) -> DataSet:
    """5,000 real heartbeats of 140 steps from one patient with heart failure.

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
        If the file is missing, or damaged.

    References
    ----------
    .. [1] Goldberger et al., PhysioBank, PhysioToolkit, and PhysioNet, Circulation 101(23), 2000;
       BIDMC congestive heart failure database, record chf07.
    .. [2] Chen et al., A general framework for never-ending learning from time series streams,
       Data Mining and Knowledge Discovery 29, 2015.
    .. [3] Dau et al., The UCR time series archive, arXiv:1810.07758, 2018.
    """
    with open_npz(path, "ecg5000.npz", "ECG5000") as parts:
        beats = np.concatenate([parts["x_train"], parts["x_test"]])
        classes = np.concatenate([parts["y_train"], parts["y_test"]])
        if beats.shape != (5000, 140) or not np.isin(classes, range(1, 6)).all():
            msg = f"5,000 beats of 140 steps in classes 1 to 5 were expected; got shape {beats.shape}"
            raise ValueError(msg)
        # The archive counts from 1; the kit's rule is that 0 is normal.
        return DataSet(beats, labels=classes.astype(np.int64) - 1, name="ECG5000", class_names=CLASS_NAMES)
