"""Rules on what is committed: outputs, counts, pictures, nothing of one's own machine."""

from __future__ import annotations

import ast
import re
from itertools import count

from tests.notebooks.reading import Findings, Notebook, pictures, shown

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# Of a cell whose output differs between computers, or from run to run.
IGNORED = "nbval-ignore-output"
WIDGET = "application/vnd.jupyter.widget-view+json"
RUN = "run it top to bottom: `python -m tests.notebooks.execute FILE`"

_MACHINE = {
    "a path of one machine": re.compile(
        r"(?<![\w.~/<])/(?:home|Users|tmp|work|root|opt|mnt|media|srv|var|usr|etc|private|Volumes)\b(?!-)"
        r"|file:///?|(?<!\w)[A-Za-z]:\\+\w|\bsite-packages\b"
    ),
    "an address in memory": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
}


def no_widget_state(notebook: Notebook) -> Findings:
    if "widgets" in notebook.metadata:
        yield None, "saved widget state breaks rendering on the web: delete `widgets` from the notebook's metadata"


def plain_metadata(notebook: Notebook) -> Findings:
    if notebook.metadata.get("kernelspec") != KERNEL:
        yield None, f"kernelspec should be {KERNEL}; it is {notebook.metadata.get('kernelspec')}"
    language = notebook.metadata.get("language_info", {})
    if language != {"name": "python"}:
        yield None, f"language_info should be {{'name': 'python'}}, no version of one machine; it is {language}"
    for key in notebook.metadata.keys() - {"kernelspec", "language_info", "widgets"}:
        yield None, f"metadata `{key}` belongs to somebody's editor: delete it"
    for cell in notebook.cells:
        for key in cell.metadata.keys() - {"tags", "slideshow"}:
            yield cell, f"metadata `{key}` belongs to somebody's editor: delete it"


def run_in_order(notebook: Notebook) -> Findings:
    for cell, number in zip(notebook.code, count(1)):
        if cell.execution_count != number:
            yield cell, f"execution count should be {number}; it is {cell.execution_count}: {RUN}"
            return


def outputs_are_there(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        prints, shows = _expected(cell.source)
        prints = prints and "check" not in cell.tags
        shows = shows or "check" in cell.tags
        if shows and not any(output["output_type"] != "stream" for output in cell.outputs):
            yield cell, f"its last line shows something, and no output is there: {RUN}"
        elif prints and not any(output["output_type"] == "stream" for output in cell.outputs):
            yield cell, f"it prints, and nothing printed is there: {RUN}"


def _expected(source: str) -> tuple[bool, bool]:
    """Whether code prints, and whether its last line shows something; a call only if its name tells."""
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
    """Whether a print is sure to be reached: no function's, no branch's, no handler's."""
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
                    f"{kind} needs an alternative text of more than 20 characters that says what is to be seen; "
                    f"it has “{alt}” (figures of the kit: `figure.alt = …`)",
                )


def nothing_of_a_machine(notebook: Notebook) -> Findings:
    for cell in notebook.cells:
        texts = [cell.source, *(text for output in cell.outputs for text in shown(output))]
        for what, pattern in _MACHINE.items():
            for text in texts:
                if found := pattern.search(text):
                    around = text[max(0, found.start() - 10) : found.end() + 30]
                    yield cell, f"{what}, “{around}”: leave it out, or show a name that is the same everywhere"
                    break


def no_warnings(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        for output in cell.outputs:
            if output["output_type"] == "error":
                yield cell, f"it ends in {output['ename']}: mend the cell, or catch the error and print what it says"
            elif output.get("name") == "stderr":
                yield cell, f"it writes to stderr, “{''.join(output['text'])[:60]}”: mend what it complains of"
            elif found := next(filter(None, (re.search(r"\w*Warning:.*", text) for text in shown(output))), None):
                yield cell, f"a warning, “{found[0][:60]}”: mend what it complains of"


def ignored_outputs_are_asserted(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        if IGNORED in cell.tags and not re.search(r"^\s*assert\b", cell.source, re.MULTILINE):
            yield cell, f"its output is not compared (tag `{IGNORED}`) and nothing else is: assert a bound"
        if "NBVAL_" in cell.source:
            yield cell, f"a mark for nbval that readers see: give the cell the tag `{IGNORED}` instead"


RULES = (
    no_widget_state,
    plain_metadata,
    run_in_order,
    outputs_are_there,
    alt_texts,
    nothing_of_a_machine,
    no_warnings,
    ignored_outputs_are_asserted,
)
