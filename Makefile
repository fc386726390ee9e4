# make lab        set up and open JupyterLab on the first notebook
# make class      the same for a class: text, lines and figures larger, runs below half a minute, slides
#                 (both print the address to open where no browser opens)
# make check      see whether this computer is ready for a lesson
# make test       set up and run every test, notebooks included
# make lint-notebooks  its part that looks at the notebooks as they are committed, without running them
# make solutions  rebuild the notebooks of solutions after a change to a lesson's exercises
# make test-browser  its part that clicks through the widgets in JupyterLab, Notebook 7 and the system's Chromium
# make size       files and lines of code of each package, beside their budgets
# make javascript  format the JavaScript; `make test` checks its format, names and pure functions
# make test-processors  its part that depends on floating-point numbers, as other processors compute
# make test-faults   training runs that are interrupted at random times and lines
# make test-matrix   the monitor's core in every supported ipykernel and the oldest JupyterLab and Notebook
# make site       build the course site from the notebooks, into build/site (nothing in it needs a network)
# make test-site  its links, pictures, widgets and accessibility, in the system's Chromium
# make pictures   README's moving picture of the monitor
# make benchmark  speed against a plain loop, PyTorch Lightning and skorch; cost of watching; speed of scoring
# make results    two tables of RESULTS.md: heartbeats over five seeds, long recordings over three
# make sweep      the settings of history restore, compared
# make steps      what each part of the best configuration gives
#
# PYTHON=python3.12 chooses an interpreter; PIP_ARGS="…" goes to pip's install command.
# Paths are relative throughout, so that a folder's name may hold blanks.

PY = .venv/bin/python
# Python compiles what is imported, a small part of what is installed, and keeps that where a container forbids it.
unexport PYTHONDONTWRITEBYTECODE
PIP = $(PY) -m pip install --quiet --disable-pip-version-check --no-compile $(PIP_ARGS)
# Set up again when one of these changes.
STAMP = .venv/installed
# Node comes as a Python package, prettier and eslint as packages of Node's.
NODE = .venv/bin/node
MODULES = tests/javascript/node_modules
SCRIPTS = "{trainers,notebooks/course,tests/javascript}/**/*.js"
PRETTIER = $(NODE) $(MODULES)/prettier/bin/prettier.cjs --config tests/javascript/prettier.config.js --log-level warn
# A worker for each core, up to four: each takes about 1.5 GB. A notebook or module stays with one worker.
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

.PHONY: lab class check test test-browser test-processors test-faults test-matrix size site test-site pictures benchmark results \
	sweep steps javascript lint-notebooks solutions clean help

help:
	@sed -n 's/^# //p' Makefile

lab: $(STAMP)
	$(PY) -m notebooks.course lab

class: $(STAMP)
	$(PY) -m notebooks.course classroom

check: $(STAMP)
	$(PY) -m notebooks.course check

test: $(STAMP) $(MODULES)/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib -D - -D tests/words.txt .
	$(PY) -m tests.size
	$(PRETTIER) --check $(SCRIPTS)
	$(NODE) $(MODULES)/eslint/bin/eslint.js --config tests/javascript/eslint.config.js $(SCRIPTS)
	$(NODE) --test --test-reporter=dot tests/javascript/*.test.js
	$(PY) -m mypy & types=$$!; $(PYTEST) && wait $$types

javascript: $(MODULES)/installed
	$(PRETTIER) --write $(SCRIPTS)

lint-notebooks: $(STAMP)
	$(PY) -m tests.notebooks.linter

solutions: $(STAMP)
	$(PY) -m notebooks.course.solutions

test-browser: $(STAMP)
	$(PYTEST) tests/browser

size: $(STAMP)
	$(PY) -m tests.size

test-processors: $(STAMP)
	$(PY) -m tests.processors

test-faults: $(STAMP)
	OMP_NUM_THREADS=1 $(PY) -m tests.faults

test-matrix: $(STAMP)
	$(PY) -m tests.browser.matrix

site: .venv/installed-site
	OMP_NUM_THREADS=1 $(PY) notebooks/site/build.py

test-site: site
	$(PYTEST) --dist=load tests/site

pictures: $(STAMP)
	$(PY) -m tests.browser.pictures

benchmark: .venv/installed-benchmark
	$(PY) -m tests.benchmarks.speed
	$(PY) -m tests.benchmarks.monitor
	$(PY) -m tests.benchmarks.clicks
	$(PY) -m tests.benchmarks.scoring
	$(PY) -m tests.benchmarks.threads

results: $(STAMP)
	$(PY) -m tests.benchmarks.results
	$(PY) -m tests.benchmarks.series_results

sweep: $(STAMP)
	$(PY) -m tests.benchmarks.sweep

steps: $(STAMP)
	$(PY) -m tests.benchmarks.steps

clean:
	rm -rf .venv $(MODULES)

$(STAMP): pyproject.toml .ci/find-python
	@python=`sh .ci/find-python "$(PYTHON)"` && "$$python" -m venv --clear .venv
	$(PIP) -e ".[test]"
	@touch $@

# Node knows only the certificate authorities of its own package; behind a company's proxy the system's are needed.
$(MODULES)/installed: tests/javascript/package-lock.json $(STAMP)
	NODE_OPTIONS=--use-system-ca .venv/bin/npm ci --prefix tests/javascript --no-audit --no-fund --loglevel error
	@touch $@

.venv/installed-site: $(STAMP)
	$(PIP) -e ".[test,site]"
	@touch $@

.venv/installed-benchmark: $(STAMP)
	$(PIP) -e ".[benchmark]"
	@touch $@
