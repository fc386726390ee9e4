"""`HyperparameterPanel`: a control for each hyperparameter of a block."""

from __future__ import annotations

from typing import Any

import IPython.display
import ipywidgets

from data.markup import escaped
from trainers.block import Block, Hyperparameter
from trainers.trainer import running_trainer
from trainers.widgets.base import OwnChanges, answer_while_busy, bundle, larger_in_class, weakly
from trainers.widgets.export import page_bundle, read_assets


class HyperparameterPanel:
    """Display controls that show and change the hyperparameters of a block in a notebook.

    Each hyperparameter has a suitable control, a description and a button that resets it to the default. An invalid
    value is not applied; a message below the control says why. The panel is also updated when a hyperparameter is
    assigned in a cell. During a training run, a change to a hyperparameter of the trainer or its model is queued,
    applied at the start of the next epoch, and noted in that epoch's row.

    Parameters
    ----------
    block : Block
        A trainer, a model or a custom block. Its read-only hyperparameters are shown but cannot be changed.

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
        self.block = block
        self.controls: dict[str, Any] = {}
        self.messages: dict[str, ipywidgets.HTML] = {}
        self._resets: dict[str, ipywidgets.Button] = {}
        self._own = OwnChanges()
        rows = [self._row(name, declared) for name, declared in block.declared().items()]
        style = read_assets(("larger.css",), ".css")
        title = ipywidgets.HTML(f"<style>{style}</style><b>{escaped(block.name)}</b>")
        self.box = ipywidgets.VBox([title, *rows], layout={"max_width": "980px"})
        answer_while_busy(self.box)
        larger_in_class(self.box)
        block.observe(weakly(self._show))

    def _row(self, name: str, declared: Hyperparameter) -> ipywidgets.VBox:
        self.controls[name] = control = _control(declared, getattr(self.block, name))
        control.description, control.disabled = name, declared.read_only
        control.tooltip = f"{declared.description}; must be {declared.requirement}"
        control.style.description_width, control.layout.width = "150px", "330px"
        tooltip = f"reset {name} to {declared.default!r}"
        self._resets[name] = reset = ipywidgets.Button(icon="undo", tooltip=tooltip, layout={"width": "34px"})
        self.messages[name] = message = ipywidgets.HTML()
        # Escape the texts: those of a custom block may contain markup.
        description = escaped(declared.description) + "." + " <i>Read-only after construction.</i>" * declared.read_only
        help_html = f'<span title="must be {escaped(declared.requirement)}">{description}</span>'
        help_text = ipywidgets.HTML(help_html, layout={"flex": "1 1 280px"})
        control.observe(lambda change: self._changed(name, change["new"]), "value")
        reset.on_click(lambda _: self._set(name, declared.default))
        self._show(name, getattr(self.block, name))
        line = ipywidgets.HBox([control, reset, help_text], layout={"flex_flow": "row wrap", "align_items": "center"})
        return ipywidgets.VBox([line, message])

    def _changed(self, name: str, entered: Any) -> None:
        if not self._own:
            self._set(name, _value(self.block.declared()[name], entered))

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
            self._show_message(name, str(error), wrong=True)
            # Let the user reset an invalid text.
            self._resets[name].disabled = False
        else:
            self._show(name, value, "" if getattr(self.block, name) == value else "applied from the next epoch on")

    def _show(self, name: str, value: Any, text: str = "") -> None:
        """Show a value in its control, mark it if it is not the default, and show a text below it."""
        self._show_message(name, text)
        control, declared = self.controls[name], self.block.declared()[name]
        with self._own:
            control.value = str(value) if value is None or isinstance(control, ipywidgets.Text) else value
        changed = value != declared.default
        control.description = "▸ " * changed + name
        self._resets[name].disabled = declared.read_only or not changed

    def _show_message(self, name: str, text: str, *, wrong: bool = False) -> None:
        style, sign = ("color:#D55E00;font-weight:600", "⚠ ") if wrong else ("", "")
        html = f'<span role="status" style="padding-left:154px;{style}">{sign}{escaped(text)}</span>'
        self.messages[name].value = html if text else ""

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
        return f'<div id="{escaped(key)}">{self.block._repr_html_()}</div>'

    def _ipython_display_(self) -> None:
        if page := page_bundle(self):
            IPython.display.display(page, raw=True)
            return
        IPython.display.display(bundle(self.box, repr(self)), raw=True)
        # Readable without a kernel.
        table = f"<details><summary>as a table</summary>{self.block._repr_html_()}</details>"
        IPython.display.display(IPython.display.HTML(table))

    def __repr__(self) -> str:
        return f"<HyperparameterPanel of {self.block.name}>"


# Text for None, where None is allowed.
_NONE = "None"
# With more steps than this, a slider is too coarse.
_MAX_STEPS = 1000


def _control(declared: Hyperparameter, value: Any) -> Any:
    if declared.choices:
        options = [*declared.choices, *([_NONE] if declared.optional else [])]
        return ipywidgets.Dropdown(options=options, value=_NONE if value is None else value)
    if declared.kind is bool and not declared.optional:
        return ipywidgets.Checkbox(value, indent=True)
    low, high = declared.minimum, declared.maximum
    bounded = low is not None and high is not None and high - low <= _MAX_STEPS
    if declared.kind is int and not declared.optional and bounded:
        return ipywidgets.IntSlider(value, min=low, max=high, continuous_update=False)
    # A number field would silently change texts such as "1e-3", "None" or invalid ones; a text field does not.
    return ipywidgets.Text(str(value), continuous_update=False)


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
