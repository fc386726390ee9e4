"""Each rule of the linter reports a notebook that violates only this rule, with the place and a fix."""

from __future__ import annotations

import copy
import itertools
import json

import pytest

from tests.notebooks import committed, structure, writing
from tests.notebooks.execute import execute
from tests.notebooks.linter import lint, main
from tests.notebooks.reading import prose

ALT = "Eight heartbeats; the lower four are abnormal."
PNG = {"output_type": "display_data", "data": {"image/png": "aGVsbG8="}, "metadata": {"image/png": {"alt": ALT}}}
WIDGET = {"output_type": "display_data", "data": {committed.WIDGET: {"model_id": "1"}}, "metadata": {}}
TITLE = """# 1. Find it

A hook.

**After this lesson you can** do it.

**It takes** ten minutes. **It needs** nothing."""


IDS = itertools.count()


def md(text):
    return {"cell_type": "markdown", "id": f"cell-{next(IDS)}", "metadata": {}, "source": text}


def code(text, *outputs, tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "id": f"cell-{next(IDS)}",
        "metadata": metadata,
        "source": text,
        "outputs": list(outputs),
    }


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(text, kind="text/plain"):
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {kind: text}}


def exercise(number):
    verdict = shown(f"Exercise {number} is not solved yet: `rate` is still `...`.")
    return [
        md(f"### Exercise {number}: a rate\n\nWrite it.\n\n<details><summary>Hint</summary>\n\nA pen.\n\n</details>"),
        code("rate = ...", tags=["stub"]),
        code("lesson_1.check(rate)", verdict, tags=["check"]),
    ]


@pytest.fixture
def lesson():
    """Return a lesson without faults."""
    cells = [
        md(TITLE),
        code("plot_sequences(beats)", PNG),
        md("**Predict, then run:** how many?"),
        code("SeriesViewer(beats)", WIDGET),
        md("## Takeaways\n\n- One."),
        md("## Exercises\n\nStart here."),
        code("beats = load_ecg5000()", tags=["exercise-setup"]),
        *exercise("1.1"),
        *exercise("1.2"),
        md("### Exercise 1.3, open: why\n\nSay why."),
        md("## Read on\n\n- A paper.\n\nNext: [2. Inside](02_inside.ipynb)"),
    ]
    for number, cell in enumerate((cell for cell in cells if cell["cell_type"] == "code"), start=1):
        cell["execution_count"] = number
    metadata = {"kernelspec": dict(committed.KERNEL), "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def run_linter(tmp_path, lesson):
    """Return a function that writes a notebook to a file and returns the linter's messages."""
    tmp_path.joinpath("02_inside.ipynb").write_text(
        json.dumps({**lesson, "cells": [md("# 2. Inside\n\n## The gates")]})
    )

    def messages_of(notebook, name="01_find_it.ipynb"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return lint(path)

    return messages_of


def test_good_lesson_has_no_faults(lesson, run_linter):
    assert run_linter(lesson) == []


def meta(**changed):
    return lambda notebook: notebook["metadata"].update(changed)


def cell(place, **changed):
    """Change the cell at a place, counted from 1 as the linter counts."""
    return lambda notebook: notebook["cells"][place - 1].update(changed)


def text(place, added):
    def change(notebook):
        notebook["cells"][place - 1]["source"] += added

    return change


def replaced(place, old, new):
    def change(notebook):
        before = notebook["cells"][place - 1]["source"]
        assert old in before
        notebook["cells"][place - 1]["source"] = before.replace(old, new)

    return change


def without(*places):
    def change(notebook):
        for place in sorted(places, reverse=True):
            del notebook["cells"][place - 1]
        codes = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
        for number, one in enumerate(codes, start=1):
            one["execution_count"] = number

    return change


def timed(sections, takes):
    def change(notebook):
        text(3, f"\n\n{sections}")(notebook)
        replaced(1, "takes** ten", f"takes** {takes}")(notebook)
        for place in (8, 11, 14) if takes != "2" else (11, 14):
            heading, line, rest = notebook["cells"][place - 1]["source"].partition("\n")
            notebook["cells"][place - 1]["source"] = f"{heading} (3 minutes){line}{rest}"

    return change


def svg(inside):
    return {"outputs": [shown(f"<div><svg {inside}</svg></div>", "text/html"), PNG]}


def described(alt):
    return {**PNG, "metadata": {"image/png": {"alt": alt}}}


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["ValueError: no"]}
IGNORED = {"tags": ["exercise-setup", "nbval-ignore-output"]}  # of cell 7

# Rule, a part of its message, and a change of the good lesson that violates the rule.
VIOLATIONS = [
    ("no_widget_state", "Delete `widgets`", meta(widgets={"state": {}})),
    ("plain_metadata", "kernelspec must be", meta(kernelspec={"name": "mine"})),
    ("plain_metadata", "language_info must be", meta(language_info={"name": "python", "version": "3.11.7"})),
    ("plain_metadata", "`vscode`", meta(vscode={})),
    ("plain_metadata", "cell 3 (markdown): metadata `collapsed`", cell(3, metadata={"collapsed": True})),
    ("plain_metadata", "cell 4 (code): metadata `execution`", cell(4, metadata={"execution": {"iopub.busy": "now"}})),
    ("run_in_order", "cell 4 (code): the execution count must be 2, got 7", cell(4, execution_count=7)),
    ("run_in_order", "got None", cell(4, execution_count=None)),
    ("outputs_exist", "cell 7 (code): the last line has a value", text(7, "\nbeats.labels")),
    ("outputs_exist", "cell 7", text(7, "\nplot_errors(beats)")),
    ("outputs_exist", "cell 7", text(7, "\nSeriesViewer(beats)")),
    ("outputs_exist", "cell 10", cell(10, outputs=[])),
    ("outputs_exist", "cell 7 (code): the cell prints", text(7, "\nprint(beats)\nx = 1")),
    ("outputs_exist", "cell 7 (code): the cell prints", text(7, "\nfor beat in beats:\n    print(beat)")),
    ("alt_texts", "cell 2 (code): the alternative text of image/png", cell(2, outputs=[{**PNG, "metadata": {}}])),
    ("alt_texts", "got “beats”", cell(2, outputs=[described("beats")])),
    ("alt_texts", "<img>", cell(2, outputs=[shown('<img src="data:x">', "text/html"), PNG])),
    ("alt_texts", "<svg>", cell(2, **svg("width='3'>"))),
    ("alt_texts", "<svg>", cell(2, **svg("><title>beats</title>"))),
    ("alt_texts", "markdown picture", text(3, "\n\n![beats](02_inside.ipynb)")),
    ("no_local_names", "/home/mary/beats.csv", cell(7, source="beats = load('/home/mary/beats.csv')")),
    ("no_local_names", "/Users/mary", cell(7, source="beats = load('/Users/mary/beats.csv')")),
    ("no_local_names", "C:\\", cell(7, source="beats = load(r'C:\\beats.csv')")),
    ("no_local_names", "/tmp/", text(3, " See /tmp/x.")),
    ("no_local_names", "/work", cell(2, outputs=[PNG, printed("saved as /work/run.csv")])),
    ("no_local_names", "file:///", text(3, " See file:///x.")),
    ("no_local_names", "site-packages", cell(2, outputs=[PNG, shown("<b>site-packages</b>", "text/html")])),
    ("no_local_names", "an address in memory", cell(2, outputs=[PNG, shown("<Beats at 0x7f23a4b5c6d7>")])),
    ("no_warnings", "cell 2 (code): the cell raises ValueError", cell(2, outputs=[PNG, ERROR])),
    ("no_warnings", "stderr, “slow”", cell(2, outputs=[PNG, printed("slow", "stderr")])),
    ("no_warnings", "“UserWarning: slow”", cell(2, outputs=[PNG, printed("x.py:3: UserWarning: slow")])),
    ("ignored_outputs_are_asserted", "Assert a bound", cell(7, metadata=IGNORED, source="x = 'assert'")),
    ("ignored_outputs_are_asserted", "readers can see", text(7, "\n# NBVAL_IGNORE_OUTPUT\nassert beats")),
    ("short_cells", "cell 2 (code): the cell must have at most 13 lines of code, got 14", text(2, "\nx = 1" * 13)),
    ("short_cells", "cell 7 (code): the cell must have at most 22 lines of code, got 23", text(7, "\nx = 1" * 22)),
    ("short_cells", "(markdown): the cell must have at most 25 lines of prose, got 26", text(3, "\n\nMore." * 25)),
    ("short_cells", "at most 28 lines of code, got 29", cell(2, source="class A:\n" + "\n    x = 1" * 27)),
    ("short_lines", "(code): line 2 must have at most 120 characters, got 123", text(7, "\nx = '" + "a" * 117 + "'")),
    ("short_lines", "cell 3 (markdown): line 3 must have at most 130 characters, got 131", text(3, "\n\n" + "a" * 131)),
    ("headings_in_order", "got a second one, “Two”", text(3, "\n\n# Two")),
    ("headings_in_order", "the level of the heading “Deep” must be at most 2, got 3", text(3, "\n\n### Deep")),
    ("link_targets_exist", "the link to 03_gone.ipynb must be a path", text(3, " See [there](03_gone.ipynb).")),
    ("link_targets_exist", "must name a heading", text(3, " See [there](02_inside.ipynb#The-doors).")),
    ("link_targets_exist", "gone.csv", text(3, ' See <a href="gone.csv">there</a>.')),
    ("terms", "“data-sets” must be data set in this kit", text(3, " Two data-sets.")),
    ("terms", "“AUC-ROC” must be AUROC", cell(2, outputs=[described(ALT + " AUC-ROC.")])),
    ("opening", "begin with `# 1. `", replaced(1, "# 1. ", "# ")),
    ("opening", "must contain “**After this lesson you can**", replaced(1, "**After this lesson you can**", "You can")),
    ("opening", "must contain “**It takes**", replaced(1, "**It takes**", "In")),
    ("opening", "must contain “**It needs**", replaced(1, "**It needs**", "With")),
    ("picture_at_start", "must show a picture", cell(2, outputs=[shown("beats")])),
    ("interaction", "must have an interactive widget", cell(4, outputs=[PNG])),
    ("interaction", "must ask for a prediction", cell(3, source="How many?")),
    ("closing", "must be Takeaways, Exercises, Read on", replaced(5, "Takeaways", "What to keep")),
    ("closing", "`Next: [title](02_inside.ipynb)`", replaced(15, "Next: ", "Then: ")),
    ("exercises", "tagged `exercise-setup`", cell(7, metadata={})),
    ("exercises", "3 to 7 exercises", without(8, 9, 10)),
    ("exercises", "must be `### Exercise 1.2: …`", replaced(11, "1.2", "1.4")),
    ("exercises", "must be `### Exercise 1.3, open: …`", replaced(14, ", open", "")),
    ("exercises", "cell 8 (markdown): the exercise must have a hint", replaced(8, "<details><summary>Hint", "<p>Hint")),
    ("exercises", "cell 8 (markdown): an exercise must have a cell tagged `stub`", cell(9, metadata={})),
    ("exercises", "got ['stub']", cell(10, metadata={})),
    ("minutes", "the heading “The gates” must end with its minutes", text(3, "\n\n## The gates\n\n## On (2 minutes)")),
    ("minutes", "must contain “**It takes** 5 minutes”, the sum", timed("## A (2 minutes)\n\n## B (3 minutes)", "six")),
    ("minutes", "cell 8 (markdown): the heading must end with its minutes", timed("## A (2 minutes)", "2")),
    ("exercises", "got ['check']", cell(9, metadata={"tags": ["check"]}, outputs=[PNG])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "message", "violate"), VIOLATIONS, ids=[f"{rule}-{part[:30]}" for rule, part, _ in VIOLATIONS]
)
def test_only_violated_rule_is_reported_with_its_place(rule, message, violate, lesson, run_linter):
    violate(lesson)
    messages = run_linter(lesson)
    assert messages
    assert all(line.endswith(f"[{rule}]") for line in messages), messages
    assert any(message in line for line in messages), messages
    assert all("01_find_it.ipynb" in line for line in messages)


def test_every_rule_is_tested():
    rules = {rule.__name__ for part in (committed, writing, structure) for rule in part.RULES}
    assert rules == {rule for rule, _, _ in VIOLATIONS}


ALLOWED = [
    cell(9, source="rate = 50  # per cent? find the mistake"),
    cell(2, **svg(f'aria-label="{ALT}">')),
    cell(2, **svg(f"><title>{ALT}</title>")),
    cell(2, **svg('aria-hidden="true">')),
    cell(3, metadata={"slideshow": {"slide_type": "slide"}}),
    cell(7, source="def show(x):\n    print(x)\n\n\nx = 1"),
    cell(7, source="if beats:\n    print(beats)"),
    cell(7, source="beats.labels;"),
    cell(7, source="monitor.branch(3)"),
    cell(7, metadata=IGNORED, source="x = 1\nassert x"),
    text(3, "\n\nThe mean/var ratio, and/or 5 km/home, see https://a.org/home/x and `/proc`, or 3/work."),
    text(
        3, "\n\nSee [there](02_inside.ipynb), [gates](02_inside.ipynb#The-gates), [home](https://a.org/x) and `[a](b)`."
    ),
    text(3, "\n\n```python\n# no title\ncolor = dataset  # [x](gone.md)\n```\n"),
    text(3, "\n\n| " + "wide " * 40 + "|"),
    text(
        3, "\n\n*Towards a time-series dataset* by Lee; time-step labels, `dataset`, a `color`, numpy.org, my_dataset."
    ),
    text(3, " An optimizer, the VUS-PR, a real size, z-normalised beats."),
]


@pytest.mark.parametrize("change", ALLOWED)
def test_similar_correct_text_is_not_reported(change, lesson, run_linter):
    change(lesson)
    assert run_linter(lesson) == []


@pytest.mark.parametrize(
    ("right", "wrong"), [(right, form) for right, forms in writing.TERMS.items() for form in forms]
)
def test_wrong_terms_are_reported_and_right_terms_are_not(right, wrong, lesson, run_linter):
    good = copy.deepcopy(lesson)
    text(3, f" The {right}, ({right})s.")(good)
    assert run_linter(good) == []
    for form in {wrong, wrong[0].upper() + wrong[1:]} - {right}:
        bad = copy.deepcopy(lesson)
        text(3, f" Some {form}, **{form}**.")(bad)
        messages = run_linter(bad)
        assert len(messages) == 2, messages
        assert all(f"must be {right} in this kit" in line for line in messages)


def test_rules_of_structure_apply_only_to_lessons(lesson, run_linter):
    lesson["cells"] = lesson["cells"][:1]
    assert run_linter(lesson)
    for name in ("00_check_your_setup.ipynb", "solutions/01_find_it.ipynb"):
        assert run_linter(lesson, name) == []


def test_last_lesson_needs_no_next_link(lesson, run_linter):
    changed = json.loads(json.dumps(lesson).replace("1.1", "8.1").replace("1.2", "8.2").replace("1.3", "8.3"))
    replaced(1, "# 1. ", "# 8. ")(changed)
    replaced(15, "Next: [2. Inside](02_inside.ipynb)", "")(changed)
    assert run_linter(changed, "08_your_own_data.ipynb") == []


def test_empty_notebook_is_reported(lesson, run_linter):
    lesson["cells"] = [code("", tags=[])]
    assert any("headings_in_order" in line for line in run_linter(lesson))


def test_prose_keeps_line_numbers():
    assert prose("a `b`\n```\nc\n```\nd [e](f) $x$\n<b>g</b>").split("\n") == ["a  ", "", "", "", "d [e   ", " g "]


def test_main_counts_and_prints(lesson, run_linter, tmp_path, capsys):
    run_linter(lesson)
    assert main([tmp_path / "01_find_it.ipynb"]) == 0
    assert capsys.readouterr().out == "1 notebooks have no faults.\n"
    text(3, " Data-set and data-set.")(lesson)
    run_linter(lesson)
    assert main([tmp_path / "01_find_it.ipynb"]) == 2
    assert "[terms]" in capsys.readouterr().out


def test_executed_notebook_violates_no_rule(tmp_path, lesson):
    """Run a notebook with two printed pieces, a widget and an old execution count."""
    source = "import ipywidgets\n\nprint('a', flush=True)\nprint('b')\nipywidgets.IntSlider(description='n')"
    lesson["cells"] = [md("# Check your set-up"), {**code(source), "execution_count": 9}]
    path = tmp_path / "00_check_your_setup.ipynb"
    path.write_text(json.dumps(lesson))
    execute(path)
    assert lint(path) == []
    outputs = json.loads(path.read_text())["cells"][1]["outputs"]
    assert [output["output_type"] for output in outputs] == ["stream", "execute_result"]
    assert "".join(outputs[0]["text"]) == "a\nb\n"
