"""Load inputs with one loader, and check the value, the error and what happens meanwhile."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

# A file's content and the loader's options.
Input = tuple[bytes, dict[str, Any]]
# Folders of the modules that may raise errors.
OWN = [str(Path(__file__).resolve().parents[2] / package) for package in ("data", "trainers")]
MESSAGE = re.compile(r"\bmust\b.*\bgot |must not be empty\.|does not exist\.", re.DOTALL)
LONGEST_MESSAGE = 8000
# A loader with so many faults is not tested further.
MOST_FAULTS = 20
# Largest peak of memory: a multiple of the file's size, plus a constant.
TIMES_SIZE, CONSTANT = 400, 4 << 20
# Hypothesis remembers the inputs of a run, so a run is short.
INPUTS_PER_RUN = 2500
# Events of Python's audit that a loader may not cause.
FORBIDDEN = re.compile(
    r"exec$|compile$|pickle\.|marshal\.|subprocess\.|socket\.|ctypes\.|shutil\.|tempfile\.|urllib\."
    r"|os\.(?:exec|fork|posix_spawn|spawn|startfile|system|chmod|link|mkdir|remove|rename|rmdir|symlink|truncate)"
)


class FaultError(AssertionError):
    """A loader did something that it may not do."""


@dataclass
class Loader:
    """How to load a file's bytes, and what may result.

    `load` gets the content and options, and writes the file into a folder. `check` raises an error if the value is not
    valid. `first` are loaded first and not checked; `large` are inputs whose memory is measured.
    """

    name: str
    load: Callable[..., Any]
    check: Callable[[Any, Input], None]
    inputs: st.SearchStrategy[Input]
    first: list[Input]
    large: Callable[[], Iterable[Input]]
    errors: tuple[type[Exception], ...]
    warnings: tuple[type[Warning], ...] = ()
    share: int = 1  # of all inputs


@dataclass
class Outcome:
    """Counts for one loader, and its faults."""

    inputs: set[bytes] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0
    peak: int = 0
    faults: list[str] = field(default_factory=list)


# Audit hooks cannot be removed, so it records events only while a loader runs.
_events: list[str] | None = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if _events is None or not (event == "open" or FORBIDDEN.match(event)):
        return
    frame = sys._getframe()
    while frame := frame.f_back:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return  # a library imports one of its modules
    if event == "open":
        path, mode = Path(str(args[0])), args[1]
        if path.parent.parent != _home() or (mode or "r") not in ("r", "rb"):
            _events.append(f"open {path} {mode}")
    else:
        _events.append(f"{event} {str(args)[:100]}")


_FOLDER: list[tempfile.TemporaryDirectory[str]] = []


def _home() -> Path:
    """Return the folder of the inputs, in memory if the system has such a folder."""
    if not _FOLDER:
        sys.addaudithook(_audit)
        _FOLDER.append(tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    return Path(_FOLDER[0].name)


def written(name: str, content: bytes) -> Path:
    """Write an input; each kind of file has a folder."""
    path = _home() / "files" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def attempt(loader: Loader, one: Input, outcome: Outcome, *, measure: bool) -> None:
    """Load one input and count the result; raise a `FaultError` if it is not allowed."""
    global _events
    content, options = one
    thunk = loader.load(content, **options)
    start, error, value = time.perf_counter(), None, None
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        if measure:
            tracemalloc.start()
        events = _events = []
        try:
            value = thunk()
        except Exception as raised:
            error = raised
        finally:
            _events = None
            peak = tracemalloc.get_traced_memory()[1] if measure else 0
            tracemalloc.stop()
    seconds = time.perf_counter() - start
    outcome.seconds += seconds
    outcome.slowest = max(outcome.slowest, seconds)
    outcome.peak = max(outcome.peak, peak)
    outcome.kinds["value" if error is None else type(error).__name__] += 1
    if events:
        raise FaultError(f"events: {events}")
    if others := [str(w.message) for w in issued if not issubclass(w.category, loader.warnings)]:
        raise FaultError(f"warnings: {others}")
    if peak > TIMES_SIZE * len(content) + CONSTANT:
        raise FaultError(f"{peak} bytes of memory for a file of {len(content)} bytes")
    if error is None:
        loader.check(value, one)
        return
    if type(error) not in loader.errors:
        raise FaultError(f"error of the type {type(error).__name__}") from error
    where, text = traceback.extract_tb(error.__traceback__)[-1].filename, str(error)
    if not any(where.startswith(folder) for folder in OWN):
        raise FaultError(f"error raised in {where}") from error
    if not MESSAGE.search(text) or len(text) > LONGEST_MESSAGE or "\0" in text:
        raise FaultError(f"message of {len(text)} characters: {text[:300]}") from error


def _described(loader: Loader, one: Input, error: Exception) -> str:
    content, options = one
    shown = repr(content) if len(content) < 500 else f"{content[:100]!r} … ({len(content)} bytes)"
    lines = [f"{loader.name}: {shown} with {options}", f"{type(error).__name__}: {str(error)[:1000]}"]
    if error.__cause__ is not None:
        lines += traceback.format_exception(error.__cause__, limit=-5)
    return "\n".join(lines)


def _run(loader: Loader, target: int, run_seed: int, outcome: Outcome) -> None:
    failing: list[tuple[Input, Exception]] = []

    @seed(run_seed)
    @settings(
        max_examples=min(INPUTS_PER_RUN, target - len(outcome.inputs) + 50), database=None, deadline=None,
        report_multiple_bugs=False, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(loader.inputs)
    def test(one: Input) -> None:
        digest = hashlib.blake2b(repr(one).encode(), digest_size=12).digest()
        if not failing and (digest in outcome.inputs or len(outcome.inputs) == target):
            return
        outcome.inputs.add(digest)
        try:
            attempt(loader, one, outcome, measure=sum(outcome.kinds.values()) % 25 == 0)
        except Exception as error:
            failing.append((one, error))
            raise

    try:
        test()
    except Exception:
        if not failing:
            raise
        smallest = min(failing, key=lambda found: (len(found[0][0]), len(repr(found[0]))))
        outcome.faults.append(_described(loader, *smallest))


def fuzz(loader: Loader, inputs: int, first_seed: int = 0, *, large: bool = True) -> Outcome:
    """Load so many inputs, and return the counts and faults; the smallest failing input of a run is reported."""
    outcome = Outcome()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for content, options in loader.first:  # libraries import modules and time zones at their first use
            with contextlib.suppress(*loader.errors):
                loader.load(content, **options)()
    for one in loader.large() if large else ():
        try:
            attempt(loader, one, outcome, measure=True)
        except Exception as error:
            outcome.faults.append(_described(loader, one, error))
    run_seed = first_seed
    while len(outcome.inputs) < inputs and len(outcome.faults) < MOST_FAULTS:
        _run(loader, inputs, run_seed, outcome)
        run_seed += 1
    return outcome


def require(condition: object, what: str, value: object) -> None:
    if not condition:
        raise FaultError(f"{what}: {value!r}")
