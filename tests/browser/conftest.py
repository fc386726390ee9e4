"""Servers and pages for the browser tests, which are skipped with a reason if there is no browser."""

from __future__ import annotations

import itertools
import os
from importlib.metadata import version

import pytest

from notebooks.course.classroom_lab import prepare

from .jupyter import CLOSE_ALL, FLAGS, Notebook, Server, chromium, shared

# Clicks reach a busy kernel through subshells, which ipykernel supports from version 7 on.
SUBSHELLS = int(version("ipykernel").split(".")[0]) >= 7
needs_subshells = pytest.mark.skipif(not SUBSHELLS, reason="ipykernel 6: buttons do not work while a cell is running")
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
        reason = "Chromium or Chrome must be installed, or its path set in CHROMIUM, to run the browser tests"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    """Return the folder that all workers of a test run share."""
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
    """Return the same server, with the pages of Notebook 7."""
    return lab.with_pages_of("notebook")


@pytest.fixture(params=["lab", "notebook_server"])
def server(request):
    """Return a server with the pages of JupyterLab, then of Notebook 7."""
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
    """Return the open pages of JupyterLab, to reuse them: loading takes longer than most tests."""
    return []


@pytest.fixture
def used_page(request, browser, open_pages):
    """Return a page in which JupyterLab may still be open from an earlier test that passed."""
    failed = request.session.testsfailed
    if open_pages:
        page = open_pages.pop()
    else:
        context = browser.new_context()
        context.set_default_timeout(20_000)
        page = context.new_page()
    page.set_viewport_size({"width": 1200, "height": 1000})
    # Move the mouse away, so that it does not point at a new element.
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
    """Return a function that opens a notebook and runs its first cell, SETUP; the kernel may be reused."""
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
