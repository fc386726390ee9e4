"""`escaped` and `without_math`: HTML that shows the text of users unchanged."""

from __future__ import annotations

import html


def escaped(text: object) -> str:
    """Return the text escaped for an HTML element or a quoted attribute; used wherever HTML is built.

    >>> escaped("a & b <i>")
    'a &amp; b &lt;i&gt;'
    """
    return html.escape(str(text))


def without_math(markup: str) -> str:
    """Return HTML in which Jupyter does not typeset text between dollar signs as a formula."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{markup}</div>' if "$" in markup else markup
