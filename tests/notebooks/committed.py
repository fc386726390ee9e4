"""Rules for committed notebooks: outputs, execution counts, pictures, nothing specific to a computer."""

from __future__ import annotations

import ast
import re
from itertools import count

from tests.notebooks.reading import Findings, Notebook, pictures, shown

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# Tag of a cell whose output differs between computers or runs.
IGNORED = "nbval-ignore-output"
WIDGET = "application/vnd.jupyter.widget-view+json"
RUN = "Run it from top to bottom: `python -m tests.notebooks.execute FILE`"

_COMPUTER = {
    "a path of one computer": re.compile(
        r"(?<![\w.~/<])/(?:home|Users|tmp|work|root|opt|mnt|media|srv|var|usr|etc|private|Volumes)\b(?!-)"
        r"|file:///?|(?<!\w)[A-Za-z]:\\+\w|\bsite-packages\b"
    ),
    "an address in memory": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
}


def no_widget_state(notebook: Notebook) -> Findings:
    if "widgets" in notebook.metadata:
        yield None, "saved widget state breaks rendering on the web. Delete `widgets` from the notebook's metadata"


def plain_metadata(notebook: Notebook) -> Findings:
    if notebook.metadata.get("kernelspec") != KERNEL:
        yield None, f"kernelspec must be {KERNEL}, got {notebook.metadata.get('kernelspec')}"
    language = notebook.metadata.get("language_info", {})
    if language != {"name": "python"}:
        yield None, f"language_info must be {{'name': 'python'}}, got {language}"
    for key in notebook.metadata.keys() - {"kernelspec", "language_info", "widgets"}:
        yield None, f"metadata `{key}` comes from an editor. Delete it"
    for cell in notebook.cells:
        for key in cell.metadata.keys() - {"tags", "slideshow"}:
            yield cell, f"metadata `{key}` comes from an editor. Delete it"


def run_in_order(notebook: Notebook) -> Findings:
    for cell, number in zip(notebook.code, count(1)):
        if cell.execution_count != number:
            yield cell, f"the execution count must be {number}, got {cell.execution_count}. {RUN}"
            return


def outputs_exist(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        prints, shows = _expected(cell.source)
        prints = prints and "check" not in cell.tags
        shows = shows or "check" in cell.tags
        if shows and not any(output["output_type"] != "stream" for output in cell.outputs):
            yield cell, f"the last line has a value, but there is no output. {RUN}"
        elif prints and not any(output["output_type"] == "stream" for output in cell.outputs):
            yield cell, f"the cell prints, but there is no printed output. {RUN}"


def _expected(source: str) -> tuple[bool, bool]:
    """Return whether code prints, and whether its last line shows a value; calls are recognised by name."""
    try:
        body = ast.parse(source).body
    except SyntaxError:  # a magic command
        return False, False
    last = body[-1] if body else None
    shows = isinstance(last, ast.Expr) and not source.rstrip().endswith(";") and _has_value(last.value)
    return any(map(_prints, body)), shows


def _has_value(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call):
        return True
    name = getattr(expression.func, "attr", getattr(expression.func, "id", ""))
    return bool(re.match(r"[A-Z]|plot|display$|(head|tail|round|to_frame|agg|describe|pivot)$", name))


def _prints(statement: ast.stmt) -> bool:
    """Return whether a statement certainly prints; functions, branches and handlers are ignored."""
    if isinstance(statement, (ast.For, ast.With, ast.Try)):
        return any(map(_prints, statement.body))
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and getattr(statement.value.func, "id", "") == "print"
    )


def alt_texts(notebook: Notebook) -> Findings:
    for cell in notebook.cells:
        for kind, alt in pictures(cell):
            if alt is not None and len(alt.strip()) <= 20:
                yield (
                    cell,
                    f"the alternative text of {kind} must have more than 20 characters, got “{alt}”. "
                    "Describe the picture; for the kit's figures, set `figure.alt = …`",
                )


def no_local_names(notebook: Notebook) -> Findings:
    for cell in notebook.cells:
        texts = [cell.source, *(text for output in cell.outputs for text in shown(output))]
        for what, pattern in _COMPUTER.items():
            for text in texts:
                if found := pattern.search(text):
                    around = text[max(0, found.start() - 10) : found.end() + 30]
                    yield cell, f"the cell contains {what}, “{around}”. Remove it, or use a general name"
                    break


def no_warnings(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        for output in cell.outputs:
            if output["output_type"] == "error":
                yield cell, f"the cell raises {output['ename']}. Fix it, or catch the error and print its message"
            elif output.get("name") == "stderr":
                yield cell, f"the cell writes to stderr, “{''.join(output['text'])[:60]}”. Fix the cause"
            elif found := next(filter(None, (re.search(r"\w*Warning:.*", text) for text in shown(output))), None):
                yield cell, f"the cell shows a warning, “{found[0][:60]}”. Fix the cause"


def ignored_outputs_are_asserted(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        if IGNORED in cell.tags and not re.search(r"^\s*assert\b", cell.source, re.MULTILINE):
            yield cell, f"the output is not compared (tag `{IGNORED}`). Assert a bound in the cell"
        if "NBVAL_" in cell.source:
            yield cell, f"readers can see the mark for nbval. Give the cell the tag `{IGNORED}` instead"


RULES = (
    no_widget_state,
    plain_metadata,
    run_in_order,
    outputs_exist,
    alt_texts,
    no_local_names,
    no_warnings,
    ignored_outputs_are_asserted,
)
