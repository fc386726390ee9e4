"""How events are found, late or missed: delays, false alarms, and the figures made for ranges of steps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from data.series import runs
from trainers.torch_utils import with_threads

# Wu & Keogh 2021 count a top score this near to the event as a find.
_TOLERANCE = 100
# Steps × window, and events × runs called abnormal, that take dtaianomaly about a minute on one slow core.
MOST_FOR_VOLUMES = 100_000_000
_MOST_FOR_AFFILIATION = 20_000_000


def event_table(truth: np.ndarray, called: np.ndarray, sampling_rate: float | None) -> pd.DataFrame:
    """Each event, whether it was found, and how late; the delay of one that was missed is missing."""
    events = runs(truth)
    delays = [int(np.argmax(called[start:end])) if called[start:end].any() else None for start, end in events]
    table = pd.DataFrame(
        {
            "start": [start for start, _ in events],
            "end": [end for _, end in events],
            "found": [delay is not None for delay in delays],
            "delay, steps": pd.array(delays, dtype="Int64"),
        }
    )
    if sampling_rate is not None:
        table["delay, s"] = table["delay, steps"].astype("Float64") / sampling_rate
    return table


def count_false_alarms(truth: np.ndarray, called: np.ndarray) -> int:
    """Runs of steps called abnormal that touch no event."""
    return sum(not truth[start:end].any() for start, end in runs(called))


def range_precision(truth: np.ndarray, called: np.ndarray) -> float:
    """Range-based precision (Tatbul et al. 2018, equations 8 and 9): flat bias, cardinality 1/x; 0 with no run.

    dtaianomaly's gives the same and needs minutes where a long event is called in many pieces.
    """
    return float(np.mean([_overlap(truth[start:end]) for start, end in runs(called)] or [0.0]))


def range_recall(truth: np.ndarray, called: np.ndarray) -> float:
    """Range-based recall (equations 3 to 7): half for being found at all, flat bias, cardinality 1/x."""
    found = [called[start:end] for start, end in runs(truth)]
    return float(np.mean([0.5 * part.any() + 0.5 * _overlap(part) for part in found]))


def _overlap(part: np.ndarray) -> float:
    """The share of a range that is covered, divided by the number of pieces that cover it."""
    return float(part.mean()) / max(1, len(runs(part)))


def ucr_score(truth: np.ndarray, scores: np.ndarray) -> float:
    """1 where the highest score (the first of them) is near an event, else 0; 0 where all scores are equal."""
    if scores.min() == scores.max():
        return 0.0
    top = int(np.argmax(scores))
    for start, end in runs(truth):
        margin = max(_TOLERANCE, end - start)
        if start - margin <= top <= end - 1 + margin:
            return 1.0
    return 0.0


def affiliation(truth: np.ndarray, called: np.ndarray) -> tuple[float | None, float | None]:
    """Affiliation precision and recall (Huet et al. 2022), dtaianomaly's; 0 with no run, None where slow."""
    if not called.any():
        return 0.0, 0.0
    if len(runs(truth)) * len(runs(called)) > _MOST_FOR_AFFILIATION:
        return None, None
    # Two seconds of compiling, for those who need it.
    from dtaianomaly.evaluation import AffiliationPrecision, AffiliationRecall

    answer, decision = truth.astype(int), called.astype(int)
    return AffiliationPrecision().compute(answer, decision), AffiliationRecall().compute(answer, decision)


def volumes(truth: np.ndarray, scores: np.ndarray, window: int) -> tuple[float, float]:
    """VUS-ROC and VUS-PR (Paparrizos et al. 2022), dtaianomaly's."""
    from dtaianomaly.evaluation import VolumeUnderPR, VolumeUnderROC

    answer = truth.astype(int)
    # numba, on which these run, sets the number of OpenMP threads at its first use, and PyTorch shares it:
    # later trainings would give other results than earlier ones.
    with with_threads(torch.get_num_threads()):
        return (
            VolumeUnderROC(max_buffer_size=window).compute(answer, scores),
            VolumeUnderPR(max_buffer_size=window).compute(answer, scores),
        )
