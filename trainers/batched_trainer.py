"""`BatchedTrainer`: mini-batches, Adam, and history restore after every worse epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from data import DataSet
from data._deprecated import with_old_names
from data.lazy import rows_of, sample
from trainers import distributed, torch_utils
from trainers.block import Hyperparameter
from trainers.checks import check_step
from trainers.console import DeferredInterrupt
from trainers.losses import LOSSES, Loss, check_shape, check_trainable, loss_of, mean_loss, run_model
from trainers.restoring_trainer import RestoringTrainer
from trainers.torch_utils import LARGEST_SEED, derived_seed, own_randomness


@with_old_names
class BatchedTrainer(RestoringTrainer):
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
        Maps (n, time, feature) to the same shape, or to that of the targets. It is moved to the device.
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
    accumulate_grad_batches = Hyperparameter(1, "batches whose mean gradient is used for one optimizer step", minimum=1)
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

    def _configured(self) -> Any:
        optimizers, schedulers = super()._configured()
        for group in (group for optimizer in optimizers for group in optimizer.param_groups):
            group["base"] = self.learning_rate
        return optimizers, schedulers

    def _begin_run(self) -> None:
        super()._begin_run()
        self._loss_of_run = self.loss

    # ------------------------------------------------------------------ what a subclass may change

    def configure_optimizer(self, model: nn.Module) -> Any:
        """Return the optimizer: Adam with `learning_rate` for all parameters; a subclass can return another one.

        A list may also contain a scheduler of `torch.optim.lr_scheduler`. A parameter group with another learning rate
        keeps its ratio to `learning_rate`.
        """
        # all parameters: Adam skips those without a gradient, so they may be frozen and unfrozen
        return torch.optim.Adam(model.parameters(), lr=self.learning_rate)

    def compute_loss(
        self, model: nn.Module, inputs: Tensor, targets: Tensor, mask: Tensor | None, lengths: Tensor | None = None
    ) -> Tensor:
        """Return the training loss of a batch, as a mean over all elements that are not masked.

        A subclass can return another loss, or add a term to this one; `validation_loss` is not affected.

        Parameters
        ----------
        model : torch.nn.Module
        inputs, targets : torch.Tensor, shape (n, time, feature)
        mask : torch.Tensor, shape (n, time, feature), optional
            True for targets that are used.
        lengths : torch.Tensor, shape (n,), optional
            Time steps before the padding.

        Returns
        -------
        torch.Tensor
            A scalar with a gradient.
        """
        # forward
        outputs = check_shape(model, run_model(model, inputs, lengths), inputs, targets)
        # loss
        return loss_of(outputs.float(), targets, self._loss_function(self.loss), mask)

    def validation_loss(self, model: nn.Module) -> float:
        """Return the mean reconstruction loss on the whole validation set, in evaluation mode."""
        inputs, targets, lengths = self.validation_inputs, self.validation_targets, self.validation_lengths
        loss = self._loss_function(self.loss)
        return mean_loss(model, inputs, targets, loss, mask=self.validation_mask, lengths=lengths, shared=True)

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
        super().setDataSets(train, validation)
        torch_utils.keep_large_buffers()

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
        epoch = len(self.history) + 1
        # calls RestoringTrainer.doEpoch; the epoch is undone if it does not reach its end
        with DeferredInterrupt(), self._complete_or_undone(model):
            total, elements = torch.zeros((), device=self.device), 0
            settings, size = self.hyperparameters, self.batch_size * self.accumulate_grad_batches
            order = self._order(len(self.train_inputs), epoch)
            steps = range(0, len(order), size)
            for number, first in enumerate(steps):
                # pause, stop, Ctrl-C
                self.pause_point()
                rate = learning_rate_at(settings, epoch - 1 + number / len(steps), 1 / len(steps), self.planned_epochs)
                batches = order[first : first + size].split(self.batch_size)
                with self._learning_rates(rate) as used:
                    # forward, loss, backward, clip, step
                    loss, n = self.training_step(model, batches, derived_seed(self.seed, epoch, 1 + number))
                if epoch == 1 and number == 0 and not loss.isfinite():
                    raise FloatingPointError(f"the first training loss of {self.name!r} must be finite, got {loss}.")
                # the training loss is the mean over all elements that are not masked
                total += loss * n
                elements += n
            distributed.average_statistics(model)
            # validation loss on the whole set, history restore
            self.end_epoch(model, train_loss=float(total) / elements, learning_rate=used)
        return model

    def training_step(self, model: nn.Module, batches: Sequence[Tensor], seed: int) -> tuple[Tensor, int]:
        """Take one optimizer step on some batches, given as positions; return their mean loss and number of elements.

        There are several batches if gradients are accumulated. `seed` determines all random numbers.
        """
        data = [self._batch_data(distributed.share(batch)) for batch in batches]
        counts = [targets.numel() if mask is None else int(mask.sum()) for _, targets, mask, _ in data]
        elements = int(distributed.total(sum(counts))[0])
        # other dropout for other sequences
        seed = derived_seed(seed, distributed.rank()) if distributed.rank() else seed

        def closure() -> Any:
            # an optimizer such as LBFGS calls this several times
            model.zero_grad()
            total = torch.zeros((), device=self.device)
            with own_randomness(seed, self.device):
                for (inputs, targets, mask, lengths), n in zip(data, counts, strict=True):
                    if not n:
                        continue  # fewer sequences than ranks
                    # forward, loss
                    with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                        loss = self.compute_loss(model, inputs, targets, mask, lengths)
                    # backward
                    loss = check_trainable(loss, f"compute_loss of {self.name!r}") * (n / elements)
                    loss.backward()
                    total += loss.detach()
            total = distributed.sum_gradients(model, total)
            # clip
            if self.max_grad_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), self.max_grad_norm)
            return total

        # step
        loss: Any = self.optimizer.step(closure)
        for other in self.optimizers[1:]:
            other.step()
        return loss, elements

    def _order(self, n: int, epoch: int) -> Tensor:
        """Return the positions of all sequences of an epoch; the order depends only on seed and epoch."""
        generator = torch.Generator().manual_seed(derived_seed(self.seed, epoch if self.reshuffle else 0))
        total = n if self.steps_per_epoch is None else self.steps_per_epoch * self.batch_size
        # each pass contains every sequence once
        passes = [torch.randperm(n, generator=generator) for _ in range(math.ceil(total / n))]
        return torch.cat(passes)[:total]

    def _batch_data(self, batch: Tensor) -> list[Any]:
        """Return inputs, targets, mask and lengths of a batch."""
        inputs, targets = rows_of(self.train_inputs, self.train_targets, batch)
        others = (self.train_mask, self.train_lengths)
        return [inputs, targets, *(None if part is None else part[batch] for part in others)]

    @contextmanager
    def _learning_rates(self, rate: float) -> Iterator[float]:
        """Set the learning rates of a step, and yield that of the first parameter group."""
        groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        scheduled = [group["lr"] for group in groups]
        for group in groups:
            # multiply with the factors of restores, and with the factor that a scheduler of torch.optim has applied
            group["lr"] = rate * self._memory.rate_factor * float(group["lr"] / group["base"])
        yield groups[0]["lr"]
        for group, lr in zip(groups, scheduled, strict=True):
            # between steps, a scheduler must find the rate that it has set
            group["lr"] = lr

    def counts_as_trained(self, loss: float) -> bool:
        """Return whether the model was trained before, or is clearly better than the best constant."""
        # the loss of a subclass may have another unit than that of the constant
        same_unit = type(self).validation_loss is BatchedTrainer.validation_loss
        return self._trained or (same_unit and loss < 0.8 * self._constant_loss())

    def scale_learning_rate(self, factor: float) -> None:
        """Do nothing, because each step multiplies its learning rate by the factor."""

    def _constant_loss(self) -> float:
        """Return the validation loss of the best constant: each feature's median, or its mean for "mse".

        Of data beyond memory, evenly spaced sequences are used.
        """
        train, validation = sample(self.train_targets), sample(self.validation_targets)
        if self.train_mask is not None:
            train = train.masked_fill(~sample(self.train_mask), math.nan)
        train = train.flatten(0, 1)
        constant = train.nanmean(0) if self.loss == "mse" else train.nanmedian(0).values
        loss = self._loss_function(self.loss)
        return float(loss_of(constant.expand_as(validation), validation, loss, sample(self.validation_mask)))

    # ------------------------------------------------------------------ undo an interrupted epoch

    @contextmanager
    def _complete_or_undone(self, model: nn.Module) -> Iterator[None]:
        """Begin an epoch, and undo it if an exception, Ctrl-C or `StopTraining` ends it before its row is recorded."""
        self._check_epoch()
        try:
            super().doEpoch(model)
            # after doEpoch has applied queued changes: the number of threads depends on the batch size
            with torch_utils.with_threads(self.threads), torch.enable_grad():
                yield
        except BaseException:
            self.undo_epoch()
            raise

    # ------------------------------------------------------------------ plan and resume

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

    # ------------------------------------------------------------------ save and load

    def state_dict(self) -> dict[str, Any]:
        """Return the state of `RestoringTrainer.state_dict`, and the loss of the run."""
        return {**super().state_dict(), "loss_of_run": self._loss_of_run, "custom_loss": self._name_of_loss()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load what `state_dict` returned, after `setDataSets` with the same data sets."""
        if state["custom_loss"] != (name := self._name_of_loss()):
            raise ValueError(f"loss of {self.name!r} must be {state['custom_loss']}, as in the file, got {name}.")
        super().load_state_dict(state)
        self._loss_of_run = str(state["loss_of_run"])

    # ------------------------------------------------------------------ number of threads

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
        if not self.history:
            self._loss_of_run = self.loss
        self._check_loss(self.loss)
        self._check_step(self.train_set, self._settings())

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
        if isinstance(loss, partial):
            return f"{loss.func.__qualname__}{loss.args}{loss.keywords}"
        # such as HuberLoss(delta=1.0)
        plain = [f"{name}={value!r}" for name, value in vars(loss).items() if type(value) in (int, float, str)]
        return f"{type(loss).__qualname__}({', '.join(plain)})"

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
            # the smallest shares, because some layers need two sequences
            share, last_share = (max(1, n // distributed.size()) for n in (size, last))
            check_step(self.model, train, share, last_share, precision, alone=alone)
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
