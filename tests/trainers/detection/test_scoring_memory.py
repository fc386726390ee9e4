"""The memory for scoring does not grow with the series; `tests/benchmarks/scoring.py` measures the whole process."""

import tracemalloc

import numpy as np
import pytest

from data import Series
from trainers import BatchedTrainer, LSTMAutoencoder
from trainers.detection import AnomalyDetector
from trainers.detection import windowing as module


def peak_memory(detector, series):
    """Return the peak memory of NumPy arrays while the series is scored, minus the scores, in bytes."""
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
    normal = Series(wave[1000:1200])
    detector.fit(normal, validation=normal, calibration=normal, progress=False)
    short, long = Series(wave[:20_000]), Series(wave)
    detector.score(short[:2000])  # exclude memory that is only used at the first call
    more = peak_memory(detector, long) - peak_memory(detector, short)
    # the mask of missing scores takes 1 byte per step; interpolation copies the values, 4 bytes each
    assert more < (8 if gaps else 3) * (len(long) - len(short))
