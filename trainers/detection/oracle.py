"""`oracle_threshold`: the threshold nobody can know. For teaching."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics

from trainers.detection._validation import as_scores, as_truth


def oracle_threshold(scores: Any, labels: Any) -> float:
    """The threshold with the best F1 on these very labels: **for teaching, never report it**.

    It is chosen with the answers at hand, so the F1 it gives is an upper bound that no detector
    in use can plan on ("best F1" in many papers). It shows what a threshold set on normal data
    loses. Of several with the best F1 it is the highest.

    Parameters
    ----------
    scores : array, shape (n,)
        The higher, the more anomalous.
    labels : array of whole numbers, shape (n,)
        0 is normal, anything else abnormal; both must occur.

    Returns
    -------
    float
        Scores *above* it are called abnormal.

    Raises
    ------
    TypeError, ValueError
        If scores and labels do not fit, or only one side occurs.

    Examples
    --------
    >>> oracle_threshold([0.1, 0.2, 0.8, 0.3, 0.9], [0, 0, 1, 0, 1])
    0.3
    """
    scores = as_scores(scores, "scores")
    truth = as_truth(labels, scores)
    precision, recall, candidates = metrics.precision_recall_curve(truth, scores)
    # scikit-learn's candidates are called abnormal themselves, and its last point has none.
    both = precision[:-1] + recall[:-1]
    f1 = np.divide(2 * precision[:-1] * recall[:-1], both, out=np.zeros_like(both), where=both > 0)
    best = candidates[np.flatnonzero(f1 == f1.max())[-1]]
    below = scores[scores < best]
    return float(below.max() if len(below) else np.nextafter(best, -np.inf))
