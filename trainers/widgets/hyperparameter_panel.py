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
    """The hyperparameters of a block, to be looked at and changed in a notebook.

    Each has a control that fits its declaration, its description beside it and a button that puts the
    default back. What does not fit is said in place and changes nothing. The panel follows the
    block as well: an assignment in a cell moves its control. While a run goes on, a change of the
    trainer or its model is queued, made at the start of the next epoch and noted in that epoch's row.

    Parameters
    ----------
    block : Block
        A trainer, a model or a block of your own. What is fixed once built cannot be changed.

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
        back = f"{name}: back to {declared.default!r}"
        self._resets[name] = reset = ipywidgets.Button(icon="undo", tooltip=back, layout={"width": "34px"})
        self.messages[name] = message = ipywidgets.HTML()
        # Escaped: texts of a user's own block are shown as they are.
        description = escaped(declared.description) + "." + " <i>Read-only once built.</i>" * declared.read_only
        help_html = f'<span title="must be {escaped(declared.requirement)}">{description}</span>'
        help_text = ipywidgets.HTML(help_html, layout={"flex": "1 1 280px"})
        control.observe(lambda change: self._changed(name, change["new"]), "value")
        reset.on_click(lambda _: self._set(name, declared.default))
        self._show(name, getattr(self.block, name))
        line = ipywidgets.HBox([control, reset, help_text], layout={"flex_flow": "row wrap", "align_items": "center"})
        return ipywidgets.VBox([line, message])

    def _changed(self, name: str, shown: Any) -> None:
        if not self._own:
            self._set(name, _value(self.block.declared()[name], shown))

    def _set(self, name: str, value: Any) -> None:
        """Change the block, or say in place why not."""
        trainer = running_trainer(self.block)
        try:
            if trainer is not None:
                value = trainer.queue(name, value, self.block)
            else:
                setattr(self.block, name, value)
                value = getattr(self.block, name)
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            self._say(name, str(error), wrong=True)
            # The way back from a text that does not fit.
            self._resets[name].disabled = False
        else:
            self._show(name, value, "" if getattr(self.block, name) == value else "from the next epoch on")

    def _show(self, name: str, value: Any, text: str = "") -> None:
        """Let the control hold a value, marked if it is not the default, with a text below it."""
        self._say(name, text)
        control, declared = self.controls[name], self.block.declared()[name]
        with self._own:
            control.value = str(value) if value is None or isinstance(control, ipywidgets.Text) else value
        changed = value != declared.default
        control.description = "▸ " * changed + name
        self._resets[name].disabled = declared.read_only or not changed

    def _say(self, name: str, text: str, *, wrong: bool = False) -> None:
        style, sign = ("color:#D55E00;font-weight:600", "⚠ ") if wrong else ("", "")
        said = f'<span role="status" style="padding-left:154px;{style}">{sign}{escaped(text)}</span>'
        self.messages[name].value = said if text else ""

    def html(self, key: str = "panel") -> str:
        """The hyperparameters as a table, for a page of your own; nothing can be changed there.

        Parameters
        ----------
        key : str, default "panel"
            The table's id, another one for each widget in the page.

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
        # What stays without a kernel.
        table = f"<details><summary>as a table</summary>{self.block._repr_html_()}</details>"
        IPython.display.display(IPython.display.HTML(table))

    def __repr__(self) -> str:
        return f"<HyperparameterPanel of {self.block.name}>"


# How None is written where it is allowed.
_NONE = "None"
# More steps than this cannot be set by a slider.
_MOST_STEPS = 1000


def _control(declared: Hyperparameter, value: Any) -> Any:
    if declared.choices:
        options = [*declared.choices, *([_NONE] if declared.optional else [])]
        return ipywidgets.Dropdown(options=options, value=_NONE if value is None else value)
    if declared.kind is bool and not declared.optional:
        return ipywidgets.Checkbox(value, indent=True)
    low, high = declared.minimum, declared.maximum
    bounded = low is not None and high is not None and high - low <= _MOST_STEPS
    if declared.kind is int and not declared.optional and bounded:
        return ipywidgets.IntSlider(value, min=low, max=high, continuous_update=False)
    # A text field keeps what a number field would silently change: 1e-3, None, and what is wrong, to be refused.
    return ipywidgets.Text(str(value), continuous_update=False)


def _value(declared: Hyperparameter, shown: Any) -> Any:
    """What a control holds as the value meant; a string that cannot be read stays one, to be refused."""
    if not isinstance(shown, str):
        return shown
    text = shown.strip()
    if declared.optional and text in ("", _NONE):
        return None
    if declared.kind is bool:
        return {"True": True, "False": False}.get(text, text)
    try:
        return declared.kind(text)
    except ValueError:
        return shown
