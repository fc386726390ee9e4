"""The tables of evaluations: figures with their intervals, and `compare`, a row for each detector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd


def compare(evaluations: Mapping[str, Any]) -> pd.DataFrame:
    """Several detectors in one table.

    Parameters
    ----------
    evaluations : dict of Evaluation, or dict of SeriesEvaluation
        What `evaluate` or `evaluate_series` gave for each detector, under its name.

    Returns
    -------
    pandas.DataFrame
        One row for each detector, in the order given, the columns of `to_frame`.

    Raises
    ------
    TypeError, ValueError
        If it is no dict of evaluations of one kind, or empty.

    Examples
    --------
    >>> from trainers.detection import evaluate
    >>> labels = [0, 0, 1, 1]
    >>> table = compare({"good": evaluate([1, 2, 3, 4], labels, 2), "poor": evaluate([4, 1, 2, 3], labels, 3)})
    >>> table[["auroc", "recall"]]
              auroc  recall
    detector
    good        1.0     1.0
    poor        0.5     0.0
    """
    kinds = {type(value) for value in evaluations.values()} if isinstance(evaluations, Mapping) else set()
    if len(kinds) != 1 or not all(hasattr(kind, "to_frame") for kind in kinds):
        got = sorted(kind.__name__ for kind in kinds) or repr(evaluations)
        msg = f"evaluations takes a dict of what evaluate(…), or evaluate_series(…), gave, by detector; got {got}."
        raise TypeError(msg)
    table = pd.concat([value.to_frame() for value in evaluations.values()])
    table.index = pd.Index(list(evaluations), name="detector")
    return table


def interleaved(figures: Mapping[str, Any], intervals: Mapping[str, tuple[float, float]] | None) -> dict[str, Any]:
    """Each figure, followed by the two ends of its interval where it has one."""
    row: dict[str, Any] = {}
    for name, value in figures.items():
        row[name] = value
        if intervals and name in intervals:
            row[f"{name} low"], row[f"{name} high"] = intervals[name]
    return row


def figures_html(
    figures: Mapping[str, Any], intervals: Mapping[str, tuple[float, float]] | None, level: float | None
) -> str:
    """A row of figures, and under it a row of their intervals."""
    rows = {"": {name: _text(value) for name, value in figures.items()}}
    shown = {name: intervals[name] for name in figures if name in intervals} if intervals else {}
    if shown:
        ends = {name: f"{_text(low)} to {_text(high)}" for name, (low, high) in shown.items()}
        rows[f"{level:.4g} interval"] = {name: ends.get(name, "") for name in figures}
    return pd.DataFrame.from_dict(rows, orient="index").to_html(index=bool(shown))


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
