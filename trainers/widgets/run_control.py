"""`RunControl`: the user's requests to a training run, passed from one thread to another."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from IPython import get_ipython

from trainers.console import interrupt_point
from trainers.widgets.base import answering

# A paused run that no page displays resumes after this number of seconds: a closed tab must not block a cell
# indefinitely. A page reports every ten seconds, in a background tab once a minute.
UNWATCHED = 300.0
# If no page has displayed the run, as in a notebook run without a browser, it resumes sooner.
NEVER_WATCHED = 15.0


class RunControl:
    """Requests to pause, step and stop, made by buttons in one thread and served by the training loop in another.

    `pause`, `resume`, `step`, `stop`, `seen` and `nudge` may be called from any thread and return at once: a button's
    click arrives in `LiveView._pressed`, on the page's thread, which calls one of them. They set `state` and call
    `changed`, which is `LiveView._show_state`: it updates the buttons. The training loop reads `state` between two
    batches, in `TrainingMonitor._follow_requests`, and calls `wait` while it is "paused".

    Parameters
    ----------
    changed : callable, optional
        Called with no argument after each change of `state`.

    Attributes
    ----------
    state : {"running", "stepping", "paused", "stopping"}
        "stepping" becomes "paused" at the end of the epoch.
    abandoned : bool
        True after a pause that ended because no page displayed the run.
    """

    def __init__(self, changed: Callable[[], object] = lambda: None) -> None:
        self.state, self.abandoned = "running", False
        self.seen_at: float | None = None
        self._changed, self._lock = changed, threading.Lock()
        # Wakes a waiting loop.
        self._wake = threading.Event()

    def pause(self) -> None:
        """Request a pause before the next batch, or before the next epoch if a trainer cannot pause within one."""
        self._become("paused")

    def resume(self) -> None:
        """Request the run to continue."""
        self._become("running")

    def step(self) -> None:
        """Request training to the end of the current epoch, or of the next one if none has begun, and then a pause."""
        self._become("stepping")

    def stop(self) -> None:
        """Request a clean end of the run; the trainer discards an unfinished epoch if it can."""
        self._become("stopping")

    def seen(self) -> None:
        """Note that a page displays the run."""
        self.seen_at = time.monotonic()

    def reset(self, state: str = "running") -> None:
        """Prepare for another run."""
        self.abandoned = False
        self._become(state, force=True)

    def epoch_ended(self) -> None:
        """Pause if the state is "stepping"."""
        if self.state == "stepping":
            self._become("paused")

    def nudge(self) -> None:
        """Wake a waiting loop, so that it serves requests."""
        self._wake.set()

    def wait(self, serve: Callable[[], object] = lambda: None) -> float:
        """Wait while paused, call `serve` after each nudge, and return the seconds waited."""
        begun = time.monotonic()
        while self.state == "paused":
            # Wait in short intervals, so that Ctrl-C works.
            self._wake.wait(0.2)
            interrupt_point()
            self._wake.clear()
            serve()
            watched = max(begun, self.seen_at or begun)
            if time.monotonic() - watched > (UNWATCHED if self.seen_at else NEVER_WATCHED):
                self.abandoned = True
                self._become("running")
        return time.monotonic() - begun

    def _become(self, state: str, *, force: bool = False) -> None:
        with self._lock:
            # A request to stop is final.
            if self.state == "stopping" and not force:
                return
            self.state = state
            if state == "paused":
                self.abandoned = False
        self._wake.set()
        self._changed()


def on_subshell() -> bool:
    """Return whether a button's function calls this, on the thread that receives the page's messages."""
    return hasattr(threading.current_thread(), "shell_channel_to_subshell")


def answer_waiting() -> None:
    """Handle the page's messages that wait for this thread, if a button's function has started the run on it.

    ipykernel 7.0 to 7.3 calls the function of a button on a subshell: the thread that receives the messages of all
    widgets. A training loop that occupies it calls this function between batches. Messages to the user's own widgets
    wait until the run has ended: a second press of the button must not start another run within the first.
    """
    if not on_subshell():
        return
    thread: Any = threading.current_thread()
    kernel, socket = get_ipython().kernel, thread.shell_channel_to_subshell.to_socket
    while socket.poll(0):
        parts = socket.recv_multipart(copy=False)
        identities, frames = kernel.session.feed_identities(parts, copy=False)
        # Only peek: a message whose content is read twice is rejected as a duplicate.
        message = kernel.session.deserialize(frames, content=False, copy=False)
        message["content"] = kernel.session.unpack(message["content"])
        comm = kernel.comm_manager.comms.get(message["content"].get("comm_id"))
        if message["msg_type"] == "comm_msg" and comm in answering:
            kernel.comm_manager.comm_msg(None, identities, message)
            # The page sends the next change of a value only after this status.
            kernel._publish_status("idle", "shell", message)
        else:
            later = kernel.shell_main(thread.name.removeprefix("subshell-"), parts)
            asyncio.get_running_loop().call_soon(asyncio.ensure_future, later)


def on_interrupt(function: Callable[..., Any]) -> Callable[[], None]:
    """Let the notebook's stop button call `function` if a button's function has started the run on a subshell.

    Otherwise an idle main thread, which receives the interrupt, would ignore it. The returned function undoes this.
    """
    if not on_subshell():
        return lambda: None
    # Only the main thread can set what an interrupt does.
    in_main_thread = get_ipython().kernel.io_loop.add_callback
    before: list[Any] = []

    def undo() -> None:
        # A cell that runs now has another function.
        if signal.getsignal(signal.SIGINT) is function:
            signal.signal(signal.SIGINT, before[0])

    in_main_thread(lambda: before.append(signal.signal(signal.SIGINT, function)))
    return lambda: in_main_thread(undo)
