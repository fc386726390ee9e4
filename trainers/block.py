"""`Block`: an object with declared hyperparameters, which are checked at each assignment and shown in notebooks."""

from __future__ import annotations

import copy
import difflib
import inspect
import math
import operator
import re
from abc import ABCMeta
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np

from data._deprecated import current_name_in, with_old_names
from data.markup import escaped, without_math

_BOOL = bool | np.bool_
_KINDS = {bool: "a bool", int: "an integer", float: "a number", str: "a string"}
_ACCEPTED: dict[type, Any] = {bool: _BOOL, int: Integral, float: Real, str: str}


@with_old_names
@dataclass(eq=False)
class Hyperparameter:
    """A declared hyperparameter of a `Block`: its default, type, bounds and description.

    Parameters
    ----------
    default : bool, int, float, str or None
        Value used if none is given. If it is None, `kind` is required.
    description : str
        One sentence about the effect, with the unit.
    kind : type, optional
        bool, int, float or str. Default: the type of `default`.
    minimum, maximum : float, optional
        Inclusive bounds.
    above, below : float, optional
        Exclusive bounds.
    choices : tuple of str, optional
        The allowed values.
    optional : bool, default False
        Whether None is allowed; always True if `default` is None.
    read_only : bool, default False
        Whether the value is fixed after the construction of the block.

    Raises
    ------
    TypeError, ValueError
        If `kind` is not one of the four types, or if `default` is not an allowed value.
    """

    name = "hyperparameter"

    default: Any
    description: str
    _: KW_ONLY
    kind: Any = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] | None = None
    optional: bool = False
    read_only: bool = False

    def __post_init__(self) -> None:
        self.kind = self.kind or type(self.default)
        if self.kind not in _KINDS:
            raise TypeError(f"kind must be bool, int, float or str, got {self.kind.__name__}.")
        self.optional = self.optional or self.default is None
        self.default = self.check(self.default, "the default of a Hyperparameter")

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, block: Any, owner: type | None = None) -> Any:
        return self if block is None else block.__dict__.get(self.name, self.default)

    def __set__(self, block: Any, value: Any) -> None:
        value = self.check_assignment(block, value)
        before, block.__dict__[self.name] = getattr(block, self.name), value
        if value != before:
            for function in block._observers:
                function(self.name, value)

    def check_assignment(self, block: Any, value: Any) -> Any:
        """Return `value` as an assignment to the block stores it; raise an error if it is not allowed."""
        value = self.check(value, f"{type(block).__name__}.{self.name}")
        if self.read_only and block._built:
            what, current = f"{type(block).__name__}.{self.name}", getattr(block, self.name)
            raise AttributeError(f"{what} must stay {current!r} because it is read-only, got {value!r}.")
        return value

    @property
    def requirement(self) -> str:
        """Description of the allowed values."""
        words = "one of " + ", ".join(map(repr, self.choices)) if self.choices else _KINDS[self.kind]
        bounds = " and ".join(f"{word} {bound:g}" for word, _, bound in self._bounds()).replace("and of", "and")
        return words + f" {bounds}" * bool(bounds) + " or None" * self.optional

    def _bounds(self) -> list[tuple[str, Callable[[Any, Any], bool], float]]:
        bounds = (
            ("of at least", operator.ge, self.minimum),
            ("above", operator.gt, self.above),
            ("of at most", operator.le, self.maximum),
            ("below", operator.lt, self.below),
        )
        return [(word, compare, bound) for word, compare, bound in bounds if bound is not None]

    def check(self, value: Any, what: str) -> Any:
        """Return `value` as a Python bool, int, float or str, or raise an error whose message begins with `what`."""
        if value is None and self.optional:
            return None
        msg = f"{what} must be {self.requirement}, got {value!r} ({type(value).__name__})."
        # bool is a subclass of int, but batch_size=True is a mistake
        if not isinstance(value, _ACCEPTED[self.kind]) or isinstance(value, _BOOL) != (self.kind is bool):
            raise TypeError(msg)
        try:
            plain = self.kind(value)
            finite = self.kind is str or math.isfinite(plain)
        except OverflowError:  # an integer too large for a float
            finite = False
        # compare with the bounds
        if not finite or not all(compare(plain, bound) for _, compare, bound in self._bounds()):
            raise ValueError(msg)
        if self.choices and plain not in self.choices:
            raise ValueError(msg + _did_you_mean(str(plain), self.choices))
        return plain


def _did_you_mean(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


class _Observers(tuple[Callable[[str, Any], Any], ...]):
    """Functions that are called at changes of one block; they are not copied or pickled with it."""

    def __reduce__(self) -> Any:
        return _Observers, ()


class _BlockType(ABCMeta):
    """Metaclass that marks a block as built when its constructor has returned; works with `abc` and `nn.Module`."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        block = super().__call__(*args, **kwargs)
        block._built = True
        return block


class Block(metaclass=_BlockType):
    """Base class of objects with hyperparameters, such as trainers, models and your own classes.

    Declare each hyperparameter once, in the class body. Subclasses inherit the hyperparameters,
    and can change a default by assigning a value in the class body. After construction, the
    assignment of an unknown name raises an error, so that a misspelt hyperparameter is not ignored.

    Parameters
    ----------
    name : str, optional
        Used in tables and legends. Default: the name of the class.
    **hyperparameters
        Values of the declared hyperparameters.

    Raises
    ------
    TypeError
        If a name is unknown (the message suggests the closest known name), or a value has the wrong type.
    ValueError
        If a value is out of its bounds or not among its choices.
    AttributeError
        If an unknown name or a read-only hyperparameter is assigned after construction.

    Examples
    --------
    >>> class Smoother(Block):
    ...     width = Hyperparameter(5, "steps in the moving average", minimum=1)
    >>> smoother = Smoother(width=7)
    >>> smoother
    Smoother(width=7)
    >>> smoother.hyperparameters
    {'width': 7}
    >>> class WideSmoother(Smoother):
    ...     width = 51
    >>> WideSmoother().width
    51
    """

    _declared: ClassVar[dict[str, Hyperparameter]] = {}
    _built = False
    _observers = _Observers()

    def __init__(self, *, name: str | None = None, **hyperparameters: Any) -> None:
        if unknown := [key for key in hyperparameters if key not in self._declared]:
            raise TypeError(self._unknown(unknown[0], "hyperparameter"))
        for key in self._declared:
            if not isinstance(value := inspect.getattr_static(self, key), Hyperparameter):
                raise TypeError(f"{type(self).__name__}.{key} must be set in the class body only, got {value!r}.")
        super().__init__()
        self.name = type(self).__name__ if name is None else name
        for key, value in hyperparameters.items():
            setattr(self, key, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        inherited = {k: v for base in reversed(cls.__mro__[1:]) for k, v in vars(base).get("_declared", {}).items()}
        for name, value in list(vars(cls).items()):
            if isinstance(value, Hyperparameter):
                # a hyperparameter with the name of a method would hide the method
                if name not in inherited and (name == "name" or any(hasattr(base, name) for base in cls.__mro__[1:])):
                    raise TypeError(f"a hyperparameter of {cls.__name__} must not hide an attribute, got {name!r}.")
            elif (new := name if hasattr(value, "__get__") else current_name_in(cls, name)) in inherited:
                # a plain value in the class body is a new default
                override = copy.copy(inherited[new])
                override.default = override.check(value, f"{cls.__name__}.{name}")
                delattr(cls, name)
                setattr(cls, new, override)
        own = {k: v for k, v in vars(cls).items() if isinstance(v, Hyperparameter)}
        # the new ones first; one with a new default keeps its place
        cls._declared = {**{k: v for k, v in own.items() if k not in inherited}, **inherited, **own}
        cls._document()

    @classmethod
    def _document(cls) -> None:
        """Add the hyperparameters to the docstring and the signature, which help() and Shift-Tab show."""
        own = inspect.cleandoc(vars(cls).get("__doc__") or f"{cls.__name__}.")
        lines = [
            f"{h.name} : {h.requirement}, default {h.default!r}\n    {h.description}" for h in cls._declared.values()
        ]
        if lines:
            parameters, *others = re.split(r"\n\n(?=(?:Attributes|Raises|Notes|Examples)\n-)", own, maxsplit=1)
            own = "\n\n".join([parameters, "Hyperparameters\n---------------\n" + "\n".join(lines), *others]) + "\n"
        cls.__doc__ = own
        keep = [p for p in inspect.signature(cls.__init__).parameters.values() if p.kind is not p.VAR_KEYWORD][1:]
        more = [h for h in cls._declared.values() if h.name not in {p.name for p in keep}]
        keep += [inspect.Parameter(h.name, inspect.Parameter.KEYWORD_ONLY, default=h.default) for h in more]
        cls.__signature__ = inspect.Signature(keep)  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._declared:
            # not through nn.Module, which would accept a submodule of that name without a check
            self._declared[name].__set__(self, value)
            return
        if name == "name" and not (isinstance(value, str) and value):
            raise TypeError(f"name must be a non-empty string, got {value!r} ({type(value).__name__}).")
        if self._built and not name.startswith("_") and not hasattr(self, name):
            raise AttributeError(self._unknown(name, "hyperparameter or attribute"))
        super().__setattr__(name, value)

    def _unknown(self, name: str, what: str) -> str:
        guess, names = _did_you_mean(name, list(self._declared)), ", ".join(self._declared) or "none"
        msg = f"{type(self).__name__} has no {what} {name!r}.{guess} Its hyperparameters are: {names}."
        if what != "hyperparameter":
            msg += " To store other state, set it in __init__ or begin its name with an underscore."
        return msg

    @classmethod
    def declared(cls) -> dict[str, Hyperparameter]:
        """Return every declared hyperparameter by name, in the order of declaration."""
        return dict(cls._declared)

    @property
    def hyperparameters(self) -> dict[str, bool | int | float | str | None]:
        """Value of every hyperparameter by name, in the order of declaration; JSON-serializable."""
        return {name: getattr(self, name) for name in self._declared}

    def observe(self, function: Callable[[str, Any], Any]) -> None:
        """Register ``function(name, value)``, which is called whenever a hyperparameter changes."""
        self._observers = _Observers((*self._observers, function))

    def unobserve(self, function: Callable[[str, Any], Any]) -> None:
        """Undo `observe`."""
        self._observers = _Observers(one for one in self._observers if one != function)

    def __repr__(self) -> str:
        changed = [f"{k}={v!r}" for k, v in self.hyperparameters.items() if v != self._declared[k].default]
        return f"{type(self).__name__}({', '.join(changed)})"

    def table(self) -> list[list[str]]:
        """Return the title, then name, value, default and description of each hyperparameter, as text."""
        title = self.name if self.name == type(self).__name__ else f"{self.name} ({type(self).__name__})"
        rows = [(h.name, repr(getattr(self, h.name)), repr(h.default), h.description) for h in self._declared.values()]
        return [[title], *map(list, rows)]

    def _repr_html_(self) -> str:
        return table_html(self.table())


def table_html(table: list[list[str]]) -> str:
    """Return the `table` of a block as HTML; changed values are marked."""
    (title, *_), *lines = table
    rows = ""
    for name, value, default, description in lines:
        # bold and an arrow, because colour alone is not visible to everyone
        mark = f"<b>&#9656; {escaped(value)}</b>" if value != default else escaped(value)
        cells = (escaped(name), mark, escaped(default), escaped(description))
        rows += "<tr>" + "".join(f'<td style="text-align:left">{c}</td>' for c in cells) + "</tr>"
    head = "".join(f'<th style="text-align:left">{c}</th>' for c in ("name", "value", "default", "description"))
    caption = f"<caption><b>{escaped(title)}</b></caption>"
    return without_math(f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


# __init_subclass__ does this for every subclass, but not for Block itself
Block._document()
