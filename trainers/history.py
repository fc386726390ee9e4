"""`History`: the record of a training run, with one row per epoch."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from data._deprecated import with_old_names
from data.markup import without_math
from data.words import four_digits, many

if TYPE_CHECKING:
    from trainers.plotting import Figure


@with_old_names
@dataclass(frozen=True, eq=False)
class Epoch:
    """The record of one epoch. Two records are equal if all attributes except the wall time are equal.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    train_loss, validation_loss : float
        Mean losses. The validation loss is that of the model at the end of the epoch, *before* a restore.
    best_epoch : int or None
        The epoch with the lowest validation loss so far, including this one; 0 is the start (`History.start`).
    best_loss : float
        The validation loss of `best_epoch`.
    restored : bool
        Whether the best weights were restored after this epoch.
    reason : str
        The reason why the best weights were restored, or why they were not.
    learning_rate : float
        The learning rate of the last step of the epoch; NaN if the trainer has none.
    note : str
        Other events, such as hyperparameters that changed at the start of the epoch, or a branch that begins here.
    seconds : float
        Wall time of the epoch in seconds, without pauses.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    best_epoch: int | None
    best_loss: float
    restored: bool = False
    reason: str = ""
    learning_rate: float = math.nan
    note: str = ""
    seconds: float = field(default=math.nan, compare=False)

    def as_text(self) -> str:
        """Return the row as text, such as "epoch 17: training 12.10, validation 13.20, worse than …"."""
        validation = four_digits(self.validation_loss, self.best_loss)
        text = f"epoch {self.epoch}: training {four_digits(self.train_loss)}, validation {validation}"
        # do not repeat the loss if the reason begins with it
        reason = self.reason.removeprefix(f"{validation}, ")
        return ", ".join(filter(None, [text, reason])) + (f" ({self.note})" if self.note else "")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Epoch):
            return NotImplemented
        # repr, so that two NaN losses are equal and all digits are compared
        ours, theirs = ([repr(getattr(row, f.name)) for f in fields(row) if f.compare] for row in (self, other))
        return ours == theirs

    def __hash__(self) -> int:
        return hash((self.epoch, repr(self.validation_loss)))


# The types of the attributes of a row.
_TYPES: dict[str, Any] = {"int": int, "float": int | float, "int | None": int | None, "bool": bool, "str": str}


def epoch_name(number: int | None) -> str:
    """Return "epoch 3" for 3, "the start" for 0 and "no epoch" for None."""
    return {None: "no epoch", 0: "the start"}.get(number, f"epoch {number}")


def best_as_text(history: History) -> str:
    """Return text such as ", best: epoch 3 (validation loss 0.1230)", or "" if there is no best epoch yet."""
    best = history.best
    return f", best: {epoch_name(best.epoch)} (validation loss {four_digits(best.validation_loss)})" if best else ""


class History(Sequence[Epoch]):
    """The record of a training run: a sequence with one `Epoch` per epoch.

    Parameters
    ----------
    name : str, default "run"
        Used in legends.
    note : str, default ""
        The reason why the training loss is not comparable with the validation loss, such as
        "under teacher forcing"; "" if they are comparable. Plots show it.

    Attributes
    ----------
    start : Epoch or None
        Record of the start, if the run began with trained weights; its number is 0, and it is not one of the rows.
        These weights are the best weights until an epoch has a lower validation loss.

    Examples
    --------
    >>> history = History()
    >>> _ = history.append(train_loss=0.5, validation_loss=0.4)
    >>> _ = history.append(train_loss=0.4, validation_loss=0.6, restored=True)
    >>> history.best.epoch, history.restored_epochs
    (1, [2])
    """

    def __init__(self, name: str = "run", note: str = "") -> None:
        self.name, self.note = name, note
        self.start: Epoch | None = None
        self._rows: list[Epoch] = []

    def begin(self, validation_loss: float) -> None:
        """Record the validation loss of the initial weights, which are the best weights so far."""
        self.start = Epoch(0, math.nan, float(validation_loss), 0, float(validation_loss))

    def copy(self) -> History:
        """Return an independent history with the same rows."""
        other = History(self.name, self.note)
        other.start, other._rows = self.start, self._rows[:]
        return other

    def append(self, *, train_loss: float, validation_loss: float, **more: Any) -> Epoch:
        """Append the row of an epoch, and compute the number of the epoch and the best epoch so far."""
        best = self.best if self._rows else self.start
        epoch, loss = len(self) + 1, float(validation_loss)
        # a trainer may pass tensors
        more |= {name: float(more[name]) for name in ("learning_rate", "seconds") if name in more}
        # the epoch and the loss of the best so far
        if math.isfinite(loss) and (best is None or loss < best.validation_loss):
            lowest: tuple[int | None, float] = epoch, loss
        else:
            lowest = (best.epoch, best.validation_loss) if best else (None, math.nan)
        self._rows.append(Epoch(epoch, float(train_loss), loss, *lowest, **more))
        return self._rows[-1]

    def cut(self, epochs: int) -> None:
        """Remove the rows after this number of epochs."""
        del self._rows[epochs:]

    @property
    def best(self) -> Epoch | None:
        """The first row with the lowest validation loss, or `start` if no row is lower; None if no loss is finite."""
        number = self._rows[-1].best_epoch if self._rows else None
        return self.start if number == 0 else None if number is None else self._rows[number - 1]

    @property
    def restored_epochs(self) -> list[int]:
        """Epochs after which the best weights were restored."""
        return [row.epoch for row in self if row.restored]

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a table, with one column for each attribute of `Epoch`."""
        return pd.DataFrame([asdict(row) for row in self], columns=[f.name for f in fields(Epoch)])

    def branch(self, epoch: int, name: str) -> History:
        """Return a new history that begins with the rows of this one up to `epoch`.

        If the weights were restored after the last of these epochs, its copied row has
        ``restored=False``: the branch continues with the weights at the end of that epoch, before
        the restore.
        """
        if not 1 <= epoch <= len(self):
            raise ValueError(f"epoch must be one of the {len(self)} epochs of {self.name!r}, got {epoch}.")
        branch = self.copy()
        branch.name, branch._rows = name, self._rows[:epoch]
        note = "; ".join(filter(None, [branch._rows[-1].note, f"branched from {self.name}"]))
        branch._rows[-1] = replace(branch._rows[-1], restored=False, reason="", note=note)
        return branch

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a CSV file."""
        self.to_frame().to_csv(path, index=False)

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a JSON file as a list of objects; a loss that is not finite becomes null."""
        # JSON has no NaN or infinity
        rows = json.loads(json.dumps([asdict(row) for row in self]), parse_constant=lambda _: None)
        Path(path).write_text(json.dumps(rows, indent=1, allow_nan=False), encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """Return name, note, start and rows as a dictionary of numbers and strings."""
        start = None if self.start is None else asdict(self.start)
        return {"name": self.name, "note": self.note, "start": start, "rows": [asdict(row) for row in self]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> History:
        """Return the history that `to_dict` described; raise an error unless it is one."""
        history = cls(values["name"], values["note"])
        history.start = None if values["start"] is None else Epoch(**values["start"])
        history._rows = [Epoch(**row) for row in values["rows"]]
        first = int(history.start is None)
        for number, row in enumerate([*filter(None, [history.start]), *history], first):
            typed = all(isinstance(getattr(row, f.name), _TYPES[str(f.type)]) for f in fields(row))
            best = row.best_epoch
            if not typed or row.epoch != number or not (best is None or first <= best <= number):
                raise ValueError(f"rows must be epochs numbered from 1, got {row!r}.")
        return history

    def plot(self, **options: Any) -> Figure:
        """Plot both losses, the best epoch and the restores; see `plot_history`."""
        from trainers.plotting import plot_history

        return plot_history(self, **options)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._rows[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self._rows == other._rows

    def __repr__(self) -> str:
        text = f"History {self.name!r}: {many(len(self), 'epoch')}{best_as_text(self)}"
        return text + (f", restored after {self.restored_epochs}" if self.restored_epochs else "")

    def _repr_html_(self) -> str:
        # without wall times, so that a notebook shows the same each time
        frame = self.to_frame().drop(columns="seconds")
        frame = frame if frame["note"].any() else frame.drop(columns="note")
        return without_math(frame.to_html(index=False, float_format="{:.4g}".format))
