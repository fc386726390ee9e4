"""Rules on the text: lengths, headings, links, terms, spelling."""

from __future__ import annotations

import functools
import re
import urllib.parse
from importlib import resources

from tests.notebooks.reading import Findings, Notebook, headings, pictures, prose

CODE_LINES, PROSE_LINES = 13, 25
# What the exercises need is run, not read.
SETUP_LINES = 22
COLUMNS = {"code": 120, "markdown": 130, "raw": 120}


def _capital(word: str) -> str:
    return word[0].upper() + word[1:]


# The kit's term, and how it is not written here. British -ise; "time-step" and "time-series" are right before a noun.
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
# Titles of papers and emphasised words keep their own spelling.
_EMPHASIS = re.compile(r"(?<![*\w])\*(?![*\s])[^*]+\*(?!\*)")


def short_cells(notebook: Notebook) -> Findings:
    for cell in notebook.code:
        most = SETUP_LINES if "exercise-setup" in cell.tags else CODE_LINES
        if len(cell.lines) > most:
            yield cell, f"{len(cell.lines)} lines of code, at most {most} fit: split it, or move plumbing away"
    for cell in notebook.markdown:
        if (n := sum(bool(line.strip()) for line in cell.lines)) > PROSE_LINES:
            yield cell, f"{n} lines of prose, at most {PROSE_LINES} are read: split it, or say less"


def short_lines(notebook: Notebook) -> Findings:
    for cell in notebook.cells:
        for number, line in enumerate(cell.lines, start=1):
            table = cell.kind == "markdown" and line.startswith("|")
            if len(line) > (most := COLUMNS[cell.kind]) and not table:
                yield cell, f"line {number} has {len(line)} characters, at most {most} are read easily: break it"


def headings_in_order(notebook: Notebook) -> Findings:
    first = notebook.cells[0] if notebook.cells else None
    if first is None or first.kind != "markdown" or not first.source.startswith("# "):
        yield first, "the first cell should begin with the title, `# …`"
    above = 0
    for cell, level, text in headings(notebook):
        if level == 1 and above:
            yield cell, f"a second title, “{text}”: one `#` at the top, `##` for sections"
        elif level > above + 1:
            yield cell, f"“{text}” is a heading of level {level} below one of level {above}: leave no level out"
        above = level


def links_lead_somewhere(notebook: Notebook) -> Findings:
    for cell in notebook.markdown:
        text = re.sub(r"`[^`]+`", "", re.sub(r"^```.*?^```", "", cell.source, flags=re.DOTALL | re.MULTILINE))
        targets = re.findall(r"\]\(\s*<?([^)\s>]+)>?[^)]*\)", text) + re.findall(r"""(?:href|src)=["']([^"']+)""", text)
        for target in targets:
            address = urllib.parse.urlsplit(target)
            if address.scheme in ("http", "https", "mailto"):
                continue
            path = notebook.path.parent / urllib.parse.unquote(address.path) if address.path else notebook.path
            if address.scheme or not path.exists():
                yield cell, f"the link to {target} leads nowhere from {notebook.path.parent.name}/: mend its path"
            elif address.fragment and path.suffix == ".ipynb":
                there = {text.replace(" ", "-") for _, _, text in headings(Notebook(path))}
                if urllib.parse.unquote(address.fragment) not in there:
                    yield cell, f"the link to {target}: no such heading there (blanks are hyphens, capitals count)"


def _texts(notebook: Notebook, code: bool) -> list[tuple[int, str]]:
    """Lines of prose and alternative texts, of code too if asked for, each with its cell's index."""
    lines: list[tuple[int, str]] = []
    for index, cell in enumerate(notebook.cells):
        if cell.kind == "markdown":
            text = prose(cell.source)
            lines += [(index, line) for line in (text if code else _EMPHASIS.sub(" ", text)).splitlines()]
        elif code:
            lines += [(index, line) for line in cell.lines]
        lines += [(index, " ".join(alt.split())) for _, alt in pictures(cell) if alt]
    return lines


def terms(notebook: Notebook) -> Findings:
    for index, line in _texts(notebook, code=False):
        for found in _TERM.finditer(line):
            yield (
                notebook.cells[index],
                f"“{found[0]}” is {_WRONG[found[1]]} in this kit (if it is code: in `backticks`)",
            )


def spelling(notebook: Notebook) -> Findings:
    for index, line in _texts(notebook, code=True):
        for word in re.findall(r"[\w'’-]+", line):
            if right := _misspellings().get(word.strip("'’-").lower()):
                yield notebook.cells[index], f"spelling: {word} should be {right}"


@functools.cache
def _misspellings() -> dict[str, str]:
    """Codespell's common misspellings; its own command would read them anew for each notebook."""
    folder = resources.files("codespell_lib") / "data"
    lines = [
        line for name in ("dictionary", "dictionary_rare") for line in (folder / f"{name}.txt").open(encoding="utf-8")
    ]
    return {wrong: right.strip(" ,") for wrong, _, right in (line.strip().partition("->") for line in lines)}


RULES = (short_cells, short_lines, headings_in_order, links_lead_somewhere, terms, spelling)
