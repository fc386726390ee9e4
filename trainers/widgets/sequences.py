"""What a page is told of sequences: their classes, and the values to draw them from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data import DataSet
from trainers.detection._validation import as_names

# Values of sequences and reconstructions that a page holds at most: 8 MB.
MOST_VALUES = 2_000_000
# Features drawn of one sequence, one below the other.
MOST_FEATURES = 4


def classes(labels: np.ndarray | None, names: Sequence[str] | None) -> dict[str, Any]:
    """The classes that occur, and for each sequence the place of its own among them.

    Parameters
    ----------
    labels : array of whole numbers, shape (n,), or None
        0 is normal.
    names : sequence of str, optional
        Name of each label, from 0 on.

    Returns
    -------
    dict
        ``labels``, the places as bytes, and ``classes``; both None without labels.
    """
    if labels is None:
        return {"labels": None, "classes": None}
    occurring, places = np.unique(labels, return_inverse=True)
    if names is not None:
        names = as_names(names, labels)
    several = np.count_nonzero(occurring) > 1

    def name(label: int) -> str:
        if names is not None:
            return names[label]
        return "normal" if label == 0 else f"class {label}" if several else "abnormal"

    found = [{"name": name(int(label)), "abnormal": int(label != 0)} for label in occurring]
    return {"labels": places.astype("<i4").tobytes(), "classes": found}


def pictures(sequences: Any, reconstructions: Any, order: np.ndarray, what: str) -> dict[str, Any] | None:
    """The sequences that can be drawn, as the page takes them.

    Parameters
    ----------
    sequences, reconstructions : DataSet, array or tensor, or None
        Of one shape.
    order : array, shape (n,)
        The positions of all sequences. Of more than the page can hold, some are drawn, evenly
        spread over this order.
    what : str
        What there must be a sequence for, in an error: "scores".

    Raises
    ------
    ValueError
        If there are not n sequences, or the reconstructions do not fit them.
    """
    if sequences is None:
        if reconstructions is not None:
            msg = "reconstructions are drawn with their sequences; got none. Give sequences=… too."
            raise ValueError(msg)
        return None
    values = DataSet.of(sequences, "sequences").sequences.numpy()
    if len(values) != len(order):
        msg = f"sequences must be one for each of the {len(order)} {what}; got {len(values)}."
        raise ValueError(msg)
    parts = {"sequences": values}
    if reconstructions is not None:
        parts["reconstructions"] = DataSet.of(reconstructions, "reconstructions").sequences.numpy()
        if parts["reconstructions"].shape != values.shape:
            msg = (
                f"reconstructions must have the shape of the sequences, {values.shape}; "
                f"got {parts['reconstructions'].shape}. reconstruct(model, sequences) gives them."
            )
            raise ValueError(msg)
    features = min(values.shape[2], MOST_FEATURES)
    most = max(1, MOST_VALUES // (values.shape[1] * features * len(parts)))
    positions = np.arange(len(order))
    if len(order) > most:
        positions = np.sort(order[np.linspace(0, len(order) - 1, most).astype(int)])
    return {
        "positions": positions.astype("<i4").tobytes(),
        "time": values.shape[1],
        "features": features,
        "all_features": values.shape[2],
        "reconstructions": None,
        **{name: part[positions, :, :features].astype("<f4").tobytes() for name, part in parts.items()},
    }
