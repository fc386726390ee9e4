"""A user's text is escaped once and shown as text, in all HTML and in all plots."""

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
from matplotlib.font_manager import FontProperties, findfont, get_font

import data
import notebooks.course
import trainers
from data.markup import escaped
from trainers.plotting import Figure, as_label

from .untrusted import HOSTILE, MATH, examples, write_report

BENIGN = "Benign"
METHODS = ("_repr_html_", "_repr_mimebundle_", "_ipython_display_", "_repr_svg_", "_repr_markdown_", "html", "to_html")


class Skeleton(HTMLParser):
    """Elements, attributes and texts in order, without images and without the div that disables typesetting."""

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
    """Return a copy in which `text` replaces the benign name, with and without quotation marks."""
    if isinstance(part, str):
        return part.replace(repr(BENIGN), repr(text)).replace(BENIGN, text)
    if isinstance(part, dict):
        return {key: replaced(value, text) for key, value in part.items()}
    return type(part)(replaced(item, text) for item in part) if isinstance(part, list | tuple) else part


def shown_html(obj, monkeypatch, folder):
    """Return all HTML that an object shows, by the method that shows it."""
    html, displayed = {}, []
    monkeypatch.setattr(IPython.display, "display", lambda shown, **_: displayed.append(shown))
    for method in METHODS:
        if not hasattr(obj, method):
            continue
        if method == "to_html":
            obj.to_html(folder / "page.html")
            html[method] = folder.joinpath("page.html").read_text(encoding="utf-8")
        else:
            value = getattr(obj, method)()
            bundle = value[0] if isinstance(value, tuple) else value or {}
            html[method] = value if isinstance(value, str) else bundle.get("text/html", "")
    for number, item in enumerate(displayed):
        html[f"display {number}"] = item.get("text/html", "") if isinstance(item, dict) else getattr(item, "data", "")
    widgets = [obj.box] if hasattr(obj, "box") else []
    while widgets:
        widget = widgets.pop()
        widgets += getattr(widget, "children", ())
        if isinstance(widget, ipywidgets.HTML):
            html[f"widget {len(html)}"] = widget.value
    return {method: text for method, text in html.items() if text}


def classes_shown_as_html():
    """Return every class of the kit with a method that shows it as HTML."""
    names = [
        m.name
        for package in (data, trainers, notebooks.course)
        for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    classes = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return {cls for cls in classes if cls.__module__ in names and any(method in vars(cls) for method in METHODS)}


def test_every_class_shown_as_html_has_example():
    shown = benign_examples()
    missing = [cls.__name__ for cls in classes_shown_as_html() if not any(isinstance(e, cls) for e in shown)]
    assert missing == [], "add an example to untrusted.py"


# a very long name leaves no space for the curves
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
@pytest.mark.parametrize("text", [HOSTILE, " ".join(MATH)], ids=["markup", "math"])
def test_text_is_shown_as_text(text, monkeypatch, tmp_path):
    with_text = 0
    for benign, hostile in zip(benign_examples(), examples(text), strict=True):
        expected, actual = (shown_html(example, monkeypatch, tmp_path) for example in (benign, hostile))
        assert actual.keys() == expected.keys()
        for method in actual:
            parts = [replaced(part, text) for part in Skeleton(expected[method]).parts]
            assert Skeleton(actual[method]).parts == parts, f"{type(benign).__name__}, {method}"
            with_text += BENIGN in expected[method]
    assert with_text > 25


def test_report_shows_text_as_text(tmp_path):
    parts = []
    for text in (BENIGN, HOSTILE):
        parts.append(Skeleton(write_report(text, tmp_path).read_text(encoding="utf-8")).parts)
    assert parts[1] == [replaced(part, HOSTILE) for part in parts[0]]
    assert sum(HOSTILE in str(value) for part in parts[1] for value in part) > 10


@pytest.mark.parametrize("text", ["<b> & 'b'", *MATH])
def test_plots_show_text_as_text(text):
    drawn = 0
    for benign, hostile in zip(benign_examples(), examples(text), strict=True):
        figures = [e if isinstance(e, Figure) else getattr(e, "figure", None) for e in (benign, hostile)]
        if not isinstance(figures[0], Figure):
            continue
        assert figures[1].alt == replaced(figures[0].alt, text)
        figures[1]._repr_mimebundle_()
        texts = [[as_drawn(item) for item in figure.findobj(matplotlib.text.Text)] for figure in figures]
        names = {replaced(item, text) for item in texts[0] if BENIGN in item}
        assert names <= set(texts[1])
        drawn += bool(names)
    assert drawn > 4


def as_drawn(text):
    """Return the text that matplotlib draws; math is marked."""
    raw = text.get_text()
    if is_math_text(raw):
        return raw if "mathdefault" in raw else f"math {raw}"
    return raw.replace(r"\$", "$").removeprefix("\u200b")


@given(st.text())
def test_escaped_text_is_parsed_as_text(text):
    texts = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: texts.append((tag, attrs))
    parser.handle_data = lambda piece: texts.append(piece)
    parser.feed(f'<p title="{escaped(text)}">{escaped(text)}</p>')
    parser.close()
    assert texts[0] == ("p", [("title", text)])
    assert "".join(texts[1:]) == text


@given(st.text(st.characters(max_codepoint=0x17F, exclude_categories=["Cc"])))
def test_label_is_not_math_and_not_hidden(text):
    label = matplotlib.text.Text(0, 0, as_label(text))
    assert as_drawn(label) == text
    assert not as_label(text).startswith("_")


@given(st.text())
def test_label_has_only_characters_of_the_font(text):
    label = as_label(text)
    glyphs = get_font(findfont(FontProperties())).get_charmap()
    assert all(character.isspace() or ord(character) in glyphs for character in label)
    assert not label.startswith("_")
