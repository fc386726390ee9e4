"""The examples of notebooks/your_own_parts.md."""

from __future__ import annotations

import re

import pytest
import torch

from tests.size import ROOT

PAGE = ROOT.joinpath("notebooks/your_own_parts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def space():
    """Run all blocks, as a reader does from top to bottom."""
    found: dict[str, object] = {}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for block in BLOCKS:
            exec(block, found)
    return found


def test_every_example_is_code():
    assert len(BLOCKS) == PAGE.count("```") // 2


@pytest.mark.parametrize("name", ["convolutions", "vae", "decay", "adversarial", "forecast", "continued"])
def test_example_trains(space, name):
    history = space[name].history
    assert len(history) == {"convolutions": 3}.get(name, 2)
    assert history.best.validation_loss < history[0].train_loss


def test_overridden_methods_in_table_exist(space):
    for name in re.findall(r"`(\w+)` of a `(\w+)`", PAGE):
        assert hasattr(space[name[1]], name[0])
    assert hasattr(space["RestoringTrainer"], "configure_optimizer")
    assert hasattr(space["RestoringTrainer"], "validation_loss")
