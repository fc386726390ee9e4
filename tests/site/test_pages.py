"""What the pages of the built site hold: links, pictures, lessons, reference; read as files, without a browser."""

from __future__ import annotations

import importlib
import json
import posixpath
from urllib.parse import unquote, urlsplit

import pytest

from .conftest import LESSONS, NOTEBOOKS, PAGES

# A page with its widgets' data; a class opens it over a school's network.
MOST_BYTES = 6_000_000
EXTERNAL = ("http", "https", "mailto")


def inside(name, link):
    """The file within the site and the anchor that a link of a page leads to."""
    parts = urlsplit(link)
    path = unquote(parts.path)
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name, unquote(parts.fragment)


def test_every_page_is_there_and_no_other(soups):
    assert set(soups) == {f"{name}.html" for name in PAGES}


def test_links_and_anchors_lead_somewhere(site, soups):
    anchors = {name: {tag["id"] for tag in soup.find_all(id=True)} for name, soup in soups.items()}
    broken, seen = [], 0
    for name, soup in soups.items():
        for tag in soup.find_all(["a", "link"], href=True):
            if urlsplit(tag["href"]).scheme:
                continue
            seen += 1
            path, anchor = inside(name, tag["href"])
            # Scripts of the theme know "#" as the top of the page.
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


def test_nothing_is_loaded_from_elsewhere(site, soups):
    wrong = []
    for name, soup in soups.items():
        loads = [
            tag.get("src") or tag.get("href") for tag in soup.select("script[src], img[src], iframe[src], link[href]")
        ]
        for link in loads:
            if urlsplit(link).scheme not in ("", "data") or link.startswith("//"):
                wrong.append(f"{name}: {link}")
            elif not link.startswith("data:") and not site.joinpath(inside(name, link)[0]).is_file():
                wrong.append(f"{name}: {link} is not there")
    assert wrong == []


def test_pictures_have_alternative_texts(soups):
    said = []
    for name, soup in soups.items():
        for image in soup.find_all("img"):
            assert image.get("alt", "").strip(), f"{name}: {image.get('src')}"
            if image.find_parent(class_="cell_output"):
                said.append(image["alt"])
    # As the notebooks have them, sentences and not file names.
    assert len(said) >= len(LESSONS)
    assert all(len(alt) > 20 for alt in said)


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_shows_all_that_it_gave_when_run(lesson, soups):
    page, notebook = soups[f"{lesson}.html"], json.loads(NOTEBOOKS.joinpath(f"{lesson}.ipynb").read_text("utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(page.select("div.cell_input")) == len(cells)
    shown = page.select("div.cell")
    for cell, at in zip(cells, shown, strict=True):
        assert bool(cell["outputs"]) == bool(at.select("div.cell_output")), "".join(cell["source"])
    assert page.select(".traceback, .stderr") == []
    assert "NBVAL" not in page.get_text(), "marks for the tests are no part of a lesson"


def test_no_widget_waits_for_a_kernel(soups):
    for name, soup in soups.items():
        text = str(soup)
        # The set-up check says what these words mean.
        assert "Loading widget" not in text or name.startswith("00_"), name
        assert "vnd.jupyter.widget" not in text, name


def test_every_widget_of_a_page_has_a_key_of_its_own(soups):
    found = 0
    for name, soup in soups.items():
        ids = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(ids) == len(set(ids)), name
        found += sum(key.startswith("kit-widget-") for key in ids)
    assert found > 10


def test_the_home_page_leads_to_every_lesson(soups):
    home = soups["index.html"]
    text, contents = (
        {a["href"].split("#")[0] for a in part.find_all("a", href=True)}
        for part in (home.article, home.find("nav", attrs={"aria-label": "All pages"}))
    )
    for lesson in LESSONS:
        assert f"{lesson}.html" in text, f"notebooks/index.md does not name {lesson}"
    for page in PAGES:
        # The licences are led to by the data's page.
        assert f"{page}.html" in contents or page in ("index", "genindex", "search", "site/data_licences")


def test_no_solution_is_handed_out(site):
    assert [path for path in site.rglob("*") if "solutions" in path.name or path.suffix == ".ipynb"] == []


@pytest.mark.parametrize("package", ["trainers", "trainers.detection", "trainers.widgets", "data"])
def test_the_reference_has_every_public_name(package, soups):
    page = soups[f"site/api_{package.removeprefix('trainers.')}.html"]
    for name in importlib.import_module(package).__all__:
        if page.find(id=f"module-{package}.{name}"):
            continue
        entry = page.find("dt", id=f"{package}.{name}")
        assert entry, name
        assert entry.find_next_sibling("dd").get_text(strip=True), f"{name} is not described"


def test_pages_are_not_too_heavy(site, soups):
    for name in soups:
        assert site.joinpath(name).stat().st_size < MOST_BYTES, name
