"""`PicturedWidget`: what the widgets have in common that hold no run: a picture beside them, larger in class."""

from __future__ import annotations

from typing import Any

import anywidget

from trainers.plotting import Figure
from trainers.widgets.kernel import answer_while_busy
from trainers.widgets.larger import larger_in_class
from trainers.widgets.on_page import or_page


class PicturedWidget(anywidget.AnyWidget):
    """A widget that answers while a cell is busy, and leaves its picture where no kernel runs."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        answer_while_busy(self)
        larger_in_class(self)

    @property
    def figure(self) -> Figure:
        """A static picture of what the widget shows; each widget has its own."""
        raise NotImplementedError

    @or_page
    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        # None for a widget without a view; without a second dictionary in some versions of anywidget.
        view = super()._repr_mimebundle_(**kwargs)
        shown, about = view if isinstance(view, tuple) else (view or {}, {})
        picture, alt = self.figure._repr_mimebundle_()
        return {**shown, "text/plain": repr(self), "image/png": picture["image/png"]}, {**about, **alt}
