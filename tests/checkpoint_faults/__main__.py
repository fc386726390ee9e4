"""Kill runs that save, damage saved files, and let writes fail; the second part of ``make test-faults``.

``python -m tests.checkpoint_faults --kills 240 --files 1000``. All is done in forked processes, because importing
PyTorch takes seconds.

Kills: a run that saves is ended by SIGKILL at a random time, at a random line of Python code or in the middle of a
``write``. Each time the file must load. The same call, made again, must end with the history and the weights of a run
without a checkpoint, to the last bit.

Damaged files: `load`, and a run with this checkpoint, must raise a plain error, or accept what is undamaged.

Failing writes: each call of the operating system that a save makes fails once. The previous file must load, the run
must end with its result and a warning, and the next save must work.

Locks: a second process on the same file must raise an error until the first one has ended.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time

import torch

from tests.checkpoint_faults.damaged_files import damage_files
from tests.checkpoint_faults.failing_writes import fail_calls, fill_disks
from tests.checkpoint_faults.kills import kill_runs
from tests.checkpoint_faults.locks import lock_files


def main() -> int:
    """Print the numbers and the faults of all parts; return 1 if there is a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=240, help="processes killed while a run saves")
    parser.add_argument("--files", type=int, default=1000, help="damaged files")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random choices")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    everything: list[str] = []
    for name, work in (
        ("kills", lambda: kill_runs(arguments.kills, arguments.seed)),
        ("damaged files", lambda: damage_files(arguments.files, arguments.seed)),
        ("failing calls", fail_calls),
        ("full disks", lambda: fill_disks(24, arguments.seed)),
        ("locks", lambda: lock_files(6)),
    ):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            counts, faults = work()
        numbers = ", ".join(f"{count} {what}" for what, count in counts.items())
        print(f"{name}: {numbers}; {len(faults)} faults ({time.perf_counter() - started:.0f} s)", flush=True)
        print("".join(f"  {fault}\n" for fault in faults), end="", flush=True)
        everything += faults
    print(f"{len(everything)} faults" if everything else "all without loss")
    return int(bool(everything))


if __name__ == "__main__":
    sys.exit(main())
