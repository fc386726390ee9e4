"""What scores, labels, thresholds and numbers must be, checked before anything is computed from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from data.data_set import as_array, as_class_names, check_labels, is_real_number


def as_scores(scores: Any, what: str, each: str = "sequence") -> np.ndarray:
    """`scores` as a finite array (n,), one for `each`, or an error that names `what`."""
    array = as_array(scores, what)
    finite = np.isfinite(array)
    if array.ndim != 1 or not array.size or not finite.all() or array.dtype.kind == "b":
        got = f"{array.dtype} of shape {array.shape}, {finite.sum()} finite"
        raise ValueError(f"{what} must be finite numbers, at least one and one for each {each}, got {got}.")
    return array.astype(np.float64)


def as_labels(labels: Any, scores: np.ndarray, what: str = "scores") -> np.ndarray:
    """`labels` as integers from 0 up, one for each of the scores (or of `what` else), or an error."""
    try:
        array = as_array(labels, "labels")
    except TypeError as error:
        got = str(labels)[:60]
        raise ValueError(f"labels must be whole numbers, got {got}. Of strings, give labels != 'normal'.") from error
    if array.shape != scores.shape:
        raise ValueError(f"labels must be one for each of the {len(scores)} {what}, got shape {array.shape}.")
    return check_labels(array, "labels")


def as_truth(labels: Any, scores: np.ndarray, each: str = "sequence") -> np.ndarray:
    """Which are abnormal, bool; an error unless both normal and abnormal ones occur."""
    labels = as_labels(labels, scores)
    truth = labels != 0
    if truth.all() or not truth.any():
        raise ValueError(f"labels must hold normal (0) and abnormal {each}s, got {np.unique(labels)[:5].tolist()}.")
    return truth


def as_names(class_names: Any, labels: np.ndarray) -> tuple[str, ...]:
    """`class_names` as strings that name every label, or an error."""
    names = as_class_names(class_names, "class_names")
    if labels.max() >= len(names):
        raise ValueError(f"class_names must name every label up to {labels.max()}, got {len(names)} names.")
    return names


def as_threshold(threshold: Any) -> float:
    """`threshold` as a finite float, or an error."""
    if isinstance(threshold, np.ndarray | torch.Tensor) and threshold.ndim == 0:
        threshold = threshold.item()
    if not is_real_number(threshold) or not math.isfinite(threshold):
        raise ValueError(f"threshold must be a finite number, got {threshold!r}. quantile_threshold(…) gives one.")
    return float(threshold)


def as_share(value: Any, name: str, meaning: str, default: str) -> float:
    """`value` as a float between 0 and 1, or an error that says what it means."""
    if not is_real_number(value) or not 0 < value < 1:
        raise ValueError(f"{name} must be a number between 0 and 1, {meaning}, got {value!r}. {default}")
    return float(value)


def as_positive(value: Any, name: str, meaning: str, below: float = math.inf) -> float:
    """`value` as a finite float above 0, or an error that says what it means."""
    if not is_real_number(value) or not 0 < value < below:
        limit = "" if below == math.inf else f" and below {below:g}"
        raise ValueError(f"{name} must be a number above 0{limit}, {meaning}, got {value!r}.")
    return float(value)


def as_count(value: Any, name: str, meaning: str, least: int = 1, most: float = math.inf) -> int:
    """`value` as an integer within its limits, or an error that says what it means."""
    if not is_real_number(value) or not isinstance(value, int | np.integer) or not least <= value <= most:
        limit = f"at least {least}" if most == math.inf else f"from {least} to {most}"
        raise ValueError(f"{name} must be an integer, {meaning}, {limit}, got {value!r}.")
    return int(value)


def as_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """`value` itself if it is among the choices, or an error."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}.")
    return value
