"""Measure memory and speed of training on data beyond memory.

``python -m tests.benchmarks.beyond_memory file`` (or ``dataset``, or ``windows``) trains on 8 GB of sequences with a
limit of 1.5 GB, and prints the peak of the anonymous memory (Linux only). The limit is RLIMIT_DATA: all memory of the
process except files that are mapped for reading.

``python -m tests.benchmarks.beyond_memory`` trains on the same data from memory and as data beyond memory, in turn, and
prints the ratio of the times of an epoch. On a shared machine the speed changes, so the ratio is the median over the
rounds; that of processor time, which excludes other programs, is printed too.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from data import DataSet, Series, lazy
from data.lazy import LazyTensor
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark

LIMIT = 1_500_000_000
# Sequences and their steps: 8 GB as float32.
N, STEPS = 2_000_000, 1000


def wave(steps: int) -> np.ndarray:
    """Return a sine, (steps,), float32."""
    return np.sin(np.arange(steps, dtype=np.float32) / 4)


class Parts(Dataset):
    """2000 parts of a wave, each of a million steps."""

    def __init__(self) -> None:
        self.wave = wave(N)

    def __len__(self) -> int:
        return 2000

    def __getitem__(self, i: int) -> np.ndarray:
        return self.wave[i : i + 1_000_000]


def from_file(folder: str) -> DataSet:
    """Return sequences in a file, which takes little space on the disk, because most of it is never written."""
    array = np.memmap(Path(folder) / "values", np.float32, "w+", shape=(N, STEPS, 1))
    array[:: N // 200, :, 0] = wave(STEPS)
    return DataSet(np.memmap(Path(folder) / "values", np.float32, "r", shape=array.shape))


def windows(folder: str) -> DataSet:
    """Return windows of a series with missing values."""
    values = wave(N + STEPS - 1)
    values[5000:5300] = np.nan
    return Series(values).windows(STEPS)


KINDS = {"file": from_file, "dataset": lambda folder: DataSet(Parts()), "windows": windows}


def watch(stop: threading.Event, peak: list[int]) -> None:
    """Keep the largest anonymous memory until `stop` is set."""
    while not stop.wait(0.01):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        found = re.search(r"RssAnon:\s+(\d+)", status)
        peak[0] = max(peak[0], 1024 * int(found.group(1)) if found else 0)


def memory(kind: str) -> None:
    """Train on 8 GB with the limit."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    stop, peak = threading.Event(), [0]
    threading.Thread(target=watch, args=(stop, peak), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        data = KINDS[kind](folder)
        made = time.perf_counter() - begun
        assert isinstance(data.sequences, LazyTensor)
        trainer = BatchedTrainer(torch.nn.Linear(1, 1), batch_size=4, steps_per_epoch=10)
        result = benchmark(trainer, data, data[:: len(data) // 4], epochs=2, progress=False)
    stop.set()
    print(f"{data}; {4 * data.sequences.numel() / 1e9:.1f} GB, made in {made:.1f} s")
    print(f"{len(result.history)} epochs in {time.perf_counter() - begun - made:.1f} s")
    print(f"peak anonymous memory: {peak[0] / 1e6:.0f} MB")


def speed(rounds: int, steps: int) -> None:
    """Print the ratios of the times of an epoch, beyond memory to in memory."""
    rng = np.random.default_rng(0)
    values = (np.sin(np.arange(1_000_000) / 4) + 0.1 * rng.normal(size=1_000_000)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "values.npy", values.reshape(-1, 100))
        mapped: Any = np.load(Path(folder) / "values.npy", mmap_mode="r")
        makes = {
            "file": lambda: DataSet(mapped),
            "dataset": lambda: DataSet(torch.utils.data.TensorDataset(torch.from_numpy(values.reshape(-1, 100)))),
            "windows": lambda: Series(values).windows(100, stride=20),
        }
        for kind, make in makes.items():
            trainers = {}
            for limit in (2**28, 1000):
                lazy.LARGEST_IN_MEMORY = limit
                data = make()
                assert isinstance(data.sequences, LazyTensor) == (limit == 1000)
                trainer = BatchedTrainer(LSTMAutoencoder(), batch_size=32, steps_per_epoch=steps)
                trainer.setDataSets(data, data[:32])
                trainers[limit] = trainer
            seconds: list[np.ndarray] = []
            for number in range(rounds + 1):
                # in turn, in alternating order; the first round is a warm-up
                spent = {}
                for limit in sorted(trainers, reverse=bool(number % 2)):
                    begun = time.perf_counter(), time.process_time()
                    trainers[limit].doEpoch(trainers[limit].model)
                    spent[limit] = np.subtract((time.perf_counter(), time.process_time()), begun)
                seconds.append(spent[1000] / spent[2**28])
            assert trainers[1000].history[-1].train_loss == trainers[2**28].history[-1].train_loss
            for name, ratios in zip(("time", "processor time"), np.transpose(seconds[1:]), strict=True):
                low, high = ratios.min(), ratios.max()
                print(f"{kind}: {np.median(ratios):.3f} ({low:.3f} to {high:.3f}) times the {name} from memory")


def main() -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", choices=KINDS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    if options.kind:
        memory(options.kind)
    else:
        speed(options.rounds, options.steps)


if __name__ == "__main__":
    sys.exit(main())
