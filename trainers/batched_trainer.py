"""`BatchedTrainer`: mini-batches, Adam, and history restore after every worse epoch."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from data import DataSet
from data._deprecated import with_old_names
from trainers import torch_utils
from trainers.block import Hyperparameter
from trainers.checks import check_step
from trainers.console import DeferredInterrupt, interrupt_point
from trainers.history import History
from trainers.history_restore import HistoryRestore, repeated_epoch
from trainers.losses import LOSSES, Loss, check_shape, loss_of, mean_loss, run_model
from trainers.torch_utils import (
    LARGEST_SEED,
    ModelState,
    check_optimizer,
    check_tensors,
    copy_state,
    derived_seed,
    load_state,
    own_randomness,
)
from trainers.trainer import Trainer


@with_old_names
class BatchedTrainer(Trainer):
    """Train in mini-batches with Adam, and restore the best weights after every worse epoch.

    After each epoch the reconstruction loss is computed on the whole validation set. If it is the
    lowest so far, the model (parameters and buffers) is copied. If it is higher, the epoch is
    *worse*, and by default the copied model is restored: this is *history restore*. If it is equal,
    nothing is copied or restored. A loss that is not finite counts as higher; the optimizer state is then also
    reset, because it may contain values that are not finite.

    The hyperparameter `optimizer_state` sets what happens to Adam's moments at a restore. With
    "keep", the first step after a restore still uses the momentum of the worse epoch. With
    "restore" and a fixed order of batches (`reshuffle=False`), every following epoch is an exact
    repetition of the worse epoch. With "reset" and a fixed order, every epoch after the second restore
    is a repetition. The training run then makes no more progress (a livelock); the trainer detects this
    and issues a warning.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (n, time, feature) to the same shape. It is moved to the device.
    device : str or torch.device, default "cpu"
        "cpu", or "gpu" for the accelerator that PyTorch finds; also a specific device such as "cuda:1".
    name : str, optional
        Used in tables and legends.
    **hyperparameters
        The hyperparameters are listed below. You can change them between epochs. Only `loss` is
        fixed for a whole training run, because losses of different kinds cannot be compared. It may also be a
        function ``loss(outputs, targets)`` that returns the mean loss of all elements as a scalar tensor, such as
        ``torch.nn.HuberLoss()``; outputs and targets have shape (n, time, feature), or (elements,) if values are
        masked. The hyperparameter is then "custom".

    Attributes
    ----------
    optimizer : torch.optim.Optimizer
        The same object for the lifetime of the trainer, so that a scheduler of `torch.optim.lr_scheduler` can be
        attached to it. The trainer's own learning rate is multiplied by the factor that the scheduler applies.

    Notes
    -----
    The update is Adam, Kingma & Ba 2015 (arXiv:1412.6980), Algorithm 1. The cosine schedule
    is from Loshchilov & Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts. Clipping by
    the norm is from Pascanu et al. 2013 (arXiv:1211.5063), Algorithm 1.

    Three simpler trainers are special cases. The single-instance trainer is ``batch_size=1, restore="off",
    max_grad_norm=None``; with history it is ``batch_size=1, max_grad_norm=None``. The batched trainer without
    history is ``batch_size=10, steps_per_epoch=100, reshuffle=False, restore="off", max_grad_norm=None``.

    Examples
    --------
    >>> import torch
    >>> from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
    >>> beats = torch.sin(torch.linspace(0, 6.28, 20)).repeat(40, 1)
    >>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=8), "cpu", batch_size=8)
    >>> result = benchmark(trainer, beats[:30], beats[30:], epochs=3)
    >>> len(result.history)
    3
    """

    batch_size = Hyperparameter(10, "sequences in a batch", minimum=1)
    steps_per_epoch = Hyperparameter(
        None, "batches per epoch (a small training set is repeated); None: one pass over the set", kind=int, minimum=1
    )
    reshuffle = Hyperparameter(True, "shuffle the sequences in each epoch; False: the same order in every epoch")
    loss = Hyperparameter(
        "mae", "mean absolute or mean squared error over all elements; custom: the given function",
        choices=(*LOSSES, "custom"),
    )  # fmt: skip
    learning_rate = Hyperparameter(0.001, "base learning rate, before schedule and lr_factor", above=0, maximum=1e30)
    schedule = Hyperparameter(
        "constant", "schedule of the learning rate after the warm-up", choices=("constant", "cosine")
    )
    schedule_epochs = Hyperparameter(
        None, "epoch at which a cosine schedule reaches zero; None: the last planned epoch", kind=int, minimum=1
    )
    warmup_epochs = Hyperparameter(0.0, "epochs over which the learning rate rises from zero", minimum=0)
    max_grad_norm = Hyperparameter(1.0, "gradients are clipped to this norm; None: no clipping", optional=True, above=0)
    precision = Hyperparameter(
        "float32", "precision of the training steps; validation is float32", choices=("float32", "bfloat16")
    )
    restore = Hyperparameter(
        "every epoch", "when the best weights are restored", choices=("every epoch", "at the end", "off")
    )
    patience = Hyperparameter(0, "number of consecutive worse epochs tolerated before a restore", minimum=0)
    min_delta_ratio = Hyperparameter(0.0, "'worse' means a loss above (1 + min_delta_ratio) · lowest loss", minimum=0)
    optimizer_state = Hyperparameter(
        "keep",
        "what happens to Adam's moments at a restore: kept, restored with the weights, or reset",
        choices=("keep", "restore", "reset"),
    )
    lr_factor = Hyperparameter(1.0, "the learning rate is multiplied by this at each restore", above=0, maximum=1)
    seed = Hyperparameter(
        0, "seed of the sequence order and of dropout; it makes a run repeatable", minimum=0, maximum=LARGEST_SEED
    )

    def __init__(
        self, model: nn.Module, device: str | torch.device = "cpu", *, name: str | None = None, **hyperparameters: Any
    ) -> None:
        loss = hyperparameters.get("loss")
        self._custom_loss = loss if callable(loss) else None
        if self._custom_loss:
            hyperparameters["loss"] = "custom"
        super().__init__(model, device, name=name, **hyperparameters)
        self._loss_function(self.loss)
        self.optimizer = self._new_optimizer()
        self._begin_run()

    def _begin_run(self) -> None:
        """Discard the best model and all other state of the last training run."""
        self._memory = HistoryRestore()
        self._warned = False
        self._last: dict[str, Any] = {}
        self._loss_of_run = self.loss

    def setDataSets(self, train: Any, validation: Any) -> None:  # noqa: N802
        """Set the data sets of a new training run, and reset the optimizer and the best model.

        Parameters
        ----------
        train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
            Both sets must have the same number of time steps and features. The training set must
            contain at least one batch.

        Raises
        ------
        TypeError, ValueError
            For the reasons listed in `Trainer.setDataSets`, or if `batch_size` is larger than the
            training set.
        """
        begun = len(self.history) > 0
        super().setDataSets(train, validation)
        torch_utils.keep_large_buffers()
        if not self._has_same_parameters():
            self.optimizer = self._new_optimizer()
        elif begun:
            self._reset_optimizer()
        self._begin_run()

    # ------------------------------------------------------------------ one epoch

    def doEpoch(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Train one epoch, compute the validation loss, and restore the best weights if the epoch is worse.

        If the epoch is interrupted, the model and the trainer are reset to their state at the start of the epoch.
        Ctrl-C takes effect between two batches (see `DeferredInterrupt`). Parameters may be frozen or unfrozen between
        epochs.

        Raises
        ------
        RuntimeError, ValueError
            For the reasons listed in `Trainer.doEpoch`, if all parameters are frozen, or if parameters of the model
            were replaced by other objects after `setDataSets`.
        FloatingPointError
            If the validation loss is not finite and there is no best model yet that could be restored.
        """
        epoch, begun = len(self.history) + 1, time.perf_counter()
        # calls Trainer.doEpoch; the epoch is undone if it does not reach its end
        with DeferredInterrupt(), self._complete_or_undone(model):
            # the weights of a model that is already trained may be the best
            note = self._measure_start(model) if epoch == 1 else ""
            total, elements, rate = torch.zeros((), device=self.device), 0, math.nan
            batches = self._batches(len(self.train_inputs), epoch)
            for number, batch in enumerate(batches):
                # pause, stop, Ctrl-C
                self._between_batches()
                with own_randomness(derived_seed(self.seed, epoch, 1 + number), self.device):
                    inputs, targets, mask, lengths = self._batch_data(batch)
                    self.optimizer.zero_grad()
                    # forward
                    with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                        outputs = check_shape(model, run_model(model, inputs, lengths), targets)
                    loss = loss_of(outputs.float(), targets, self._loss_function(self.loss), mask)
                    # backward
                    loss.backward()
                    # clip
                    if self.max_grad_norm is not None:
                        nn.utils.clip_grad_norm_(model.parameters(), self.max_grad_norm)
                    # step
                    rate = self._step(epoch - 1 + number / len(batches), 1 / len(batches))
                # the training loss is the mean over all elements that are not masked
                n = targets.numel() if mask is None else int(mask.sum())
                total += loss.detach() * n
                elements += n
            # validation loss on the whole set
            validation_loss = self._validation_loss(model)
            # history restore
            restored, reason = self._restore(model, epoch, validation_loss)
            self.record(
                train_loss=float(total) / elements,
                validation_loss=validation_loss,
                restored=restored,
                reason=reason,
                learning_rate=rate,
                note=note,
                seconds=time.perf_counter() - begun - self._paused,
            )
        self._warn_of_livelock()
        return model

    def _restore(self, model: nn.Module, epoch: int, loss: float) -> tuple[bool, str]:
        """Copy the model if it is the best, or restore the best; return whether it was restored, and the reason."""
        memory = self._memory
        if memory.best_epoch is None and not math.isfinite(loss):
            problem = f"the first validation loss of {self.name!r} must be finite, got {loss}."
            raise FloatingPointError(f"{problem} Lower learning_rate ({self.learning_rate:g}) or max_grad_norm.")
        decision, reason = memory.decide(
            loss, restores=self.restore == "every epoch", patience=self.patience, min_delta_ratio=self.min_delta_ratio
        )
        if decision == "best":
            memory.remember(epoch, loss, copy_state(model), self.optimizer.state_dict())
        elif decision == "restore":
            self._reached = copy_state(model)
            memory.restore(model, self.optimizer, self.optimizer_state if math.isfinite(loss) else "reset")
            memory.rate_factor *= self.lr_factor
        return decision == "restore", reason

    def _batches(self, n: int, epoch: int) -> tuple[Tensor, ...]:
        """Return the positions of the sequences in each batch; the order depends only on seed and epoch."""
        generator = torch.Generator().manual_seed(derived_seed(self.seed, epoch if self.reshuffle else 0))
        total = n if self.steps_per_epoch is None else self.steps_per_epoch * self.batch_size
        # each pass contains every sequence once
        passes = [torch.randperm(n, generator=generator) for _ in range(math.ceil(total / n))]
        return torch.cat(passes)[:total].split(self.batch_size)

    def _batch_data(self, batch: Tensor) -> list[Any]:
        """Return inputs, targets, mask and lengths of a batch."""
        parts = (self.train_inputs, self.train_targets, self.train_mask, self.train_lengths)
        return [None if part is None else part[batch] for part in parts]

    def _step(self, position: float, part: float) -> float:
        """Take an optimizer step at a position, in epochs, that is a `part` of an epoch; return its learning rate."""
        rate = self._memory.rate_factor * learning_rate_at(self.hyperparameters, position, part, self.planned_epochs)
        groups = self.optimizer.param_groups
        scheduled = [group["lr"] for group in groups]
        for group in groups:
            # multiply with the factor that a scheduler of torch.optim has applied
            group["lr"] = rate * float(group["lr"] / group.setdefault("base", self.learning_rate))
        self.optimizer.step()
        used = groups[0]["lr"]
        for group, lr in zip(groups, scheduled, strict=True):
            # between steps, a scheduler must find the rate that it has set
            group["lr"] = lr
        return used

    def _between_batches(self) -> None:
        interrupt_point()
        if self.between_batches is not None:
            before = time.perf_counter()
            self.between_batches()
            self._paused += time.perf_counter() - before

    def _validation_loss(self, model: nn.Module) -> float:
        inputs, targets, lengths = self.validation_inputs, self.validation_targets, self.validation_lengths
        loss = self._loss_function(self.loss)
        return mean_loss(model, inputs, targets, loss, mask=self.validation_mask, lengths=lengths)

    def _measure_start(self, model: nn.Module) -> str:
        """Count weights that are already trained as the best weights so far; return a note about this, or ""."""
        self.history.start = self._memory.start = None
        loss = math.nan if self.restore == "off" else self._validation_loss(model)
        # weights from another source count as trained if they are clearly better than the best constant
        if not math.isfinite(loss) or not (self._trained or loss < 0.8 * self._constant_loss()):
            return ""
        self.history.begin(loss)
        self._memory.start = copy_state(model)
        self._memory.remember(0, loss, self._memory.start, self.optimizer.state_dict())
        return f"history restore also considers the start, validation loss {loss:.6g}"

    def _constant_loss(self) -> float:
        """Return the validation loss of the best constant: each feature's median, or its mean for "mse"."""
        train, validation = self.train_targets, self.validation_targets
        if self.train_mask is not None:
            train = train.masked_fill(~self.train_mask, math.nan)
        train = train.flatten(0, 1)
        constant = train.nanmean(0) if self.loss == "mse" else train.nanmedian(0).values
        loss = self._loss_function(self.loss)
        return float(loss_of(constant.expand_as(validation), validation, loss, self.validation_mask))

    def _warn_of_livelock(self) -> None:
        if not self._warned and (repeated := repeated_epoch(self.history)):
            self._warned = True
            what = f"epoch {len(self.history)} of {self.name!r} repeated epoch {repeated} exactly, as all later will"
            why = "weights, optimizer state and batches are the same as before that epoch"
            remedy = 'Set reshuffle=True, optimizer_state="keep", or lr_factor below 1.'
            warnings.warn(f"{what}: {why}. {remedy}", RuntimeWarning, stacklevel=3)

    # ------------------------------------------------------------------ undo an interrupted epoch

    @contextmanager
    def _complete_or_undone(self, model: nn.Module) -> Iterator[None]:
        """Begin an epoch, and undo it if an exception, Ctrl-C or `StopTraining` ends it before its row is recorded."""
        self._check_epoch()
        start, rows, self._paused = self._snapshot(), len(self.history), 0.0
        super().doEpoch(model)
        try:
            # after doEpoch has applied queued changes: the number of threads depends on the batch size
            with torch_utils.with_threads(self.threads), torch.enable_grad():
                yield
        except BaseException:
            if len(self.history) == rows:
                self._load_snapshot(start)
                self._in_epoch = False
            raise

    def _snapshot(self) -> dict[str, Any]:
        """Return a copy of all state that an epoch changes."""
        return {
            "model": copy_state(self.model),
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "memory": copy.copy(self._memory),
            "reached": self._reached,
            "modes": {part: part.training for part in self.model.modules()},
        }

    def _load_snapshot(self, snapshot: dict[str, Any]) -> None:
        load_state(self.model, snapshot["model"])
        self.optimizer.load_state_dict(copy.deepcopy(snapshot["optimizer"]))
        self._memory, self._reached = copy.copy(snapshot["memory"]), snapshot["reached"]
        for part, mode in snapshot["modes"].items():
            part.training = mode

    # ------------------------------------------------------------------ finalize, resume, branch

    def finalizeTraining(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Restore the best weights; with ``restore="off"``, keep the last weights."""
        with DeferredInterrupt():
            # before the run is finalized, so that an interrupt here loses nothing
            last = self._snapshot()
            model = super().finalizeTraining(model)
            self._last = last
            if self.restore != "off" and self._memory.best_model is not None:
                load_state(model, self._memory.best_model)
        return model

    @property
    def depends_on_plan(self) -> bool:
        """Whether a cosine schedule ends at the last planned epoch."""
        return self.schedule == "cosine" and self.schedule_epochs is None

    def check_resume(self) -> None:
        """Raise an error if there is no training run to resume, or if its cosine schedule has ended."""
        super().check_resume()
        if self.depends_on_plan and len(self.history) >= (self.planned_epochs or math.inf):
            why = f"to resume after epoch {self.planned_epochs}, where the cosine schedule ended, got None"
            raise ValueError(f'schedule_epochs of {self.name!r} must be set {why}. Set it, or schedule="constant".')

    def resume(self) -> None:
        """Reopen the finalized training run with the weights of its last epoch, not with the best weights."""
        self.check_resume()
        if self.finalized:
            self._load_snapshot(self._last)
        super().resume()

    def branch(self, epoch: int, state: ModelState, best_state: ModelState, *, name: str | None = None) -> History:
        """Return to an earlier epoch, with the best model up to it, and reset Adam's state (see `Trainer.branch`)."""
        history = super().branch(epoch, state, best_state, name=name)
        self._reset_optimizer()
        start, factor = self._memory.start, self.lr_factor ** len(history.restored_epochs)
        self._memory = HistoryRestore(start=start, rate_factor=factor)
        if best := history.best:
            best_state = start if best.epoch == 0 and start is not None else best_state
            self._memory.remember(best.epoch, best.validation_loss, best_state, self.optimizer.state_dict())
        if self.finalized:
            self._last = self._snapshot()
        self._notes.append("optimizer state reset after branching")
        return history

    # ------------------------------------------------------------------ save and load

    def state_dict(self) -> dict[str, Any]:
        """Return the state of `Trainer.state_dict`, and that of optimizer and history restore."""
        # optimizer and memory at the end of the run are the present ones
        last = self._last and {"model": self._last["model"], "restored": self._last["reached"] is not None}
        return {
            **super().state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "memory": self._memory.to_dict(),
            "last": last,
            "loss_of_run": self._loss_of_run,
            "custom_loss": self._name_of_loss(),
            "warned": self._warned,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what `state_dict` returned, after `setDataSets` with the same data sets."""
        if state["custom_loss"] != (name := self._name_of_loss()):
            raise ValueError(f"loss of {self.name!r} must be {state['custom_loss']}, as in the file, got {name}.")
        memory, last = self._memory_of(state["memory"]), dict(state["last"])
        for optimizer in filter(None, (state["optimizer"], memory.best_optimizer)):
            check_optimizer(self.optimizer, optimizer)
        if last:
            check_tensors(self.model, last["model"])
        super().load_state_dict(state)
        self.optimizer.load_state_dict(state["optimizer"])
        self._memory, self._last = memory, {}
        if last:
            reached = self._reached if last["restored"] else None
            self._last = {**self._snapshot(), "model": last["model"], "reached": reached, "modes": {}}
        self._loss_of_run, self._warned = str(state["loss_of_run"]), bool(state["warned"])

    def _memory_of(self, values: dict[str, Any]) -> HistoryRestore:
        """Return the saved history restore, checked against the model."""
        memory = HistoryRestore(**values)
        for tensors in filter(None, (memory.best_model, memory.start)):
            check_tensors(self.model, tensors)
        # the same comparisons as after each epoch, so that a wrong type is found now
        copy.copy(memory).decide(0.0, restores=True, patience=0, min_delta_ratio=0.0)
        return memory

    # ------------------------------------------------------------------ optimizer and threads

    def _new_optimizer(self) -> torch.optim.Optimizer:
        # all parameters: Adam skips those without a gradient, so they may be frozen and unfrozen
        groups = [{"params": list(self.model.parameters()), "base": self.learning_rate}]
        return torch.optim.Adam(groups, lr=self.learning_rate)

    def _reset_optimizer(self) -> None:
        """Reset the optimizer; it stays the same object, because a scheduler may be attached to it."""
        self.optimizer.state.clear()
        self.optimizer.param_groups[0].update(self._new_optimizer().param_groups[0])

    @property
    def threads(self) -> int:
        """Number of CPU threads used in an epoch: one if the model and its batches are small (`useful_threads`)."""
        return torch_utils.useful_threads(self.model, self.batch_size, self.device)

    # ------------------------------------------------------------------ checks

    def check_change(self, name: str, value: Any) -> None:
        """Raise an error if `batch_size` is too large, `loss` is set in a run, or the schedule ends in its warm-up."""
        settings = self._settings(**{name: value})
        if name == "loss" and self.running:
            self._check_loss(value)
        if name in ("schedule", "schedule_epochs", "warmup_epochs") and self.running:
            learning_rate_at(settings, 0, 0, self.planned_epochs)
        if name in ("batch_size", "steps_per_epoch", "precision") and self.train_set is not None:
            # a change may come from another thread while this model is being trained
            self._check_step(self.train_set, settings, alone=not self.running)

    def check_plan(self, epochs: int) -> None:
        """Raise an error if a cosine schedule would end during its warm-up."""
        learning_rate_at(self._settings(), 0, 0, epochs)

    def _settings(self, **changes: Any) -> dict[str, Any]:
        """Return every hyperparameter, with queued changes and these `changes` applied."""
        queued = {name: value for (_, name), (block, value, _) in self._queued.items() if block is self}
        return {**self.hyperparameters, **queued, **changes}

    def _check_epoch(self) -> None:
        """Raise an error if a change since the last epoch makes the next one impossible."""
        if self.train_set is None:
            return
        kind = type(self.model).__name__
        if not self._has_same_parameters():
            raise RuntimeError(f"the model {kind} must keep its parameters during a run, got new parameter objects.")
        if not any(p.requires_grad for p in self.model.parameters()):
            raise RuntimeError(f"the model {kind} must have at least one parameter with requires_grad=True, got 0.")
        if not self.history:
            self._loss_of_run = self.loss
        self._check_loss(self.loss)
        self._check_step(self.train_set, self._settings())

    def _has_same_parameters(self) -> bool:
        optimized = self.optimizer.param_groups[0]["params"]
        return list(map(id, optimized)) == list(map(id, self.model.parameters()))

    def _loss_function(self, loss: str) -> Loss:
        """Return the given function for "custom", otherwise the name itself."""
        if loss == "custom" and self._custom_loss is None:
            raise ValueError(f'loss of {self.name!r} must be a function of outputs and targets, got "custom".')
        return self._custom_loss if loss == "custom" and self._custom_loss is not None else loss

    def _name_of_loss(self) -> str | None:
        """Return the name of the function given as `loss`."""
        loss = self._custom_loss
        if loss is None or hasattr(loss, "__qualname__"):
            return loss and loss.__qualname__
        # such as HuberLoss(delta=1.0)
        numbers = [f"{name}={value!r}" for name, value in vars(loss).items() if type(value) is float]
        return f"{type(loss).__qualname__}({', '.join(numbers)})"

    def _check_loss(self, loss: str) -> None:
        self._loss_function(loss)
        if loss != self._loss_of_run:
            raise ValueError(f"the loss of {self.name!r} must stay {self._loss_of_run!r} during a run, got {loss!r}.")

    def _try_model(self, train: DataSet, validation: DataSet) -> None:
        self._check_size(train, self.batch_size)
        super()._try_model(train, validation)
        self._checked = ()
        self._check_step(train, self._settings())

    def _check_size(self, train: DataSet, size: int) -> None:
        if size > (n := len(train)):
            raise ValueError(f"batch_size of {self.name!r} must be at most {n}, the training set's size, got {size}.")

    def _check_step(self, train: DataSet, settings: dict[str, Any], *, alone: bool = True) -> None:
        """Raise an error if the model cannot be trained with these batches or this precision."""
        size, steps_per_epoch, precision = step = tuple(
            settings[name] for name in ("batch_size", "steps_per_epoch", "precision")
        )
        self._check_size(train, size)
        if step != self._checked:
            last = (len(train) % size if steps_per_epoch is None else 0) or size
            check_step(self.model, train, size, last, precision, alone=alone)
            if alone:
                self._checked = step


def learning_rate_at(settings: Mapping[str, Any], position: float, part: float, planned: int | None) -> float:
    """Return the learning rate of one optimizer step: warm-up, then schedule.

    Parameters
    ----------
    settings : mapping
        The hyperparameters of a `BatchedTrainer`.
    position : float
        Number of epochs before this step.
    part : float
        Length of one step, as a part of an epoch. The first step of a warm-up has a rate above zero.
    planned : int or None
        Epoch at which a cosine schedule reaches zero if `schedule_epochs` is None. The rate then stays zero.

    Raises
    ------
    ValueError
        If a cosine schedule has no end, or ends during the warm-up.
    """
    rate, warmup = settings["learning_rate"], settings["warmup_epochs"]
    end: Any = settings["schedule_epochs"] or planned
    if settings["schedule"] == "cosine" and (end is None or end <= warmup):
        raise ValueError(f"a cosine schedule must end after {warmup:g} warmup_epochs, got {end}. Set schedule_epochs.")
    # warm-up
    if position < warmup:
        return rate * min(1.0, (position + part) / warmup)
    if settings["schedule"] == "constant":
        return rate
    # cosine
    done = (position - warmup) / max(end - warmup, part)
    return rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
