"""How the C library shall allocate. A table of a million routes comes and goes in pieces of megabytes."""

from __future__ import annotations

import ctypes

MMAP_THRESHOLD = 1 << 20  # octets
_M_MMAP_THRESHOLD = -3  # mallopt(3)


def return_large_pieces() -> None:
    """Let large pieces go back to the system as they are freed: without it ARM keeps 130 MB that it used
    while learning. (The C library raises its limit, up to 32 MB, as it sees such pieces freed.)"""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # only glibc has it
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD)
