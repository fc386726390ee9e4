"""Scores, thresholds, evaluation, baselines and plots, on real beats and against plain loops."""

from __future__ import annotations

import io
import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn import metrics
from torch import nn

from data import DataSet, Series, load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, reconstruct
from trainers.detection import (
    BASELINES,
    Detection,
    baseline_scores,
    baselines,
    bootstrap_interval,
    evaluate,
    evaluate_series,
    mean_sd_threshold,
    plot_errors,
    plot_reconstructions,
    plot_sequences,
    quantile_threshold,
    reconstruction_error,
)

# Baselines that train a network.
TRAINED = ("LSTM-AD", "EncDec-AD")


@pytest.fixture(scope="module")
def parts():
    return split(load_ecg5000(), seed=1)


def test_reconstruction_error_equals_plain_loop(beats, model):
    x, y = beats[0].sequences.numpy(), reconstruct(model, beats[0]).numpy()
    for kind, reduction in (("mae", np.mean), ("sum", np.sum)):
        expected = [reduction(np.abs(a - b)) for a, b in zip(x, y, strict=True)]
        np.testing.assert_allclose(reconstruction_error(model, beats[0], kind=kind), expected, rtol=1e-5)
    expected = [np.mean((a - b) ** 2) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(reconstruction_error(model, beats[0], kind="mse"), expected, rtol=1e-5)
    with pytest.raises(ValueError, match=r"kind must be one of .*got 'rmse'"):
        reconstruction_error(model, beats[0], kind="rmse")


def test_smoothing_averages_neighbouring_differences(beats, model):
    difference = (reconstruct(model, beats[0]) - beats[0].sequences)[..., 0].numpy()
    for width, before, after in ((1, 0, 0), (3, 1, 1), (4, 1, 2), (20, 9, 10)):
        expected = [
            np.mean([abs(row[max(0, t - before) : t + after + 1].mean()) for t in range(20)]) for row in difference
        ]
        np.testing.assert_allclose(reconstruction_error(model, beats[0], smooth=width), expected, rtol=1e-4)
    for wrong in (0, 21, 2.5, True, None):
        with pytest.raises(ValueError, match=f"smooth must be an integer from 1 to 20 .*, got {wrong}"):
            reconstruction_error(model, beats[0], smooth=wrong)


def test_model_with_nan_weights_raises(beats, model):
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(ValueError, match="40 of 40 sequences with NaN"):
        reconstruction_error(model, beats[0])


def test_quantile_threshold_keeps_rate_on_average():
    """Exact for exchangeable scores: k of n + 1 ranks are at or below the threshold."""
    generator = np.random.default_rng(0)
    for n, rate in ((19, 0.05), (100, 0.1), (37, 0.25)):
        alarms = []
        for _ in range(4000):
            scores = generator.lognormal(size=n + 1)
            alarms.append(scores[-1] > quantile_threshold(scores[:-1], rate=rate))
        expected = 1 - math.ceil(round((n + 1) * (1 - rate), 9)) / (n + 1)
        assert expected <= rate + 1e-12
        assert np.mean(alarms) == pytest.approx(expected, abs=4 * math.sqrt(rate / 4000))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_quantile_threshold_is_kth_smallest_score_or_too_few_scores_raise(scores, rate):
    k = math.ceil(round((len(scores) + 1) * (1 - rate), 9))
    if k > len(scores):
        match = rf"^calibration_scores must have at least \d+ scores for a rate of .*got {len(scores)}\.$"
        with pytest.raises(ValueError, match=match):
            quantile_threshold(scores, rate=rate)
    else:
        assert quantile_threshold(scores, rate=rate) == sorted(scores)[k - 1]


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5, math.nan, "5 %", True, None])
def test_invalid_rate_raises(rate):
    with pytest.raises(ValueError, match=f"rate must be a number above 0 and below 1.*got {rate!r}"):
        quantile_threshold([1.0] * 50, rate=rate)


@pytest.mark.parametrize("scores", [[], [[1.0]], [math.nan], [math.inf], ["high"], None, 3.0])
def test_invalid_scores_raise(scores):
    with pytest.raises((TypeError, ValueError), match="scores must be"):
        quantile_threshold(scores)
    with pytest.raises((TypeError, ValueError), match="scores must be"):
        evaluate(scores, [0, 1], 0.5)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), min_size=4, max_size=50), st.floats(-1, 31))
def test_evaluate_equals_counting(pairs, threshold):
    scores, labels = np.array([[0, 0], [5, 1], *pairs]).T
    evaluation = evaluate(scores.astype(float), labels, threshold)
    truth, flagged = labels > 0, scores > threshold
    assert evaluation.confusion.to_numpy().tolist() == [
        [int((~truth & ~flagged).sum()), int((~truth & flagged).sum())],
        [int((truth & ~flagged).sum()), int((truth & flagged).sum())],
    ]
    assert evaluation.recall == pytest.approx(flagged[truth].mean())
    assert evaluation.false_alarm_rate == pytest.approx(flagged[~truth].mean())
    wins = [(a > b) + 0.5 * (a == b) for a in scores[truth] for b in scores[~truth]]
    assert evaluation.auroc == pytest.approx(np.mean(wins))
    assert evaluation.average_precision == pytest.approx(metrics.average_precision_score(truth, scores))
    for label in np.unique(labels):
        row = evaluation.recall_by_class.loc[label]
        assert row["sequences"] == (labels == label).sum()
        assert row["flagged"] == (flagged & (labels == label)).sum()


def test_evaluation_uses_class_names_in_table_and_html():
    evaluation = evaluate([0.1, 0.9, 0.8], [0, 1, 2], 0.5, class_names=("normal", "early", "late"))
    assert evaluation.recall_by_class.index.tolist() == ["normal", "early", "late"]
    assert "early" in evaluation._repr_html_()


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ([0, 0, 0], "normal .* and abnormal"),
        ([1, 1, 1], "and abnormal"),
        ([0, 1], r"labels must .* for each of .*3 scores, got shape \(2,\)"),
        ([0, 1, 0.5], "labels must be integers"),
        ([0, 1, -1], r"labels must be integers from 0"),
        ([[0], [1, 2], [0]], r"labels must be .*, got \[\[0\], \[1, 2\], \[0\]\]"),
        (["a", "b", "a"], r"labels must be .*, got \['a', 'b', 'a'\]"),
    ],
)
def test_invalid_labels_raise(labels, match):
    with pytest.raises(ValueError, match=match):
        evaluate([0.1, 0.2, 0.3], labels, 0.15)


SCORES = np.random.default_rng(0).random(200).round(2)
TRUTH = (np.arange(200) % 4 == 3).astype(int)


@pytest.mark.parametrize(
    "form",
    [
        list,
        lambda x: x.astype(float),
        lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
        lambda x: torch.tensor(x).to(torch.float64),
        lambda x: pd.Series(x, index=np.arange(200) + 7),
        lambda x: pd.Series(x).astype("Float64"),
        lambda x: pd.Series(x).astype(object),
        lambda x: [torch.tensor(float(value), dtype=torch.float64, requires_grad=True) for value in x],
    ],
)
def test_scores_and_labels_of_any_type_give_same_metrics(form):
    for labels in (form(TRUTH), TRUTH.astype(bool), torch.tensor(TRUTH)):
        assert evaluate(form(SCORES), labels, 0.5).to_frame().equals(evaluate(SCORES, TRUTH, 0.5).to_frame())
        evaluation = evaluate_series(form(SCORES), labels, torch.tensor(0.5), window=None)
        assert evaluation.f1 == evaluate_series(SCORES, TRUTH, 0.5, window=None).f1
    assert quantile_threshold(form(SCORES)) == quantile_threshold(SCORES)
    assert mean_sd_threshold(form(SCORES)) == mean_sd_threshold(SCORES)
    ends = bootstrap_interval(metrics.average_precision_score, form(SCORES), form(TRUTH), n=100)
    np.testing.assert_array_equal(ends, bootstrap_interval(metrics.average_precision_score, SCORES, TRUTH, n=100))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_scores_of_lower_precision_are_accepted(dtype):
    scores = torch.arange(50, dtype=dtype, requires_grad=True)
    assert quantile_threshold(scores, rate=0.1) == quantile_threshold(range(50), rate=0.1)


@pytest.mark.parametrize(("bad", "shown"), [(0.5, "0.5"), (math.nan, "nan"), (-1.0, "-1.0")])
def test_error_shows_invalid_label(bad, shown):
    labels = [0.0, 1.0] * 5 + [bad]
    for function in (evaluate, evaluate_series):
        with pytest.raises(ValueError, match=f"got {shown}\\."):
            function(np.arange(11.0), labels, 3.0)


@pytest.mark.parametrize("threshold", [None, "high", [0.5], np.array([0.1, 0.2]), float("nan"), True])
def test_invalid_threshold_raises(threshold):
    with pytest.raises(ValueError, match=f"threshold must be a finite number, got {re.escape(repr(threshold))}"):
        evaluate([0.1, 0.9], [0, 1], threshold)


@pytest.mark.parametrize(
    ("names", "error", "match"),
    [
        (("normal",), ValueError, "must name every label .*1, got 1 names"),
        ("normal", TypeError, "class_names must be a sequence"),
        (5, TypeError, "class_names must be a sequence"),
    ],
)
def test_invalid_class_names_raise(names, error, match):
    with pytest.raises(error, match=match):
        evaluate([0.1, 0.9], [0, 1], 0.5, class_names=names)


def test_rate_of_almost_one_gives_lowest_score():
    assert quantile_threshold([1.0, 2.0, 3.0], rate=1 - 1e-12) == 1.0


ANYTHING = st.one_of(
    npst.arrays(
        dtype=st.one_of(npst.scalar_dtypes(), npst.unicode_string_dtypes(max_len=2), st.just(np.dtype(object))),
        shape=npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4),
    ),
    st.none(),
    st.text(max_size=3),
    st.integers(-3, 3),
    st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=3),
    st.just({"a": 1}),
)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_arguments_give_result_or_error_with_argument_name(scores, labels, threshold):
    for call in (
        lambda: evaluate(scores, labels, threshold),
        lambda: evaluate([0.1, 0.9], labels, threshold),
        lambda: evaluate([0.1, 0.9], [0, 1], 0.5, class_names=labels),
        lambda: quantile_threshold(scores, rate=0.5),
        lambda: quantile_threshold([0.1, 0.9], rate=threshold),
        lambda: plot_errors(scores, labels, 0.5),
    ):
        try:
            call()
        except (TypeError, ValueError) as error:
            assert re.match("scores|labels|threshold|class_names|calibration_scores|rate", str(error))  # noqa: PT017


def test_baselines_on_real_beats(parts):
    training, _, _, test = parts
    areas = {name: evaluate(baseline_scores(name, training, test), test.labels, 0.0).auroc for name in BASELINES}
    assert areas["1-NN"] > 0.985
    assert min(areas[name] for name in TRAINED) > 0.6
    others = (*TRAINED, "untrained autoencoder", "random score")
    fitted = [area for name, area in areas.items() if name not in others]
    assert min(fitted) > 0.9
    assert max(areas["untrained autoencoder"], areas["random score"]) < min(fitted)
    assert areas["random score"] == pytest.approx(0.5, abs=0.08)
    distances = np.linalg.norm(test.sequences[:5, None, :, 0] - training.sequences[None, :, :, 0], axis=2).min(1)
    np.testing.assert_allclose(baseline_scores("1-NN", training, test[:5]), distances, rtol=1e-4)
    mean = np.abs(test.sequences.numpy() - training.sequences.numpy().mean(0)).mean((1, 2))
    np.testing.assert_allclose(baseline_scores("mean sequence", training, test), mean, rtol=1e-4)


def test_lstm_ad_scores_forecast_errors_by_gaussian_of_held_out_errors(monkeypatch, parts):
    class Persistence(nn.Module):
        """Predicts the value before each step; its only weight has no effect."""

        def __init__(self, n_features, seed):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, x):
            return nn.functional.pad(x[:, :-1], (0, 0, 1, 0)) + 0 * self.weight

    monkeypatch.setattr(baselines, "LSTMForecaster", Persistence)
    beats = parts.training.sequences.numpy(), parts.test.sequences.numpy()
    train, test = (np.concatenate([x, x[:, ::-1] * 3], 2) for x in beats)
    held_out, errors = (np.diff(x.astype(float), axis=1) for x in (train[len(train) * 4 // 5 :], test))
    mean, inverse = held_out.mean((0, 1)), np.linalg.inv(np.cov(held_out.reshape(-1, 2).T, bias=True))
    expected = np.einsum("ntf,fg,ntg->nt", errors - mean, inverse, errors - mean).mean(1)
    np.testing.assert_allclose(baseline_scores("LSTM-AD", train, test), expected, rtol=1e-3)


def test_encdec_ad_scores_absolute_errors_by_gaussian_of_held_out_errors(monkeypatch, parts):
    class Reversal(nn.Module):
        """Reverses each sequence; its only weight has no effect."""

        def __init__(self, n_features, seed, **published):
            super().__init__()
            assert published == {"decoding": "encdec-ad", "bidirectional": False, "time_encoding": 0}
            self.weight = nn.Parameter(torch.zeros(()))

        def forward(self, x):
            return x.flip(1) + 0 * self.weight

    monkeypatch.setattr(baselines, "LSTMAutoencoder", Reversal)
    beats = parts.training.sequences.numpy(), parts.test.sequences.numpy()
    train, test = (np.concatenate([x, np.roll(x, 9, 1) * 3], 2) for x in beats)
    held_out, errors = (np.abs(x - x[:, ::-1]).astype(float) for x in (train[len(train) * 4 // 5 :], test))
    mean, inverse = held_out.mean((0, 1)), np.linalg.inv(np.cov(held_out.reshape(-1, 2).T, bias=True))
    expected = np.einsum("ntf,fg,ntg->nt", errors - mean, inverse, errors - mean).mean(1)
    np.testing.assert_allclose(baseline_scores("EncDec-AD", train, test), expected, rtol=1e-3)


def test_encdec_ad_model_is_that_of_the_paper(monkeypatch):
    trainers = []

    def observed(model, **settings):
        trainers.append(BatchedTrainer(model, **settings))
        return trainers[0]

    monkeypatch.setattr(baselines, "EPOCHS", 1)
    monkeypatch.setattr(baselines, "BatchedTrainer", observed)
    baseline_scores("EncDec-AD", np.ones((4, 9)), np.ones((2, 9)))
    model = trainers[0].model
    assert model.decoder.input_size == model.n_features, "the decoder must read only the value before"
    assert not model.encoder.bidirectional
    assert isinstance(model.from_latent, nn.Identity), "the decoder must begin with the encoder's final states"
    assert model.training_note == "under teacher forcing"
    assert trainers[0].loss == "mse"


def test_sub_pca_is_sum_of_squared_scores_of_principal_components_over_their_variance():
    generator = np.random.default_rng(0)
    train, test = (generator.normal(size=(n, 5)) @ np.diag([9, 3, 1, 0.3, 0.1]) + 2 for n in (200, 20))
    variances, components = np.linalg.eigh(np.cov(train.T, bias=True))
    expected = ((test - train.mean(0)) @ components) ** 2 / variances
    np.testing.assert_allclose(baseline_scores("Sub-PCA", train, test), expected.sum(1), rtol=1e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_trained_baseline_depends_on_seed_and_takes_one_constant_sequence(monkeypatch, name):
    monkeypatch.setattr(baselines, "EPOCHS", 1)
    train, test = np.ones((1, 9)), np.random.default_rng(0).normal(size=(4, 9))
    scores = [baseline_scores(name, train, test, seed=seed) for seed in (0, 1, 0)]
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[2])
    assert not np.array_equal(scores[0], scores[1])


def test_invalid_baseline_arguments_raise(parts):
    with pytest.raises(ValueError, match=r"name must be one of .*got '2-NN'"):
        baseline_scores("2-NN", parts.training, parts.test)
    with pytest.raises(ValueError, match=r"as many time steps and features as test, got .* and .*70, 1"):
        baseline_scores("1-NN", parts.training, parts.test.sequences[:, :70])


def rendered(figure):
    image = io.BytesIO()
    figure.savefig(image, format="png")
    return image.getvalue()


def test_plot_reconstructions_draws_sequences_reconstructions_and_errors(parts):
    model = LSTMAutoencoder(hidden_size=6)
    beats = parts.test.subset([0, 1, 2, 300, 400])
    figure = plot_reconstructions(model, beats)
    reconstruction = reconstruct(model, beats)
    assert len(figure.axes) == 5
    for i, axes in enumerate(figure.axes):
        assert axes.get_title() == beats.class_names[beats.labels[i]]
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), beats.sequences[i, :, 0])
        np.testing.assert_array_equal(axes.lines[1].get_ydata(), reconstruction[i, :, 0])
        error = (beats.sequences[i] - reconstruction[i]).abs().mean()
        assert axes.texts[0].get_text() == f"error {error:.3f}"
    assert rendered(figure)
    assert rendered(plot_sequences(beats))


def test_plot_errors_draws_histograms_and_threshold():
    scores, labels = np.array([0.1, 0.2, 0.3, 0.8, 0.9]), np.array([0, 0, 0, 1, 2])
    figure = plot_errors(scores, labels, 0.25)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "normal (3)",
        "abnormal (2)",
        "threshold 0.250",
    ]
    assert "33.3% of the normal ones and 100.0% of the abnormal ones" in figure.alt
    assert rendered(figure)
    assert rendered(plot_errors([0.5, 0.5], [0, 0]))
    with pytest.raises(ValueError, match=r"labels must .* for each of .*5 scores, got shape \(2,\)"):
        plot_errors(scores, [0, 1])


def test_plot_reconstructions_shows_reconstruction_with_large_error(parts):
    model = LSTMAutoencoder(hidden_size=6)
    with torch.no_grad():
        model.to_output.bias.fill_(50.0)
    axes = plot_reconstructions(model, parts.test[:1]).axes[0]
    assert axes.get_ylim()[1] > reconstruct(model, parts.test[:1]).max()


@pytest.mark.parametrize("values", [0.0, 7.5, 1e9])
def test_constant_data_can_be_plotted(values):
    assert rendered(plot_sequences(np.full((2, 5), values)))
    assert rendered(plot_errors([values, values], [0, 1], values))


def test_too_many_sequences_raise():
    with pytest.raises(ValueError, match=r"at most 40, got 41.*\[:8\]"):
        plot_sequences(np.zeros((41, 5)))


def test_wrong_number_of_titles_raises():
    with pytest.raises(ValueError, match="titles must have one title for each of the 3"):
        plot_sequences(DataSet(np.zeros((3, 5))), titles=["one"])


def test_merged_events_bridge_gaps_shorter_than_gap_and_change_nothing_else():
    scores = np.array([9.0, 0, 9, 9, 0, 0, 0, 9, 0, 0, 0, 0, 8])
    detection = Detection(scores, 1.0, np.zeros(13, dtype=bool), Series(scores))
    assert detection.events == detection.merged_events(0) == detection.merged_events(1)
    assert detection.merged_events(2) == [(0, 4), (7, 8), (12, 13)]
    assert detection.merged_events(3) == [(0, 4), (7, 8), (12, 13)]
    assert detection.merged_events(4) == [(0, 8), (12, 13)]
    assert detection.to_frame(gap=4)[["start", "end", "steps", "peak"]].to_numpy().tolist() == [
        [0, 8, 8, 0],
        [12, 13, 1, 12],
    ]
    assert len(detection.to_frame()) == len(detection.events) == 4
    with pytest.raises(ValueError, match="gap must be an integer"):
        detection.merged_events(-1)
