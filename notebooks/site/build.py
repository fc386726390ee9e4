"""Builds the course site into `build/site`, anew: `make site` runs it, with the packages of the group `site`.

Executed notebooks are kept in `build/site-cache`; only what has changed is run again. A warning is an error.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import conf
import course_site  # noqa: F401  (what it changes in notebooks' clients is needed here too)
from jupyter_cache import get_cache
from jupyter_cache.executors.basic import ExecutionWorkerTempSerial, ProcessData
from sphinx.cmd.build import main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build"


def execute() -> None:
    """Run the lessons that the cache lacks, up to four at a time; Sphinx finds them there."""
    cache = get_cache(conf.nb_execution_cache_path)
    records = [cache.add_nb_to_project(str(path)) for path in sorted(HERE.parent.glob("0[1-9]_*.ipynb"))]
    missing = cache.list_unexecuted(filter_pks=[record.pk for record in records])
    given = [ProcessData(record.pk, record.uri, cache, conf.nb_execution_timeout, False) for record in missing]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        # Sphinx runs a lesson that fails here again, and says why it fails.
        list(pool.map(ExecutionWorkerTempSerial(logging.getLogger(__name__)), given))


def build() -> int:
    """Return 0 if all went well."""
    execute()
    # A page of a lesson that is gone would stay.
    shutil.rmtree(BUILD / "site", ignore_errors=True)
    options = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(HERE), "-d", str(BUILD / "site-doctrees")]
    return main([*options, str(HERE.parent), str(BUILD / "site")])


if __name__ == "__main__":
    sys.exit(build())
