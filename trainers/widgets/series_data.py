"""What a series viewer takes, checked, and sends to its page: thinned where it is too much, and where each step was."""

from __future__ import annotations

from typing import Any

import numpy as np

from data import Series
from data.data_set import as_array
from trainers.widgets.series_events import many

# A page is sent so many steps, and so many values of all features together, at most.
MOST_STEPS, MOST_VALUES = 2_000_000, 8_000_000


def as_scores(scores: Any, series: Series) -> np.ndarray:
    """One finite float64 for each step, or an error."""
    array = as_array(scores, "scores")
    if array.shape != (len(series),) or array.dtype.kind not in "iuf":
        msg = (
            f"scores must be numbers of shape (time,), one for each of {len(series)} steps of {series.name!r}; "
            f"got {array.dtype}, shape {array.shape}."
        )
        raise ValueError(msg)
    array = array.astype("<f8")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        msg = (
            f"scores must be finite; got {array[bad[0]]} at step {bad[0]}, and {many(len(bad), 'such score')}. "
            "Decide what a step without a score counts as: np.nan_to_num(scores, nan=0.0), or leave these steps out."
        )
        raise ValueError(msg)
    return array


def as_reconstruction(reconstruction: Any, series: Series) -> np.ndarray:
    """float32 of the series' shape, NaN where there is none, or an error."""
    array = as_array(reconstruction, "reconstruction")
    array = array[:, None] if array.ndim == 1 else array
    if array.shape != series.values.shape or array.dtype.kind not in "iuf":
        msg = (
            f"reconstruction must be numbers of the series' shape (time, feature), {series.values.shape}; "
            f"got {array.dtype}, shape {array.shape}. NaN stands where there is none."
        )
        raise ValueError(msg)
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if np.isinf(array).any():
        step = int(np.argwhere(np.isinf(array))[0, 0])
        msg = f"reconstruction must be finite and fit float32, or NaN where there is none; step {step} is not."
        raise ValueError(msg)
    return array


def stride_of(series: Series) -> int:
    """How many steps stand behind one that the page gets: 1, unless the series is too long for it."""
    length, values = len(series), series.values.size
    return max(1, -(-length // MOST_STEPS), -(-values // MOST_VALUES))


def extremes(values: np.ndarray, stride: int) -> np.ndarray:
    """One of `stride` steps: in turn the lowest and the highest of twice as many.

    Parameters
    ----------
    values : array, shape (time, feature)
        NaN is missing; where all are, the extreme is NaN too.
    stride : int
        1 changes nothing.

    Returns
    -------
    numpy.ndarray, shape (2 * ceil(time / stride / 2), feature), or that of `values` with stride 1
        float32. What one column of pixels spans stays what it was.

    Examples
    --------
    >>> extremes(np.array([[1.0], [5.0], [2.0], [3.0]]), 2).ravel().tolist()
    [1.0, 5.0]
    """
    if stride == 1:
        return values.astype(np.float32)
    low, high = (_blockwise(extreme, values, 2 * stride) for extreme in (np.fmin, np.fmax))
    return np.stack([low, high], axis=1).reshape(-1, values.shape[1]).astype(np.float32)


def highest(scores: np.ndarray, stride: int) -> np.ndarray:
    """The highest of each `stride` scores, as float64: whatever exceeds a threshold still does.

    >>> highest(np.array([1.0, 5.0, 2.0, 3.0, 0.0]), 2).tolist()
    [5.0, 3.0, 0.0]
    """
    return scores if stride == 1 else _blockwise(np.maximum, scores[:, None], stride)[:, 0]


def clock(series: Series, stride: int) -> tuple[dict[str, Any], bytes]:
    """Where the steps are in time: a kind, start and step, and each one's time if they are not even.

    Parameters
    ----------
    series : Series
        Its `time` goes before its `sampling_rate`; with neither, steps are counted.
    stride : int
        As in `extremes`.

    Returns
    -------
    dict
        ``kind`` ("step", "seconds" or "date"), ``start`` and ``delta`` of the whole series' steps
        (seconds, or milliseconds since 1970).
    bytes
        float64, one time for each step that is sent; empty where start and delta say it all.
    """
    if series.time is None:
        if series.sampling_rate is None:
            return {"kind": "step", "start": 0, "delta": 1}, b""
        return {"kind": "seconds", "start": 0, "delta": 1 / series.sampling_rate}, b""
    dated = series.time.dtype.kind == "M"
    # In nanoseconds since 1970, a float64 could not tell neighbours apart.
    time = series.time.astype("M8[us]").astype(np.int64) / 1e3 if dated else series.time.astype(np.float64)
    delta = float(time[-1] - time[0]) / max(1, len(time) - 1) or 1.0
    about = {"kind": "date" if dated else "seconds", "start": float(time[0]), "delta": delta}
    even = np.abs(time - (time[0] + delta * np.arange(len(time)))).max() < 0.01 * delta
    return about, b"" if even else np.ascontiguousarray(time[::stride]).tobytes()


def when(series: Series, step: int) -> str:
    """A step's time as text; empty where steps have none.

    >>> when(Series([1.0, 2.0], sampling_rate=4.0), 1)
    '0.25 s'
    """
    if series.time is not None:
        at = series.time[step]
        return str(np.datetime_as_string(at, unit="s")).replace("T", " ") if at.dtype.kind == "M" else f"{at:g} s"
    return "" if series.sampling_rate is None else f"{step / series.sampling_rate:.4g} s"


def _blockwise(extreme: np.ufunc, values: np.ndarray, block: int) -> np.ndarray:
    return extreme.reduceat(values, np.arange(0, len(values), block), axis=0)
