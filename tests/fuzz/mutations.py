"""Mutations of valid files, determined by drawn bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.fuzz.engine import Input

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
