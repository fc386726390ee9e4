"""The static map shows names from the user unchanged."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from trainers.detection import plot_seeds, plot_sequences
from trainers.plotting import as_label
from trainers.widgets import LatentMap


@pytest.mark.parametrize("name", ["_hidden", "5$ and 6$", "$x^2", "_$a$"])
def test_names_with_matplotlib_markup_are_shown_unchanged(name):
    points, labels = np.arange(10.0).reshape(5, 2), [0, 0, 0, 1, 1]
    figure = LatentMap(points, np.zeros((5, 7)), labels=labels, class_names=["usual", name], selected=4).figure
    drawn = io.StringIO()
    with_text = {"svg.fonttype": "none"}
    import matplotlib as mpl

    with mpl.rc_context(with_text):
        figure.savefig(drawn, format="svg")
    assert f"{name} (2)" in drawn.getvalue().replace("\u200b", "")
    assert f"sequence 4, {name}" in drawn.getvalue()
    assert f"2 {name} (squares)" in figure.alt


NAMES = ["早搏", "_ナ", "عربي", "❤\ufe0f 🫀", "half \ud83d", "two\nlines", "क्षि"]


def test_names_in_any_script_are_drawn_without_warnings():
    sequences = np.zeros((len(NAMES), 5))
    points = np.stack([np.arange(len(NAMES))] * 2, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        latent_map = LatentMap(points, sequences, labels=range(len(NAMES)), class_names=NAMES, selected=1).figure
        for figure in (latent_map, plot_sequences(sequences, titles=NAMES), plot_seeds(dict.fromkeys(NAMES, 1.0))):
            figure.savefig(io.BytesIO())
    assert len(latent_map.legends[0].get_texts()) == len(NAMES)


def test_characters_without_glyph_are_replaced_in_words():
    assert as_label("früh, β") == "früh, β"
    assert as_label("早搏 A") == "[U+65E9 U+640F] A"
    assert as_label("🫀🫁") == "[anatomical heart lungs]"
    assert as_label("_早").replace("\u200b", "") == "_[U+65E9]"
