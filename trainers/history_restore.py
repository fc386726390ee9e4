"""`HistoryRestore`: which epoch was best, and what to do after one that was worse."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from data._deprecated import with_old_names
from trainers.history import History, epoch_name
from trainers.torch_utils import ModelState, load_state


@with_old_names
@dataclass
class HistoryRestore:
    """The best model so far, and the decision after each epoch.

    It decides by the validation loss alone: by the training loss, an overfitted epoch would be best.
    """

    best_epoch: int | None = None
    best_loss: float = math.nan
    best_model: ModelState | None = None
    best_optimizer: dict[str, Any] = field(default_factory=dict)
    num_bad_epochs: int = 0
    # The learning rate is multiplied by it: a product, one factor for each swap.
    rate_factor: float = 1.0
    # Weights that were trained already when the run began.
    start: ModelState | None = None

    def remember(self, epoch: int, loss: float, model: ModelState, optimizer: dict[str, Any]) -> None:
        """Make this epoch the best. The model's state is a copy already; the optimizer's is copied here."""
        self.best_epoch, self.best_loss, self.best_model = epoch, loss, model
        self.best_optimizer = copy.deepcopy(optimizer)

    def restore(self, model: nn.Module, optimizer: torch.optim.Optimizer, optimizer_state: str) -> None:
        """Copy the best weights into the model; keep, restore or reset the optimizer's state."""
        assert self.best_model is not None
        load_state(model, self.best_model)
        if optimizer_state == "reset":
            optimizer.state.clear()
        elif optimizer_state == "restore":
            # The learning rate stays: a scheduler goes on from where it is.
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict(copy.deepcopy({**self.best_optimizer, "param_groups": groups}))

    def decide(self, loss: float, *, restores: bool, patience: int, min_delta_ratio: float) -> tuple[str, str]:
        """Decide after an epoch.

        Parameters
        ----------
        loss : float
            Reconstruction loss on the validation set.
        restores : bool
            False where restore is off or waits for the end: then a worse epoch is only noted.
        patience : int
            Worse epochs in a row that are let pass since the last best epoch or swap.
        min_delta_ratio : float
            Fraction of the lowest loss by which an epoch may exceed it and not count as worse.

        Returns
        -------
        decision : {"best", "keep", "restore"}
            "best": copy the model. "restore": copy the best weights into it.
        reason : str
            In words, for the history.
        """
        if not math.isfinite(loss):
            if not restores or self.best_epoch is None:
                return "keep", f"validation loss is {loss}"
            self.num_bad_epochs = 0
            # No patience: weights that give NaN never recover by themselves.
            return (
                "restore",
                f"validation loss is {loss}; restored {epoch_name(self.best_epoch)}, optimizer state reset",
            )
        if self.best_epoch is None or loss < self.best_loss:
            self.num_bad_epochs = 0
            return "best", "lowest so far"
        if loss == self.best_loss:
            return "keep", f"equal to {epoch_name(self.best_epoch)}"
        worse = f"{loss:.6g}, worse than {self.best_loss:.6g} of {epoch_name(self.best_epoch)}"
        if loss <= self.best_loss * (1 + min_delta_ratio):
            return "keep", worse + f"; within min_delta_ratio={min_delta_ratio:g}"
        self.num_bad_epochs += 1
        if not restores:
            return "keep", worse
        if self.num_bad_epochs <= patience:
            return "keep", worse + f"; patience, {self.num_bad_epochs} of {patience}"
        self.num_bad_epochs = 0
        return "restore", worse + "; best weights restored"


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
