"""The map of a latent space in an exported page: the drawn values, mouse, keys and appearance."""

from __future__ import annotations

import re

import numpy as np
import pytest

from trainers.widgets import LatentMap

from .latent_page import CLIPPED, CONTRAST, INK, OVERLAPPING, Map, space


@pytest.fixture
def show(page, tmp_path):
    """Return a function that opens the exported page of a map offline; the page must have no errors."""
    errors = []

    def open_(*args, **kwargs):
        LatentMap(*args, **kwargs).to_html(tmp_path / "page.html")
        page.context.set_offline(True)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: message.type == "error" and errors.append(message.text))
        page.on("request", lambda request: request.url.startswith("file:") or errors.append(request.url))
        page.goto(tmp_path.joinpath("page.html").as_uri())
        return Map(page)

    yield open_
    assert errors == []


# ---------------------------------------------------------------- the mouse


@pytest.mark.parametrize("features", [1, 3])
def test_sequence_under_mouse_is_drawn_with_its_values(show, features):
    points, values, labels = space(features=features)
    names = ["normal", "early", "late & <broad>"]
    shown = show(points, values, labels=labels, class_names=names, reconstructions=0.5 * values)
    pixels = shown.pixels(points)
    for i in np.random.default_rng(1).choice(len(points), 8, replace=False):
        shown.point(pixels[i])
        assert shown.cards() == [(i, names[labels[i]], False)]
        np.testing.assert_allclose(shown.lines(0, "sequence"), values[i], atol=0.03)
        np.testing.assert_allclose(shown.lines(0, "reconstruction"), 0.5 * values[i], atol=0.03)
    label = shown.root.locator(".first svg.plot").get_attribute("aria-label")
    assert label == f"sequence {i}, {names[labels[i]]}, with its reconstruction"


def test_nearest_point_to_mouse_is_current(show):
    points, values, labels = space()
    shown = show(points, values, labels=labels)
    pixels, last = shown.pixels(points), []
    for place in np.random.default_rng(2).uniform([80, 20], [500, 380], (40, 2)):
        shown.point(place)
        distances = np.linalg.norm(pixels - place, axis=1)
        near = np.flatnonzero(distances < distances.min() + 0.5)
        if distances.min() > 30.5:
            assert shown.cards() == last, "over empty space the last point stays"
        elif distances.min() < 29.5:
            assert shown.cards()[0][0] in near
        last = shown.cards()


def test_click_pins_point_and_next_is_drawn_below_on_same_scale(show):
    points, values, labels = space()
    values[7] *= 6
    shown = show(points, values, labels=labels)
    pixels = shown.pixels(points)
    shown.click(pixels[7])
    assert shown.cards() == [(7, ["normal", "class 1", "class 2"][labels[7]], True)]
    assert shown.said().endswith(", pinned")
    other = int(np.argmax(np.linalg.norm(pixels - pixels[7], axis=1)))
    shown.point(pixels[other])
    assert [card[::2] for card in shown.cards()] == [(7, True), (other, False)]
    assert shown.axis(".first", "row", "y") == shown.axis(".second", "row", "y")
    np.testing.assert_allclose(shown.lines(0, "sequence"), values[7], atol=0.2)
    np.testing.assert_allclose(shown.lines(1, "sequence"), values[other], atol=0.2)
    marks = shown.root.locator(".marks .mark").evaluate_all("all => all.map(e => e.getAttribute('transform'))")
    places = [[float(v) for v in re.findall(r"[\d.]+", mark)] for mark in marks]
    np.testing.assert_allclose(places, pixels[[other, 7]], atol=0.6)
    shown.click(pixels[other])
    assert [card[::2] for card in shown.cards()] == [(other, True)], "the pin moves"
    shown.click(pixels[other])
    assert [card[::2] for card in shown.cards()] == [(other, False)], "and is removed"


def test_first_tap_selects_and_second_tap_pins(browser, tmp_path):
    points, values, labels = space()
    LatentMap(points, values, labels=labels).to_html(tmp_path / "page.html")
    context = browser.new_context(has_touch=True, viewport={"width": 400, "height": 900})
    page = context.new_page()
    page.goto(tmp_path.joinpath("page.html").as_uri())
    shown = Map(page)
    box, pixel = shown.stage.bounding_box(), shown.pixels(points)[5]
    for pinned in (False, True, False):
        page.touchscreen.tap(box["x"] + pixel[0], box["y"] + pixel[1])
        shown.settle()
        assert [card[::2] for card in shown.cards()] == [(5, pinned)]
    context.close()


# ---------------------------------------------------------------- the keyboard


def test_arrow_keys_go_to_nearest_point_in_direction(show):
    points, values, labels = space()
    shown = show(points, values, labels=labels)
    pixels = shown.pixels(points)
    shown.press("ArrowRight")
    at = shown.cards()[0][0]
    directions = {"ArrowRight": (1, 0), "ArrowLeft": (-1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}
    for key in np.random.default_rng(0).choice(list(directions), 40):
        ahead = np.array(directions[key])
        along, across = (pixels - pixels[at]) @ ahead, np.abs((pixels - pixels[at]) @ ahead[::-1])
        candidates = np.where((along > 0) & (across <= along), np.linalg.norm(pixels - pixels[at], axis=1), np.inf)
        shown.press(key)
        if np.isinf(candidates).all():
            assert shown.said() == f"no point further {key[5:].lower()}"
            continue
        reached = shown.cards()[0][0]
        assert candidates[reached] <= candidates.min() + 0.5
        assert shown.said() == f"sequence {reached}, {shown.cards()[0][1]}"
        at = reached
    shown.press(*["ArrowUp"] * 60)
    assert shown.said() == "no point further up"


def test_all_points_in_same_place_are_reached(show):
    points = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    shown = show(points, np.zeros((5, 4)), selected=0)
    shown.press("ArrowRight")
    reached = [shown.cards()[1][0]]
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        shown.press(key)
        reached.append(shown.cards()[-1][0])
    assert reached == [1, 2, 3, 4, 3, 2, 1, 0]


def test_enter_pins_and_escape_unpins(show):
    shown = show(*space()[:2])
    shown.press("ArrowRight", "Enter")
    (first,) = shown.cards()
    assert first[2]
    assert shown.said() == f"sequence {first[0]}, pinned"
    shown.press("ArrowRight")
    assert [card[2] for card in shown.cards()] == [True, False]
    assert shown.cards()[0] == first
    shown.press("Escape")
    assert [card[2] for card in shown.cards()] == [False]
    assert shown.said() == "unpinned"
    assert shown.root.get_by_role("button", name="unpin").is_disabled()


def test_every_control_is_reached_by_tab_with_visible_focus(show):
    points, values, labels = space()
    shown = show(points, values, labels=labels, selected=3)
    shown.press("+")
    # In the order of Shift+Tab, starting from the map, which has the focus.
    found = []
    for _ in range(9):
        shown.page.keyboard.press("Shift+Tab" if found else "Shift")
        found.append(
            shown.page.evaluate("""() => {
                const e = document.activeElement;
                const name = e.getAttribute('aria-label') || (e.labels?.[0] || e).textContent;
                return [name.trim().split(/[ (]/)[0], getComputedStyle(e).outlineStyle];
            }""")
        )
    names = ["Map", "class", "class", "normal", "sequence", "unpin", "whole", "zoom", "zoom"]
    assert found == [[name, "solid"] for name in names]


def test_sequence_is_found_by_number(show):
    points, values, labels = space()
    shown = show(points, values, labels=labels)
    field = shown.root.get_by_label("sequence", exact=True)
    shown.button("class 2")
    hidden = int(np.flatnonzero(labels == 2)[0])
    field.fill(str(hidden))
    field.press("Enter")
    shown.settle()
    assert shown.cards() == [(hidden, "class 2", False)]
    assert shown.root.get_by_role("button", name="class 2").get_attribute("aria-pressed") == "true", "it is visible"
    alert = shown.root.get_by_role("alert")
    assert not alert.is_visible()
    for text in ("300", "-1", "1.5", "abc", ""):
        field.fill(text)
        field.press("Enter")
        field.blur()
        assert alert.text_content() == f"sequence must be an integer from 0 to 299, got '{text}'."
        assert field.input_value() == str(hidden)
    assert shown.page.evaluate(CLIPPED) == []
    field.fill("7")
    field.press("Enter")
    assert not alert.is_visible()


# ---------------------------------------------------------------- classes and zoom


def test_class_is_hidden_and_shown_by_name(show):
    points, values, labels = space()
    shown = show(points, values, labels=labels)
    pixels, ink = shown.pixels(points), shown.page.evaluate(INK)
    one = int(np.flatnonzero(labels == 0)[0])
    shown.point(pixels[one])
    shown.button("normal")
    assert shown.cards() == [], "the current point is hidden"
    button = shown.root.get_by_role("button", name="normal")
    assert button.text_content().endswith(f"({np.sum(labels == 0)}, hidden)")
    assert button.evaluate("e => getComputedStyle(e).textDecorationLine") == "none", "it does not look deleted"
    assert 0 < shown.page.evaluate(INK) < 0.6 * ink
    chosen = []
    for i in np.flatnonzero(labels == 0)[:15]:
        shown.point(pixels[i])
        chosen += shown.cards()
    shown.press(*["ArrowLeft", "ArrowUp", "ArrowRight"] * 5)
    chosen += shown.cards()
    assert chosen
    assert "normal" not in {name for _, name, _ in chosen}
    shown.button("normal")
    assert shown.page.evaluate(INK) == ink
    assert f"({np.sum(labels == 1)})" in shown.root.get_by_role("button", name="class 1").text_content()


def test_wheel_zooms_at_mouse_with_ctrl_and_drag_moves_map(show):
    points, values, labels = space()
    shown = show(points, values, labels=labels)
    whole, place = shown.pixels(points), np.array([250.0, 200.0])
    prevented = "() => { window.taken = []; document.addEventListener('wheel', e => taken.push(e.defaultPrevented)); }"
    shown.page.evaluate(prevented)
    shown.point(place)
    hint = shown.root.get_by_text("and turn the wheel to zoom")
    assert not hint.is_visible()
    shown.page.mouse.wheel(0, -100)
    shown.page.wait_for_function("() => taken.length === 1")
    assert shown.page.evaluate("taken") == [False], "without Ctrl, the page scrolls"
    assert hint.is_visible()
    np.testing.assert_allclose(shown.pixels(points), whole, atol=0.5)
    hint.wait_for(state="hidden")
    shown.page.keyboard.down("Control")
    shown.page.mouse.wheel(0, -500)
    shown.page.keyboard.up("Control")
    shown.page.wait_for_function("() => taken.length === 2")
    assert shown.page.evaluate("taken") == [False, True]
    assert not hint.is_visible()
    shown.settle()
    near = shown.pixels(points)
    factor = 1.002**500
    np.testing.assert_allclose(near - place, factor * (whole - place), atol=1.5 * factor)
    inside = np.flatnonzero((np.abs(near - [280, 180]) < 100).all(1))
    shown.point(near[inside[0]])
    assert shown.cards()[0][0] == inside[0]

    shown.point(place)
    shown.page.mouse.down()
    shown.point(place + np.array([40, 25]))
    shown.page.mouse.up()
    shown.settle()
    np.testing.assert_allclose(shown.pixels(points) - near, np.tile([40, 25], (300, 1)), atol=1.5)
    assert not any(pinned for *_, pinned in shown.cards()), "a drag is not a click"
    shown.button("whole map")
    np.testing.assert_allclose(shown.pixels(points), whole, atol=0.5)


def test_keys_and_buttons_zoom_and_keep_current_point_visible(show):
    points, values, labels = space()
    shown = show(points, values, labels=labels)
    whole = shown.pixels(points)
    shown.press("+", "+", "+")
    assert shown.said() == "zoom 3.4"
    size = np.ptp(shown.pixels(points), axis=0) / np.ptp(whole, axis=0)
    np.testing.assert_allclose(size, 1.5**3, rtol=0.02)
    shown.press(*["ArrowRight"] * 40)
    at = shown.cards()[0][0]
    assert (shown.pixels(points)[at] < shown.stage.bounding_box()["width"]).all()
    assert shown.root.locator(".marks .current").count() == 1
    shown.press("-")
    assert shown.said() == "zoom 2.3"
    shown.press("0")
    assert shown.said() == "whole map"
    np.testing.assert_allclose(shown.pixels(points), whole, atol=0.5)
    assert shown.root.get_by_role("button", name="zoom out").is_disabled()
    shown.button("zoom in")
    shown.button("zoom out")
    np.testing.assert_allclose(shown.pixels(points), whole, atol=0.5)


# ---------------------------------------------------------------- sizes and appearance


def test_five_thousand_points_are_drawn_on_one_canvas(show):
    points, values, labels = space(5000)
    shown = show(points, values, labels=labels, reconstructions=values)
    pixels = shown.pixels(points)
    far = int(np.argmax(points[:, 1]))
    shown.point(pixels[far])
    assert shown.cards()[0][0] == far
    assert shown.root.locator("*").count() < 150, "no element for each point"


EXTREMES = {
    "one point": np.array([[1.0, 2.0]]),
    "all equal": np.full((9, 2), 0.25),
    "on a line": np.stack([np.arange(9.0), np.zeros(9)], 1),
    "tiny": np.stack([np.arange(9), np.arange(9) ** 2], 1) * 1e-12,
    "huge": np.stack([np.arange(9), np.arange(9) ** 2], 1) * 1e90,
    "far from zero": 1e6 + np.stack([np.arange(9), np.arange(9) ** 2], 1) / 100,
}


@pytest.mark.parametrize("case", EXTREMES)
def test_points_of_any_scale_are_readable(show, case):
    points = EXTREMES[case]
    values = np.outer(np.arange(len(points)) - 4, [1e-9, 2e-9, 3e5])
    shown = show(points, values, labels=np.arange(len(points)) % 3, selected=0)
    shown.page.set_viewport_size({"width": 400, "height": 1200})
    shown.page.wait_for_timeout(200)
    for keys in ((), ("ArrowRight", "ArrowUp", "Enter"), ("+", "+", "+"), ("ArrowLeft",), ["+"] * 20):
        shown.press(*keys)
        html = shown.root.inner_html()
        assert "NaN" not in html
        assert "Infinity" not in html
        assert shown.page.evaluate(CLIPPED) == []
        assert shown.page.evaluate(OVERLAPPING) == []


def test_sequences_not_in_page_show_a_note(show, monkeypatch):
    monkeypatch.setattr("trainers.widgets.sequences.MAX_VALUES", 3 * 4)
    shown = show(np.stack([np.arange(5.0)] * 2, 1), np.zeros((5, 4)), selected=1)
    assert "This sequence is not in the page" in shown.root.locator(".first").text_content()
    shown.press("ArrowRight", "Escape")
    assert [card[0] for card in shown.cards()] == [2]
    assert "This sequence is not in the page" not in shown.root.locator(".beside").text_content()


def test_menu_selects_features_that_are_drawn(show):
    points, values, _ = space(features=20)
    shown = show(points, values, selected=2)
    menu = shown.root.get_by_label("drawn")
    assert menu.locator("option:checked").text_content() == "features 1 to 4 of 20"
    for choice, features in {"features 17 to 20 of 20": slice(16, 20), "feature 9 of 20": slice(8, 9)}.items():
        menu.select_option(choice)
        shown.settle()
        np.testing.assert_allclose(shown.lines(0, "sequence"), values[2, :, features], atol=0.08)
        names = [f"feature {i + 1}" for i in range(20)[features]]
        assert shown.root.locator(".first .feature").all_text_contents() == names


# ---------------------------------------------------------------- unusual places


def test_points_in_same_place_show_their_number(show):
    points = np.array([[1.0, 1.0]] * 20)
    shown = show(points, np.zeros((20, 4)), labels=np.arange(20) % 2)
    assert shown.root.locator(".count").all_text_contents() == ["×20"]
    assert shown.root.locator(".state").text_content() == "All 20 sequences are in the same place."
    shown.press("ArrowRight", "ArrowRight")
    assert "Number 2 of 20 sequences in the same place" in shown.root.locator(".first").text_content()
    shown.button("abnormal")
    assert shown.root.locator(".count").all_text_contents() == ["×10"]
    shown.button("normal (10)")
    assert shown.root.locator(".count").count() == 0
    assert shown.root.locator(".state").text_content().startswith("All classes are hidden.")


def test_one_point_is_in_words(show):
    shown = show([[1.0, 2.0]], [[1.0, 2.0, 1.0]])
    assert shown.root.locator(".state").text_content() == "The map has only one sequence."


def test_focus_shows_the_bulk_and_counts_what_is_outside(show):
    points, values, labels = space()
    points[:3] = [[9e3, 2.0], [-8e3, -1e5], [0.5, 7e4]]
    shown = show(points, values, labels=labels)
    state, counts = shown.root.locator(".state"), shown.root.locator(".count")
    assert state.text_content().startswith("3 of 300 sequences are outliers: focus")
    near = np.linalg.norm(points, axis=1) < 3
    assert np.ptp(shown.pixels(points)[near], axis=0).max() < 3, "the others are one dot"
    shown.button("focus")
    assert np.ptp(shown.pixels(points)[near], axis=0).min() > 100
    assert counts.all_text_contents() == ["← 1", "1 →", "↑ 1"]
    assert "outside the visible part" in state.text_content()
    assert shown.page.evaluate(CLIPPED) == []
    shown.press("+", "-", "-")
    assert counts.all_text_contents() == ["← 1", "1 →", "↑ 1"], "zooming out ends at the focus"
    field = shown.root.get_by_label("sequence", exact=True)
    field.fill("0")
    field.press("Enter")
    shown.settle()
    assert shown.cards()[0][0] == 0
    assert shown.root.locator(".marks .current").count() == 1, "a far point is shown on the whole map"
    assert shown.root.get_by_role("button", name="focus").get_attribute("aria-pressed") == "false"
    shown.button("focus")
    shown.button("focus")
    assert counts.count() == 0


def test_without_far_points_there_is_no_focus(show):
    shown = show(*space()[:2])
    assert not shown.root.get_by_role("button", name="focus").is_visible()
    assert shown.root.locator(".state").text_content() == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 600, 400])
def test_exported_page_is_readable(browser, tmp_path, scheme, width):
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 1100})
    points, values, labels = space(features=2)
    names = ["normal", "a long name of a class", "c"]
    LatentMap(points, values, labels=labels, class_names=names, reconstructions=0.9 * values, selected=4).to_html(
        tmp_path / "page.html"
    )
    page = context.new_page()
    page.goto(tmp_path.joinpath("page.html").as_uri())
    shown = Map(page)
    shown.point(shown.pixels(points)[10])
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert len(shown.cards()) == 2
    assert min(page.evaluate(CONTRAST)) >= 4.5, "WCAG AA"
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []
    left, right = shown.stage.bounding_box(), shown.root.locator(".beside").bounding_box()
    if width == 1200:
        assert right["x"] >= left["x"] + left["width"]
    if width == 400:
        assert right["y"] >= left["y"] + left["height"]
    context.close()
