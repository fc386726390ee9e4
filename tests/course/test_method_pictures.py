"""The plots of lesson 7 show the counts of their alt text."""

import numpy as np
import pandas as pd

from notebooks.course.method_pictures import plot_found, plot_two_methods


def test_discs_show_the_share_found():
    table = pd.DataFrame([[3, 0], [1, 3]], index=["a", "b"], columns=["flatline", "spike"])
    figure = plot_found(table, of=3)
    sizes = [float(disc.get_sizes()[0]) for disc in figure.axes[0].collections]
    np.testing.assert_allclose(sizes[1::2], [230, 0, 230 / 3, 230])
    assert (
        figure.alt
        == "Which of 3 anomalies of each kind are found: a finds all but spike 0; b finds all but flatline 1."
    )


def test_alt_text_counts_the_four_corners():
    x, y = np.array([2, 2, 0.5, 0.5, 0.5, 2]), np.array([2, 0.5, 2, 0.5, 0.5, 2])
    figure = plot_two_methods({"1-NN": x, "network": y}, [True, True, True, True, False, True])
    assert "Of 5 abnormal sequences, 2 are above both thresholds, 1 only above that of 1-NN, 1 only above" in figure.alt
    line = figure.axes[0].lines[0]
    np.testing.assert_array_equal(np.stack(line.get_data()), [x[[0, 1, 2, 3, 5]], y[[0, 1, 2, 3, 5]]])
