"""`plot_seeds`: dots, intervals, and alt text."""

import numpy as np
import pytest
from scipy import stats

from trainers.detection import plot_seeds

NETWORK, NEAREST = [0.97, 0.98, 0.99, 0.95], [0.99, 0.985, 0.995, 0.99]


def test_every_seed_is_a_dot_with_interval_of_mean():
    figure = plot_seeds({"network": NETWORK, "1-NN": NEAREST}, level=0.9)
    (axes,) = figure.axes
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]
    assert points == [(value, row) for row, values in enumerate((NETWORK, NEAREST)) for value in values]
    markers = [line.get_marker() for line in axes.lines if len(line.get_xdata()) == 1]
    assert markers[:4] == markers[4:], "the same seed has the same marker"
    assert len(set(markers)) == 4
    bar = next(line.get_xdata() for line in axes.lines if list(line.get_ydata()) == [0, 0])
    wanted = stats.ttest_1samp(NETWORK, 0).confidence_interval(0.9)
    np.testing.assert_allclose(bar, [wanted.low, wanted.high])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["network", "1-NN"]
    assert "network 0.950 to 0.990, mean 0.972" in figure.alt


def test_single_value_has_no_interval():
    figure = plot_seeds({"from a paper": 0.42}, label="VUS-PR")
    assert len(figure.axes[0].lines) == 1
    assert figure.alt == "VUS-PR of 1 method: from a paper 0.420."


@pytest.mark.parametrize(
    ("values", "options", "match"),
    [
        ({}, {}, "at least one"),
        ([0.9], {}, "dict of methods"),
        ({"a": []}, {}, r"finite numbers.* seed, got .*shape \(0,\)"),
        ({"a": [0.9, np.nan]}, {}, "finite"),
        ({"a": np.ones((2, 2))}, {}, r"shape \(2, 2\)"),
        ({"a": ["x"]}, {}, "real numbers"),
        ({"a": [0.9]}, {"level": 95}, r"level must be a number above 0 and below 1.*got 95"),
    ],
)
def test_invalid_arguments_raise(values, options, match):
    with pytest.raises((TypeError, ValueError), match=match):
        plot_seeds(values, **options)
