"""`reconstruction_error`: how badly a model reconstructs each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from data import DataSet
from trainers.reconstruction import reconstruct

# Each reduces differences (n, time, feature) to one score for each sequence.
_REDUCTIONS = {
    "mae": lambda e: np.abs(e).mean((1, 2)),
    "mse": lambda e: np.square(e).mean((1, 2)),
    "sum": lambda e: np.abs(e).sum((1, 2)),
}


def reconstruction_error(model: nn.Module, sequences: Any, *, kind: str = "mae", smooth: int = 1) -> np.ndarray:
    """The anomaly score of each sequence: the difference from its reconstruction.

    Parameters
    ----------
    model : torch.nn.Module
        Trained on normal sequences.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        What to score.
    kind : {"mae", "mse", "sum"}, default "mae"
        Mean absolute or mean squared error over all time steps and features, or the sum of
        the absolute errors, which grows with the length; in the data's units.
    smooth : int, default 1
        The differences are first averaged over this many neighbouring time steps (fewer at the
        edges), so that noise cancels and what is wrong for longer stays. 1: not at all.

    Returns
    -------
    numpy.ndarray, shape (n,)
        float64; the higher, the more anomalous.

    Raises
    ------
    TypeError, ValueError
        If the sequences are no finite numbers, the model returns another shape or numbers that
        are not finite, `kind` is unknown, or `smooth` is not between 1 and the length.
    """
    if not isinstance(kind, str) or kind not in _REDUCTIONS:
        msg = f"kind takes one of {', '.join(map(repr, _REDUCTIONS))}; got {kind!r}."
        raise ValueError(msg)
    data = DataSet.of(sequences, "sequences to score")
    if isinstance(smooth, bool) or not isinstance(smooth, int | np.integer) or not 1 <= smooth <= data.length:
        msg = f"smooth takes a whole number of time steps from 1 to {data.length}, the length; got {smooth!r}."
        raise ValueError(msg)
    differences = (reconstruct(model, data) - data.sequences).double().numpy()
    if smooth > 1:
        differences = _moving_mean(differences, int(smooth))
    scores = _REDUCTIONS[kind](differences)
    if not np.isfinite(scores).all():
        msg = (
            f"the model {type(model).__name__} reconstructs {int((~np.isfinite(scores)).sum())} of {len(scores)} "
            "sequences with NaN or infinite values, so they have no score. Train it again with a lower learning_rate."
        )
        raise ValueError(msg)
    return scores


def _moving_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over `width` neighbouring time steps of (n, time, feature), over those there are at the edges."""
    window = np.ones(width)

    def total(series: np.ndarray) -> np.ndarray:
        return np.convolve(series, window, "full")[width // 2 :][: len(series)]

    return np.apply_along_axis(total, 1, values) / total(np.ones(values.shape[1]))[None, :, None]
