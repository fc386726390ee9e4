"""Tests of the monitor with each supported ipykernel, and the oldest JupyterLab and Notebook: `make test-matrix`.

Each row has a separate environment, which uses the packages of the current one except for those that it replaces.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv" / "matrix"
OLDEST_PAGES = ("jupyterlab==4.4.*", "notebook==7.4.*")
ROWS = [
    ("ipykernel==6.*",),
    *((f"ipykernel==7.{minor}.*",) for minor in range(5)),
    ("ipykernel==7.0.*", *OLDEST_PAGES),
    ("ipykernel==7.4.*", *OLDEST_PAGES),
]
# In both pages: buttons during a cell, the stop button of the notebook, Run All, an error, the note without buttons.
CORE = "pause_step or stop_of_notebook or fresh_page or exception or without_subshells"


def environment(pins: tuple[str, ...]) -> Path:
    """Return an interpreter that finds these versions first, and other packages in the current environment."""
    folder = FOLDER / "-".join(pin.replace("==", "").replace(".*", "") for pin in pins)
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True, symlinks=True)
        own = subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        )
        Path(own.strip(), "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins], check=True)
    return python


def main() -> None:
    failed = 0
    print("| versions | result | seconds |\n|---|---|---|")
    for pins in ROWS:
        python, begun = environment(pins), time.monotonic()
        names = ("ipykernel", "jupyterlab", "notebook")
        code = f"from importlib.metadata import version; print(*(f'{{n}} {{version(n)}}' for n in {names}), sep=', ')"
        versions = subprocess.check_output([python, "-c", code], text=True).strip()
        command = [python, "-m", "pytest", "-q", "tests/browser/test_training_monitor.py", "-k", CORE]
        # The pages and the extensions of their widgets are files of the current environment.
        paths = {"JUPYTER_PATH": "share/jupyter", "JUPYTER_CONFIG_PATH": "etc/jupyter"}
        borrowed = {name: str(Path(sys.prefix, path)) for name, path in paths.items()}
        shared = {**os.environ, **borrowed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=shared, text=True, stdout=subprocess.PIPE)
        failed += done.returncode != 0
        if done.returncode:
            print(done.stdout, file=sys.stderr)
        print(
            f"| {versions} | {done.stdout.splitlines()[-1].split(' in ')[0]} | {time.monotonic() - begun:.0f} |",
            flush=True,
        )
    sys.exit(failed)


if __name__ == "__main__":
    main()
