"""Layout of the packages: unique public names, and imports in one direction."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

from tests.size import ROOT

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for folder in ("data", "trainers", "notebooks/course")
    for path in sorted(ROOT.glob(f"{folder}/**/*.py"))
}
# From the lowest to the highest; a package may import only from itself and from lower packages.
PACKAGES = [
    "data", "trainers", "trainers.detection", "trainers.experiments", "trainers.widgets", "trainers.reports",
    "notebooks.course",
]  # fmt: skip
# Each lesson has exercises 1 to 4, and each command line has a function `main`.
SAME_IN_MANY = re.compile(r"check_\d|main|__init__|__main__")


def package_of(module: str) -> int:
    """Return the position of a module's package in `PACKAGES`."""
    if module == "trainers.__main__":
        return PACKAGES.index("trainers.reports")
    return max(i for i, package in enumerate(PACKAGES) if f"{module}.".startswith(f"{package}."))


def imports(path: Path) -> set[str]:
    """Return the modules of the repository that a module imports at its top level."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(submodules & MODULES.keys() or {str(node.module)})
    return found & MODULES.keys()


def test_imports_go_in_one_direction():
    graph = {module: imports(path) for module, path in MODULES.items()}
    # Raises CycleError if modules import each other.
    list(TopologicalSorter(graph).static_order())
    upwards = [(a, b) for a, found in graph.items() for b in found if package_of(a) < package_of(b)]
    assert upwards == []


def test_public_names_and_files_are_unique():
    places = defaultdict(list)
    for module, path in MODULES.items():
        places[path.stem].append(str(path))
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                places[node.name].append(f"{module}.{node.name}")
    repeated = {name: found for name, found in places.items() if len(found) > 1 and not name.startswith("_")}
    assert {name: found for name, found in repeated.items() if not SAME_IN_MANY.fullmatch(name)} == {}
