"""README's pictures of the monitor, from a real run in a real JupyterLab: `make pictures`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.jupyter import FLAGS, Notebook, chromium, started

HERE = Path(__file__).parent
PREPARE = """
from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.widgets import TrainingMonitor
training, validation, _, test = split(load_ecg5000())
monitor = TrainingMonitor(test.subset([0, 3, 33, 238]), start_paused=True)
trainer = BatchedTrainer(LSTMAutoencoder(), batch_size=32, learning_rate=0.01)
"""
RUN = "result = benchmark(trainer, training, validation, epochs=30, callbacks=[monitor])"


def main() -> None:
    path = chromium()
    if path is None:
        raise SystemExit("no Chromium or Chrome found: install one, or name it in CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            page = browser.new_context(viewport={"width": 1160, "height": 1000}, device_scale_factor=1.5).new_page()
            notebook = Notebook(page, server, "picture", [PREPARE, RUN])
            notebook.command("application:toggle-left-area")
            notebook.run(0)
            notebook.wait_idle(120)
            notebook.run(1)
            notebook.await_state("paused, epoch 1")
            notebook.press("Resume")
            notebook.await_epoch(23, timeout=300)
            notebook.press("Pause")
            notebook.await_state("paused")
            take(page, "monitor.png")
            notebook.press("Resume")
            notebook.await_state("30 epochs", timeout=300)
            notebook.wait_idle(120)
            theme = {"theme": "JupyterLab Dark"}
            page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', theme)", theme)
            page.locator(".kit-chart path.restored").last.click(force=True)
            page.wait_for_function(
                "() => document.querySelector('.kit-chart .words').textContent.includes('went back')"
            )
            take(page, "monitor-dark.png")
        finally:
            browser.close()


def take(page, name: str) -> None:
    """The widget with its buttons, without the page around it."""
    # The pointer would mark an epoch.
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    page.locator(".widget-vbox", has=page.locator(".kit-chart")).first.screenshot(path=HERE / name)
    print(f"written: {name}")


if __name__ == "__main__":
    main()
