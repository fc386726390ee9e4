"""The arguments of the map, its errors, and the data that it sends to the page."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import traitlets
from hypothesis import given
from hypothesis import strategies as st

from data import DataSet, load_ecg5000
from trainers import LSTMAutoencoder, plotting
from trainers.plotting import ABNORMAL, FLAGGED, RECONSTRUCTION, RESTORE, TEXT, TRAIN, VALIDATION
from trainers.widgets import LatentMap, sequences
from trainers.widgets.export import read_assets
from trainers.widgets.latent_map import COLORS, SHAPES, project

from .helpers import page_data, unpacked

POINTS = np.array([[0.0, 1.0], [2.0, 1.0], [2.0, 3.0], [0.5, 0.5], [1.0, 1.5]])
BEATS, LABELS = np.arange(35.0).reshape(5, 7), np.array([0, 2, 0, 1, 0])


# ---------------------------------------------------------------- places


def test_two_coordinates_are_unchanged():
    latent_map = LatentMap(torch.tensor(POINTS, requires_grad=True), BEATS)
    np.testing.assert_array_equal(latent_map.places, POINTS)
    np.testing.assert_array_equal(np.frombuffer(latent_map.data["places"], "<f8").reshape(-1, 2), POINTS)
    assert latent_map.data["axes"] == ["latent 1", "latent 2"]


@given(st.integers(0, 10_000), st.integers(3, 60), st.integers(3, 12))
def test_more_coordinates_are_projected_on_principal_components(seed, n, k):
    draws = np.random.default_rng(seed)
    points = draws.normal(size=(n, k)) * draws.uniform(0.1, 3, k) + draws.normal(size=k)
    places, (first, second) = project(points)
    # Compare with the eigenvalues of the covariance, computed without scikit-learn.
    covariance = np.cov(points.T)
    largest = np.linalg.eigvalsh(covariance)[::-1][:2]
    np.testing.assert_allclose(places.var(0, ddof=1), largest, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(places.mean(0), 0, atol=1e-9)
    for name, i in ((first, 0), (second, 1)):
        share = 100 * largest[i] / np.trace(covariance)
        assert abs(float(re.fullmatch(rf"PC {i + 1} \((\d+) % of the variance\)", name)[1]) - share) <= 0.5 + 1e-6


def test_projection_is_never_mirrored():
    points = np.random.default_rng(0).normal(size=(200, 5)) * [1, 5, 2, 0.5, 3]
    places, _ = project(points)
    for axis, feature in ((0, 1), (1, 4)):
        assert np.corrcoef(places[:, axis], points[:, feature])[0, 1] > 0.9, "towards its largest weight"
    shuffled = np.random.default_rng(1).permutation(200)
    np.testing.assert_allclose(project(points[shuffled])[0], places[shuffled], atol=1e-9)


@pytest.mark.parametrize(
    ("points", "shares"),
    [
        (np.full((3, 3), 0.1), (0, 0)),
        (np.array([[1.0, 2.0, 3.0]]), (0, 0)),
        (np.outer(np.arange(4.0), [1, 2, 2]), (100, 0)),
        (np.outer(np.arange(4.0), [1, 2, 2]) * 1e-170, (100, 0)),
        (np.outer(np.arange(4.0), [1, 2, 2]) * 1e99, (100, 0)),
    ],
)
def test_nearly_equal_points_have_a_map(points, shares):
    places, names = project(points)
    distances = np.hypot.reduce(points - points[0], axis=1)
    np.testing.assert_allclose(np.abs(places[:, 0] - places[0, 0]), distances, rtol=1e-9)
    assert names == tuple(f"PC {i} ({share} % of the variance)" for i, share in enumerate(shares, 1))


def test_latent_space_of_model_is_accepted():
    beats = load_ecg5000()[:20]
    model = LSTMAutoencoder(hidden_size=4, latent_size=3)
    latent_map = LatentMap(model.encode(beats.sequences), beats, reconstructions=model(beats.sequences))
    assert latent_map.places.shape == (20, 2)
    assert latent_map.data["pictures"]["time"] == 140


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"points": POINTS[:, :1]}, r"shape \(n, k\) with k at least 2, got \(5, 1\)"),
        ({"points": POINTS[:, 0]}, r"shape \(n, k\).*got \(5,\)"),
        ({"points": np.zeros((5, 2, 2))}, r"got \(5, 2, 2\)"),
        ({"points": np.zeros((0, 2))}, r"got \(0, 2\)"),
        ({"points": np.where(POINTS == 3, np.nan, POINTS)}, r"up to ±1e\+100, got \[2.0, nan\] at index 2"),
        ({"points": np.where(POINTS == 3, 1e101, POINTS)}, "at index 2"),
        ({"points": POINTS[:4]}, r"sequences must have the same length as points \(4\), got 5"),
        ({"labels": [0, 1]}, "one value for each of the 5 points"),
        ({"labels": [0.5] * 5}, "integers"),
        ({"labels": LABELS, "class_names": ["normal"]}, "must name every label from 0 to 2"),
        ({"class_names": ["normal"]}, r"Give labels=… too"),
        ({"reconstructions": np.zeros((5, 6))}, "reconstructions must have the shape"),
        ({"sequences": np.full((5, 7), np.nan)}, "must be finite"),
    ],
)
def test_mismatched_arguments_raise(given, match):
    with pytest.raises(ValueError, match=match):
        LatentMap(**{"points": POINTS, "sequences": BEATS, **given})


def test_points_that_are_not_numbers_raise():
    with pytest.raises(TypeError, match="points must be real numbers"):
        LatentMap([["left", "right"]], BEATS[:1])


# ---------------------------------------------------------------- labels and names


def test_labels_and_names_come_from_the_data_set():
    beats = DataSet(BEATS, labels=LABELS, class_names=["normal", "slow", "fast"])
    data = LatentMap(POINTS, beats).data
    assert [one["name"] for one in data["classes"]] == ["normal", "slow", "fast"]
    np.testing.assert_array_equal(np.frombuffer(data["labels"], "<i4"), LABELS)
    renamed = LatentMap(POINTS, beats, class_names=["a", "b", "c"]).data
    assert [one["name"] for one in renamed["classes"]] == ["a", "b", "c"]


def test_given_labels_do_not_get_names_of_data_set():
    beats = DataSet(BEATS, labels=LABELS, class_names=["normal", "slow", "fast"])
    data = LatentMap(POINTS, beats, labels=[0, 0, 1, 1, 2]).data
    assert [one["name"] for one in data["classes"]] == ["normal", "class 1", "class 2"]


def test_labels_of_steps_become_labels_of_sequences():
    steps = np.zeros((5, 7), dtype=int)
    steps[3, 2] = 4
    data = LatentMap(POINTS, DataSet(BEATS, labels=steps)).data
    assert [one["name"] for one in data["classes"]] == ["normal", "abnormal"]
    assert np.frombuffer(data["labels"], "<i4").tolist() == [0, 0, 0, 1, 0]


def test_without_labels_there_is_one_unnamed_class():
    data = LatentMap(POINTS, BEATS).data
    assert data["labels"] is None
    assert [one["name"] for one in data["classes"]] == [""]


def test_look_of_label_does_not_depend_on_other_labels():
    looks = [{k: one[k] for k in ("color", "shape")} for one in LatentMap(POINTS, BEATS, labels=LABELS).data["classes"]]
    alone = LatentMap(POINTS[:1], BEATS[:1], labels=[2]).data["classes"][0]
    assert {k: alone[k] for k in ("color", "shape")} == looks[2]
    many = LatentMap(np.zeros((56, 2)), np.zeros((56, 3)), labels=np.arange(56)).data["classes"]
    assert len({(one["color"], one["shape"]) for one in many}) == 56


def test_page_and_picture_have_same_shapes():
    drawn = re.search(r"const SHAPES = \[(.*?)\];", read_assets(["latent_map.js"], ".js"), re.DOTALL)[1]
    assert drawn.count('"') == 2 * len(SHAPES)


@pytest.mark.parametrize("name", ["latent_map", "threshold_explorer"])
def test_page_and_picture_have_same_colours(name):
    style = read_assets([f"{name}.css"], ".css")
    assert re.findall(r"\.reconstruction \{[^}]*stroke: (#\w+)", style) == [RECONSTRUCTION]
    script = read_assets(["threshold_explorer.js"], ".js")
    assert f'const [NORMAL, ABNORMAL] = ["{TRAIN}", "{ABNORMAL}"];' in script
    assert COLORS[:2] == (TRAIN, ABNORMAL)


def test_colours_of_runs_and_classes_have_no_other_meaning_and_differ():
    meanings = [TRAIN, VALIDATION, RESTORE, TEXT, RECONSTRUCTION, ABNORMAL, FLAGGED]
    assert set(COLORS[2:]) <= set(plotting.COLORS)
    runs, others = (
        np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors])
        for colors in (plotting.COLORS, [*meanings, *plotting.COLORS])
    )
    distances = np.sort(np.linalg.norm(runs[:, None] - others[None], axis=2))
    assert distances[:, 1].min() > 30, "the nearest other colour"


def test_every_colour_is_visible_on_white_and_black():
    def light(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    for color in (*plotting.COLORS, TRAIN, VALIDATION, RESTORE, RECONSTRUCTION, ABNORMAL):
        # JupyterLab's dark background is #111111.
        assert min(1.05 / (light(color) + 0.05), (light(color) + 0.05) / (light("#111111") + 0.05)) >= 3, color


# ---------------------------------------------------------------- selected sequence


def test_selected_can_be_read_set_and_observed():
    latent_map = LatentMap(POINTS, BEATS)
    changes = []
    latent_map.observe(lambda change: changes.append(change["new"]), "selected")
    latent_map.selected = np.int64(3)
    latent_map.selected = 0
    latent_map.selected = None
    assert changes == [3, 0, None]
    assert type(LatentMap(POINTS, BEATS, selected=np.int32(4)).selected) is int


@pytest.mark.parametrize("bad", [-1, 5, 1.0, True, "1", np.array([1, 2])])
def test_invalid_selected_raises_and_changes_nothing(bad):
    latent_map = LatentMap(POINTS, BEATS, selected=2)
    with pytest.raises((ValueError, traitlets.TraitError), match=r"selected must be an integer from 0 to 4 .*, got"):
        latent_map.selected = bad
    assert latent_map.selected == 2
    with pytest.raises(ValueError, match=r"selected must be an integer from 0 to 4 .*, got"):
        LatentMap(POINTS, BEATS, selected=bad)


# ---------------------------------------------------------------- page and picture


def test_exported_page_holds_every_number(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 6, 2)).astype(np.float32)
    latent_map = LatentMap(POINTS, values, labels=LABELS, reconstructions=-values)
    latent_map.selected = 3
    latent_map.to_html(tmp_path / "page.html")
    data = page_data(tmp_path / "page.html")
    np.testing.assert_array_equal(unpacked(data["places"], "<f8").reshape(5, 2), POINTS)
    np.testing.assert_array_equal(unpacked(data["labels"], "<i4"), LABELS)
    np.testing.assert_array_equal(unpacked(data["pictures"]["sequences"], "<f4").reshape(values.shape), values)
    np.testing.assert_array_equal(unpacked(data["pictures"]["reconstructions"], "<f4").reshape(values.shape), -values)
    assert data["selected"] == 3


def test_markup_in_name_does_not_break_exported_page(tmp_path):
    names = ["fine", "</script><script>alert(1)</script>", "<!--"]
    LatentMap(POINTS, BEATS, labels=LABELS, class_names=names).to_html(tmp_path / "page.html")
    assert [one["name"] for one in page_data(tmp_path / "page.html")["classes"]] == names


def test_too_many_values_are_reduced_to_evenly_spaced_sequences(monkeypatch):
    monkeypatch.setattr(sequences, "MAX_VALUES", 3 * 7)
    pictures = LatentMap(POINTS, BEATS).data["pictures"]
    assert np.frombuffer(pictures["positions"], "<i4").tolist() == [0, 2, 4]
    np.testing.assert_array_equal(np.frombuffer(pictures["sequences"], "<f4").reshape(3, 7), BEATS[::2])


def test_page_data_has_number_of_all_features():
    for n, held in ((7, 7), (40, 32)):
        pictures = LatentMap(POINTS, np.zeros((5, 3, n))).data["pictures"]
        assert (pictures["features"], pictures["all_features"]) == (held, n)


def test_widget_has_picture_with_alt_text():
    latent_map = LatentMap(POINTS, BEATS, labels=LABELS)
    shown, about = latent_map._repr_mimebundle_()
    assert shown["image/png"].startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert shown["text/plain"] == "<LatentMap of 5 sequences>"
    assert about["image/png"]["alt"] == (
        "Map of 5 sequences by latent 1 and latent 2: 3 normal (circles), 1 class 1 (squares), 1 class 2 (triangles)."
    )
    (axes,) = latent_map.figure.axes
    assert sorted(len(points.get_offsets()) for points in axes.collections) == [1, 1, 3]


@pytest.mark.parametrize("features", [1, 3, 6])
def test_picture_has_selected_sequence_and_its_reconstruction(features):
    values = np.random.default_rng(0).normal(size=(5, 8, features)).astype(np.float32)
    latent_map = LatentMap(POINTS, values, labels=LABELS, reconstructions=-values, selected=1)
    _, *strips = latent_map.figure.axes
    assert len(strips) == min(features, 4)
    for feature, axes in enumerate(strips):
        sequence, reconstruction = (line.get_ydata() for line in axes.lines)
        np.testing.assert_array_equal(sequence, values[1, :, feature])
        np.testing.assert_array_equal(reconstruction, -values[1, :, feature])
    end = "A ring marks sequence 1, class 2, which is drawn next to the map with its reconstruction"
    assert latent_map.figure.alt.endswith(f"{end}, features 1 to 4 of 6." if features == 6 else f"{end}.")


def test_picture_has_number_of_points_in_same_place():
    points = np.array([[0.0, 1.0]] * 20 + [[2.0, 1.0]])
    assert [text.get_text() for text in LatentMap(points, np.zeros((21, 4))).figure.axes[0].texts] == ["×20"]
