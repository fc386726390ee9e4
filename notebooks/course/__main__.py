"""``python -m notebooks.course check``, ``lab`` or ``classroom``: a computer, and JupyterLab, ready for a lesson."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trainers.console import say, status_of

COMMANDS = {
    "check": "see whether this computer is ready for a lesson; 1 if it is not",
    "lab": "open JupyterLab on a lesson",
    "classroom": "open JupyterLab in classroom mode: larger text, and a training run ends within half a minute",
}


def _parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="python -m notebooks.course", description="The course's lessons.")
    commands = whole.add_subparsers(dest="command", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name != "check":
            command.add_argument("notebook", nargs="?", help="the notebook to open (default: lesson 1)")
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; 0 if it worked, 1 if the check found faults, 2 if something is wrong with what was given."""
    given = _parser().parse_args(arguments)
    return status_of(_check if given.command == "check" else lambda: _lab(given))


# What a command needs is imported by it, so that --help and a misspelt option are answered at once.


def _check() -> int:
    from notebooks.course.setup_check import check

    found = check(show=say)
    say(f"\n{found.summary}")
    return int(not found.ready)


def _lab(given: argparse.Namespace) -> int:
    from notebooks.course.classroom_lab import start

    return start(given.notebook, classroom_mode=given.command == "classroom")


if __name__ == "__main__":
    sys.exit(main())
