"""Which answers are one number."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from notebooks.course.answer_numbers import one_number
from notebooks.course.verdict import NotYet


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        np.float32(0.5),
        np.array(0.5),
        np.array([[0.5]]),
        torch.tensor(0.5),
        torch.tensor([0.5], requires_grad=True),
    ],
)
def test_number_in_any_container_is_returned(value):
    assert one_number(value, "`x`") == 0.5


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "True (bool)"),
        ("0.5", "'0.5' (str)"),
        (None, "None"),
        ([0.5, 0.6], "a list of 2"),
        (np.zeros(3), "a ndarray of shape (3,)"),
        ([], "a list of 0"),
        (1j, "a complex"),
        ({"x": 1}, "a dict"),
    ],
)
def test_other_value_is_named_by_its_type(value, words):
    with pytest.raises(NotYet, match="`x` must be one number, got ") as raised:
        one_number(value, "`x`")
    assert words in str(raised.value)
