"""`RunComparison`: several histories in one plot, which can be shown and hidden by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import IPython.display

from trainers.history import History
from trainers.plotting import Figure, band, plot_histories
from trainers.training import Result
from trainers.widgets.base import answer_while_busy, bundle, larger_in_class
from trainers.widgets.chart import FILES, Chart, finite, run_data
from trainers.widgets.export import Exported, page_bundle

Runs = Mapping[str, History | Result | Sequence[History | Result]]


class RunComparison(Exported):
    """Validation losses of several training runs in one plot, with their best epochs and restores.

    Click a name in the legend to hide or show its run; training losses can be shown as well. A static picture is
    saved with the notebook.

    Parameters
    ----------
    runs : mapping of str to History, Result, or a sequence of these
        The runs by name. Several runs with one name, such as runs with different seeds, are drawn as a band from the
        lowest to the highest validation loss, with a curve for the mean. Only epochs that exist in all of these
        runs are drawn.

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

    def __init__(self, runs: Runs) -> None:
        if not isinstance(runs, Mapping) or not runs:
            raise TypeError(f"runs must be a non-empty mapping of names to histories, got {runs!r}.")
        self.runs: dict[str, History | list[History]] = {str(name): _histories(name, run) for name, run in runs.items()}
        self._chart: Chart | None = None

    @property
    def figure(self) -> Figure:
        """Static picture of all runs; `savefig` writes it as PNG or SVG."""
        return plot_histories(self.runs)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        runs = [_run_data(name, run) for name, run in self.runs.items()]
        return "Comparison of runs", {"runs": runs, "alt": self.figure.alt, "named": True}

    def _ipython_display_(self) -> None:
        if page := page_bundle(self):
            IPython.display.display(page, raw=True)
            return
        if self._chart is None:
            self._chart = Chart(self._page()[1])
            answer_while_busy(self._chart)
            larger_in_class(self._chart)
        else:
            # A history may have new epochs.
            self._chart.show(self._page()[1])
        IPython.display.display(bundle(self._chart, repr(self)), raw=True)
        IPython.display.display(self.figure)

    def __repr__(self) -> str:
        return f"<RunComparison of {', '.join(self.runs)}>"


def _histories(name: Any, run: Any) -> History | list[History]:
    several = list(run) if isinstance(run, Sequence) and not isinstance(run, History) else [run]
    if not several or not all(isinstance(one, History | Result) for one in several):
        raise TypeError(f"runs[{name!r}] must be a History, a Result or a list of these, got {run!r}.")
    histories = [one if isinstance(one, History) else one.history for one in several]
    if isinstance(run, History | Result):
        return histories[0]
    if min(map(len, histories)) == 0:
        raise ValueError(f"runs[{name!r}] must have an epoch in each history of a band, got {histories!r}.")
    return histories


def _run_data(name: str, run: History | list[History]) -> dict[str, Any]:
    if isinstance(run, History):
        return run_data(run, name)
    low, mean, high = band(run)
    averaged = History(name)
    for epoch in range(len(mean)):
        train = sum(history[epoch].train_loss for history in run) / len(run)
        averaged.append(train_loss=train, validation_loss=mean[epoch], reason=f"mean of {len(run)} runs")
    edges = [[finite(a), finite(b)] for a, b in zip(low, high, strict=True)]
    return {**run_data(averaged, f"{name} (mean of {len(run)}, band: all)"), "band": edges}
