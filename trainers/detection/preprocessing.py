"""`hold_out`: normal data divided for training, validation and calibration."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from data import DataSet, Series
from data.data_set import as_array
from data.series import RATE_TOLERANCE, default_names

# Of the normal data; calibration gets the rest.
TRAINING, VALIDATION = 0.6, 0.2
PARTS = ("training", "validation", "calibration")


def hold_out(normal: Any, seed: int) -> tuple[Any, ...]:
    """Divide normal data into training (60 %), validation (20 %) and calibration (20 %).

    The network learns from the first part, history restore selects on the second, the threshold
    is set on the third. Sequences are drawn at random, equal ones together into one part. A
    series is cut into three pieces in the order of time, so that no window lies in two of them.

    Parameters
    ----------
    normal : DataSet or Series
        Without anomalies.
    seed : int
        Which random division; a series has only one.

    Returns
    -------
    tuple of three DataSet or three Series

    Raises
    ------
    ValueError
        If there are fewer than three sequences that differ, or three time steps.
    """
    n = len(normal)
    if isinstance(normal, Series):
        cuts = _cuts(n)
        if n >= 3:
            edges = [0, *cuts, n]
            return tuple(
                normal.part(slice(start, end), f"{normal.name}, {name}")
                for start, end, name in zip(edges, edges[1:], PARTS, strict=False)
            )
        what = "time steps"
    else:
        rows = normal.sequences.reshape(n, -1).numpy()
        _, group = np.unique(rows, axis=0, return_inverse=True)
        different = int(group.max()) + 1
        rank = np.random.default_rng(seed).permutation(different)[group.reshape(-1)]
        parts = np.digitize(rank, _cuts(different))
        if different >= 3:
            return tuple(normal.subset(parts == i, f"{normal.name}, {name}") for i, name in enumerate(PARTS))
        n, what = different, "sequences that differ"
    msg = f"{normal.name!r} has {n} {what}; training, validation and calibration need three at least. Bring more data."
    raise ValueError(msg)


def _cuts(n: int) -> list[int]:
    """Where validation and calibration begin; none of the three is empty, from n = 3 on."""
    first = min(max(1, round(TRAINING * n)), n - 2)
    return [first, min(max(first + 1, round((TRAINING + VALIDATION) * n)), n - 1)]


def check_normal(data: DataSet | Series, what: str) -> None:
    """Raise if labels say that there are anomalies in what should be normal."""
    if data.labels is not None and data.abnormal.any():
        unit = "time steps" if isinstance(data, Series) else "sequences"
        remedy = (
            "Take a part without, such as series[:1000]"
            if isinstance(data, Series)
            else "Leave them out: data[~data.abnormal]"
        )
        msg = (
            f"{what} must be normal, and the labels of {data.name!r} call {int(data.abnormal.sum())} of {len(data)} "
            f"{unit} abnormal. {remedy}."
        )
        raise ValueError(msg)


def three_parts(normal: Any, validation: Any, calibration: Any, seed: int) -> tuple[Any, ...]:
    """The three normal parts, of one kind and width."""
    if (validation is None) != (calibration is None):
        msg = "fit takes validation and calibration together, or neither: then it divides the normal data itself."
        raise ValueError(msg)
    if validation is None:
        data = as_data(normal, "normal")
        check_normal(data, "normal")
        return hold_out(data, seed)
    given = {"normal": normal, "validation": validation, "calibration": calibration}
    parts = [as_data(part, what) for what, part in given.items()]
    for part, what in zip(parts, given, strict=True):
        check_normal(part, what)
        if type(part) is not type(parts[0]) or part.n_features != parts[0].n_features:
            msg = (
                f"{what} must be like normal, a {type(parts[0]).__name__} with {parts[0].n_features} features; "
                f"got a {type(part).__name__} with {part.n_features}."
            )
            raise ValueError(msg)
    return parts[0], matched(parts[1], parts[0], "validation"), matched(parts[2], parts[0], "calibration")


def matched(data: Any, fitted: Any, what: str) -> Any:
    """`data` with its features in the order of `fitted`; an error for other names, a warning for other steps."""
    remedy = "Resample it, or fit a detector to such data."
    if isinstance(data, DataSet):
        if data.lengths is None and fitted.lengths is None and data.length != fitted.length:
            _warn_other(f"sequences of {fitted.length} steps", f"{data.length}. {remedy}", what)
    elif data.feature_names != fitted.feature_names:
        data = _by_name(data, fitted, what)
    rates = fitted.sampling_rate, data.sampling_rate
    if None not in rates and abs(rates[1] / rates[0] - 1) > RATE_TOLERANCE:
        _warn_other(f"a sampling rate of {rates[0]:g} Hz", f"{rates[1]:g} Hz. {remedy}", what)
    return data


def _warn_other(wanted: str, got: str, what: str) -> None:
    warnings.warn(f"{what} must have {wanted} as the detector is fitted to, got {got}", stacklevel=5)


def _by_name(data: Series, fitted: Series, what: str) -> Series:
    """`data` with its features in the order of `fitted`, by their names if both have some."""
    named = [part for part in (data, fitted) if part.feature_names != default_names(part.n_features)]
    data, given = copy.copy(data), data.feature_names
    if len(named) == 2:
        if set(given) != set(fitted.feature_names):
            msg = (
                f"{what} must have the features {list(fitted.feature_names)} that the detector is fitted to, got "
                f"{list(given)}. If only the names differ, give feature_names=… to Series."
            )
            raise ValueError(msg)
        data.values = data.values[:, [given.index(name) for name in fitted.feature_names]]
    elif data.n_features > 1:
        warnings.warn(
            f"{what} must have feature names if the detector is fitted to named features, and none otherwise, got "
            f"{list(given)} for {list(fitted.feature_names)}: taken by position. Give feature_names=… to Series.",
            stacklevel=5,
        )
    data.feature_names = named[-1].feature_names
    return data


def as_data(x: Any, what: str) -> DataSet | Series:
    """`x` as a set of sequences or, if it has one dimension, as a series."""
    if isinstance(x, DataSet | Series):
        return x
    one = not isinstance(x, Dataset) and as_array(x, what).ndim == 1
    return Series(x, name=what) if one else DataSet.of(x, name=what)
