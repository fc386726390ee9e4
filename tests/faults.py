"""Interrupt training runs at random moments: ``make test-faults``, or ``python -m tests.faults --times 50 --lines 50``.

Each run receives a real SIGINT, at a random time or at a random line of Python code, of the kit or of any library. Then
there must be a result and a finalized trainer, and PyTorch's grad mode and the signal handler must be as before. The
resumed run must be bit-identical to a run without an interrupt.
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
# Global, because Python would delete temporary sets in the caller before it stores the result.
SETS = BEATS[:16], BEATS[16:]
# Settings of the trainer; a run's number selects them.
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
    """Return the callbacks and the progress setting of a run."""
    watchers = [TrainingMonitor(BEATS[:2])] if number % 3 == 0 else []
    return {"callbacks": [epoch_ended, *watchers], "progress": (None, True)[number % 2]}


@contextmanager
def at_random_time(generator: random.Random, seconds: float, first_epoch: threading.Event) -> Iterator[None]:
    """Send the signal from another thread, at most `seconds` after the end of the first epoch."""
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
            # If the signal arrives after the run, it must not end this program.
            with contextlib.suppress(KeyboardInterrupt):
                thread.join()


class AtLine:
    """Trace function that counts lines from the end of the first epoch, and sends the signal at one of them."""

    def __init__(self, target: int | None = None) -> None:
        self.target, self.lines, self.counts, self.place = target, 0, False, ""

    def begin(self, *_: object) -> None:
        """Start to count; used as a callback."""
        self.counts = True

    def __call__(self, frame, event, argument):
        if event == "return" and frame.f_code is run.__code__:
            self.counts = False
        elif event == "line" and self.counts:
            self.lines += 1
            if self.lines == self.target:
                self.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                os.kill(os.getpid(), signal.SIGINT)
        return self

    @contextmanager
    def tracing(self) -> Iterator[None]:
        """Trace this thread in the context."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            yield
        finally:
            sys.settrace(before)


def run(trainer: BatchedTrainer, more: dict[str, object]) -> Result:
    """Train with the public `benchmark` function."""
    return benchmark(trainer, *SETS, epochs=EPOCHS, **more)  # type: ignore[arg-type]


def check(number: int, trainer: BatchedTrainer, result: object) -> str:
    """Return the fault after an interrupt, or an empty string if there is none."""
    if not isinstance(result, Result):
        return f"no result: {result!r}"
    if not torch.is_grad_enabled():
        return "grad mode is off"
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return "the signal handler is not restored"
    if trainer.running or trainer.model.training or trainer.between_batches is not None:
        return "the trainer is not finalized"
    done = len(result.history)
    if done < EPOCHS and result.stopped != "interrupted by hand":
        return f"{done} of {EPOCHS} epochs, stopped: {result.stopped}"
    if done < EPOCHS:
        benchmark(trainer, epochs=EPOCHS - done, resume=True, progress=False)
    complete = make(number)
    benchmark(complete, *SETS, epochs=EPOCHS, progress=False)
    if trainer.history != complete.history:
        return f"resumed after {done} epochs, the run has another history"
    one, other = copy_state(trainer.model), copy_state(complete.model)
    return "" if all(torch.equal(one[name], other[name]) for name in one) else "the weights differ"


def interrupt_at_times(count: int, seed: int = 0) -> tuple[int, list[str]]:
    """Interrupt `count` runs at random times; return the number of incomplete runs and all faults."""
    generator, incomplete, faults = random.Random(seed), 0, []
    # Seconds from the end of the first epoch to the end of the run, by kind of callbacks.
    seconds: dict[int, float] = {}
    for number in range(-12, count):
        first_epoch, trainer, result = threading.Event(), make(number), None
        started: list[float] = []

        def epoch_ended(row: object, state: object, event=first_epoch, started=started) -> None:
            started.append(time.perf_counter())
            event.set()

        if number < 0:
            run(trainer, options(number, epoch_ended))
            seconds[number % 6] = time.perf_counter() - started[0]
            continue
        sent = at_random_time(generator, seconds[number % 6], first_epoch)
        with sent, contextlib.suppress(KeyboardInterrupt):
            result = run(trainer, options(number, epoch_ended))
        incomplete += isinstance(result, Result) and len(result.history) < EPOCHS
        if fault := check(number, trainer, result):
            faults.append(f"time, run {number}: {fault}")
    return incomplete, faults


def interrupt_at_lines(count: int, seed: int = 0, last: int = 1000) -> tuple[int, list[str]]:
    """Interrupt `count` runs at random lines, half of them among the `last`; return as `interrupt_at_times` does."""
    generator, incomplete, faults = random.Random(seed), 0, []
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
        incomplete += isinstance(result, Result) and len(result.history) < EPOCHS
        if fault := check(number, trainer, result):
            faults.append(f"line {at.target} of {length} ({at.place}), run {number}: {fault}")
    return incomplete, faults


def main() -> int:
    """Interrupt runs at times and at lines, and print the faults; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=400, help="runs interrupted at a random time")
    parser.add_argument("--lines", type=int, default=300, help="runs interrupted at a random line")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    # A shell makes background programs ignore this signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    all_faults: list[str] = []
    for what, count, interrupt in (
        ("times", arguments.times, interrupt_at_times),
        ("lines", arguments.lines, interrupt_at_lines),
    ):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            incomplete, faults = interrupt(count)
        print(
            f"{count} runs interrupted at random {what}: {incomplete} ended before their {EPOCHS} epochs, "
            f"{len(faults)} faults ({time.perf_counter() - started:.0f} s)"
        )
        all_faults += faults
    print("\n".join(all_faults))
    return int(bool(all_faults))


if __name__ == "__main__":
    sys.exit(main())
