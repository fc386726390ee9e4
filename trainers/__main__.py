"""``python -m trainers report my.csv``: write a page about a recording."""

from __future__ import annotations

import argparse
import inspect
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from data import CSVWarning, load_csv
from trainers.console import say, status_of
from trainers.detection import AnomalyDetector

# Options of `load_csv` that are not plain strings.
_CSV_TYPES: dict[str, dict[str, Any]] = {
    "time": {"action": "append"},
    "values": {"nargs": "+"},
    "sampling_rate": {"type": float},
    "separator": {"type": lambda text: text.replace("\\t", "\t")},
    "header": {"action": argparse.BooleanOptionalAction},
}


def parser() -> argparse.ArgumentParser:
    """Return the parser, with one option for each option of `load_csv` and hyperparameter of `AnomalyDetector`."""
    main_parser = argparse.ArgumentParser(prog="python -m trainers", description="LSTM autoencoders find anomalies.")
    command = main_parser.add_subparsers(dest="command", required=True).add_parser(
        "report", help="train on the first part of a CSV file, score the rest, and write a page about it"
    )
    command.add_argument("file", help="CSV with one row per time step; the time, value and label columns can be named")
    command.add_argument("--output", default="report.html", help="the page to write (default: %(default)s)")
    command.add_argument("--training", type=float, default=0.5, help="share to train on, from the start (default: 0.5)")
    command.add_argument("--device", default="cpu", help='"cpu" or "gpu" (default: cpu)')
    # type and first sentence of each parameter, from the docstring of load_csv
    documented = re.findall(r"^(\w+) : (.+)\n +((?:.|\n)+?)\.\s", inspect.getdoc(load_csv) or "", re.MULTILINE)
    csv_help = {name: f"{' '.join(sentence.split())} ({kind})" for name, kind, sentence in documented}
    file = command.add_argument_group("the file", r"Options of `data.load_csv`; see its help for details. \t is a tab.")
    for name in _csv_options():
        text = csv_help.get(name, "").replace("%", "%%")
        file.add_argument(f"--{name.replace('_', '-')}", help=text, **_CSV_TYPES.get(name, {}))
    settings = command.add_argument_group("hyperparameters of the detector")
    for name, declared in AnomalyDetector.declared().items():
        kind = {"type": declared.kind, "choices": declared.choices}
        options: dict[str, Any] = {"action": argparse.BooleanOptionalAction} if declared.kind is bool else kind
        # a report shows events from beginning to end
        default = False if name == "adapt" else declared.default
        description = f"{declared.description} (default: {default})".replace("%", "%%")
        settings.add_argument(f"--{name.replace('_', '-')}", default=None, help=description, **options)
    return main_parser


def _csv_options() -> list[str]:
    return [name for name, p in inspect.signature(load_csv).parameters.items() if p.kind == p.KEYWORD_ONLY]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and return 0 on success, or 2 if an argument or the file is invalid."""
    given = vars(parser().parse_args(arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("always", CSVWarning)
        warnings.showwarning = lambda message, *_: say(f"warning: {message}", file=sys.stderr)
        return status_of(lambda: _report(given))


def _report(given: dict[str, Any]) -> int:
    # the metrics use numba: its threads wait for each other actively, which is slow if other programs run
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    # imported here, so that --help and errors in the options are fast
    from trainers.reports import report

    options = {name: given[name] for name in _csv_options() if given[name] is not None}
    settings = {name: given[name] for name in AnomalyDetector.declared() if given[name] is not None}
    report(given["file"], given["output"], training=given["training"], device=given["device"], csv=options, **settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
