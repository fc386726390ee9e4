"""`Run`, `benchmark`, `Result`: a trainer's epochs, from the first to a record of all."""

from __future__ import annotations

import copy
import math
import platform
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from data.data_set import is_real_number
from data.markup import escaped, without_math
from trainers.block import Block, Hyperparameter
from trainers.console import DeferredInterrupt, classroom_defaults, in_terminal, interrupt_point, say
from trainers.history import Epoch, History, best_as_text, epoch_name
from trainers.torch_utils import ModelState
from trainers.trainer import RUNNING, StopTraining, Trainer

Callback = Callable[[Epoch, ModelState], Any]
# Seconds of training after which a run ends that has no limit of its own; None: as the environment says, 25 in
# classroom mode.
time_limit: float | None = None


class Run:
    """Calls a trainer in the contract's order, and yields the row of each epoch.

    Leaving the loop early still finalizes the model; so do Ctrl-C, the notebook's stop button
    and an exception. `StopTraining` from a callback or from between batches ends it cleanly. Ctrl-C acts between
    two batches of a `BatchedTrainer`, else after the epoch; pressed again a second later, at once.

    Parameters
    ----------
    trainer : Trainer
        Any that keeps the contract.
    train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Handed to `setDataSets`; left out when resuming.
    epochs : int, default 20
        How many to train, at least 1; when resuming, how many more.
    callbacks : sequence of callables
        Each is called after each epoch with its row and a copy of parameters and buffers as
        the epoch left them, *before* any swap. One that also has methods ``begin(run)`` and
        ``end(run)`` has them called before the first epoch, and after the last is finalized.
    resume : bool, default False
        Go on with the trainer's finalized run instead of starting a new one.
    seconds : float, optional
        End with the epoch in which the training time of this run passes this limit; its first
        epoch is always trained. Pauses and callbacks do not count. Default: no limit, or in
        classroom mode that of the mode (25 s); `math.inf` is none there either.

    Attributes
    ----------
    planned_epochs : int
        How long the history is meant to become; `plan` changes it.
    resumes : bool
        Whether it goes on with an earlier run.
    stopped : str or None
        Why the run ended before its planned epochs, if it did.
    out_of_time : bool
        Whether that was the time limit.

    Raises
    ------
    TypeError, ValueError
        If the arguments do not fit (see also `Trainer.setDataSets`). Nothing has changed then.

    Examples
    --------
    >>> import torch
    >>> from trainers import BatchedTrainer, LSTMAutoencoder
    >>> beats = torch.sin(torch.linspace(0, 6.28, 20)).repeat(40, 1)
    >>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4))
    >>> for row in Run(trainer, beats[:30], beats[30:], epochs=5):
    ...     if row.epoch == 3:
    ...         break
    >>> len(trainer.history), trainer.model.training
    (3, False)
    """

    def __init__(
        self,
        trainer: Trainer,
        train: Any = None,
        validation: Any = None,
        *,
        epochs: int = 20,
        callbacks: Sequence[Callback] = (),
        resume: bool = False,
        seconds: float | None = None,
    ) -> None:
        if not isinstance(trainer, Trainer):
            raise TypeError(f"trainer must be a Trainer, got {type(trainer).__name__}.")
        epochs = whole_epochs(epochs)
        if not isinstance(callbacks, list | tuple) or not all(map(callable, callbacks)):
            raise TypeError(f"callbacks must be a list of functions of (row, state), got {callbacks!r}.")
        self.seconds = current_time_limit() if seconds is None else checked_seconds(seconds)
        self.trainer, self.callbacks, self.resumes = trainer, tuple(callbacks), resume
        self.stopped: str | None = None
        self._stop: str | None = None
        self.out_of_time, self._seconds_trained = False, 0.0
        self._ended = self._in_epoch = False
        if {train is None, validation is None} != {bool(resume)}:
            wanted = "left out with resume=True, got a set" if resume else "sets, got None. To go on: resume=True"
            raise ValueError(f"train and validation must be {wanted}.")
        if resume:
            trainer.check_resume()
        else:
            trainer.setDataSets(train, validation)
        self.planned_epochs = len(trainer.history) + epochs

    def plan(self, epochs: int) -> None:
        """Change how many epochs the history is meant to have, before or while the run goes on.

        Never fewer than it has, the one being trained included. A cosine schedule takes the new end
        from the next batch on.

        Raises
        ------
        TypeError, ValueError
            If that is no number of epochs, or the trainer's schedule cannot end there.
        """
        planned = max(whole_epochs(epochs), len(self.trainer.history) + self._in_epoch)
        self.trainer.check_plan(planned)
        self.planned_epochs = self.trainer.planned_epochs = planned

    def stop(self, reason: str = "stopped") -> None:
        """End the run after the present epoch; for callbacks, which may call it any time."""
        self._stop = reason

    def __iter__(self) -> Iterator[Epoch]:
        if not self._ended:
            # Ctrl-C is deferred but for the body of the user's own loop.
            with DeferredInterrupt(drop_late=True) as interrupt:
                yield from self._epochs(interrupt)

    def _epochs(self, interrupt: DeferredInterrupt) -> Iterator[Epoch]:
        trainer = self.trainer
        if self.resumes:
            trainer.resume()
        trainer.planned_epochs = self.planned_epochs
        # Last begun, first ended; one that fails keeps no other from its end.
        with ExitStack() as ends:
            try:
                RUNNING[id(trainer)] = trainer
                for callback in self.callbacks:
                    ends.callback(lambda one: getattr(one, "end", _nothing)(self), callback)
                    getattr(callback, "begin", _nothing)(self)
                while self._epochs_are_left() and self._stop is None:
                    row = self._one_epoch()
                    interrupt.release()
                    try:
                        yield row
                    finally:
                        interrupt.hold()
                    if self._epochs_are_left():
                        interrupt_point()
                # A stop requested in the last epoch has cut nothing off.
                self.stopped = self._stop if self._epochs_are_left() else None
                self.out_of_time = self.stopped is not None and self.out_of_time
            except StopTraining as stop:
                self.stopped = str(stop) or "stopped"
            except KeyboardInterrupt:
                self.stopped = "interrupted by hand"
            except BaseException as error:
                self.stopped = "left early" if isinstance(error, GeneratorExit) else f"{type(error).__name__}: {error}"
                raise
            finally:
                self._ended = True
                RUNNING.pop(id(trainer), None)
                try:
                    self._finalize()
                except KeyboardInterrupt:  # raised by something else than a signal
                    self._finalize()

    def _epochs_are_left(self) -> bool:
        return len(self.trainer.history) < self.planned_epochs

    def _finalize(self) -> None:
        trainer = self.trainer
        # Without a finished epoch there is nothing to put final touches to.
        if trainer._stage == "training":
            trainer.finalizeTraining(trainer.model)
        else:
            trainer.model.eval()
        trainer.apply_queued()

    def _one_epoch(self) -> Epoch:
        trainer = self.trainer
        name, before = type(trainer).__name__, len(trainer.history)
        self._in_epoch, begun = True, time.perf_counter()
        try:
            returned = trainer.doEpoch(trainer.model)
        finally:
            self._in_epoch = False
        if returned is not trainer.model:
            raise TypeError(f"doEpoch of {name} must return the model it was given, got {type(returned).__name__}.")
        if len(trainer.history) != before + 1:
            raise RuntimeError(f"doEpoch of {name} must add one row by record(…), got {len(trainer.history) - before}.")
        row = trainer.history[-1]
        # Where a row holds its own time, that is without pauses between batches.
        self._seconds_trained += row.seconds if math.isfinite(row.seconds) else time.perf_counter() - begun
        # A copy for each, to keep or to change; made now, as one may branch off to another state.
        states = [trainer.reached_state() for _ in self.callbacks]
        for callback, state in zip(self.callbacks, states, strict=True):
            callback(row, state)
        if self._seconds_trained >= self.seconds and self._stop is None:
            self.out_of_time = True
            self.stop(f"time limit of {self.seconds:g} s")
        return row


def current_time_limit() -> float:
    """Return the limit, in seconds, of a run that is given none; infinity for none."""
    return classroom_defaults()[1] if time_limit is None else time_limit


def checked_seconds(seconds: Any) -> float:
    """Return a time limit as a number: 0 or more, infinity for none."""
    checked = Hyperparameter(0.0, "seconds of training", minimum=0).check
    return math.inf if is_real_number(seconds) and seconds == math.inf else checked(seconds, "seconds")


def _nothing(run: Run) -> None:
    """What a callback without `begin` or `end` does there."""


def whole_epochs(epochs: Any) -> int:
    """Return a number of epochs, checked."""
    return Hyperparameter(20, "epochs to train", minimum=1).check(epochs, "epochs")


def _copy_of(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except Exception as error:  # whatever a user's model raises must not cost the result
        msg = f"result.model is the trainer's own model, which cannot be copied ({type(error).__name__}: {error})."
        warnings.warn(msg, stacklevel=2)
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
        one only (`trainers.torch_utils`).
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
    versions: dict[str, str]
    threads: int
    tables: str
    callbacks: tuple[Callback, ...]

    @classmethod
    def of(cls, run: Run) -> Result:
        """The result of a run that has ended."""
        trainer = run.trainer
        blocks = [block for block in (trainer, trainer.model) if isinstance(block, Block)]
        # Two blocks of one name are both kept.
        alike = len({block.name for block in blocks}) < len(blocks)
        return cls(
            model=_copy_of(trainer.model),
            history=trainer.history.copy(),
            hyperparameters={b.name + f" ({type(b).__name__})" * alike: b.hyperparameters for b in blocks},
            seed=getattr(trainer, "seed", None),
            device=str(trainer.device),
            planned_epochs=run.planned_epochs,
            stopped=run.stopped,
            seconds=float(sum(row.seconds for row in trainer.history)),
            versions={"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
            threads=trainer.threads,
            tables="".join(block._repr_html_() for block in blocks),
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
        return f"{text}{best_as_text(self.history)}, restored {len(self.history.restored_epochs)}×"

    def __repr__(self) -> str:
        return f"<Result of {self.summary()}>"

    def _repr_html_(self) -> str:
        # No wall time here: it would differ each time the notebook is run.
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return without_math(
            f"<p><b>{escaped(self.summary())}</b>; on {escaped(self.device)}, seed {escaped(self.seed)}.</p>"
            f"<details><summary>hyperparameters and versions</summary>{self.tables}<p>{escaped(versions)}</p></details>"
        )


def benchmark(
    trainer: Trainer,
    train: Any = None,
    validation: Any = None,
    *,
    epochs: int = 20,
    callbacks: Sequence[Callback] = (),
    resume: bool = False,
    progress: bool | None = None,
    seconds: float | None = None,
) -> Result:
    """Train with any trainer: `setDataSets`, `doEpoch` as often as asked, `finalizeTraining`.

    Called again on the same objects, it starts a new history, best model and optimizer on the
    weights as they are, and says so. To go on with the same run, ask for ``resume=True``.

    Parameters
    ----------
    trainer : Trainer
        Any that keeps the contract.
    train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Left out when resuming.
    epochs : int, default 20
        How many, at least 1; when resuming, how many more.
    callbacks : sequence of callables
        Called after each epoch with its row and the state that it reached; see `Run`.
    resume : bool, default False
        Go on with the trainer's last run where its last epoch left it.
    progress : bool, optional
        True prints about ten lines, and the last epoch always. Default: one line that is rewritten, in a terminal only.
    seconds : float, optional
        End with the epoch in which the training time passes this limit, and say so. Default: no
        limit, or in classroom mode that of the mode; see `Run`.

    Returns
    -------
    Result
        With a copy of the trained model and its history. After Ctrl-C, the notebook's stop button,
        `StopTraining` or the time limit, the result so far, finalized as well; its `stopped` says why.

    Raises
    ------
    TypeError, ValueError, RuntimeError, FloatingPointError
        As `Run`, `Trainer.setDataSets` and `Trainer.doEpoch`.

    Notes
    -----
    What a time limit cuts off depends on the machine, so such a run is not one to compare with others.
    A cosine schedule is not hurried on: it keeps the shape that it would have had over all planned
    epochs, and the run ends while its rate is still high. So ``resume=True`` with the epochs that are
    missing gives what the run would have become without the limit, to the last bit. For a schedule
    that ends where the class has to end, plan fewer epochs.

    Examples
    --------
    >>> import torch
    >>> from trainers import BatchedTrainer, LSTMAutoencoder
    >>> beats = torch.sin(torch.linspace(0, 6.28, 20)).repeat(40, 1)
    >>> trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), name="short")
    >>> benchmark(trainer, beats[:30], beats[30:], epochs=2).planned_epochs
    2
    """
    trained = len(trainer.history) if isinstance(trainer, Trainer) else 0
    run = Run(trainer, train, validation, epochs=epochs, callbacks=callbacks, resume=resume, seconds=seconds)
    if trained and not resume:
        say(
            f"{trainer.name}: a new history on weights already trained for {trained} epochs. "
            "To go on with the same run: benchmark(trainer, epochs=…, resume=True)."
        )
    with DeferredInterrupt(drop_late=True):
        _train(run, progress)
        history = trainer.history
        if history.start and history and not resume:
            loss = f"validation loss {history.start.validation_loss:.4g}"
            say(f"{trainer.name}: the weights that the run began with, {loss}, counted as a candidate for the best.")
        if run.out_of_time:
            done, planned = len(history), run.planned_epochs
            remedy = f"To go on: benchmark(trainer, epochs={planned - done}, resume=True)."
            say(f"{trainer.name}: stopped after epoch {done} of {planned}, {run.stopped}. {remedy}")
        return Result.of(run)


def _train(run: Run, progress: bool | None) -> None:
    """Go through the run, and print how it goes."""
    rewrite = progress is None and in_terminal()
    width, printed = 0, 0
    try:
        for row in run:
            try:
                line = _line(row, run.planned_epochs)
                if rewrite:
                    # Spaces over the rest of a longer line before.
                    say("\r" + line.ljust(width), end="")
                    width = len(line)
                elif progress and (row.epoch % math.ceil(run.planned_epochs / 10) == 0 or row.epoch == 1):
                    say(line)
                    printed = row.epoch
            except KeyboardInterrupt:  # raised by something else than a signal
                run.stop("interrupted by hand")
                progress = rewrite = False
    finally:
        if width:
            say("")
        elif progress and (history := run.trainer.history) and history[-1].epoch != printed:
            say(_line(history[-1], run.planned_epochs))


def _line(row: Epoch, planned: int) -> str:
    text = f"epoch {row.epoch}/{planned}  training {row.train_loss:.4f}  validation {row.validation_loss:.4f}"
    text += f"  best {row.best_loss:.4f} ({epoch_name(row.best_epoch)})"
    return text + ("  restored" if row.restored else "")
