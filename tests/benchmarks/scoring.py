"""Scoring a long series: the detector's speed against its model's own, and the memory it takes.

The speed is measured in pieces of the series, each scored by the detector and then, or first,
passed through the model alone, as windows cut beforehand. On a shared machine the speed changes
from minute to minute, so the ratio is the median over the pieces; processor time, which leaves
out what others take, is given beside it. The memory is how far the peak of a fresh process rises
while it scores a whole series, less the scores themselves (Linux with glibc only).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from data import Series
from trainers.detection import AnomalyDetector
from trainers.detection.windowing import cut_windows, window_starts
from trainers.losses import evaluating

from .results_file import section

# The window; the stride is the detector's default.
PERIOD = 100
# Steps in a piece: 4,976 windows, so the last of its batches is nearly full.
PIECE = 20_000
# What `reconstruct` takes by default.
BATCH = 256
LENGTHS = (100_000, 300_000, 1_000_000)


def wave(steps: int) -> Series:
    """A noisy sine."""
    time_steps = np.arange(steps)
    noise = np.random.default_rng(0).normal(size=steps)
    return Series(np.sin(2 * np.pi * time_steps / PERIOD) + 0.1 * noise)


def fitted() -> AnomalyDetector:
    """The default detector after one epoch: what it has learnt does not matter for its speed."""
    return AnomalyDetector(window=PERIOD, epochs=1).fit(wave(5_000), progress=False)


def timed(work: Callable[[], object]) -> np.ndarray:
    """Seconds on the clock, and of the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return np.array([time.perf_counter() - wall, time.process_time() - processor])


def forward(model: torch.nn.Module, windows: torch.Tensor) -> None:
    with evaluating(model):
        for batch in windows.split(BATCH):
            model(batch)


def speed(steps: int) -> None:
    """A table with a row for each piece, and the medians."""
    detector, series = fitted(), wave(steps)
    assert detector.trainer is not None
    model, starts = detector.trainer.model, window_starts(PIECE, PERIOD, detector.stride)
    print(f"windows of {PERIOD}, stride {detector.stride}, {torch.get_num_threads()} threads")
    print(f"speed measured on {steps:,} of {LENGTHS[-1]:,} steps, in pieces of {PIECE:,}\n")
    print("| piece | model alone, windows/s | detector, windows/s | ratio | ratio of processor time |")
    print("|---|---|---|---|---|")
    ratios, rates = [], []
    # The first piece comes twice: once to warm up, which is not counted.
    for number, start in enumerate([0, *range(0, steps - PIECE + 1, PIECE)]):
        piece = series[start : start + PIECE]
        windows = torch.from_numpy(cut_windows(piece.values, starts, PERIOD))
        works = {"alone": partial(forward, model, windows), "detector": partial(detector.score, piece)}
        # Each goes first in turn.
        spent = {name: timed(works[name]) for name in sorted(works, reverse=bool(number % 2))}
        if number:
            ratios.append(spent["alone"] / spent["detector"])
            rates.append([len(windows) / spent[name][0] for name in ("alone", "detector")])
            cells = [f"{rate:.0f}" for rate in rates[-1]] + [f"{ratio:.2f}" for ratio in ratios[-1]]
            print(f"| {number} | {' | '.join(cells)} |", flush=True)
    wall, processor = np.median(ratios, axis=0)
    rate = np.median(rates, axis=0)[1]
    whole = len(window_starts(LENGTHS[-1], PERIOD, detector.stride)) / rate
    print(f"\nratio {wall:.2f}, of processor time {processor:.2f} (medians)")
    print(f"at the median of {rate:.0f} windows/s, {LENGTHS[-1]:,} steps take {whole:.0f} s\n", flush=True)


def memory(name: str) -> int:
    """A figure of this process in bytes, such as VmRSS, the memory in use, or VmHWM, its peak."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


def worker(steps: int) -> None:
    """Score a series in this process, and print how far the peak rose and what it took."""
    detector, series = fitted(), wave(steps)
    detector.score(series[: 2 * PIECE])  # what is loaded at the first use does not count
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before must not serve again unseen
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak back
    before = memory("VmRSS")
    begun = time.perf_counter()
    scores = detector.score(series)
    seconds = time.perf_counter() - begun
    print(json.dumps({"bytes": memory("VmHWM") - before - scores.nbytes, "seconds": seconds}))


def peaks() -> None:
    """A table with a row for each length, and the bytes that each further step costs."""
    print("| steps | memory beyond input and output, MB | seconds |\n|---|---|---|")
    found = []
    for steps in LENGTHS:
        # Buffers that the allocator keeps from the training would hide what scoring takes.
        environment = {**os.environ, "TRAINERS_KEEP_BUFFERS": "0"}
        command = [sys.executable, "-m", "tests.benchmarks.scoring", "--worker", str(steps)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{steps} steps failed:\n{done.stderr}")
        told = json.loads(done.stdout.strip().splitlines()[-1])
        found.append(told["bytes"])
        print(f"| {steps:,} | {found[-1] / 1e6:.1f} | {told['seconds']:.0f} |", flush=True)
    slope = (found[-1] - found[0]) / (LENGTHS[-1] - LENGTHS[0])
    print(f"\n{slope:+.1f} bytes a step, from the shortest to the longest")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--steps", type=int, default=200_000, help="of the series on which the speed is measured")
    arguments.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.worker:
        worker(given.worker)
        return
    with section("scoring", complete=given == arguments.parse_args([])):
        speed(given.steps)
        peaks()


if __name__ == "__main__":
    main()
