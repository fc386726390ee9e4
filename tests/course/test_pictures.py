"""Plots of lessons 1, 2, 4, 5 and 6: counts, positions and alternative texts."""

from __future__ import annotations

import numpy as np

from data import DataSet, Series
from notebooks.course import metric_pictures, network_pictures, set_pictures, threshold_pictures, window_pictures


def test_outcomes_are_named_on_the_right_side_of_the_threshold():
    axes = threshold_pictures.plot_outcomes(threshold=5.0).axes[0]
    places = {text.get_text().replace("\n", " "): text.get_position() for text in axes.texts if text.get_text()}
    for outcome, flagged, normal in (
        ("correct rejections", False, True),
        ("false alarms", True, True),
        ("misses", False, False),
        ("true alarms", True, False),
    ):
        x, y = places[outcome]
        assert (x > 5, y > 0) == (flagged, normal), outcome


def test_intervals_mark_the_conformal_quantile():
    scores = [3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0]
    figure = threshold_pictures.plot_intervals(scores, rate=0.2)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts.count("1/10") == 10
    assert "above: 2 of 10 intervals" in texts
    assert figure.axes[0].lines[-1].get_xdata()[0] == 8, "the eighth smallest score"
    assert "score of rank 8; 2 of the 10 intervals" in figure.alt


def test_beat_scores_counts_alarms_and_hides_labels_by_default():
    scores = np.array([0.1, 0.2, 0.3, 0.9])
    hidden = threshold_pictures.plot_beat_scores(scores, {"A": 0.2, "B": 0.5})
    assert "2 above A, 1 above B" in hidden.alt
    assert len(hidden.axes[0].lines) == 3, "one row of dots, two thresholds"
    shown = threshold_pictures.plot_beat_scores(scores, {"A": 0.2}, abnormal=[False, False, False, True])
    dots = shown.axes[0].lines[:2]
    assert [len(line.get_xdata()) for line in dots] == [3, 1]
    assert "triangles" in shown.alt


def test_costs_are_marked_at_their_minimum():
    figure = threshold_pictures.plot_costs([0.1, 0.2, 0.3], {"low": [3, 1, 2], "high": [5, 6, 9]})
    marks = figure.axes[0].lines[1::2]
    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks] == [(0.2, 1), (0.1, 5)]
    assert "low: lowest at 0.20; high: lowest at 0.10" in figure.alt


def test_rules_count_scores_above_each_threshold():
    figure = threshold_pictures.plot_rules(np.arange(10.0), {"low": 1.5, "high": 8.5})
    assert "low at 1.50, with 8 of 10 above it; high at 8.50, with 1 of 10 above it" in figure.alt


def test_rates_give_their_means():
    figure = threshold_pictures.plot_rates({"this": [0.04, 0.06], "that": [0.1, 0.3]}, requested=0.05)
    assert "requested: 5 %. this: 5.0 % on average; that: 20.0 % on average" in figure.alt
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["this", "that"]


def test_tails_mark_the_lowest_rate_of_n_scores():
    figure = threshold_pictures.plot_tails(np.arange(1.0, 10.0), [0.1, 0.01], [[8, 12], [9, 20]], n=9)
    *_, rates, lowest = figure.axes[0].lines
    np.testing.assert_allclose(rates.get_ydata(), np.arange(9, 0, -1) / 10)
    assert lowest.get_ydata()[0] == 0.1
    assert "thresholds are 12.00 to 20.00" in figure.alt


def test_leak_gives_the_difference_for_each_size():
    figure = threshold_pictures.plot_leak({10: [0.9, 1.0], 20: [0.9, 0.9]}, {10: [0.7, 0.8], 20: [0.8, 0.8]})
    assert "0.200 with 10, 0.100 with 20" in figure.alt
    wrong, correct = figure.axes[1].lines
    np.testing.assert_allclose(wrong.get_ydata(), [0.95, 0.9])
    np.testing.assert_allclose(correct.get_ydata(), [0.75, 0.8])


def test_drawing_of_windows_gives_the_mean_of_the_windows_around_a_step():
    figure = window_pictures.plot_windows_to_scores(np.arange(9.0), [0, 2, 4, 5], 4, [1, 2, 7, 3], step=5)
    assert [bar.get_height() for bar in figure.axes[2].patches] == [1, 1, 1.5, 1.5, 4.5, 4, 5, 5, 3]
    assert "The score of step 5 is (2 + 7 + 3) / 3 = 4" in figure.alt
    assert sum(window.get_linewidth() > 2 for window in figure.axes[1].patches) == 3, "windows that contain step 5"


def test_autocorrelation_is_marked_at_the_period():
    figure = window_pictures.plot_autocorrelation([0.9, 0.1, 0.5], period=3)
    mark = figure.axes[0].lines[-1]
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (3, 0.5)
    assert "0.90 at lag 1; a marker at lag 3, where it is 0.50" in figure.alt


def test_windows_draws_the_last_one_and_counts_all():
    series = Series(np.sin(np.arange(20.0)))
    figure = window_pictures.plot_windows(series, [0, 4, 8, 12, 14], 6, every=2)
    covered = figure.axes[2].lines[0].get_ydata()
    expected = np.zeros(20)
    for start in (0, 4, 8, 12, 14):
        expected[start : start + 6] += 1
    np.testing.assert_array_equal(covered, expected)
    assert len(figure.axes[1].collections) == 3, "of windows 0, 2 and 4"
    assert "3 of its 5 windows of 6 steps" in figure.alt


def test_step_scores_are_marked_at_their_maximum():
    series = Series(np.zeros(10) + np.arange(10), labels=[0] * 4 + [1] * 2 + [0] * 4, name="pulse")
    figure = window_pictures.plot_step_scores(series, {"one\n0.5": np.eye(10)[4], "two": np.eye(10)[7]})
    assert [axes.lines[1].get_xdata()[0] for axes in figure.axes[1:]] == [4, 7]
    assert "one 0.5: highest at step 4; two: highest at step 7" in figure.alt


def test_decisions_count_steps_inside_and_outside_events():
    truth = np.array([0, 0, 1, 1, 1, 0, 0, 0], dtype=bool)
    figure = metric_pictures.plot_decisions(truth, {"exact": truth, "early": np.roll(truth, -1)})
    assert "exact: 3 steps in an event, 0 outside; early: 2 steps in an event, 1 outside" in figure.alt


def test_point_adjustment_fills_events_with_a_hit():
    labels, scores = np.repeat([0, 1, 0, 1], [5, 5, 5, 5]), np.zeros(20)
    scores[[2, 7]] = 1
    figure = metric_pictures.plot_point_adjustment(scores, labels, 0.5)
    flagged, adjusted = (label.get_text() for label in figure.axes[0].get_yticklabels())
    assert flagged == "flagged\nF1 0.17"  # precision 1/2, recall 1/10
    assert adjusted == "point-adjusted\nF1 0.62"  # precision 5/6, recall 5/10
    assert "5 steps in an event, 1 outside" in figure.alt


def test_adjusted_f1_bars_are_in_pairs():
    figure = metric_pictures.plot_adjusted([10, 1000], [0.0, 0.02], [0.1, 0.9])
    assert [bar.get_height() for bar in figure.axes[0].patches] == [0.0, 0.02, 0.1, 0.9]
    assert "0.00 and 0.10 at 10, 0.02 and 0.90 at 1000" in figure.alt


def test_drawing_of_autoencoder_has_its_sizes():
    figure = network_pictures.plot_autoencoder(steps=10, latent=3)
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"$x_{1}$", "$x_{10}$", r"$\hat{x}_{10}$", "latent vector:\n3 numbers", "step 10"} <= texts
    assert "its 10 steps" in figure.alt
    assert "3 numbers" in figure.alt


def test_drawing_of_cell_has_all_gates_and_states():
    figure = network_pictures.plot_lstm_cell()
    texts = " ".join(text.get_text() for text in figure.axes[0].texts)
    for name in ("f = σ", "i = σ", "g = tanh", "o = σ", "c_{t-1}", "h_{t-1}", "x_t", "c_t", "h_t"):
        assert name in texts


def test_sets_have_a_mark_for_every_50_sequences_and_say_what_they_decide():
    normal = DataSet(np.zeros((200, 5)), labels=[0] * 200)
    mixed = DataSet(np.zeros((250, 5)), labels=[0] * 100 + [1] * 150)
    sets = {"one": normal, "two": normal[:100], "three": normal[:100], "four": mixed}
    figure = set_pictures.plot_sets(sets)
    marks = [[len(line.get_xdata()) for line in axes.lines] for axes in figure.axes]
    assert marks == [[4, 0], [2, 0], [2, 0], [2, 3]]
    assert "one (200 normal beats) decides the weights" in figure.alt
    assert "four (100 normal and 150 abnormal beats) decides nothing" in figure.alt


def test_outcomes_are_counted_and_named():
    truth, flagged = np.zeros(12, dtype=bool), np.zeros(12, dtype=bool)
    truth[5:9], flagged[1:3], flagged[7:10] = True, True, True
    figure = metric_pictures.plot_event_outcomes(truth, flagged)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert [name for name in texts if name in ("TP", "FP", "FN", "TN")] == (
        ["TN"] + ["FP"] * 2 + ["TN"] * 2 + ["FN"] * 2 + ["TP"] * 2 + ["FP"] + ["TN"] * 2
    )
    assert {"false alarm", "detects the event", "delay 2"} < set(texts)
    assert "2 true positives, 3 false positives, 2 false negatives, 5 true negatives" in figure.alt


def test_buffers_widen_the_label():
    truth = np.zeros(200, dtype=bool)
    truth[80:120] = True
    figure = metric_pictures.plot_buffers(truth, np.roll(truth, 10), [0, 20])
    without, wide = (axes.lines[0].get_ydata() for axes in figure.axes[1:])
    np.testing.assert_array_equal(without, truth)
    np.testing.assert_allclose(wide[[70, 129]], np.sqrt(0.5))
    assert wide[69] == wide[130] == 0
    assert (wide[80:120] == 1).all()
