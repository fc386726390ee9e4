"""Whether a kernel hears a widget's buttons while a cell is busy: tried on a real one, as JupyterLab does it."""

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
heard = []
def opened(comm, message):
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None
    @comm.on_msg
    def _(message):
        comm.send({{"heard": True}})
        # Only now may the cell end.
        heard.append(message)
get_ipython().kernel.comm_manager.register_target({_TARGET!r}, opened)
"""
# Works, as a training does, and never waits.
_BUSY = """
end = time.monotonic() + {seconds}
while not heard and time.monotonic() < end:
    sum(range(10_000))
print("heard" if heard else "not heard")
"""
_REMEDY = "Where a lesson says to press a button while a cell trains, use ■; all else works."


def busy_kernel_finding() -> SetupResult:
    """What the trial says, in words."""
    try:
        seconds = answer_while_busy_seconds()
    except (queue.Empty, TimeoutError) as error:
        # Only the buttons could not be tried: a kernel that is slow to answer is no reason against a lesson.
        text = (
            f"could not be tried: {error}" if str(error) else "could not be tried: the kernel did not answer in time."
        )
        return SetupResult("buttons", text, "note", "Try again when nothing else runs.")
    if seconds is None:
        text = "do not answer while a cell is busy."
        return SetupResult("buttons", text, "note", f"{_REMEDY} (Buttons need ipykernel 7 and JupyterLab 4.4.)")
    return SetupResult("buttons", f"answer while a cell is busy, in {1000 * seconds:.0f} ms (the kernel's part).")


def answer_while_busy_seconds(limit: float = 10.0) -> float | None:
    """Start a kernel, let it work, send it a widget's message, and time the answer.

    Parameters
    ----------
    limit : float, default 10
        Seconds that the kernel works at most.

    Returns
    -------
    float or None
        From the message to its answer; None where none came before the work was done.

    Raises
    ------
    TimeoutError, queue.Empty
        If the kernel answers nothing at all in time.
    """
    from jupyter_client.manager import KernelManager

    manager = KernelManager()
    manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    try:
        client.start_channels()
        _wait_until_ready(client)
        about = client.kernel_info(reply=True, timeout=30)["content"]
        if "kernel subshells" not in about.get("supported_features", ()):
            return None
        client.execute(_PREPARE, silent=True, reply=True, timeout=30)
        return _try(client, limit)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _try(client: Any, limit: float) -> float | None:
    request = client.session.msg("create_subshell_request")
    client.control_channel.send(request)
    shell = _await(lambda: client.get_control_msg(timeout=1), request["header"]["msg_id"], "create_subshell_reply")
    subshell = shell["content"]["subshell_id"]

    def tell(kind: str, **content: Any) -> None:
        message = client.session.msg(kind, {"comm_id": _TARGET, "data": {}, **content})
        message["header"]["subshell_id"] = subshell
        client.shell_channel.send(message)

    tell("comm_open", target_name=_TARGET)
    work = client.execute(_BUSY.format(seconds=limit))
    _await(lambda: client.get_iopub_msg(timeout=1), work, "execute_input")
    # It has begun; now it is in the middle of it.
    time.sleep(0.3)
    begun, took, said = time.perf_counter(), None, ""
    tell("comm_msg")
    # The two come from two threads of the kernel, so in either order.
    while not said or (said == "heard" and took is None):
        patience = 5.0 if said else limit + 20
        try:
            message = client.get_iopub_msg(timeout=patience)
        except queue.Empty:
            raise _late(patience) from None
        kind, content = message["msg_type"], message["content"]
        if kind == "comm_msg" and content["data"].get("heard"):
            took = time.perf_counter() - begun
        elif kind == "stream" and message["parent_header"].get("msg_id") == work:
            said = content["text"].strip()
    return took if said == "heard" else None


def _wait_until_ready(client: Any, patience: float = 60.0) -> None:
    try:
        client.wait_for_ready(timeout=patience)
    except RuntimeError as error:
        # It is also what a kernel that died gives.
        if not client.is_alive():
            raise
        raise _late(patience) from error


def _late(patience: float) -> TimeoutError:
    return TimeoutError(f"the kernel did not answer in {patience:g} s.")


def _await(take: Callable[[], Any], parent: str, kind: str, patience: float = 30.0) -> Any:
    """The message of a kind that answers another."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            message = take()
        except queue.Empty:
            continue
        if message["msg_type"] == kind and message["parent_header"].get("msg_id") == parent:
            return message
    raise _late(patience)
