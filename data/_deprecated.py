"""Old names of version 0.1, which work until version 0.3 with a `DeprecationWarning` that gives the new name."""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Any, TypeVar

# By class (or module, or field of a class): old name, new name.
RENAMED = {
    "trainers": {"StopRun": "StopTraining"},
    "Hyperparameter": {"meaning": "description", "fixed": "read_only", "takes": "requirement"},
    "BatchedTrainer": {
        "n_batches": "steps_per_epoch",
        "clip_norm": "max_grad_norm",
        "tolerance": "min_delta_ratio",
        "moments": "optimizer_state",
        "learning_rate_factor": "lr_factor",
    },
    "Epoch": {"in_words": "as_text"},
    "HistoryRestore": {"worse_in_a_row": "num_bad_epochs"},
    "Detection": {"unjudged": "unscored"},
    "ThresholdExplorer": {"false_alarm_price": "false_alarm_cost", "miss_price": "miss_cost"},
    "Finding.verdict": {"mend": "fix", "look": "review", "fine": "ok"},
    "Finding.check": {"stuck": "flatline", "far off": "outlier", "likeness": "distribution shift"},
}
# `abc` stands between a class body and `Block`.
_OWN_PACKAGES = ("data", "trainers", "abc")
_Class = TypeVar("_Class", bound=type)


def current_name(owner: str, name: str) -> str:
    """Return the new name for `name`, with a warning if it is an old one."""
    new = RENAMED[owner].get(name, name)
    if new != name:
        # The warning names the line of the user's code: Python shows it by default in scripts and notebooks.
        frame, level = sys._getframe(1), 2
        while frame.f_back and str(frame.f_globals.get("__name__")).split(".")[0] in _OWN_PACKAGES:
            frame, level = frame.f_back, level + 1
        warnings.warn(f"{owner}: {name!r} is deprecated, use {new!r}.", DeprecationWarning, stacklevel=level)
    return new


def current_name_in(cls: type, name: str) -> str:
    """Return the new name for an attribute of a class, which it may have from any of its bases."""
    for base in cls.__mro__:
        if name in RENAMED.get(base.__name__, ()):
            return current_name(base.__name__, name)
    return name


def with_old_names(cls: _Class) -> _Class:
    """Make a class accept its old names as arguments and attributes."""
    whole: Any = cls
    owner, init, assign = whole.__name__, whole.__init__, whole.__setattr__
    fallback = getattr(cls, "__getattr__", None)

    def current(self: Any, name: str) -> str:
        # A subclass may have an attribute with an old name.
        return name if hasattr(type(self), name) else current_name(owner, name)

    @functools.wraps(init)
    def initialize(self: Any, *arguments: Any, **named: Any) -> None:
        renamed = {current(self, name): value for name, value in named.items()}
        if len(renamed) < len(named):
            raise TypeError(f"{owner} must be given each argument once, got {', '.join(named)}.")
        init(self, *arguments, **renamed)

    def get(self: Any, name: str) -> Any:
        if name in RENAMED[owner]:
            return getattr(self, current_name(owner, name))
        if fallback is not None:
            return fallback(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def set_(self: Any, name: str, value: Any) -> None:
        assign(self, current(self, name), value)

    def set_state(self: Any, state: dict[str, Any]) -> None:
        # Of a pickle of version 0.1.
        vars(self).update({RENAMED[owner].get(name, name): value for name, value in state.items()})

    for name, function in (("__init__", initialize), ("__getattr__", get), ("__setattr__", set_)):
        setattr(cls, name, function)
    if not hasattr(cls, "__setstate__"):
        whole.__setstate__ = set_state
    return cls


class RenamedValue(str):
    """A string that also equals its old name, with a warning."""

    __slots__ = ("field",)
    field: str

    def __new__(cls, value: str, field: str) -> RenamedValue:
        """Create the value of this field of `RENAMED`."""
        self = super().__new__(cls, value)
        self.field = field
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and str(self) == RENAMED[self.field].get(other):
            return current_name(self.field, other) == str(self)
        return str(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return RenamedValue, (str(self), self.field)
