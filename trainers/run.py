"""`Run`: a training run that is iterated an epoch at a time."""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from trainers import classroom
from trainers.history import Epoch
from trainers.interrupts import DeferredInterrupt, interrupt_point
from trainers.model_state import ModelState
from trainers.trainer import StopRun, Trainer

Callback = Callable[[Epoch, ModelState], Any]


class Run:
    """Calls a trainer in the contract's order, and yields the row of each epoch.

    Leaving the loop early still finalizes the model; so do Ctrl-C, the notebook's stop button
    and an exception. `StopRun` from a callback or from between batches ends it cleanly. Ctrl-C acts between
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
        classroom mode that of the mode (25 s, see `trainers.classroom`); `math.inf` is none there either.

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
            msg = f"trainer takes a Trainer, such as BatchedTrainer(model, 'cpu'); got {type(trainer).__name__}."
            raise TypeError(msg)
        self.epochs = whole_epochs(epochs)
        if not isinstance(callbacks, list | tuple):
            msg = f"callbacks takes a list of functions of (row, state); got {callbacks!r}. Put it in brackets."
            raise TypeError(msg)
        for callback in callbacks:
            if not callable(callback):
                msg = f"callbacks takes functions of (row, state); got {callback!r}. Pass them as a list."
                raise TypeError(msg)
        if resume and not (train is None and validation is None):
            msg = "resume=True goes on with the sets that the trainer has; got new ones. Leave them out, or resume."
            raise ValueError(msg)
        if not resume and (train is None or validation is None):
            msg = "a run needs a training and a validation set. Pass both, or resume=True to go on with the last run."
            raise ValueError(msg)
        self.seconds = math.inf if (limit := _limit(seconds)) is None else limit
        self.trainer, self.callbacks = trainer, tuple(callbacks)
        self.stopped: str | None = None
        self._stop: str | None = None
        self.out_of_time, self._trained = False, 0.0
        if resume:
            trainer.check_resume()
        else:
            trainer.setDataSets(train, validation)
        self.planned_epochs = len(trainer.history) + self.epochs
        self.resumes, self._ended, self._in_epoch = resume, False, False

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
        begun: list[Callback] = []
        if self.resumes:
            trainer.resume()
        trainer.planned_epochs = self.planned_epochs
        try:
            trainer.running = True
            for callback in self.callbacks:
                begun.append(callback)
                getattr(callback, "begin", _nothing)(self)
            while len(trainer.history) < self.planned_epochs and self._stop is None:
                row = self._one_epoch()
                interrupt.release()
                try:
                    yield row
                finally:
                    interrupt.hold()
                if len(trainer.history) < self.planned_epochs:
                    interrupt_point()
            # A stop asked for in the last epoch has cut nothing off.
            self.stopped = self._stop if len(trainer.history) < self.planned_epochs else None
            self.out_of_time = self.stopped is not None and self.out_of_time
        except StopRun as stop:
            self.stopped = str(stop) or "stopped"
        except KeyboardInterrupt:
            self.stopped = "interrupted by hand"
        except GeneratorExit:
            self.stopped = "left early"
            raise
        except BaseException as error:
            self.stopped = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._ended, trainer.running = True, False
            try:
                self._finalize()
            except KeyboardInterrupt:  # raised by something else than a signal
                self._finalize()
            finally:
                self._end(begun)

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
        before = len(trainer.history)
        self._in_epoch, begun = True, time.perf_counter()
        try:
            returned = trainer.doEpoch(trainer.model)
        finally:
            self._in_epoch = False
        if returned is not trainer.model:
            msg = (
                f"doEpoch of {type(trainer).__name__} must return the model it was given; got "
                f"{type(returned).__name__}. End it with 'return model'."
            )
            raise TypeError(msg)
        if len(trainer.history) != before + 1:
            msg = (
                f"doEpoch of {type(trainer).__name__} must add one row to the history; it added "
                f"{len(trainer.history) - before}. Call self.record(train_loss=…, validation_loss=…) once."
            )
            raise RuntimeError(msg)
        row = trainer.history[-1]
        # Where a row holds its own time, that is without pauses between batches.
        self._trained += row.seconds if math.isfinite(row.seconds) else time.perf_counter() - begun
        # A copy for each, to keep or to change; made now, as one may branch off to another state.
        states = [trainer.reached_state() for _ in self.callbacks]
        for callback, state in zip(self.callbacks, states, strict=True):
            callback(row, state)
        if self._trained >= self.seconds and self._stop is None:
            self.out_of_time = True
            self.stop(f"time limit of {self.seconds:g} s")
        return row

    def _end(self, begun: list[Callback]) -> None:
        """Last begun, first ended; one that fails keeps no other from its end."""
        failed: BaseException | None = None
        for callback in reversed(begun):
            try:
                getattr(callback, "end", _nothing)(self)
            except BaseException as error:
                failed = failed or error
        if failed is not None:
            raise failed


def _limit(seconds: Any) -> float | None:
    """The time limit as given, checked; else that of classroom mode, if it is on."""
    return classroom.seconds() if seconds is None else classroom.checked_seconds(seconds)


def _nothing(run: Run) -> None:
    """What a callback without `begin` or `end` does there."""


def whole_epochs(epochs: Any) -> int:
    """A number of epochs, checked."""
    try:
        number = 0 if isinstance(epochs, bool) else operator.index(epochs)
    except TypeError:
        msg = f"epochs takes a whole number of at least 1; got {epochs!r} ({type(epochs).__name__})."
        raise TypeError(msg) from None
    if number < 1:
        msg = f"epochs takes a whole number of at least 1; got {epochs!r}."
        raise ValueError(msg)
    return number
