"""`Rewind`: what the model of a past epoch made of some examples."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Sequence
from typing import Any

from torch import nn

from data import DataSet
from trainers.history import Epoch
from trainers.model_state import ModelState, load_state
from trainers.reconstruction import reconstruct
from trainers.widgets.snapshots import Snapshots

MOST_EXAMPLES = 12
# The first feature of each example; None where it is not finite, as JSON has no NaN.
Rebuilt = list[list[float | None]]


class Rewind:
    """Keeps the models of a run's epochs, and reconstructs the examples with any of them.

    Safe to be asked from another thread than the one that trains.

    Parameters
    ----------
    examples : DataSet, array or tensor, shape (n, time, feature) or (n, time), optional
        At most 12 sequences.
    titles : sequence of str, optional
        One for each example. Default: the class names of a labelled data set.
    budget : int, default 256 * 2**20
        Bytes of memory; see `Snapshots`.

    Attributes
    ----------
    note : str
        Why there are no reconstructions, where there should be.

    Raises
    ------
    TypeError, ValueError
        If the examples are no sequences or too many, the titles do not fit, or the budget is none.
    """

    def __init__(self, examples: Any = None, titles: Sequence[str] | None = None, budget: int = 256 * 2**20) -> None:
        self.examples = None if examples is None else DataSet.of(examples, "examples")
        self.titles = _titles(self.examples, titles)
        self.note = ""
        self._snapshots = Snapshots(budget)
        self._viewer: nn.Module | None = None
        self._lock = threading.RLock()

    def watch(self, model: nn.Module) -> None:
        """Make a copy of the model to rewind in, beside the one that is being trained."""
        try:
            self._viewer, self.note = copy.deepcopy(model).cpu().eval(), ""
        except Exception as error:  # whatever a user's model raises: the training does not need the copy
            self._viewer = None
            self.note = f"the model cannot be copied, so rewind shows no reconstructions ({error})"

    def forget(self) -> None:
        """Drop all epochs, for another run."""
        with self._lock:
            self._snapshots = Snapshots(self._snapshots.budget)

    def add(self, row: Epoch, state: ModelState) -> None:
        """Keep an epoch's model: the callback's own copy, as the epoch left it before any swap."""
        with self._lock:
            self._snapshots.add(row, state)

    def nearest(self, epoch: int) -> int:
        """The epoch nearest to this one whose model is still there."""
        with self._lock:
            return self._snapshots.nearest(epoch)

    def rebuilt(self, epoch: int) -> Rebuilt | None:
        """What the model of the nearest kept epoch makes of the examples; None without examples."""
        with self._lock:
            if self.examples is None or self._viewer is None or not len(self._snapshots):
                return None
            load_state(self._viewer, self._snapshots[self._snapshots.nearest(epoch)])
            values = reconstruct(self._viewer, self.examples)[..., 0]
        return [[round(v, 3) if math.isfinite(v) else None for v in sequence] for sequence in values.tolist()]

    def states(self, epoch: int, best: int | None) -> tuple[ModelState, ModelState]:
        """Those of a kept epoch and of the best one that it goes back to (itself, if there is none)."""
        with self._lock:
            state = self._snapshots[epoch]
            return state, state if best is None else self._snapshots[best]

    def branch(self, epoch: int, row: Epoch) -> None:
        """Go on with the epochs up to this one, whose row is replaced."""
        with self._lock:
            self._snapshots = self._snapshots.branch(epoch, row)

    def choose(self, most: int) -> list[int]:
        """At most so many of the kept epochs, the latest, best and restored ones first."""
        with self._lock:
            kept, row = self._snapshots.epochs, self._snapshots.row
            if len(kept) <= most:
                return kept
            first = [e for e in kept if row(e).restored or row(e).best_epoch == e]
        first = first[:: -(-len(first) // (most // 2))] if len(first) > most // 2 else first
        rest = kept[:: -(-len(kept) // (most - len(first) - 1))]
        return sorted({*first, *rest, kept[-1]})

    def examples_data(self) -> list[dict[str, Any]]:
        """The examples as chart.js takes them."""
        if self.examples is None:
            return []
        values = self.examples.sequences[..., 0].tolist()
        return [
            {"title": title, "values": [round(v, 3) for v in sequence]}
            for title, sequence in zip(self.titles, values, strict=True)
        ]


def _titles(examples: DataSet | None, titles: Sequence[str] | None) -> list[str]:
    if examples is None:
        return []
    if len(examples) > MOST_EXAMPLES:
        msg = f"examples takes at most {MOST_EXAMPLES} sequences; got {len(examples)}. Choose some, such as beats[:6]."
        raise ValueError(msg)
    if titles is not None:
        if isinstance(titles, str) or len(titles) != len(examples):
            msg = f"titles must be one for each of the {len(examples)} examples; got {titles!r}."
            raise ValueError(msg)
        return [str(title) for title in titles]
    if examples.labels is not None and examples.labels.ndim == 1 and examples.class_names:
        return [examples.class_names[label] for label in examples.labels]
    return [f"example {i + 1}" for i in range(len(examples))]
