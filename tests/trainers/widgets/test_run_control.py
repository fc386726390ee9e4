"""Flags set in one thread and followed in another."""

from __future__ import annotations

import threading

import pytest

from trainers.widgets import run_control
from trainers.widgets.run_control import RunControl


def wait_in_thread(control):
    """A loop that waits; in the list, once it goes on, the seconds waited and the state."""
    seen = []

    def loop():
        seen.extend([control.wait(), control.state])

    thread = threading.Thread(target=loop)
    thread.start()
    return thread, seen


@pytest.mark.parametrize("order", ["resume", "step"])
def test_a_pause_holds_until_resume_or_step(order):
    control = RunControl()
    control.pause()
    thread, seen = wait_in_thread(control)
    thread.join(0.5)
    assert thread.is_alive()
    getattr(control, order)()
    thread.join(10)
    assert seen[1] == {"resume": "running", "step": "stepping"}[order]
    assert seen[0] > 0.4


def test_a_step_becomes_a_pause_at_the_end_of_the_epoch():
    control = RunControl()
    control.step()
    control.wait()
    control.epoch_ended()
    assert control.state == "paused"
    control.resume()
    control.epoch_ended()
    assert control.state == "running"


def test_stop_wakes_a_pause_and_nothing_takes_it_back():
    control = RunControl()
    control.pause()
    thread, seen = wait_in_thread(control)
    control.stop()
    control.pause()
    control.resume()
    thread.join(10)
    assert seen[1] == control.state == "stopping"
    control.reset()
    assert control.state == "running"


@pytest.mark.parametrize("watched", [True, False])
def test_a_pause_that_nobody_watches_ends(monkeypatch, watched):
    monkeypatch.setattr(run_control, "UNWATCHED", 0.3)
    monkeypatch.setattr(run_control, "NEVER_WATCHED", 0.3)
    control = RunControl()
    if watched:
        control.seen()
    control.pause()
    thread, seen = wait_in_thread(control)
    thread.join(10)
    assert seen[1] == "running"
    assert control.abandoned
    assert control.state == "running"


def test_many_threads_at_once_leave_one_of_the_states():
    changes = []
    control = RunControl(lambda: changes.append(1))
    requests = [control.pause, control.resume, control.step] * 30
    threads = [threading.Thread(target=request) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(changes) == 90
    assert control.state in ("running", "paused", "stepping")
    thread, _ = wait_in_thread(control)
    thread.join(0.5)
    assert thread.is_alive() == (control.state == "paused")
    control.resume()
    thread.join(10)
