"""Example files of lesson 8: synthetic recordings with common errors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import Anomaly, Series, load_csv, synthetic_series
from trainers.console import say
from trainers.plotting import Figure
from trainers.widgets import SeriesViewer

# Skin patch: rows per second, the sentinel value for "no contact", and the rows of each error.
PATCH_RATE, NO_CONTACT = 25, -99.99
LOOSE_START, HANGS, LOST, NO_CONTACT_AT = slice(0, 80), slice(3000, 3080), slice(12_500, 12_590), (1200, 14_300)
# Pump of the exercises, 1 Hz: its gaps and its event without a label, in steps.
PUMP_GAPS, PUMP_EVENT = [(310, 318), (1450, 1495), (2600, 2607)], (1020, 1060)


def first_look(path: Path) -> Figure:
    """Plot the column 'pulse' of the file, before any correction.

    Parameters
    ----------
    path : Path
        A file written by `write_patch_csv`.

    Returns
    -------
    Figure
    """
    table = pd.read_csv(path, sep=";", decimal=",", na_values="ERR")
    figure = SeriesViewer(Series(table["pulse"], name="the column 'pulse'")).figure
    figure.alt = "The column 'pulse' as it is in the file: a flat band near 0, with two very short drops to -100."
    return figure


def attempt(path: Path, **options: Any) -> Series | None:
    """Read a file with `data.load_csv`, and print its warnings and its error.

    Parameters
    ----------
    path : Path
        CSV file.
    **options
        Options of `data.load_csv`.

    Returns
    -------
    Series or None
        None if `data.load_csv` raises an error.
    """
    with printed_warnings(path):
        try:
            return load_csv(path, **options)
        except ValueError as error:
            say(f"error: {str(error).replace(str(path), path.name)}")
            return None


@contextmanager
def printed_warnings(path: Path | None = None) -> Iterator[None]:
    """Print the warnings of the block as text, without the folder of `path`.

    Parameters
    ----------
    path : Path, optional
        A file that the warnings may name.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        text = str(warning.message)
        say(f"warning: {text.replace(str(path), path.name) if path else text}")


def patch() -> Series:
    """Return the recording of the patch without errors: 18,000 steps at 25 Hz with four labelled events.

    The signal is a synthetic pulse of about 60 beats per minute. The events are a missing beat, a fast heart rate,
    noise and a pattern at the wrong time, all after step 11,000.
    """
    events = [
        Anomaly("missing beat", length=50),
        Anomaly("frequency change", length=75),
        Anomaly("noise burst", length=25),
        Anomaly("contextual", length=5),
    ]
    # with this seed, all events lie in the later part
    recorded = synthetic_series(events, n_training=2, n_test=18_000, period=25, seed=183).test
    return Series(
        recorded.values, labels=recorded.labels, name="patch", sampling_rate=PATCH_RATE, feature_names=["pulse"]
    )


def write_patch_csv(path: Path) -> Path:
    """Write `patch` as a file with errors: 17,910 rows, semicolons, decimal commas, no labels.

    The errors are a loose start, a flatline, a sentinel value for "no contact", missing rows, a word in a cell, a
    constant channel, a channel with drift, and a text column.

    Parameters
    ----------
    path : Path
        Output file; an existing file is replaced.

    Returns
    -------
    Path
        `path`.
    """
    pulse = patch().values[:, 0].astype(float)
    rng = np.random.default_rng(0)
    pulse[LOOSE_START] += np.cumsum(rng.normal(0, 0.1, LOOSE_START.stop))
    pulse[HANGS] = pulse[HANGS.start]
    for first in NO_CONTACT_AT:
        pulse[first : first + 4] = NO_CONTACT
    rows = np.arange(len(pulse))
    temperature = 31 + 2.5 * rows / len(rows) + rng.normal(0, 0.05, len(rows))
    comments = {0: "start", 2996: "patient turns over", len(rows) - 1: "end"}
    lines = ["time_ms;pulse;lead2;temperature;comment"]
    for row in np.delete(rows, LOST).tolist():
        value = "ERR" if row == 4210 else f"{pulse[row]:.3f}".replace(".", ",")
        degrees = f"{temperature[row]:.2f}".replace(".", ",")
        lines.append(f"{row * 1000 // PATCH_RATE};{value};0,0;{degrees};{comments.get(row, '')}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pump() -> Series:
    """Return a pump's pressure: 4,000 steps at 1 Hz, with three gaps and an early event without a label."""
    training, test = synthetic_series(
        [Anomaly("noise burst", count=2)], n_training=1000, n_test=3000, period=40, seed=3
    )
    values = np.concatenate([training.values[:, 0], test.values[:, 0]]).astype(float)
    values = 2.5 + values
    start, end = PUMP_EVENT
    values[start:end] = values[start - 40 : end - 40] * 0.4 + 1.5
    for start, end in PUMP_GAPS:
        values[start:end] = np.nan
    return Series(values, name="pump", sampling_rate=1.0, feature_names=["pressure"])


def write_pump_csv(path: Path) -> Path:
    """Write the first 600 values of `pump` in the format of a German spreadsheet.

    Parameters
    ----------
    path : Path
        Output file; an existing file is replaced.

    Returns
    -------
    Path
        `path`.
    """
    lines = ["Zeit;Druck;Ventil"]
    for row, value in enumerate(pump().values[:600, 0]):
        time_of_day = f"{8 + row // 3600:02d}:{row // 60 % 60:02d}:{row % 60:02d}"
        pressure = "" if np.isnan(value) else f"{value:.3f}".replace(".", ",")
        lines.append(f"02.03.2026 {time_of_day};{pressure};auf")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
