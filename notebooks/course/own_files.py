"""The files of lesson 7, as they might come from somebody else: made from the kit's data, with what goes wrong."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data import Anomaly, CSVWarning, Series, load_csv, synthetic_series
from trainers.console import say
from trainers.plotting import Figure
from trainers.widgets import SeriesViewer

# The patch: rows a second, what it writes for "no contact", and where what goes wrong lies, in rows.
PATCH_RATE, NO_CONTACT = 25, -99.99
LOOSE, HANGS, LOST, NO_CONTACT_AT = slice(0, 80), slice(3000, 3080), slice(12_500, 12_590), (1200, 14_300)
# The pump of the exercises: 1 Hz; its gaps; the event that nobody has labelled.
PUMP_GAPS, PUMP_EVENT = [(310, 318), (1450, 1495), (2600, 2607)], (1020, 1060)


def first_look(path: Path) -> Figure:
    """Draw the column 'pulse' of the patch's file as it stands there, before anything is mended.

    Parameters
    ----------
    path : Path
        A file as `write_patch_csv` writes it.

    Returns
    -------
    Figure
    """
    sheet = pd.read_csv(path, sep=";", decimal=",", na_values="ERR")
    picture = SeriesViewer(Series(sheet["pulse"], name="the column 'pulse'")).figure
    picture.alt = (
        "The column 'pulse' as it is in the file: a flat band near 0, with two drops to -100, thin as needles."
    )
    return picture


def attempt(path: Path, **options: Any) -> Series | None:
    """Read a file with `data.load_csv`, and print what it warns of, or the error it ends in.

    Parameters
    ----------
    path : Path
        The file.
    **options
        As `data.load_csv` takes them.

    Returns
    -------
    Series or None
        None if the file cannot be read so.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CSVWarning)
        try:
            return load_csv(path, **options)
        except ValueError as error:
            say(f"error: {str(error).replace(str(path), path.name)}")
            return None
        finally:
            for warning in caught:
                say(f"warning: {str(warning.message).replace(str(path), path.name)}")


def patch() -> Series:
    """What the patch would have recorded if nothing had gone wrong: 18,000 steps at 25 Hz, four labelled events.

    An artificial pulse of about 60 beats a minute: a pause, a racing heart, a disturbance that is none of the heart's,
    and something that comes at the wrong time, all after step 11,000.
    """
    events = [
        Anomaly("missing beat", length=50),
        Anomaly("frequency change", length=75),
        Anomaly("noise burst", length=25),
        Anomaly("contextual", length=5),
    ]
    # This seed lays all of them into the later part.
    made = synthetic_series(events, n_training=2, n_test=18_000, period=25, seed=183).test
    return Series(made.values, labels=made.labels, name="patch", sampling_rate=PATCH_RATE, feature_names=["pulse"])


def write_patch_csv(path: Path) -> Path:
    """`patch` as it might come from somebody else: 17,910 rows, semicolons, decimal commas, no labels.

    What goes wrong: a loose beginning, a sensor that hangs, a code for no contact, lost rows, a word in
    a cell, a dead channel, a drifting one, a column of text.

    Parameters
    ----------
    path : Path
        Where to; an existing file is replaced.

    Returns
    -------
    Path
        The same.
    """
    pulse = patch().values[:, 0].astype(float)
    rng = np.random.default_rng(0)
    pulse[LOOSE] += np.cumsum(rng.normal(0, 0.1, LOOSE.stop))
    pulse[HANGS] = pulse[HANGS.start]
    for first in NO_CONTACT_AT:
        pulse[first : first + 4] = NO_CONTACT
    rows = np.arange(len(pulse))
    warmth = 31 + 2.5 * rows / len(rows) + rng.normal(0, 0.05, len(rows))
    told = {0: "start", 2996: "patient turns over", len(rows) - 1: "end"}
    lines = ["time_ms;pulse;lead2;temperature;comment"]
    for row in np.delete(rows, LOST).tolist():
        value = "ERR" if row == 4210 else f"{pulse[row]:.3f}".replace(".", ",")
        warm = f"{warmth[row]:.2f}".replace(".", ",")
        lines.append(f"{row * 1000 // PATCH_RATE};{value};0,0;{warm};{told.get(row, '')}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pump() -> Series:
    """A pump's pressure, one value a second, 4,000 steps, with three gaps and, early on, an event without a label."""
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
    """The first 600 values of `pump` as a German spreadsheet writes them.

    Parameters
    ----------
    path : Path
        Where to; an existing file is replaced.

    Returns
    -------
    Path
        The same.
    """
    lines = ["Zeit;Druck;Ventil"]
    for row, value in enumerate(pump().values[:600, 0]):
        clock = f"{8 + row // 3600:02d}:{row // 60 % 60:02d}:{row % 60:02d}"
        pressure = "" if np.isnan(value) else f"{value:.3f}".replace(".", ",")
        lines.append(f"02.03.2026 {clock};{pressure};auf")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
