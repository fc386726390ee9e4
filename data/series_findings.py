"""`SeriesCheck`: what `check_series` found, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import pandas as pd

from data.markup import escaped, without_math

# The best first; told apart by sign and word too.
_SIGNS = {"fine": ("✓", "#009E73"), "look": ("○", "#0072B2"), "mend": ("✗", "#D55E00")}
Verdict = Literal["fine", "look", "mend"]


class Finding(NamedTuple):
    """One row of what `check_series` says.

    Attributes
    ----------
    check : str
        What was looked at, such as "stuck".
    feature : str
        Which feature; empty where it is the whole recording.
    verdict : {"fine", "look", "mend"}
        Nothing to do; something a person has to look at and decide; something to mend first.
    found : str
        In words and figures.
    advice : str
        What to do; empty where there is nothing.
    steps : tuple of (start, end)
        Where, the end not included; empty where it is no place.
    """

    check: str
    feature: str
    verdict: Verdict
    found: str
    advice: str = ""
    steps: tuple[tuple[int, int], ...] = ()


class SeriesCheck:
    """What `check_series` found; a table in a notebook, the worst first.

    Attributes
    ----------
    name : str
        Of the recording.
    findings : tuple of Finding
        All of them, what is fine included.
    """

    def __init__(self, name: str, findings: list[Finding]) -> None:
        worst_first = list(reversed(_SIGNS))
        self.name = name
        self.findings = tuple(sorted(findings, key=lambda finding: worst_first.index(finding.verdict)))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def to_frame(self) -> pd.DataFrame:
        """One row for each finding, in columns as `Finding` has them."""
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
