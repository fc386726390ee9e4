"""The built site in a browser: opened as files, light and dark, wide and narrow, without a network."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from .conftest import LESSONS, NOTEBOOKS, PAGES

# `preload` would fetch style sheets, which is not allowed for files.
AXE = {"resultTypes": ["violations"], "preload": False}


def lesson_with(code):
    """Return the first lesson that contains a text."""
    return next(name for name in LESSONS if code in NOTEBOOKS.joinpath(f"{name}.ipynb").read_text("utf-8"))


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violations(name, open_page):
    page = open_page(name, dark=True)
    # The elements are the same in both themes, so only the colours are tested twice.
    for theme, options in (("dark", AXE), ("light", {**AXE, "runOnly": ["color-contrast", "link-in-text-block"]})):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        found = Axe().run(page, options=options).response["violations"]
        faults = [f"{one['id']} ({one['impact']}): {node['html'][:300]}" for one in found for node in one["nodes"]]
        assert faults == [], theme


@pytest.mark.parametrize("name", PAGES)
def test_narrow_page_does_not_scroll_sideways(name, open_page):
    page = open_page(name, width=375, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


@pytest.mark.parametrize("name", LESSONS)
def test_every_widget_of_lesson_is_drawn(name, open_page):
    page = open_page(name)
    empty = "[...document.querySelectorAll('[id^=kit-widget-][id$=-place]')].filter(e => !e.childElementCount).length"
    page.wait_for_function(f"() => {empty} === 0")


def test_slider_rewinds_epochs(open_page):
    page = open_page(lesson_with("TrainingMonitor("))
    chart = page.locator(".kit-chart:has(.rewind:not([hidden]))").first
    slider, words, examples = chart.locator("input[type=range]"), chart.locator(".words"), chart.locator(".examples")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    before = words.text_content(), examples.inner_html()
    last = int(slider.get_attribute("max"))
    assert before[0].startswith(f"epoch {last}:")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 8, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=5)
    page.mouse.move(box["x"] + 2, y, steps=5)
    page.mouse.up()
    page.wait_for_function("words => words.textContent.startsWith('epoch 1:')", arg=words.element_handle())
    assert examples.inner_html() != before[1]


def test_threshold_can_be_dragged(open_page):
    page = open_page(lesson_with("ThresholdExplorer("))
    explorer = page.locator(".kit-threshold:has(.confusion td[data-figure])").first
    plot, line = explorer.locator(".histogram"), explorer.locator(".threshold .grip")
    counts = explorer.locator(".confusion td[data-figure]")
    plot.scroll_into_view_if_needed()
    before, frame, at = counts.all_text_contents(), plot.bounding_box(), line.bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] - 30, at["y"] + at["height"] / 2, steps=6)
    page.mouse.up()
    # Far to the right, hardly any sequence is flagged.
    page.wait_for_function(
        "([root, before]) => root.querySelector('.confusion td[data-figure]').textContent !== before",
        arg=[explorer.element_handle(), before[0]],
    )
    after = counts.all_text_contents()
    assert sum(map(int, after)) == sum(map(int, before))
    assert int(after[0]) > int(before[0])


def test_recording_can_be_zoomed(open_page):
    page = open_page(lesson_with("SeriesViewer("))
    viewer = page.locator(".kit-series").first
    words = viewer.locator(".words")
    before = words.text_content()
    viewer.get_by_role("button", name="zoom in").click()
    page.wait_for_function("([words, before]) => words.textContent !== before", arg=[words.element_handle(), before])


def test_map_draws_selected_sequences(open_page):
    page = open_page(lesson_with("LatentMap("))
    latent = page.locator(".kit-latent").first
    drawn = latent.locator("figure :is(.sequence, .reconstruction)")
    seen = set()
    latent.locator(".stage").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        before = latent.locator(".beside").inner_html()
        page.keyboard.press(key)
        page.wait_for_function(
            "([beside, before]) => beside.innerHTML !== before",
            arg=[latent.locator(".beside").element_handle(), before],
        )
        # The sequence and its reconstruction.
        assert drawn.count() >= 2
        seen.add(drawn.first.get_attribute("d"))
    assert len(seen) == 3


def test_widgets_follow_colour_mode(open_page):
    page = open_page(lesson_with("TrainingMonitor("))
    colour = "getComputedStyle(document.querySelector('.kit-chart')).color"
    seen = {}
    for name in ("Dark", "Light"):
        page.get_by_role("button", name="Color mode").first.click()
        page.get_by_role("button", name=name, exact=True).first.click()
        seen[page.locator("html").get_attribute("data-theme")] = page.evaluate(colour)
    assert set(seen) == {"light", "dark"}
    lightness = {name: sum(map(int, value[4:-1].split(","))) for name, value in seen.items()}
    assert lightness["light"] < 200
    assert lightness["dark"] > 500
