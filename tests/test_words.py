"""Plain English: phrases that never come back; ``tests/words.txt`` has the single words, for codespell."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.size import ROOT

# A regular expression, what to write, and an example that it must find.
PHRASES = [
    (r"\btakes? an? [^.;]{1,40}[;,] got\b", "must be a …, got …", "name takes a text; got 3"),
    (r"; got ", "must be …, got …", "must be a string; got 3"),
    (r"\b(?<!there )is none\b", "is not …, is empty, is invalid", "if the model is none"),
    (r"\b(is|are) no (text|number|function|integer|string|model|list|array|set)s?\b", "is not a …", "is no number"),
    (r"\bwhole numbers?\b", "an integer", "a whole number"),
    (r"\bTrue or False\b(?! or)", "a bool", "must be True or False"),
    (
        r"\b(not|be|if|otherwise) told\b|\btold (otherwise|apart|from each)",
        "without …, by default",
        "it is not told the step",
    ),
    (r"\bcannot be told\b", "cannot be distinguished", "cannot be told apart"),
    (r"\bin the mean\b", "on average", "a tenth in the mean"),
    (r"\bless (that|those) of\b", "minus that of", "loss, less that of the network"),
    (r"\bfor ever\b", "indefinitely", "repeats it for ever"),
    (r"\b(let be|in small|on that way)\b", "left alone, a small example", "the same in small"),
    (r"\bof (its|their) own\b(?! \w)", "separate, custom", "a kernel of its own"),
    (r"\bnone of (its|his|their) own\b", "has no …", "Block is none of its own"),
    (r"\b(went|goes|going) back to (it|the best|its best)\b", "restored the best weights", "went back to it"),
    (r"\b(swaps?|swapped) back\b|\bput back the\b", "restore the best weights", "swaps back to the best"),
    (r"\bcalled (ill|normal|abnormal|healthy)\b", "flagged, predicted normal", "beats that are called ill"),
    (r"\bcalls? (it|them|one|every\w*|a \w+|\w+ beats?) (ill|normal|abnormal)\b", "flags", "it calls them abnormal"),
    (r"\bthrow(s|ing|n)? (the )?dice\b", "random", "throws dice"),
    (r"\bnois(y|ier) witness", "uncertain measurement", "noisy witnesses"),
    (r"\blook(s|ed|ing)? through (a|the|its|this)\b", "inspect", "look through a recording"),
    (r"\bpressed into\b", "encoded as", "a beat is pressed into 16 numbers"),
    (r"\bwho(ever)? (always|sets|says|wants)\b", "a detector that …, if you …", "who always says abnormal"),
    (r"\bmoments (fresh|anew)\b|\bfresh moments\b", "optimizer state reset", "its moments fresh"),
    (r"\bmade up for\b", "followed by a new best", "was made up for within three epochs"),
    (r"\b(made|is made) of it by\b", "reconstructed by", "what is made of it by the network"),
]
SUFFIXES = {".py", ".md", ".ipynb", ".js", ".toml", ".html"}
# The list of phrases itself.
NOT_CHECKED = {"tests/test_words.py"}


def tracked_files():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    paths = [ROOT / name for name in listed if Path(name).suffix in SUFFIXES and name not in NOT_CHECKED]
    return [path for path in paths if path.is_file() and path.name != "package-lock.json"]


def prose(path):
    """Return the text of a file on one line; quotations, which begin with ">" in Markdown, are left out."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        parts = ["".join(cell["source"]) for cell in cells]
        parts += [
            "".join(text if isinstance(text, list) else [text])
            for cell in cells
            for output in cell.get("outputs", [])
            for text in (output.get("text", ""), output.get("data", {}).get("text/plain", ""))
        ]
        text = "\n\n".join(parts)
    if path.suffix in {".md", ".ipynb"}:
        text = re.sub(r"^\s*>.*$", "", text, flags=re.MULTILINE)
    if path.suffix == ".html":
        text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL)
    # A phrase may go on in the next line, of a comment too.
    return re.sub(r'["\']?\s*\n\s*(#:?|//|\*|f?["\'])?\s*', " ", text)


@pytest.mark.parametrize(("phrase", "better", "example"), PHRASES)
def test_phrase_is_found_in_its_example(phrase, better, example):
    assert re.search(phrase, example)
    assert not re.search(phrase, better)


@pytest.mark.parametrize("path", tracked_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_text_has_no_such_phrase(path):
    text = prose(path)
    found = [
        f"{text[max(0, match.start() - 50) : match.end() + 30]!r}: write {better!r}"
        for phrase, better, _ in PHRASES
        for match in re.finditer(phrase, text)
    ]
    assert not found, "\n".join(found)


def test_codespell_finds_the_words_of_the_list(tmp_path):
    (tmp_path / "page.md").write_text("It is drawn anew. We wierdly drew it.\n> anew\n", encoding="utf-8")
    output = {"data": {"image/png": "anew" * 20}, "metadata": {"image/png": {"alt": "A curve, drawn whilst training."}}}
    (tmp_path / "lesson.ipynb").write_text(json.dumps({"cells": [{"outputs": [output]}]}), encoding="utf-8")
    command = [sys.executable, "-m", "codespell_lib", "-D", "-", "-D", "tests/words.txt", str(tmp_path)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode
    assert "anew ==> again" in found.stdout
    assert "wierdly ==> weirdly" in found.stdout
    assert "whilst ==> while" in found.stdout
    assert found.stdout.count("anew") == 1  # not in a quotation, not in a picture
