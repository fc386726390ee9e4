"""Build the course site into `build/site`: `make site` runs this, with the packages of the group `site`.

The site is always built completely. Lessons whose outputs the tests have not kept are run first. Warnings are errors.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from sphinx.cmd.build import main
from tested_lessons import ROOT, kept, lessons

SITE = ROOT / "notebooks" / "site"
BUILD = ROOT / "build"


def execute() -> None:
    """Run the lessons whose outputs are not kept, up to four at a time, without comparing their outputs."""
    missing = [str(path) for path in lessons() if not kept(path).exists()]
    if missing:
        options = ["-q", f"-n{min(4, os.cpu_count() or 1, len(missing))}", "--dist=loadfile", "--nbval-lax"]
        command = [sys.executable, "-m", "pytest", *options, "-p", "notebooks.site.tested_lessons", *missing]
        subprocess.run(command, cwd=ROOT, check=True)


def build() -> int:
    """Build the site; return 0 if it worked."""
    execute()
    # Otherwise pages of deleted lessons would remain.
    shutil.rmtree(BUILD / "site", ignore_errors=True)
    options = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(SITE), "-d", str(BUILD / "site-doctrees")]
    return main([*options, str(ROOT / "notebooks"), str(BUILD / "site")])


if __name__ == "__main__":
    sys.exit(build())
