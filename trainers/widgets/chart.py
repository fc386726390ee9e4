"""`Chart`: the picture in the page, drawn by chart.js; it is sent one row an epoch."""

from __future__ import annotations

import math
import threading
from typing import Any

import anywidget
import traitlets

from trainers.history import Epoch, History
from trainers.widgets.export import SHARED, read_assets

FILES = (*SHARED, "chart.css", "chart.js")


def row_data(row: Epoch) -> list[Any]:
    """A row as chart.js takes it; JSON has no NaN, so a loss that is not finite becomes null."""
    data = [row.epoch, finite(row.train_loss), finite(row.validation_loss), row.best_epoch, int(row.restored)]
    # The start has no row to find its loss in.
    return [*data, row.as_text(), *([finite(row.best_loss)] if row.best_epoch == 0 else [])]


def run_data(history: History, name: str | None = None) -> dict[str, Any]:
    """A history as chart.js takes it."""
    return {"name": name or history.name, "note": history.note, "rows": [row_data(row) for row in history]}


class Chart(anywidget.AnyWidget):
    """Loss curves and reconstructions in a page.

    Everything that was sent is held here too: a page that appears late, or is loaded again, asks
    for it and gets the whole.

    Parameters
    ----------
    data : dict
        ``runs`` (see `run_data`), and optionally ``planned``, ``examples``, ``state``, ``alt``. With
        ``rewinds`` (by epoch, the reconstruction of each example) an exported page has a slider.
    """

    _esm = read_assets(FILES, ".js")
    _css = read_assets(FILES, ".css")
    data = traitlets.Dict().tag(sync=True)

    def __init__(self, data: dict[str, Any]) -> None:
        # Guards what is held and the order of what is sent: the loop and the page's messages do both.
        self._lock = threading.RLock()
        self.now = data
        self.rewound: dict[str, Any] | None = None
        super().__init__(data=data)
        self.on_msg(self._hear)

    def show(self, data: dict[str, Any]) -> None:
        """Replace and send everything, but for the epoch that is marked."""
        with self._lock:
            self.now = data
            self.send({"kind": "all", "data": self.now, "rewind": self.rewound})

    def add(self, history: History, **more: Any) -> None:
        """Add the rows of the last run that were not sent yet, and replace ``state``, ``planned`` and so on."""
        with self._lock:
            sent = self.now["runs"][-1]["rows"]
            rows = [row_data(row) for row in history[len(sent) :]]
            sent.extend(rows)
            self.now.update(more)
            self.send({"kind": "rows", "rows": rows, "more": more})

    def change(self, **more: Any) -> None:
        """Replace ``state``, ``planned`` and so on."""
        with self._lock:
            self.now.update(more)
            self.send({"kind": "state", "more": more})

    def rewind(self, epoch: int, kept: int, reconstruction: list[list[float | None]] | None) -> None:
        """Mark an epoch and show what the model of the nearest kept epoch made of the examples."""
        with self._lock:
            self.rewound = {"epoch": epoch, "kept": kept, "reconstruction": reconstruction}
            self.send({"kind": "rewind", **self.rewound})

    def _hear(self, _: Any, message: dict[str, Any], __: Any) -> None:
        if message.get("kind") == "hello":
            with self._lock:
                self.show(self.now)


def finite(value: float) -> float | None:
    """None in place of a value that JSON does not have."""
    return value if math.isfinite(value) else None
