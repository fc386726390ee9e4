"""A threshold explorer in a page, read like a user does, and checks of its appearance."""

from __future__ import annotations

import numpy as np

from trainers.widgets import ThresholdExplorer

from .contrast import contrast_script
from .jupyter import settle

TEXTS = (
    ".said, .refused, .plot text, label, .keys, .of-calibration, .note, th, td[data-figure], .moved, .changed small, "
    "figcaption, .cost"
)
CONTRAST = contrast_script(".kit-threshold", f"textOf('{TEXTS}')")
# Texts outside their plot or the widget, and a widget wider than its container.
CLIPPED = f"""() => {{
    const root = document.querySelector('.kit-threshold'), whole = root.getBoundingClientRect(), found = [];
    if (root.scrollWidth > root.clientWidth + 1) found.push('the whole');
    for (const e of root.querySelectorAll('{TEXTS}')) {{
        const box = e.getBoundingClientRect();
        const frame = e.closest('svg.plot')?.getBoundingClientRect() ?? whole;
        if (box.width && (box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)) found.push(e.textContent);
    }}
    return found;
}}"""
OVERLAPPING = """() => {
    const boxes = [...document.querySelectorAll('.kit-threshold .histogram .still text')]
        .map(e => [e.textContent, e.getBoundingClientRect()]);
    const apart = (p, q) => p.right < q.left + 1 || q.right < p.left + 1
        || p.bottom < q.top + 1 || q.bottom < p.top + 1;
    return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([, q]) => !apart(p, q)).map(([b]) => [a, b]));
}"""


def beats(n=400, seed=0):
    """Return overlapping scores of four classes, with ties, and their labels."""
    random = np.random.default_rng(seed)
    labels = random.choice(4, n, p=[0.6, 0.25, 0.1, 0.05])
    scores = np.abs(random.normal(size=n)) + np.array([0, 1.5, 0.8, 3])[labels]
    return np.where(random.random(n) < 0.3, scores.round(1), scores), labels


class Explorer:
    """An exported page, read like a user does."""

    def __init__(self, page, tmp_path, *args, **kwargs):
        self.page, self.errors = page, []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: request.url.startswith("file:") or self.errors.append(request.url))
        ThresholdExplorer(*args, **kwargs).to_html(tmp_path / "page.html")
        page.goto(tmp_path.joinpath("page.html").as_uri())
        self.slider = page.get_by_role("slider", name="threshold")
        self.slider.wait_for()

    @property
    def threshold(self):
        return float(self.slider.get_attribute("aria-valuenow"))

    def settle(self):
        settle(self.page)

    def set(self, threshold):
        field = self.page.locator("input.number")
        field.fill(repr(threshold))
        field.press("Enter")
        self.settle()
        assert self.threshold == threshold

    def type(self, field, text):
        """Type a text into a field, and return the error that is shown beside it."""
        field.fill(text)
        field.press("Enter")
        self.settle()
        return field.locator("xpath=ancestor-or-self::label/following-sibling::*[1][@role='alert']").text_content()

    def press(self, *keys):
        for key in keys:
            self.slider.press(key)
            self.settle()

    def metric(self, name):
        return self.page.locator(f"[data-figure={name}]").text_content()

    def move_mouse(self, share, steps=1):
        box = self.page.locator(".histogram").bounding_box()
        self.page.mouse.move(box["x"] + share * box["width"], box["y"] + 100, steps=steps)
        self.settle()

    def text(self):
        """Return all visible texts, titles and accessible names."""
        return self.page.evaluate("""() => {
            const root = document.querySelector('.kit-threshold'), texts = [root.innerText];
            for (const e of root.querySelectorAll('*')) for (const name of ['title', 'aria-label', 'aria-valuetext'])
                if (e.checkVisibility()) texts.push(e.getAttribute(name) || '');
            return texts.concat([...root.querySelectorAll('title')].map(e => e.textContent)).join('\\n');
        }""")
