"""Measure the effect of each part of the kit's best configuration: remove each part in turn, over several seeds."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from .experiment import BEST, BEST_MODEL, arguments, measured, train
from .results_file import section

EPOCHS = 12
# By removed part: settings of the model, settings of the trainer.
STEPS = {
    "nothing": ({}, {}),
    "unidirectional encoder": ({"bidirectional": False}, {}),
    "no time encoding in the decoder": ({"time_encoding": 0}, {}),
    "PyTorch's default initialization, no forget bias": ({"initialization": "torch", "forget_bias": None}, {}),
    "no bottleneck": ({"latent_size": None}, {}),
    "no clipping": ({}, {"max_grad_norm": None}),
    "no warm-up": ({}, {"warmup_epochs": 0.0}),
    "constant learning rate instead of cosine": ({}, {"schedule": "constant"}),
    "learning rate 0.001": ({}, {"learning_rate": 0.001}),
    "batch size 10, the default": ({}, {"batch_size": 10}),
}


def make(seed: int, step: str) -> Callable[[], dict[str, float]]:
    """Return the measurement without one part, with one seed."""
    model, trainer = STEPS[step]
    return partial(train, seed, EPOCHS, model={**BEST_MODEL, **model}, **{**BEST, **trainer})


def main() -> None:
    parser = arguments(__doc__, seeds=2, jobs=os.cpu_count())
    options = parser.parse_args()
    frame = measured(make, [{"step": step} for step in STEPS], options)
    with section("steps", complete=options.seeds == parser.get_default("seeds")):
        print(f"{EPOCHS} epochs, {options.seeds} seeds\n\n| removed | validation error | AUROC |\n|---|---|---|")
        for step, group in frame.groupby("step", sort=False):
            error, auroc = group.validation_error, group.auroc
            print(f"| {step} | {error.mean():.2f} ± {error.std():.2f} | {auroc.mean():.4f} ± {auroc.std():.4f} |")


if __name__ == "__main__":
    main()
