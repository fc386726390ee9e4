"""`escaped` and `without_math`: names, headers, notes and errors as HTML that shows them as they are."""

from __future__ import annotations

import html


def escaped(text: object) -> str:
    """Return a text for an HTML element or a quoted attribute. Everything in this kit that builds HTML uses it.

    >>> escaped("a & b <i>")
    'a &amp; b &lt;i&gt;'
    """
    return html.escape(str(text))


def without_math(markup: str) -> str:
    """Return HTML in which Jupyter does not typeset what stands between two dollar signs."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{markup}</div>' if "$" in markup else markup
