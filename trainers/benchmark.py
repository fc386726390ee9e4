"""`benchmark`: the driver that trains any trainer to the end and returns the result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from trainers.console import in_terminal, say
from trainers.history import Epoch, epoch_name
from trainers.interrupts import DeferredInterrupt
from trainers.result import Result
from trainers.run import Callback, Run
from trainers.trainer import Trainer


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
        `StopRun` or the time limit, the result so far, finalized as well; its `stopped` says why.

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
        return _result(run, progress)


def _result(run: Run, progress: bool | None) -> Result:
    trainer = run.trainer
    rewrite = progress is None and in_terminal()
    width, printed = 0, None
    try:
        for row in run:
            try:
                line = _line(row, run.planned_epochs)
                if rewrite:
                    # Blanks over what is left of a longer line before.
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
        elif progress and trainer.history and trainer.history[-1].epoch != printed:
            say(_line(trainer.history[-1], run.planned_epochs))
    if (start := trainer.history.start) and trainer.history and not run.resumes:
        say(
            f"{trainer.name}: the weights that the run began with, validation loss {start.validation_loss:.4g}, "
            "counted as a candidate for the best."
        )
    if run.out_of_time:
        done, planned = len(trainer.history), run.planned_epochs
        say(
            f"{trainer.name}: stopped after epoch {done} of {planned}, {run.stopped}. "
            f"To go on: benchmark(trainer, epochs={planned - done}, resume=True)."
        )
    return Result.of(run)


def _line(row: Epoch, planned: int) -> str:
    text = f"epoch {row.epoch}/{planned}  training {row.train_loss:.4f}  validation {row.validation_loss:.4f}"
    text += f"  best {row.best_loss:.4f} ({epoch_name(row.best_epoch)})"
    return text + ("  restored" if row.restored else "")
