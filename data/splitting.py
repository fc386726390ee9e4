"""`split`: split a labelled data set into training, validation, calibration and test set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data.data_set import DataSet, check_integer, is_real_number
from data.lazy import equal_rows


class Split(NamedTuple):
    """The four parts of a data set.

    Attributes
    ----------
    training, validation, calibration : DataSet
        Normal sequences only.
    test : DataSet
        Normal and abnormal sequences that are not in the other parts.
    """

    training: DataSet
    validation: DataSet
    calibration: DataSet
    test: DataSet


def split(
    data: DataSet,
    *,
    seed: int = 0,
    training: float = 0.7,
    validation: float = 0.1,
    calibration: float = 0.1,
) -> Split:
    """Split a labelled data set for anomaly detection.

    The model is trained on `training`; history restore selects weights on `validation`; the
    threshold is set on `calibration`, which is used only for this purpose; `test` has the remaining
    normal sequences and the abnormal sequences. Identical sequences go to the same part. An abnormal
    sequence that is identical to a sequence of one of the first three parts is left out, so that no
    test sequence occurs in these parts.

    Parameters
    ----------
    data : DataSet
        Sequences with labels; 0 is normal.
    seed : int, default 0
        Seed of the random split.
    training, validation, calibration : float
        Fractions of the *normal* sequences; the remaining ones go to the test set.

    Returns
    -------
    Split
        The tuple `(training, validation, calibration, test)`.

    Raises
    ------
    TypeError, ValueError
        If `data` is not a labelled `DataSet`, `seed` or a fraction is invalid, or a part would be empty.
    """
    if not isinstance(data, DataSet):
        raise TypeError(f"data must be a DataSet, got {type(data).__name__}. Use DataSet(sequences, labels=…).")
    check_integer(seed, "seed", 0)
    fractions = {"training": training, "validation": validation, "calibration": calibration}
    numbers = all(is_real_number(f) and f > 0 for f in fractions.values())
    # 1e-9, because fractions that add up to 1 may be below it by a rounding error
    if not numbers or not sum(fractions.values()) < 1 - 1e-9:
        raise ValueError(f"the fractions must be above 0 and add up to less than 1, got {fractions}.")
    abnormal = data.abnormal
    normal = np.flatnonzero(~abnormal)
    number = equal_rows(data.sequences)
    _, group = np.unique(number[normal], return_inverse=True)
    rank = np.random.default_rng(seed).permutation(int(group.max(initial=-1)) + 1)[group]
    order = np.argsort(rank, kind="stable")
    normal, rank = normal[order], rank[order]

    cuts = []
    for share in np.cumsum(list(fractions.values())):
        cut = round(float(share) * len(normal))
        while 0 < cut < len(normal) and rank[cut] == rank[cut - 1]:
            cut += 1  # equal sequences stay together
        cuts.append(cut)
    parts = np.split(normal, cuts)
    if min(map(len, parts)) == 0:
        raise ValueError(
            f"the four parts of {data.name!r} must not be empty, got {[len(p) for p in parts]} of {len(normal)} normal "
            "sequences. Change the fractions."
        )
    # leave out abnormal sequences that equal one in training, validation or calibration
    unseen = np.flatnonzero(abnormal & ~np.isin(number, number[np.concatenate(parts[:3])]))
    parts[3] = np.sort(np.concatenate([parts[3], unseen]))
    return Split(*(data.subset(p, f"{data.name}, {name}") for p, name in zip(parts, Split._fields, strict=True)))
