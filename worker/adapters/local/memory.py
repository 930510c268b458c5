"""How this process treats memory that it no longer needs."""

import ctypes
from contextlib import suppress

#: Options of glibc's mallopt: https://man7.org/linux/man-pages/man3/mallopt.3.html.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
#: Heaps, and bytes from which a block is mapped by itself.
_ARENAS, _MAPPED = 2, 256 * 1024


def return_memory() -> None:
    """Make glibc return the memory of large bodies and messages to the system.

    By default it raises its mmap threshold up to 32 MiB and keeps a heap per thread. Other C
    libraries have neither the habit nor the call. Call it before threads are started.
    """
    with suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED)
