"""History restore, tested by comparing weights."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss

from data.words import four_digits
from trainers import BatchedTrainer, LSTMAutoencoder, Run, StopTraining, benchmark
from trainers.losses import mean_loss
from trainers.torch_utils import copy_state

from .contract import same

# A learning rate so high that some epochs are worse than the best.
WILD = {"batch_size": 8, "learning_rate": 0.2, "max_grad_norm": None}


def follow(trainer, beats, enough):
    """Train until `enough`; return each epoch's row, its state at the end, and its state after a restore."""
    steps = []
    for row in Run(trainer, *beats, epochs=80, callbacks=[lambda row, state: steps.append([row, state])]):
        steps[row.epoch - 1].append(copy_state(trainer.model))
        if row.epoch > 4 and enough(trainer.history):
            return steps
    raise AssertionError(f"the tested case did not occur: {trainer.history}")


def two_restores(history):
    """Return whether there were two restores, and a new best epoch after the first."""
    return len(history.restored_epochs) >= 2 and history.best.epoch > history.restored_epochs[0]


def test_every_worse_epoch_restores_best_weights(beats, model):
    steps = follow(BatchedTrainer(model, **WILD), beats, two_restores)
    best = None
    for row, reached, after in steps:
        if best is None or row.validation_loss < best[0].validation_loss:
            best = (row, reached)
            assert not row.restored
            assert same(after, reached)
        else:
            assert row.restored
            assert not same(reached, best[1])
            assert same(after, best[1])
        assert (row.best_epoch, row.best_loss) == (best[0].epoch, best[0].validation_loss)


def test_row_keeps_loss_before_restore(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    for row, _, _ in follow(trainer, beats, two_restores):
        if row.restored:
            assert row.validation_loss > row.best_loss
            best = four_digits(row.best_loss, row.validation_loss)
            assert f"worse than {best} of epoch {row.best_epoch}; best weights restored" in row.reason


@pytest.mark.parametrize("restore", ["every epoch", "at the end", "off"])
def test_finalizing_restores_best_weights_unless_off(beats, model, restore):
    trainer = BatchedTrainer(model, restore=restore, **WILD)
    steps = follow(trainer, beats, lambda history: history.best.epoch < len(history))
    best = trainer.history.best.epoch
    assert any(row.restored for row, _, _ in steps) == (restore == "every epoch")
    expected = steps[-1][1] if restore == "off" else steps[best - 1][1]
    assert same(copy_state(trainer.model), expected)


def test_history_restore_equals_plain_loop(beats):
    """Compare with a second, plain implementation of the specification."""
    ours, theirs = (LSTMAutoencoder(hidden_size=6) for _ in range(2))
    trainer = BatchedTrainer(ours, **WILD)
    epochs = len(follow(trainer, beats, two_restores))

    optimizer, best, best_loss, restores = torch.optim.Adam(theirs.parameters(), 0.2), None, float("inf"), []
    for epoch in range(1, epochs + 1):
        theirs.train()
        for batch in trainer._order(40, epoch).split(trainer.batch_size):
            optimizer.zero_grad()
            l1_loss(theirs(beats[0].sequences[batch]), beats[0].sequences[batch]).backward()
            optimizer.step()
        theirs.eval()
        with torch.no_grad():
            loss = float(l1_loss(theirs(beats[1].sequences), beats[1].sequences, reduction="sum").double() / 400)
        if loss < best_loss:
            best, best_loss = copy.deepcopy(theirs.state_dict()), loss
        elif loss > best_loss:
            theirs.load_state_dict(best)
            restores.append(epoch)
    theirs.load_state_dict(best)
    assert trainer.history.restored_epochs == restores
    assert same(copy_state(ours), copy_state(theirs))


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 1, "restore": "off", "max_grad_norm": None},
        {"batch_size": 10, "steps_per_epoch": 3, "reshuffle": False, "restore": "off", "max_grad_norm": None},
        {"batch_size": 1, "learning_rate": 0.05, "max_grad_norm": None},
    ],
    ids=["single instance", "plain batched", "single instance with history"],
)
def test_settings_of_older_trainers_equal_plain_loop(beats, settings):
    ours, theirs = (LSTMAutoencoder(hidden_size=6) for _ in range(2))
    trainer = BatchedTrainer(ours, **settings)
    restored = benchmark(trainer, *beats, epochs=6).history.restored_epochs
    optimizer, best, lowest, restores = torch.optim.Adam(theirs.parameters(), trainer.learning_rate), None, None, []
    for epoch in range(1, 7):
        for batch in trainer._order(40, epoch).split(trainer.batch_size):
            optimizer.zero_grad()
            l1_loss(theirs(beats[0].sequences[batch]), beats[0].sequences[batch]).backward()
            optimizer.step()
        loss = mean_loss(theirs, beats[1].sequences, beats[1].sequences)
        if lowest is None or loss < lowest:
            best, lowest = copy.deepcopy(theirs.state_dict()), loss
        elif loss > lowest and trainer.restore == "every epoch":
            theirs.load_state_dict(best)
            restores.append(epoch)
    if trainer.restore == "every epoch":
        theirs.load_state_dict(best)
        assert restores, "the case must include a restore"
    assert restored == restores
    assert same(copy_state(ours), copy_state(theirs))


class WithBuffers(nn.Module):
    """Counts its training steps in a persistent and in a non-persistent buffer."""

    def __init__(self):
        super().__init__()
        self.inner = LSTMAutoencoder(hidden_size=4)
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("hidden_steps", torch.zeros(()), persistent=False)

    def forward(self, x):
        if self.training:
            self.steps += 1
            self.hidden_steps += 1
        return self.inner(x)


def test_restore_includes_buffers_outside_state_dict(beats):
    model = WithBuffers()
    trainer = BatchedTrainer(model, **WILD)
    steps = follow(trainer, beats, two_restores)
    for row, _, after in steps:
        assert after["steps"] == after["hidden_steps"]
        if row.restored:
            assert torch.equal(after["hidden_steps"], steps[row.best_epoch - 1][1]["hidden_steps"])


def test_patience_tolerates_worse_epochs(beats, model):
    trainer = BatchedTrainer(model, patience=2, **WILD)
    steps = follow(trainer, beats, lambda history: history.restored_epochs)
    worse = 0
    for row, reached, after in steps:
        worse = worse + 1 if row.validation_loss > row.best_loss else 0
        assert row.restored == (worse == 3)
        if worse == 3:
            worse = 0
        else:
            assert same(after, reached)


def test_min_delta_ratio_tolerates_small_rises(beats, model):
    trainer = BatchedTrainer(model, min_delta_ratio=0.01, **WILD)

    def rise(row):
        return row.validation_loss / row.best_loss - 1

    def small_and_large(history):
        return any(0 < rise(row) < 0.01 for row in history) and any(rise(row) > 0.01 for row in history)

    for row, reached, after in follow(trainer, beats, small_and_large):
        assert row.restored == (rise(row) > 0.01)
        assert same(after, reached) != row.restored


@pytest.mark.parametrize("optimizer_state", ["keep", "restore", "reset"])
def test_optimizer_state_at_restore(beats, model, optimizer_state):
    trainer = BatchedTrainer(model, optimizer_state=optimizer_state, **WILD)
    trainer.setDataSets(*beats)
    best = None
    first = next(model.parameters())
    while not two_restores(trainer.history) and len(trainer.history) < 80:
        trainer.doEpoch(model)
        state = trainer.optimizer.state_dict()["state"]
        row = trainer.history[-1]
        if row.restored:
            if optimizer_state == "reset":
                assert not state
            elif optimizer_state == "restore":
                assert torch.equal(state[0]["exp_avg"], best)
            else:
                assert not torch.equal(state[0]["exp_avg"], best)
        elif row.best_epoch == row.epoch:
            best = state[0]["exp_avg"].clone()
        assert trainer.optimizer.param_groups[0]["params"][0] is first
    assert trainer.history.restored_epochs


def test_lr_factor_is_applied_at_each_restore(beats, model):
    trainer = BatchedTrainer(model, lr_factor=0.5, **WILD)
    rate = 0.2
    for row, _, _ in follow(trainer, beats, two_restores):
        assert row.learning_rate == pytest.approx(rate)
        rate *= 0.5 if row.restored else 1


LIVELOCK = {"optimizer_state": "restore", "reshuffle": False, **WILD}


@pytest.mark.parametrize("optimizer_state", ["restore", "reset"])
def test_livelock_repeats_and_warns_once(beats, model, optimizer_state):
    trainer = BatchedTrainer(model, **{**LIVELOCK, "optimizer_state": optimizer_state})
    with pytest.warns(RuntimeWarning, match='Set reshuffle=True, optimizer_state="keep", or lr_factor') as caught:
        history = benchmark(trainer, *beats, epochs=40).history
    assert len(caught) == 1
    # with "reset", the moments are the same from the second restore on
    first = history.restored_epochs[optimizer_state == "reset"]
    assert len({(r.train_loss, r.validation_loss, r.restored) for r in history[first - 1 :]}) == 1


@pytest.mark.parametrize("remedy", [{"reshuffle": True}, {"optimizer_state": "keep"}, {"lr_factor": 0.9}], ids=str)
def test_each_remedy_prevents_livelock(beats, model, remedy):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = benchmark(BatchedTrainer(model, **{**LIVELOCK, **remedy}), *beats, epochs=40).history
    restored = [row.validation_loss for row in history if row.restored]
    assert len(restored) >= 2
    assert len(set(restored)) == len(restored)


def test_non_finite_loss_restores_and_training_recovers(beats, model):
    trainer = BatchedTrainer(model, batch_size=8, learning_rate=0.01, loss="mse", patience=5)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    best = copy_state(model)
    trainer.learning_rate = 1e30
    trainer.doEpoch(model)
    row = trainer.history[-1]
    assert not torch.tensor(row.validation_loss).isfinite()
    assert row.restored
    assert "optimizer state reset" in row.reason
    assert same(copy_state(model), best)
    trainer.learning_rate = 0.01
    trainer.doEpoch(model)
    assert torch.tensor(trainer.history[-1].validation_loss).isfinite()


def test_livelock_of_non_finite_losses_warns(beats, model):
    trainer = BatchedTrainer(model, batch_size=8, learning_rate=0.01, loss="mse", reshuffle=False)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    trainer.learning_rate = 1e30
    trainer.doEpoch(model)
    with pytest.warns(RuntimeWarning, match="Set reshuffle=True"):
        trainer.doEpoch(model)


def test_non_finite_first_loss_raises_and_undoes_epoch(beats, model):
    trainer = BatchedTrainer(model, batch_size=8, learning_rate=1e30, loss="mse")
    trainer.setDataSets(*beats)
    before = copy_state(model)
    with pytest.raises(FloatingPointError, match="Lower learning_rate"):
        trainer.doEpoch(model)
    assert same(copy_state(model), before)
    assert len(trainer.history) == 0
    trainer.learning_rate = 0.01
    trainer.doEpoch(model)
    assert torch.tensor(trainer.history[-1].validation_loss).isfinite()


@pytest.mark.parametrize("restore", ["every epoch", "at the end"])
def test_interrupt_in_last_copy_keeps_best_weights_and_can_resume(beats, model, restore, monkeypatch):
    settings = {"restore": restore, **WILD}
    uninterrupted = benchmark(BatchedTrainer(copy.deepcopy(model), **settings), *beats, epochs=6).history
    trainer, copies = BatchedTrainer(model, **settings), []

    def interrupted(model):
        # only the first copy that is made when the run ends
        if len(trainer.history) == 4 and trainer._stage == "in training" and not trainer.running and not copies:
            copies.append(model)
            raise KeyboardInterrupt
        return copy_state(model)

    monkeypatch.setattr("trainers.restoring_trainer.copy_state", interrupted)
    result = benchmark(trainer, *beats, epochs=4)
    assert copies
    loss = mean_loss(result.model, beats[1].sequences, beats[1].sequences, trainer.loss)
    assert loss == pytest.approx(result.history.best.validation_loss)
    assert benchmark(trainer, epochs=2, resume=True).history == uninterrupted


def test_resume_does_not_change_stored_end_of_run(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    benchmark(trainer, *beats, epochs=3)
    before = copy.deepcopy(trainer._last["optimizers"][0])
    trainer.resume()
    trainer.doEpoch(trainer.model)
    for number, state in before["state"].items():
        for name, value in state.items():
            assert torch.equal(trainer._last["optimizers"][0]["state"][number][name], value)


def test_too_large_batch_leaves_lazy_layers_uninitialized(beats):
    lazy = nn.Sequential(nn.LazyLinear(4), nn.LazyLinear(1))
    trainer = BatchedTrainer(lazy, batch_size=10_000)
    with pytest.raises(ValueError, match=r"batch_size of .* must be at most"):
        trainer.setDataSets(*beats)
    assert isinstance(lazy[0], nn.LazyLinear)


def test_invalid_other_setting_does_not_prevent_change(beats, model):
    trainer = BatchedTrainer(model, batch_size=8)
    trainer.setDataSets(*beats)
    trainer.batch_size = 10_000
    assert trainer.queue("learning_rate", 0.2) == 0.2


def test_undone_epoch_restores_modes_of_modules(beats, model):
    trainer = BatchedTrainer(model, batch_size=8)
    trainer.setDataSets(*beats)
    model.eval()
    stops = iter([None, StopTraining()])

    def between_batches():
        if error := next(stops):
            raise error

    trainer.between_batches = between_batches
    with pytest.raises(StopTraining):
        trainer.doEpoch(model)
    assert not any(part.training for part in model.modules())
