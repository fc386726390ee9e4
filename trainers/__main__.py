"""``python -m trainers report my.csv``; ``check``, ``lab`` and ``classroom`` in the place of ``report my.csv``."""

from __future__ import annotations

import argparse
import inspect
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from data import CSVWarning, load_csv
from trainers.console import say
from trainers.detection import AnomalyDetector


def parser() -> argparse.ArgumentParser:
    """The command line: one parser for each command, which says in `run` what does it."""
    whole = argparse.ArgumentParser(prog="python -m trainers", description="LSTM autoencoders find anomalies.")
    commands = whole.add_subparsers(dest="command", required=True)
    _add_report(commands)
    _add_check(commands)
    _add_lab(commands)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; 0 if it worked, 1 if a check found faults, 2 if something is wrong with what was given."""
    given = vars(parser().parse_args(arguments))
    with warnings.catch_warnings():
        warnings.simplefilter("always", CSVWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            return int(given["run"](given))
        except (ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
            say(f"error: {error}", file=sys.stderr)
            return 2


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


# What a command needs is imported by it, so that --help and a misspelt option are answered at once.


def _add_report(commands: Any) -> None:
    """Each hyperparameter of `AnomalyDetector` is an option."""
    told = commands.add_parser(
        "report", help="learn from the first part of a CSV file, judge the rest, write a page about it"
    )
    told.set_defaults(run=_report)
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
    from trainers.report import report

    options = {name: given[name] for name in _csv_options() if given[name] is not None}
    settings = {name: given[name] for name in AnomalyDetector.declared() if given[name] is not None}
    report(given["file"], given["output"], training=given["training"], device=given["device"], csv=options, **settings)
    return 0


def _add_check(commands: Any) -> None:
    told = commands.add_parser("check", help="see whether this computer is ready for a lesson; 1 if it is not")
    told.set_defaults(run=_check)


def _check(given: dict[str, Any]) -> int:
    from trainers.course.setup_check import check

    found = check(show=say)
    say(f"\n{found.verdict}")
    return int(not found.ready)


def _add_lab(commands: Any) -> None:
    texts = {
        "lab": "open JupyterLab on a lesson",
        "classroom": "open JupyterLab in classroom mode: larger text, and a training run ends within half a minute",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.set_defaults(run=_lab)
        command.add_argument("notebook", nargs="?", help="the notebook to open (default: lesson 1)")


def _lab(given: dict[str, Any]) -> int:
    from trainers.course.classroom_lab import start

    return start(given["notebook"], classroom_mode=given["command"] == "classroom")


if __name__ == "__main__":
    code = main()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        # Python would try again at exit, and turn the exit status into 120.
        sys.stdout = None
    sys.exit(code)
