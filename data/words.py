"""Numbers, shares, durations and sampling rates as text: "7,500 steps", "1.2 %", "12 min at 25 Hz"."""

from __future__ import annotations

import math

import numpy as np

# Seconds in each unit, the largest unit first.
_UNITS = {"years": 31_557_600.0, "days": 86_400.0, "h": 3600.0, "min": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6}
# Steps with a common name, in seconds.
_NAMES = {1.0: "every second", 60.0: "every minute", 3600.0: "hourly", 86_400.0: "daily", 604_800.0: "weekly"}
_NAMES |= {_UNITS["years"] / 12: "monthly", _UNITS["years"]: "yearly"}
# Largest relative difference to a step with a name; a year of 365 days is within it.
_TOLERANCE = 1e-3


def many(number: int, what: str) -> str:
    """Return a number with its noun, with a comma between thousands.

    >>> many(1, "step"), many(7500, "step")
    ('1 step', '7,500 steps')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """Return a share in percent; only 0 and 1 become "0 %" and "100 %".

    >>> [percent(share) for share in (0, 1e-6, 0.0123, 0.25, 0.9999, 1)]
    ['0 %', 'under 0.001 %', '1.2 %', '25 %', 'over 99.9 %', '100 %']
    """
    if 0 < share < 1e-5:
        return "under 0.001 %"
    return "over 99.9 %" if 0.999 < share < 1 else f"{float(f'{100 * share:.{3 if share > 0.99 else 2}g}'):g} %"


def four_digits(value: float, unlike: float = math.nan) -> str:
    """Return a number with four significant digits, such as "0.1860", or more to differ from `unlike`."""
    digits = next((d for d in (4, 6, 9) if value == unlike or f"{value:.{d}g}" != f"{unlike:.{d}g}"), 17)
    return f"{value:#.{digits}g}".rstrip(".")


def digits(number: float, n: int = 3) -> str:
    """Return a number with `n` significant digits; with an exponent only if it is very large or very small.

    >>> digits(0.123456), digits(1234.5), digits(2.0), digits(1e-9), digits(float("nan"))
    ('0.123', '1230', '2', '1e-09', 'nan')
    """
    if number and math.isfinite(number) and 1e-4 <= abs(number) < 1e6:
        return np.format_float_positional(number, precision=n, unique=False, fractional=False, trim="-")
    return f"{number:.{n}g}"


def duration(seconds: float) -> str:
    """Return a duration with three significant digits; minutes and longer units are used only for 2 or more.

    >>> duration(0.04), duration(90), duration(720), duration(5400), duration(86_400), duration(4344 * 3600)
    ('40 ms', '90 s', '12 min', '90 min', '24 h', '181 days')
    """
    # each rounded first, so that 119.99 s is 2 min
    rounded = {unit: float(f"{seconds / size:.3g}") for unit, size in _UNITS.items()}
    units = (unit for unit, size in _UNITS.items() if abs(rounded[unit]) >= (2 if size > 1 else 1))
    unit = next(units, "µs" if seconds else "s")
    return f"{digits(rounded[unit])} {unit}"


def sampling(rate: float) -> str:
    """Return a sampling rate in Hz as text, or the step if it is a second or longer.

    >>> sampling(25.0), sampling(44_100.0), sampling(0.000277778), sampling(1 / 300), sampling(0.4)
    ('at 25 Hz', 'at 44.1 kHz', 'hourly', 'every 5 min', 'every 2.5 s')
    """
    step = 1 / rate
    for seconds, name in _NAMES.items():
        if abs(step / seconds - 1) < _TOLERANCE:
            return name
    if rate < 1:
        return f"every {duration(step)}"
    size, unit = next((size, unit) for size, unit in ((1e6, "MHz"), (1e3, "kHz"), (1, "Hz")) if rate >= size)
    return f"at {digits(rate / size)} {unit}"


def length_and_sampling(steps: int, rate: float) -> str:
    """Return the duration of a recording and its sampling.

    >>> length_and_sampling(4344, 1 / 3600), length_and_sampling(18_000, 25.0)
    ('181 days, hourly', '12 min at 25 Hz')
    """
    how = sampling(rate)
    return f"{duration(steps / rate)}{' ' if how.startswith('at ') else ', '}{how}"
