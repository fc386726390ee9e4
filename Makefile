# make lab        install the kit and open the first lesson in JupyterLab
# make class      the same for a class: large text and plots, training runs below half a minute, slides
#                 (both print the address to open if no browser opens)
# make check      check whether this computer is ready for a lesson
# make handout    write the course without solutions and answers into build/course.zip, for students
# make check-gpu  check the kit on this computer's accelerator, against the CPU
# make test       install the kit and run all tests, notebooks included
# make lint-notebooks  check the committed notebooks without running them (part of make test)
# make solutions  rebuild the solution notebooks after a change of a lesson's exercises
# make test-browser  click through the widgets in JupyterLab, Notebook 7 and Chromium (part of make test)
# make size       print files and lines of code of each package, and their budgets
# make javascript  format the JavaScript (make test checks its format, names and pure functions)
# make test-processors  run the tests that depend on floating-point rounding with other instruction sets
# make test-faults   interrupt and kill training runs, damage files, let writes fail, load untrusted files (20 minutes)
# make test-matrix   test the monitor with every supported ipykernel and the oldest JupyterLab and Notebook
# make site       build the course site from the notebooks in build/site (it needs no network)
# make test-site  test its links, pictures, widgets and accessibility in Chromium
# make pictures   record the animated picture of the README
# make benchmark  measure speed of training and scoring, and the cost of monitoring
# make results    measure three tables of RESULTS.md: heartbeats, the default detector on twenty splits, long recordings
# make detection-study  compare anomaly scores and thresholds over data sets; DATA=folder for those in a folder (hours)
# make restore-study  compare restores during training with a restore at the end; DATA=folder as above (hours)
# make steps      measure the effect of each part of the best configuration
# make speed-to-quality  measure how long training takes to reach a validation error of 9.7 (three seeds, one core)
#
# PYTHON=python3.12 chooses an interpreter; PIP_ARGS="…" is passed to pip install.
# All paths are relative, so the names of parent folders may contain spaces.

PY = .venv/bin/python
# pip does not compile the packages; Python compiles and caches what is imported, even if a container forbids it.
unexport PYTHONDONTWRITEBYTECODE
PIP = $(PY) -m pip install --quiet --disable-pip-version-check --no-compile $(PIP_ARGS)
# Groups of packages to install, and the file whose date is the time of the installation.
EXTRAS = test
STAMP = .venv/installed
# Node is a Python package; prettier and eslint are Node packages.
NODE = .venv/bin/node
MODULES = tests/javascript/node_modules
SCRIPTS = "{trainers,notebooks/course,tests/javascript}/**/*.js"
PRETTIER = $(NODE) $(MODULES)/prettier/bin/prettier.cjs --config tests/javascript/prettier.config.js --log-level warn
# One worker per core, up to four, because each takes about 1.5 GB. All tests of a file run in one worker.
PYTEST = OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

# What only the lecturer has.
ANSWERS = notebooks/solutions notebooks/exam_questions.md notebooks/instructor_guide.md tests/course

.PHONY: lab class handout check test test-browser test-processors test-faults test-matrix size site test-site pictures benchmark results \
	check-gpu detection-study restore-study steps speed-to-quality javascript lint-notebooks solutions clean help

help:
	@sed -n '/^#/!q; s/^# //p' Makefile

lab: $(STAMP)
	$(PY) -m notebooks.course lab

class: $(STAMP)
	$(PY) -m notebooks.course classroom

check: $(STAMP)
	$(PY) -m notebooks.course check

handout:
	mkdir -p build
	git archive -o build/course.zip --prefix=course/ HEAD . $(foreach part,$(ANSWERS),":!$(part)")

check-gpu: $(STAMP)
	$(PY) -m tests.check_gpu

test: $(STAMP) $(MODULES)/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib -D - -D tests/words.txt .
	$(PY) -m tests.size
	$(PRETTIER) --check $(SCRIPTS)
	$(NODE) $(MODULES)/eslint/bin/eslint.js --config tests/javascript/eslint.config.js $(SCRIPTS)
	$(NODE) --test --test-reporter=dot tests/javascript/*.test.js
	$(PY) -m mypy & types=$$!; $(PYTEST) -p notebooks.site.tested_lessons && wait $$types

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
	export OMP_NUM_THREADS=1; $(PY) -m tests.fuzz & fuzz=$$!; $(PY) -m tests.faults; faults=$$?; \
	$(PY) -m tests.checkpoint_faults && wait $$fuzz && [ $$faults = 0 ]

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
	$(PY) -m tests.benchmarks.splits
	$(PY) -m tests.benchmarks.series_results

detection-study: $(STAMP)
	$(PY) -m tests.benchmarks.detection_study $(if $(DATA),"$(DATA)")

restore-study: $(STAMP)
	$(PY) -m tests.benchmarks.restore_study $(if $(DATA),"$(DATA)")

steps: $(STAMP)
	$(PY) -m tests.benchmarks.steps

speed-to-quality: $(STAMP)
	$(PY) -m tests.benchmarks.speed_to_quality

clean:
	rm -rf .venv $(MODULES)

$(STAMP): pyproject.toml .ci/find-python
	@python=`sh .ci/find-python "$(PYTHON)"` && "$$python" -m venv --clear .venv
	$(PIP) -e ".[$(EXTRAS)]"
	@touch $@

# Use the system's certificate authorities, because Node's own list fails behind a company's proxy.
$(MODULES)/installed: tests/javascript/package-lock.json $(STAMP)
	NODE_OPTIONS=--use-system-ca .venv/bin/npm ci --prefix tests/javascript --no-audit --no-fund --loglevel error
	@touch $@

.venv/installed-site: $(STAMP)
	$(PIP) -e ".[test,site]"
	@touch $@

.venv/installed-scale: $(STAMP)
	$(PIP) -e ".[test,scale]"
	@touch $@

.venv/installed-benchmark: $(STAMP)
	$(PIP) -e ".[benchmark]"
	@touch $@
