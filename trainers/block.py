"""`Block`: an object whose hyperparameters are declared once, checked always, shown anywhere."""

from __future__ import annotations

import copy
import difflib
import inspect
import math
import operator
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
    """One declared setting of a `Block`: its default, kind, bounds and description.

    Parameters
    ----------
    default : bool, int, float, str or None
        Value of a block that was not told otherwise. None needs a `kind`.
    description : str
        What it does, in one sentence, with its unit.
    kind : type, optional
        bool, int, float or str. Default: the type of `default`.
    minimum, maximum : float, optional
        Bounds that the value may reach.
    above, below : float, optional
        Bounds that the value may not reach.
    choices : tuple of str, optional
        The only values allowed.
    optional : bool, default False
        True where None is allowed too; so it is where the default is None.
    read_only : bool, default False
        True where the value cannot change once the block is built.

    Raises
    ------
    TypeError, ValueError
        If `default` itself does not fit the declaration.
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
        """The value as assigning it to the block would make it, or the error that would raise."""
        value = self.check(value, f"{type(block).__name__}.{self.name}")
        if self.read_only and block._built:
            what, kept = f"{type(block).__name__}.{self.name}", getattr(block, self.name)
            raise AttributeError(f"{what} must stay {kept!r} once the block is built, got {value!r}.")
        return value

    @property
    def requirement(self) -> str:
        """What values are allowed, in words."""
        words = "one of " + ", ".join(map(repr, self.choices)) if self.choices else _KINDS[self.kind]
        bounds = " and ".join(f"{word} {bound:g}" for word, _, bound in self._bounds())
        return words + f" {bounds}" * bool(bounds) + " or None" * self.optional

    def _bounds(self) -> list[tuple[str, Callable[[Any, Any], bool], float]]:
        bounds = (
            ("at least", operator.ge, self.minimum),
            ("above", operator.gt, self.above),
            ("at most", operator.le, self.maximum),
            ("below", operator.lt, self.below),
        )
        return [(word, holds, bound) for word, holds, bound in bounds if bound is not None]

    def check(self, value: Any, what: str) -> Any:
        """Return `value` as a plain Python value, or raise an error that names `what`."""
        if value is None and self.optional:
            return None
        msg = f"{what} must be {self.requirement}, got {value!r} ({type(value).__name__})."
        # True is an int to Python, but nobody who writes batch_size=True means 1.
        if not isinstance(value, _ACCEPTED[self.kind]) or isinstance(value, _BOOL) != (self.kind is bool):
            raise TypeError(msg)
        try:
            plain = self.kind(value)
            finite = self.kind is str or math.isfinite(plain)
        except OverflowError:  # an integer too large for a float
            finite = False
        if not finite or not all(holds(plain, bound) for _, holds, bound in self._bounds()):
            raise ValueError(msg)
        if self.choices and plain not in self.choices:
            raise ValueError(msg + _did_you_mean(str(plain), self.choices))
        return plain


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


class _Observers(tuple[Callable[[str, Any], Any], ...]):
    """Functions that are called at changes of one block; a copied or pickled block has none."""

    def __reduce__(self) -> Any:
        return _Observers, ()


class _BlockType(ABCMeta):
    """Marks a block as built when its constructor has returned (works with `abc` and `nn.Module`)."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        block = super().__call__(*args, **kwargs)
        block._built = True
        return block


class Block(metaclass=_BlockType):
    """Anything with hyperparameters: a trainer, a model, a part of your own.

    Declare each hyperparameter once, in the class. Subclasses inherit them and may give
    one another default by assigning it in their body. Once built, a block refuses names that it
    does not know, so that a typing error never passes for a setting.

    Parameters
    ----------
    name : str, optional
        What this block is called in tables and legends. Default: its class's name.
    **hyperparameters
        Values for the declared hyperparameters.

    Raises
    ------
    TypeError
        If a name is unknown (the nearest known one is named) or a value of the wrong kind.
    ValueError
        If a value is out of its bounds or not among its choices.
    AttributeError
        If, later, an unknown name or a read-only hyperparameter is assigned.

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
            if not isinstance(found := inspect.getattr_static(self, key), Hyperparameter):
                raise TypeError(f"{type(self).__name__}.{key} must be set in a class's body, got {found!r} later.")
        super().__init__()
        self.name = type(self).__name__ if name is None else name
        for key, value in hyperparameters.items():
            setattr(self, key, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        inherited = {k: v for base in reversed(cls.__mro__[1:]) for k, v in vars(base).get("_declared", {}).items()}
        for name, value in list(vars(cls).items()):
            if isinstance(value, Hyperparameter):
                # A setting called like a method would hide the method, in every user's hands.
                if name not in inherited and (name == "name" or any(hasattr(base, name) for base in cls.__mro__[1:])):
                    raise TypeError(f"a hyperparameter of {cls.__name__} must have a free name, got {name!r}.")
            elif (new := name if callable(value) else current_name_in(cls, name)) in inherited:
                other = copy.copy(inherited[new])
                other.default = other.check(value, f"{cls.__name__}.{name}")
                delattr(cls, name)
                setattr(cls, new, other)
        cls._declared = {**inherited, **{k: v for k, v in vars(cls).items() if isinstance(v, Hyperparameter)}}
        cls._document()

    @classmethod
    def _document(cls) -> None:
        """Give help() and Shift-Tab the hyperparameters, from their one declaration."""
        own = inspect.cleandoc(vars(cls).get("__doc__") or f"{cls.__name__}.")
        lines = [
            f"{h.name} : {h.requirement}, default {h.default!r}\n    {h.description}" for h in cls._declared.values()
        ]
        if lines:
            own += "\n\nHyperparameters\n---------------\n" + "\n".join(lines) + "\n"
        cls.__doc__ = own
        keep = [p for p in inspect.signature(cls.__init__).parameters.values() if p.kind is not p.VAR_KEYWORD][1:]
        more = [h for h in cls._declared.values() if h.name not in {p.name for p in keep}]
        keep += [inspect.Parameter(h.name, inspect.Parameter.KEYWORD_ONLY, default=h.default) for h in more]
        cls.__signature__ = inspect.Signature(keep)  # type: ignore[attr-defined]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self._declared:
            # Not through nn.Module, which would take a submodule of that name without a check.
            self._declared[name].__set__(self, value)
            return
        if name == "name" and not (isinstance(value, str) and value):
            raise TypeError(f"name must be a non-empty string, got {value!r} ({type(value).__name__}).")
        if self._built and not name.startswith("_") and not hasattr(self, name):
            raise AttributeError(self._unknown(name, "hyperparameter or attribute"))
        super().__setattr__(name, value)

    def _unknown(self, name: str, what: str) -> str:
        guess = _did_you_mean(name, list(self._declared))
        msg = f"{type(self).__name__} has no {what} {name!r}.{guess} It knows {', '.join(self._declared) or 'none'}."
        if what != "hyperparameter":
            msg += " For state of your own, set it in __init__ or start its name with an underscore."
        return msg

    @classmethod
    def declared(cls) -> dict[str, Hyperparameter]:
        """Every declaration by name, in order."""
        return dict(cls._declared)

    @property
    def hyperparameters(self) -> dict[str, bool | int | float | str | None]:
        """Every hyperparameter's value by name, in the order of declaration, JSON-ready."""
        return {name: getattr(self, name) for name in self._declared}

    def observe(self, function: Callable[[str, Any], Any]) -> None:
        """Call ``function(name, value)`` each time a hyperparameter gets another value."""
        self._observers = _Observers((*self._observers, function))

    def __repr__(self) -> str:
        changed = [f"{k}={v!r}" for k, v in self.hyperparameters.items() if v != self._declared[k].default]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self) -> str:
        rows = ""
        for h in self._declared.values():
            value = getattr(self, h.name)
            shown = escaped(repr(value))
            # Bold and an arrow, not colour alone: readable in print and by everyone.
            mark = f"<b>&#9656; {shown}</b>" if value != h.default else shown
            cells = (escaped(h.name), mark, escaped(repr(h.default)), escaped(h.description))
            rows += "<tr>" + "".join(f'<td style="text-align:left">{c}</td>' for c in cells) + "</tr>"
        head = "".join(f'<th style="text-align:left">{c}</th>' for c in ("name", "value", "default", "description"))
        title = escaped(self.name if self.name == type(self).__name__ else f"{self.name} ({type(self).__name__})")
        table = f"<table><caption><b>{title}</b></caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return without_math(table)


# __init_subclass__ does this for every subclass; Block is none of its own.
Block._document()
