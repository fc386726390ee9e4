"""A series viewer in a page, and checks of its appearance."""

from __future__ import annotations

import re

from .contrast import contrast_script
from .jupyter import at_rest

MAKE = """
import numpy as np
from data import Series
from data.series import runs
from trainers.widgets import SeriesViewer
steps = np.arange(20_000)
values = np.sin(steps / 9)
labels = np.zeros(20_000, dtype=int)
for start in (4_000, 9_000, 15_000):
    values[start : start + 60] += 2
    labels[start : start + 60] = 1
values[12_000:12_040] += 2
values[500:700] = np.nan
scores = np.abs(np.nan_to_num(values))
scores[15_000:15_060] = 1.5
sine = Series(values, labels=labels, sampling_rate=100.0, name="sine")
viewer = SeriesViewer(sine, scores, threshold=2.5)
viewer
"""
SAY = "print('threshold', viewer.threshold, 'found', len(viewer.found))"
CONTRAST = contrast_script(
    ".kit-series",
    """{
        text: Math.min(...textOf('button, .counts, .legend span, .words, .event, td, th, summary, label')),
        graphics: Math.min(...['signal', 'reconstruction', 'truth', 'found', 'focus']
            .map(name => ofHex(root.style.getPropertyValue('--kit-' + name)))),
    }""",
)
CLIPPED = """() => {
    const root = document.querySelector('.kit-series'), frame = root.getBoundingClientRect();
    return [...root.querySelectorAll('button, label, span, p, .counts, canvas, table')].filter(e => {
        const box = e.getBoundingClientRect();
        const wide = e.clientWidth && e.scrollWidth > e.clientWidth + 1;
        return box.width && (box.left < frame.left - 1 || box.right > frame.right + 1 || wide);
    }).map(e => e.className || e.textContent);
}"""
INK = """name => {
    const canvas = document.querySelector('.kit-series .' + name);
    const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return all.filter((v, i) => i % 4 === 3 && v > 0).length;
}"""
# Position of a column whose pixels all have the colour of the text, or null.
SOLID_COLUMN = """name => {
    const canvas = document.querySelector('.kit-series .' + name), pen = canvas.getContext('2d');
    for (let x = 0; x < canvas.width; x++) {
        const pixels = pen.getImageData(x, 30, 1, 280).data;
        if (pixels.every((v, i) => i % 4 === 3 ? v === 255 : v === pixels[i % 4])) return x;
    }
    return null;
}"""
# Number of opaque and of partly transparent pixels, without the signal.
SHADES = """name => {
    const canvas = document.querySelector('.kit-series .' + name);
    const { data } = canvas.getContext('2d').getImageData(66, 190, canvas.width - 90, 70);
    const alpha = data.filter((v, i) => i % 4 === 3);
    return [alpha.filter(v => v > 200).length, alpha.filter(v => v > 60 && v < 100).length];
}"""
# Vertical position of the found events in a viewer of one feature with true events.
FOUND_ROW = 210


class Viewer:
    """A viewer in a page, and its texts."""

    def __init__(self, page):
        self.page, self.stage = page, page.locator(".kit-series .stage")
        page.wait_for_selector(".kit-series .counts:not(:empty)")

    def text(self, part):
        return self.page.locator(f".kit-series .{part}").first.text_content()

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def frame(self):
        """Wait until the viewer is drawn."""
        self.page.evaluate("() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")

    def window(self):
        self.frame()
        text = self.page.locator(".kit-series .overview").get_attribute("aria-valuetext")
        found = re.match(r"steps ([\d,]+) to ([\d,]+)", text)
        return tuple(int(number.replace(",", "")) for number in found.groups())

    def await_counts(self, words):
        self.page.wait_for_function(
            "words => document.querySelector('.kit-series .counts').textContent.includes(words)", arg=words
        )

    def point(self, share):
        """Move the mouse to this share of the width of the picture."""
        box = at_rest(self.stage)
        self.page.mouse.move(box["x"] + 64 + share * (box["width"] - 78), box["y"] + 60)

    def drag(self, locator, by_x=0, by_y=0, at=0.5):
        box = at_rest(locator)
        x, y = box["x"] + at * box["width"], box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by_x, y + by_y, steps=6)
        self.page.mouse.up()
