"""`Trainer`: the interface of every trainer, and its checks."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from data import DataSet
from data._deprecated import current_name_in
from data.lazy import same_values
from trainers import distributed
from trainers.block import Block
from trainers.checks import check_forward
from trainers.console import interrupt_everywhere
from trainers.history import Epoch, History
from trainers.losses import bad_model, check_model, target_mask
from trainers.torch_utils import (
    ModelState,
    as_device,
    check_tensors,
    copy_state,
    frozen_names,
    load_state,
    load_weights,
    with_threads,
)


class StopTraining(Exception):  # noqa: N818 - a request to stop, not an error
    """Exception to raise in a callback, or between batches, to end a training run cleanly."""


# Stages of a trainer between two epochs, as its errors name them.
_STAGES = ("without data sets", "without an epoch", "in training", "that is finalized")

# Trainers with a run in progress, by id: a trainer may define __eq__, and a copy of it is not running.
RUNNING: dict[int, Trainer] = {}


def running_trainer(block: Block) -> Trainer | None:
    """Return the trainer with a run in progress that is this block or trains it, or None."""
    return next((t for t in list(RUNNING.values()) if block is t or block is t.model), None)


class Trainer(Block):
    """Base class of trainers: set the data sets, train epochs, finalize the model.

    A subclass declares its hyperparameters. Its `doEpoch` calls ``super().doEpoch(model)``, trains
    the model, calls `record` and returns the model. `setDataSets` and `finalizeTraining` can be
    extended in the same way.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (n, time, feature) to the same shape, or to that of the targets. It is moved to the device.
    device : str or torch.device, default "cpu"
        "cpu", or "gpu" for the accelerator that PyTorch finds; also a specific device such as "cuda:1".
    name : str, optional
        Used in tables and legends. Default: the name of the class.
    **hyperparameters
        The hyperparameters that the class declares.

    Attributes
    ----------
    history : History
        One row for each epoch of the current training run.
    train_set, validation_set : DataSet
        The arguments of `setDataSets`.
    train_inputs, train_targets, validation_inputs, validation_targets : torch.Tensor
        The values of the sets, (n, time, feature), float32, on the device. Those of data beyond memory are a
        `data.lazy.LazyTensor`, whose rows are read and moved to the device when they are indexed.
    train_mask, validation_mask : torch.Tensor or None
        True for targets that are used in the loss, (n, time, feature), on the device; None: all are used.
    train_lengths, validation_lengths : torch.Tensor or None
        Number of time steps of each sequence without its padding, (n,); None: no sequence is padded.
    planned_epochs : int or None
        Planned number of epochs, set by `Run`; None in a custom loop.
    between_batches : callable or None
        Called without arguments between batches, by trainers that support it; may raise `StopTraining`.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If `model` is not an `nn.Module` or has no trainable parameters, or the device is unknown or not available.
    """

    def __init__(
        self, model: nn.Module, device: str | torch.device = "cpu", *, name: str | None = None, **hyperparameters: Any
    ) -> None:
        check_model(model)
        if not any(p.requires_grad for p in model.parameters()):
            raise bad_model(model, "must have at least one parameter with requires_grad=True, got 0.")
        self._device = as_device(device)
        distributed.connect(self._device)
        super().__init__(name=name, **hyperparameters)
        self._model = model.to(self._device)
        self.history = History(self.name)
        self.train_set: DataSet | None = None
        self.validation_set: DataSet | None = None
        # the sets before an augmentation by a subclass, as far as they are known
        self._given_sets: tuple[DataSet, DataSet] | None = None
        self.train_inputs: Any = torch.empty(0)
        self.train_targets = self.validation_inputs = self.validation_targets = self.train_inputs
        self.train_mask = self.train_lengths = self.validation_mask = self.validation_lengths = None
        self.planned_epochs: int | None = None
        self.between_batches: Callable[[], None] | None = None
        self._stage = "without data sets"
        self._trained = self._in_epoch = False
        self._paused = 0.0
        self._reached: ModelState | None = None
        self._queued: dict[tuple[int, str], tuple[Block, Any, Any]] = {}
        self._notes: list[str] = []

    @property
    def model(self) -> nn.Module:
        """The model that this trainer trains; read-only."""
        return self._model

    @property
    def device(self) -> torch.device:
        """The device on which the model is trained; read-only."""
        return self._device

    @property
    def threads(self) -> int:
        """Number of CPU threads used in an epoch: the value of `torch.get_num_threads`."""
        return torch.get_num_threads()

    @property
    def finalized(self) -> bool:
        """Whether the last run was finalized, so that `resume` can reopen it."""
        return self._stage == "that is finalized"

    @property
    def in_epoch(self) -> bool:
        """Whether an epoch has begun and has neither ended nor been undone."""
        return self._in_epoch

    @property
    def running(self) -> bool:
        """Whether a `Run` is in progress; if so, change hyperparameters with `queue`."""
        return id(self) in RUNNING

    def __getstate__(self) -> dict[str, Any]:
        # a copied or pickled trainer is without the hook, which may refer to a monitor with locks and widgets
        return {**self.__dict__, "between_batches": None}

    def setDataSets(self, train: Any, validation: Any) -> None:  # noqa: N802 - a name of the contract
        """Set the data sets of a new training run; a subclass can augment them here.

        A new history starts. The weights of the model are not changed.

        Parameters
        ----------
        train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
            Both sets must have the same number of time steps and features.

        Raises
        ------
        TypeError, ValueError
            If a set is invalid (see `DataSet`), the two sets are incompatible, or the model cannot process
            them. In this case nothing is changed.
        """
        train, validation = DataSet.of(train, "training set"), DataSet.of(validation, "validation set")
        for part in ("sequences", "targets"):
            shapes = [tuple(getattr(data, part).shape) for data in (train, validation)]
            if shapes[0][1:] != shapes[1][1:]:
                what = "time steps and features" + " of its targets" * (part == "targets")
                raise ValueError(f"validation set must match the training set in {what}, got {shapes}.")
        with with_threads(self.threads):
            self._try_model(train, validation)
        # the sets, and their tensors on the device
        self.train_set, self.validation_set = self._given_sets = train, validation
        self.train_inputs, self.train_targets, self.train_mask = self._on_device(train)
        self.validation_inputs, self.validation_targets, self.validation_mask = self._on_device(validation)
        self.train_lengths, self.validation_lengths = train.lengths, validation.lengths
        # why the training loss may not be comparable with the validation loss
        targets, inputs = train.targets, train.sequences
        altered = "" if targets.shape != inputs.shape or same_values(targets, inputs) else "on altered inputs"
        note = ", ".join(filter(None, [str(getattr(self.model, "training_note", "")), altered]))
        self._trained = self._trained or len(self.history) > 0
        self.history = History(self.name, note)
        self.planned_epochs = self._reached = None
        self._notes, self._in_epoch = [], False
        self._stage = "without an epoch"

    def _on_device(self, data: DataSet) -> list[Any]:
        inputs, mask = data.sequences.to(self.device), target_mask(data)
        targets = inputs if data.targets is data.sequences else data.targets.to(self.device)
        return [inputs, targets, None if mask is None else mask.to(self.device)]

    @abstractmethod
    def doEpoch(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Train the model for one epoch, add one row to the history, and return the model.

        A subclass calls this method first. It checks that an epoch can begin.

        Parameters
        ----------
        model : torch.nn.Module
            The model of this trainer.

        Raises
        ------
        RuntimeError
            If there are no data sets yet, or the run was finalized.
        ValueError
            If `model` is not the model of this trainer.
        """
        self._check_own(model)
        if self._stage in ("without data sets", "that is finalized"):
            raise self._stage_error("doEpoch", "setDataSets or resume")
        if self.train_set is None:
            raise self._stage_error("doEpoch", "load(path, data=(training, validation))")
        self._reached = None
        self.apply_queued()
        self._in_epoch = True
        return model.train()

    def finalizeTraining(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Finalize the model after the last epoch, and return it in evaluation mode.

        Raises
        ------
        RuntimeError
            If no epoch was trained, or the run was finalized before.
        ValueError
            If `model` is not the model of this trainer.
        """
        self._check_own(model)
        if self._stage != "in training":
            raise self._stage_error("finalizeTraining", "doEpoch")
        self._stage = "that is finalized"
        # keep the weights of the last epoch, because a subclass may now load others
        self._reached = self.reached_state()
        return model.eval()

    @property
    def depends_on_plan(self) -> bool:
        """Whether the planned number of epochs changes the epochs before the last, as a cosine schedule does."""
        return False

    def check_resume(self) -> None:
        """Raise an error if there is no training run to continue."""
        if self._stage not in ("in training", "that is finalized"):
            raise self._stage_error("resume", "finalizeTraining")

    def resume(self) -> None:
        """Reopen the training run if it is finalized, so that `doEpoch` continues it."""
        self.check_resume()
        self._stage = "in training"
        self.planned_epochs = None

    def record(self, *, train_loss: float, validation_loss: float, **more: Any) -> Epoch:
        """Add the row of the epoch that has just ended to the history; `**more` are other attributes of `Epoch`."""
        more["note"] = "; ".join(filter(None, [*self._notes, more.get("note")]))
        row = self.history.append(train_loss=train_loss, validation_loss=validation_loss, **more)
        self._notes = []
        self._stage, self._in_epoch = "in training", False
        return row

    def queue(self, name: str, value: Any, block: Block | None = None) -> Any:
        """Change a hyperparameter at the start of the next epoch, and note it in that epoch's row.

        It is safe to call this method from another thread while an epoch is being trained. If no
        run is in progress, the change is made immediately.

        Parameters
        ----------
        name : str
            A hyperparameter of the block.
        value : bool, int, float, str or None
            The new value; it is checked immediately.
        block : Block, optional
            The block to change, such as the model. Default: the trainer.

        Returns
        -------
        bool, int, float, str or None
            The new value, as it will be stored.

        Raises
        ------
        TypeError, ValueError, AttributeError
            If the name is unknown or the value is not allowed. The error is the same as for a direct assignment.
        RuntimeError
            If the device cannot train the model with this precision.
        """
        block = self if block is None else block
        if name not in block.declared():
            name = current_name_in(type(block), name)
        if name not in block.declared():
            raise AttributeError(block._unknown(name, "hyperparameter or attribute"))
        value = block.declared()[name].check_assignment(block, value)
        # checks beyond the declaration
        if block is self:
            self.check_change(name, value)
        if not self.running:
            setattr(block, name, value)
        else:
            self._queued[id(block), name] = block, value, getattr(block, name)
        return value

    def pause_point(self) -> None:
        """Serve Ctrl-C and `between_batches`; a `doEpoch` calls this between two batches."""
        interrupt_everywhere()
        # one rank alone must not stop
        if self.between_batches is not None and distributed.size() == 1:
            before = time.perf_counter()
            self.between_batches()
            self._paused += time.perf_counter() - before

    def undo_epoch(self) -> None:
        """Undo an unfinished epoch; trainers without history restore cannot."""

    @property
    def stop_reason(self) -> str | None:
        """The reason why a run should end after this epoch; None if it should not."""
        return None

    def check_change(self, name: str, value: Any) -> None:
        """Raise an error if a valid value cannot be set at present; subclasses can extend this method."""

    def check_plan(self, epochs: int) -> None:
        """Raise an error if a training run cannot end after `epochs` epochs; subclasses can extend this method."""

    def apply_queued(self) -> None:
        """Apply the queued changes; the next row notes them."""
        queued, self._queued = self._queued, {}
        for (_, name), (block, value, before) in queued.items():
            if getattr(block, name) != before or value == before:
                continue  # a later assignment has priority; an unchanged value needs no note
            owner = "" if block is self else f"{block.name}: "
            self._notes.append(f"{owner}{name} {before} → {value}")
            setattr(block, name, value)

    def branch(self, epoch: int, state: ModelState, best_state: ModelState, *, name: str | None = None) -> History:
        """Return to an earlier epoch, and continue from it with a new history.

        The new history begins with the rows up to `epoch`. The old history is not changed.

        Parameters
        ----------
        epoch : int
            An epoch of the current history.
        state : dict of torch.Tensor
            Parameters and buffers at the end of this epoch, as passed to callbacks.
        best_state : dict of torch.Tensor
            Parameters and buffers of the best epoch up to `epoch`.
        name : str, optional
            Name of the new history. Default: the name of the trainer and the epoch.

        Returns
        -------
        History
            The new history of the trainer.

        Raises
        ------
        RuntimeError, ValueError
            If there is no such epoch, or the state belongs to a different model.
        """
        history = self.history.branch(epoch, name or f"{self.name}, from epoch {epoch}")
        load_state(self.model, state)
        self.history, self._reached = history, None
        return history

    def state_dict(self) -> dict[str, Any]:
        """Return all state that a training run changes, for `trainers.save` and checkpoints.

        A subclass with further state extends this method and `load_state_dict`. The dictionary may contain tensors,
        arrays, numbers, strings, None, and lists, tuples and dictionaries of these. Tensors need not be copies.

        Raises
        ------
        RuntimeError
            If an epoch is in progress, or has failed and could not be undone.
        """
        if self._in_epoch:
            raise RuntimeError(f"{self.name!r} must be between two epochs to be saved, got an unfinished epoch.")
        owners = {id(self): "trainer", id(self.model): "model"}
        queued = [[owners[key], name, *values] for (key, name), (_, *values) in self._queued.items() if key in owners]
        return {
            "model": copy_state(self.model),
            "frozen": frozen_names(self.model),
            "history": self.history.to_dict(),
            "planned_epochs": self.planned_epochs,
            "stage": self._stage,
            "trained": self._trained,
            "reached": self._reached,
            "notes": self._notes,
            "queued": queued,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what `state_dict` returned, after `setDataSets` with the same data sets."""
        history = History.from_dict(state["history"])
        stage, notes, planned = state["stage"], state["notes"], state["planned_epochs"]
        if stage not in _STAGES or not isinstance(planned, int | None) or not all(isinstance(n, str) for n in notes):
            raise ValueError(f"stage must be one of {_STAGES}, got {stage!r}, {planned!r} epochs and {notes!r}.")
        if state["reached"] is not None:
            check_tensors(self.model, state["reached"])
        load_weights(self.model, state["model"], state["frozen"])
        self.history, self._reached, self._notes, self._stage = history, state["reached"], list(notes), stage
        self.planned_epochs, self._trained, self._in_epoch = planned, bool(state["trained"]), False
        blocks: dict[str, Any] = {"trainer": self, "model": self.model}
        self._queued = {}
        for owner, name, value, before in state["queued"]:
            value = blocks[owner].declared()[name].check_assignment(blocks[owner], value)
            self._queued[id(blocks[owner]), name] = blocks[owner], value, before

    @property
    def best_state(self) -> ModelState | None:
        """Parameters and buffers of the best epoch, if the trainer keeps them; do not change them."""
        return None

    def reached_state(self) -> ModelState:
        """Return a copy of parameters and buffers at the end of the last epoch, before a restore."""
        if self._reached is None:
            return copy_state(self.model)
        return {name: tensor.clone() for name, tensor in self._reached.items()}

    def _stage_error(self, method: str, earlier: str) -> RuntimeError:
        return RuntimeError(f"{method} of {self.name!r} must be called after {earlier}, got a trainer {self._stage}.")

    def _check_own(self, model: nn.Module) -> None:
        if model is not self.model:
            raise ValueError(f"model must be the model of {self.name!r}, got a different one.")

    def _try_model(self, train: DataSet, validation: DataSet) -> None:
        """Raise an error if the model cannot be trained on these sets; nothing is changed."""
        check_forward(self.model, train, validation)
