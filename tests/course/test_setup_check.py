"""The set-up check on a computer that is ready, slow, or lacks something."""

from __future__ import annotations

import json
import math
import queue
import re
import time
from importlib.metadata import PackageNotFoundError

import pytest

from notebooks.course import busy_kernel, classroom_lab, press_check, setup_check
from notebooks.course.__main__ import main
from notebooks.course.press_check import PressCheck
from notebooks.course.setup_check import SetupCheck, SetupResult, check
from trainers import plotting, training

FINE, NOTE, FAULT = (
    SetupResult("a", "found."),
    SetupResult("b", "is slow.", "note", "Wait."),
    SetupResult("c", "is missing.", "fault", "Install c."),
)


@pytest.mark.parametrize(
    ("findings", "ready", "summary"),
    [
        ((FINE,), True, "Ready for class."),
        ((FINE, NOTE), True, "The lessons run on this computer, but with limits. B: is slow. Wait."),
        ((FINE, NOTE, FAULT), False, "Not ready. C: is missing. Install c."),
    ],
)
def test_summary_names_notes_and_faults(findings, ready, summary):
    result = SetupCheck(findings)
    assert result.ready is ready
    assert result.summary == summary
    assert str(result).endswith(summary)
    assert summary in result._repr_html_()


def test_installed_kit_meets_its_requirements():
    result = setup_check.versions()
    assert result.level == "fine", result
    assert "torch" in result.text


def test_wrong_version_and_missing_package_are_faults(monkeypatch):
    installed = setup_check.version

    def fake_version(name):
        if name == "anywidget":
            raise PackageNotFoundError(name)
        return "6.29" if name == "ipykernel" else installed(name)

    monkeypatch.setattr(setup_check, "version", fake_version)
    result = setup_check.versions()
    assert result.level == "fault"
    assert "ipykernel 6.29 (needs >=7.0)" in result.text
    assert "anywidget is missing" in result.text
    assert "make lab" in result.remedy


def test_kit_that_is_not_installed_is_a_fault(monkeypatch):
    monkeypatch.setattr(setup_check, "KIT", "no-such-kit")
    assert setup_check.versions().level == "fault"


@pytest.mark.parametrize(("free", "level"), [(8, "fine"), (1.5, "note"), (0.5, "fault")])
def test_free_memory_decides_the_level(free, level):
    assert setup_check.memory(free).level == level


def test_disk_space_decides_the_level_and_data_are_counted():
    assert setup_check.disk(0.1).level == "note"
    assert setup_check.disk(5).level == "fine"
    assert setup_check.data().text == "found 5,000 heartbeats and 3 long recordings."


@pytest.mark.parametrize(
    ("seconds", "level", "words"),
    [(12, "fine", "about 10 s."), (60, "note", "which is slow. "), (500, "note", "too slow for a class")],
)
def test_training_time_decides_the_level(seconds, level, words):
    result = setup_check.training_time(seconds)
    assert result.level == level, "a slow lesson runs too, so it is never a fault"
    assert words in str(result)
    assert ("of its 15 epochs" in str(result)) == (level == "note")


def test_classroom_mode_limits_the_epochs_of_a_slow_run(monkeypatch):
    monkeypatch.setattr(plotting, "scale", 1.0)
    assert "after about 4 of its 15 epochs" in setup_check.training_time(100).remedy
    monkeypatch.setattr(plotting, "scale", 1.5)
    for limit, words in ((0, "after about 1 of its 15"), (50, "after about 8 of its 15"), (math.inf, "the same time")):
        monkeypatch.setattr(training, "time_limit", float(limit))
        assert words in setup_check.training_time(100).remedy


def test_epochs_and_model_match_lesson_1():
    text = classroom_lab.first_lesson().read_text(encoding="utf-8")
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    (lesson,) = (cell for cell in cells if "TrainingMonitor(" in cell and "benchmark(" in cell)
    assert re.findall(r"epochs=(\d+)", lesson) == [str(setup_check.LESSON_1_EPOCHS)]
    (model,) = (cell for cell in cells if "\nmodel = LSTMAutoencoder(" in cell)
    sizes = {name: int(size) for name, size in re.findall(r"(\w+_size)=(\d+)", model)}
    assert sizes == setup_check.LESSON_1_MODEL


def test_training_time_is_measured():
    """The estimate is at most the time of the measured quarter of an epoch, scaled to all epochs."""
    start = time.perf_counter()
    estimate = setup_check._lesson_1_seconds()
    seconds = time.perf_counter() - start
    assert 0.5 < estimate < 4 * setup_check.LESSON_1_EPOCHS * seconds


def test_kernel_answers_while_a_cell_is_running():
    # Speed is not tested, only an answer before the cell ends.
    assert busy_kernel.answer_while_busy_seconds(limit=60) is not None
    assert busy_kernel.busy_kernel_finding().level == "fine"


def test_kernel_without_an_answer_is_a_note(monkeypatch):
    monkeypatch.setattr(busy_kernel, "answer_while_busy_seconds", lambda: None)
    result = busy_kernel.busy_kernel_finding()
    assert result.level == "note"
    assert "use ■" in result.remedy


@pytest.mark.parametrize(
    ("error", "words"),
    [(queue.Empty(), "did not answer in time."), (busy_kernel._timeout(30), "the kernel did not answer in 30 s.")],
)
def test_kernel_that_is_too_slow_is_a_note(monkeypatch, error, words):
    def fail():
        raise error

    monkeypatch.setattr(busy_kernel, "answer_while_busy_seconds", fail)
    result = busy_kernel.busy_kernel_finding()
    assert result.level == "note"
    assert result.text.endswith(words)
    assert result.remedy == "Close other programs and run the check again."


class FakeClient:
    """A kernel client that receives messages in a given order."""

    def __init__(self, *kinds):
        self.kinds, self.session, self.control_channel, self.shell_channel = list(kinds), self, self, self

    def msg(self, kind, content=None):
        return {"header": {"msg_id": kind}, "content": content}

    def send(self, message):
        pass

    def execute(self, code):
        return "cell"

    def get_control_msg(self, timeout):
        content = {"subshell_id": "1"}
        parent = {"msg_id": "create_subshell_request"}
        return {"msg_type": "create_subshell_reply", "parent_header": parent, "content": content}

    def get_iopub_msg(self, timeout):
        if not self.kinds:
            raise queue.Empty
        kind, *text = self.kinds.pop(0).split(":")
        content = {"data": {"received": True}, "text": "".join(text)}
        return {"msg_type": kind, "parent_header": {"msg_id": "cell"}, "content": content}


def test_answer_and_print_are_accepted_in_either_order():
    assert busy_kernel._measure(FakeClient("execute_input", "stream:received\n", "comm_msg"), 1) is not None
    assert busy_kernel._measure(FakeClient("execute_input", "comm_msg", "stream:received\n"), 1) is not None
    assert busy_kernel._measure(FakeClient("execute_input", "stream:not received\n"), 1) is None
    with pytest.raises(TimeoutError, match="did not answer in 5 s"):
        busy_kernel._measure(FakeClient("execute_input", "stream:received\n"), 1)


def test_message_on_the_main_shell_gets_no_answer_in_time(monkeypatch):
    """A page without support for subshells sends it there, where it waits for the end of the cell."""
    real_await = busy_kernel._await

    def on_the_main_shell(receive, parent, kind):
        message = real_await(receive, parent, kind)
        return {"content": {"subshell_id": None}} if kind == "create_subshell_reply" else message

    monkeypatch.setattr(busy_kernel, "_await", on_the_main_shell)
    assert busy_kernel.answer_while_busy_seconds(limit=2) is None


def replace_slow_checks(monkeypatch):
    """Replace the checks that depend on the computer and its load; they have separate tests."""
    for name in ("versions", "memory", "disk"):
        monkeypatch.setattr(setup_check, name, lambda: FINE)
    monkeypatch.setattr(setup_check, "training_time", lambda: FINE)
    monkeypatch.setattr(busy_kernel, "answer_while_busy_seconds", lambda: 0.01)


def test_check_that_fails_is_a_fault_and_no_traceback(monkeypatch):
    replace_slow_checks(monkeypatch)

    def broken():
        raise OSError("no such device")

    monkeypatch.setattr(setup_check, "data", broken)
    result = check()
    assert not result.ready
    assert "Data: the check failed (OSError: no such device)" in result.summary


def test_command_prints_each_result_and_the_summary(monkeypatch, capsys):
    replace_slow_checks(monkeypatch)
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 9
    assert all(line[0] == "✓" for line in lines[:7])
    assert lines[-1] == "Ready for class."
    monkeypatch.setattr(setup_check, "memory", lambda: FAULT)
    assert main(["check"]) == 1
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith("Not ready. ")


# ---------------------------------------------------------------------- the button


@pytest.fixture
def press(monkeypatch):
    widget = PressCheck(seconds=15)
    widget.sent = []
    monkeypatch.setattr(widget, "send", widget.sent.append)
    return widget


def ticks(*actions):
    """Return a clock that advances by a second at each call, and then runs the next action."""
    remaining, now = list(actions), [0.0]

    def clock():
        now[0] += 1
        if remaining and (action := remaining.pop(0)):
            action()
        return now[0]

    return clock


def test_press_during_the_count_is_answered_and_timed(press, capsys):
    send = lambda **message: lambda: press._receive(press, message, [])  # noqa: E731
    press.count(ticks(None, None, send(kind="press"), send(kind="took", milliseconds=31.4)))
    assert press.sent == [{"kind": "received"}]
    assert press.milliseconds == 31.4
    assert press.counted < 15
    assert "The kernel received your press while the cell ran, and answered in 31 ms." in capsys.readouterr().out
    assert not press.counting


def test_count_without_a_press_ends_with_a_message(press, capsys):
    press.count(ticks())
    assert press.counted >= 15
    assert "The kernel received no press in 15 s." in capsys.readouterr().out
    press._receive(press, {"kind": "press"}, [])
    assert press.sent == [], "a press after the end of the cell is not answered"


def test_second_count_needs_a_second_press(press, capsys):
    send = lambda **message: lambda: press._receive(press, message, [])  # noqa: E731
    press.count(ticks(send(kind="press"), send(kind="took", milliseconds=31.4)))
    press.count(ticks())
    assert press.counted >= 15
    assert press.milliseconds is None
    assert "The kernel received no press" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("answer", "words"), [(True, "update to JupyterLab 4.4"), (False, "kernel does not receive")])
def test_advice_depends_on_the_kernel(press, monkeypatch, answer, words):
    monkeypatch.setattr(press_check, "buttons_answer", lambda: answer)
    assert words in press.summary
