"""How the C library gives memory back: at once for pictures, instead of keeping what the largest one needed.

glibc raises the size from which it maps a buffer by itself, and keeps a heap per thread; after a few large pictures on
many threads a process holds hundreds of megabytes that nobody uses. Two fixed bounds end that.
"""

from __future__ import annotations

import ctypes

#: mallopt's numbers, from malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
#: Buffers from this size on are given back when they are freed: larger than a thumbnail, smaller than a photograph.
_LARGE_BYTES = 2 * 1024 * 1024
_ARENAS = 2


def give_memory_back() -> None:
    """Set the bounds for this process; where the C library is another one, do nothing. Idempotent."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in (
            (_M_MMAP_THRESHOLD, _LARGE_BYTES),
            (_M_TRIM_THRESHOLD, _LARGE_BYTES),
            (_M_ARENA_MAX, _ARENAS),
        ):
            mallopt(option, value)
