"""`escaped` and `without_math`: text of users as HTML that shows it unchanged."""

from __future__ import annotations

import html


def escaped(text: object) -> str:
    """Return the string for an HTML element or a quoted attribute; everything that builds HTML uses it.

    >>> escaped("a & b <i>")
    'a &amp; b &lt;i&gt;'
    """
    return html.escape(str(text))


def without_math(markup: str) -> str:
    """Return HTML in which Jupyter does not typeset text between dollar signs as a formula."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{markup}</div>' if "$" in markup else markup
