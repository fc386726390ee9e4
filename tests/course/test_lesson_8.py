"""The checks of lesson 8 accept a right answer and name each common mistake; its example files have their errors."""

import warnings

import numpy as np
import pandas as pd
import pytest

from data import CSVWarning, Series, load_csv
from data.series import runs
from notebooks.course import lesson_8
from notebooks.course.own_files import (
    PUMP_EVENT,
    PUMP_GAPS,
    patch,
    printed_warnings,
    pump,
    write_patch_csv,
    write_pump_csv,
)
from notebooks.course.well_pictures import plot_sensors, plot_stations

RIGHT = {"time": "Zeit", "values": "Druck", "decimal": ",", "date_format": "%d.%m.%Y %H:%M:%S"}


@pytest.fixture
def druck(tmp_path):
    return write_pump_csv(tmp_path / "druck.csv")


def test_right_options_pass(druck):
    assert lesson_8.check_1(load_csv(druck, **RIGHT))


def test_missing_times_are_explained(druck):
    with pytest.warns(CSVWarning, match="'Zeit', 'Ventil'"):
        verdict = lesson_8.check_1(load_csv(druck, decimal=","))
    assert not verdict
    assert "There is no sampling rate, and the column 'Zeit' was left out" in verdict.text
    with pytest.warns(CSVWarning):
        verdict = lesson_8.check_1(load_csv(druck, decimal=",", sampling_rate=1))
    assert not verdict
    assert "The sampling rate is right, but" in verdict.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"date_format": "%m.%d.%Y %H:%M:%S"}, "`series` begins on 2026-02-03"),
        ({"irregular": "keep"}, "there is no sampling rate: with `irregular='keep'`"),
        ({"irregular": "keep", "date_format": "%m.%d.%Y %H:%M:%S"}, "`series` begins on 2026-02-03"),
    ],
)
def test_wrong_times_are_explained(druck, options, words):
    verdict = lesson_8.check_1(load_csv(druck, **RIGHT | options))
    assert not verdict
    assert words in verdict.text


def test_valve_as_labels_fails(druck):
    verdict = lesson_8.check_1(load_csv(druck, **RIGHT, labels="Ventil", normal="auf"))
    assert not verdict
    assert "An open valve is not an anomaly" in verdict.text


def test_wrong_values_are_explained(druck):
    right = load_csv(druck, **RIGHT)
    for wrong, words in (
        (pd.read_csv(druck, sep=";"), "got DataFrame"),
        (right.values, "got ndarray"),
        (Series(right.values * 1000), "decimal sign"),
        (right[:500], "Are all rows there"),
        (Series(np.hstack([right.values, right.values])), "must have one feature, the pressure, got 2"),
    ):
        verdict = lesson_8.check_1(wrong)
        assert not verdict
        assert words in verdict.text


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        ((1450, 1494), "last missing step"),
        ((1449, 1494), "counted from 0"),
        ((1451, 1496), "counted from 0"),
        ((310, 318), "not the longest"),
        ((1495, 1450), "must be less than its end"),
        ((1400, 1500), "not a gap from its first"),
        (45, "got the length"),
        (np.array(45.0), "got the length"),
        (1450, "got one number"),
        (PUMP_GAPS, "got 3 entries"),
        (PUMP_GAPS[:2], "several gaps"),
        (slice(1450, 1495), "cannot use this answer"),
    ],
)
def test_wrong_gaps_are_explained(gap, words):
    verdict = lesson_8.check_2(gap)
    assert not verdict
    assert words in verdict.text


def test_longest_gap_passes():
    assert lesson_8.check_2((1450, 1495))
    assert lesson_8.check_2([np.int64(1450), np.int64(1495)])


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.5, "well inside"),
        (0.26, "at the end of"),
        (0.1, "10 cycles of 40"),
        (1000, "between 0 and 1, got 1000"),
        (1.0, "between 0 and 1"),
        ("a quarter", "must be one number"),
    ],
)
def test_wrong_shares_are_explained(share, words):
    verdict = lesson_8.check_3(share)
    assert not verdict
    assert words in verdict.text


@pytest.mark.parametrize("share", [0.2, 0.25, PUMP_EVENT[0] / 4000])
def test_normal_and_long_enough_share_passes(share):
    verdict = lesson_8.check_3(share)
    assert verdict
    assert f"{share * 4000:.0f} steps, {int(share * 4000) // 40} cycles" in verdict.text


def test_rule_of_thumb_keeps_two_sensors_of_well_2():
    verdict = lesson_8.check_4(["T-TPT", "P-TPT"])
    assert verdict
    assert "T-TPT and P-TPT stay" in verdict.text
    assert lesson_8.check_4(("P-TPT", np.str_("T-TPT")))


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (["P-TPT", "T-TPT", "QGL"], "QGL is constant"),
        (["P-TPT", "T-TPT", "P-MON-CKP"], "100% of the second half of P-MON-CKP"),
        (["P-TPT", "T-TPT", "P-JUS-CKGL"], "% of the second half of P-JUS-CKGL lie outside"),
        (["P-TPT"], "T-TPT is missing, although it varies, and only 21%"),
        ([], "P-TPT is missing"),
        (["P-TPT", "T-JUS-CKGL"], "T-JUS-CKGL has no value"),
        (["P-TPT", "TPT"], "TPT is not a sensor of well 2"),
        ("P-TPT", "got the string 'P-TPT'"),
        ([1, 2], "1 is not a sensor"),
        (2, "cannot use this answer"),
    ],
)
def test_wrong_sensors_are_explained(keep, words):
    verdict = lesson_8.check_4(keep)
    assert not verdict
    assert words in verdict.text


@pytest.mark.parametrize("check", [lesson_8.check_1, lesson_8.check_2, lesson_8.check_3, lesson_8.check_4])
def test_untouched_stub_is_reported(check):
    verdict = check(...)
    assert not verdict
    assert "is still `...`" in verdict.text


def test_example_files_have_the_events_and_errors_of_the_lesson(tmp_path):
    assert runs(pump().missing[:, 0]) == PUMP_GAPS
    assert sorted(end - start for start, end in patch().events) == [5, 25, 50, 75]
    assert patch().events[0][0] > 0.55 * len(patch()), "the training part is normal"
    lines = write_patch_csv(tmp_path / "patch.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 17_910
    assert ";ERR;" in lines[4211]


def test_warnings_are_printed_without_the_folder(tmp_path, capsys):
    path = tmp_path / "patch.csv"
    with printed_warnings(path):
        warnings.warn(f"{path} has a gap", stacklevel=1)
    assert capsys.readouterr().out == "warning: patch.csv has a gap\n"


def test_stations_name_who_decides():
    figure = plot_stations()
    assert "Seven stations" in figure.alt
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"read", "write down", "which part\nis normal?"} <= texts
    assert len(figure.axes[0].patches) == 7


def test_sensors_have_axes_with_units():
    series = Series(np.array([[2e6, 20.0], [3e6, 21.0], [4e6, 22.0]]), feature_names=["P-TPT", "T-TPT"], name="well")
    figure = plot_sensors(series)
    assert [axes.get_ylabel() for axes in figure.axes] == ["MPa", "°C"]
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [2, 3, 4])
    assert "2 sensors of well" in figure.alt
