"""`check_series`: each fault is found with its location, and normal recordings get the verdict "ok"."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import data
from data import Series, check_series, load_ecg_diff_count, load_internal_bleeding, load_mitbih, load_oil_well
from data.recordings import SENSORS
from notebooks.course.own_files import HANGS, LOST, NO_CONTACT_AT, write_patch_csv

FOLDER = Path(data.__file__).parent
WAVE = np.sin(np.arange(2000) / 5) + np.random.default_rng(0).normal(0, 0.05, 2000)


def found(values, check, *, feature=0, **options):
    """Return the finding of one check."""
    series = values if isinstance(values, Series) else Series(values, sampling_rate=10.0)
    features = ("", series.feature_names[feature])
    (finding,) = (one for one in check_series(series, **options) if one.check == check and one.feature in features)
    return finding


def changed(part, value):
    values = WAVE.copy()
    values[part] = value
    return values


def test_normal_recording_is_ok_in_every_check():
    labels = np.zeros(2000, dtype=int)
    labels[1500:1520] = 1
    check = check_series(Series(WAVE, labels=labels, sampling_rate=10.0), window=31)
    assert [one for one in check if one.verdict != "ok"] == []
    assert {one.check for one in check} == {
        "time", "labels", "training", "missing", "flatline", "outlier", "drift", "distribution shift",
    }  # fmt: skip


@pytest.mark.parametrize("recording", [load_ecg_diff_count, load_internal_bleeding, load_mitbih])
def test_included_recordings_need_no_fix_of_values(recording):
    for part in recording():
        faults = [one.check for one in check_series(part) if one.verdict == "fix" and one.check != "labels"]
        assert faults == []


@pytest.mark.parametrize(
    ("values", "check", "verdict", "steps", "text"),
    [
        (changed(slice(700, 760), 0.3), "flatline", "fix", ((700, 760),), "60 equal values from step 700"),
        (changed([400, 401, 900], -99.0), "outlier", "fix", ((400, 402), (900, 901)), "-99 occurs 3 times"),
        (changed([400], 7.0), "outlier", "fix", ((400, 401),), "1 outlier, the farthest is 7 at step 400"),
        (changed(slice(100, 130), np.nan), "missing", "review", ((100, 130),), "1.5% of the values are missing"),
        (changed(slice(100, 900), np.nan), "missing", "fix", ((100, 900),), "40.0%"),
        (np.ones(50), "constant", "fix", (), "Every value is 1."),
        (
            WAVE + np.arange(2000) / 200,
            "drift",
            "review",
            (),
            "The medians of 20 parts of the recording differ by 9.3",
        ),
        (WAVE * np.repeat([1, 3], 1000), "distribution shift", "review", (), "98 %"),
    ],
)
def test_each_fault_is_found_with_its_location(values, check, verdict, steps, text):
    finding = found(values, check)
    assert (finding.verdict, finding.steps) == (verdict, steps)
    assert text in finding.found
    assert finding.advice


def test_switch_and_slow_signal_are_no_flatline():
    switch = np.repeat(np.arange(40) % 2, 50).astype(float)
    slow = np.repeat(np.round(20 + np.cumsum(np.random.default_rng(0).normal(0, 0.1, 50)), 1), 40)
    for values in (switch, slow):
        assert found(values, "flatline").verdict == "ok"


def test_rare_peaks_of_pulse_are_no_outliers():
    pulse = np.random.default_rng(0).normal(0, 0.1, 4000)
    pulse[::100] = 8
    assert found(pulse, "outlier").verdict == "ok"


def test_slow_drift_to_another_level_is_no_outlier():
    drift = WAVE + np.interp(np.arange(2000), [1500, 1900], [0, 20])
    assert found(drift, "outlier").verdict == "ok"
    assert found(drift, "drift").verdict == "review"
    assert "also pass centre=False" in found(drift, "drift").advice
    drift[1950] = 90
    assert "90 at step 1950" in found(drift, "outlier").found


def test_labelled_failure_is_neither_outlier_nor_drift_nor_shift():
    failure = WAVE + np.repeat([0, 50], [1500, 500])
    labels = np.repeat([0, 1], [1500, 500])
    verdicts = {one.check: one.verdict for one in check_series(Series(failure, labels=labels))}
    assert {verdicts[check] for check in ("outlier", "drift", "distribution shift")} == {"ok"}
    verdicts = {one.check: one.verdict for one in check_series(failure)}
    assert (verdicts["outlier"], verdicts["drift"]) == ("fix", "review")


@pytest.mark.parametrize("well", [2, 9, 16])
def test_dead_sensors_of_oil_wells_are_named(well):
    with np.load(FOLDER / f"oil_well_{well}.npz") as parts:
        table = pd.DataFrame(np.concatenate([parts["training"], parts["test"]]), columns=SENSORS)
    removed = "Remove the feature: it has no information."
    dead = {one.feature: (one.check, one.found) for one in check_series(table) if one.advice == removed}
    constant = {} if well == 16 else dict.fromkeys(["P-PDG", "QGL"], ("constant", "Every value is 0."))
    assert dead == {"T-JUS-CKGL": ("missing", "Every value is missing.")} | constant
    for part in load_oil_well(well):
        assert {one.feature for one in check_series(part) if one.advice == removed} == set(constant)


def test_feature_without_values_keeps_names_and_times():
    table = pd.DataFrame({"a": WAVE, "b": np.nan}, index=pd.Index(np.arange(2000) / 10, name="seconds"))
    for values, name in ((table, "b"), (table.to_numpy(), "feature 1")):
        empty = [one.feature for one in check_series(values) if one.found == "Every value is missing."]
        assert empty == [name]
    (time,) = (one.found for one in check_series(table) if one.check == "time")
    assert time == "2000 steps: 3.33 min at 10 Hz."


def test_events_in_training_part_give_largest_training_share():
    labels = np.zeros(2000, dtype=int)
    labels[[600, 1500]] = 1
    series = Series(WAVE, labels=labels)
    inside = [one for one in check_series(series) if one.verdict == "fix"]
    assert [(one.check, one.steps) for one in inside] == [("labels", ((600, 601),))]
    assert "training to at most 0.300" in inside[0].advice
    assert found(series, "labels", training=0.29).verdict == "ok"
    assert found(WAVE, "labels").found == "No labels."
    assert found(Series(WAVE, labels=np.zeros(2000)), "labels").verdict == "review"
    labels[::3] = 1
    labels[:400] = 0
    assert found(Series(WAVE, labels=labels), "labels", training=0.2).verdict == "review"


@pytest.mark.parametrize(
    ("step", "text"), [(1333, "training to at most 0.666,"), (0, None), (1, None), (2, "at most 0.001,")]
)
def test_advised_training_part_has_no_event(step, text):
    labels = np.zeros(2000, dtype=int)
    labels[step] = 1
    (advice,) = (one.advice for one in check_series(Series(WAVE, labels=labels), training=0.8) if one.verdict == "fix")
    if text is None:
        assert advice == "Cut the event out."
        return
    assert text in advice
    share = float(advice.split("at most ")[1].split(",")[0])
    assert found(Series(WAVE, labels=labels), "labels", training=share).verdict == "ok"


@pytest.mark.parametrize(("part", "name"), [(slice(0, 1000), "training part"), (slice(1000, 2000), "rest")])
def test_part_without_values_is_named(part, name):
    finding = found(changed(part, np.nan), "distribution shift")
    assert (finding.verdict, finding.found) == ("review", f"The {name} has no normal values.")


@pytest.mark.parametrize(("window", "verdict"), [(50, "ok"), (51, "review"), (100, "review"), (101, "fix")])
def test_twenty_windows_are_ok_and_fewer_than_ten_need_fix(window, verdict):
    assert found(WAVE, "training", window=window).verdict == verdict


def test_times_and_sampling_rate():
    assert found(WAVE, "time").found == "2000 steps: 3.33 min at 10 Hz."
    assert found(Series(WAVE), "time").verdict == "review"
    times = np.arange(2000.0)
    times[1000:] += 5
    assert found(Series(WAVE, time=times, sampling_rate=1.0), "time").verdict == "fix"
    assert found(Series(WAVE, time=times.astype("M8[s]"), sampling_rate=1.0), "time").verdict == "fix"


def test_pattern_longer_than_block_is_no_drift_if_window_is_given():
    slow = np.sin(np.arange(2000) / 60)
    assert found(slow, "drift").verdict == "review"
    assert found(slow, "drift", window=377).verdict == "ok"


def test_worst_verdict_comes_first_in_text_and_table(tmp_path):
    path = write_patch_csv(tmp_path / "patch.csv")
    path.write_text(path.read_text(encoding="utf-8").replace("ERR", ""), encoding="utf-8")
    from data import load_csv

    with pytest.warns(UserWarning, match="rows of NaN"):
        check = check_series(load_csv(path, decimal=","), training=0.4)
    order = ["fix", "review", "ok"]
    verdicts = [one.verdict for one in check]
    assert verdicts == sorted(verdicts, key=order.index)
    faults = {(one.check, one.feature): one.steps for one in check if one.verdict == "fix"}
    assert faults == {
        ("flatline", "pulse"): ((HANGS.start, HANGS.stop),),
        ("outlier", "pulse"): tuple((row, row + 4) for row in NO_CONTACT_AT),
        ("constant", "lead2"): (),
    }
    gaps = next(one.steps for one in check if (one.check, one.feature) == ("missing", "pulse"))
    assert gaps == ((4210, 4211), (LOST.start, LOST.stop))
    html = check._repr_html_()
    assert html.index("✗ fix") < html.index("○ review") < html.index("✓ ok")
    assert "<script" not in check_series(Series(np.ones(3), feature_names=["<script>"]))._repr_html_()
    assert list(check.to_frame().columns) == ["check", "feature", "verdict", "found", "advice", "steps"]
    assert repr(check).startswith("Check of 'patch'\nfix: ")


@pytest.mark.parametrize(
    ("options", "remedy"),
    [({"training": 0}, "between 0 and 1"), ({"training": True}, "between 0 and 1"), ({"window": 1}, "at least 2"),
     ({"window": 2.5}, "window must be an integer")],
)  # fmt: skip
def test_invalid_training_share_or_window_raises(options, remedy):
    with pytest.raises(ValueError, match=remedy):
        check_series(WAVE, **options)


def test_feature_that_is_constant_outside_the_events_has_no_shift():
    values, labels = np.zeros(1000), np.zeros(1000, dtype=int)
    values[800:900], labels[800:900] = 1.0, 1
    shift = next(one for one in check_series(Series(values, labels=labels)) if one.check == "distribution shift")
    assert shift.verdict == "ok"
