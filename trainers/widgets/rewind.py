"""`Rewind`: what the model of a past epoch made of some examples."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from data import DataSet
from trainers.history import Epoch
from trainers.losses import reconstruct
from trainers.torch_utils import ModelState, load_state
from trainers.widgets.snapshots import Snapshots

MOST_EXAMPLES = 12


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
        self._viewer, self.note = None, ""
        if self.examples is None:
            return
        try:
            viewer = copy.deepcopy(model).cpu().eval()
            reconstruct(viewer, self.examples)
        except Exception as error:  # whatever a user's model raises: the training does not need the copy
            self._give_up(error)
        else:
            self._viewer = viewer

    def _give_up(self, error: Exception) -> None:
        self._viewer = None
        self.note = f"rewind shows no reconstructions: {type(error).__name__}, {error}"

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

    def rebuilt(self, epoch: int) -> tuple[int, np.ndarray | None]:
        """The kept epoch nearest to this one, and what its model makes of the examples.

        Shape (n, time, feature); None without examples, without any epoch, or if the model fails.
        """
        with self._lock:
            kept = self._snapshots.nearest(epoch) if len(self._snapshots) else epoch
            if self.examples is None or self._viewer is None or not len(self._snapshots):
                return kept, None
            try:
                load_state(self._viewer, self._snapshots[kept])
                return kept, reconstruct(self._viewer, self.examples).numpy()
            except Exception as error:  # as in `watch`
                self._give_up(error)
                return kept, None

    def states(self, epoch: int) -> tuple[int, ModelState, ModelState]:
        """The nearest kept epoch, its state, and that of the best one up to there."""
        with self._lock:
            kept = self._snapshots.nearest(epoch)
            best = self._snapshots.row(kept).best_epoch or kept
            if best not in self._snapshots:
                msg = (
                    f"no run can branch off from epoch {kept}: its best model is that of epoch {best}, which this "
                    "monitor has not seen. Watch a run from its first epoch."
                )
                raise ValueError(msg)
            return kept, self._snapshots[kept], self._snapshots[best]

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
            must = {kept[-1], row(kept[-1]).best_epoch or kept[-1]} & set(kept)
            first = [e for e in kept if row(e).restored or row(e).best_epoch == e]
        first = first[:: -(-len(first) // (most // 2))] if len(first) > most // 2 else first
        rest = kept[:: -(-len(kept) // (most - len(first) - len(must)))]
        return sorted({*first, *rest, *must})

    def examples_data(self) -> list[dict[str, Any]]:
        """The examples as chart.js takes them."""
        if self.examples is None:
            return []
        values = self.for_page(self.examples.sequences.numpy())
        return [{"title": title, "values": v} for title, v in zip(self.titles, values, strict=True)]

    def for_page(self, values: np.ndarray) -> list[list[float | None]]:
        """The first feature, to a thousandth of the examples' range; None where not finite, as JSON has no NaN."""
        assert self.examples is not None
        span = float(np.ptp(self.examples.sequences[..., 0].numpy())) or 1.0
        digits = 3 - math.floor(math.log10(span))
        return [[round(v, digits) if math.isfinite(v) else None for v in one] for one in values[..., 0].tolist()]


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
