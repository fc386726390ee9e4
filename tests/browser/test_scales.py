"""Ticks and tick labels of the axes of widgets."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.widgets.export import read_assets


@pytest.fixture
def scales(page):
    page.goto("about:blank")
    script = read_assets(["plot.js"], ".js")
    page.add_script_tag(content=f"{script}; window.scales = {{ ticks, tickLabels, logTicks }};", type="module")
    page.wait_for_function("window.scales")
    return lambda name, *arguments: page.evaluate("([name, all]) => scales[name](...all)", [name, list(arguments)])


def ranges():
    """Yield ranges near 0 and far from it, narrow and wide, of any scale."""
    draws = np.random.default_rng(0)
    for _ in range(300):
        size, share = 10 ** draws.uniform(-12, 12), 10 ** draws.uniform(-5, 1)
        low = size * draws.choice([0.0, draws.uniform(-1, 1)])
        yield float(low), float(low + share * size), int(draws.integers(2, 12))


def test_ticks_are_in_range_and_labels_match(scales):
    for low, high, wanted in ranges():
        ticks = scales("ticks", low, high, wanted)
        assert len(ticks) <= wanted + 1
        if not ticks:
            continue
        slack = 1e-6 * (high - low)
        assert low - slack <= min(ticks) <= max(ticks) <= high + slack
        step = np.diff(ticks).mean() if len(ticks) > 1 else abs(ticks[0])
        np.testing.assert_allclose([float(text) for text in scales("tickLabels", ticks)], ticks, atol=1e-3 * step)


def test_labels_are_short_if_possible(scales):
    assert scales("tickLabels", [0, 0.02, 0.04]) == ["0", "0.02", "0.04"]
    assert scales("tickLabels", [0.0001, 0.00015]) == ["0.0001", "0.00015"]
    assert scales("tickLabels", [0, 5e6, 1e7]) == ["0", "5e6", "1e7"]
    assert scales("tickLabels", [0, 5e6, 1e7], 8) == ["0", "5000000", "10000000"]
    assert scales("tickLabels", [2e-9, 2.5e-9]) == ["2e-9", "2.5e-9"]
    assert scales("tickLabels", [1_700_000_001, 1_700_000_002]) == ["1700000001", "1700000002"]
    assert scales("tickLabels", [0.35]) == ["0.35"]


def test_loop_ends_for_huge_numbers(scales):
    assert len(scales("ticks", 1e17, 1e17 + 64, 5)) <= 7


@pytest.mark.parametrize(
    ("low", "high", "wanted", "expected"),
    [
        (0.9, 11, 8, [1, 2, 5, 10]),
        (0.9, 1200, 8, [1, 10, 100, 1000]),
        (1, 1e9, 4, [1, 1e3, 1e6, 1e9]),
        (3.1, 4.1, 5, [3.2, 3.4, 3.6, 3.8, 4.0]),
    ],
)
def test_logarithmic_ticks_are_as_fine_as_the_room_allows(scales, low, high, wanted, expected):
    np.testing.assert_allclose(scales("logTicks", low, high, wanted), expected)
