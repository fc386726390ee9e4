"""Interrupt training runs at any moment: ``make test-faults``, or ``python -m tests.faults --times 50 --lines 50``.

Each run gets a real SIGINT, at a random time or at a random line of Python, the kit's, PyTorch's or another's. After
it, there must be a result, a finalized trainer, PyTorch's grad mode and the handler of the signal as before, and the
run must go on, to what it would have been without the interrupt, to the last bit.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from trainers import BatchedTrainer, LSTMAutoencoder, Result, benchmark
from trainers.torch_utils import copy_state
from trainers.widgets import TrainingMonitor

EPOCHS = 6
BEATS = torch.sin(torch.linspace(0, 6.28, 12)).repeat(24, 1) * torch.linspace(0.5, 1.5, 24)[:, None]
# Not built for each call: Python would delete them after the call, in the caller, and only then store the result.
SETS = BEATS[:16], BEATS[16:]
# Each way to train, by its number.
SETTINGS = (
    {},
    {"restore": "at the end", "schedule": "cosine", "schedule_epochs": EPOCHS},
    {"optimizer_state": "restore", "patience": 1},
    {"restore": "off"},
)


def make(number: int) -> BatchedTrainer:
    """Return a small trainer whose losses rise often."""
    model = LSTMAutoencoder(hidden_size=3, dropout=0.1)
    return BatchedTrainer(model, batch_size=4, learning_rate=0.05, **SETTINGS[number % len(SETTINGS)])


def options(number: int, epoch_ended: Callable[..., object]) -> dict[str, object]:
    """Return how that run is watched."""
    watchers = [TrainingMonitor(BEATS[:2])] if number % 3 == 0 else []
    return {"callbacks": [epoch_ended, *watchers], "progress": (None, True)[number % 2]}


@contextmanager
def at_random_time(generator: random.Random, seconds: float, first_epoch: threading.Event) -> Iterator[None]:
    """Send the signal from another thread, within so many seconds from the end of the first epoch."""
    ended = threading.Event()

    def send() -> None:
        first_epoch.wait()
        if not ended.wait(generator.uniform(0, seconds)):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        first_epoch.set()
        ended.set()
        while thread.is_alive():
            # Too late for the run: it must not end this program.
            with contextlib.suppress(KeyboardInterrupt):
                thread.join()


class AtLine:
    """Trace function that counts lines from the end of the first epoch, and sends the signal at one of them."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted, self.lines, self.counts, self.place = wanted, 0, False, ""

    def begin(self, *_: object) -> None:
        """Count from here on (as a callback)."""
        self.counts = True

    def __call__(self, frame, event, argument):
        if event == "return" and frame.f_code is run.__code__:
            self.counts = False
        elif event == "line" and self.counts:
            self.lines += 1
            if self.lines == self.wanted:
                self.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                os.kill(os.getpid(), signal.SIGINT)
        return self

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Trace this thread within."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(before)


def run(trainer: BatchedTrainer, more: dict[str, object]) -> Result:
    """Train, as a user would."""
    return benchmark(trainer, *SETS, epochs=EPOCHS, **more)  # type: ignore[arg-type]


def check(number: int, trainer: BatchedTrainer, result: object) -> str:
    """Say what is wrong after an interrupt; an empty string if nothing is."""
    if not isinstance(result, Result):
        return f"no result: {result!r}"
    if not torch.is_grad_enabled():
        return "grad mode is off"
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return "another handler of the signal is left"
    if trainer.running or trainer.model.training or trainer.between_batches is not None:
        return "the trainer is not finalized"
    done = len(result.history)
    if done < EPOCHS and result.stopped != "interrupted by hand":
        return f"{done} of {EPOCHS} epochs, stopped: {result.stopped}"
    if done < EPOCHS:
        benchmark(trainer, epochs=EPOCHS - done, resume=True, progress=False)
    whole = make(number)
    benchmark(whole, *SETS, epochs=EPOCHS, progress=False)
    if trainer.history != whole.history:
        return f"after {done} epochs, the run went on to another history"
    one, other = copy_state(trainer.model), copy_state(whole.model)
    return "" if all(torch.equal(one[name], other[name]) for name in one) else "the weights are others"


def interrupt_at_times(count: int, seed: int = 0) -> tuple[int, list[str]]:
    """Return how many of so many runs were cut off, and all faults."""
    generator, cut, faults = random.Random(seed), 0, []
    # How long a run of each way to watch takes from the end of its first epoch.
    seconds: dict[int, float] = {}
    for number in range(-12, count):
        first_epoch, trainer, result = threading.Event(), make(number), None
        begun: list[float] = []

        def epoch_ended(row: object, state: object, event=first_epoch, begun=begun) -> None:
            begun.append(time.perf_counter())
            event.set()

        if number < 0:
            run(trainer, options(number, epoch_ended))
            seconds[number % 6] = time.perf_counter() - begun[0]
            continue
        sent = at_random_time(generator, seconds[number % 6], first_epoch)
        with sent, contextlib.suppress(KeyboardInterrupt):
            result = run(trainer, options(number, epoch_ended))
        cut += isinstance(result, Result) and len(result.history) < EPOCHS
        if fault := check(number, trainer, result):
            faults.append(f"time, run {number}: {fault}")
    return cut, faults


def interrupt_at_lines(count: int, seed: int = 0, last: int = 1000) -> tuple[int, list[str]]:
    """Return how many of so many runs were cut off, and all faults; every second line is one of the `last`."""
    generator, cut, faults = random.Random(seed), 0, []
    lengths: dict[int, int] = {}
    for number in range(-12, count):
        trainer, result = make(number), None
        if number < 0:
            at = AtLine()
            with at.tracing():
                run(trainer, options(number, at.begin))
            lengths[number % 12] = at.lines
            continue
        length = lengths[number % 12]
        at = AtLine(generator.randint(max(1, length - last) if number % 2 else 1, length))
        with contextlib.suppress(KeyboardInterrupt), at.tracing():
            result = run(trainer, options(number, at.begin))
        cut += isinstance(result, Result) and len(result.history) < EPOCHS
        if fault := check(number, trainer, result):
            faults.append(f"line {at.wanted} of {length} ({at.place}), run {number}: {fault}")
    return cut, faults


def main() -> int:
    """Run both, and print what was found; 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=400, help="runs interrupted at a random time")
    parser.add_argument("--lines", type=int, default=300, help="runs interrupted at a random line")
    given = parser.parse_args()
    torch.set_num_threads(1)
    # A shell lets programs in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    every: list[str] = []
    for what, count, interrupt in (
        ("times", given.times, interrupt_at_times),
        ("lines", given.lines, interrupt_at_lines),
    ):
        begun = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            cut, faults = interrupt(count)
        print(
            f"{count} runs interrupted at random {what}: "
            f"{cut} cut off before their {EPOCHS} epochs, {len(faults)} faults ({time.perf_counter() - begun:.0f} s)"
        )
        every += faults
    print("\n".join(every))
    return int(bool(every))


if __name__ == "__main__":
    sys.exit(main())
