"""Training speed with one CPU thread, two, and two that wait with a short spin; quiet and beside busy processes.

The rule in `trainers.threads` is chosen from this table. Run from the repository's root:
``python -m tests.benchmarks.threads``; a part of it: ``--units 64 --batch 32``.

Each setting is a process of its own, because libgomp reads its spin count once. The processes take turns: in each round
every setting trains for a moment alone, then beside one busy process for each core. Printed are medians of the rounds,
with the lowest and the highest, as speed relative to a plain PyTorch loop in the same round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

UNITS, BATCHES = (16, 32, 64, 128, 256), (10, 32, 64, 128)
ROOMS = ("quiet", "busy")
# Each: PyTorch's threads (0: its default), whether the allocator keeps buffers, libgomp's spin count.
SETTINGS = {"plain": (0, 0, ""), "one": (1, 1, ""), "two": (2, 1, ""), "two, short spin": (2, 1, "1000")}
COMPETITORS = ("plain", "kit")
# Seconds of training in a round; beside busy processes more, since a time slice is some milliseconds.
SECONDS = {"quiet": 0.25, "busy": 0.6}
EPOCH_BATCHES, VALIDATION = 10, 64


class Process:
    """A process with one setting that trains on request."""

    def __init__(self, name: str) -> None:
        threads, keep, spin = SETTINGS.get(name, (0, 1, ""))
        dropped = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
        environment = {key: value for key, value in os.environ.items() if key not in dropped}
        if spin:
            environment["GOMP_SPINCOUNT"] = spin
        command = [sys.executable, "-m", "tests.benchmarks.threads", "--worker", f"{name}/{threads}/{keep}"]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, units: int, batch: int, limit: float) -> float:
        """Seconds of one training step; of a whole epoch if `limit` is 0."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(units, batch, limit, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def work(name: str, threads: int, keep: int) -> None:
    """Train as each line of the standard input says, and print the seconds."""
    import torch
    from torch.nn.functional import l1_loss

    from data import load_ecg5000, split
    from trainers import BatchedTrainer, LSTMAutoencoder
    from trainers.allocator import keep_large_buffers

    if threads:
        torch.set_num_threads(threads)
    if keep:
        keep_large_buffers()
    parts = split(load_ecg5000(), seed=0)
    train, validation = parts.training.sequences, parts.validation.sequences[:VALIDATION]
    trainers: dict[tuple[int, int], BatchedTrainer] = {}
    loops: dict[tuple[int, int], tuple[LSTMAutoencoder, torch.optim.Adam]] = {}

    def step(units: int, batch: int) -> None:
        """One step as a user would write it."""
        if (units, batch) not in loops:
            new = LSTMAutoencoder(hidden_size=units)
            loops[units, batch] = new, torch.optim.Adam(new.parameters(), 0.001)
        model, optimizer = loops[units, batch]
        model.train()
        inputs = train[torch.randperm(len(train))[:batch]]
        optimizer.zero_grad()
        l1_loss(model(inputs), inputs).backward()
        optimizer.step()

    def epoch(units: int, batch: int) -> None:
        if name == "kit":
            if (units, batch) not in trainers:
                model = LSTMAutoencoder(hidden_size=units)
                trainers[units, batch] = BatchedTrainer(model, batch_size=batch, n_batches=EPOCH_BATCHES)
                trainers[units, batch].setDataSets(train, validation)
            trainers[units, batch].doEpoch(trainers[units, batch].model)
            return
        for _ in range(EPOCH_BATCHES):
            step(units, batch)
        model = loops[units, batch][0].eval()
        with torch.no_grad():
            l1_loss(model(validation), validation).item()

    warm = set()
    for line in sys.stdin:
        units, batch, limit = (float(word) if "." in word else int(word) for word in line.split())
        do = step if limit else epoch
        if (do, units, batch) not in warm:
            for _ in range(2):
                do(units, batch)
            warm.add((do, units, batch))
        begun, steps = time.perf_counter(), 0
        while not steps or time.perf_counter() - begun < limit:
            do(units, batch)
            steps += 1
        print((time.perf_counter() - begun) / steps, flush=True)


@contextmanager
def room(name: str) -> Iterator[None]:
    """Quiet, or with one busy process for each core."""
    number = (os.cpu_count() or 1) if name == "busy" else 0
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def measure(processes: dict[str, Process], units: int, batch: int, rounds: int, *, epochs: bool = False) -> str:
    """One row of a table: for each room and process the speed relative to the plain loop."""
    times: dict[tuple[str, str], list[float]] = {(at, name): [] for at in ROOMS for name in processes}
    for number in range(rounds):
        for at in ROOMS:
            with room(at):
                # The order alternates: whoever comes first has no advantage.
                for name in list(processes)[:: 1 if number % 2 else -1]:
                    limit = 0 if epochs else SECONDS[at]
                    times[at, name].append(processes[name].seconds(units, batch, limit))
    cells = [f"{units}", f"{batch}"]
    for at in ROOMS:
        plain = times[at, "plain"]
        cells.append(f"{1000 * statistics.median(plain):.0f} ms")
        for name in processes:
            if name != "plain":
                ratios = sorted(a / b for a, b in zip(plain, times[at, name], strict=True))
                cells.append(f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return f"| {' | '.join(cells)} |"


def table(names: tuple[str, ...], sizes: list[tuple[int, int]], rounds: int, *, epochs: bool = False) -> None:
    processes = {name: Process(name) for name in names}
    columns = [f"{at}: {name}" for at in ROOMS for name in names]
    print("| units | batch | " + " | ".join(columns) + " |\n|" + "---|" * (2 + len(columns)), flush=True)
    try:
        for units, batch in sizes:
            print(measure(processes, units, batch, rounds, epochs=epochs), flush=True)
    finally:
        for process in processes.values():
            process.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--units", type=int, nargs="*", default=UNITS, help="default: %(default)s")
    arguments.add_argument("--batch", type=int, nargs="*", default=BATCHES, help="default: %(default)s")
    arguments.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    arguments.add_argument("--worker", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.worker:
        name, threads, keep = given.worker.split("/")
        work(name, int(threads), int(keep))
        return
    print("Training step of a plain loop, and speed of the settings relative to it, median (lowest to highest):\n")
    table(tuple(SETTINGS), [(units, batch) for units in given.units for batch in given.batch], given.rounds)
    print("\nEpoch of a plain loop, and speed of the kit with its rule relative to it:\n")
    table(COMPETITORS, [(64, 32)], given.rounds, epochs=True)


if __name__ == "__main__":
    main()
