"""`BatchedTrainer`: batches, Adam, and history restore after every worse epoch."""

from __future__ import annotations

import copy
import math
import operator
import time
import warnings
from typing import Any

import torch
from torch import nn

from data import DataSet
from trainers.allocator import keep_large_buffers
from trainers.block import Hyperparameter
from trainers.history import History
from trainers.history_restore import HistoryRestore, repeated_epoch
from trainers.interrupts import DeferredInterrupt, interrupt_point
from trainers.learning_rate import learning_rate_at
from trainers.model_checks import check_step
from trainers.model_state import ModelState, copy_state, load_state
from trainers.randomness import LARGEST_SEED, derived_seed, own_randomness
from trainers.reconstruction import LOSSES, check_shape, loss_of, mean_loss, run_model
from trainers.threads import useful_threads, with_threads
from trainers.trainer import Trainer


class BatchedTrainer(Trainer):
    """Trains in batches with Adam, and swaps back to the best model after every worse epoch.

    After each epoch the reconstruction loss is measured on the whole validation set. If it is
    the lowest so far, the model (parameters and buffers) is copied. If it is higher, the model
    gets the copied weights back: *history restore*. An equal loss does neither. A loss that is
    not finite counts as higher and also resets Adam's moments, which would carry it on.

    What happens to Adam's moments at a swap decides what follows, so `moments` is a setting.
    With "keep", the next step from the best weights still has the momentum of the epoch that
    was undone. With "restore" and a fixed order of batches (`reshuffle=False`) the next epoch
    repeats the undone one exactly, for ever: a livelock, which is detected and warned of. With
    "reset" the same happens from the second swap on.

    The older single-instance trainer is ``batch_size=1, restore="off"`` (with history:
    ``restore="every epoch"``); the older plain batched trainer is ``batch_size=10,
    n_batches=100, reshuffle=False, restore="off"``. Both took no `clip_norm` (None).

    Parameters
    ----------
    model : torch.nn.Module
        Maps (n, time, feature) to the same shape. It is moved to the device.
    device : str or torch.device, default "cpu"
        "cpu", or "gpu" for whatever accelerator PyTorch finds; also "cuda:1" and the like.
    name : str, optional
        Used in tables and legends.
    **hyperparameters
        As listed below. Each is read anew at every epoch, so it may be changed between two; only
        `loss` stays for a whole run, whose epochs would not compare otherwise.

    Notes
    -----
    The update is Adam's, Kingma & Ba 2015 (arXiv:1412.6980), Algorithm 1. The cosine schedule
    is that of Loshchilov & Hutter 2017 (arXiv:1608.03983), eq. 5, without restarts. Clipping by
    the norm is Pascanu et al. 2013 (arXiv:1211.5063), Algorithm 1.

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
    n_batches = Hyperparameter(
        None, "batches in an epoch, drawn from as many passes as needed; None: one pass", kind=int, minimum=1
    )
    reshuffle = Hyperparameter(True, "draw a new order of the sequences each epoch; False: one order for all")
    loss = Hyperparameter("mae", "mean absolute or mean squared error over all elements", choices=tuple(LOSSES))
    learning_rate = Hyperparameter(0.001, "Adam's step size, before schedule and cuts", above=0, maximum=1e30)
    schedule = Hyperparameter(
        "constant", "course of the learning rate after the warm-up", choices=("constant", "cosine")
    )
    schedule_epochs = Hyperparameter(
        None, "epoch at which a cosine schedule reaches zero; None: the last planned", kind=int, minimum=1
    )
    warmup_epochs = Hyperparameter(0.0, "epochs over which the learning rate rises from zero", minimum=0)
    clip_norm = Hyperparameter(1.0, "largest norm of the whole gradient; None: no clipping", optional=True, above=0)
    precision = Hyperparameter(
        "float32", "arithmetic of the training steps; validation is float32", choices=("float32", "bfloat16")
    )
    restore = Hyperparameter(
        "every epoch", "when the best weights come back", choices=("every epoch", "at the end", "off")
    )
    patience = Hyperparameter(0, "worse epochs in a row that are let pass before a swap", minimum=0)
    tolerance = Hyperparameter(0.0, "fraction above the lowest loss that does not yet count as worse", minimum=0)
    moments = Hyperparameter(
        "keep",
        "Adam's moments at a swap: kept, restored with the weights, or reset",
        choices=("keep", "restore", "reset"),
    )
    learning_rate_factor = Hyperparameter(
        1.0, "the learning rate is multiplied by this at each swap", above=0, maximum=1
    )
    seed = Hyperparameter(
        0, "of the order and of dropout; repeats a run bit for bit on one machine", minimum=0, maximum=LARGEST_SEED
    )

    def __init__(
        self, model: nn.Module, device: str | torch.device = "cpu", *, name: str | None = None, **hyperparameters: Any
    ) -> None:
        super().__init__(model, device, name=name, **hyperparameters)
        self._optimizer, self._parameters = self._new_optimizer(), list(model.parameters())
        self._memory = HistoryRestore()
        self._start: ModelState | None = None
        self._rate_factor = 1.0
        self._warned = False
        self._last: dict[str, Any] | None = None
        self._run_loss = self.loss
        self._paused = 0.0
        self._tried: tuple[int, int | None, str] | None = None

    def setDataSets(self, train: Any, validation: Any) -> None:  # noqa: N802
        """Take the sets of a new run, with a fresh optimizer and no best model yet.

        Parameters
        ----------
        train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
            Of equal length and width; the training set holds at least one batch.

        Raises
        ------
        TypeError, ValueError
            As `Trainer.setDataSets`; or if a batch is larger than the training set.
        """
        train = DataSet.of(train, "training set")
        self._check_batch(len(train))
        begun = len(self.history) > 0
        super().setDataSets(train, validation)
        keep_large_buffers()
        if not self._has_same_parameters():
            self._optimizer, self._parameters = self._new_optimizer(), list(self.model.parameters())
        elif begun:
            self._reset_optimizer()
        self._memory = HistoryRestore()
        self._start = None
        self._rate_factor = 1.0
        self._warned = False
        self._last = None
        self._run_loss = self.loss

    def doEpoch(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Train one epoch, measure the validation loss, and swap if it is worse than the best.

        If anything interrupts the epoch, model and trainer go back to its start. Ctrl-C does so between two
        batches (see `DeferredInterrupt`). Parameters may be frozen or thawed between two epochs: each is
        trained as it then stands.

        Raises
        ------
        RuntimeError, ValueError
            As `Trainer.doEpoch`; or if no parameter can be trained any more, or some were replaced.
        FloatingPointError
            If the validation loss is not finite before there is any best model to go back to.
        """
        with DeferredInterrupt():
            return self._epoch(model)

    def _epoch(self, model: nn.Module) -> nn.Module:
        self._check_settings()
        start, begun, self._paused = self._snapshot(), time.perf_counter(), 0.0
        super().doEpoch(model)
        epoch = len(self.history) + 1
        try:
            with with_threads(self.threads), torch.enable_grad():
                note = self._measure_start(model) if epoch == 1 else ""
                train_loss, rate = self._train(model, epoch)
                loss = self._validation_loss(model)
            restored, reason = self._apply_history(model, epoch, loss)
            self.record(
                train_loss=train_loss,
                validation_loss=loss,
                restored=restored,
                reason=reason,
                learning_rate=rate,
                note=note,
                seconds=time.perf_counter() - begun - self._paused,
            )
        except BaseException:  # KeyboardInterrupt and StopRun too: no half-trained epoch stays behind
            if len(self.history) < epoch:  # unless its row was written: then the epoch is done
                self._go_back(start)
            raise
        repeated = repeated_epoch(self.history)
        if repeated and not self._warned:
            self._warned = True
            msg = (
                f"epoch {epoch} of {self.name!r} repeated epoch {repeated} exactly, and so will every epoch that "
                "follows: weights and moments are as they were then, and the same batches come again. Three ways "
                'out: reshuffle=True, moments="keep", or learning_rate_factor below 1.'
            )
            warnings.warn(msg, RuntimeWarning, stacklevel=3)
        return model

    def _validation_loss(self, model: nn.Module) -> float:
        assert self.validation_set is not None
        return mean_loss(
            model,
            self.validation_inputs,
            self.validation_targets,
            self.loss,
            mask=self.validation_mask,
            lengths=self.validation_set.lengths,
        )

    def _measure_start(self, model: nn.Module) -> str:
        """Count weights that are trained already as a candidate for the best; a note that says so."""
        self.history.start = self._start = None
        if self.restore == "off":
            return ""
        loss = self._validation_loss(model)
        # Weights from elsewhere are trained if they clearly beat the best constant.
        if not math.isfinite(loss) or not (self._trained or loss < 0.8 * self._constant_loss()):
            return ""
        self.history.begin(loss)
        self._start = copy_state(model)
        self._memory.remember(0, loss, self._start, self._optimizer.state_dict())
        return f"the start, validation loss {loss:.6g}, counts as a candidate for the best"

    def _constant_loss(self) -> float:
        """Validation loss of the best constant prediction: each feature's median ("mae") or mean ("mse")."""
        known, wanted = self.train_targets, self.validation_targets
        if self.train_mask is not None:
            known = known.masked_fill(~self.train_mask, math.nan)
        known = known.flatten(0, 1)
        constant = known.nanmean(0) if self.loss == "mse" else known.nanmedian(0).values
        return float(loss_of(constant.expand_as(wanted), wanted, self.loss, self.validation_mask))

    def finalizeTraining(self, model: nn.Module) -> nn.Module:  # noqa: N802
        """Leave the model with the best weights; with ``restore="off"``, with the last."""
        with DeferredInterrupt():
            last = self._snapshot()
            model = super().finalizeTraining(model)
            self._last = last
            if self.restore != "off" and self._memory.best_model is not None:
                load_state(model, self._memory.best_model)
        return model

    def check_resume(self) -> None:
        """Raise if there is no run to go on with, or its cosine schedule has come to its end."""
        super().check_resume()
        ended = self.planned_epochs is not None and len(self.history) >= self.planned_epochs
        if self.schedule == "cosine" and self.schedule_epochs is None and ended:
            msg = (
                f"the cosine schedule of {self.name!r} reached zero at epoch {self.planned_epochs}, so going on from "
                "there would repeat its middle. Set schedule_epochs to the epoch at which the whole run shall end "
                '(before its first part, if both parts shall equal one long run), or schedule to "constant".'
            )
            raise ValueError(msg)

    def resume(self) -> None:
        """Reopen the finalized run where its last epoch left it (not at the best weights)."""
        self.check_resume()
        if self._last is not None:
            self._go_back(self._last)
        super().resume()

    def check_change(self, name: str, value: Any) -> None:
        """No batch larger than the set, no other loss in a run, no schedule that ends in its warm-up."""
        if name == "batch_size" and len(self.train_inputs):
            self._check_batch(len(self.train_inputs), value)
        if name in ("batch_size", "n_batches", "precision") and self.train_set is not None:
            self._check_step(self.train_set, **{name: value})
        if name == "loss" and self.running:
            self._check_loss(value)
        if name in ("schedule", "schedule_epochs", "warmup_epochs") and self.running:
            self._check_schedule(self.planned_epochs, **{name: value})

    def _try_model(self, train: DataSet, validation: DataSet) -> None:
        super()._try_model(train, validation)
        self._check_step(train)

    def _step_settings(self, **changes: Any) -> tuple[int, int | None, str]:
        """What decides whether a step works: batch size, batches in an epoch, precision, as set, queued or changed."""
        mine = {name: value for (_, name), (block, value, _) in self._queued.items() if block is self}
        values = {**self.hyperparameters, **mine, **changes}
        return values["batch_size"], values["n_batches"], values["precision"]

    def _check_step(self, train: DataSet, **changes: Any) -> None:
        """Raise if the model cannot be trained in such batches, or with this precision."""
        size, n_batches, precision = settings = self._step_settings(**changes)
        last = (len(train) % size if n_batches is None else 0) or size
        # A change may come from another thread than the one that trains.
        check_step(self.model, train, size, last, precision, self.device, alone=not (changes and self.running))
        if not changes:
            self._tried = settings

    @property
    def threads(self) -> int:
        """CPU threads that an epoch takes: one where the model and its batches are small (`trainers.threads`)."""
        return useful_threads(self.model, self.batch_size, self.device)

    def check_plan(self, epochs: int) -> None:
        """A cosine schedule cannot end in its warm-up."""
        self._check_schedule(epochs)

    def _check_schedule(self, planned: int | None, **changes: Any) -> None:
        mine = {name: value for (_, name), (block, value, _) in self._queued.items() if block is self}
        values = {**self.hyperparameters, **mine, **changes}
        learning_rate_at(
            0,
            step=0,
            rate=values["learning_rate"],
            warmup=values["warmup_epochs"],
            schedule=values["schedule"],
            end=values["schedule_epochs"] or planned,
        )

    def branch(self, epoch: int, state: ModelState, best_state: ModelState, *, name: str | None = None) -> History:
        """As `Trainer.branch`; the best is that of the epochs up to there, Adam's moments are fresh."""
        history = super().branch(epoch, state, best_state, name=name)
        swaps = len(history.restored_epochs)
        self._reset_optimizer()
        self._rate_factor = self.learning_rate_factor**swaps
        self._memory = HistoryRestore()
        if history.best is not None:
            if history.best.epoch == 0 and self._start is not None:
                best_state = self._start
            self._memory.remember(
                history.best.epoch, history.best.validation_loss, best_state, self._optimizer.state_dict()
            )
        if self._stage == "finalized":
            self._last = self._snapshot()
        self._note = "; ".join(filter(None, [self._note, "Adam's moments fresh after branching off"]))
        return history

    def _train(self, model: nn.Module, epoch: int) -> tuple[float, float]:
        """One epoch's steps: the mean training loss, and the learning rate of the last step."""
        batches = self._batches(len(self.train_inputs), epoch)
        assert self.train_set is not None
        lengths, mask = self.train_set.lengths, self.train_mask
        total, elements, rate = torch.zeros((), device=self.device), 0, math.nan
        for number, batch in enumerate(batches):
            interrupt_point()
            if self.between_batches is not None:
                before = time.perf_counter()
                self.between_batches()
                self._paused += time.perf_counter() - before
            with own_randomness(derived_seed(self.seed, epoch, 1 + number), self.device):
                inputs, targets = self.train_inputs[batch], self.train_targets[batch]
                counts = None if mask is None else mask[batch]
                known = None if lengths is None else lengths[batch.cpu()]
                rate = self._rate_factor * learning_rate_at(
                    epoch - 1 + number / len(batches),
                    step=1 / len(batches),
                    rate=self.learning_rate,
                    warmup=self.warmup_epochs,
                    schedule=self.schedule,
                    end=self.schedule_epochs or self.planned_epochs,
                )
                self._optimizer.zero_grad()
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                    outputs = check_shape(model, run_model(model, inputs, known), targets)
                loss = loss_of(outputs.float(), targets, self.loss, counts)
                loss.backward()
                if self.clip_norm is not None:
                    nn.utils.clip_grad_norm_(model.parameters(), self.clip_norm)
                rate = self._step(rate)
                n = targets.numel() if counts is None else int(counts.sum())
                total += loss.detach() * n
                elements += n
        return float(total) / elements, rate

    def _batches(self, n: int, epoch: int) -> tuple[torch.Tensor, ...]:
        """Positions of the sequences in each batch; the order depends on seed and epoch alone."""
        generator = torch.Generator().manual_seed(derived_seed(self.seed, epoch if self.reshuffle else 0))
        wanted = n if self.n_batches is None else self.n_batches * self.batch_size
        passes = [torch.randperm(n, generator=generator) for _ in range(math.ceil(wanted / n))]
        return torch.cat(passes)[:wanted].to(self.device).split(self.batch_size)

    def _apply_history(self, model: nn.Module, epoch: int, loss: float) -> tuple[bool, str]:
        """Copy the best, or swap back to it; whether it swapped, and why."""
        memory = self._memory
        if memory.best_epoch is None and not math.isfinite(loss):
            msg = (
                f"the validation loss of {self.name!r} is {loss} after epoch {epoch}, before there is any best model "
                f"to go back to; the weights are as before the epoch. Lower learning_rate ({self.learning_rate:g}), "
                f"{'set' if self.clip_norm is None else 'lower'} clip_norm ({self.clip_norm}), or scale the data."
            )
            raise FloatingPointError(msg)
        decision, reason = memory.judge(
            loss, swaps=self.restore == "every epoch", patience=self.patience, tolerance=self.tolerance
        )
        if decision == "best":
            memory.remember(epoch, loss, copy_state(model), self._optimizer.state_dict())
        elif decision == "swap":
            assert memory.best_model is not None
            assert memory.best_optimizer is not None
            self._reached = copy_state(model)
            load_state(model, memory.best_model)
            if self.moments == "reset" or not math.isfinite(loss):
                self._optimizer.state.clear()
            elif self.moments == "restore":
                # The learning rate stays: a scheduler goes on from where it is.
                groups = self._optimizer.state_dict()["param_groups"]
                self._optimizer.load_state_dict(copy.deepcopy({**memory.best_optimizer, "param_groups": groups}))
            self._rate_factor *= self.learning_rate_factor
        return decision == "swap", reason

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """The optimizer, one object for the trainer's life, so that a scheduler of `torch.optim.lr_scheduler` acts.

        What a scheduler does to its learning rate is a factor on top of the trainer's own.
        """
        return self._optimizer

    def _new_optimizer(self) -> torch.optim.Optimizer:
        # All parameters: Adam leaves those without a gradient alone, so they may be frozen and thawed.
        groups = [{"params": list(self.model.parameters()), "base": self.learning_rate}]
        return torch.optim.Adam(groups, lr=self.learning_rate)

    def _reset_optimizer(self) -> None:
        """Make the optimizer as new; it stays the same object, which a scheduler may hold."""
        self._optimizer.state.clear()
        for group, new in zip(self._optimizer.param_groups, self._new_optimizer().param_groups, strict=False):
            group.update({key: value for key, value in new.items() if key != "params"})

    def _step(self, rate: float) -> float:
        """Take a step at this rate, times the factor by which a scheduler has changed the optimizer's; return it."""
        groups = self._optimizer.param_groups
        scheduled = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] = rate * (group["lr"] / group.setdefault("base", self.learning_rate))
        self._optimizer.step()
        taken = float(groups[0]["lr"])
        # Between two steps, a scheduler finds what it has set.
        for group, lr in zip(groups, scheduled, strict=True):
            group["lr"] = lr
        return taken

    def _has_same_parameters(self) -> bool:
        now = list(self.model.parameters())
        return len(now) == len(self._parameters) and all(map(operator.is_, now, self._parameters))

    def _check_settings(self) -> None:
        """See that what may have been changed since the last epoch still fits, before anything is done."""
        if self._stage == "without data":
            return
        self._check_batch(len(self.train_inputs))
        if not self._has_same_parameters():
            msg = (
                f"the parameters of the model {type(self.model).__name__} must stay the same objects for a whole run, "
                "got others. Call setDataSets to start a new run."
            )
            raise RuntimeError(msg)
        if not any(p.requires_grad for p in self.model.parameters()):
            msg = f"the model {type(self.model).__name__} must have a parameter with requires_grad, got none."
            raise RuntimeError(msg)
        if not self.history:
            self._run_loss = self.loss
        self._check_loss(self.loss)
        if self._tried != self._step_settings():
            assert self.train_set is not None
            self._check_step(self.train_set)

    def _check_loss(self, loss: str) -> None:
        if loss != self._run_loss and (len(self.history) or self.running):
            msg = (
                f"the loss of {self.name!r} must stay {self._run_loss!r} for a whole run; got {loss!r}. "
                "The two do not compare. Set it back, or call setDataSets to start anew."
            )
            raise ValueError(msg)

    def _check_batch(self, n: int, batch_size: int | None = None) -> None:
        batch_size = self.batch_size if batch_size is None else batch_size
        if batch_size > n:
            msg = (
                f"batch_size of {self.name!r} must not exceed the training set, {n} sequences; "
                f"got {batch_size}. Lower it, or bring more data."
            )
            raise ValueError(msg)

    def _snapshot(self) -> dict[str, Any]:
        """All that an epoch changes, copied."""
        return {
            "model": copy_state(self.model),
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "memory": copy.copy(self._memory),
            "rate_factor": self._rate_factor,
            "reached": self._reached,
            "modes": {module: module.training for module in self.model.modules()},
        }

    def _go_back(self, start: dict[str, Any]) -> None:
        load_state(self.model, start["model"])
        self._optimizer.load_state_dict(copy.deepcopy(start["optimizer"]))
        self._memory, self._rate_factor = copy.copy(start["memory"]), start["rate_factor"]
        for module, mode in start["modes"].items():
            module.training = mode
        self._reached = start["reached"]
