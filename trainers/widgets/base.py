"""Functions that all widgets share: messages while a cell is running, classroom mode, and weak references."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import anywidget
import IPython.display
import ipywidgets
from IPython import get_ipython

from data.markup import escaped
from trainers.plotting import Figure, current_scale
from trainers.widgets.export import Exported, page_beside, page_bundle

# Style for "Loading widget…" and "model not found" in a notebook that is opened without a kernel.
NOT_DRAWN = ".jp-OutputArea:has(.kit-picture) > .jp-OutputArea-child > .lm-Panel:not(:has(*)) { display: none }"
# In a page written by nbconvert: moves the alt text of each mark to its picture. nbconvert ignores that of the picture.
# In Jupyter nothing happens, because a notebook is opened after its page was loaded.
ALT_TEXTS = """
addEventListener("load", () => document.querySelectorAll(".kit-picture[aria-label]").forEach(mark => {
  const picture = mark.closest(".jp-OutputArea-child")?.nextElementSibling?.querySelector("img");
  if (picture) { picture.alt = mark.getAttribute("aria-label"); mark.setAttribute("aria-hidden", "true"); }
}))
"""
_enlarged: weakref.WeakSet[ipywidgets.DOMWidget] = weakref.WeakSet()
# Comms of the widgets that respond during a training run.
answering: weakref.WeakSet[Any] = weakref.WeakSet()
# For each cell: the id of its last execution, and the widgets that it has made and that are not closed.
_made: dict[str, tuple[str, weakref.WeakSet[ipywidgets.Widget]]] = {}


def in_notebook() -> bool:
    """Return whether a Jupyter kernel runs this code (not a script or a terminal)."""
    return hasattr(get_ipython(), "kernel")


def buttons_answer() -> bool:
    """Return whether clicks can reach the kernel while a cell is running.

    JupyterLab 4.4 and Notebook 7.4 send them through a subshell, which ipykernel supports from version 7.0 on.
    """
    return bool(getattr(getattr(get_ipython(), "kernel", None), "_supports_kernel_subshells", False))


def answer_while_busy(*widgets: ipywidgets.Widget) -> None:
    """Let messages to these widgets arrive while a cell is running, through the subshell that the page chose.

    From ipykernel 7.4 on, a comm that has sent a message from a running cell requests that the page reply on the
    main shell, where the reply waits until the cell has finished. If the method that makes this request is None, as
    in 7.3, the page keeps its subshell. With other versions of ipykernel, nothing is changed.
    """
    for widget in widgets:
        if widget.comm is not None:
            answering.add(widget.comm)
        if hasattr(widget.comm, "_reply_subshell_for"):
            widget.comm._reply_subshell_for = None
        answer_while_busy(*getattr(widget, "children", ()))


def close_all(*widgets: ipywidgets.Widget | None) -> None:
    """Close widgets together with their children, layouts and styles; None is skipped."""
    for widget in filter(None, widgets):
        widget.close()
        close_all(*getattr(widget, "children", ()), getattr(widget, "layout", None), getattr(widget, "style", None))


def kept_for_cell(widget: ipywidgets.Widget) -> None:
    """Close the widgets that earlier executions of this cell have made, when the cell makes a new widget.

    ipywidgets keeps every widget, and Jupyter stores it with the notebook, until it is closed. A monitor whose run is
    in progress is not closed. If the cell does not make a widget any more, its earlier widgets stay. Does nothing in a
    script, with nbclient or in some callbacks, such as a timer: these have no cell id.
    """
    message: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)() or {}
    cell, execution = message.get("metadata", {}).get("cellId"), message.get("header", {}).get("msg_id")
    if cell is None:
        return
    last, widgets = _made.setdefault(cell, (execution, weakref.WeakSet()))
    if last != execution:
        for earlier in [one for one in widgets if getattr(one, "_run", None) is None]:
            widgets.discard(earlier)
            close_all(earlier)
        _made[cell] = (execution, widgets)
    widgets.add(widget)


def larger_in_class(widget: ipywidgets.DOMWidget) -> None:
    """Enlarge a widget while classroom mode is on, also if it is displayed already.

    The widget is zoomed by larger.css, which must be among the styles of its page. It then draws as in a narrower
    page: it takes its width from `widthOf` and divides mouse positions by `enlargement`, both in page.js. Call this
    function for the displayed widget only, not for its parts, because zooms multiply.
    """
    _enlarged.add(widget)
    follow_scale(widget)


def follow_scale(*widgets: ipywidgets.DOMWidget) -> None:
    """Draw these widgets, or all that can be enlarged, at the scale that is set in `trainers.plotting`."""
    for widget in widgets or tuple(_enlarged):
        (widget.add_class if current_scale() > 1 else widget.remove_class)("kit-larger")


def display_picture(picture: Any, widget: Any, *, in_box: bool = False) -> None:
    """Display the picture or table of a widget; visible only where no widget is drawn in the same output.

    The mark before the picture lets larger.css hide it, and gives its alt text to screen readers: JupyterLab and
    nbconvert do not take this text from the picture. Its style hides the text of a widget that is not drawn. Its script
    gives the picture itself the alt text in a page written by nbconvert.
    With `in_box`, the picture is hidden also if its widget is drawn in a box in the output of another cell.
    """
    alt = getattr(picture, "alt", "")
    about = f' role="img" aria-label="{escaped(alt)}"' if alt else ""
    mark = f'<span class="kit-picture{" kit-in-box" * in_box}"{about}></span><style>{NOT_DRAWN}</style>'
    mark += f"<script>{ALT_TEXTS}</script>" if alt else ""
    IPython.display.display({"text/html": mark, "text/plain": alt, **page_beside(widget)}, raw=True)
    IPython.display.display(picture)


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that calls a bound method while its object exists, and does nothing afterwards.

    ipywidgets keeps every widget of a session. Without a weak reference, a monitor that was replaced by running its
    cell again would stay in memory with its snapshots, because an old button could still call it.
    """
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        bound = reference()
        return None if bound is None else bound(*arguments)

    return call


class OwnChanges(threading.local):
    """Context in which the current thread sets controls itself; true on this thread inside the context.

    A change that a control reports inside the context is not the user's: the page's messages arrive on another thread.
    """

    _active = False

    def __enter__(self) -> None:
        self._active = True

    def __exit__(self, *_: object) -> None:
        self._active = False

    def __bool__(self) -> bool:
        return self._active


class Displayed:
    """Base class of widgets that are displayed together with a picture or table for pages without a kernel.

    Only one of them is visible: larger.css hides the picture where the widget is drawn.
    """

    def _picture(self) -> Any:
        """Return the picture to display below the widget, or None if there is nothing to draw."""
        raise NotImplementedError

    def _view(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return data and metadata that display the widget; of a closed widget, only its text."""
        # A dictionary instead of a tuple for ipywidgets, and in some versions of anywidget.
        view = {} if self.comm is None else super()._repr_mimebundle_()  # type: ignore[misc,attr-defined]
        data, about = view if isinstance(view, tuple) else (view, {})
        return {**data, "text/plain": repr(self)}, about

    def _ipython_display_(self) -> None:
        if page := page_bundle(self):
            IPython.display.display(page, raw=True)
            return
        data, about = self._view()
        # a page without widgets would show the text above the picture
        text = {"text/plain": ""} if len(data) > 1 else {}
        IPython.display.display({**data, **text}, metadata=about, raw=True)
        if (picture := self._picture()) is not None:
            display_picture(picture, self)


class Pictured(Displayed, Exported):
    """Base class of widgets with a static picture."""

    @property
    def figure(self) -> Figure:
        """Static picture of what the widget shows; each subclass defines it."""
        raise NotImplementedError

    def _picture(self) -> Figure | None:
        return self.figure

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if page := page_bundle(self):
            return page, {}
        (data, about), figure = self._view(), self._picture()
        if figure is not None:
            picture, alt = figure._repr_mimebundle_()
            data, about = {**data, "image/png": picture["image/png"]}, {**about, **alt}
        return data, about


class PicturedWidget(Pictured, anywidget.AnyWidget):
    """Base class of widgets in JavaScript that respond while a cell is running."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        answer_while_busy(self)
        larger_in_class(self)
        kept_for_cell(self)

    def close(self) -> None:
        """Remove the widget from the page and from the memory of ipywidgets; `figure` can still be used."""
        if self.comm is not None:
            super().close()
            close_all(self.layout)
