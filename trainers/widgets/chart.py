"""`Chart`: loss curves and reconstructions in a page, drawn by chart.js and updated with one row per epoch."""

from __future__ import annotations

import math
import threading
from typing import Any

import anywidget
import traitlets

from trainers.history import Epoch, History
from trainers.plotting import drawn_loss
from trainers.widgets.export import SHARED, read_assets

FILES = (*SHARED, "chart.css", "loss_plot.js", "zoom.js", "chart.js")


def row_data(row: Epoch) -> list[Any]:
    """Return a row as a list for chart.js; a non-finite loss becomes None, because JSON has no NaN."""
    best = None if finite(row.best_loss) is None else row.best_epoch
    data = [row.epoch, finite(row.train_loss), finite(row.validation_loss), best, int(row.restored)]
    # If the initial weights are the best, add their loss: they have no row.
    start, rate = finite(row.best_loss) if row.best_epoch == 0 else None, finite(row.learning_rate)
    more = [start, rate] if rate is not None else [start] if start is not None else []
    return [*data, row.as_text(), *more]


def run_data(history: History, name: str | None = None) -> dict[str, Any]:
    """Return a history as a dictionary for chart.js."""
    return {"name": name or history.name, "note": history.note, "rows": [row_data(row) for row in history]}


class Chart(anywidget.AnyWidget):
    """Loss curves and reconstructions in a page.

    All sent data is also in `current`: a page that is opened late or reloaded requests all of it. Jupyter saves a copy
    of the trait `data` with the notebook; only `store` changes it, because each change sends all of it.

    Parameters
    ----------
    data : dict
        ``runs`` (see `run_data`), and optionally ``planned``, ``examples``, ``state`` and ``alt``. With ``rewinds``
        (for each epoch, the reconstruction of each example), an exported page has a slider.
    """

    _esm = read_assets(FILES, ".js")
    _css = read_assets(FILES, ".css")
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, data: dict[str, Any]) -> None:
        # Guards the stored data and the order of messages: the training loop and the page's messages change both.
        self._lock = threading.RLock()
        self.current = data
        self.rewound: dict[str, Any] | None = None
        super().__init__(data=_copied(data))
        self.on_msg(self._receive)

    def show(self, data: dict[str, Any]) -> None:
        """Replace all data and send it, with the epoch that is marked now."""
        with self._lock:
            self.current = data
            self.send({"kind": "all", "data": self.current, "rewind": self.rewound})

    def store(self) -> None:
        """Store all data in the page's model, which is saved with a notebook; a chart that is drawn ignores it."""
        with self._lock:
            self.data = _copied({**self.current, "rewind": self.rewound})

    def add(self, history: History, **more: Any) -> None:
        """Send the new rows of the last run, and replace other entries such as ``state`` and ``planned``."""
        with self._lock:
            sent = self.current["runs"][-1]["rows"]
            rows = [row_data(row) for row in history[len(sent) :]]
            sent.extend(rows)
            self.current.update(more)
            self.send({"kind": "rows", "rows": rows, "more": more})

    def change(self, **more: Any) -> None:
        """Replace entries such as ``state`` and ``planned``."""
        with self._lock:
            self.current.update(more)
            self.send({"kind": "state", "more": more})

    def rewind(self, epoch: int, kept: int, reconstruction: list[list[float | None]] | None) -> None:
        """Mark an epoch, and show the examples as reconstructed by the model of the nearest kept epoch."""
        with self._lock:
            self.rewound = {"epoch": epoch, "kept": kept, "reconstruction": reconstruction}
            self.send({"kind": "rewind", **self.rewound})

    def _receive(self, _: Any, message: dict[str, Any], __: Any) -> None:
        if message.get("kind") == "hello":
            with self._lock:
                self.show(self.current)


def _copied(data: dict[str, Any]) -> dict[str, Any]:
    """Return a copy whose rows do not change; rows are only added to the original."""
    return {**data, "runs": [{**run, "rows": run["rows"][:]} for run in data["runs"]]}


def finite(value: float) -> float | None:
    """Return the value as it is drawn, or None if it is not finite, because JSON has no such value."""
    return drawn if math.isfinite(drawn := drawn_loss(value)) else None
