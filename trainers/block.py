"""`Block`: an object whose hyperparameters are declared once, checked always, shown anywhere."""

from __future__ import annotations

import copy
import difflib
import inspect
import math
import numbers
from abc import ABCMeta
from collections.abc import Callable
from typing import Any, ClassVar

from data.markup import escaped, without_math

_KINDS = {bool: "a bool", int: "an integer", float: "a number", str: "a string"}


class Hyperparameter:
    """One declared setting of a `Block`: its default, kind, bounds and meaning.

    Parameters
    ----------
    default : bool, int, float, str or None
        Value of a block that was not told otherwise. None needs a `kind`.
    meaning : str
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
    fixed : bool, default False
        True where the value cannot change once the block is built.

    Raises
    ------
    TypeError, ValueError
        If `default` itself does not fit the declaration.
    """

    name = "hyperparameter"

    def __init__(
        self,
        default: Any,
        meaning: str,
        *,
        kind: type | None = None,
        minimum: float | None = None,
        maximum: float | None = None,
        above: float | None = None,
        below: float | None = None,
        choices: tuple[str, ...] | None = None,
        optional: bool = False,
        fixed: bool = False,
    ) -> None:
        self.kind = kind or type(default)
        if self.kind not in _KINDS:
            raise TypeError(f"kind must be bool, int, float or str; got {self.kind.__name__}. Declare kind=…")
        self.meaning, self.fixed, self.choices = meaning, fixed, choices
        self.minimum, self.maximum, self.above, self.below = minimum, maximum, above, below
        self.optional = optional or default is None
        self.default = default
        self.default = self.check(default, "the default of a Hyperparameter")

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, block: Any, owner: type | None = None) -> Any:
        return self if block is None else block.__dict__.get(self.name, self.default)

    def __set__(self, block: Any, value: Any) -> None:
        value = self.check_assignment(block, value)
        before, block.__dict__[self.name] = getattr(block, self.name), value
        if value != before:
            for function in tuple(block.__dict__.get("_observers", ())):
                function(self.name, value)

    def check_assignment(self, block: Any, value: Any) -> Any:
        """The value as assigning it to the block would make it, or the error that would raise."""
        value = self.check(value, f"{type(block).__name__}.{self.name}")
        if self.fixed and block._built:
            kept = f"{type(block).__name__}.{self.name} must stay {getattr(block, self.name)!r} once the block is built"
            raise AttributeError(f"{kept}, got {value!r}. Build a new one.")
        return value

    @property
    def takes(self) -> str:
        """What values are allowed, in words."""
        words = "one of " + ", ".join(map(repr, self.choices)) if self.choices else _KINDS[self.kind]
        limits = [
            f"{word} {limit:g}"
            for word, limit in (
                ("at least", self.minimum),
                ("above", self.above),
                ("at most", self.maximum),
                ("below", self.below),
            )
            if limit is not None
        ]
        return words + (" " if limits else "") + " and ".join(limits) + " or None" * self.optional

    def check(self, value: Any, what: str) -> Any:
        """Return `value` as a plain Python value, or raise an error that names `what`."""
        if value is None and self.optional:
            return None
        msg = f"{what} must be {self.takes}, got {value!r} ({type(value).__name__})."
        plain = self._plain(value)
        if plain is None:
            raise TypeError(msg)
        if self.choices and plain not in self.choices:
            near = difflib.get_close_matches(str(plain), self.choices, n=1)
            raise ValueError(msg + (f" Did you mean {near[0]!r}?" if near else ""))
        if self.kind in (int, float) and not (
            math.isfinite(plain)
            and (self.minimum is None or plain >= self.minimum)
            and (self.maximum is None or plain <= self.maximum)
            and (self.above is None or plain > self.above)
            and (self.below is None or plain < self.below)
        ):
            raise ValueError(msg)
        return plain

    def _plain(self, value: Any) -> Any:
        """The value as plain bool, int, float or str, so that it is JSON-ready; None if it is none."""
        is_bool = isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")
        if self.kind is bool:
            return bool(value) if is_bool else None
        if self.kind is str:
            return str(value) if isinstance(value, str) else None
        # True is an int to Python, but nobody who writes batch_size=True means 1.
        wanted = numbers.Integral if self.kind is int else numbers.Real
        try:
            return self.kind(value) if isinstance(value, wanted) and not is_bool else None
        except OverflowError:  # a whole number too large for a float: out of any bounds
            return math.inf

    def with_default(self, default: Any, what: str) -> Hyperparameter:
        """A copy of this declaration with another default, checked."""
        other = copy.copy(self)
        other.default = self.check(default, what)
        return other


class _Observers(list[Callable[[str, Any], Any]]):
    """Functions that are told of changes of one block; those of a copied or pickled block are empty."""

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
        If, later, an unknown name or a fixed hyperparameter is assigned.

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

    def __init__(self, *, name: str | None = None, **hyperparameters: Any) -> None:
        unknown = [key for key in hyperparameters if key not in self._declared]
        if unknown:
            raise TypeError(self._unknown(unknown[0], "hyperparameter"))
        for key in self._declared:
            if not isinstance(inspect.getattr_static(self, key), Hyperparameter):
                got = f"{inspect.getattr_static(self, key)!r} assigned to a finished class"
                raise TypeError(f"{type(self).__name__}.{key} must be set in a class's body or on a block, got {got}.")
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
            elif name in inherited:
                setattr(cls, name, inherited[name].with_default(value, f"{cls.__name__}.{name}"))
        cls._declared = {
            **inherited,
            **{k: v for k, v in vars(cls).items() if isinstance(v, Hyperparameter)},
        }
        cls._document()

    @classmethod
    def _document(cls) -> None:
        """Give help() and Shift-Tab the hyperparameters, from their one declaration."""
        own = inspect.cleandoc(vars(cls).get("__doc__") or f"{cls.__name__}.")
        lines = [f"{h.name} : {h.takes}, default {h.default!r}\n    {h.meaning}" for h in cls._declared.values()]
        if lines:
            own += "\n\nHyperparameters\n---------------\n" + "\n".join(lines) + "\n"
        cls.__doc__ = own
        keep = [p for p in inspect.signature(cls.__init__).parameters.values() if p.kind is not p.VAR_KEYWORD][1:]
        names = {p.name for p in keep}
        keep += [
            inspect.Parameter(h.name, inspect.Parameter.KEYWORD_ONLY, default=h.default)
            for h in cls._declared.values()
            if h.name not in names
        ]
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
        known = list(self._declared)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        msg = f"{type(self).__name__} has no {what} {name!r}."
        if near:
            msg += f" Did you mean {near[0]!r}?"
        msg += f" It knows {', '.join(known) or 'none'}."
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
        self.__dict__.setdefault("_observers", _Observers()).append(function)

    def unobserve(self, function: Callable[[str, Any], Any]) -> None:
        """Call `function` no longer; nothing happens if it was not being called."""
        observers = self.__dict__.get("_observers", [])
        if function in observers:
            observers.remove(function)

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
            cells = (escaped(h.name), mark, escaped(repr(h.default)), escaped(h.meaning))
            rows += "<tr>" + "".join(f'<td style="text-align:left">{c}</td>' for c in cells) + "</tr>"
        head = "".join(f'<th style="text-align:left">{c}</th>' for c in ("name", "value", "default", "meaning"))
        title = escaped(self.name if self.name == type(self).__name__ else f"{self.name} ({type(self).__name__})")
        return without_math(
            f"<table><caption><b>{title}</b></caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )


# __init_subclass__ does this for every subclass; Block is none of its own.
Block._document()
