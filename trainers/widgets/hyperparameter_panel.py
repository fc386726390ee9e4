"""`HyperparameterPanel`: a control for each hyperparameter of a block."""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets

from data.markup import escaped
from trainers.block import Block, Hyperparameter
from trainers.trainer import running_trainer
from trainers.widgets.base import answer_while_busy, bundle, larger_in_class, weakly
from trainers.widgets.export import or_page, read_assets


class HyperparameterPanel:
    """The hyperparameters of a block, to be looked at and changed in a notebook.

    Each has a control that fits its declaration, its meaning beside it and a button that puts the
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
        If that is no block.

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
            msg = f"block takes a Block, such as a trainer or a model; got {type(block).__name__}."
            raise TypeError(msg)
        self.block = block
        self.controls: dict[str, Any] = {}
        self.messages: dict[str, ipywidgets.HTML] = {}
        self._resets: dict[str, ipywidgets.Button] = {}
        # The thread that moves a control just now, which is then no change; the page's come on another.
        self._quiet: int | None = None
        rows = [self._row(name, declared) for name, declared in block.declared().items()]
        style = read_assets(("larger.css",), ".css")
        title = ipywidgets.HTML(f"<style>{style}</style><b>{escaped(block.name)}</b>")
        self.box = ipywidgets.VBox([title, *rows], layout={"max_width": "980px"})
        answer_while_busy(self.box)
        larger_in_class(self.box)
        block.observe(weakly(self._follow))

    def _row(self, name: str, declared: Hyperparameter) -> ipywidgets.VBox:
        control = _control(declared, getattr(self.block, name))
        # Escaped: texts of a user's own block are shown as they are.
        meaning, takes = escaped(declared.meaning), escaped(declared.takes)
        control.description, control.disabled = name, declared.fixed
        control.tooltip = f"{declared.meaning}; takes {declared.takes}"
        control.style.description_width = "150px"
        control.layout.width = "330px"
        reset = ipywidgets.Button(
            icon="undo", tooltip=f"{name}: back to {declared.default!r}", layout={"width": "34px"}
        )
        reset.disabled = declared.fixed
        message = ipywidgets.HTML()
        fixed = " <i>Fixed once built.</i>" if declared.fixed else ""
        help_text = ipywidgets.HTML(
            f'<span title="takes {takes}">{meaning}.{fixed}</span>', layout={"flex": "1 1 280px"}
        )
        self.controls[name], self.messages[name], self._resets[name] = control, message, reset
        control.observe(lambda change: self._changed(name, change["new"]), "value")
        reset.on_click(lambda _: self._set(name, declared.default))
        self._mark(name)
        return ipywidgets.VBox(
            [
                ipywidgets.HBox([control, reset, help_text], layout={"flex_flow": "row wrap", "align_items": "center"}),
                message,
            ]
        )

    def _changed(self, name: str, shown: Any) -> None:
        if self._quiet == threading.get_ident():
            return
        try:
            value = _value(self.block.declared()[name], shown)
        except ValueError:
            value = shown
        self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        """Change the block, or say in place why not."""
        try:
            trainer = running_trainer(self.block)
            if trainer is not None:
                value = trainer.queue(name, value, self.block)
            else:
                setattr(self.block, name, value)
                value = getattr(self.block, name)
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            self._say(name, str(error), wrong=True)
            # The way back from a text that does not fit.
            self._resets[name].disabled = False
            return
        self._say(name, "" if getattr(self.block, name) == value else "from the next epoch on")
        self._show(name, value)

    def _follow(self, name: str, value: Any) -> None:
        self._say(name, "")
        self._show(name, value)

    def _show(self, name: str, value: Any) -> None:
        self._quiet = threading.get_ident()
        try:
            self.controls[name].value = _shown(self.block.declared()[name], value)
        finally:
            self._quiet = None
        self._mark(name, value)

    def _mark(self, name: str, *value: Any) -> None:
        declared = self.block.declared()[name]
        changed = (value[0] if value else getattr(self.block, name)) != declared.default
        self.controls[name].description = ("▸ " if changed else "") + name
        self._resets[name].disabled = declared.fixed or not changed

    def _say(self, name: str, text: str, *, wrong: bool = False) -> None:
        sign = "⚠ " if wrong else ""
        style = "padding-left:154px;" + ("color:#D55E00;font-weight:600" if wrong else "")
        self.messages[name].value = f'<span role="status" style="{style}">{sign}{escaped(text)}</span>' if text else ""

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

    @or_page
    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        display(bundle(self.box, repr(self)), raw=True)
        # What stays without a kernel.
        display(HTML(f"<details><summary>as a table</summary>{self.block._repr_html_()}</details>"))

    def __repr__(self) -> str:
        return f"<HyperparameterPanel of {self.block.name}>"


# How None is written where it is allowed.
_NONE = "None"
# More steps than this cannot be set by a slider.
_MOST_STEPS = 1000


def _control(declared: Hyperparameter, value: Any) -> Any:
    kind, shown = _kind(declared), _shown(declared, value)
    if kind == "choice":
        options = [*(declared.choices or ()), *([_NONE] if declared.optional else [])]
        return ipywidgets.Dropdown(options=options, value=shown)
    if kind == "check":
        return ipywidgets.Checkbox(shown, indent=True)
    if kind == "slider":
        return ipywidgets.IntSlider(shown, min=declared.minimum, max=declared.maximum, continuous_update=False)
    # A text takes what a number field would silently bend: 1e-3, None, and what is wrong, to be told so.
    return ipywidgets.Text(shown, continuous_update=False)


def _kind(declared: Hyperparameter) -> str:
    if declared.choices:
        return "choice"
    if declared.kind is bool and not declared.optional:
        return "check"
    bounds = (declared.minimum, declared.maximum)
    if declared.kind is int and not declared.optional and None not in bounds:
        return "slider" if bounds[1] - bounds[0] <= _MOST_STEPS else "text"  # type: ignore[operator]
    return "text"


def _shown(declared: Hyperparameter, value: Any) -> Any:
    """The value as its control holds it."""
    return value if _kind(declared) != "text" and value is not None else str(value)


def _value(declared: Hyperparameter, shown: Any) -> Any:
    """What a control holds as the value meant; ValueError if it is no number where one is wanted."""
    if not isinstance(shown, str):
        return shown
    text = shown.strip()
    if declared.optional and text in ("", _NONE):
        return None
    if declared.kind is bool:
        return {"True": True, "False": False}.get(text, text)
    return declared.kind(text)
