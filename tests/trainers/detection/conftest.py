"""A small detector, trained once per module; each test gets a separate copy."""

import copy

import pytest

from trainers.detection import AnomalyDetector

from .detectors import small, wave


@pytest.fixture(scope="module")
def trained():
    return AnomalyDetector(small(2), window=25, stride=4, epochs=3, centre=False).fit(wave(features=2), progress=False)


@pytest.fixture
def fitted(trained):
    return copy.deepcopy(trained)
