"""`check_series`: check a recording before a model is trained on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from data._deprecated import RenamedValue
from data.data_set import as_array, as_pandas, check_integer, is_real_number
from data.markup import escaped, without_math
from data.series import Series, runs
from data.words import length_and_sampling, many

# Sign and color of each verdict, the best verdict first.
_SIGNS = {"ok": ("✓", "#009E73"), "review": ("○", "#0072B2"), "fix": ("✗", "#D55E00")}
_NO_INFORMATION = "Remove the feature: it has no information."
Verdict = Literal["ok", "review", "fix"]
# Number of blocks of equal length in a recording; the median over the blocks is the usual value.
_BLOCKS = 20
# Shortest flatline in steps, and its shortest length as a multiple of the mean length of runs of equal values.
_SHORTEST_FLATLINE, _TIMES_USUAL_RUN = 10, 10
# Smallest distance of an outlier from the median, as a multiple of the largest distance in a usual block.
_FAR = 3
# Smallest step at or between outliers, as a multiple of the same distance; with smaller steps, the signal drifts.
_JUMP = 0.5
# Numbers of windows in the training part below which the verdict is "fix" and "review".
_FEWEST_WINDOWS, _ENOUGH_WINDOWS = 10, 20


class Finding(NamedTuple):
    """One result of `check_series`.

    Attributes
    ----------
    check : str
        Name of the check, such as "flatline".
    feature : str
        Name of the feature; empty for a check of the whole recording.
    verdict : {"ok", "review", "fix"}
        "ok": nothing to do; "review": inspect the data and decide; "fix": fix the data first.
    found : str
        Description of the result.
    advice : str
        What to do; empty if there is nothing to do.
    steps : tuple of (start, end)
        Affected time steps, end excluded; empty if the result has no location.
    """

    check: str
    feature: str
    verdict: Verdict
    found: str
    advice: str = ""
    steps: tuple[tuple[int, int], ...] = ()


class SeriesCheck:
    """All results of `check_series`; displayed in a notebook as a table, the worst verdict first.

    Attributes
    ----------
    name : str
        Name of the recording.
    findings : tuple of Finding
        Results of all checks, including those with the verdict "ok".
    """

    def __init__(self, name: str, findings: list[Finding]) -> None:
        worst_first = list(reversed(_SIGNS))
        self.name = name
        ordered = sorted(findings, key=lambda finding: worst_first.index(finding.verdict))
        self.findings = tuple(map(_with_old_values, ordered))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each finding, with the attributes of `Finding` as columns."""
        return pd.DataFrame(self.findings, columns=list(Finding._fields))

    def __repr__(self) -> str:
        lines = [
            f"{one.verdict}: {one.check}{f', feature {one.feature!r}' * bool(one.feature)}: {one.found}"
            + f" {one.advice}" * bool(one.advice)
            for one in self.findings
        ]
        return "\n".join([f"Check of {self.name!r}", *lines])

    def _repr_html_(self) -> str:
        rows = []
        for one in self.findings:
            sign, color = _SIGNS[one.verdict]
            cells = [f'<td style="border-left: 0.4em solid {color}; white-space: nowrap">{sign} {one.verdict}</td>']
            texts = (one.check, one.feature, one.found, one.advice)
            cells += [f'<td style="text-align: left">{escaped(text)}</td>' for text in texts]
            rows.append(f"<tr>{''.join(cells)}</tr>")
        names = "".join(
            f'<th scope="col" style="text-align: left">{name}</th>'
            for name in ("verdict", "check", "feature", "found", "what to do")
        )
        return without_math(f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>")


def _with_old_values(finding: Finding) -> Finding:
    named: dict[str, Any] = {
        name: RenamedValue(getattr(finding, name), f"Finding.{name}") for name in ("check", "verdict")
    }
    return finding._replace(**named)


def check_series(series: Any, *, training: float = 0.5, window: int | None = None) -> SeriesCheck:
    """Check a recording for common faults before a model is trained on it.

    The checks are rules of thumb. They do not change the data; "ok" only means that a check found no fault. Each
    feature is checked separately. In the table, a block is one twentieth of the recording. "Usual" means that
    a quantity is computed for each block, and the median over all blocks is used.

    ================== =============================== ==================================================
    check              verdict "review"                verdict "fix"
    ================== =============================== ==================================================
    time               no sampling rate                times are not in equal steps
    missing            any value is missing            more than a fifth of the values, or all, are missing
    constant                                           all values are equal
    flatline                                           at least 10 equal values in a row, and at least 10
                                                       times the mean length of runs of equal values
    outlier                                            distance from the median is more than three times
                                                       the largest distance in a block (usual value), and
                                                       the signal jumps; a value that occurs several times
                                                       may be a sentinel value for "missing"
    drift              medians of the blocks differ
                       by more than the usual
                       standard deviation
    distribution shift range of the central 98 % of
                       the values after the training
                       part is at least twice, or at
                       most half, the range in the
                       training part
    labels             no labels; no abnormal label;   abnormal labels in the training part
                       more than a fifth abnormal
    training           fewer than 20 windows in the    fewer than 10 windows in the training part
                       training part
    ================== =============================== ==================================================

    The checks "outlier", "drift" and "distribution shift" leave out steps that are labelled abnormal. The check
    "training" needs the argument `window`.

    Parameters
    ----------
    series : Series, array or table, shape (time, feature) or (time,)
        The whole recording. Unlike a `Series`, an array or a table may have features without any value.
    training : float, default 0.5
        Share of the recording, from its start, that is the training part, as in `trainers.reports.report`.
    window : int, optional
        Time steps in a window, such as the result of ``AnomalyDetector().choose_window(series)``. Default: the
        length of the training part is not checked.

    Returns
    -------
    SeriesCheck
        The results of all checks.

    Raises
    ------
    TypeError, ValueError
        If `series`, `training` or `window` is invalid.

    Examples
    --------
    >>> wave = np.sin(np.arange(1000) / 5)
    >>> wave[300:360] = wave[300]
    >>> check_series(Series(wave, name="pump", sampling_rate=50.0), window=31).findings[0]
    Finding(check='flatline', feature='feature 0', verdict='fix', found='60 equal values from step 300 on.', \
advice='Set them to NaN if the sensor failed. Keep them if the value can be constant.', steps=((300, 360),))
    """
    series, empty = _filled(series)
    if not is_real_number(training) or not 0 < training < 1:
        raise ValueError(f"training must be a number between 0 and 1, got {training!r}.")
    end = max(1, round(training * len(series)))
    findings = [_time(series), *_labels(series, end)]
    if window is not None:
        findings.append(_enough(end, check_integer(window, "window", 2)))
    abnormal = np.zeros(len(series), dtype=bool) if series.labels is None else series.abnormal
    for i, (values, name) in enumerate(zip(series.values.T.astype(np.float64), series.feature_names, strict=True)):
        if empty[i]:
            findings.append(Finding("missing", name, "fix", "Every value is missing.", _NO_INFORMATION))
            continue
        known = values[~np.isnan(values)]
        if np.ptp(known) == 0:
            found = f"Every value is {known[0]:g}."
            findings.append(Finding("constant", name, "fix", found, _NO_INFORMATION))
            continue
        findings += [_missing(values, name), _flatline(values, name)]
        normal = np.where(abnormal, np.nan, values)
        normal = values if np.isnan(normal).all() else normal
        findings += [_outliers(normal, name), _drift(normal, name, window), _distribution_shift(normal, name, end)]
    return SeriesCheck(series.name, findings)


def _filled(values: Any) -> tuple[Series, np.ndarray]:
    """Return a recording as a series, and which features have no value; in the series, these are 0."""
    if isinstance(values, Series):
        return values, np.zeros(values.n_features, dtype=bool)
    values = as_pandas(values)
    array = as_array(values, "series")
    empty = np.isnan(array).all(0) if array.ndim == 2 else np.zeros(1, dtype=bool)
    if empty.any():
        array = np.where(empty, 0, array)
        values = pd.DataFrame(array, values.index, values.columns) if isinstance(values, pd.DataFrame) else array
    return Series.of(values), empty


def _time(series: Series) -> Finding:
    if series.time is not None and len(series) > 2:
        gaps = np.diff(series.time).astype(np.float64)
        if gaps.max() > 1.5 * np.median(gaps) or gaps.min() < 0.5 * np.median(gaps):
            shortest, longest = gaps.min() / np.median(gaps), gaps.max() / np.median(gaps)
            found = f"Unequal steps: from {shortest:.2g} to {longest:.2g} times the median."
            return Finding("time", "", "fix", found, "Load the file with irregular='interpolate'.")
    if series.sampling_rate is None:
        advice = "Set sampling_rate=… to get events in seconds and false alarms per hour."
        return Finding("time", "", "review", f"{len(series)} steps; no sampling rate.", advice)
    found = f"{len(series)} steps: {length_and_sampling(len(series), series.sampling_rate)}."
    return Finding("time", "", "ok", found)


def _labels(series: Series, end: int) -> list[Finding]:
    if series.labels is None:
        advice = "No metrics can be computed. Inspect each event that is detected, and note what it is."
        return [Finding("labels", "", "review", "No labels.", advice)]
    share, events = float(series.abnormal.mean()), tuple(series.events)
    if not events:
        return [
            Finding("labels", "", "review", "No step is abnormal.", "Only false alarms can be counted, not misses.")
        ]
    found = f"{many(len(events), 'abnormal event')}, {share:.1%} of the steps."
    frequent = share > 0.2
    advice = "In practice anomalies are rarer, so the metrics will be different there." if frequent else ""
    findings = [Finding("labels", "", "review" if frequent else "ok", found, advice, events)]
    inside = tuple(event for event in events if event[0] < end)
    if inside:
        found = f"The training part of {end} steps has {len(inside)} of the events."
        # rounded down, so that the training part has no step of the event
        most = inside[0][0] * 1000 // len(series) / 1000
        advice = f"Set training to at most {most:.3f}, or cut the event out." if most else "Cut the event out."
        findings.append(Finding("labels", "", "fix", found, advice, inside))
    return findings


def _enough(end: int, window: int) -> Finding:
    count = end / window
    found = f"The training part has {end} steps, or {count:.3g} windows. A fifth of it is used for the threshold."
    if count >= _ENOUGH_WINDOWS:
        return Finding("training", "", "ok", found)
    verdict: Verdict = "review" if count >= _FEWEST_WINDOWS else "fix"
    return Finding("training", "", verdict, found, "Use a longer normal recording; the threshold is unreliable.")


def _missing(values: np.ndarray, name: str) -> Finding:
    gaps = tuple(runs(np.isnan(values)))
    if not gaps:
        return Finding("missing", name, "ok", "No value is missing.")
    share = float(np.isnan(values).mean())
    start, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    longest = f"the longest has {end - start} steps and begins at {start}"
    found = f"{share:.1%} of the values are missing, in {many(len(gaps), 'gap')}; {longest}."
    advice = "Gaps are excluded from losses and scores; a window with more than half of its values missing is unscored."
    remedy = "Remove the feature, or cut the recording. " * (share > 0.2)
    return Finding("missing", name, "fix" if share > 0.2 else "review", found, remedy + advice, gaps)


def _flatline(values: np.ndarray, name: str) -> Finding:
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    lengths = np.diff(np.append(starts, len(values)))
    # NaN differs from itself, so each missing value is a separate run
    shortest = max(_SHORTEST_FLATLINE, _TIMES_USUAL_RUN * float(lengths.mean()))
    flatlines = tuple((int(s), int(s + n)) for s, n in zip(starts, lengths, strict=True) if n >= shortest)
    if not flatlines:
        return Finding("flatline", name, "ok", f"At most {lengths.max()} equal values in a row.")
    start, end = max(flatlines, key=lambda run: run[1] - run[0])
    more = f", and {many(len(flatlines) - 1, 'shorter flatline')}" * (len(flatlines) > 1)
    found = f"{end - start} equal values from step {start} on{more}."
    advice = "Set them to NaN if the sensor failed. Keep them if the value can be constant."
    return Finding("flatline", name, "fix", found, advice, flatlines)


def _outliers(values: np.ndarray, name: str) -> Finding:
    away = np.abs(values - np.nanmedian(values))
    usual = float(np.median([np.nanmax(block) for block in _blocks(away)]))
    low, high = np.nanmin(values), np.nanmax(values)
    beyond = away > _FAR * usual
    # steps between known values; those of a drift are small
    steps = np.abs(np.diff(np.pad(pd.Series(values).ffill().bfill(), 1, mode="edge")))
    for start, stop in runs(beyond):
        beyond[start:stop] = (steps[start : stop + 1] > _JUMP * usual).any()
    if usual == 0 or not beyond.any():
        return Finding("outlier", name, "ok", f"All values are between {low:.4g} and {high:.4g}.")
    places, worst = tuple(runs(beyond)), int(np.argmax(np.where(beyond, away, 0)))
    number, same = int(beyond.sum()), int((values == values[worst]).sum())
    found = f"{many(number, 'outlier')}, the farthest is {values[worst]:.4g} at step {worst}."
    advice = "Set impossible values to NaN, because they distort the scaling. Keep values that can occur."
    if same > 1:
        found += f" {values[worst]:.4g} occurs {same} times. It may be a sentinel value that marks missing values."
    return Finding("outlier", name, "fix", found, advice, places)


def _drift(values: np.ndarray, name: str, window: int | None) -> Finding:
    # at least three windows per block, because the median of a shorter block depends on the phase of a pattern
    number = _BLOCKS if window is None else max(2, min(_BLOCKS, len(values) // (3 * window)))
    blocks = _blocks(values, number)
    drift = float(np.ptp([np.nanmedian(block) for block in blocks]))
    sd = float(np.median([np.nanstd(block) for block in blocks]))
    found = f"The medians of {number} parts of the recording differ by {drift:.3g}; the s.d. within a part is {sd:.3g}."
    if drift <= sd:
        return Finding("drift", name, "ok", found)
    advice = "Train on all normal levels. If error is not 'neighbours', also pass centre=False to AnomalyDetector."
    return Finding("drift", name, "review", found, advice)


def _distribution_shift(values: np.ndarray, name: str, end: int) -> Finding:
    parts = (values[:end], values[end:])
    known = [part[~np.isnan(part)] for part in parts]
    for part, where in zip(known, ("training part", "rest"), strict=True):
        if not len(part):
            found, advice = f"The {where} has no normal values.", "Choose another training part, or remove the feature."
            return Finding("distribution shift", name, "review", found, advice)
    before, after = map(_middle_range, known)
    found = f"The range of the central 98 % of values is {before:.3g} in the training part and {after:.3g} in the rest."
    if before == after or 0.5 * before < after < 2 * before:
        return Finding("distribution shift", name, "ok", found)
    advice = "Check whether sensor, gain or mode changed. If so, train on data from before and after the change."
    return Finding("distribution shift", name, "review", found, advice)


def _middle_range(values: np.ndarray) -> float:
    return float(np.ptp(np.quantile(values, [0.01, 0.99])))


def _blocks(values: np.ndarray, number: int = _BLOCKS) -> list[np.ndarray]:
    """Return the values in `number` consecutive blocks, without blocks that have only missing values."""
    blocks = np.array_split(values, min(number, len(values)))
    return [block for block in blocks if np.isfinite(block).any()]
