"""``python -m trainers report my.csv``: a page about one's own recording."""

from __future__ import annotations

import argparse
import inspect
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from data import CSVWarning, load_csv
from trainers.console import ended, say, status_of
from trainers.detection import AnomalyDetector


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="python -m trainers", description="LSTM autoencoders find anomalies.")
    _add_report(whole.add_subparsers(dest="command", required=True))
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; 0 if it worked, 2 if something is wrong with what was given."""
    given = vars(parser().parse_args(arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("always", CSVWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        return status_of(lambda: _report(given))


def _show_warning(message: Warning | str, *_: Any) -> None:
    say(f"warning: {message}", file=sys.stderr)


# How `load_csv` reads a file: what is said of each of its options, and how it is read where it is no text.
_CSV_HELP = {
    "time": "column of the times; given twice, columns of day and time of day",
    "values": "columns of the values",
    "labels": "column of the labels: 0 is normal",
    "normal": "the label that is normal, if it is not 0",
    "sampling_rate": "time steps per second",
    "irregular": "unequal time steps: error, keep, interpolate, or ignore (the times)",
    "time_unit": "unit of times that are numbers: s, ms, us, ns, min, h, d, excel or matlab (day numbers)",
    "date_format": "how dates are written, such as %d.%m.%Y",
    "separator": "between two columns; \\t is the tab",
    "decimal": "decimal point or comma",
    "thousands": "sign between thousands",
    "header": "whether the first line names the columns",
    "encoding": "such as cp1252, of files from Windows",
}
_CSV_TYPES: dict[str, dict[str, Any]] = {
    "time": {"action": "append"},
    "values": {"nargs": "+"},
    "sampling_rate": {"type": float},
    "separator": {"type": lambda text: text.replace("\\t", "\t")},
    "header": {"action": argparse.BooleanOptionalAction},
}


def _add_report(commands: Any) -> None:
    """Each hyperparameter of `AnomalyDetector` is an option."""
    told = commands.add_parser(
        "report", help="learn from the first part of a CSV file, judge the rest, write a page about it"
    )
    told.add_argument("file", help="CSV: one row a time step; columns for time, values and labels are guessed or named")
    told.add_argument("--output", default="report.html", help="the page (default: %(default)s)")
    told.add_argument("--training", type=float, default=0.5, help="share to learn from, at the start (default: 0.5)")
    told.add_argument("--device", default="cpu", help='"cpu" or "gpu" (default: cpu)')
    file = told.add_argument_group("the file")
    for name in _csv_options():
        text = _CSV_HELP.get(name, "").replace("%", "%%")
        file.add_argument(f"--{name.replace('_', '-')}", default=None, help=text, **_CSV_TYPES.get(name, {}))
    settings = told.add_argument_group("hyperparameters of the detector")
    for name, one in AnomalyDetector.declared().items():
        option = f"--{name.replace('_', '-')}"
        meaning = f"{one.meaning} (default: {one.default})".replace("%", "%%")
        if one.kind is bool:
            settings.add_argument(option, action=argparse.BooleanOptionalAction, default=None, help=meaning)
        else:
            settings.add_argument(option, type=one.kind, choices=one.choices, help=meaning)


def _csv_options() -> list[str]:
    return [name for name, one in inspect.signature(load_csv).parameters.items() if one.kind == one.KEYWORD_ONLY]


def _report(given: dict[str, Any]) -> int:
    # Imported here, so that --help and a misspelt option are answered at once.
    from trainers.reports import report

    options = {name: given[name] for name in _csv_options() if given[name] is not None}
    settings = {name: given[name] for name in AnomalyDetector.declared() if given[name] is not None}
    report(given["file"], given["output"], training=given["training"], device=given["device"], csv=options, **settings)
    return 0


if __name__ == "__main__":
    sys.exit(ended(main()))
