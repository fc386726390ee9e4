"""Thresholds from normal scores: rules with and without a guaranteed false alarm rate, and their errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats
from sklearn import metrics

from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.detection import (
    RULES,
    Detection,
    false_alarm_threshold,
    mad_threshold,
    mean_sd_threshold,
    oracle_threshold,
    pot_threshold,
    quantile_threshold,
    reconstruction_error,
    tracked_thresholds,
)

SCORES = npst.arrays(np.float64, st.integers(1, 80), elements=st.floats(-1e6, 1e6))
RESPLITS, CALIBRATION = 200, 100


@pytest.fixture(scope="module")
def skewed_scores():
    """Scores as skewed as reconstruction errors, and equal on every processor."""
    return np.random.default_rng(0).exponential(size=2189)


@pytest.fixture(scope="module")
def normal_errors():
    """Errors of one trained model on the normal beats used neither in training nor by history restore."""
    parts = split(load_ecg5000(), seed=0, training=0.2, validation=0.05, calibration=0.4)
    trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=16), "cpu", batch_size=32, learning_rate=0.01)
    model = benchmark(trainer, parts.training, parts.validation, epochs=3).model
    unseen = (parts.calibration, parts.test.subset(~parts.test.abnormal))
    errors = np.concatenate([reconstruction_error(model, part) for part in unseen])
    assert len(np.unique(errors)) == len(errors) > 2000
    return errors


def false_alarms(errors, threshold_of, n=CALIBRATION):
    """Return the share of scores above a threshold set on n other scores, for each of 200 shuffles."""
    shares = []
    for seed in range(RESPLITS):
        shuffled = np.random.default_rng(seed).permutation(errors)
        shares.append(np.mean(shuffled[n:] > threshold_of(shuffled[:n])))
    return np.array(shares)


def mean_share(rate, total, quantile):
    """Return the exact quantile of the mean share over the resplits, for a threshold at `rank(rate)`.

    The scores are fixed and only the shuffle is random, so the resplits are independent. By
    symmetry, the number of test scores above the k-th smallest of n scores has the negative
    hypergeometric (a beta-binomial) distribution with parameters n + 1 - k and k, mean
    1 - k / (n + 1). The sum over the resplits is the convolution of this distribution with itself.
    """
    k, rest = rank(rate), total - CALIBRATION
    one = stats.betabinom(rest, CALIBRATION + 1 - k, k).pmf(np.arange(rest + 1))
    size = RESPLITS * rest + 1
    total_alarms = np.fft.irfft(np.fft.rfft(one, size) ** RESPLITS, size)
    return np.searchsorted(np.cumsum(total_alarms), quantile) / (RESPLITS * rest)


def rank(rate):
    return math.ceil(round((CALIBRATION + 1) * (1 - rate), 9))


def holds(shares, rate, total):
    """Return whether the mean share is compatible with at most `rate`, in a one-sided test at the 1 % level."""
    slack = rate - (1 - rank(rate) / (CALIBRATION + 1))  # ranks are integers, so the share may be lower
    return shares.mean() <= mean_share(rate, total, 0.99) + slack


@pytest.mark.parametrize("rate", [0.01, 0.05])
@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if rule.promises_rate])
def test_rules_that_guarantee_rate_keep_it_on_skewed_scores(skewed_scores, name, rate):
    rule = RULES[name]
    value = 1000 * rate if rule.keyword == "per_thousand" else rate
    shares = false_alarms(skewed_scores, lambda scores: rule.function(scores, **{rule.keyword: value}))
    assert holds(shares, rate, len(skewed_scores))
    # the threshold is also not too high
    assert shares.mean() >= mean_share(rate, len(skewed_scores), 0.01)


@pytest.mark.parametrize("rate", [0.01, 0.05])
def test_check_of_rate_fails_for_rules_without_guaranteed_rate(skewed_scores, rate):
    """The rate of the sample quantile is too high by 1/(n + 1); the other two rules guarantee no rate."""
    for rule in (
        lambda scores: np.quantile(scores, 1 - rate),
        lambda scores: np.sort(scores)[math.ceil((len(scores) + 1) * (1 - rate)) - 2],
        lambda scores: mean_sd_threshold(scores, k=stats.norm.ppf(1 - rate)),
        lambda scores: mad_threshold(scores, k=stats.norm.ppf(1 - rate)),
    ):
        assert not holds(false_alarms(skewed_scores, rule), rate, len(skewed_scores))


def test_rates_in_docstrings_of_rules_without_guaranteed_rate(normal_errors):
    """The rates are 2.7 % and 6.0 %; for peaks over threshold 0.22 %, 0.12 % and 1.8 %."""

    def mean(rule, n):
        return 100 * false_alarms(normal_errors, rule, n).mean()

    assert mean(mean_sd_threshold, 1000) == pytest.approx(2.7, abs=0.5)
    assert mean(mad_threshold, 1000) == pytest.approx(6.0, abs=1)
    assert mean(pot_threshold, 500) == pytest.approx(0.22, abs=0.06)
    assert mean(pot_threshold, 1000) == pytest.approx(0.12, abs=0.04)
    assert mean(lambda scores: pot_threshold(scores, rate=0.01, level=0.9), 500) == pytest.approx(1.8, abs=0.3)
    normal = np.random.default_rng(1).normal(size=20_000)
    assert 100 * false_alarms(normal, pot_threshold, 500).mean() == pytest.approx(0.23, abs=0.06)


@given(SCORES.filter(lambda x: np.ptp(x) > 1e-3), st.floats(0.1, 10))
def test_mean_sd_and_mad_threshold_equal_their_formulas(scores, k):
    assert mean_sd_threshold(scores, k=k) == pytest.approx(scores.mean() + k * np.std(scores, ddof=1), abs=1e-6)
    scale = stats.median_abs_deviation(scores, scale="normal")
    if scale > 0:
        assert mad_threshold(scores, k=k) == pytest.approx(np.median(scores) + k * scale, rel=1e-4, abs=1e-4)


def test_peaks_over_threshold_fits_tail_of_known_distributions():
    """Exponential (shape 0), Pareto (1/3) and uniform (-1) tails give the exact quantile, within a tolerance."""
    generator = np.random.default_rng(0)
    for distribution, tolerance in ((stats.expon(), 0.1), (stats.pareto(3), 0.3), (stats.uniform(), 0.01)):
        scores = distribution.rvs(20_000, random_state=generator)
        for rate in (1e-3, 1e-4):
            assert pot_threshold(scores, rate=rate) == pytest.approx(distribution.isf(rate), rel=tolerance)


@pytest.mark.parametrize("rate", [0.002, 0.005, 0.0195])
def test_peaks_over_threshold_equals_formula_of_paper(rate):
    scores = np.random.default_rng(3).lognormal(size=1000)
    start = np.quantile(scores, 0.98)
    excesses = scores[scores > start] - start
    gamma, _, sigma = stats.genpareto.fit(excesses, floc=0)
    expected = start + sigma / gamma * ((rate * 1000 / len(excesses)) ** -gamma - 1)
    assert pot_threshold(scores, rate=rate, level=0.98) == pytest.approx(expected, rel=1e-3)


@given(st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_peaks_over_threshold_shifts_and_scales_with_scores(scale, shift):
    scores = np.random.default_rng(4).lognormal(size=600)
    threshold = (pot_threshold(scores * scale + shift) - shift) / scale
    assert threshold == pytest.approx(pot_threshold(scores), rel=1e-3)


def test_peaks_over_threshold_raises_for_unsuitable_scores():
    scores = np.random.default_rng(0).lognormal(size=1000)
    assert pot_threshold(scores, rate=1e-5) > scores.max()
    with pytest.raises(ValueError, match="at least 99999 scores for a rate of 1e-05, got 1000"):
        quantile_threshold(scores, rate=1e-5)
    with pytest.raises(ValueError, match=r"calibration_scores must .*level 0\.98, got 2 of 100"):
        pot_threshold(scores[:100], level=0.98)
    assert pot_threshold(scores[:100]) == pot_threshold(scores[:100], level=0.8)
    assert pot_threshold(scores, rate=0.05) == pot_threshold(scores, rate=0.05, level=0.9)
    with pytest.raises(ValueError, match="got 9 of 18"):
        pot_threshold(scores[:18])
    with pytest.raises(ValueError, match="got 0 of 1000"):
        pot_threshold(np.ones(1000))
    with pytest.raises(ValueError, match="not all equal"):
        pot_threshold(np.repeat([0.0, 1.0], [980, 20]), level=0.9)
    with pytest.raises(ValueError, match=r"rate must be at most 0\.02.*got 0\.05"):
        pot_threshold(scores, rate=0.05, level=0.98)
    with pytest.raises(ValueError, match=r"level must be a number above 0 and below 1.*got 1\.0"):
        pot_threshold(scores, level=1.0)


@given(st.integers(1, 900), st.integers(1, 2000))
def test_false_alarms_per_thousand_and_per_hour_give_same_threshold(alarms, stride):
    scores = np.random.default_rng(0).uniform(size=2000)
    threshold = quantile_threshold(scores, rate=alarms / 1000)
    assert false_alarm_threshold(scores, per_thousand=alarms) == threshold
    per_hour = alarms / 1000 * 3600 * 250 / stride
    other = false_alarm_threshold(scores, per_hour=per_hour, sampling_rate=250, stride=stride)
    assert abs(np.searchsorted(np.sort(scores), [other, threshold]) @ [1, -1]) <= 1


def test_false_alarms_per_hour_equal_requested_number():
    """On average over 400 draws of ten hours of windows."""
    windows_per_hour, alarms = 360, []
    for seed in range(400):
        scores = np.random.default_rng(seed).exponential(size=719 + 10 * windows_per_hour)
        threshold = false_alarm_threshold(scores[:719], per_hour=5, sampling_rate=100, stride=1000)
        alarms.append((scores[719:] > threshold).sum() / 10)
    assert np.mean(alarms) == pytest.approx(5, abs=3 * np.std(alarms) / 20)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "one of per_thousand, per_hour and per_day must be given, got none"),
        ({"per_thousand": 5, "per_hour": 5}, "per_day must be given, got {.per_thousand.: 5, .per_hour.: 5}"),
        ({"per_thousand": 1000}, "per_thousand must be a number above 0 and below 1000 .*got 1000"),
        ({"per_thousand": 0}, "per_thousand must be a number above 0 and below 1000 .*got 0"),
        ({"per_thousand": math.nan}, "per_thousand must be a number above 0 and below 1000 .*got nan"),
        ({"per_hour": 5}, "sampling_rate must be a number above 0.*got None"),
        ({"per_hour": 5, "sampling_rate": 1, "stride": 0}, "stride must be an integer.*got 0"),
        ({"per_hour": 3601, "sampling_rate": 1}, "per_hour must be a number above 0 and below 3600 .*got 3601"),
        ({"per_thousand": 1}, "calibration_scores must have at least 999 scores .*got 500"),
    ],
)
def test_invalid_number_of_false_alarms_raises(arguments, match):
    with pytest.raises(ValueError, match=match):
        false_alarm_threshold([1.0] * 500, **arguments)


@pytest.mark.parametrize("rule", [mean_sd_threshold, mad_threshold])
def test_equal_scores_raise(rule):
    for scores in ([0.1] * 10, [3.0]):
        with pytest.raises(ValueError, match="calibration_scores must"):
            rule(scores)
    with pytest.raises(ValueError, match="finite threshold, got"):
        rule([-1e308, -1e308, 0.0, 1e308, 1e308])
    with pytest.raises(ValueError, match=r"k must be a number above 0.*got -1"):
        rule([1.0, 2.0, 3.0], k=-1)
    with pytest.raises(ValueError, match=r"3 of 5 equal to 1\..*quantile_threshold"):
        mad_threshold([1.0, 1.0, 1.0, 2.0, 3.0])


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=30))
def test_oracle_threshold_has_best_f1(pairs):
    scores, labels = np.array([[0, 0], [1, 1], *pairs]).T

    def f1(threshold):
        return metrics.f1_score(labels, scores > threshold, zero_division=0)

    best = oracle_threshold(scores, labels)
    assert f1(best) == pytest.approx(max(f1(threshold) for threshold in range(-6, 7)))


@pytest.mark.parametrize("name", RULES)
def test_rules_do_not_depend_on_order_of_scores(name, skewed_scores):
    rule = RULES[name]
    value = {"rate": 0.01, "per_thousand": 10, "k": 3}[rule.keyword]
    threshold = rule.function(skewed_scores, **{rule.keyword: value})
    assert rule.function(skewed_scores[::-1], **{rule.keyword: value}) == pytest.approx(threshold, rel=1e-6)
    for scores in ([], [math.nan], None, [[1.0]]):
        with pytest.raises((TypeError, ValueError), match="calibration_scores must be"):
            rule.function(scores, **{rule.keyword: value})


@given(npst.arrays(np.float64, 200, elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_scores_of_any_size_give_finite_threshold_or_raise(scores):
    for function in (pot_threshold, mean_sd_threshold, mad_threshold):
        try:
            level = {"level": 0.5} if function is pot_threshold else {}
            assert math.isfinite(function(scores, **level))
        except ValueError as error:
            assert str(error).startswith("calibration_scores ")  # noqa: PT017


# ------------------------------------------------------------------ quantile tracker


def test_tracker_keeps_rate_on_stationary_scores():
    scores = np.random.default_rng(0).lognormal(size=11_000)
    flagged = scores[1000:] > tracked_thresholds(scores[:1000], scores[1000:], rate=0.01)
    assert 0.005 <= flagged.mean() <= 0.015


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.2])
def test_tracker_keeps_rate_exactly_as_its_threshold_says(rate):
    calibration = np.arange(1.0, 2001)
    # rises a thousandfold, with peaks
    scores = np.geomspace(1, 1000, 20_000) * np.random.default_rng(0).lognormal(size=20_000)
    thresholds = tracked_thresholds(calibration, scores, rate=rate)
    step = 0.1 * (np.quantile(np.log(calibration), 0.95) - np.median(np.log(calibration)))
    flagged = (scores > thresholds)[:-1]
    expected = rate + np.log(thresholds[-1] / thresholds[0]) / (step * len(flagged))
    assert flagged.mean() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("first_flagged", [True, False])
@pytest.mark.parametrize(("top", "step"), [(199, 0.1 * (0.95 * 1.99 - 0.995)), (20, 0.05)])
def test_tracker_follows_its_formula(first_flagged, top, step):
    # the conformal quantile is the 199th of the 200 scores; the second case has the smallest step
    logs = np.linspace(0, top / 100, 200)
    begin = quantile_threshold(np.exp(logs), rate=0.01)
    scores = [begin * (1.1 if first_flagged else 0.9), np.nan, 1.0]
    thresholds = tracked_thresholds(np.exp(logs), scores, rate=0.01)
    np.testing.assert_allclose(thresholds[0], begin)
    np.testing.assert_allclose(thresholds[1:], begin * np.exp(step * (first_flagged - 0.01)), rtol=1e-9)


def test_tracker_refuses_negative_scores_and_too_few_calibration_scores():
    with pytest.raises(ValueError, match="scores must not be negative, got -1"):
        tracked_thresholds(np.ones(200), [1.0, -1.0])
    with pytest.raises(ValueError, match=r"at least 99 scores for a rate of 0\.01, got 50"):
        tracked_thresholds(np.ones(50), [1.0])


@pytest.mark.parametrize("scores", [np.ones((2, 2)), 1.0, ["a"], [np.inf], None])
def test_tracker_refuses_what_is_no_series_of_scores(scores):
    with pytest.raises(ValueError, match="scores must be finite numbers or NaN, of shape"):
        tracked_thresholds(np.ones(200), scores)


def test_tracker_begins_exactly_at_conformal_quantile():
    for seed in range(50):
        calibration = np.random.default_rng(seed).lognormal(size=200)
        first = quantile_threshold(calibration, rate=0.01)
        assert tracked_thresholds(calibration, [first, first])[0] == first


def test_tracker_handles_zero_scores():
    thresholds = tracked_thresholds(np.zeros(200), np.zeros(1000))
    assert np.isfinite(thresholds).all()
    assert (thresholds > 0).all()
    # a machine that stands still for long
    assert tracked_thresholds(np.ones(200), np.zeros(100_000)).min() == pytest.approx(1e-12)


# ------------------------------------------------------------------ false alarms as events


@given(npst.arrays(np.float64, st.integers(20, 60), elements=st.integers(0, 12).map(float)), st.integers(1, 6))
def test_event_threshold_is_lowest_that_flags_no_more_events(scores, gap):
    found = false_alarm_threshold(scores, per_thousand=100, gap=gap)

    def events(threshold):
        flagged = Detection(scores, threshold, np.zeros(len(scores), dtype=bool))
        return len(flagged.merged_events(gap))

    allowed = len(scores) // 10
    candidates = sorted({*scores.tolist()}, reverse=True)
    fine = [all(events(t) <= allowed for t in candidates if t >= one) for one in candidates]
    assert found == candidates[sum(fine) - 1]


def test_events_are_counted_per_hour_and_day():
    # a peak of three steps every hundred steps
    scores = np.zeros(1000)
    for i in range(10):
        scores[100 * i : 100 * i + 3] = i + 1
    # ten seconds a step: 86.4 peaks a day
    assert false_alarm_threshold(scores, per_day=44, sampling_rate=0.1, gap=5) == 5
    assert false_alarm_threshold(scores, per_hour=44 / 24, sampling_rate=0.1, gap=5) == 5
    # all peaks are one event if a hundred steps do not separate them
    assert false_alarm_threshold(scores, per_day=10, sampling_rate=0.1, gap=100) == 0
    with pytest.raises(ValueError, match="at least 2000 scores for one event, got 1000"):
        false_alarm_threshold(scores, per_thousand=0.5, gap=5)
    with pytest.raises(ValueError, match="one of per_thousand, per_hour and per_day must be given, got none"):
        false_alarm_threshold(scores, gap=5)
