"""Sphinx extension for the API reference: all public names, links between them, references, signatures."""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import signature as inspect_signature
from sphinx.util.inspect import stringify_signature
from traitlets import HasTraits

PACKAGES = ("trainers", "trainers.detection", "trainers.widgets", "data")


@cache
def public() -> dict[str, str]:
    """Return the full name of each public name."""
    return {name: f"{package}.{name}" for package in PACKAGES for name in importlib.import_module(package).__all__}


def named(
    name: str, raw: str, text: str, line: int, inliner: Any, *_: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Return the node for text in single backticks: code, with a link if it is a public name or an attribute of one."""
    first, *rest = text.removesuffix("()").split(".")
    code = nodes.literal(raw, text)
    if first not in public():
        return [code], []
    target = ".".join([public()[first], *rest])
    where = inliner.document.settings.env.docname
    return [addnodes.pending_xref(raw, code, refdomain="py", reftype="obj", reftarget=target, refdoc=where)], []


class TypeLinks(SphinxTransform):
    """Link only public names in parameter types, and not other words such as "time" in a shape."""

    default_priority = 1

    def apply(self, **_: Any) -> None:
        for node in list(self.document.findall(addnodes.pending_xref)):
            if node.get("reftype") == "class" and node.get("refspecific"):
                if node["reftarget"] in public():
                    node["reftarget"], node["refspecific"] = public()[node["reftarget"]], False
                else:
                    node.replace_self(node.children)


def number_references(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Replace footnotes by numbered lists, because footnote numbers would repeat on a page with several docstrings."""
    lines[:] = [re.sub(r"\[(\d+)\]_", r"[\1]", re.sub(r"^\.\. \[(\d+)\] ", r"\1. ", line)) for line in lines]


def own_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Return the signature of a widget's ``__init__``, which traitlets hides."""
    if what != "class" or not issubclass(thing, HasTraits):
        return None
    return stringify_signature(inspect_signature(thing.__init__, bound_method=True), show_annotation=False), returns


class Public(SphinxDirective):
    """Directive ``{public} package``: a table of all names that a package exports, then each in full."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes, generated from reStructuredText for autodoc."""
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
    """Return autodoc's word for the kind of an object."""
    if isinstance(thing, type):
        return "exception" if issubclass(thing, BaseException) else "class"
    if isinstance(thing, ModuleType):
        return "module"
    return "function" if callable(thing) else "data"


def constant(package: ModuleType, name: str) -> list[str]:
    """Return the documentation of a constant from its definition, and the keys it contains."""
    names = [module for module in sys.modules if module.startswith(f"{package.__name__}.")]
    found = (ModuleAnalyzer.for_module(module).find_attr_docs() for module in names)
    (lines,) = (docs["", name] for docs in found if ("", name) in docs)
    return [*lines, "It contains " + ", ".join(f"``{key!r}``" for key in getattr(package, name)) + "."]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register this extension with Sphinx."""
    app.add_transform(TypeLinks)
    app.add_directive("public", Public)
    app.add_role("named", named)
    app.connect("autodoc-process-signature", own_signature)
    app.connect("autodoc-process-docstring", number_references, priority=1)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
