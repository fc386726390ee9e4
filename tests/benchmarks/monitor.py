"""What watching costs: the kit's monitor against livelossplot, trainplot and no plot, on the same training.

Each runs in a kernel of its own, in turn, several rounds; a client receives what the kernel sends and
counts the bytes. Then the monitor's memory over 2,000 epochs.
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
    "no plot": "callbacks = []",
    "monitor": "from trainers.widgets import TrainingMonitor\ncallbacks = [timed(TrainingMonitor(few))]",
    "livelossplot": """
from livelossplot import PlotLosses
plot = PlotLosses()
def update(row, state):
    plot.update({"loss": row.train_loss, "val_loss": row.validation_loss})
    plot.send()
callbacks = [timed(update)]
""",
    "trainplot": """
from trainplot import TrainPlot
plot = TrainPlot(update_period=0)
callbacks = [timed(lambda row, state: plot(loss=row.train_loss, val_loss=row.validation_loss))]
""",
}
RUN = """
begun = time.perf_counter()
benchmark(make({n_batches}), training, validation, epochs={epochs}, callbacks=callbacks)
print("FIGURES", json.dumps({{"seconds": time.perf_counter() - begun, "update": sum(spent) / max(1, len(spent))}}))
"""
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
                if message["parent_header"].get("msg_type") == "execute_request":
                    self.done.set()

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


def measure(watcher: str, epochs: int, n_batches: int | None) -> dict[str, float]:
    kernel = Kernel()
    try:
        kernel.execute(WATCHERS[watcher])
        if n_batches is None:
            n_batches = kernel.execute('print("FIGURES", n_batches)')
        figures = kernel.execute(RUN.format(epochs=epochs, n_batches=n_batches))
        return {**figures, "bytes": kernel.bytes / epochs, "n_batches": n_batches}
    finally:
        kernel.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--epochs", type=int, default=200)
    given = arguments.parse_args()
    done: dict[str, list[dict[str, float]]] = {watcher: [] for watcher in WATCHERS}
    n_batches = None
    for _ in range(given.rounds):
        for watcher in WATCHERS:
            figures = measure(watcher, given.epochs, n_batches)
            n_batches = int(figures["n_batches"])
            done[watcher].append(figures)
    epoch = 1000 * median(f["seconds"] for f in done["no plot"]) / given.epochs
    print(f"{given.epochs} epochs of {epoch:.0f} ms, {given.rounds} rounds, medians\n")
    print("| | total, times no plot | kernel CPU per epoch, ms | sent per epoch, kB |\n|---|---|---|---|")
    for watcher, figures in done.items():
        plain = [f["seconds"] for f in done["no plot"]]
        ratio = median(f["seconds"] / p for f, p in zip(figures, plain, strict=True))
        update, sent = 1000 * median(f["update"] for f in figures), median(f["bytes"] for f in figures) / 1000
        print(f"| {watcher} | {ratio:.3f} | {update:.2f} | {sent:.1f} |", flush=True)
    kernel = Kernel()
    sizes = kernel.execute(MEMORY)
    kernel.close()
    print(f"\nmemory of the kernel after 500, 1,000, 1,500 and 2,000 epochs, MB: {', '.join(f'{s:.0f}' for s in sizes)}")


if __name__ == "__main__":
    main()
