"""One thread or all, alone and beside another program that computes: why a small model trains with one.

Run from the repository's root: ``python -m tests.benchmarks.threads``. Each training is a process of its own; printed
are ratios within one run, the fastest of three rounds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import torch

from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder

# Units and sequences in a batch: as in the lessons, at the limit, and beyond it.
SIZES = ((32, 32), (64, 32), (128, 64))
BUSY = "while True: pass"


def seconds(hidden: int, batch: int) -> float:
    """Time of one epoch of a few batches, after one that warms up."""
    training, validation, *_ = split(load_ecg5000(), seed=0)
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=hidden, latent_size=16), batch_size=batch, n_batches=20)
    trainer.setDataSets(training, validation[:32])
    trainer.doEpoch(trainer.model)
    begun = time.perf_counter()
    trainer.doEpoch(trainer.model)
    return time.perf_counter() - begun


def measured(hidden: int, batch: int, one: bool) -> float:
    """The same in a process of its own, with one thread or with all."""
    environment = {**os.environ, "TRAINERS_ONE_THREAD": "0"} | ({"OMP_NUM_THREADS": "1"} if one else {})
    command = [sys.executable, "-m", "tests.benchmarks.threads", str(hidden), str(batch)]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    print(f"time of an epoch with all {torch.get_num_threads()} threads, times that with one thread:")
    for hidden, batch in SIZES:
        ratios = []
        for others in (0, 1):
            busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(others)]
            try:
                every, alone = (min(measured(hidden, batch, one) for _ in range(3)) for one in (False, True))
            finally:
                for process in busy:
                    process.kill()
            ratios.append(every / alone)
        print(f"{hidden:4} units, batch {batch:4}: {ratios[0]:5.2f} alone, {ratios[1]:6.1f} beside one busy program")


if __name__ == "__main__":
    if sys.argv[1:]:
        print(seconds(*map(int, sys.argv[1:])))
    else:
        main()
