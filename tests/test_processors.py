"""`make test-processors`: the settings that run, their effect, and the report of failures."""

from __future__ import annotations

import pytest

from tests import processors
from tests.processors import AVX2, OLDEST, OWN


@pytest.mark.parametrize(
    ("own", "machine", "others"),
    [
        ("AVX512", "x86_64", [AVX2, OLDEST]),
        ("AVX2", "x86_64", [OLDEST]),
        ("AVX2", "AMD64", [OLDEST]),
        ("DEFAULT", "x86_64", [OLDEST]),
        ("DEFAULT", "arm64", []),
        ("SVE256", "aarch64", []),
    ],
)
def test_unsupported_and_default_instructions_are_skipped(own, machine, others):
    assert [each for each in (AVX2, OLDEST) if processors.differs(each, own, machine)] == others


def test_ignored_paths_exist():
    assert [path for path in processors.NOT_NUMERICAL if not (processors.ROOT / "tests" / path).exists()] == []


def test_every_setting_runs_and_failures_are_listed(monkeypatch, capsys):
    ran = []

    def run(instructions, threads, paths):
        ran.append((instructions, threads, "notebooks" in paths))
        failed = ["FAILED tests/test_a.py::test_b"] if (instructions, threads) == (OWN, 2) else []
        return "3 passed", failed

    monkeypatch.setattr(processors, "run", run)
    monkeypatch.setattr(processors, "capability", lambda: "AVX2")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert processors.main() == 1
    assert ran == [(OWN, 1, True), (OWN, 2, False), (OLDEST, 1, True), (OLDEST, 2, False)]
    printed = capsys.readouterr().out
    assert "own (AVX2), 2 threads: 3 passed\n  FAILED tests/test_a.py::test_b\n" in printed
    assert "ATEN_CPU_CAPABILITY=avx2, 1 thread: skipped" in printed
    ran.clear()
    assert processors.main(oldest_only=True) == 0
    assert ran == [(OLDEST, 1, False)]


def test_setting_reaches_pytorch_and_failure_is_listed(monkeypatch, tmp_path):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    file = tmp_path / "test_settings.py"
    file.write_text(
        "import torch\nimport tests.conftest\n"
        "def test_two(): assert torch.get_num_threads() == 2\n"
        "def test_oldest(): assert torch.backends.cpu.get_cpu_capability() == 'DEFAULT'\n"
        "def test_wrong(): assert 0\n"
    )
    summary, failed = processors.run(OLDEST, 2, [str(file)])
    assert "1 failed, 2 passed" in summary
    assert [text.split("::")[-1].split()[0] for text in failed] == ["test_wrong"]
    assert "ATEN_CPU_CAPABILITY" not in processors.environment(OWN)
