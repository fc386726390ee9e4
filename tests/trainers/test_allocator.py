"""The setting of glibc's allocator, and the environment variable that disables it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# Count page faults while buffers of 64 MB, more than glibc keeps by default, are filled repeatedly. Memory that was
# returned to the operating system causes new page faults.
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


def count_page_faults(setting):
    environment = {**os.environ, "TRAINERS_KEEP_BUFFERS": setting}
    done = subprocess.run([sys.executable, "-c", COUNT], env=environment, capture_output=True, text=True, check=True)
    accepted, count = done.stdout.split()
    return accepted == "True", int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_buffers_are_kept_unless_disabled():
    accepted, faults_if_kept = count_page_faults("1")
    assert accepted
    accepted, faults_if_returned = count_page_faults("0")
    assert not accepted
    assert faults_if_kept * 10 < faults_if_returned


@pytest.mark.skipif(platform.libc_ver()[0] == "glibc", reason="glibc has the setting")
def test_without_glibc_nothing_is_done():
    from trainers.torch_utils import keep_large_buffers

    assert not keep_large_buffers()
