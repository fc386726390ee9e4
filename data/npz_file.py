"""`open_npz`: one of the files that the kit ships, or an error that says how to get it back."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def open_npz(path: str | os.PathLike[str] | None, file_name: str, name: str) -> Iterator[Mapping[str, np.ndarray]]:
    """Its arrays, by name. Whatever goes wrong while they are read and used means that the file is damaged.

    Parameters
    ----------
    path : path or None
        Another copy of the file; None is the one the kit ships.
    file_name : str
        The one the kit ships, beside this module.
    name : str
        Of what it holds, for errors.

    Yields
    ------
    mapping of str to numpy.ndarray

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is missing, or damaged.
    """
    path = Path(Path(__file__).with_name(file_name) if path is None else path)
    remedy = f"Restore it with 'git checkout data/{file_name}' or from a fresh clone."
    if not path.is_file():
        msg = f"{name} is expected in the file {path}, which does not exist. {remedy}"
        raise FileNotFoundError(msg)
    try:
        with np.load(path, allow_pickle=False) as parts:
            yield parts
    except (OSError, EOFError, KeyError, TypeError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        msg = f"the file {path} is damaged or is not {name}: {error}. {remedy}"
        raise ValueError(msg) from error
