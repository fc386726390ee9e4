"""`read_text`: encodings, and files that are not text."""

from __future__ import annotations

import pytest

from data.text_file import read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_are_detected(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("zeit;wärme\r\n0;1\r2;3\n".encode(encoding))
    assert read_text(path) == "zeit;wärme\n0;1\n2;3\n"


def test_other_encoding_is_read_if_given_and_raises_otherwise(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("time,value\n0,1\n1,2 °C\n".encode("cp1252"))
    with pytest.raises(ValueError, match="byte 0xb0 in line 3"):
        read_text(path)
    path.with_name("b.csv").write_bytes(b"\xef\xbb\xbfa\n1\n\xff\n")
    with pytest.raises(ValueError, match="byte 0xff in line 3"):
        read_text(path.with_name("b.csv"))
    assert read_text(path, "cp1252").endswith("2 °C\n")
    with pytest.raises(LookupError, match=r"encoding must be a known encoding, .*got 'latin-77'"):
        read_text(path, "latin-77")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "must not be empty"),
        (b" \r\n\t\n", "must not be empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\x1f\x8brest", "compressed with gzip"),
        (b"a,b\n1,\x002\n", "zero byte in line 2"),
    ],
)
def test_empty_or_binary_file_raises(tmp_path, content, match):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match):
        read_text(path)


def test_missing_file_or_folder_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the file .* does not exist"):
        read_text(tmp_path / "a.csv")
    with pytest.raises(IsADirectoryError, match="must be a file, got the folder"):
        read_text(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["time,°C\n".encode("cp1252"), b"a\x81\n", "a,b\n1,2\n".encode("utf-16-le"), "a\n1\n".encode("utf-16-be")],
)
def test_advised_encoding_reads_file(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="encoding='") as error:
        read_text(path)
    encoding = str(error.value).split("encoding='")[1].split("'")[0]
    assert read_text(path, encoding) == content.decode(encoding)
