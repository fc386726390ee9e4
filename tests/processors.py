"""Run the tests that depend on floating-point rounding with other instruction sets: ``make test-processors``.

PyTorch and oneDNN choose their instructions by the processor. With other instructions, or another number of threads,
sums are computed in another order. ``--oldest`` runs the unit tests and lesson 1 with the oldest instructions only.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN: dict[str, str] = {}
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
OLDEST = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"}
# Each setting: instructions, threads, and whether lessons and solutions run too.
SETTINGS = [(OWN, 1, True), (OWN, 2, False), (AVX2, 1, False), (OLDEST, 1, True), (OLDEST, 2, False)]
# Tests without assertions about what PyTorch computes.
NOT_NUMERICAL = [
    "browser", "data", "notebooks", "site", "test_benchmark_programs.py", "test_layout.py", "test_packaging.py",
    "test_processors.py", "test_results_file.py", "test_size.py", "test_words.py",
    "course/test_classroom_lab.py", "course/test_lesson_4.py", "course/test_lesson_5.py", "course/test_lesson_6.py",
    "course/test_lesson_7.py",
    "course/test_lesson_8.py", "course/test_setup_check.py", "course/test_slides.py", "course/test_solutions.py",
    "trainers/test_allocator.py", "trainers/test_checkpoint_faults.py", "trainers/test_console.py",
    "trainers/test_experiment_trackers.py", "trainers/test_experiments.py", "trainers/test_history.py",
    "trainers/test_threads.py",
    "trainers/test_untrusted_text.py", "trainers/detection/test_series_evaluation.py",
    "trainers/widgets/test_on_page.py", "trainers/widgets/test_run_control.py", "trainers/widgets/test_scripts.py",
    "trainers/widgets/test_series_viewer.py", "trainers/widgets/test_threshold_explorer.py",
]  # fmt: skip
# Tests that start many processes: with the oldest instructions only, they are left out for time.
STARTS_PROCESSES = [
    "test_check_gpu.py", "test_detection_study.py", "test_restore_study.py", "test_results.py",
    "test_series_results.py",
    "trainers/test_checkpoint.py", "trainers/test_distributed.py", "trainers/test_interrupts.py",
    "trainers/detection/test_scikit_learn.py",
]  # fmt: skip
UNIT_TESTS = ["trainers", "notebooks/course", "tests", *(f"--ignore=tests/{path}" for path in NOT_NUMERICAL)]


def environment(instructions: dict[str, str], threads: int = 1) -> dict[str, str]:
    """Return this process's environment variables, with the given instructions and number of threads."""
    kept = {name: value for name, value in os.environ.items() if name not in OLDEST}
    return {**kept, **instructions, "OMP_NUM_THREADS": str(threads)}


def capability() -> str:
    """Return PyTorch's name of this processor's instructions, such as "AVX2"."""
    code = "import torch; print(torch.backends.cpu.get_cpu_capability())"
    return subprocess.check_output([sys.executable, "-c", code], env=environment(OWN), text=True).strip()


def differs(instructions: dict[str, str], own: str, machine: str) -> bool:
    """Return whether the processor supports these instructions and they differ from its default."""
    return machine.lower() in ("x86_64", "amd64") and (instructions == OLDEST or own == "AVX512")


def run(instructions: dict[str, str], threads: int, paths: list[str]) -> tuple[str, list[str]]:
    """Run the tests, and return pytest's summary line and the failed tests."""
    workers = max(1, (os.cpu_count() or 1) // threads)
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", f"-n{workers}", "--dist=loadfile", *paths]
    done = subprocess.run(command, cwd=ROOT, env=environment(instructions, threads), text=True, stdout=subprocess.PIPE)
    if not done.returncode:
        return done.stdout.splitlines()[-1], []
    print(done.stdout)
    return done.stdout.splitlines()[-1], re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.MULTILINE) or ["failed"]


def main(*, oldest_only: bool = False) -> int:
    """Run the tests in every setting and print the failures; return 1 if a test failed."""
    own, results = capability(), []
    for instructions, threads, with_lessons in [(OLDEST, 1, True)] if oldest_only else SETTINGS:
        name = " ".join(f"{key}={value}" for key, value in instructions.items()) or f"this processor's own ({own})"
        name += f", {threads} thread{'s' * (threads > 1)}"
        if instructions != OWN and not differs(instructions, own, platform.machine()):
            results.append((f"{name}: skipped, equals this processor's own ({own})", []))
            continue
        print(f"running: {name}", flush=True)
        lessons = ["notebooks/01_find_the_abnormal_heartbeat.ipynb" if oldest_only else "notebooks"] * with_lessons
        left_out = [f"--ignore=tests/{path}" for path in STARTS_PROCESSES] * oldest_only
        summary, failed = run(instructions, threads, UNIT_TESTS + left_out + lessons)
        results.append((f"{name}: {summary}", failed))
    for text, failed in results:
        print("\n  ".join([text, *failed]), flush=True)
    return int(any(failed for _, failed in results))


if __name__ == "__main__":
    sys.exit(main(oldest_only="--oldest" in sys.argv[1:]))
