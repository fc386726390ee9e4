"""The series viewer in JupyterLab, Notebook 7 and exported pages: mouse, wheel, keys and appearance."""

from __future__ import annotations

import re

import numpy as np
import pytest

from data import Series
from data.series import runs
from trainers.widgets import SeriesViewer, series_viewer
from trainers.widgets.export import read_assets
from trainers.widgets.series_viewer import describe_events, touched

from .jupyter import at_rest
from .series_page import CLIPPED, CONTRAST, FOUND_ROW, INK, MAKE, SAY, SHADES, SOLID_COLUMN, Viewer


@pytest.fixture
def exported(page, tmp_path):
    """Return a function that opens the exported page of a viewer offline; the page must have no errors."""
    errors = []

    def open_(viewer):
        viewer.to_html(tmp_path / "page.html")
        page.context.set_offline(True)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: request.url.startswith("file:") or errors.append(request.url))
        page.goto(tmp_path.joinpath("page.html").as_uri())
        return Viewer(page)

    yield open_
    assert errors == []


@pytest.fixture(scope="module")
def sine():
    space: dict[str, object] = {}
    exec(MAKE, space)
    return space["sine"], space["scores"]


def test_zoom_events_and_threshold_in_notebook(server, open_notebook):
    notebook = open_notebook(server, "series", MAKE, SAY, "viewer.threshold = 1.2", SAY)
    notebook.run(1)
    viewer, page = Viewer(notebook.page), notebook.page
    counts = "3 true events: 2 found, 1 missed; 1 false alarm; 0.27 % of the steps flagged"
    assert viewer.text("counts") == counts
    assert viewer.window() == (0, 19_999)

    # A wheel scrolls the notebook, and zooms only while Ctrl is held.
    viewer.point(0.5)
    before = viewer.stage.bounding_box()["y"]
    page.mouse.wheel(0, 60)
    page.wait_for_function("document.querySelector('.kit-series .hint').textContent")
    page.wait_for_function(
        "y => document.querySelector('.kit-series .stage').getBoundingClientRect().y < y", arg=before
    )
    assert viewer.window() == (0, 19_999)
    assert viewer.text("hint") == "Hold Ctrl and turn the wheel to zoom"
    viewer.point(0.5)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -500)
    page.wait_for_function("!document.querySelector('.overview').ariaValueText.startsWith('steps 0 ')")
    start, end = viewer.window()
    assert 0 < start < 10_000 < end < 19_999
    page.mouse.wheel(0, 5000)
    page.wait_for_function("document.querySelector('.overview').ariaValueText.startsWith('steps 0 to 19,999')")
    page.keyboard.up("Control")
    page.wait_for_function("!document.querySelector('.kit-series .hint').textContent")

    viewer.stage.focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    start, end = viewer.window()
    assert abs(end - start - 5_000) <= 2
    page.keyboard.press("ArrowRight")
    assert viewer.window()[0] - start in (499, 500, 501)
    page.keyboard.press("Home")
    assert viewer.window()[0] == 0
    page.keyboard.press("End")
    assert viewer.window()[1] == 19_999
    page.keyboard.press("0")
    assert viewer.window() == (0, 19_999)

    viewer.press("next event ▶")
    first = "event 1 of 4: true event, found, steps 4,000 to 4,059 (40 s to 40.59 s); highest score 3"
    assert viewer.text("event") == first
    start, end = viewer.window()
    assert start < 4_000 < 4_060 < end < 4_200
    for number, kind in ((2, "true event, found"), (3, "false alarm"), (4, "true event, missed")):
        viewer.press("next event ▶")
        assert viewer.text("event").startswith(f"event {number} of 4: {kind}, steps")
    viewer.press("next event ▶")
    assert viewer.text("event") == "no event after this one"
    viewer.press("◀ previous event")
    assert viewer.text("event").startswith("event 3 of 4")

    # From page to kernel …
    viewer.press("whole series")
    handle = page.get_by_role("slider", name="threshold")
    viewer.drag(handle, by_y=-8)
    value = float(handle.get_attribute("aria-valuenow"))
    assert value > 2.5
    # The last message of the page may arrive after the cell has run.
    for _ in range(20):
        notebook.run(2)
        notebook.wait_idle()
        if f"threshold {value} " in notebook.text(2):
            break
    assert f"threshold {value} " in notebook.text(2)
    # … and back.
    notebook.run(3)
    page.wait_for_function(
        "() => document.querySelector('.kit-series .threshold').getAttribute('aria-valuenow') === '1.2'"
    )
    viewer.await_counts("3 found, 0 missed")
    field = page.get_by_role("textbox", name="threshold")
    assert field.input_value() == "1.2"

    # A refused value leaves the threshold as it was, and says so.
    field.fill("abc")
    field.press("Enter")
    assert viewer.text("refused") == "threshold must be a number such as 2.5, got 'abc'."
    assert field.input_value() == "1.2"
    notebook.run(2)
    notebook.wait_idle()
    assert "threshold 1.2 " in notebook.text(2)
    field.fill("2.5")
    field.press("Enter")
    viewer.await_counts(counts)
    assert viewer.text("refused") == ""


def test_a_million_steps_of_six_features(lab, open_notebook):
    make = """
import numpy as np
from data import Series
from data.series import runs
from trainers.widgets import SeriesViewer
n = 1_000_000
values = np.stack([np.sin(np.arange(n) / (40 + 7 * i)) for i in range(6)], 1)
scores = np.zeros(n)
scores[[10, 999_999]] = 1
SeriesViewer(values, scores, threshold=0.5, reconstruction=0.9 * values)
"""
    notebook = open_notebook(lab, "million", make)
    notebook.run(1)
    notebook.page.wait_for_selector(".kit-series .counts:not(:empty)", timeout=90_000)
    viewer = Viewer(notebook.page)
    assert viewer.text("counts") == "2 events found; under 0.001 % of the steps flagged"
    assert re.search(r"each column of pixels shows the lowest and highest of [\d,]+ steps$", viewer.text("words"))
    assert notebook.page.locator(".kit-series *").count() < 120, "no element for each step"
    viewer.press("◀ previous event")
    assert viewer.text("event") == "event 2 of 2: event found, step 999,999; highest score 1"
    viewer.press("next event ▶")
    assert viewer.text("event") == "no event after this one"
    viewer.stage.focus()
    for _ in range(20):
        notebook.page.keyboard.press("-")
    assert viewer.window() == (0, 999_999)
    assert notebook.page.evaluate(INK, "main") > 10_000


class TestExportedPage:
    def test_mouse(self, exported, sine):
        viewer = exported(SeriesViewer(*sine[:1], scores=sine[1], threshold=2.5))
        page = viewer.page
        viewer.press("zoom in")
        start, end = viewer.window()
        viewer.drag(viewer.stage, by_x=150)
        moved = viewer.window()
        assert moved[0] < start
        assert moved[1] - moved[0] == end - start
        viewer.point(0.5)
        viewer.frame()
        words = viewer.text("words")
        step = int(re.match(r"step ([\d,]+) \(", words)[1].replace(",", ""))
        assert f"value {float(f'{sine[0].values[step, 0]:.3g}'):g}" in words
        assert f"score {float(f'{sine[1][step]:.3g}'):g}" in words
        viewer.press("whole series")
        overview = page.locator(".overview")
        viewer.press("zoom in")
        viewer.press("zoom in")
        start, end = viewer.window()
        viewer.drag(overview, by_x=200)
        assert viewer.window()[0] > start + 3_000
        assert viewer.window()[1] - viewer.window()[0] == end - start
        viewer.drag(overview, by_x=-60, at=0.95)
        assert viewer.window()[1] > 17_000, "a press next to the handle moves it there"

    def test_keys(self, exported, sine):
        viewer = exported(SeriesViewer(*sine[:1], scores=sine[1], threshold=2.5))
        keyboard = viewer.page.keyboard
        viewer.stage.focus()
        assert viewer.stage.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        keyboard.press("n")
        assert viewer.text("event").startswith("event 1 of 4")
        viewer.frame()
        step = int(re.match(r"step ([\d,]+)", viewer.text("words"))[1].replace(",", ""))
        keyboard.press("Shift+ArrowRight")
        viewer.frame()
        assert viewer.text("words").startswith(f"step {step + 1:,} ")
        keyboard.press("p")
        assert viewer.text("event") == "no event before this one"
        handle = viewer.page.get_by_role("slider", name="threshold")
        handle.focus()
        keyboard.press("Home")
        viewer.await_counts("everything is flagged: 100 % of the steps; true events among them: 3 of 3")
        keyboard.press("End")
        viewer.await_counts("0 found, 3 missed; 0 false alarms")
        field = viewer.page.get_by_role("textbox", name="threshold")
        field.fill("1.2")
        field.press("Enter")
        viewer.await_counts("3 found, 0 missed")
        field.fill("")
        field.press("Enter")
        handle.wait_for(state="hidden")
        assert viewer.text("counts") == "3 true events"

    def test_table_of_events_shows_each_event(self, exported, sine):
        viewer = exported(SeriesViewer(*sine[:1], scores=sine[1], threshold=2.5))
        viewer.page.locator(".list summary").click()
        rows = viewer.page.locator(".table tbody tr")
        rows.first.wait_for()
        kinds = [row.locator("td").nth(1).text_content() for row in rows.all()]
        assert kinds == ["true event, found", "true event, found", "false alarm", "true event, missed"]
        viewer.press("show event 3")
        start, end = viewer.window()
        assert start < 12_000 < end < 12_300
        label = viewer.page.locator(".main").get_attribute("aria-label")
        assert "The whole series has 3 true events: 2 found, 1 missed; 1 false alarm; 0.27 % of" in label
        rows.nth(0).locator("td").nth(2).click()
        assert viewer.text("event").startswith("event 1 of 4")

    def test_new_threshold_replaces_given_events(self, exported, sine):
        viewer = exported(SeriesViewer(sine[0], sine[1], threshold=2.5, found=[(0, 10), (14_990, 15_001)]))
        assert viewer.text("counts") == "3 true events: 1 found, 2 missed; 1 false alarm; 0.27 % of the steps flagged"
        viewer.page.get_by_role("slider", name="threshold").press("ArrowUp")
        viewer.await_counts("2 found, 1 missed; 1 false alarm")

    def test_reconstruction_can_be_hidden(self, exported, sine):
        viewer = exported(SeriesViewer(sine[0], reconstruction=sine[0].values + 1))
        with_it = viewer.page.evaluate(INK, "main")
        viewer.page.get_by_label("reconstruction").uncheck()
        viewer.frame()
        assert viewer.page.evaluate(INK, "main") < with_it

    def test_features_are_selected_with_a_menu(self, exported):
        names = [f"sensor {i}" for i in range(20)]
        viewer = exported(SeriesViewer(Series(np.random.default_rng(0).normal(size=(50, 20)), feature_names=names)))
        page = viewer.page
        assert viewer.text("choose summary") == "features: 6 of 20"
        page.locator(".choose summary").click()
        viewer.press("next 6")
        page.get_by_label("sensor 7").uncheck()
        page.get_by_label("sensor 19").check()
        viewer.point(0.5)
        viewer.frame()
        shown = re.findall(r"sensor \d+", viewer.text("words"))
        assert shown == [f"sensor {i}" for i in (6, 8, 9, 10, 11, 19)]
        assert page.locator(".overview").get_attribute("aria-label").endswith("the overview shows sensor 6")
        for name in shown:
            page.get_by_label(name, exact=True).click()
        assert page.get_by_label("sensor 19", exact=True).is_checked(), "one feature is always shown"

    def test_events_are_named_and_visited_with_the_mouse(self, exported, sine):
        viewer = exported(SeriesViewer(*sine[:1], scores=sine[1], threshold=2.5))
        mouse, box = viewer.page.mouse, at_rest(viewer.stage)
        at = box["x"] + 64 + (12_010 / 20_000) * (box["width"] - 78), box["y"] + FOUND_ROW
        mouse.move(*at)
        viewer.frame()
        assert viewer.text("words").startswith("event 3 of 4: false alarm, steps 12,00")
        mouse.move(at[0] - 60, at[1])
        viewer.frame()
        assert viewer.text("words").startswith("step ")
        mouse.move(*at)
        mouse.down()
        mouse.up()
        assert viewer.text("event").startswith("event 3 of 4: false alarm")
        assert viewer.window()[1] < 12_300

    def test_training_part_is_separated_and_has_no_score(self, exported, sine):
        scores = np.concatenate([np.full(2_000, np.nan), sine[1][2_000:]])
        viewer = exported(SeriesViewer(sine[0], scores, threshold=2.5, training=2_000))
        assert viewer.text("counts").endswith("; 0.29 % of the scored steps flagged")
        assert "The first 2,000 steps are the training part." in viewer.page.locator(".main").get_attribute(
            "aria-label"
        )
        for share, words in ((0.05, "; training part, not scored"), (0.15, "; score ")):
            viewer.point(share)
            viewer.frame()
            assert words in viewer.text("words")
        viewer.page.mouse.move(0, 0)
        viewer.frame()
        column = viewer.page.evaluate(SOLID_COLUMN, "main")
        assert column == pytest.approx(64 + 0.1 * (viewer.stage.bounding_box()["width"] - 78), abs=1.5)

    def test_dense_score_is_a_band(self, exported):
        noise = np.abs(np.random.default_rng(0).normal(size=100_000))
        viewer = exported(SeriesViewer(np.zeros(100_000), noise))
        dark, light = viewer.page.evaluate(SHADES, "main")
        assert light > 5 * dark

    def test_first_view_has_outlier_and_focus_leaves_it_out(self, exported, sine):
        scores = np.array(sine[1])
        scores[7_000] = 1e4
        viewer = exported(SeriesViewer(sine[0], scores, threshold=2.5))
        handle = viewer.page.get_by_role("slider", name="threshold")
        assert float(handle.get_attribute("aria-valuemax")) > 1e4
        assert "A few values are outliers" in viewer.text("note")
        before = viewer.page.evaluate(INK, "main")
        viewer.press("focus")
        viewer.frame()
        assert 2.5 < float(handle.get_attribute("aria-valuemax")) < 5
        assert viewer.page.evaluate(INK, "main") > before
        viewer.press("focus")
        viewer.frame()
        assert viewer.page.evaluate(INK, "main") == before

    def test_refused_threshold_is_replaced_by_the_old_one(self, exported, sine):
        viewer = exported(SeriesViewer(*sine[:1], scores=sine[1]))
        field, alert = viewer.page.get_by_role("textbox", name="threshold"), viewer.page.locator("[role=alert]")
        for text in ("abc", "1e999", "1,2,3"):
            field.fill(text)
            field.press("Enter")
            assert alert.text_content() == f"threshold must be a number such as 2.5, got '{text}'."
            assert field.input_value() == ""
        field.fill("2,5")
        field.press("Tab")
        viewer.await_counts("2 found, 1 missed")
        assert alert.text_content() == ""
        field.fill("abc")
        field.press("Tab")
        assert alert.text_content().endswith("got 'abc'.")
        viewer.page.get_by_role("slider", name="threshold").press("ArrowUp")
        assert alert.text_content() == "", "the threshold was changed in another way"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"series": np.zeros(30)}, ["no events given", "No scores are given"]),
            ({"series": np.zeros(30), "scores": np.full(30, np.nan), "threshold": 1.0}, ["nothing is scored"]),
            ({"series": np.zeros(30), "scores": np.arange(30), "threshold": -1}, ["everything is flagged: 100 %"]),
            ({"series": [1.0], "scores": [2.0], "threshold": 3}, ["0 events found", "showing step 0 of 1"]),
            ({"series": np.zeros(200_000)}, ["each column of pixels shows the lowest and highest of"]),
        ],
    )
    def test_says_what_it_shows(self, exported, arguments, words):
        viewer = exported(SeriesViewer(**arguments))
        text = viewer.page.locator(".kit-series").text_content()
        assert [word for word in words if word not in text] == []

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_is_readable_at_400_pixels(self, exported, sine, scheme):
        page = exported(SeriesViewer(sine[0], sine[1], threshold=2.5, training=2_000)).page
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 400, "height": 800})
        page.wait_for_function("() => document.querySelector('.kit-series .main').getBoundingClientRect().width < 400")
        field = page.get_by_role("textbox", name="threshold")
        field.fill("a very long text instead of a number")
        field.press("Enter")
        page.locator(".list summary").click()
        page.locator(".table tr").first.wait_for()
        assert page.evaluate(CLIPPED) == []
        contrast = page.evaluate(CONTRAST)
        assert contrast["text"] >= 4.5, "WCAG AA"
        assert contrast["graphics"] >= 3, "WCAG, graphics"

    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_few_steps(self, exported, n):
        viewer = exported(SeriesViewer(np.arange(float(n)), np.arange(float(n)), threshold=0.5))
        for name in ("zoom in", "zoom out", "next event ▶", "fit height", "whole series"):
            viewer.press(name)
        viewer.frame()
        expected = (
            "0 events found; 0 % of the steps flagged" if n == 1 else f"too much is flagged: {100 - 100 // n} % of"
        )
        assert viewer.text("counts").startswith(expected)

    def test_gaps_are_empty(self, exported):
        values = np.sin(np.arange(1_000.0))
        full = np.array(values)
        values[100:900] = np.nan
        inks = [exported(SeriesViewer(v)).page.evaluate(INK, "main") for v in (full, values)]
        assert inks[1] < inks[0]
        viewer = exported(SeriesViewer(values))
        viewer.press("zoom in")
        viewer.press("zoom in")
        viewer.page.mouse.move(0, 0)
        viewer.frame()
        assert viewer.text("words").endswith("; no values here")

    def test_longer_series_is_downsampled_with_note(self, exported, monkeypatch):
        monkeypatch.setattr(series_viewer, "MAX_STEPS", 1_000)
        scores = np.zeros(9_990)
        scores[[5_005, 9_989]] = 1
        viewer = exported(SeriesViewer(np.sin(np.arange(9_990.0)), scores, threshold=0.5))
        assert "exact to 10 steps" in viewer.text("note")
        assert viewer.text("counts") == "2 events found; at most 0.2 % of the steps flagged"
        viewer.press("◀ previous event")
        assert viewer.text("event").startswith("event 2 of 2: event found, steps 9,980 to 9,989")
        assert viewer.window()[1] == 9_989

    def test_events_have_dates_of_series(self, exported):
        dates = np.datetime64("2024-02-28T22:00") + np.arange(100) * np.timedelta64(10, "m")
        viewer = exported(SeriesViewer(Series(np.arange(100.0), time=dates), found=[(12, 20)]))
        viewer.press("next event ▶")
        assert "(2024-02-29 00:00:00 to 2024-02-29 01:10:00)" in viewer.text("event")


def test_page_and_kernel_agree_on_events_and_extremes(page):
    """Compare the results of the page with those of Python in random cases."""
    script = read_assets(SeriesViewer._files, ".js")
    page.goto("about:blank")
    kit = "compare, countText, makeCurve, extent, makeClock"
    page.add_script_tag(content=f"{script}; window.kit = {{ {kit} }};", type="module")
    page.wait_for_function("window.kit")
    draws = np.random.default_rng(0)
    for trial in range(20):
        n = int(draws.integers(1, 400))
        values, level = draws.normal(size=n).round(2), round(float(draws.normal()), 2)
        truth = [list(event) for event in runs(draws.normal(size=n) > 1)]
        if trial % 2:
            values[draws.random(n) < 0.3] = np.nan
        found, flagged = [list(event) for event in runs(values > level)], values > level
        given = None
        if trial % 3 == 0:  # the given events contain steps that are not flagged
            found = given = [list(event) for event in runs(np.convolve(flagged, np.ones(3), "same") > 0)]
        text = describe_events(truth, found, ~np.isnan(values), flagged)
        start, end = sorted(draws.integers(0, n + 1, 2).tolist())
        computed = page.evaluate(
            """([values, level, given, truth, start, end]) => {
                const facts = { true: truth, length: values.length, stride: 1 };
                const curve = kit.makeCurve(values);
                const result = kit.compare(facts, curve, level, given);
                const { hit, right } = result.compared;
                return [result.found, hit, right, kit.extent(curve, start, end), kit.countText(result)];
            }""",
            [values.tolist(), level, given, truth, start, end],
        )
        assert computed[:3] == [found, touched(truth, found), touched(found, truth)]
        if not np.isnan(values[start:end]).all():
            assert computed[3] == [np.nanmin(values[start:end]), np.nanmax(values[start:end])]
        assert computed[4] == text
    uneven = page.evaluate(
        """() => {
            const clock = kit.makeClock({ kind: 'seconds' }, [0, 1, 7, 8], 2);
            return [clock.at(3), clock.step(4), clock.step(8)];
        }"""
    )
    assert uneven == [4, 3, 6]


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [1200, 600])
def test_viewer_is_readable_and_nothing_is_clipped(lab, open_notebook, tmp_path, theme, width):
    notebook = open_notebook(
        lab, "series-looks", MAKE.replace("threshold=2.5", "threshold=2.5, reconstruction=values * 0.8")
    )
    page = notebook.page
    notebook.resize(width, 1100)
    notebook.run(1)
    viewer = Viewer(page)
    # The picture changes with the theme.
    notebook.set_theme(theme)
    dark = theme.endswith("Dark")
    page.wait_for_function(
        "dark => document.querySelector('.kit-series').style.getPropertyValue('--kit-signal') === dark",
        arg="#56B4E9" if dark else "#0072B2",
    )
    viewer.press("next event ▶")
    page.locator(".kit-series .list summary").click()
    page.locator(".kit-series .table tr").first.wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    page.locator(".kit-series").screenshot(path=tmp_path / f"series-{width}-{dark}.png")
    contrast = page.evaluate(CONTRAST)
    assert contrast["text"] >= 4.5, "WCAG AA"
    assert contrast["graphics"] >= 3, "WCAG, graphics"
    assert page.evaluate(CLIPPED) == []
    assert page.locator(".kit-series").bounding_box()["width"] <= width


def test_two_views_are_synchronised(lab, open_notebook):
    notebook = open_notebook(lab, "two-views", MAKE, "viewer")
    notebook.run(1)
    notebook.run(2)
    page = notebook.page
    page.wait_for_function("() => document.querySelectorAll('.kit-series .counts:not(:empty)').length === 2")
    page.get_by_role("slider", name="threshold").first.press("Home")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.kit-series .counts')].every(e => e.textContent.startsWith('everything'))"
    )


def test_several_fragments_in_one_page(page, tmp_path, sine):
    parts = [SeriesViewer(sine[0], found=[(0, end)]).html(f"v{end}") for end in (1, 4_001)]
    tmp_path.joinpath("both.html").write_text(
        f"<!DOCTYPE html><meta charset=utf-8><body>{''.join(parts)}", encoding="utf-8"
    )
    page.goto(tmp_path.joinpath("both.html").as_uri())
    page.wait_for_function("() => document.querySelectorAll('.kit-series .counts:not(:empty)').length === 2")
    counts = page.locator(".kit-series .counts").all_text_contents()
    assert counts[0].startswith("3 true events: 0 found, 3 missed; 1 false alarm;")
    assert counts[1].startswith("too much is flagged: 20 % of the steps; true events among them: 1 of 3")
