"""Requests that are made in one thread and served in another."""

from __future__ import annotations

import asyncio
import signal
import threading
from types import SimpleNamespace

import ipywidgets
import pytest
import zmq
from jupyter_client.session import Session

from trainers.widgets import run_control
from trainers.widgets.base import answer_while_busy
from trainers.widgets.run_control import RunControl, answer_waiting, on_interrupt


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


class Subshell(threading.Thread):
    """A thread that receives the page's messages, as in ipykernel 7."""

    def __init__(self, work):
        super().__init__(name="subshell-one")
        pair = [zmq.Context.instance().socket(zmq.PAIR) for _ in range(2)]
        pair[0].bind("inproc://page")
        pair[1].connect("inproc://page")
        self.shell_channel_to_subshell = SimpleNamespace(from_socket=pair[0], to_socket=pair[1])
        self._work = work

    def run(self):
        asyncio.run(self._work(self.shell_channel_to_subshell.from_socket))


def test_run_on_subshell_answers_own_widgets_and_leaves_other_messages(monkeypatch):
    session, later, idle = Session(key=b"1"), [], []
    own, other = ipywidgets.IntSlider(), ipywidgets.IntSlider()
    answer_while_busy(own)
    comms = {one.model_id: one.comm for one in (own, other)}
    manager = SimpleNamespace(comms=comms, comm_msg=lambda _, __, m: comms[m["content"]["comm_id"]].handle_msg(m))

    async def shell_main(subshell, parts):
        later.append((subshell, session.feed_identities(parts, copy=False)[0]))

    kernel = SimpleNamespace(
        session=session, comm_manager=manager, shell_main=shell_main, _publish_status=lambda *given: idle.append(given)
    )
    monkeypatch.setattr(run_control, "get_ipython", lambda: SimpleNamespace(kernel=kernel))

    async def work(page):
        for number, widget in enumerate((own, other, own)):
            data = {"method": "update", "state": {"value": 7 + number}, "buffer_paths": []}
            message = session.msg("comm_msg", {"comm_id": widget.model_id, "data": data})
            page.send_multipart(session.serialize(message, ident=b"page"))
        answer_waiting()
        assert not later, "during the run"
        await asyncio.sleep(0.1)

    thread = Subshell(work)
    thread.start()
    thread.join()
    assert (own.value, other.value) == (9, 0)
    assert len(idle) == 2, "the page waits for the status before it sends the next value"
    assert later == [("one", [b"page"])]
    # On other threads, nothing happens.
    answer_waiting()


@pytest.mark.parametrize("busy", [False, True])
def test_interrupt_is_restored_unless_another_cell_has_set_it(busy, monkeypatch):
    loop = SimpleNamespace(add_callback=lambda function: function())
    monkeypatch.setattr(run_control, "get_ipython", lambda: SimpleNamespace(kernel=SimpleNamespace(io_loop=loop)))
    monkeypatch.setattr(threading.current_thread(), "shell_channel_to_subshell", None, raising=False)
    before, pressed = signal.getsignal(signal.SIGINT), []
    try:
        undo = on_interrupt(lambda *_: pressed.append(True))
        signal.raise_signal(signal.SIGINT)
        assert pressed
        expected = signal.SIG_IGN if busy else before
        if busy:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        undo()
        assert signal.getsignal(signal.SIGINT) is expected
    finally:
        signal.signal(signal.SIGINT, before)
