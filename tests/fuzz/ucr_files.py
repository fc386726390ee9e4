"""Files of the UCR archives for `load_ucr` and `load_ucr_anomaly`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from data import Recording, UCRDataSet, load_ucr, load_ucr_anomaly

from tests.fuzz.csv_files import check_series
from tests.fuzz.engine import Input, Loader, require, written
from tests.fuzz.mutations import FRAGMENTS, Choices, inputs

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
    require(type(sets) is UCRDataSet and sets.training.class_names == sets.test.class_names, "sets", sets)
    require(sets.training.sequences.shape[1:] == sets.test.sequences.shape[1:], "shapes", sets)
    for part in sets:
        sequences, labels, names = part.sequences.numpy(), part.labels, part.class_names
        require(sequences.dtype == np.float32 and sequences.ndim == 3 and sequences.size, "sequences", sequences)
        require(np.isfinite(sequences).all(), "sequences", sequences)
        require(sequences.size <= max(len(one[0]), 500), "size", sequences.shape)
        require(names is not None and len(set(names)) == len(names) and all(names), "class names", names)
        require(labels is not None and labels.shape == (len(part),) and labels.dtype == np.int64, "labels", labels)
        require((labels >= 0).all() and (labels < len(names)).all(), "labels", (labels, names))
        require(part.mask is None and part.lengths is None and "DataSet" in repr(part), "mask", part)
    require(len(sets.whole) == sum(map(len, sets)), "whole", sets)


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
    require(len(training) == split and test.events == [(begin - split, end + 1 - split)], "event", recording)
    for part in recording:
        check_series(part, one)
        require(np.isfinite(part.values).all() and part.values.shape[1] == 1, "values", part.values)


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


LOADERS = (
    Loader(
        "load_ucr", _load_ucr, check_ucr, inputs(UCR_FILES, sequences, UCR_OPTIONS), UCR_FILES, ucr_large,
        errors=(ValueError,), share=4,
    ),
    Loader(
        "load_ucr_anomaly", _load_anomaly, check_anomaly, inputs(ANOMALY_FILES, numbers, ANOMALY_OPTIONS),
        ANOMALY_FILES, anomaly_large, errors=(ValueError,), share=2,
    ),
)  # fmt: skip
