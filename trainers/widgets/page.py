"""`write_page`: a chart, or another renderer, as one HTML file that needs neither a kernel nor a network."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.widgets.chart import FOLDER

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
{css}
</style>
</head>
<body>
<h1>{title}</h1>
<div id="chart"></div>
<noscript><p>{alt}</p></noscript>
<script type="application/json" id="data">{data}</script>
<script type="module">
{script}
mount(document.getElementById("chart"), JSON.parse(document.getElementById("data").textContent));
</script>
</body>
</html>
"""


def joined(*names: str) -> str:
    """Files of this folder, one after the other: a page's module may stand in several."""
    return "\n".join(FOLDER.joinpath(name).read_text(encoding="utf-8") for name in names)


def write_page(
    path: str | os.PathLike[str],
    title: str,
    data: dict[str, Any],
    *,
    scripts: Sequence[str] = ("chart.js",),
    styles: Sequence[str] = ("chart.css",),
) -> None:
    """Write a renderer, its style and its data into one file.

    Parameters
    ----------
    path : path
        Where to; an existing file is replaced.
    title : str
        Heading of the page.
    data : dict
        As `Chart` takes it; with ``rewinds`` (by epoch, the reconstruction of each example) the
        page has a slider over the epochs. Another renderer takes other data; ``alt`` stands where
        no script runs.
    scripts : sequence of str, default ("chart.js",)
        Files of the renderer, joined in this order; they define ``mount(element, data)``.
    styles : sequence of str, default ("chart.css",)
        Files of its style.
    """
    # A name with "<" in it could end the script element, or open a comment in it.
    embedded = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    text = _PAGE.format(
        title=html.escape(title),
        alt=html.escape(str(data.get("alt", ""))),
        css=joined(*styles),
        script=joined(*scripts),
        data=embedded,
    )
    Path(path).write_text(text, encoding="utf-8")
