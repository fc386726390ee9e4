"""A user's own text is shown as text, once escaped, by everything that shows itself as HTML, and by every picture."""

from __future__ import annotations

import functools
import importlib
import json
import pkgutil
from html.parser import HTMLParser

import IPython.display
import ipywidgets
import matplotlib.text
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.cbook import is_math_text

import data
import notebooks.course
import trainers
from data.markup import escaped
from trainers.plotting import Figure, as_label

from .untrusted import HOSTILE, MATH, examples, write_report

BENIGN = "Benign"
METHODS = ("_repr_html_", "_repr_mimebundle_", "_ipython_display_", "_repr_svg_", "_repr_markdown_", "html", "to_html")


class Skeleton(HTMLParser):
    """Elements, attributes and texts in order; what keeps Jupyter from typesetting, and pictures, are left out."""

    def __init__(self, markup):
        super().__init__()
        self.parts, self._ignored, self._in = [], [], ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag, attrs):
        self._in = tag
        self._ignored.append(attrs == [("class", "tex2jax_ignore mathjax_ignore")] and tag == "div")
        if not self._ignored[-1]:
            self.parts.append((tag, *((k, "picture" if k == "src" else v) for k, v in attrs)))

    def handle_endtag(self, tag):
        self._in = ""
        if self._ignored and not self._ignored.pop():
            self.parts.append(("end", tag))

    def handle_data(self, text):
        if self._in == "script" and text.startswith(("{", "[")):
            text = json.loads(text)
        self.parts.append(("text", text))

    def handle_comment(self, text):
        self.parts.append(("comment", text))


@functools.cache
def benign_examples():
    return examples(BENIGN)


def replaced(part, text):
    """The same with `text` in place of the benign name, also where it stands between quotation marks."""
    if isinstance(part, str):
        return part.replace(repr(BENIGN), repr(text)).replace(BENIGN, text)
    if isinstance(part, dict):
        return {key: replaced(value, text) for key, value in part.items()}
    return type(part)(replaced(one, text) for one in part) if isinstance(part, list | tuple) else part


def shown_as(thing, monkeypatch, folder):
    """All HTML that an object shows, by how it is shown."""
    found, displayed = {}, []
    monkeypatch.setattr(IPython.display, "display", lambda shown, **_: displayed.append(shown))
    for method in METHODS:
        if not hasattr(thing, method):
            continue
        if method == "to_html":
            thing.to_html(folder / "page.html")
            found[method] = folder.joinpath("page.html").read_text(encoding="utf-8")
        else:
            made = getattr(thing, method)()
            found[method] = made if isinstance(made, str) else (made or [{}])[0].get("text/html", "")
    for number, one in enumerate(displayed):
        found[f"display {number}"] = one.get("text/html", "") if isinstance(one, dict) else getattr(one, "data", "")
    widgets = [thing.box] if hasattr(thing, "box") else []
    while widgets:
        widget = widgets.pop()
        widgets += getattr(widget, "children", ())
        if isinstance(widget, ipywidgets.HTML):
            found[f"widget {len(found)}"] = widget.value
    return {how: text for how, text in found.items() if text}


def classes_shown_as_html():
    """Every class of the kit that itself says how it is shown."""
    names = [
        m.name
        for package in (data, trainers, notebooks.course)
        for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    found = {one for module in modules for one in vars(module).values() if isinstance(one, type)}
    return {one for one in found if one.__module__ in names and any(method in vars(one) for method in METHODS)}


def test_every_class_that_shows_itself_has_an_example():
    shown = benign_examples()
    missing = [one.__name__ for one in classes_shown_as_html() if not any(isinstance(e, one) for e in shown)]
    assert missing == [], "add an example to untrusted.py"


# So long a name leaves no room for the curves.
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
@pytest.mark.parametrize("text", [HOSTILE, " ".join(MATH)], ids=["markup", "math"])
def test_text_is_shown_as_text(text, monkeypatch, tmp_path):
    with_text = 0
    for benign, hostile in zip(benign_examples(), examples(text), strict=True):
        expected, got = (shown_as(one, monkeypatch, tmp_path) for one in (benign, hostile))
        assert got.keys() == expected.keys()
        for how in got:
            assert Skeleton(got[how]).parts == [replaced(part, text) for part in Skeleton(expected[how]).parts], (
                f"{type(benign).__name__}, {how}"
            )
            with_text += BENIGN in expected[how]
    assert with_text > 25


def test_report_shows_text_as_text(tmp_path):
    parts = []
    for text in (BENIGN, HOSTILE):
        parts.append(Skeleton(write_report(text, tmp_path).read_text(encoding="utf-8")).parts)
    assert parts[1] == [replaced(part, HOSTILE) for part in parts[0]]
    assert sum(HOSTILE in str(one) for part in parts[1] for one in part) > 10


@pytest.mark.parametrize("text", ["<b> & 'b'", *MATH])
def test_pictures_show_text_as_text(text):
    drawn = 0
    for benign, hostile in zip(benign_examples(), examples(text), strict=True):
        figures = [one if isinstance(one, Figure) else getattr(one, "figure", None) for one in (benign, hostile)]
        if not isinstance(figures[0], Figure):
            continue
        assert figures[1].alt == replaced(figures[0].alt, text)
        figures[1]._repr_mimebundle_()
        texts = [[as_seen(one) for one in figure.findobj(matplotlib.text.Text)] for figure in figures]
        named = {replaced(one, text) for one in texts[0] if BENIGN in one}
        assert named <= set(texts[1])
        drawn += bool(named)
    assert drawn > 4


def as_seen(text):
    """What matplotlib draws; math is marked."""
    raw = text.get_text()
    if is_math_text(raw):
        return raw if "mathdefault" in raw else f"math {raw}"
    return raw.replace(r"\$", "$").removeprefix("\u200b")


@given(st.text())
def test_escaped_text_is_read_back(text):
    texts = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: texts.append((tag, attrs))
    parser.handle_data = lambda piece: texts.append(piece)
    parser.feed(f'<p title="{escaped(text)}">{escaped(text)}</p>')
    parser.close()
    assert texts[0] == ("p", [("title", text)])
    assert "".join(texts[1:]) == text


@given(st.text())
def test_label_is_never_math_and_never_hidden(text):
    label = matplotlib.text.Text(0, 0, as_label(text))
    assert as_seen(label) == text.encode("utf-8", "replace").decode()
    assert not as_label(text).startswith("_")
