"""`Figure`: a matplotlib figure that brings its own alternative text."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as _Figure

# Told apart by dash and marker too, and readable on a light and on a dark page.
TRAIN, VALIDATION, RESTORE, TEXT = "#0072B2", "#D55E00", "#009E73", "#7f7f7f"


class Figure(_Figure):
    """Shown once as the last value of a notebook cell, saved with `savefig`, never left open.

    It is not registered with pyplot, so a loop may draw thousands. In a notebook its picture
    carries `alt`, a sentence that says what there is to see.

    Parameters
    ----------
    title : str
        What it shows, in a few words.
    **kwargs
        As `matplotlib.figure.Figure` takes them.
    """

    def __init__(self, title: str = "", **kwargs: Any) -> None:
        super().__init__(**{"figsize": (8, 3.6), "dpi": 100, "layout": "constrained", "facecolor": "none", **kwargs})
        self.title = self.alt = title

    def plain_axes(self, *args: Any, **kwargs: Any) -> Any:
        """A subplot with a transparent ground and grey frame and text, for either theme."""
        axes = self.add_subplot(*args, **kwargs)
        axes.set_facecolor("none")
        axes.tick_params(colors=TEXT, which="both")
        for part in (axes.xaxis.label, axes.yaxis.label, axes.title):
            part.set_color(TEXT)
        for spine in axes.spines.values():
            spine.set_color(TEXT)
        axes.spines[["top", "right"]].set_visible(False)
        return axes

    def legend_beside(self, axes: Any) -> None:
        """A legend outside the axes, so that it never covers a curve."""
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, labelcolor=TEXT)

    def __repr__(self) -> str:
        return f"<Figure: {self.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        picture = io.BytesIO()
        # The same picture as savefig's, which would draw twice to find its layout.
        FigureCanvasAgg(self).print_png(picture)
        return {"image/png": picture.getvalue(), "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}
