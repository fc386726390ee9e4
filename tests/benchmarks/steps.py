"""What each part of the kit's best configuration gives: each is taken away in turn, several seeds."""

from __future__ import annotations

import argparse
import os

import pandas as pd
import torch
from joblib import Parallel, delayed

from .experiment import BEST, BEST_MODEL, train
from .results_file import section

EPOCHS = 12
# What is taken away: settings of the model, settings of the trainer.
STEPS = {
    "nothing": ({}, {}),
    "the encoder reads one way only": ({"bidirectional": False}, {}),
    "the decoder is not told the time step": ({"time_encoding": 0}, {}),
    "PyTorch's own initialisation, no forget bias": ({"initialization": "torch", "forget_bias": None}, {}),
    "no narrow latent vector": ({"latent_size": None}, {}),
    "no clipping": ({}, {"max_grad_norm": None}),
    "no warm-up": ({}, {"warmup_epochs": 0.0}),
    "constant rate instead of cosine": ({}, {"schedule": "constant"}),
    "rate 0.001": ({}, {"learning_rate": 0.001}),
    "batches of 10, as by default": ({}, {"batch_size": 10}),
}


def one(step: str, seed: int) -> dict[str, object]:
    torch.set_num_threads(1)
    model, trainer = STEPS[step]
    return {"step": step, "seed": seed, **train(seed, EPOCHS, model={**BEST_MODEL, **model}, **{**BEST, **trainer})}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seeds", type=int, default=2)
    arguments.add_argument("--jobs", type=int, default=os.cpu_count())
    given = arguments.parse_args()
    with section("steps", complete=given == arguments.parse_args([])):
        work = [(step, seed) for step in STEPS for seed in range(given.seeds)]
        frame = pd.DataFrame(Parallel(n_jobs=given.jobs)(delayed(one)(*w) for w in work))
        print(f"{EPOCHS} epochs, {given.seeds} seeds\n\n| taken away | validation error | AUROC |\n|---|---|---|")
        for step, group in frame.groupby("step", sort=False):
            error, area = group.validation_error, group.auroc
            print(f"| {step} | {error.mean():.2f} ± {error.std():.2f} | {area.mean():.4f} ± {area.std():.4f} |")


if __name__ == "__main__":
    main()
