"""README's picture: trains as notebook 1 does, and draws one beat of each kind with its reconstruction."""

from __future__ import annotations

from pathlib import Path

from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection import plot_reconstructions


def main() -> None:
    training, validation, _, test = split(load_ecg5000(), seed=0)
    trainer = BatchedTrainer(LSTMAutoencoder(latent_size=32), "cpu", batch_size=32, learning_rate=0.01)
    model = benchmark(trainer, training, validation, epochs=20, progress=False).model
    path = Path(__file__).with_name("picture.png")
    plot_reconstructions(model, test.subset([0, 1, 2, 3, 33, 210, 220, 238])).savefig(path)
    print(f"written: {path.name}")


if __name__ == "__main__":
    main()
