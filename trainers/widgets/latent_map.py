"""`LatentMap`: the latent space of many sequences, to walk through and see the sequence behind each point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets

from data import DataSet
from data.data_set import as_array
from trainers.checks import as_count, as_labels
from trainers.plotting import TEXT, Figure, as_label
from trainers.widgets.base import PicturedWidget
from trainers.widgets.export import SHARED, read_assets
from trainers.widgets.sequences import MOST_FEATURES, classes, lighten, pictures

# Okabe and Ito's colours, the light ones darkened until they have contrast 3 to white and to black alike.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#C06A9B", "#B5790A", "#7f7f7f", "#3D92C9", "#948A00")
# latent_map.js has the same shapes in the same order. Seven and eight: no two of 56 classes look alike.
SHAPES = ("o", "s", "^", "D", "v", "P", "*")
_WORDS = ("circles", "squares", "triangles", "diamonds", "triangles upside down", "crosses", "stars")
# Pointing at any of them is what a map is for: as part of a page, 4 MB of text.
_MOST_LIGHT_VALUES = 1_500_000
# Squares of what is larger could leave the range of a float.
_LARGEST = 1e100


@dataclass(frozen=True)
class Kind:
    """A class of points on the map: its name, its look, and which points are of it."""

    name: str
    color: str
    shape: int
    members: np.ndarray


class LatentMap(PicturedWidget):
    """A map of a latent space: each point a sequence, drawn beside the map when it is pointed at.

    The mouse or the arrow keys go from point to point; a click or Enter pins the point, and the next
    one is drawn below it, on the same scale, to be compared. Classes have a colour and a shape each; the
    legend hides and shows them. Wheel, buttons and keys zoom where points crowd.

    Everything is in the page, so that one written by `to_html` can do the same. As a part of a page (`html`), some of
    very many sequences are drawn, evenly spread; all points are there.

    Parameters
    ----------
    points : array or tensor, shape (n, k)
        As `LSTMAutoencoder.encode` gives them. With k above 2, their first two principal components
        are the map, and the axes say how much of the variance they have.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        Drawn, up to four features. The page holds 2 million values at most; of more sequences than
        that, some are drawn, evenly spread.
    labels : array of int, shape (n,), optional
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
        If the points are not finite numbers, or the rest does not fit them.

    Examples
    --------
    >>> latent_map = LatentMap([[0.1, 0.4], [0.2, 0.3]], [[1.0, 2.0, 1.0], [2.0, 1.0, 2.0]], labels=[0, 1])
    >>> latent_map.selected = 1
    >>> latent_map
    <LatentMap of 2 sequences>
    """

    _files = (*SHARED, "latent_map.css", "sequences.js", "latent_map.js")
    _key = "latent"
    _esm = read_assets(_files, ".js")
    _css = read_assets(_files, ".css")
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
        self.reconstructions = None if reconstructions is None else DataSet.of(reconstructions, "reconstructions")
        drawn = pictures(self.sequences, self.reconstructions, np.arange(len(self.places)), "points")
        if labels is None:
            labels, class_names = _of_data_set(self.sequences, class_names)
        self.labels = None if labels is None else as_labels(labels, self.places[:, 0], "points")
        named = classes(self.labels, class_names)
        self._kinds = _kinds(self.labels, named["classes"], len(self.places))
        looks = [{"name": kind.name, "color": kind.color, "shape": kind.shape} for kind in self._kinds]
        places = {"places": self.places.astype("<f8").tobytes(), "axes": list(self.axes_names)}
        data = {**places, "labels": named["labels"], "classes": looks, "pictures": drawn}
        super().__init__(data=data, selected=selected)

    @property
    def figure(self) -> Figure:
        """A static picture of the map; with a selected sequence, of that too."""
        return plot_latent(self)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        data = {**self.data, "selected": self.selected, "alt": self.figure.alt}
        if light:
            data["pictures"] = lighten(data["pictures"], np.arange(len(self.places)), _MOST_LIGHT_VALUES)
        return "The latent space, sequence by sequence", data

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int | None:
        one = proposal["value"]
        return None if one is None else as_count(one, "selected", "a sequence", 0, len(self.places) - 1)

    def __repr__(self) -> str:
        return f"<LatentMap of {len(self.places)} sequences>"


def _of_data_set(data: DataSet, names: Sequence[str] | None) -> tuple[np.ndarray | None, Sequence[str] | None]:
    """The data set's labels, one for each sequence, and their names; `names` go before its own."""
    if data.labels is None:
        if names is not None:
            raise ValueError(f"class_names must be given with labels, got {names!r} alone. Give labels=… too.")
        return None, None
    if data.labels.ndim > 1:
        return data.abnormal.astype(int), names
    return data.labels, data.class_names if names is None else names


def _kinds(labels: np.ndarray | None, named: list[dict[str, Any]], n: int) -> list[Kind]:
    """The classes that occur; a label looks the same on every map, whichever others occur."""
    if labels is None:
        return [Kind("", COLORS[0], 0, np.arange(n))]
    return [
        Kind(one["name"], COLORS[label % len(COLORS)], label % len(SHAPES), np.flatnonzero(labels == label))
        for label, one in zip(np.unique(labels).tolist(), named, strict=True)
    ]


def project(points: Any) -> tuple[np.ndarray, tuple[str, str]]:
    """Points in two dimensions, and what the axes are.

    Two coordinates stay as they are. More are projected on their first two principal components,
    computed in full, so without randomness; a component points to where its largest weight does,
    so that it is not mirrored from one run to the next.

    Parameters
    ----------
    points : array or tensor, shape (n, k)
        k from 2 up.

    Returns
    -------
    places : array, shape (n, 2)
        float64.
    axes : tuple of two str
        Name of each axis; with principal components, with its share of the variance.
    """
    array = as_array(points, "points").astype(np.float64)
    if array.ndim != 2 or len(array) == 0 or array.shape[1] < 2:
        raise ValueError(f"points must have shape (n, k), k from 2 up, got {array.shape}. model.encode gives them.")
    # NaN is not at most anything.
    fits = (np.abs(array) <= _LARGEST).all(1)
    if not fits.all():
        bad = int(np.argmin(fits))
        raise ValueError(f"points must be finite, at most {_LARGEST:g}, got {array[bad][:4].tolist()} as point {bad}.")
    if array.shape[1] == 2:
        return array, ("latent 1", "latent 2")
    # Imported here, since it takes half a second and most maps need no projection.
    from sklearn.decomposition import PCA

    places, shares = np.zeros((len(array), 2)), np.zeros(2)
    # Points that are all the same have no variance to share out; of tiny differences the squares must not become 0.
    if (size := np.ptp(array, axis=0).max()) > 0:
        scaled = (array - array.mean(0)) / size
        pca = PCA(n_components=2, svd_solver="full").fit(scaled)
        # Rounded, so that of two weights that are as large it is always the first.
        largest = np.argmax(np.abs(pca.components_).round(6), axis=1)
        signs = np.sign(pca.components_[[0, 1], largest])
        places, shares = pca.transform(scaled) * signs * size, pca.explained_variance_ratio_
    first, second = (f"PC {i} ({100 * share:.0f} % of the variance)" for i, share in enumerate(shares, 1))
    return places, (first, second)


def plot_latent(shown: LatentMap) -> Figure:
    """Draw the map, rare classes over large ones, and the selected sequence, if there is one, beside it.

    Parameters
    ----------
    shown : LatentMap

    Returns
    -------
    Figure
    """
    selected, kinds, (across, up) = shown.selected, shown._kinds, shown.axes_names
    features = 0 if selected is None else min(shown.sequences.n_features, MOST_FEATURES)
    figure = Figure("map of the latent space", figsize=(9, 4.2))
    grid = figure.add_gridspec(max(1, features), 2 if features else 1, width_ratios=[3, 2] if features else None)
    axes = figure.plain_axes(grid[:, 0])
    axes.set(xlabel=as_label(across), ylabel=as_label(up))
    # The largest class first, so that the rare ones lie on top; the fewer, the larger.
    for kind in sorted(kinds, key=lambda kind: -len(kind.members)):
        count = len(kind.members)
        label = f"{as_label(kind.name)} ({count:,})" if kind.name else None
        axes.scatter(
            *shown.places[kind.members].T, s=float(np.clip(12_000 / count, 9, 25)), marker=SHAPES[kind.shape],
            color=kind.color, alpha=0.6, linewidths=0.5, label=label,
        )  # fmt: skip
    words = ", ".join(f"{len(kind.members):,} {kind.name} ({_WORDS[kind.shape]})" for kind in kinds if kind.name)
    if words:
        figure.legend(loc="outside upper center", frameon=False, labelcolor=TEXT, ncols=3, markerscale=2)
    figure.alt = f"Map of {len(shown.places):,} sequences by {across} and {up}{': ' * bool(words)}{words}."
    if selected is None:
        return figure
    # Black in white, to be found on any ground.
    for color, width in (("white", 5), ("black", 2)):
        axes.plot(*shown.places[selected], "o", markersize=13, color=color, fillstyle="none", markeredgewidth=width)
    kind = next(kind for kind in kinds if selected in kind.members)
    name = f"sequence {selected}{', ' * bool(kind.name)}{kind.name}"
    for feature in range(features):
        strip = figure.plain_axes(grid[feature, 1])
        strip.plot(shown.sequences.sequences[selected, :, feature], color=kind.color)
        if shown.reconstructions is not None:
            strip.plot(shown.reconstructions.sequences[selected, :, feature], color=TEXT, linestyle="--")
        strip.set_title(as_label(name) if feature == 0 else "", fontsize="medium")
        strip.tick_params(labelbottom=feature == features - 1)
    strip.set_xlabel("time step")
    beside = " with its reconstruction" * (shown.reconstructions is not None)
    figure.alt += f" Ringed is {name}, drawn beside it{beside}."
    return figure
