"""``TRAINERS_WIDGETS=page``: widgets that still move where no kernel runs.

Exported, a widget is a picture at best: its view needs a kernel, or scripts from a network. With the
environment variable ``TRAINERS_WIDGETS`` set to ``page`` while a notebook runs, each widget of this
package shows itself as a piece of HTML instead, with its script and data in it. The slider over the
epochs, the threshold and the zoom then work in whatever page the notebook becomes, offline::

    TRAINERS_WIDGETS=page jupyter nbconvert --to html --execute notebook.ipynb

What needs the kernel is left out: the buttons that drive a run, the controls of a `HyperparameterPanel`
(a table stands there). `TrainingMonitor` appears once its run has ended. The course's site is made so.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from jinja2 import Template

from data.markup import escaped

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import [^;]* from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |function )", re.MULTILINE)
# What the page of every widget has first; files stand in the order in which they build on each other.
SHARED = ("larger.css", "plot.js", "page.js")

# One after the other, so that a notebook gives the same page each time it is run.
_numbers = itertools.count(1)


class Exported:
    """What can be written as a page, or as a part of one. Its class says with which files and under which key."""

    _files: ClassVar[Sequence[str]]
    _key: ClassVar[str]

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a page of one file that can do what the widget can, without a kernel or a network.

        Parameters
        ----------
        path : path
            Where to; an existing file is replaced.
        """
        title, data = self._page()
        write_body(path, title, fragment(data, self._files))

    def html(self, key: str = "") -> str:
        """The same as a piece of HTML for a page of your own.

        Parameters
        ----------
        key : str, optional
            Another one for each widget in the page. Default: one word for the kind of widget.

        Returns
        -------
        str
            HTML without head and body.
        """
        return fragment(self._page(light=True)[1], self._files, key or self._key)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        """A title, and the data as the renderer takes them; light ones for a page that holds more than this."""
        raise NotImplementedError


def write_body(path: str | os.PathLike[str], title: str, body: str) -> None:
    """Write a page of one file, for a light and a dark screen, around any HTML.

    Parameters
    ----------
    path : path
        Where to; an existing file is replaced.
    title : str
        Heading of the page.
    body : str
        HTML without head and body.
    """
    # A file name may hold what UTF-8 cannot.
    page = Template(read_assets(("page.html",), ".html"), autoescape=True, keep_trailing_newline=True)
    Path(path).write_text(page.render(title=title, body=body), encoding="utf-8", errors="replace")


def fragment(data: dict[str, Any], files: Sequence[str], key: str = "data") -> str:
    """The renderer, its style and its data as a piece of HTML for any page.

    Parameters
    ----------
    data : dict
        As the renderer takes it; ``alt`` is the sentence for pages without scripts.
    files : sequence of str
        Style and script files of this folder, in the order in which they build on each other; the
        last script defines ``mount(element, data)``.
    key : str, default "data"
        The element's id, another one for each fragment of a page.

    Returns
    -------
    str
        HTML without head and body.
    """
    identifier, place = escaped(key), f"document.getElementById({_json(f'{key}-place')})"
    # A module's names are its own, so that several fragments can stand in one page.
    return f"""<style>
{read_assets(files, ".css")}
</style>
<div id="{identifier}-place"></div>
<noscript><p>{escaped(data.get("alt", ""))}</p></noscript>
<script type="application/json" id="{identifier}">{_json(data)}</script>
<script type="module">
{read_assets(files, ".js")}
// Names with dollar signs are not math.
{place}.className = "tex2jax_ignore mathjax_ignore";
mount({place}, JSON.parse(document.getElementById({_json(key)}).textContent));
</script>
"""


def _json(data: Any) -> str:
    # A name with "<" in it could end the script element, or open a comment in it.
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), default=lambda value: b64encode(value).decode())
    return text.replace("<", "\\u003c")


def read_assets(files: Sequence[str], kind: str) -> str:
    """Join the files of one kind, in their order; JavaScript modules become one that imports nothing."""
    texts = [_FOLDER.joinpath(name).read_text(encoding="utf-8") for name in files if name.endswith(kind)]
    # What a module imports stands before it here; only what the last one exports is for the page.
    texts = [_IMPORT.sub("", text) for text in texts]
    return "\n".join([*(_EXPORT.sub("", text) for text in texts[:-1]), *texts[-1:]])


def on_page() -> bool:
    """Whether widgets are to show themselves as HTML that needs no kernel.

    Raises
    ------
    ValueError
        If the environment variable holds anything but ``page``.
    """
    value = os.environ.get("TRAINERS_WIDGETS", "")
    if value not in ("", "page"):
        raise ValueError(f"TRAINERS_WIDGETS must be 'page' or not set, got {value!r}.")
    return value == "page"


def page_bundle(widget: Any) -> dict[str, str] | None:
    """What a widget shows with ``TRAINERS_WIDGETS=page``, else None.

    Parameters
    ----------
    widget : object
        With a method ``html(key)``.

    Returns
    -------
    dict or None
        Its HTML, under a key that no other widget of this Python has, and a short text.
    """
    if not on_page():
        return None
    return {"text/html": widget.html(f"kit-widget-{next(_numbers)}"), "text/plain": repr(widget)}
