"""Fixtures: the built site, its pages, and a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

# The browser of the widgets' tests.
from ..browser.conftest import browser as browser

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SITE = ROOT / "build" / "site"


def sources() -> list[str]:
    """Return the names of the pages that the site must have, from their source files."""
    files = [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.md"), *NOTEBOOKS.glob("site/*.md")]
    names = {path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in files}
    # it has answers
    return sorted(names - {"exam_questions"})


LESSONS = [name for name in sources() if name[:2].isdigit() and name[:2] != "00"]
PAGES = [*sources(), "genindex", "search"]


@pytest.fixture(scope="session")
def site():
    """Return the folder of the site, and build the site if it is missing."""
    if not SITE.joinpath("index.html").exists():
        subprocess.run([sys.executable, NOTEBOOKS / "site" / "build.py"], check=True)
    return SITE


@pytest.fixture(scope="session")
def soups(site):
    """Return the parsed HTML of each page by its path in the site, before any script has run."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture
def open_page(browser, site):
    """Open pages of the site as files; after the test, there must be no requests to other hosts and no errors."""
    contexts, faults = [], []

    def open_(name, *, dark=False, width=1280, height=900):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on(
            "request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or faults.append(request.url)
        )
        page.on("requestfailed", lambda request: faults.append(f"not found: {request.url}"))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.goto(site.joinpath(f"{name}.html").as_uri(), wait_until="load")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []
