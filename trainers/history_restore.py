"""`HistoryRestore`: remember the best epoch, and decide whether to restore it after a worse one."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from data._deprecated import with_old_names
from data.words import four_digits
from trainers.history import History, epoch_name
from trainers.torch_utils import ModelState, load_state


@with_old_names
@dataclass
class HistoryRestore:
    """The best model so far, and the decision after each epoch.

    The decision depends only on the validation loss, because an overfitted epoch has a low training loss.
    """

    best_epoch: int | None = None
    best_loss: float = math.nan
    best_model: ModelState | None = None
    best_optimizers: list[dict[str, Any]] = field(default_factory=list)
    num_bad_epochs: int = 0
    # product of one lr_factor per restore, which the learning rate is multiplied by
    rate_factor: float = 1.0
    # trained weights that the run began with
    start: ModelState | None = None

    def remember(self, epoch: int, loss: float, model: ModelState, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        """Make this epoch the best. `model` must be a copy; the states of the optimizers are copied here."""
        self.best_epoch, self.best_loss, self.best_model = epoch, loss, model
        self.best_optimizers = copy.deepcopy([optimizer.state_dict() for optimizer in optimizers])

    def restore(self, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], optimizer_state: str) -> None:
        """Copy the best weights into the model; keep, restore or reset the states of the optimizers."""
        assert self.best_model is not None
        load_state(model, self.best_model)
        for optimizer, best in zip(optimizers, self.best_optimizers, strict=True):
            if optimizer_state == "reset":
                optimizer.state.clear()
            elif optimizer_state == "restore":
                # keep the current learning rate, which a scheduler may have set
                groups = optimizer.state_dict()["param_groups"]
                optimizer.load_state_dict(copy.deepcopy({**best, "param_groups": groups}))

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes by name."""
        return dict(vars(self))

    def decide(self, loss: float, *, restores: bool, patience: int, min_delta_ratio: float) -> tuple[str, str]:
        """Decide after an epoch.

        Parameters
        ----------
        loss : float
            Reconstruction loss on the validation set.
        restores : bool
            Whether to restore after a worse epoch. If False, the reason is still given.
        patience : int
            Number of consecutive worse epochs, since the last best epoch or restore, that are tolerated.
        min_delta_ratio : float
            Fraction of the lowest loss by which a loss may exceed it without counting as worse.

        Returns
        -------
        decision : {"best", "keep", "restore"}
            "best": copy the model. "keep": do nothing. "restore": copy the best weights into the model.
        reason : str
            Text for the history.
        """
        if not math.isfinite(loss):
            if not restores or self.best_epoch is None:
                return "keep", f"validation loss is {loss}"
            self.num_bad_epochs = 0
            # without patience, because weights with a NaN loss do not recover
            return (
                "restore",
                f"validation loss is {loss}; restored {epoch_name(self.best_epoch)}, optimizer state reset",
            )
        if self.best_epoch is None or loss < self.best_loss:
            self.num_bad_epochs = 0
            return "best", "lowest so far"
        if loss == self.best_loss:
            return "keep", f"equal to {epoch_name(self.best_epoch)}"
        ours, best = four_digits(loss, self.best_loss), four_digits(self.best_loss, loss)
        worse = f"{ours}, worse than {best} of {epoch_name(self.best_epoch)}"
        if loss <= self.best_loss + abs(self.best_loss) * min_delta_ratio:
            return "keep", worse + f"; within min_delta_ratio={min_delta_ratio:g}"
        self.num_bad_epochs += 1
        if not restores:
            return "keep", worse
        if self.num_bad_epochs <= patience:
            return "keep", worse + f"; patience, {self.num_bad_epochs} of {patience}"
        self.num_bad_epochs = 0
        return "restore", worse + "; best weights restored"


def repeated_epoch(history: History) -> int | None:
    """Return the number of the previous restored epoch if the latest epoch is its exact repetition, or None.

    Two epochs are the same if they start from the same state with the same batches; this is a livelock.
    """
    restored = [row for row in history if row.restored]
    if len(restored) < 2 or restored[-1].epoch != len(history):
        return None
    # repr, so that two NaN losses are equal and all digits are compared
    before, now = ((row.best_epoch, repr(row.train_loss), repr(row.validation_loss)) for row in restored[-2:])
    return restored[-2].epoch if before == now else None
