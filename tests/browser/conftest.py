"""Servers and pages for the browser tests; skipped with a clear word where there is no browser."""

from __future__ import annotations

import itertools
import os
from importlib.metadata import version

import pytest

from notebooks.course.classroom_lab import prepare

from .jupyter import CLOSE_ALL, FLAGS, Notebook, Server, chromium, shared

# Clicks reach a busy kernel over subshells, which ipykernel has from 7 on.
SUBSHELLS = int(version("ipykernel").split(".")[0]) >= 7
needs_subshells = pytest.mark.skipif(not SUBSHELLS, reason="ipykernel 6: buttons cannot answer in a busy cell")
SETUP = """
import torch
from data import load_ecg5000, split
from trainers import BatchedTrainer, LSTMAutoencoder, Run, StopTraining, benchmark
from trainers.widgets import HyperparameterPanel, RunComparison, TrainingMonitor
torch.set_num_threads(1)
training, validation, _, test = split(load_ecg5000())
few = test.subset([0, 1, 33, 210])
def make(**settings):
    given = {"batch_size": 25, "steps_per_epoch": 20, "learning_rate": 0.02, **settings}
    return BatchedTrainer(LSTMAutoencoder(hidden_size=12), "cpu", **given)
print("ready")
"""


@pytest.fixture(scope="session")
def browser():
    path = chromium()
    if path is None:
        reason = "no Chromium or Chrome found: install one, or name it in CHROMIUM, to run the browser tests"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """Return the folder that all workers of a run share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def lab(browser, shared_folder):
    with shared(shared_folder, "lab") as server:
        yield server


@pytest.fixture(scope="session")
def class_lab(browser, shared_folder, tmp_path_factory):
    """JupyterLab as `python -m notebooks.course classroom` starts it."""
    with shared(shared_folder, "class", prepare(tmp_path_factory.mktemp("settings"))) as server:
        yield server


@pytest.fixture(scope="session")
def notebook_server(lab):
    """Notebook 7's pages, from the same server."""
    return lab.with_pages_of("notebook")


@pytest.fixture(params=["lab", "notebook_server"])
def server(request):
    """JupyterLab and Notebook 7, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def page(request, browser):
    failed = request.session.testsfailed
    context = browser.new_context(viewport={"width": 1200, "height": 1000})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()
    for server in Server.running:
        server.end_kernels(keep_one=request.session.testsfailed == failed)


@pytest.fixture(scope="session")
def open_pages():
    """Pages in which JupyterLab is open; it takes longer to load than most tests to run."""
    return []


@pytest.fixture
def used_page(request, browser, open_pages):
    """A page in which JupyterLab may be open from an earlier test that passed."""
    failed = request.session.testsfailed
    if open_pages:
        page = open_pages.pop()
    else:
        context = browser.new_context()
        context.set_default_timeout(20_000)
        page = context.new_page()
    page.set_viewport_size({"width": 1200, "height": 1000})
    # Where the last test left it, the mouse would mark what comes to be there.
    page.mouse.move(0, 0)
    yield page
    passed = request.session.testsfailed == failed
    try:
        if passed and "/lab/" in page.url and page.evaluate(CLOSE_ALL):
            open_pages.append(page)
        else:
            page.context.close()
    finally:
        for server in Server.running:
            server.end_kernels(keep_one=passed)


@pytest.fixture
def open_notebook(used_page):
    """Opens a notebook whose first cell, already run, holds SETUP, with a kernel that may be an earlier test's."""
    numbers = itertools.count()

    def open_(server, name, *cells, page=used_page):
        name = f"{name}{next(numbers)}"
        server.reuse_kernel(server.folder / f"{name}.ipynb")
        notebook = Notebook(page, server, name, [SETUP, *cells])
        notebook.run(0)
        page.wait_for_function(
            "() => document.querySelector('.jp-OutputArea-output pre')?.textContent.includes('ready')"
        )
        return notebook

    return open_
