"""`Figure`: a matplotlib figure that brings its own alternative text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as _Figure

from trainers import classroom

# Told apart by dash and marker too, and readable on a light and on a dark page.
TRAIN, VALIDATION, RESTORE, TEXT = "#0072B2", "#D55E00", "#009E73", "#7f7f7f"
# In classroom mode a picture has fewer inches of more dots, so that all that is in it is larger.
_FEWER_INCHES = 0.8


def as_label(text: object) -> str:
    """Return a name for matplotlib to show as it is.

    It would read "$" as math, leave a name that begins with "_" out of a legend, and fail on half a surrogate pair.
    """
    shown = str(text).encode("utf-8", "replace").decode().replace("$", r"\$")
    # A space of no width: only the very first character counts.
    return f"\u200b{shown}" if shown.startswith("_") else shown


class Figure(_Figure):
    """Shown once as the last value of a notebook cell, saved with `savefig`, never left open.

    It is not registered with pyplot, so a loop may draw thousands. In a notebook its picture
    carries `alt`, a sentence that says what there is to see. In classroom mode its text, lines
    and marks are larger, whatever drew them (see `trainers.classroom`).

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

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        """As `matplotlib.figure.Figure.savefig`."""
        with self._sized():
            # matplotlib remembers the dots per inch that the figure was made with.
            if kwargs.get("dpi", rcParams["savefig.dpi"]) == "figure":
                kwargs["dpi"] = self.dpi
            super().savefig(*args, **kwargs)

    @contextmanager
    def _sized(self) -> Iterator[None]:
        """As large as it is to be shown now: the mode may have been switched since it was drawn."""
        if not classroom.is_on():
            yield
            return
        (width, height), dpi = map(float, self.get_size_inches()), self.dpi
        try:
            self.set_size_inches(width * _FEWER_INCHES, height * _FEWER_INCHES)
            self.dpi = dpi * classroom.LARGER
            yield
        finally:
            self.set_size_inches(width, height)
            self.dpi = dpi

    def __repr__(self) -> str:
        return f"<Figure: {self.title}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        picture = io.BytesIO()
        # The same picture as savefig's, which would draw twice to find its layout.
        with self._sized():
            FigureCanvasAgg(self).print_png(picture)
        return {"image/png": picture.getvalue(), "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}
