"""What watching costs: the kit's monitor against livelossplot, trainplot and no plot, on the same training.

Each runs in a kernel of its own, in turn with the same training unwatched; a client receives what the kernel
sends and counts the bytes. Then the monitor's memory over 2,000 epochs.
"""

from __future__ import annotations

import argparse
import json
import threading
from statistics import median
from typing import Any

from jupyter_client.manager import start_new_kernel

PREPARE = """
import resource, time, torch, json
from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
torch.set_num_threads(1)
training, validation, _, test = split(load_ecg5000())
few = test.subset([0, 1, 33, 210])
validation = validation[:64]
def make(n_batches):
    model = LSTMAutoencoder(hidden_size=16, bidirectional=False)
    return BatchedTrainer(model, batch_size=16, n_batches=n_batches, learning_rate=0.01)
# As many batches as make an epoch of about 50 ms here.
trainer = make(4)
benchmark(trainer, training, validation, epochs=10)
seconds = sorted(row.seconds for row in trainer.history)[5]
n_batches = max(1, round(4 * 0.05 / seconds))
spent = []
def timed(callback):
    def call(row, state):
        begun = time.thread_time()
        callback(row, state)
        spent.append(time.thread_time() - begun)
    for name in ("begin", "end"):
        if hasattr(callback, name):
            setattr(call, name, getattr(callback, name))
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
    begun = time.perf_counter()
    benchmark(make({n_batches}), training, validation, epochs={epochs}, callbacks=callbacks)
    return time.perf_counter() - begun
def pair():
    plain = run([])
    return {{"plain": plain, "watched": run(make_callbacks()), "update": sum(spent) / len(spent)}}
"""
PAIR = 'print("FIGURES", json.dumps(pair()))'
MEMORY = """
from trainers.widgets import TrainingMonitor
sizes = []
monitor = TrainingMonitor(few, budget=2**23)
def look(row, state):
    if row.epoch % 500 == 0:
        with open("/proc/self/statm") as file:
            sizes.append(int(file.read().split()[1]) * resource.getpagesize() / 2**20)
benchmark(make(1), training, validation, epochs=2000, callbacks=[monitor, look])
print("FIGURES", json.dumps(sizes))
"""


class Kernel:
    """A kernel with a client that counts what it is sent."""

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
                asked = message["parent_header"].get("msg_type")
                self.done.set() if asked == "execute_request" else None

    def execute(self, code: str) -> Any:
        self.done.clear()
        self.bytes, self.text, self.error = 0, "", ""
        self.client.execute(code)
        self.done.wait()
        if self.error:
            raise SystemExit(self.error)
        found = [line for line in self.text.splitlines() if line.startswith("FIGURES")]
        return json.loads(found[-1].removeprefix("FIGURES")) if found else None

    def close(self) -> None:
        self.running = False
        self.reader.join()
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def measure(watcher: str, epochs: int, n_batches: int | None, rounds: int) -> list[dict[str, float]]:
    """Without and with the watcher in turn, in one kernel: the machine's drift is then in both."""
    kernel = Kernel()
    try:
        if n_batches is None:
            n_batches = int(kernel.execute('print("FIGURES", n_batches)'))
        kernel.execute(WATCHERS[watcher] + RUN.format(epochs=epochs, n_batches=n_batches))
        found = []
        for _ in range(rounds):
            figures = kernel.execute(PAIR)
            found.append({**figures, "bytes": kernel.bytes / epochs, "n_batches": n_batches})
        return found
    finally:
        kernel.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--epochs", type=int, default=200)
    given = arguments.parse_args()
    n_batches = None
    for watcher in WATCHERS:
        done = measure(watcher, given.epochs, n_batches, given.rounds)
        if n_batches is None:
            n_batches = int(done[0]["n_batches"])
            epoch = 1000 * median(f["plain"] for f in done) / given.epochs
            print(f"{given.epochs} epochs of {epoch:.0f} ms, {given.rounds} rounds, medians (and range)\n")
            print("| | total, times no plot | kernel CPU per update, ms | sent per update, kB |\n|---|---|---|---|")
        ratios = [f["watched"] / f["plain"] for f in done]
        update, sent = 1000 * median(f["update"] for f in done), median(f["bytes"] for f in done) / 1000
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
        print(f"| {watcher} | {median(ratios):.3f} ({spread}) | {update:.2f} | {sent:.1f} |", flush=True)
    kernel = Kernel()
    sizes = kernel.execute(MEMORY)
    kernel.close()
    print(
        f"\nmemory of the kernel after 500, 1,000, 1,500 and 2,000 epochs, MB: {', '.join(f'{s:.0f}' for s in sizes)}"
    )


if __name__ == "__main__":
    main()
