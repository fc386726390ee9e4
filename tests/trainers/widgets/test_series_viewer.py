"""The series viewer: the data sent to the page, the found events, and errors."""

from __future__ import annotations

import base64
import json
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data import Series
from data.series import runs
from trainers.widgets import SeriesViewer, series_viewer
from trainers.widgets.series_viewer import as_events, clock, describe_events, extremes, reduced, touched, when

PULSE = Series([0.1, 0.2, 9.0, 8.0, 0.1, 0.3], labels=[0, 0, 1, 1, 0, 0], name="pulse")
SCORES = np.array([0.1, 0.2, 9.0, 8.0, 0.1, 0.3])
masks = st.lists(st.booleans(), min_size=1, max_size=40)


def sent(viewer, name, kind):
    return np.frombuffer(getattr(viewer, f"_{name}"), dtype=kind)


class TestEvents:
    @given(masks, st.data())
    def test_one_shared_step_is_a_hit(self, mask, draw):
        other = draw.draw(st.lists(st.booleans(), min_size=len(mask), max_size=len(mask)))
        true, found = runs(mask), runs(other)
        touch = lambda a, b: bool(set(range(*a)) & set(range(*b)))  # noqa: E731
        assert touched(true, found) == [any(touch(t, f) for f in found) for t in true]
        assert touched(found, true) == [any(touch(t, f) for t in true) for f in found]

    def test_flagging_too_much_is_no_success(self):
        scored, true = np.ones(1000, dtype=bool), [(0, 5), (50, 60), (990, 995)]
        many = describe_events(true, [(0, 300)], scored)
        assert many == "too much is flagged: 30 % of the steps; true events among them: 2 of 3"
        assert describe_events(None, [(0, 1000)], scored) == "everything is flagged: 100 % of the steps"
        joined = describe_events(true, [(0, 60)], scored)
        assert joined.startswith("3 true events: 2 found (but 1 found event joins several true events)")
        # Many steps are abnormal, and only these are flagged.
        right = describe_events([(0, 400)], [(0, 390)], scored)
        assert right == "1 true event: 1 found, 0 missed; 0 false alarms; 39 % of the steps flagged"

    def test_only_flagged_steps_of_given_events_count_for_share(self):
        scores = np.zeros(1000)
        scores[100:500:40] = 1
        viewer = SeriesViewer(np.zeros(1000), scores, threshold=0.5, found=[(100, 461)])
        assert "1 event found; 1 % of the steps flagged" in repr(viewer)

    def test_are_sorted(self):
        assert as_events(np.array([[5, 7], [1, 3]]), 10) == [(1, 3), (5, 7)]

    @pytest.mark.parametrize(
        ("found", "error"),
        [
            ([(2, 7)], ValueError),
            ([(-1, 2)], ValueError),
            ([(3, 3)], ValueError),
            ([(0, 3), (2, 4)], ValueError),
            ([(0, 1.5)], TypeError),
            ([3], TypeError),
            ([(0, float("nan"))], TypeError),
            ("all", TypeError),
            (7, TypeError),
        ],
    )
    def test_invalid_raise(self, found, error):
        with pytest.raises(error, match="found"):
            SeriesViewer(PULSE, found=found)


class TestThreshold:
    def test_only_scores_above_are_found(self):
        viewer = SeriesViewer(PULSE, SCORES, threshold=8.0)
        assert viewer.found == [(2, 3)]
        viewer.threshold = np.float32(0.25)
        assert viewer.threshold == 0.25
        assert viewer.found == [(2, 4), (5, 6)]
        viewer.threshold = None
        assert viewer.found is None

    def test_unscored_steps_are_never_flagged(self):
        scores = np.array([np.nan, np.nan, np.nan, 8.0, 0.1, 0.3])
        viewer = SeriesViewer(PULSE, scores, threshold=0.2, training=3)
        assert viewer.found == [(3, 4), (5, 6)]
        viewer.threshold = 0.5
        words = "1 true event: 1 found, 0 missed; 0 false alarms; 33 % of the scored steps flagged"
        assert repr(viewer) == f"<SeriesViewer of 'pulse', 6 steps; {words}>"
        assert viewer.figure.title == f"pulse: {words}"
        assert f"; {words}. The first 3 steps are the training part." in viewer.figure.alt
        np.testing.assert_array_equal(sent(viewer, "scores", "<f8"), scores)
        assert viewer._facts["training"] == 3

    def test_true_event_without_scores_is_not_scored(self):
        viewer = SeriesViewer(PULSE, np.where(PULSE.labels, np.nan, SCORES), threshold=0.3)
        assert "0 found, 0 missed, 1 not scored; 0 false alarms; 0 % of the scored steps" in repr(viewer)
        nothing = SeriesViewer(PULSE, np.full(6, np.nan), threshold=1.0)
        assert repr(nothing) == "<SeriesViewer of 'pulse', 6 steps; 1 true event; nothing is scored>"
        assert nothing.found == []
        assert nothing.figure._repr_mimebundle_()[0]["image/png"].startswith(b"\x89PNG")

    def test_page_distinguishes_scores_at_and_above(self):
        scores = np.array([0.1, 0.1 + 1e-12, 0.0])
        viewer = SeriesViewer([1.0, 2.0, 3.0], scores, threshold=0.1)
        assert viewer.found == [(1, 2)]
        np.testing.assert_array_equal(sent(viewer, "scores", "<f8"), scores)

    def test_given_events_are_replaced_after_change(self):
        viewer = SeriesViewer(PULSE, SCORES, threshold=8.5, found=[(0, 2)])
        assert viewer.found == [(0, 2)]
        viewer.threshold = 8.5
        assert viewer.found == [(0, 2)], "not changed"
        viewer.threshold = 7.0
        assert viewer.found == [(2, 4)]

    @pytest.mark.parametrize("wrong", [float("nan"), float("inf"), "high", True, [1.0, 2.0]])
    def test_invalid_raises_and_changes_nothing(self, wrong):
        viewer = SeriesViewer(PULSE, SCORES, threshold=8.0)
        with pytest.raises(ValueError, match="finite number"):
            viewer.threshold = wrong
        assert viewer.threshold == 8.0
        with pytest.raises(ValueError, match="finite number"):
            SeriesViewer(PULSE, SCORES, threshold=wrong)

    def test_without_scores_raises(self):
        with pytest.raises(ValueError, match="threshold must be given with scores"):
            SeriesViewer(PULSE, threshold=1.0)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"scores": SCORES[:5]}, ValueError, r"scores must be .* shape \(6,\).*got float64 with shape \(5,\)"),
        ({"scores": SCORES[:, None]}, ValueError, "shape"),
        ({"training": 7}, ValueError, r"training must be an integer from 0 to 6 .* got 7"),
        ({"training": 0.5}, ValueError, r"training must be an integer from 0 to 6 .* got 0\.5"),
        ({"scores": np.where(SCORES > 8.5, np.inf, SCORES)}, ValueError, "at step 2"),
        ({"scores": SCORES > 5}, ValueError, "must be numeric with shape"),
        ({"scores": ["a"] * 6}, TypeError, "scores"),
        ({"reconstruction": np.zeros((6, 2))}, ValueError, r"reconstruction must be .* shape \(6, 1\)"),
        ({"reconstruction": np.zeros(5)}, ValueError, r"reconstruction must be .* shape \(6, 1\)"),
        ({"reconstruction": np.full(6, 1e300)}, ValueError, r"reconstruction must be finite float32.*got 1e\+300"),
    ],
)
def test_mismatched_arguments_raise(arguments, error, match):
    with pytest.raises(error, match=match):
        SeriesViewer(PULSE, **arguments)


def test_other_object_than_series_raises():
    with pytest.raises((TypeError, ValueError), match="series"):
        SeriesViewer(np.zeros((2, 3, 4)))


def test_page_gets_features_one_after_the_other_with_gaps():
    values = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]])
    reconstruction = torch.full((3, 2), float("nan"))
    viewer = SeriesViewer(values, reconstruction=reconstruction)
    np.testing.assert_array_equal(sent(viewer, "values", "<f4").reshape(2, 3), values.T)
    assert np.isnan(sent(viewer, "reconstruction", "<f4")).all()
    assert viewer._facts["true"] is None
    assert viewer.found is None


class TestDownsampling:
    @given(st.lists(st.floats(-9, 9, width=32) | st.just(float("nan")), min_size=1, max_size=50), st.integers(1, 7))
    def test_range_of_pixel_column_is_kept(self, values, stride):
        values = np.array(values)[:, None]
        reduced = extremes(values, stride)
        if stride == 1:
            np.testing.assert_array_equal(reduced, values)
            return
        assert len(reduced) == 2 * -(-len(values) // (2 * stride))
        for i in range(0, len(reduced), 2):
            block = values[i * stride : (i + 2) * stride]
            values_of_block = block[~np.isnan(block)]
            expected = [values_of_block.min(), values_of_block.max()] if len(values_of_block) else [np.nan, np.nan]
            np.testing.assert_array_equal(reduced[i : i + 2, 0], expected)

    @given(st.lists(st.floats(0, 9), min_size=1, max_size=50), st.integers(1, 7), st.floats(0, 9))
    def test_scores_above_threshold_remain_above(self, scores, stride, threshold):
        scores = np.array(scores)
        above = reduced(scores, stride, np.fmax) > threshold
        assert [bool(block) for block in above] == [
            bool((scores[i : i + stride] > threshold).any()) for i in range(0, len(scores), stride)
        ]

    def test_keeps_range_and_gaps_of_scores(self, monkeypatch):
        monkeypatch.setattr(series_viewer, "MAX_STEPS", 3)
        scores = np.array([np.nan, np.nan, np.nan, 1.0, 5.0, 2.0])
        viewer = SeriesViewer(np.zeros(6), scores, threshold=4.0, training=3)
        np.testing.assert_array_equal(sent(viewer, "scores", "<f8"), [np.nan, 1.0, 5.0])
        np.testing.assert_array_equal(sent(viewer, "low_scores", "<f8"), [np.nan, 1.0, 2.0])
        monkeypatch.undo()
        assert SeriesViewer(np.zeros(6), scores)._low_scores == b""

    def test_only_affects_page(self, monkeypatch):
        monkeypatch.setattr(series_viewer, "MAX_STEPS", 100)
        values = np.sin(np.arange(950.0))
        scores = np.zeros(950)
        scores[[3, 7, 949]] = 1
        viewer = SeriesViewer(values, scores, threshold=0.5)
        assert viewer._facts["stride"] == 10
        assert viewer._facts["length"] == 950
        assert len(sent(viewer, "scores", "<f8")) == len(sent(viewer, "low_scores", "<f8")) == 95
        assert len(sent(viewer, "values", "<f4")) == 96
        assert viewer.found == [(3, 4), (7, 8), (949, 950)]

    def test_begins_above_two_million_steps_or_eight_million_values(self):
        # A view of one number: no large array is created.
        class Long:
            def __init__(self, length, features):
                self.values = np.broadcast_to(np.float32(0), (length, features))

            def __len__(self):
                return len(self.values)

        assert [series_viewer.stride_of(Long(*shape)) for shape in ((2_000_000, 1), (2_000_001, 1), (400_000, 38))] == [
            1,
            2,
            2,
        ]


class TestTime:
    def test_steps_seconds_and_dates(self):
        values = [1.0, 2.0, 4.0]
        assert clock(Series(values), 1) == ({"kind": "step", "start": 0, "delta": 1}, b"")
        assert clock(Series(values, sampling_rate=4.0), 1) == ({"kind": "seconds", "start": 0, "delta": 0.25}, b"")
        dates = np.array(["1970-01-01T00:00:01", "1970-01-01T00:00:02", "1970-01-01T00:00:03"], dtype="M8[ns]")
        assert clock(Series(values, time=dates), 1) == ({"kind": "date", "start": 1000.0, "delta": 1000.0}, b"")
        assert when(Series(values, time=dates), 1) == "1970-01-01 00:00:02"
        assert when(Series(values), 1) == ""

    def test_times_of_fast_series_differ(self):
        dates = np.datetime64("2026-01-01T00:00:00", "ns") + np.arange(3) * np.timedelta64(100, "us")
        for options in ({"sampling_rate": 10_000.0}, {"time": dates}, {"time": np.arange(3) / 1e4 + 1000}):
            assert len({when(Series([1.0, 2.0, 4.0], **options), step) for step in range(3)}) == 3

    def test_dates_less_than_microsecond_apart_are_seconds(self):
        dates = np.datetime64("2026-01-01T00:00:00", "ns") + np.arange(4) * np.timedelta64(100, "ns")
        series = Series([1.0, 2.0, 4.0, 3.0], time=dates)
        about, times = clock(series, 1)
        assert (about["kind"], about["start"], about["delta"], times) == ("seconds", 0.0, pytest.approx(1e-7), b"")
        axes = SeriesViewer(series).figure.axes[0]
        assert axes.get_xlabel() == "time (s)"
        assert axes.get_xticklabels()[2].get_text() == "1e-07"

    def test_uneven_times_are_sent_one_by_one(self):
        about, times = clock(Series([1.0, 2.0, 4.0], time=[0.0, 1.0, 7.0]), 1)
        assert about["kind"] == "seconds"
        assert np.frombuffer(times).tolist() == [0.0, 1.0, 7.0]

    def test_one_step(self):
        labels = SeriesViewer(Series([1.0])).figure.axes[0].get_xticklabels()
        assert [label.get_text() for label in labels] == ["0"]
        assert clock(Series([1.0], time=[5.0]), 1)[0] == {"kind": "seconds", "start": 5.0, "delta": 1.0}


class TestPicture:
    def test_shows_series_and_highest_scoring_event_with_alt_text(self):
        values = np.sin(np.arange(3000.0))
        labels = np.zeros(3000, dtype=int)
        labels[1000:1100] = 1
        scores = np.abs(values)
        scores[1040:1050], scores[2000] = 5.0, 3.0
        figure = SeriesViewer(Series(values, labels=labels, name="sine"), scores, threshold=2.0).figure
        assert "1 true event: 1 found, 0 missed; 1 false alarm; 0.37 % of the steps flagged." in figure.alt
        assert "steps 1,040 to 1,049" in figure.alt
        whole, zoomed = (axes.get_xlim() for axes in (figure.axes[0], figure.axes[2]))
        assert whole == (-0.5, 2999.5)
        assert zoomed[0] < 1040 < 1050 < zoomed[1]
        assert zoomed[1] - zoomed[0] < 200

    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"scores": SCORES},
            {"found": []},
            {"found": [(0, 2)]},
            {"scores": np.zeros(6), "threshold": 0.0},
        ],
    )
    def test_with_optional_arguments(self, arguments):
        for series in (PULSE, Series(PULSE.values), Series(np.tile(PULSE.values, (1, 9)))):
            figure = SeriesViewer(series, **arguments).figure
            bundle, about = figure._repr_mimebundle_()
            assert bundle["image/png"].startswith(b"\x89PNG")
            assert len(about["image/png"]["alt"]) > 20

    def test_names_border_and_draws_gap_of_scores(self):
        scores = np.concatenate([np.full(40, np.nan), np.arange(60.0)])
        figure = SeriesViewer(Series(np.arange(100.0), sampling_rate=0.1), scores, threshold=58.5, training=40).figure
        signal, score = figure.axes[:2]
        assert [text.get_text().strip() for text in signal.texts] == ["training", "scored"]
        for axes in (signal, score):
            border = next(line for line in axes.lines if line.get_label() == "training | scored")
            assert border.get_xdata()[0] == 39.5
        curve = score.lines[0].get_ydata()
        assert np.isnan(curve[:40]).all()
        assert np.isfinite(curve[40:]).all()
        assert (signal.get_ylabel(), score.get_ylabel(), score.get_xlabel()) == ("value", "score", "time (min)")
        assert score.get_xticks()[1] - score.get_xticks()[0] == 30, "5 minutes"

    def test_time_axis_has_dates(self):
        dates = np.datetime64("2024-01-31T20") + np.arange(4000) * np.timedelta64(1, "h")
        axes = SeriesViewer(Series(np.arange(4000.0), time=dates)).figure.axes[0]
        assert axes.get_xlabel() == "date and time, 2024"
        labels = dict(zip([text.get_text() for text in axes.get_xticklabels()], axes.get_xticks(), strict=True))
        assert labels["Feb"] == pytest.approx(4)

    def test_dense_series_is_a_band(self):
        noise = np.random.default_rng(0).normal(size=50_000)
        axes = SeriesViewer(noise).figure.axes[0]
        high, low = (line.get_ydata() for line in axes.lines[:2])
        assert len(high) < 1_000
        assert high.max() == np.float32(noise.max())
        assert low.min() == np.float32(noise.min())

    def test_says_which_features_it_shows(self):
        alt = SeriesViewer(np.zeros((5, 20))).figure.alt
        assert alt.startswith("series, 5 steps of the first 6 of 20 features")

    def test_with_reconstruction_of_nan_only(self):
        figure = SeriesViewer(PULSE, reconstruction=np.full(6, np.nan)).figure
        assert figure._repr_mimebundle_()[0]["image/png"].startswith(b"\x89PNG")

    def test_of_one_step(self):
        assert SeriesViewer([1.0], [2.0], threshold=1.0).figure.alt.startswith("series, 1 step of 1 feature")

    def test_is_in_bundle_of_widget(self):
        viewer = SeriesViewer(PULSE, SCORES, threshold=8.5)
        bundle, about = viewer._repr_mimebundle_()
        assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == viewer.model_id
        assert bundle["image/png"].startswith(b"\x89PNG")
        assert bundle["text/plain"] == repr(viewer)
        assert about["image/png"]["alt"] == viewer.figure.alt


class TestExport:
    def data(self, text, key="data"):
        found = re.search(rf'<script type="application/json" id="{key}">(.*?)</script>', text, re.DOTALL)
        return json.loads(found[1])

    def test_holds_all_data_and_loads_nothing(self, tmp_path):
        series = Series(PULSE.values, labels=PULSE.labels, name="</script><b>", sampling_rate=2.0)
        SeriesViewer(series, SCORES, threshold=8.5).to_html(tmp_path / "page.html")
        text = tmp_path.joinpath("page.html").read_text(encoding="utf-8")
        data = self.data(text)
        assert data["facts"]["name"] == "</script><b>"
        assert data["facts"]["true"] == [[2, 4]]
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(data["values"]), "<f4"), PULSE.values[:, 0])
        assert np.frombuffer(base64.b64decode(data["scores"])).tolist() == SCORES.tolist()
        assert "http" not in text
        assert "1 true event: 1 found, 0 missed; 0 false alarms" in data["alt"]

    def test_is_deterministic(self):
        make = lambda: SeriesViewer(PULSE, SCORES, threshold=8.5).html("a")  # noqa: E731
        assert make() == make()

    def test_fragments_do_not_interfere(self):
        first, second = (SeriesViewer(PULSE, found=[(0, end)]).html(f"v{end}") for end in (1, 2))
        page = first + second
        assert self.data(page, "v1")["given"] == [[0, 1]]
        assert self.data(page, "v2")["given"] == [[0, 2]]
        assert "<body" not in page
