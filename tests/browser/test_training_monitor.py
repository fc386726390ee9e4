"""The monitor in JupyterLab and Notebook 7, with clicks while a cell is running."""

from __future__ import annotations

import re
import time

import pytest

from trainers import load

from .conftest import SUBSHELLS, needs_subshells
from .jupyter import at_rest

# A long run, which the tests stop.
BUSY = """
monitor = TrainingMonitor(few)
result = benchmark(make(), training, validation, epochs=500, callbacks=[monitor])
"""
SHORT = """
monitor = TrainingMonitor(few)
result = benchmark(make(learning_rate=3, steps_per_epoch=4), training, validation, epochs=12, callbacks=[monitor])
"""
AFTER = """
from trainers.losses import mean_loss
loss = mean_loss(result.model, validation.sequences, validation.sequences)
kept = "best weights" if loss == result.history.best.validation_loss else f"other weights {loss}"
print(kept, len(result.history), result.stopped)
"""


def epochs_kept_after_an_interrupt(notebook):
    """Return the number of epochs that remain, as printed by the cell AFTER; check for the best weights."""
    notebook.await_state("interrupted by hand")
    notebook.wait_idle()
    notebook.run(2)
    notebook.cell(2).locator(".jp-OutputArea-output pre").wait_for()
    found = re.search(r"best weights (\d+) interrupted by hand", notebook.text(2))
    assert found, notebook.text(2)
    return int(found[1])


@needs_subshells
def test_pause_step_resume_and_stop_work_while_cell_is_running(server, open_notebook):
    notebook = open_notebook(server, "controls", BUSY, AFTER)
    notebook.run_all()
    notebook.await_epoch(3)
    notebook.press("Pause")
    notebook.await_state("paused")
    assert notebook.busy(1)
    before = notebook.state()
    time.sleep(3)
    assert notebook.state() == before, "the state does not change in a pause"
    epoch = int(re.search(r"epoch (\d+) of", before)[1])

    notebook.press("Step")
    notebook.await_state(f"paused, epoch {epoch + 1} of 500 (between epochs)")
    notebook.press("Step")
    notebook.await_state(f"paused, epoch {epoch + 2} of 500 (between epochs)")
    time.sleep(1)
    assert f"epoch {epoch + 2} of 500" in notebook.state(), "a step is one epoch"

    notebook.press("Resume")
    notebook.await_state("running")
    notebook.await_epoch(epoch + 4)
    assert notebook.busy(1)
    notebook.press("Stop")
    notebook.await_state("stopped by hand")
    notebook.wait_idle()
    assert re.search(r"best weights \d+ stopped by hand", notebook.text(2))
    trained = int(re.search(r"best weights (\d+)", notebook.text(2))[1])
    assert f"{trained} epochs, best" in notebook.state()
    assert notebook.cell(1).locator("img").count() == 1, "a static picture stays"
    assert "Training and validation loss of the run 'BatchedTrainer' over" in notebook.text(1)


@pytest.mark.skipif(SUBSHELLS, reason="this ipykernel has subshells; make test-matrix runs one without")
def test_without_subshells_widget_shows_note_and_interrupt_works(server, open_notebook):
    notebook = open_notebook(server, "old", BUSY, AFTER)
    notebook.run(1)
    notebook.await_epoch(3)
    assert "buttons work only after the cell has finished: use ■ or Ctrl-C to stop" in notebook.state()
    notebook.press("Pause")
    notebook.await_epoch(int(re.search(r"epoch (\d+) of", notebook.state())[1]) + 3)
    notebook.command("notebook:interrupt-kernel")
    assert epochs_kept_after_an_interrupt(notebook) >= 2
    notebook.page.locator(".widget-slider .noUi-handle").first.press("Home")
    notebook.page.wait_for_function(
        "() => document.querySelector('.kit-chart .words').textContent.startsWith('epoch 1:')"
    )


def test_pause_within_epoch_continues_with_same_epoch(lab, open_notebook):
    slow = BUSY.replace("make()", "BatchedTrainer(LSTMAutoencoder(hidden_size=48), batch_size=50)")
    notebook = open_notebook(lab, "mid", slow, AFTER)
    notebook.run_all()
    notebook.await_state("batch")
    notebook.press("Pause")
    notebook.await_state("(after batch")
    epoch = int(re.search(r"epoch (\d+) of", notebook.state())[1])
    notebook.press("Step")
    notebook.await_state(f"paused, epoch {epoch + 1} of 500 (between epochs)")
    notebook.press("Resume")
    notebook.await_state("batch")
    notebook.press("Stop")
    notebook.wait_idle()
    assert re.search(r"best weights \d+ stopped by hand", notebook.text(2))


@pytest.mark.parametrize("control", ["button", "menu"])
def test_stop_of_notebook_ends_run_cleanly(lab, open_notebook, control):
    notebook = open_notebook(lab, "interrupt", BUSY, AFTER)
    notebook.run(1)
    notebook.await_epoch(3)
    if control == "button":
        notebook.page.locator(
            '.jp-Toolbar [data-jp-item-name="interrupt"] jp-button, [data-command="notebook:interrupt-kernel"]'
        ).first.click()
    else:
        notebook.command("notebook:interrupt-kernel")
    assert epochs_kept_after_an_interrupt(notebook) >= 2


def test_run_all_on_fresh_page_draws_run(server, page, open_notebook):
    notebook = open_notebook(server, "fresh", SHORT, page=page)
    notebook.run_all()
    notebook.wait_idle()
    notebook.await_state("12 epochs, best")
    assert page.locator(".kit-chart path.curve").count() == 2
    marks = page.locator(".kit-chart path.restored").count()
    assert marks >= 1
    assert page.get_by_text(f"restored ({marks}×)").count() == 1
    assert page.locator(".kit-chart path.back").count() == marks
    assert page.locator(".kit-chart figure").count() == 4, "the examples are reconstructed"


def test_rewind_by_mouse_keys_and_play(lab, open_notebook):
    notebook = open_notebook(lab, "rewind", SHORT)
    notebook.run_all()
    notebook.wait_idle()
    notebook.await_state("12 epochs")
    page = notebook.page
    shown = lambda: page.locator(".kit-chart .words").text_content()  # noqa: E731
    beats = lambda: page.locator(".kit-chart .examples").inner_html()  # noqa: E731
    notebook.await_words("epoch 12")
    last = beats()
    handle = page.get_by_role("slider", name="epoch")
    box, track = at_rest(handle), page.locator(".widget-slider .noUi-target").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(track["x"] + 1, box["y"] + 4, steps=8)
    page.mouse.up()
    notebook.await_words("epoch 1:")
    page.wait_for_function("before => document.querySelector('.kit-chart .examples').innerHTML !== before", arg=last)
    first = beats()
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    notebook.await_words("epoch 3:")
    page.wait_for_function("before => document.querySelector('.kit-chart .examples').innerHTML !== before", arg=first)
    assert "training" in shown()
    page.keyboard.press("End")
    notebook.await_words("epoch 12:")
    page.keyboard.press("Home")
    notebook.await_words("epoch 1:")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("() => /^epoch ([6-9]|1.)/.test(document.querySelector('.kit-chart .words').textContent)")


def test_restored_epoch_shows_model_before_restore(lab, open_notebook):
    """For a restored epoch, the page shows the model that the callback was given, not the best model."""
    seen = """
from trainers import reconstruct
from trainers.torch_utils import load_state
states = {}
keep = lambda row, state: states.__setitem__(row.epoch, {k: v.clone() for k, v in state.items()})
monitor = TrainingMonitor(few)
result = benchmark(make(learning_rate=3, steps_per_epoch=4), training, validation, epochs=12, callbacks=[keep, monitor])
"""
    check = """
epoch = result.history.restored_epochs[0]
other = LSTMAutoencoder(hidden_size=12)
load_state(other, states[epoch])
errors = (reconstruct(other, few) - few.sequences).abs().mean((1, 2))
load_state(other, states[result.history[epoch - 1].best_epoch])
best = (reconstruct(other, few) - few.sequences).abs().mean((1, 2))
print("epoch", epoch, "errors", *(f"{e:#.3g}" for e in errors), "best", *(f"{e:#.3g}" for e in best))
"""
    notebook = open_notebook(lab, "before", seen, check)
    notebook.run_all()
    notebook.wait_idle()
    words = notebook.text(2).split()
    epoch, errors, best = words[1], words[3:7], words[8:12]
    assert errors != best
    slider = notebook.page.locator(".widget-slider .noUi-handle").first
    slider.focus()
    slider.press("Home")
    for _ in range(int(epoch) - 1):
        slider.press("ArrowRight")
    notebook.await_words(f"epoch {epoch}:")
    assert "best weights restored" in notebook.page.locator(".kit-chart .words").text_content()
    notebook.page.wait_for_function(
        """wanted => [...document.querySelectorAll('.kit-chart small')]
            .map(s => s.textContent.replace('error ', '')).join() === wanted""",
        arg=",".join(errors),
    )


def test_planned_epochs_can_be_raised_and_more_continues(lab, open_notebook):
    start = BUSY.replace("few", "start_paused=True").replace("500", "3")
    notebook = open_notebook(lab, "plan", start, "print(len(monitor.more(2).history), 'epochs in all')")
    notebook.run(1)
    notebook.await_state("paused, epoch 1 of 3")
    field = notebook.page.locator(".widget-text input[type=number]").first
    field.fill("5")
    field.press("Enter")
    notebook.await_state("of 5")
    notebook.press("Resume")
    notebook.await_state("5 epochs, best")
    notebook.wait_idle()
    notebook.run(2)
    notebook.page.wait_for_function("() => document.body.textContent.includes('7 epochs in all')")
    notebook.await_state("7 epochs, best", which=1)


def test_branch_here_starts_new_run_and_keeps_old_one(lab, open_notebook):
    notebook = open_notebook(
        lab, "branch", SHORT, "result = monitor.more(4)\nprint(list(monitor.histories), len(result.history))"
    )
    notebook.run(1)
    notebook.await_state("12 epochs")
    notebook.wait_idle()
    slider = notebook.page.locator(".widget-slider .noUi-handle").first
    slider.focus()
    slider.press("Home")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    notebook.await_words("epoch 3:")
    notebook.press("Branch here")
    notebook.await_state("a new run will branch from epoch 3 with monitor.more(n)")
    notebook.run(2)
    notebook.page.wait_for_function("() => document.body.textContent.includes(\"'BatchedTrainer, from epoch 3'] 7\")")
    legend = notebook.page.locator(".kit-chart .legend").first.text_content()
    assert "BatchedTrainer, from epoch 3" in legend
    assert "12 epochs" not in notebook.state()


def test_branch_during_run(lab, open_notebook):
    notebook = open_notebook(lab, "branch-live", BUSY, "print(list(monitor.histories))")
    notebook.run(1)
    notebook.await_epoch(4)
    notebook.press("Pause")
    notebook.await_state("paused")
    # The slider follows the run until the latest epoch is drawn; the page may have drawn epoch 2 before.
    notebook.page.wait_for_function(
        "() => /^epoch (?![12]:)/.test(document.querySelector('.kit-chart .words').textContent)"
    )
    slider = notebook.page.locator(".widget-slider .noUi-handle").first
    slider.focus()
    slider.press("Home")
    notebook.await_words("epoch 1:")
    slider.press("ArrowRight")
    notebook.await_words("epoch 2:")
    notebook.press("Branch here")
    notebook.await_state("will branch from epoch 2")
    notebook.press("Step")
    notebook.page.wait_for_function(
        "() => document.querySelector('.kit-chart .legend').textContent.includes('from epoch 2')"
    )
    notebook.press("Stop")
    notebook.wait_idle()
    notebook.run(2)
    notebook.page.wait_for_function("() => document.body.textContent.includes(\"'BatchedTrainer, from epoch 2']\")")


def test_two_monitors_in_one_notebook_and_cell_run_again(lab, open_notebook):
    notebook = open_notebook(lab, "two", SHORT, SHORT.replace("epochs=12", "epochs=6"), "monitor")
    notebook.run_all()
    notebook.wait_idle()
    notebook.await_state("12 epochs", which=0)
    notebook.await_state("6 epochs", which=1)
    notebook.run(1)
    notebook.wait_idle()
    notebook.await_state("12 epochs", which=0)
    notebook.await_state("6 epochs", which=1)
    assert notebook.page.locator(".kit-chart").count() == 3
    notebook.await_state("6 epochs", which=2)
    notebook.page.locator(".noUi-handle").nth(2).press("Home")
    shown = "i => document.querySelectorAll('.kit-chart .words')[i].textContent.startsWith('epoch 1:')"
    for view in (1, 2):
        notebook.page.wait_for_function(shown, arg=view)


@pytest.mark.parametrize("how", ["reloaded", "closed and opened"])
def test_page_reopened_during_run_shows_history_after_cell(lab, page, open_notebook, how):
    """Jupyter requests the widgets from the busy kernel and gets them after the cell; ■ works during the cell."""
    notebook = open_notebook(lab, "reload", BUSY, AFTER, page=page)
    notebook.run(1)
    notebook.await_epoch(4)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_timeout(1500)
    if how == "reloaded":
        page.reload()
    else:
        where, context = page.url, page.context
        page.close()
        notebook.page = page = context.new_page()
        page.goto(where)
    page.get_by_text("Loading widget").wait_for(timeout=60_000)
    page.wait_for_timeout(3000)
    notebook.command("notebook:interrupt-kernel")
    notebook.await_state("interrupted by hand")
    notebook.wait_idle()
    assert page.locator(".kit-chart path.curve").count() == 2
    notebook.run(2)
    notebook.cell(2).locator(".jp-OutputArea-output pre").wait_for()
    trained = int(re.search(r"best weights (\d+) interrupted by hand", notebook.text(2))[1])
    assert trained > 6, "the run continued without a page"
    assert f"{trained} epochs, best" in notebook.state()


def test_run_in_notebook_that_was_never_saved_is_shown_by_name_of_monitor(lab, page, open_notebook):
    """After a reload, Jupyter does not know the outputs of a cell that is running, if they were never saved."""
    notebook = open_notebook(lab, "unsaved", BUSY, "monitor", page=page)
    notebook.run(1)
    notebook.await_epoch(4)
    page.reload()
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_timeout(2000)
    notebook.run(2)
    notebook.command("notebook:interrupt-kernel")
    notebook.await_state("interrupted by hand")
    assert page.locator(".kit-chart path.curve").count() == 2
    notebook.cell(2).locator(".kit-picture").wait_for(state="attached")
    page.locator(".widget-slider .noUi-handle").first.press("Home")
    notebook.await_words("epoch 1:")


def test_comparison_is_drawn_while_its_runs_go_on(lab, open_notebook):
    live = """
trainer = make()
earlier = benchmark(make(), training, validation, epochs=3)
display(RunComparison({"earlier": earlier, "now": trainer}))
result = benchmark(trainer, training, validation, epochs=500, callbacks=[TrainingMonitor(compare=earlier)])
"""
    notebook = open_notebook(lab, "live", live)
    notebook.run(1)
    notebook.page.wait_for_selector(".kit-chart >> nth=1", timeout=60_000)
    notebook.page.wait_for_function("() => /now: .* in epoch (\\d\\d)/.test(document.body.textContent)")
    assert notebook.busy(1)
    notebook.command("notebook:interrupt-kernel")
    notebook.await_state("interrupted by hand", which=1)
    notebook.wait_idle()
    words = notebook.page.locator(".kit-chart .legend").nth(1).text_content()
    assert "BatchedTrainer (earlier)" in words


def test_exception_in_callback_keeps_history_and_is_shown(lab, open_notebook):
    failing = """
def fail(row, state):
    if row.epoch == 4: raise OSError("disk full")
monitor = TrainingMonitor(few)
result = benchmark(make(), training, validation, epochs=9, callbacks=[monitor, fail])
"""
    notebook = open_notebook(lab, "failing", failing, "print(len(monitor.history), 'epochs kept')")
    notebook.run(1)
    notebook.await_state("OSError: disk full")
    assert "4 epochs, best" in notebook.state()
    notebook.wait_idle()
    notebook.run(2)
    notebook.page.wait_for_function("() => document.body.textContent.includes('4 epochs kept')")


def test_curves_remain_in_page_after_kernel_restart(lab, open_notebook):
    notebook = open_notebook(lab, "restart", BUSY)
    notebook.run(1)
    notebook.await_epoch(4)
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    notebook.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=60_000
    )
    assert notebook.page.locator(".kit-chart path.curve").count() == 2


@needs_subshells
def test_run_continues_with_whole_curve_after_kernel_was_killed(lab, open_notebook, tmp_path):
    """The kernel dies after epoch 13 and is restarted; the same cells continue after epoch 10, the last one saved."""
    run = f"""
import json, os
from pathlib import Path
folder = Path({str(tmp_path)!r})
def callback(row, state):
    if row.epoch == 13 and not (folder / "killed").exists():
        (folder / "killed").write_text(json.dumps([row.validation_loss for row in trainer.history]))
        os.kill(os.getpid(), 9)
    if row.epoch == 16:
        monitor.control.pause()
trainer = make(learning_rate=3, steps_per_epoch=4)
monitor = TrainingMonitor(few)
callbacks = [callback, monitor]
result = benchmark(trainer, training, validation, epochs=20, callbacks=callbacks, checkpoint=folder / "run")
"""
    compare = """
whole = benchmark(make(learning_rate=3, steps_per_epoch=4), training, validation, epochs=20)
before = json.loads((folder / "killed").read_text())
print(whole.history == result.history, [row.validation_loss for row in whole.history[:13]] == before)
"""
    notebook = open_notebook(lab, "killed", run, compare)
    page = notebook.page
    curves = lambda: page.evaluate(  # noqa: E731
        "() => [...document.querySelectorAll('path.curve')].map(e => e.getAttribute('d').match(/[ML]/g).length)"
    )
    notebook.run(1)
    page.locator(".jp-Dialog", has_text="appears to have died").locator("button").click(timeout=60_000)
    saved = load(tmp_path / "run").history
    assert len(saved) == 10
    assert saved.restored_epochs, "the test needs restores before the last save"
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=60_000
    )

    notebook.run_all()
    notebook.await_state("paused, epoch 17 of 20", timeout=60)
    assert "continued after epoch 10 from" in notebook.text(1)
    assert curves() == [16, 16]
    # of the models of the first ten epochs, the best and the last are left, and the page says so
    page.get_by_role("slider", name="epoch").press("Home")
    notebook.await_words("epoch 1:")
    kept = f"reconstructions are by the nearest kept model, of epoch {saved.best.epoch}"
    assert saved.best.epoch == 1 or kept in page.locator(".words").text_content()
    notebook.press("Resume")
    notebook.await_state("20 epochs, best")
    notebook.wait_idle()
    assert curves() == [20, 20]
    restored = load(tmp_path / "run").history.restored_epochs
    assert restored[: len(saved.restored_epochs)] == saved.restored_epochs
    assert page.locator(".kit-chart path.restored").count() == len(restored)
    assert notebook.text(2).strip() == "True True", "bit for bit the same as without the interruption"
