"""Text files, and what only looks like one."""

from __future__ import annotations

import pytest

from data.text_file import read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_understood(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("zeit;wärme\r\n0;1\r2;3\n".encode(encoding))
    assert read_text(path) == "zeit;wärme\n0;1\n2;3\n"


def test_another_encoding_is_named_or_told_with_its_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("time,value\n0,1\n1,2 °C\n".encode("cp1252"))
    with pytest.raises(ValueError, match="line 3 holds the byte 0xb0"):
        read_text(path)
    assert read_text(path, "cp1252").endswith("2 °C\n")
    with pytest.raises(LookupError, match="no encoding is called 'latin-77'"):
        read_text(path, "latin-77")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\x1f\x8brest", "compressed with gzip"),
        (b"a,b\n1,\x002\n", "line 2 holds a zero byte"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, told):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told):
        read_text(path)


def test_what_is_not_there_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_text(tmp_path / "a.csv")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_text(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["time,°C\n".encode("cp1252"), b"a\x81\n", "a,b\n1,2\n".encode("utf-16-le"), "a\n1\n".encode("utf-16-be")],
)
def test_the_encoding_that_is_advised_reads_the_file(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="encoding='") as error:
        read_text(path)
    encoding = str(error.value).split("encoding='")[1].split("'")[0]
    assert read_text(path, encoding) == content.decode(encoding)
