"""How the C library shall allocate. A table of a million routes comes and goes in pieces of megabytes."""

from __future__ import annotations

import ctypes

MMAP_THRESHOLD = 1 << 18  # octets
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # mallopt(3)


def return_large_pieces() -> None:
    """Let large pieces go back to the system as they are freed: without it ARM keeps 130 MB that it used
    while learning. (The C library raises its limit, up to 32 MB, as it sees such pieces freed.)

    One heap is for all threads, of which only one runs at a time: each of its own would keep what it once
    needed, some 15 MB in all.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # only glibc has it
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        mallopt(_M_ARENA_MAX, 1)
