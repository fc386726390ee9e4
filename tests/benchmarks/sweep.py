"""Compare settings of history restore in three regimes, over several seeds.

All variants train on the same splits from the same initial weights. There is one process per core, with one thread
each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

import pandas as pd

from .experiment import BEST, arguments, measured, train
from .results_file import section

REGIMES = {
    "the kit's best configuration, 16 epochs": (16, BEST),
    "rate 0.01, constant, 12 epochs": (12, {"batch_size": 32, "learning_rate": 0.01}),
    "rate 0.03, constant, no clipping, 12 epochs": (
        12,
        {"batch_size": 32, "learning_rate": 0.03, "max_grad_norm": None},
    ),
}
VARIANTS = {
    "off": {"restore": "off"},
    "at the end": {"restore": "at the end"},
    "every worse epoch": {},
    "optimizer state reset": {"optimizer_state": "reset"},
    "rate × 0.9 at a restore": {"lr_factor": 0.9},
    "rate × 0.5 at a restore": {"lr_factor": 0.5},
    "patience 1": {"patience": 1},
    "patience 3": {"patience": 3},
    "tolerance 5 %": {"min_delta_ratio": 0.05},
    "tolerance 10 %": {"min_delta_ratio": 0.1},
    "tolerance 20 %": {"min_delta_ratio": 0.2},
    "tolerance 20 %, optimizer state reset": {"min_delta_ratio": 0.2, "optimizer_state": "reset"},
}


def make(seed: int, regime: str, variant: str) -> Callable[[], dict[str, float]]:
    """Return the measurement of one variant with one seed."""
    epochs, settings = REGIMES[regime]
    return partial(train, seed, epochs, **{**settings, **VARIANTS[variant]})


def main() -> None:
    parser = arguments(__doc__, seeds=3, jobs=os.cpu_count())
    options = parser.parse_args()
    done = measured(make, [{"regime": r, "variant": v} for r in REGIMES for v in VARIANTS], options)
    with section("sweep", complete=options.seeds == parser.get_default("seeds")):
        for regime in REGIMES:
            report(done, regime)


def report(frame: pd.DataFrame, regime: str) -> None:
    """Print one table: mean ± standard deviation over seeds, and the paired difference to restoring at the end."""
    frame = frame[frame.regime == regime]
    reference = frame[frame.variant == "at the end"].set_index("seed").validation_error
    columns = ("restore", "validation error", "'at the end' minus this", "AUROC", "restores")
    print(f"\n### {regime}\n\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for variant, group in frame.groupby("variant", sort=False):
        gain = reference - group.set_index("seed").validation_error
        print(
            f"| {variant} | {group.validation_error.mean():.2f} ± {group.validation_error.std():.2f} "
            f"| {gain.mean():+.2f} ± {gain.std():.2f} | {group.auroc.mean():.4f} ± {group.auroc.std():.4f} "
            f"| {group.restores.mean():.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
