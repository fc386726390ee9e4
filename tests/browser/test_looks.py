"""Appearance in both themes and in a narrow window, and pages without a kernel."""

from __future__ import annotations

import math

import pytest

from trainers import History
from trainers.widgets import RunComparison

from .contrast import contrast_script
from .jupyter import at_rest

SHOW = """
monitor = TrainingMonitor(few)
result = benchmark(make(learning_rate=3, steps_per_epoch=4), training, validation, epochs=12, callbacks=[monitor])
"""
CONTRAST = contrast_script(
    ".kit-chart", "textOf('.state, .left, .plot text, figcaption, small, .words, .legend li, .legend button, .tools *')"
)
CLIPPED = """() => {
    const chart = document.querySelector('.kit-chart').getBoundingClientRect(), found = [];
    const texts = ['.plot text', '.legend li', 'figcaption', '.state'].map(name => '.kit-chart ' + name).join();
    for (const e of document.querySelectorAll(texts)) {
        const box = e.getBoundingClientRect();
        const frame = e.closest('svg.plot')?.getBoundingClientRect() ?? chart;
        const beside = box.left < frame.left - 1 || box.right > frame.right + 1;
        if (beside || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
            found.push(e.textContent);
    }
    return found;
}"""
COVERED = """() => {
    const legend = document.querySelector('.kit-chart .legend').getBoundingClientRect();
    const plot = document.querySelector('.kit-chart .plot').getBoundingClientRect();
    return legend.left < plot.right - 1 && legend.top < plot.bottom - 1
        && legend.right > plot.left && legend.bottom > plot.top;
}"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [1200, 600])
def test_monitor_is_readable_and_nothing_is_clipped(lab, open_notebook, tmp_path, theme, width):
    notebook = open_notebook(lab, "looks", SHOW)
    page = notebook.page
    notebook.resize(width, 1100)
    notebook.set_theme(theme)
    notebook.run_all()
    notebook.await_state("12 epochs")
    notebook.wait_idle()
    page.wait_for_timeout(500)
    page.locator(".kit-chart").screenshot(path=tmp_path / "chart.png")
    assert min(page.evaluate(CONTRAST)) >= 4.5, "WCAG AA"
    assert page.evaluate(CLIPPED) == []
    assert not page.evaluate(COVERED)
    assert page.locator(".kit-chart").bounding_box()["width"] <= width


@pytest.fixture
def exported(lab, open_notebook):
    exported = lab.folder / "exported.html"
    if not exported.exists():
        notebook = open_notebook(lab, "export", f"{SHOW}monitor.to_html('run.html')\nprint('written')")
        notebook.run_all()
        notebook.page.wait_for_function("() => document.body.textContent.includes('written')")
        notebook.wait_idle()
        lab.folder.joinpath("run.html").rename(exported)
    return exported


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_exported_page_works_without_kernel_or_network(browser, exported, scheme):
    context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": 700, "height": 900})
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: request.url.startswith("file:") or errors.append(request.url))
    page.goto(exported.as_uri())
    slider = page.get_by_role("slider", name="epoch")
    assert slider.get_attribute("max") == "12"
    before = page.locator(".examples").inner_html(), page.locator(".plot").inner_html()
    slider.focus()
    slider.press("Home")
    page.wait_for_function("() => document.querySelector('.words').textContent.startsWith('epoch 1:')")
    after = page.locator(".examples").inner_html(), page.locator(".plot").inner_html()
    assert before[0] != after[0], "the reconstructions change"
    assert before[1] != after[1], "the marker moves"
    page.get_by_role("button", name="play").click()
    page.wait_for_function("() => document.querySelector('.words').textContent.startsWith('epoch 3:')")
    assert min(page.evaluate(CONTRAST)) >= 4.5
    assert page.evaluate(CLIPPED) == []
    assert errors == []
    context.close()


def test_hovering_describes_epoch(browser, exported):
    page = browser.new_page(viewport={"width": 900, "height": 800})
    page.goto(exported.as_uri())
    mark = at_rest(page.locator("path.restored").first)
    page.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    page.wait_for_function("() => document.querySelector('.words').textContent.includes('best weights restored')")
    page.close()


LOSSES = {
    "ten thousand epochs": [10 / (1 + e) + 0.1 * (e % 3) for e in range(10_000)],
    "tiny": [1e-7 / (1 + e) for e in range(30)],
    "huge": [1e7 / (1 + e) for e in range(100)],
    "nearly equal": [0.1, 0.10000000000000002, 0.1, 0.1],
    "negative": [-1 - e / 10 for e in range(20)],
    "zero": [0.0, 0.0, 0.0],
    "one epoch": [0.25],
}


@pytest.mark.parametrize("case", LOSSES)
def test_losses_of_any_scale_and_number_are_readable(browser, tmp_path, case):
    losses = LOSSES[case]
    history = History(case)
    for loss in losses:
        worse = history.best is not None and loss > history.best.validation_loss
        history.append(train_loss=loss, validation_loss=loss, restored=worse)
    RunComparison({case: history}).to_html(tmp_path / "page.html")
    page = browser.new_page(viewport={"width": 600, "height": 700})
    page.goto(tmp_path.joinpath("page.html").as_uri())
    page.wait_for_timeout(300)
    assert page.evaluate(CLIPPED) == []
    assert case in page.locator(".legend").text_content()
    axis = page.locator(".plot text[text-anchor=end]").all_text_contents()
    labels = [text for text in axis if text != str(len(losses))]
    assert len(set(labels)) == len(labels) >= 2, "each tick has a different label"
    for curve in page.locator("path.curve").all():
        assert len(curve.get_attribute("d")) < 60_000, "about as many points as the picture has pixel columns"
    assert page.locator("path.restored").count() < 400
    # In one call: the chart is drawn again when its width is known.
    assert page.evaluate("() => document.querySelector('path.curve').getClientRects().length")
    page.get_by_role("button", name="log scale").click()
    assert page.evaluate(CLIPPED) == []
    page.close()


def test_finite_loss_between_two_non_finite_losses_is_a_dot(browser, tmp_path):
    history = History("gaps")
    for loss in (0.4, math.nan, 0.3, math.inf, 0.2, 0.1):
        history.append(train_loss=loss, validation_loss=loss, restored=not math.isfinite(loss))
    RunComparison({"gaps": history}).to_html(tmp_path / "page.html")
    page = browser.new_page()
    page.goto(tmp_path.joinpath("page.html").as_uri())
    assert page.locator("path.curve").last.get_attribute("d").count("h0") == 3, "two dots, and the end of the line"
    assert page.locator("path.restored").count() == 2
    page.close()


def test_runs_are_compared_and_toggled_by_name(lab, open_notebook):
    compare = """
train = lambda **given: benchmark(make(steps_per_epoch=4, **given), training, validation, epochs=6)
histories = {f"rate {rate}": train(learning_rate=rate) for rate in (0.005, 0.2)}
histories["three seeds"] = [train(seed=seed) for seed in range(3)]
RunComparison(histories)
"""
    notebook = open_notebook(lab, "compare", compare)
    notebook.run_all()
    notebook.wait_idle()
    page = notebook.page
    page.wait_for_selector(".kit-chart .legend button")
    assert page.locator(".kit-chart path.curve").count() == 3
    assert page.locator(".kit-chart polygon[opacity='0.2']").count() == 1, "the seeds are a band"
    assert notebook.cell(1).locator("img").count() == 1
    page.get_by_role("button", name="rate 0.2").click()
    assert page.locator(".kit-chart path.curve").count() == 2
    page.get_by_role("button", name="rate 0.2").press("Enter")
    assert page.locator(".kit-chart path.curve").count() == 3
    page.get_by_role("button", name="training losses").click()
    assert page.locator(".kit-chart path.curve").count() == 6
    axis = page.locator(".kit-chart .plot text").all_text_contents()
    page.get_by_role("button", name="log scale").press("Space")
    assert page.locator(".kit-chart .plot text").all_text_contents() != axis


def test_hyperparameters_are_changed_during_run(lab, open_notebook):
    start = "trainer = make()\npanel = HyperparameterPanel(trainer)\npanel"
    run = "result = benchmark(trainer, training, validation, epochs=500, callbacks=[TrainingMonitor()])"
    notebook = open_notebook(
        lab, "panel", start, run, "print([r.note for r in result.history if r.note])", "trainer.learning_rate = 0.5"
    )
    notebook.run(1)
    page = notebook.page
    page.wait_for_selector(".widget-text input")
    notebook.run(2)
    notebook.await_epoch(3)
    # Otherwise the message about the next epoch would disappear before the test reads it.
    notebook.press("Pause")
    notebook.await_state("paused")
    rate = page.get_by_label("learning_rate").first
    rate.fill("0.004")
    rate.press("Enter")
    page.wait_for_function("() => document.body.textContent.includes('applied from the next epoch on')")
    page.get_by_role("tab", name="batches").click()
    size = page.get_by_label("batch_size").first
    size.fill("0")
    size.press("Enter")
    page.wait_for_function("() => document.body.innerText.includes('batch_size must be an integer of at least 1')")
    epoch = int(notebook.state().split("epoch ")[1].split()[0])
    notebook.press("Resume")
    notebook.await_epoch(epoch + 2)
    notebook.press("Stop")
    notebook.wait_idle()
    notebook.run(3)
    page.wait_for_function("() => document.body.textContent.includes('learning_rate 0.02 → 0.004')")
    notebook.run(4)
    page.wait_for_function("() => [...document.querySelectorAll('.widget-text input')].some(i => i.value === '0.5')")
