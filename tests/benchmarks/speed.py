"""Measure the training speed of the kit, a plain loop, PyTorch Lightning and skorch.

All use the same model, beats, loss, optimizer and validation. Each runs in a separate process, in turn, over several
rounds. On a shared machine the speed of one process changes by half from minute to minute, so the fastest round counts.
The program then measures which fraction of the machine's matrix-product rate the 990,465-parameter model of the
curiousily.com tutorial reaches.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import l1_loss

from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, Run

from .results_file import section

# The first epoch is a warm-up and is not counted.
EPOCHS = 3
Setting = dict[str, Any]


class TutorialAutoencoder(nn.Module):
    """Autoencoder with two LSTM layers that encode to 128 numbers and two that decode; 990,465 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder1, self.encoder2 = nn.LSTM(1, 256, batch_first=True), nn.LSTM(256, 128, batch_first=True)
        self.decoder1, self.decoder2 = nn.LSTM(128, 128, batch_first=True), nn.LSTM(128, 256, batch_first=True)
        self.output = nn.Linear(256, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (hidden, _) = self.encoder2(self.encoder1(x)[0])
        repeated = hidden[-1][:, None].expand(-1, x.shape[1], -1)
        return self.output(self.decoder2(self.decoder1(repeated)[0])[0])


def build(setting: Setting) -> nn.Module:
    if setting["model"] == "tutorial":
        return TutorialAutoencoder()
    return LSTMAutoencoder(hidden_size=64, bidirectional=setting["model"] == "bidirectional")


def kit(model: nn.Module, train: torch.Tensor, validation: torch.Tensor, batch: int, tick: Callable[[], None]) -> None:
    trainer = BatchedTrainer(model, "cpu", batch_size=batch, max_grad_norm=None)
    for _ in Run(trainer, train, validation, epochs=EPOCHS):
        tick()


def plain(
    model: nn.Module, train: torch.Tensor, validation: torch.Tensor, batch: int, tick: Callable[[], None]
) -> None:
    optimizer = torch.optim.Adam(model.parameters(), 0.001)
    for _ in range(EPOCHS):
        model.train()
        for chosen in torch.randperm(len(train)).split(batch):
            optimizer.zero_grad()
            loss = l1_loss(model(train[chosen]), train[chosen])
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            l1_loss(model(validation), validation).item()
        tick()


def lightning(
    model: nn.Module, train: torch.Tensor, validation: torch.Tensor, batch: int, tick: Callable[[], None]
) -> None:
    import lightning.pytorch as pl
    from torch.utils.data import DataLoader, TensorDataset

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def training_step(self, step_batch: Any, _: int) -> torch.Tensor:
            return l1_loss(self.inner(step_batch[0]), step_batch[0])

        def validation_step(self, step_batch: Any, _: int) -> None:
            l1_loss(self.inner(step_batch[0]), step_batch[0])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.Adam(self.parameters(), 0.001)

        def on_train_epoch_end(self) -> None:
            tick()

    warnings.filterwarnings("ignore")  # its advice to use data-loader workers would make this slower
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = pl.Trainer(max_epochs=EPOCHS, accelerator="cpu", num_sanity_val_steps=0, **quiet)
    trainer.fit(
        Module(),
        DataLoader(TensorDataset(train), batch_size=batch, shuffle=True),
        DataLoader(TensorDataset(validation), batch_size=256),
    )


def skorch(
    model: nn.Module, train: torch.Tensor, validation: torch.Tensor, batch: int, tick: Callable[[], None]
) -> None:
    from skorch import NeuralNet
    from skorch.callbacks import Callback
    from skorch.dataset import Dataset
    from skorch.helper import predefined_split

    class Tick(Callback):
        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            tick()

    net = NeuralNet(
        model,
        criterion=nn.L1Loss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        max_epochs=EPOCHS,
        batch_size=batch,
        iterator_train__shuffle=True,
        iterator_valid__batch_size=256,
        train_split=predefined_split(Dataset(validation, validation)),
        callbacks=[("tick", Tick())],
        verbose=0,
    )
    net.fit(train, train)


RUNNERS = {"kit": kit, "plain loop": plain, "Lightning": lightning, "skorch": skorch}


def worker(name: str, setting: Setting) -> None:
    """Train in this process, and print the sequences per second."""
    torch.set_num_threads(setting["threads"])
    torch.manual_seed(0)
    training, validation, _, _ = split(load_ecg5000(), seed=0)
    train, ticks = training.sequences[: setting["n"]], []
    RUNNERS[name](
        build(setting), train, validation.sequences, setting["batch"], lambda: ticks.append(time.perf_counter())
    )
    print(json.dumps(len(train) * (len(ticks) - 1) / (ticks[-1] - ticks[0])))


def measure(name: str, setting: Setting, *, keep: bool = True) -> float:
    environment = {**os.environ, "TRAINERS_KEEP_BUFFERS": str(int(keep)), "OMP_NUM_THREADS": str(setting["threads"])}
    command = [sys.executable, "-m", "tests.benchmarks.speed", "--worker", name, "--setting", json.dumps(setting)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def compare(setting: Setting, rounds: int) -> None:
    """Print one table with the fastest of several rounds, in each of which every library runs once."""
    libraries = {name: (name, True) for name in RUNNERS} | {"kit, allocator setting off": ("kit", False)}
    rates: dict[str, list[float]] = {label: [] for label in libraries}
    for _ in range(rounds):
        for label, (name, keep) in libraries.items():
            rates[label].append(measure(name, setting, keep=keep))
    title = f"{setting['model']} LSTM autoencoder, hidden 64, batch {setting['batch']}, {setting['threads']} threads"
    print(f"\n### {title}\n")
    print("| trainer | sequences/s | relative to the plain loop |\n|---|---|---|")
    for label, values in rates.items():
        print(f"| {label} | {max(values):.0f} | {max(values) / max(rates['plain loop']):.2f} |", flush=True)


def matrix_rate(rows: int, inner: int, columns: int, threads: int) -> float:
    """Return the multiply-adds per second of a float32 matrix product, the best of eight."""
    torch.set_num_threads(threads)
    a, b, out = torch.rand(rows, inner), torch.rand(inner, columns), torch.empty(rows, columns)
    best = 0.0
    repeats = max(1, int(2e9 / (rows * inner * columns)))
    for _ in range(8):
        start = time.perf_counter()
        for _ in range(repeats):
            torch.mm(a, b, out=out)
        best = max(best, repeats * rows * inner * columns / (time.perf_counter() - start))
    return best


def tutorial(rounds: int, threads: int) -> None:
    """Print the rate of the large model relative to the rate of its matrix products."""
    setting = {"model": "tutorial", "batch": 64, "threads": threads, "n": 512}
    weights = sum(p.numel() for name, p in TutorialAutoencoder().named_parameters() if "bias" not in name)
    # In each time step, each weight needs one multiply-add forward and two backward.
    work = 3 * weights * 140
    print(f"\n### tutorial model, batch 64, {threads} threads\n")
    rates = {label: [] for label in ("kit", "kit, allocator setting off")}
    products: dict[str, list[float]] = {
        "64 × 256 by 256 × 1024, the largest in the model": [],
        "1024 × 1024 by 1024 × 1024": [],
    }
    for _ in range(rounds):
        rates["kit"].append(measure("kit", setting))
        rates["kit, allocator setting off"].append(measure("kit", setting, keep=False))
        for label, shape in zip(products, ((64, 256, 1024), (1024, 1024, 1024)), strict=True):
            products[label].append(matrix_rate(*shape, threads))
    for label, values in rates.items():
        print(f"{label}: {max(values):.0f} sequences/s")
        for shape, speeds in products.items():
            share = max(values) * work / max(speeds)
            print(f"  {share:.2f} of the matrix-product rate, {2 * max(speeds) / 1e9:.0f} GFLOP/s ({shape})")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    arguments.add_argument("--worker", help=argparse.SUPPRESS)
    arguments.add_argument("--setting", type=json.loads, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker:
        worker(options.worker, options.setting)
        return
    with section("speed", complete=options == arguments.parse_args([])):
        for model in ("unidirectional", "bidirectional"):
            for batch in (32, 64):
                compare({"model": model, "batch": batch, "threads": options.threads, "n": 2043}, options.rounds)
        tutorial(options.rounds, options.threads)


if __name__ == "__main__":
    main()
