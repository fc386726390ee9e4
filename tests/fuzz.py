"""Load untrusted files with every loader: ``python -m tests.fuzz --inputs 100000``.

Each input is a mutated valid file, a file from a grammar or random bytes. A loader must return a valid value, or raise
one of its documented errors with a message from the kit. Meanwhile it may open no other file, start no program, run no
code and issue no warning of another library. The memory is measured for large inputs, and for one in 25 others.

To add a loader, add a `Loader` to `LOADERS`. Inputs and their order depend only on the seed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import io
import random
import re
import struct
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from safetensors import SafetensorError
from torch import nn

from data import CSVWarning, Recording, Series, UCRDataSet, load_csv, load_ucr, load_ucr_anomaly
from trainers import Result, Trainer, load
from trainers.detection import AnomalyDetector

from tests.checkpoint_faults import changed_bytes, changed_content, changed_tensor, good_files, hostile_file

# A file's content and the loader's options.
Input = tuple[bytes, dict[str, Any]]
# Folders of the modules that may raise errors.
OWN = [str(Path(__file__).resolve().parents[1] / package) for package in ("data", "trainers")]
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


# ---------------------------------------------------------------- mutations of valid files

FRAGMENTS = [
    b"", b" ", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b"'", b'"', b'""', b'"a,b"', b"\0", b"#",
    b"# a b",
    b"\xff", b"\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1c", b"\x0c",
    b"\xc2\xa0",
    "é".encode(), "１２".encode(), "µs".encode(), b"\xb0", b"sep=;", b"sep=,", b"PK\x03\x04", b"\x1f\x8b", b"@data",
    b":", b"?", b"%",
    b"0", b"1", b"-1", b"2", b"1.5", b"1,5", b"1.000,5", b"1,000", b"1'000", b"1 000", b"1_0", b"0x10", b"1e5",
    b"1e39", b"1e400", b"-1e400",
    b"1e38", b"1e300", b"1e-320", b"1e-45", b"0.1", b"16777217", b"2147483648", b"9223372036854775808",
    b"18446744073709551616", b"9" * 40,
    b"9" * 400, b"0." + b"1" * 400, b"1e99999", b"inf", b"-Infinity", b"nan", b"NaN", b"NA", b"null", b"None",
    b"true", b"False", b"+", b"-", b".",
    b"2024-01-31", b"2024-02-30", b"2024/1/5", b"31.01.2024", b"01/31/24", b"31-Jan-2024", b"20240131",
    b"0001-01-01", b"9999-12-31",
    b"1600-01-01", b"2300-01-01", b"2024-01-31T12:00:00Z", b"2024-01-31 12:00:00+99:00",
    b"2024-01-31 12:00:00.123456789012", b"2024-W05-1", b"2024-01-31 12:00 Europe/Berlin", b"2024-01-31 12:00 EST",
    b"12:00", b"24:00", b"23:59:60", b"12:00:00.5", b"12.30", b"11:59 PM", b"45322.5", b"739282.5",
    b"1706702400000", b"1706702400",
    b"time", b"t", b"date", b"Date", b"timestamp", b"time_ms", b"Time [s]", b"label", b"class", b"is_anomaly",
    b"id", b"index", b"unit", b"year",
    b"month", b"day", b"hour", b"normal", b"fault", b"x", b"UTC", b"column 1", b"time date", b"Date Time",
]  # fmt: skip
ENCODINGS = ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1", "cp1252", "utf-32"]
SEPARATORS = [b",", b";", b"\t", b"|", b" ", b".", b":", b"\n", b'"', b"1", b"0"]
_CELL = re.compile(rb"[^,;\t|\n:]+")


class Choices:
    """Choices that drawn bytes determine, because Hypothesis draws one value faster than many; 0 after their end."""

    def __init__(self, drawn: bytes) -> None:
        self.drawn = iter(drawn)

    def number(self) -> int:
        """Return a number below 2**16."""
        return next(self.drawn, 0) << 8 | next(self.drawn, 0)

    def of(self, items: Sequence[Any]) -> Any:
        """Return one of the items."""
        return items[self.number() % len(items)]


def mutated(content: bytes, choices: Choices) -> bytes:
    """Return a file after up to five random changes."""
    for _ in range(choices.of((1, 1, 1, 0, 2, 1, 2, 3, 5))):
        what, at, other, fragment = choices.of(MUTATIONS), choices.number(), choices.number(), choices.of(FRAGMENTS)
        place, end = at % (len(content) + 1), other % (len(content) + 1)
        lines = content.split(b"\n")
        line, second = at % len(lines), other % len(lines)
        if what == "flip a bit" and content:
            place %= len(content)
            content = content[:place] + bytes([content[place] ^ 1 << other % 8]) + content[place + 1 :]
        elif what == "insert":
            content = content[:place] + fragment + content[place:]
        elif what == "replace a cell":
            cells = list(_CELL.finditer(content))
            if cells:
                cell = cells[at % len(cells)]
                content = content[: cell.start()] + fragment + content[cell.end() :]
        elif what == "replace a column":
            sign = next((s for s in SEPARATORS[:5] if s in lines[-1] + lines[0]), b",")
            rows = [one.split(sign) for one in lines]
            for row in rows[other % 2 :]:
                if len(row) > 1 or row[0]:
                    row[at % len(row)] = fragment
            content = b"\n".join(sign.join(row) for row in rows)
        elif what == "cut":
            content = content[: min(place, end)] + content[max(place, end) :]
        elif what == "end":
            content = content[:place]
        elif what == "repeat":
            content *= 1 + at % 4
        elif what == "replace signs":
            content = content.replace(SEPARATORS[at % len(SEPARATORS)], SEPARATORS[other % len(SEPARATORS)])
        elif what == "replace text":
            content = content.replace(content[place : place + 1 + other % 8], fragment)
        elif what == "quote":
            content = _CELL.sub(lambda found: b'"' + found.group() + b'"', content)
        elif what == "line ends":
            content = content.replace(b"\n", (b"\r\n", b"\r", b"\n\r", b"\n\n", b" \n")[at % 5], 1 + other % 50)
        elif what == "encode":
            text = content.decode("utf-8", "replace")
            content = text.encode(ENCODINGS[at % len(ENCODINGS)], "replace")
        else:
            changed = {
                "duplicate a line": [*lines[:line], lines[line], *lines[line:]],
                "remove a line": lines[:line] + lines[line + 1 :],
                "move a line": [*lines[:line], *lines[line + 1 :][:second], lines[line], *lines[line + 1 :][second:]],
                "add a line": [*lines[:line], fragment, *lines[line:]],
            }
            content = b"\n".join(changed.get(what, lines))
        content = content[:20_000]
    return content


MUTATIONS = [
    "flip a bit", "insert", "insert", "replace a cell", "replace a cell", "replace a cell", "replace a column",
    "replace a column", "cut", "end", "repeat", "replace signs", "replace text", "quote", "line ends", "encode",
    "duplicate a line", "remove a line", "move a line", "add a line",
]  # fmt: skip


def inputs(
    files: list[Input], grammar: Callable[[Choices], bytes], options: list[dict[str, Any]]
) -> st.SearchStrategy[Input]:
    """Return a strategy of mutated valid files, mutated files of a grammar, and random bytes."""

    def one(drawn: bytes) -> Input:
        choices = Choices(drawn[1:])
        kind = drawn[0] % 8
        content, own = choices.of(files) if kind < 4 else (grammar(choices), {})
        if kind == 7:
            content, own = b"".join(choices.of(FRAGMENTS + SEPARATORS * 5) for _ in range(choices.number() % 30)), {}
        elif kind == 6 and choices.number() % 4 == 0:
            content = drawn
        else:
            content = mutated(content, choices)
        return content, {**own, **choices.of([{}] * 2 * len(options) + options)}

    return st.binary(min_size=80, max_size=80).map(one)


# ---------------------------------------------------------------- load_csv


def _rows(header: str, row: Callable[[int], Iterable[object]], n: int = 6, sign: str = ",", end: str = "\n") -> bytes:
    lines = [header] * bool(header) + [sign.join(map(str, row(i))) for i in range(n)]
    return (end.join(lines) + end).encode()


CSV_FILES: list[Input] = [
    (_rows("time_ms,pressure,label", lambda i: (20 * i, i % 3 / 2, int(i == 3))), {}),
    (_rows("Zeit;Wert;Wärme", lambda i: (i, f"{i},5", f"{-i},25"), sign=";", end="\r\n"), {"decimal": ","}),
    (_rows("date\ttime\tx", lambda i: ("2024-01-31", f"12:0{i}:00", i * i), sign="\t"), {}),
    (_rows("Datum|x", lambda i: (f"{i + 1:02}.01.2024 12:00", i), sign="|"), {"date_format": "%d.%m.%Y %H:%M"}),
    (_rows("year,month,day,hour,x", lambda i: (2024, 1, 31, i, i % 2)), {}),
    (_rows("year,month,day,time,x", lambda i: (2024, 1, i + 1, i, i % 2)), {}),
    (_rows("date,x,y", lambda i: (45322 + i, i / 7, "ok")), {}),
    (_rows("date,x", lambda i: (20240101 + i, i / 7)), {}),
    (_rows("month,x", lambda i: (202401 + i, i / 7)), {}),
    (_rows("timestamp,x", lambda i: (1706702400000 + 250 * i, i)), {"time_unit": "ms"}),
    (_rows("time,x", lambda i: (739282 + i / 24, i)), {"time_unit": "matlab"}),
    (_rows("ts,x,state", lambda i: (f"2024-01-31T12:00:{10 * i % 60:02}.5+02:00", i, "normal" if i else "bad")), {}),
    (_rows("timestamp,x,label", lambda i: (f"2024-01-31 12:0{i}:00", i, "fault" if i == 2 else "normal")), {}),
    (_rows("", lambda i: (i, i + 0.5, -i)), {}),
    (_rows("", lambda i: (i / 7,)), {}),
    (_rows("value", lambda i: ("" if i == 2 else i,)), {}),
    (_rows("# a b c", lambda i: (f"{i:.3e}", f"{i * i:.3e}", "1"), sign=" "), {}),
    (_rows("sep=;\na;b", lambda i: (i, -i), sign=";"), {}),
    (_rows("Device: X9\nSerial: 7\n\nt,a,b", lambda i: (i, i % 4, f'"{i}"')), {}),
    (_rows("index,machine,x,anomaly", lambda i: (i, i // 3, "NA" if i == 1 else i, i % 2 == 1)), {}),
    (_rows("id,cycle,a,b", lambda i: (1 + i // 3, 1 + i % 3, i, i * 0.5), n=9), {}),
    (_rows("x,y", lambda i: (f"1,{i}00", f'"{i},000.5"'), sign=";"), {"thousands": ","}),
    (_rows("t,x", lambda i: ((0, 1, 2.2, 4, 7, 7.5)[i], i)), {"irregular": "interpolate"}),
    (_rows("t,x,label", lambda i: ((0, 1, 2, 5, 6, 7)[i], i, int(i > 3))), {}),
    (_rows("elapsed,x", lambda i: (1e9 * i, i)), {"irregular": "keep"}),
    (_rows("a,b,c\n\n", lambda i: (True, i, "x y")), {}),
    (_rows("Wärme;x", lambda i: (i, i), sign=";").decode().encode("utf-16"), {}),
    (_rows("Wärme;x", lambda i: (i, i), sign=";").decode().encode("latin-1"), {"encoding": "latin-1"}),
]
CSV_OPTIONS: list[dict[str, Any]] = [
    {"time": "time"}, {"time": ["date", "time"]}, {"time": "x"}, {"time": "column 1"}, {"values": "x"},
    {"labels": "x"},
    {"normal": 1}, {"normal": "x"}, {"sampling_rate": 2.0}, {"irregular": "keep"}, {"irregular": "interpolate"},
    {"irregular": "ignore"},
    {"time_unit": "ms"}, {"time_unit": "d"}, {"time_unit": "excel"}, {"time_unit": "matlab"}, {"date_format": "%Y"},
    {"date_format": "%H:%M"},
    {"date_format": "ISO8601"}, {"date_format": "mixed"}, {"separator": ","}, {"separator": " "}, {"decimal": ","},
    {"thousands": ","},
    {"thousands": "'"}, {"thousands": ".", "decimal": ","}, {"header": True}, {"header": False},
    {"encoding": "utf-16"}, {"encoding": "utf-16-le"},
    {"encoding": "latin-1"}, {"irregular": "interpolate", "decimal": ","}, {"time": "t",
    "irregular": "interpolate"}, {"time": "t", "irregular": "keep"},
]  # fmt: skip
_NAMES = [
    "time", "time_ms", "t", "date", "Date", "timestamp", "ts", "elapsed", "year", "month", "day", "hour", "minute",
    "second", "label", "class", "anomaly", "fault", "id", "index", "no", "unit", "x", "y", "value", "a;b",
    "Time,[s]", "datum", "uhrzeit", "cycle", "normal", "T", "#", "", "date time", "year month day", "column 2",
    "seconds per hour",
]  # fmt: skip
# A column's cell in row i, with a drawn number k.
_COLUMNS: list[Callable[[int, int], object]] = [
    lambda i, k: i, lambda i, k: i + k % 2, lambda i, k: i * k, lambda i, k: k + i / 4, lambda i, k: -i,
    lambda i, k: k % 3,
    lambda i, k: (i * k) % 5, lambda i, k: f"{i},5", lambda i, k: f"{k},{i:03}", lambda i, k: f"2024-01-{1 + i:02}",
    lambda i, k: f"2024-{1 + i % 12:02}-31", lambda i, k: f"{1 + i}.1.2024",
    lambda i, k: f"2024-01-31 12:{i:02}:00", lambda i, k: f"1{i % 10}:00",
    lambda i, k: f"12:{i:02}:00.{k % 10}", lambda i, k: 20240101 + i, lambda i, k: 2000 + i,
    lambda i, k: 202401 + i, lambda i, k: 45000 + i,
    lambda i, k: 730486 + i, lambda i, k: 1_706_702_400 + i, lambda i, k: 1_706_702_400_000 + k * i,
    lambda i, k: "normal" if i % 3 else "bad",
    lambda i, k: f"{'ab'[i % 2]} {k % 3}", lambda i, k: i % 2 == 0, lambda i, k: "" if (i + k) % 3 else i,
    lambda i, k: "", lambda i, k: f'"{i}"',
    lambda i, k: 10.0 ** (i * k % 80 - 40), lambda i, k: 10.0 ** (i * k % 600 - 320), lambda i, k: 1e-320 * i,
    lambda i, k: 2**i * 10**9, lambda i, k: f"{k}_{i}",
    lambda i, k: (i // 3), lambda i, k: i % 3, lambda i, k: i + i // (2 + k % 3),
    lambda i, k: f"20240131{i:02}", lambda i, k: f"2024-01-31T0{i % 10}:00:00{'Z' * (k % 2)}",
    lambda i, k: f"{1000 + 400 * i}-01-01", lambda i, k: FRAGMENTS[(k + i) % len(FRAGMENTS)].decode("latin-1"),
    lambda i, k: FRAGMENTS[k % len(FRAGMENTS)].decode("latin-1"),
]  # fmt: skip


def table(choices: Choices) -> bytes:
    """Return a table of columns that each have a rule."""
    number, n, sign, header = (choices.of(of) for of in ((2, 1, 3, 4, 6), range(2, 26), ",,,;;\t| ", (1, 1, 1, 0)))
    columns = [(choices.of(_COLUMNS), choices.of(_NAMES), choices.number() % 300) for _ in range(number)]
    names = [f"{name}{i}" if name in ("x", "y", "") else name for i, (_, name, _) in enumerate(columns)]
    lines = [sign.join(names)] * header + [sign.join(str(rule(i, k)) for rule, _, k in columns) for i in range(n)]
    return "\n".join(lines).encode()


def _load_csv(content: bytes, **options: Any) -> Callable[[], Series]:
    path = written("own.csv", content)
    return lambda: load_csv(path, **options)


def _require(condition: object, what: str, value: object) -> None:
    if not condition:
        raise FaultError(f"{what}: {value!r}")


def check_series(series: Series, one: Input) -> None:
    """Raise if a series does not keep what its documentation says, or is longer than its file."""
    content, options = one
    values, n = series.values, len(series)
    _require(type(series) is Series and values.dtype == np.float32 and values.ndim == 2, "values", values)
    _require(not np.isinf(values).any() and not np.isnan(values).all(0).any(), "values", values)
    _require(values.size <= 4 * len(content) + 4, "size", values.shape)
    names = series.feature_names
    _require(type(names) is tuple and len(set(names)) == values.shape[1], "names", names)
    _require(all(type(name) is str and name for name in names), "names", names)
    labels, times, rate = series.labels, series.time, series.sampling_rate
    if labels is not None:
        _require(labels.shape == (n,) and labels.dtype == np.int64 and (labels >= 0).all(), "labels", labels)
        _require(all(0 <= a < b <= n for a, b in series.events), "events", labels)
    if times is not None:
        _require(times.shape == (n,) and times.dtype.kind in "iufM", "times", times)
        _require((times[1:] > times[:-1]).all() and not np.isinf(times.astype(float)).any(), "times", times)
    if rate is not None:
        _require(type(rate) is float and 0 < rate < np.inf, "rate", rate)
        if times is not None and options.get("irregular", "error") in ("error", "interpolate"):
            length = times[-1] - times[0]
            length = length / np.timedelta64(1, "s") if times.dtype.kind == "M" else float(length)
            _require(abs(length * rate / (n - 1) - 1) < 0.3, "rate", (rate, times))
    _require("Series" in repr(series), "repr", series.name)


def csv_large() -> Iterable[Input]:
    """Return CSV files that could need much memory."""
    mega = 10**6
    few = "".join(f"{i},{i}.5\n" for i in range(5))
    wide = ",".join(map(str, range(2000)))
    yield (b"time,a\n" + few.encode() + b"5," + b"a" * mega + b"\n"), {}
    yield (b"time,a\n" + few.encode() + b"5," + b"9" * mega + b"\n"), {}
    yield (b"time,a\n" + few.encode() + b"5,0." + b"1" * mega + b"\n"), {}
    yield (b"time,a\n" + few.encode() + b"9" * mega + b",1\n"), {}
    yield (b"time," + b"a" * mega + b"\n" + few.encode()), {}
    yield (b"time,a\n" + few.encode() + b'5,"' + b'""' * mega), {}
    yield (b"time,a\n" + few.encode() + b"5," * 100_000), {}
    yield (b"," * 100_000), {}
    yield (b"\n" * mega), {}
    yield (b"a\n" + b"\n" * mega), {}
    yield (b"1\n" * 200_000), {}
    yield (b"1,22\n" * 100_000), {}
    yield (b"#\n" * mega), {}
    yield ("é" * mega).encode("utf-16"), {}
    yield (b"time,a\n0,1\n1,2\n1000000000,3\n"), {}
    yield (b"time,a\n0,1\n1,2\n1000000000,3\n"), {"irregular": "interpolate"}
    for times in (b"1e-30", b"2e-30", b"1e30"), (b"1e-320", b"2e-320", b"1e38"):
        for irregular in ("error", "keep", "interpolate", "ignore"):
            content = b"time,a\n0,1\n%b,2\n%b,2\n%b,3\n" % times
            yield content, {"irregular": irregular, "time_unit": "s"}
    yield (b"PK\x03\x04" + bytes(mega)), {}
    yield (b"\x1f\x8b" + bytes(mega)), {}
    yield "\n".join([wide] * 3).encode(), {}
    yield "\n".join(["time" + "," * 300, *(f"{i}" + ",x" * 300 for i in range(3))]).encode(), {}
    yield "\n".join([wide[:3000], *[wide[:3000].replace("1", "a")] * 3]).encode(), {"separator": ","}
    wide = ";".join(["date;time", *(f"c{i}" for i in range(300))])
    yield "\n".join([wide, *(f"2024-01-31;12:0{i}" + ";1,5" * 300 for i in range(5))]).encode(), {"decimal": ","}


# ---------------------------------------------------------------- load_ucr and load_ucr_anomaly

_UCR_VALUES = [(0.5, -1.25, 2e-3), (1.0, 2.0, 3.0), (4, 5, 6), (0, 0, 1)]
_TS = "# a comment\n@problemName Toy\n@timeStamps false\n@univariate true\n@classLabel true 1 2 10\n@data\n"
_ARFF = "% a comment\n@relation Toy\n" + "@attribute a numeric\n" * 3 + "@attribute target {1,2,10}\n\n@data\n"
SUFFIXES = [".tsv", ".ts", ".txt", ".arff", ".csv", ""]


def _ucr(suffix: str, head: str, form: str, sign: str) -> Input:
    rows = [form.format(c=c, v=sign.join(map(str, v))) for c, v in zip((1, 2, 10, 1), _UCR_VALUES, strict=True)]
    return (head + "\n".join(rows) + "\n").encode(), {"suffix": suffix, "normal": 1}


UCR_FILES = [
    _ucr(".tsv", "", "{c}\t{v}", "\t"), _ucr(".txt", "", "  {c}.0000000e+00   {v}", "  "), _ucr(".csv", "",
    "{c},{v}", ","),
    _ucr("", "", "{c},{v}", ","), _ucr(".ts", _TS, "{v}:{c}", ","), _ucr(".ts", _TS, "{v}:{v}:a{c}", ","),
    _ucr(".arff", _ARFF, "{v},{c}", ","),
    _ucr(".tsv", "", "walk{c}\t{v}\tNaN", "\t"),
]  # fmt: skip
UCR_OPTIONS: list[dict[str, Any]] = [
    *({"suffix": suffix} for suffix in SUFFIXES), {"part": "TRAIN"}, {"part": "TEST"}, {"normal": "a1"},
    {"normal": None},
    {"normal": [1, 2]}, {"normal": float("nan")}, {"normal": 10**400}, {"normal": []},
]  # fmt: skip


def _load_ucr(
    content: bytes, suffix: str = ".tsv", normal: Any = 1, part: str | None = None
) -> Callable[[], UCRDataSet]:
    other = next((text for text, options in UCR_FILES if options["suffix"] == suffix), b"")
    paths = [written(f"Own_{p}{suffix}", content if part in (None, p) else other) for p in ("TRAIN", "TEST")]
    return lambda: load_ucr(paths[0], normal=normal)


def check_ucr(sets: UCRDataSet, one: Input) -> None:
    """Raise if a data set does not keep what its documentation says, or is larger than its files."""
    _require(type(sets) is UCRDataSet and sets.training.class_names == sets.test.class_names, "sets", sets)
    _require(sets.training.sequences.shape[1:] == sets.test.sequences.shape[1:], "shapes", sets)
    for part in sets:
        sequences, labels, names = part.sequences.numpy(), part.labels, part.class_names
        _require(sequences.dtype == np.float32 and sequences.ndim == 3 and sequences.size, "sequences", sequences)
        _require(np.isfinite(sequences).all(), "sequences", sequences)
        _require(sequences.size <= max(len(one[0]), 500), "size", sequences.shape)
        _require(names is not None and len(set(names)) == len(names) and all(names), "class names", names)
        _require(labels is not None and labels.shape == (len(part),) and labels.dtype == np.int64, "labels", labels)
        _require((labels >= 0).all() and (labels < len(names)).all(), "labels", (labels, names))
        _require(part.mask is None and part.lengths is None and "DataSet" in repr(part), "mask", part)
    _require(len(sets.whole) == sum(map(len, sets)), "whole", sets)


def _number(choices: Choices) -> str:
    number = choices.number()
    return FRAGMENTS[number % len(FRAGMENTS)].decode("latin-1") if number > 63000 else str(number / 100 - 300)


def sequences(choices: Choices) -> bytes:
    """Return a file of sequences in one of the formats."""
    n, width, suffix, sign, features = (
        choices.of(of) for of in (range(1, 6), range(1, 6), SUFFIXES, ",\t ;", range(1, 4))
    )
    cells = [[choices.of("1123"), *(_number(choices) for _ in range(width))] for _ in range(n)]
    if suffix == ".ts":
        lines = [":".join([",".join(row[1:])] * features + row[:1]) for row in cells]
        return ("@data\n" + "\n".join(lines)).encode()
    if suffix == ".arff":
        return ("@data\n" + "\n".join(",".join(row[::-1]) for row in cells)).encode()
    return "\n".join(sign.join(row) for row in cells).encode()


def ucr_large() -> Iterable[Input]:
    """Return files of the UCR archive that could need much memory."""
    mega = 10**6
    for suffix, head, tail in ((".tsv", b"1", b""), (".ts", b"@data\n0", b":1"), (".arff", b"@data\n0", b",1")):
        sign = b"\t" if suffix == ".tsv" else b","
        for line in (b"9" * mega, b"0." + b"1" * mega, b"a" * mega, sign.join([b"12"] * 100_000), sign * mega):
            yield head + sign + line + tail + b"\n", {"suffix": suffix}
        yield (
            (b"@data\n" if head[:1] == b"@" else b"") + (b"1" + sign + b"2" + tail + b"\n") * 10_000,
            {"suffix": suffix},
        )
    yield b"@data\n" + b"1:" * 20_000 + b"1\n", {"suffix": ".ts"}
    yield b"".join(b"%d\t1\t2\n" % i for i in range(10_000)), {"normal": None}
    yield b"a" * mega + b"\t1\t2\n", {"normal": 1}
    yield b"@" + b"a" * mega + b"\n", {"suffix": ".arff"}
    yield b"@attribute " + b"a " * mega + b"relational\n", {"suffix": ".arff"}


def _load_anomaly(content: bytes, name: str = "10_12_13") -> Callable[[], Recording]:
    path = written(f"001_UCR_Anomaly_own_{name}.txt", content)
    return lambda: load_ucr_anomaly(path)


def check_anomaly(recording: Recording, one: Input) -> None:
    """Raise if a recording is not split and labelled according to its name."""
    split, begin, end = map(int, one[1].get("name", "10_12_13").split("_"))
    training, test = recording
    _require(len(training) == split and test.events == [(begin - split, end + 1 - split)], "event", recording)
    for part in recording:
        check_series(part, one)
        _require(np.isfinite(part.values).all() and part.values.shape[1] == 1, "values", part.values)


ANOMALY_FILES: list[Input] = [
    (sign.join(form.format(i % 7 / 2) for i in range(20)).encode() + end, {})
    for sign, form, end in (
        ("\n", "{}", b"\n"), ("  ", "{:.7e}", b""), (", ", "{}", b"\n"), ("\r\n", "  {:.3f}", b"\r\n"),
    )
]  # fmt: skip
ANOMALY_OPTIONS = [
    {"name": name} for name in ("1_1_1", "0_0_0", "5_5_19", "19_19_19", "5_4_6", "007_008_009", "1_2_" + "9" * 150)
]


def numbers(choices: Choices) -> bytes:
    """Return a recording of numbers, some of which are invalid."""
    return choices.of(("\n", " ", ", ")).join(_number(choices) for _ in range(choices.of(range(13, 40)))).encode()


def anomaly_large() -> Iterable[Input]:
    """Return recordings that could need much memory."""
    mega = 10**6
    for content in (
        b"9" * mega,
        b"0." + b"1" * mega,
        b"a" * mega,
        b"," * mega,
        b"1\n" * mega,
        b"1 " * mega + b"a",
        b"12," * mega,
    ):
        yield b"1\n" * 20 + content, {}  # fmt: skip


# ---------------------------------------------------------------- checkpoints


@functools.cache
def _saved_files() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return list(good_files(Path(folder)).values())


def damaged(drawn: bytes) -> Input:
    """Return a saved file of any kind, damaged in one to three ways that the drawn bytes determine."""
    generator = random.Random(drawn)
    content = generator.choice(_saved_files())
    for _ in range(generator.choice((1, 1, 1, 2))):
        change = generator.choice((changed_bytes, changed_content, changed_tensor, hostile_file))
        # a file that is damaged already may not be rewritten
        with contextlib.suppress(
            ValueError, KeyError, IndexError, TypeError, struct.error, SafetensorError, RecursionError
        ):
            content = change(content, generator)[1]
    return content, {}


def _load_saved(content: bytes) -> Callable[[], Any]:
    path = written("saved", content)

    def loaded() -> Any:
        with contextlib.redirect_stdout(io.StringIO()):
            return load(path)

    return loaded


def check_saved(value: Any, one: Input) -> None:
    """Raise if a loaded object cannot be shown."""
    _require(isinstance(value, nn.Module | Trainer | Result | AnomalyDetector), "value", value)
    _require(all(type(text) is str for text in (repr(value), getattr(value, "_repr_html_", str)())), "text", value)


LOADERS = {
    loader.name: loader
    for loader in (
        Loader(
            "load_csv", _load_csv, check_series, inputs(CSV_FILES, table, CSV_OPTIONS), CSV_FILES, csv_large,
            errors=(ValueError, TypeError), warnings=(CSVWarning,), share=3,
        ),
        Loader(
            "load_ucr", _load_ucr, check_ucr, inputs(UCR_FILES, sequences, UCR_OPTIONS), UCR_FILES, ucr_large,
            errors=(ValueError,), share=4,
        ),
        Loader(
            "load_ucr_anomaly", _load_anomaly, check_anomaly, inputs(ANOMALY_FILES, numbers, ANOMALY_OPTIONS),
            ANOMALY_FILES, anomaly_large, errors=(ValueError,), share=2,
        ),
        Loader(
            "trainers.load", _load_saved, check_saved, st.binary(min_size=8, max_size=8).map(damaged), [], list,
            errors=(ValueError, TypeError), share=3,
        ),
    )
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Load inputs with each loader and print the counts; return 1 if there was a fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, help="number of inputs, of all loaders together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--loaders", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--no-large", action="store_true", help="without the large inputs")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore", HypothesisWarning)
    chosen = [LOADERS[name] for name in given.loaders]
    faults, total = [], 0
    for loader in chosen:
        number = -(-given.inputs * loader.share // sum(one.share for one in chosen))
        start = time.perf_counter()
        outcome = fuzz(loader, number, given.seed, large=not given.no_large)
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in outcome.kinds.most_common())
        print(
            f"{loader.name}: {len(outcome.inputs):,} distinct inputs of {sum(outcome.kinds.values()):,} ({kinds}); "
            f"{time.perf_counter() - start:.0f} s, of which {outcome.seconds:.0f} s in the loader, at most "
            f"{outcome.slowest:.2f} s for one; peak memory {outcome.peak / 2**20:.0f} MiB; "
            f"{len(outcome.faults)} faults",
            flush=True,
        )
        faults += outcome.faults
        total += len(outcome.inputs)
    print(f"{total:,} distinct inputs, {len(faults)} faults")
    print("\n".join(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
