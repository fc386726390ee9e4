"""`write_page`: a chart as one HTML file that needs neither a kernel nor a network; `fragment`: as a part of one."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data.markup import escaped

FOLDER = Path(__file__).parent

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 1.2rem; background: Canvas; color: CanvasText; font-family: system-ui, sans-serif; }}
h1 {{ font-size: 1.2rem; }}
h2 {{ font-size: 1.05rem; margin-top: 1.8rem; }}
p, ul {{ max-width: 46rem; line-height: 1.45; }}
img {{ max-width: 100%; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ padding: 0.2rem 0.6rem; text-align: left; }}
th, td {{ border-bottom: 1px solid color-mix(in srgb, CanvasText 20%, Canvas); }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
# A module's names are its own, so that several fragments can stand in one page.
_FRAGMENT = """<style>
{css}
</style>
<div id="{key}-place"></div>
<noscript><p>{alt}</p></noscript>
<script type="application/json" id="{key}">{data}</script>
<script type="module">
{script}
// Names with dollar signs are no math.
document.getElementById({place}).className = "tex2jax_ignore mathjax_ignore";
mount(document.getElementById({place}), JSON.parse(document.getElementById({name}).textContent));
</script>
"""


def write_page(path: str | os.PathLike[str], title: str, data: dict[str, Any], files: Sequence[str]) -> None:
    """Write the renderer, its style and its data into one file.

    Parameters
    ----------
    path : path
        Where to; an existing file is replaced.
    title : str
        Heading of the page.
    data : dict
        As the renderer takes it.
    files : sequence of str
        The renderer, as in `fragment`.
    """
    write_body(path, title, fragment(data, files))


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
    Path(path).write_text(
        # A file name may hold what UTF-8 cannot.
        _PAGE.format(title=escaped(title), body=body),
        encoding="utf-8",
        errors="replace",
    )


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
    return _FRAGMENT.format(
        key=escaped(key),
        alt=escaped(data.get("alt", "")),
        css=source(files, ".css"),
        script=source(files, ".js"),
        data=_json(data),
        name=_json(key),
        place=_json(f"{key}-place"),
    )


def _json(data: Any) -> str:
    # A name with "<" in it could end the script element, or open a comment in it.
    return json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def source(files: Sequence[str], kind: str) -> str:
    """The text of those files of this folder that end so, one after the other."""
    return "\n".join(FOLDER.joinpath(name).read_text(encoding="utf-8") for name in files if name.endswith(kind))


def as_text(data: Any) -> Any:
    """The same with base64 text in place of bytes, which JSON does not have."""
    if isinstance(data, bytes):
        return base64.b64encode(data).decode("ascii")
    return {name: as_text(value) for name, value in data.items()} if isinstance(data, dict) else data
