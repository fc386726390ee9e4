"""Sphinx extension of the site: contents, links out of the folder, outputs, formulas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from myst_nb.core.render import MimeData, NbElementRenderer
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from tested_lessons import kept, lessons

ROOT = Path(__file__).resolve().parents[2]
# Files outside the notebooks' folder that are pages of the site.
PAGES = {ROOT / "data" / "README.md": "site/data_sets", ROOT / "data" / "LICENSES.md": "site/data_licences"}
# Patterns of the pages by caption; the patterns also match new lessons.
CONTENTS = {
    "Before you begin": ["00_*"],
    "Lessons": ["0[1-9]_*"],
    "Around the lessons": ["[!0-9eip]*"],
    "For teachers": ["instructor_guide", "project_brief"],
    "Reference": [
        "site/data_sets",
        *(f"site/api_{name}" for name in ("trainers", "detection", "widgets", "data", "course")),
    ],
}


def add_contents(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the table of contents to the home page."""
    if docname != "index":
        return
    for caption, patterns in CONTENTS.items():
        # A pattern without a matching page would cause a warning.
        matched = [name for name in patterns if any(app.srcdir.glob(f"{name}.*"))]
        if matched:
            listed = "\n".join(matched)
            source[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n:caption: {caption}\n\n{listed}\n```\n"


def use_kept_outputs(app: Sphinx, docname: str, source: list[str]) -> None:
    """Read a lesson with the outputs of its test."""
    lesson = Path(app.srcdir, f"{docname}.ipynb")
    if lesson in lessons():
        source[0] = kept(lesson).read_text(encoding="utf-8")


class RepositoryLinks(SphinxTransform):
    """Resolve links to files of the repository: to their pages, or, without a page, to text with the file name."""

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
                suffix = (
                    []
                    if node.astext().rstrip("/") == name
                    else [nodes.Text(" ("), nodes.literal(name, name), nodes.Text(")")]
                )
                node.replace_self([nodes.inline("", "", *node.children), *suffix])

    def _file(self, target: str, cut: bool) -> Path | None:
        """Return the target file of a link; `cut` says that MyST has removed the ending, as it does for pages."""
        if not target:
            return None
        source = Path(self.env.srcdir)
        folders = [source if cut else Path(source, self.env.docname).parent]
        if self.env.docname.startswith("site/data_"):
            # Links in these pages are relative to the data folder.
            target = target.removeprefix("site/")
            folders.append(ROOT / "data")
        endings = ("", ".md", ".ipynb") if cut else ("",)
        paths = ((folder / f"{target}{ending}").resolve() for folder in folders for ending in endings)
        return next((path for path in paths if path.exists()), None)


# ---------------------------------------------------------------- outputs


def with_alt(render: Any) -> Any:
    """Return `render`, extended to read a picture's alternative text from its output's metadata."""

    def render_image(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        images = render(self, data)
        alt = data.output_metadata.get(data.mime_type, {}).get("alt")
        if alt:
            for image in images:
                image["alt"] = alt
        return images

    return render_image


def without_empty_headers(render: Any) -> Any:
    """Return `render`, extended to make empty table headers cells, so that screen readers skip them."""

    def render_text_html(self: NbElementRenderer, data: MimeData) -> list[nodes.Element]:
        return [
            nodes.raw("", node.astext().replace("<th></th>", "<td></td>"), format="html") for node in render(self, data)
        ]

    return render_text_html


# ---------------------------------------------------------------- formulas, as MathML


# docutils puts the index of a letter with an accent below the letter.
_ACCENT = re.compile(r"<munderover>\s*(<m[in]>.*?</m[in]>)(.+?)(<mo [^>]*>[ˆ_~¯ˉ]</mo>)\s*</munderover>", re.DOTALL)


def mathml(formula: str, **options: Any) -> str:
    """Return a LaTeX formula as MathML, which needs no script."""
    return _ACCENT.sub(r"<msub><mover>\1\3</mover>\2</msub>", tex2mathml(formula, **options))


def inline_formula(writer: Any, node: nodes.math) -> None:
    """Write an inline formula."""
    writer.body.append(mathml(node.astext()))
    raise nodes.SkipNode


def formula(writer: Any, node: nodes.math_block) -> None:
    """Write a displayed formula on a separate line."""
    writer.body.append(f'<div class="math-block" tabindex="0">{mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register this extension with Sphinx."""
    NbElementRenderer.render_image = with_alt(NbElementRenderer.render_image)
    NbElementRenderer.render_text_html = without_empty_headers(NbElementRenderer.render_text_html)
    app.connect("source-read", add_contents)
    app.connect("source-read", use_kept_outputs)
    app.add_transform(RepositoryLinks)
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
