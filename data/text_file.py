"""`read_text`: read a text file, with errors that name the type of a file that is not text."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

_BINARY = {
    b"PK\x03\x04": "a zip archive or an Excel workbook. Unpack it, or save it as CSV",
    b"\x1f\x8b": "a file compressed with gzip. Unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook. Save it as CSV",
    b"PAR1": "a Parquet file. Save it as CSV",
}


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8") -> str:
    r"""Return the text of a file, with lines that end in "\n" and without a byte order mark.

    Parameters
    ----------
    path : path
        Path of the file.
    encoding : str, default "utf-8"
        Encoding of the file. A byte order mark of UTF-8 or UTF-16 overrides it.

    Returns
    -------
    str
        The text, which is not only white space.

    Raises
    ------
    FileNotFoundError, IsADirectoryError, LookupError, ValueError
        If the file is missing, a folder, empty, not text or in another encoding, or the encoding is unknown.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"path must be a file, got the folder {path}.")
    if not path.is_file():
        raise FileNotFoundError(f"the file {path} does not exist. The working folder is {Path.cwd()}.")
    raw = path.read_bytes()
    for start, what in _BINARY.items():
        if raw.startswith(start):
            raise ValueError(f"{path} must be a text file, got {what}.")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif raw.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{path} must have the encoding {encoding}, got the invalid byte 0x{error.object[error.start]:02x} "
            f"in line {line}. Save the file as UTF-8, or set encoding={_likely(raw)!r}."
        ) from error
    except LookupError as error:
        wanted = "a known encoding, such as 'utf-8', 'cp1252' or 'utf-16'"
        raise LookupError(f"encoding must be {wanted}, got {encoding!r}.") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        msg = f"{path} must be a text file, got a zero byte in line {line}."
        if len(raw) >= 2 * raw.count(0) > len(raw) / 2:
            msg += f" If it is UTF-16, set encoding={'utf-16-le' if raw.index(0) % 2 else 'utf-16-be'!r}."
        raise ValueError(msg)
    if not text.strip():
        raise ValueError(f"{path} must not be empty.")
    return text


def _likely(raw: bytes) -> str:
    """Return the Windows encoding cp1252 if it is valid for the file, otherwise latin-1, which always is."""
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"
