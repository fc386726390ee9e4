"""Builds the course site into `build/site`, anew: `make site` runs it, with the packages of the group `site`.

Executed notebooks are kept in `build/site-cache`; only what has changed is run again. A warning is an error.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build"


def build() -> int:
    """Return 0 if all went well."""
    # A page of a lesson that is gone would stay.
    shutil.rmtree(BUILD / "site", ignore_errors=True)
    options = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(HERE), "-d", str(BUILD / "site-doctrees")]
    return main([*options, str(HERE.parent), str(BUILD / "site")])


if __name__ == "__main__":
    sys.exit(build())
