"""`DataSet`: sequences of equal shape with labels, mask and targets, validated on construction."""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from data.lazy import LazyTensor, Rows, chunks, is_lazy, mapped_file, spread, too_large

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
        the label if its shape and values are valid for `labels`, otherwise as the target. A memory-mapped array
        or a torch Dataset of more than 256 MB as float32 is not copied; see the notes.
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

    Notes
    -----
    Data beyond memory (a memory-mapped array, a torch Dataset, or `Series.windows`, above 256 MB) is read from start to
    end once, in chunks, to check it as other data; only the precision of float64 is checked on evenly spaced sequences.
    A torch Dataset of pairs (values of one feature, labels of the steps) is read twice.
    `sequences`, `targets` and `mask` are then a `data.lazy.LazyTensor`: rows are read, converted and filled when they
    are indexed, as in ``data.sequences[:100]``. A part of the data set is not checked again. The data must not change.
    Labels and lengths are kept in memory.

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
        what, of_targets = f"the sequences of {self.name!r}", f"the targets of {self.name!r}"
        if isinstance(sequences, Dataset):
            sequences, *second = _items(sequences, what)
            targets, labels = second if targets is None and labels is None else (targets, labels)
        array = _three_dimensions(sequences, what)
        self.lengths = None if lengths is None else self._check_lengths(lengths, array)
        self.mask: Any = self._check_mask(mask, array)
        parts = {what: array}
        if targets is not None:
            wanted = parts[of_targets] = _three_dimensions(targets, of_targets)
            if len(wanted) != len(array):
                raise ValueError(f"{of_targets} must have the shape ({len(array)}, time, feature), got {wanted.shape}.")
            if isinstance(array, LazyTensor) and not isinstance(wanted, LazyTensor):
                parts[of_targets] = LazyTensor(Rows(wanted), wanted.shape)
        labels = self._check_lazy(parts, labels)
        tensors: list[Any] = [self._as_tensor(part, of) for of, part in parts.items()]
        self.sequences, self.targets = tensors[0], tensors[-1]
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

    @classmethod
    def of_checked(cls, sequences: LazyTensor, *, name: str = "data", **attributes: Any) -> DataSet:
        """Return a data set of sequences that are not checked again; `attributes` are set as they are."""
        data = cls.__new__(cls)
        data.name, data.sequences, data.targets = name, sequences, sequences
        data.mask = data.lengths = data.labels = data.sampling_rate = data.class_names = None
        vars(data).update(attributes)
        return data

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
        row = max(self.sequences.shape[1:].numel(), self.targets.shape[1:].numel())
        large = is_lazy(self) and too_large(len(chosen) * row)
        more: dict[str, Any] = {part: getattr(self, part) for part in ("sampling_rate", "class_names")}
        more["name"] = name or self.name
        for part in ("sequences", "mask", "lengths", "labels", *["targets"] * (self.targets is not self.sequences)):
            rows = getattr(self, part)
            if rows is not None:
                more[part] = rows.take(chosen) if large and isinstance(rows, LazyTensor) else rows[chosen]
        return DataSet.of_checked(**more) if large else DataSet(**more)

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

    def _check_mask(self, mask: Any, array: Any) -> Any:
        """Return the mask (n, time, feature), False at missing values and padding; None if there are none."""
        given = None
        if mask is not None:
            given = as_array(mask, f"the mask of {self.name!r}")
            if given.dtype.kind != "b" or given.shape not in (array.shape, array.shape[:2]):
                raise ValueError(
                    f"the mask of {self.name!r} must be a bool array of shape {array.shape[:2]} or {array.shape}, "
                    f"got {given.dtype} of shape {given.shape}."
                )
        lengths = None if self.lengths is None else self.lengths.numpy()
        read = partial(_counts, given if given is None else Rows(given), lengths, array.shape)
        if isinstance(array, LazyTensor):
            # whether a value is masked is checked together with the sequences
            return None if given is None and lengths is None else LazyTensor(read, array.shape, torch.bool)
        counts = read(np.arange(len(array)))
        self._check_unmasked(counts)
        return None if counts.all() else torch.from_numpy(counts)

    def _check_unmasked(self, counts: np.ndarray, first: int = 0) -> None:
        empty = np.flatnonzero(~counts.any((1, 2)))
        if len(empty):
            place = f"sequence {first + empty[0]} of {self.name!r}"
            raise ValueError(f"{place} must have unmasked values, got 0. Remove it.")

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

    def _check_lazy(self, parts: dict[str, Any], labels: Any) -> Any:
        """Read values beyond memory once, to check them, and return the labels, which may be lazy too."""
        lazy = {what: part for what, part in parts.items() if isinstance(part, LazyTensor)}
        if not lazy:
            return labels
        checks = [_RowCheck(part, self._mask_of(part), what) for what, part in lazy.items()]
        read, masked = [], False
        row = max((part.shape[1:] for part in lazy.values()), key=math.prod)
        for at in chunks(len(checks[0].raw), row):
            if isinstance(self.mask, LazyTensor):
                counts = self.mask[at].numpy()
                self._check_unmasked(counts, at[0])
                masked |= not counts.all()
            for check in checks:
                check.add(at)
            if isinstance(labels, LazyTensor):
                read.append(labels.read(at))
        for check in checks:
            check.finish()
        if isinstance(self.mask, LazyTensor) and not masked:
            self.mask = None
        return np.concatenate(read) if read else labels

    def _mask_of(self, array: Any) -> Any:
        return None if self.mask is None or self.mask.shape != array.shape else self.mask

    def _as_tensor(self, array: Any, what: str) -> torch.Tensor | LazyTensor:
        """Return a finite float32 copy of `array` (n, time, feature), filled where a mask of its shape is False."""
        mask = self._mask_of(array)
        if isinstance(array, LazyTensor):
            return array if mask is None else LazyTensor(partial(_filled, array.read, mask), array.shape)
        counts = True if mask is None else mask.numpy()
        single, bad = _as_float32(array, counts)
        check_float32(array, bad, what, counts)
        return torch.from_numpy(single)


class _RowCheck:
    """Check of values beyond memory, in chunks, as in memory; only the precision is checked on evenly spaced rows."""

    def __init__(self, raw: LazyTensor, mask: Any, what: str) -> None:
        self.raw, self.mask, self.what = raw, mask, what
        self.n_bad, self.first = 0, ""
        self.rows = spread(len(raw), raw.shape[1:])
        self.spread: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, at: np.ndarray) -> None:
        """Check a chunk of neighbouring rows."""
        array, counts = np.asarray(self.raw.read(at)), True if self.mask is None else self.mask[at].numpy()
        bad = _as_float32(array, counts)[1]
        if bad.any() and not self.n_bad:
            i, step, feature = np.argwhere(bad)[0].tolist()
            self.first = f"{array[i, step, feature]} in {_place([at[0] + i, step, feature])}"
        self.n_bad += int(bad.sum())
        rows = self.rows[slice(*np.searchsorted(self.rows, [at[0], at[-1] + 1]))] - at[0]
        self.spread.append((array[rows], np.broadcast_to(counts, array.shape)[rows]))

    def finish(self) -> None:
        """Raise if a value of any chunk is bad, or if the values need a higher precision than float32."""
        if self.n_bad:
            raise _bad_value(self.what, self.first, self.n_bad)
        array, counts = map(np.concatenate, zip(*self.spread, strict=True))
        check_float32(array, np.zeros(1, dtype=bool), self.what, counts)


def _as_float32(array: np.ndarray, counts: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a float32 copy, filled where `counts` is False, and whether each value is not finite or not exact."""
    with np.errstate(over="ignore"):
        single = array.astype(np.float32)
    if counts is not True:
        _fill(single, counts | np.isfinite(single))
    bad = ~np.isfinite(single)
    if array.dtype.kind in "iu":
        bad |= (array > _LARGEST_EXACT_INTEGER) | (array < -_LARGEST_EXACT_INTEGER)
    return single, bad


def _filled(read: Any, mask: Any, at: np.ndarray) -> np.ndarray:
    return _as_float32(np.asarray(read(at)), mask[at].numpy())[0]


def _counts(given: Any, lengths: Any, shape: Sequence[int], at: np.ndarray) -> np.ndarray:
    """Return the rows of a mask (n, time, feature) from the given mask and the lengths."""
    counts = np.ones((len(at), *shape[1:]), dtype=bool)
    if given is not None:
        rows = given(at)
        counts &= rows if rows.ndim == 3 else rows[..., None]
    if lengths is not None:
        counts &= (np.arange(shape[1]) < lengths[at][:, None])[..., None]
    return counts


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
        raise _bad_value(what, f"{array[tuple(place)]} in {_place(place)}", int(bad.sum()))
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


def _place(place: Sequence[int]) -> str:
    axes = ("sequence", "time step", "feature")[-len(place) :]
    return ", ".join(f"{axis} {i}" for axis, i in zip(axes, place, strict=True))


def _bad_value(what: str, first: str, n: int) -> ValueError:
    wanted = "must be finite and representable in float32"
    return ValueError(f"{what} {wanted}, got {first} ({n} such values). Remove, replace or scale them.")


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


def _items(dataset: Dataset, what: str) -> Sequence[Any]:
    """Return sequences, targets and labels of a torch Dataset, None if it has none; each lazy if beyond memory."""
    if not hasattr(dataset, "__len__"):
        raise TypeError(f"{what} must have a length, got a {type(dataset).__name__}. Use DataSet(list(dataset)).")
    indexed: Any = dataset
    n = len(indexed)
    if not n:
        return (), None, None
    first = _as_pair(indexed[0])
    large = too_large(n * max(map(_n_values, first)))
    if len(first) > 2:
        raise _bad_items(first, what)
    # in memory, each item is read only once, because it may be random
    items = _Items(indexed if large else [first, *(indexed[i] for i in range(1, n))], first, what)
    row = _three_dimensions(np.broadcast_to(as_array([first[0]], what), (n, *items.shapes[0])), what).shape[1:]
    x, targets, labels = LazyTensor(partial(items.rows, 0, row), (n, *row)), None, None
    if len(first) == 2:
        one, other = items.shapes
        y = LazyTensor(partial(items.rows, 1, other), (n, *other))
        # if labels per step have the shape of the sequences, the values decide
        if other in ((), one[:1]) and not (other == one and (_all_labels(x) or not _all_labels(y))):
            labels = LazyTensor(items.labels, y.shape)
        elif other == one:
            targets = LazyTensor(partial(items.rows, 1, row), x.shape)
        else:
            raise _bad_items(first, what)
    parts = (x, targets, labels)
    return parts if large else [None if part is None else part.read(np.arange(n)) for part in parts]


def _as_pair(item: Any) -> Sequence[Any]:
    return item if isinstance(item, tuple | list) else (item,)


def _n_values(part: Any) -> int:
    with contextlib.suppress(ValueError):
        return math.prod(np.shape(part))
    return 0


def _bad_items(item: Sequence[Any], what: str) -> TypeError:
    return TypeError(
        "each item of a torch Dataset must be a sequence or a pair (sequence, label) or (sequence, target), got shapes "
        f"{[tuple(np.shape(part)) for part in item]} for {what}. Use DataSet(x, labels=y) or DataSet(x, targets=y)."
    )


def _all_labels(part: LazyTensor) -> bool:
    """Return whether all values are labels; it stops at the first chunk with another value."""
    return all(are_labels(part.read(at)) for at in chunks(len(part), part.shape[1:]))


class _Items:
    """Rows of the items of a torch Dataset; the last ones are kept, because both parts of an item are read in turn."""

    def __init__(self, dataset: Any, first: Sequence[Any], what: str) -> None:
        self.dataset, self.names = dataset, (what, f"the labels or targets for {what}")[: len(first)]
        self.shapes = [as_array([part], name).shape[1:] for part, name in zip(first, self.names, strict=True)]
        self.last: tuple[Any, list[Sequence[Any]]] = (None, [])

    def rows(self, part: int, row: Sequence[int], at: np.ndarray) -> np.ndarray:
        """Return a part of the items at some positions, (k, *row)."""
        key, items = self.last
        if key != at.tobytes():
            items = [_as_pair(self.dataset[i]) for i in at.tolist()]
            self.last = at.tobytes(), items
        if bad := [item for item in items if len(item) != len(self.shapes)]:
            raise _bad_items(bad[0], self.names[0])
        array = as_array([item[part] for item in items], self.names[part])
        if array.shape[1:] != self.shapes[part]:
            got = f"{self.shapes[part]} and {array.shape[1:]}"
            raise TypeError(f"{self.names[0]} must have items of one shape, got {got}. Use DataSet.padded(sequences).")
        return array.reshape(len(items), *row)

    def labels(self, at: np.ndarray) -> np.ndarray:
        """Return the labels of the items at some positions."""
        labels = self.rows(1, self.shapes[1], at)
        if not are_labels(labels):
            raise _bad_items(self.last[1][0], self.names[0])
        return labels.astype(np.int32)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "last": (None, [])}


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


def _three_dimensions(values: Any, what: str) -> Any:
    """Return `values` as an array of numbers (n, time, feature), or raise an error that names `what`.

    A `LazyTensor` is returned for values beyond memory.
    """
    if isinstance(values, LazyTensor) and values.ndim == 3 and 0 not in values.shape:
        return values
    array = as_array(values, what)
    if array.dtype.kind == "b":
        raise TypeError(f"{what} must be numbers, got bools. To use them as 0 and 1, convert with .astype('float32').")
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(f"{what} must have shape (n, time, feature) or (n, time), not empty, got {array.shape}.")
    array = array[..., None] if array.ndim == 2 else array
    in_file = too_large(array.size) and mapped_file(array) is not None
    return LazyTensor(Rows(array), array.shape) if in_file else array
