"""Data of sequences for a page: their classes, and the values to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data import DataSet
from trainers.checks import as_names

# Maximum number of values of sequences and reconstructions in a page: 8 MB.
MAX_VALUES = 2_000_000
# Maximum in embedded HTML, with 16 bits per value: 1.6 MB of text.
MAX_LIGHT_VALUES = 600_000
# Maximum number of features drawn at once, one below the other, and of features in a page, to choose from.
MAX_FEATURES, MAX_CHOICES = 4, 32
# 16-bit code of a missing value, and the largest absolute code of other values.
_MISSING, _LARGEST = -32768, 32767


def classes(labels: np.ndarray | None, names: Sequence[str] | None) -> dict[str, Any]:
    """Return the classes that occur, and the index of each sequence's class among them.

    Parameters
    ----------
    labels : array of int, shape (n,), or None
        0 is normal.
    names : sequence of str, optional
        Name of each label, starting with label 0.

    Returns
    -------
    dict
        ``labels``, the indices as bytes, and ``classes``; both None without labels.
    """
    if labels is None:
        return {"labels": None, "classes": None}
    occurring, indices = np.unique(labels, return_inverse=True)
    if names is None:
        other = "class {}" if np.count_nonzero(occurring) > 1 else "abnormal"
        chosen = [other.format(label) if label else "normal" for label in occurring]
    else:
        names = as_names(names, labels)
        chosen = [names[label] for label in occurring]
    kinds = [{"name": name, "abnormal": int(label != 0)} for name, label in zip(chosen, occurring, strict=True)]
    return {"labels": indices.astype("<i4").tobytes(), "classes": kinds}


def pictures(sequences: Any, reconstructions: Any, order: np.ndarray, what: str) -> dict[str, Any] | None:
    """Return the sequences that can be drawn, as the page reads them.

    Parameters
    ----------
    sequences, reconstructions : DataSet, array or tensor, or None
        Both of the same shape.
    order : array, shape (n,)
        The positions of all sequences. If there are more than the page can hold, an evenly spaced subset of this order
        is drawn.
    what : str
        The argument that the sequences belong to, "scores" or "points"; an error message names it.
    """
    if sequences is None:
        if reconstructions is not None:
            raise ValueError("reconstructions must be given with sequences, got no sequences. Give sequences=… too.")
        return None
    values = DataSet.of(sequences, "sequences").sequences
    if len(values) != len(order):
        raise ValueError(f"sequences must have the same length as {what} ({len(order)}), got {len(values)}.")
    parts = {"sequences": values}
    if reconstructions is not None:
        parts["reconstructions"] = reconstruction = DataSet.of(reconstructions, "reconstructions").sequences
        if reconstruction.shape != values.shape:
            raise ValueError(
                f"reconstructions must have the shape {tuple(values.shape)}, got {tuple(reconstruction.shape)}."
            )
    _, time, all_features = values.shape
    features = min(all_features, MAX_CHOICES)
    positions = _spread(order, MAX_VALUES // (time * features * len(parts)))
    return {
        "positions": positions.astype("<i4").tobytes(),
        "time": time,
        "features": features,
        "all_features": all_features,
        "reconstructions": None,
        **{name: part[positions][..., :features].numpy().astype("<f4").tobytes() for name, part in parts.items()},
    }


def lighten(drawn: dict[str, Any] | None, order: np.ndarray, most: int = MAX_LIGHT_VALUES) -> dict[str, Any] | None:
    """Reduce the number of sequences if there are too many, and the values to 16 bits, finer than a screen shows.

    Parameters
    ----------
    drawn : dict or None
        The result of `pictures`.
    order : array, shape (n,)
        The positions of all sequences; the remaining ones are an evenly spaced subset of this order.
    most : int, default 600,000
        Maximum number of values of sequences and reconstructions.

    Returns
    -------
    dict or None
        Like `drawn`, with ``scale`` = (middle, step): a value is middle + step · code.
    """
    if drawn is None:
        return None
    positions = np.frombuffer(drawn["positions"], "<i4")
    names = [name for name in ("sequences", "reconstructions") if drawn[name] is not None]
    size = drawn["time"] * drawn["features"]
    # Ranks of the drawn sequences in the order of all.
    chosen = _spread(np.argsort(np.argsort(order)[positions]), most // (size * len(names)))
    values = np.stack([np.frombuffer(drawn[name], "<f4").reshape(-1, size)[chosen] for name in names]).astype(float)
    low, high = np.nanmin(values), np.nanmax(values)
    middle, step = (low + high) / 2, (high - low) / 2 / _LARGEST or 1.0
    codes = np.where(np.isnan(values), _MISSING, np.rint((values - middle) / step)).astype("<i2")
    light = {name: part.tobytes() for name, part in zip(names, codes, strict=True)}
    return {**drawn, "positions": positions[chosen].tobytes(), "scale": [middle, step], **light}


def _spread(order: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of these positions, but at least one, evenly spaced in their order; sorted."""
    most = min(len(order), max(1, most))
    return np.sort(order[np.linspace(0, len(order) - 1, most).astype(int)])
