"""JupyterLab on a lesson: ``python -m notebooks.course lab``, or ``classroom`` for classroom mode and larger text."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from notebooks.course import classroom

# Jupyter searches this folder for `labextensions`, which contains the slides.
_HERE = Path(__file__).parent
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
# JupyterLab's settings by plugin; they are merged into the user's own.
_SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension/themes": {
        "overrides": {
            "content-font-size1": f"{classroom.TEXT}px",
            "code-font-size": f"{classroom.CODE}px",
            "ui-font-size1": f"{classroom.MENUS}px",
        }
    },
    # Wrap long lines of code.
    "@jupyterlab/notebook-extension/tracker": {"codeCellConfig": {"lineWrap": True}},
    # Do not ask about news, and do not send requests to the internet.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
# Collapsed sidebars leave the full width to the notebook.
_LAYOUT = {"left": {"collapsed": True}, "right": {"collapsed": True}}


def first_lesson() -> Path:
    """Return the notebook that is opened by default.

    Raises
    ------
    FileNotFoundError
        If the kit's folder has no lessons.
    """
    found = sorted(NOTEBOOKS.glob("01_*.ipynb"))
    if not found:
        msg = f"no first lesson in {NOTEBOOKS}. Name a notebook: python -m notebooks.course classroom my.ipynb."
        raise FileNotFoundError(msg)
    return found[0]


def start(notebook: str | None = None, *, classroom_mode: bool = True) -> int:
    """Open a notebook in JupyterLab, and return when the server has stopped.

    In classroom mode, the user's settings are copied to a temporary folder and changed there; the user's own files are
    not changed. Changes that you make in JupyterLab's settings are deleted with this folder.

    Parameters
    ----------
    notebook : str, optional
        Path of the notebook. Default: lesson 1.
    classroom_mode : bool, default True
        Whether to switch classroom mode on, with larger text and the slides.

    Returns
    -------
    int
        The exit status 0.

    Raises
    ------
    FileNotFoundError
        If the notebook does not exist.
    """
    path = Path(notebook) if notebook else first_lesson()
    if not path.exists():
        msg = f"no notebook {str(path)!r}. The lessons are in {NOTEBOOKS}."
        raise FileNotFoundError(msg)
    with tempfile.TemporaryDirectory(prefix="classroom-") as folder:
        if classroom_mode:
            os.environ.update(prepare(Path(folder)))
        # Imported here because it reads the environment at import.
        from jupyterlab.labapp import LabApp

        server = LabApp.initialize_server([str(path), *_options()])
        token = server.identity_provider.token
        address = f"{server.connection_url}lab/tree/{quote(path.name)}" + (f"?token={token}" if token else "")
        server.io_loop.add_callback(print, f"\nIf no browser opens, open this address:\n\n    {address}\n", flush=True)
        server.start()
    return 0


def _options() -> list[str]:
    """Return the options of JupyterLab: loopback only, root allowed, and no browser without a display."""
    options = ["--ip=127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    # Without a display, Python only finds text browsers, which would block the terminal.
    if sys.platform not in ("darwin", "win32") and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys():
        options.append("--no-browser")
    return options


def prepare(folder: Path) -> dict[str, str]:
    """Write JupyterLab's settings for a class into a folder, and return the environment variables that select them.

    Parameters
    ----------
    folder : Path
        An empty folder.

    Returns
    -------
    dict of str
        Values by the names of the environment variables.
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
    """Return the dictionary `own`, updated with `wanted` at every level.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    """
    if not isinstance(own, dict):  # a user's file may hold another type, which JupyterLab ignores too
        return wanted
    changed = {
        name: merged(own.get(name, {}), value) if isinstance(value, dict) else value for name, value in wanted.items()
    }
    return {**own, **changed}


def _read(file: Path) -> dict[str, Any]:
    """Return the settings in a file, which may hold comments; an empty dictionary if it is missing or invalid."""
    import json5

    try:
        found = json5.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
