"""With ``TRAINERS_WIDGETS=page`` or ``both``, and only then, widgets are displayed as HTML that needs no kernel."""

from __future__ import annotations

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from data import Series
from notebooks.site.tested_lessons import for_page
from trainers import BatchedTrainer, History, LSTMAutoencoder
from trainers.widgets import (
    HyperparameterPanel,
    LatentMap,
    RunComparison,
    SeriesViewer,
    ThresholdExplorer,
    TrainingMonitor,
)

CODE = """
import torch
from trainers import BatchedTrainer, LSTMAutoencoder, benchmark
from trainers.widgets import RunComparison, TrainingMonitor
beats = torch.sin(torch.linspace(0, 6.28, 20)).repeat(40, 1)
monitor = TrainingMonitor(beats[:2])
trainer = BatchedTrainer(LSTMAutoencoder(hidden_size=4), "cpu")
result = benchmark(trainer, beats[:30], beats[30:], epochs=3, callbacks=[monitor])
"""
# Two widgets in one cell, between other outputs.
OTHERS = """
from trainers.widgets import HyperparameterPanel, ThresholdExplorer
print("a panel and an explorer")
display(trainer.history, HyperparameterPanel(trainer), ThresholdExplorer([0.1, 0.9], labels=[0, 1], threshold=0.5))
beats.shape
"""


@pytest.fixture
def on_page(monkeypatch):
    monkeypatch.setenv("TRAINERS_WIDGETS", "page")


@pytest.fixture
def widgets():
    history = History()
    history.append(train_loss=0.5, validation_loss=0.4)
    return {
        "explorer": ThresholdExplorer([0.1, 0.9], labels=[0, 1], threshold=0.5),
        "viewer": SeriesViewer(Series([0.1, 0.2, 9.0], name="pulse")),
        "comparison": RunComparison({"one": history}),
        "panel": HyperparameterPanel(BatchedTrainer(LSTMAutoencoder(hidden_size=4))),
        "monitor": TrainingMonitor(),
        "map": LatentMap([[0.0, 1.0], [1.0, 0.5]], [[0.1, 0.2], [0.3, 0.1]]),
    }


def shown(widget, capture):
    """Return the bundle that a notebook gets from a widget."""
    if hasattr(widget, "_ipython_display_"):
        widget._ipython_display_()
        return capture.pop()
    return widget._repr_mimebundle_()[0]


@pytest.fixture
def capture(monkeypatch):
    bundles = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **_: bundles.append(bundle))
    return bundles


def test_every_widget_is_html_with_unique_key(on_page, widgets, capture):
    htmls = []
    for widget in [*widgets.values(), *widgets.values()]:
        bundle = shown(widget, capture)
        assert set(bundle) == {"text/html", "text/plain"}
        assert bundle["text/plain"] == repr(widget)
        htmls.append(bundle["text/html"])
    keys = [html.split('id="', 1)[1].split('"', 1)[0] for html in htmls]
    assert all(key.startswith("kit-widget-") for key in keys)
    assert len(set(keys)) == len(htmls)


@pytest.mark.parametrize("name", ["explorer", "viewer", "comparison", "monitor", "map"])
def test_html_has_renderer_and_data_of_widget(name, widgets):
    html = widgets[name].html("mine")
    assert 'document.getElementById("mine-place")' in html
    assert '<script type="application/json" id="mine">{' in html
    assert "https:" not in html


def test_panel_is_table_of_values(widgets):
    html = widgets["panel"].html("mine")
    assert html.startswith('<div id="mine"><table>')
    assert "batch_size" in html


def test_without_variable_widget_has_view(monkeypatch, widgets):
    monkeypatch.delenv("TRAINERS_WIDGETS", raising=False)
    bundle, _ = widgets["explorer"]._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "text/html" not in bundle


def test_other_value_raises(monkeypatch, widgets):
    monkeypatch.setenv("TRAINERS_WIDGETS", "static")
    with pytest.raises(ValueError, match=r"TRAINERS_WIDGETS must be 'page'.*got 'static'"):
        widgets["explorer"]._repr_mimebundle_()


def run(*cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3", store_widget_state=False).execute()
    return notebook


@pytest.fixture(scope="module")
def notebook():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINERS_WIDGETS", "page")
        return run(CODE, "monitor", 'RunComparison({"one": result})', OTHERS)


def test_exported_notebook_keeps_interactive_widgets(notebook):
    outputs = [output.data for cell in notebook.cells for output in cell.outputs if "data" in output]
    # The monitor is displayed at the end of its run, and in the cell that displays it.
    assert ["text/html" in data for data in outputs[:3]] == [True] * 3
    assert not any("application/vnd.jupyter.widget-view+json" in data for data in outputs)
    assert '"rewinds":{"1":' in outputs[0]["text/html"]
    page, _ = HTMLExporter().from_notebook_node(notebook)
    for number in (1, 2, 3):
        assert page.count(f'<div id="kit-widget-{number}-place">') == 1


def test_second_run_gives_same_page(on_page, notebook):
    first, second = (each.cells[0].outputs[0].data["text/html"] for each in (notebook, run(CODE)))
    assert first == second


def test_both_adds_page_to_live_widget(monkeypatch, notebook):
    """The site shows the outputs of tested lessons as if the lessons were run with ``page``."""
    monkeypatch.setenv("TRAINERS_WIDGETS", "both")
    live = run(CODE, "monitor", 'RunComparison({"one": result})', OTHERS)
    for cell, on_page in zip(live.cells, notebook.cells, strict=True):
        assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in cell.outputs)
        assert list(map(shown_part, for_page(cell.outputs))) == list(map(shown_part, on_page.outputs))


def shown_part(output):
    """Return what a page shows of an output."""
    data = output.get("data", {})
    return data.get("text/html") or data or output
