"""Untrusted files: a few hundred inputs of ``python -m tests.fuzz`` for each loader, and that it finds faults."""

from __future__ import annotations

import dataclasses
import os
import warnings

import numpy as np
import pytest

from data import Recording, Series

from tests.fuzz.engine import fuzz
from tests.fuzz.loaders import LOADERS


@pytest.mark.parametrize("name", LOADERS)
def test_any_file_gives_valid_value_or_documented_error(name):
    outcome = fuzz(LOADERS[name], 150, large=False)
    assert not outcome.faults, outcome.faults[0]
    assert len(outcome.inputs) == 150
    assert outcome.kinds["value"] > 15
    assert outcome.kinds["ValueError"] > 15


def warn():
    warnings.warn("another library's", stacklevel=2)


FAULTS = {
    "error of the type KeyError": lambda: {}["x"],
    "error raised in": lambda: int("x"),
    "another library's": warn,
    "events: .*open": lambda: open(__file__).close(),
    "events: .*os.system": lambda: os.system("true"),
    "events: .*compile": lambda: eval("1"),
    "bytes of memory": lambda: np.zeros(10**8, dtype=np.int8),
    "event: Recording": lambda: Recording(Series([1.0, 2.0]), Series([1.0, 2.0], labels=[0, 1])),
}


@pytest.mark.parametrize("message", FAULTS)
def test_fault_is_found(message):
    loader = dataclasses.replace(
        LOADERS["load_ucr_anomaly"],
        load=lambda content, **options: FAULTS[message],
        first=[],
        large=lambda: [(b"1", {})],
    )
    (fault,) = fuzz(loader, 0).faults
    assert message.split(": .*")[-1] in fault
