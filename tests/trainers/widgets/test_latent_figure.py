"""The static map shows names from the user unchanged."""

from __future__ import annotations

import io

import numpy as np
import pytest

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
