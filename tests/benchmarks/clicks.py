"""Measure the time from a click to its effect while a cell trains, in JupyterLab in the system's Chromium.

Pause: until the training loop waits and the page shows it. Resume: until the page shows that training continues. Stop:
until the run has ended, its last epoch is undone, its model is finalized, and the page shows it.
"""

from __future__ import annotations

import argparse
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

from tests.benchmarks.results_file import section
from tests.browser.conftest import SETUP
from tests.browser.jupyter import FLAGS, Notebook, chromium, started

BUSY = "benchmark(make(), training, validation, epochs=100000, callbacks=[TrainingMonitor(few)])"
# Clicks inside the page, and measures the time there.
CLICK = """([button, wanted]) => new Promise(resolve => {
    const pressed = [...document.querySelectorAll('.jupyter-button')].find(e => e.textContent.includes(button));
    const start = performance.now();
    const look = () => {
        const state = document.querySelector('.kit-chart .state').textContent;
        if (state.includes(wanted)) resolve(performance.now() - start);
        else setTimeout(look, 2);
    };
    pressed.click();
    look();
})"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clicks", type=int, default=10)
    options = arguments.parse_args()
    path = chromium()
    if path is None:
        raise SystemExit("No Chromium or Chrome was found. Install one, or set CHROMIUM to its path.")
    times: dict[str, list[float]] = {"Pause": [], "Resume": [], "Stop": []}
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            page = browser.new_page()
            notebook = Notebook(page, server, "clicks", [SETUP, BUSY])
            notebook.run(0)
            notebook.wait_idle()
            for _ in range(options.clicks):
                notebook.run(1)
                page.wait_for_timeout(2500)
                for button, wanted in (("Pause", "paused"), ("Resume", "running"), ("Stop", "stopped by hand")):
                    times[button].append(page.evaluate(CLICK, [button, wanted]))
                    page.wait_for_timeout(600)
                notebook.wait_idle()
        finally:
            browser.close()
    versions = ", ".join(f"{name} {version(name)}" for name in ("jupyterlab", "ipykernel"))
    with section("clicks", complete=options == arguments.parse_args([])):
        print(f"Time from click to effect, {options.clicks} clicks each, {versions}\n")
        print("| button | median, ms | longest, ms |\n|---|---|---|")
        for button, measured in times.items():
            print(f"| {button} | {median(measured):.0f} | {max(measured):.0f} |")


if __name__ == "__main__":
    main()
