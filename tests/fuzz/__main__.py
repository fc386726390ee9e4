"""Load untrusted files with every loader: ``python -m tests.fuzz --inputs 100000``.

Each input is a mutated valid file, a file from a grammar or random bytes. A loader must return a valid value, or raise
one of its documented errors with a message from the kit. Meanwhile it may open no other file, start no program, run no
code and issue no warning of another library. The memory is measured for large inputs, and for one in 25 others.

To add a loader, add a `Loader` to `LOADERS` in `loaders.py`. Inputs and their order depend only on the seed.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings

from hypothesis.errors import HypothesisWarning

from tests.fuzz.engine import fuzz
from tests.fuzz.loaders import LOADERS


def main(arguments: list[str]) -> int:
    """Load inputs with each loader and print the counts; return 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="number of inputs, of all loaders together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--loaders", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--no-large", action="store_true", help="without the large inputs")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore", HypothesisWarning)
    chosen = [LOADERS[name] for name in given.loaders]
    faults, total = [], 0
    for loader in chosen:
        number = -(-given.inputs * loader.share // sum(one.share for one in chosen))
        start = time.perf_counter()
        outcome = fuzz(loader, number, given.seed, large=not given.no_large)
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in outcome.kinds.most_common())
        print(
            f"{loader.name}: {len(outcome.inputs):,} distinct inputs of {sum(outcome.kinds.values()):,} ({kinds}); "
            f"{time.perf_counter() - start:.0f} s, of which {outcome.seconds:.0f} s in the loader, at most "
            f"{outcome.slowest:.2f} s for one; peak memory {outcome.peak / 2**20:.0f} MiB; "
            f"{len(outcome.faults)} faults",
            flush=True,
        )
        faults += outcome.faults
        total += len(outcome.inputs)
    print(f"{total:,} distinct inputs, {len(faults)} faults")
    print("\n".join(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
