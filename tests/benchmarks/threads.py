"""Measure the speed with one CPU thread, two, and two that spin briefly, on an idle and on a busy computer.

The rule in `trainers.torch_utils` follows from the second table. Run the program from the root of the repository, on a
computer without other work: ``python -m tests.benchmarks.threads`` (15 minutes; for a part, add ``--units 64 --batch
32``).

Each setting is a separate process, because libgomp reads its spin count only once. The processes take turns: in each
round, every setting computes for a moment alone, and then while each core has one busy process. The tables give the
medians of the rounds, and in brackets the lowest and the highest value. Speeds are relative to a plain PyTorch loop in
the same round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .results_file import section

UNITS, BATCHES = (16, 32, 64, 128, 256), (10, 32, 64, 128)
DEFAULT = (64, 32)
LOADS = ("idle", "busy")
# Number of threads (None: PyTorch's default, and no change to the allocator) and libgomp's spin count.
SETTINGS = {"plain loop": (None, ""), "one thread": (1, ""), "two": (2, ""), "two, short spin": (2, "1000")}
# Seconds of computing in a round; more while processes are busy, because a time slice takes some milliseconds.
SECONDS = {"idle": 0.2, "busy": 0.5}
# A busy process, which ends with the benchmark.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"
EPOCH_BATCHES, VALIDATION, SCORED = 20, 64, 256
# Most seconds for a row of the table; no round begins later.
LONGEST = 60


class Process:
    """A process with one setting that computes on request."""

    def __init__(self, name: str) -> None:
        dropped = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
        environment = {key: value for key, value in os.environ.items() if key not in dropped}
        if spin := SETTINGS.get(name, (None, ""))[1]:
            environment["GOMP_SPINCOUNT"] = spin
        command = [sys.executable, "-m", "tests.benchmarks.threads", "--worker", name]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, task: str, units: int, batch: int, limit: float) -> float:
        """Return the seconds that a task takes, averaged over repetitions for at least `limit` seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(task, units, batch, limit, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def work(name: str) -> None:
    """Run the tasks named in the lines of standard input, and print the seconds of each."""
    import torch
    from torch.nn.functional import l1_loss

    from data import load_ecg5000, split
    from trainers import BatchedTrainer, LSTMAutoencoder
    from trainers.torch_utils import keep_large_buffers

    threads = SETTINGS.get(name, (None, ""))[0]
    if threads is not None:
        torch.set_num_threads(threads)
        keep_large_buffers()
    parts = split(load_ecg5000(), seed=0)
    train, validation = parts.training.sequences, parts.validation.sequences[:VALIDATION]

    def tasks(units: int, batch: int) -> dict[str, Callable[[], object]]:
        model = LSTMAutoencoder(hidden_size=units)
        optimizer = torch.optim.Adam(model.parameters(), 0.001)

        def step() -> None:
            model.train()
            inputs = train[torch.randperm(len(train))[:batch]]
            optimizer.zero_grad()
            l1_loss(model(inputs), inputs).backward()
            optimizer.step()

        def epoch() -> None:
            for _ in range(EPOCH_BATCHES):
                step()
            model.eval()
            with torch.no_grad():
                l1_loss(model(validation), validation).item()

        def score() -> None:
            model.eval()
            with torch.no_grad():
                model(train[:SCORED])

        if name != "kit":
            return {"step": step, "epoch": epoch, "score": score}
        trainer = BatchedTrainer(model, batch_size=batch, steps_per_epoch=EPOCH_BATCHES)
        trainer.setDataSets(train, validation)
        return {"epoch": lambda: trainer.doEpoch(model)}

    prepared: dict[tuple[str, str], dict[str, Callable[[], object]]] = {}
    for line in sys.stdin:
        task, units, batch, limit = line.split()
        if (units, batch) not in prepared:
            prepared[units, batch] = tasks(int(units), int(batch))
            # Warm-up: the first call allocates memory and starts threads.
            prepared[units, batch][task]()
        start, times = time.perf_counter(), 0
        while not times or time.perf_counter() - start < float(limit):
            prepared[units, batch][task]()
            times += 1
        print((time.perf_counter() - start) / times, flush=True)


@contextmanager
def load(name: str) -> Iterator[None]:
    """Run the context on an idle computer, or with one busy process for each core."""
    number = (os.cpu_count() or 1) if name == "busy" else 0
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def table(title: str, task: str, names: list[str], sizes: list[tuple[int, int]], rounds: int) -> None:
    """Print a row for each size: the time of the plain loop, and the relative speeds of the other settings."""
    columns = ["units", "batch", "rounds", *(f"{at}: {name}" for at in LOADS for name in names)]
    print(f"\n{title}\n\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    processes = {name: Process(name) for name in names}
    try:
        for units, batch in sizes:
            times: dict[tuple[str, str], list[float]] = {(at, name): [] for at in LOADS for name in names}
            start, done = time.perf_counter(), 0
            while done < rounds and (not done or time.perf_counter() - start < LONGEST):
                for at in LOADS:
                    with load(at):
                        # Alternate the order, so that no setting has an advantage.
                        for name in names[:: 1 if done % 2 else -1]:
                            times[at, name].append(processes[name].seconds(task, units, batch, SECONDS[at]))
                done += 1
            cells = [f"{units}", f"{batch}", f"{done}"]
            for (at, _), seconds in times.items():
                plain = times[at, "plain loop"]
                speeds = sorted(a / b for a, b in zip(plain, seconds, strict=True))
                cells.append(
                    f"{1000 * statistics.median(plain):.0f} ms"
                    if seconds is plain
                    else f"{statistics.median(speeds):.2f} ({speeds[0]:.2f} to {speeds[-1]:.2f})"
                )
            print(f"| {' | '.join(cells)} |", flush=True)
    finally:
        for process in processes.values():
            process.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--units", type=int, nargs="*", default=UNITS, help="default: %(default)s")
    arguments.add_argument("--batch", type=int, nargs="*", default=BATCHES, help="default: %(default)s")
    arguments.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    arguments.add_argument("--worker", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker:
        work(options.worker)
        return
    with section("threads", complete=options == arguments.parse_args([])):
        title = f"An epoch of {EPOCH_BATCHES} batches with the kit and its rule:"
        table(title, "epoch", ["plain loop", "kit"], [DEFAULT], options.rounds)
        sizes = [(units, batch) for units in options.units for batch in options.batch]
        table("A training step:", "step", list(SETTINGS), sizes, options.rounds)
        table("Scoring:", "score", list(SETTINGS)[:3], [(units, SCORED) for units in options.units], options.rounds)


if __name__ == "__main__":
    main()
