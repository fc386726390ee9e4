"""Check the kit on an accelerator: ``make check-gpu``; the exit status is 1 if a check failed.

The same training, saving and monitoring runs on the accelerator and on the CPU, on heartbeats of ECG5000. Each check
prints one line: its name, what it measured, and ok or failed. Without an accelerator, the program does nothing.
``--device cpu`` uses the CPU in the place of the accelerator, so that the program itself can be tested anywhere.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from data import DataSet, load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, StopTraining, benchmark, load, save
from trainers.detection import AnomalyDetector
from trainers.losses import reconstruct
from trainers.torch_utils import as_device, copy_state, random_states
from trainers.widgets import TrainingMonitor

from tests.benchmarks.speed import plain

CPU = torch.device("cpu")
# Beats in each set, time steps between two values, units of each LSTM layer, epochs, and backend of torch.compile.
BEATS, STRIDE, HIDDEN, EPOCHS, BACKEND = 512, 1, 64, 4, "inductor"
# Largest differences between two devices, relative to the norm of the expected values. Outputs and gradients of one
# batch are compared without TF32, the 19-bit numbers that cuDNN uses by default. With Adam's default learning rate,
# differences of the last bits would grow to a percent within four epochs.
OUTPUTS, GRADIENTS, LOSSES, BFLOAT16, LOADED, LEARNING_RATE = 1e-4, 1e-3, 1e-3, 1e-2, 1e-2, 2e-4
Outcome = tuple[str, bool]


def sets() -> tuple[DataSet, ...]:
    """Return beats for training, validation and test."""
    training, validation, _, test = split(load_ecg5000(), seed=0)
    return tuple(DataSet(part.sequences[:BEATS, ::STRIDE]) for part in (training, validation, test))


def trainer_on(device: torch.device, **settings: Any) -> BatchedTrainer:
    """Return a trainer with 16 batches per epoch."""
    settings = {"batch_size": BEATS // 16, "learning_rate": LEARNING_RATE, **settings}
    return BatchedTrainer(settings.pop("model", LSTMAutoencoder(hidden_size=HIDDEN)), device, **settings)


def losses(trainer: BatchedTrainer, **options: Any) -> list[float]:
    """Train, unless the trainer is trained, and return training and validation loss of each epoch."""
    history = trainer.history or benchmark(trainer, *sets()[:2], epochs=EPOCHS, **options).history
    return [loss for row in history for loss in (row.train_loss, row.validation_loss)]


def within(tolerance: float, found: Any, expected: Any) -> Outcome:
    """Compare two arrays or tensors by the norm of their difference."""
    a, b = (torch.as_tensor(values).detach().cpu().double() for values in (found, expected))
    difference = float((a - b).norm() / b.norm())
    return f"relative difference {difference:.1e}, at most {tolerance:g}", difference <= tolerance


# ---------------------------------------------------------------------- the same numbers on both devices


def one_step(device: torch.device) -> Outcome:
    """Compare outputs and gradients of one batch."""
    outputs, gradients, x = [], [], sets()[0].sequences[:64]
    for trainer in (trainer_on(device), trainer_on(CPU)):
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            batch = x.to(trainer.device)
            outputs.append(trainer.model(batch))
            trainer.compute_loss(trainer.model, batch, batch, None).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None]))
    pairs = within(OUTPUTS, *outputs), within(GRADIENTS, *gradients)
    return "; ".join(text for text, _ in pairs), all(ok for _, ok in pairs)


def bfloat16(device: torch.device) -> Outcome:
    try:
        low = losses(trainer_on(device, precision="bfloat16"))
    except RuntimeError as error:
        # some processors cannot, every accelerator must
        if device == CPU and "precision must be supported" in str(error):
            return "not supported by this processor", True
        raise
    return within(BFLOAT16, low, losses(trainer_on(device)))


def compiled(device: torch.device) -> Outcome:
    model = torch.compile(trainer_on(device).model, backend=BACKEND)
    return within(LOSSES, losses(trainer_on(device, model=model)), losses(trainer_on(device)))


# ---------------------------------------------------------------------- monitor and interrupts


def monitored(device: torch.device) -> Outcome:
    monitor, picture, trainer = TrainingMonitor(sets()[2][:3]), io.BytesIO(), trainer_on(device)
    # builds the widgets of the page
    assert monitor.model_id
    losses(trainer, callbacks=[monitor])
    shown = monitor.children[1].data["runs"][0]["rows"]
    different = {str(monitor.rewind(row.epoch)) for row in trainer.history}
    monitor.figure.savefig(picture, format="png")
    text = f"{len(shown)} epochs, {len(different)} reconstructions, picture of {picture.tell()} bytes"
    return text, len(shown) == len(different) == EPOCHS and picture.getvalue().startswith(b"\x89PNG")


def undone(device: torch.device) -> Outcome:
    """Interrupt an epoch after three optimizer steps, and after random numbers of both global generators."""
    trainer, steps = trainer_on(device), list[Any]()
    trainer.setDataSets(*sets()[:2])
    trainer.doEpoch(trainer.model)

    def state() -> Any:
        generators = [random_states(device).get(name) for name in ("torch", device.type)]
        return copy.deepcopy([copy_state(trainer.model), trainer.optimizer.state_dict(), generators])

    def stop() -> None:
        steps.append([torch.rand(1), torch.rand(1, device=device)])
        if len(steps) > 3:
            raise StopTraining

    before, trainer.between_batches = state(), stop
    with contextlib.suppress(StopTraining):
        trainer.doEpoch(trainer.model)
    torch.testing.assert_close(state(), before, rtol=0, atol=0)
    return f"after {len(steps) - 1} steps, weights, optimizer and random state are the same", len(steps) == 4


# ---------------------------------------------------------------------- saved on one device, loaded on the other


def loaded_model(path: str, origin: torch.device, target: torch.device) -> Outcome:
    trainer = trainer_on(origin)
    losses(trainer)
    save(trainer.model, path)
    return within(LOADED, *(reconstruct(model, sets()[2]) for model in (load(path, device=target), trainer.model)))


def continued_trainer(path: str, origin: torch.device, target: torch.device) -> Outcome:
    trainer, half = trainer_on(origin), EPOCHS // 2
    losses(trainer, callbacks=[lambda row, _: row.epoch == half and save(trainer, path)])
    loaded = load(path, data=sets()[:2], device=target)
    benchmark(loaded, epochs=EPOCHS - half, resume=True)
    return within(LOSSES, losses(loaded), losses(trainer))


def loaded_detector(path: str, origin: torch.device, target: torch.device) -> Outcome:
    detector = AnomalyDetector(trainer_on(origin), epochs=EPOCHS, rate=0.1).fit(sets()[0])
    save(detector, path)
    return within(LOADED, load(path, device=target).score(sets()[2]), detector.score(sets()[2]))


# ---------------------------------------------------------------------- speed


class Plain(nn.Module):
    """An autoencoder of PyTorch's layers, with the sizes of `LSTMAutoencoder`."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(1, HIDDEN, bidirectional=True, batch_first=True)
        self.decoder = nn.LSTM(2 * HIDDEN + 16, HIDDEN, batch_first=True)
        self.output = nn.Linear(HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        latent = nn.functional.pad(self.encoder(x)[1][0].transpose(0, 1).flatten(1), (0, 16))
        return self.output(self.decoder(latent[:, None].expand(-1, x.shape[1], -1))[0])


def speed(device: torch.device) -> Outcome:
    """Compare the fastest epochs of the kit and of a plain loop; this never fails."""
    trainer, ends = trainer_on(device), list[float]()
    losses(trainer)
    x, validation, _ = (part.sequences.to(device) for part in sets())
    plain(Plain().to(device), x, validation, trainer.batch_size, lambda: ends.append(time.perf_counter()))
    seconds = [row.seconds for row in trainer.history], torch.tensor(ends, dtype=torch.float64).diff()
    kit, loop = (len(x) / min(times) for times in seconds)
    return f"{kit:.0f} and {loop:.0f} sequences/s, ratio {kit / loop:.2f}", True


# ---------------------------------------------------------------------- the program


def checks(device: torch.device, path: str) -> dict[str, Callable[[], Outcome]]:
    """Return all checks by name."""
    found: dict[str, Callable[[], Outcome]] = {
        "forward pass and gradients": partial(one_step, device),
        "losses of a training run": lambda: within(LOSSES, losses(trainer_on(device)), losses(trainer_on(CPU))),
        "losses with bfloat16": partial(bfloat16, device),
        "losses with torch.compile": partial(compiled, device),
        "TrainingMonitor": partial(monitored, device),
        "interrupted epoch": partial(undone, device),
    }
    for what, check in (("model", loaded_model), ("trainer", continued_trainer), ("detector", loaded_detector)):
        found[f"{what} saved on the accelerator, loaded on the CPU"] = partial(check, path, device, CPU)
        found[f"{what} saved on the CPU, loaded on the accelerator"] = partial(check, path, CPU, device)
    return {**found, "speed of BatchedTrainer and of a plain loop": partial(speed, device)}


def main(*arguments: str) -> int:
    """Run the checks and print their results; return 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="gpu", help="PyTorch device in the place of the accelerator")
    wanted, failed = parser.parse_args(arguments).device, 0
    if wanted == "gpu" and not torch.accelerator.is_available():
        print("PyTorch finds no accelerator (CUDA, MPS or XPU) on this computer, so nothing was checked.")
        return 0
    device = as_device(wanted)
    with tempfile.TemporaryDirectory() as folder:
        for name, check in checks(device, f"{folder}/saved").items():
            try:
                # without the sentences that monitor and runs print
                with contextlib.redirect_stdout(io.StringIO()):
                    measured, ok = check()
            except Exception as error:
                measured, ok = " ".join(f"{type(error).__name__}: {error}".split()), False
            failed += not ok
            print(f"{name}: {measured}: {'ok' if ok else 'failed'}", flush=True)
    print(f"{failed} checks failed on {device}, PyTorch {torch.__version__}.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
