"""Check on a real kernel whether it answers a widget's buttons while a cell is running, as JupyterLab does it."""

from __future__ import annotations

import queue
import subprocess
import time
from collections.abc import Callable
from typing import Any

from notebooks.course.setup_check import SetupResult

_TARGET = "setup-check"
_PREPARE = f"""
import time
received = []
def opened(comm, message):
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None
    @comm.on_msg
    def _(message):
        comm.send({{"received": True}})
        # The cell may end only after the answer.
        received.append(message)
get_ipython().kernel.comm_manager.register_target({_TARGET!r}, opened)
"""
# Computes without waiting, as a training run does.
_BUSY = """
end = time.monotonic() + {seconds}
while not received and time.monotonic() < end:
    sum(range(10_000))
print("received" if received else "not received")
"""
_REMEDY = "To stop a training run, use ■ (Interrupt the kernel) instead of a button. Everything else works."


def busy_kernel_finding() -> SetupResult:
    """Return the result of the check as a `SetupResult`."""
    try:
        seconds = answer_while_busy_seconds()
    except (queue.Empty, TimeoutError) as error:
        # A note: a lesson also runs with a kernel that is slow to answer.
        reason = str(error) or "the kernel did not answer in time."
        text = f"the check was not possible: {reason}"
        return SetupResult("buttons", text, "note", "Close other programs and run the check again.")
    if seconds is None:
        text = "the kernel does not respond to a button while a cell is running."
        return SetupResult("buttons", text, "note", f"{_REMEDY} (Buttons need ipykernel 7 and JupyterLab 4.4.)")
    text = f"while a cell is running, the kernel responds to a button press in {1000 * seconds:.0f} ms."
    return SetupResult("buttons", f"{text} The browser needs some additional time.")


def answer_while_busy_seconds(limit: float = 10.0) -> float | None:
    """Start a kernel with a running cell, send it a widget's message, and measure the time until the answer.

    Parameters
    ----------
    limit : float, default 10
        Longest time in seconds that the cell runs.

    Returns
    -------
    float or None
        Seconds from the message to its answer; None if there was no answer before the cell ended.

    Raises
    ------
    TimeoutError, queue.Empty
        If the kernel does not answer in time.
    """
    from jupyter_client.manager import KernelManager

    manager = KernelManager()
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    try:
        client.start_channels()
        _wait_until_ready(client)
        info = client.kernel_info(reply=True, timeout=30)["content"]
        if "kernel subshells" not in info.get("supported_features", ()):
            return None
        client.execute(_PREPARE, silent=True, reply=True, timeout=30)
        return _measure(client, limit)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _measure(client: Any, limit: float) -> float | None:
    request = client.session.msg("create_subshell_request")
    client.control_channel.send(request)
    shell = _await(lambda: client.get_control_msg(timeout=1), request["header"]["msg_id"], "create_subshell_reply")
    subshell = shell["content"]["subshell_id"]

    def send(kind: str, **content: Any) -> None:
        message = client.session.msg(kind, {"comm_id": _TARGET, "data": {}, **content})
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)

    send("comm_open", target_name=_TARGET)
    cell = client.execute(_BUSY.format(seconds=limit))
    _await(lambda: client.get_iopub_msg(timeout=1), cell, "execute_input")
    # The cell has started; wait until it is in the middle of its loop.
    time.sleep(0.3)
    start, seconds, printed = time.perf_counter(), None, ""
    send("comm_msg")
    # The answer and the print come from two threads of the kernel, in either order.
    while not printed or (printed == "received" and seconds is None):
        timeout = 5.0 if printed else limit + 20
        try:
            message = client.get_iopub_msg(timeout=timeout)
        except queue.Empty:
            raise _timeout(timeout) from None
        kind, content = message["msg_type"], message["content"]
        if kind == "comm_msg" and content["data"].get("received"):
            seconds = time.perf_counter() - start
        elif kind == "stream" and message["parent_header"].get("msg_id") == cell:
            printed = content["text"].strip()
    return seconds if printed == "received" else None


def _wait_until_ready(client: Any, timeout: float = 60.0) -> None:
    try:
        client.wait_for_ready(timeout=timeout)
    except RuntimeError as error:
        # A kernel that died raises the same error.
        if not client.is_alive():
            raise
        raise _timeout(timeout) from error


def _timeout(timeout: float) -> TimeoutError:
    return TimeoutError(f"the kernel did not answer in {timeout:g} s.")


def _await(receive: Callable[[], Any], parent: str, kind: str, timeout: float = 30.0) -> Any:
    """Return the message of the given kind that answers the message `parent`."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            message = receive()
        except queue.Empty:
            continue
        if message["msg_type"] == kind and message["parent_header"].get("msg_id") == parent:
            return message
    raise _timeout(timeout)
