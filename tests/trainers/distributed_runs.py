"""Training runs for `test_distributed`: each is trained in one process and, by torchrun, in two.

python -m torch.distributed.run --standalone --nproc-per-node 2 -m tests.trainers.distributed_runs FOLDER [NAME …]
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data import DataSet, load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, Result, Run, StopTraining, benchmark, distributed, save

# More than the test waits for.
EPOCHS = 100_000


def beats(train: int, validation: int, **more: Any) -> tuple[DataSet, DataSet]:
    """Return few beats, at every fourth time step."""
    parts = split(load_ecg5000())
    sets = zip(parts, (train, validation), strict=False)
    return tuple(DataSet(one.sequences[:n, ::4], **{k: v[:n] for k, v in more.items()}) for one, n in sets)


class Linear(nn.Module):
    """Linear autoencoder with four latent values; unlike those of an LSTM, its rounding errors do not grow."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(4)
        self.layers = nn.Sequential(nn.Linear(35, 4), nn.Linear(4, 35))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.2, 0.2, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction."""
        return self.layers(x[:, :, 0])[:, :, None]


def restores() -> Result:
    """Return a run with several restores, whose last batch has three sequences."""
    trainer = BatchedTrainer(Linear(), learning_rate=0.1, loss="mse", batch_size=40)
    return benchmark(trainer, *beats(203, 61), epochs=16)


def masked() -> Result:
    """Return a run with missing values, accumulated gradients, a custom loss, and a last batch of one sequence."""
    mask = np.random.default_rng(0).random((50, 35)) < 0.6
    trainer = BatchedTrainer(
        LSTMAutoencoder(hidden_size=6), loss=nn.HuberLoss(), batch_size=7, accumulate_grad_batches=2, learning_rate=0.02
    )
    return benchmark(trainer, *beats(50, 31, mask=mask), epochs=4)


class SecondOrder(BatchedTrainer):
    """Trainer with an optimizer that computes the loss several times in a step."""

    def configure_optimizer(self, model: nn.Module) -> Any:
        """Return LBFGS."""
        return torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)


def second_order() -> Result:
    """Return a run of LBFGS."""
    trainer = SecondOrder(LSTMAutoencoder(hidden_size=4), batch_size=60)
    return benchmark(trainer, *beats(60, 30), epochs=3)


class Enough(StopTraining):
    """Exception that cannot be pickled."""

    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"enough: {first + second}")


class Change:
    """Callback that changes what callbacks may change."""

    def begin(self, run: Run) -> None:
        """Change a hyperparameter that decides about the first measurement."""
        self.run, self.trainer = run, run.trainer
        self.trainer.restore = "off"

    def __call__(self, row: Any, state: Any) -> None:
        """Change settings and weights, compute a loss, and stop."""
        model = self.trainer.model
        if row.epoch == 1:
            self.trainer.queue("learning_rate", 0.03)
            model.to_output.bias.requires_grad_(False)
        if row.epoch == 2:
            self.run.plan(5)
            with torch.no_grad():
                model.to_output.weight *= self.trainer.validation_loss(model)
        if row.epoch == 4:
            raise Enough(1, 2)


def changed_by_callback() -> Result:
    """Return a run whose callback changes settings, weights and the plan."""
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4))
    return benchmark(trainer, *beats(60, 30), epochs=3, callbacks=[Change()])


def two_optimizers() -> Result:
    """Return a run with lengths, and an optimizer for each part of the model."""

    class Two(BatchedTrainer):
        def configure_optimizer(self, model: nn.Module) -> Any:
            return [torch.optim.Adam(part.parameters(), lr=0.01) for part in (model.encoder, model.decoder)]

    lengths = np.arange(60) % 20 + 16
    trainer = Two(LSTMAutoencoder(hidden_size=4), learning_rate=0.01)
    return benchmark(trainer, *beats(60, 30, lengths=lengths), epochs=2)


class Normalized(nn.Module):
    """Autoencoder with dropout and with buffers that depend on the share of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(35, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 35))
        # not the same on all ranks, until rank 0 gives its weights to the others
        nn.init.normal_(self.layers[0].weight, std=0.1 + int(os.environ.get("RANK", 0)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction."""
        return self.layers(x[:, :, 0])[:, :, None]


def normalized() -> Result:
    """Return a run of a model with batch normalization and dropout, without a trained bias."""
    model = Normalized()
    model.unused = nn.Parameter(torch.ones(2))
    return benchmark(BatchedTrainer(model), *beats(64, 30), epochs=3)


def other_data() -> Result:
    """Give rank 1 another training set."""
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4))
    return benchmark(trainer, *beats(60 + int(os.environ["RANK"]), 30), epochs=1)


def saved(folder: Path | None = None) -> Result:
    """Return a run that saves each epoch; rank 1 is killed after epoch `KILLED`, if that is set."""
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=8), name="saved", learning_rate=0.02)
    if os.environ.get("RANK") == "1" and "KILLED" in os.environ:
        measure = trainer.validation_loss

        def validation_loss(model: nn.Module) -> float:
            if len(trainer.history) == int(os.environ["KILLED"]):
                os.kill(os.getpid(), signal.SIGKILL)
            return measure(model)

        trainer.validation_loss = validation_loss  # type: ignore[method-assign]
    checkpoint = None if folder is None else folder / "checkpoint"
    result = benchmark(trainer, *beats(200, 60), epochs=EPOCHS if folder else 4, checkpoint=checkpoint, every=1)
    if folder:
        save(result, folder / "result")
    return result


EQUAL = {one.__name__: one for one in (restores, masked, second_order, changed_by_callback, two_optimizers)}
OTHERS = {one.__name__: one for one in (normalized, other_data, saved)}


def described(result: Result) -> dict[str, Any]:
    """Return losses, restores and weights of a run."""
    return {
        "losses": [[row.train_loss, row.validation_loss] for row in result.history],
        "restored": result.history.restored_epochs,
        "stopped": result.stopped,
        "weights": torch.cat([p.detach().flatten() for p in result.model.state_dict().values()]).tolist(),
    }


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    # before the first trainer
    if distributed.rank() == 0:
        save(LSTMAutoencoder(hidden_size=4), Path(folder, "model"))
    assert distributed.rank() == int(os.environ["RANK"])
    for name in names:
        run: Any = {**EQUAL, **OTHERS}[name]
        found = described(run(Path(folder)) if name == "saved" else run())
        Path(folder, f"{name}-{os.environ['RANK']}.json").write_text(json.dumps(found))
