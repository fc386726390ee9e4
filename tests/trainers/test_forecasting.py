"""Targets of another shape than the sequences, and `LSTMForecaster`."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss, mse_loss

from data import DataSet, Series
from trainers import BatchedTrainer, LSTMForecaster, benchmark, load, reconstruct, save
from trainers.detection import AnomalyDetector, reconstruction_error
from trainers.torch_utils import copy_state
from trainers.widgets import TrainingMonitor

from .contract import TrainerContract, same, skip_without_bfloat16
from .test_batched_trainer import WILD, follow, two_restores

# ---------------------------------------------------------------------- forecasts of the future


class Forecaster(nn.Module):
    """Predicts the next `horizon` steps of a sequence, with a given number of features."""

    def __init__(self, horizon=5, features=1):
        super().__init__()
        self.horizon = horizon
        self.lstm = nn.LSTM(1, 6, batch_first=True)
        self.to_output = nn.Linear(6, horizon * features)
        with torch.no_grad():
            generator = torch.Generator().manual_seed(0)
            for p in self.parameters():
                p.uniform_(-0.4, 0.4, generator=generator)

    def forward(self, past):
        return self.to_output(self.lstm(past)[0][:, -1]).unflatten(1, (self.horizon, -1))


class ForecastTrainer(BatchedTrainer):
    """Splits each window into past and future."""

    def setDataSets(self, train, validation):
        parts = [DataSet.of(data) for data in (train, validation)]
        super().setDataSets(
            *(DataSet(part.sequences[:, :-5], targets=part.sequences[:, -5:], name=part.name) for part in parts)
        )


def future(data, features=1):
    """Return a data set with 15 past steps as sequences, and 5 future steps as targets."""
    return DataSet(data.sequences[:, :-5], targets=data.sequences[:, -5:].repeat(1, 1, features), name=data.name)


def test_forecaster_trains_with_history_restore(beats):
    trainer = ForecastTrainer(Forecaster(), **WILD)
    best = None
    for row, reached, after in follow(trainer, beats, two_restores):
        if best is None or row.validation_loss < best[0].validation_loss:
            best = (row, reached)
        assert row.restored == (row is not best[0])
        assert same(after, best[1])
    with torch.no_grad():
        x = beats[1].sequences
        assert best[0].validation_loss == pytest.approx(float(l1_loss(trainer.model(x[:, :-5]), x[:, -5:])))
    assert trainer.history.note == "", "train and validation loss are comparable"


@pytest.mark.parametrize("features", [1, 2])
@pytest.mark.parametrize(
    "settings", [{}, {"loss": "mse"}, {"loss": nn.HuberLoss()}, {"precision": "bfloat16"}], ids=str
)
def test_losses_of_targets_equal_plain_loop(beats, features, settings):
    if "precision" in settings:
        skip_without_bfloat16()
    ours, theirs = Forecaster(features=features), Forecaster(features=features)
    trainer = BatchedTrainer(ours, batch_size=8, learning_rate=0.02, max_grad_norm=None, restore="off", **settings)
    train, validation = (future(data, features) for data in beats)
    history = benchmark(trainer, train, validation, epochs=2).history
    loss = {"mae": l1_loss, "mse": mse_loss, "custom": settings.get("loss")}[trainer.loss]
    optimizer = torch.optim.Adam(theirs.parameters(), 0.02)
    for epoch in (1, 2):
        for batch in trainer._order(40, epoch).split(trainer.batch_size):
            optimizer.zero_grad()
            loss(theirs(train.sequences[batch]), train.targets[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        expected = float(loss(theirs(validation.sequences), validation.targets))
    assert history[-1].validation_loss == pytest.approx(expected, rel=0.05 if "precision" in settings else 1e-5)
    if "precision" not in settings:
        assert same(copy_state(ours), copy_state(theirs))


def test_trained_forecaster_counts_as_trained_in_next_run(beats):
    """The best constant is that of the targets."""
    train, validation = (DataSet(data.sequences, targets=data.sequences[:, -5:] + 7) for data in beats)
    model = Forecaster()
    with torch.no_grad():
        model.to_output.bias.fill_(float(train.targets.median()))
        model.to_output.weight.zero_()
    trainer = BatchedTrainer(model, batch_size=8)
    benchmark(trainer, train, validation, epochs=1)
    assert trainer.history.start is None, "a constant is not trained"
    trained = benchmark(BatchedTrainer(model, batch_size=8, learning_rate=0.02), train, validation, epochs=15).model
    trainer = BatchedTrainer(trained, batch_size=8)
    benchmark(trainer, train, validation, epochs=1)
    assert trainer.history.start is not None


@pytest.mark.parametrize("masked", ["mask", "lengths"])
def test_mask_applies_to_sequences_but_not_to_other_targets(beats, masked):
    train, validation = map(future, beats)
    lengths = torch.arange(40) % 15 + 1
    mask = torch.arange(15) < lengths[:, None]
    more = {"mask": mask} if masked == "mask" else {"lengths": lengths}
    values = train.sequences.masked_fill(~mask[..., None], torch.nan) if masked == "mask" else train.sequences
    data = DataSet(values, targets=train.targets, **more)
    assert torch.equal(data.targets, train.targets)
    trainer = BatchedTrainer(Forecaster(), batch_size=40, learning_rate=0.01)
    trainer.setDataSets(data, validation)
    assert trainer.train_mask is None
    trainer.doEpoch(trainer.model)
    with torch.no_grad():
        expected = float(l1_loss(Forecaster()(data.sequences), data.targets))
    assert trainer.history[0].train_loss == pytest.approx(expected)


def test_lengths_reach_forecaster(beats):
    class Reads(Forecaster):
        def forward(self, past, lengths=None):
            got.append(lengths)
            return super().forward(past)

    class Drops(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Reads()

        def forward(self, past):
            return self.inner(past)

    got = []
    validation = future(beats[1])
    train = DataSet.padded([one[: 3 + i % 12] for i, one in enumerate(validation.sequences)], length=15)
    train = DataSet(train.sequences, lengths=train.lengths, targets=validation.targets)
    benchmark(BatchedTrainer(Reads()), train, validation, epochs=1)
    assert any(lengths is not None for lengths in got)
    with pytest.raises(ValueError, match="must pass `lengths` to each submodule"):
        benchmark(BatchedTrainer(Drops()), train, validation, epochs=1)


@pytest.mark.parametrize(
    ("targets", "match"),
    [
        (np.full((40, 5), np.nan), r"^the targets of 'train' must be finite and representable in float32, got nan in"),
        (np.full((40, 5, 2), np.inf), r"^the targets of 'train' must be finite"),
        (np.zeros((39, 5)), r"^the targets of 'train' must have the shape \(40, time, feature\), got \(39, 5, 1\)\.$"),
        (np.zeros(40), r"^the targets of 'train' must have shape \(n, time, feature\) or \(n, time\)"),
        (np.zeros((40, 5, 2, 1)), r"^the targets of 'train' must have shape"),
        (np.zeros((40, 0)), r"^the targets of 'train' must have shape"),
    ],
)
def test_invalid_targets_raise(beats, targets, match):
    mask = np.arange(20) < 10
    with pytest.raises(ValueError, match=match):
        DataSet(beats[0].sequences, targets=targets, mask=np.tile(mask, (40, 1)), name="train")


def test_subset_and_scaling_keep_targets(beats):
    data = future(beats[0])
    assert torch.equal(data[3:5].targets, data.targets[3:5])
    assert data[:2].targets.shape == (2, 5, 1)


def test_output_must_have_shape_of_targets(beats):
    train, validation = map(future, beats)
    match = (
        r"^the model Forecaster must return a prediction of the targets, of shape \(2, 5, 1\), or .*shape \(2, 6, 1\)"
    )
    with pytest.raises(ValueError, match=match):
        benchmark(BatchedTrainer(Forecaster(horizon=6)), train, validation, epochs=1)
    with pytest.raises(ValueError, match="must return a reconstruction, of shape"):
        benchmark(BatchedTrainer(Forecaster()), *beats, epochs=1)


def test_targets_of_both_sets_must_have_one_shape(beats):
    other = DataSet(future(beats[1]).sequences, targets=beats[1].sequences[:, -4:])
    match = r"^validation set must match the training set in time steps and features of its targets, got .*20, 4, 1"
    with pytest.raises(ValueError, match=match):
        benchmark(BatchedTrainer(Forecaster()), future(beats[0]), other, epochs=1)


def test_forecaster_of_the_future_cannot_reconstruct(beats):
    model = Forecaster()
    match = r"^the model Forecaster must return a reconstruction, of shape \(20, 20, 1\), or .*, got shape \(20, 5, 1\)"
    for use in (reconstruct, reconstruction_error):
        with pytest.raises(ValueError, match=match):
            use(model, beats[1])
    training, other = map(future, beats)
    with pytest.raises(ValueError, match=r"^targets of '.*' must have the shape of its sequences, got \(40, 5, 1\)"):
        AnomalyDetector(BatchedTrainer(model), rate=0.1).fit(training, validation=other, calibration=other)
    # the detector's data is valid, but its trainer splits the windows
    detector = AnomalyDetector(ForecastTrainer(Forecaster()), epochs=1, rate=0.1)
    detector.fit(beats[0], validation=beats[1], calibration=beats[1])
    with pytest.raises(ValueError, match="the model Forecaster must return a reconstruction, of shape"):
        detector.score(beats[1])


def test_monitor_of_forecaster_has_no_reconstructions(beats):
    monitor = TrainingMonitor(examples=beats[1][:2])
    result = benchmark(ForecastTrainer(Forecaster(), batch_size=8), *beats, epochs=2, callbacks=[monitor])
    assert len(result.history) == 2
    monitor.close()


def test_run_of_forecaster_continues_from_checkpoint(beats, tmp_path):
    def run(epochs, **more):
        return benchmark(ForecastTrainer(Forecaster(), batch_size=8), *beats, epochs=epochs, **more)

    run(2, checkpoint=tmp_path / "run")
    one, other = run(4, checkpoint=tmp_path / "run", allow=["epochs"]), run(4)
    assert one.history == other.history
    assert same(copy_state(one.model), copy_state(other.model))


# ---------------------------------------------------------------------- forecasts of each step


def test_each_step_is_predicted_from_steps_before_it():
    model = LSTMForecaster(n_features=2, hidden_size=5)
    x = torch.randn(3, 12, 2, generator=torch.Generator().manual_seed(0))
    for step in range(12):
        changed = x.clone()
        changed[:, step] += 1
        differs = (model(changed) != model(x)).any(2).any(0)
        assert not differs[: step + 1].any()
        assert step == 11 or differs[step + 1]
    assert model(x).shape == x.shape
    assert model(x[:, :1]).shape == (3, 1, 2)
    torch.testing.assert_close(model(x)[1:], model(x[1:]))


def test_forecaster_equals_plain_lstm():
    model = LSTMForecaster(hidden_size=5, n_layers=1)
    x = torch.randn(3, 12, 1, generator=torch.Generator().manual_seed(0))
    states, expected = None, []
    previous = torch.zeros(3, 1, 1)
    for step in range(12):
        output, states = model.lstm(previous, states)
        expected.append(model.to_output(output))
        previous = x[:, step : step + 1]
    torch.testing.assert_close(model(x), torch.cat(expected, 1))


def test_seed_sets_initial_weights():
    one, other, third = (copy_state(LSTMForecaster(seed=seed)) for seed in (1, 1, 2))
    assert same(one, other)
    assert not same(one, third)


def test_padding_does_not_change_forecasts(beats):
    model = LSTMForecaster(hidden_size=5)
    sequences = [one[: 3 + i] for i, one in enumerate(beats[1].sequences[:10])]
    together = reconstruct(model, DataSet.padded(sequences))
    for one, output in zip(sequences, together, strict=True):
        torch.testing.assert_close(output[: len(one)], reconstruct(model, one[None])[0])


class TestForecasterInBatchedTrainer(TrainerContract):
    kind = BatchedTrainer
    settings = {"batch_size": 8, "learning_rate": 0.01}  # noqa: RUF012

    def make(self, model=None):
        return self.kind(model or LSTMForecaster(hidden_size=6), "cpu", **self.settings)


@pytest.mark.parametrize("error", ["gaussian", "mae"])
def test_detector_with_forecaster_finds_anomaly(error, tmp_path):
    wave = np.sin(np.arange(3000) * 2 * np.pi / 25) + 0.05 * np.random.default_rng(0).normal(size=3000)
    trainer = BatchedTrainer(LSTMForecaster(hidden_size=8), learning_rate=0.01, batch_size=32)
    detector = AnomalyDetector(trainer, epochs=4, error=error).fit(Series(wave))
    abnormal = wave.copy()
    abnormal[1000:1020] = abnormal[1010]
    scores = detector.score(Series(abnormal))
    assert 980 < scores.argmax() < 1040
    # saved and loaded as a class of the kit
    save(detector, tmp_path / "detector")
    np.testing.assert_array_equal(load(tmp_path / "detector").score(Series(abnormal)), scores)


def test_saved_forecaster_is_loaded_by_name(tmp_path):
    model = LSTMForecaster(n_features=2, hidden_size=4, n_layers=1)
    save(model, tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert type(loaded) is LSTMForecaster
    assert loaded.hyperparameters == model.hyperparameters
    assert same(copy_state(loaded), copy_state(model))
