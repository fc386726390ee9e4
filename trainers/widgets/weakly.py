"""`weakly`: a widget may call an object's method without keeping the object alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls a bound method as long as its object lives, and then does nothing.

    ipywidgets keeps every widget of a session; a monitor that a cell was run again for must not
    stay with its snapshots because an old button could still ask it for something.
    """
    reference = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        alive = reference()
        return None if alive is None else alive(*arguments)

    return call
