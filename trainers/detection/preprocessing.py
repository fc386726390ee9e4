"""Splitting of normal data into training, validation and calibration part, and scaling of features."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.preprocessing import RobustScaler, StandardScaler
from torch.utils.data import Dataset

from data import DataSet, Series
from data.data_set import as_array
from data.lazy import LazyTensor, chunks, equal_rows, is_lazy, spread, too_large
from data.series import RATE_TOLERANCE, default_names
from trainers.checks import as_scores

LARGEST = 1e15
# Fractions of the normal data; the rest is the calibration part.
TRAINING, VALIDATION = 0.6, 0.2


@dataclass(frozen=True)
class DataForm:
    """What data must have in common with the data that a detector was fitted to.

    Attributes
    ----------
    series : bool
        Whether it is a `Series`; otherwise it is a `DataSet`.
    feature_names : tuple of str
        In order; default names if there are none.
    length : int or None
        Time steps of a sequence; None for a series or padded sequences.
    sampling_rate : float or None
        In Hz.
    """

    series: bool
    feature_names: tuple[str, ...]
    length: int | None
    sampling_rate: float | None

    @classmethod
    def of(cls, data: DataSet | Series) -> DataForm:
        """Return the form of data."""
        if isinstance(data, Series):
            return cls(True, tuple(data.feature_names), None, data.sampling_rate)
        length = data.length if data.lengths is None else None
        return cls(False, default_names(data.n_features), length, data.sampling_rate)


class Scaling:
    """Scaling of each feature: subtract a centre, divide by a scale; both are fitted with scikit-learn.

    A feature that is constant in the training part is only centred.

    Parameters
    ----------
    kind : {"standard", "robust", "none"}
        Scale by mean and standard deviation, by median and interquartile range, or not at all.
    training : DataSet or Series
        Data to fit the scaling on. Padding and missing values are ignored. Of sequences beyond memory, "robust" uses
        evenly spaced ones.
    """

    def __init__(self, kind: str, training: DataSet | Series) -> None:
        self.center, self.divisor = np.zeros(training.n_features), np.ones(training.n_features)
        scaler = {"standard": StandardScaler, "robust": RobustScaler}.get(kind, lambda: None)()
        empty = np.ones(training.n_features, dtype=bool)
        waiting: list[np.ndarray] = []
        for values in _known_values(training, whole=kind == "robust"):
            empty &= np.isnan(values).all(0)
            if scaler is None:
                continue
            # in the first values that scikit-learn gets, each feature must have a value
            waiting.append(values)
            if not empty.any():
                fit = scaler.fit if kind == "robust" else scaler.partial_fit
                fit(np.concatenate(waiting).astype(np.float64))
                waiting = []
        if empty.any():
            feature = np.flatnonzero(empty)[0]
            raise ValueError(f"feature {feature} must have a value in the training data, got only NaN. Remove it.")
        if scaler is not None:
            self.center = scaler.mean_ if kind == "standard" else scaler.center_
            self.divisor = scaler.scale_

    @classmethod
    def of(cls, center: np.ndarray, divisor: np.ndarray) -> Scaling:
        """Return the scaling with these values, each (feature,)."""
        scaling = cls.__new__(cls)
        scaling.center, scaling.divisor = as_scores(center, "center"), as_scores(divisor, "divisor")
        if center.shape != divisor.shape or not divisor.all():
            raise ValueError(f"divisor must have {len(center)} values other than 0, got {divisor}.")
        return scaling

    def scaled(self, data: DataSet) -> DataSet:
        """Return a scaled data set without labels."""
        if (got := data.targets.shape) != data.sequences.shape:
            raise ValueError(f"targets of {data.name!r} must have the shape of its sequences, got {tuple(got)}.")
        if is_lazy(data):
            both = (data.sequences, data.targets)
            rows = {id(part): LazyTensor(partial(self._scaled_rows, part), part.shape) for part in both}
            more = {"mask": data.mask, "lengths": data.lengths, "name": data.name}
            return DataSet.of_checked(rows[id(data.sequences)], targets=rows[id(data.targets)], **more)
        sequences = self.scale(data.sequences.numpy())
        targets = None if data.targets is data.sequences else self.scale(data.targets.numpy())
        return DataSet(sequences, targets=targets, mask=data.mask, lengths=data.lengths, name=data.name)

    def _scaled_rows(self, part: Any, at: np.ndarray) -> np.ndarray:
        return self.scale(part[at].numpy())

    def scale(self, values: np.ndarray) -> np.ndarray:
        """Return scaled values (…, feature), float32."""
        scaled = (values - self.center) / self.divisor
        if (outliers := np.abs(scaled) > LARGEST).any():
            got = f"{values[outliers][0]:g} before scaling in feature {np.argwhere(outliers)[0, -1]}"
            raise ValueError(f"scaled values must be at most {LARGEST:g} in absolute value, got {got}.")
        return scaled.astype(np.float32)

    def unscale(self, values: np.ndarray) -> np.ndarray:
        """Return scaled values in the units of the data."""
        return values * self.divisor + self.center


def _known_values(data: DataSet | Series, *, whole: bool) -> Iterator[np.ndarray]:
    """Yield all values (n, feature), NaN where one is missing.

    Data beyond memory is yielded in chunks, or with `whole` as evenly spaced sequences.
    """
    rows: Any = [slice(None)]
    if isinstance(data, Series):
        if too_large(data.values.size) and not whole:
            rows = chunks(len(data), (data.n_features,))
        yield from (data.values[at] for at in rows)
        return
    if is_lazy(data):
        row = data.sequences.shape[1:]
        rows = [spread(len(data), row)] if whole else chunks(len(data), row)
    for at in rows:
        known = True if data.mask is None else data.mask[at].numpy()
        yield np.where(known, data.sequences[at].numpy(), np.nan).reshape(-1, data.n_features)


def hold_out(normal: Any, seed: int) -> tuple[Any, ...]:
    """Split normal data into training (60 %), validation (20 %) and calibration part (20 %).

    The model is trained on the first part, history restore selects weights on the second, and the
    threshold is set on the third. Sequences are assigned at random; equal sequences go to the same
    part. A series is cut into three consecutive parts, so that no window lies in two of them; steps that are labelled
    abnormal do not count for the percentages.

    Parameters
    ----------
    normal : DataSet or Series
        Data without anomalies.
    seed : int
        Seed of the random split; not used for a series.

    Returns
    -------
    tuple of three DataSet or three Series
        Training, validation and calibration part.
    """
    if isinstance(normal, Series):
        labelled = normal.labels is not None
        n, what = int((~normal.abnormal).sum()) if labelled else len(normal), "time steps"
    else:
        # equal sequences get the same number
        number = equal_rows(normal.sequences)
        n, what = int(number.max()) + 1, "different sequences"
    if n < 3:
        raise ValueError(f"{normal.name!r} must have at least three {what}, got {n}. Add more data.")
    # no part may be empty
    ends = [0, min(round(TRAINING * n), n - 2), round((TRAINING + VALIDATION) * n), n]
    names = [f"{normal.name}, {part}" for part in ("training", "validation", "calibration")]
    if isinstance(normal, Series):
        if labelled:
            steps = np.flatnonzero(~normal.abnormal)
            ends = np.append(steps, steps[-1] + 1)[ends].tolist()
        return tuple(normal.part(slice(*ends[i : i + 2]), name) for i, name in enumerate(names))
    rank = np.random.default_rng(seed).permutation(n)[number]
    return tuple(normal.subset(np.digitize(rank, ends[1:3]) == i, name) for i, name in enumerate(names))


def three_parts(normal: Any, validation: Any, calibration: Any, seed: int) -> tuple[Any, ...]:
    """Return training, validation and calibration part, of one kind and with the same features."""
    if (validation is None) != (calibration is None):
        raise ValueError("validation and calibration must be given together, got one of them.")
    training = as_normal(normal, "normal")
    if validation is None:
        return hold_out(training, seed)
    form = DataForm.of(training)
    validation = matched(as_normal(validation, "validation"), form, "validation")
    return training, validation, matched(as_normal(calibration, "calibration"), form, "calibration")


def as_normal(x: Any, what: str) -> DataSet | Series:
    """Return `x` as sequences or as a series without anomalies; a warning says what is left out.

    Sequences that are labelled abnormal are removed. Time steps that are labelled abnormal become missing values and
    keep their labels, so that `Windowing` leaves out all windows that contain one.
    """
    data = as_data(x, what)
    if data.labels is None or not (abnormal := data.abnormal).any():
        return data
    unit = "sequences" if isinstance(data, DataSet) else "time steps"
    problem = f"{what} must not contain anomalies, got {abnormal.sum()} of {len(data)} {unit} labelled abnormal"
    problem += f" in {data.name!r}"
    if abnormal.all():
        raise ValueError(f"{problem}. Set the labels of normal {unit} to 0.")
    more = "" if isinstance(data, DataSet) else ", and all windows that contain them,"
    warnings.warn(f"{problem}. These {unit}{more} are left out.", stacklevel=4)
    if isinstance(data, DataSet):
        return data.subset(~abnormal)
    data = copy.copy(data)
    data.values = np.where(abnormal[:, None], np.float32("nan"), data.values)
    return data


def as_data(x: Any, what: str) -> DataSet | Series:
    """Return `x` as a set of sequences or, if it has one dimension, as a series."""
    if isinstance(x, DataSet | Series):
        return x
    one_dimensional = not isinstance(x, Dataset) and as_array(x, what).ndim == 1
    return Series(x, name=what) if one_dimensional else DataSet.of(x, name=what)


def matched(data: Any, fitted: DataForm, what: str) -> Any:
    """Return `data` with its features in the order of `fitted`.

    Raise if kind or features differ; warn if sequence length or sampling rate differ.
    """
    form = DataForm.of(data)
    if form.series != fitted.series or data.n_features != len(fitted.feature_names):
        kind, other = (
            f"a {'Series' if one.series else 'DataSet'} with n_features={len(one.feature_names)}"
            for one in (fitted, form)
        )
        raise ValueError(f"{what} must be {kind}, as in training, got {other}. Set the type: Series(x) or DataSet(x).")
    if isinstance(data, Series):
        data = _by_name(data, fitted, what)
    elif None not in (form.length, fitted.length) and form.length != fitted.length:
        _warn(what, f"sequences of {fitted.length} steps", str(data.length))
    wanted, got = fitted.sampling_rate, data.sampling_rate
    if wanted and got and abs(got / wanted - 1) > RATE_TOLERANCE:
        _warn(what, f"a sampling rate of {wanted:g} Hz", f"{got:g} Hz")
    return data


def _warn(what: str, wanted: str, got: str) -> None:
    warnings.warn(f"{what} must have {wanted}, as in training, got {got}. Resample it.", stacklevel=5)


def _by_name(data: Series, fitted: DataForm, what: str) -> Series:
    """Return `data` with its features in the order of `fitted`; matched by name if both have names."""
    given, wanted = list(data.feature_names), list(fitted.feature_names)
    if given == wanted:
        return data
    data, unnamed = copy.copy(data), list(default_names(data.n_features))
    if unnamed not in (given, wanted):
        if set(given) != set(wanted):
            raise ValueError(f"{what} must have the features {wanted}, got {given}. Set Series(feature_names=…).")
        data.values = data.values[:, [given.index(name) for name in wanted]]
    elif data.n_features > 1:
        msg = f"{what} must have the feature names {wanted}, got {given}; matched by position. Set feature_names=…."
        warnings.warn(msg, stacklevel=5)
    if wanted != unnamed:
        data.feature_names = fitted.feature_names
    return data
