"""Texts of numbers, durations and sampling rates."""

import pytest

from data.words import digits, duration, length_and_sampling, sampling


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (5e-7, "0.5 µs"), (1e-3, "1 ms"), (0.04, "40 ms"), (0.9999, "1 s"), (1, "1 s"), (1.5, "1.5 s"),
        (59, "59 s"), (119, "119 s"), (119.6, "120 s"), (119.99, "2 min"), (-300, "-5 min"), (720, "12 min"),
        (3600, "60 min"), (5400, "90 min"), (7200, "2 h"), (86_400, "24 h"), (129_600, "36 h"), (172_800, "2 days"),
        (4344 * 3600, "181 days"), (365 * 86_400, "365 days"), (1000 * 86_400, "2.74 years"), (1e9, "31.7 years"),
    ],
)  # fmt: skip
def test_duration_has_three_digits_and_common_unit(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (25, "at 25 Hz"), (360, "at 360 Hz"), (1.5, "at 1.5 Hz"), (44_100, "at 44.1 kHz"), (2e6, "at 2 MHz"),
        (1, "every second"), (0.4, "every 2.5 s"), (1 / 60, "every minute"), (1 / 90, "every 90 s"),
        (1 / 300, "every 5 min"), (0.000277778, "hourly"), (1 / 3600, "hourly"), (1 / 10_800, "every 3 h"),
        (1.15741e-5, "daily"), (1 / 604_800, "weekly"), (12 / (365 * 86_400), "monthly"),
        (1 / (365 * 86_400), "yearly"), (1 / (30 * 86_400), "every 30 days"),
    ],
)  # fmt: skip
def test_sampling_is_rate_or_step(rate, text):
    assert sampling(rate) == text


def test_length_and_sampling():
    assert length_and_sampling(4344, 0.000277778) == "181 days, hourly"
    assert length_and_sampling(18_000, 25) == "12 min at 25 Hz"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (2.0, "2"), (0.123456, "0.123"), (-1234.5, "-1230"), (123_456, "123000"), (9999.6, "10000"),
     (0.00012345, "0.000123"), (1e-9, "1e-09"), (12_345_678, "1.23e+07"), (float("inf"), "inf")],
)  # fmt: skip
def test_numbers_have_three_digits(number, text):
    assert digits(number) == text
