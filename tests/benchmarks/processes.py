"""Measure training in one process and in two, which torchrun starts: ``python -m tests.benchmarks.processes``.

The processes use one CPU thread each and share the batches. In each round, one process trains, then two. Run it from
the root of the repository, on a computer with two idle cores (3 minutes).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.console import say

# Units of the LSTM and sequences in a batch.
SIZES = ((64, 32), (64, 256))
EPOCHS = 3


def seconds(processes: int, units: int, batch: int) -> float:
    """Return the seconds of an epoch, trained by this number of processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += ["-m", "tests.benchmarks.processes", "--worker", str(units), str(batch)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return float(
        subprocess.run(command, env=environment, check=True, text=True, capture_output=True).stdout.split()[-1]
    )


def train(units: int, batch: int) -> None:
    """Train, and print the seconds of the fastest epoch after the first."""
    training, validation, *_ = split(load_ecg5000())
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=units), batch_size=batch, steps_per_epoch=max(2, 512 // batch))
    result = benchmark(trainer, training, validation[:64], epochs=EPOCHS)
    say(str(min(row.seconds for row in result.history[1:])))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", type=int, nargs=2)
    options = parser.parse_args()
    if options.worker:
        train(*options.worker)
        sys.exit()
    print("| units | batch | one process, s per epoch | two processes, s per epoch | times as fast |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        rounds = [[seconds(n, *size) for n in (1, 2)] for _ in range(options.rounds)]
        one, two = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratios = [a / b for a, b in rounds]
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {size[0]} | {size[1]} | {one:.2f} | {two:.2f} | {shown} |", flush=True)
