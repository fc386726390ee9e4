"""Command line ``python -m notebooks.course``: check a computer, or open JupyterLab, with or without classroom mode."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trainers.console import say, status_of

COMMANDS = {
    "check": "check whether this computer is ready for a lesson; the exit status is 1 if it is not",
    "lab": "open JupyterLab on a lesson",
    "classroom": "open JupyterLab in classroom mode: larger text, and training runs of about 25 seconds at most",
}


def _parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m notebooks.course", description="The course's lessons.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name != "check":
            command.add_argument("notebook", nargs="?", help="the notebook to open (default: lesson 1)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 if it worked, 1 if the check found faults, 2 if the arguments are wrong."""
    options = _parser().parse_args(arguments)
    return status_of(_check if options.command == "check" else lambda: _lab(options))


# Each command imports what it needs, so that --help and a misspelt option are answered immediately.


def _check() -> int:
    from notebooks.course.setup_check import check

    result = check(show=say)
    say(f"\n{result.summary}")
    return int(not result.ready)


def _lab(options: argparse.Namespace) -> int:
    from notebooks.course.classroom_lab import start

    return start(options.notebook, classroom_mode=options.command == "classroom")


if __name__ == "__main__":
    sys.exit(main())
