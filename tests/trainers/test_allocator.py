"""The allocator's setting: taken where it applies, and off where it is switched off."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# Page faults while buffers of 64 MB (more than glibc would keep) are filled again and again:
# memory that was given back comes new.
COUNT = """
import resource, torch
from trainers.torch_utils import keep_large_buffers
print(keep_large_buffers())
def work():
    for _ in range(20):
        torch.ones(16_000_000)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(switch):
    environment = {**os.environ, "TRAINERS_KEEP_BUFFERS": switch}
    done = subprocess.run([sys.executable, "-c", COUNT], env=environment, capture_output=True, text=True, check=True)
    taken, count = done.stdout.split()
    return taken == "True", int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_buffers_are_kept_unless_switched_off():
    taken, kept = faults("1")
    assert taken
    taken, given_back = faults("0")
    assert not taken
    assert kept * 10 < given_back


@pytest.mark.skipif(platform.libc_ver()[0] == "glibc", reason="glibc has the setting")
def test_elsewhere_nothing_is_done():
    from trainers.torch_utils import keep_large_buffers

    assert not keep_large_buffers()
