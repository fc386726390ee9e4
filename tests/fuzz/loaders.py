"""All loaders that are tested."""

from __future__ import annotations

from tests.fuzz import csv_files, saved_files, ucr_files

LOADERS = {loader.name: loader for loader in (csv_files.LOADER, *ucr_files.LOADERS, saved_files.LOADER)}
