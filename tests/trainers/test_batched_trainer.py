"""History restore, and that training does just what its settings say, compared by weights."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import l1_loss

from trainers import BatchedTrainer, LSTMAutoencoder, Run, StopTraining, benchmark
from trainers.losses import mean_loss
from trainers.torch_utils import copy_state

from .contract import same

# A rate so high that some epochs come out worse than the best.
WILD = {"batch_size": 8, "learning_rate": 0.2, "max_grad_norm": None}


def follow(trainer, beats, enough):
    """Train until `enough` has been seen; each epoch's row, the state it reached, and that after any swap."""
    steps = []
    for row in Run(trainer, *beats, epochs=80, callbacks=[lambda row, state: steps.append([row, state])]):
        steps[row.epoch - 1].append(copy_state(trainer.model))
        if row.epoch > 4 and enough(trainer.history):
            return steps
    raise AssertionError(f"what the test is about never happened: {trainer.history}")


def two_swaps(history):
    """Two swaps, and a new best after one of them."""
    return len(history.restored_epochs) >= 2 and history.best.epoch > history.restored_epochs[0]


def test_after_every_worse_epoch_the_weights_are_those_of_the_best(beats, model):
    steps = follow(BatchedTrainer(model, **WILD), beats, two_swaps)
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


def test_the_row_keeps_the_loss_that_made_it_fire(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    for row, _, _ in follow(trainer, beats, two_swaps):
        if row.restored:
            assert row.validation_loss > row.best_loss
            assert f"worse than {row.best_loss:.6g} of epoch {row.best_epoch}; best weights restored" in row.reason


@pytest.mark.parametrize("restore", ["every epoch", "at the end", "off"])
def test_finalizing_leaves_the_best_weights_unless_history_is_off(beats, model, restore):
    trainer = BatchedTrainer(model, restore=restore, **WILD)
    steps = follow(trainer, beats, lambda history: history.best.epoch < len(history))
    best = trainer.history.best.epoch
    assert any(row.restored for row, _, _ in steps) == (restore == "every epoch")
    expected = steps[-1][1] if restore == "off" else steps[best - 1][1]
    assert same(copy_state(trainer.model), expected)


def test_equals_an_independent_loop_with_history(beats):
    """The specification, written down once more as plainly as possible."""
    ours, theirs = (LSTMAutoencoder(hidden_size=6) for _ in range(2))
    trainer = BatchedTrainer(ours, **WILD)
    epochs = len(follow(trainer, beats, two_swaps))

    optimizer, best, best_loss, fired = torch.optim.Adam(theirs.parameters(), 0.2), None, float("inf"), []
    for epoch in range(1, epochs + 1):
        theirs.train()
        for batch in trainer._batches(40, epoch):
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
            fired.append(epoch)
    theirs.load_state_dict(best)
    assert trainer.history.restored_epochs == fired
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
def test_behaves_as_the_older_trainers(beats, settings):
    ours, theirs = (LSTMAutoencoder(hidden_size=6) for _ in range(2))
    trainer = BatchedTrainer(ours, **settings)
    restored = benchmark(trainer, *beats, epochs=6).history.restored_epochs
    optimizer, best, lowest, fired = torch.optim.Adam(theirs.parameters(), trainer.learning_rate), None, None, []
    for epoch in range(1, 7):
        for batch in trainer._batches(40, epoch):
            optimizer.zero_grad()
            l1_loss(theirs(beats[0].sequences[batch]), beats[0].sequences[batch]).backward()
            optimizer.step()
        loss = mean_loss(theirs, beats[1].sequences, beats[1].sequences)
        if lowest is None or loss < lowest:
            best, lowest = copy.deepcopy(theirs.state_dict()), loss
        elif loss > lowest and trainer.restore == "every epoch":
            theirs.load_state_dict(best)
            fired.append(epoch)
    if trainer.restore == "every epoch":
        theirs.load_state_dict(best)
        assert fired, "the case is about restore"
    assert restored == fired
    assert same(copy_state(ours), copy_state(theirs))


class WithBuffers(nn.Module):
    """Counts its training steps in a buffer that is saved and in one that is not."""

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


def test_buffers_go_back_too_even_those_outside_the_state_dict(beats):
    model = WithBuffers()
    trainer = BatchedTrainer(model, **WILD)
    steps = follow(trainer, beats, two_swaps)
    for row, _, after in steps:
        assert after["steps"] == after["hidden_steps"]
        if row.restored:
            assert torch.equal(after["hidden_steps"], steps[row.best_epoch - 1][1]["hidden_steps"])


def test_patience_lets_worse_epochs_pass(beats, model):
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


def test_tolerance_lets_small_rises_pass(beats, model):
    trainer = BatchedTrainer(model, min_delta_ratio=0.01, **WILD)

    def rise(row):
        return row.validation_loss / row.best_loss - 1

    def small_and_large(history):
        return any(0 < rise(row) < 0.01 for row in history) and any(rise(row) > 0.01 for row in history)

    for row, reached, after in follow(trainer, beats, small_and_large):
        assert row.restored == (rise(row) > 0.01)
        assert same(after, reached) != row.restored


@pytest.mark.parametrize("optimizer_state", ["keep", "restore", "reset"])
def test_moments_at_a_swap(beats, model, optimizer_state):
    trainer = BatchedTrainer(model, optimizer_state=optimizer_state, **WILD)
    trainer.setDataSets(*beats)
    best = None
    first = next(model.parameters())
    while not two_swaps(trainer.history) and len(trainer.history) < 80:
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


def test_learning_rate_is_cut_at_each_swap(beats, model):
    trainer = BatchedTrainer(model, lr_factor=0.5, **WILD)
    rate = 0.2
    for row, _, _ in follow(trainer, beats, two_swaps):
        assert row.learning_rate == pytest.approx(rate)
        rate *= 0.5 if row.restored else 1


LIVELOCK = {"optimizer_state": "restore", "reshuffle": False, **WILD}


@pytest.mark.parametrize("optimizer_state", ["restore", "reset"])
def test_livelock_repeats_for_ever_and_is_warned_of_once(beats, model, optimizer_state):
    trainer = BatchedTrainer(model, **{**LIVELOCK, "optimizer_state": optimizer_state})
    with pytest.warns(RuntimeWarning, match="Three ways out") as caught:
        history = benchmark(trainer, *beats, epochs=40).history
    assert len(caught) == 1
    # Fresh moments are the same moments from the second swap on.
    first = history.restored_epochs[optimizer_state == "reset"]
    assert len({(r.train_loss, r.validation_loss, r.restored) for r in history[first - 1 :]}) == 1


@pytest.mark.parametrize("way_out", [{"reshuffle": True}, {"optimizer_state": "keep"}, {"lr_factor": 0.9}], ids=str)
def test_each_way_out_of_the_livelock(beats, model, way_out):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = benchmark(BatchedTrainer(model, **{**LIVELOCK, **way_out}), *beats, epochs=40).history
    restored = [row.validation_loss for row in history if row.restored]
    assert len(restored) >= 2
    assert len(set(restored)) == len(restored)


def test_a_loss_that_is_not_finite_goes_back_and_does_not_come_again(beats, model):
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


def test_a_livelock_of_losses_that_are_not_finite_is_warned_of_too(beats, model):
    trainer = BatchedTrainer(model, batch_size=8, learning_rate=0.01, loss="mse", reshuffle=False)
    trainer.setDataSets(*beats)
    trainer.doEpoch(model)
    trainer.learning_rate = 1e30
    trainer.doEpoch(model)
    with pytest.warns(RuntimeWarning, match="Three ways out"):
        trainer.doEpoch(model)


def test_a_loss_that_is_not_finite_before_any_best_is_an_error_that_costs_nothing(beats, model):
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
def test_an_interrupt_in_the_last_copy_loses_neither_best_weights_nor_the_way_on(beats, model, restore, monkeypatch):
    settings = {"restore": restore, **WILD}
    whole = benchmark(BatchedTrainer(copy.deepcopy(model), **settings), *beats, epochs=6).history
    trainer, copies = BatchedTrainer(model, **settings), []

    def interrupted(tried):
        # Only the copy that is made when the run ends, the first time.
        if len(trainer.history) == 4 and trainer._stage == "training" and not trainer.running and not copies:
            copies.append(tried)
            raise KeyboardInterrupt
        return copy_state(tried)

    monkeypatch.setattr("trainers.batched_trainer.copy_state", interrupted)
    result = benchmark(trainer, *beats, epochs=4)
    assert copies
    loss = mean_loss(result.model, beats[1].sequences, beats[1].sequences, trainer.loss)
    assert loss == pytest.approx(result.history.best.validation_loss)
    assert benchmark(trainer, epochs=2, resume=True).history == whole


def test_resume_leaves_the_stored_end_of_the_run_alone(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    benchmark(trainer, *beats, epochs=3)
    before = copy.deepcopy(trainer._last["optimizer"])
    trainer.resume()
    trainer.doEpoch(trainer.model)
    for number, state in before["state"].items():
        for name, value in state.items():
            assert torch.equal(trainer._last["optimizer"]["state"][number][name], value)


def test_a_batch_that_is_too_large_leaves_lazy_layers_unbuilt(beats):
    lazy = nn.Sequential(nn.LazyLinear(4), nn.LazyLinear(1))
    trainer = BatchedTrainer(lazy, batch_size=10_000)
    with pytest.raises(ValueError, match=r"batch_size of .* must be at most"):
        trainer.setDataSets(*beats)
    assert isinstance(lazy[0], nn.LazyLinear)


def test_a_change_is_not_refused_for_what_another_setting_is(beats, model):
    trainer = BatchedTrainer(model, batch_size=8)
    trainer.setDataSets(*beats)
    trainer.batch_size = 10_000
    assert trainer.queue("learning_rate", 0.2) == 0.2


def test_an_undone_epoch_puts_the_modes_of_the_model_back(beats, model):
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
