"""`keep_large_buffers`: about twice the speed, from one setting of glibc's memory allocator.

An LSTM's training step needs buffers of some megabytes. By default glibc returns them to the
operating system after each step and asks for them again, page by page, at the next. Told to
keep them, the same training runs up to twice as fast (`make benchmark` measures it here).

The price: the memory stays reserved by the process until it ends. The setting holds for the
whole process and cannot be undone, so the switch must be set before the first training:
the environment variable ``TRAINERS_KEEP_BUFFERS=0`` leaves the allocator alone.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_TRIM = 2**31 - 1
# Older glibc takes at most 32 MiB; the first value that is accepted is used.
_MMAP_THRESHOLDS = (2**30, 2**25)


@cache
def keep_large_buffers() -> bool:
    """Tell glibc to keep large buffers; called by the trainer, acts once in a process.

    Returns
    -------
    bool
        True if the allocator took the setting; False where it is switched off or does not apply
        (macOS, Windows, musl).
    """
    if os.environ.get("TRAINERS_KEEP_BUFFERS", "1") == "0" or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    kept = any(mallopt(_M_MMAP_THRESHOLD, size) == 1 for size in _MMAP_THRESHOLDS)
    return kept and mallopt(_M_TRIM_THRESHOLD, _LARGEST_TRIM) == 1
