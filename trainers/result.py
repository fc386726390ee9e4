"""`Result`: what a run leaves, enough to repeat it."""

from __future__ import annotations

import copy
import platform
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from data.markup import escaped, without_math
from trainers.block import Block
from trainers.history import History
from trainers.run import Callback, Run


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}


def _copy_of(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except Exception as error:  # whatever a user's model raises must not cost the result
        msg = (
            f"result.model is the trainer's own model, which changes when the trainer goes on: {type(model).__name__} "
            f"cannot be copied ({type(error).__name__}: {error})."
        )
        warnings.warn(msg, UserWarning, stacklevel=2)
        return model


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of `benchmark`: a record, which stays as it is when its trainer goes on.

    Attributes
    ----------
    model : torch.nn.Module
        A copy of the trained and finalized model, in evaluation mode.
    history : History
        A copy, one row for each epoch.
    hyperparameters : dict of dict
        Those of every block that took part (trainer and model), by its name, JSON-ready.
    seed : int or None
        The trainer's, if it has one.
    device : str
        Where it was trained.
    planned_epochs : int
        What was asked for.
    stopped : str or None
        Why it ended before, if it did.
    seconds : float
        Wall time of all epochs.
    versions : dict of str
        Of Python, PyTorch and NumPy.
    threads : int
        PyTorch's, on the CPU; another number may change the last digits. A `BatchedTrainer` of a small model takes
        one only (`trainers.threads`).
    tables : str
        The hyperparameters as HTML tables, as they were at the end of the run.
    callbacks : tuple of callables
        Those of the run; a monitor lives on here.
    """

    model: nn.Module
    history: History
    hyperparameters: dict[str, dict[str, Any]]
    seed: int | None
    device: str
    planned_epochs: int
    stopped: str | None
    seconds: float
    versions: dict[str, str] = field(default_factory=_versions)
    threads: int = field(default_factory=torch.get_num_threads)
    tables: str = field(default="", repr=False)
    callbacks: tuple[Callback, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, run: Run) -> Result:
        """The result of a run that has ended."""
        trainer = run.trainer
        blocks = tuple(b for b in (trainer, trainer.model) if isinstance(b, Block))
        # Two blocks of one name are both kept.
        names = [
            f"{b.name} ({type(b).__name__})" if sum(o.name == b.name for o in blocks) > 1 else b.name for b in blocks
        ]
        return cls(
            model=_copy_of(trainer.model),
            history=trainer.history.copy(),
            hyperparameters={name: block.hyperparameters for name, block in zip(names, blocks, strict=True)},
            seed=getattr(trainer, "seed", None),
            device=str(trainer.device),
            planned_epochs=run.planned_epochs,
            stopped=run.stopped,
            seconds=float(sum(row.seconds for row in trainer.history)),
            tables="".join(block._repr_html_() for block in blocks),
            threads=trainer.threads,
            callbacks=run.callbacks,
        )

    def __getstate__(self) -> dict[str, Any]:
        # Callbacks hold locks, widgets and models of past epochs: a stored result is without them.
        return {**self.__dict__, "callbacks": ()}

    def summary(self) -> str:
        """One sentence: how far it came, its best epoch, how often restore fired."""
        text = f"{self.history.name}: {len(self.history)} of {self.planned_epochs} epochs"
        if self.stopped:
            text += f" ({self.stopped})"
        if best := self.history.best:
            text += f", best {best.epoch or 'the start'} (validation loss {best.validation_loss:.4g})"
        return text + f", restored {len(self.history.restored_epochs)}×"

    def __repr__(self) -> str:
        return f"<Result of {self.summary()}>"

    def _repr_html_(self) -> str:
        # No wall time here: it would differ each time the notebook is run.
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return without_math(
            f"<p><b>{escaped(self.summary())}</b>; on {escaped(self.device)}, seed {escaped(self.seed)}.</p>"
            f"<details><summary>hyperparameters and versions</summary>{self.tables}<p>{escaped(versions)}</p></details>"
        )
