"""Normal data divided for training, validation and calibration, and features brought to a common scale."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from sklearn.preprocessing import RobustScaler, StandardScaler
from torch.utils.data import Dataset

from data import DataSet, Series
from data.data_set import as_array
from data.series import RATE_TOLERANCE, default_names

LARGEST = 1e15
# Of the normal data; calibration gets the rest.
TRAINING, VALIDATION = 0.6, 0.2


class Scaling:
    """Subtracts a centre from each feature, and divides by a spread; scikit-learn finds them.

    A feature that never changes in training is only centred.

    Parameters
    ----------
    kind : {"standard", "robust", "none"}
        Mean and standard deviation, median and interquartile range, or no scaling.
    training : DataSet or Series
        Padding and missing values do not count.
    """

    def __init__(self, kind: str, training: DataSet | Series) -> None:
        if isinstance(training, Series):
            values = training.values
        else:
            values = training.sequences.flatten(0, 1).numpy()
            if training.mask is not None:
                values = np.where(training.mask.flatten(0, 1).numpy(), values, np.nan)
        empty = np.flatnonzero(np.isnan(values).all(0))
        if len(empty):
            raise ValueError(f"feature {empty[0]} has no value in the training data. Leave it out.")
        self.center, self.spread = np.zeros(values.shape[1]), np.ones(values.shape[1])
        if kind != "none":
            scaler = (StandardScaler if kind == "standard" else RobustScaler)().fit(values.astype(np.float64))
            self.center = scaler.mean_ if kind == "standard" else scaler.center_
            self.spread = scaler.scale_

    def scaled(self, data: DataSet) -> DataSet:
        """A data set on the common scale, without its labels."""
        sequences = self.scale(data.sequences.numpy())
        targets = None if data.targets is data.sequences else self.scale(data.targets.numpy())
        return DataSet(sequences, targets=targets, mask=data.mask, lengths=data.lengths, name=data.name)

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Values (…, feature) on the common scale, float32."""
        scaled = (values - self.center) / self.spread
        if np.nanmax(np.abs(scaled), initial=0.0) > LARGEST:
            where = np.unravel_index(np.nanargmax(np.abs(scaled)), scaled.shape)
            got = f"{values[where]:g} in feature {where[-1]}"
            raise ValueError(
                f"values must be within {LARGEST:g} spreads of the training data, got {got}. NaN marks a missing one."
            )
        return scaled.astype(np.float32)

    def unscale(self, values: np.ndarray) -> np.ndarray:
        """Back to the data's own units."""
        return values * self.spread + self.center


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
    """
    on_series = isinstance(normal, Series)
    group = np.arange(len(normal))
    if not on_series:
        # Equal sequences share a number.
        _, group = np.unique(normal.sequences.flatten(1).numpy(), axis=0, return_inverse=True)
        group = group.reshape(-1)
    n = int(group.max()) + 1
    if n < 3:
        what = "time steps" if on_series else "sequences that differ"
        raise ValueError(f"{normal.name!r} must have at least three {what}, got {n}. Bring more data.")
    # None of the three parts is empty.
    first = min(max(1, round(TRAINING * n)), n - 2)
    second = min(max(first + 1, round((TRAINING + VALIDATION) * n)), n - 1)
    names = [f"{normal.name}, {part}" for part in ("training", "validation", "calibration")]
    if on_series:
        pieces = slice(0, first), slice(first, second), slice(second, n)
        return tuple(normal.part(piece, name) for piece, name in zip(pieces, names, strict=True))
    rank = np.random.default_rng(seed).permutation(n)[group]
    return tuple(normal.subset(np.digitize(rank, [first, second]) == i, name) for i, name in enumerate(names))


def three_parts(normal: Any, validation: Any, calibration: Any, seed: int) -> tuple[Any, ...]:
    """The three normal parts, of one kind and width."""
    if (validation is None) != (calibration is None):
        raise ValueError("validation and calibration must be given together, or neither.")
    training = as_normal(normal, "normal")
    if validation is None:
        return hold_out(training, seed)
    validation = matched(as_normal(validation, "validation"), training, "validation")
    return training, validation, matched(as_normal(calibration, "calibration"), training, "calibration")


def as_normal(x: Any, what: str) -> DataSet | Series:
    """`x` as sequences or as a series; an error if its labels say that there are anomalies in it."""
    data = as_data(x, what)
    if data.labels is not None and data.abnormal.any():
        unit, remedy = "sequences", "Leave them out: data[~data.abnormal]."
        if isinstance(data, Series):
            unit, remedy = "time steps", "Take a part without, such as series[:1000]."
        got = f"{data.abnormal.sum()} of {len(data)} {unit} labelled abnormal"
        raise ValueError(f"{what} must hold no anomaly, got {got} in {data.name!r}. {remedy}")
    return data


def as_data(x: Any, what: str) -> DataSet | Series:
    """`x` as a set of sequences or, if it has one dimension, as a series."""
    if isinstance(x, DataSet | Series):
        return x
    one = not isinstance(x, Dataset) and as_array(x, what).ndim == 1
    return Series(x, name=what) if one else DataSet.of(x, name=what)


def matched(data: Any, fitted: Any, what: str) -> Any:
    """`data` with its features in the order of `fitted`; an error if they differ, a warning for other steps."""
    if type(data) is not type(fitted) or data.n_features != fitted.n_features:
        kind, other = (f"a {type(one).__name__} with {one.n_features} features" for one in (fitted, data))
        raise ValueError(
            f"{what} must be {kind} like the training data, got {other}. Series(x) or DataSet(x) says what an array is."
        )
    differences = []
    if isinstance(data, DataSet):
        if data.lengths is None and fitted.lengths is None and data.length != fitted.length:
            differences.append((f"sequences of {fitted.length} steps", f"{data.length}"))
    elif data.feature_names != fitted.feature_names:
        data = _by_name(data, fitted, what)
    rates = fitted.sampling_rate, data.sampling_rate
    if None not in rates and abs(rates[1] / rates[0] - 1) > RATE_TOLERANCE:
        differences.append((f"a sampling rate of {rates[0]:g} Hz", f"{rates[1]:g} Hz"))
    for wanted, got in differences:
        warnings.warn(f"{what} must have {wanted} as the detector is fitted to, got {got}. Resample it.", stacklevel=4)
    return data


def _by_name(data: Series, fitted: Series, what: str) -> Series:
    """`data` with its features in the order of `fitted`, by their names if both have some."""
    named = [part for part in (data, fitted) if part.feature_names != default_names(part.n_features)]
    given, wanted = list(data.feature_names), list(fitted.feature_names)
    data = copy.copy(data)
    if len(named) == 2:
        if set(given) != set(wanted):
            raise ValueError(
                f"{what} must have the features {wanted}, got {given}. Series(…, feature_names=…) renames them."
            )
        data.values = data.values[:, [given.index(name) for name in wanted]]
    elif data.n_features > 1:
        msg = f"{what} must have the feature names {wanted}, got {given}: taken by position. Give feature_names=…."
        warnings.warn(msg, stacklevel=5)
    data.feature_names = named[-1].feature_names
    return data
