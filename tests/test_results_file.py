"""`section` replaces only its section of RESULTS.md by the printed text."""

from __future__ import annotations

import re
import sys

import pytest

from .benchmarks.results_file import PATH, section

TEXT = """# Results

<!-- begin speed -->
old
<!-- end speed -->

Between.

<!-- begin steps -->
kept
<!-- end steps -->
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "RESULTS.md"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_printed_text_replaces_its_section(path, capsys):
    with section("speed", complete=True, path=path):
        sys.stdout.write("| a \\1 |\n")
    assert path.read_text(encoding="utf-8") == TEXT.replace("old\n", "\n| a \\1 |\n\n")
    assert capsys.readouterr().out.startswith("| a \\1 |\n")


def test_partial_measurement_does_not_change_file(path):
    with section("speed", complete=False, path=path):
        sys.stdout.write("part")
    assert path.read_text(encoding="utf-8") == TEXT


def test_failure_does_not_change_file(path):
    with pytest.raises(ZeroDivisionError), section("speed", complete=True, path=path):
        raise ZeroDivisionError
    assert path.read_text(encoding="utf-8") == TEXT


def test_unknown_section_raises_before_measurement(path):
    with pytest.raises(ValueError, match=r"name must be .*got 'speeed'"), section("speeed", complete=True, path=path):
        raise AssertionError


def test_each_program_has_a_section():
    programs = PATH.parent.glob("*.py")
    wanted = [name for program in programs for name in re.findall(r'with section\("(\w+)"', program.read_text("utf-8"))]
    assert len(wanted) == 11
    text = PATH.read_text(encoding="utf-8")
    assert sorted(wanted) == sorted(re.findall(r"<!-- begin (\w+) -->", text))
