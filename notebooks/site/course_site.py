"""The site's own part of Sphinx: contents, alternative texts, links out of the folder, formulas, the reference."""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from myst_nb.core.render import MimeData, NbElementRenderer
from nbclient import NotebookClient
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import signature as inspect_signature
from sphinx.util.inspect import stringify_signature
from traitlets import HasTraits

ROOT = Path(__file__).resolve().parents[2]
# Files outside of the notebooks' folder that are pages of the site.
PAGES = {ROOT / "data" / "README.md": "site/data_sets", ROOT / "data" / "LICENSES.md": "site/data_licences"}
# Caption of each part of the contents, and its pages as patterns: a new lesson is in without a word here.
CONTENTS = {
    "Before you begin": ["00_*"],
    "Lessons": ["0[1-9]_*"],
    "Around the lessons": ["[!0-9i]*", "instructor_guide"],
    "Reference": [
        "site/data_sets",
        *(f"site/api_{name}" for name in ("trainers", "detection", "widgets", "data", "course")),
    ],
}


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """The table of contents, which would be an odd sight in the file itself."""
    if docname != "index":
        return
    for caption, patterns in CONTENTS.items():
        # A pattern that nothing fits would be a warning.
        there = [name for name in patterns if any(app.srcdir.glob(f"{name}.*"))]
        if there:
            listed = "\n".join(there)
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{listed}\n```\n"


class RepositoryLinks(SphinxTransform):
    """A link to a file of the repository leads to its page, or, where the site has none, names the file."""

    default_priority = 1

    def apply(self, **_: Any) -> None:
        for node in [
            *self.document.findall(addnodes.download_reference),
            *self.document.findall(addnodes.pending_xref),
        ]:
            if node.get("reftype") != "myst" or node["reftarget"] in self.env.found_docs:
                continue
            path = self._file(unquote(node["reftarget"].split("#")[0]), node.get("refdomain") == "doc")
            if path is None:
                continue
            if path in PAGES:
                to = addnodes.pending_xref(
                    refdomain="doc", reftarget=PAGES[path], refdoc=self.env.docname, reftype="myst", refexplicit=True,
                    reftargetid=None,
                )  # fmt: skip
                to += node.children
                node.replace_self(to)
            elif path.is_relative_to(ROOT):
                name = path.relative_to(ROOT).as_posix()
                words = (
                    []
                    if node.astext().rstrip("/") == name
                    else [nodes.Text(" ("), nodes.literal(name, name), nodes.Text(")")]
                )
                node.replace_self([nodes.inline("", "", *node.children), *words])

    def _file(self, target: str, cut: bool) -> Path | None:
        """What a link leads to; MyST cuts the ending off a file that it takes for a page."""
        if not target:
            return None
        source = Path(self.env.srcdir)
        folders = [source if cut else Path(source, self.env.docname).parent]
        if self.env.docname.startswith("site/data_"):
            # What stands there is written for the data's folder.
            target = target.removeprefix("site/")
            folders.append(ROOT / "data")
        endings = ("", ".md", ".ipynb") if cut else ("",)
        paths = ((folder / f"{target}{ending}").resolve() for folder in folders for ending in endings)
        return next((path for path in paths if path.exists()), None)


# ---------------------------------------------------------------- outputs


def with_alt(render: Any) -> Any:
    """A picture's alternative text stands in its output's metadata, as the front ends and nbconvert read it."""

    def render_image(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        images = render(self, data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt")
        if alt:
            for image in images:
                image["alt"] = alt
        return images

    return render_image


def without_empty_headers(render: Any) -> Any:
    """The corner of a pandas table is a header of nothing, which a screen reader would announce."""

    def render_text_html(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        return [
            nodes.raw("", node.astext().replace("<th></th>", "<td></td>"), format="html") for node in render(self, data)
        ]

    return render_text_html


# ---------------------------------------------------------------- formulas, which browsers draw themselves


def inline_formula(writer: Any, node: nodes.math) -> None:
    """As MathML, which needs no script."""
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def formula(writer: Any, node: nodes.math_block) -> None:
    """As MathML, on a line of its own."""
    writer.body.append(f'<div class="math-block" tabindex="0">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


# ---------------------------------------------------------------- reference


PACKAGES = ("trainers", "trainers.detection", "trainers.widgets", "data")


@cache
def public() -> dict[str, str]:
    """Every public name, and the same with its package."""
    return {name: f"{package}.{name}" for package in PACKAGES for name in importlib.import_module(package).__all__}


def named(
    name: str, raw: str, text: str, line: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """What stands between single backticks: code, and a link where it is a public name or something of one."""
    first, *rest = text.removesuffix("()").split(".")
    code = nodes.literal(raw, text)
    if first not in public():
        return [code], []
    target = ".".join([public()[first], *rest])
    where = inliner.document.settings.env.docname
    return [addnodes.pending_xref(raw, code, refdomain="py", reftype="obj", reftarget=target, refdoc=where)], []


class TypeLinks(SphinxTransform):
    """Of the words that say a parameter's type, those are links that are public names: not "time" in a shape."""

    default_priority = 1

    def apply(self, **_: Any) -> None:
        for node in list(self.document.findall(addnodes.pending_xref)):
            if node.get("reftype") == "class" and node.get("refspecific"):
                if node["reftarget"] in public():
                    node["reftarget"], node["refspecific"] = public()[node["reftarget"]], False
                else:
                    node.replace_self(node.children)


def number_references(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """References are counted in each docstring; as footnotes, those of one page would get into each other's way."""
    lines[:] = [re.sub(r"\[(\d+)\]_", r"[\1]", re.sub(r"^\.\. \[(\d+)\] ", r"\1. ", line)) for line in lines]


def own_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """A widget's class takes what its ``__init__`` takes; traitlets hides that."""
    if what != "class" or not issubclass(thing, HasTraits):
        return None
    return stringify_signature(inspect_signature(thing.__init__, bound_method=True), show_annotation=False), returns


class Public(SphinxDirective):
    """``{public} package``: a table of all that a package exports, then each in full."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """As reStructuredText, which autodoc speaks."""
        package = importlib.import_module(self.arguments[0])
        kinds = {name: kind(getattr(package, name)) for name in package.__all__}
        lines = [f".. currentmodule:: {package.__name__}", "", ".. autosummary::", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in kinds if kinds[name] != "data"]
        for name in kinds:
            if kinds[name] == "data":
                lines += ["", f".. py:data:: {name}", "", *(f"   {line}" for line in constant(package, name))]
            else:
                lines += ["", f".. auto{kinds[name]}:: {package.__name__}.{name}"]
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


def kind(thing: Any) -> str:
    """The word that autodoc has for it."""
    if isinstance(thing, type):
        return "exception" if issubclass(thing, BaseException) else "class"
    if isinstance(thing, ModuleType):
        return "module"
    return "function" if callable(thing) else "data"


def constant(package: ModuleType, name: str) -> list[str]:
    """What is said of a constant where it is defined, and the names it holds."""
    names = [module for module in sys.modules if module.startswith(f"{package.__name__}.")]
    found = (ModuleAnalyzer.for_module(module).find_attr_docs() for module in names)
    (lines,) = (docs["", name] for docs in found if ("", name) in docs)
    return [*lines, "It holds " + ", ".join(f"``{key!r}``" for key in getattr(package, name)) + "."]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    # It would lie in every page, megabytes of it, and nothing there could read it.
    NotebookClient.set_widgets_metadata = lambda self: None
    NbElementRenderer.render_image = with_alt(NbElementRenderer.render_image)
    NbElementRenderer.render_text_html = without_empty_headers(NbElementRenderer.render_text_html)
    app.connect("source-read", add_contents)
    app.add_transform(RepositoryLinks)
    app.add_transform(TypeLinks)
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
    app.add_directive("public", Public)
    app.add_role("named", named)
    app.connect("autodoc-process-signature", own_signature)
    app.connect("autodoc-process-docstring", number_references, priority=1)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
