"""Saved files of each kind, and ways to damage them."""

from __future__ import annotations

import copy
import json
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch

from data import Series
from trainers import LSTMAutoencoder, benchmark, save
from trainers import checkpoint_file as files
from trainers.detection import AnomalyDetector

from tests.faults import EPOCHS, SETS, make


def good_files(folder: Path) -> dict[str, bytes]:
    """Return a file of each kind."""
    paths = {name: folder / name for name in ("model", "mid-run", "finalized", "result", "detector")}
    trainer = make(1)

    def in_mid_run(row: Any, state: Any) -> None:
        if row.epoch == 3:
            trainer.queue("patience", 1)
            save(trainer, paths["mid-run"])

    result = benchmark(trainer, *SETS, epochs=EPOCHS, callbacks=[in_mid_run], progress=False)
    save(LSTMAutoencoder(hidden_size=3, latent_size=2), paths["model"])
    save(trainer, paths["finalized"])
    save(result, paths["result"])
    wave = np.sin(np.arange(600) * 2 * np.pi / 12) - 3
    detector = AnomalyDetector(make(0), epochs=1, error="gaussian", window=12, rate=0.1)
    save(detector.fit(Series(wave), progress=False), paths["detector"])
    return {**{name: path.read_bytes() for name, path in paths.items()}, "checkpoint": paths["mid-run"].read_bytes()}


def header_length(data: bytes) -> int:
    """Return the number of bytes before the tensors."""
    return 8 + struct.unpack("<Q", data[:8])[0]


def changed_bytes(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Return what was done to a file, and the damaged file."""
    # half of the damage in the header, because the tensors take most of the file
    part = (8, header_length(data), len(data), len(data))[generator.randrange(4)]
    start = generator.randrange(part)
    end = min(len(data), start + generator.choice([1, 2, 8, 64, 1000]))
    what = generator.choice(["cut short", "bit flipped", "bit flipped", "zeroed", "duplicated", "removed", "inserted"])
    middle = {
        "cut short": b"",
        "bit flipped": bytes([data[start] ^ 1 << generator.randrange(8)]),
        "zeroed": bytes(end - start),
        "duplicated": data[start:end] * 2,
        "removed": b"",
        "inserted": generator.randbytes(end - start) + data[start:end],
    }[what]
    rest = {"cut short": len(data), "bit flipped": start + 1}.get(what, end)
    return f"{what} at {start}", data[:start] + middle + data[rest:]


# Values of a wrong type, or far from any sensible value.
STRANGE: list[Any] = [
    None, True, False, 0, -1, 2, 0.5, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), "", "x", "€" * 1000,
    "0.1", [], [[]], [1], ["x", 2], [None] * 1000, {}, {"a": 1}, {"$tensor": "nothing"}, {"$tensor": [1]},
    {"$array": {}}, {"$tuple": 1}, {"$tuple": [1, 2]}, {"$items": 3}, {"$items": [[1]]}, {"$items": [[[1], 2]]},
    {"$items": [[0, 0]]}, "__class__", "LSTMAutoencoder", "BatchedTrainer", "builtins.eval", "meta", "cuda:7",
]  # fmt: skip
# Sizes of a model that would need gigabytes or hours.
HUGE: list[dict[str, Any]] = [
    {"hidden_size": 8192},
    {"hidden_size": 8192, "n_layers": 10**9},
    {"n_layers": 10**6},
    {"n_layers": 10**30},
    {"n_features": 10**9},
    {"n_features": 2**62},
    {"latent_size": 10**12},
    {"latent_size": 10**400},
    {"hidden_size": 8192, "n_features": 10**12, "latent_size": 10**12},
    {"hidden_size": 10**12},
    {"time_encoding": 10**9},
    {"patch_size": 10**9},
]


def rewritten(
    data: bytes, change: Callable[[Any, dict[str, torch.Tensor]], Any], text_change: Callable[[str], str] = str
) -> bytes:
    """Return the file with changed content or tensors, and with the right checksum."""
    metadata = json.loads(data[8 : header_length(data)])["__metadata__"]
    tensors = safetensors.torch.load(data)
    content = json.loads(metadata["content"])
    change(content, tensors)
    text = text_change(json.dumps(content))
    return safetensors.torch.save(tensors, {**metadata, "content": text, "sha256": files._checksum(text, tensors)})


def random_place(content: Any, generator: random.Random) -> tuple[Any, Any]:
    """Return a list or dictionary in the content, and a key or index of it; all levels are equally likely."""
    place: Any = content, "content"
    while True:
        inner = place[0][place[1]]
        if not isinstance(inner, dict | list) or not inner or generator.random() < 0.15:
            return place
        place = inner, generator.choice([*inner] if isinstance(inner, dict) else range(len(inner)))


def changed_content(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Change the content at a random place."""
    action = generator.choice(["removed", "strange", "strange", "swapped", "added"])
    told = [action]

    def change(content: Any, tensors: dict[str, torch.Tensor]) -> None:
        holder, key = random_place(content, generator)
        value: Any = generator.choice(STRANGE)
        if generator.random() < 0.1:
            value = {generator.choice(["$tensor", "$array"]): generator.choice(sorted(tensors))}
        if action == "swapped":
            other, name = random_place(content, generator)
            value = copy.deepcopy(other[name])
        told.append(f"{key}: {str(value)[:60]}")
        if action == "removed":
            del holder[key]
        elif action == "added" and isinstance(holder[key], list):
            holder[key].append(value)
        elif action == "added" and isinstance(holder[key], dict):
            holder[key]["added"] = value
        else:
            holder[key] = value

    return " ".join(told), rewritten(data, change)


def changed_tensor(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Change name, type, shape or values of a tensor."""
    action = generator.choice(
        ["removed", "renamed", "float64", "bool", "bytes", "empty", "flat", "grown", "NaN", "all"]
    )
    told = [f"tensor {action}"]

    def change(content: Any, tensors: dict[str, torch.Tensor]) -> None:
        name = generator.choice(sorted(tensors))
        told.append(name)
        tensor = tensors.pop(name)
        if action == "renamed":
            tensors[generator.choice(["", "x", "\x00", "$tensor", "é" * 100])] = tensor
        elif action == "all":
            tensors.clear()
        elif action != "removed":
            tensors[name] = {
                "float64": lambda: tensor.double(),
                "bool": lambda: torch.zeros(tensor.shape, dtype=torch.bool),
                "bytes": lambda: tensor.contiguous().reshape(-1).view(torch.uint8),
                "empty": lambda: tensor.reshape(-1)[:0],
                "flat": lambda: tensor.reshape(-1),
                "grown": lambda: torch.stack([tensor, tensor]),
                "NaN": lambda: torch.full_like(tensor.float(), torch.nan),
            }[action]()

    return " ".join(told), rewritten(data, change)


def hostile_file(data: bytes, generator: random.Random) -> tuple[str, bytes]:
    """Return a file that someone has written to cause harm."""
    what = generator.choice(["huge model", "nested", "long number", "references", "version", "format", "header"])
    metadata = json.loads(data[8 : header_length(data)])["__metadata__"]
    tensors = safetensors.torch.load(data)
    if what == "huge model":
        sizes = generator.choice(HUGE)

        def grow(value: Any) -> None:
            for inner in value.values() if isinstance(value, dict) else value:
                if isinstance(inner, dict | list):
                    grow(inner)
            if isinstance(value, dict) and "hidden_size" in (value.get("hyperparameters") or {}):
                value["hyperparameters"].update(sizes)

        return f"{what} {str(sizes)[:80]}", rewritten(data, lambda content, _: grow(content))
    if what in ("nested", "long number"):
        depth = generator.choice([500, 900, 1100, 10_000, 1_000_000])
        inner = {
            "nested": generator.choice(["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth]),
            "long number": generator.choice(["9" * depth, f"1e{depth}", f"-1.{'9' * depth}", "Infinity", "-0"]),
        }[what]

        def place(content: Any, _: Any) -> None:
            holder, key = random_place(content, generator)
            holder[key] = "HERE"

        return f"{what} {depth}", rewritten(data, place, lambda text: text.replace('"HERE"', inner))
    if what == "references":
        count = generator.choice([100, 10_000, 100_000])

        def refer(content: Any, held: dict[str, torch.Tensor]) -> None:
            if generator.random() < 0.5:
                held["large"] = torch.zeros(2**18)
            name = max(sorted(held), key=lambda one: held[one].nbytes)
            holder, key = random_place(content, generator)
            holder[key] = [{"$tensor": name}] * count

        return f"{what} {count}", rewritten(data, refer)
    if what == "version":
        version = generator.choice(["2", "0", "", "1.0", " 1", "-1", "٣", "9" * 100_000, "1e3", "01"])
        return f"version {version[:9]}", safetensors.torch.save(tensors, {**metadata, "version": version})
    if what == "format":
        formats: list[Any] = [None, {}, {"format": "pt"}, {**metadata, "format": "x"}, {**metadata, "content": ""}]
        formats += [{key: metadata[key] for key in metadata if key != missing} for missing in metadata]
        return "format", safetensors.torch.save(tensors, generator.choice(formats))
    # headers that only a program can write
    size, header = header_length(data) - 8, json.loads(data[8 : header_length(data)])
    kind = generator.choice(["length", "shape", "offsets", "entries", "nested", "types", "other"])
    first = min(key for key in header if key != "__metadata__")
    if kind == "length":
        length = generator.choice([2**40, 2**63, 2**64 - 1, 10**8, size + 1, size - 1, 0])
        return f"header of {length} bytes", struct.pack("<Q", length) + data[8:]
    if kind == "shape":
        header[first]["shape"] = generator.choice([[2**40], [2**32, 2**32], [2**63, 2], [0, 2**60], [], [-1], [1.5]])
    elif kind == "offsets":
        header[first]["data_offsets"] = generator.choice([[0, 2**40], [2**63, 2**64], [8, 0], [0], [-4, 0], [4, 8]])
    elif kind == "entries":
        header |= {f"x{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_000)}
    elif kind == "types":
        header[first]["dtype"] = generator.choice(["F8_E4M3", "F64", "U64", "BOOL", "C64", "F4", "X", 1, None])
    elif kind == "nested":
        header[first] = []
    else:
        header["__metadata__"] = generator.choice([1, [], {"format": 1}, {"version": None}, "x", None])
    text = json.dumps(header).encode()
    if kind == "nested":
        text = text.replace(b"[]", b"[" * 100_000 + b"]" * 100_000, 1)
    return f"header, {kind}", struct.pack("<Q", len(text)) + text + data[8 + size :]
