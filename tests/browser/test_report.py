"""The report's page: width, events that lead into the chart, contrast, and print."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from data import Series
from trainers.reports import report

from .contrast import contrast_script

CONTRAST = contrast_script("body", "Math.min(...textOf('p, li, dt, dd, td, th, code, .events button'))")
# Text that is cut off, or wider than the window, outside parts that scroll by themselves.
WIDE = """() => [...document.querySelectorAll('body *')].filter(e => !e.closest('.wide, .kit-series .table')
    && e.getBoundingClientRect().width && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML)"""


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Write a report of two features, in which one stands still and one has two outlying parts."""
    rng, steps = np.random.default_rng(0), np.arange(2400)
    values = np.sin(2 * np.pi * steps[:, None] / 24 + [0, 1]) + 0.05 * rng.normal(size=(2400, 2))
    values[1700:1780, 0] = values[1700, 0]
    values[2200:2215, 1], values[2222:2230, 1] = 4, -4
    time = pd.date_range("2026-01-01", periods=2400, freq="h")
    series = Series(values, time=time, name="plant", feature_names=["temperature °C", "power kW"])
    return report(series, tmp_path_factory.mktemp("report") / "report.html", epochs=3, progress=False).path


@pytest.fixture
def opened(browser, path):
    """Return a function that opens the report offline with a width and a colour scheme; it must have no errors."""
    contexts, errors = [], []

    def open_(width=1280, scheme="light"):
        contexts.append(
            browser.new_context(offline=True, color_scheme=scheme, viewport={"width": width, "height": 800})
        )
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or errors.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector(".kit-series .counts:not(:empty)")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize("width", [400, 500, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_readable_and_does_not_scroll_sideways(opened, width, scheme):
    page = opened(width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(WIDE) == []
    assert page.evaluate(CONTRAST) >= 4.5, "WCAG AA"


@pytest.mark.parametrize("by", ["click", "Enter"])
def test_event_row_moves_chart_to_event(opened, by):
    page = opened()
    row = page.locator("tr[data-start]").filter(has_text="temperature °C stood still for 80 steps")
    start, end = (int(row.get_attribute(f"data-{name}")) for name in ("start", "end"))
    assert start < 1780 < end + 24
    if by == "click":
        row.locator("td").last.click()
    else:
        row.get_by_role("button").focus()
        page.keyboard.press("Enter")
    overview = page.locator(".kit-series .overview:not([aria-valuenow='0'])")
    overview.wait_for()
    assert f"steps {start:,} to {end - 1:,}" in page.locator(".kit-series .event").text_content()
    shown = overview.get_attribute("aria-valuetext")
    first, last = map(int, re.findall(r"steps ([\d,]+) to ([\d,]+)", shown.replace(",", ""))[0])
    assert start - 200 < first < start < end < last < end + 200
    box = page.locator(".kit-series .stage").bounding_box()
    assert 0 <= box["y"] < 800, "the chart is visible"


def test_printed_page_has_static_picture_instead_of_chart(opened):
    page = opened()
    picture, chart = page.locator(".printed img"), page.locator(".kit-series")
    assert chart.is_visible()
    assert not picture.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert not chart.is_visible()
    assert picture.is_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth") > 500
    assert "plant" in picture.get_attribute("alt")
    assert page.evaluate(CONTRAST) >= 4.5
    assert page.pdf(format="A4")[:4] == b"%PDF"


def test_each_table_has_its_own_name(opened):
    names = opened().get_by_role("region").evaluate_all("all => all.map(e => e.ariaLabel)")
    assert len(set(names)) == len(names) >= 4
