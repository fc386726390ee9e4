"""Compute anomaly scores from a trained model, decisions from scores, and metrics from decisions.

>>> import numpy as np
>>> from trainers.detection import evaluate, quantile_threshold
>>> threshold = quantile_threshold(np.arange(100.0), rate=0.05)
>>> evaluate(scores=[10.0, 97.0], labels=[0, 1], threshold=threshold).recall
1.0
"""

from trainers.detection.baselines import BASELINES, SERIES_BASELINES, baseline_scores, series_baseline_scores
from trainers.detection.detection_plots import plot_errors, plot_reconstructions, plot_seeds, plot_sequences
from trainers.detection.detector import AnomalyDetector
from trainers.detection.metrics import (
    Evaluation,
    SeriesEvaluation,
    bootstrap_interval,
    compare,
    evaluate,
    evaluate_series,
    misleading_point_adjusted_f1,
)
from trainers.detection.neighbours import NormalWindows
from trainers.detection.results import Detection, Explanation
from trainers.detection.scoring import ErrorGaussian, reconstruction_differences, reconstruction_error
from trainers.detection.thresholds import (
    RULES,
    false_alarm_threshold,
    mad_threshold,
    mean_sd_threshold,
    oracle_threshold,
    pot_threshold,
    quantile_threshold,
    tracked_thresholds,
)

__all__ = [
    "BASELINES",
    "RULES",
    "SERIES_BASELINES",
    "AnomalyDetector",
    "Detection",
    "ErrorGaussian",
    "Evaluation",
    "Explanation",
    "NormalWindows",
    "SeriesEvaluation",
    "baseline_scores",
    "bootstrap_interval",
    "compare",
    "evaluate",
    "evaluate_series",
    "false_alarm_threshold",
    "mad_threshold",
    "mean_sd_threshold",
    "misleading_point_adjusted_f1",
    "oracle_threshold",
    "plot_errors",
    "plot_reconstructions",
    "plot_seeds",
    "plot_sequences",
    "pot_threshold",
    "quantile_threshold",
    "reconstruction_differences",
    "reconstruction_error",
    "series_baseline_scores",
    "tracked_thresholds",
]
