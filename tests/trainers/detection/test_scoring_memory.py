"""Scoring a series takes no more memory the longer it is; `tests/benchmarks/scoring.py` measures the whole process."""

import tracemalloc

import numpy as np
import pytest

from data import Series
from trainers import BatchedTrainer, LSTMAutoencoder
from trainers.detection import AnomalyDetector
from trainers.detection import windowing as module


def beyond_output(detector, series):
    """Bytes of numpy's arrays at their peak while the series is scored, less the scores."""
    tracemalloc.start()
    try:
        scores = detector.score(series)
        return tracemalloc.get_traced_memory()[1] - scores.nbytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("combine", ["mean", "max"])
@pytest.mark.parametrize("gaps", [False, True])
def test_memory_does_not_grow_with_the_length_of_the_series(combine, gaps, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 64)
    wave = np.sin(np.arange(60_000) * 2 * np.pi / 20)
    if gaps:
        wave[100:130] = np.nan
    model = LSTMAutoencoder(hidden_size=2, bidirectional=False, time_encoding=0)
    trainer = BatchedTrainer(model, steps_per_epoch=1)
    detector = AnomalyDetector(trainer, window=20, stride=4, combine=combine, rate=0.5, epochs=1)
    detector.fit(*[Series(wave[1000:1200])] * 3, progress=False)
    short, long = Series(wave[:20_000]), Series(wave)
    detector.score(short[:2000])  # what is loaded at the first use does not count
    more = beyond_output(detector, long) - beyond_output(detector, short)
    # To know where a score is missing takes a byte for each step; interpolation copies the values, 4 bytes each.
    assert more < (8 if gaps else 3) * (len(long) - len(short))
