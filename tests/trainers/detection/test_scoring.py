"""Scores of differences: formulas, and handling of missing values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.covariance import EmpiricalCovariance

from trainers.detection.scoring import ErrorGaussian, sequence_scores, smoothed, step_errors

DIFFERENCES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3)), elements=st.floats(-9, 9)
)
FORMULAS = {
    "mae": lambda e: np.abs(e).mean(),
    "mse": lambda e: np.square(e).mean(),
    "sum": lambda e: np.abs(e).sum(),
    "max": lambda e: np.abs(e).max(),
}


@given(DIFFERENCES, st.sampled_from(list(FORMULAS)), st.integers(0, 2**31))
def test_scores_ignore_missing_values(differences, kind, seed):
    differences = differences.copy()
    differences[np.random.default_rng(seed).random(differences.shape) < 0.3] = np.nan

    def formula(values):
        values = values[~np.isnan(values)]
        return FORMULAS[kind](values) if values.size else np.nan

    steps, scores = step_errors(differences, kind), sequence_scores(differences, kind)
    for i, sequence in enumerate(differences):
        assert scores[i] == pytest.approx(formula(sequence), nan_ok=True)
        for t, step in enumerate(sequence):
            assert steps[i, t] == pytest.approx(formula(step), nan_ok=True)


def test_gaussian_is_mahalanobis_distance_of_absolute_errors():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(30, 40, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 2.0]])
    new = rng.normal(size=(5, 40, 3)) * 3
    fitted = EmpiricalCovariance().fit(np.abs(normal).reshape(-1, 3))
    scores = ErrorGaussian(normal)(new)
    np.testing.assert_allclose(scores, fitted.mahalanobis(np.abs(new).reshape(-1, 3)).reshape(5, 40), rtol=1e-9)
    np.testing.assert_allclose(sequence_scores(new, "gaussian", ErrorGaussian(normal)), scores.mean(1))


def test_gaussian_ignores_missing_values_and_constant_features():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(10, 20, 2))
    normal[..., 1] = 0
    gaussian = ErrorGaussian(normal)
    new = np.array([[[3.0, 0.0], [np.nan, 0.0], [np.nan, np.nan]]])
    scores = gaussian(new)
    assert np.isfinite(scores[0, :2]).all()
    assert np.isnan(scores[0, 2])
    assert scores[0, 1] == pytest.approx(0)
    with pytest.raises(ValueError, match="two time steps"):
        ErrorGaussian(np.full((2, 3, 1), np.nan))


@given(DIFFERENCES, st.integers(1, 8), st.booleans())
def test_smoothing_is_mean_over_neighbours_that_are_not_missing(differences, width, missing):
    width = min(width, differences.shape[1])
    differences = differences.copy()
    if missing:
        differences[:, 0] = np.nan
    result = smoothed(differences, width)
    for t in range(differences.shape[1]):
        around = differences[:, max(0, t - (width - 1) // 2) : t + width // 2 + 1]
        for i, f in np.ndindex(differences.shape[0], differences.shape[2]):
            known = around[i, :, f][~np.isnan(around[i, :, f])]
            expected = known.mean() if known.size and not np.isnan(differences[i, t, f]) else np.nan
            assert result[i, t, f] == pytest.approx(expected, nan_ok=True, abs=1e-9)
