"""Build the course site into `build/site`: `make site` runs this, with the packages of the group `site`.

The site is always built completely. Executed notebooks are kept in `build/site-cache` and run again only after a
change. Warnings are errors.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import conf
import course_site  # noqa: F401  (its change of `NotebookClient` is needed here too)
from jupyter_cache import get_cache
from jupyter_cache.executors.basic import ExecutionWorkerTempSerial, ProcessData
from sphinx.cmd.build import main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build"


def execute() -> None:
    """Run the lessons that are not in the cache, up to four at a time; Sphinx uses the cache."""
    cache = get_cache(conf.nb_execution_cache_path)
    records = [cache.add_nb_to_project(str(path)) for path in sorted(HERE.parent.glob("0[1-9]_*.ipynb"))]
    missing = cache.list_unexecuted(filter_pks=[record.pk for record in records])
    work = [ProcessData(record.pk, record.uri, cache, conf.nb_execution_timeout, False) for record in missing]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        # If a lesson fails here, Sphinx runs it again and reports the error.
        list(pool.map(ExecutionWorkerTempSerial(logging.getLogger(__name__)), work))


def build() -> int:
    """Build the site; return 0 if it worked."""
    execute()
    # Otherwise pages of deleted lessons would remain.
    shutil.rmtree(BUILD / "site", ignore_errors=True)
    options = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(HERE), "-d", str(BUILD / "site-doctrees")]
    return main([*options, str(HERE.parent), str(BUILD / "site")])


if __name__ == "__main__":
    sys.exit(build())
