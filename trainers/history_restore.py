"""`HistoryRestore`: which epoch was best, and what to do after one that was worse."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from trainers.history import History, epoch_name
from trainers.torch_utils import ModelState, load_state


@dataclass
class HistoryRestore:
    """The best model so far, and the decision after each epoch.

    It decides by the validation loss alone: by the training loss, an overfitted epoch would be best.
    """

    best_epoch: int | None = None
    best_loss: float = math.nan
    best_model: ModelState | None = None
    best_optimizer: dict[str, Any] = field(default_factory=dict)
    worse_in_a_row: int = 0
    # The learning rate is multiplied by it: a product, one factor for each swap.
    rate_factor: float = 1.0
    # Weights that were trained already when the run began.
    start: ModelState | None = None

    def remember(self, epoch: int, loss: float, model: ModelState, optimizer: dict[str, Any]) -> None:
        """Make this epoch the best. The model's state is a copy already; the optimizer's is copied here."""
        self.best_epoch, self.best_loss, self.best_model = epoch, loss, model
        self.best_optimizer = copy.deepcopy(optimizer)

    def swap(self, model: nn.Module, optimizer: torch.optim.Optimizer, moments: str) -> None:
        """Write the best model's weights into the model; keep, restore or reset the optimizer's moments."""
        assert self.best_model is not None
        load_state(model, self.best_model)
        if moments == "reset":
            optimizer.state.clear()
        elif moments == "restore":
            # The learning rate stays: a scheduler goes on from where it is.
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict(copy.deepcopy({**self.best_optimizer, "param_groups": groups}))

    def judge(self, loss: float, *, swaps: bool, patience: int, tolerance: float) -> tuple[str, str]:
        """Decide after an epoch.

        Parameters
        ----------
        loss : float
            Reconstruction loss on the validation set.
        swaps : bool
            False where restore is off or waits for the end: then a worse epoch is only noted.
        patience : int
            Worse epochs in a row that are let pass since the last best epoch or swap.
        tolerance : float
            Fraction of the lowest loss by which an epoch may exceed it and not count as worse.

        Returns
        -------
        decision : {"best", "keep", "swap"}
            "best": copy the model. "swap": write the best model's weights into it.
        reason : str
            In words, for the history.
        """
        if not math.isfinite(loss):
            if not swaps or self.best_epoch is None:
                return "keep", f"validation loss is {loss}"
            self.worse_in_a_row = 0
            # No patience: weights that give NaN never recover by themselves.
            return "swap", f"validation loss is {loss}; went back to {epoch_name(self.best_epoch)}, moments reset"
        if self.best_epoch is None or loss < self.best_loss:
            self.worse_in_a_row = 0
            return "best", "lowest so far"
        if loss == self.best_loss:
            return "keep", f"equal to {epoch_name(self.best_epoch)}"
        worse = f"{loss:.6g}, worse than {self.best_loss:.6g} of {epoch_name(self.best_epoch)}"
        if loss <= self.best_loss * (1 + tolerance):
            return "keep", worse + f"; within the tolerance of {tolerance:g}"
        self.worse_in_a_row += 1
        if not swaps:
            return "keep", worse
        if self.worse_in_a_row <= patience:
            return "keep", worse + f"; patience, {self.worse_in_a_row} of {patience}"
        self.worse_in_a_row = 0
        return "swap", worse + "; went back to it"


def repeated_epoch(history: History) -> int | None:
    """The restored epoch that the latest one, restored too, repeated to the last bit; None if it did not.

    From one state, with the same batches, the same epoch follows: a livelock.
    """
    restored = [row for row in history if row.restored]
    if len(restored) < 2 or restored[-1].epoch != len(history):
        return None
    # repr, so that a NaN equals a NaN and no digit is lost.
    before, now = ((row.best_epoch, repr(row.train_loss), repr(row.validation_loss)) for row in restored[-2:])
    return restored[-2].epoch if before == now else None
