"""``python -m trainers report my.csv``: a page about one's own recording."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from data import CSVWarning, load_csv
from trainers.console import say, status_of
from trainers.detection import AnomalyDetector

# What is no plain text among the options of `load_csv`.
_CSV_TYPES: dict[str, dict[str, Any]] = {
    "time": {"action": "append"},
    "values": {"nargs": "+"},
    "sampling_rate": {"type": float},
    "separator": {"type": lambda text: text.replace("\\t", "\t")},
    "header": {"action": argparse.BooleanOptionalAction},
}


def parser() -> argparse.ArgumentParser:
    """The command line; each option of `load_csv` and each hyperparameter of `AnomalyDetector` is one of it."""
    whole = argparse.ArgumentParser(prog="python -m trainers", description="LSTM autoencoders find anomalies.")
    told = whole.add_subparsers(dest="command", required=True).add_parser(
        "report", help="learn from the first part of a CSV file, judge the rest, write a page about it"
    )
    told.add_argument("file", help="CSV: one row a time step; columns for time, values and labels are guessed or named")
    told.add_argument("--output", default="report.html", help="the page (default: %(default)s)")
    told.add_argument("--training", type=float, default=0.5, help="share to learn from, at the start (default: 0.5)")
    told.add_argument("--device", default="cpu", help='"cpu" or "gpu" (default: cpu)')
    # From its docstring: type and first sentence.
    said = re.findall(r"^(\w+) : (.+)\n +((?:.|\n)+?)\.\s", inspect.getdoc(load_csv) or "", re.MULTILINE)
    csv_help = {name: f"{' '.join(sentence.split())} ({kind})" for name, kind, sentence in said}
    file = told.add_argument_group("the file", r"How `data.load_csv` reads it, whose help says more; \t is the tab.")
    for name in _csv_options():
        text = csv_help.get(name, "").replace("%", "%%")
        file.add_argument(f"--{name.replace('_', '-')}", help=text, **_CSV_TYPES.get(name, {}))
    settings = told.add_argument_group("hyperparameters of the detector")
    for name, one in AnomalyDetector.declared().items():
        kind = {"type": one.kind, "choices": one.choices}
        options: dict[str, Any] = {"action": argparse.BooleanOptionalAction} if one.kind is bool else kind
        description = f"{one.description} (default: {one.default})".replace("%", "%%")
        settings.add_argument(f"--{name.replace('_', '-')}", default=None, help=description, **options)
    return whole


def _csv_options() -> list[str]:
    return [name for name, one in inspect.signature(load_csv).parameters.items() if one.kind == one.KEYWORD_ONLY]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; 0 if it worked, 2 if something is wrong with what was given."""
    given = vars(parser().parse_args(arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("always", CSVWarning)
        warnings.showwarning = lambda message, *_: say(f"warning: {message}", file=sys.stderr)
        return status_of(lambda: _report(given))


def _report(given: dict[str, Any]) -> int:
    # Imported here, so that --help and a misspelt option are answered at once.
    from trainers.reports import report

    options = {name: given[name] for name in _csv_options() if given[name] is not None}
    settings = {name: given[name] for name in AnomalyDetector.declared() if given[name] is not None}
    report(given["file"], given["output"], training=given["training"], device=given["device"], csv=options, **settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
