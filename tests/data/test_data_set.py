"""`DataSet`: valid sequences, or an error that names the argument."""

from __future__ import annotations

import contextlib

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

from data import DataSet, Series

ARRAYS = npst.arrays(
    dtype=st.one_of(
        npst.scalar_dtypes(),
        npst.unicode_string_dtypes(max_len=3),
        st.just(np.dtype(object)),
    ),
    shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(ARRAYS)
def test_any_array_becomes_finite_float32_or_raises(array):
    try:
        data = DataSet(array, name="mine")
    except (TypeError, ValueError) as error:
        assert "the sequences of 'mine' must" in str(error)  # noqa: PT017 - either outcome is allowed
    else:
        assert data.sequences.dtype == torch.float32
        assert data.sequences.isfinite().all()
        assert data.sequences.ndim == 3
        assert data.sequences.numel() > 0
        np.testing.assert_allclose(data.sequences.reshape(array.shape), array, rtol=1e-3, atol=1e-37)


@given(ARRAYS)
def test_any_labels_are_accepted_or_raise(array):
    try:
        data = DataSet(np.zeros((3, 2)), labels=array, name="mine")
    except (TypeError, ValueError) as error:
        assert "the labels of 'mine' must" in str(error)  # noqa: PT017
    else:
        assert data.labels.shape in ((3,), (3, 2))
        np.testing.assert_array_equal(data.labels, array)
        assert data.abnormal.shape == (3,)


@pytest.mark.parametrize("given_", [[[1, 2], [3, 4]], ((1.0, 2.0), (3.0, 4.0)), torch.tensor([[1, 2], [3, 4]])])
def test_lists_and_tensors_are_accepted(given_):
    assert DataSet(given_).sequences[..., 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int32])
def test_every_real_dtype_of_torch_is_accepted(dtype):
    assert DataSet(torch.ones(2, 3, dtype=dtype)).sequences.dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"sequences": np.ma.masked_array([[1.0, -999.0]], mask=[[False, True]])}, "no masked values, got 1"),
        ({"class_names": "normal"}, "class_names of 'mine' must be a sequence of strings"),
        ({"class_names": 5}, "class_names of 'mine' must be a sequence of strings"),
        ({"sampling_rate": True}, "sampling_rate of 'mine' must be a number"),
        ({"sampling_rate": 1 + 0j}, "sampling_rate of 'mine' must be a number"),
    ],
)
def test_ambiguous_arguments_raise(arguments, match):
    with pytest.raises((TypeError, ValueError), match=match):
        DataSet(**{"sequences": np.zeros((2, 2)), "name": "mine", **arguments})


def test_sequences_are_copied():
    array = np.zeros((2, 3), np.float32)
    data = DataSet(array)
    array[:] = 7
    assert (data.sequences == 0).all()


def test_error_names_position_of_invalid_value():
    array = np.zeros((5, 4, 2))
    array[3, 1, 0] = np.nan
    array[4] = np.inf
    with pytest.raises(ValueError, match=r"got nan in sequence 3, time step 1, feature 0 \(9 such"):
        DataSet(array)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"labels": [0, 1]}, r"labels of 'data' must have shape \(3,\) or \(3, 2\)"),
        ({"labels": [0, -1, 0]}, "from 0"),
        ({"labels": [0, 2**40, 0]}, "from 0"),
        ({"labels": np.array([0, 2**64 - 1, 0], dtype=np.uint64)}, "from 0"),
        ({"labels": [0, 0.5, 1]}, "integers"),
        ({"labels": [0, np.nan, 1]}, "integers"),
        ({"labels": [0, 1, 2], "class_names": ["normal", "early"]}, "below 2, the number of class_names, got 2"),
        ({"targets": np.zeros((2, 2))}, r"targets of 'data' must have the shape \(3, time, feature\), got \(2, 2, 1\)"),
        ({"targets": np.full((3, 2), np.nan)}, "targets of 'data' must be finite"),
        ({"sampling_rate": 0}, "a number above 0 Hz"),
        ({"sampling_rate": float("nan")}, "a number above 0 Hz"),
        ({"sampling_rate": "fast"}, "a number above 0 Hz"),
    ],
)
def test_invalid_arguments_raise(more, match):
    with pytest.raises(ValueError, match=match):
        DataSet(np.zeros((3, 2)), **more)


def test_subsets_keep_targets_labels_and_attributes():
    data = DataSet(
        np.arange(12).reshape(4, 3),
        targets=-np.arange(12).reshape(4, 3),
        labels=[0, 1, 0, 2],
        class_names=["normal", "early", "late"],
        sampling_rate=360,
        name="mine",
    )
    for index in ([1, 3], np.array([False, True, False, True]), slice(1, 4, 2)):
        part = data[index]
        assert part.sequences[..., 0].tolist() == [[3, 4, 5], [9, 10, 11]]
        assert part.targets[..., 0].tolist() == [[-3, -4, -5], [-9, -10, -11]]
        assert part.labels.tolist() == [1, 2]
        assert (part.name, part.sampling_rate, part.class_names) == ("mine", 360, data.class_names)
    assert len(data[2]) == 1
    with pytest.raises(ValueError, match="must have shape"):
        data[[]]


def test_sequence_with_abnormal_time_step_is_abnormal():
    data = DataSet(np.zeros((2, 3)), labels=[[0, 0, 0], [0, 1, 0]])
    assert data.abnormal.tolist() == [False, True]


def test_abnormal_without_labels_raises():
    with pytest.raises(ValueError, match="must have labels, got None"):
        DataSet(np.zeros((2, 3))).abnormal  # noqa: B018


# ------------------------------------------------------------------ torch


X = torch.linspace(0, 1, 24).reshape(4, 6)


@pytest.mark.parametrize(
    ("second", "labels", "targets"),
    [
        (None, None, None),
        (X, None, None),
        (X + 1, None, X + 1),
        (torch.tensor([0, 1, 0, 2]), [0, 1, 0, 2], None),
        (torch.tensor([0.0, 1.0, 0.0, 2.0]), [0, 1, 0, 2], None),
        (torch.tensor([True, False, True, False]), [1, 0, 1, 0], None),
        ((X > 0.5).float(), (X > 0.5).int().tolist(), None),
    ],
)
@pytest.mark.parametrize("subset", [False, True])
def test_torch_datasets_give_sequences_and_labels_or_targets(second, labels, targets, subset):
    given_ = TensorDataset(X) if second is None else TensorDataset(X, second)
    rows = [2, 0] if subset else [0, 1, 2, 3]
    data = DataSet(Subset(given_, rows) if subset else given_)
    np.testing.assert_array_equal(data.sequences[..., 0], X[rows])
    np.testing.assert_array_equal(data.targets[..., 0], (X if targets is None else targets)[rows])
    assert (data.labels is None) if labels is None else data.labels.tolist() == [labels[i] for i in rows]


class Endless(IterableDataset):
    def __iter__(self):
        return iter(X)


@pytest.mark.parametrize(
    ("given_", "remedy"),
    [
        (TensorDataset(X, torch.rand(4)), "labels=y"),
        (TensorDataset(X, torch.rand(4, 3)), "labels=y"),
        (TensorDataset(X, X, X), "labels=y"),
        (DataLoader(TensorDataset(X)), r"DataSet\(loader.dataset\)"),
        (Endless(), r"DataSet\(list\(dataset\)\)"),
        ([torch.zeros(3), torch.zeros(4)], "DataSet.padded"),
        ([[1.0, 2.0], [3.0]], "DataSet.padded"),
        (np.array([np.zeros(3), np.zeros(4)], dtype=object), "DataSet.padded"),
        (Series(np.arange(5.0)), "Pass a DataSet to a trainer"),
        (DataSet(X), "Pass a DataSet to a trainer"),
    ],
)
def test_invalid_sequences_raise_with_call_to_use(given_, remedy):
    with pytest.raises(TypeError, match=remedy):
        DataSet(given_)


def test_padded_with_torch_dataset_raises_with_call_to_use():
    pairs = TensorDataset(X, torch.zeros(4))
    with pytest.raises(TypeError, match=r"\[x for x, \*_ in dataset\]"):
        DataSet.padded(pairs)
    assert len(DataSet.padded([x for x, *_ in pairs])) == 4


def test_arrays_of_other_libraries_are_accepted():
    class Signal:  # such as xarray's and neo's
        sampling_rate, dims = 5.0, ("time",)

        def __array__(self, dtype=None, copy=None):
            return np.arange(4.0)

    np.testing.assert_array_equal(Series(Signal()).values[:, 0], [0, 1, 2, 3])


def test_lists_of_tensors_with_gradients_are_accepted():
    rows = [torch.arange(3.0, requires_grad=True)] * 2
    assert DataSet(rows).sequences[..., 0].tolist() == [[0, 1, 2]] * 2


# ------------------------------------------------------------------ (time, feature) instead of (n, time)


RNG = np.random.default_rng(0)
STEPS = np.arange(4000)
SMOOTH = np.sin(STEPS[:, None] / 20 + 2.4 * np.arange(38) ** 2)
WAVE = np.sin(STEPS / 9)


@pytest.mark.parametrize("shape", [(900, 3), (100, 2), (100, 1), (40, 1), (5000, 4)])
def test_arrays_with_few_columns_raise_as_recordings(shape):
    rows, columns = shape
    with pytest.raises(ValueError, match=rf"Series\(x\).*{rows} sequences of {columns} steps?, pass DataSet\(x\)"):
        DataSet.of(RNG.normal(size=shape))
    assert len(DataSet(RNG.normal(size=shape))) == rows


@pytest.mark.parametrize(
    "array",
    [
        SMOOTH[:, :5],
        SMOOTH[:, :8],
        SMOOTH[:, :9] + 0.2 * RNG.normal(size=(4000, 9)),
        RNG.normal(size=(900, 6)).cumsum(0),
        pd.DataFrame(SMOOTH[:, :8], columns=[f"sensor {i} {'xy'[i % 2]}" for i in range(8)]),
        SMOOTH,
        SMOOTH[:1000, :25] * RNG.uniform(1, 1000, 25) + RNG.normal(size=(1000, 25)) * 0.1,
        pd.DataFrame(RNG.normal(size=(365, 24)), index=pd.date_range("2026", periods=365)),
    ],
)
def test_arrays_that_may_be_recordings_warn(array):
    with pytest.warns(UserWarning, match=r"Series\(x\).*DataSet\(x\)"):
        assert len(DataSet.of(array)) == len(array)


@pytest.mark.parametrize("rows", [3, 20, 40, 60, 200, 1000, 4000])
@pytest.mark.parametrize("columns", [5, 6, 7, 8, 9, 10, 15, 20, 24, 30, 96, 140])
@pytest.mark.parametrize("kind", ["noise", "windows", "shuffled windows", "one pattern", "walks", "drift", "offset"])
def test_sequences_do_not_warn_as_recordings(rows, columns, kind):
    rng = np.random.default_rng(rows + columns)
    starts = np.arange(rows) % (len(WAVE) - columns)
    array = {
        "noise": rng.normal(size=(rows, columns)),
        "windows": WAVE[starts[:, None] + np.arange(columns)],
        "shuffled windows": WAVE[rng.permutation(starts)[:, None] + np.arange(columns)],
        "one pattern": WAVE[:columns] + 0.1 * rng.normal(size=(rows, columns)),
        "walks": rng.normal(size=(rows, columns)).cumsum(1),
        "drift": rng.normal(size=columns) + np.linspace(0, 3, rows)[:, None] + 0.1 * rng.normal(size=(rows, columns)),
        "offset": rng.normal(size=columns) + np.linspace(0, 3, rows)[:, None],
    }[kind]
    assert len(DataSet.of(array)) == rows
    assert len(DataSet.of(pd.DataFrame(array, columns=[f"t{i}" for i in range(columns)]))) == rows


@pytest.mark.parametrize("shape", [(8, 2), (12, 3), (60, 4), (99, 5), (40, 8)])
def test_small_sets_of_short_sequences_do_not_warn(shape):
    assert len(DataSet.of(RNG.normal(size=shape))) == shape[0]
    windows = np.lib.stride_tricks.sliding_window_view(WAVE, 8)
    assert len(DataSet.of(windows)) == len(windows)


@pytest.mark.parametrize("columns", [["load", "temp"], ["value"], [("pump", "load"), ("pump", "temp")]])
def test_tables_with_feature_names_raise_as_recordings(columns):
    frame = pd.DataFrame(RNG.normal(size=(30, len(columns))), columns=columns)
    with pytest.raises(ValueError, match=r"pass Series\(x\)"):
        DataSet.of(frame)
    assert len(DataSet(frame)) == 30


@pytest.mark.parametrize(
    "columns",
    [
        [f"t-{i}" for i in range(23, 0, -1)] + ["t"],
        np.linspace(-0.2, 0.8, 24).round(3),
        [f"{hour}{half}" for half in ("am", "pm") for hour in (12, *range(1, 12))],
        ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        ["January", "February", "March", "April", "May", "June"],
    ],
)
@pytest.mark.parametrize("rows", [30, 300])
def test_tables_with_names_of_steps_are_sequences(columns, rows):
    assert len(DataSet.of(pd.DataFrame(RNG.normal(size=(rows, len(columns))), columns=columns))) == rows


def test_error_uses_singular_for_one_feature_and_step():
    with pytest.raises(ValueError, match=r"recording of 1 feature, .* 40 sequences of 1 step,"):
        DataSet.of(np.zeros((40, 1)))


# ------------------------------------------------------------------ tables and labels


@pytest.mark.parametrize(
    ("column", "match"),
    [
        (["a", "b"], "string values such as 'a' in column 'other'.*drop"),
        (pd.Categorical([1, 2]), "categorical values such as 1 in column 'other'"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), r"frame.index = pd.to_datetime\(frame.pop\('other'\)\)"),
        (["2026-01-01 10:00", "2026-01-02 10:00"], r"frame.index = pd.to_datetime\(frame.pop\('other'\)\)"),
        (["31.12.2026", "01.01.2027"], r"frame.index = pd.to_datetime\(frame.pop\('other'\)\)"),
        ([{}, {}], "in column 'other'"),
    ],
)
def test_column_without_numbers_raises_with_its_name(column, match):
    frame = pd.DataFrame({"value": [1.0, 2.0], "other": column})
    for kind in (DataSet, Series):
        with pytest.raises(TypeError, match=match):
            kind(frame)


def test_columns_of_different_number_types_are_accepted():
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [True, False], "c": pd.array([1, 2], dtype="Int64"), "d": [3, 4]})
    assert DataSet(frame).sequences[..., 0].tolist() == [[1.5, 1, 1, 3], [2.5, 0, 2, 4]]


LABELS = [0, 1, 0, 1]
LABEL_KINDS = [
    LABELS,
    tuple(LABELS),
    np.array(LABELS, float),
    np.array(LABELS, bool),
    torch.tensor(LABELS),
    torch.tensor(LABELS, dtype=torch.float64, requires_grad=True),
    pd.Series(LABELS, index=[9, 8, 7, 6]),
    pd.Series(LABELS, dtype="Int64"),
    pd.Series(LABELS, dtype=object),
]


@pytest.mark.parametrize("labels", LABEL_KINDS)
def test_labels_of_any_type_become_int64(labels):
    for data in (DataSet(np.zeros((4, 3)), labels=labels), Series(np.zeros(4), labels=labels)):
        assert data.labels.tolist() == LABELS
        assert data.labels.dtype == np.int64


@pytest.mark.parametrize(("labels", "shown"), [([0, 1, 0.5, 1], "0.5"), ([0, 1, np.nan, 1], "nan"), ([0, 3, -1], "-1")])
def test_error_shows_invalid_label(labels, shown):
    for build in (lambda: DataSet(np.zeros((len(labels), 3)), labels=labels), lambda: Series(labels, labels=labels)):
        with pytest.raises(ValueError, match=f"got {shown}\\."):
            build()


# ------------------------------------------------------------------ float32


@given(
    offset=st.sampled_from([0, 1e3, 101325, 1e6, -3e7, 1e9]),
    size=st.sampled_from([1e-3, 0.05, 1, 10, 1e4]),
    outlier=st.sampled_from([None, 0.0, 1e15]),
)
def test_signal_that_needs_more_than_float32_raises(offset, size, outlier):
    values = offset + size * np.sin(np.arange(1200) * 2 * np.pi / 24.37)
    if outlier is not None:
        values[700] = outlier
    steps = 1.4 * size / np.spacing(np.float32(abs(offset) + size))
    if 15 < steps < 17:
        return
    for build in (Series, lambda x: DataSet(x.reshape(50, 24))):
        with pytest.raises(ValueError, match="Subtract an offset") if steps < 16 else contextlib.nullcontext():
            build(values)


@pytest.mark.parametrize(
    "values",
    [
        np.full(50, 123456789.3),
        np.full(50, 0.3) + np.array([0, 1e-16] * 25),
        np.arange(50.0) % 2,
        1e6 + np.arange(50) % 2,
        RNG.poisson(0.2, 50).astype(float),
        1e20 * np.sin(np.arange(50)),
        1e-30 * np.sin(np.arange(50)),
        (1e9 + np.sin(np.arange(50))).astype(np.float32),
        torch.tensor(1e9) + torch.rand(50),
        np.where(np.arange(50) == 7, 1e12, np.sin(np.arange(50))),
    ],
)
def test_values_that_fit_float32_are_accepted(values):
    assert len(Series(values)) == 50
    assert len(DataSet(values.reshape(5, 10))) == 5


def test_float32_check_ignores_masked_values():
    values = np.sin(np.arange(60.0)).reshape(5, 12)
    values[:, 6:] = 1e9 + values[:, 6:]
    with pytest.raises(ValueError, match="Subtract an offset"):
        DataSet(values[:, 6:])
    assert DataSet(values, mask=np.arange(60).reshape(5, 12) % 12 < 6).mask is not None
