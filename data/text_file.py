"""`read_text`: the text of a file, or an error that says what the file is instead."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

_BINARY = {
    b"PK\x03\x04": "a zip archive or an Excel workbook. Unpack it, or save it as CSV",
    b"\x1f\x8b": "compressed with gzip. Unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save it as CSV",
    b"PAR1": "a Parquet file. Save it as CSV",
}


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8") -> str:
    r"""Return the text of a file, with "\n" at the ends of lines and without a byte order mark.

    Parameters
    ----------
    path : path
        The file.
    encoding : str, default "utf-8"
        Encoding of the file. A byte order mark of UTF-8 or UTF-16 wins over it.

    Returns
    -------
    str
        Not only white space.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, LookupError, ValueError
        If the file is missing, a folder, empty, not text or in another encoding, or the encoding is unknown.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; the working folder is {Path.cwd()}.")
    raw = path.read_bytes()
    for start, what in _BINARY.items():
        if raw.startswith(start):
            raise ValueError(f"{path} is not a text file but {what}.")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif raw.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} is not in the encoding {encoding}: line {line} holds the byte 0x{raw[error.start]:02x}, "
            f"which is invalid there. Save the file as UTF-8, or give its encoding: encoding={_likely(raw)!r}."
        ) from error
    except LookupError as error:
        raise LookupError(
            f"no encoding is called {encoding!r}. Common ones are 'utf-8', 'cp1252' and 'utf-16'."
        ) from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        msg = f"{path} is not a text file: line {line} holds a zero byte."
        if len(raw) >= 2 * raw.count(0) > len(raw) / 2:
            msg += f" If it is UTF-16, give encoding={'utf-16-le' if raw.index(0) % 2 else 'utf-16-be'!r}."
        raise ValueError(msg)
    if not text.strip():
        raise ValueError(f"{path} is empty.")
    return text


def _likely(raw: bytes) -> str:
    """Return the encoding of files from Windows if it fits, otherwise one in which every byte is valid."""
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
