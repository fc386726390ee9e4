"""A control for each hyperparameter, synchronised in both directions."""

from __future__ import annotations

import gc

import ipywidgets
import pytest

from trainers import BatchedTrainer, Block, Hyperparameter, LSTMAutoencoder, benchmark
from trainers.widgets import HyperparameterPanel

from ..test_batched_trainer import WILD
from ..test_model_checks import NoBfloat16


class Filter(Block):
    """A filter."""

    width = Hyperparameter(5, "steps <b>in</b> the window", minimum=1, maximum=99)
    passes = Hyperparameter(None, "how often", kind=int, minimum=1)
    decay = Hyperparameter(0.5, "weight of the past", above=0, below=1)
    centred = Hyperparameter(True, "whether it looks ahead")
    edge = Hyperparameter("reflect", "beyond the ends", choices=("reflect", "zero"))
    order = Hyperparameter(2, "fixed", minimum=1, read_only=True)


@pytest.fixture
def panel():
    return HyperparameterPanel(Filter())


def test_control_matches_kind_of_hyperparameter(panel):
    kinds = {name: type(control) for name, control in panel.controls.items()}
    assert kinds == {
        "width": ipywidgets.IntSlider,
        "passes": ipywidgets.Text,
        "decay": ipywidgets.Text,
        "centred": ipywidgets.Checkbox,
        "edge": ipywidgets.Dropdown,
        "order": ipywidgets.Text,
    }
    assert (panel.controls["width"].min, panel.controls["width"].max) == (1, 99)
    assert panel.controls["order"].disabled


@pytest.mark.parametrize(
    ("name", "entered", "value"),
    [
        ("width", 7, 7),
        ("passes", "3", 3),
        ("decay", " 2e-1 ", 0.2),
        ("centred", False, False),
        ("edge", "zero", "zero"),
    ],
)
def test_control_changes_block_and_reset_restores_default(panel, name, entered, value):
    default = getattr(panel.block, name)
    panel.controls[name].value = entered
    assert getattr(panel.block, name) == value
    assert panel.controls[name].description == "▸ " + name
    panel._resets[name].click()
    assert getattr(panel.block, name) == default
    assert panel.controls[name].description == name


@pytest.mark.parametrize(
    ("name", "entered", "message"),
    [
        ("decay", "1.5", "above 0 and below 1, got 1.5"),
        ("decay", "much", "got &#x27;much&#x27;"),
        ("passes", "0", "at least 1"),
        ("passes", "2.5", "an integer"),
    ],
)
def test_invalid_value_shows_message_and_changes_nothing(panel, name, entered, message):
    before = getattr(panel.block, name)
    panel.controls[name].value = entered
    assert message in panel.messages[name].value
    assert getattr(panel.block, name) == before
    assert panel.controls[name].value == entered, "the text stays, to be corrected"
    assert not panel._resets[name].disabled
    panel._resets[name].click()
    assert getattr(panel.block, name) == panel.block.declared()[name].default
    assert panel.messages[name].value == ""


def test_empty_text_sets_optional_to_none(panel):
    panel.controls["passes"].value = "4"
    panel.controls["passes"].value = ""
    assert panel.block.passes is None


def test_assignment_updates_control(panel):
    panel.block.width = 11
    panel.block.edge = "zero"
    panel.block.passes = 2
    assert [panel.controls[name].value for name in ("width", "edge", "passes")] == [11, "zero", "2"]


def test_panel_works_without_a_variable():
    block = Filter()
    control = HyperparameterPanel(block).controls["width"]
    gc.collect()
    control.value = 8
    assert block.width == 8
    block.width = 9
    assert control.value == 9


def test_change_during_run_is_applied_in_next_epoch_and_noted(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    panel = HyperparameterPanel(trainer)
    seen = []

    def change(row, state):
        if row.epoch == 2:
            panel.controls["learning_rate"].value = "0.05"
            panel.controls["batch_size"].value = "99"
            seen.extend(
                [trainer.learning_rate, panel.messages["learning_rate"].value, panel.messages["batch_size"].value]
            )

    history = benchmark(trainer, *beats, epochs=4, callbacks=[change]).history
    assert seen[0] == 0.2
    assert "applied from the next epoch on" in seen[1]
    assert "must be at most" in seen[2]
    assert [row.learning_rate for row in history] == [0.2, 0.2, 0.05, 0.05]
    assert [row.note for row in history] == ["", "", "learning_rate 0.2 → 0.05", ""]
    assert panel.messages["learning_rate"].value == ""


def test_change_queued_in_last_epoch_is_applied_at_end_of_run(beats, model):
    trainer = BatchedTrainer(model, **WILD)
    queue = lambda row, state: row.epoch == 2 and trainer.queue("patience", 3)  # noqa: E731
    benchmark(trainer, *beats, epochs=2, callbacks=[queue])
    assert trainer.patience == 3


def test_texts_of_block_are_escaped(panel):
    help_text = panel.box.children[1].children[0].children[2].value
    assert "&lt;b&gt;in&lt;/b&gt;" in help_text


def test_other_object_than_block_raises():
    with pytest.raises(TypeError, match=r"block must be a Block, .*got dict"):
        HyperparameterPanel({"width": 3})


def test_model_is_shown_read_only():
    panel = HyperparameterPanel(LSTMAutoencoder(hidden_size=8))
    assert all(control.disabled for control in panel.controls.values())


class Amplified(LSTMAutoencoder):
    """Has a hyperparameter that can be changed during training."""

    gain = Hyperparameter(1.0, "factor of the output", above=0)

    def forward(self, x):
        return self.gain * super().forward(x)


def test_change_of_model_during_run_is_applied_in_next_epoch_and_noted(beats):
    model = Amplified(hidden_size=4)
    trainer, panel, seen = BatchedTrainer(model, **WILD), HyperparameterPanel(model), []

    def change(row, state):
        if row.epoch == 2:
            panel.controls["gain"].value = "0.25"
            seen.extend([model.gain, panel.messages["gain"].value])

    history = benchmark(trainer, *beats, epochs=4, callbacks=[change]).history
    assert seen[0] == 1.0
    assert "applied from the next epoch on" in seen[1]
    assert model.gain == 0.25
    assert [row.note for row in history] == ["", "", "Amplified: gain 1.0 → 0.25", ""]


def test_reset_replaces_invalid_text_by_default(panel):
    panel.controls["decay"].value = "much"
    panel._resets["decay"].click()
    assert panel.controls["decay"].value == str(panel.block.decay)
    assert panel._resets["decay"].disabled


def test_precision_that_processor_lacks_shows_message(beats):
    def choose(row, state):
        panel.controls["precision"].value = "bfloat16"

    panel = HyperparameterPanel(BatchedTrainer(NoBfloat16(1, 1)))
    benchmark(panel.block, *beats, epochs=2, callbacks=[choose])
    assert panel.block.precision == "float32"
    assert "precision must be" in panel.messages["precision"].value
