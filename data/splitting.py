"""`split`: normal sequences for training, validation and calibration, and a test set of unseen ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data.data_set import DataSet, check_integer, is_real_number


class Split(NamedTuple):
    """The four parts of a data set.

    Attributes
    ----------
    training, validation, calibration : DataSet
        Normal sequences only.
    test : DataSet
        Normal and abnormal sequences, none of which is in the other parts.
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
    """Divide a labelled data set for anomaly detection.

    The model learns from `training`; history restore selects on `validation`; the threshold
    is set on `calibration`, which nothing was selected on; `test` holds the remaining normal
    sequences and every abnormal one. Sequences that are equal in every value go to the same
    part, so that no test sequence was seen in training.

    Parameters
    ----------
    data : DataSet
        With labels; 0 is normal.
    seed : int, default 0
        Seed of the random division.
    training, validation, calibration : float
        Fractions of the *normal* sequences; the rest goes to the test set.

    Returns
    -------
    Split
        `(training, validation, calibration, test)`

    Raises
    ------
    TypeError, ValueError
        If `data` is not a labelled `DataSet`, `seed` or a fraction is invalid, or a part would be empty.
    """
    if not isinstance(data, DataSet):
        raise TypeError(f"data must be a DataSet, got {type(data).__name__}. Give DataSet(sequences, labels=…).")
    check_integer(seed, "seed", 0)
    fractions = {"training": training, "validation": validation, "calibration": calibration}
    numbers = all(is_real_number(f) and f > 0 for f in fractions.values())
    # 1e-9: fractions that add up to 1 may miss it by a rounding error
    if not numbers or not sum(fractions.values()) < 1 - 1e-9:
        raise ValueError(f"the fractions must be above 0 and add up to less than 1, got {fractions}.")
    abnormal = data.abnormal
    normal = np.flatnonzero(~abnormal)
    rows = data.sequences.reshape(len(data), -1).numpy()
    _, group = np.unique(rows[normal], axis=0, return_inverse=True)
    group = group.reshape(-1)
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
            f"{data.name!r} has {len(normal)} normal sequences, too few for four parts: they would get "
            f"{[len(p) for p in parts]}. Change the fractions."
        )
    # leave abnormal sequences out of the test that equal a normal one
    seen = {row.tobytes() for row in rows[np.concatenate(parts[:3])]}
    unseen = [i for i in np.flatnonzero(abnormal) if rows[i].tobytes() not in seen]
    parts[3] = np.sort(np.concatenate([parts[3], np.array(unseen, dtype=int)]))
    return Split(*(data.subset(p, f"{data.name}, {name}") for p, name in zip(parts, Split._fields, strict=True)))
