"""``python -m trainers classroom``: JupyterLab with classroom mode on and its own text enlarged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from trainers import classroom

# Jupyter looks for `labextensions` in it: there the slides are.
_HERE = Path(__file__).parent
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# By plugin; merged into what the user has set.
_SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/themes": {
        "overrides": {
            "content-font-size1": f"{classroom.TEXT}px",
            "code-font-size": f"{classroom.CODE}px",
            "ui-font-size1": f"{classroom.MENUS}px",
        }
    },
    # A long line of code goes on below, not out of the page.
    "@jupyterlab/notebook-extension/tracker": {"codeCellConfig": {"lineWrap": True}},
    # No question about news over the last slide, and no request into a network that is not there.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
# The whole width for the notebook.
_LAYOUT = {"left": {"collapsed": True}, "right": {"collapsed": True}}


def first_lesson() -> Path:
    """The notebook that is opened where none is named.

    Raises
    ------
    FileNotFoundError
        If there are no notebooks beside the kit.
    """
    found = sorted(NOTEBOOKS.glob("01_*.ipynb"))
    if not found:
        msg = f"no first lesson in {NOTEBOOKS}. Name a notebook: python -m trainers classroom my.ipynb."
        raise FileNotFoundError(msg)
    return found[0]


def start(notebook: str | None = None) -> int:
    """Open a notebook in JupyterLab in classroom mode, and return when the server has ended.

    The user's own settings are read, and left as they are: the enlarged ones are in a folder of their own that goes
    with the server. What is changed in JupyterLab's settings meanwhile goes with it too.

    Parameters
    ----------
    notebook : str, optional
        Default: lesson 1.

    Returns
    -------
    int
        The server's exit code.

    Raises
    ------
    FileNotFoundError
        If there is no such notebook.
    """
    path = Path(notebook) if notebook else first_lesson()
    if not path.exists():
        msg = f"no notebook {str(path)!r}. The lessons are in {NOTEBOOKS}."
        raise FileNotFoundError(msg)
    with tempfile.TemporaryDirectory(prefix="classroom-") as folder:
        environment = {**os.environ, **prepare(Path(folder))}
        return run_to_its_end([sys.executable, "-m", "jupyterlab", str(path)], environment)


def run_to_its_end(command: list[str], environment: dict[str, str]) -> int:
    """Run a program until it ends by itself; its exit code.

    Ctrl-C reaches the program too, since it is in the same terminal. A server needs time to end its kernels, and may
    ask whether it is meant: it is waited for, however often the keys are pressed. (`subprocess.call` would kill it.)

    Parameters
    ----------
    command : list of str
    environment : dict of str

    Returns
    -------
    int
    """
    process = subprocess.Popen(command, env=environment)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def prepare(folder: Path) -> dict[str, str]:
    """Write JupyterLab's settings for a class into a folder; the environment that makes it read them.

    Parameters
    ----------
    folder : Path
        An empty one.

    Returns
    -------
    dict of str
    """
    from jupyterlab.commands import get_user_settings_dir
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    settings, workspaces = folder / "settings", folder / "workspaces"
    if Path(get_user_settings_dir()).is_dir():
        shutil.copytree(get_user_settings_dir(), settings)
    for plugin, wanted in _SETTINGS.items():
        file = settings / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(merged(_read(file), wanted), indent=1), encoding="utf-8")
    workspace = {"data": {"layout-restorer:data": _LAYOUT}, "metadata": {"id": "default"}}
    WorkspacesManager(str(workspaces)).save("default", json.dumps(workspace))
    return {
        "TRAINERS_CLASSROOM": "1",
        "JUPYTER_PATH": os.pathsep.join(filter(None, [str(_HERE), os.environ.get("JUPYTER_PATH")])),
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(workspaces),
    }


def merged(own: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """`own` with what is wanted in it, in dictionaries within too.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    """
    if not isinstance(own, dict):  # somebody's file holds something else there, which JupyterLab would not use either
        return wanted
    changed = {
        name: merged(own.get(name, {}), value) if isinstance(value, dict) else value for name, value in wanted.items()
    }
    return {**own, **changed}


def _read(file: Path) -> dict[str, Any]:
    """A settings file, which may hold comments; nothing where there is none, or what JupyterLab cannot read either."""
    import json5

    try:
        found = json5.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
