"""`RestoringTrainer`: history restore, undo of an unfinished epoch and early stopping, for any way of training."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections import Counter
from typing import Any

import torch
from torch import nn

from data.words import many
from trainers import distributed, torch_utils
from trainers.block import Hyperparameter
from trainers.console import DeferredInterrupt
from trainers.history import History
from trainers.history_restore import HistoryRestore, repeated_epoch
from trainers.losses import mean_loss
from trainers.torch_utils import (
    ModelState,
    check_optimizer,
    check_tensors,
    copy_state,
    frozen_names,
    load_state,
    load_weights,
)
from trainers.trainer import Trainer


class RestoringTrainer(Trainer):
    """Base class of trainers with history restore.

    A subclass implements `configure_optimizer` and `doEpoch`. Its `doEpoch` begins with ``super().doEpoch(model)``,
    trains the model, and ends with ``return self.end_epoch(model, train_loss=…)``, which computes the validation loss
    and restores the best weights if the epoch was worse (see `BatchedTrainer` for the rule). If `doEpoch` fails or is
    interrupted, the run undoes the epoch. Every trained parameter must belong to the model.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (n, time, feature) to the same shape, or to that of the targets. It is moved to the device.
    device : str or torch.device, default "cpu"
        "cpu", or "gpu" for the accelerator that PyTorch finds; also a specific device such as "cuda:1".
    name : str, optional
        Used in tables and legends.
    **hyperparameters
        Listed below, together with those of the subclass.

    Attributes
    ----------
    optimizers : list of torch.optim.Optimizer
        The optimizers that `configure_optimizer` returned; their state belongs to that of the trainer.
    schedulers : list
        The schedulers that it returned. Each takes one step at the end of an epoch.

    Examples
    --------
    A trainer with one gradient step per epoch:

    >>> import torch
    >>> from trainers import LSTMAutoencoder, RestoringTrainer, benchmark
    >>> class FullBatchTrainer(RestoringTrainer):
    ...     def configure_optimizer(self, model):
    ...         return torch.optim.SGD(model.parameters(), lr=0.5)
    ...
    ...     def doEpoch(self, model):
    ...         super().doEpoch(model)
    ...         loss = (model(self.train_inputs) - self.train_targets).abs().mean()
    ...         self.optimizer.zero_grad()
    ...         loss.backward()
    ...         self.optimizer.step()
    ...         return self.end_epoch(model, train_loss=float(loss.detach()))
    >>> beats = torch.sin(torch.linspace(0, 6.28, 20)).repeat(40, 1)
    >>> result = benchmark(FullBatchTrainer(LSTMAutoencoder(hidden_size=4)), beats[:30], beats[30:], epochs=2)
    >>> len(result.history)
    2
    """

    restore = Hyperparameter(
        "every epoch", "when the best weights are restored", choices=("every epoch", "at the end", "off")
    )
    patience = Hyperparameter(0, "number of consecutive worse epochs tolerated before a restore", minimum=0)
    min_delta_ratio = Hyperparameter(0.0, "'worse' means a loss above (1 + min_delta_ratio) · lowest loss", minimum=0)
    optimizer_state = Hyperparameter(
        "keep",
        "what happens to the optimizer state at a restore: kept, restored with the weights, or reset",
        choices=("keep", "restore", "reset"),
    )
    lr_factor = Hyperparameter(1.0, "the learning rate is multiplied by this at each restore", above=0, maximum=1)
    stop_after = Hyperparameter(
        None, "the run ends after this number of epochs without a new lowest loss; None: never", kind=int, minimum=1
    )

    def __init__(
        self, model: nn.Module, device: str | torch.device = "cpu", *, name: str | None = None, **hyperparameters: Any
    ) -> None:
        super().__init__(model, device, name=name, **hyperparameters)
        self._configure()
        self._begin_run()

    def _begin_run(self) -> None:
        """Discard the best model and all other state of the last training run."""
        self._memory = HistoryRestore()
        self._warned = False
        self._start: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._begun, self._paused, self._start_note = 0.0, 0.0, ""

    def _configure(self) -> None:
        """Build the optimizers and schedulers."""
        self._optimized = list(self.model.parameters())
        self.optimizers, self.schedulers = self._configured()
        self._groups = [dict(group) for optimizer in self.optimizers for group in optimizer.param_groups]

    def _configured(self) -> tuple[list[torch.optim.Optimizer], list[Any]]:
        """Return new optimizers and schedulers from `configure_optimizer`."""
        parts = self.configure_optimizer(self.model)
        parts = list(parts) if isinstance(parts, list | tuple) else [parts]
        optimizers = [part for part in parts if isinstance(part, torch.optim.Optimizer)]
        schedulers = [part for part in parts if isinstance(part, torch.optim.lr_scheduler.LRScheduler)]
        groups = [group for optimizer in optimizers for group in optimizer.param_groups]
        trained = {id(parameter) for group in groups for parameter in group["params"]}
        known = len(optimizers) + len(schedulers) == len(parts) and optimizers
        if not known or trained - set(map(id, self.model.parameters())):
            what = "optimizers of the model's parameters, and schedulers"
            got = "parameters outside the model" if known else f"{parts!r}"
            raise TypeError(f"configure_optimizer of {self.name!r} must return {what}, got {got}.")
        for group in groups:
            # the default of LBFGS is an integer
            group["lr"] = group["lr"] if isinstance(group["lr"], torch.Tensor) else float(group["lr"])
        return optimizers, schedulers

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The first optimizer."""
        return self.optimizers[0]

    def setDataSets(self, train: Any, validation: Any) -> None:  # noqa: N802
        """Set the data sets of a new training run, and reset the optimizer state and the best model.

        The parameters are those of `Trainer.setDataSets`.
        """
        begun = len(self.history) > 0
        super().setDataSets(train, validation)
        if not self._has_same_parameters():
            self._configure()
        else:
            self._update_optimizers(everything=begun)
        self._begin_run()

    # ------------------------------------------------------------------ what a subclass implements or changes

    def configure_optimizer(self, model: nn.Module) -> Any:
        """Return the optimizer, or a list of optimizers and schedulers (of `torch.optim.lr_scheduler`).

        It is called in the constructor and in `setDataSets`, so hyperparameters that it uses take effect there.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement configure_optimizer(model).")

    def validation_loss(self, model: nn.Module) -> float:
        """Return the loss that decides about restores: the mean absolute reconstruction error on the validation set."""
        inputs, targets, lengths = self.validation_inputs, self.validation_targets, self.validation_lengths
        return mean_loss(model, inputs, targets, mask=self.validation_mask, lengths=lengths)

    def counts_as_trained(self, loss: float) -> bool:
        """Return whether the weights at the start of a run may be the best, from their validation loss."""
        return self._trained

    def scale_learning_rate(self, factor: float) -> None:
        """Multiply the learning rate of each optimizer; a scheduler does not see the factors of restores."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] *= factor

    # ------------------------------------------------------------------ one epoch

    def doEpoch(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Check that an epoch can begin, and remember the state to which it is undone if it fails."""
        # if a custom loop has caught an error
        self.undo_epoch()
        if distributed.size() > 1:
            self._follow_rank_0()
        if self.train_set is not None:
            self._check_parameters()
        # the global generators too, because dropout may use them
        self._start = {**self._snapshot(), "random": torch_utils.random_states(self.device), "rows": len(self.history)}
        self._begun, self._paused, self._start_note = time.perf_counter(), 0.0, ""
        super().doEpoch(model)
        if not self.history:
            # the weights of a model that is already trained may be the best
            with torch_utils.with_threads(self.threads):
                self._measure_start(model)
        return model

    def _follow_rank_0(self) -> None:
        """Use the settings and the weights of rank 0, which alone calls the callbacks that may change them."""
        self.apply_queued()
        state = {name: tensor.cpu() for name, tensor in copy_state(self.model).items()}
        settings, state, frozen = distributed.agreed((self.hyperparameters, state, frozen_names(self.model)))
        if distributed.rank():
            for name in [name for name, value in settings.items() if getattr(self, name) != value]:
                setattr(self, name, settings[name])
            load_weights(self.model, state, frozen)

    def end_epoch(self, model: nn.Module, *, train_loss: float, **more: Any) -> nn.Module:
        """End an epoch: compute the validation loss, restore the best weights if it is worse, and record the row.

        Parameters
        ----------
        model : torch.nn.Module
            The model of this trainer.
        train_loss : float
            Mean training loss of the epoch.
        **more
            Other attributes of `Epoch`. Default of `learning_rate`: that of the first optimizer.

        Returns
        -------
        torch.nn.Module
            The model, so that `doEpoch` can return it.

        Raises
        ------
        FloatingPointError
            If the validation loss is not finite and there is no best model yet that could be restored.
        """
        if not self.in_epoch:
            raise RuntimeError(f"end_epoch of {self.name!r} must be called after super().doEpoch, got no epoch.")
        rate = float(self.optimizer.param_groups[0]["lr"])
        # validation loss on the whole set
        # one decision for all ranks
        loss = distributed.agreed(self.validation_loss(model))
        # history restore
        factor = self._memory.rate_factor
        restored, reason = self._restore_if_worse(model, len(self.history) + 1, loss)
        # schedulers
        self.scale_learning_rate(1 / factor)
        self._step_schedulers(loss)
        self.scale_learning_rate(self._memory.rate_factor)
        seconds = time.perf_counter() - self._begun - self._paused
        more = {"seconds": seconds, "note": self._start_note, "learning_rate": rate, **more}
        self.record(train_loss=train_loss, validation_loss=loss, restored=restored, reason=reason, **more)
        self._warn_of_livelock()
        return model

    def _step_schedulers(self, loss: float) -> None:
        for scheduler in self.schedulers:
            with warnings.catch_warnings():
                # PyTorch warns of a copied optimizer, and of schedulers that repeat their steps
                warnings.filterwarnings("ignore", r"(?s).*optimizer\.step\(\)", UserWarning)
                # this one decides from the loss
                plateau = isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
                scheduler.step(loss) if plateau else scheduler.step()

    def undo_epoch(self) -> None:
        """Reset model and trainer to their state at the start of the epoch, if it is unfinished."""
        if self.in_epoch:
            self._load_snapshot(self._start)
            torch_utils.set_random_states(self._start["random"])
            # an error after the row was recorded
            self.history.cut(self._start["rows"])
            self._in_epoch = False

    def _restore_if_worse(self, model: nn.Module, epoch: int, loss: float) -> tuple[bool, str]:
        """Copy the model if it is the best, or restore the best; return whether it was restored, and the reason."""
        memory = self._memory
        if memory.best_epoch is None and not math.isfinite(loss):
            problem = f"the first validation loss of {self.name!r} must be finite, got {loss}."
            name = "learning_rate" if "learning_rate" in self.declared() else "the learning rate"
            rate = getattr(self, name, self.optimizer.param_groups[0]["lr"])
            raise FloatingPointError(f"{problem} Lower {name} ({rate:g}), or clip the gradients.")
        decision, reason = memory.decide(
            loss, restores=self.restore == "every epoch", patience=self.patience, min_delta_ratio=self.min_delta_ratio
        )
        if decision == "best":
            memory.remember(epoch, loss, copy_state(model), self.optimizers)
        elif decision == "restore":
            self._reached = copy_state(model)
            memory.restore(model, self.optimizers, self.optimizer_state if math.isfinite(loss) else "reset")
            memory.rate_factor *= self.lr_factor
        return decision == "restore", reason

    def _measure_start(self, model: nn.Module) -> None:
        """Count weights that are already trained as the best weights so far, and note it."""
        self.history.start = self._memory.start = None
        loss = math.nan if self.restore == "off" else distributed.agreed(self.validation_loss(model))
        if not math.isfinite(loss) or not self.counts_as_trained(loss):
            return
        self.history.begin(loss)
        self._memory.start = copy_state(model)
        self._memory.remember(0, loss, self._memory.start, self.optimizers)
        self._start_note = f"history restore also considers the start, validation loss {loss:.6g}"

    def _warn_of_livelock(self) -> None:
        if not self._warned and (repeated := repeated_epoch(self.history)):
            self._warned = True
            what = f"epoch {len(self.history)} of {self.name!r} repeated epoch {repeated} exactly, as all later will"
            why = "weights, optimizer state and batches are the same as before that epoch"
            remedy = 'Set reshuffle=True, optimizer_state="keep", or lr_factor below 1.'
            warnings.warn(f"{what}: {why}. {remedy}", RuntimeWarning, stacklevel=4)

    @property
    def best_state(self) -> ModelState | None:
        """Parameters and buffers of the best epoch; do not change them."""
        return self._memory.best_model

    @property
    def stop_reason(self) -> str | None:
        """The reason why the run should end now: `stop_after` epochs without a new lowest validation loss."""
        best = self.history.best
        if self.stop_after is None or best is None or len(self.history) - best.epoch < self.stop_after:
            return None
        return f"no lower validation loss for {many(self.stop_after, 'epoch')}"

    # ------------------------------------------------------------------ state

    def _snapshot(self) -> dict[str, Any]:
        """Return a copy of all state that an epoch changes."""
        return {
            "model": copy_state(self.model),
            "optimizers": copy.deepcopy([optimizer.state_dict() for optimizer in self.optimizers]),
            "schedulers": copy.deepcopy([scheduler.state_dict() for scheduler in self.schedulers]),
            "memory": copy.copy(self._memory),
            "reached": self._reached,
            "modes": {part: part.training for part in self.model.modules()},
        }

    def _load_snapshot(self, snapshot: dict[str, Any]) -> None:
        load_state(self.model, snapshot["model"])
        self._load_optimizers(snapshot)
        self._memory, self._reached = copy.copy(snapshot["memory"]), snapshot["reached"]
        for part, mode in snapshot["modes"].items():
            part.training = mode

    def _load_optimizers(self, state: dict[str, Any]) -> None:
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(copy.deepcopy(values))
        for scheduler, values in zip(self.schedulers, state["schedulers"], strict=True):
            scheduler.load_state_dict(copy.deepcopy(values))
            for part in (scheduler, *getattr(scheduler, "_schedulers", ())):
                if isinstance(part, torch.optim.lr_scheduler.MultiStepLR):
                    # a file has a dictionary instead
                    part.milestones = Counter(part.milestones)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of `Trainer.state_dict`, and that of optimizers, schedulers and history restore."""
        # optimizers, schedulers and memory have not changed since the end of the run
        last = self._last and {"model": self._last["model"], "restored": self._last["reached"] is not None}
        return {
            **super().state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "schedulers": [scheduler.state_dict() for scheduler in self.schedulers],
            "memory": self._memory.to_dict(),
            "last": last,
            "warned": self._warned,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what `state_dict` returned, after `setDataSets` with the same data sets."""
        memory, last = self._memory_of(state["memory"]), dict(state["last"])
        for values in filter(None, (state["optimizers"], memory.best_optimizers)):
            for optimizer, one in zip(self.optimizers, values, strict=True):
                check_optimizer(optimizer, one)
        if last:
            check_tensors(self.model, last["model"])
        super().load_state_dict(state)
        self._load_optimizers(state)
        self._memory, self._warned = memory, bool(state["warned"])
        if last:
            reached = self._reached if last["restored"] else None
            last = {**self._snapshot(), "model": last["model"], "reached": reached, "modes": {}}
        self._last = last

    def _memory_of(self, values: dict[str, Any]) -> HistoryRestore:
        """Return the saved history restore, checked against the model."""
        memory = HistoryRestore(**values)
        for tensors in filter(None, (memory.best_model, memory.start)):
            check_tensors(self.model, tensors)
        # the same comparisons as after each epoch, so that a wrong type is found now
        copy.copy(memory).decide(0.0, restores=True, patience=0, min_delta_ratio=0.0)
        return memory

    # ------------------------------------------------------------------ finalize, resume, branch

    def finalizeTraining(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Restore the best weights; with ``restore="off"``, keep the last weights."""
        with DeferredInterrupt():
            self.undo_epoch()
            # before the run is finalized, so that an interrupt here loses nothing
            last = self._snapshot()
            model = super().finalizeTraining(model)
            self._last = last
            if self.restore != "off" and self._memory.best_model is not None:
                load_state(model, self._memory.best_model)
        return model

    def resume(self) -> None:
        """Reopen the finalized training run with the weights of its last epoch, not with the best weights."""
        self.check_resume()
        if self.finalized:
            self._load_snapshot(self._last)
        super().resume()

    def branch(self, epoch: int, state: ModelState, best_state: ModelState, *, name: str | None = None) -> History:
        """Return to an earlier epoch, with the best model up to it, and reset the optimizer (see `Trainer.branch`)."""
        history = super().branch(epoch, state, best_state, name=name)
        self._update_optimizers(everything=True)
        start = self._memory.start
        self._memory = HistoryRestore(start=start)
        # repeat the changes of the learning rate
        for row in history:
            self._memory.rate_factor *= self.lr_factor if row.restored else 1.0
            self._step_schedulers(row.validation_loss)
        self.scale_learning_rate(self._memory.rate_factor)
        if best := history.best:
            best_state = start if best.epoch == 0 and start is not None else best_state
            self._memory.remember(best.epoch, best.validation_loss, best_state, self.optimizers)
        if self.finalized:
            self._last = self._snapshot()
        self._notes.append("optimizer state reset after branching")
        return history

    # ------------------------------------------------------------------ optimizers

    def _update_optimizers(self, *, everything: bool) -> None:
        """Set entries of the parameter groups that `configure_optimizer` changes now; or reset `everything`.

        The optimizers stay the same objects, because other schedulers may be attached to them.
        """
        optimizers, schedulers = self._configured()
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        new = [group for optimizer in optimizers for group in optimizer.param_groups]
        for group, fresh, before in zip(groups, new, self._groups, strict=True):
            changed = {name: value for name, value in fresh.items() if everything or value != before.get(name)}
            group.update({name: value for name, value in changed.items() if name != "params"})
        self._groups = [dict(group) for group in new]
        if everything:
            for optimizer in self.optimizers:
                optimizer.state.clear()
            for scheduler, fresh in zip(self.schedulers, schedulers, strict=True):
                scheduler.load_state_dict(fresh.state_dict())

    def _has_same_parameters(self) -> bool:
        return list(map(id, self._optimized)) == list(map(id, self.model.parameters()))

    def _check_parameters(self) -> None:
        kind = type(self.model).__name__
        if not self._has_same_parameters():
            raise RuntimeError(f"the model {kind} must keep its parameters during a run, got new parameter objects.")
        if not any(p.requires_grad for p in self.model.parameters()):
            raise RuntimeError(f"the model {kind} must have at least one parameter with requires_grad=True, got 0.")
