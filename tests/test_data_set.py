"""`DataSet`: sound sequences, or an error that names the thing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from data import DataSet

ARRAYS = npst.arrays(
    dtype=st.one_of(
        npst.scalar_dtypes(),
        npst.unicode_string_dtypes(max_len=3),
        st.just(np.dtype(object)),
    ),
    shape=npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


@given(ARRAYS)
def test_any_array_becomes_finite_float32_or_a_plain_error(array):
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
def test_any_labels_fit_or_give_a_plain_error(array):
    try:
        data = DataSet(np.zeros((3, 2)), labels=array, name="mine")
    except (TypeError, ValueError) as error:
        assert "the labels of 'mine' must" in str(error)  # noqa: PT017
    else:
        assert data.labels.shape in ((3,), (3, 2))
        np.testing.assert_array_equal(data.labels, array)
        assert data.abnormal.shape == (3,)


@pytest.mark.parametrize("given_", [[[1, 2], [3, 4]], ((1.0, 2.0), (3.0, 4.0)), torch.tensor([[1, 2], [3, 4]])])
def test_takes_lists_and_tensors(given_):
    assert DataSet(given_).sequences[..., 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int32])
def test_takes_every_real_dtype_of_torch(dtype):
    assert DataSet(torch.ones(2, 3, dtype=dtype)).sequences.dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"sequences": np.ma.masked_array([[1.0, -999.0]], mask=[[False, True]])}, "no masked values; got 1"),
        ({"class_names": "normal"}, "class_names of 'mine' takes a sequence of texts"),
        ({"class_names": 5}, "class_names of 'mine' takes a sequence of texts"),
        ({"sampling_rate": True}, "sampling_rate of 'mine' must be a number"),
        ({"sampling_rate": 1 + 0j}, "sampling_rate of 'mine' must be a number"),
    ],
)
def test_what_would_be_taken_for_something_else_is_refused(arguments, match):
    with pytest.raises((TypeError, ValueError), match=match):
        DataSet(**{"sequences": np.zeros((2, 2)), "name": "mine", **arguments})


def test_keeps_a_copy():
    array = np.zeros((2, 3), np.float32)
    data = DataSet(array)
    array[:] = 7
    assert (data.sequences == 0).all()


def test_the_error_names_the_place():
    array = np.zeros((5, 4, 2))
    array[3, 1, 0] = np.nan
    array[4] = np.inf
    with pytest.raises(ValueError, match="got nan in sequence 3, time step 1, feature 0, and 2 of 5 sequences"):
        DataSet(array)


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"labels": [0, 1]}, r"labels of 'data' must have shape \(3,\) or \(3, 2\)"),
        ({"labels": [0, -1, 0]}, "from 0"),
        ({"labels": [0, 2**40, 0]}, "from 0"),
        ({"labels": np.array([0, 2**64 - 1, 0], dtype=np.uint64)}, "from 0"),
        ({"labels": [0, 0.5, 1]}, "whole numbers"),
        ({"labels": [0, np.nan, 1]}, "whole numbers"),
        ({"labels": [0, 1, 2], "class_names": ["normal", "early"]}, "class_names has 2 names"),
        ({"targets": np.zeros((3, 3))}, "targets of 'data' must have the shape"),
        ({"targets": np.full((3, 2), np.nan)}, "targets of 'data' must be finite"),
        ({"sampling_rate": 0}, "a number above 0 Hz"),
        ({"sampling_rate": float("nan")}, "a number above 0 Hz"),
        ({"sampling_rate": "fast"}, "a number above 0 Hz"),
    ],
)
def test_parts_that_do_not_fit_are_refused(more, match):
    with pytest.raises(ValueError, match=match):
        DataSet(np.zeros((3, 2)), **more)


def test_subsets_keep_what_belongs_to_them():
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


def test_labels_of_time_steps_make_a_sequence_abnormal():
    data = DataSet(np.zeros((2, 3)), labels=[[0, 0, 0], [0, 1, 0]])
    assert data.abnormal.tolist() == [False, True]


def test_without_labels_nothing_is_known_to_be_abnormal():
    with pytest.raises(ValueError, match="has no labels"):
        DataSet(np.zeros((2, 3))).abnormal  # noqa: B018
