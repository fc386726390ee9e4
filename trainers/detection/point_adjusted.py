"""`misleading_point_adjusted_f1`: the figure that makes random scores look like state of the art."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics

from data.series import runs
from trainers.detection._validation import as_scores, as_threshold, as_truth


def misleading_point_adjusted_f1(scores: Any, labels: Any, threshold: float) -> float:
    """F1 after every step of an event counts as found if one of them was: **do not report it**.

    Xu et al. 2018 (WWW) introduced the adjustment and many papers followed. Kim et al. 2022
    (AAAI, arXiv:2109.05257) show that random scores then reach the best results published: in
    a long event a single lucky step is enough. It is here for the lesson that takes it apart,
    and for comparison with figures from papers.

    Parameters
    ----------
    scores : array, shape (time,)
        The higher, the more anomalous.
    labels : array of whole numbers, shape (time,)
        0 is normal, anything else abnormal; both must occur.
    threshold : float
        Scores above it are called abnormal.

    Returns
    -------
    float
        0 where nothing is called abnormal.

    Raises
    ------
    TypeError, ValueError
        If scores and labels do not fit, or only one side occurs.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.repeat([0, 1, 0], [800, 100, 100])
    >>> scores = np.random.default_rng(0).uniform(size=1000)  # knows nothing
    >>> f1 = misleading_point_adjusted_f1(scores, labels, threshold=0.98)
    >>> bool(f1 > 0.85)
    True
    """
    scores = as_scores(scores, "scores", "time step")
    truth = as_truth(labels, scores, "time step")
    called = point_adjusted(scores > as_threshold(threshold), truth)
    return float(metrics.f1_score(truth, called, zero_division=0))


def point_adjusted(called: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Decisions with every step of an event called abnormal as soon as one of them is; both of shape (time,), bool.

    >>> point_adjusted(np.array([False, True, False, False]), np.array([True, True, False, True]))
    array([ True,  True, False, False])
    """
    adjusted = called.copy()
    for start, end in runs(truth):
        adjusted[start:end] |= called[start:end].any()
    return adjusted
