"""What all widgets share: they answer while a cell is busy, grow in classroom mode and die with their object."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import anywidget
import ipywidgets
from IPython import get_ipython

from trainers.plotting import Figure, current_scale
from trainers.widgets.export import Exported, page_bundle

_enlarged: weakref.WeakSet[ipywidgets.DOMWidget] = weakref.WeakSet()


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code (not a script, not a terminal)."""
    return hasattr(get_ipython(), "kernel")


def buttons_answer() -> bool:
    """Whether clicks can reach the kernel while a cell is busy.

    JupyterLab 4.4 and Notebook 7.4 send them over a subshell, which ipykernel has from 7.0 on.
    """
    return bool(getattr(getattr(get_ipython(), "kernel", None), "_supports_kernel_subshells", False))


def answer_while_busy(*widgets: ipywidgets.Widget) -> None:
    """Let these widgets' messages come over the subshell that the page chose.

    From ipykernel 7.4 on, a comm that has sent something from a busy cell asks the page to answer
    on the main shell, where the answer waits until the cell has ended. Without that request (the
    method set to None, as in 7.3) the page keeps its subshell. Nothing happens elsewhere.
    """
    for widget in widgets:
        if hasattr(widget.comm, "_reply_subshell_for"):
            widget.comm._reply_subshell_for = None
        answer_while_busy(*getattr(widget, "children", ()))


def larger_in_class(widget: ipywidgets.DOMWidget) -> None:
    """Let a widget be drawn larger while classroom mode is on, also if it is on the page already.

    It is zoomed by larger.css, which its page needs among its styles. It draws as in a narrower page, so it takes
    its width from `widthOf`, and divides what the mouse says by `enlargement`, both of page.js. For what is
    displayed, not for a part of it as well: zooms multiply.
    """
    _enlarged.add(widget)
    follow_scale(widget)


def follow_scale(*widgets: ipywidgets.DOMWidget) -> None:
    """Draw these widgets, or all that there are, in the size that `trainers.plotting` is set to."""
    for widget in widgets or tuple(_enlarged):
        (widget.add_class if current_scale() > 1 else widget.remove_class)("kit-larger")


def bundle(widget: ipywidgets.Widget, text: str) -> dict[str, Any]:
    """A widget for a page that can show it, and a short text for one that cannot."""
    made = widget._repr_mimebundle_()
    return {**(made[0] if isinstance(made, tuple) else made), "text/plain": text}


def with_picture(shown: dict[str, Any], about: dict[str, Any], figure: Figure) -> tuple[dict[str, Any], dict[str, Any]]:
    """A widget's data and metadata for a page, and with them a picture, and its text, for a page without a kernel."""
    picture, alt = figure._repr_mimebundle_()
    return {**shown, "image/png": picture["image/png"]}, {**about, **alt}


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls a bound method as long as its object lives, and then does nothing.

    ipywidgets keeps every widget of a session; a monitor that a cell was run again for must not
    stay with its snapshots because an old button could still ask it for something.
    """
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        alive = reference()
        return None if alive is None else alive(*arguments)

    return call


class OwnChanges(threading.local):
    """A context in which a thread moves controls itself; true on that thread meanwhile.

    A change that a control reports meanwhile is not a request of the page, whose messages come on another thread.
    """

    _moving = False

    def __enter__(self) -> None:
        self._moving = True

    def __exit__(self, *_: object) -> None:
        self._moving = False

    def __bool__(self) -> bool:
        return self._moving


class PicturedWidget(Exported, anywidget.AnyWidget):
    """A widget that answers while a cell is busy, and leaves its picture where no kernel runs."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        answer_while_busy(self)
        larger_in_class(self)

    @property
    def figure(self) -> Figure:
        """A static picture of what the widget shows; each widget has its own."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if page := page_bundle(self):
            return page, {}
        # None for a widget without a view; without a second dictionary in some versions of anywidget.
        view = super()._repr_mimebundle_(**kwargs)
        shown, about = view if isinstance(view, tuple) else (view or {}, {})
        return with_picture({**shown, "text/plain": repr(self)}, about, self.figure)
