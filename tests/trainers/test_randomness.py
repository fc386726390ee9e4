"""Seeds of the kit; the user's random state is unchanged."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from trainers.torch_utils import derived_seed, own_randomness


def test_own_randomness_is_reproducible_and_restores_state():
    state = torch.get_rng_state()
    with own_randomness(5):
        one = torch.rand(4)
    with own_randomness(5):
        other = torch.rand(4)
    assert torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_state_is_restored_after_error():
    state = torch.get_rng_state()

    def fail():
        torch.rand(4)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"), own_randomness(5):
        fail()
    assert torch.equal(torch.get_rng_state(), state)


def test_derived_seeds_differ():
    seeds = {derived_seed(*numbers) for numbers in [(0,), (1,), (0, 1), (0, 2), (2, 1), (0, 1, 1)]}
    assert len(seeds) == 6


def cuda_with_two_cards(states):
    """Return a replacement for the random functions of torch.cuda, whose manual_seed seeds the current card."""
    current = [0]

    @contextmanager
    def device(wanted):
        before, current[0] = current[0], wanted.index
        yield
        current[0] = before

    return SimpleNamespace(
        device=device,
        get_rng_state=lambda card: states[card.index],
        set_rng_state=lambda state, card: states.__setitem__(card.index, state),
        manual_seed=lambda seed: states.__setitem__(current[0], f"seed {seed}"),
    )


def test_only_requested_card_is_seeded(monkeypatch):
    states = ["first card's", "second card's"]
    monkeypatch.setattr(torch, "cuda", cuda_with_two_cards(states))
    with own_randomness(5, torch.device("cuda", 1)):
        assert states == ["first card's", "seed 5"]
    assert states == ["first card's", "second card's"]
