"""A training run that the function of the user's own button starts."""

from __future__ import annotations

import pytest

from .conftest import needs_subshells

# With ipykernel 7.0 to 7.3, the function is called on the thread that receives the messages of all widgets. The last
# line gives the same in 7.4, which calls it on the main thread.
BUTTON = """
import ipywidgets, threading
button, output, monitor, runs = ipywidgets.Button(description="Train"), ipywidgets.Output(), TrainingMonitor(), []
panel = HyperparameterPanel(make())
def train(_):
    with output:
        print("on", threading.current_thread().name[:8])
        runs.append(benchmark(panel.block, training, validation, epochs=2 + 500 * (not runs), callbacks=[monitor]))
button.on_click(train)
if hasattr(button.comm, "_reply_subshell_for"):
    button.comm._reply_subshell_for = None
display(button, panel, output)
"""
STATE = """
notes = [row.note for row in runs[0].history if row.note]
print("now", len(runs), str(runs[0].stopped).replace(" ", "_"), len(notes))
"""


@pytest.fixture
def started(server, open_notebook):
    notebook = open_notebook(server, "button", BUTTON, STATE)
    notebook.run(1)
    notebook.page.wait_for_selector(".kit-knobs input")
    notebook.press("Train")
    notebook.await_epoch(2)
    notebook.page.wait_for_function("() => document.body.textContent.includes('on subshell')")
    return notebook


@needs_subshells
def test_buttons_and_panel_work_in_run_of_button(started):
    started.press("Pause")
    started.await_state("paused")
    rate = started.page.get_by_label("learning_rate").first
    rate.fill("0.004")
    rate.press("Enter")
    started.page.wait_for_function("() => document.body.textContent.includes('applied from the next epoch on')")
    # The second press is answered after the first run, not within it.
    started.press("Train")
    epoch = int(started.state().split("epoch ")[1].split()[0])
    started.press("Resume")
    started.await_epoch(epoch + 2)
    started.press("Stop")
    started.await_values(2, "2", "stopped_by_hand", "1")


@needs_subshells
def test_stop_button_of_notebook_ends_run_of_button(started):
    started.command("notebook:interrupt-kernel")
    started.await_state("stopped by hand")
    started.await_values(2, "1", "stopped_by_hand", "0")
