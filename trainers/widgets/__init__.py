"""Widgets for a notebook: they watch and drive training runs, and show what was detected.

>>> from trainers.widgets import HyperparameterPanel, RunComparison, SeriesViewer, TrainingMonitor
"""

from trainers.widgets.hyperparameter_panel import HyperparameterPanel
from trainers.widgets.run_comparison import RunComparison
from trainers.widgets.series_viewer import SeriesViewer
from trainers.widgets.training_monitor import TrainingMonitor

__all__ = ["HyperparameterPanel", "RunComparison", "SeriesViewer", "TrainingMonitor"]
