"""`lighten`: the sequences that a widget draws, small enough for a page that holds several widgets."""

from __future__ import annotations

from typing import Any

import numpy as np

# Of sequences and reconstructions, in 16 bits: 1.6 MB of text.
MOST_VALUES = 600_000
# What stands for a value that is missing; the others lie within plus and minus this.
_MISSING, _REACH = -32768, 32767


def lighten(pictures: dict[str, Any] | None, order: np.ndarray, most: int = MOST_VALUES) -> dict[str, Any] | None:
    """Leave out sequences where there are too many, and keep 16 bits of each value, finer than a screen shows.

    Parameters
    ----------
    pictures : dict or None
        As `trainers.widgets.sequences.pictures` makes them.
    order : array, shape (n,)
        The positions of all sequences; those that stay are evenly spread over this order.
    most : int, default 600,000
        Values of sequences and reconstructions that stay at most.

    Returns
    -------
    dict or None
        The same for sequences.js, with ``scale``, (middle, step): a value is middle + step · number.
    """
    if pictures is None:
        return None
    positions = np.frombuffer(pictures["positions"], "<i4")
    names = [name for name in ("sequences", "reconstructions") if pictures[name] is not None]
    size = pictures["time"] * pictures["features"]
    chosen = np.arange(len(positions))
    room = max(1, most // (size * len(names)))
    if len(chosen) > room:
        # The places in `order` of those that there are.
        ranks = np.argsort(np.argsort(order)[positions])
        chosen = np.sort(ranks[np.linspace(0, len(ranks) - 1, room).astype(int)])
    parts = {name: np.frombuffer(pictures[name], "<f4").reshape(-1, size)[chosen].astype(float) for name in names}
    known = np.concatenate([part[np.isfinite(part)] for part in parts.values()])
    low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
    middle, step = (low + high) / 2, (high - low) / 2 / _REACH or 1.0
    whole = {
        name: np.where(np.isfinite(part), np.rint((part - middle) / step), _MISSING).astype("<i2").tobytes()
        for name, part in parts.items()
    }
    return {**pictures, "positions": positions[chosen].tobytes(), "scale": [middle, step], **whole}
