"""The file format of `save` and of checkpoints: tensors in safetensors and the rest in JSON, in one file.

The file is a safetensors file: a header in JSON, then the bytes of the tensors. It contains no pickle, so loading a
file from a stranger runs no code. The metadata in the header has four strings:

``format``
    "lstm-anomaly-kit".
``version``
    Version of this format, "1". A newer version is refused.
``content``
    JSON text of an object with ``kind`` ("model", "trainer", "result" or "detector"), ``versions`` (of the kit and of
    PyTorch) and ``content``, which is described in `trainers.checkpoint`. NaN and infinity are written as Python's
    ``json`` writes them. Objects with one of these keys stand for values that JSON does not have:
    ``{"$tensor": name}``, a tensor of the file; ``{"$array": name}``, the same as a NumPy array;
    ``{"$tuple": [...]}``; and ``{"$items": [[key, value], ...]}``, a dictionary whose keys are not strings.
``sha256``
    SHA-256 of the content and then, in the order of names, a line with name and digest of each tensor; the digest is
    SHA-256 of type, shape and bytes (see `digest_of`).

A tensor is named by its place in the content, such as ``state.model.encoder.weight_ih_l0``, and used once. The file is
first written beside its path, then flushed to the disk and renamed, so that a complete file is at the path at each
moment. The lock file beside it, ``.NAME.lock``, stays; it is empty.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from filelock import FileLock, Timeout

FORMAT, VERSION = "lstm-anomaly-kit", 1


def as_path(path: Any, name: str = "path") -> Path:
    """Return the absolute path of a file; raise unless its folder exists."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str) or not os.fspath(path):
        raise TypeError(f"{name} must be a string or a path, got {path!r}.")
    absolute = Path(path).resolve()
    if absolute.is_dir() or not absolute.parent.is_dir():
        problem = "a folder" if absolute.is_dir() else "no such folder"
        raise FileNotFoundError(f"{name} must be a file in an existing folder, got {str(path)!r} ({problem}).")
    return absolute


def lock_file(path: Path, name: str = "path") -> FileLock:
    """Return a lock that only one process at a time holds for this path; raise if another one holds it."""
    lock = FileLock(path.with_name(f".{path.name}.lock"), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RuntimeError(f"{name} must be a file that no other run uses, got {str(path)!r}.") from error
    except OSError as error:
        raise OSError(error.errno, f"{name} must be writable, got {str(path)!r} ({error.strerror})") from error
    return lock


def write_file(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write the content; the previous file stays until the new one is complete. The caller must hold the lock."""
    tensors: dict[str, torch.Tensor] = {}
    encoded = _encode(content, "", tensors)
    versions = {"kit": version("lstm-anomaly-kit"), "torch": torch.__version__}
    text = json.dumps({"kind": kind, "versions": versions, "content": encoded})
    metadata = {"format": FORMAT, "version": str(VERSION), "content": text, "sha256": _checksum(text, tensors)}
    data = safetensors.torch.save(tensors, metadata)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, f"{path} must be writable, got {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    if os.name == "posix":
        # the renaming itself should reach the disk; not every file system can flush a folder
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            folder = os.open(path.parent, os.O_RDONLY)
            stack.callback(os.close, folder)
            os.fsync(folder)


def read_file(path: Path) -> tuple[str, dict[str, Any]]:
    """Return kind and content of a file, or raise ValueError if it is damaged, foreign or of a newer version."""
    if not path.is_file():
        raise FileNotFoundError(f"path must be a file saved with trainers.save, got {str(path)!r} (no such file).")

    def bad(got: str) -> ValueError:
        return ValueError(f"path must be a complete file saved with trainers.save, got {path.name!r} ({got}).")

    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            # copies, because the tensors of safetensors refer to the file
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, ValueError, RuntimeError, TypeError) as error:
        raise bad(f"not a safetensors file: {error}") from error
    number, text = metadata.get("version", ""), metadata.get("content", "")
    if metadata.get("format") != FORMAT or not (number.isascii() and number.isdecimal()):
        raise bad("a safetensors file of another program")
    if number != str(VERSION):
        raise ValueError(f"version of {path.name!r} must be {VERSION}, got {number[:9]}. Install the newest kit.")
    if metadata.get("sha256") != _checksum(text, tensors):
        raise bad("wrong checksum")
    try:
        whole = _decode(json.loads(text), tensors)
        kind, content = str(whole["kind"]), dict(whole["content"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise bad(f"invalid content: {error!r}"[:200]) from error
    return kind, content


def _checksum(text: str, tensors: dict[str, torch.Tensor]) -> str:
    """Return SHA-256 of the text and, in the order of names, the name and SHA-256 of each tensor."""
    whole = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        whole.update(f"{name} {digest_of(tensors[name])}\n".encode())
    return whole.hexdigest()


def digest_of(tensor: torch.Tensor) -> str:
    """Return SHA-256 of a tensor's type, shape and bytes."""
    tensor = tensor.detach().cpu()
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _encode(value: Any, place: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Return a value as JSON, and add its tensors to `tensors`."""
    is_tensor = isinstance(value, torch.Tensor)
    if is_tensor or (isinstance(value, np.ndarray) and value.dtype.kind in "biuf"):
        tensor = value.detach().cpu() if is_tensor else torch.from_numpy(value.astype(value.dtype.newbyteorder("=")))
        if tensor.layout is not torch.strided or tensor.is_complex():
            raise TypeError(f"{place} must be a dense tensor of real numbers, got {tensor.layout}, {tensor.dtype}.")
        while place in tensors:
            place += "_"
        tensors[place] = tensor.clone(memory_format=torch.contiguous_format)
        return {"$tensor" if is_tensor else "$array": place}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_encode(one, f"{place}.{i}", tensors) for i, one in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple": items}
    if isinstance(value, dict):
        named = {key: _encode(one, f"{place}.{key}".lstrip("."), tensors) for key, one in value.items()}
        if all(isinstance(key, str) and not key.startswith("$") for key in named):
            return named
        if all(isinstance(key, str | int) for key in named):
            return {"$items": [list(item) for item in named.items()]}
    wanted = "None, a bool, a number, a string, a tensor, an array, or a list, tuple or dict of these"
    raise TypeError(f"{place} must be {wanted} to be saved, got {type(value).__name__}.")


def _decode(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Undo `_encode`; each tensor can be used once, so that a small file does not become a large object."""
    if isinstance(value, list):
        return [_decode(one, tensors) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, inner), *_ = value.items()
        if key == "$tensor":
            return tensors.pop(inner)
        if key == "$array":
            return tensors.pop(inner).numpy()
        if key == "$tuple":
            return tuple(_decode(inner, tensors))
        if key == "$items":
            return {name: _decode(one, tensors) for name, one in inner}
    return {key: _decode(one, tensors) for key, one in value.items()}
