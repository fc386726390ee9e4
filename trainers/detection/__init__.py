"""From a trained model to scores, from scores to decisions, from decisions to figures.

>>> import numpy as np
>>> from trainers.detection import evaluate, quantile_threshold
>>> threshold = quantile_threshold(np.arange(100.0), rate=0.05)
>>> evaluate(scores=[10.0, 97.0], labels=[0, 1], threshold=threshold).recall
1.0
"""

from trainers.detection.baselines import BASELINES, baseline_scores
from trainers.detection.evaluation import Evaluation, evaluate
from trainers.detection.figures import plot_errors, plot_reconstructions, plot_sequences
from trainers.detection.scores import reconstruction_error
from trainers.detection.thresholds import quantile_threshold

__all__ = [
    "BASELINES",
    "Evaluation",
    "baseline_scores",
    "evaluate",
    "plot_errors",
    "plot_reconstructions",
    "plot_sequences",
    "quantile_threshold",
    "reconstruction_error",
]
