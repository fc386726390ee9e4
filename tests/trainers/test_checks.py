"""Widgets can import the checks of scores and numbers without slow imports."""

import subprocess
import sys


def test_widgets_do_not_import_scikit_learn():
    code = "import sys, trainers.widgets; print([name for name in ('sklearn', 'scipy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
