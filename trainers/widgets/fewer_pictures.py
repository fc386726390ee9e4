"""`fewer`: of the sequences that a widget can draw, as many as a part of a page may hold."""

from __future__ import annotations

from typing import Any

import numpy as np

# Values of sequences and reconstructions in a part of a page, beside other parts: 1.6 MB of text.
MOST_VALUES_IN_PART = 300_000


def fewer(pictures: dict[str, Any] | None, order: np.ndarray) -> dict[str, Any] | None:
    """Leave out sequences until the rest is small enough.

    Parameters
    ----------
    pictures : dict or None
        As a widget's data holds them: ``positions``, ``time``, ``features``, and as bytes the values
        of ``sequences`` and ``reconstructions``, or None.
    order : array, shape (n,)
        The positions of all sequences; those that stay are evenly spread over this order.

    Returns
    -------
    dict or None
        The same, with fewer of them where there are too many.
    """
    if pictures is None:
        return None
    positions = np.frombuffer(pictures["positions"], "<i4")
    names = [name for name in ("sequences", "reconstructions") if pictures[name] is not None]
    size = pictures["time"] * pictures["features"]
    most = max(1, MOST_VALUES_IN_PART // (size * len(names)))
    if len(positions) <= most:
        return pictures
    # Where those that there are stand in the order.
    rows = np.argsort(np.argsort(order)[positions])
    chosen = np.sort(rows[np.linspace(0, len(rows) - 1, most).astype(int)])
    parts = {name: np.frombuffer(pictures[name], "<f4").reshape(-1, size)[chosen].tobytes() for name in names}
    return {**pictures, "positions": positions[chosen].tobytes(), **parts}
