"""A map of a latent space in a page, read like a user does, and checks of its appearance."""

from __future__ import annotations

import re

import numpy as np

from .contrast import contrast_script
from .jupyter import settle

TEXTS = "button:enabled, .refused, .state, label, figcaption b, figcaption span, text, .keys, .key, .quiet"
CONTRAST = contrast_script(".kit-latent", f"textOf('{TEXTS}')")
# Texts outside their picture or the widget, and a widget wider than its container.
CLIPPED = f"""() => {{
    const root = document.querySelector('.kit-latent'), whole = root.getBoundingClientRect(), found = [];
    if (root.scrollWidth > root.clientWidth + 1) found.push('the whole');
    for (const e of root.querySelectorAll('{TEXTS}')) {{
        const box = e.getBoundingClientRect(), frame = e.closest('svg')?.getBoundingClientRect() ?? whole;
        if (box.width && (box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)) found.push(e.textContent);
    }}
    return found;
}}"""
OVERLAPPING = """() => ['.still', '.first', '.second'].flatMap(part => {
    const boxes = [...document.querySelectorAll(`.kit-latent ${part} text`)]
        .map(e => [e.textContent, e.getBoundingClientRect()]);
    const apart = (p, q) => p.right < q.left + 1 || q.right < p.left + 1
        || p.bottom < q.top + 3 || q.bottom < p.top + 3;
    return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([, q]) => !apart(p, q)).map(([b]) => [a, b]));
})"""
INK = """() => {
    const canvas = document.querySelector('.kit-latent canvas');
    const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return all.filter((v, i) => i % 4 === 3 && v > 0).length;
}"""


def space(n=300, features=1, seed=0):
    """Return points, sequences and labels of three classes."""
    draws = np.random.default_rng(seed)
    labels = draws.choice(3, n, p=[0.7, 0.2, 0.1])
    points = draws.normal(size=(n, 2)) + 1.5 * labels[:, None]
    return points, draws.normal(size=(n, 25, features)).astype(np.float32), labels


class Map:
    """A map in a page, read by its axes like a user does."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".kit-latent")
        self.stage = self.root.get_by_role("application")
        self.stage.wait_for()
        settle(page)

    def settle(self):
        settle(self.page)

    def axis(self, within, kind, attribute):
        """Return factor and offset from values to pixels, from two tick labels of an axis."""
        texts = self.root.locator(f"{within} text.{kind}").evaluate_all(
            "(all, name) => all.map(e => [Number(e.textContent), Number(e.getAttribute(name))])", attribute
        )
        (a, p), (b, q) = texts[:2]
        factor = (q - p) / (b - a)
        return factor, p - factor * a - (4 if attribute == "y" else 0)

    def pixels(self, places):
        """Return the pixels of points in the map."""
        (ax, bx), (ay, by) = self.axis(".still", "column", "x"), self.axis(".still", "row", "y")
        return np.stack([ax * places[:, 0] + bx, ay * places[:, 1] + by], 1)

    def point(self, pixel):
        box = self.stage.bounding_box()
        self.page.mouse.move(box["x"] + float(pixel[0]), box["y"] + float(pixel[1]))
        self.settle()

    def click(self, pixel):
        self.point(pixel)
        self.page.mouse.down()
        self.page.mouse.up()
        self.settle()

    def press(self, *keys):
        for key in keys:
            self.stage.press(key)
        self.settle()

    def button(self, name):
        self.root.get_by_role("button", name=name).click()
        self.settle()

    def cards(self):
        """Return the cards next to the map: number, class name, whether pinned."""
        found = []
        for text in self.root.locator("figcaption").all_text_contents():
            number, name, pinned = re.fullmatch(r"\s*sequence (\d+)(?:, (.*?))?(pinned)?", text).groups()
            found.append((int(number), name, pinned is not None))
        return found

    def lines(self, card, look):
        """Return the values of the lines of a card, (time, feature), read from its axis."""
        figure, columns = self.root.locator(".first" if card == 0 else ".second"), []
        for feature, line in enumerate(figure.locator(f"path.{look}").all()):
            factor, offset = self.axis(f".{figure.get_attribute('class')}", f"row[data-feature='{feature}']", "y")
            heights = [float(y) for y in re.findall(r"[ML]\S+ ([-\d.]+)", line.get_attribute("d"))]
            columns.append((np.array(heights) - offset) / factor)
        return np.stack(columns, 1)

    def said(self):
        return self.root.locator(".said").text_content()
