"""From a trained model to scores, from scores to decisions, from decisions to figures.

>>> import numpy as np
>>> from trainers.detection import evaluate, quantile_threshold
>>> threshold = quantile_threshold(np.arange(100.0), rate=0.05)
>>> evaluate(scores=[10.0, 97.0], labels=[0, 1], threshold=threshold).recall
1.0
"""

from trainers.detection.baselines import BASELINES, baseline_scores
from trainers.detection.detection_plots import plot_errors, plot_reconstructions, plot_sequences
from trainers.detection.detector import AnomalyDetector
from trainers.detection.evaluation import Evaluation, evaluate
from trainers.detection.explanation import Explanation
from trainers.detection.extreme_values import pot_threshold
from trainers.detection.intervals import bootstrap_interval
from trainers.detection.metrics import SeriesEvaluation, evaluate_series
from trainers.detection.oracle import oracle_threshold
from trainers.detection.point_adjusted import misleading_point_adjusted_f1
from trainers.detection.results import Detection
from trainers.detection.scoring import ErrorGaussian, reconstruction_differences, reconstruction_error
from trainers.detection.seed_plot import plot_seeds
from trainers.detection.series_baselines import SERIES_BASELINES, series_baseline_scores
from trainers.detection.table import compare
from trainers.detection.thresholds import (
    RULES,
    false_alarm_threshold,
    mad_threshold,
    mean_sd_threshold,
    quantile_threshold,
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
]
