"""The set-up check: what it says of a computer that is fit, slow, or lacks something."""

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
    SetupResult("a", "is."),
    SetupResult("b", "is slow.", "note", "Wait."),
    SetupResult("c", "is not.", "fault", "Get c."),
)


@pytest.mark.parametrize(
    ("findings", "ready", "verdict"),
    [
        ((FINE,), True, "Ready for class."),
        ((FINE, NOTE), True, "Works, but: b, is slow. Wait."),
        ((FINE, NOTE, FAULT), False, "Not ready: c, is not. Get c."),
    ],
)
def test_the_verdict(findings, ready, verdict):
    found = SetupCheck(findings)
    assert found.ready is ready
    assert found.summary == verdict
    assert str(found).endswith(verdict)
    assert verdict in found._repr_html_()


def test_the_installed_kit_keeps_its_own_bounds():
    found = setup_check.versions()
    assert found.level == "fine", found
    assert "torch" in found.text


def test_a_version_out_of_bounds_and_a_missing_package_are_faults(monkeypatch):
    there = setup_check.version

    def other(name):
        if name == "anywidget":
            raise PackageNotFoundError(name)
        return "6.29" if name == "ipykernel" else there(name)

    monkeypatch.setattr(setup_check, "version", other)
    found = setup_check.versions()
    assert found.level == "fault"
    assert "ipykernel 6.29 (needs >=7.0)" in found.text
    assert "anywidget is missing" in found.text
    assert "make lab" in found.remedy


def test_a_kit_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(setup_check, "KIT", "no-such-kit")
    assert setup_check.versions().level == "fault"


@pytest.mark.parametrize(("free", "level"), [(8, "fine"), (1.5, "note"), (0.5, "fault")])
def test_memory(free, level):
    assert setup_check.memory(free).level == level


def test_disk_and_data():
    assert setup_check.disk(0.1).level == "note"
    assert setup_check.disk(5).level == "fine"
    assert setup_check.data().text == "5,000 heartbeats and 3 long recordings are there."


@pytest.mark.parametrize(
    ("seconds", "level", "words"),
    [(12, "fine", "about 10 s: fine"), (60, "note", "slow. "), (500, "note", "too slow to wait for")],
)
def test_training_in_plain_words(seconds, level, words):
    found = setup_check.training_time(seconds)
    assert found.level == level, "however slow, a lesson runs: time decides no exit code"
    assert words in str(found)
    assert ("of its 15 epochs" in str(found)) == (level == "note")


def test_a_slow_run_stops_after_so_many_epochs(monkeypatch):
    monkeypatch.setattr(plotting, "scale", 1.0)
    assert "after about 4 of its 15 epochs" in setup_check.training_time(100).remedy
    monkeypatch.setattr(plotting, "scale", 1.5)
    for limit, words in ((0, "after about 1 of its 15"), (50, "after about 8 of its 15"), (math.inf, "as long")):
        monkeypatch.setattr(training, "time_limit", float(limit))
        assert words in setup_check.training_time(100).remedy


def test_epochs_and_model_are_those_of_lesson_1():
    text = classroom_lab.first_lesson().read_text(encoding="utf-8")
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    (lesson,) = (cell for cell in cells if "TrainingMonitor(" in cell and "benchmark(" in cell)
    assert re.findall(r"epochs=(\d+)", lesson) == [str(setup_check.LESSON_1_EPOCHS)]
    (model,) = (cell for cell in cells if "\nmodel = LSTMAutoencoder(" in cell)
    sizes = {name: int(size) for name, size in re.findall(r"(\w+_size)=(\d+)", model)}
    assert sizes == setup_check.LESSON_1_MODEL


def test_a_real_training_is_timed():
    """A quarter of one epoch is really trained, so the estimate is within what was spent on it, times the rest."""
    begun = time.perf_counter()
    estimate = setup_check._lesson_1_seconds()
    spent = time.perf_counter() - begun
    assert 0.5 < estimate < 4 * setup_check.LESSON_1_EPOCHS * spent


def test_a_real_kernel_answers_while_it_is_busy():
    # Not how fast: within the time that it works.
    assert busy_kernel.answer_while_busy_seconds(limit=60) is not None
    assert busy_kernel.busy_kernel_finding().level == "fine"


def test_a_kernel_that_does_not_answer_is_a_note(monkeypatch):
    monkeypatch.setattr(busy_kernel, "answer_while_busy_seconds", lambda: None)
    found = busy_kernel.busy_kernel_finding()
    assert found.level == "note"
    assert "use ■" in found.remedy


@pytest.mark.parametrize(
    ("error", "words"),
    [(queue.Empty(), "did not answer in time."), (busy_kernel._late(30), "the kernel did not answer in 30 s.")],
)
def test_a_kernel_that_is_too_slow_to_be_tried_is_a_note(monkeypatch, error, words):
    def late():
        raise error

    monkeypatch.setattr(busy_kernel, "answer_while_busy_seconds", late)
    found = busy_kernel.busy_kernel_finding()
    assert found.level == "note"
    assert found.text.endswith(words)
    assert found.remedy == "Try again when nothing else runs."


class Sends:
    """A kernel's messages in a given order."""

    def __init__(self, *kinds):
        self.kinds, self.session, self.control_channel, self.shell_channel = list(kinds), self, self, self

    def msg(self, kind, content=None):
        return {"header": {"msg_id": kind}, "content": content}

    def send(self, message):
        pass

    def execute(self, code):
        return "work"

    def get_control_msg(self, timeout):
        content = {"subshell_id": "1"}
        parent = {"msg_id": "create_subshell_request"}
        return {"msg_type": "create_subshell_reply", "parent_header": parent, "content": content}

    def get_iopub_msg(self, timeout):
        if not self.kinds:
            raise queue.Empty
        kind, *text = self.kinds.pop(0).split(":")
        content = {"data": {"heard": True}, "text": "".join(text)}
        return {"msg_type": kind, "parent_header": {"msg_id": "work"}, "content": content}


def test_the_answer_may_come_after_the_cell_has_ended():
    assert busy_kernel._try(Sends("execute_input", "stream:heard\n", "comm_msg"), 1) is not None
    assert busy_kernel._try(Sends("execute_input", "comm_msg", "stream:heard\n"), 1) is not None
    assert busy_kernel._try(Sends("execute_input", "stream:not heard\n"), 1) is None
    with pytest.raises(TimeoutError, match="did not answer in 5 s"):
        busy_kernel._try(Sends("execute_input", "stream:heard\n"), 1)


def test_a_kernel_that_hears_nothing_meanwhile_is_found_out(monkeypatch):
    """The message is sent on the main shell, as by a page that knows of no subshells: it waits for the cell's end."""
    wait = busy_kernel._await

    def on_the_main_shell(take, parent, kind):
        message = wait(take, parent, kind)
        return {"content": {"subshell_id": None}} if kind == "create_subshell_reply" else message

    monkeypatch.setattr(busy_kernel, "_await", on_the_main_shell)
    assert busy_kernel.answer_while_busy_seconds(limit=2) is None


def light(monkeypatch):
    """Without what hangs on the computer, its load and its packages; each has tests of its own."""
    for name in ("versions", "memory", "disk"):
        monkeypatch.setattr(setup_check, name, lambda: FINE)
    monkeypatch.setattr(setup_check, "training_time", lambda: FINE)
    monkeypatch.setattr(busy_kernel, "answer_while_busy_seconds", lambda: 0.01)


def test_a_check_that_fails_is_a_finding_and_never_a_traceback(monkeypatch):
    light(monkeypatch)

    def broken():
        raise OSError("no such device")

    monkeypatch.setattr(setup_check, "data", broken)
    found = check()
    assert not found.ready
    assert "could not be looked at (OSError: no such device)" in found.summary


def test_the_command_prints_each_finding_and_the_verdict(monkeypatch, capsys):
    light(monkeypatch)
    assert main(["check"]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 9
    assert all(line[0] == "✓" for line in lines[:7])
    assert lines[-1] == "Ready for class."
    monkeypatch.setattr(setup_check, "memory", lambda: FAULT)
    assert main(["check"]) == 1
    assert capsys.readouterr().out.strip().splitlines()[-1].startswith("Not ready: ")


# ---------------------------------------------------------------------- the button


@pytest.fixture
def press(monkeypatch):
    made = PressCheck(seconds=15)
    made.sent = []
    monkeypatch.setattr(made, "send", made.sent.append)
    return made


def ticks(*actions):
    """A clock that goes on by a second a look, and at each look does what is asked for."""
    todo, now = list(actions), [0.0]

    def clock():
        now[0] += 1
        if todo and (action := todo.pop(0)):
            action()
        return now[0]

    return clock


def test_a_press_while_it_counts_is_answered_and_timed(press, capsys):
    hear = lambda **message: lambda: press._hear(press, message, [])  # noqa: E731
    press.count(ticks(None, None, hear(kind="press"), hear(kind="took", milliseconds=31.4)))
    assert press.sent == [{"kind": "heard"}]
    assert press.milliseconds == 31.4
    assert press.counted < 15
    assert "Your press arrived while the cell was counting; the answer took 31 ms." in capsys.readouterr().out
    assert not press.counting


def test_without_a_press_it_ends_and_says_so(press, capsys):
    press.count(ticks())
    assert press.counted >= 15
    assert "No press arrived in 15 s." in capsys.readouterr().out
    press._hear(press, {"kind": "press"}, [])
    assert press.sent == [], "a press that waited for the cell's end has not arrived in time"


def test_a_second_count_wants_a_press_of_its_own(press, capsys):
    hear = lambda **message: lambda: press._hear(press, message, [])  # noqa: E731
    press.count(ticks(hear(kind="press"), hear(kind="took", milliseconds=31.4)))
    press.count(ticks())
    assert press.counted >= 15
    assert press.milliseconds is None
    assert "No press arrived" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("answer", "words"), [(True, "use JupyterLab from 4.4"), (False, "use ■ to stop a training")])
def test_what_to_do_depends_on_the_kernel(press, monkeypatch, answer, words):
    monkeypatch.setattr(press_check, "buttons_answer", lambda: answer)
    assert words in press.summary
