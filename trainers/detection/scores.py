"""`reconstruction_error`: how badly a model reconstructs each sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from data import DataSet
from trainers.reconstruction import reconstruct

_REDUCTIONS = {
    "mae": lambda e: np.abs(e).mean((1, 2)),
    "mse": lambda e: np.square(e).mean((1, 2)),
    "sum": lambda e: np.abs(e).sum((1, 2)),
}


def reconstruction_error(model: nn.Module, sequences: Any, *, kind: str = "mae") -> np.ndarray:
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

    Returns
    -------
    numpy.ndarray, shape (n,)
        float64; the higher, the more anomalous.

    Raises
    ------
    TypeError, ValueError
        If the sequences are no finite numbers, the model returns another shape or numbers that
        are not finite, or `kind` is unknown.
    """
    if kind not in _REDUCTIONS:
        msg = f"kind takes one of {', '.join(map(repr, _REDUCTIONS))}; got {kind!r}."
        raise ValueError(msg)
    data = DataSet.of(sequences, "sequences to score")
    differences = (reconstruct(model, data) - data.sequences).double().numpy()
    scores = _REDUCTIONS[kind](differences)
    if not np.isfinite(scores).all():
        msg = (
            f"the model {type(model).__name__} reconstructs {int((~np.isfinite(scores)).sum())} of {len(scores)} "
            "sequences with NaN or infinite values, so they have no score. Train it again with a lower learning_rate."
        )
        raise ValueError(msg)
    return scores
