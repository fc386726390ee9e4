"""The built site, and a browser to read it with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

# The browser is that of the widgets' tests.
from ..browser.conftest import browser as browser

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SITE = ROOT / "build" / "site"


def sources() -> list[str]:
    """The pages that the site must have, by the files they are made from."""
    files = [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.md"), *NOTEBOOKS.glob("site/*.md")]
    return sorted(path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in files)


LESSONS = [name for name in sources() if name[:2].isdigit() and name[:2] != "00"]
PAGES = [*sources(), "genindex", "search"]


@pytest.fixture(scope="session")
def site():
    """The folder of the site; made if it is not there."""
    if not SITE.joinpath("index.html").exists():
        subprocess.run([sys.executable, NOTEBOOKS / "site" / "build.py"], check=True)
    return SITE


@pytest.fixture(scope="session")
def soups(site):
    """Each page's HTML by its path in the site, as it is before any script has run."""
    return {
        path.relative_to(site).as_posix(): BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }


@pytest.fixture
def open_page(browser, site):
    """Opens a page of the site as a file; after the test, nothing may have been asked for elsewhere or gone wrong."""
    contexts, wrong = [], []

    def open_(name, *, dark=False, width=1280, height=900):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on(
            "request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or wrong.append(request.url)
        )
        page.on("requestfailed", lambda request: wrong.append(f"not found: {request.url}"))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: said.type == "error" and wrong.append(said.text))
        page.goto(site.joinpath(f"{name}.html").as_uri(), wait_until="load")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
