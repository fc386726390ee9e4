"""What a page gets of sequences: their classes, and the values to draw them from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data import DataSet
from trainers.checks import as_names

# Values of sequences and reconstructions that a page holds at most: 8 MB.
MOST_VALUES = 2_000_000
# As a part of a page, in 16 bits: 1.6 MB of text.
MOST_LIGHT_VALUES = 600_000
# Features drawn of one sequence, one below the other.
MOST_FEATURES = 4
# In 16 bits, what stands for a value that is missing; the others lie within plus and minus the reach.
_MISSING, _REACH = -32768, 32767


def classes(labels: np.ndarray | None, names: Sequence[str] | None) -> dict[str, Any]:
    """The classes that occur, and for each sequence the place of its own among them.

    Parameters
    ----------
    labels : array of int, shape (n,), or None
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
    if names is None:
        other = "class {}" if np.count_nonzero(occurring) > 1 else "abnormal"
        found = [other.format(label) if label else "normal" for label in occurring]
    else:
        names = as_names(names, labels)
        found = [names[label] for label in occurring]
    kinds = [{"name": name, "abnormal": int(label != 0)} for name, label in zip(found, occurring, strict=True)]
    return {"labels": places.astype("<i4").tobytes(), "classes": kinds}


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
    """
    if sequences is None:
        if reconstructions is not None:
            raise ValueError("reconstructions must be given with their sequences, got none. Give sequences=… too.")
        return None
    values = DataSet.of(sequences, "sequences").sequences.numpy()
    if len(values) != len(order):
        raise ValueError(f"sequences must be one for each of the {len(order)} {what}, got {len(values)}.")
    parts = {"sequences": values}
    if reconstructions is not None:
        parts["reconstructions"] = reconstruction = DataSet.of(reconstructions, "reconstructions").sequences.numpy()
        if reconstruction.shape != values.shape:
            raise ValueError(
                f"reconstructions must have the sequences' shape, {values.shape}, got {reconstruction.shape}."
            )
    _, time, all_features = values.shape
    features = min(all_features, MOST_FEATURES)
    positions = _spread(order, MOST_VALUES // (time * features * len(parts)))
    return {
        "positions": positions.astype("<i4").tobytes(),
        "time": time,
        "features": features,
        "all_features": all_features,
        "reconstructions": None,
        **{name: part[positions, :, :features].astype("<f4").tobytes() for name, part in parts.items()},
    }


def lighten(drawn: dict[str, Any] | None, order: np.ndarray, most: int = MOST_LIGHT_VALUES) -> dict[str, Any] | None:
    """Leave out sequences where there are too many, and keep 16 bits of each value, finer than a screen shows.

    Parameters
    ----------
    drawn : dict or None
        As `pictures` makes them.
    order : array, shape (n,)
        The positions of all sequences; those that stay are evenly spread over this order.
    most : int, default 600,000
        Values of sequences and reconstructions that stay at most.

    Returns
    -------
    dict or None
        The same for sequences.js, with ``scale``, (middle, step): a value is middle + step · number.
    """
    if drawn is None:
        return None
    positions = np.frombuffer(drawn["positions"], "<i4")
    names = [name for name in ("sequences", "reconstructions") if drawn[name] is not None]
    size = drawn["time"] * drawn["features"]
    # Where those that are drawn stand, in the order of all.
    chosen = _spread(np.argsort(np.argsort(order)[positions]), most // (size * len(names)))
    values = np.stack([np.frombuffer(drawn[name], "<f4").reshape(-1, size)[chosen] for name in names]).astype(float)
    low, high = np.nanmin(values), np.nanmax(values)
    middle, step = (low + high) / 2, (high - low) / 2 / _REACH or 1.0
    whole = np.where(np.isnan(values), _MISSING, np.rint((values - middle) / step)).astype("<i2")
    light = {name: numbers.tobytes() for name, numbers in zip(names, whole, strict=True)}
    return {**drawn, "positions": positions[chosen].tobytes(), "scale": [middle, step], **light}


def _spread(order: np.ndarray, most: int) -> np.ndarray:
    """At most so many of these positions, but one at least, evenly spread over their order; sorted."""
    most = min(len(order), max(1, most))
    return np.sort(order[np.linspace(0, len(order) - 1, most).astype(int)])
