"""A control for each hyperparameter, synchronised in both directions."""

from __future__ import annotations

import gc
import math
import weakref

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
    mirrored = Hyperparameter(None, "whether it is applied twice", kind=bool)
    order = Hyperparameter(2, "fixed", minimum=1, read_only=True)


@pytest.fixture
def panel():
    return HyperparameterPanel(Filter())


def test_control_matches_kind_of_hyperparameter(panel):
    kinds = {name: type(control) for name, control in panel.controls.items()}
    assert kinds == {
        "width": ipywidgets.Text,
        "passes": ipywidgets.Text,
        "decay": ipywidgets.Text,
        "centred": ipywidgets.Checkbox,
        "edge": ipywidgets.Dropdown,
        "mirrored": ipywidgets.Dropdown,
        "order": ipywidgets.Text,
    }
    assert panel.controls["order"].disabled


def test_numbers_that_can_change_have_slider_over_useful_range(panel):
    sliders = {name: (type(one), round(one.min, 9), round(one.max, 9), one.step) for name, one in panel.sliders.items()}
    assert sliders == {
        "width": (ipywidgets.FloatSlider, 1, 99, 1),
        "passes": (ipywidgets.FloatLogSlider, 0, 2, 0.05),
        "decay": (ipywidgets.FloatLogSlider, round(math.log10(0.5) - 3, 9), -0.05, 0.05),
    }
    rate = HyperparameterPanel(BatchedTrainer(LSTMAutoencoder(hidden_size=2))).sliders["learning_rate"]
    assert (type(rate), rate.min, rate.max) == (ipywidgets.FloatLogSlider, -6, -1)


@pytest.mark.parametrize(
    ("name", "position", "value"),
    [("width", 7.0, 7), ("passes", 10**1.5, 32), ("passes", 10**0.25, 2), ("decay", 0.0123456, 0.012)],
)
def test_slider_changes_block_and_follows_it(panel, name, position, value):
    panel.sliders[name].value = position
    assert (getattr(panel.block, name), type(getattr(panel.block, name))) == (value, type(value))
    assert panel.controls[name].value == str(value)
    panel._resets[name].click()
    default = getattr(Filter(), name)
    assert panel.controls[name].value == str(default)
    assert default is None or panel.sliders[name].value == default


def test_typed_value_beyond_slider_extends_it_and_is_kept_exactly():
    panel = HyperparameterPanel(trainer := BatchedTrainer(LSTMAutoencoder(hidden_size=2)))
    typed = {"max_grad_norm": "7.00000001", "learning_rate": "1e-09", "patience": "3000", "warmup_epochs": "1.7e+308"}
    for name, text in typed.items():
        panel.controls[name].value = text
        assert str(getattr(trainer, name)) == panel.controls[name].value == text
        assert panel.sliders[name].value == pytest.approx(min(float(text), 1e300))
    panel.sliders["seed"].value = 20
    assert panel.sliders["seed"].max > 20, "a slider at its end can be moved further"


def test_rejected_position_of_slider_shows_message_and_moves_back(beats, model):
    trainer, seen = BatchedTrainer(model, **WILD), []
    panel = HyperparameterPanel(trainer)

    def change(row, state):
        panel.sliders["batch_size"].value = 990
        seen.append((panel.messages["batch_size"].value, panel.sliders["batch_size"].value))

    benchmark(trainer, *beats, epochs=1, callbacks=[change])
    assert "must be at most" in seen[0][0]
    assert seen[0][1] == trainer.batch_size


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize(
    ("default", "bounds"),
    [
        (None, {}),
        (None, {"above": 0}),
        (-5, {}),
        (5, {"minimum": 5}),
        (1, {"minimum": -2, "below": 2}),
        (1e300, {}),
        (1e300, {"above": 0}),
    ],
)
def test_slider_of_any_range_sets_valid_value(kind, default, bounds):
    declared = Hyperparameter(None if default is None else kind(default), "a number", kind=kind, **bounds)
    panel = HyperparameterPanel(type("Own", (Block,), {"number": declared})())
    slider = panel.sliders["number"]
    for position in (slider.max, slider.min):
        slider.value = position
        assert panel.messages["number"].value == ""
        assert panel.block.number == pytest.approx(slider.value, rel=0.05)


def test_slider_stays_within_limits_after_rounding():
    number = Hyperparameter(0.5, "a number", minimum=0.0123, maximum=0.987)
    panel = HyperparameterPanel(type("Own", (Block,), {"number": number})())
    for value in (0.0123, 0.987):
        panel.sliders["number"].value = value
        assert panel.messages["number"].value == ""
        assert panel.block.number == value


@pytest.mark.parametrize("value", [5, -5.0, 5.0])
def test_number_with_one_allowed_value_has_no_slider(value):
    fixed = Hyperparameter(value, "a number", minimum=value, maximum=value)
    assert not HyperparameterPanel(type("Own", (Block,), {"number": fixed})()).sliders


@pytest.mark.parametrize(
    ("name", "entered", "value"),
    [
        ("width", "7", 7),
        ("passes", "3", 3),
        ("decay", " 2e-1 ", 0.2),
        ("centred", False, False),
        ("edge", "zero", "zero"),
        ("mirrored", "False", False),
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
    assert [panel.controls[name].value for name in ("width", "edge", "passes")] == ["11", "zero", "2"]
    assert panel.sliders["width"].value == 11


def test_panel_works_without_a_variable():
    block = Filter()
    control = HyperparameterPanel(block).controls["width"]
    gc.collect()
    control.value = "8"
    assert block.width == 8
    block.width = 9
    assert control.value == "9"


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


def test_texts_of_block_are_not_html(panel):
    assert panel.messages["width"].description == "steps <b>in</b> the window."
    assert not panel.messages["width"].description_allow_html
    panel.controls["width"].value = "<b>"
    assert "<b>&" not in panel.messages["width"].value
    assert "&lt;b&gt;" in panel.messages["width"].value


def test_panel_is_box_that_other_boxes_hold(panel):
    assert panel.box is panel
    assert ipywidgets.Tab([ipywidgets.HBox([panel])]).children[0].children[0] is panel


def test_close_frees_block_and_all_widgets():
    before, block = set(ipywidgets.widgets.widget._instances), Filter()
    panel, reference = HyperparameterPanel(block), weakref.ref(block)
    assert len(set(ipywidgets.widgets.widget._instances) - before) < 50
    panel.close()
    panel.close()
    assert set(ipywidgets.widgets.widget._instances) == before
    assert repr(panel) == "<HyperparameterPanel, closed>"
    panel._ipython_display_()
    assert "HyperparameterPanel, closed" in panel.html()
    block.width = 9
    del block
    assert reference() is None


def test_close_frees_block_that_is_false():
    block = type("Empty", (Block,), {"__len__": lambda self: 0, "width": Hyperparameter(5, "a number")})()
    before = set(ipywidgets.widgets.widget._instances)
    HyperparameterPanel(block).close()
    assert set(ipywidgets.widgets.widget._instances) == before
    assert block._observers == ()


def test_second_panel_of_block_closes_first():
    block = Filter()
    first, second = HyperparameterPanel(block), HyperparameterPanel(block)
    assert first.comm is None
    second.controls["width"].value = "9"
    assert block.width == 9
    assert block._observers == (second._show,)
    assert HyperparameterPanel(Filter()).comm is not second.comm is not None


def test_hyperparameters_are_in_groups():
    tab = HyperparameterPanel(BatchedTrainer(LSTMAutoencoder(hidden_size=2))).children[1]
    assert tab.titles == ("learning", "restore", "batches", "more")
    names = [[part.description for part in grid.children if part.description] for grid in tab.children]
    assert [group[0] for group in names] == ["loss", "restore", "batch_size", "precision"]


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
