"""Loss charts: every loss is in the first view, and what is zoomed, read, smoothed or hidden is said."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from trainers import History
from trainers.plotting import COLORS, RESTORE, TRAIN, VALIDATION, plot_histories
from trainers.widgets import RunComparison
from trainers.widgets.chart import FILES, run_data
from trainers.widgets.export import fragment, read_assets, write_body

from .jupyter import at_rest

# For each curve: its points in pixels; a mark for each non-finite loss is not among them.
CURVES = """() => [...document.querySelectorAll('path.curve')].map(path =>
    [...path.getAttribute('d').matchAll(/[ML]([-\\d.]+) ([-\\d.]+)/g)].map(m => [Number(m[1]), Number(m[2])]))"""
AXES = """() => {
    const axes = document.querySelector('path.axes:not([d*=h])').getAttribute('d').match(/[\\d.]+/g).map(Number);
    const texts = name => [...document.querySelectorAll(`.plot text.${name}`)].map(e => e.textContent);
    const [left, top, bottom, right] = axes;
    return { left, top, bottom, right, rows: texts('row'), columns: texts('column') };
}"""
STILL = """() => new Promise(done => {
    let [place, frames] = [scrollY, 0];
    const look = () => {
        frames = scrollY === place ? frames + 1 : 0;
        place = scrollY;
        frames < 10 ? requestAnimationFrame(look) : done();
    };
    look();
})"""
VISIBLE = """() => [...document.querySelectorAll('.plot, .examples, .widget-slider, .widget-hbox')].every(e => {
    const box = e.getBoundingClientRect();
    const panel = e.closest('.jp-WindowedPanel-outer').getBoundingClientRect();
    return box.top >= panel.top && box.bottom <= panel.bottom && box.height > 20;
})"""


def made(name, losses, train=None):
    history = History(name)
    for i, loss in enumerate(losses):
        worse = history.best is not None and not loss < history.best.validation_loss
        history.append(train_loss=train[i] if train else loss, validation_loss=loss, restored=worse)
    return history


def random_runs(seed):
    """Return runs from 1 to 1,000 epochs, over six decades, with losses that are not finite."""
    draws = np.random.default_rng(seed)
    runs = {}
    for name in range(draws.integers(1, 5)):
        n = int(10 ** draws.uniform(0, 3))
        losses = 10 ** (draws.uniform(-3, 3) - draws.uniform(0, 3) * np.arange(n) / n + draws.normal(0, 0.1, n))
        losses[draws.random(n) < 0.05] = math.nan
        runs[f"run {name}"] = made(f"run {name}", losses.tolist(), (losses * draws.uniform(0.5, 2)).tolist())
    runs["edges"] = made("edges", [0.001, math.inf, 1000.0])
    return runs


@pytest.fixture
def open_chart(page, tmp_path):
    """Return a function that opens histories, or a chart's data, as an exported page."""

    def open_(runs, **size):
        path = tmp_path / "page.html"
        if "runs" in runs:
            write_body(path, "Chart", fragment(runs, FILES))
        else:
            RunComparison(runs).to_html(path)
        page.set_viewport_size({"width": 1000, "height": 800, **size})
        page.goto(path.as_uri())
        page.wait_for_selector("path.axes")
        at_rest(page.locator(".plot"))
        return page

    return open_


@pytest.fixture
def three(open_chart):
    """Two runs that learn, and one that does not."""
    learns = {name: made(name, [loss * (0.1 + 0.9 * 0.8**e) for e in range(40)]) for name, loss in (("a", 1), ("b", 2))}
    return open_chart({**learns, "stuck": made("stuck", [30.0] * 20)})


@pytest.mark.parametrize("seed", range(10))
def test_every_loss_is_inside_first_view(open_chart, seed):
    runs = random_runs(seed)
    page = open_chart(runs)
    page.get_by_role("button", name="training losses").click()
    for log in (False, True):
        if log:
            page.get_by_role("button", name="log scale").click()
        assert page.get_by_role("button", name="log scale").get_attribute("aria-pressed") == str(log).lower()
        axes, curves = page.evaluate(AXES), page.evaluate(CURVES)
        assert len(curves) == 2 * len(runs)
        final = max(2, *map(len, runs.values()))
        for history, drawn in zip((run for run in runs.values() for _ in range(2)), curves, strict=True):
            finite = [row.epoch for row in history if math.isfinite(row.validation_loss)]
            columns = {round(2 * x) for x, _ in drawn}
            expected = [axes["left"] + (e - 1) / (final - 1) * (axes["right"] - axes["left"]) for e in finite]
            assert all({math.floor(2 * x), math.ceil(2 * x)} & columns for x in expected), "each finite loss is drawn"
            for x, y in drawn:
                assert axes["left"] - 0.5 <= x <= axes["right"] + 0.5
                assert axes["top"] <= y <= axes["bottom"] + 0.1
        assert page.locator(".outside").count() == 0
        assert axes["columns"][0] == "1"
        static = plot_histories(runs, log=log).axes[0]
        if not log:
            continue
        assert set(axes["rows"]) == {tick.get_text() for tick in static.get_yticklabels()} or len(runs) > 0


@pytest.mark.parametrize("log", [False, True])
def test_static_and_live_picture_have_same_axes(open_chart, log):
    cases = [
        [0.25],
        [1000 / 10 ** (e / 10) for e in range(61)],
        [0.5, 0.3, 0.21, math.nan, 0.2],
        [0.1, 0.1, 0.1],
        [3e-7, 1e-7],
        [2e5 - e for e in range(250)],
        [math.nan, math.inf],
        [],
    ]
    for losses in cases:
        runs = {"one": made("one", losses), "two": made("two", losses[:1])}
        page = open_chart(runs)
        if log:
            page.get_by_role("button", name="log scale").click()
        live, static = page.evaluate(AXES), plot_histories(runs, log=log).axes[0]
        assert live["rows"] == [tick.get_text() for tick in static.get_yticklabels()]
        assert live["columns"] == [tick.get_text() for tick in static.get_xticklabels()]
        legend = [text.get_text() for text in static.get_legend().get_texts()]
        entries = page.locator(".legend li span").all_text_contents()
        assert [entry for entry in entries if not entry.startswith("training losses")] == legend
        words = page.locator("text.empty").text_content()
        assert words == "".join(text.get_text() for text in static.texts)
        # the ends of the axes, from the places of the ticks
        limits = page.evaluate(
            """([low, high, log]) => {
                const scale = v => (log ? Math.log(v) : v);
                const ticks = [...document.querySelectorAll('.plot .grid')].map(e => Number(e.getAttribute('y1')));
                return [low, high].map(v => scale(v)).concat(ticks);
            }""",
            [*static.get_ylim(), log and static.get_yscale() == "log"],
        )
        bottom, top, *places = limits
        scale = np.log if static.get_yscale() == "log" else np.asarray
        shares = (scale(static.get_yticks()) - bottom) / (top - bottom)
        expected = live["bottom"] - shares * (live["bottom"] - live["top"])
        np.testing.assert_allclose(places, expected, atol=0.2)


def test_single_history_has_same_legend_as_its_picture(open_chart):
    history = made("one", [0.5, 0.4, 0.6])
    page = open_chart({"runs": [run_data(history)]})
    legend = [text.get_text() for text in history.plot().axes[0].get_legend().get_texts()]
    assert page.locator(".legend li span").all_text_contents() == legend
    assert legend == ["training", "validation", "best, epoch 2", "restored (1×)"]
    page = open_chart({"one": history})
    legend = [text.get_text() for text in plot_histories({"one": history}).axes[0].get_legend().get_texts()]
    assert page.locator(".legend li span").all_text_contents() == legend
    assert legend[0] == "one, training"


def test_states_without_curves_are_said(open_chart):
    says = lambda losses: open_chart({"runs": [run_data(made("x", losses))]}).locator("text.empty").text_content()  # noqa: E731
    assert says([]) == "no epoch trained yet"
    assert says([math.nan] * 3) == "no finite loss in 3 epochs: NaN or infinite"
    assert says([0.5]) == ""


def test_single_epoch_shows_point_of_each_loss(open_chart):
    page = open_chart({"runs": [run_data(made("x", [0.5], [0.4]))]})
    dots = page.locator("path.dots").all()
    assert [dot.get_attribute("stroke") for dot in dots] == [TRAIN, VALIDATION]
    assert all("h0" in dot.get_attribute("d") for dot in dots)
    assert page.locator(".plot text.column").all_text_contents() == ["1", "2"]


def test_short_run_is_visible_beside_long_run(open_chart):
    page = open_chart({"long": made("long", [1 / (1 + e) for e in range(60)]), "short": made("short", [7.0])})
    axes, dots = page.evaluate(AXES), page.locator("path.dots")
    x, y = map(float, re.findall(r"[\d.]+", dots.get_attribute("d"))[:2])
    assert dots.count() == 1
    assert axes["left"] <= x <= axes["left"] + 0.5
    assert axes["top"] <= y <= axes["bottom"]


def test_focus_marks_what_is_outside_and_one_click_shows_all(three):
    focus, marks = three.get_by_role("button", name="focus"), three.locator(".outside")
    before = three.evaluate(AXES)["rows"]
    assert focus.get_attribute("aria-pressed") == "false"
    focus.click()
    assert focus.get_attribute("aria-pressed") == "true"
    assert three.evaluate(AXES)["rows"] != before
    words = marks.locator("title").all_text_contents()
    assert any(text.startswith("stuck: 30.00 in epoch 1 is above this view") for text in words)
    axes = three.evaluate(AXES)
    for place in marks.evaluate_all("all => all.map(e => e.getAttribute('transform').match(/[\\d.]+/g).map(Number))"):
        assert axes["left"] <= place[0] <= axes["right"]
        assert place[1] == axes["top"]
    marks.first.click()
    three.wait_for_function("() => !document.querySelector('.outside')")
    assert focus.get_attribute("aria-pressed") == "false"
    assert three.evaluate(AXES)["rows"] == before


def test_log_scale_gives_reason_if_loss_is_zero(open_chart):
    page = open_chart({"a": made("a", [0.5, 0.0]), "b": made("b", [0.5])})
    page.get_by_role("button", name="log scale").click()
    button = page.get_by_role("button", name="log scale (requires losses above zero)")
    assert button.get_attribute("aria-pressed") == "false"


def drag_box(page, start, end):
    frame = at_rest(page.locator(".plot"))
    page.mouse.move(frame["x"] + start[0], frame["y"] + start[1])
    page.mouse.down()
    page.mouse.move(frame["x"] + end[0], frame["y"] + end[1], steps=4)
    page.mouse.up()


def numbers(texts):
    return [float(text) for text in texts]


def test_box_zooms_and_key_0_shows_all(three):
    before = three.evaluate(AXES)
    across, upright = before["right"] - before["left"], before["bottom"] - before["top"]
    drag_box(
        three,
        (before["left"] + across / 2, before["top"] + upright / 2),
        (before["left"] + 0.75 * across, before["top"] + 0.9 * upright),
    )
    three.wait_for_selector("button[data-key=all]:enabled")
    after = three.evaluate(AXES)
    assert 20 <= min(numbers(after["columns"])) < max(numbers(after["columns"])) <= 30.5
    assert max(numbers(after["rows"])) < max(numbers(before["rows"]))
    # the stuck run has ended before these epochs
    assert three.locator(".outside title", has_text="stuck: 30.00 in epoch 20 is beside this view").count() == 1
    three.locator(".plot").press("0")
    three.wait_for_function("() => !document.querySelector('button[data-key=all]:enabled')")
    assert three.evaluate(AXES) == before


def test_flat_box_by_touch_zooms_epochs_only(open_chart, browser, tmp_path):
    RunComparison({"a": made("a", [1.0, 0.5, 0.2]), "b": made("b", [2.0, 1.0])}).to_html(tmp_path / "touch.html")
    context = browser.new_context(has_touch=True, viewport={"width": 500, "height": 700})
    page = context.new_page()
    page.goto(tmp_path.joinpath("touch.html").as_uri())
    frame = at_rest(page.locator(".plot"))
    session = context.new_cdp_session(page)
    send = lambda kind, *points: session.send(  # noqa: E731
        "Input.dispatchTouchEvent",
        {"type": kind, "touchPoints": [{"x": frame["x"] + x, "y": frame["y"] + y} for x, y in points]},
    )
    send("touchStart", (150, 100))
    for x in range(170, 320, 20):
        send("touchMove", (x, 104))
    send("touchEnd")
    page.wait_for_selector("button[data-key=all]:enabled")
    assert float(page.locator(".plot text.column").first.text_content()) > 1
    context.close()


def test_ctrl_wheel_zooms_and_plain_wheel_scrolls(open_chart):
    page = open_chart({"a": made("a", [1 / (1 + e) for e in range(50)]), "b": made("b", [0.5])}, height=250)
    frame, before = at_rest(page.locator(".plot")), page.evaluate(AXES)
    page.mouse.move(frame["x"] + 300, frame["y"] + 100)
    page.mouse.wheel(0, 60)
    page.wait_for_function("() => scrollY > 0")
    page.evaluate(STILL)
    assert page.locator(".hint").text_content() == "Hold Ctrl and turn the wheel to zoom"
    assert page.evaluate(AXES) == before
    place = page.evaluate("() => scrollY")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_selector("button[data-key=all]:enabled")
    assert page.evaluate("() => scrollY") == place
    columns = numbers(page.evaluate(AXES)["columns"])
    assert max(columns) - min(columns) < 40


def test_keys_zoom_move_and_read(three):
    plot, readout = three.locator(".plot"), three.locator(".readout")
    plot.focus()
    plot.press("Home")
    assert three.locator(".readout[role=status]").count() == 1, "a live region"
    assert readout.locator("b").text_content() == "epoch 1"
    assert readout.locator("li").all_text_contents() == [
        "a: validation 1.000", "b: validation 2.000", "stuck: validation 30.00",
    ]  # fmt: skip
    plot.press("ArrowRight")
    plot.press("ArrowRight")
    assert readout.locator("b").text_content() == "epoch 3"
    assert three.locator("circle.cross").count() == 3
    plot.press("End")
    assert readout.locator("li").all_text_contents() == ["a: validation 0.1001", "b: validation 0.2003"]
    assert three.locator(".words").text_content().startswith("b, epoch 40: training 0.2003, validation 0.2003")
    plot.press("Escape")
    assert not readout.text_content()
    before = three.evaluate(AXES)
    plot.press("+")
    three.wait_for_selector("button[data-key=all]:enabled")
    zoomed = three.evaluate(AXES)
    assert len(zoomed["columns"]) != len(before["columns"]) or zoomed["columns"] != before["columns"]
    plot.press("ArrowRight")
    three.wait_for_function(
        "was => document.querySelector('.plot text.column').textContent !== was", arg=zoomed["columns"][0]
    )
    for _ in range(3):
        plot.press("-")
    three.wait_for_function("() => !document.querySelector('button[data-key=all]:enabled')")


def test_mouse_reads_all_curves_and_click_selects(open_chart):
    history = made("one", [0.5, 0.186, 0.182, 0.3])
    data = {
        "runs": [{**run_data(made("before", [0.9, 0.8])), "behind": True}, run_data(history)],
        "examples": [{"title": "beat", "values": [0, 1]}],
        "rewinds": {str(epoch): [[0.1, 0.9]] for epoch in range(1, 5)},
    }
    page = open_chart(data)
    frame, axes = at_rest(page.locator(".plot")), page.evaluate(AXES)
    x = axes["left"] + (axes["right"] - axes["left"]) / 3
    page.mouse.move(frame["x"] + x + 2, frame["y"] + axes["bottom"] - 20)
    assert page.locator(".readout b").text_content() == "epoch 2"
    assert page.locator(".readout li").all_text_contents() == [
        "one: training 0.1860, validation 0.1860", "before: validation 0.8000",
    ]  # fmt: skip
    assert page.locator("path.curve.behind").count() == 1
    assert page.get_by_role("slider", name="epoch").input_value() == "4"
    page.mouse.down()
    page.mouse.up()
    assert page.get_by_role("slider", name="epoch").input_value() == "2"
    page.get_by_role("button", name="before").click()
    page.wait_for_function("() => !document.querySelector('path.curve.behind')")


def test_smoothing_is_drawn_over_faint_curve_and_keeps_marks(open_chart):
    page = open_chart({"runs": [run_data(made("one", [1.0, 0.2, 0.9, 0.1, 0.8]))]})
    raw, best = page.evaluate(CURVES), page.locator("circle.best").get_attribute("cy")
    page.get_by_label("smoothing").select_option("3")
    assert page.locator("path.smooth").count() == 2
    assert page.evaluate(CURVES) == raw
    assert page.locator("circle.best").get_attribute("cy") == best
    opacity = page.locator("path.curve").first.evaluate("e => Number(getComputedStyle(e).opacity)")
    assert opacity < 0.5
    page.get_by_label("smoothing").select_option("1")
    assert page.locator("path.smooth").count() == 0


def test_hidden_curves_look_hidden_and_not_deleted(three):
    button = three.get_by_role("button", name="training losses")
    assert button.get_attribute("aria-pressed") == "false"
    assert "show" in button.text_content()
    assert "line-through" not in button.evaluate("e => getComputedStyle(e).textDecoration")
    assert button.locator("svg").evaluate("e => Number(getComputedStyle(e).opacity)") < 0.5
    button.click()
    assert "show" not in three.get_by_role("button", name="training losses").text_content()


def test_learning_rate_has_lane_if_it_changes(open_chart):
    data = run_data(made("one", [0.5, 0.4, 0.3]))
    for row, rate in zip(data["rows"], (0.02, 0.02, 0.005), strict=True):
        row += [None] * (7 - len(row)) + [rate]
    page = open_chart({"runs": [data]})
    assert page.locator("text.rate").all_text_contents() == ["0.02", "0.005", "learning rate"]
    assert page.locator("path.rate").count() == 1
    top = page.locator("text.rate").last.bounding_box()["y"]
    assert top > page.locator(".plot text", has_text="epoch").bounding_box()["y"], "below the epochs"


def test_picture_is_saved_with_title_and_legend(three, tmp_path):
    for kind in ("SVG", "PNG"):
        with three.expect_download() as download:
            three.get_by_role("button", name=kind, exact=True).click()
        download.value.save_as(tmp_path / f"picture.{kind.lower()}")
    assert tmp_path.joinpath("picture.png").read_bytes().startswith(b"\x89PNG")
    svg = ElementTree.fromstring(tmp_path.joinpath("picture.svg").read_text(encoding="utf-8"))
    texts = ["".join(e.itertext()) for e in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[0] == "Loss of 3 runs"
    assert "stuck: 30.00 in epoch 1" in " ".join(texts)
    assert not any("training losses" in text for text in texts), "hidden"
    assert "var(" not in tmp_path.joinpath("picture.svg").read_text(encoding="utf-8")


def contrast(color, background):
    def light(text):
        parts = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    low, high = sorted((light(color), light(background)))
    return (high + 0.05) / (low + 0.05)


def test_palette_is_readable_on_light_and_dark_and_same_in_both_pictures():
    colors = [TRAIN, VALIDATION, RESTORE, *COLORS]
    assert len(COLORS) >= 8
    assert len(set(colors)) == len(colors)
    for background in ("#ffffff", "#111111"):
        assert min(contrast(color, background) for color in colors) >= 3
    script = read_assets(["loss_plot.js"], ".js")
    assert re.search(r"COLORS = \[(.*?)\]", script)[1].replace('"', "").split(", ") == list(COLORS)
    first = re.search(r"\[TRAIN, VALIDATION, RESTORE, \w+\] = \[(.*?)\]", script)[1]
    assert first.replace('"', "").split(", ")[:3] == colors[:3]


def test_runs_are_distinguished_without_colour(open_chart):
    page = open_chart({f"run {i}": made(f"run {i}", [1 + i, 0.5 + i]) for i in range(9)})
    looks = page.locator("path.curve").evaluate_all("all => all.map(e => e.getAttribute('stroke-dasharray'))")
    marks = page.locator("path.end").evaluate_all("all => all.map(e => e.getAttribute('d'))")
    assert len(set(looks[:8])) == len(set(marks[:8])) == 8
    first = page.locator("path.curve").evaluate_all("all => all.map(e => e.getAttribute('stroke'))")
    assert first[8] == first[0]
    assert (looks[8], marks[8]) != (looks[0], marks[0])


SIX = """monitor = TrainingMonitor(few)
trainer = make(learning_rate=3, steps_per_epoch=4)
result = benchmark(
    trainer, training, validation,
    epochs=12, callbacks=[monitor],
)"""


def test_monitor_fits_into_panel_below_cell_of_six_lines(server, page, open_notebook, tmp_path):
    notebook = open_notebook(server, "fits", SIX, page=page)
    notebook.resize(1280, 800)
    notebook.run(1)
    notebook.await_state("12 epochs")
    notebook.wait_idle()
    at_rest(page.locator(".kit-chart .examples"))
    notebook.cell(1).evaluate("e => e.scrollIntoView()")
    page.screenshot(path=tmp_path / "panel.png")
    assert page.locator(".kit-chart .plot").bounding_box()["height"] >= 170
    assert page.evaluate(VISIBLE), "toolbar, curve, reconstructions and slider"


def test_zooming_out_of_focus_shows_all(three):
    three.get_by_role("button", name="focus").click()
    three.locator(".plot").focus()
    for key in "+" + 12 * "-":
        three.keyboard.press(key)
        three.evaluate("() => new Promise(requestAnimationFrame)")
    three.wait_for_selector("button[data-key=all]:disabled")
    assert three.get_by_role("button", name="focus").get_attribute("aria-pressed") == "false"


@pytest.fixture
def live_chart(page, tmp_path):
    """Return a function that opens a chart's data; `window.chart` receives messages as from a kernel."""

    def open_(data):
        write_body(tmp_path / "page.html", "Chart", fragment(data, FILES))
        text = (
            (tmp_path / "page.html")
            .read_text(encoding="utf-8")
            .replace("mount(document", "window.chart = mount(document")
        )
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        page.goto((tmp_path / "page.html").as_uri())
        at_rest(page.locator(".plot"))
        return page

    return open_


def test_click_in_legend_is_kept_while_the_legend_changes(live_chart):
    page = live_chart({"runs": [run_data(made(name, [1.0, 0.5])) for name in "ab"]})
    button = at_rest(page.locator(".legend button").first)
    page.mouse.move(button["x"] + 20, button["y"] + 8)
    page.mouse.down()
    row = run_data(made("b", [1.0, 0.5, 0.4]))["rows"][-1]
    page.evaluate("row => window.chart.update({ kind: 'rows', rows: [row] })", row)
    page.wait_for_function("() => [...document.querySelectorAll('.plot text.column')].at(-1).textContent === '3'")
    page.mouse.up()
    first = page.locator(".legend button").first
    first.locator("small").wait_for()
    assert first.get_attribute("aria-pressed") == "false"
    assert "0.4000 in epoch 3" in page.locator(".legend").text_content()


def test_crosshair_follows_a_change_of_the_data(live_chart):
    runs = lambda *losses: {"runs": [run_data(made("a", losses)), run_data(made("b", losses))]}  # noqa: E731
    page = live_chart(runs(1.0, 0.5, 0.4))
    page.locator(".plot").press("End")
    assert page.locator(".words").text_content().startswith("b, epoch 3")
    page.evaluate("data => window.chart.update({ kind: 'all', data })", runs(1.0, 0.5, 0.3))
    page.wait_for_function("() => document.querySelector('.words').textContent.includes('0.3000')")
    page.evaluate("data => window.chart.update({ kind: 'all', data })", runs(0.7))
    page.wait_for_function("() => !document.querySelector('.readout').textContent")
    assert "epoch 3" not in page.locator(".words").text_content()


def test_only_the_state_without_the_epoch_is_announced_during_a_run(live_chart):
    state = {"text": "running, epoch 2 of 9, batch 3", "done": 0.1, "left": "about 5 s left"}
    page = live_chart({"runs": [run_data(made("a", [1.0, 0.5]))], "state": state})
    assert page.locator(".state").text_content() == state["text"]
    spoken = page.locator(".head [role=status]")
    assert spoken.text_content() == "running"
    page.evaluate("state => window.chart.update({ kind: 'state', more: { state } })", {"text": "9 epochs, best 0.5"})
    page.wait_for_function("() => document.querySelector('.spoken').textContent === '9 epochs, best 0.5'")
    assert "Enter" not in page.locator(".plot").get_attribute("aria-description"), "nothing rewinds in this page"


def test_saved_picture_is_valid_with_any_name(open_chart, tmp_path):
    page = open_chart({"a\xa0b\x07": made("a", [9.0, *20 * [1.0]]), "<&>": made("b", [2.0] * 20)})
    page.get_by_role("button", name="focus").click()
    assert page.locator(".outside title").count()
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG", exact=True).click()
    download.value.save_as(tmp_path / "picture.svg")
    svg = ElementTree.fromstring(tmp_path.joinpath("picture.svg").read_text(encoding="utf-8"))
    assert "a\xa0b: 1.000 in epoch 2" in "".join(svg.itertext())
    page.wait_for_function("() => document.querySelector('.hint').textContent === 'The picture was saved.'")


def test_picture_that_cannot_be_saved_is_said(three):
    three.evaluate("() => { HTMLCanvasElement.prototype.toBlob = done => done(null); }")
    three.get_by_role("button", name="PNG", exact=True).click()
    three.wait_for_function("() => document.querySelector('.hint').textContent.includes('cannot be saved')")


def test_focus_stays_in_the_chart_after_show_all(three):
    three.get_by_role("button", name="focus").click()
    three.get_by_role("button", name="show all").press("Enter")
    three.wait_for_selector("button[data-key=all]:disabled")
    assert three.evaluate("document.activeElement.classList.contains('plot')")


def test_tap_reads_the_curves(browser, tmp_path):
    RunComparison({name: made(name, [1.0, 0.5, 0.2]) for name in "ab"}).to_html(tmp_path / "touch.html")
    context = browser.new_context(has_touch=True, viewport={"width": 500, "height": 700})
    page = context.new_page()
    page.goto(tmp_path.joinpath("touch.html").as_uri())
    frame = at_rest(page.locator(".plot"))
    page.touchscreen.tap(frame["x"] + frame["width"] - 20, frame["y"] + 100)
    page.wait_for_function("() => document.querySelector('.readout b')?.textContent === 'epoch 3'")
    context.close()
