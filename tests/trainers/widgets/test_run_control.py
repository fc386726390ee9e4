"""Requests that are made in one thread and served in another."""

from __future__ import annotations

import threading

import pytest

from trainers.widgets import run_control
from trainers.widgets.run_control import RunControl


def wait_in_thread(control):
    """Start a waiting loop; when it continues, the list gets the seconds waited and the state."""
    seen = []

    def loop():
        seen.extend([control.wait(), control.state])

    thread = threading.Thread(target=loop)
    thread.start()
    return thread, seen


@pytest.mark.parametrize("request_name", ["resume", "step"])
def test_pause_lasts_until_resume_or_step(request_name):
    control = RunControl()
    control.pause()
    thread, seen = wait_in_thread(control)
    thread.join(0.5)
    assert thread.is_alive()
    getattr(control, request_name)()
    thread.join(10)
    assert seen[1] == {"resume": "running", "step": "stepping"}[request_name]
    assert seen[0] > 0.4


def test_step_becomes_pause_at_end_of_epoch():
    control = RunControl()
    control.step()
    control.wait()
    control.epoch_ended()
    assert control.state == "paused"
    control.resume()
    control.epoch_ended()
    assert control.state == "running"


def test_stop_ends_pause_and_is_final():
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
def test_unwatched_pause_ends(monkeypatch, watched):
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


def test_concurrent_requests_leave_valid_state():
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
