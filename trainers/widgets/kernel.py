"""What kind of Python this is, and how buttons get through to it while a cell trains."""

from __future__ import annotations

from typing import Any

import ipywidgets


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code (not a script, not a terminal)."""
    return _kernel() is not None


def buttons_answer() -> bool:
    """Whether clicks can reach the kernel while a cell is busy.

    JupyterLab 4.4 and Notebook 7.4 send them over a subshell, which ipykernel has from 7.0 on.
    """
    kernel = _kernel()
    return bool(kernel is not None and getattr(kernel, "_supports_kernel_subshells", False))


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


def bundle(widget: ipywidgets.Widget, text: str) -> dict[str, Any]:
    """A widget for a page that can show it, and a short text for one that cannot."""
    made = widget._repr_mimebundle_()
    return {**(made[0] if isinstance(made, tuple) else made), "text/plain": text}


def _kernel() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return getattr(get_ipython(), "kernel", None)
