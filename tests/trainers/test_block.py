"""`Block` and `Hyperparameter`."""

from __future__ import annotations

import copy
import json
import pickle
from abc import ABC, abstractmethod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trainers import BatchedTrainer, Block, Hyperparameter, LSTMAutoencoder


class Filter(Block):
    """A moving average."""

    width = Hyperparameter(5, "steps in the window", minimum=1, maximum=99)
    decay = Hyperparameter(0.5, "weight of the past", above=0, below=1)
    centred = Hyperparameter(True, "whether the window looks ahead")
    edge = Hyperparameter("reflect", "padding at the ends", choices=("reflect", "zero"))
    passes = Hyperparameter(None, "number of passes; None: until convergence", kind=int, minimum=1)


@pytest.fixture
def kind():
    class Local(Filter):
        pass

    return Local


def test_assignment_to_class_after_its_body_raises(kind):
    kind.width = 9
    with pytest.raises(TypeError, match="width must be set in the class body only, got 9"):
        kind()
    assert Filter().width == 5


@pytest.mark.parametrize("name", [5, "", None])
def test_assigned_name_that_is_no_string_raises(name):
    block = Filter()
    with pytest.raises(TypeError, match="name must be a non-empty string, got"):
        block.name = name
    assert block.name == "Filter"


DEFAULTS = {"width": 5, "decay": 0.5, "centred": True, "edge": "reflect", "passes": None}


def test_hyperparameters_are_in_order_and_json_serializable():
    block = Filter(width=np.int64(7), decay=np.float32(0.25), centred=np.bool_(False))
    assert list(block.hyperparameters) == list(DEFAULTS)
    assert json.loads(json.dumps(block.hyperparameters)) == {**DEFAULTS, "width": 7, "decay": 0.25, "centred": False}
    assert Filter().hyperparameters == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("width", 0, ValueError),
        ("width", 100, ValueError),
        ("width", 10**400, ValueError),
        ("width", 5.0, TypeError),
        ("width", True, TypeError),
        ("width", "5", TypeError),
        ("width", None, TypeError),
        ("decay", 0, ValueError),
        ("decay", 1.0, ValueError),
        ("decay", float("nan"), ValueError),
        ("decay", float("inf"), ValueError),
        ("decay", 10**400, ValueError),
        ("decay", False, TypeError),
        ("centred", 1, TypeError),
        ("edge", "mirror", ValueError),
        ("edge", 0, TypeError),
        ("passes", 0, ValueError),
        ("passes", "many", TypeError),
    ],
)
def test_invalid_value_raises_with_name_and_requirement(name, value, error):
    with pytest.raises(error, match=rf"Filter\.{name} must be .*, got"):
        Filter(**{name: value})
    block = Filter(width=9)
    before = block.hyperparameters
    with pytest.raises(error, match=rf"Filter\.{name} must be"):
        setattr(block, name, value)
    assert block.hyperparameters == before


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(), st.none(), st.binary(), st.lists(st.integers())))
def test_any_value_is_stored_or_raises_with_name(value):
    for name in DEFAULTS:
        block = Filter()
        try:
            setattr(block, name, value)
        except (TypeError, ValueError) as error:
            assert f"Filter.{name} must be" in str(error)  # noqa: PT017 - either outcome is allowed
            assert block.hyperparameters == DEFAULTS
        else:
            stored = getattr(block, name)
            assert stored == value
            assert type(stored) is type(DEFAULTS[name]) or name == "passes"
            json.dumps(stored, allow_nan=False)


def test_unknown_name_raises_with_closest_name():
    with pytest.raises(TypeError, match=r"no hyperparameter 'widht'\. Did you mean 'width'\?"):
        Filter(widht=3)
    block = Filter()
    with pytest.raises(AttributeError, match=r"no hyperparameter or attribute 'widht'\. Did you mean 'width'\?"):
        block.widht = 3
    with pytest.raises(AttributeError, match="Its hyperparameters are: width, decay"):
        block.size = 3
    block._own = 3


def test_subclasses_inherit_override_and_add():
    class Wide(Filter):
        width = 51
        gain = Hyperparameter(1.0, "factor")

    assert Wide().hyperparameters == {**DEFAULTS, "width": 51, "gain": 1.0}
    assert Filter().width == 5
    with pytest.raises(ValueError, match=r"Wide\.width must be"):
        Wide(width=100)
    with pytest.raises(ValueError, match=r"Narrow\.width must be"):
        type("Narrow", (Filter,), {"width": 0})


def test_hyperparameter_with_name_of_method_raises():
    for base, name in ((Block, "hyperparameters"), (Block, "name"), (BatchedTrainer, "doEpoch")):
        with pytest.raises(TypeError, match=f"got {name!r}"):
            type("Clash", (base,), {name: Hyperparameter(1, "clash")})


def test_block_works_with_abc_and_modules():
    class Abstract(Block, ABC):
        @abstractmethod
        def act(self): ...

    with pytest.raises(TypeError, match="abstract"):
        Abstract()

    class Layer(Block, nn.Module):
        dropout = Hyperparameter(0.1, "share", minimum=0, below=1)

        def __init__(self, **hyperparameters):
            super().__init__(**hyperparameters)
            self.dropout = nn.Dropout(0.5)

    with pytest.raises(TypeError, match=r"Layer\.dropout must be a number"):
        Layer()


def test_read_only_hyperparameter_raises():
    model = LSTMAutoencoder(hidden_size=4)
    with pytest.raises(AttributeError, match=r"hidden_size must stay 4 because it is read-only, got 8"):
        model.hidden_size = 8
    assert model.hidden_size == 4


@pytest.mark.parametrize("again", [copy.deepcopy, lambda block: pickle.loads(pickle.dumps(block))])
def test_copies_keep_values_and_checks(again):
    for block in (Filter(width=7), LSTMAutoencoder(hidden_size=4)):
        other = again(block)
        assert other.hyperparameters == block.hyperparameters
        with pytest.raises(AttributeError, match="no hyperparameter"):
            other.sise = 3


def test_html_marks_changed_values():
    table = Filter(width=7, name="smooth <er>")._repr_html_()
    assert "smooth &lt;er&gt;" in table
    assert table.count("&#9656;") == 1
    assert "&#9656; 7" in table
    for h in Filter._declared.values():
        assert h.description in table
    assert repr(Filter(width=7)) == "Filter(width=7)"


def test_docstring_and_signature_have_hyperparameters():
    assert "width : an integer of at least 1 and at most 99, default 5\n    steps in the window" in Filter.__doc__
    import inspect

    signature = inspect.signature(BatchedTrainer)
    assert list(signature.parameters)[:2] == ["model", "device"]
    assert signature.parameters["batch_size"].default == 10
    assert "hyperparameters" not in signature.parameters


def test_block_with_own_equality_can_be_observed():
    class Twin(Block):
        size = Hyperparameter(1, "size")

        def __eq__(self, other):
            return isinstance(other, Twin)

    one, other, seen = Twin(size=2), Twin(), []
    one.observe(lambda name, value: seen.append(value))
    other.size, one.size = 3, 4
    assert seen == [4]


class Own(Block):
    """A block with a custom `__getstate__`."""

    size = Hyperparameter(1, "size")

    def __getstate__(self):
        return self.__dict__


@pytest.mark.parametrize("again", [copy.deepcopy, lambda block: pickle.loads(pickle.dumps(block))])
def test_copy_has_no_observers(again):
    seen, block = [], Own()
    block.observe(lambda name, value: seen.append(value))
    again(block).size = 2
    assert seen == []
    block.size = 3
    assert seen == [3]
