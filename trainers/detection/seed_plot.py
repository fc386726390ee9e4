"""`plot_seeds`: one figure of several methods, seed by seed, with the interval of each mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from data.data_set import as_array
from trainers.plotting import TEXT, TRAIN, VALIDATION, Figure, as_label

# One for each seed, so that what belongs together can be followed from method to method.
_MARKERS = "os^Dv<>pP*Xh"


def plot_seeds(values: Mapping[str, Any], *, label: str = "AUROC", level: float = 0.95) -> Figure:
    """Draw a dot for each method and seed, and the mean with its t interval.

    The interval is for the mean over further seeds; it holds where these scatter like a normal distribution. That two
    intervals overlap does not say that the methods are alike: where both were run on the same seeds, look at
    the differences, seed by seed (`scipy.stats.ttest_rel`).

    Parameters
    ----------
    values : dict of array, shape (seeds,)
        By method, drawn from top to bottom; at the same position, the same seed, up to 12. A single value is drawn
        without an interval.
    label : str, default "AUROC"
        What is measured.
    level : float, default 0.95
        Of the interval.

    Returns
    -------
    Figure

    Raises
    ------
    TypeError, ValueError
        If there is no method, its values are no finite numbers of shape (seeds,), or the level is no share.

    Examples
    --------
    >>> plot_seeds({"1-NN": [0.99, 0.98, 1.0], "network": [0.98, 0.98, 0.99]}).alt
    'AUROC of 2 methods, a dot for each seed: 1-NN 0.980 to 1.000, mean 0.990; network 0.980 to 0.990, mean 0.983.'
    """
    if not isinstance(values, Mapping) or not values:
        msg = f"values takes a dict of methods and their figures, at least one; got {values!r}."
        raise TypeError(msg)
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        msg = f"level takes a share between 0 and 1; got {level!r}. The default is 0.95."
        raise ValueError(msg)
    figures = {str(name): _checked(name, given) for name, given in values.items()}
    figure = Figure(f"{label} by method and seed", figsize=(8, 1.1 + 0.38 * len(figures)))
    axes = figure.plain_axes()
    for row, of in enumerate(figures.values()):
        mean = float(of.mean())
        if len(of) > 1:
            half = float(stats.t.ppf((1 + level) / 2, len(of) - 1) * of.std(ddof=1) / np.sqrt(len(of)))
            axes.plot([mean - half, mean + half], [row, row], color=VALIDATION, alpha=0.35, linewidth=9)
            axes.plot([mean, mean], [row - 0.3, row + 0.3], color=VALIDATION, linewidth=2)
        for marker, value in zip(_MARKERS, of, strict=False):
            axes.plot(value, row, marker, color=TRAIN, fillstyle="none", markersize=6)
    axes.set_yticks(range(len(figures)), [as_label(name) for name in figures])
    axes.set(xlabel=as_label(label), ylim=(len(figures) - 0.4, -0.6))
    axes.grid(axis="x", color=TEXT, alpha=0.2)
    told = [
        f"{name} {of.min():.3f}" + (f" to {of.max():.3f}, mean {of.mean():.3f}" if len(of) > 1 else "")
        for name, of in figures.items()
    ]
    many = f"{len(figures)} method{'s' * (len(figures) > 1)}"
    seeds = ", a dot for each seed" * any(len(of) > 1 for of in figures.values())
    figure.alt = f"{label} of {many}{seeds}: {'; '.join(told)}."
    return figure


def _checked(name: Any, given: Any) -> np.ndarray:
    array = np.atleast_1d(as_array(given, f"values[{name!r}]")).astype(np.float64)
    if array.ndim != 1 or not 0 < len(array) <= len(_MARKERS) or not np.isfinite(array).all():
        msg = (
            f"values[{name!r}] takes finite numbers, one for each of at most {len(_MARKERS)} seeds; "
            f"got shape {array.shape}, such as {array.reshape(-1)[:3].tolist()}."
        )
        raise ValueError(msg)
    return array
