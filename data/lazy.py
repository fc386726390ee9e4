"""`LazyTensor`: values beyond memory, read and converted when their rows are indexed."""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Largest data that is copied into memory, in bytes as float32.
LARGEST_IN_MEMORY = 2**28
# Values that are read at once when all data is read: 16 MB as float32.
CHUNK = 2**22
_DTYPES = {torch.float32: np.float32, torch.bool: np.bool_}


class LazyTensor:
    """Rows that are read when they are indexed; the place of a tensor that does not fit into memory.

    `x[rows]` with an integer, a slice, positions or a mask returns a new tensor on the device. A model or a function
    of PyTorch accepts such rows, but not the whole object.

    Parameters
    ----------
    read : callable
        Returns the rows at the positions (k,), an array of integers, as an array (k, …) of numbers, which is copied.
        It must return the same values each time.
    shape : sequence of int
        Number of rows, and shape of a row.
    dtype : torch.dtype, default torch.float32
        Of the tensors; also torch.bool.
    device : str or torch.device, default "cpu"
        Of the tensors.
    """

    def __init__(
        self,
        read: Callable[[np.ndarray], Any],
        shape: Sequence[int],
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
    ) -> None:
        self.read, self.shape, self.dtype, self.device = read, torch.Size(shape), dtype, torch.device(device)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def numel(self) -> int:
        """Return the number of values."""
        return self.shape.numel()

    def to(self, device: str | torch.device) -> LazyTensor:
        """Return the same rows, as tensors on another device."""
        device = torch.device(device)
        return self if device == self.device else LazyTensor(self.read, self.shape, self.dtype, device)

    def take(self, positions: np.ndarray) -> LazyTensor:
        """Return some rows, not read yet."""
        shape = (len(positions), *self.shape[1:])
        return LazyTensor(partial(_taken, self.read, positions), shape, self.dtype, self.device)

    def __getitem__(self, index: Any) -> Tensor:
        first, *others = index if isinstance(index, tuple) else (index,)
        if first is Ellipsis or first is None:
            raise self._whole(TypeError, "[..., ]")
        positions = self._positions(first)
        rows = np.asarray(self.read(np.atleast_1d(positions)))
        if rows.shape != (wanted := (positions.size, *self.shape[1:])):
            raise ValueError(f"read must return rows of shape {wanted}, got {rows.shape}.")
        # a copy, so that a change of the tensor does not reach the file
        tensor = torch.from_numpy(np.array(rows, dtype=_DTYPES[self.dtype], order="C")).to(self.device)
        if not positions.ndim:
            return tensor[(0, *others)]
        # positions are paired with other positions, as in a tensor
        paired = others and not isinstance(first, slice)
        return tensor[(torch.arange(len(rows)) if paired else slice(None), *others)]

    def _positions(self, index: Any) -> np.ndarray:
        n = len(self)
        if isinstance(index, slice):
            return np.arange(*index.indices(n))
        array = np.asarray(index.cpu() if isinstance(index, Tensor) else index)
        if array.dtype.kind == "b" and array.shape == (n,):
            return np.flatnonzero(array)
        if (array.size and array.dtype.kind not in "iu") or array.ndim > 1:
            kind = f"{array.dtype} of shape {array.shape}"
            raise TypeError(f"rows must be a slice, positions or a mask of shape ({n},), got {kind}.")
        if array.size and not -n <= array.min() <= array.max() < n:
            raise IndexError(f"positions must be from {-n} to {n - 1}, got {array.min()} to {array.max()}.")
        array = array.astype(np.int64)
        return np.where(array < 0, array + n, array)

    def __repr__(self) -> str:
        return f"LazyTensor(shape={tuple(self.shape)}, dtype={self.dtype})"

    def __deepcopy__(self, memo: Any) -> LazyTensor:
        # it never changes
        return self

    # ------------------------------------------------------------------ not for the whole object

    @staticmethod
    def _whole(kind: type[Exception], what: str) -> Exception:
        remedy = "To load them whole, if memory is sufficient, use DataSet(np.array(x))."
        return kind(f"data beyond memory must be indexed, as in x[:100], got {what} of all values. {remedy}")

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # not a TypeError, which Python's operators would replace
        raise cls._whole(ValueError, getattr(function, "__name__", "a function"))

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        raise self._whole(TypeError, "an array")

    def __getattr__(self, name: str) -> Any:
        raise self._whole(AttributeError, name)


class Rows:
    """The `read` of a `LazyTensor` for an array; if that is in a file, it is pickled as the name of the file."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Return some rows; neighbouring ones are a view, which is faster."""
        if len(positions) > 1 and (np.diff(positions) == 1).all():
            return self.array[positions[0] : positions[-1] + 1]
        return self.array[positions]

    def __reduce__(self) -> Any:
        owner, array = mapped_file(self.array), self.array
        # changes of a copy-on-write map are not in its file
        if getattr(owner, "filename", None) is None or owner.mode == "c":
            return Rows, (array,)
        start = array.ctypes.data - owner.ctypes.data + owner.offset
        return _opened, (str(owner.filename), start, array.dtype, array.shape, array.strides)


def _opened(filename: str, start: int, dtype: np.dtype, shape: tuple[int, ...], strides: tuple[int, ...]) -> Rows:
    buffer: Any = np.memmap(filename, np.uint8, "r")
    return Rows(np.ndarray(shape, dtype, buffer, start, strides))


def _taken(read: Callable[[np.ndarray], Any], chosen: np.ndarray, positions: np.ndarray) -> Any:
    return read(chosen[positions])


def mapped_file(array: Any) -> Any:
    """Return the `np.memmap` that an array is, or is a view of; None if there is none."""
    while array is not None and not isinstance(getattr(array, "base", None), mmap.mmap):
        array = getattr(array, "base", None)
    return array


def equal_rows(part: Any) -> np.ndarray:
    """Return a number for each row of a tensor, lazy or not: equal rows have the same number."""
    if not isinstance(part, LazyTensor):
        return np.unique(part.reshape(len(part), -1).numpy(), axis=0, return_inverse=True)[1].reshape(-1)
    keys = np.empty(len(part), np.uint64)
    for at in chunks(len(part), part.shape[1:]):
        # + 0, because -0 equals 0
        rows = (part[at] + 0).numpy()
        keys[at] = [int.from_bytes(blake2b(row.tobytes(), digest_size=8).digest(), "little") for row in rows]
    return np.unique(keys, return_inverse=True)[1]


def is_lazy(data: Any) -> bool:
    """Return whether sequences or targets of a `DataSet` are read when they are used."""
    return isinstance(data.sequences, LazyTensor) or isinstance(data.targets, LazyTensor)


def too_large(values: int) -> bool:
    """Return whether this number of values is not copied into memory."""
    return 4 * values > LARGEST_IN_MEMORY


def rows_in_chunk(row: Sequence[int]) -> int:
    """Return how many rows with this shape are read at once; so many fit into memory."""
    return max(1, min(CHUNK, LARGEST_IN_MEMORY // 4) // math.prod(row))


def chunks(n: int, row: Sequence[int]) -> Iterator[np.ndarray]:
    """Yield the positions of n rows with this shape, in chunks that fit into memory."""
    size = rows_in_chunk(row)
    for start in range(0, n, size):
        yield np.arange(start, min(start + size, n))


def spread(n: int, row: Sequence[int]) -> np.ndarray:
    """Return the positions of at most n rows with this shape, evenly spaced, at least two, that fit into memory."""
    k = min(n, max(2, rows_in_chunk(row)))
    return np.arange(k) * (n - 1) // max(k - 1, 1)


def sample(part: Any) -> Any:
    """Return evenly spaced rows of a lazy tensor, and anything else unchanged."""
    return part[spread(len(part), part.shape[1:])] if isinstance(part, LazyTensor) else part


def same_values(one: Any, other: Any) -> bool:
    """Return whether two tensors, lazy or not, are equal; it stops at the first difference."""
    if one is other or not (isinstance(one, LazyTensor) or isinstance(other, LazyTensor)):
        return one is other or torch.equal(one, other)
    return one.shape == other.shape and all(torch.equal(one[at], other[at]) for at in chunks(len(one), one.shape[1:]))


def rows_of(inputs: Any, targets: Any, at: Any) -> tuple[Tensor, Tensor]:
    """Return some rows of inputs and targets; lazy inputs that are also the targets are read only once."""
    x = inputs[at]
    return x, x.clone() if targets is inputs and isinstance(inputs, LazyTensor) else targets[at]
