"""The JavaScript of each widget: several modules that are sent to the page as one module."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainers.widgets import LatentMap, SeriesViewer, ThresholdExplorer
from trainers.widgets.chart import Chart
from trainers.widgets.export import read_assets

FOLDER = Path(sys.modules[Chart.__module__].__file__).parent
SCRIPTS = {kind.__name__: kind._esm for kind in (Chart, LatentMap, SeriesViewer, ThresholdExplorer)}
EXPORTS = """
const exported = await import(process.argv[1]);
console.log(JSON.stringify([typeof exported.mount, typeof exported.default.render]));
"""


@pytest.fixture(scope="session")
def node():
    """Path of Node in this environment, which the extra `test` installs."""
    found = shutil.which("node", path=Path(sys.executable).parent)
    if found is None:
        reason = "Node is not installed next to Python: install the extra `test`"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_joined_module_parses_and_exports_mount_and_render(name, node, tmp_path):
    path = tmp_path / "widget.mjs"
    path.write_text(SCRIPTS[name], encoding="utf-8")
    command = [node, "--input-type=module", "--eval", EXPORTS, path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["function", "function"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_joined_module_imports_nothing(name):
    script = SCRIPTS[name]
    assert not re.search(r"^import\b|\bimport\(", script, re.MULTILINE)
    assert script.count("export function mount(") == 1
    assert script.count("export default {") == 1
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", script)


def test_only_the_last_module_exports():
    first, last = (FOLDER.joinpath(name).read_text(encoding="utf-8") for name in ("plot.js", "page.js"))
    joined = read_assets(["plot.js", "page.js"], ".js")
    assert len(re.findall(r"^export ", first, re.MULTILINE)) > 5
    assert len(re.findall(r"^export ", joined, re.MULTILINE)) == len(re.findall(r"^export ", last, re.MULTILINE))
    assert "export async function" not in read_assets(["page.js", "plot.js"], ".js")


def test_modules_import_only_earlier_modules():
    for files in (LatentMap._files, SeriesViewer._files, ThresholdExplorer._files):
        scripts = [name for name in files if name.endswith(".js")]
        for place, name in enumerate(scripts):
            text = FOLDER.joinpath(name).read_text(encoding="utf-8")
            imported = set(re.findall(r'^import [^;]* from "\./([\w.]+)";', text, re.MULTILINE))
            assert imported <= set(scripts[:place]), name
