"""`LatentMap`: the latent space of many sequences, to walk through and see the sequence behind each point."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from data import DataSet
from trainers.detection._validation import as_labels
from trainers.plotting import Figure
from trainers.widgets.latent_figure import COLORS, SHAPES, Kind, plot_latent
from trainers.widgets.latent_points import project
from trainers.widgets.light_pictures import lighten
from trainers.widgets.page import as_text, fragment, source, write_page
from trainers.widgets.pictured_widget import PicturedWidget
from trainers.widgets.sequences import MOST_FEATURES, classes, pictures

# In the order in which they build on each other.
FILES = (
    "larger.css", "latent_map.css", "scales.js", "surroundings.js", "sequences.js", "latent_places.js",
    "latent_drawing.js", "latent_map.js",
)  # fmt: skip
# Pointing at any of them is what a map is for: as part of a page, 4 MB of text.
MOST_VALUES_IN_PART = 1_500_000


class LatentMap(PicturedWidget):
    """A map of a latent space: each point a sequence, drawn beside the map when it is pointed at.

    The mouse or the arrow keys go from point to point; a click or Enter pins the point, and the next
    one is drawn below it, on the same scale, to be compared. Classes have a colour and a shape each; the
    legend hides and shows them. Wheel, buttons and keys zoom where points crowd.

    Everything is in the page, so that one written by `to_html` can do the same.

    Parameters
    ----------
    points : array or tensor, shape (n, k)
        As `LSTMAutoencoder.encode` gives them. With k above 2, their first two principal components
        are the map, and the axes say how much of the variance they have.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Drawn, up to four features. The page holds 2 million values at most; of more sequences than
        that, some are drawn, evenly spread.
    labels : array of whole numbers, shape (n,), optional
        Class of each sequence. Default: those of the data set, where it has any; of labels for each
        time step, whether any of a sequence is abnormal.
    class_names : sequence of str, optional
        Name of each label, from 0 on. Default: those of the data set, with its labels.
    reconstructions : DataSet, array or tensor, of the shape of `sequences`, optional
        Drawn with them, dashed.
    selected : int, optional
        Which one is pinned at first, counted from 0.

    Attributes
    ----------
    selected : int or None
        Synchronised: the sequence that is pinned. May be set.
    places : array, shape (n, 2)
        Where the points are on the map.
    axes_names : tuple of two str
        What its axes are.

    Raises
    ------
    TypeError, ValueError
        If the points are no finite numbers, or the rest does not fit them.

    Examples
    --------
    >>> latent_map = LatentMap([[0.1, 0.4], [0.2, 0.3]], [[1.0, 2.0, 1.0], [2.0, 1.0, 2.0]], labels=[0, 1])
    >>> latent_map.selected = 1
    >>> latent_map
    <LatentMap of 2 sequences>
    """

    _esm = source(FILES, ".js")
    _css = source(FILES, ".css")
    data = traitlets.Dict().tag(sync=True)
    selected = traitlets.Any(None, allow_none=True).tag(sync=True)

    def __init__(
        self,
        points: Any,
        sequences: Any,
        *,
        labels: Any = None,
        class_names: Sequence[str] | None = None,
        reconstructions: Any = None,
        selected: int | None = None,
    ) -> None:
        self.places, self.axes_names = project(points)
        self.sequences = DataSet.of(sequences, "sequences")
        self.reconstructions = None
        if reconstructions is not None:
            self.reconstructions = DataSet.of(reconstructions, "reconstructions")
        drawn = pictures(self.sequences, self.reconstructions, np.arange(len(self.places)), "points")
        if labels is None:
            labels, class_names = _of_data_set(self.sequences, class_names)
        self.labels = None if labels is None else as_labels(labels, self.places[:, 0], "points")
        named = classes(self.labels, class_names)
        self._kinds = _kinds(self.labels, named["classes"], len(self.places))
        super().__init__(
            data={
                "places": self.places.astype("<f8").tobytes(),
                "axes": list(self.axes_names),
                "labels": named["labels"],
                "classes": [{"name": kind.name, "color": kind.color, "shape": kind.shape} for kind in self._kinds],
                "pictures": drawn,
            },
            selected=selected,
        )

    @property
    def figure(self) -> Figure:
        """A static picture of the map; with a selected sequence, of that too."""
        one, rebuilt = self.selected, None
        if one is None:
            return plot_latent(self.places, self.axes_names, self._kinds)
        sequence = self.sequences.sequences[one, :, :MOST_FEATURES].numpy()
        if self.reconstructions is not None:
            rebuilt = self.reconstructions.sequences[one, :, :MOST_FEATURES].numpy()
        return plot_latent(self.places, self.axes_names, self._kinds, one, sequence, rebuilt)

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page of one file that can do what the widget can, without a kernel or a network.

        Parameters
        ----------
        path : path
            Where to; an existing file is replaced.
        """
        write_page(path, "The latent space, sequence by sequence", self._page_data(), FILES)

    def html(self, key: str = "latent") -> str:
        """The same as a piece of HTML for a page of your own.

        Of very many sequences it draws some, evenly spread; all points are there.

        Parameters
        ----------
        key : str, default "latent"
            Another one for each widget in the page.

        Returns
        -------
        str
            HTML without head and body.
        """
        drawn = lighten(self.data["pictures"], np.arange(len(self.places)), MOST_VALUES_IN_PART)
        return fragment({**self._page_data(), "pictures": as_text(drawn)}, FILES, key)

    def _page_data(self) -> dict[str, Any]:
        return as_text({**self.data, "selected": self.selected, "alt": self.figure.alt})

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int | None:
        one, n = proposal["value"], len(self.places)
        if one is None:
            return None
        if isinstance(one, bool) or not isinstance(one, int | np.integer) or not 0 <= one < n:
            msg = f"selected takes the number of a sequence, from 0 to {n - 1}, or None for none; got {one!r}."
            raise ValueError(msg)
        return int(one)

    def __repr__(self) -> str:
        return f"<LatentMap of {len(self.places)} sequences>"


def _of_data_set(data: DataSet, names: Sequence[str] | None) -> tuple[np.ndarray | None, Sequence[str] | None]:
    """The data set's labels, one for each sequence, and their names; `names` go before its own."""
    if data.labels is None:
        if names is not None:
            msg = f"class_names name labels, and there are none; got {names!r}. Give labels=… too."
            raise ValueError(msg)
        return None, None
    if data.labels.ndim == 1:
        return data.labels, data.class_names if names is None else names
    return data.abnormal.astype(int), ("normal", "abnormal") if names is None else names


def _kinds(labels: np.ndarray | None, named: list[dict[str, Any]] | None, n: int) -> list[Kind]:
    """The classes that occur; a label looks the same on every map, whichever others occur."""
    if labels is None or named is None:
        return [Kind("", COLORS[0], 0, np.arange(n))]
    return [
        Kind(one["name"], COLORS[label % len(COLORS)], label % len(SHAPES), np.flatnonzero(labels == label))
        for label, one in zip(np.unique(labels).tolist(), named, strict=True)
    ]
