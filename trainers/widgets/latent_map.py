"""`LatentMap`: an interactive map of a latent space, with the sequence of each point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets

from data import DataSet
from data.data_set import as_array
from trainers import plotting
from trainers.checks import as_count, as_labels
from trainers.plotting import ABNORMAL, RECONSTRUCTION, TEXT, TRAIN, Figure, as_label
from trainers.widgets.base import PicturedWidget
from trainers.widgets.export import SHARED, read_assets
from trainers.widgets.sequences import MAX_FEATURES, classes, lighten, pictures

# The first two are those of normal and abnormal sequences; the others have no other meaning.
COLORS = (TRAIN, ABNORMAL, *plotting.COLORS[:6])
# latent_map.js has the same shapes in the same order. With 8 colours and 7 shapes, 56 classes differ.
SHAPES = ("o", "s", "^", "D", "v", "P", "*")
_WORDS = ("circles", "squares", "triangles", "diamonds", "inverted triangles", "crosses", "stars")
# Higher than for other embedded widgets, because any point may be inspected: 4 MB of text.
_MAX_LIGHT_VALUES = 1_500_000
# The squares of larger numbers could overflow.
_LARGEST = 1e100


@dataclass(frozen=True)
class Kind:
    """A class of points on the map: its name, colour and shape, and the indices of its points."""

    name: str
    color: str
    shape: int
    members: np.ndarray


class LatentMap(PicturedWidget):
    """Interactive map of a latent space, in which each point is a sequence.

    The sequence of the current point is drawn next to the map. Move from point to point with the mouse or the arrow
    keys. Click a point or press Enter to pin it: its sequence stays, and the sequence of the next point is drawn below
    it on the same scale, so that you can compare them. Each class has a colour and a shape; a click on its name in the
    legend hides or shows it. Zoom with the buttons, the keys, or Ctrl or ⌘ and the mouse wheel. If a few points are far
    from the others, the button "focus" enlarges the map without them. If several points share a place, their number is
    beside it.

    All data is stored in the page, so that a page written by `to_html` has the same functions. Embedded HTML (`html`)
    shows all points. If there are many sequences, only an evenly spaced subset of them can be drawn.

    Parameters
    ----------
    points : array or tensor, shape (n, k)
        Latent vectors, such as those from `LSTMAutoencoder.encode`. If k is above 2, the map shows their first two
        principal components, and each axis gives its share of the variance.
    sequences : DataSet, array or tensor, shape (n, time, feature) or (n, time)
        The sequence of each point. Up to four features are drawn at once; a menu selects them from the first 32. The
        page contains at most 2 million values. If there are more, only an evenly spaced subset of the sequences can be
        drawn.
    labels : array of int, shape (n,), optional
        Class of each sequence. Default: the labels of the data set, if it has any. If these are labels of time steps,
        a sequence is abnormal if any of its steps is.
    class_names : sequence of str, optional
        Name of each label, starting with label 0. Default: those of the data set, if its labels are used.
    reconstructions : DataSet, array or tensor, of the shape of `sequences`, optional
        Drawn as dashed lines over the sequences.
    selected : int, optional
        Index of the sequence that is pinned at first. Default: none is pinned.

    Attributes
    ----------
    selected : int or None
        Index of the pinned sequence. Synchronised with the page; it can be set.
    places : array, shape (n, 2)
        Coordinates of the points on the map.
    axes_names : tuple of two str
        Names of the two axes.

    Raises
    ------
    TypeError, ValueError
        If the points are not finite numbers, or another argument does not match them.

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
            labels, class_names = _labels_of(self.sequences, class_names)
        self.labels = None if labels is None else as_labels(labels, self.places[:, 0], "points")
        named = classes(self.labels, class_names)
        self._kinds = _kinds(self.labels, named["classes"], len(self.places))
        looks = [{"name": kind.name, "color": kind.color, "shape": kind.shape} for kind in self._kinds]
        places = {"places": self.places.astype("<f8").tobytes(), "axes": list(self.axes_names)}
        data = {**places, "labels": named["labels"], "classes": looks, "pictures": drawn}
        super().__init__(data=data, selected=selected)

    @property
    def figure(self) -> Figure:
        """Static picture of the map, and of the selected sequence if there is one."""
        return plot_latent(self)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        data = {**self.data, "selected": self.selected, "alt": self.figure.alt}
        if light:
            data["pictures"] = lighten(data["pictures"], np.arange(len(self.places)), _MAX_LIGHT_VALUES)
        return "The latent space, sequence by sequence", data

    @traitlets.validate("selected")
    def _check_selected(self, proposal: Any) -> int | None:
        index = proposal["value"]
        return None if index is None else as_count(index, "selected", "index of a sequence", 0, len(self.places) - 1)

    def __repr__(self) -> str:
        return f"<LatentMap of {len(self.places)} sequences>"


def _labels_of(data: DataSet, names: Sequence[str] | None) -> tuple[np.ndarray | None, Sequence[str] | None]:
    """Return one label for each sequence of the data set, and the class names: `names`, or those of the data set."""
    if data.labels is None:
        if names is not None:
            raise ValueError(f"class_names must be given with labels, got {names!r} without labels. Give labels=… too.")
        return None, None
    if data.labels.ndim > 1:
        return data.abnormal.astype(int), names
    return data.labels, data.class_names if names is None else names


def _kinds(labels: np.ndarray | None, named: list[dict[str, Any]], n: int) -> list[Kind]:
    """Return the classes that occur; the colour and shape of a label do not depend on the other labels."""
    if labels is None:
        return [Kind("", COLORS[0], 0, np.arange(n))]
    return [
        Kind(one["name"], COLORS[label % len(COLORS)], label % len(SHAPES), np.flatnonzero(labels == label))
        for label, one in zip(np.unique(labels).tolist(), named, strict=True)
    ]


def project(points: Any) -> tuple[np.ndarray, tuple[str, str]]:
    """Project points to two dimensions, and name the axes.

    Points with two coordinates are returned unchanged. Others are projected on their first two principal components
    with a full singular value decomposition, which is deterministic. The largest weight of each component is
    positive, so that the map is not mirrored from one run to the next.

    Parameters
    ----------
    points : array or tensor, shape (n, k)
        k is at least 2.

    Returns
    -------
    places : array, shape (n, 2)
        float64.
    axes : tuple of two str
        Name of each axis; for a principal component, with its share of the variance.
    """
    array = as_array(points, "points").astype(np.float64)
    if array.ndim != 2 or len(array) == 0 or array.shape[1] < 2:
        raise ValueError(f"points must have shape (n, k) with k at least 2, got {array.shape}. Use model.encode.")
    # False for NaN too.
    valid = (np.abs(array) <= _LARGEST).all(1)
    if not valid.all():
        bad = int(np.argmin(valid))
        raise ValueError(f"points must be numbers up to ±{_LARGEST:g}, got {array[bad][:4].tolist()} at index {bad}.")
    if array.shape[1] == 2:
        return array, ("latent 1", "latent 2")
    # Imported here, because the import takes half a second and most maps need no projection.
    from sklearn.decomposition import PCA

    places, shares = np.zeros((len(array), 2)), np.zeros(2)
    # Equal points have no variance. Scaling keeps the squares of tiny differences from becoming 0.
    if (size := np.ptp(array, axis=0).max()) > 0:
        scaled = (array - array.mean(0)) / size
        pca = PCA(n_components=2, svd_solver="full").fit(scaled)
        # Rounded, so that of two equally large weights the first is always used.
        largest = np.argmax(np.abs(pca.components_).round(6), axis=1)
        signs = np.sign(pca.components_[[0, 1], largest])
        places, shares = pca.transform(scaled) * signs * size, pca.explained_variance_ratio_
    first, second = (f"PC {i} ({100 * share:.0f} % of the variance)" for i, share in enumerate(shares, 1))
    return places, (first, second)


def plot_latent(shown: LatentMap) -> Figure:
    """Draw the map, with rare classes on top, and the selected sequence next to it if there is one.

    Parameters
    ----------
    shown : LatentMap

    Returns
    -------
    Figure
    """
    selected, kinds, (across, up) = shown.selected, shown._kinds, shown.axes_names
    features = 0 if selected is None else min(shown.sequences.n_features, MAX_FEATURES)
    figure = Figure("map of the latent space", figsize=(9, 4.2))
    grid = figure.add_gridspec(max(1, features), 2 if features else 1, width_ratios=[3, 2] if features else None)
    axes = figure.plain_axes(grid[:, 0])
    axes.set(xlabel=as_label(across), ylabel=as_label(up))
    # Draw large classes first, so that rare ones are on top; rare classes get larger marks.
    for kind in sorted(kinds, key=lambda kind: -len(kind.members)):
        count = len(kind.members)
        label = f"{as_label(kind.name)} ({count:,})" if kind.name else None
        axes.scatter(
            *shown.places[kind.members].T, s=float(np.clip(12_000 / count, 9, 25)), marker=SHAPES[kind.shape],
            color=kind.color, alpha=0.6, linewidths=0.5, label=label,
        )  # fmt: skip
    _number_stacks(axes, shown.places)
    words = ", ".join(f"{len(kind.members):,} {kind.name} ({_WORDS[kind.shape]})" for kind in kinds if kind.name)
    if words:
        figure.legend(loc="outside upper center", frameon=False, labelcolor=TEXT, ncols=3, markerscale=2)
    figure.alt = f"Map of {len(shown.places):,} sequences by {across} and {up}{': ' * bool(words)}{words}."
    if selected is None:
        return figure
    # A black ring with a white border is visible on any background.
    for color, width in (("white", 5), ("black", 2)):
        axes.plot(*shown.places[selected], "o", markersize=13, color=color, fillstyle="none", markeredgewidth=width)
    kind = next(kind for kind in kinds if selected in kind.members)
    name = f"sequence {selected}{', ' * bool(kind.name)}{kind.name}"
    for feature in range(features):
        strip = figure.plain_axes(grid[feature, 1])
        strip.plot(shown.sequences.sequences[selected, :, feature], color=kind.color)
        if shown.reconstructions is not None:
            strip.plot(shown.reconstructions.sequences[selected, :, feature], color=RECONSTRUCTION, linestyle="--")
        strip.set_ylabel(f"feature {feature + 1}" if features > 1 else "")
        strip.set_title(as_label(name) if feature == 0 else "", fontsize="medium")
        strip.tick_params(labelbottom=feature == features - 1)
    strip.set_xlabel("time step")
    too = " with its reconstruction" * (shown.reconstructions is not None)
    if features < shown.sequences.n_features:
        too += f", features 1 to {features} of {shown.sequences.n_features}"
    figure.alt += f" A ring marks {name}, which is drawn next to the map{too}."
    return figure


def _number_stacks(axes: Any, places: np.ndarray) -> None:
    """Write the number of points beside each place with several points, at most twenty places."""
    stacks, counts = np.unique(places, axis=0, return_counts=True)
    for i in np.argsort(-counts, kind="stable")[:20]:
        if counts[i] > 1:
            axes.annotate(f"×{counts[i]:,}", stacks[i], (8, 6), textcoords="offset points", color=TEXT)
