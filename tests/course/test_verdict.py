"""What a check says about every kind of answer; it never ends in a traceback."""

from __future__ import annotations

import json
import sys

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from notebooks.course.verdict import NotYet, Verdict, call, exercise


@exercise("2.1", "a share between 0 and 1")
def share(rate):
    if not 0 < rate < 1:
        msg = f"{rate} is not between 0 and 1."
        raise NotYet(msg)
    return "It is between 0 and 1."


@exercise("2.2", "the first and the last epoch")
def ends(first, last):
    if first > last:
        msg = "the first comes before the last."
        raise NotYet(msg)
    return "In order."


@exercise("2.3", "a function that halves a number")
def halves(half):
    if call(half, 6) != 3:
        msg = "half of 6 is 3."
        raise NotYet(msg)
    return "Halved."


def test_right_and_wrong_differ_in_truth_value_and_text():
    assert share(0.5)
    assert not share(2)
    assert repr(share(0.5)) == "Exercise 2.1 is solved: It is between 0 and 1."
    assert repr(share(2)) == "Exercise 2.1 is not solved yet: 2 is not between 0 and 1."


@pytest.mark.parametrize(
    ("answers", "start"),
    [((...,), "`rate` is still `...`"), (([0.1, ...],), "`rate` still contains `...`")]
    + [((part,), "`rate` still contains `...`") for part in ((1, (2, ...)), {"a": ...}, {"a": [{...}]})]
    + [((np.array([1, ...], dtype=object),), "`rate` still contains `...`")],
)
def test_unchanged_stub_is_named_at_any_depth(answers, start):
    verdict = share(*answers)
    assert not verdict
    assert verdict.text.startswith(start)
    assert verdict.text.endswith("Replace each `...` with your answer: a share between 0 and 1.")


def test_unchanged_stub_among_several_answers_is_named():
    assert ends(1, ...).text.startswith("`last` is still `...`")
    assert ends(1, last=...).text.startswith("`last` is still `...`")


def test_answers_by_keyword_are_accepted():
    assert ends(last=3, first=1)
    assert not ends(last=1, first=3)


@pytest.mark.parametrize("answers", [(), (1,), (1, 2, 3)])
def test_wrong_number_of_answers_is_named(answers):
    verdict = ends(*answers)
    assert not verdict
    assert verdict.text == "the check needs `first`, `last`. Restore its original cell."
    assert not share(speed=1)


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("one half", "`rate` is 'one half' (str)."),
        (None, "`rate` is None."),
        (torch.ones(3, 2), "`rate` is a Tensor of shape (3, 2)."),
        ([0.1], "`rate` is a list."),
        (print, "`rate` is a builtin_function_or_method."),
    ],
)
def test_wrong_type_is_named_with_the_requirement(answer, end):
    verdict = share(answer)
    assert not verdict
    assert verdict.text.startswith("the check cannot use this answer (")
    assert "The answer must be a share between 0 and 1. Here, " in verdict.text
    assert verdict.text.endswith(end)


def test_list_that_contains_itself_ends():
    answer = []
    answer.append(answer)
    assert share(answer).text.endswith("`rate` is a list.")


def test_error_raised_by_the_answer_names_the_students_line():
    class Odd:
        def __gt__(self, other):
            return self.missing

    assert "line " in share(Odd()).text
    assert "`return self.missing`" in share(Odd()).text
    assert "line" not in share("x").text, "the lines of the check do not help a student"


def test_answer_without_description_is_named_by_its_type():
    class Shapeless:
        @property
        def shape(self):
            raise OSError("gone")

    class Unprintable(Exception):  # noqa: N818
        def __str__(self):
            raise OSError("gone")

    class Refuses:
        def __gt__(self, other):
            raise Unprintable

    assert share(Shapeless()).text.endswith("`rate` is a Shapeless.")
    assert share(Refuses()).text.endswith("`rate` is a Refuses.")
    assert ends("a", 10**5000).text.endswith("`last` is a int.")


def test_long_text_is_cut():
    assert len(Verdict("2.1", False, "x" * 5000).text) == 600
    assert Verdict("2.1", False, "x" * 5000).text.endswith("x …")
    assert Verdict("2.1", False, "x" * 600).text == "x" * 600


def test_line_of_an_installed_package_is_not_the_students(tmp_path):
    folder = tmp_path / "dist-packages"
    folder.mkdir()
    code = "def broken(number):\n    return number.missing\n"
    for path, expected in ((folder / "library.py", False), (tmp_path / "own.py", True)):
        path.write_text(code, encoding="utf-8")
        space = {}
        exec(compile(code, str(path), "exec"), space)
        text = halves(space["broken"]).text
        assert text.startswith("`broken` raised AttributeError")
        assert ("`return number.missing`" in text) is expected


def test_long_line_is_cut(tmp_path):
    path = tmp_path / "own.py"
    code = f"def half(number):\n    return number.missing, {'1, ' * 200}\n"
    path.write_text(code, encoding="utf-8")
    space = {}
    exec(compile(code, str(path), "exec"), space)
    assert "`return number.missing, 1, 1," in halves(space["half"]).text
    assert len(halves(space["half"]).text) < 250


class TestCall:
    def test_returned_value_of_wrong_type_is_named(self):
        @exercise("2.4", "a function that returns a number")
        def doubled(function):
            return f"{call(function, 3, name='f') - 1:.1f}"

        assert doubled(lambda number: [number]).text.endswith(
            "The answer must be a function that returns a number. Here, `f` returned a list."
        )
        assert doubled(lambda number: number)
        assert call(lambda: 3) == 3

    def test_system_exit_is_an_error(self):
        assert ": bye. It was called with 6." in halves(lambda number: sys.exit("bye")).text
        assert "raised SystemExit" in halves(lambda number: sys.exit()).text

    def test_return_value_is_returned(self):
        assert halves(lambda number: number / 2)
        assert halves(lambda number: number).text == "half of 6 is 3."

    def test_answer_that_is_not_callable_is_named(self):
        assert halves(3).text == "`the answer` must be a function, got 3 (int)."

    def test_error_names_the_students_line_not_the_librarys(self):
        def half(numbers):
            return np.reshape(numbers, (5, 5))

        line = half.__code__.co_firstlineno + 1
        text = halves(half).text
        assert text.startswith(f"`half` raised ValueError in line {line}, `return np.reshape(numbers, (5, 5))`: cannot")

    def test_error_in_a_students_helper_names_its_line(self):
        def helper(number):
            return number.missing

        def half(number):
            return helper(number)

        assert f"line {helper.__code__.co_firstlineno + 1}, `return number.missing`" in halves(half).text

    def test_long_error_is_cut_to_its_first_line(self):
        long = "first\nsecond"

        def half(number):
            raise ValueError(long)

        assert halves(half).text.endswith("`raise ValueError(long)`: first. It was called with 6.")

    @pytest.mark.parametrize("empty", [None, ...])
    def test_missing_return_value_is_named(self, empty):
        assert halves(lambda number: empty).text.startswith("`<lambda>` returned nothing.")

    @pytest.mark.parametrize("part", [(1, ...), {"half": ...}])
    def test_stub_in_the_return_value_is_named(self, part):
        assert halves(lambda number: part).text == (
            "the return value of `<lambda>` still contains `...`. Replace each `...` with your answer."
        )

    def test_wrong_parameters_are_named(self):
        def half(number, other):
            return number / 2

        assert (
            halves(half).text
            == "`half` is called with 1 positional argument, but your function accepts `number`, `other`."
        )
        assert (
            halves(lambda: 3).text == "`<lambda>` is called with 1 positional argument, but your function accepts none."
        )

    def test_function_without_signature_is_called(self):
        assert halves(max).text.startswith("`max` raised TypeError: ")

    def test_name_replaces_the_functions_name(self):
        with pytest.raises(NotYet, match="`half` must be a function"):
            call(3, name="half")

    def test_keyboard_interrupt_stops_the_check(self):
        def half(number):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            halves(half)


def test_html_escapes_the_students_text():
    shown = Verdict("2.1", False, 'got <script>alert("x")</script> & `a < b`')._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; <code>a &lt; b</code>" in shown
    assert "○ Exercise 2.1 is not solved yet." in shown
    assert "✓ Exercise 2.1 is solved." in Verdict("2.1", True, "so")._repr_html_()


def test_line_in_a_notebook_is_counted_from_the_cells_top(tmp_path):
    """A cell's code has no file on disk."""
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("import numpy as np\n\n\ndef half(number):\n    return np.linalg.inv([number])"),
            nbformat.v4.new_code_cell(
                "from notebooks.course.verdict import call, exercise\n\n\n"
                "@exercise('2.3', 'a function')\ndef check(half):\n    return str(call(half, 6))\n\n\ncheck(half)"
            ),
        ]
    )
    NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = notebook.cells[1].outputs
    text = output.data["text/plain"]
    assert "`half` raised LinAlgError in line 5, `return np.linalg.inv([number])`: " in text, json.dumps(output)


def test_keyword_only_parameter_is_named():
    def by_name(scores, *, rate):
        return rate

    with pytest.raises(NotYet, match=r"your function accepts `scores`, `rate` \(only by keyword\)"):
        call(by_name, [1.0], 0.1)


def test_emphasis_and_code_become_html():
    shown = Verdict("1.1", False, "the share of *false* alarms in `a*b*c`; 4*u*(f+u) stays")._repr_html_()
    assert "<em>false</em>" in shown
    assert "<code>a*b*c</code>" in shown
    assert "4*u*(f+u)" in shown
