"""The examples of notebooks/scaling.md."""

from __future__ import annotations

import re

import pytest

from data import lazy
from data.lazy import LazyTensor

from tests.size import ROOT

PAGE = ROOT.joinpath("notebooks/scaling.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def space():
    """Run all blocks, as a reader does from top to bottom, with little memory."""
    found: dict[str, object] = {"__name__": "example"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazy, "LARGEST_IN_MEMORY", 20_000)
        for block in BLOCKS:
            exec(block, found)
    return found


def test_every_example_is_code():
    assert len(BLOCKS) + PAGE.count("```sh") == PAGE.count("```") // 2


@pytest.mark.parametrize("name", ["from_file", "from_series"])
def test_example_trains_on_data_beyond_memory(space, name):
    history = space[name].history
    assert len(history) == 2
    assert history.best.validation_loss < history[0].train_loss


def test_examples_stay_lazy(space):
    for name in ("data", "training", "windows", "pairs"):
        assert isinstance(space[name].sequences, LazyTensor)
    assert space["pairs"].targets.shape == (1000, 40, 1)
