"""Measure the detector's speed and memory when it scores a long series.

The series is measured in pieces. Each piece is scored by the detector and also passed, as windows, through the model
alone, in alternating order. On a shared machine the speed changes from minute to minute, so the ratio is the median
over the pieces. The ratio of processor time, which excludes other programs, is printed too. The memory is the rise of a
new process's peak while it scores the whole series, minus the scores themselves (Linux with glibc only).
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
from data.windows import cut_windows, window_starts
from trainers.detection import AnomalyDetector
from trainers.losses import evaluating

from .results_file import section

# Window length; the stride is the detector's default.
PERIOD = 100
# Steps in a piece. It has 4,976 windows, so its last batch is nearly full.
PIECE = 20_000
# Default batch size of `reconstruct`.
BATCH = 256
LENGTHS = (100_000, 300_000, 1_000_000)


def wave(steps: int) -> Series:
    """Return a noisy sine."""
    time_steps = np.arange(steps)
    noise = np.random.default_rng(0).normal(size=steps)
    return Series(np.sin(2 * np.pi * time_steps / PERIOD) + 0.1 * noise)


def fitted() -> AnomalyDetector:
    """Return the default detector after one epoch; the speed does not depend on the training."""
    return AnomalyDetector(window=PERIOD, epochs=1).fit(wave(5_000), progress=False)


def timed(work: Callable[[], object]) -> np.ndarray:
    """Return wall-clock seconds and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return np.array([time.perf_counter() - wall, time.process_time() - processor])


def forward(model: torch.nn.Module, windows: torch.Tensor) -> None:
    with evaluating(model):
        for batch in windows.split(BATCH):
            model(batch)


def speed(steps: int) -> None:
    """Print a table with a row for each piece, and the medians."""
    detector, series = fitted(), wave(steps)
    assert detector.trainer is not None
    model, starts = detector.trainer.model, window_starts(PIECE, PERIOD, detector.stride)
    print(f"windows of {PERIOD}, stride {detector.stride}, {torch.get_num_threads()} threads")
    print(f"speed measured on {steps:,} of {LENGTHS[-1]:,} steps, in pieces of {PIECE:,}\n")
    print("| piece | model alone, windows/s | detector, windows/s | ratio | ratio of processor time |")
    print("|---|---|---|---|---|")
    ratios, rates = [], []
    # The first piece is measured twice; the first time is a warm-up and is not counted.
    for number, start in enumerate([0, *range(0, steps - PIECE + 1, PIECE)]):
        piece = series[start : start + PIECE]
        windows = torch.from_numpy(cut_windows(piece.values, starts, PERIOD))
        tasks = {"alone": partial(forward, model, windows), "detector": partial(detector.score, piece)}
        # Alternate the order.
        times = {name: timed(tasks[name]) for name in sorted(tasks, reverse=bool(number % 2))}
        if number:
            ratios.append(times["alone"] / times["detector"])
            rates.append([len(windows) / times[name][0] for name in ("alone", "detector")])
            cells = [f"{rate:.0f}" for rate in rates[-1]] + [f"{ratio:.2f}" for ratio in ratios[-1]]
            print(f"| {number} | {' | '.join(cells)} |", flush=True)
    wall, processor = np.median(ratios, axis=0)
    rate = np.median(rates, axis=0)[1]
    seconds = len(window_starts(LENGTHS[-1], PERIOD, detector.stride)) / rate
    print(f"\nratio {wall:.2f}, of processor time {processor:.2f} (medians)")
    print(f"at the median of {rate:.0f} windows/s, {LENGTHS[-1]:,} steps take {seconds:.0f} s\n", flush=True)


def memory(name: str) -> int:
    """Return a memory value of this process in bytes, such as VmRSS (in use) or VmHWM (the peak)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


def worker(steps: int) -> None:
    """Score a series in this process, and print the rise of the peak memory and the seconds."""
    detector, series = fitted(), wave(steps)
    detector.score(series[: 2 * PIECE])  # libraries loaded at the first use are not counted
    ctypes.CDLL(None).malloc_trim(0)  # return freed memory, so that its reuse is counted
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = memory("VmRSS")
    start = time.perf_counter()
    scores = detector.score(series)
    seconds = time.perf_counter() - start
    print(json.dumps({"bytes": memory("VmHWM") - before - scores.nbytes, "seconds": seconds}))


def peaks() -> None:
    """Print a table with a row for each length, and the bytes per additional step."""
    print("| steps | memory beyond input and output, MB | seconds |\n|---|---|---|")
    peak_bytes = []
    for steps in LENGTHS:
        # Buffers that the allocator keeps from the training would hide the memory of scoring.
        environment = {**os.environ, "TRAINERS_KEEP_BUFFERS": "0"}
        command = [sys.executable, "-m", "tests.benchmarks.scoring", "--worker", str(steps)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{steps} steps failed:\n{done.stderr}")
        result = json.loads(done.stdout.strip().splitlines()[-1])
        peak_bytes.append(result["bytes"])
        print(f"| {steps:,} | {peak_bytes[-1] / 1e6:.1f} | {result['seconds']:.0f} |", flush=True)
    slope = (peak_bytes[-1] - peak_bytes[0]) / (LENGTHS[-1] - LENGTHS[0])
    print(f"\n{slope:+.1f} bytes per step, from the shortest to the longest series")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--steps", type=int, default=200_000, help="length of the series on which the speed is measured"
    )
    arguments.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.worker:
        worker(options.worker)
        return
    with section("scoring", complete=options == arguments.parse_args([])):
        speed(options.steps)
        peaks()


if __name__ == "__main__":
    main()
