"""Measure the cost of the kit's monitor, livelossplot and trainplot, relative to the same training without a plot.

Each runs in a separate kernel, alternately with the same training without a plot. A client receives what the kernel
sends and counts the bytes. The overhead is wall time without that of the training steps, which varies between runs by
more than the monitor costs. The program then measures the monitor's memory over 2,000 epochs.
"""

from __future__ import annotations

import argparse
import json
import threading
from statistics import median
from typing import Any

from jupyter_client.manager import start_new_kernel

from .results_file import section

PREPARE = """
import resource, time, torch, json
from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
torch.set_num_threads(1)
training, validation, _, test = split(load_ecg5000())
few = test.subset([0, 1, 33, 210])
validation = validation[:64]
def make(steps_per_epoch):
    model = LSTMAutoencoder(hidden_size=16, bidirectional=False)
    return BatchedTrainer(model, batch_size=16, steps_per_epoch=steps_per_epoch, learning_rate=0.01)
# Choose the number of batches for an epoch of about 50 ms on this computer.
trainer = make(4)
benchmark(trainer, training, validation, epochs=10)
seconds = min(row.seconds for row in trainer.history)
steps_per_epoch = max(1, round(4 * 0.05 / seconds))
spent = []
def measured(function):
    def call(*arguments):
        start = time.thread_time()
        function(*arguments)
        spent.append(time.thread_time() - start)
    return call
def timed(callback):
    # Measure all work of the callback: before, after and, if it has a hook there, between batches.
    call = measured(callback)
    if hasattr(callback, "begin"):
        def begin(run):
            measured(callback.begin)(run)
            run.trainer.between_batches = measured(run.trainer.between_batches)
        call.begin, call.end = begin, measured(callback.end)
    return call
"""
WATCHERS = {
    "monitor": """
from trainers.widgets import TrainingMonitor
make_callbacks = lambda: [timed(TrainingMonitor(few))]
""",
    "livelossplot": """
from livelossplot import PlotLosses
def make_callbacks():
    plot = PlotLosses()
    def update(row, state):
        plot.update({"loss": row.train_loss, "val_loss": row.validation_loss})
        plot.send()
    return [timed(update)]
""",
    "trainplot": """
from trainplot import TrainPlot
def make_callbacks():
    plot = TrainPlot(update_period=0)
    return [timed(lambda row, state: plot(loss=row.train_loss, val_loss=row.validation_loss))]
""",
}
RUN = """
def run(callbacks):
    spent.clear()
    start = time.perf_counter()
    result = benchmark(make({steps_per_epoch}), training, validation, epochs={epochs}, callbacks=callbacks)
    total = time.perf_counter() - start
    return total, total - result.seconds
def pair(number):
    # Alternate the order, so that changes in the machine's speed affect both equally.
    if number % 2:
        plain, watched = run([]), run(make_callbacks())
        update = sum(spent) / {epochs}
    else:
        watched, update = run(make_callbacks()), sum(spent) / {epochs}
        plain = run([])
    overhead = (watched[1] - plain[1]) / plain[0]
    return {{"plain": plain[0], "watched": watched[0], "overhead": overhead, "update": update}}
"""
PAIR = 'print("RESULT", json.dumps(pair({number})))'
MEMORY = """
from trainers.widgets import TrainingMonitor
sizes = []
monitor = TrainingMonitor(few, budget=2**23)
def look(row, state):
    if row.epoch % 500 == 0:
        with open("/proc/self/statm") as file:
            sizes.append(int(file.read().split()[1]) * resource.getpagesize() / 2**20)
benchmark(make(1), training, validation, epochs=2000, callbacks=[monitor, look])
print("RESULT", json.dumps(sizes))
"""


class Kernel:
    """A kernel with a client that counts the received bytes."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel()
        self.bytes, self.text, self.error = 0, "", ""
        self.done = threading.Event()
        self.running = True
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.execute(PREPARE)

    def _read(self) -> None:
        while self.running:
            try:
                message = self.client.get_iopub_msg(timeout=0.5)
            except Exception:
                continue
            self.bytes += len(json.dumps(message["content"])) + sum(len(b) for b in message.get("buffers", []))
            content = message["content"]
            if message["msg_type"] == "stream":
                self.text += content["text"]
            elif message["msg_type"] == "error":
                self.error = "\n".join(content["traceback"])
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                request = message["parent_header"].get("msg_type")
                self.done.set() if request == "execute_request" else None

    def execute(self, code: str) -> Any:
        self.done.clear()
        self.bytes, self.text, self.error = 0, "", ""
        self.client.execute(code)
        self.done.wait()
        if self.error:
            raise SystemExit(self.error)
        found = [line for line in self.text.splitlines() if line.startswith("RESULT")]
        return json.loads(found[-1].removeprefix("RESULT")) if found else None

    def close(self) -> None:
        self.running = False
        self.reader.join()
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def measure(watcher: str, epochs: int, steps_per_epoch: int | None, rounds: int) -> list[dict[str, float]]:
    """Measure alternately without and with the monitor in one kernel, so that the machine's drift affects both."""
    kernel = Kernel()
    try:
        if steps_per_epoch is None:
            steps_per_epoch = int(kernel.execute('print("RESULT", steps_per_epoch)'))
        kernel.execute(WATCHERS[watcher] + RUN.format(epochs=epochs, steps_per_epoch=steps_per_epoch))
        done = []
        for number in range(rounds):
            result = kernel.execute(PAIR.format(number=number))
            done.append({**result, "bytes": kernel.bytes / epochs, "steps_per_epoch": steps_per_epoch})
        return done
    finally:
        kernel.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=200)
    options = arguments.parse_args()
    with section("monitor", complete=options == arguments.parse_args([])):
        steps_per_epoch = None
        for watcher in WATCHERS:
            done = measure(watcher, options.epochs, steps_per_epoch, options.rounds)
            if steps_per_epoch is None:
                steps_per_epoch = int(done[0]["steps_per_epoch"])
                epoch = 1000 * median(f["plain"] for f in done) / options.epochs
                print(f"{options.epochs} epochs of {epoch:.0f} ms, {options.rounds} rounds, medians (range)\n")
                columns = [
                    "total, relative to no monitor",
                    "overhead",
                    "kernel CPU per epoch, ms",
                    "sent per epoch, kB",
                ]
                print(f"| | {' | '.join(columns)} |")
                print("|---|---|---|---|---|")
            ratios = [f["watched"] / f["plain"] for f in done]
            update, sent = 1000 * median(f["update"] for f in done), median(f["bytes"] for f in done) / 1000
            extremes = f"{min(ratios):.3f} to {max(ratios):.3f}"
            overhead = f"+{100 * median(f['overhead'] for f in done):.1f} %"
            print(
                f"| {watcher} | {median(ratios):.3f} ({extremes}) | {overhead} | {update:.2f} | {sent:.1f} |",
                flush=True,
            )
        kernel = Kernel()
        sizes = kernel.execute(MEMORY)
        kernel.close()
        megabytes = ", ".join(f"{size:.0f}" for size in sizes)
        print(f"\nMemory of the kernel after 500, 1,000, 1,500 and 2,000 epochs, MB: {megabytes}")


if __name__ == "__main__":
    main()
