"""`bootstrap_interval`: how far a figure would move with other data of the same kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from trainers.detection._validation import as_count, as_scores, as_share, as_truth

# What is drawn from fewer than this is hardly ever anything else than what there is.
_FEWEST = 5
# Numbers drawn at a time, to bound the memory.
_BATCH = 2**22


def bootstrap_interval(
    metric: Callable[[np.ndarray, np.ndarray], Any],
    scores: Any,
    labels: Any,
    *,
    level: float = 0.95,
    n: int = 1000,
    block: int = 1,
    seed: int = 0,
) -> np.ndarray:
    """A percentile bootstrap interval of any figure (Efron 1979; drawn by `scipy.stats.bootstrap`).

    Sequences (`block=1`) are drawn with replacement, the normal and the abnormal ones apart, so
    that both are always there, in the numbers they have.

    Neighbouring time steps depend on each other: drawn one by one they would look like more
    data than they are, and the interval would be too narrow. They are drawn in whole blocks
    of consecutive steps (Künsch 1989; here the blocks do not overlap, as in Carlstein 1986):
    those with an abnormal step and those without one apart. A block should be at least as long
    as scores depend on each other, such as a window, and as an event.

    The trained model and the threshold are taken as given: what another training run would
    change is not in the interval. Where no draw differs from the data, as with an AUROC of 1,
    its width is 0, which means that the bootstrap cannot tell, not that the figure is certain.
    With few sequences or blocks it is too narrow (in a test, 40 normal and 40 abnormal ones
    are enough).

    Parameters
    ----------
    metric : callable
        `metric(labels, scores)`, the order of scikit-learn's functions, labels True where
        abnormal; returns one finite number, or an array of several.
    scores : array, shape (n,) or (time,)
        The higher, the more anomalous.
    labels : array of whole numbers, shape (n,) or (time,)
        0 is normal, anything else abnormal.
    level : float, default 0.95
        How often such intervals should hold the true figure.
    n : int, default 1000
        Draws.
    block : int, default 1
        Time steps that are drawn together.
    seed : int, default 0
        Which random draws.

    Returns
    -------
    numpy.ndarray, shape (2,) or (2, figures)
        Lower and upper end.

    Raises
    ------
    TypeError, ValueError
        If scores and labels do not fit, fewer than five (blocks) of either kind are there to
        draw from, or the metric returns no finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import roc_auc_score
    >>> generator = np.random.default_rng(0)
    >>> scores, labels = generator.normal(size=200), np.repeat([0, 1], 100)
    >>> low, high = bootstrap_interval(roc_auc_score, scores + labels, labels, n=200)
    >>> bool(low < 0.76 < high)  # the true AUROC of normal distributions one s.d. apart
    True
    """
    if not callable(metric):
        msg = f"metric takes a function of labels and scores, such as roc_auc_score; got {metric!r}."
        raise TypeError(msg)
    each = "sequence" if block == 1 else "time step"
    scores = as_scores(scores, "scores", each)
    truth = as_truth(labels, scores, each)
    level = as_share(level, "level", "how often the interval should hold the true figure", "The default is 0.95.")
    n, seed = as_count(n, "n", "the number of draws", 100), as_count(seed, "seed", "which random draws", 0)
    block = as_count(block, "block", "of time steps drawn together")
    starts = np.arange(0, len(scores), block)
    abnormal = np.logical_or.reduceat(truth, starts)
    strata = [starts[part] for part in (~abnormal, abnormal)]
    if min(map(len, strata)) < _FEWEST:
        kinds = "sequences" if block == 1 else f"blocks of {block} steps"
        msg = (
            f"labels must give at least {_FEWEST} normal and {_FEWEST} abnormal {kinds} to draw from; "
            f"got {len(strata[0])} and {len(strata[1])}. Bring more data, or do without an interval"
            f"{' or take a shorter block' if block > 1 else ''}."
        )
        raise ValueError(msg)
    within = np.arange(block)

    def figure(*drawn: np.ndarray) -> Any:
        steps = (np.concatenate(drawn).astype(np.intp)[:, None] + within).ravel()
        # The last block may be shorter than the others.
        steps = steps[steps < len(scores)]
        value = np.asarray(metric(truth[steps], scores[steps]), dtype=np.float64)
        if not np.isfinite(value).all():
            msg = f"metric must return finite numbers; got {value} on a draw of {len(steps)} scores."
            raise ValueError(msg)
        return value

    drawn = stats.bootstrap(
        strata,
        figure,
        n_resamples=n,
        batch=max(1, _BATCH // len(starts)),
        vectorized=False,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return np.stack(drawn.confidence_interval)
