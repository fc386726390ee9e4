"""``TRAINERS_WIDGETS=page``: widgets that still move where no kernel runs.

Exported, a widget is a picture at best: its view needs a kernel, or scripts from a network. With the
environment variable ``TRAINERS_WIDGETS`` set to ``page`` while a notebook runs, each widget of this
package shows itself as a piece of HTML instead, with its script and data in it. The slider over the
epochs, the threshold and the zoom then work in whatever page the notebook becomes, offline::

    TRAINERS_WIDGETS=page jupyter nbconvert --to html --execute notebook.ipynb

What needs the kernel is left out: the buttons that drive a run, the controls of a `HyperparameterPanel`
(a table stands there). `TrainingMonitor` appears once its run has ended. The course's site is made so.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable
from typing import Any

VARIABLE = "TRAINERS_WIDGETS"
# One after the other, so that a notebook gives the same page each time it is run.
_numbers = itertools.count(1)


def on_page() -> bool:
    """Whether widgets are to show themselves as HTML that needs no kernel.

    Raises
    ------
    ValueError
        If the environment variable holds anything but ``page``.
    """
    wish = os.environ.get(VARIABLE, "")
    if wish not in ("", "page"):
        msg = f"{VARIABLE} must be 'page' (widgets as HTML for a page without a kernel) or not set; got {wish!r}."
        raise ValueError(msg)
    return wish == "page"


def or_page(show: Callable[..., Any]) -> Callable[..., Any]:
    """Make how a widget shows itself follow ``TRAINERS_WIDGETS``.

    Parameters
    ----------
    show : callable
        A widget's ``_repr_mimebundle_`` or ``_ipython_display_``. The widget has a method ``html(key)``.

    Returns
    -------
    callable
        The same method; on a page it shows ``html`` under a key that no other widget of this Python has.

    Raises
    ------
    ValueError
        When shown, as `on_page`.
    """

    @functools.wraps(show)
    def shown(widget: Any, **kwargs: Any) -> Any:
        if not on_page():
            return show(widget, **kwargs)
        bundle = {"text/html": widget.html(f"kit-widget-{next(_numbers)}"), "text/plain": repr(widget)}
        if show.__name__ == "_repr_mimebundle_":
            return bundle, {}
        from IPython.display import display

        display(bundle, raw=True)
        return None

    return shown
