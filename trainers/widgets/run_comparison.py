"""`RunComparison`: several training runs in one plot, which can be shown and hidden by name."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from trainers.history import History
from trainers.plotting import Figure, band, mean_history, plot_histories
from trainers.trainer import Trainer
from trainers.training import FOLLOWERS, Result, Run
from trainers.widgets.base import PicturedWidget
from trainers.widgets.chart import FILES, Chart, finite, run_data
from trainers.widgets.live_view import INTERVAL, LiveView

SingleRun = History | Result | Run | Trainer | LiveView
Histories = dict[str, History | list[History]]
# Maximum share of the time of a training run that is spent on updates of all comparisons.
SHARE = 0.01


class RunComparison(PicturedWidget, Chart):
    """Validation losses of several training runs in one plot, with their best epochs and restores.

    Click a name in the legend to hide or show its run; training losses can be shown as well. A run that is still in
    progress is drawn further after each epoch, at most twice a second. A static picture is saved with the notebook.

    Parameters
    ----------
    runs : mapping of str to Result, History, TrainingMonitor, Run, Trainer, or a sequence of these
        The runs by name. For a monitor, `Run` or trainer, the latest history is shown, even if it starts later.
        Several runs with one name, such as runs with different seeds, are drawn as a band from the lowest to the
        highest validation loss, with a curve for the mean. Only epochs that exist in all of these runs are drawn.

    Attributes
    ----------
    runs : dict of History or list of History
        The histories by name.

    Raises
    ------
    TypeError, ValueError
        If `runs` is empty, a value is not a run, or a run of a band has no epoch.

    Examples
    --------
    >>> from trainers import History
    >>> history = History()
    >>> _ = history.append(train_loss=0.5, validation_loss=0.4)
    >>> RunComparison({"one": history, "two": [history, history]})
    <RunComparison of one, two>
    """

    _files = FILES
    _key = "comparison"

    def __init__(self, runs: Mapping[str, SingleRun | Sequence[SingleRun]]) -> None:
        if not isinstance(runs, Mapping) or not runs:
            raise TypeError(f"runs must be a non-empty mapping of names to histories, got {runs!r}.")
        self.runs: Histories = named_histories(runs)
        # A comparison does not keep a trainer or a monitor in memory.
        self._sources = {
            str(name): weakref.ref(run) for name, run in runs.items() if isinstance(run, Run | Trainer | LiveView)
        }
        # The earliest time of the next update during a run.
        self._next = 0.0
        super().__init__(data=self._page()[1])
        # The lengths of the drawn histories; whether the page's model has them.
        self._drawn = self._lengths(), True
        FOLLOWERS.add(self)

    def follow(self, *, ended: bool = False) -> None:
        """Show the new epochs; each training run calls this after each epoch and at its end."""
        begun = time.perf_counter()
        if begun < self._next and not ended:
            return
        with self._lock:
            sources = {name: source() for name, source in self._sources.items()}
            self.runs.update({name: _history(run) for name, run in sources.items() if run is not None})
            lengths = self._lengths()
            if self._drawn in ((lengths, True), (lengths, ended)):
                return
            self._drawn = lengths, ended
            if ended:
                self.show(self._page()[1])
                self.store()
            else:
                # The words for screen readers are those of the picture, which takes too long to draw during a run.
                self.show({**self.current, "runs": runs_data(self.runs)})
        now = time.perf_counter()
        self._next = now + max(INTERVAL, (now - begun) * len(FOLLOWERS) / SHARE)

    def _lengths(self) -> list[tuple[int, int]]:
        """Return an id and the number of epochs of each history; a history only changes by another epoch."""
        runs = ([run] if isinstance(run, History) else run for run in self.runs.values())
        return [(id(history), len(history)) for histories in runs for history in histories]

    def close(self) -> None:
        """Remove the widget from the page and from the memory of ipywidgets; `figure` can still be used."""
        FOLLOWERS.discard(self)
        super().close()

    @property
    def figure(self) -> Figure:
        """Static picture of all runs; `savefig` writes it as PNG or SVG."""
        return plot_histories(self.runs)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        return "Comparison of runs", {"runs": runs_data(self.runs), "alt": self.figure.alt, "named": True}

    def _view(self) -> tuple[dict[str, Any], dict[str, Any]]:
        # A history may have new epochs.
        self.follow(ended=True)
        return super()._view()

    def __repr__(self) -> str:
        return f"<RunComparison of {', '.join(self.runs)}>"


def named_histories(runs: Mapping[str, Any], argument: str = "runs") -> Histories:
    """Return the histories of runs by name, or raise an error."""
    return {str(name): histories_of(run, f"{argument}[{name!r}]") for name, run in runs.items()}


def runs_data(runs: Histories) -> list[dict[str, Any]]:
    """Return histories by name for chart.js; several with one name become a band."""
    data = []
    for name, run in runs.items():
        if isinstance(run, History):
            data.append(run_data(run, name))
        else:
            low, _, high = band(run)
            edges = [[finite(a), finite(b)] for a, b in zip(low, high, strict=True)]
            name = f"{name} (mean of {len(run)}, band: all)"
            data.append({**run_data(mean_history(run), name), "band": edges})
    return data


def histories_of(run: Any, argument: str) -> History | list[History]:
    """Return the history of a run, or those of several runs, or raise an error."""
    if isinstance(run, SingleRun):
        return _history(run)
    if not isinstance(run, Sequence) or not run or not all(isinstance(one, SingleRun) for one in run):
        raise TypeError(f"{argument} must be a History, a Result, another run or a list of these, got {run!r}.")
    histories = [_history(one) for one in run]
    if min(map(len, histories)) == 0:
        raise ValueError(f"{argument} must have an epoch in each history of a band, got {histories!r}.")
    return histories


def _history(run: SingleRun) -> History:
    """Return the latest history of a run; an empty one of a monitor that has watched no run yet."""
    if isinstance(run, History):
        return run
    if isinstance(run, LiveView) and not run.histories:
        return History()
    return run.trainer.history if isinstance(run, Run) else run.history
