"""`DataSet`: sequences of equal shape with labels, mask and targets, validated on construction."""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

# float32 represents every integer up to 2**24; above, neighbouring integers become equal.
_LARGEST_EXACT_INTEGER = 2**24
# Smallest interquartile range of a feature, in steps of float32.
_FEWEST_STEPS = 16
# Names that pandas gives to the types of column values.
_NUMBERS = ("boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty")
_DATES = ("datetime", "datetime64", "date", "period", "timedelta", "timedelta64")
# Columns with these names are the steps of a sequence.
_DAY_OR_MONTH = re.compile(r"(mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?")


class DataSet:
    """Sequences of the same length, as the input of a trainer; see `padded` for different lengths.

    Parameters
    ----------
    sequences : array, tensor, table or torch Dataset, shape (n, time, feature) or (n, time)
        Finite numbers; (n, time) means one feature. They are copied and converted to float32. If a
        torch Dataset returns pairs, as ``TensorDataset(x, y)`` does, the second element of each pair is used as
        the label if its shape and values are valid for `labels`, otherwise as the target.
    targets : array or tensor, shape (n, time, feature) or (n, time), optional
        Desired output of a model for each sequence. Default: the sequences themselves.
        A denoising trainer uses noisy sequences and clean targets. A forecaster uses the past as sequences and the
        future as targets, which may have other numbers of time steps and features; all values must then be finite.
    mask : array of bool, shape (n, time) or (n, time, feature), optional
        False where a value is missing; missing values are excluded from losses and scores. It also applies to targets
        of the same shape as the sequences. For a missing value,
        the model input is the given value or, if that is NaN, a value interpolated along time. Default: no
        value is missing.
    lengths : array of integers, shape (n,), optional
        Time steps of each sequence before the padding at its end; see `padded`. The padding is excluded from
        losses and scores. NaN in the padding is replaced by the last value of the sequence. Default: no padding.
    labels : array of integers, shape (n,) or (n, time), optional
        Class of each sequence, or of each time step. 0 is normal, a positive integer abnormal.
    name : str, default "data"
        Name of the set in tables, plots and errors.
    sampling_rate : float, optional
        Time steps per second (Hz). Default: unknown.
    class_names : sequence of str, optional
        Name of each label, starting with label 0.

    Raises
    ------
    TypeError
        If an argument is not an array of numbers.
    ValueError
        If a shape or a label is invalid, or a value is NaN, infinite or not representable in float32.

    Examples
    --------
    >>> DataSet([[0.0, 1.0, 0.5], [0.1, 0.9, 0.4]], labels=[0, 1], name="two beats")
    DataSet 'two beats': 2 sequences of 3 steps, 1 feature; 1 normal, 1 abnormal
    >>> DataSet.padded([[0.0, 1.0, 0.5], [0.1, 0.9]], name="different lengths")
    DataSet 'different lengths': 2 sequences of 2 to 3 steps, 1 feature
    """

    def __init__(
        self,
        sequences: Any,
        *,
        targets: Any = None,
        mask: Any = None,
        lengths: Any = None,
        labels: Any = None,
        name: str = "data",
        sampling_rate: float | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.name = str(name)
        what = f"the sequences of {self.name!r}"
        if isinstance(sequences, Dataset):
            sequences, items = _items(sequences, what)
            if targets is None and labels is None:
                targets, labels = items
        array = _three_dimensions(sequences, what)
        self.lengths = None if lengths is None else self._check_lengths(lengths, array)
        self.mask = self._check_mask(mask, array)
        self.sequences = self._as_tensor(array, what)
        self.targets = self.sequences
        if targets is not None:
            what = f"the targets of {self.name!r}"
            wanted = _three_dimensions(targets, what)
            if len(wanted) != len(array):
                raise ValueError(f"{what} must have the shape ({len(array)}, time, feature), got {wanted.shape}.")
            self.targets = self._as_tensor(wanted, what)
        self.class_names = None if class_names is None else as_class_names(class_names, f"class_names of {self.name!r}")
        self.labels = None if labels is None else self._check_labels(labels)
        self.sampling_rate = check_sampling_rate(sampling_rate, self.name)

    @classmethod
    def of(cls, values: Any, name: str = "data") -> DataSet:
        """Return `values` unchanged if they are a data set, otherwise one built from the array."""
        if not isinstance(values, DataSet | Dataset):
            _check_orientation(values, name)
        return values if isinstance(values, DataSet) else cls(values, name=name)

    @classmethod
    def padded(cls, sequences: Sequence[Any], *, length: int | None = None, **more: Any) -> DataSet:
        """Return sequences of different lengths as one data set; shorter ones are padded at their end.

        Parameters
        ----------
        sequences : sequence of arrays, each of shape (time, feature) or (time,)
            Sequences with the same number of features.
        length : int, optional
            Number of time steps after padding, so that two sets have the same length. Default: the
            length of the longest sequence.
        **more
            Further arguments of `DataSet`, except `mask` and `lengths`.
        """
        name = str(more.get("name", "data"))
        if isinstance(sequences, Dataset):
            kind = type(sequences).__name__
            raise TypeError(f"sequences must be a sequence of arrays, got a {kind}. Use [x for x, *_ in dataset].")
        arrays = [as_array(one, f"sequence {i} of {name!r}") for i, one in enumerate(sequences)]
        arrays = [one[:, None] if one.ndim == 1 else one for one in arrays]
        shapes = [one.shape for one in arrays]
        if not arrays or any(len(s) != 2 or 0 in s for s in shapes) or len({s[1] for s in shapes}) > 1:
            raise ValueError(
                f"the sequences of {name!r} must have shape (time, feature) or (time,) with at least one time step and "
                f"the same number of features, got {len(arrays)} with shapes {sorted(set(shapes))[:5]}."
            )
        longest = max(map(len, arrays))
        length = longest if length is None else check_integer(length, "length", longest)
        filled = np.zeros((len(arrays), length, shapes[0][1]))
        for row, one in zip(filled, arrays, strict=True):
            row[: len(one)], row[len(one) :] = one, one[-1]
        return cls(filled, lengths=list(map(len, arrays)), **more)

    @property
    def length(self) -> int:
        """Number of time steps in each sequence, including padding."""
        return self.sequences.shape[1]

    @property
    def n_features(self) -> int:
        """Number of values at each time step."""
        return self.sequences.shape[2]

    @property
    def abnormal(self) -> np.ndarray:
        """Whether each sequence is abnormal (has a label other than 0), shape (n,), bool."""
        if self.labels is None:
            raise ValueError(f"{self.name!r} must have labels, got None. Set DataSet(…, labels=…).")
        return (self.labels != 0).reshape(len(self), -1).any(1)

    @property
    def sequence_classes(self) -> list[str]:
        """The class name of each sequence; empty without class names, or without one label per sequence."""
        if self.labels is None or self.labels.ndim != 1 or not self.class_names:
            return []
        return [self.class_names[label] for label in self.labels]

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, index: Any) -> DataSet:
        """Return the selected sequences (slice, positions or mask) as a new data set."""
        return self.subset(index)

    def subset(self, index: Any, name: str | None = None) -> DataSet:
        """Return the selected sequences (slice, positions or mask) as a new data set with another name."""
        chosen = np.atleast_1d(np.arange(len(self))[index])
        return DataSet(
            self.sequences[chosen],
            targets=None if self.targets is self.sequences else self.targets[chosen],
            mask=None if self.mask is None else self.mask[chosen],
            lengths=None if self.lengths is None else self.lengths[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            name=name or self.name,
            sampling_rate=self.sampling_rate,
            class_names=self.class_names,
        )

    def __repr__(self) -> str:
        features = f"{self.n_features} feature{'s' * (self.n_features > 1)}"
        steps = str(self.length) if self.lengths is None else f"{self.lengths.min()} to {self.lengths.max()}"
        text = f"DataSet {self.name!r}: {len(self)} sequences of {steps} steps, {features}"
        if self.labels is not None:
            abnormal = int(self.abnormal.sum())
            text += f"; {len(self) - abnormal} normal" + f", {abnormal} abnormal" * (abnormal > 0)
        return text

    def _check_lengths(self, lengths: Any, array: np.ndarray) -> torch.Tensor:
        given = as_array(lengths, f"the lengths of {self.name!r}")
        n, time = array.shape[:2]
        if given.shape != (n,) or given.dtype.kind not in "iu" or not np.all((given >= 1) & (given <= time)):
            raise ValueError(
                f"the lengths of {self.name!r} must be integers from 1 to {time}, one for each of the {n} sequences, "
                f"got {given.dtype} of shape {given.shape}, such as {given.reshape(-1)[:3].tolist()}."
            )
        return torch.from_numpy(given.astype(np.int64))

    def _check_mask(self, mask: Any, array: np.ndarray) -> torch.Tensor | None:
        """Return the mask (n, time, feature), False at missing values and padding; None if there are none."""
        counts = np.ones(array.shape, dtype=bool)
        if mask is not None:
            given = as_array(mask, f"the mask of {self.name!r}")
            if given.dtype.kind != "b" or given.shape not in (array.shape, array.shape[:2]):
                raise ValueError(
                    f"the mask of {self.name!r} must be a bool array of shape {array.shape[:2]} or {array.shape}, "
                    f"got {given.dtype} of shape {given.shape}."
                )
            counts &= given if given.ndim == 3 else given[..., None]
        if self.lengths is not None:
            counts &= (np.arange(array.shape[1]) < self.lengths.numpy()[:, None])[..., None]
        empty = np.flatnonzero(~counts.any((1, 2)))
        if len(empty):
            raise ValueError(f"sequence {empty[0]} of {self.name!r} must have unmasked values, got 0. Remove it.")
        return None if counts.all() else torch.from_numpy(counts)

    def _check_labels(self, labels: Any) -> np.ndarray:
        what = f"the labels of {self.name!r}"
        n, time = self.sequences.shape[:2]
        array = as_array(labels, what)
        if array.shape not in ((n,), (n, time)):
            raise ValueError(f"{what} must have shape ({n},) or ({n}, {time}), got {array.shape}.")
        array = check_labels(array, what)
        if self.class_names is not None and array.max() >= len(self.class_names):
            limit = f"{len(self.class_names)}, the number of class_names"
            raise ValueError(f"{what} must be below {limit}, got {array.max()}.")
        return array

    def _as_tensor(self, array: np.ndarray, what: str) -> torch.Tensor:
        """Return a finite float32 copy of `array` (n, time, feature), filled where a mask of its shape is False."""
        with np.errstate(over="ignore"):
            single = array.astype(np.float32)
        counts = True if self.mask is None or self.mask.shape != array.shape else self.mask.numpy()
        if counts is not True:
            _fill(single, counts | np.isfinite(single))
        bad = ~np.isfinite(single)
        if array.dtype.kind in "iu":
            bad |= (array > _LARGEST_EXACT_INTEGER) | (array < -_LARGEST_EXACT_INTEGER)
        check_float32(array, bad, what, counts)
        return torch.from_numpy(single)


def are_labels(array: np.ndarray) -> bool:
    """Return whether all values are integers from 0 to 2147483647, of any dtype."""
    if array.dtype.kind == "f":
        array = array.astype(np.float64)  # float16 cannot represent the limit
    integers = array.dtype.kind in "biu" or (array.dtype.kind == "f" and bool(np.all(array == np.trunc(array))))
    return integers and bool(np.all((array >= 0) & (array < 2**31)))


def check_labels(array: np.ndarray, what: str) -> np.ndarray:
    """Return labels as int64; raise at the first value that is not a label."""
    if are_labels(array):
        return array.astype(np.int64)
    bad = next(value for value in array.reshape(-1) if not are_labels(np.asarray(value)))
    raise ValueError(f"{what} must be integers from 0 (normal) to 2147483647, got {bad.item()!r}.")


def as_class_names(names: Any, what: str) -> tuple[str, ...]:
    """Return `names` as a tuple of strings, or raise."""
    is_sequence = names.ndim == 1 if isinstance(names, np.ndarray) else isinstance(names, Sequence)
    if not is_sequence or isinstance(names, str):
        raise TypeError(f'{what} must be a sequence of strings, such as ("normal", "abnormal"), got {names!r}.')
    return tuple(map(str, names))


def check_sampling_rate(rate: Any, name: str) -> float | None:
    """Return `rate`; raise if it is neither None nor a positive number."""
    if rate is not None and not (is_real_number(rate) and 0 < rate < math.inf):
        raise ValueError(f"sampling_rate of {name!r} must be a number above 0 Hz, got {rate!r}.")
    return rate


def is_real_number(value: Any) -> bool:
    """Return whether `value` is a real number of Python or NumPy, but not a bool."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def check_integer(value: Any, name: str, least: int) -> int:
    """Return `value` as an int; raise if it is not an integer of at least `least`."""
    if not is_real_number(value) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")
    return int(value)


def as_pandas(values: Any) -> Any:
    """Return a table of polars, pyarrow or another library as a pandas object, and anything else unchanged."""
    if type(values).__name__ == "LazyFrame":
        raise TypeError("the data must be a table with values, got a LazyFrame of polars. Use frame.collect().")
    return values.to_pandas() if hasattr(values, "to_pandas") and hasattr(values, "__arrow_c_stream__") else values


def as_array(values: Any, what: str) -> np.ndarray:
    """Return `values` as an array of real numbers or bools, or raise an error that names `what`."""
    if np.ma.is_masked(values):
        raise ValueError(f"{what} must have no masked values, got {np.ma.count_masked(values)}. Remove or fill them.")
    is_own_class = hasattr(values, "sampling_rate") and not hasattr(values, "__array__")
    if is_own_class or isinstance(values, DataLoader | Dataset):
        remedy = "Pass a DataSet to a trainer, and a DataSet or a Series to an AnomalyDetector."
        if not is_own_class:
            remedy = f"Use DataSet({'loader.dataset' if isinstance(values, DataLoader) else 'dataset'})."
        raise TypeError(f"{what} must be an array of numbers, got a {type(values).__name__}. {remedy}")
    if isinstance(values := as_pandas(values), pd.DataFrame | pd.Series):
        values = _from_pandas(values, what)
    try:
        if isinstance(values, list | tuple):
            values = [_as_numpy(value) for value in values]
        array = np.asarray(_as_numpy(values))
    except (TypeError, ValueError, RuntimeError) as error:
        ragged = " If the lengths differ, use DataSet.padded(sequences)." * ("inhomogeneous" in str(error))
        kind = type(values).__name__
        raise TypeError(f"{what} must be an array of numbers, got {kind}: {error}.{ragged}") from error
    if array.dtype.kind not in "biuf":
        padded = " If the lengths differ, use DataSet.padded(sequences)." * (array.dtype.kind == "O")
        raise TypeError(f"{what} must be real numbers, got dtype {array.dtype}. Use .astype(float).{padded}")
    return array


def check_float32(array: np.ndarray, bad: np.ndarray, what: str, counts: Any = True) -> None:
    """Raise at the first `bad` value, or if the values of a feature need a higher precision than float32.

    The precision is too low if the interquartile range of the values in `counts` spans fewer than 16 steps of
    float32. All arrays have shape (…, time, feature).
    """
    if bad.any():
        place = np.argwhere(bad)[0].tolist()
        axes = ("sequence", "time step", "feature")[-array.ndim :]
        where = ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=True))
        raise ValueError(
            f"{what} must be finite and representable in float32, got {array[tuple(place)]} in {where} "
            f"({int(bad.sum())} such values). Remove, replace or scale them."
        )
    if array.dtype.kind == "f" and array.dtype.itemsize <= 4:
        return  # nothing was rounded
    counts = counts & np.isfinite(array)
    for f in range(array.shape[-1]):
        exact = array[..., f][counts[..., f]].astype(np.float64)
        if not len(exact):
            continue
        low, high = np.quantile(exact, [0.25, 0.75])
        if low == high:  # use the full range
            low, high = exact.min(), exact.max()
        size = max(abs(low), abs(high))
        # differences below 1e-13 of the size are rounding errors of float64
        if not 1e-13 * size < high - low < _FEWEST_STEPS * np.spacing(np.float32(size)):
            continue
        if len(np.unique(exact.astype(np.float32))) < len(np.unique(exact)):
            raise ValueError(
                f"{what} must differ by more than the precision of float32, got values from {exact.min():.10g} to "
                f"{exact.max():.10g} in feature {f}. Subtract an offset and scale them, as in (x - x.mean()) / x.std()."
            )


def _as_numpy(value: Any) -> Any:
    """Return a tensor as an array, anything else unchanged."""
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach().cpu().resolve_conj()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()  # NumPy has no bfloat16


def _from_pandas(table: pd.DataFrame | pd.Series, what: str) -> np.ndarray:
    """Return the numbers of a table, NaN for missing values; raise at the first column of another type."""
    columns = [table] if isinstance(table, pd.Series) else [table.iloc[:, i] for i in range(table.shape[1])]
    for column in columns:
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind in _NUMBERS:
            continue
        name, first = column.name, next(iter(column.dropna()), None)
        where, remedy = f" in column {name!r}", f"Use frame.drop(columns={name!r}) or pd.to_numeric."
        if isinstance(table, pd.Series):
            where, remedy = "", "Convert them with pd.to_numeric."
        elif kind in _DATES or (kind == "string" and _is_date(str(first))):
            remedy = f"Use times as the index: frame.index = pd.to_datetime(frame.pop({name!r}))."
        raise TypeError(f"{what} must be real numbers, got {kind} values such as {first!r}{where}. {remedy}")
    array = np.asarray(table)
    return array if array.dtype.kind in "biuf" else table.to_numpy(dtype=np.float64, na_value=np.nan)


def _is_date(text: str) -> bool:
    with contextlib.suppress(ValueError):
        float(text)
        return False
    with contextlib.suppress(ValueError), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about an ambiguous order of day and month
        return not pd.isna(pd.Timestamp(text))
    return False


def _items(dataset: Dataset, what: str) -> tuple[np.ndarray, tuple[Any, Any]]:
    """Return the sequences of a torch Dataset, and (targets, labels) from the second part of each item."""
    if not hasattr(dataset, "__len__"):
        raise TypeError(f"{what} must have a length, got a {type(dataset).__name__}. Use DataSet(list(dataset)).")
    pairs = [dataset[i] for i in range(len(dataset))]
    pairs = [pair if isinstance(pair, tuple | list) else (pair,) for pair in pairs]
    x = as_array([pair[0] for pair in pairs], what)
    if {len(pair) for pair in pairs} == {1}:
        return x, (None, None)
    if {len(pair) for pair in pairs} == {2}:
        y = as_array([pair[1] for pair in pairs], f"the labels or targets for {what}")
        if y.shape in (x.shape[:1], x.shape[:2]) and are_labels(y) and not (y.shape == x.shape and are_labels(x)):
            return x, (None, y)
        if y.shape == x.shape:
            return x, (y, None)
    raise TypeError(
        "each item of a torch Dataset must be a sequence or a pair (sequence, label) or (sequence, target), got shapes "
        f"{[tuple(np.shape(part)) for part in pairs[0]]} for {what}. Use DataSet(x, labels=y) or DataSet(x, targets=y)."
    )


def _check_orientation(values: Any, name: str) -> None:
    """Raise if a table or 2-D array is a recording (time, feature); warn if it may be one."""
    array = as_array(values, f"the sequences of {name!r}")
    if array.ndim != 2 or 0 in array.shape:
        return
    rows, columns = array.shape
    timed = named = False
    if isinstance(values := as_pandas(values), pd.DataFrame):
        timed = isinstance(values.index, pd.DatetimeIndex | pd.TimedeltaIndex | pd.PeriodIndex)
        # "t-1", "11pm" and "Mon" are names of time steps; "load" and "temp" are names of features
        words = {name for name in map(str, values.columns) if not re.search(r"\d", name)}
        named = len(words) > columns / 2 and not all(_DAY_OR_MONTH.fullmatch(word.lower()) for word in words)
    tall = rows >= max(100, 20 * columns)
    certain = named or columns == 1 or (tall and columns < 5)
    if not (certain or timed or (tall and _looks_like_recording(array))):
        return
    msg = (
        f"{name} must have one sequence per row, got shape {array.shape}, which looks like a recording (time, feature)."
        f" For one recording of {columns} feature{'s' * (columns > 1)}, pass Series(x) to an AnomalyDetector; "
        f"for {rows} sequence{'s' * (rows > 1)} of {columns} step{'s' * (columns > 1)}, pass DataSet(x)."
    )
    if certain:
        raise ValueError(msg)
    warnings.warn(msg, stacklevel=4)


def _looks_like_recording(array: np.ndarray) -> bool:
    """Return whether the columns, minus the mean of each row, are smooth and the rows are not."""
    array = array[:10_000].astype(np.float64)
    with np.errstate(all="ignore"):
        centred = (array - array.mean(1, keepdims=True)) / array.std()
    # round, because equal sequences differ by rounding errors of float64
    return _roughness(centred.round(6)) < 0.3 and _roughness(array.T) > 0.4


def _roughness(curves: np.ndarray) -> float:
    """Return the median over columns of the mean squared step / (2 · variance): 1 for noise, 0 if smooth."""
    curves = curves - curves[0]  # otherwise rounding gives a constant a variance
    with np.errstate(all="ignore"):
        ratios = np.square(np.diff(curves, axis=0)).mean(0) / (2 * curves.var(0))
    ratios = ratios[np.isfinite(ratios)]
    return float(np.median(ratios)) if len(ratios) else math.nan


def _fill(sequences: np.ndarray, known: np.ndarray) -> None:
    """Interpolate unknown values along time, in place.

    Unknown values before the first (or after the last) known value are set to that value. Without any known value,
    the feature of a sequence is set to 0. Both arrays have shape (n, time, feature).
    """
    steps = np.arange(sequences.shape[1])
    for i, f in np.argwhere(~known.all(1)):
        given = known[i, :, f]
        values = sequences[i, :, f]
        values[~given] = np.interp(steps[~given], steps[given], values[given]) if given.any() else 0


def _three_dimensions(values: Any, what: str) -> np.ndarray:
    """Return `values` as an array of numbers (n, time, feature), or raise an error that names `what`."""
    array = as_array(values, what)
    if array.dtype.kind == "b":
        raise TypeError(f"{what} must be numbers, got bools. To use them as 0 and 1, convert with .astype('float32').")
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f"{what} must have shape (n, time, feature) or (n, time), not empty, got {array.shape}.")
    return array[..., None] if array.ndim == 2 else array
