"""Files that another process uses."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers import LSTMAutoencoder, save

from tests.checkpoint_faults.runs import Child, check_end, check_file, outcome, train


def lock_files(count: int) -> tuple[Counter[str], list[str]]:
    """Use the file of another process; return the numbers of refused uses, and the faults."""
    counts, found = Counter[str](), []
    for number in range(count):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "run")
            reached, wake = os.pipe(), os.pipe()

            def stay(row: Any, state: Any, reached=reached, wake=wake) -> None:
                if row.epoch == 2:
                    os.write(reached[1], b"x")
                    os.read(wake[0], 1)

            holder = Child(lambda p=path, stay=stay, n=number: outcome(train(n, p, callbacks=[stay])))
            # returns nothing if the process has ended
            os.close(reached[1])
            if not os.read(reached[0], 1):
                found.append(f"lock, run {number}: {holder.wait()!r}"[:300])
                continue
            written = path.read_bytes()
            uses: dict[str, Callable[[], Any]] = {
                "another run": lambda p=path, n=number: train(n, p),
                "save": lambda p=path: save(LSTMAutoencoder(hidden_size=2), p),
            }
            for name, use in uses.items():
                ended = Child(use).wait()
                counts[f"{name} refused"] += 1
                if not isinstance(ended, str) or not ended.startswith("RuntimeError: ") or " must " not in ended:
                    found.append(f"lock, run {number}, {name}: {ended!r}"[:300])
            if path.read_bytes() != written or check_file(path, outcome(train(number, None))):
                found.append(f"lock, run {number}: the file was changed")
            # the second half of the holders ends by itself
            if number % 2:
                os.write(wake[1], b"x")
            else:
                holder.kill()
            holder.wait()
            expected = outcome(train(number, None))
            if fault := check_end(number, path, expected):
                found.append(f"lock, run {number}, after the other process has ended: {fault}")
            for end in (*reached[:1], *wake):
                os.close(end)
            counts["free after the process has ended"] += 1
    return counts, found
