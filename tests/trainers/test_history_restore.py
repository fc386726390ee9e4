"""The decision after an epoch, for any sequence of losses."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from trainers import History
from trainers.history_restore import HistoryRestore, repeated_epoch

LOSSES = st.lists(st.sampled_from([0.1, 0.2, 0.2001, 0.3, 1.0, math.nan, math.inf]), max_size=30)


def decide_all(losses, **settings):
    memory, decisions = HistoryRestore(), []
    for epoch, loss in enumerate(losses, 1):
        decision, reason = memory.decide(loss, **{"restores": True, "patience": 0, "min_delta_ratio": 0.0, **settings})
        decisions.append((decision, reason, memory.best_epoch))
        if decision == "best":
            memory.remember(epoch, loss, {}, {})
    return decisions


@given(LOSSES)
def test_every_epoch_is_best_equal_or_restored(losses):
    best = math.inf
    for loss, (decision, _, best_epoch) in zip(losses, decide_all(losses), strict=True):
        if not math.isfinite(loss):
            assert decision == ("restore" if best_epoch else "keep")
        elif loss < best:
            assert decision == "best"
            best = loss
        else:
            assert decision == ("keep" if loss == best else "restore")


@given(LOSSES, st.integers(0, 5))
def test_patience_counts_worse_epochs_since_last_best_or_restore(losses, patience):
    worse, best = 0, math.inf
    for loss, (decision, _, _) in zip(losses, decide_all(losses, patience=patience), strict=True):
        if loss < best:
            best, worse = loss, 0
            assert decision == "best"
        elif math.isfinite(loss):
            worse += loss > best
            assert decision == ("restore" if worse > patience else "keep")
            worse = 0 if decision == "restore" else worse
        elif decision == "restore":
            worse = 0


@given(LOSSES)
def test_without_restores_best_epoch_is_the_same(losses):
    off, on = decide_all(losses, restores=False), decide_all(losses)
    assert all(decision != "restore" for decision, _, _ in off)
    assert [best_epoch for _, _, best_epoch in off] == [best_epoch for _, _, best_epoch in on]


@given(LOSSES, st.sampled_from([0.0, 0.01, 0.6, 20.0]))
def test_min_delta_ratio_is_fraction_of_lowest_loss(losses, min_delta_ratio):
    best = math.inf
    for loss, (decision, _, _) in zip(losses, decide_all(losses, min_delta_ratio=min_delta_ratio), strict=True):
        if math.isfinite(loss) and loss >= best:
            assert decision == ("restore" if loss > best * (1 + min_delta_ratio) else "keep")
        best = min(best, loss) if math.isfinite(loss) else best


def test_reasons_are_texts_for_history():
    reasons = [reason for _, reason, _ in decide_all([0.2, 0.3, 0.2, math.nan])]
    assert reasons == [
        "lowest so far",
        "0.3000, worse than 0.2000 of epoch 1; best weights restored",
        "equal to epoch 1",
        "validation loss is nan; restored epoch 1, optimizer state reset",
    ]


def history_of(*rows):
    history = History()
    for train, validation, restored in rows:
        history.append(train_loss=train, validation_loss=validation, restored=restored)
    return history


def test_repeated_epoch_is_bit_identical():
    start = (0.5, 0.4, False)
    assert repeated_epoch(history_of(start, (0.4, 0.6, True), (0.4, 0.6, True))) == 2
    assert repeated_epoch(history_of(start, (0.4, 0.6, True), (0.4, math.nextafter(0.6, 1), True))) is None
    assert repeated_epoch(history_of(start, (0.4, 0.6, True), (0.3, 0.6, True))) is None
    # with patience, there are other epochs between the repeated ones
    assert repeated_epoch(history_of(start, (0.4, 0.6, True), (0.3, 0.5, False), (0.4, 0.6, True))) == 2
    assert repeated_epoch(history_of(start, (0.4, 0.6, True), (0.3, 0.3, False), (0.4, 0.6, True))) is None
