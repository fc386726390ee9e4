"""Widgets that display and control training runs, and explore their results, in a notebook.

>>> from trainers.widgets import HyperparameterPanel, RunComparison, TrainingMonitor
>>> from trainers.widgets import LatentMap, SeriesViewer, ThresholdExplorer
"""

from trainers.widgets.hyperparameter_panel import HyperparameterPanel
from trainers.widgets.latent_map import LatentMap
from trainers.widgets.run_comparison import RunComparison
from trainers.widgets.series_viewer import SeriesViewer
from trainers.widgets.threshold_explorer import ThresholdExplorer
from trainers.widgets.training_monitor import TrainingMonitor

__all__ = ["HyperparameterPanel", "LatentMap", "RunComparison", "SeriesViewer", "ThresholdExplorer", "TrainingMonitor"]
