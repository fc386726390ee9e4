"""Rules for the text: lengths, headings, links, terms."""

from __future__ import annotations

import re
import urllib.parse

from tests.notebooks.reading import Findings, Notebook, headings, pictures, prose

CODE_LINES, PROSE_LINES = 13, 25
# The set-up cell of the exercises may be longer, because it is not meant to be read.
SETUP_LINES = 22
# A class or a function is one idea.
DEFINITION_LINES = 28
COLUMNS = {"code": 120, "markdown": 130, "raw": 120}


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


# The kit's terms, and forms that are not used. Spelling is British (-ise); "time-step" and "time-series" are
# adjectives.
TERMS = {
    "autoencoder": ["auto-encoder", "auto encoder"],
    "data set": ["dataset", "data-set"],
    "time series": ["timeseries"],
    "time step": ["timestep"],
    "hyperparameter": ["hyper-parameter", "hyper parameter"],
    "history restore": ["history-restore"],
    "training set": ["train set", "train-set"],
    "training loss": ["train loss"],
    "validation loss": ["val loss"],
    "AUROC": ["AUC-ROC", "ROC-AUC", "ROC AUC", "AUC", "auroc"],
    "F1": ["F1-score", "F-1"],
    "1-NN": ["1NN", "1-nn"],
    "LSTM": ["lstm"],
    "GPU": ["gpu"],
    "overfit": ["over-fit"],
    "PyTorch": ["pytorch"],
    "JupyterLab": ["Jupyter Lab", "Jupyter lab", "jupyterlab"],
    "IPython": ["ipython"],
    "NumPy": ["numpy"],
    "pandas": ["Pandas"],
    "Matplotlib": ["matplotlib", "MatPlotLib"],
    "scikit-learn": ["sklearn", "scikit learn", "Scikit-learn"],
    "GitHub": ["github"],
    "neighbour": ["neighbor"],
    "behaviour": ["behavior"],
    "colour": ["color"],
    "centre": ["center"],
    "centred": ["centered"],
    "labelled": ["labeled"],
    "labelling": ["labeling"],
    "modelling": ["modeling"],
    "favour": ["favor"],
    "grey": ["gray"],
    "analyse": ["analyze"],
    "analysed": ["analyzed"],
}
_STEMS = "normal initial regular standard general minim maxim optim visual recogn organ summar real special penal memor"
for _stem in _STEMS.split():
    TERMS |= {f"{_stem}is{end}": [f"{_stem}iz{end}"] for end in ("e", "ed", "ing", "ation")}
_WRONG = {
    form: right
    for right, several in TERMS.items()
    for wrong in several
    for form in (wrong, _capital(wrong))
    if form != right
}
_TERM = re.compile(
    r"(?<![\w./-])(?:z-)?(" + "|".join(map(re.escape, sorted(_WRONG, key=len, reverse=True))) + r")s?(?![\w/]|-\w|\.\w)"
)
# Titles of papers and emphasised words keep their spelling.
_EMPHASIS = re.compile(r"(?<![*\w])\*(?![*\s])[^*]+\*(?!\*)")


def short_cells(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        most = SETUP_LINES if "exercise-setup" in cell.tags else CODE_LINES
        most = DEFINITION_LINES if cell.source.startswith(("class ", "def ")) else most
        if len(cell.lines) > most:
            yield cell, f"the cell must have at most {most} lines of code, got {len(cell.lines)}. Split or shorten it"
    for cell in notebook.markdown:
        if (n := sum(bool(line.strip()) for line in cell.lines)) > PROSE_LINES:
            yield cell, f"the cell must have at most {PROSE_LINES} lines of prose, got {n}. Split or shorten it"


def short_lines(notebook: Notebook) -> Findings:
    for cell in notebook.cells:
        for number, line in enumerate(cell.lines, start=1):
            table = cell.kind == "markdown" and line.startswith("|")
            if len(line) > (most := COLUMNS[cell.kind]) and not table:
                yield cell, f"line {number} must have at most {most} characters, got {len(line)}"


def headings_in_order(notebook: Notebook) -> Findings:
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.kind != "markdown" or not first.source.startswith("# "):
        yield first, "the first cell must begin with the title, `# …`"
    above = 0
    for cell, level, text in headings(notebook):
        if level == 1 and above:
            yield cell, f"there must be one title, got a second one, “{text}”. Use `##` for sections"
        elif level > above + 1:
            yield cell, f"the level of the heading “{text}” must be at most {above + 1}, got {level}"
        above = level


def link_targets_exist(notebook: Notebook) -> Findings:
    for cell in notebook.markdown:
        text = re.sub(r"`[^`]+`", "", re.sub(r"^```.*?^```", "", cell.source, flags=re.DOTALL | re.MULTILINE))
        targets = re.findall(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)", text) + re.findall(r"""(?:href|src)=["']([^"']+)""", text)
        for target in targets:
            address = urllib.parse.urlsplit(target)
            if address.scheme in ("http", "https", "mailto"):
                continue
            path = notebook.path.parent / urllib.parse.unquote(address.path) if address.path else notebook.path
            if address.scheme or not path.exists():
                yield cell, f"the link to {target} must be a path relative to {notebook.path.parent.name}/"
            elif address.fragment and path.suffix == ".ipynb":
                there = {text.replace(" ", "-") for _, _, text in headings(Notebook(path))}
                if urllib.parse.unquote(address.fragment) not in there:
                    yield cell, f"the link to {target} must name a heading there. Write spaces as hyphens; case matters"


def terms(notebook: Notebook) -> Findings:
    for cell in notebook.cells:
        text = _EMPHASIS.sub(" ", prose(cell.source)) if cell.kind == "markdown" else ""
        for found in _TERM.finditer(" ".join([text, *(alt for _, alt in pictures(cell) if alt)])):
            yield cell, f"“{found[0]}” must be {_WRONG[found[1]]} in this kit. Put code in `backticks`"


RULES = (short_cells, short_lines, headings_in_order, link_targets_exist, terms)
