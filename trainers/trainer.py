"""`Trainer`: the interface that every trainer keeps, and the checks that come with it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from data import DataSet
from data._deprecated import current_name_in
from trainers.block import Block
from trainers.checks import check_forward
from trainers.history import Epoch, History
from trainers.losses import bad_model, check_model
from trainers.torch_utils import ModelState, as_device, copy_state, load_state, with_threads


class StopTraining(Exception):  # noqa: N818 - it asks for an end; nothing went wrong
    """Raised by a callback, or between batches, to end a run cleanly."""


# Trainers in a run, by identity, as a trainer may define what equals it. A copy of a trainer in a run is in none.
RUNNING: dict[int, Trainer] = {}


def running_trainer(block: Block) -> Trainer | None:
    """The trainer that is in a run just now and is this block, or trains it."""
    return next((t for t in list(RUNNING.values()) if block is t or block is t.model), None)


class Trainer(Block):
    """A block that trains a model: sets, then epochs, then final touches.

    A trainer of your own declares its hyperparameters, and in `doEpoch` calls
    ``super().doEpoch(model)``, trains, calls `record` and returns the model. The other two
    methods are there to be extended in the same way.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (n, time, feature) to the same shape. It is moved to the device.
    device : str or torch.device, default "cpu"
        "cpu", or "gpu" for whatever accelerator PyTorch finds; also "cuda:1" and the like.
    name : str, optional
        Used in tables and legends. Default: the class's name.
    **hyperparameters
        As the class declares them.

    Attributes
    ----------
    history : History
        One row for each epoch of the present run.
    train_set, validation_set : DataSet
        As given to `setDataSets`.
    train_inputs, train_targets, validation_inputs, validation_targets : torch.Tensor
        The same, (n, time, feature), float32, on the device.
    train_mask, validation_mask : torch.Tensor or None
        Which of their values count in the loss, (n, time, feature), on the device; None if all do.
    train_lengths, validation_lengths : torch.Tensor or None
        Steps of each sequence, (n,), where shorter ones are padded; None if none is.
    planned_epochs : int or None
        How many epochs the driver means to run; None for a loop of one's own.
    between_batches : callable or None
        Called with no argument between batches, by a trainer that can; may raise `StopTraining`.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If the model is none or cannot learn, or the device is unknown or missing.
    """

    def __init__(
        self, model: nn.Module, device: str | torch.device = "cpu", *, name: str | None = None, **hyperparameters: Any
    ) -> None:
        check_model(model)
        if not any(p.requires_grad for p in model.parameters()):
            raise bad_model(model, "must have a parameter with requires_grad, got none.")
        self._device = as_device(device)
        super().__init__(name=name, **hyperparameters)
        self._model = model.to(self._device)
        self.history = History(self.name)
        self.train_set: DataSet | None = None
        self.validation_set: DataSet | None = None
        self.train_inputs = self.train_targets = self.validation_inputs = self.validation_targets = torch.empty(0)
        self.train_mask = self.train_lengths = self.validation_mask = self.validation_lengths = None
        self.planned_epochs: int | None = None
        self.between_batches: Callable[[], None] | None = None
        self._stage = "without data"
        self._trained = False
        self._reached: ModelState | None = None
        self._queued: dict[tuple[int, str], tuple[Block, Any, Any]] = {}
        self._notes: list[str] = []

    @property
    def model(self) -> nn.Module:
        """The model that this trainer trains; it cannot be exchanged."""
        return self._model

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    @property
    def threads(self) -> int:
        """CPU threads that an epoch takes: as many as PyTorch is set to."""
        return torch.get_num_threads()

    @property
    def running(self) -> bool:
        """Whether a `Run` is going on, so that changes are better queued; see `Run`."""
        return id(self) in RUNNING

    def __getstate__(self) -> dict[str, Any]:
        # The hook is the driver's, and a monitor's holds locks and widgets: a copied or stored trainer is without it.
        return {**self.__dict__, "between_batches": None}

    def setDataSets(self, train: Any, validation: Any) -> None:  # noqa: N802 - the contract's name
        """Take the sets of a new run; augmentation belongs here, in a subclass.

        A new history starts; the model's weights stay as they are.

        Parameters
        ----------
        train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
            Of equal length and width.

        Raises
        ------
        TypeError, ValueError
            If a set is not fit for use (see `DataSet`), the two do not fit each other, or the
            model does not take them. Everything is then as it was.
        """
        train, validation = DataSet.of(train, "training set"), DataSet.of(validation, "validation set")
        shapes = [tuple(data.sequences.shape) for data in (train, validation)]
        if shapes[0][1:] != shapes[1][1:]:
            raise ValueError(f"training and validation set must have one length and width, got the shapes {shapes}.")
        with with_threads(self.threads):
            self._try_model(train, validation)
        self.train_set, self.validation_set = train, validation
        self.train_inputs, self.train_targets, self.train_mask = self._on_device(train)
        self.validation_inputs, self.validation_targets, self.validation_mask = self._on_device(validation)
        self.train_lengths, self.validation_lengths = train.lengths, validation.lengths
        altered = "" if torch.equal(train.targets, train.sequences) else "on altered inputs"
        note = ", ".join(filter(None, [str(getattr(self.model, "training_note", "")), altered]))
        self._trained = self._trained or len(self.history) > 0
        self.history = History(self.name, note)
        self.planned_epochs = self._reached = None
        self._notes = []
        self._stage = "not trained for any epoch yet"

    def _on_device(self, data: DataSet) -> list[Any]:
        return [None if part is None else part.to(self.device) for part in (data.sequences, data.targets, data.mask)]

    @abstractmethod
    def doEpoch(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Train the model for one epoch, add one row to the history, and return the model.

        A subclass calls this first; it checks that an epoch may begin.

        Parameters
        ----------
        model : torch.nn.Module
            The trainer's own.

        Raises
        ------
        RuntimeError
            If there are no data sets yet, or the run was finalized.
        ValueError
            If the model is another one.
        """
        self._check_own(model)
        if self._stage in ("without data", "finalized"):
            raise RuntimeError(f"doEpoch of {self.name!r}: the trainer is {self._stage}. Call setDataSets or resume.")
        self._reached = None
        self.apply_queued()
        return model.train()

    def finalizeTraining(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Put the final touches to the model, after the last epoch, and return it in evaluation mode.

        Raises
        ------
        RuntimeError
            If no epoch was trained, or the run was finalized already.
        ValueError
            If the model is another one.
        """
        self._check_own(model)
        if self._stage != "training":
            raise RuntimeError(f"finalizeTraining of {self.name!r} must follow doEpoch: the trainer is {self._stage}.")
        self._stage = "finalized"
        # A subclass may now put other weights in; these are what the last epoch reached.
        self._reached = self.reached_state()
        return model.eval()

    def check_resume(self) -> None:
        """Raise if there is no run that `resume` could reopen."""
        if self._stage != "finalized":
            raise RuntimeError(f"resume of {self.name!r} needs a finalized run: the trainer is {self._stage}.")

    def resume(self) -> None:
        """Reopen the finalized run, so that `doEpoch` goes on with it."""
        self.check_resume()
        self._stage = "training"
        self.planned_epochs = None

    def record(self, *, train_loss: float, validation_loss: float, **more: Any) -> Epoch:
        """Add the row of the epoch just trained to the history; `**more` as in `Epoch`."""
        more["note"] = "; ".join(filter(None, [*self._notes, more.get("note")]))
        row = self.history.append(train_loss=train_loss, validation_loss=validation_loss, **more)
        self._notes = []
        self._stage = "training"
        return row

    def queue(self, name: str, value: Any, block: Block | None = None) -> Any:
        """Change a hyperparameter at the start of the next epoch, and note it in that epoch's row.

        Safe to call from another thread while an epoch is being trained. Without a run going on,
        the change is made at once.

        Parameters
        ----------
        name : str
            A hyperparameter of the block.
        value : bool, int, float, str or None
            As assigned to it; checked here and now.
        block : Block, optional
            Another than the trainer, such as its model.

        Returns
        -------
        bool, int, float, str or None
            The value as it will be.

        Raises
        ------
        TypeError, ValueError, AttributeError
            As an assignment would raise them, also for an unknown name.
        RuntimeError
            If the processor cannot train the model with this precision.
        """
        block = self if block is None else block
        if name not in block.declared():
            name = current_name_in(type(block), name)
        if name not in block.declared():
            raise AttributeError(block._unknown(name, "hyperparameter or attribute"))
        value = block.declared()[name].check_assignment(block, value)
        if block is self:
            self.check_change(name, value)
        if not self.running:
            setattr(block, name, value)
        else:
            self._queued[id(block), name] = block, value, getattr(block, name)
        return value

    def check_change(self, name: str, value: Any) -> None:
        """Raise if a value that its declaration allows cannot be set now; for subclasses to say more."""

    def check_plan(self, epochs: int) -> None:
        """Raise if a run cannot end after so many epochs; for subclasses to say more."""

    def apply_queued(self) -> None:
        """Make the queued changes now; the next row notes them."""
        queued, self._queued = self._queued, {}
        for (_, name), (block, value, before) in queued.items():
            if getattr(block, name) != before or value == before:
                continue  # assigned since, or queued back: what came last counts
            whose = "" if block is self else f"{block.name}: "
            self._notes.append(f"{whose}{name} {before} → {value}")
            setattr(block, name, value)

    def branch(self, epoch: int, state: ModelState, best_state: ModelState, *, name: str | None = None) -> History:
        """Go back to an earlier epoch, and go on from there with a history of a new name.

        Its first rows are those up to `epoch`; the old history stays as it is, without the new rows.

        Parameters
        ----------
        epoch : int
            A row of the present history.
        state : dict of torch.Tensor
            Parameters and buffers that this epoch reached, as callbacks get them.
        best_state : dict of torch.Tensor
            Those of the best epoch up to there.
        name : str, optional
            Default: the trainer's name and the epoch.

        Returns
        -------
        History
            The new one, which is now the trainer's.

        Raises
        ------
        RuntimeError, ValueError
            If there is no such epoch, or the state is another model's.
        """
        history = self.history.branch(epoch, name or f"{self.name}, from epoch {epoch}")
        load_state(self.model, state)
        self.history, self._reached = history, None
        return history

    def reached_state(self) -> ModelState:
        """A copy of parameters and buffers as the last epoch left them, before any swap."""
        if self._reached is None:
            return copy_state(self.model)
        return {name: tensor.clone() for name, tensor in self._reached.items()}

    def _check_own(self, model: nn.Module) -> None:
        if model is not self.model:
            raise ValueError(f"model must be the one that {self.name!r} was built with, got another.")

    def _try_model(self, train: DataSet, validation: DataSet) -> None:
        """Raise if the model cannot be trained on these sets, before anything is changed."""
        check_forward(self.model, train, validation)
