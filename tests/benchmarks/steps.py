"""Measure the effect of each part of the kit's best configuration: remove each part in turn, over several seeds."""

from __future__ import annotations

import argparse
import os

import pandas as pd
import torch
from joblib import Parallel, delayed

from .experiment import BEST, BEST_MODEL, train
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


def one(step: str, seed: int) -> dict[str, object]:
    torch.set_num_threads(1)
    model, trainer = STEPS[step]
    return {"step": step, "seed": seed, **train(seed, EPOCHS, model={**BEST_MODEL, **model}, **{**BEST, **trainer})}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    options = arguments.parse_args()
    with section("steps", complete=options == arguments.parse_args([])):
        work = [(step, seed) for step in STEPS for seed in range(options.seeds)]
        frame = pd.DataFrame(Parallel(n_jobs=options.jobs)(delayed(one)(*w) for w in work))
        print(f"{EPOCHS} epochs, {options.seeds} seeds\n\n| removed | validation error | AUROC |\n|---|---|---|")
        for step, group in frame.groupby("step", sort=False):
            error, auroc = group.validation_error, group.auroc
            print(f"| {step} | {error.mean():.2f} ± {error.std():.2f} | {auroc.mean():.4f} ± {auroc.std():.4f} |")


if __name__ == "__main__":
    main()
