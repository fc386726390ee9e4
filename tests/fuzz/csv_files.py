"""CSV files for `load_csv`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from data import CSVWarning, Series, load_csv

from tests.fuzz.engine import Input, Loader, require, written
from tests.fuzz.mutations import FRAGMENTS, Choices, inputs


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


def check_series(series: Series, one: Input) -> None:
    """Raise if a series does not keep what its documentation says, or is longer than its file."""
    content, options = one
    values, n = series.values, len(series)
    require(type(series) is Series and values.dtype == np.float32 and values.ndim == 2, "values", values)
    require(not np.isinf(values).any() and not np.isnan(values).all(0).any(), "values", values)
    require(values.size <= 4 * len(content) + 4, "size", values.shape)
    names = series.feature_names
    require(type(names) is tuple and len(set(names)) == values.shape[1], "names", names)
    require(all(type(name) is str and name for name in names), "names", names)
    labels, times, rate = series.labels, series.time, series.sampling_rate
    if labels is not None:
        require(labels.shape == (n,) and labels.dtype == np.int64 and (labels >= 0).all(), "labels", labels)
        require(all(0 <= a < b <= n for a, b in series.events), "events", labels)
    if times is not None:
        require(times.shape == (n,) and times.dtype.kind in "iufM", "times", times)
        require((times[1:] > times[:-1]).all() and not np.isinf(times.astype(float)).any(), "times", times)
    if rate is not None:
        require(type(rate) is float and 0 < rate < np.inf, "rate", rate)
        if times is not None and options.get("irregular", "error") in ("error", "interpolate"):
            length = times[-1] - times[0]
            length = length / np.timedelta64(1, "s") if times.dtype.kind == "M" else float(length)
            require(abs(length * rate / (n - 1) - 1) < 0.3, "rate", (rate, times))
    require("Series" in repr(series), "repr", series.name)


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


LOADER = Loader(
    "load_csv", _load_csv, check_series, inputs(CSV_FILES, table, CSV_OPTIONS), CSV_FILES, csv_large,
    errors=(ValueError, TypeError), warnings=(CSVWarning,), share=3,
)  # fmt: skip
