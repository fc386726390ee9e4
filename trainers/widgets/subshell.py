"""Training runs that a button's function starts on a subshell of ipykernel: messages of the page, and interrupts.

ipykernel 7.0 to 7.3 calls the function of a button on a subshell: the thread that receives the messages of all widgets.
A training run that the function starts occupies this thread, and the notebook's stop button interrupts only the main
thread. The functions of this module do nothing on other threads.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Any

from IPython import get_ipython

from trainers.widgets.base import answering


def answer_waiting() -> None:
    """Handle the page's messages that wait for this thread; called between batches.

    Messages to the user's widgets wait until the run has ended: a second press of the button that has started the run
    must not start another one within it.
    """
    thread: Any = threading.current_thread()
    if not hasattr(thread, "shell_channel_to_subshell"):
        return
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
            later = kernel.shell_main(message["header"]["subshell_id"], parts)
            asyncio.get_running_loop().call_soon(asyncio.ensure_future, later)


def on_interrupt(function: Callable[..., Any] | signal.Handlers) -> None:
    """Set what an interrupt does during a run on this thread; `signal.SIG_IGN` is the default of an idle kernel."""
    if hasattr(threading.current_thread(), "shell_channel_to_subshell"):
        # Only the main thread can set it.
        get_ipython().kernel.io_loop.add_callback(signal.signal, signal.SIGINT, function)
