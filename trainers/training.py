"""`Run`, `benchmark`, `Result`: train with a trainer, and return a record of the training run."""

from __future__ import annotations

import copy
import math
import os
import platform
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from data import DataSet
from data.data_set import is_real_number
from data.markup import escaped, without_math
from trainers import distributed
from trainers.block import Block, Hyperparameter, table_html
from trainers.checkpoint import Checkpoint, describe_run, model_content, set_data, used_sets
from trainers.console import DeferredInterrupt, classroom_defaults, in_terminal, interrupt_everywhere, say
from trainers.history import Epoch, History, best_as_text, epoch_name
from trainers.torch_utils import ModelState
from trainers.trainer import RUNNING, StopTraining, Trainer

Callback = Callable[[Epoch, ModelState], Any]
# Default time limit of a run, in seconds of training; None: set by the environment, 25 in classroom mode.
time_limit: float | None = None
# Comparisons, whose method `follow` every run calls after each epoch and at its end.
FOLLOWERS: weakref.WeakSet[Any] = weakref.WeakSet()


class Run:
    """A training run: an iterable that calls `doEpoch` of a trainer, and yields the row of each epoch.

    The model is also finalized if the loop ends early, because of ``break``, an exception, Ctrl-C or the notebook's
    stop button. Raising `StopTraining` in a callback or between batches ends the run cleanly. With a `BatchedTrainer`,
    Ctrl-C takes effect between two batches; with other trainers, after the epoch. If Ctrl-C is pressed again at least
    one second later, it takes effect immediately.

    Parameters
    ----------
    trainer : Trainer
        Any trainer that implements the interface of `Trainer`.
    train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Arguments of `setDataSets`. Omit them with ``resume=True``.
    epochs : int, default 20
        Number of epochs, at least 1; with ``resume=True``, number of additional epochs.
    callbacks : sequence of callables
        Each is called after each epoch with its row and a copy of parameters and buffers at the
        end of the epoch, *before* a restore. If a callback has methods ``begin(run)`` and
        ``end(run)``, they are called before the first epoch and after the model is finalized.
    resume : bool, default False
        Whether to continue the trainer's finalized run instead of starting a new one.
    seconds : float, optional
        Time limit in seconds: the run ends after the epoch in which the training time reaches this
        limit. The first epoch is always trained. Pauses and callbacks do not count. Default: no
        limit, or 25 s in classroom mode. Use `math.inf` for no limit in classroom mode.
    checkpoint, every, allow
        As in `benchmark`.

    Attributes
    ----------
    planned_epochs : int
        Planned number of epochs in the history; can be changed with `plan`.
    checkpoint : Checkpoint or None
        The file in which the run is saved.
    resumes : bool
        Whether this run continues an earlier one, of the trainer or in the checkpoint.
    stopped : str or None
        Reason why the run ended before its planned epochs; None if it did not.
    out_of_time : bool
        Whether the run ended because of the time limit.

    Raises
    ------
    TypeError, ValueError
        If an argument is invalid (see also `Trainer.setDataSets`). In this case nothing is changed.

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
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        every: int = 5,
        allow: Sequence[str] = (),
    ) -> None:
        if not isinstance(trainer, Trainer):
            raise TypeError(f"trainer must be a Trainer, got {type(trainer).__name__}.")
        epochs = whole_epochs(epochs)
        if not isinstance(callbacks, list | tuple) or not all(map(callable, callbacks)):
            raise TypeError(f"callbacks must be a list of functions (row, state), got {callbacks!r}.")
        self.seconds = current_time_limit() if seconds is None else checked_seconds(seconds)
        self.trainer, self.resumes = trainer, resume
        self.callbacks = () if distributed.rank() else tuple(callbacks)
        self.stopped: str | None = None
        self._stop: str | None = None
        self.out_of_time, self._seconds_trained = False, 0.0
        self._ended = False
        if {train is None, validation is None} != {bool(resume)}:
            wanted = "omitted with resume=True, got a set" if resume else "sets, got None. To continue, set resume=True"
            raise ValueError(f"train and validation must be {wanted}.")
        if resume:
            trainer.check_resume()
        if isinstance(checkpoint, Checkpoint):
            self.checkpoint: Checkpoint | None = checkpoint.reopen()
        elif resume and checkpoint is not None:
            remedy = "To train longer, raise epochs and omit resume."
            raise ValueError(f"checkpoint must be None with resume=True, got {os.fspath(checkpoint)!r}. {remedy}")
        else:
            self.checkpoint = None if checkpoint is None else Checkpoint(checkpoint, every, allow, trainer)
        try:
            self.planned_epochs = self._begin(train, validation, epochs)
        except BaseException:
            self._close()
            raise

    def _begin(self, train: Any, validation: Any, epochs: int) -> int:
        """Set the data sets unless the trainer resumes, and return the planned number of epochs."""
        trainer, checkpoint, planned = self.trainer, self.checkpoint, None
        if not self.resumes:
            train, validation = DataSet.of(train, "training set"), DataSet.of(validation, "validation set")
            if checkpoint:
                planned = checkpoint.begin(train, validation, epochs)
                self.resumes = planned is not None
            else:
                set_data(trainer, train, validation)
        if distributed.size() > 1:
            described = describe_run(trainer, trainer._given_sets, epochs)
            distributed.check_same({**described, "sets": used_sets(trainer)})
        if planned is None:
            planned = len(trainer.history) + epochs
            if checkpoint:
                trainer.planned_epochs = planned
                # now, because a file that cannot be written should be noticed before the training
                checkpoint.save()
        return planned

    def _close(self) -> None:
        if self.checkpoint:
            self.checkpoint.close()

    def plan(self, epochs: int) -> None:
        """Change the planned number of epochs, before or during the run.

        If `epochs` is smaller than the number of epochs so far (including the current epoch), the number of epochs
        so far is used instead. A cosine schedule uses the new end from the next batch on.

        Raises
        ------
        TypeError, ValueError
            If `epochs` is not a positive integer, or the trainer's schedule cannot end at this epoch.
        """
        planned = max(whole_epochs(epochs), len(self.trainer.history) + self.trainer.in_epoch)
        self.trainer.check_plan(planned)
        self.planned_epochs = self.trainer.planned_epochs = planned

    def stop(self, reason: str = "stopped") -> None:
        """End the run after the current epoch; callbacks can call this at any time."""
        self._stop = reason

    def __iter__(self) -> Iterator[Epoch]:
        if not self._ended:
            # defer Ctrl-C except in the body of the user's loop
            with DeferredInterrupt(drop_late=True) as interrupt:
                yield from self._epochs(interrupt)

    def _epochs(self, interrupt: DeferredInterrupt) -> Iterator[Epoch]:
        trainer = self.trainer
        # `end` of every callback is called, in reverse order, even if another one fails
        with ExitStack() as ends:
            try:
                if self.resumes and trainer.finalized and self._epochs_are_left():
                    trainer.resume()
                trainer.planned_epochs = self.planned_epochs
                RUNNING[id(trainer)] = trainer
                ends.callback(_tell_followers, ended=True)
                self._call([partial(self._tell_begin, one, ends) for one in self.callbacks])
                while self._epochs_are_left() and self._stop is None:
                    row = self._one_epoch()
                    interrupt.release()
                    try:
                        yield row
                    finally:
                        interrupt.hold()
                    if self._epochs_are_left():
                        interrupt_everywhere()
                # a stop that was requested in the last epoch has no effect
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
                except KeyboardInterrupt:  # not from a signal, which is deferred
                    self._finalize()
                finally:
                    self._close()

    def _epochs_are_left(self) -> bool:
        return len(self.trainer.history) < self.planned_epochs

    def _finalize(self) -> None:
        trainer = self.trainer
        # without a finished epoch there is nothing to finalize
        if trainer._stage == "in training":
            trainer.finalizeTraining(trainer.model)
        else:
            trainer.model.eval()
        trainer.apply_queued()
        if self.checkpoint and not trainer.in_epoch:
            self.checkpoint.save_or_warn()

    def _one_epoch(self) -> Epoch:
        trainer = self.trainer
        name, before = type(trainer).__name__, len(trainer.history)
        begun = time.perf_counter()
        try:
            returned = trainer.doEpoch(trainer.model)
            if returned is not trainer.model:
                raise TypeError(f"doEpoch of {name} must return the model passed to it, got {type(returned).__name__}.")
            if (added := len(trainer.history) - before) != 1:
                raise RuntimeError(f"doEpoch of {name} must add one row with record(…), got {added} rows.")
        except BaseException:
            # an error after the row was recorded: the epoch is unfinished all the same
            trainer._in_epoch |= len(trainer.history) > before
            trainer.undo_epoch()
            raise
        row = trainer.history[-1]
        # the trainer's own time, if there is one, is without pauses between batches
        self._seconds_trained += row.seconds if math.isfinite(row.seconds) else time.perf_counter() - begun
        # one copy for each callback, made before the first call, because a callback may branch to another state
        states = [trainer.reached_state() for _ in self.callbacks]
        self._call([partial(callback, row, state) for callback, state in zip(self.callbacks, states, strict=True)])
        _tell_followers(ended=False)
        if self.checkpoint and row.epoch % self.checkpoint.every == 0:
            self.checkpoint.save_or_warn()
        if trainer.stop_reason and self._stop is None:
            self.stop(trainer.stop_reason)
        if self._seconds_trained >= self.seconds and self._stop is None:
            self.out_of_time = True
            self.stop(f"time limit of {self.seconds:g} s")
        # the clocks of the ranks differ
        self._stop, self.out_of_time = distributed.agreed((self._stop, self.out_of_time))
        return row

    def _tell_begin(self, callback: Any, ends: ExitStack) -> None:
        ends.callback(self._tell_end, callback)
        if hasattr(callback, "begin"):
            callback.begin(self)

    def _tell_end(self, callback: Any) -> None:
        if hasattr(callback, "end"):
            with distributed.alone():
                callback.end(self)

    def _call(self, functions: Sequence[Callable[[], Any]]) -> None:
        """Call functions of the callbacks, which only rank 0 has; all ranks stop or plan alike."""
        stop: BaseException | None = None
        try:
            with distributed.alone():
                for function in functions:
                    function()
        except (StopTraining, KeyboardInterrupt) as error:
            stop = error
        if distributed.size() > 1:
            reason = "interrupted by hand" if isinstance(stop, KeyboardInterrupt) else stop and str(stop)
            told = distributed.agreed((reason, self._stop, self.planned_epochs, len(self.trainer.history)))
            reason, self._stop, self.planned_epochs, rows = told
            self.trainer.planned_epochs = self.planned_epochs
            if rows != len(self.trainer.history):
                raise RuntimeError(f"{self.trainer.name!r} must not branch in several processes, got a branch.")
            stop = stop or (None if reason is None else StopTraining(reason))
        if stop is not None:
            raise stop


def _tell_followers(*, ended: bool) -> None:
    """Let comparisons show the new epochs of a run."""
    for follower in tuple(FOLLOWERS):
        try:
            follower.follow(ended=ended)
        except Exception as error:  # the training does not need the comparison
            FOLLOWERS.discard(follower)
            warnings.warn(f"{follower!r} is not updated any more: {type(error).__name__}: {error}", stacklevel=2)


def current_time_limit() -> float:
    """Return the default time limit of a run, in seconds; infinity: no limit."""
    return classroom_defaults()[1] if time_limit is None else time_limit


def checked_seconds(seconds: Any) -> float:
    """Return a time limit as a number >= 0, or raise an error; infinity: no limit."""
    checked = Hyperparameter(0.0, "seconds of training", minimum=0).check
    return math.inf if is_real_number(seconds) and seconds == math.inf else checked(seconds, "seconds")


def whole_epochs(epochs: Any) -> int:
    """Return a number of epochs as an int, or raise an error."""
    return Hyperparameter(20, "epochs to train", minimum=1).check(epochs, "epochs")


def _copy_of(model: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(model)
    except Exception as error:  # a user's model may raise any exception
        msg = f"result.model is the trainer's own model, which cannot be copied ({type(error).__name__}: {error})."
        warnings.warn(msg, stacklevel=2)
        return model


@dataclass(frozen=True, eq=False)
class Result:
    """The result of `benchmark`. It does not change if its trainer is trained further.

    Attributes
    ----------
    model : torch.nn.Module
        A copy of the trained and finalized model, in evaluation mode.
    history : History
        A copy of the history, with one row for each epoch.
    hyperparameters : dict of dict
        Hyperparameters of the trainer and the model, by the name of the block; JSON-serializable.
    seed : int or None
        Seed of the trainer, if it has one.
    device : str
        Device on which the model was trained.
    planned_epochs : int
        Planned number of epochs.
    stopped : str or None
        Reason why the run ended before the planned epochs; None if it did not.
    seconds : float
        Wall time of all epochs in seconds.
    versions : dict of str
        Versions of Python, PyTorch and NumPy.
    threads : int
        Number of CPU threads used by PyTorch; a different number may change the last digits of the results. A
        `BatchedTrainer` of a small model uses one thread (see `trainers.torch_utils`).
    tables : list of list
        For each block, its `table` of hyperparameters at the end of the run.
    callbacks : tuple of callables
        Callbacks of the run, such as a `TrainingMonitor`.
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
    tables: list[list[list[str]]]
    callbacks: tuple[Callback, ...]

    kind_of_file: ClassVar = "result"

    @classmethod
    def of(cls, run: Run) -> Result:
        """Return the result of a run that has ended."""
        trainer = run.trainer
        blocks = [block for block in (trainer, trainer.model) if isinstance(block, Block)]
        # add the class to the name if both blocks have the same name
        same_name = len({block.name for block in blocks}) < len(blocks)
        return cls(
            model=_copy_of(trainer.model),
            history=trainer.history.copy(),
            hyperparameters={b.name + f" ({type(b).__name__})" * same_name: b.hyperparameters for b in blocks},
            seed=getattr(trainer, "seed", None),
            device=str(trainer.device),
            planned_epochs=run.planned_epochs,
            stopped=run.stopped,
            seconds=float(sum(row.seconds for row in trainer.history)),
            versions={"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
            threads=trainer.threads,
            tables=[block.table() for block in blocks],
            callbacks=run.callbacks,
        )

    def __getstate__(self) -> dict[str, Any]:
        # a pickled result is without callbacks, which may refer to locks, widgets and models of past epochs
        return {**self.__dict__, "callbacks": ()}

    def to_content(self) -> dict[str, Any]:
        """Return the content of a file for `trainers.save`."""
        parts = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "callbacks"}
        return {**parts, "model": model_content(self.model), "history": self.history.to_dict()}

    @classmethod
    def from_content(cls, content: dict[str, Any], model: nn.Module) -> Result:
        """Return the result that a file describes; raise an error if a part has the wrong type."""
        result = cls(**{**content, "model": model, "history": History.from_dict(content["history"])}, callbacks=())
        # writes all parts as text, so that a wrong type is found now
        result._repr_html_()
        return result

    def summary(self) -> str:
        """Return one sentence with the number of epochs, the best epoch and the number of restores."""
        text = f"{self.history.name}: {len(self.history)} of {self.planned_epochs} epochs"
        if self.stopped:
            text += f" ({self.stopped})"
        return f"{text}{best_as_text(self.history)}, restored {len(self.history.restored_epochs)}×"

    def __repr__(self) -> str:
        return f"<Result of {self.summary()}>"

    def _repr_html_(self) -> str:
        # without wall time, so that a notebook shows the same each time
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        tables = "".join(map(table_html, self.tables))
        return without_math(
            f"<p><b>{escaped(self.summary())}</b>; on {escaped(self.device)}, seed {escaped(self.seed)}.</p>"
            f"<details><summary>hyperparameters and versions</summary>{tables}<p>{escaped(versions)}</p></details>"
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
    checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
    every: int = 5,
    allow: Sequence[str] = (),
) -> Result:
    """Train a model with any trainer: call `setDataSets`, `doEpoch` for each epoch, and `finalizeTraining`.

    If `benchmark` is called again with the same trainer, the current weights are kept, the history,
    the best model and the optimizer state are new, and a message is printed. To continue the last
    run instead, set ``resume=True``.

    Parameters
    ----------
    trainer : Trainer
        Any trainer that implements the interface of `Trainer`.
    train, validation : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        The two data sets. Omit them with ``resume=True``.
    epochs : int, default 20
        Number of epochs, at least 1; with ``resume=True``, number of additional epochs.
    callbacks : sequence of callables
        Called after each epoch with its row and a copy of the model's state; see `Run`.
    resume : bool, default False
        Whether to continue the trainer's last run from the state after its last epoch.
    progress : bool, optional
        If True, print about ten lines, always including the last epoch. Default: in a terminal, show
        the progress in one line that is updated; otherwise print nothing.
    seconds : float, optional
        Time limit in seconds: the run ends after the epoch in which the training time reaches this
        limit, and a message is printed. Default: no limit, or 25 s in classroom mode; see `Run`.
    checkpoint : str or path, optional
        A file in which the run is saved: at its start, every few epochs and when it ends or is stopped. If the file
        exists, the run in it is continued up to `epochs` epochs in total, and a message is printed. So after a crash,
        the same call continues the run. On the same machine with the same number of threads, the result is the same
        to the last bit as without the interruption; the state of callbacks is not saved. The global random generators
        are set to their states in the file. Not with ``resume=True``. See `trainers.load` for the file.
    every : int, default 5
        Number of epochs between two saves.
    allow : sequence of str, default ()
        The run in the file must have the same classes, hyperparameters and data as this one. Differences named here
        are accepted: hyperparameters of the trainer except its loss, whose values are taken from this call, "trainer",
        "model", "data", or "epochs" (which is a difference only if a cosine schedule ends with the last epoch).

    Returns
    -------
    Result
        The result contains a copy of the trained model and its history. If Ctrl-C, the notebook's
        stop button, `StopTraining` or the time limit ended the run, the result covers the epochs so
        far, the model is finalized, and the attribute `stopped` contains the reason.

    Raises
    ------
    TypeError, ValueError, RuntimeError, FloatingPointError
        For the reasons listed in `Run`, `Trainer.setDataSets` and `Trainer.doEpoch`; if the checkpoint is damaged, of
        another run or in use by another one.
    OSError
        If the checkpoint cannot be written at the start. Later, this causes a warning; the previous file is kept.

    Notes
    -----
    The number of epochs within a time limit depends on the machine, so such a run should not be
    compared with others. A cosine schedule is not shortened: it keeps its shape over all planned
    epochs, and the run ends while the learning rate is still high. Therefore ``resume=True`` with
    the remaining epochs gives exactly the result of the run without the limit. For a schedule that
    ends within the limit, plan fewer epochs.

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
    run = Run(
        trainer, train, validation, epochs=epochs, callbacks=callbacks, resume=resume, seconds=seconds,
        checkpoint=checkpoint, every=every, allow=allow,
    )  # fmt: skip
    if trained and not run.resumes:
        say(
            f"{trainer.name}: a new history on weights already trained for {trained} epochs. "
            "To continue the last run: benchmark(trainer, epochs=…, resume=True)."
        )
    with DeferredInterrupt(drop_late=True):
        _train(run, progress)
        history = trainer.history
        if history.start and history and not run.resumes:
            loss = f"validation loss {history.start.validation_loss:.4g}"
            say(f"{trainer.name}: history restore also considered the weights at the start, {loss}.")
        if run.out_of_time:
            done, planned = len(history), run.planned_epochs
            remedy = f"To continue: benchmark(trainer, epochs={planned - done}, resume=True)."
            say(f"{trainer.name}: stopped after epoch {done} of {planned}, {run.stopped}. {remedy}")
        return Result.of(run)


def _train(run: Run, progress: bool | None) -> None:
    """Iterate over the run, and print its progress."""
    rewrite = progress is None and in_terminal()
    width, printed = 0, 0
    try:
        for row in run:
            try:
                line = _line(row, run.planned_epochs)
                if rewrite:
                    # spaces overwrite the rest of a longer line
                    say("\r" + line.ljust(width), end="")
                    width = len(line)
                elif progress and (row.epoch % math.ceil(run.planned_epochs / 10) == 0 or row.epoch == 1):
                    say(line)
                    printed = row.epoch
            except KeyboardInterrupt:  # not from a signal, which is deferred
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
