"""`larger_in_class`: widgets that classroom mode enlarges, whole, those on the page already too."""

from __future__ import annotations

import weakref

import ipywidgets

from trainers import classroom

_shown: weakref.WeakSet[ipywidgets.DOMWidget] = weakref.WeakSet()


def larger_in_class(widget: ipywidgets.DOMWidget) -> None:
    """Let a widget be drawn larger while classroom mode is on.

    It is zoomed by larger.css, which its page needs among its styles. It draws as in a narrower page, so it takes
    its width from `widthOf`, and divides what the mouse says by `enlargement`, both of surroundings.js. For what is
    displayed, not for a part of it as well: zooms multiply.
    """
    _shown.add(widget)
    _apply(widget)


def _apply(widget: ipywidgets.DOMWidget) -> None:
    (widget.add_class if classroom.is_on() else widget.remove_class)("kit-larger")


def _apply_all() -> None:
    for widget in list(_shown):
        _apply(widget)


classroom.follow(_apply_all)
