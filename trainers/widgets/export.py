"""Interactive widgets in pages without a kernel: ``TRAINERS_WIDGETS=page``.

By default, an exported notebook contains at most a picture of each widget, because the interactive widget needs a
kernel, or scripts from a network. If the environment variable ``TRAINERS_WIDGETS`` is ``page`` while a notebook runs,
each widget of this package is displayed as HTML that contains its script and data. The slider over the epochs, the
threshold and the zoom then work offline in any page made from the notebook::

    TRAINERS_WIDGETS=page jupyter nbconvert --to html --execute notebook.ipynb

With ``TRAINERS_WIDGETS=both``, widgets are displayed as by default, and the mark before each picture also contains this
HTML, as MIME type `PAGE`. The course's site is built from such outputs of the tested lessons.

Controls that need the kernel are left out: the buttons of a `TrainingMonitor`, and the controls of a
`HyperparameterPanel`, which is displayed as a table. A `TrainingMonitor` is displayed when its run has ended.
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

# MIME type of a widget's HTML in an output that also has the live widget.
PAGE = "application/vnd.trainers.page"
_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import [^;]* from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=const |(?:async )?function )", re.MULTILINE)
# The first files of every widget; each file may use only files before it.
SHARED = ("larger.css", "plot.js", "page.js")

# Numbers in order, so that a notebook gives the same page each time it is run.
_numbers = itertools.count(1)


class Exported:
    """Base class of objects that can be written as an HTML page or embedded in one.

    A subclass sets `_files`, its scripts and styles, and `_key`, the default id of its HTML.
    """

    _files: ClassVar[Sequence[str]]
    _key: ClassVar[str]

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write a self-contained HTML file, in which the widget works without a kernel or a network.

        Parameters
        ----------
        path : str or path-like
            File to write; an existing file is replaced.
        """
        title, data = self._page()
        write_body(path, title, fragment(data, self._files))

    def html(self, key: str = "") -> str:
        """Return the widget as HTML to embed in a page.

        Parameters
        ----------
        key : str, optional
            Id of the HTML element; it must be unique for each widget in the page. Default: one for each kind of widget.

        Returns
        -------
        str
            HTML without head and body.
        """
        return fragment(self._page(light=True)[1], self._files, key or self._key)

    def _page(self, *, light: bool = False) -> tuple[str, dict[str, Any]]:
        """Return a title and the renderer's data; with `light`, fewer data, for a page with other content."""
        raise NotImplementedError


def write_body(path: str | os.PathLike[str], title: str, body: str) -> None:
    """Write a self-contained HTML file with a given body, for light and dark screens.

    Parameters
    ----------
    path : str or path-like
        File to write; an existing file is replaced.
    title : str
        Title and heading of the page.
    body : str
        HTML without head and body.
    """
    # The text may contain a file name with characters that UTF-8 cannot encode.
    page = Template(read_assets(("page.html",), ".html"), autoescape=True, keep_trailing_newline=True)
    Path(path).write_text(page.render(title=title, body=body), encoding="utf-8", errors="replace")


def fragment(data: dict[str, Any], files: Sequence[str], key: str = "data") -> str:
    """Return a renderer, its style and its data as HTML to embed in a page.

    Parameters
    ----------
    data : dict
        The renderer's data; ``alt`` is the sentence for browsers without scripts.
    files : sequence of str
        Style and script files of this folder, each after the files that it uses; the last script defines
        ``mount(element, data)``.
    key : str, default "data"
        Id of the element; it must be unique in the page.

    Returns
    -------
    str
        HTML without head and body.
    """
    identifier, place = escaped(key), f"document.getElementById({_json(f'{key}-place')})"
    # Names in a module are local, so that several fragments can be in one page.
    return f"""<style>
{read_assets(files, ".css")}
</style>
<div id="{identifier}-place"></div>
<noscript><p>{escaped(data.get("alt", ""))}</p></noscript>
<script type="application/json" id="{identifier}">{_json(data)}</script>
<script type="module">
{read_assets(files, ".js")}
// Keep MathJax from typesetting names with dollar signs.
{place}.className = "tex2jax_ignore mathjax_ignore";
mount({place}, JSON.parse(document.getElementById({_json(key)}).textContent));
</script>
"""


def _json(data: Any) -> str:
    # A "<" in a name could end the script element, or open a comment in it.
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), default=lambda value: b64encode(value).decode())
    return text.replace("<", "\\u003c")


def read_assets(files: Sequence[str], kind: str) -> str:
    """Join the files of one kind in order; JavaScript modules become one module without imports."""
    texts = [_FOLDER.joinpath(name).read_text(encoding="utf-8") for name in files if name.endswith(kind)]
    # A module imports only from modules before it; only the exports of the last one are kept.
    texts = [_IMPORT.sub("", text) for text in texts]
    return "\n".join([*(_EXPORT.sub("", text) for text in texts[:-1]), *texts[-1:]])


def _setting() -> str:
    value = os.environ.get("TRAINERS_WIDGETS", "")
    if value not in ("", "page", "both"):
        raise ValueError(f"TRAINERS_WIDGETS must be 'page', 'both' or not set, got {value!r}.")
    return value


def on_page() -> bool:
    """Return whether widgets are displayed as HTML that needs no kernel.

    Raises
    ------
    ValueError
        If ``TRAINERS_WIDGETS`` has another value than ``page`` or ``both``.
    """
    return _setting() == "page"


def page_bundle(widget: Any) -> dict[str, str] | None:
    """Return the MIME bundle of a widget with ``TRAINERS_WIDGETS=page``, else None.

    Parameters
    ----------
    widget : object
        With a method ``html(key)``.

    Returns
    -------
    dict or None
        Its HTML, with a key that is unique in this Python process, and a short text.
    """
    if not on_page():
        return None
    return {"text/html": _numbered(widget), "text/plain": repr(widget)}


def page_beside(widget: Any) -> dict[str, str]:
    """Return the HTML to add to the mark before a widget's picture with ``TRAINERS_WIDGETS=both``, else nothing."""
    return {PAGE: _numbered(widget)} if _setting() == "both" else {}


def _numbered(widget: Any) -> str:
    return str(widget.html(f"kit-widget-{next(_numbers)}"))
