"""`HyperparameterPanel`: a control for each hyperparameter of a block."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import IPython.display
import ipywidgets

from data.markup import escaped
from trainers.block import Block, Hyperparameter
from trainers.trainer import running_trainer
from trainers.widgets.base import (
    Displayed,
    OwnChanges,
    answer_while_busy,
    close_all,
    kept_for_cell,
    larger_in_class,
)
from trainers.widgets.export import read_assets

# Titles of the tabs, and the hyperparameters in each; all others are in a last tab, "more".
_GROUPS = {
    "learning": ("loss", "learning_rate", "schedule", "schedule_epochs", "warmup_epochs", "max_grad_norm"),
    "restore": ("restore", "patience", "min_delta_ratio", "optimizer_state", "lr_factor", "stop_after"),
    "batches": ("batch_size", "steps_per_epoch", "accumulate_grad_batches", "reshuffle"),
    "architecture": ("n_features", "hidden_size", "latent_size", "n_layers", "bidirectional", "decoding"),
    "windows": ("window", "stride", "scaling", "centre", "max_missing"),
    "score": ("error", "smooth", "step_score", "combine"),
    "threshold": ("rule", "rate", "k"),
}
# Open panels by the id of their block: a block has at most one.
_panels: dict[int, HyperparameterPanel] = {}


class HyperparameterPanel(Displayed, ipywidgets.VBox):
    """Display controls that show and change the hyperparameters of a block in a notebook.

    Each hyperparameter has a text field, a menu or a checkbox, a description, and a button that resets it to the
    default. A number also has a slider, which is logarithmic if the number must be positive; if a value in the text
    field is beyond the slider's range, the range is extended. An invalid value is not applied; a message in place of
    the description says why. The panel is also updated when a hyperparameter is assigned in a cell. During a training
    run, a change to a hyperparameter of the trainer or its model is queued, applied at the start of the next epoch,
    and noted in that epoch's row.

    The panel is an `ipywidgets.VBox`, which can be placed in other boxes, for example beside a monitor:
    ``HBox([monitor, panel])``. A new panel of the same block closes the earlier one.

    Parameters
    ----------
    block : Block
        A trainer, a model or a custom block. Its read-only hyperparameters are shown but cannot be changed.

    Attributes
    ----------
    block : Block
        The block; `close` deletes this attribute.
    controls : dict of ipywidgets.Widget
        Text field, menu or checkbox of each hyperparameter, by name.
    sliders : dict of ipywidgets.Widget
        Slider of each number that can be changed, by name.

    Raises
    ------
    TypeError
        If `block` is not a Block.

    Examples
    --------
    >>> from trainers import BatchedTrainer, LSTMAutoencoder
    >>> trainer = BatchedTrainer(LSTMAutoencoder(), learning_rate=0.01)
    >>> panel = HyperparameterPanel(trainer)
    >>> panel.controls["learning_rate"].value
    '0.01'
    >>> panel.controls["learning_rate"].value = "0.002"
    >>> trainer.learning_rate
    0.002
    """

    def __init__(self, block: Block) -> None:
        if not isinstance(block, Block):
            raise TypeError(f"block must be a Block, such as a trainer or a model, got {type(block).__name__}.")
        if earlier := _panels.get(id(block)):
            earlier.close()
        self.block = block
        self.controls: dict[str, Any] = {}
        self.sliders: dict[str, Any] = {}
        self.messages: dict[str, ipywidgets.HTML] = {}
        self._resets: dict[str, ipywidgets.Button] = {}
        self._own = OwnChanges()
        # Layouts and styles are widgets as well: the parts share one layout, and parts of one kind share their style.
        self._styles: dict[type, dict[str, Any]] = {}
        self._layout_of_parts = ipywidgets.Layout()
        titles = {name: title for title, names in _GROUPS.items() for name in names}
        groups: dict[str, list[Any]] = {}
        for name in sorted(block.declared(), key=[*titles, *block.declared()].index):
            groups.setdefault(titles.get(name, "more"), []).extend(self._row(name, block.declared()[name]))
        grids = [self._part(ipywidgets.GridBox, children=row).add_class("kit-knobs") for row in groups.values()]
        style = read_assets(("larger.css", "hyperparameter_panel.css"), ".css")
        title = self._part(ipywidgets.HTML, value=f"<style>{style}</style><b>{escaped(block.name)}</b>")
        if len(grids) > 1:
            grids = [self._part(ipywidgets.Tab, children=grids, titles=tuple(groups), selected_index=0)]
        super().__init__([title, *grids])
        self.add_class("kit-panel").add_class("kit-live")
        for name in block.declared():
            self._show(name, getattr(block, name))
        answer_while_busy(self)
        larger_in_class(self)
        kept_for_cell(self)
        _panels[id(block)] = self
        block.observe(self._show)

    @property
    def box(self) -> HyperparameterPanel:
        """The panel itself, which is a box of widgets."""
        return self

    def close(self) -> None:
        """Remove the panel from the page, and free its block and all its widgets."""
        super().close()
        if (block := self.__dict__.pop("block", None)) is not None:
            close_all(*self.children, self.layout)
            block.unobserve(self._show)
            del _panels[id(block)]

    def _part(self, kind: Any, **traits: Any) -> Any:
        part = kind(layout=self._layout_of_parts, **self._styles.get(kind, {}), **traits)
        self._styles[kind] = {"style": part.style} if hasattr(part, "style") else {}
        return part

    def _row(self, name: str, declared: Hyperparameter) -> list[Any]:
        """Return the control of a hyperparameter, its slider if it has one, its reset button and its description."""
        kind, traits = _control(declared)
        self.controls[name] = control = self._part(kind, description=name, disabled=declared.read_only, **traits)
        control.tooltip = f"{declared.description}; must be {declared.requirement}"
        control.observe(partial(self._entered, name), "value")
        row = [control]
        if found := _slider(declared):
            kind, traits = found
            self.sliders[name] = slider = self._part(kind, tooltip=name, continuous_update=False, **traits)
            slider.observe(partial(self._moved, name), "value")
            row.append(slider)
        reset = self._part(ipywidgets.Button, icon="undo", tooltip=f"reset {name} to {declared.default!r}")
        reset.on_click(lambda _: self._set(name, declared.default))
        self._resets[name] = reset
        # The description is the label of the message, because a label is plain text: that of a block may have markup.
        text = declared.description + "." + " Read-only after construction." * declared.read_only
        self.messages[name] = message = self._part(ipywidgets.HTML, description=text, tooltip=control.tooltip)
        return [*row, reset, message.add_class("kit-message")]

    def _entered(self, name: str, change: dict[str, Any]) -> None:
        if not self._own:
            self._set(name, _value(self.block.declared()[name], change["new"]))

    def _moved(self, name: str, change: dict[str, Any]) -> None:
        if not self._own:
            # Two digits on a logarithmic scale, and 0.3 instead of 0.30000000000000004 on a linear one.
            digits = 2 if isinstance(change["owner"], ipywidgets.FloatLogSlider) else 6
            declared, value = self.block.declared()[name], float(f"{change['new']:.{digits}g}")
            low, high = _limits(declared, False)
            self._set(name, declared.kind(min(max(round(value) if declared.kind is int else value, low), high)))

    def _set(self, name: str, value: Any) -> None:
        """Set a hyperparameter, or show why the value is invalid."""
        trainer = running_trainer(self.block)
        try:
            if trainer is not None:
                value = trainer.queue(name, value, self.block)
            else:
                setattr(self.block, name, value)
                value = getattr(self.block, name)
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            self._show_message(name, f"⚠ {error}")
            self._show_in_slider(name, getattr(self.block, name))
            # Let the user reset an invalid text.
            self._resets[name].disabled = False
        else:
            self._show(name, value, "" if getattr(self.block, name) == value else "applied from the next epoch on")

    def _show(self, name: str, value: Any, text: str = "") -> None:
        """Show a value in its control, mark it if it is not the default, and show a text beside it."""
        self._show_message(name, text)
        control, declared = self.controls[name], self.block.declared()[name]
        with self._own:
            control.value = value if isinstance(control, ipywidgets.Checkbox) else str(value)
        self._show_in_slider(name, value)
        changed = value != declared.default
        control.description = "▸ " * changed + name
        self._resets[name].disabled = declared.read_only or not changed

    def _show_in_slider(self, name: str, value: Any) -> None:
        """Move the slider to a value, and extend its range if the value is outside of the range or at its end."""
        slider = self.sliders.get(name)
        if slider is None or value is None:
            return
        logarithmic = isinstance(slider, ipywidgets.FloatLogSlider)
        lowest, highest = _limits(self.block.declared()[name], logarithmic)
        at, reach = (math.log10(value), 1) if logarithmic else (value, slider.max - slider.min)
        with self._own, slider.hold_sync():
            if at >= slider.max:
                slider.max = max(slider.max, min(at + reach, highest))
            if at <= slider.min:
                slider.min = min(slider.min, max(at - reach, lowest))
            slider.value = value

    def _show_message(self, name: str, text: str) -> None:
        self.messages[name].value = f'<b role="status">{escaped(text)}</b>' if text else ""

    def html(self, key: str = "panel") -> str:
        """Return the hyperparameters as an HTML table to embed in a page; they cannot be changed there.

        Parameters
        ----------
        key : str, default "panel"
            Id of the table; it must be unique for each widget in the page.

        Returns
        -------
        str
            HTML without head and body.
        """
        table = self.block._repr_html_() if hasattr(self, "block") else escaped(repr(self))
        return f'<div id="{escaped(key)}">{table}</div>'

    def _picture(self) -> IPython.display.HTML | None:
        if not hasattr(self, "block"):
            return None
        table = f"<details><summary>as a table</summary>{self.block._repr_html_()}</details>"
        return IPython.display.HTML(table)

    def __repr__(self) -> str:
        return f"<HyperparameterPanel{f' of {self.block.name}' if hasattr(self, 'block') else ', closed'}>"


# Text for None, where None is allowed.
_NONE = "None"
# With more steps than this, an integer slider is too coarse.
_MAX_STEPS = 1000
# Larger numbers can only be typed: a float ends at 1.8e308, also in JavaScript.
_LARGEST = 1e300


def _control(declared: Hyperparameter) -> tuple[Any, dict[str, Any]]:
    """Return the kind of the control and its traits."""
    if declared.kind is bool and not declared.optional:
        return ipywidgets.Checkbox, {"indent": True}
    if declared.choices or declared.kind is bool:
        options = [*(declared.choices or ("True", "False")), *[_NONE] * declared.optional]
        return ipywidgets.Dropdown, {"options": options}
    # A number field would silently change texts such as "1e-3", "None" or invalid ones; a text field does not.
    return ipywidgets.Text, {"continuous_update": False}


def _limits(declared: Hyperparameter, logarithmic: bool) -> tuple[float, float]:
    """Return the lowest and highest position of a slider: values, or their decimal logarithms."""
    # An integer above 0 is at least 1.
    one = int(declared.kind is int)
    lows = [b + more for b, more in ((declared.minimum, 0), (declared.above, one)) if b is not None]
    highs = [b - more for b, more in ((declared.maximum, 0), (declared.below, one)) if b is not None]
    low, high = max([-_LARGEST, *lows]), min([_LARGEST, *highs])
    return (math.log10(max(low, 1 / _LARGEST)), math.log10(high)) if logarithmic else (low, high)


def _slider(declared: Hyperparameter) -> tuple[Any, dict[str, Any]] | None:
    """Return the kind of the slider of a number and its traits, or None if the hyperparameter has none."""
    if declared.kind not in (int, float) or declared.read_only:
        return None
    low, high = _limits(declared, False)
    few = declared.kind is int and high - low <= _MAX_STEPS
    if logarithmic := not few and (low > 0 or declared.above == 0):
        # Three decades below the default, two above.
        at = math.log10(declared.default or max(low, 1))
        low, high = _limits(declared, True)
        start, stop, step = max(at - 3, low), min(at + 2, high), 0.05
    else:
        at = declared.default or 0
        reach = 10 * abs(at) or (20 if declared.kind is int else 1)
        start, stop = (low, high) if high - low <= _MAX_STEPS else (max(at - reach, low), min(at + reach, high))
        step = 1 if declared.kind is int else 10.0 ** (math.floor(math.log10(stop - start or 1)) - 2)
    if declared.kind is float:
        start += step * (declared.above is not None and start == low)
        stop -= step * (declared.below is not None and stop == high)
    kind = ipywidgets.FloatLogSlider if logarithmic else ipywidgets.FloatSlider
    # With two digits or all; shown while the slider is dragged.
    shown = ".2r" if logarithmic else ""
    return (kind, {"min": start, "max": stop, "step": step, "readout_format": shown}) if start < stop else None


def _value(declared: Hyperparameter, entered: Any) -> Any:
    """Return the value entered in a control; a text that cannot be converted is returned as it is, to be rejected."""
    if not isinstance(entered, str):
        return entered
    text = entered.strip()
    if declared.optional and text in ("", _NONE):
        return None
    if declared.kind is bool:
        return {"True": True, "False": False}.get(text, text)
    try:
        return declared.kind(text)
    except ValueError:
        return entered
