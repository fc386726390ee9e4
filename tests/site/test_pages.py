"""Contents of the built pages: links, pictures, lessons, reference; read as files, without a browser."""

from __future__ import annotations

import importlib
import json
import posixpath
from urllib.parse import unquote, urlsplit

import pytest

from .conftest import LESSONS, NOTEBOOKS, PAGES

# Limit for a page with its widgets' data, because a whole class may open it at the same time.
MOST_BYTES = 6_000_000
EXTERNAL = ("http", "https", "mailto")


def inside(name, link):
    """Return the target of a link in the site: file and anchor."""
    parts = urlsplit(link)
    path = unquote(parts.path)
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name, unquote(parts.fragment)


def test_site_has_exactly_the_expected_pages(soups):
    assert set(soups) == {f"{name}.html" for name in PAGES}


def test_links_and_anchors_have_targets(site, soups):
    anchors = {name: {tag["id"] for tag in soup.find_all(id=True)} for name, soup in soups.items()}
    broken, seen = [], 0
    for name, soup in soups.items():
        for tag in soup.find_all(["a", "link"], href=True):
            if urlsplit(tag["href"]).scheme:
                continue
            seen += 1
            path, anchor = inside(name, tag["href"])
            # The theme's scripts use "#" for the top of the page.
            if not site.joinpath(path).is_file() or (anchor and anchor not in anchors.get(path, ())):
                broken.append(f"{name}: {tag['href']}")
    assert seen > 200
    assert broken == []


def test_external_links_are_well_formed(soups):
    wrong = []
    for name, soup in soups.items():
        for tag in soup.find_all("a", href=True):
            parts = urlsplit(tag["href"])
            host = parts.hostname or ""
            if parts.scheme and (parts.scheme not in EXTERNAL or "." not in host or " " in tag["href"]):
                wrong.append(f"{name}: {tag['href']}")
    assert wrong == []


def test_nothing_is_loaded_from_other_hosts(site, soups):
    wrong = []
    for name, soup in soups.items():
        loads = [
            tag.get("src") or tag.get("href") for tag in soup.select("script[src], img[src], iframe[src], link[href]")
        ]
        for link in loads:
            if urlsplit(link).scheme not in ("", "data") or link.startswith("//"):
                wrong.append(f"{name}: {link}")
            elif not link.startswith("data:") and not site.joinpath(inside(name, link)[0]).is_file():
                wrong.append(f"{name}: {link} is missing")
    assert wrong == []


def test_pictures_have_alternative_texts(soups):
    alts = []
    for name, soup in soups.items():
        for image in soup.find_all("img"):
            assert image.get("alt", "").strip(), f"{name}: {image.get('src')}"
            if image.find_parent(class_="cell_output"):
                alts.append(image["alt"])
    # The alternative texts are sentences from the notebooks and not file names.
    assert len(alts) >= len(LESSONS)
    assert all(len(alt) > 20 for alt in alts)


@pytest.mark.parametrize("lesson", LESSONS)
def test_lesson_page_shows_all_outputs(lesson, soups):
    page, notebook = soups[f"{lesson}.html"], json.loads(NOTEBOOKS.joinpath(f"{lesson}.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(page.select("div.cell_input")) == len(cells)
    shown = page.select("div.cell")
    for cell, at in zip(cells, shown, strict=True):
        assert bool(cell["outputs"]) == bool(at.select("div.cell_output")), "".join(cell["source"])
    assert page.select(".traceback, .stderr") == []
    assert "NBVAL" not in page.get_text(), "marks for the tests must not be visible"


def test_no_widget_needs_a_kernel(soups):
    for name, soup in soups.items():
        text = str(soup)
        # The set-up check explains this message.
        assert "Loading widget" not in text or name.startswith("00_"), name
        assert "vnd.jupyter.widget" not in text, name


def test_widget_ids_are_unique_on_each_page(soups):
    found = 0
    for name, soup in soups.items():
        ids = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(ids) == len(set(ids)), name
        found += sum(key.startswith("kit-widget-") for key in ids)
    assert found > 10


def test_home_page_links_to_every_lesson(soups):
    home = soups["index.html"]
    text, contents = (
        {a["href"].split("#")[0] for a in part.find_all("a", href=True)}
        for part in (home.article, home.find("nav", attrs={"aria-label": "All pages"}))
    )
    for lesson in LESSONS:
        assert f"{lesson}.html" in text, f"notebooks/index.md does not name {lesson}"
    for page in PAGES:
        # The page of the data sets links to the licences.
        assert f"{page}.html" in contents or page in ("index", "genindex", "search", "site/data_licences")


def test_site_has_no_solutions(site):
    assert [path for path in site.rglob("*") if "solutions" in path.name or path.suffix == ".ipynb"] == []


@pytest.mark.parametrize("package", ["trainers", "trainers.detection", "trainers.widgets", "data"])
def test_reference_has_every_public_name(package, soups):
    page = soups[f"site/api_{package.removeprefix('trainers.')}.html"]
    for name in importlib.import_module(package).__all__:
        if page.find(id=f"module-{package}.{name}"):
            continue
        entry = page.find("dt", id=f"{package}.{name}")
        assert entry, name
        assert entry.find_next_sibling("dd").get_text(strip=True), f"{name} has no description"


def test_pages_are_small_enough(site, soups):
    for name in soups:
        assert site.joinpath(name).stat().st_size < MOST_BYTES, name


def test_index_of_letter_with_accent_is_beside_it(site):
    (page,) = site.glob("01_*.html")
    text = page.read_text(encoding="utf-8")
    assert "<msub><mover><mi>x</mi>" in text
    assert "<munderover>\n    <mi>x</mi>" not in text
