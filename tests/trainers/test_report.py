"""Reports on a recording, from Python and from the command line."""

import html
import inspect
import re
import shlex
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances
from matplotlib.backends.backend_agg import FigureCanvasAgg

from data import Finding, Series, check_series, load_csv
from trainers.__main__ import main, parser
from trainers.detection import AnomalyDetector, Detection, Explanation
from trainers.reports import _figures, _Flagged, _note, _Progress, _reasons, _rows, report

QUICK = {"epochs": 1, "rate": 0.05, "progress": False}


def signal(steps=1500, features=1):
    rng = np.random.default_rng(0)
    time = np.arange(steps)[:, None] + 9 * np.arange(features)
    values = np.sin(2 * np.pi * time / 25) + 0.05 * rng.normal(size=(steps, features))
    values[1200:1230, -1] = 1.5
    return values


def test_report_of_labelled_csv_is_self_contained_page(tmp_path):
    labels = np.zeros(1500, dtype=int)
    labels[1200:1230] = 1
    times = pd.date_range("2026-01-01", periods=1500, freq="s")
    values = signal(features=2)
    table = pd.DataFrame({"time": times, "pressure <b>": values[:, 0], "flow": values[:, 1], "label": labels})
    table.to_csv(tmp_path / "my.csv", index=False)
    result = report(tmp_path / "my.csv", tmp_path / "out.html", **QUICK)
    page = result.path.read_text(encoding="utf-8")
    assert result.path == tmp_path / "out.html"
    assert not re.search(r"""(src|href)=["'](?!data:)|https?://(?!www\.w3\.org)|url\(""", page), "needs a network"
    assert "pressure <b>" not in page.split("</script>")[-1]
    assert any(start < 480 and end > 450 for start, end in result.detection.events)
    best = result.detection.to_frame().iloc[0]
    assert 430 < best.peak < 500
    start, end = result.events.loc[0, ["start", "end"]]
    assert start <= best.start + 750 < best.end + 750 <= end, "steps are counted as in the file"
    assert f"{start:,} to {end - 1:,}</td>" in page
    assert "flow " in page.split("<h2>Events</h2>")[1]
    assert set(result.evaluations) > {"LSTM autoencoder", "1-NN", "random score"}
    assert result.evaluations["LSTM autoencoder"].auroc > 0.9
    sections = re.findall("<h2>(.*?)</h2>", page)
    about_detector = ["Training", "Threshold", "Was a network needed?", "How to reproduce this report"]
    assert sections == ["The recording", "Events", "What to check first", *about_detector]
    assert page.count('alt="') == 3
    assert "12.5 min, every second (750 steps), 2026-01-01 to 2026-01-01; assumed to be normal" in page
    assert "1 of 1 labelled event is among these events" in page


def test_page_without_labels_says_so(tmp_path):
    result = report(signal()[:, 0], tmp_path / "out.html", **QUICK)
    assert result.evaluations == {}
    assert "has no labels" in result.path.read_text(encoding="utf-8")


def test_event_names_sensor_that_stood_still_and_missing_values(tmp_path):
    values = signal(2000, features=2)
    values[1400:1450, 0] = values[1400, 0]
    values[1420:1422, 1] = np.nan
    result = report(Series(values, feature_names=["lead1", "lead2"]), tmp_path / "out.html", **QUICK)
    (note,) = [event.note for event in result.events.itertuples() if event.start < 1450 and event.end > 1400]
    assert note == "lead1 stood still for 50 steps; lead2 has no values for 2 steps"
    assert note in result.path.read_text(encoding="utf-8")


def test_events_with_less_than_window_between_them_are_one(tmp_path):
    values = signal(2000)[:, 0]
    values[1500:1525], values[1540:1565] = 3, 3
    result = report(values, tmp_path / "out.html", window=25, **QUICK)
    gaps = result.events.sort_values("start").start.to_numpy()[1:] - result.events.sort_values("start").end[:-1]
    assert (gaps >= 25).all()
    assert any(event.start < 1510 and event.end > 1550 for event in result.events.itertuples())
    page = result.path.read_text(encoding="utf-8")
    assert page.count("<tr data-start=") == min(20, len(result.events))
    assert "Two runs of flagged steps with fewer than 25 steps (one window) between them are one event" in page


def test_page_says_why_more_is_flagged_than_rate_allows_and_what_to_try(tmp_path):
    changed = signal()[:, 0]
    changed[900:] *= 4
    with pytest.warns(UserWarning, match="must be like the calibration part"):
        page = report(changed, tmp_path / "out.html", **QUICK).path.read_text(encoding="utf-8")
    assert "must be like the calibration part" in page.split("Notes on training and threshold:")[1].split("</ul>")[0]
    box = page.split('<div class="warning"')[1].split("</div>")[0]
    assert "More is flagged than the rate allows" in box
    assert "are above the threshold, instead of 5 %" in box
    assert "The training part is not like the rest in feature 0." in box
    assert "--training 0.7" in box
    assert "--adapt" in box
    for option in re.findall(r"<code>(--[^<]+)</code>", box):
        parser().parse_args(["report", "a.csv", *shlex.split(html.unescape(option))])


def test_page_has_no_warning_if_no_more_is_flagged_than_rate_allows(tmp_path):
    # two equal halves, so that the scores of the second are like those of the calibration part
    wave = np.sin(2 * np.pi * np.arange(1500) / 25)
    result = report(wave, tmp_path / "out.html", **{**QUICK, "rate": 0.3})
    page = result.path.read_text(encoding="utf-8")
    assert ('<div class="warning"' in page) == (result.detection.abnormal.mean() > 0.45)


def test_data_to_fix_is_printed_and_on_page(tmp_path, capsys):
    values = signal()[:1200, 0]
    good = report(values, tmp_path / "good.html", **QUICK).path.read_text(encoding="utf-8")
    assert "None of them needs a fix." in good
    values[100:180] = 0.5
    page = report(values, tmp_path / "out.html", **{**QUICK, "progress": True}).path.read_text(encoding="utf-8")
    found = "80 equal values from step 100 on."
    assert f"fix first: flatline of feature 0: {found}" in capsys.readouterr().out
    assert "1 of them needs a fix" in page
    assert found in page


def test_training_ends_before_first_labelled_event(tmp_path):
    labels = np.zeros(1500, dtype=int)
    labels[600:610] = 1
    result = report(Series(signal(), labels=labels), tmp_path / "out.html", **QUICK)
    assert len(result.detection.scores) == 900


def test_page_and_warnings_name_defaults_for_short_recording_without_period(tmp_path):
    values, labels = np.random.default_rng(0).normal(size=400), np.zeros(400, dtype=int)
    labels[10:15] = 1
    with pytest.warns(UserWarning, match="labelled abnormal|windows of 24 steps|rate must be") as warned:
        result = report(Series(values, labels=labels), tmp_path / "out.html", epochs=1, progress=False)
    assert len(warned) == 3, "each is said once"
    assert len(result.detection.scores) == 200
    page = html.unescape(result.path.read_text(encoding="utf-8"))
    decisions = page.split("Notes on training and threshold:")[1].split("</ul>")[0]
    assert "got 5 of 200 time steps labelled abnormal" in decisions
    assert "windows of 24 steps are used" in decisions
    rate = result.detector.rate_in_use
    assert rate == 1 / (len(result.detector.calibration_scores) + 1) > 0.01
    assert f"with rate {rate:.3g} (not 0.01, because" in page


def test_same_seed_gives_same_page(tmp_path):
    pages = []
    for name in ("a", "b"):
        path = report(signal()[:, 0], tmp_path / f"{name}.html", seed=5, **QUICK).path
        pages.append(path.read_text(encoding="utf-8"))
    assert pages[0] == pages[1]


def test_steps_with_missing_values_are_unscored_by_all_detectors(tmp_path):
    values, labels = signal()[:, 0], np.zeros(1500, dtype=int)
    values[900:1000], labels[1200:1230] = np.nan, 1
    result = report(Series(values, labels=labels), tmp_path / "out.html", **QUICK)
    assert result.detection.unscored[170:230].all()
    page = result.path.read_text(encoding="utf-8")
    assert "steps are unscored" in page
    assert result.evaluations["1-NN"].false_alarms <= result.evaluations["random score"].false_alarms


def test_progress_estimates_time_left_from_time_so_far(capsys):
    progress = _Progress(printing=True)
    progress.began -= 60
    progress(25, "training")
    assert capsys.readouterr().out == " 25 %  training; about 3 min left\n"
    progress(1, "reading")
    assert "left" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"output": "nowhere/out.html"}, "a folder that exists"),
        ({"output": "."}, "output must be a file"),
        ({"training": 1.0}, "above 0 and below 1"),
        ({"training": 0.0001}, "must begin with a normal part"),
        ({"training": 0.99}, "must leave a window"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
    ],
)
def test_invalid_arguments_raise_before_training(tmp_path, monkeypatch, options, match):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((TypeError, ValueError), match=match):
        report(signal()[:, 0], **{"output": "out.html", **QUICK, **options})
    assert not list(tmp_path.glob("*.html"))


def test_command_line_trains_and_prints_progress(tmp_path):
    pd.DataFrame({"value": signal()[:, 0]}).to_csv(tmp_path / "my.csv", index=False)
    command = [sys.executable, "-m", "trainers", "report", "my.csv", "--epochs", "1", "--rate", "0.05", "--no-centre"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "\n 80 %  training, epoch 1/1: validation loss " in done.stdout
    assert "100 %  " in done.stdout
    assert "written to report.html" in done.stdout
    assert (tmp_path / "report.html").stat().st_size > 10_000
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("value\n1\n2\nthree\n" + "4\n" * 50, "line 4"),
        ("value\n1\n2\n3\n", "Add more data"),
        ("value\n" + "7\n" * 500, "window"),
        ("", "empty"),
    ],
)
def test_command_line_prints_error_of_invalid_file(tmp_path, capsys, content, message):
    path = tmp_path / "my.csv"
    path.write_text(content, encoding="utf-8")
    assert main(["report", str(path), "--output", str(tmp_path / "out.html")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.html").exists()


def test_command_line_prints_name_of_missing_file(tmp_path, capsys):
    assert main(["report", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_command_line_has_every_option_of_load_csv(capsys):
    with pytest.raises(SystemExit):
        main(["report", "--help"])
    text = capsys.readouterr().out
    for name in inspect.signature(load_csv).parameters:
        if name != "path":
            assert re.search(rf"--{name.replace('_', '-')}\b.*\n? +\w", text), name
    assert "--window" in text
    line = [
        "report",
        "a.csv",
        "--time",
        "Date",
        "--time",
        "Time",
        "--separator",
        r"\t",
        "--normal",
        "-1",
        "--no-header",
    ]
    parsed = parser().parse_args(["report", "--time", "Date", "--time", "Time", "a.csv"])
    assert (parsed.time, parsed.file) == (["Date", "Time"], "a.csv")
    parsed = vars(parser().parse_args(line))
    assert (parsed["time"], parsed["separator"], parsed["normal"], parsed["header"]) == (
        ["Date", "Time"],
        "\t",
        "-1",
        False,
    )


@pytest.mark.parametrize(
    ("header", "cells", "encoding", "options"),
    [
        ("timestamp,value", lambda i, v: f"{1706708700000 + 60000 * i},{v}", "utf-8", ["--time-unit=ms"]),
        (
            "date,value",
            lambda i, v: f"{1 + i // 24:02d}.01.2024 {i % 24}:00,{v}",
            "utf-8",
            ["--date-format=%d.%m.%Y %H:%M"],
        ),
        ("value,label", lambda i, v: f"{v},{'fail' if 400 <= i < 430 else 'good'}", "utf-8", ["--normal=good"]),
        ("time_s,Temp °C", lambda i, v: f"{i},{v}", "cp1252", ["--encoding=cp1252"]),
    ],
)
def test_command_line_accepts_option_that_its_error_suggests(tmp_path, capsys, header, cells, encoding, options):
    path, page = tmp_path / "my.csv", tmp_path / "out.html"
    rows = [cells(i, f"{v:.3f}") for i, v in enumerate(signal()[800:1500, 0])]
    path.write_text("\n".join([header, *rows]), encoding=encoding)
    line = ["report", str(path), "--output", str(page), "--epochs", "1", "--rate", "0.05"]
    assert main(line) == 2
    assert options[0].split("=")[0].strip("-").replace("-", "_") + "=" in capsys.readouterr().err
    assert main([*line, *options]) == 0
    assert page.exists()


def test_warnings_of_file_are_one_line_and_on_page(tmp_path, capsys):
    table = pd.DataFrame({"time_s": np.arange(1500), "value": signal()[:, 0], "fault": np.arange(1500) // 1400})
    table.to_csv(tmp_path / "my.csv")
    page = tmp_path / "out.html"
    assert main(["report", str(tmp_path / "my.csv"), "--output", str(page), "--epochs", "1", "--rate", "0.05"]) == 0
    (line,) = [one for one in capsys.readouterr().err.splitlines() if "fault" in one]
    assert line.startswith("warning: ")
    assert "the row numbers in" in line
    text = page.read_text(encoding="utf-8")
    assert "'fault' may be labels" not in text
    assert "'fault' may be labels" in html.unescape(text)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, ""),
        ({"sampling_rate": 25.0}, "0.4 s to 0.76 s"),
        ({"sampling_rate": 1.0}, "10 s to 19 s"),
        ({"time": pd.date_range("2026-01-01", periods=40, freq="h")}, "2026-01-01 10:00 to 2026-01-01 19:00"),
        ({"time": pd.date_range("2026-01-01", periods=40, freq="min")}, "2026-01-01 00:10 to 2026-01-01 00:19"),
        ({"time": pd.date_range("2026-01-01", periods=40, freq="s")}, "2026-01-01 00:00:10 to 2026-01-01 00:00:19"),
        (
            {"time": pd.date_range("2026-01-01", periods=40, freq="40ms")},
            "2026-01-01 00:00:00.400 to 2026-01-01 00:00:00.760",
        ),
    ],
)
def test_times_of_event_have_digits_of_sampling(options, text):
    explanation = Explanation(np.ones((40, 1)), np.ones((40, 1)), ("value",))
    events = pd.DataFrame({"start": [10], "end": [20], "score": [1.0], "note": [""]})
    (row,) = _rows(events, Series(np.arange(40.0), **options), explanation, 0)
    assert row.get("time", "") == text


@pytest.mark.parametrize("labelled", [False, True])
def test_flagged_share_is_without_steps_between_merged_events(labelled):
    scores = np.zeros(1000)
    scores[100:500:40] = 1
    rest = Series(np.zeros(1000), labels=np.r_[np.zeros(999, int), 1] if labelled else None)
    detection = Detection(scores, 0.5, np.zeros(1000, dtype=bool), rest)
    flagged = _Flagged.of(detection, rest, AnomalyDetector(rate=0.01), 50)
    assert (flagged.share, flagged.covered) == (0.01, 0.361)
    assert not flagged.too_many, "10 of 999 steps are above the rate of 1 % only by chance"


def test_note_gives_length_of_fault_that_exceeds_event():
    values = signal()
    values[1000:1080] = 0.5
    check = check_series(Series(values, name="x"), training=0.5, window=25)
    assert _note(check, 990, 1090) == "feature 0 stood still for 80 steps"
    assert _note(check, 1020, 1023) == "feature 0 stood still for 80 steps in all"


def test_shorter_windows_are_advised_only_if_shorter():
    few = Finding("training", "", "fix", "The training part has 40 steps.", "")
    for window, option in ((8, ""), (30, "--window 15")):
        detector = SimpleNamespace(
            window_length=window, calibration_scores=np.ones(100), rate=0.01, adapt=False, rule="conformal quantile"
        )
        reasons = _reasons(_Flagged(0.5, 0.5, 0.5, [0.5] * 4, 0.01), [few], detector, Series(np.zeros(100)), 50)
        assert option in [option for advice, option in reasons if advice.startswith("Use a longer")]


@pytest.mark.parametrize("scaling", ["standard", "robust"])
def test_axis_labels_fit_into_pictures(scaling):
    detector = AnomalyDetector(scaling=scaling, epochs=1).fit(Series(signal()[:750]))
    for figure in _figures(detector):
        FigureCanvasAgg(figure).draw()
        for label in (figure.axes[0].xaxis.label, figure.axes[0].yaxis.label):
            box = label.get_window_extent()
            assert box.x0 >= 0, label
            assert box.y0 >= 0, label
            assert box.x1 <= figure.bbox.width, label
            assert box.y1 <= figure.bbox.height, label


def test_report_keeps_no_widget(tmp_path):
    before = set(_instances)
    report(signal()[:, 0], tmp_path / "out.html", **QUICK)
    assert set(_instances) == before


def test_page_without_events_and_rule_without_rate(tmp_path):
    options = {"epochs": 1, "rule": "median + k MAD", "k": 1e6, "progress": False}
    result = report(Series(signal(), sampling_rate=25.0), tmp_path / "out.html", **options)
    page = result.path.read_text(encoding="utf-8")
    assert len(result.events) == 0
    assert "<strong>0 events found.</strong> 0 % of the scored steps are flagged.</p>" in page
    assert "No event lies above the threshold." in page
    assert "series: 60 s at 25 Hz (1,500 steps), 1 feature" in page
    assert "<tr data-start=" not in page
