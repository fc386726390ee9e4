"""The pictures of the README, recorded in JupyterLab and Chromium: `make pictures`."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from tests.browser.jupyter import FLAGS, Notebook, chromium, started

PATH = Path(__file__).with_name("monitor.gif")
# Maximum size in bytes, so that a page loads within one or two seconds.
MAX_BYTES = 1_500_000
PREPARE = """
from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.widgets import TrainingMonitor
training, validation, _, test = split(load_ecg5000())
monitor = TrainingMonitor(test.subset([0, 3, 33, 238]), start_paused=True)
trainer = BatchedTrainer(LSTMAutoencoder(), batch_size=32, learning_rate=0.01)
"""
RUN = "result = benchmark(trainer, training, validation, epochs=30, callbacks=[monitor])"
# A training run with history restore, in front of one without it, and the panel of the trainer.
COMPARE = """
from IPython.display import display
from ipywidgets import HBox
from trainers.widgets import HyperparameterPanel
def fast(**settings):
    return BatchedTrainer(LSTMAutoencoder(), batch_size=32, learning_rate=0.02, **settings)
off = benchmark(fast(restore="off", name="restore off"), training, validation, epochs=30)
trainer = fast(name="restore every epoch")
monitor = TrainingMonitor(test.subset([0, 3, 33, 238]), compare=off)
display(HBox([monitor, HyperparameterPanel(trainer)]))
result = benchmark(trainer, training, validation, epochs=30, callbacks=[monitor])
"""
REPORT = """
import numpy as np
from data import Series, load_ecg_diff_count
from trainers.reports import report
parts = load_ecg_diff_count()
values, labels = (np.concatenate([getattr(part, name) for part in parts]) for name in ("values", "labels"))
ecg = Series(values, labels=labels, sampling_rate=parts.test.sampling_rate, name="electrocardiogram")
report(ecg, "report.html", training=len(parts.training) / len(values), progress=False)
"""

EPOCHS = 30


class Film:
    """Pictures of a part of the page, and the duration of each."""

    def __init__(self, part: Locator) -> None:
        self.part = part
        self.frames: list[Image.Image] = []
        self.milliseconds: list[int] = []

    def take(self, milliseconds: int) -> None:
        self.frames.append(Image.open(io.BytesIO(self.part.screenshot())).convert("RGB"))
        self.milliseconds.append(milliseconds)

    def write(self, path: Path) -> None:
        # The part grows after the first epoch; all pictures get the largest size and the same palette.
        width, height = (max(sizes) for sizes in zip(*(frame.size for frame in self.frames), strict=True))
        palette = self.frames[-1].quantize(64, dither=Image.Dither.NONE)
        pages = [Image.new("RGB", (width, height), "white") for _ in self.frames]
        for page, frame in zip(pages, self.frames, strict=True):
            page.paste(frame)
        first, *rest = (page.quantize(palette=palette, dither=Image.Dither.NONE) for page in pages)
        first.save(path, save_all=True, append_images=rest, duration=self.milliseconds, loop=0, optimize=False)


def epoch_of(notebook: Notebook) -> int:
    """Return the epoch in the state above the curves."""
    return int(re.findall(r"\d+", notebook.state())[0])


def film(page: Page, notebook: Notebook) -> Film:
    """Train, pause after a restore, rewind by the slider, and train to the end."""
    chart = page.locator(".kit-chart")
    recorded = Film(page.locator(".widget-vbox", has=chart).first)

    def train(until: Callable[[], bool]) -> None:
        notebook.press("Resume")
        while not until():
            recorded.take(150)
            page.wait_for_timeout(1000)

    restores = chart.locator("path.restored")
    train(lambda: restores.count() >= 3)
    notebook.press("Pause")
    notebook.await_state("paused")
    recorded.take(2000)
    handle = recorded.part.locator(".noUi-handle").last
    handle.focus()
    for key in ["Home", *["ArrowRight"] * 5]:
        handle.press(key)
        page.wait_for_timeout(500)
        recorded.take(700)
    # An epoch after which the best weights were restored.
    restores.last.click(force=True)
    page.wait_for_timeout(500)
    recorded.take(2000)
    handle.press("ArrowRight")
    train(lambda: epoch_of(notebook) >= EPOCHS)
    notebook.wait_idle(120)
    page.wait_for_timeout(500)
    recorded.take(4000)
    return recorded


def write_still(path: Path, picture: bytes) -> None:
    """Write a picture with few colours, which makes it small."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"written: {path.name}, {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    path = chromium()
    if path is None:
        raise SystemExit("Chromium or Chrome must be installed, or its path set in CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            page = browser.new_context(viewport={"width": 1000, "height": 1000}).new_page()
            notebook = Notebook(page, server, "picture", [PREPARE, RUN, COMPARE, REPORT])
            notebook.command("application:toggle-left-area")
            notebook.run(0)
            notebook.wait_idle(120)
            notebook.run(1)
            notebook.await_state("paused, epoch 1")
            film(page, notebook).write(PATH)
            for cell in (2, 3):
                notebook.run(cell)
                notebook.wait_idle(300)
            page.set_viewport_size({"width": 1280, "height": 1000})
            page.wait_for_timeout(1000)
            both = page.locator(".widget-hbox", has=page.locator(".kit-panel")).first
            write_still(PATH.with_name("panel.png"), both.screenshot())
            page.set_viewport_size({"width": 1100, "height": 950})
            page.goto((server.folder / "report.html").as_uri())
            page.wait_for_timeout(1000)
            write_still(PATH.with_name("report.png"), page.screenshot())
        finally:
            browser.close()
    size = PATH.stat().st_size
    print(f"written: {PATH.name}, {size / 1e6:.2f} MB")
    if size > MAX_BYTES:
        raise SystemExit(f"{PATH.name} must be at most {MAX_BYTES / 1e6} MB, got {size / 1e6:.2f} MB.")


if __name__ == "__main__":
    main()
