"""Measure how long training takes to reach a validation error of 9.7, from the README's settings to patches.

Each row changes the settings of the row before it, except the last, which is the row before it without patches. A
process trains with one thread, and the seconds are those of its processor, including the validation after each epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection import evaluate, reconstruction_error

from .experiment import arguments, measured, split_of
from .results_file import section

# Mean over the beats of the sum of absolute errors over the time steps.
GOAL = 9.7
LATENT_SIZE = 32
EPOCHS = 40
README: dict[str, Any] = {"batch_size": 32, "learning_rate": 0.01}
LARGE = {"batch_size": 64, "steps_per_epoch": 50, "learning_rate": 0.02}
COSINE = {**LARGE, "schedule": "cosine", "warmup_epochs": 1.0}
# By step: patch_size, settings of the trainer.
STEPS = {
    "as in the README": (1, README),
    "patch_size 20": (20, README),
    "batch size 64, learning rate 0.02, 50 steps per epoch": (20, LARGE),
    "cosine schedule with a warm-up of one epoch": (20, COSINE),
    "the same without patches": (1, COSINE),
}


def train(seed: int, patch_size: int, settings: dict[str, Any]) -> dict[str, float]:
    """Train an autoencoder and return its validation error, AUROC and times; NaN if the goal was not reached."""
    training, validation, _, test = split_of(seed)
    model = LSTMAutoencoder(latent_size=LATENT_SIZE, patch_size=patch_size, seed=seed)
    trainer = BatchedTrainer(model, seed=seed, **settings)
    begun, seconds = time.process_time(), list[float]()
    clock: Any = lambda row, state: seconds.append(time.process_time() - begun)  # noqa: E731
    history = benchmark(trainer, training, validation, epochs=EPOCHS, callbacks=[clock], progress=False).history
    errors = [row.validation_loss * validation.length for row in history]
    reached = (spent for spent, error in zip(seconds, errors, strict=True) if error <= GOAL)
    return {
        "validation_error": min(errors),
        "auroc": evaluate(reconstruction_error(model, test), test.labels, 0.0).auroc,
        "seconds": seconds[-1],
        "seconds_to_goal": next(reached, float("nan")),
    }


def make(seed: int, step: str) -> Callable[[], dict[str, float]]:
    """Return the measurement of one step with one seed."""
    return partial(train, seed, *STEPS[step])


def main() -> None:
    parser = arguments(__doc__, seeds=3, jobs=1)
    options = parser.parse_args()
    frame = measured(make, [{"step": step} for step in STEPS], options)
    with section("speed_to_quality", complete=options.seeds == parser.get_default("seeds")):
        print(f"{EPOCHS} epochs, {options.seeds} seeds\n")
        print(f"| setting | training, s | validation error | AUROC | to {GOAL}, s |\n|---|---|---|---|---|")
        for step, group in frame.groupby("step", sort=False):
            error, auroc, goal = group.validation_error, group.auroc, group.seconds_to_goal
            reached = f"{goal.mean():.1f}" if goal.notna().all() else f"{goal.notna().sum()} of {len(goal)} reached it"
            print(
                f"| {step} | {group.seconds.mean():.1f} | {error.mean():.2f} ± {error.std():.2f} "
                f"| {auroc.mean():.4f} ± {auroc.std():.4f} | {reached} |"
            )


if __name__ == "__main__":
    main()
