"""`check_series`: the checks of a recording before a model is trained on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from data._deprecated import RenamedValue
from data.data_set import check_integer, is_real_number
from data.markup import escaped, without_math
from data.series import Series, runs

# The best first. Sign and word say the same as the color.
_SIGNS = {"ok": ("✓", "#009E73"), "review": ("○", "#0072B2"), "fix": ("✗", "#D55E00")}
Verdict = Literal["ok", "review", "fix"]
# Blocks of equal length into which a recording is divided; their median is what is usual.
_BLOCKS = 20
# Equal values in a row are a flatline from so many steps on, if they are so many times as many as usual.
_SHORTEST_FLATLINE, _TIMES_USUAL_RUN = 10, 10
# A value is an outlier if its distance from the median is so many times the largest one of a usual block.
_FAR = 3
# Windows in the training part: fewer than the first are too few, from the second on they suffice.
_FEWEST_WINDOWS, _ENOUGH_WINDOWS = 10, 20


class Finding(NamedTuple):
    """One result of `check_series`.

    Attributes
    ----------
    check : str
        Name of the check, such as "flatline".
    feature : str
        Which feature; empty if it is the whole recording.
    verdict : {"ok", "review", "fix"}
        Nothing to do; something to look at and decide; something to fix first.
    found : str
        The result in words and numbers.
    advice : str
        What to do; empty if there is nothing.
    steps : tuple of (start, end)
        Where, the end not included; empty if it has no place.
    """

    check: str
    feature: str
    verdict: Verdict
    found: str
    advice: str = ""
    steps: tuple[tuple[int, int], ...] = ()


class SeriesCheck:
    """The results of `check_series`; a table in a notebook, the worst first.

    Attributes
    ----------
    name : str
        Of the recording.
    findings : tuple of Finding
        All of them, also those that are fine.
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
            f"{one.verdict}: {one.check}{f' of {one.feature!r}' * bool(one.feature)}: {one.found}"
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
    """Check a recording before a model is trained on it; return one table of what was found and what to do.

    The checks are rules of thumb for common faults, given below. They change nothing; "ok" only means that the
    rule was passed. Each feature is checked alone.

    ================== ==================================================================================
    check              review, or fix
    ================== ==================================================================================
    time               no sampling rate; times that are not in equal steps
    missing            any value is missing; more than a fifth of the values of a feature are missing
    constant           a feature never changes
    flatline           at least 10 equal values in a row, and 10 times as many as is usual
    outlier            a value three times as far from the median as the farthest of a usual twentieth of the
                       recording; a value that occurs several times may be a sentinel value for "missing"
    drift              the median of a twentieth of the recording moves by more than the spread within one
    distribution shift the span of 98 % of the values after the training part is twice or half that in it
    labels             none; none abnormal; more than a fifth abnormal; abnormal ones in the training part
    training           fewer than 20 windows in the training part; fewer than 10 (only with `window`)
    ================== ==================================================================================

    Parameters
    ----------
    series : Series or array, shape (time, feature) or (time,)
        The whole recording.
    training : float, default 0.5
        Share of it, from its start, that is the training part, as in `trainers.reports.report`.
    window : int, optional
        Steps of a window, such as ``AnomalyDetector().choose_window(series)`` gives. Default: the length of
        the training part is not checked.

    Returns
    -------
    SeriesCheck

    Raises
    ------
    TypeError, ValueError
        If `series`, `training` or `window` is invalid.

    Examples
    --------
    >>> wave = np.sin(np.arange(1000) / 5)
    >>> wave[300:360] = wave[300]
    >>> check_series(Series(wave, name="pump", sampling_rate=50.0), window=31).findings[0]
    Finding(check='flatline', feature='feature 0', verdict='fix', found='60 steps of one value from step 300 on.', \
advice='Set them to NaN: a sensor that hangs measures nothing. If it may stay still, leave them.', steps=((300, 360),))
    """
    series = Series.of(series)
    if not is_real_number(training) or not 0 < training < 1:
        raise ValueError(f"training must be a number between 0 and 1, got {training!r}.")
    end = max(1, round(training * len(series)))
    findings = [_time(series), *_labels(series, end)]
    if window is not None:
        findings.append(_enough(end, check_integer(window, "window", 2)))
    for values, name in zip(series.values.T.astype(np.float64), series.feature_names, strict=True):
        known = values[~np.isnan(values)]
        if np.ptp(known) == 0:
            found = f"Every value is {known[0]:g}."
            findings.append(Finding("constant", name, "fix", found, "Leave it out: it says nothing, or is dead."))
            continue
        findings += [_missing(values, name), _flatline(values, name), _outliers(values, name)]
        findings += [_drift(values, name, window), _distribution_shift(values, name, end)]
    return SeriesCheck(series.name, findings)


def _time(series: Series) -> Finding:
    if series.time is not None and len(series) > 2:
        gaps = np.diff(series.time).astype(np.float64)
        if gaps.max() > 1.5 * np.median(gaps) or gaps.min() < 0.5 * np.median(gaps):
            found = (
                f"Unequal steps: from {gaps.min() / np.median(gaps):.2g} to {gaps.max() / np.median(gaps):.2g} usual."
            )
            return Finding("time", "", "fix", found, "Read it again with irregular='interpolate'.")
    if series.sampling_rate is None:
        advice = "Give sampling_rate=…, or events are in steps only and false alarms not per hour."
        return Finding("time", "", "review", f"{len(series)} steps; no sampling rate.", advice)
    lasts = len(series) / series.sampling_rate
    return Finding("time", "", "ok", f"{len(series)} steps at {series.sampling_rate:.6g} Hz: {lasts:.6g} s.")


def _labels(series: Series, end: int) -> list[Finding]:
    if series.labels is None:
        advice = "Nothing can be evaluated: look at each event that is found, and write down what it is."
        return [Finding("labels", "", "review", "None.", advice)]
    share, events = float(series.abnormal.mean()), tuple(series.events)
    if not events:
        return [Finding("labels", "", "review", "No step is abnormal.", "Misses cannot be counted, only false alarms.")]
    found = f"{len(events)} abnormal event{'s' * (len(events) > 1)}, {share:.1%} of the steps."
    dense = share > 0.2
    advice = "So dense that the figures will say little of practice, where anomalies are rare." if dense else ""
    findings = [Finding("labels", "", "review" if dense else "ok", found, advice, events)]
    inside = tuple(event for event in events if event[0] < end)
    if inside:
        found = f"The part to learn from, {end} steps, holds {len(inside)} of the events."
        # Rounded down: as much as is named holds no step of the event.
        most = inside[0][0] * 1000 // len(series) / 1000
        advice = f"Learn from less: training up to {most:.3f}; or cut the event out." if most else "Cut the event out."
        findings.append(Finding("labels", "", "fix", found, advice, inside))
    return findings


def _enough(end: int, window: int) -> Finding:
    number = end / window
    found = f"{end} steps to learn from: {number:.1f} windows of {window}, about {number / 5:.1f} for the threshold."
    if number >= _ENOUGH_WINDOWS:
        return Finding("training", "", "ok", found)
    verdict: Verdict = "review" if number >= _FEWEST_WINDOWS else "fix"
    return Finding("training", "", verdict, found, "Bring a longer normal piece; trust the threshold little.")


def _missing(values: np.ndarray, name: str) -> Finding:
    gaps = tuple(runs(np.isnan(values)))
    if not gaps:
        return Finding("missing", name, "ok", "No value is missing.")
    share = float(np.isnan(values).mean())
    start, end = max(gaps, key=lambda gap: gap[1] - gap[0])
    found = f"{share:.1%} in {len(gaps)} gap{'s' * (len(gaps) > 1)}, the longest {end - start} steps at step {start}."
    advice = "Gaps are interpolated to be read and do not count; a window of which half is missing is not judged."
    if share > 0.2:
        return Finding("missing", name, "fix", found, f"Leave the feature out, or cut the recording. {advice}", gaps)
    return Finding("missing", name, "review", found, advice, gaps)


def _flatline(values: np.ndarray, name: str) -> Finding:
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    lengths = np.diff(np.append(starts, len(values)))
    # NaN differs from itself, so a missing value is a run of one.
    shortest = max(_SHORTEST_FLATLINE, _TIMES_USUAL_RUN * float(lengths.mean()))
    found = tuple((int(s), int(s + n)) for s, n in zip(starts, lengths, strict=True) if n >= shortest)
    if not found:
        return Finding("flatline", name, "ok", f"Never more than {lengths.max()} equal values in a row.")
    start, end = max(found, key=lambda run: run[1] - run[0])
    more = f", and {len(found) - 1} such stretches more" * (len(found) > 1)
    advice = "Set them to NaN: a sensor that hangs measures nothing. If it may stay still, leave them."
    return Finding(
        "flatline", name, "fix", f"{end - start} steps of one value from step {start} on{more}.", advice, found
    )


def _outliers(values: np.ndarray, name: str) -> Finding:
    away = np.abs(values - np.nanmedian(values))
    usual = float(np.median([np.nanmax(block) for block in _blocks(away)]))
    low, high = np.nanmin(values), np.nanmax(values)
    beyond = away > _FAR * usual
    if usual == 0 or not beyond.any():
        return Finding("outlier", name, "ok", f"All between {low:.4g} and {high:.4g}.")
    places, worst = tuple(runs(beyond)), int(np.nanargmax(away))
    number, same = int(beyond.sum()), int((values == values[worst]).sum())
    found = f"{number} value{'s' * (number > 1)} far from the others, {values[worst]:.4g} at step {worst}."
    advice = "Impossible ones to NaN: one in the training part spoils the scaling. Possible ones are what you look for."
    if same > 1:
        found += f" {values[worst]:.4g} comes {same} times: a code for no value?"
    return Finding("outlier", name, "fix", found, advice, places)


def _drift(values: np.ndarray, name: str, window: int | None) -> Finding:
    # blocks of at least three windows: the level of a shorter one depends on the phase of a pattern
    number = _BLOCKS if window is None else max(2, min(_BLOCKS, len(values) // (3 * window)))
    blocks = _blocks(values, number)
    moved = float(np.ptp([np.nanmedian(block) for block in blocks]))
    spread = float(np.median([np.nanstd(block) for block in blocks]))
    if moved <= spread:
        return Finding("drift", name, "ok", f"The level moves by {moved:.3g}, less than the spread of {spread:.3g}.")
    advice = (
        "Windows lose their mean by default, so slow drift does not count; nor does a jump (centre=False minds it)."
    )
    return Finding(
        "drift", name, "review", f"The level moves by {moved:.3g}; the usual spread is {spread:.3g}.", advice
    )


def _distribution_shift(values: np.ndarray, name: str, end: int) -> Finding:
    parts = (values[:end], values[end:])
    known = [part[~np.isnan(part)] for part in parts]
    for part, where in zip(known, ("part to learn from", "rest"), strict=True):
        if not len(part):
            found = f"No value is known in the {where}."
            return Finding(
                "distribution shift", name, "review", found, "Leave the feature out, or choose another training part."
            )
    before, after = map(_middle_range, known)
    found = f"98 % of the values span {before:.3g} in the part to learn from, {after:.3g} in the rest."
    if 0.5 * before < after < 2 * before:
        return Finding("distribution shift", name, "ok", found)
    return Finding(
        "distribution shift",
        name,
        "review",
        found,
        "Was anything changed in between: sensor, gain, mode? Learn from both.",
    )


def _middle_range(values: np.ndarray) -> float:
    return float(np.ptp(np.quantile(values, [0.01, 0.99])))


def _blocks(values: np.ndarray, number: int = _BLOCKS) -> list[np.ndarray]:
    """Return the values in that many pieces of time, without pieces that have no known value."""
    pieces = np.array_split(values, min(number, len(values)))
    return [piece for piece in pieces if np.isfinite(piece).any()]
